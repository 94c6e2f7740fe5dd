package tnef

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/internal/cursor"
)

// Options changes how a stream is read. The zero value and nil are the default.
type Options struct {
	// CodePage is the code page of 8-bit strings in a stream that does not
	// state one; 0 means 1252.
	CodePage int
	// Storage reads a compound file, the form of an OLE object. Where it is
	// nil or fails, the attachment keeps the file as the value of
	// PidTagAttachDataObject.
	Storage func(ctx context.Context, r io.ReaderAt, size int64) (*mapi.Storage, error)
}

// Decode reads a TNEF stream of size bytes. Attachments and other large values
// are blobs over r, which must stay open as long as they are used.
//
// Damage does not stop it: what could be read is returned together with the
// problems found. The error is a [mapi.FormatError] when the input is no TNEF
// stream, or that of ctx or of reading r.
func Decode(ctx context.Context, r io.ReaderAt, size int64, opts *Options) (*mapi.Message, mapi.Problems, error) {
	if opts == nil {
		opts = &Options{}
	}
	var problems mapi.Problems
	d := &decoder{ctx: ctx, opts: opts, r: r, problems: &problems}
	m, err := d.message(0, size)
	return m, problems, err
}

// decoder reads one stream; an embedded message has one of its own.
type decoder struct {
	ctx      context.Context
	opts     *Options
	r        io.ReaderAt
	problems *mapi.Problems
	path     string
	depth    int
	charset  mapi.Charset
	scratch  []byte // for checksums
	// trusted says that a checksum around this stream was right.
	trusted bool
}

// ioError is a failure of the source, as against damage in what it says.
type ioError struct{ error }

func (e ioError) Unwrap() error { return e.error }

// fatal reports whether err ends the reading.
func fatal(err error) bool {
	var e ioError
	return errors.As(err, &e)
}

// sourceReader marks the errors of the source.
type sourceReader struct{ r io.ReaderAt }

func (s sourceReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		err = ioError{err}
	}
	return n, err
}

func (d *decoder) cursor(off, n int64) *cursor.Cursor {
	return cursor.New(sourceReader{d.r}, off, n)
}

func (d *decoder) problem(severe bool, off int64, field, spec, format string, args ...any) {
	d.problems.Add(mapi.Problem{
		Severe: severe, Where: d.path, Offset: off, Field: field,
		Detail: fmt.Sprintf(format, args...), Spec: spec,
	})
}

// An item is one attribute: its data lie at off, n bytes of them.
type item struct {
	att attribute
	off int64
	n   int64
}

// message reads the stream of size bytes at off.
func (d *decoder) message(off, size int64) (*mapi.Message, error) {
	c := d.cursor(off, size)
	sig, err := c.Uint32()
	if err == nil {
		_, err = c.Uint16()
	}
	if fatal(err) {
		return nil, err
	}
	if err == nil && sig != signature && d.looksLikeVersion(c) {
		// QUIRK: a stream with a damaged signature and sound attributes is
		// read. corpus tnef/teamwork-tnef/badchecksum.tnef
		d.problem(false, off, "TNEFSignature", "[MS-OXTNEF] 2.1.3.1", "0x%08X in the place of 0x%08X; attributes follow and are read", sig, signature)
		sig = signature
	}
	if err != nil || sig != signature {
		return nil, &mapi.FormatError{Format: "tnef", Problem: mapi.Problem{
			Severe: true, Where: d.path, Offset: off,
			Field: "TNEFSignature", Spec: "[MS-OXTNEF] 2.1.3.1",
			Detail: fmt.Sprintf("the stream starts with 0x%08X, not with 0x%08X; it is not TNEF", sig, signature),
		}}
	}
	before := len(*d.problems)
	items, err := d.items(c)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		p := mapi.Problem{Where: d.path, Offset: off + 6, Field: "Attribute", Spec: "[MS-OXTNEF] 2.1.3.2", Detail: "the stream has no attribute"}
		if n := len(*d.problems); n > before {
			p = (*d.problems)[n-1]
			*d.problems = (*d.problems)[:before]
		}
		p.Severe = true
		return nil, &mapi.FormatError{Format: "tnef", Problem: p}
	}
	return d.build(items)
}

// looksLikeVersion reports whether attTnefVersion comes next, which opens
// nearly every stream.
func (d *decoder) looksLikeVersion(c *cursor.Cursor) bool {
	b, err := c.Peek(headerSize)
	return err == nil && b[0] == lvlMessage && attribute(binary.LittleEndian.Uint32(b[1:])) == attTnefVersion
}

// items finds the attributes and verifies their checksums.
func (d *decoder) items(c *cursor.Cursor) ([]item, error) {
	var list []item
	for c.Left() > 0 {
		if err := d.ctx.Err(); err != nil {
			return nil, err
		}
		start := c.Pos()
		head, err := c.Peek(headerSize)
		if fatal(err) {
			return nil, err
		}
		if err != nil {
			if d.zeros(start, c.Left()) {
				return list, nil
			}
			d.problem(false, start, "Attribute", "[MS-OXTNEF] 2.1.3.2", "%d bytes after the last attribute are no attribute", c.Left())
			return list, nil
		}
		level, att, n := head[0], attribute(binary.LittleEndian.Uint32(head[1:])), int64(binary.LittleEndian.Uint32(head[5:]))
		if level != lvlMessage && level != lvlAttachment {
			if d.zeros(start, c.Left()) {
				return list, nil
			}
			// Nothing tells where the next attribute would start.
			d.problem(true, start, "attrLevel", "[MS-OXTNEF] 2.1.3.2", "level %d is neither 1 nor 2; the remaining %d bytes are not read", level, c.Left())
			return list, nil
		}
		c.Skip(headerSize)
		if n > c.Left() {
			d.problem(true, start, "attrLength", "[MS-OXTNEF] 2.1.3.2", "%v claims %d bytes, %d are left; the stream is cut short", att, n, c.Left())
			return append(list, item{att, c.Pos(), c.Left()}), nil
		}
		list = append(list, item{att, c.Pos(), n})
		dataOff := c.Pos()
		c.Skip(n)
		want, err := c.Uint16()
		if fatal(err) {
			return nil, err
		}
		if err != nil {
			d.problem(false, c.Pos(), "attrChecksum", "[MS-OXTNEF] 2.1.3.2", "%v: the stream ends before the checksum", att)
			return list, nil
		}
		if d.trusted {
			continue
		}
		sum, err := d.checksum(dataOff, n)
		if err != nil {
			return nil, err
		}
		if sum != want {
			d.problem(false, dataOff, "attrChecksum", "[MS-OXTNEF] 2.1.3.2", "%v: checksum 0x%04X, its data give 0x%04X", att, want, sum)
		}
	}
	return list, nil
}

// zeros reports whether nothing but padding is left.
func (d *decoder) zeros(off, n int64) bool {
	if n > 1<<16 {
		return false
	}
	var buf [512]byte
	r := io.NewSectionReader(d.r, off, n)
	for {
		k, err := r.Read(buf[:])
		if len(bytes.Trim(buf[:k], "\x00")) != 0 {
			return false
		}
		if err != nil {
			return err == io.EOF
		}
	}
}

// checksum is the sum of the bytes, modulo 65536. [MS-OXTNEF] 2.1.3.2
func (d *decoder) checksum(off, n int64) (uint16, error) {
	if d.scratch == nil {
		d.scratch = make([]byte, 16<<10)
	}
	var sum uint16
	for n > 0 {
		if err := d.ctx.Err(); err != nil {
			return 0, err
		}
		b := d.scratch[:min(n, int64(len(d.scratch)))]
		k, err := d.r.ReadAt(b, off)
		sum = addChecksum(sum, b[:k])
		if k < len(b) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, fmt.Errorf("tnef: reading at offset 0x%X: %w", off+int64(k), err)
		}
		off += int64(k)
		n -= int64(k)
	}
	return sum, nil
}

// build turns attributes into a message.
func (d *decoder) build(items []item) (*mapi.Message, error) {
	d.setCharset(items)
	m := &mapi.Message{}
	legacy := &legacyProps{}
	var att *attachmentParts
	finish := func() error {
		if att == nil {
			return nil
		}
		a, err := d.attachment(att, len(m.Attachments))
		if a != nil {
			m.Attachments = append(m.Attachments, a)
		}
		att = nil
		return err
	}
	for _, it := range items {
		if err := d.ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		switch it.att {
		case attTnefVersion, attOemCodepage:
		case attMsgProps:
			var ps mapi.Properties
			ps, _, err = d.properties(d.cursor(it.off, it.n), "attMsgProps", nil)
			m.Props = append(m.Props, ps...)
		case attRecipTable:
			err = d.recipients(m, it)
		case attAttachRenddata:
			// Every attachment starts with this one. [MS-OXTNEF] 2.1.3.1
			if err = finish(); err == nil {
				att = &attachmentParts{renddata: &it}
			}
		case attAttachData, attAttachTitle, attAttachMetaFile, attAttachCreateDate,
			attAttachModifyDate, attAttachTransportFilename, attAttachment:
			if att == nil {
				d.problem(false, it.off, it.att.String(), "[MS-OXTNEF] 2.1.3.1", "there is no attAttachRenddata before it")
				att = &attachmentParts{}
			}
			att.items = append(att.items, it)
		default:
			err = d.legacy(legacy, it)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := finish(); err != nil {
		return nil, err
	}
	d.merge(m, legacy)
	return m, nil
}

// setCharset finds attOemCodepage, wherever it stands.
func (d *decoder) setCharset(items []item) {
	page := d.opts.CodePage
	if page == 0 {
		page = 1252
	}
	for _, it := range items {
		if it.att != attOemCodepage {
			continue
		}
		n, err := d.cursor(it.off, it.n).Uint32()
		if err != nil || n == 0 || n > 65535 {
			d.problem(false, it.off, "attOemCodepage", "[MS-OXTNEF] 2.1.3.3.20", "no code page is stated; %d is taken", page)
			break
		}
		page = int(n)
		break
	}
	cs, ok := codepage.Get(page)
	if !ok {
		d.problem(false, -1, "attOemCodepage", "[MS-OXTNEF] 2.1.3.3.20", "code page %d is not known; 8-bit text is read as %d", page, cs.CodePage())
	}
	d.charset = cs
}

// recipients reads attRecipTable. [MS-OXTNEF] 2.1.3.3.22
func (d *decoder) recipients(m *mapi.Message, it item) error {
	c := d.cursor(it.off, it.n)
	rows, err := c.Uint32()
	if err != nil {
		return d.damage(err, true, it.off, "RowCount", "the recipient table is empty")
	}
	for i := range rows {
		if c.Left() == 0 {
			d.problem(true, c.Pos(), "RowCount", "[MS-OXTNEF] 2.1.3.3.22", "the recipient table claims %d rows and has %d", rows, i)
			return nil
		}
		ps, ok, err := d.properties(c, "attRecipTable", nil)
		if err != nil {
			return err
		}
		if len(ps) > 0 || ok {
			m.Recipients = append(m.Recipients, &mapi.Recipient{Props: ps})
		}
		if !ok {
			d.problem(true, c.Pos(), "attRecipTable", "[MS-OXTNEF] 2.1.3.3.22", "row %d cannot be read; %d of %d recipients are lost", i, rows-i-1, rows)
			return nil
		}
	}
	return nil
}

// damage records a problem, unless err is a failure of the source.
func (d *decoder) damage(err error, severe bool, off int64, field, format string, args ...any) error {
	if fatal(err) {
		return err
	}
	d.problem(severe, off, field, "[MS-OXTNEF] 2.1.3.4", format, args...)
	return nil
}

// attachmentParts are the attributes of one attachment, in the order of the
// stream.
type attachmentParts struct {
	renddata *item
	items    []item
}

func (d *decoder) attachment(parts *attachmentParts, index int) (*mapi.Attachment, error) {
	outer := d.path
	d.path = fmt.Sprintf("%sattachment %d/", outer, index)
	defer func() { d.path = outer }()

	a := &mapi.Attachment{}
	legacy := &legacyProps{}
	listed := false
	if it := parts.renddata; it != nil {
		if err := d.renddata(legacy, *it); err != nil {
			return nil, err
		}
	}
	for _, it := range parts.items {
		if it.att != attAttachment {
			if err := d.legacy(legacy, it); err != nil {
				return nil, err
			}
			continue
		}
		ps, _, err := d.properties(d.cursor(it.off, it.n), "attAttachment", a)
		if err != nil {
			return nil, err
		}
		listed = true
		a.Props = append(a.Props, ps...)
	}
	d.mergeAttachment(a, legacy, listed)
	return a, nil
}

// embedded reads the stream of a message within an attachment.
func (d *decoder) embedded(off, n int64) (*mapi.Message, error) {
	if d.depth+1 > maxDepth {
		d.problem(true, off, "PidTagAttachDataObject", "[MS-OXTNEF] 2.1.3.4", "messages are nested deeper than %d; the rest is not read", maxDepth)
		return nil, nil
	}
	// The checksum of the attribute around it covers this stream, so it is
	// not read once more for each level of nesting.
	e := &decoder{ctx: d.ctx, opts: d.opts, r: d.r, problems: d.problems, path: d.path, depth: d.depth + 1, trusted: true}
	m, err := e.message(off, n)
	var fe *mapi.FormatError
	if errors.As(err, &fe) {
		d.problems.Add(fe.Problem)
		return nil, nil
	}
	return m, err
}
