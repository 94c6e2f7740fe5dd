package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bounds of what is held in memory.
const (
	maxText    = 1 << 20 // a quoted string, a status line, a literal that is no body
	maxDepth   = 64      // lists within lists
	maxValues  = 1 << 18 // values of one response
	maxSkip    = 1 << 20 // bytes of a line that nobody reads
	maxNumbers = 1 << 26 // of a SEARCH response
)

// A SyntaxError says that the responses cannot be followed any more. The
// connection is of no use after it.
type SyntaxError struct {
	Offset int64 // in the bytes that the server sent
	Detail string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("the server's response cannot be read at byte %d: %s", e.Offset, e.Detail)
}

// A Response is one response of the server.
type Response struct {
	// Tag is "*", "+", or the tag of the command that ended.
	Tag string
	// Name is in upper case: OK, NO, BAD, BYE, PREAUTH, FETCH, LIST, EXISTS,
	// ...; "" for a continuation.
	Name string
	// Num stands before the name of some responses.
	Num uint32
	// Code and Arg are the response code without its brackets, the code in
	// upper case; Text is the rest of a status response or a continuation.
	Code, Arg, Text string
	// Values are the data of other responses.
	Values []Value
	// Numbers are those of a SEARCH or SORT response.
	Numbers []uint32
}

// Status reports whether the response is one of state: OK, NO, BAD, BYE,
// PREAUTH.
func (r *Response) Status() bool {
	switch r.Name {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// Args reads the argument of the response code.
func (r *Response) Args() []Value {
	p := Reader{br: bufio.NewReader(strings.NewReader(r.Arg + "\r\n")), left: maxValues}
	values, err := p.values()
	if err != nil {
		return nil
	}
	return values
}

// A Reader reads responses.
type Reader struct {
	br      *bufio.Reader
	off     int64
	fetch   bool // within the list of a FETCH response
	lit     *Literal
	left    int // values that the response may still have
	scratch []byte
	words   map[string]string
}

// NewReader reads from r.
func NewReader(r io.Reader) *Reader {
	return &Reader{br: bufio.NewReaderSize(r, 128<<10), words: map[string]string{}}
}

func (r *Reader) syntax(format string, args ...any) error {
	return &SyntaxError{r.off, fmt.Sprintf(format, args...)}
}

func (r *Reader) byte() (byte, error) {
	c, err := r.br.ReadByte()
	if err == nil {
		r.off++
	}
	return c, err
}

func (r *Reader) unread() {
	if r.br.UnreadByte() == nil {
		r.off--
	}
}

// word is text as a string; what comes often is kept once.
func (r *Reader) word(b []byte) string {
	if s, ok := r.words[string(b)]; ok {
		return s
	}
	s := string(b)
	if r.words != nil && len(s) <= 32 && len(r.words) < 512 {
		r.words[s] = s
	}
	return s
}

// Next reads the next response. What is left unread of the one before, a body
// for instance, is skipped. Of a FETCH response only the head is read;
// [Reader.Attr] gives the rest.
func (r *Reader) Next() (*Response, error) {
	if err := r.finish(); err != nil {
		return nil, err
	}
	r.left = maxValues
	var res Response
	for res.Tag == "" {
		tag, err := r.atom()
		if err != nil {
			return nil, err
		}
		if res.Tag = tag; tag == "" {
			if err := r.skipLine(); err != nil {
				return nil, err
			}
		}
	}
	if res.Tag == "+" {
		line, err := r.line()
		res.Text = strings.TrimLeft(line, " ")
		return &res, err
	}
	name, err := r.atom()
	if err != nil {
		return nil, err
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil && res.Tag == "*" {
		res.Num = uint32(n)
		if name, err = r.atom(); err != nil {
			return nil, err
		}
	}
	res.Name = strings.ToUpper(name)
	switch {
	case res.Status():
		return &res, r.status(&res)
	case res.Name == "FETCH":
		c, err := r.skipSpaces()
		if err != nil {
			return nil, err
		}
		if r.fetch = c == '('; !r.fetch {
			r.unread()
			return &res, r.skipLine()
		}
		return &res, nil
	case res.Name == "SEARCH" || res.Name == "SORT":
		return &res, r.numbers(&res)
	}
	if res.Values, err = r.values(); err != nil {
		return nil, err
	}
	return &res, nil
}

// finish skips what is left of the response before.
func (r *Reader) finish() error {
	for r.fetch {
		if _, _, err := r.Attr(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) status(res *Response) error {
	line, err := r.line()
	if err != nil {
		return err
	}
	line = strings.TrimLeft(line, " ")
	res.Text = line
	if !strings.HasPrefix(line, "[") {
		return nil
	}
	// QUIRK: resp-text-code ends with the first "]", but servers list flags
	// that hold one. Within parentheses it does not count.
	depth := 0
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ']':
			if depth > 0 {
				continue
			}
			code, arg, _ := strings.Cut(line[1:i], " ")
			res.Code, res.Arg = strings.ToUpper(code), strings.TrimSpace(arg)
			res.Text = strings.TrimLeft(line[i+1:], " ")
			return nil
		}
	}
	return nil
}

func (r *Reader) numbers(res *Response) error {
	for {
		c, err := r.skipSpaces()
		switch {
		case err != nil:
			return err
		case c < '0' || c > '9':
			// (MODSEQ n), or the end of the line.
			r.unread()
			return r.skipLine()
		case len(res.Numbers) >= maxNumbers:
			return r.syntax("more than %d numbers in a %s response", maxNumbers, res.Name)
		}
		var n uint64
		for ; err == nil && c >= '0' && c <= '9'; c, err = r.byte() {
			if n = n*10 + uint64(c-'0'); n > 1<<32-1 {
				return r.syntax("a number above 32 bits in a %s response", res.Name)
			}
		}
		if err != nil {
			return err
		}
		r.unread()
		res.Numbers = append(res.Numbers, uint32(n))
	}
}

// skipSpaces gives the first byte that is no space.
func (r *Reader) skipSpaces() (byte, error) {
	for {
		c, err := r.byte()
		if err != nil || c != ' ' {
			return c, err
		}
	}
}

// atom reads up to a space, a parenthesis or the end of the line, which is left
// unread. It is "" when there is nothing.
func (r *Reader) atom() (string, error) {
	if _, err := r.skipSpaces(); err != nil {
		return "", err
	}
	r.unread()
	b := r.scratch[:0]
	for {
		c, err := r.byte()
		if err != nil {
			return "", err
		}
		switch c {
		case ' ', '(', ')', '\r', '\n':
			r.unread()
			r.scratch = b
			return r.word(b), nil
		}
		if len(b) >= maxText {
			return "", r.syntax("a word of more than %d bytes", maxText)
		}
		b = append(b, c)
	}
}

// line reads to the end of the line. A bare CR is a byte like any other.
func (r *Reader) line() (string, error) {
	b := r.scratch[:0]
	for {
		part, err := r.br.ReadSlice('\n')
		r.off += int64(len(part))
		b = append(b, part...)
		if errors.Is(err, bufio.ErrBufferFull) && len(b) < maxText {
			continue
		}
		r.scratch = b[:0]
		if err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = r.syntax("a line of more than %d bytes", maxText)
			}
			return "", err
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
}

// skipLine reads to the end of the line, and over literals that it announces.
func (r *Reader) skipLine() error {
	total := 0
	for {
		line, err := r.line()
		if err != nil {
			return err
		}
		if total += len(line); total > maxSkip {
			return r.syntax("more than %d bytes that belong to nothing", maxSkip)
		}
		n, ok := literalAtEnd(line)
		if !ok {
			return nil
		}
		if err := r.discard(n); err != nil {
			return err
		}
	}
}

func literalAtEnd(line string) (int64, bool) {
	i := strings.LastIndexByte(line, '{')
	if i < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(line[i+1:len(line)-1], "+"), 10, 62)
	return int64(n), err == nil
}

func (r *Reader) discard(n int64) error {
	for n > 0 {
		k, err := r.br.Discard(int(min(n, 1<<30)))
		r.off += int64(k)
		n -= int64(k)
		if err != nil {
			return err
		}
	}
	return nil
}

// values reads to the end of the line.
func (r *Reader) values() ([]Value, error) {
	var list []Value
	for {
		c, err := r.skipSpaces()
		if err != nil {
			return nil, err
		}
		switch c {
		case '\r':
			continue
		case '\n':
			return list, nil
		case ')':
			continue // one too many
		}
		r.unread()
		v, err := r.value(0)
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
}

// value reads one value.
func (r *Reader) value(depth int) (Value, error) {
	c, err := r.skipSpaces()
	if err != nil {
		return Value{}, err
	}
	if r.left--; r.left < 0 {
		return Value{}, r.syntax("more than %d values in one response", maxValues)
	}
	switch c {
	case '(':
		return r.list(depth + 1)
	case '"':
		return r.quoted()
	case '{', '~':
		r.unread()
		n, ok, err := r.literalHead()
		if err != nil || !ok {
			return Value{Kind: Atom, Text: string(r.scratch)}, err
		}
		if n > maxText {
			// Nothing that is read whole is as large as that.
			return Value{}, r.discard(n)
		}
		var b strings.Builder
		k, err := io.CopyN(&b, r.br, n)
		r.off += k
		return Value{Kind: String, Text: b.String()}, eof(err)
	}
	r.unread()
	s, err := r.atom()
	if err != nil {
		return Value{}, err
	}
	if s == "" || strings.EqualFold(s, "NIL") {
		return Value{}, nil
	}
	return Value{Kind: Atom, Text: s}, nil
}

func eof(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *Reader) list(depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, r.syntax("lists are nested more than %d deep", maxDepth)
	}
	v := Value{Kind: List}
	for {
		c, err := r.skipSpaces()
		if err != nil {
			return v, err
		}
		switch c {
		case ')':
			return v, nil
		case '\r':
			continue
		case '\n':
			r.unread() // the list was not closed; the line was
			return v, nil
		}
		r.unread()
		e, err := r.value(depth)
		if err != nil {
			return v, err
		}
		v.List = append(v.List, e)
	}
}

// quoted reads after the first quote. A string that is not closed ends with the
// line.
func (r *Reader) quoted() (Value, error) {
	b := r.scratch[:0]
	for {
		c, err := r.byte()
		if err != nil {
			return Value{}, err
		}
		switch c {
		case '"':
			r.scratch = b
			return Value{Kind: String, Text: r.word(b)}, nil
		case '\n':
			r.unread()
			return Value{Kind: String, Text: strings.TrimSuffix(string(b), "\r")}, nil
		case '\\':
			if c, err = r.byte(); err != nil {
				return Value{}, err
			}
		}
		if len(b) >= maxText {
			return Value{}, r.syntax("a quoted string of more than %d bytes", maxText)
		}
		b = append(b, c)
	}
}

// literalHead reads {n}, {n+} or ~{n} with the line end after it. What is not
// one stays in scratch.
func (r *Reader) literalHead() (n int64, ok bool, err error) {
	word, err := r.atom()
	if err != nil {
		return 0, false, err
	}
	r.scratch = append(r.scratch[:0], word...)
	size, isLiteral := literalAtEnd(word)
	if !isLiteral || word[0] != '{' && !strings.HasPrefix(word, "~{") {
		return 0, false, nil
	}
	c, err := r.skipSpaces()
	if err == nil && c == '\r' {
		c, err = r.byte()
	}
	if err != nil {
		return 0, false, eof(err)
	}
	if c != '\n' {
		return 0, false, r.syntax("no line end after the literal %s", word)
	}
	return size, true, nil
}
