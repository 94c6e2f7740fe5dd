package mapijson

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

// Decode reads what [Encode] writes, or what somebody made of it. Large values
// are blobs over r, which must stay open as long as they are used. Keys that
// are not known are passed over.
//
// A text that breaks off gives what was read until then, with a problem. The
// error is a [mapi.FormatError] when the text is no message in this form, or
// that of ctx or of reading r.
func Decode(ctx context.Context, r io.ReaderAt, size int64) (*mapi.Message, mapi.Problems, error) {
	d := &decoder{ctx: ctx, s: newScanner(r, 0, size)}
	m := &mapi.Message{}
	err := d.message(m, 0)
	if err == nil && !d.known {
		err = &syntaxError{0, "the object has no properties, recipients or attachments"}
	}
	var se *syntaxError
	if errors.As(err, &se) {
		p := mapi.Problem{Severe: true, Where: d.path, Offset: se.off, Detail: se.detail}
		if !d.known {
			return nil, nil, &mapi.FormatError{Format: "json", Problem: p}
		}
		d.problems.Add(p)
		err = nil
	}
	if err != nil {
		return nil, nil, err
	}
	return m, d.problems, nil
}

type decoder struct {
	ctx      context.Context
	s        *scanner
	problems mapi.Problems
	path     string
	known    bool // a key of the form was seen
	names    map[string]mapi.Property
	unknown  int // names that mean nothing
}

func (d *decoder) problem(severe bool, off int64, field, format string, args ...any) {
	d.problems.Add(mapi.Problem{Severe: severe, Where: d.path, Offset: off, Field: field, Detail: fmt.Sprintf(format, args...)})
}

// pass reads a value that nobody asked for.
func (d *decoder) pass() error {
	_, err := d.s.value()
	return err
}

// at runs f with a longer path for problems.
func (d *decoder) at(part string, f func() error) error {
	outer := d.path
	d.path += part
	err := f()
	if err == nil {
		d.path = outer // kept where the text breaks off
	}
	return err
}

func (d *decoder) message(m *mapi.Message, depth int) error {
	return d.s.object(func(key string) error {
		switch key {
		case "format":
			t, err := d.s.value()
			if err == nil && t.text != Format {
				return &syntaxError{t.off, fmt.Sprintf("the format is %.40q, not %q", t.text, Format)}
			}
			return err
		case "version":
			t, err := d.s.value()
			if err == nil && t.text != strconv.Itoa(Version) {
				d.problem(false, t.off, "version", "%.40q is not %d; what is known is read", t.text, Version)
			}
			return err
		case "properties":
			d.known = true
			return d.properties(&m.Props)
		case "recipients":
			d.known = true
			return d.s.array(func() error {
				r := &mapi.Recipient{}
				m.Recipients = append(m.Recipients, r)
				return d.at(fmt.Sprintf("recipient %d/", len(m.Recipients)-1), func() error {
					return d.s.object(func(key string) error {
						if key == "properties" {
							return d.properties(&r.Props)
						}
						return d.pass()
					})
				})
			})
		case "attachments":
			d.known = true
			return d.s.array(func() error {
				a := &mapi.Attachment{}
				m.Attachments = append(m.Attachments, a)
				return d.at(fmt.Sprintf("attachment %d/", len(m.Attachments)-1), func() error { return d.attachment(a, depth) })
			})
		}
		return d.pass()
	})
}

func (d *decoder) attachment(a *mapi.Attachment, depth int) error {
	return d.s.object(func(key string) error {
		switch key {
		case "properties":
			return d.properties(&a.Props)
		case "embedded":
			if depth >= maxDepth {
				d.problem(true, d.s.pos, "embedded", "messages are nested deeper than %d; the rest is not read", maxDepth)
				return d.pass()
			}
			if b, err := d.s.next(); err != nil || b != '{' {
				return orElse(err, d.pass)
			}
			a.Embedded = &mapi.Message{}
			return d.message(a.Embedded, depth+1)
		case "storage":
			if b, err := d.s.next(); err != nil || b != '{' {
				return orElse(err, d.pass)
			}
			a.Storage = &mapi.Storage{}
			return d.storage(a.Storage, 0)
		}
		return d.pass()
	})
}

// orElse is err, or else what f says.
func orElse(err error, f func() error) error {
	if err != nil {
		return err
	}
	return f()
}

func (d *decoder) storage(s *mapi.Storage, depth int) error {
	return d.s.object(func(key string) error {
		switch key {
		case "streams":
			return d.s.array(func() error {
				st := mapi.Stream{Data: mapi.Bytes(nil)}
				err := d.s.object(func(key string) error {
					t, err := d.s.value()
					switch {
					case err != nil:
						return err
					case key == "name":
						st.Name = t.text
					case key == "data":
						b, err := d.bytes(t)
						if err != nil {
							d.problem(true, t.off, "data", "stream %q: %v", st.Name, err)
							return nil
						}
						st.Data = b
					}
					return nil
				})
				s.Streams = append(s.Streams, st)
				return err
			})
		case "storages":
			return d.s.array(func() error {
				if depth >= maxDepth {
					d.problem(true, d.s.pos, "storages", "storages are nested deeper than %d; the rest is not read", maxDepth)
					return d.pass()
				}
				sub := &mapi.Storage{}
				s.Storages = append(s.Storages, sub)
				return d.storage(sub, depth+1)
			})
		}
		t, err := d.s.value()
		if err != nil {
			return err
		}
		var bad error
		switch key {
		case "name":
			s.Name = t.text
		case "clsid":
			s.CLSID, bad = mapi.ParseGUID(t.text)
		case "state":
			var n uint64
			n, bad = strconv.ParseUint(t.text, 10, 32)
			s.State = uint32(n)
		case "created":
			s.Created, bad = strconv.ParseUint(t.text, 10, 64)
		case "modified":
			s.Modified, bad = strconv.ParseUint(t.text, 10, 64)
		}
		if bad != nil {
			d.problem(false, t.off, key, "%.40q cannot be read", t.text)
		}
		return nil
	})
}

func (d *decoder) properties(ps *mapi.Properties) error {
	return d.s.array(func() error {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		return d.property(ps)
	})
}

// fields are the keys of a property as they stand.
type fields struct {
	off                                                 int64
	tag, name, set, lid, key, typ, codepage, value, raw token
}

func (d *decoder) property(ps *mapi.Properties) error {
	f := fields{}
	if _, err := d.s.next(); err != nil {
		return err
	}
	f.off = d.s.pos
	err := d.s.object(func(key string) error {
		t, err := d.s.value()
		switch key {
		case "tag":
			f.tag = t
		case "name":
			f.name = t
		case "set":
			f.set = t
		case "lid":
			f.lid = t
		case "key":
			f.key = t
		case "type":
			f.typ = t
		case "codepage":
			f.codepage = t
		case "value":
			f.value = t
		case "raw":
			f.raw = t
		}
		return err
	})
	if err != nil {
		return err
	}
	p, err := d.build(&f)
	switch {
	case err == nil:
		*ps = append(*ps, p)
	case d.ctx.Err() != nil || isIO(err):
		return err
	default:
		severe := p.Tag.ID() == mapi.PidTagAttachDataBinary.ID() && p.Name == nil
		d.problem(severe, f.off, p.String(), "the property is left out: %v", err)
	}
	return nil
}

// damaged is an error of what the text says, as against one of reading it.
type damaged struct{ error }

func bad(format string, args ...any) error { return damaged{fmt.Errorf(format, args...)} }

func isIO(err error) bool {
	var se *syntaxError
	var de damaged
	return !errors.As(err, &se) && !errors.As(err, &de)
}

// maxUnknownNames is how many names that mean nothing are looked for; a search
// goes through the whole table.
const maxUnknownNames = 1000

// byName finds a property that is given by the specification's name alone.
func (d *decoder) byName(p *mapi.Property, name string) error {
	known, ok := d.names[name]
	if !ok {
		if tag, found := mapi.LookupTag(name); found {
			known = mapi.Property{Tag: tag}
		} else if n, found := mapi.LookupName(name); found {
			known = mapi.Property{Tag: mapi.NewTag(0, n.Type()), Name: &n}
		} else {
			d.unknown++
			return bad("there is neither tag nor set, and %.60q is no property that is known", name)
		}
		if d.names == nil {
			d.names = map[string]mapi.Property{}
		}
		d.names[name] = known
	}
	if t := p.Tag.Type(); t != mapi.TypeUnspecified {
		known.Tag = known.Tag.WithType(t)
	}
	*p = known
	return nil
}

// build makes the property that the fields describe.
func (d *decoder) build(f *fields) (p mapi.Property, err error) {
	if f.tag.kind == kindString {
		n, err := strconv.ParseUint(f.tag.text, 16, 32)
		if err != nil {
			return p, bad("tag %.40q is not hexadecimal", f.tag.text)
		}
		p.Tag = mapi.Tag(n)
	}
	t := p.Tag.Type()
	if f.typ.kind == kindString {
		var ok bool
		if t, ok = parseType(f.typ.text); !ok {
			return p, bad("type %.40q is not known", f.typ.text)
		}
	}
	p.Tag = p.Tag.WithType(t)
	if f.set.kind == kindString {
		set, err := mapi.ParseGUID(f.set.text)
		if err != nil {
			return p, bad("set %.60q is not a GUID", f.set.text)
		}
		p.Name = &mapi.Name{Set: set, Name: f.key.text}
		if f.key.kind != kindString {
			n, err := strconv.ParseUint(f.lid.text, 10, 32)
			if err != nil {
				return p, bad("lid %.40q is not a number", f.lid.text)
			}
			p.Name.ID = uint32(n)
		}
	} else if p.Tag.ID() == 0 {
		if f.name.text == "" || d.unknown > maxUnknownNames {
			return p, bad("there is neither tag nor set")
		}
		if err := d.byName(&p, f.name.text); err != nil {
			return p, err
		}
		t = p.Tag.Type()
	}
	var cs mapi.Charset
	if t.Elem() == mapi.TypeString8 && f.codepage.kind != kindNone {
		n, err := strconv.Atoi(f.codepage.text)
		if err != nil {
			return p, bad("codepage %.40q is not a number", f.codepage.text)
		}
		var ok bool
		if cs, ok = codepage.Get(n); !ok {
			d.problem(false, f.codepage.off, "codepage", "code page %d is not known; %d is taken", n, cs.CodePage())
		}
	}
	p.Value, err = d.value(f, t, cs)
	if cs != nil {
		p.Value = p.Value.WithCharset(cs)
	}
	return p, err
}

func (d *decoder) value(f *fields, t mapi.Type, cs mapi.Charset) (mapi.Value, error) {
	if t.Multi() {
		return d.list(f, t, cs)
	}
	var blob mapi.Blob
	var err error
	switch f.raw.kind {
	case kindString:
		blob, err = d.bytes(f.raw)
	case kindNone:
		blob, err = d.single(f.value, t, cs)
	default:
		err = bad("raw is not base64")
	}
	if err != nil {
		return mapi.Value{}, err
	}
	if n := t.FixedSize(); n > 0 {
		if blob.Size() != int64(n) {
			return mapi.Value{}, bad("%v takes %d bytes, not %d", t, n, blob.Size())
		}
		b, err := mapi.ReadBlob(d.ctx, blob, int64(n))
		return mapi.RawValue(t, b), err
	}
	return mapi.BlobValue(t, blob), nil
}

// bytes is what a base64 string stands for.
func (d *decoder) bytes(t token) (mapi.Blob, error) {
	size, ok := t.b64Size()
	if !ok {
		return nil, bad("not base64")
	}
	if !t.large {
		b, err := base64.StdEncoding.DecodeString(t.text)
		if err != nil {
			return nil, bad("not base64: %v", err)
		}
		if size <= mapi.InlineLimit {
			return mapi.Bytes(b), nil
		}
	}
	return &stringBlob{r: d.s.r, off: t.off, end: t.end, escapes: t.escapes, size: size, convert: fromBase64}, nil
}

// single reads a readable value.
func (d *decoder) single(t token, typ mapi.Type, cs mapi.Charset) (mapi.Blob, error) {
	le := binary.LittleEndian
	switch typ {
	case mapi.TypeString, mapi.TypeString8:
		if t.kind != kindString {
			return nil, bad("the value is not text")
		}
		convert := toUTF16
		if typ == mapi.TypeString8 {
			convert = toCharset(cs)
		}
		if t.large {
			return d.largeText(t, convert)
		}
		if typ == mapi.TypeString {
			return d.held(t, mapi.EncodeUTF16(t.text), convert)
		}
		b, ok := encode8(cs, t.text)
		if !ok {
			d.problem(false, t.off, "value", "the text has characters that its code page has not")
		}
		return d.held(t, b, convert)
	case mapi.TypeInteger16, mapi.TypeInteger32, mapi.TypeInteger64, mapi.TypeErrorCode, mapi.TypeCurrency:
		bits := 8 * typ.FixedSize()
		n, err := strconv.ParseInt(t.text, 10, bits)
		if err != nil {
			// An unsigned number is what people write for flags.
			u, err := strconv.ParseUint(t.text, 10, bits)
			if err != nil {
				return nil, bad("%.40q is no number of %d bits", t.text, bits)
			}
			n = int64(u)
		}
		return mapi.Bytes(le.AppendUint64(nil, uint64(n))[:bits/8]), nil
	case mapi.TypeBoolean:
		if t.kind != kindBool {
			return nil, bad("%.40q is neither true nor false", t.text)
		}
		return mapi.Bytes(mapi.BoolValue(t.text == "true").Raw()), nil
	case mapi.TypeFloating32:
		x, err := strconv.ParseFloat(t.text, 32)
		if err != nil {
			return nil, bad("%.40q is no number", t.text)
		}
		return mapi.Bytes(le.AppendUint32(nil, math.Float32bits(float32(x)))), nil
	case mapi.TypeFloating64, mapi.TypeAppTime:
		x, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, bad("%.40q is no number", t.text)
		}
		return mapi.Bytes(le.AppendUint64(nil, math.Float64bits(x))), nil
	case mapi.TypeTime:
		x, err := time.Parse(time.RFC3339Nano, t.text)
		if err != nil {
			return nil, bad("%.40q is no RFC 3339 time", t.text)
		}
		return mapi.Bytes(mapi.TimeValue(x).Raw()), nil
	case mapi.TypeGUID:
		g, err := mapi.ParseGUID(t.text)
		if err != nil {
			return nil, bad("%.60q is not a GUID", t.text)
		}
		return mapi.Bytes(g[:]), nil
	}
	return nil, bad("%v needs raw", typ)
}

// held gives small text as bytes, and text above the bound as a blob.
func (d *decoder) held(t token, b []byte, convert func(io.Reader) io.Reader) (mapi.Blob, error) {
	if len(b) <= mapi.InlineLimit {
		return mapi.Bytes(b), nil
	}
	return d.largeText(t, convert)
}

// largeText is a blob over text; its size is counted by converting it once.
func (d *decoder) largeText(t token, convert func(io.Reader) io.Reader) (mapi.Blob, error) {
	b := &stringBlob{r: d.s.r, off: t.off, end: t.end, escapes: t.escapes, convert: convert}
	r, err := b.Open(d.ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b.size, err = io.Copy(io.Discard, bufio.NewReader(&stopReader{d.ctx, r}))
	return b, err
}

// list reads a multi-valued property. Its elements are held.
func (d *decoder) list(f *fields, t mapi.Type, cs mapi.Charset) (mapi.Value, error) {
	src, raw := f.value, false
	if f.raw.kind != kindNone {
		src, raw = f.raw, true
	}
	if src.kind != kindList {
		return mapi.Value{}, bad("%v needs a list", t)
	}
	fixed := t.FixedSize()
	var elems [][]byte
	var all []byte
	s := newScanner(d.s.r, src.off, src.end)
	err := s.array(func() error {
		tok, err := s.value()
		if err != nil {
			return err
		}
		var blob mapi.Blob
		if raw {
			blob, err = d.bytes(tok)
		} else {
			blob, err = d.single(tok, t.Elem(), cs)
		}
		if err != nil {
			return err
		}
		b, err := mapi.ReadBlob(d.ctx, blob, blob.Size())
		if err != nil {
			return err
		}
		switch {
		case fixed == 0:
			elems = append(elems, b)
		case len(b) != fixed:
			return bad("an element of %v takes %d bytes, not %d", t, fixed, len(b))
		default:
			all = append(all, b...)
		}
		return nil
	})
	if err != nil {
		return mapi.Value{}, err
	}
	if fixed > 0 {
		return mapi.RawValue(t, all), nil
	}
	return mapi.MultiValue(t, elems), nil
}
