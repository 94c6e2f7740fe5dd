package migrate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// maxDepth bounds messages within messages.
const maxDepth = 64

// Fingerprint is the SHA-256 of an item's content: of the bytes of a mail, and
// of a canonical serialisation of an object. The latter does not depend on the
// order of properties, recipients and attachments, on whether text is Unicode or
// in a code page, and leaves out what a store gives an item ([Assigned]).
func Fingerprint(ctx context.Context, c *transport.Content) (ledger.Fingerprint, error) {
	var f ledger.Fingerprint
	switch {
	case c == nil:
		return f, fmt.Errorf("there is no content")
	case c.Form == transport.FormMIME && c.MIME != nil && len(c.Sum) == len(f):
		return ledger.Fingerprint(c.Sum), nil // they were hashed as they came
	case c.Form == transport.FormMIME && c.MIME != nil:
		h := sha256.New()
		n, err := mapi.CopyBlob(ctx, h, c.MIME)
		if err == nil && n != c.MIME.Size() {
			err = &transport.Error{Kind: transport.Temporary, Op: "read", Err: fmt.Errorf("the body has %d bytes, %d were announced", n, c.MIME.Size())}
		}
		h.Sum(f[:0])
		return f, err
	case c.Form == transport.FormObject && c.Object != nil:
		hs := hashers.Get().(*hasher)
		defer hashers.Put(hs)
		hs.ctx = ctx
		sum, err := hs.message(c.Object, 0)
		if hs.ctx = nil; cap(hs.text) > maxHeldText {
			hs.text = nil
		}
		return sum, err
	}
	return f, fmt.Errorf("the content has no body of the form %q", c.Form)
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// assigned are the properties that a store gives an item: keys, change
// tracking, sizes, what this session may do. They differ between two copies of
// one item. PidTagMessageFlags holds the read state, which travels in
// [transport.Meta]. [MS-OXCMSG] 2.2.1, [MS-OXCFXICS] 2.2.1.2, [MS-OXCPRPT] 2.2.1
var assigned = map[uint16]bool{}

func init() {
	for _, t := range []mapi.Tag{
		mapi.PidTagEntryId, mapi.PidTagParentEntryId, mapi.PidTagStoreEntryId, mapi.PidTagStoreRecordKey, mapi.PidTagRecordKey,
		mapi.PidTagInstanceKey, mapi.PidTagMappingSignature, mapi.PidTagAccess, mapi.PidTagAccessLevel, mapi.PidTagObjectType,
		mapi.PidTagStoreSupportMask, mapi.PidTagMessageSize, mapi.PidTagMessageSizeExtended, mapi.PidTagHasAttachments,
		mapi.PidTagMessageFlags, mapi.PidTagMessageStatus, mapi.PidTagAttachSize, mapi.PidTagAttachNumber, mapi.PidTagRowid,
		mapi.PidTagSourceKey, mapi.PidTagParentSourceKey, mapi.PidTagChangeKey, mapi.PidTagPredecessorChangeList,
		mapi.PidTagChangeNumber, mapi.PidTagMid, mapi.PidTagFolderId, mapi.PidTagParentFolderId, mapi.PidTagInstID, mapi.PidTagInstanceNum,
		mapi.PidTagLastModificationTime, mapi.PidTagCreationTime, mapi.PidTagLocalCommitTime, mapi.PidTagLastModifierName,
	} {
		assigned[t.ID()] = true
	}
}

// Assigned reports whether a property is one that a store gives to its items,
// so that it says nothing of their content.
func Assigned(p mapi.Property) bool {
	if p.Name != nil {
		return *p.Name == itemprops.NameToken
	}
	return assigned[p.Tag.ID()]
}

// hasher makes the canonical serialisation: every list is hashed element by
// element, the hashes are sorted, and hashed again.
type hasher struct {
	ctx  context.Context
	h    hash.Hash // of the property at hand
	text []byte
}

// maxHeldText is how much memory for texts waits for the next item.
const maxHeldText = 256 << 10

var hashers = sync.Pool{New: func() any { return newHasher(context.Background()) }}

func newHasher(ctx context.Context) *hasher { return &hasher{ctx: ctx, h: sha256.New()} }

func sum(parts [][32]byte, kind byte) [32]byte {
	slices.SortFunc(parts, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	h.Write([]byte{kind})
	for _, p := range parts {
		h.Write(p[:])
	}
	return [32]byte(h.Sum(nil))
}

func (hs *hasher) message(m *mapi.Message, depth int) ([32]byte, error) {
	if depth > maxDepth {
		return [32]byte{}, fmt.Errorf("messages are nested more than %d deep", maxDepth)
	}
	parts, err := hs.properties(m.Props)
	if err != nil {
		return [32]byte{}, err
	}
	for _, r := range m.Recipients {
		ps, err := hs.properties(r.Props)
		if err != nil {
			return [32]byte{}, err
		}
		parts = append(parts, sum(ps, 'R'))
	}
	for _, a := range m.Attachments {
		s, err := hs.attachment(a, depth)
		if err != nil {
			return [32]byte{}, err
		}
		parts = append(parts, s)
	}
	return sum(parts, 'M'), nil
}

func (hs *hasher) attachment(a *mapi.Attachment, depth int) ([32]byte, error) {
	parts, err := hs.properties(a.Props)
	if err != nil {
		return [32]byte{}, err
	}
	if a.Embedded != nil {
		s, err := hs.message(a.Embedded, depth+1)
		if err != nil {
			return s, err
		}
		parts = append(parts, s)
	}
	if a.Storage != nil {
		s, err := hs.storage(a.Storage, depth+1)
		if err != nil {
			return s, err
		}
		parts = append(parts, s)
	}
	return sum(parts, 'A'), nil
}

func (hs *hasher) storage(st *mapi.Storage, depth int) ([32]byte, error) {
	if depth > maxDepth {
		return [32]byte{}, fmt.Errorf("storages are nested more than %d deep", maxDepth)
	}
	var parts [][32]byte
	for _, sub := range st.Storages {
		s, err := hs.storage(sub, depth+1)
		if err != nil {
			return s, err
		}
		parts = append(parts, named('S', sub.Name, s[:]))
	}
	for _, stream := range st.Streams {
		h := sha256.New()
		if stream.Data != nil {
			if _, err := mapi.CopyBlob(hs.ctx, h, stream.Data); err != nil {
				return [32]byte{}, fmt.Errorf("stream %s: %w", stream.Name, err)
			}
		}
		parts = append(parts, named('s', stream.Name, h.Sum(nil)))
	}
	parts = append(parts, named('c', "", st.CLSID[:]))
	return sum(parts, 'O'), nil
}

func named(kind byte, name string, body []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte{kind})
	field(h, []byte(name))
	h.Write(body)
	return [32]byte(h.Sum(nil))
}

// field writes a length and bytes, so that no two lists look the same.
func field(h hash.Hash, b []byte) {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(b)))
	h.Write(n[:])
	h.Write(b)
}

func (hs *hasher) properties(ps mapi.Properties) ([][32]byte, error) {
	parts := make([][32]byte, 0, len(ps)+8)
	for _, p := range ps {
		if Assigned(p) {
			continue
		}
		s, err := hs.property(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		parts = append(parts, s)
	}
	return parts, nil
}

func (hs *hasher) property(p mapi.Property) (sum [32]byte, err error) {
	h := hs.h
	h.Reset()
	var head [5]byte
	head[0] = 'P'
	t := p.Value.Type()
	if p.Name == nil {
		binary.LittleEndian.PutUint16(head[1:], p.Tag.ID())
	} else {
		head[0] = 'N'
	}
	if t.IsString() {
		t = mapi.TypeString | t&mapi.MultiValueFlag
	}
	binary.LittleEndian.PutUint16(head[3:], uint16(t))
	h.Write(head[:])
	if p.Name != nil {
		h.Write(p.Name.Set[:])
		var id [4]byte
		if p.Name.Name == "" {
			binary.LittleEndian.PutUint32(id[:], p.Name.ID)
		}
		h.Write(id[:])
		field(h, []byte(p.Name.Name))
	}
	switch {
	case t == mapi.TypeString:
		err = hs.string(h, p.Value)
	case t.IsString():
		for _, s := range p.Value.Texts() {
			field(h, []byte(s))
		}
	case t.Multi():
		for _, e := range p.Value.Elems() {
			field(h, e)
		}
	case p.Value.InMemory():
		h.Write(p.Value.Raw())
	default:
		_, err = mapi.CopyBlob(hs.ctx, h, p.Value.Blob())
	}
	h.Sum(sum[:0])
	return sum, err
}

// string hashes a string as UTF-8 without the zeros at its end, however long.
func (hs *hasher) string(h hash.Hash, v mapi.Value) error {
	if v.InMemory() {
		hs.text = v.AppendText(hs.text[:0])
		h.Write(bytes.TrimRight(hs.text, "\x00"))
		return nil
	}
	r, err := v.OpenText(hs.ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(&trimZeros{h: h}, contextReader{hs.ctx, r})
	return err
}

// trimZeros holds zeros back until something follows them.
type trimZeros struct {
	h     hash.Hash
	zeros int64
}

func (t *trimZeros) Write(p []byte) (int, error) {
	body := bytes.TrimRight(p, "\x00")
	if len(body) > 0 {
		var zero [512]byte
		for ; t.zeros > 0; t.zeros -= min(t.zeros, int64(len(zero))) {
			t.h.Write(zero[:min(t.zeros, int64(len(zero)))])
		}
		t.h.Write(body)
	}
	t.zeros += int64(len(p) - len(body))
	return len(p), nil
}
