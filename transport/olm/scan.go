package olm

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

// Bounds of the scanner.
const (
	maxTag  = 1 << 20 // bytes of one tag
	maxName = 256
	chunk   = 4096 // bytes of text that come at once, about
)

type token int

const (
	start token = iota + 1
	end
	text
)

type attr struct{ name, value string }

// A scanner gives the tags and texts of an XML file. Text comes in pieces, so
// that its length does not matter. Comments, processing instructions and
// declarations are passed over.
type scanner struct {
	r    *bufio.Reader
	n    int64 // bytes read
	file string

	name  string // of a tag
	attrs []attr
	text  []byte // valid until the next token
	empty bool   // the tag that was read ends itself
	cdata bool
	cr    bool // the byte before was a CR
}

func newScanner(r io.Reader, file string) *scanner {
	return &scanner{r: bufio.NewReaderSize(r, 32<<10), file: file}
}

func (s *scanner) broken(format string, args ...any) error {
	return &mapi.FormatError{Format: "olm", Problem: mapi.Problem{Severe: true, Where: s.file, Offset: s.n, Detail: fmt.Sprintf(format, args...)}}
}

func (s *scanner) byte() (byte, error) {
	b, err := s.r.ReadByte()
	if err == nil {
		s.n++
	}
	return b, err
}

func (s *scanner) unread() {
	if s.r.UnreadByte() == nil {
		s.n--
	}
}

// next reads a token. It is io.EOF at the end of the file.
func (s *scanner) next() (token, error) {
	if s.empty {
		s.empty = false
		return end, nil
	}
	for {
		if s.cdata {
			return s.character()
		}
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		if b != '<' {
			s.unread()
			return s.character()
		}
		switch b, err = s.must(); {
		case err != nil:
			return 0, err
		case b == '?':
			if err := s.skip("?>"); err != nil {
				return 0, err
			}
		case b == '!':
			if err := s.declaration(); err != nil {
				return 0, err
			}
		case b == '/':
			return end, s.endTag()
		default:
			s.unread()
			return start, s.startTag()
		}
	}
}

// must reads a byte inside of markup.
func (s *scanner) must() (byte, error) {
	b, err := s.byte()
	if err == io.EOF {
		err = s.broken("the file ends inside of a tag")
	}
	return b, err
}

func (s *scanner) skip(until string) error {
	at := 0
	for {
		b, err := s.must()
		if err != nil {
			return err
		}
		switch {
		case b == until[at]:
			at++
		case at > 0 && b == until[at-1] && at == len(until)-1 && until[at-1] == until[0]:
			// one more of the same, as in "--->"
		case b == until[0]:
			at = 1
		default:
			at = 0
		}
		if at == len(until) {
			return nil
		}
	}
}

// declaration passes what begins with "<!", and finds CDATA.
func (s *scanner) declaration() error {
	peek, _ := s.r.Peek(7)
	switch {
	case bytes.HasPrefix(peek, []byte("--")):
		s.discard(2)
		return s.skip("-->")
	case string(peek) == "[CDATA[":
		s.discard(7)
		s.cdata = true
		return nil
	}
	depth := 1
	for depth > 0 {
		b, err := s.must()
		if err != nil {
			return err
		}
		switch b {
		case '<', '[':
			depth++
		case '>', ']':
			depth--
		}
	}
	return nil
}

func (s *scanner) discard(n int) {
	n, _ = s.r.Discard(n)
	s.n += int64(n)
}

func space(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

func (s *scanner) readName(stop string) (string, byte, error) {
	var name []byte
	for {
		b, err := s.must()
		if err != nil {
			return "", 0, err
		}
		if space(b) || strings.IndexByte(stop, b) >= 0 {
			return string(name), b, nil
		}
		if name = append(name, b); len(name) > maxName {
			return "", 0, s.broken("a name is longer than %d bytes", maxName)
		}
	}
}

func (s *scanner) endTag() error {
	name, b, err := s.readName(">")
	s.name = name
	for err == nil && b != '>' {
		b, err = s.must()
	}
	return err
}

func (s *scanner) startTag() error {
	from := s.n
	s.attrs = nil
	name, b, err := s.readName("/>")
	if err != nil {
		return err
	}
	if name == "" {
		return s.broken("a tag has no name")
	}
	s.name = name
	for {
		for err == nil && space(b) {
			b, err = s.must()
		}
		switch {
		case err != nil:
			return err
		case s.n-from > maxTag:
			return s.broken("a tag is longer than %d bytes", maxTag)
		case b == '>':
			return nil
		case b == '/':
			if b, err = s.must(); err == nil && b == '>' {
				s.empty = true
				return nil
			}
			continue
		}
		s.unread()
		var a attr
		if a.name, b, err = s.readName("=/>"); err != nil {
			return err
		}
		for err == nil && space(b) {
			b, err = s.must()
		}
		if err == nil && b == '=' {
			if a.value, err = s.value(); err == nil {
				b, err = s.must()
			}
		}
		if a.name != "" {
			s.attrs = append(s.attrs, a)
		} else if b == '=' {
			b = ' '
		}
	}
}

// value reads the value of an attribute.
func (s *scanner) value() (string, error) {
	b, err := s.must()
	for err == nil && space(b) {
		b, err = s.must()
	}
	if err != nil {
		return "", err
	}
	if b != '"' && b != '\'' {
		s.unread()
		v, _, err := s.readName(">")
		s.unread()
		return v, err
	}
	quote := b
	var v []byte
	for {
		if b, err = s.must(); err != nil {
			return "", err
		}
		switch {
		case b == quote:
			return strings.ToValidUTF8(string(v), "\uFFFD"), nil
		case b == '&':
			v = s.entity(v)
		case space(b):
			v = append(v, ' ')
		default:
			v = append(v, b)
		}
		if len(v) > maxTag {
			return "", s.broken("a tag is longer than %d bytes", maxTag)
		}
	}
}

// entity reads what follows an ampersand. One that means nothing stays as it
// stands.
func (s *scanner) entity(v []byte) []byte {
	peek, _ := s.r.Peek(12)
	i := bytes.IndexByte(peek, ';')
	if i < 1 {
		return append(v, '&')
	}
	r := rune(-1)
	switch name := string(peek[:i]); name {
	case "amp":
		r = '&'
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "quot":
		r = '"'
	case "apos":
		r = '\''
	default:
		if hex, ok := strings.CutPrefix(name, "#x"); ok {
			if n, err := strconv.ParseUint(hex, 16, 21); err == nil {
				r = rune(n)
			}
		} else if dec, ok := strings.CutPrefix(name, "#"); ok {
			if n, err := strconv.ParseUint(dec, 10, 21); err == nil {
				r = rune(n)
			}
		}
	}
	if r < 0 {
		return append(v, '&')
	}
	s.discard(i + 1)
	return utf8.AppendRune(v, r)
}

// character reads a piece of text. Line ends become LF.
func (s *scanner) character() (token, error) {
	s.text = s.text[:0]
	valid := true
	for {
		b, err := s.byte()
		if err != nil {
			if err == io.EOF && len(s.text) > 0 {
				break
			}
			return 0, err
		}
		if len(s.text) >= chunk && b&0xC0 != 0x80 || len(s.text) >= chunk+utf8.UTFMax {
			s.unread()
			break
		}
		if s.cdata {
			if b == ']' {
				if peek, _ := s.r.Peek(2); string(peek) == "]>" {
					s.discard(2)
					s.cdata = false
					break
				}
			}
		} else if b == '<' {
			s.unread()
			break
		}
		switch {
		case b == '&' && !s.cdata:
			s.text = s.entity(s.text)
		case b == '\r':
			s.text = append(s.text, '\n')
		case b == '\n' && s.cr:
		default:
			valid = valid && b < utf8.RuneSelf
			s.text = append(s.text, b)
		}
		s.cr = b == '\r'
	}
	if !valid {
		s.text = bytes.ToValidUTF8(s.text, []byte("\uFFFD"))
	}
	return text, nil
}
