package fasttransfer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/mailconv/mailconv/mapi"
)

// EncodeOptions changes how a message is written. The zero value and nil are
// the default.
type EncodeOptions struct {
	// PlainString8 writes 8-bit strings as PtypString8, in the bytes that they
	// have. By default a string whose code page is known says so in its type,
	// as the data of ExportItems do. [MS-OXCFXICS] 2.2.4.1.1.1
	PlainString8 bool
	// Storage makes the compound file of an OLE object. Where it is nil a
	// storage is left out, as a loss.
	Storage func(ctx context.Context, s *mapi.Storage) (mapi.Blob, error)
	// Loss is told what the stream does not carry. It may be nil.
	Loss func(mapi.Loss)
}

// Encode writes m as a stream whose root is messageContent, in one pass over
// each blob. The stream depends on nothing but m and opts.
//
// It fails when w fails, when a blob cannot be read or does not have the size
// that it states, and with [mapi.ErrTooLarge] when a value has more than 4 GiB.
func Encode(ctx context.Context, w io.Writer, m *mapi.Message, opts *EncodeOptions) error {
	bw := bufio.NewWriterSize(w, 32<<10)
	if err := encode(ctx, bw, m, opts); err != nil {
		return err
	}
	return bw.Flush()
}

func encode(ctx context.Context, w io.Writer, m *mapi.Message, opts *EncodeOptions) error {
	fw := NewWriter(ctx, w, opts)
	fw.MessageContent(m)
	if fw.err != nil {
		return fmt.Errorf("fts: %w", fw.err)
	}
	return nil
}

// An AtomWriter is told which bytes must stay together when a stream is split
// into buffers: a marker, the definition of a property, a value of fixed size,
// a length. Other bytes come through Write. [MS-OXCFXICS] 2.2.4.1
type AtomWriter interface {
	io.Writer
	WriteAtom(b []byte) error
}

// A Writer writes the elements of a stream. The first error stays and is
// returned by every method. It is not for use by several goroutines.
type Writer struct {
	ctx  context.Context
	w    io.Writer
	atom func([]byte) error
	opts EncodeOptions
	ids  map[mapi.Name]uint16
	buf  []byte
	err  error
}

// NewWriter writes to w, atom by atom where w is an [AtomWriter].
func NewWriter(ctx context.Context, w io.Writer, opts *EncodeOptions) *Writer {
	fw := &Writer{ctx: ctx, w: w, ids: map[mapi.Name]uint16{}}
	if opts != nil {
		fw.opts = *opts
	}
	if a, ok := w.(AtomWriter); ok {
		fw.atom = a.WriteAtom
	} else {
		fw.atom = func(b []byte) error { _, err := w.Write(b); return err }
	}
	return fw
}

// Err is the first error.
func (w *Writer) Err() error { return w.err }

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *Writer) writeAtom(b []byte) {
	if w.err == nil {
		if err := w.atom(b); err != nil {
			w.fail(err)
		}
	}
}

func (w *Writer) uint32(n uint32) { w.writeAtom(binary.LittleEndian.AppendUint32(nil, n)) }

func (w *Writer) lose(item string, reason mapi.LossReason, detail string) {
	if w.opts.Loss != nil && w.err == nil {
		w.opts.Loss(mapi.Loss{Item: item, Reason: reason, Detail: detail})
	}
}

// Marker writes a marker.
func (w *Writer) Marker(m Marker) error {
	w.uint32(uint32(m))
	return w.err
}

// Properties writes a propList.
func (w *Writer) Properties(ps mapi.Properties) error {
	for _, p := range ps {
		w.Property(p)
	}
	return w.err
}

// Property writes one property, or meta-property, with its value. What a
// stream cannot say is left out and reported as a loss.
func (w *Writer) Property(p mapi.Property) error {
	if err := w.ctx.Err(); err != nil {
		w.fail(err)
	}
	if w.err != nil {
		return w.err
	}
	v := p.Value
	t := v.Type()
	switch {
	case t == mapi.TypeErrorCode:
		// It stands for a value that could not be read. [MS-OXCFXICS] 2.2.4.3.20
		w.lose(p.String(), mapi.LossUnreadable, "PtypErrorCode")
		return nil
	case !t.Known() || t.FixedSize() == 0 && !variable(t.Elem()):
		w.lose(p.String(), mapi.LossNoContainer, "type "+t.String())
		return nil
	case p.Name == nil && Marker(p.Tag.WithType(t)).Known():
		w.lose(p.String(), mapi.LossNoContainer, "the tag means the marker "+Marker(p.Tag.WithType(t)).String())
		return nil
	}
	w.definition(p, t)
	if t.Multi() {
		w.list(v)
		return w.err
	}
	if t.FixedSize() > 0 {
		w.writeAtom(v.Raw())
		return w.err
	}
	end := terminators[t]
	w.length(v.Size() + int64(len(end)))
	w.blob(v.Blob(), p)
	w.value(end)
	return w.err
}

// definition writes propDef: type, identifier, name. It is one atom.
func (w *Writer) definition(p mapi.Property, t mapi.Type) {
	wire := t
	if t == mapi.TypeString8 && !w.opts.PlainString8 {
		if cs := p.Value.Charset(); cs != nil {
			if ct, ok := codePageType(cs.CodePage()); ok {
				wire = ct
			}
		}
	}
	tag := p.Tag.WithType(wire)
	if p.Name == nil && p.Tag.WithType(t) == MetaTagIdsetGiven {
		tag = wireIdsetGiven
	}
	le := binary.LittleEndian
	if p.Name == nil {
		b := le.AppendUint32(nil, uint32(tag))
		if id := p.Tag.ID(); id >= 0x8000 {
			b = append(b, mapi.PSMAPI[:]...)
			b = append(b, kindID)
			b = le.AppendUint32(b, uint32(id))
		}
		w.writeAtom(b)
		return
	}
	b := le.AppendUint32(nil, uint32(mapi.NewTag(w.id(*p.Name), wire)))
	b = append(b, p.Name.Set[:]...)
	if p.Name.Name == "" {
		b = append(b, kindID)
		b = le.AppendUint32(b, p.Name.ID)
	} else {
		b = append(b, kindName)
		b = append(b, mapi.EncodeUTF16(p.Name.Name)...)
		b = append(b, 0, 0)
	}
	w.writeAtom(b)
}

// id gives each name an identifier of the named range. Readers go by the name;
// with more names than identifiers the last one is shared.
func (w *Writer) id(n mapi.Name) uint16 {
	id, ok := w.ids[n]
	if !ok {
		id = uint16(min(0x8000+len(w.ids), 0xFFFE))
		w.ids[n] = id
	}
	return id
}

// terminators end each string. [MS-OXCFXICS] 2.2.4.1.3
var terminators = map[mapi.Type][]byte{mapi.TypeString8: {0}, mapi.TypeString: {0, 0}}

func (w *Writer) list(v mapi.Value) {
	elems := v.Elems()
	w.uint32(uint32(len(elems)))
	end := terminators[v.Type().Elem()]
	for _, b := range elems {
		if v.Type().FixedSize() > 0 {
			w.writeAtom(b)
			continue
		}
		w.length(int64(len(b) + len(end)))
		w.value(b)
		w.value(end)
	}
}

func (w *Writer) length(n int64) {
	if n > math.MaxUint32 {
		w.fail(fmt.Errorf("%w: a value of %d bytes", mapi.ErrTooLarge, n))
		return
	}
	w.uint32(uint32(n))
}

// value writes bytes of a value of variable size.
func (w *Writer) value(b []byte) {
	if w.err == nil && len(b) > 0 {
		if _, err := w.w.Write(b); err != nil {
			w.fail(err)
		}
	}
}

// blob copies b, and holds it to its size.
func (w *Writer) blob(b mapi.Blob, what fmt.Stringer) {
	if m, ok := b.(mapi.Bytes); ok {
		w.value(m)
		return
	}
	if w.err != nil {
		return
	}
	r, err := b.Open(w.ctx)
	if err != nil {
		w.fail(fmt.Errorf("%v: %w", what, err))
		return
	}
	defer r.Close()
	if w.buf == nil {
		w.buf = make([]byte, 32<<10)
	}
	var got int64
	for got <= b.Size() {
		if err := w.ctx.Err(); err != nil {
			w.fail(err)
			return
		}
		n, err := r.Read(w.buf)
		if got += int64(n); got > b.Size() {
			break
		}
		w.value(w.buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			w.fail(fmt.Errorf("%v: %w", what, err))
			return
		}
	}
	if got != b.Size() {
		w.fail(fmt.Errorf("%v: the content has not the %d bytes that it promises", what, b.Size()))
	}
}

// MessageContent writes a messageContent: the properties of m, its recipients
// and attachments. [MS-OXCFXICS] 2.2.4.3.16
func (w *Writer) MessageContent(m *mapi.Message) error {
	w.messageContent(m, 0)
	return w.err
}

var errDeep = errors.New("messages are nested too deeply")

func (w *Writer) messageContent(m *mapi.Message, depth int) {
	if depth > maxDepth {
		w.fail(fmt.Errorf("%w: %w: %d", mapi.ErrTooLarge, errDeep, depth))
		return
	}
	w.propList(m.Props, pidTagMid)
	for i, r := range m.Recipients {
		w.Marker(StartRecip)
		ps := r.Props
		if _, ok := ps.Get(mapi.PidTagRowid); !ok {
			ps = append(mapi.Properties{{Tag: mapi.PidTagRowid, Value: mapi.Int32Value(int32(i))}}, ps...)
		}
		w.propList(ps, mapi.PidTagRowid)
		w.Marker(EndToRecip)
	}
	for i, a := range m.Attachments {
		w.attachment(a, i, depth)
	}
}

// pidTagMid stands first where it is present. [MS-OXCFXICS] 2.2.4.3.16
const pidTagMid = mapi.PidTagMid

// propList writes the properties of an object, that with the tag first. What
// stands for subobjects is not a property here, and neither are
// meta-properties. [MS-OXCFXICS] 2.2.1.7, 2.2.4.3.20
func (w *Writer) propList(ps mapi.Properties, first mapi.Tag) {
	is := func(p mapi.Property, t mapi.Tag) bool { return p.Name == nil && p.Tag.WithType(p.Value.Type()) == t }
	for _, p := range ps {
		if is(p, first) {
			w.Property(p)
			break
		}
	}
	seen := false
	for _, p := range ps {
		switch {
		case !seen && is(p, first):
			seen = true
		case is(p, mapi.PidTagMessageRecipients), is(p, mapi.PidTagMessageAttachments):
			w.lose(p.String(), mapi.LossStoreOnly, "it stands for objects that the stream carries themselves")
		case p.Name == nil && (isMeta(p.Tag) || p.Tag == MetaTagIdsetGiven):
			w.lose(p.String(), mapi.LossNoContainer, "the tag is that of a meta-property")
		default:
			w.Property(p)
		}
	}
}

func (w *Writer) attachment(a *mapi.Attachment, i, depth int) {
	if w.err != nil {
		return
	}
	w.Marker(NewAttach)
	ps := a.Props
	if _, ok := ps.Get(mapi.PidTagAttachNumber); !ok {
		ps = append(mapi.Properties{{Tag: mapi.PidTagAttachNumber, Value: mapi.Int32Value(int32(i))}}, ps...)
	}
	var file mapi.Blob
	if a.Storage != nil {
		if w.opts.Storage == nil {
			w.lose("PidTagAttachDataObject", mapi.LossNoContainer, "OLE object "+a.Storage.Name)
		} else {
			var err error
			if file, err = w.opts.Storage(w.ctx, a.Storage); err != nil {
				w.fail(fmt.Errorf("OLE object %s: %w", a.Storage.Name, err))
				return
			}
		}
	}
	if a.Embedded != nil || a.Storage != nil {
		ps = ps.Clone()
		ps.Delete(mapi.PidTagAttachDataObject)
	}
	if file != nil {
		ps = append(ps.Clone(), mapi.Property{Tag: mapi.PidTagAttachDataObject, Value: mapi.BlobValue(mapi.TypeObject, file)})
	}
	w.propList(ps, mapi.PidTagAttachNumber)
	if a.Embedded != nil {
		w.Marker(StartEmbed)
		w.messageContent(a.Embedded, depth+1)
		w.Marker(EndEmbed)
	}
	w.Marker(EndAttach)
}
