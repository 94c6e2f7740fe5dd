package fasttransfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/internal/cursor"
)

// Options changes how a stream is read. The zero value and nil are the default.
type Options struct {
	// CodePage is that of PtypString8 values, which do not say it; it is the
	// code page of the session that made the stream. 0 means 1252.
	CodePage int
	// Storage reads a compound file, the form of an OLE object. Where it is
	// nil or fails, the attachment keeps the file as the value of
	// PidTagAttachDataObject.
	Storage func(ctx context.Context, r io.ReaderAt, size int64) (*mapi.Storage, error)
}

// An Element is one element of the lexical structure: a marker, or a property
// with its value. [MS-OXCFXICS] 2.2.4.1
type Element struct {
	// Offset is where the element starts.
	Offset int64
	// Marker is 0 for a property.
	Marker   Marker
	Property mapi.Property
	// Tag is the tag as it stands in the stream, with a code page in the place
	// of a string type, and the identifier of a named property.
	Tag mapi.Tag
}

// IsMarker reports whether the element is one of the given markers.
func (e Element) IsMarker(ms ...Marker) bool {
	for _, m := range ms {
		if e.Marker == m {
			return true
		}
	}
	return false
}

// A Lexer splits a stream into elements. It knows nothing of their order.
// Values above [mapi.InlineLimit] are blobs over the source. It is not for use
// by several goroutines.
type Lexer struct {
	ctx      context.Context
	c        *cursor.Cursor
	r        io.ReaderAt
	opts     Options
	charset  mapi.Charset
	peeked   Element
	has      bool // peeked is the next element
	problems mapi.Problems
	path     string
}

// NewLexer reads size bytes of r, which must stay open as long as values of
// the stream are used. It stops when ctx is done.
func NewLexer(ctx context.Context, r io.ReaderAt, size int64, opts *Options) *Lexer {
	l := &Lexer{ctx: ctx, r: r, c: cursor.New(sourceReader{r}, 0, size)}
	if opts != nil {
		l.opts = *opts
	}
	page := l.opts.CodePage
	if page == 0 {
		page = 1252
	}
	l.charset = l.codePage(page)
	return l
}

// Problems is what was found wrong so far and survived.
func (l *Lexer) Problems() mapi.Problems { return l.problems }

// Peek is the next element, which Next then gives once more.
func (l *Lexer) Peek() (Element, error) {
	if !l.has {
		e, err := l.read()
		if err != nil {
			return Element{}, err
		}
		l.peeked, l.has = e, true
	}
	return l.peeked, nil
}

// Next is the next element. It returns io.EOF at the end of the stream, a
// [mapi.FormatError] where the stream is damaged (nothing tells where to go on
// then), and the errors of the source and of the context.
func (l *Lexer) Next() (Element, error) {
	if l.has {
		l.has = false
		return l.peeked, nil
	}
	return l.read()
}

// Properties reads the propList up to the next marker, meta-properties
// included.
func (l *Lexer) Properties() (mapi.Properties, error) {
	var ps mapi.Properties
	for {
		e, err := l.Peek()
		if err == io.EOF || err == nil && e.Marker != 0 {
			return ps, nil
		}
		if err != nil {
			return ps, err
		}
		l.has = false
		ps = append(ps, e.Property)
	}
}

// ioError is a failure of the source, as against damage in what it says.
type ioError struct{ error }

func (e ioError) Unwrap() error { return e.error }

type sourceReader struct{ r io.ReaderAt }

func (s sourceReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		err = ioError{err}
	}
	return n, err
}

func (l *Lexer) problem(severe bool, off int64, field, spec, format string, args ...any) {
	l.problems.Add(mapi.Problem{
		Severe: severe, Where: l.path, Offset: off, Field: field,
		Detail: fmt.Sprintf(format, args...), Spec: "[MS-OXCFXICS] " + spec,
	})
}

// damage makes the error that ends the reading.
func (l *Lexer) damage(off int64, field string, err error) error {
	var e ioError
	if errors.As(err, &e) {
		return e.error
	}
	return &mapi.FormatError{Format: "fts", Problem: mapi.Problem{
		Severe: true, Where: l.path, Offset: off,
		Field: field, Detail: err.Error(), Spec: "[MS-OXCFXICS] 2.2.4.1",
	}}
}

func (l *Lexer) codePage(n int) mapi.Charset {
	cs, ok := codepage.Get(n)
	if !ok {
		l.problem(false, -1, "propType", "2.2.4.1.1.1", "code page %d is not known; its text is read as %d", n, cs.CodePage())
	}
	return cs
}

func (l *Lexer) read() (Element, error) {
	if err := l.ctx.Err(); err != nil {
		return Element{}, err
	}
	e := Element{Offset: l.c.Pos()}
	if l.c.Left() == 0 {
		return e, io.EOF
	}
	tag, err := l.c.Uint32()
	if err != nil {
		return e, l.damage(e.Offset, "propDef", err)
	}
	e.Tag = mapi.Tag(tag)
	if m := Marker(tag); m.Known() {
		e.Marker = m
		return e, nil
	}
	p, err := l.property(mapi.Tag(tag))
	if err != nil {
		return e, l.damage(e.Offset, "propValue", fmt.Errorf("%08X: %w", tag, err))
	}
	e.Property = p
	return e, nil
}

func (l *Lexer) property(tag mapi.Tag) (p mapi.Property, err error) {
	p.Tag = tag
	if tag.ID() >= 0x8000 {
		if p.Name, err = l.name(); err != nil {
			return p, fmt.Errorf("namedPropInfo: %w", err)
		}
		if n := p.Name; n.Set == mapi.PSMAPI && n.Name == "" && n.ID >= 0x8000 && n.ID <= 0xFFFF {
			// The set whose numbers are identifiers: this one had no name.
			p.Tag = mapi.NewTag(uint16(n.ID), tag.Type())
			p.Name = nil
		}
	}
	t := tag.Type()
	charset := l.charset
	switch {
	case tag == wireIdsetGiven:
		// QUIRK: the tag says PtypInteger32, the value is binary.
		// recordings fasttransfer/ics-contents.fts
		t = mapi.TypeBinary
	case t&codePageFlag != 0:
		page := typeCodePage(t)
		list := mapi.Type(0)
		if codepage.Name(page) == "" && page&int(mapi.MultiValueFlag) != 0 {
			// No page has this number: it is a list of such strings, which the
			// specification does not rule out.
			list = mapi.MultiValueFlag
			page &^= int(mapi.MultiValueFlag)
		}
		if page == codePageUnicode {
			t = mapi.TypeString | list
		} else {
			t, charset = mapi.TypeString8|list, l.codePage(page)
		}
	}
	p.Tag = p.Tag.WithType(t)
	if p.Value, err = l.value(t); err != nil {
		return p, err
	}
	if t.Elem() == mapi.TypeString8 {
		p.Value = p.Value.WithCharset(charset)
	}
	return p, nil
}

// maxNameLength bounds the string name of a property, in characters; names are
// at most 254 bytes. [MS-OXCPRPT] 2.2.1
const maxNameLength = 4096

func (l *Lexer) name() (*mapi.Name, error) {
	set, err := l.c.Bytes(16)
	if err != nil {
		return nil, err
	}
	n := &mapi.Name{Set: mapi.GUID(set)}
	kind, err := l.c.Uint8()
	if err != nil {
		return nil, err
	}
	switch kind {
	case kindID:
		n.ID, err = l.c.Uint32()
		return n, err
	case kindName:
		var text []byte
		for {
			u, err := l.c.Uint16()
			if err != nil {
				return nil, err
			}
			if u == 0 {
				break
			}
			if text = append(text, byte(u), byte(u>>8)); len(text) > 2*maxNameLength {
				return nil, fmt.Errorf("a name of more than %d characters", maxNameLength)
			}
		}
		n.Name = mapi.DecodeUTF16(text)
		return n, nil
	}
	return nil, fmt.Errorf("kind %d is neither 0 nor 1", kind)
}

// variable reports whether a type is one of varPropType.
func variable(t mapi.Type) bool {
	switch t {
	case mapi.TypeString, mapi.TypeString8, mapi.TypeBinary, mapi.TypeServerID, mapi.TypeObject:
		return true
	}
	return false
}

func (l *Lexer) value(t mapi.Type) (mapi.Value, error) {
	fixed := int64(t.FixedSize())
	if !t.Known() || fixed == 0 && !variable(t.Elem()) {
		return mapi.Value{}, fmt.Errorf("type %v has no place in a stream", t)
	}
	if !t.Multi() {
		if fixed > 0 {
			b, err := l.c.Bytes(fixed)
			return mapi.RawValue(t, b), err
		}
		off, n, err := l.length()
		if err != nil {
			return mapi.Value{}, err
		}
		return l.bounded(t, off, n)
	}
	count, err := l.c.Uint32()
	if err != nil {
		return mapi.Value{}, err
	}
	if fixed > 0 {
		b, err := l.c.Bytes(int64(count) * fixed)
		if err != nil {
			return mapi.Value{}, fmt.Errorf("%d values: %w", count, err)
		}
		return mapi.RawValue(t, b), nil
	}
	var elems [][]byte
	for range count {
		off, n, err := l.length()
		if err != nil {
			return mapi.Value{}, err
		}
		b, err := cursor.Read(sourceReader{l.r}, off, n)
		if err != nil {
			return mapi.Value{}, err
		}
		elems = append(elems, trimTerminator(t, b))
	}
	return mapi.MultiValue(t, elems), nil
}

// length reads the length of a value and passes the value.
func (l *Lexer) length() (off, n int64, err error) {
	size, err := l.c.Uint32()
	if err != nil {
		return 0, 0, err
	}
	off, n = l.c.Pos(), int64(size)
	if n > l.c.Left() {
		return 0, 0, fmt.Errorf("%d bytes claimed, %d are left: %w", n, l.c.Left(), cursor.ErrShort)
	}
	return off, n, l.c.Skip(n)
}

// trimTerminator cuts the zero that ends a string, if it is there, as readers
// must check. [MS-OXCFXICS] 2.2.4.1.3
func trimTerminator(t mapi.Type, b []byte) []byte {
	switch t.Elem() {
	case mapi.TypeString8:
		return bytes.TrimSuffix(b, []byte{0})
	case mapi.TypeString:
		return bytes.TrimSuffix(b, []byte{0, 0})
	}
	return b
}

// bounded makes a value of n bytes at off, held when it is small.
func (l *Lexer) bounded(t mapi.Type, off, n int64) (mapi.Value, error) {
	if n <= mapi.InlineLimit {
		b, err := cursor.Read(sourceReader{l.r}, off, n)
		return mapi.RawValue(t, trimTerminator(t, b)), err
	}
	end, err := cursor.Read(sourceReader{l.r}, off+n-2, 2)
	if err != nil {
		return mapi.Value{}, err
	}
	n -= int64(2 - len(trimTerminator(t, end)))
	return mapi.BlobValue(t, mapi.Section{R: l.r, Off: off, N: n}), nil
}
