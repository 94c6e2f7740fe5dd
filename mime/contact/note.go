package contact

import (
	"context"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/vcard"
)

// note makes NOTE the body.
func (r *cardReader) note() {
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if l.Name != "NOTE" || l.Data != nil {
			continue
		}
		if l.Long == nil {
			if l.Value != "" {
				r.setText(tag(mapi.PidTagBody), l.Text())
				return
			}
			continue
		}
		r.props.Set(mapi.PidTagBody, mapi.BlobValue(mapi.TypeString, entity.NewBlob(func(ctx context.Context) (io.ReadCloser, error) {
			t, err := l.OpenText(ctx)
			if err != nil {
				return nil, err
			}
			return &wideReader{src: t}, nil
		})))
		r.used[i] = true
		return
	}
}

// wideReader turns UTF-8 with LF into UTF-16LE with CRLF.
type wideReader struct {
	src  io.ReadCloser
	in   [2048]byte
	n    int
	buf  [8200]byte
	out  []byte
	fail error
	cr   bool
}

// Close implements io.Closer.
func (w *wideReader) Close() error { return w.src.Close() }

// Read implements io.Reader.
func (w *wideReader) Read(p []byte) (int, error) {
	for len(w.out) == 0 {
		if w.fail != nil {
			return 0, w.fail
		}
		k, err := w.src.Read(w.in[w.n:])
		w.n += k
		w.fail = err
		out := w.buf[:0]
		i := 0
		for i < w.n && (w.fail != nil || utf8.FullRune(w.in[i:w.n])) {
			c, size := utf8.DecodeRune(w.in[i:w.n])
			i += size
			if c == '\n' && !w.cr {
				out = append(out, '\r', 0)
			}
			w.cr = c == '\r'
			switch {
			case c == 0:
			case c >= 0x10000:
				hi, lo := utf16.EncodeRune(c)
				out = append(out, byte(hi), byte(hi>>8), byte(lo), byte(lo>>8))
			default:
				out = append(out, byte(c), byte(c>>8))
			}
		}
		w.n = copy(w.in[:], w.in[i:w.n])
		w.out = out
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// noteLine writes the body: the plain text, or what the formatted one says.
func (x *exporter) noteLine() {
	ps := x.m.Props
	v, ok := ps.Get(mapi.PidTagBody)
	if ok && v.Size() > 0 {
		if v.InMemory() {
			if s := strings.ReplaceAll(lf(v.Text()), "\x00", ""); s != "" {
				x.g.add("NOTE", vcard.Escape(s))
			}
			return
		}
		x.g.lines = append(x.g.lines, vcard.Line{Name: "NOTE", Long: entity.NewBlob(func(ctx context.Context) (io.ReadCloser, error) {
			r, err := v.OpenText(ctx)
			if err != nil {
				return nil, err
			}
			return vcard.NewEscaper(r), nil
		})})
		return
	}
	b, ok := ps.Get(mapi.PidTagRtfCompressed)
	if !ok || b.Size() == 0 {
		return
	}
	r, err := b.Blob().Open(x.ctx)
	if err != nil {
		x.problems.Add(mapi.Problem{Severe: true, Where: "PidTagRtfCompressed", Offset: -1, Detail: err.Error()})
		return
	}
	defer r.Close()
	var text strings.Builder
	_, err = rtf.ToText(&text, rtf.NewReader(r), &rtf.Options{CodePage: codepage.OfMessage(ps), MaxOutput: maxNote})
	if err != nil {
		x.problems.Add(mapi.Problem{Severe: true, Where: "PidTagRtfCompressed", Offset: -1, Detail: "the body cannot be read: " + err.Error(), Spec: "[MS-OXRTFCP] 2.1.3.1"})
	}
	if s := lf(text.String()); strings.TrimSpace(s) != "" {
		x.g.add("NOTE", vcard.Escape(s))
	}
}

// maxNote bounds a body that is made of RTF, which is held.
const maxNote = 4 << 20
