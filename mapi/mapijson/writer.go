package mapijson

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// Encode writes m as JSON, in one pass over each blob (text in a code page is
// looked at once before). The output depends on nothing but m.
func Encode(ctx context.Context, w io.Writer, m *mapi.Message) error {
	e := &encoder{ctx: ctx, w: bufio.NewWriterSize(w, 32<<10)}
	e.message(m, 0)
	e.text("\n")
	if e.err != nil {
		return fmt.Errorf("json: %w", e.err)
	}
	return e.w.Flush()
}

type encoder struct {
	ctx    context.Context
	w      *bufio.Writer
	err    error
	indent string
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) text(s string) {
	if e.err == nil {
		if _, err := e.w.WriteString(s); err != nil {
			e.fail(err)
		}
	}
}

// line starts a new line at the current depth.
func (e *encoder) line() { e.text("\n"); e.text(e.indent) }

func (e *encoder) in()  { e.indent += "  " }
func (e *encoder) out() { e.indent = e.indent[2:] }

func (e *encoder) message(m *mapi.Message, depth int) {
	if depth > maxDepth {
		e.fail(fmt.Errorf("%w: messages are nested deeper than %d", mapi.ErrTooLarge, maxDepth))
		return
	}
	e.text("{")
	e.in()
	if depth == 0 {
		e.line()
		e.text(`"format": "` + Format + `",`)
		e.line()
		e.text(`"version": ` + strconv.Itoa(Version) + `,`)
	}
	e.line()
	e.properties(m.Props, false)
	e.text(",")
	e.line()
	e.text(`"recipients": [`)
	e.in()
	for i, r := range m.Recipients {
		e.next(i)
		e.text("{")
		e.properties(r.Props, false)
		e.text("}")
	}
	e.end(len(m.Recipients))
	e.text(",")
	e.line()
	e.text(`"attachments": [`)
	e.in()
	for i, a := range m.Attachments {
		e.next(i)
		e.text("{")
		e.properties(a.Props, a.Embedded != nil || a.Storage != nil)
		if a.Embedded != nil {
			e.text(`, "embedded": `)
			e.message(a.Embedded, depth+1)
		}
		if a.Storage != nil {
			e.text(`, "storage": `)
			e.storage(a.Storage, 0)
		}
		e.text("}")
	}
	e.end(len(m.Attachments))
	e.out()
	e.line()
	e.text("}")
}

// next starts the i-th element of a list on a line of its own.
func (e *encoder) next(i int) {
	if i > 0 {
		e.text(",")
	}
	e.line()
}

// end closes a list of n elements.
func (e *encoder) end(n int) {
	e.out()
	if n > 0 {
		e.line()
	}
	e.text("]")
}

func (e *encoder) properties(ps mapi.Properties, object bool) {
	e.text(`"properties": [`)
	e.in()
	n := 0
	for _, p := range ps {
		if object && p.Name == nil && p.Tag == mapi.PidTagAttachDataObject {
			continue // the object itself follows
		}
		if err := e.ctx.Err(); err != nil {
			e.fail(err)
		}
		if e.err != nil {
			return
		}
		e.next(n)
		e.property(p)
		n++
	}
	e.end(n)
}

func (e *encoder) property(p mapi.Property) {
	v := p.Value
	t := v.Type()
	e.text(`{"tag": "` + p.Tag.WithType(t).String() + `"`)
	if n := p.Name; n != nil {
		if s := n.Canonical(); s != "" {
			e.key("name")
			e.quote(s)
		}
		e.text(`, "set": "` + n.Set.String() + `"`)
		if n.Name != "" {
			e.key("key")
			e.quote(n.Name)
		} else {
			e.text(`, "lid": ` + strconv.FormatUint(uint64(n.ID), 10))
		}
	} else if s := p.Tag.WithType(t).Canonical(); s != "" {
		e.key("name")
		e.quote(s)
	}
	e.text(`, "type": "` + t.String() + `"`)
	if t.Elem() == mapi.TypeString8 && v.Charset() != nil {
		e.text(`, "codepage": ` + strconv.Itoa(v.Charset().CodePage()))
	}
	switch {
	case t.Multi():
		e.list(v)
	case v.InMemory():
		s, exact := readable(v)
		if s != nil {
			e.key("value")
			e.literal(s)
		}
		if !exact {
			e.key("raw")
			e.base64(mapi.Bytes(v.Raw()))
		}
	case t == mapi.TypeString:
		e.key("value")
		if exact := e.largeText(v); !exact {
			e.key("raw")
			e.base64(v.Blob())
		}
	case t == mapi.TypeString8 && transparent(v.Charset()) && e.isASCII(v.Blob()):
		e.key("value")
		e.largeText(v.WithCharset(nil))
	default:
		e.key("raw")
		e.base64(v.Blob())
	}
	e.text("}")
}

func (e *encoder) key(s string) { e.text(`, "` + s + `": `) }

// list writes the elements of a multi-valued property.
func (e *encoder) list(v mapi.Value) {
	elems := v.Elems()
	shown, exact := make([]any, len(elems)), true
	any := true
	for i := range elems {
		s, ok := readable(v.Elem(i))
		exact = exact && ok
		any = any && s != nil
		shown[i] = s
	}
	if any {
		e.key("value")
		e.text("[")
		for i, s := range shown {
			if i > 0 {
				e.text(", ")
			}
			e.literal(s)
		}
		e.text("]")
	}
	if !exact {
		e.key("raw")
		e.text("[")
		for i, b := range elems {
			if i > 0 {
				e.text(", ")
			}
			e.base64(mapi.Bytes(b))
		}
		e.text("]")
	}
}

// number is text that is written without quotes.
type number string

// readable is the value of a single property as text, number or bool, or nil.
// exact says that it can be read back to the same bytes.
func readable(v mapi.Value) (s any, exact bool) {
	raw := v.Raw()
	switch t := v.Type(); t {
	case mapi.TypeInteger16, mapi.TypeInteger32, mapi.TypeInteger64, mapi.TypeErrorCode, mapi.TypeCurrency:
		n, ok := v.Int()
		if !ok {
			return nil, false
		}
		d := strconv.FormatInt(n, 10)
		if n > safeInteger || n < -safeInteger {
			return d, true
		}
		return number(d), true
	case mapi.TypeBoolean:
		n, ok := v.Int()
		return n != 0, ok && raw[1] == 0 && raw[0] <= 1
	case mapi.TypeFloating32, mapi.TypeFloating64, mapi.TypeAppTime:
		f, ok := v.Float()
		if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, false
		}
		bits := 64
		if t == mapi.TypeFloating32 {
			bits = 32
		}
		return number(strconv.FormatFloat(f, 'g', -1, bits)), true
	case mapi.TypeTime:
		x, ok := v.Time()
		if !ok {
			return nil, false
		}
		return x.Format(timeLayout), mapi.Filetime(x) == binary.LittleEndian.Uint64(raw)
	case mapi.TypeGUID:
		g, ok := v.GUID()
		return g.String(), ok
	case mapi.TypeString:
		text := mapi.DecodeUTF16(raw)
		return text, bytes.Equal(mapi.EncodeUTF16(text), raw)
	case mapi.TypeString8:
		text, ok := decode8(v.Charset(), raw)
		if !ok {
			return text, false
		}
		back, ok := encode8(v.Charset(), text)
		return text, ok && bytes.Equal(back, raw)
	}
	return nil, false
}

// decode8 and encode8 treat text without a character set as ASCII.
func decode8(cs mapi.Charset, b []byte) (string, bool) {
	if cs != nil {
		s, ok := cs.Decode(b)
		return strings.ToValidUTF8(s, "\uFFFD"), ok
	}
	return string(bytes.ToValidUTF8(b, []byte("\uFFFD"))), isASCII(b)
}

func encode8(cs mapi.Charset, s string) ([]byte, bool) {
	if cs != nil {
		return cs.Encode(s)
	}
	return []byte(s), isASCII([]byte(s))
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// transparent reports whether ASCII bytes of a character set stand for the
// same text, as they do not in EBCDIC or in sets with escape sequences.
func transparent(cs mapi.Charset) bool {
	if cs == nil {
		return true
	}
	var all [0x80]byte
	for i := range all {
		all[i] = byte(i)
	}
	s, ok := cs.Decode(all[:])
	return ok && s == string(all[:])
}

func (e *encoder) literal(s any) {
	switch s := s.(type) {
	case number:
		e.text(string(s))
	case bool:
		e.text(strconv.FormatBool(s))
	case string:
		e.quote(s)
	}
}

func (e *encoder) quote(s string) {
	e.text(`"`)
	e.escaped([]byte(s))
	e.text(`"`)
}

// escaped writes the inside of a JSON string.
func (e *encoder) escaped(b []byte) {
	const hex = "0123456789abcdef"
	start := 0
	for i, c := range b {
		if c >= 0x20 && c != '"' && c != '\\' && c != 0x7F {
			continue
		}
		e.write(b[start:i])
		start = i + 1
		switch c {
		case '"', '\\':
			e.write([]byte{'\\', c})
		case '\n':
			e.text(`\n`)
		case '\r':
			e.text(`\r`)
		case '\t':
			e.text(`\t`)
		default:
			e.write([]byte{'\\', 'u', '0', '0', hex[c>>4], hex[c&15]})
		}
	}
	e.write(b[start:])
}

func (e *encoder) write(b []byte) {
	if e.err == nil {
		if _, err := e.w.Write(b); err != nil {
			e.fail(err)
		}
	}
}

// largeText writes a blob of UTF-16 (or ASCII) as a JSON string. It reports
// whether the text stands for the same bytes.
func (e *encoder) largeText(v mapi.Value) (exact bool) {
	exact = v.Type() != mapi.TypeString || v.Size()%2 == 0
	r, err := v.Blob().Open(e.ctx)
	if err != nil {
		e.fail(err)
		return true
	}
	defer r.Close()
	counted := &counter{r: r}
	e.text(`"`)
	var src io.Reader = counted
	var check *surrogates
	if v.Type() == mapi.TypeString {
		check = &surrogates{r: counted}
		src = mapi.NewUTF16Reader(check)
	}
	var buf [8 << 10]byte
	for e.err == nil {
		n, err := src.Read(buf[:])
		e.escaped(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			e.fail(err)
		}
		if err := e.ctx.Err(); err != nil {
			e.fail(err)
		}
	}
	e.text(`"`)
	e.promised(counted.n, v.Size())
	return exact && (check == nil || check.ended())
}

func (e *encoder) promised(got, want int64) {
	if got != want {
		e.fail(fmt.Errorf("a blob promises %d bytes and gives %d", want, got))
	}
}

// counter counts what passes.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// surrogates watches UTF-16LE for surrogates without their other half, which
// text cannot say.
type surrogates struct {
	r    io.Reader
	odd  bool
	low  byte
	high bool // a high surrogate waits for its other half
	bad  bool
}

func (s *surrogates) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	for _, b := range p[:n] {
		if !s.odd {
			s.odd, s.low = true, b
			continue
		}
		s.odd = false
		switch b & 0xFC {
		case 0xD8:
			s.bad = s.bad || s.high
			s.high = true
		case 0xDC:
			s.bad = s.bad || !s.high
			s.high = false
		default:
			s.bad = s.bad || s.high
			s.high = false
		}
	}
	return n, err
}

// ended reports whether all was well up to the end.
func (s *surrogates) ended() bool { return !s.bad && !s.high && !s.odd }

func (e *encoder) isASCII(b mapi.Blob) bool {
	r, err := b.Open(e.ctx)
	if err != nil {
		e.fail(err)
		return false
	}
	defer r.Close()
	var buf [8 << 10]byte
	for {
		n, err := r.Read(buf[:])
		if !isASCII(buf[:n]) {
			return false
		}
		if err == io.EOF {
			return true
		}
		if err != nil {
			e.fail(err)
			return false
		}
	}
}

// base64 writes a blob as a JSON string.
func (e *encoder) base64(b mapi.Blob) {
	if e.err != nil {
		return
	}
	r, err := b.Open(e.ctx)
	if err != nil {
		e.fail(err)
		return
	}
	defer r.Close()
	e.text(`"`)
	enc := base64.NewEncoder(base64.StdEncoding, e.w)
	n, err := io.Copy(enc, &stopReader{e.ctx, r})
	if err == nil {
		err = enc.Close()
	}
	if err != nil {
		e.fail(err)
	}
	e.promised(n, b.Size())
	e.text(`"`)
}

// stopReader ends with its context.
type stopReader struct {
	ctx context.Context
	r   io.Reader
}

func (s *stopReader) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

func (e *encoder) storage(s *mapi.Storage, depth int) {
	if depth > maxDepth {
		e.fail(fmt.Errorf("%w: storages are nested deeper than %d", mapi.ErrTooLarge, maxDepth))
		return
	}
	e.text(`{"name": `)
	e.quote(s.Name)
	e.text(`, "clsid": "` + s.CLSID.String() + `", "state": ` + strconv.FormatUint(uint64(s.State), 10) +
		`, "created": "` + strconv.FormatUint(s.Created, 10) + `", "modified": "` + strconv.FormatUint(s.Modified, 10) + `"`)
	e.text(`, "streams": [`)
	e.in()
	for i, st := range s.Streams {
		e.next(i)
		e.text(`{"name": `)
		e.quote(st.Name)
		e.key("data")
		e.base64(st.Data)
		e.text("}")
	}
	e.end(len(s.Streams))
	e.text(`, "storages": [`)
	e.in()
	for i, sub := range s.Storages {
		e.next(i)
		e.storage(sub, depth+1)
	}
	e.end(len(s.Storages))
	e.text("}")
}
