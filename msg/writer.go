package msg

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg/cfb"
)

// WriteOptions for [Write]. A nil *WriteOptions is the zero value.
type WriteOptions struct {
	// CLSID of the root storage; zero means [CLSIDMessage]. A template has
	// [CLSIDTemplate]. To keep what a file had, pass its [File.CLSID].
	CLSID mapi.GUID
}

// Write writes a message as a .msg file, in one pass and without holding its
// attachments. Every property is written with its type and bytes; nothing is
// added (see [Complete]) but the mapping of named properties, counts, and the
// entry of PidTagAttachDataObject. Of two properties with the same tag the
// first is written, as it is the one that look-ups find.
//
// A property with an identifier from 0x8000 on and no name keeps the
// identifier; named properties get others.
//
// [MS-OXMSG] 2.2.1 and 2.2.2 allow 2048 recipients and attachments. Messages
// with more are written all the same: leaving some out would be worse.
//
// A message out of the tree of another, such as [mapi.Attachment.Embedded], is
// written as a message of its own.
func Write(ctx context.Context, w io.Writer, m *mapi.Message, o *WriteOptions) error {
	root, err := Storage(m)
	if err != nil {
		return err
	}
	root.CLSID = CLSIDMessage
	if o != nil && !o.CLSID.IsZero() {
		root.CLSID = o.CLSID
	}
	return cfb.Write(ctx, w, root, nil)
}

// WriteFile writes a message to the named file, which gets its name only when
// all of it was written. A file that exists is replaced.
func WriteFile(ctx context.Context, name string, m *mapi.Message, o *WriteOptions) (err error) {
	f, err := createBeside(name)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = Write(ctx, f, m, o); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// createBeside makes a new file in the folder of name, with the permissions
// that any new file has.
func createBeside(name string) (*os.File, error) {
	for i := 0; ; i++ {
		f, err := os.OpenFile(filepath.Join(filepath.Dir(name), fmt.Sprintf(".mailconv-%d.part", i)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil || !errors.Is(err, fs.ErrExist) || i == 10_000 {
			return f, err
		}
	}
}

// Storage is the tree of storages and streams that stands for a message in a
// file, for those who put it into another container.
func Storage(m *mapi.Message) (*mapi.Storage, error) {
	w := &writer{ids: map[mapi.Name]uint16{}, taken: map[uint16]bool{}}
	if err := w.reserve(m, 0); err != nil {
		return nil, err
	}
	root, err := w.message(m, headerRoot)
	if err != nil {
		return nil, err
	}
	root.Storages = append(root.Storages, w.nameStorage())
	return root, nil
}

type writer struct {
	ids   map[mapi.Name]uint16 // identifiers given to names
	list  []mapi.Name          // names in the order of their identifiers
	taken map[uint16]bool      // identifiers of properties without a name
	next  int
}

// reserve notes the identifiers that no name may get, in the whole tree, and
// bounds its depth.
func (w *writer) reserve(m *mapi.Message, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("msg: messages are nested more than %d deep", maxDepth)
	}
	note := func(ps mapi.Properties) {
		for i := range ps {
			if p := &ps[i]; p.Name == nil && p.Tag.Named() {
				w.taken[p.Tag.ID()] = true
			}
		}
	}
	note(m.Props)
	for _, r := range m.Recipients {
		note(r.Props)
	}
	for _, a := range m.Attachments {
		note(a.Props)
		if a.Embedded != nil {
			if err := w.reserve(a.Embedded, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// id is the identifier of a name; the first use of a name gives it one.
func (w *writer) id(n mapi.Name) (uint16, error) {
	if id, ok := w.ids[n]; ok {
		return id, nil
	}
	for w.next < maxNamed && w.taken[uint16(firstNamedID+w.next)] {
		w.next++
	}
	if w.next >= maxNamed {
		return 0, fmt.Errorf("msg: more than %d named properties", len(w.list))
	}
	id := uint16(firstNamedID + w.next)
	w.next++
	w.ids[n] = id
	w.list = append(w.list, n)
	return id, nil
}

// message lays out the root or an embedded message. [MS-OXMSG] 2.2.1
func (w *writer) message(m *mapi.Message, header int) (*mapi.Storage, error) {
	o := newObject(header)
	if err := w.properties(o, m.Props, false); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	le.PutUint32(o.props[offNextRecipient:], uint32(len(m.Recipients)))
	le.PutUint32(o.props[offNextAttachment:], uint32(len(m.Attachments)))
	le.PutUint32(o.props[offRecipients:], uint32(len(m.Recipients)))
	le.PutUint32(o.props[offAttachments:], uint32(len(m.Attachments)))
	st := o.storage("")
	for i, r := range m.Recipients {
		o := newObject(headerChild)
		if err := w.properties(o, r.Props, false); err != nil {
			return nil, err
		}
		st.Storages = append(st.Storages, o.storage(hexName(prefixRecip, uint32(i))))
	}
	for i, a := range m.Attachments {
		sub, err := w.attachment(a, hexName(prefixAttach, uint32(i)))
		if err != nil {
			return nil, err
		}
		st.Storages = append(st.Storages, sub)
	}
	return st, nil
}

// Reserved field of the entry of PidTagAttachDataObject, which says what the
// object is. [MS-OXMSG] 2.4.2.2
const (
	objectMessage = 1
	objectStorage = 4
)

// attachment lays out an attachment. [MS-OXMSG] 2.2.2
func (w *writer) attachment(a *mapi.Attachment, name string) (*mapi.Storage, error) {
	o := newObject(headerChild)
	isObject := a.Embedded != nil || a.Storage != nil
	if err := w.properties(o, a.Props, isObject); err != nil {
		return nil, err
	}
	var sub *mapi.Storage
	kind := uint64(objectStorage)
	switch {
	case a.Embedded != nil:
		var err error
		if sub, err = w.message(a.Embedded, headerEmbedded); err != nil {
			return nil, err
		}
		kind = objectMessage
	case a.Storage != nil:
		c := *a.Storage
		sub = &c
	}
	if sub != nil {
		sub.Name = hexName(prefixSubstg, uint32(tagAttachObject))
		o.entry(tagAttachObject, kind<<32|0xFFFFFFFF)
	}
	st := o.storage(name)
	if sub != nil {
		st.Storages = append(st.Storages, sub)
	}
	return st, nil
}

// An object is a message, recipient or attachment while it is laid out.
type object struct {
	props   []byte // the property stream
	streams []mapi.Stream
	seen    map[mapi.Tag]bool
}

func newObject(header int) *object {
	return &object{props: make([]byte, header, header+64*entrySize), seen: map[mapi.Tag]bool{}}
}

func (o *object) storage(name string) *mapi.Storage {
	return &mapi.Storage{Name: name, Streams: append(o.streams, mapi.Stream{Name: nameProperties, Data: mapi.Bytes(o.props)})}
}

// entry adds an entry to the property stream. [MS-OXMSG] 2.4.2
func (o *object) entry(tag mapi.Tag, value uint64) {
	le := binary.LittleEndian
	o.props = le.AppendUint32(o.props, uint32(tag))
	o.props = le.AppendUint32(o.props, flagReadable|flagWritable)
	o.props = le.AppendUint64(o.props, value)
}

// stream adds the stream of a property, and its entry with a size that is by
// more bytes than those of the stream.
func (o *object) stream(tag mapi.Tag, data mapi.Blob, more int64) error {
	size := data.Size() + more
	if size > 0xFFFFFFFE {
		return fmt.Errorf("msg: property %v has %d bytes, a .msg file can say at most 4 GiB", tag, data.Size())
	}
	o.entry(tag, uint64(size))
	o.streams = append(o.streams, mapi.Stream{Name: hexName(prefixSubstg, uint32(tag)), Data: data})
	return nil
}

// properties adds a list of properties. isObject says that the content of an
// attachment is an object, which has an entry of its own.
func (w *writer) properties(o *object, ps mapi.Properties, isObject bool) error {
	for i := range ps {
		p := &ps[i]
		tag := p.Tag.WithType(p.Value.Type())
		if p.Name != nil {
			id, err := w.id(*p.Name)
			if err != nil {
				return err
			}
			tag = mapi.NewTag(id, tag.Type())
		}
		if tag == tagAttachObject {
			if isObject || p.Value.Size() == 0 {
				continue
			}
			// Bytes for an object that is none in the model are kept as data.
			tag = mapi.PidTagAttachDataBinary
			if _, ok := ps.Get(tag); ok {
				continue
			}
		}
		if o.seen[tag] {
			continue
		}
		o.seen[tag] = true
		if err := o.property(tag, p.Value); err != nil {
			return err
		}
	}
	return nil
}

// property adds one property. [MS-OXMSG] 2.1
func (o *object) property(tag mapi.Tag, v mapi.Value) error {
	t := tag.Type()
	switch {
	case inlined(t) || v.InMemory() && len(v.Raw()) == 8 && (!t.Known() && !t.Multi() || t <= mapi.TypeNull || t == mapi.TypeObject):
		var b [8]byte
		copy(b[:], v.Raw())
		o.entry(tag, binary.LittleEndian.Uint64(b[:]))
		return nil
	// QUIRK: [MS-OXMSG] 2.4.2.2 forbids empty strings. Outlook writes them as
	// empty streams in nearly every file (corpus msg/lolo101-msgviewer/rtf.msg),
	// and a property that is there and empty is not one that is missing.
	case t == mapi.TypeString:
		return o.stream(tag, v.Blob(), 2)
	case t == mapi.TypeString8:
		return o.stream(tag, v.Blob(), 1)
	case t.Multi() && t.FixedSize() == 0 && t.Known():
		return o.list(tag, v)
	}
	return o.stream(tag, v.Blob(), 0)
}

// list adds a list of strings or binary values. [MS-OXMSG] 2.1.4.2
func (o *object) list(tag mapi.Tag, v mapi.Value) error {
	elems := v.Elems()
	var lengths []byte
	name := hexName(prefixSubstg, uint32(tag))
	streams := make([]mapi.Stream, len(elems))
	for i, e := range elems {
		switch tag.Type().Elem() {
		case mapi.TypeString:
			e = append(e[:len(e):len(e)], 0, 0)
		case mapi.TypeString8:
			e = append(e[:len(e):len(e)], 0)
		}
		lengths = binary.LittleEndian.AppendUint32(lengths, uint32(len(e)))
		if tag.Type().Elem() == mapi.TypeBinary {
			lengths = append(lengths, 0, 0, 0, 0)
		}
		streams[i] = mapi.Stream{Name: hexName(name+"-", uint32(i)), Data: mapi.Bytes(e)}
	}
	if err := o.stream(tag, mapi.Bytes(lengths), 0); err != nil {
		return err
	}
	o.streams = append(o.streams, streams...)
	return nil
}
