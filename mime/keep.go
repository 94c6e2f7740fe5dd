package mime

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// KeepSet is the property set of the properties that mailconv itself adds to a
// message. No other program has a meaning for them, and each may remove them.
var KeepSet = mapi.MustGUID("6d61696c-636f-6e76-8001-4b6570744d49")

// Properties of [KeepSet].
var (
	// NameOriginalMIME holds the bytes of the mail that a message was made
	// from. PtypBinary.
	NameOriginalMIME = mapi.Name{Set: KeepSet, Name: "OriginalMIME"}
	// NameOriginalDigest holds the digest of the message's content at the
	// time, so that a later change is noticed. PtypBinary, 32 bytes.
	NameOriginalDigest = mapi.Name{Set: KeepSet, Name: "OriginalDigest"}
)

// Keep stores the bytes of the mail that m was made from in m, together with a
// digest of m as it is now. [Export] gives the bytes back while the content is
// the same.
func Keep(ctx context.Context, m *mapi.Message, original mapi.Blob) error {
	m.Props.DeleteName(NameOriginalMIME)
	m.Props.DeleteName(NameOriginalDigest)
	sum, err := contentDigest(ctx, m)
	if err != nil {
		return err
	}
	m.Props.SetName(NameOriginalMIME, mapi.BlobValue(mapi.TypeBinary, original))
	m.Props.SetName(NameOriginalDigest, mapi.BinaryValue(sum))
	return nil
}

// Kept is the mail that m was made from, or nil when none is stored or the
// content has changed since.
func Kept(ctx context.Context, m *mapi.Message) (mapi.Blob, error) {
	v, ok := m.Props.GetName(NameOriginalMIME)
	if !ok || v.Type() != mapi.TypeBinary || v.Size() == 0 {
		return nil, nil
	}
	want, _ := m.Props.GetName(NameOriginalDigest)
	if len(want.Raw()) != sha256.Size {
		return nil, nil
	}
	sum, err := contentDigest(ctx, m)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(sum, want.Raw()) {
		return nil, nil
	}
	return v.Blob(), nil
}

// digestTags are the properties whose change makes a mail another one. What a
// store keeps for itself (flags, categories, read state, sizes, identifiers)
// is not among them, nor is what a writer of .msg files adds to a message to
// make it complete.
var digestTags = []mapi.Tag{
	mapi.PidTagBody, mapi.PidTagHtml, mapi.PidTagBodyHtml, mapi.PidTagRtfCompressed,
	mapi.PidTagClientSubmitTime, mapi.PidTagInternetMessageId, mapi.PidTagInReplyToId, mapi.PidTagInternetReferences,
	mapi.PidTagImportance, mapi.PidTagSensitivity, mapi.PidTagTransportMessageHeaders,
}

var digestAttachmentTags = []mapi.Tag{
	mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename, mapi.PidTagAttachMimeTag,
	mapi.PidTagAttachContentId, mapi.PidTagAttachDataBinary,
}

// maxDigestDepth bounds the messages in messages that a digest enters.
const maxDigestDepth = 100

func contentDigest(ctx context.Context, m *mapi.Message) ([]byte, error) {
	d := &digest{h: sha256.New(), ctx: ctx}
	d.message(m, 0)
	return d.h.Sum(nil), d.err
}

// A digest hashes a message. Each item is followed by its kind and size, so
// that it does not matter whether content is held or opened.
type digest struct {
	h   hash.Hash
	ctx context.Context
	err error
}

func (d *digest) end(kind byte, n int64) {
	var b [9]byte
	b[0] = kind
	binary.LittleEndian.PutUint64(b[1:], uint64(n))
	d.h.Write(b[:])
}

func (d *digest) text(s string) {
	io.WriteString(d.h, s)
	d.end('t', int64(len(s)))
}

func (d *digest) message(m *mapi.Message, depth int) {
	class := m.Class()
	if class == "" {
		class = "IPM.Note"
	}
	d.text(class)
	d.text(subject(m.Props))
	d.props(m.Props, digestTags)
	for _, t := range []*personTags{&tagsFrom, &tagsSender} {
		d.person(t, m.Props)
	}
	for _, r := range m.Recipients {
		d.end('r', int64(r.Type()))
		d.person(&tagsRecipient, r.Props)
	}
	for _, a := range m.Attachments {
		d.end('a', int64(a.Method()))
		d.props(a.Props, digestAttachmentTags)
		if a.Embedded != nil && depth < maxDigestDepth {
			d.message(a.Embedded, depth+1)
		}
	}
}

// person hashes an address and a name, whichever properties they are in.
func (d *digest) person(t *personTags, ps mapi.Properties) {
	addr := ps.Text(t.smtp)
	if addr == "" {
		addr = ps.Text(t.addr)
	}
	name := ps.Text(t.name)
	if name == "" {
		name = addr
	}
	d.text(addr)
	d.text(name)
}

// props hashes properties with their place in the list. Text is hashed as
// UTF-8 without zeros, so that the form of a string may change.
func (d *digest) props(ps mapi.Properties, tags []mapi.Tag) {
	for i, tag := range tags {
		v, ok := ps.Get(tag)
		if !ok || v.Size() == 0 || d.err != nil {
			continue
		}
		var n int64
		switch {
		case v.InMemory() && v.Type().IsString():
			s := strings.ReplaceAll(v.Text(), "\x00", "")
			io.WriteString(d.h, s)
			n = int64(len(s))
		case v.InMemory():
			d.h.Write(v.Raw())
			n = int64(len(v.Raw()))
		default:
			n = d.stream(v)
		}
		d.end(byte(i), n)
	}
}

func (d *digest) stream(v mapi.Value) (n int64) {
	var r io.ReadCloser
	text := v.Type().IsString()
	if text {
		r, d.err = v.OpenText(d.ctx)
	} else {
		r, d.err = v.Blob().Open(d.ctx)
	}
	if d.err != nil {
		return 0
	}
	defer r.Close()
	buf := make([]byte, 32<<10)
	for {
		k, err := r.Read(buf)
		p := buf[:k]
		if text && bytes.IndexByte(p, 0) >= 0 {
			p = bytes.ReplaceAll(p, []byte{0}, nil)
		}
		d.h.Write(p)
		n += int64(len(p))
		if err == io.EOF {
			return n
		}
		if err == nil {
			err = d.ctx.Err()
		}
		if err != nil {
			d.err = err
			return n
		}
	}
}
