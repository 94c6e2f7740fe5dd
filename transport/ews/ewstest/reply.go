package ewstest

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

// Namespaces.
const (
	nsSOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	nsTypes    = "http://schemas.microsoft.com/exchange/services/2006/types"
	nsMessages = "http://schemas.microsoft.com/exchange/services/2006/messages"
	nsErrors   = "http://schemas.microsoft.com/exchange/services/2006/errors"
)

// A writer writes XML. Errors of the connection end the request and need no
// answer, so only [writer.flush] tells them.
type writer struct {
	w     *bufio.Writer
	q     Quirks
	stack []string
	err   error
}

func newWriter(w io.Writer, q Quirks) *writer {
	return &writer{w: bufio.NewWriterSize(w, 64<<10), q: q}
}

func (w *writer) raw(s string) {
	if _, err := w.w.WriteString(s); err != nil && w.err == nil {
		w.err = err
	}
}

func (w *writer) tag(name string, attrs []string, end string) {
	w.raw("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.raw(" " + attrs[i] + `="`)
		w.text(attrs[i+1])
		w.raw(`"`)
	}
	w.raw(end)
}

func (w *writer) open(name string, attrs ...string) {
	w.tag(name, attrs, ">")
	w.stack = append(w.stack, name)
}

func (w *writer) close() {
	n := len(w.stack) - 1
	w.raw("</" + w.stack[n] + ">")
	w.stack = w.stack[:n]
}

func (w *writer) empty(name string, attrs ...string) { w.tag(name, attrs, "/>") }

func (w *writer) elem(name, text string, attrs ...string) {
	w.open(name, attrs...)
	w.text(text)
	w.close()
}

func (w *writer) bool(name string, b bool) { w.elem(name, fmt.Sprint(b)) }

func (w *writer) int(name string, n int64) { w.elem(name, fmt.Sprint(n)) }

// text escapes. XML 1.0 2.2 says which characters there are.
func (w *writer) text(s string) {
	last := 0
	for i, r := range s {
		var esc string
		switch {
		case r == '<':
			esc = "&lt;"
		case r == '>':
			esc = "&gt;"
		case r == '&':
			esc = "&amp;"
		case r == '"':
			esc = "&quot;"
		case r == '\r':
			esc = "&#xD;"
		case r == '\n' || r == '\t':
			continue
		case r < 0x20 || r == 0xFFFE || r == 0xFFFF:
			esc = "\uFFFD"
			if w.q.ControlCharacters {
				esc = fmt.Sprintf("&#x%X;", r)
			}
		case r == utf8.RuneError:
			esc = "\uFFFD"
		default:
			continue
		}
		w.raw(s[last:i])
		w.raw(esc)
		_, n := utf8.DecodeRuneInString(s[i:])
		last = i + n
	}
	w.raw(s[last:])
}

// stream writes text that is not held in memory.
func (w *writer) stream(r io.Reader) error {
	br := bufio.NewReaderSize(r, 32<<10)
	buf := make([]byte, 0, 32<<10)
	for {
		r, _, err := br.ReadRune()
		if err == nil {
			buf = utf8.AppendRune(buf, r)
		}
		if err != nil || len(buf) > 30<<10 {
			w.text(string(buf))
			buf = buf[:0]
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// base64 writes a blob.
func (w *writer) base64(ctx context.Context, b mapi.Blob) error {
	r, err := b.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	enc := base64.NewEncoder(base64.StdEncoding, w.w)
	if _, err := io.Copy(enc, r); err != nil {
		return err
	}
	return enc.Close()
}

// time formats a time as the server does.
func (w *writer) time(t time.Time) string {
	if w.q.Fractions {
		return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

func (w *writer) flush() error {
	if err := w.w.Flush(); w.err == nil {
		w.err = err
	}
	return w.err
}

// prefix is that of SOAP elements.
func (q Quirks) prefix() string {
	if q.Prefix == "" {
		return "s"
	}
	return q.Prefix
}

// envelope starts a reply. The namespaces stand once more on the element in the
// body, so that it can be cut out.
func (w *writer) envelope(version string) {
	p := w.q.prefix()
	w.raw(`<?xml version="1.0" encoding="utf-8"?>`)
	w.open(p+":Envelope", "xmlns:"+p, nsSOAP)
	w.open(p + ":Header")
	build, ok := builds[version]
	if !ok {
		build = builds["Exchange2016"]
	}
	w.empty("h:ServerVersionInfo", "MajorVersion", build[0], "MinorVersion", build[1],
		"MajorBuildNumber", build[2], "MinorBuildNumber", build[3], "Version", build[4],
		"xmlns:h", nsTypes)
	w.close()
	w.open(p + ":Body")
}

// builds are the numbers that go with the newest version of a server.
var builds = map[string][5]string{
	"Exchange2007":     {"8", "0", "685", "24", "Exchange2007"},
	"Exchange2007_SP1": {"8", "3", "83", "6", "Exchange2007_SP1"},
	"Exchange2010":     {"14", "0", "639", "21", "Exchange2010"},
	"Exchange2010_SP1": {"14", "1", "438", "0", "Exchange2010_SP1"},
	"Exchange2010_SP2": {"14", "3", "513", "0", "Exchange2010_SP2"},
	"Exchange2013":     {"15", "0", "516", "32", "Exchange2013"},
	"Exchange2013_SP1": {"15", "0", "1497", "48", "V2_23"},
	"Exchange2015":     {"15", "1", "225", "42", "V2015_10_05"},
	"Exchange2016":     {"15", "1", "2507", "39", "V2017_07_11"},
}

// end closes everything.
func (w *writer) end() {
	for len(w.stack) > 0 {
		w.close()
	}
}

func words(s string) string { return strings.TrimSpace(s) }
