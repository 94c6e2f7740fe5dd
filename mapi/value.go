package mapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// A Charset reads and writes the bytes of [TypeString8] values. Package
// mapi/codepage has them all; this package only needs the view.
type Charset interface {
	// CodePage is the Windows code page number.
	CodePage() int
	// Decode turns bytes into text. Bytes that mean nothing become U+FFFD and
	// make ok false.
	Decode(b []byte) (text string, ok bool)
	// Encode turns text into bytes. Characters that have none become '?' and
	// make ok false.
	Encode(text string) (b []byte, ok bool)
	// NewReader decodes a stream to UTF-8.
	NewReader(r io.Reader) io.Reader
}

// A Value is one property value: its wire type and its raw bytes, unchanged.
// The raw form is that of [MS-OXCDATA] 2.11.1, little-endian, without counts
// and without the terminating zero that some encodings add to strings. A value
// is never changed once made, so it may be shared.
//
// A value of a variable type can be a [Blob] that was not read yet; multi-
// valued variable types hold their elements.
type Value struct {
	typ     Type
	charset Charset
	raw     []byte
	elems   [][]byte
	blob    Blob
}

// InlineLimit is the size up to which readers hold a value in memory. Larger
// values are blobs over their source.
const InlineLimit = 32 << 10

// textLimit bounds what [Value.Text] reads of a blob.
const textLimit = 1 << 20

// RawValue makes a value of a fixed or variable single type, or of a list of a
// fixed type, from raw bytes. Fixed types are cut or padded with zeros to
// their size. Use [Value.WithCharset] for [TypeString8].
func RawValue(t Type, raw []byte) Value {
	if n := t.FixedSize(); n > 0 {
		if !t.Multi() && len(raw) != n {
			b := make([]byte, n)
			copy(b, raw)
			raw = b
		} else if t.Multi() {
			raw = raw[:len(raw)/n*n]
		}
	}
	return Value{typ: t, raw: raw}
}

// BlobValue makes a value of a single variable type from a blob.
func BlobValue(t Type, b Blob) Value {
	if m, ok := b.(Bytes); ok {
		return Value{typ: t, raw: m}
	}
	return Value{typ: t, blob: b}
}

// MultiValue makes a list of a variable type from the raw bytes of its
// elements.
func MultiValue(t Type, elems [][]byte) Value { return Value{typ: t, elems: elems} }

// WithCharset states in which character set a [TypeString8] value is. A value
// without one is read as US-ASCII.
func (v Value) WithCharset(c Charset) Value { v.charset = c; return v }

// StringValue makes a Unicode string.
func StringValue(s string) Value { return Value{typ: TypeString, raw: EncodeUTF16(s)} }

// BinaryValue makes a binary value.
func BinaryValue(b []byte) Value { return Value{typ: TypeBinary, raw: b} }

// Int16Value makes a [TypeInteger16].
func Int16Value(n int16) Value {
	return Value{typ: TypeInteger16, raw: binary.LittleEndian.AppendUint16(nil, uint16(n))}
}

// Int32Value makes a [TypeInteger32].
func Int32Value(n int32) Value {
	return Value{typ: TypeInteger32, raw: binary.LittleEndian.AppendUint32(nil, uint32(n))}
}

// Int64Value makes a [TypeInteger64].
func Int64Value(n int64) Value {
	return Value{typ: TypeInteger64, raw: binary.LittleEndian.AppendUint64(nil, uint64(n))}
}

// Float64Value makes a [TypeFloating64].
func Float64Value(f float64) Value {
	return Value{typ: TypeFloating64, raw: binary.LittleEndian.AppendUint64(nil, math.Float64bits(f))}
}

// BoolValue makes a [TypeBoolean].
func BoolValue(b bool) Value {
	if b {
		return Value{typ: TypeBoolean, raw: []byte{1, 0}}
	}
	return Value{typ: TypeBoolean, raw: []byte{0, 0}}
}

// TimeValue makes a [TypeTime].
func TimeValue(t time.Time) Value {
	return Value{typ: TypeTime, raw: binary.LittleEndian.AppendUint64(nil, Filetime(t))}
}

// GUIDValue makes a [TypeGUID].
func GUIDValue(g GUID) Value { return Value{typ: TypeGUID, raw: append([]byte(nil), g[:]...)} }

// MultiStringValue makes a [TypeMultipleString].
func MultiStringValue(list []string) Value {
	elems := make([][]byte, len(list))
	for i, s := range list {
		elems[i] = EncodeUTF16(s)
	}
	return Value{typ: TypeMultipleString, elems: elems}
}

// Type is the wire type.
func (v Value) Type() Type { return v.typ }

// Charset is the character set of a string in a code page, or nil.
func (v Value) Charset() Charset { return v.charset }

// InMemory reports whether the bytes are held; if not, [Value.Blob] opens them.
func (v Value) InMemory() bool { return v.blob == nil }

// Raw is the raw form of a value that is held in memory: of a single value, or
// of a list of a fixed type its elements one after the other. It is nil for
// blobs and for lists of a variable type. It must not be changed.
func (v Value) Raw() []byte { return v.raw }

// Elems is the raw form of each element of a list. A single value is its own
// only element.
func (v Value) Elems() [][]byte {
	if !v.typ.Multi() {
		return [][]byte{v.raw}
	}
	if n := v.typ.FixedSize(); n > 0 {
		list := make([][]byte, 0, len(v.raw)/n)
		for i := 0; i+n <= len(v.raw); i += n {
			list = append(list, v.raw[i:i+n])
		}
		return list
	}
	return v.elems
}

// Elem is the i-th element of a list as a value of its own.
func (v Value) Elem(i int) Value {
	return Value{typ: v.typ.Elem(), charset: v.charset, raw: v.Elems()[i]}
}

// Blob is the raw form of a single value as a blob, whether held or not.
func (v Value) Blob() Blob {
	if v.blob != nil {
		return v.blob
	}
	return Bytes(v.raw)
}

// Size is the number of bytes of the raw form; of a list the sum over its
// elements.
func (v Value) Size() int64 {
	if v.blob != nil {
		return v.blob.Size()
	}
	n := int64(len(v.raw))
	for _, e := range v.elems {
		n += int64(len(e))
	}
	return n
}

// Int is the number in an integer, currency, error code or Boolean; a Boolean
// is 0 or 1.
func (v Value) Int() (int64, bool) {
	if len(v.raw) < v.typ.FixedSize() {
		return 0, false
	}
	switch v.typ {
	case TypeInteger16:
		return int64(int16(binary.LittleEndian.Uint16(v.raw))), true
	case TypeInteger32, TypeErrorCode:
		return int64(int32(binary.LittleEndian.Uint32(v.raw))), true
	case TypeInteger64, TypeCurrency:
		return int64(binary.LittleEndian.Uint64(v.raw)), true
	case TypeBoolean:
		// Only the low byte is defined; the second is padding in some forms.
		if v.raw[0] != 0 {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// Float is the number in a floating point value.
func (v Value) Float() (float64, bool) {
	if len(v.raw) < v.typ.FixedSize() {
		return 0, false
	}
	switch v.typ {
	case TypeFloating32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(v.raw))), true
	case TypeFloating64, TypeAppTime:
		return math.Float64frombits(binary.LittleEndian.Uint64(v.raw)), true
	}
	return 0, false
}

// Time is the instant of a [TypeTime], in UTC. It is false for other types and
// for the null times 0 and 0x0CB34557A3DD4000 (4501-01-01, "no date").
func (v Value) Time() (time.Time, bool) {
	if v.typ != TypeTime || len(v.raw) < 8 {
		return time.Time{}, false
	}
	return FiletimeTime(binary.LittleEndian.Uint64(v.raw))
}

// GUID is the value of a [TypeGUID].
func (v Value) GUID() (GUID, bool) {
	if v.typ != TypeGUID || len(v.raw) != 16 {
		return GUID{}, false
	}
	return GUID(v.raw), true
}

// Text is the text of a string value, "" for other types. Zeros at its end are
// cut, as Outlook does; damaged characters become U+FFFD. A blob is read up to
// 1 MiB: use [Value.OpenText] where more may matter.
func (v Value) Text() string {
	if !v.typ.IsString() || v.typ.Multi() {
		return ""
	}
	raw := v.raw
	if v.blob != nil {
		r, err := v.blob.Open(context.Background())
		if err != nil {
			return ""
		}
		defer r.Close()
		raw, _ = io.ReadAll(io.LimitReader(r, textLimit))
	}
	return decodeText(v.typ, v.charset, raw)
}

// AppendText appends what [Value.Text] gives of a value in memory to dst, which
// saves the copy of a long one. Of other values it appends nothing.
func (v Value) AppendText(dst []byte) []byte {
	if v.blob != nil || !v.typ.IsString() || v.typ.Multi() {
		return dst
	}
	if v.typ == TypeString {
		return appendUTF16(dst, trimUTF16(v.raw))
	}
	return append(dst, decodeText(v.typ, v.charset, v.raw)...)
}

// Texts is the text of each element of a list of strings; a single string is
// its own only element.
func (v Value) Texts() []string {
	if !v.typ.IsString() {
		return nil
	}
	if !v.typ.Multi() {
		return []string{v.Text()}
	}
	list := make([]string, len(v.elems))
	for i, e := range v.elems {
		list[i] = decodeText(v.typ.Elem(), v.charset, e)
	}
	return list
}

// OpenText reads a string value as UTF-8, however long. It fails for other
// types. Zeros are passed on.
func (v Value) OpenText(ctx context.Context) (io.ReadCloser, error) {
	if !v.typ.IsString() || v.typ.Multi() {
		return nil, fmt.Errorf("mapi: %v is not text", v.typ)
	}
	r, err := v.Blob().Open(ctx)
	if err != nil {
		return nil, err
	}
	var t io.Reader
	switch {
	case v.typ == TypeString:
		t = NewUTF16Reader(r)
	case v.charset != nil:
		t = v.charset.NewReader(r)
	default:
		t = r
	}
	return readCloser{t, r}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// trimUTF16 takes off the zeros at the end of UTF-16.
func trimUTF16(raw []byte) []byte {
	raw = raw[:len(raw)&^1]
	for len(raw) >= 2 && raw[len(raw)-1] == 0 && raw[len(raw)-2] == 0 {
		raw = raw[:len(raw)-2]
	}
	return raw
}

func decodeText(t Type, c Charset, raw []byte) string {
	if t == TypeString {
		return DecodeUTF16(trimUTF16(raw))
	}
	raw = bytes.TrimRight(raw, "\x00")
	if c != nil {
		s, _ := c.Decode(raw)
		return s
	}
	return string(bytes.ToValidUTF8(raw, []byte("\uFFFD")))
}

// DecodeUTF16 reads UTF-16LE; lone surrogates become U+FFFD, an odd last byte
// is ignored.
func DecodeUTF16(b []byte) string {
	var short [128]byte
	if len(b) <= len(short) {
		return string(appendUTF16(short[:0], b))
	}
	return string(appendUTF16(make([]byte, 0, len(b)/2+8), b))
}

// appendUTF16 is [DecodeUTF16] into dst.
func appendUTF16(dst, b []byte) []byte {
	for i := 0; i+1 < len(b); i += 2 {
		// Mostly it is ASCII: four units at a time.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			if w&0xFF80FF80FF80FF80 != 0 {
				break
			}
			w |= w >> 8
			w = w&0xFFFF | w>>16&0xFFFF0000
			dst = binary.LittleEndian.AppendUint32(dst, uint32(w))
			i += 8
		}
		if i+1 >= len(b) {
			break
		}
		r := rune(binary.LittleEndian.Uint16(b[i:]))
		if r < utf8.RuneSelf {
			dst = append(dst, byte(r))
			continue
		}
		if utf16.IsSurrogate(r) {
			var r2 rune
			if i+3 < len(b) {
				r2 = rune(binary.LittleEndian.Uint16(b[i+2:]))
			}
			if d := utf16.DecodeRune(r, r2); d != utf8.RuneError {
				r = d
				i += 2
			} else {
				r = utf8.RuneError
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// EncodeUTF16 writes UTF-16LE without a byte order mark.
func EncodeUTF16(s string) []byte {
	b := make([]byte, 0, 2*len(s))
	for _, r := range s {
		if r >= 0x10000 {
			hi, lo := utf16.EncodeRune(r)
			b = binary.LittleEndian.AppendUint16(b, uint16(hi))
			b = binary.LittleEndian.AppendUint16(b, uint16(lo))
			continue
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(r))
	}
	return b
}

// NewUTF16Reader decodes a stream of UTF-16LE to UTF-8.
func NewUTF16Reader(r io.Reader) io.Reader { return &utf16Reader{src: r} }

type utf16Reader struct {
	src io.Reader
	in  [4096]byte
	nIn int // bytes kept at the start of in: an odd byte or a high surrogate
	buf []byte
	out []byte // of buf
	err error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		n, err := u.src.Read(u.in[u.nIn:])
		n += u.nIn
		u.nIn = 0
		u.err = err
		use := n &^ 1
		if err == nil {
			// Keep a high surrogate until its other half is here.
			if use >= 2 && u.in[use-1]&0xFC == 0xD8 {
				use -= 2
			}
		}
		u.buf = appendUTF16(u.buf[:0], u.in[:use])
		u.out = u.buf
		if err == nil {
			u.nIn = copy(u.in[:], u.in[use:n])
		}
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}
