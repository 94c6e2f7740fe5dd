package emlx

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// Bits of the flags.
const (
	bitRead      = 1 << 0
	bitDeleted   = 1 << 1
	bitAnswered  = 1 << 2
	bitFlagged   = 1 << 4
	bitDraft     = 1 << 6
	bitForwarded = 1 << 8
	bitJunk      = 1 << 24
	bitNotJunk   = 1 << 25
)

// maxPlist bounds the property list. Those of Apple Mail have some hundred
// bytes.
const maxPlist = 1 << 20

// A Message is one .emlx file.
type Message struct {
	// Mail is the mail as it is stored, in LF lines.
	Mail mapi.Section
	// Meta has what the property list says: Flags, Keywords, Received.
	Meta     transport.Meta
	Problems mapi.Problems
}

// Read reads a file of size bytes. The error is a [*mapi.FormatError] when it is
// no .emlx file.
func Read(r io.ReaderAt, size int64) (*Message, error) {
	head := make([]byte, min(size, 64))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	line, _, ok := bytes.Cut(head, []byte("\n"))
	n, err := strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
	if !ok || err != nil || n < 0 {
		return nil, &mapi.FormatError{Format: "emlx", Problem: mapi.Problem{Offset: 0, Detail: fmt.Sprintf("the first line is no length: %.40q", line)}}
	}
	m := &Message{Meta: transport.Meta{Size: n}}
	start := int64(len(line)) + 1
	if n > size-start {
		// QUIRK: a file that was edited has its old length, corpus
		// emlx/partial-emlx-converter/input/Messages/136153.partial.emlx. Its
		// property list tells where the mail ends.
		end, found := findPlist(r, start, size)
		m.Problems.Add(mapi.Problem{Severe: !found, Offset: 0, Field: "length", Detail: fmt.Sprintf("%d bytes are announced, the mail has %d", n, end-start)})
		n = end - start
	}
	m.Mail = mapi.Section{R: r, Off: start, N: n}
	if err := m.plist(io.NewSectionReader(r, start+n, min(size-start-n, maxPlist))); err != nil {
		m.Problems.Add(mapi.Problem{Offset: start + n, Field: "plist", Detail: err.Error()})
	}
	return m, nil
}

// findPlist looks for a property list at the end of a file.
func findPlist(r io.ReaderAt, start, size int64) (end int64, found bool) {
	from := max(start, size-64<<10)
	tail := make([]byte, size-from)
	if n, err := r.ReadAt(tail, from); n < len(tail) && err != nil {
		return size, false
	}
	i := bytes.LastIndex(tail, []byte("<?xml "))
	if i < 0 || !bytes.Contains(tail[i:], []byte("<plist")) {
		return size, false
	}
	return from + int64(i), true
}

// plist reads the keys of the outermost dictionary that matter here.
func (m *Message) plist(r *io.SectionReader) error {
	if r.Size() == 0 {
		return fmt.Errorf("there is no property list; flags and dates are not known")
	}
	dec := xml.NewDecoder(r)
	dec.Strict = false
	// Only ASCII matters to us; other character sets are passed as they are.
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	depth, key := 0, ""
	var text strings.Builder
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if t.Name.Local == "dict" || t.Name.Local == "array" {
				depth++
			}
			text.Reset()
		case xml.CharData:
			if text.Len() < 1<<10 {
				text.Write(t)
			}
		case xml.EndElement:
			switch name := t.Name.Local; {
			case name == "dict" || name == "array":
				depth--
			case depth != 1:
			case name == "key":
				key = text.String()
			default:
				m.value(key, strings.TrimSpace(text.String()))
				key = ""
			}
		}
	}
}

func (m *Message) value(key, text string) {
	switch key {
	case "flags":
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return
		}
		for bit, f := range map[uint64]transport.Flags{
			bitRead: transport.Seen, bitDeleted: transport.Deleted, bitAnswered: transport.Answered,
			bitFlagged: transport.Flagged, bitDraft: transport.Draft, bitForwarded: transport.Forwarded,
		} {
			if n&bit != 0 {
				m.Meta.Flags |= f
			}
		}
		switch {
		case n&bitJunk != 0:
			m.Meta.Keywords = []string{"$Junk"}
		case n&bitNotJunk != 0:
			m.Meta.Keywords = []string{"$NotJunk"}
		}
	case "date-received":
		if t := seconds(text); !t.IsZero() {
			m.Meta.Received = t
		}
	case "date-sent":
		if t := seconds(text); m.Meta.Received.IsZero() {
			m.Meta.Received = t
		}
	}
}

func seconds(text string) time.Time {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f <= 0 || f > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(f), 0).UTC()
}
