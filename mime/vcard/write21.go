package vcard

import (
	"context"
	"strings"
)

// line21 writes a line of 2.1: types without a name, base64 ended by an empty
// line, anything but ASCII in quoted-printable. o holds what comes before the
// value.
func (w *Writer) line21(ctx context.Context, l, o *Line) error {
	var b strings.Builder
	if o.Group != "" {
		b.WriteString(o.Group + ".")
	}
	b.WriteString(o.Name)
	for _, p := range o.Params {
		if p.Name == "TYPE" {
			// The form TYPE=x may stand for x; bare is what all read.
			for _, v := range p.Values {
				for t := range strings.SplitSeq(v, ",") {
					if t = paramCleaner21.Replace(strings.TrimSpace(t)); t != "" {
						b.WriteString(";" + t)
					}
				}
			}
			continue
		}
		for _, v := range p.Values {
			b.WriteString(";" + p.Name + "=" + paramCleaner21.Replace(v))
		}
	}
	if l.Data != nil {
		if len(o.Types()) == 0 {
			if t := typeOfMedia(MediaType(l)); t != "" {
				b.WriteString(";" + t)
			}
		}
		w.raw(clean(b.String()) + ";ENCODING=BASE64:")
		w.col = foldAt // the content begins on a line of its own
		if err := w.base64(ctx, l.Data, func(p []byte) { w.folded(string(p)) }); err != nil {
			return err
		}
		w.end()
		w.end()
		return w.err
	}
	list := isList(o.Name)
	plain := l.Long == nil
	if plain {
		for i := 0; i < len(l.Value); i++ {
			if c := l.Value[i]; c >= 0x7F || c < ' ' && c != '\t' || c == '\\' && i+1 < len(l.Value) && (l.Value[i+1] == 'n' || l.Value[i+1] == 'N') {
				plain = false
				break
			}
			if l.Value[i] == '\\' {
				i++
			}
		}
	}
	if plain {
		w.raw(clean(b.String()) + ":" + value21(l.Value, list))
		w.end()
		return w.err
	}
	w.raw(clean(b.String()) + ";CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:")
	w.col = foldAt - 1
	if l.Long != nil {
		return w.long(ctx, l.Long, func(s string) { w.quoted(value21(s, list)) })
	}
	w.quoted(value21(l.Value, list))
	w.end()
	return w.err
}

// paramCleaner21 takes from a parameter what 2.1 has no way to say.
var paramCleaner21 = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", `"`, "'", ";", " ", ":", " ", ",", " ")

// value21 brings the escapes of RFC 6350 to those of 2.1, where a comma needs
// one in a list only.
func value21(s string, list bool) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 'N':
			b.WriteString("\r\n")
		case '\\', ';':
			b.WriteByte('\\')
			b.WriteByte(s[i])
		case ',':
			if list {
				b.WriteByte('\\')
			}
			b.WriteByte(',')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// quoted writes quoted-printable with soft breaks.
func (w *Writer) quoted(s string) {
	const digits = "0123456789ABCDEF"
	var b [3]byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		n := 1
		b[0] = c
		if c >= 0x7F || c < ' ' || c == '=' || c == ' ' && (i+1 == len(s) || s[i+1] == '\r') {
			b = [3]byte{'=', digits[c>>4], digits[c&15]}
			n = 3
		}
		if w.col+n > foldAt-1 {
			w.raw("=\r\n")
			w.col = 0
			if b[0] == ' ' {
				// A blank at the start would look like a fold.
				b = [3]byte{'=', '2', '0'}
				n = 3
			}
		}
		w.raw(string(b[:n]))
		w.col += n
	}
}
