package tnef

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

// EncodeOptions changes how a message is written. The zero value and nil are
// the default.
type EncodeOptions struct {
	// CodePage is what the stream states for 8-bit strings; 0 takes that of
	// the first 8-bit string of the message, else of the message itself.
	CodePage int
	// Skip reports whether the content of the i-th attachment of the message
	// (data, embedded message or storage) is left out, as for a mail that
	// carries it in a part of its own. All other properties are written.
	Skip func(i int, a *mapi.Attachment) bool
	// Storage makes the compound file of an OLE object. Where it is nil a
	// storage is left out, as a loss.
	Storage func(ctx context.Context, s *mapi.Storage) (mapi.Blob, error)
	// Loss is told what the stream does not carry. It may be nil.
	Loss func(mapi.Loss)
}

// Encode writes m as a TNEF stream, in one pass over each blob. The stream
// depends on nothing but m and opts.
//
// It fails when w fails, when a blob cannot be read or does not have the size
// that it states, and with [mapi.ErrTooLarge] when an attribute would need more
// than 4 GiB.
func Encode(ctx context.Context, w io.Writer, m *mapi.Message, opts *EncodeOptions) error {
	if opts == nil {
		opts = &EncodeOptions{}
	}
	sh := &shared{ctx: ctx, opts: opts, ids: map[mapi.Name]uint16{}, sizes: map[*mapi.Message]int64{}, files: map[*mapi.Storage]mapi.Blob{}}
	sh.page, sh.charset = codePage(m, opts)
	bw := bufio.NewWriterSize(w, 32<<10)
	e := &encoder{shared: sh, w: bw}
	e.stream(m, 0)
	if e.err != nil {
		return fmt.Errorf("tnef: %w", e.err)
	}
	return bw.Flush()
}

// shared is what the passes over one message have in common.
type shared struct {
	ctx     context.Context
	opts    *EncodeOptions
	page    int
	charset mapi.Charset
	ids     map[mapi.Name]uint16
	sizes   map[*mapi.Message]int64     // of embedded streams
	files   map[*mapi.Storage]mapi.Blob // compound files
	buf     []byte
}

// An encoder writes, or only counts when w is nil: an attribute needs its
// length first, and that comes from the same code that writes it.
type encoder struct {
	*shared
	w   *bufio.Writer
	n   int64
	sum uint16 // of all bytes written, modulo 65536
	err error
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) bytes(b []byte) {
	e.n += int64(len(b))
	if e.w == nil || e.err != nil {
		return
	}
	e.sum = addChecksum(e.sum, b)
	if _, err := e.w.Write(b); err != nil {
		e.fail(err)
	}
}

func (e *encoder) uint16(n uint16) { e.bytes(binary.LittleEndian.AppendUint16(nil, n)) }
func (e *encoder) uint32(n uint32) { e.bytes(binary.LittleEndian.AppendUint32(nil, n)) }

// blob copies b, and holds it to its size.
func (e *encoder) blob(b mapi.Blob, what fmt.Stringer) {
	if m, ok := b.(mapi.Bytes); ok {
		e.bytes(m)
		return
	}
	if e.w == nil || e.err != nil {
		e.n += b.Size()
		return
	}
	r, err := b.Open(e.ctx)
	if err != nil {
		e.fail(fmt.Errorf("%v: %w", what, err))
		return
	}
	defer r.Close()
	if e.buf == nil {
		e.buf = make([]byte, 32<<10)
	}
	var got int64
	for {
		if err := e.ctx.Err(); err != nil {
			e.fail(err)
			return
		}
		n, err := r.Read(e.buf)
		got += int64(n)
		if got > b.Size() {
			break
		}
		e.bytes(e.buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			e.fail(fmt.Errorf("%v: %w", what, err))
			return
		}
	}
	if got != b.Size() && e.err == nil {
		e.fail(fmt.Errorf("%v: the content has not the %d bytes that it promises", what, b.Size()))
	}
}

// measure is the number of bytes that f writes.
func (e *encoder) measure(f func(*encoder)) int64 {
	c := &encoder{shared: e.shared}
	f(c)
	if c.err != nil {
		e.fail(c.err)
	}
	return c.n
}

// attribute writes one attribute with its length and checksum.
func (e *encoder) attribute(level byte, att attribute, f func(*encoder)) {
	n := e.measure(f)
	if n > math.MaxUint32 {
		e.fail(fmt.Errorf("%w: %v would have %d bytes", mapi.ErrTooLarge, att, n))
		return
	}
	e.bytes([]byte{level})
	e.uint32(uint32(att))
	e.uint32(uint32(n))
	sum := e.sum
	if e.w == nil {
		e.n += n
	} else {
		f(e)
	}
	e.uint16(e.sum - sum)
}

func (e *encoder) message(att attribute, b []byte) {
	e.attribute(lvlMessage, att, func(e *encoder) { e.bytes(b) })
}

// stream writes a whole TNEF stream in the order of [MS-OXTNEF] 2.1.3.1.
func (e *encoder) stream(m *mapi.Message, depth int) {
	if depth > maxDepth {
		e.fail(fmt.Errorf("%w: messages are nested deeper than %d", mapi.ErrTooLarge, maxDepth))
		return
	}
	e.uint32(signature)
	e.uint16(key)
	e.message(attTnefVersion, []byte{0x00, 0x00, 0x01, 0x00})
	e.message(attOemCodepage, binary.LittleEndian.AppendUint64(nil, uint64(e.page)))
	e.legacyMessage(m)
	e.attribute(lvlMessage, attMsgProps, func(e *encoder) { e.properties(m.Props, nil) })
	if len(m.Recipients) > 0 {
		e.attribute(lvlMessage, attRecipTable, func(e *encoder) {
			e.uint32(uint32(len(m.Recipients)))
			for _, r := range m.Recipients {
				e.properties(r.Props, nil)
			}
		})
	}
	for i, a := range m.Attachments {
		skip := depth == 0 && e.opts.Skip != nil && e.opts.Skip(i, a)
		e.attachment(a, skip, depth)
	}
}

// legacyMessage writes the attributes that readers without MAPI look for, of
// what the message has.
func (e *encoder) legacyMessage(m *mapi.Message) {
	if v, ok := m.Props.Get(mapi.PidTagMessageClass); ok && v.InMemory() {
		e.message(attMessageClass, e.text(classToMail(v.Text())))
	}
	if n, ok := m.Props.Int(mapi.PidTagImportance); ok && n >= 0 && n <= 2 {
		e.message(attPriority, binary.LittleEndian.AppendUint16(nil, uint16(3-n)))
	}
	if v, ok := m.Props.Get(mapi.PidTagSubject); ok && v.InMemory() {
		e.message(attSubject, e.text(v.Text()))
	}
	e.legacyDate(m.Props, lvlMessage, attDateSent, mapi.PidTagClientSubmitTime)
	if v, ok := m.Props.Get(mapi.PidTagSearchKey); ok && v.InMemory() && len(v.Raw()) > 0 {
		e.message(attMessageID, append([]byte(strings.ToUpper(hex.EncodeToString(v.Raw()))), 0))
	}
	e.legacyDate(m.Props, lvlMessage, attDateModified, mapi.PidTagLastModificationTime)
}

// text is s in the code page of the stream with its terminating zero.
func (e *encoder) text(s string) []byte {
	b, _ := e.charset.Encode(s)
	return append(b[:len(b):len(b)], 0)
}

// legacyDate writes a time as DTR in UTC: the output does not depend on where
// it is made, and readers that know property lists take the date from there.
func (e *encoder) legacyDate(ps mapi.Properties, level byte, att attribute, tag mapi.Tag) {
	t := ps.Time(tag)
	if t.IsZero() {
		return
	}
	var b []byte
	for _, n := range []int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), int(t.Weekday())} {
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
	}
	e.attribute(level, att, func(e *encoder) { e.bytes(b) })
}

func (e *encoder) attachment(a *mapi.Attachment, skip bool, depth int) {
	rend := make([]byte, 0, renddataSize)
	kind := uint16(attachTypeFile)
	if a.Method() == mapi.AttachOLE {
		kind = attachTypeOLE
	}
	rend = binary.LittleEndian.AppendUint16(rend, kind)
	pos := uint32(noPosition)
	if n, ok := a.Props.Int(mapi.PidTagRenderingPosition); ok {
		pos = uint32(n)
	}
	rend = binary.LittleEndian.AppendUint32(rend, pos)
	rend = append(rend, make([]byte, renddataSize-len(rend))...)
	e.attribute(lvlAttachment, attAttachRenddata, func(e *encoder) { e.bytes(rend) })

	name := a.Props.Text(mapi.PidTagAttachFilename)
	if name == "" {
		name = a.Props.Text(mapi.PidTagAttachLongFilename)
	}
	if name != "" {
		e.attribute(lvlAttachment, attAttachTitle, func(e *encoder) { e.bytes(e.text(name)) })
	}
	e.legacyDate(a.Props, lvlAttachment, attAttachModifyDate, mapi.PidTagLastModificationTime)

	// These two travel in attributes of their own and are not repeated.
	var list mapi.Properties
	for _, p := range a.Props {
		att := attAttachData
		switch {
		case p.Name != nil:
			list = append(list, p)
			continue
		case p.Tag == mapi.PidTagAttachDataBinary:
			if skip {
				e.lose(mapi.Loss{Item: p.String(), Reason: mapi.LossPolicy, Detail: "content of an attachment that is carried elsewhere"})
				continue
			}
		case p.Tag == mapi.PidTagAttachRendering:
			att = attAttachMetaFile
		case p.Tag == mapi.PidTagAttachDataObject && (skip || a.Embedded != nil || a.Storage != nil):
			continue
		default:
			list = append(list, p)
			continue
		}
		e.attribute(lvlAttachment, att, func(e *encoder) { e.blob(p.Value.Blob(), p) })
	}
	obj := &object{depth: depth}
	if !skip {
		obj.message = a.Embedded
		obj.file = e.compoundFile(a.Storage)
	}
	e.attribute(lvlAttachment, attAttachment, func(e *encoder) { e.properties(list, obj) })
}

// compoundFile is made once for each storage.
func (e *encoder) compoundFile(s *mapi.Storage) mapi.Blob {
	if s == nil || e.err != nil {
		return nil
	}
	if b, ok := e.files[s]; ok {
		return b
	}
	var b mapi.Blob
	if e.opts.Storage == nil {
		e.lose(mapi.Loss{Item: "PidTagAttachDataObject", Reason: mapi.LossNoContainer, Detail: "OLE object " + s.Name})
	} else {
		var err error
		if b, err = e.opts.Storage(e.ctx, s); err != nil {
			e.fail(fmt.Errorf("OLE object %s: %w", s.Name, err))
		}
	}
	e.files[s] = b
	return b
}

// lose reports once, in the pass that writes.
func (e *encoder) lose(l mapi.Loss) {
	if e.w != nil && e.opts.Loss != nil {
		e.opts.Loss(l)
	}
}

// codePage chooses what attOemCodepage says.
func codePage(m *mapi.Message, opts *EncodeOptions) (int, mapi.Charset) {
	page := opts.CodePage
	if page == 0 {
		page = firstCodePage(m, 0)
	}
	if page == 0 {
		page = codepage.OfMessage(m.Props)
	}
	cs, _ := codepage.Get(page)
	if page < 1 || page > 65535 {
		page = cs.CodePage()
	}
	return page, cs
}

func firstCodePage(m *mapi.Message, depth int) int {
	lists := []mapi.Properties{m.Props}
	for _, r := range m.Recipients {
		lists = append(lists, r.Props)
	}
	for _, a := range m.Attachments {
		lists = append(lists, a.Props)
	}
	for _, ps := range lists {
		for _, p := range ps {
			if p.Value.Type().Elem() == mapi.TypeString8 && p.Value.Charset() != nil {
				return p.Value.Charset().CodePage()
			}
		}
	}
	for _, a := range m.Attachments {
		if a.Embedded != nil && depth < maxDepth {
			if n := firstCodePage(a.Embedded, depth+1); n != 0 {
				return n
			}
		}
	}
	return 0
}
