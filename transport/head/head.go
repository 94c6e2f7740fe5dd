// Package head reads what a listing wants to know from the beginning of a mail:
// subject, Message-ID, dates.
//
// Start from [Read]. Not supported: headers longer than [Limit]; what lies
// beyond is not seen.
package head

import (
	"bytes"
	"io"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mime/header"
)

// Limit is how much of a mail is looked at.
const Limit = 256 << 10

// A Head is the header of a mail.
type Head struct {
	Fields header.Fields
	// Block is the header's bytes, with the empty line behind it when it was
	// reached.
	Block []byte
}

// Read reads up to the end of the header, in steps. The lines may end in LF or
// CRLF.
func Read(r io.Reader) (Head, error) {
	var buf []byte
	step := 4 << 10
	for len(buf) < Limit {
		at := len(buf)
		buf = append(buf, make([]byte, min(step, Limit-at))...)
		n, err := io.ReadFull(r, buf[at:])
		buf = buf[:at+n]
		if i := End(buf, max(at-3, 0)); i >= 0 {
			return Parse(buf[:i]), nil
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return Parse(buf), err
		}
		step = 64 << 10
	}
	return Parse(buf), nil
}

// Parse splits a header that is in memory.
func Parse(block []byte) Head { return Head{header.Parse(block), block} }

// End is the offset behind the empty line that ends a header, or -1. It looks
// from an offset on, which is not within a line's end.
func End(b []byte, from int) int {
	if from == 0 {
		switch {
		case bytes.HasPrefix(b, []byte("\n")):
			return 1
		case bytes.HasPrefix(b, []byte("\r\n")):
			return 2
		}
	}
	for i := from; ; i++ {
		k := bytes.IndexByte(b[i:], '\n')
		if k < 0 {
			return -1
		}
		i += k
		switch rest := b[i+1:]; {
		case bytes.HasPrefix(rest, []byte("\n")):
			return i + 2
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return i + 3
		}
	}
}

// Get is the unfolded value of the first field of a name.
func (h Head) Get(name string) string {
	for _, f := range h.Fields {
		if f.Is(name) {
			return f.Value()
		}
	}
	return ""
}

// Subject is the decoded subject.
func (h Head) Subject() string {
	for _, f := range h.Fields {
		if f.Is("subject") {
			return strings.ToValidUTF8(f.Text(nil), "\uFFFD")
		}
	}
	return ""
}

// MessageID is the Message-ID with its brackets.
func (h Head) MessageID() string {
	if ids := header.ParseIDs(h.Get("message-id")); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// Date is the date of the Date field, zero when there is none.
func (h Head) Date() time.Time {
	t, _ := header.ParseDate(h.Get("date"))
	return t
}

// Received is the date of the topmost Received field, else that of Date.
func (h Head) Received() time.Time {
	v := h.Get("received")
	if i := strings.LastIndexByte(v, ';'); i >= 0 {
		if t, ok := header.ParseDate(v[i+1:]); ok {
			return t
		}
	}
	return h.Date()
}
