package olm

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

// Bounds of one item.
const (
	maxNodes = 100000
	maxHeld  = 8 << 20 // bytes of text and attributes
	maxDepth = 64
)

// items are the elements that are items, with their message class.
var items = map[string]string{
	"email": "IPM.Note", "contact": "IPM.Contact", "group": "IPM.DistList",
	"appointment": "IPM.Appointment", "task": "IPM.Task", "note": "IPM.StickyNote",
}

// A node is an element of an item.
type node struct {
	name  string
	attrs []attr
	kids  []*node
	// text is the beginning of the text, up to [mapi.InlineLimit].
	text string
	// size counts the bytes of the whole text, units those of it in UTF-16
	// with CRLF for LF. index is the element's place among those of the item.
	size, units int64
	index       int
	used        bool // has a place in MAPI
}

func (n *node) large() bool { return n.size > int64(len(n.text)) }

// child is the first child of a name, which now has a place; nil when there is
// none.
func (n *node) child(name string) *node {
	for _, k := range n.kids {
		if k.name == name {
			k.used = true
			return k
		}
	}
	return nil
}

// get is the text of a child.
func (n *node) get(name string) string {
	if k := n.child(name); k != nil {
		return k.text
	}
	return ""
}

func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// write gives the element back as XML, without what says how to read spaces.
func (n *node) write(b *strings.Builder) {
	b.WriteString("<" + n.name)
	for _, a := range n.attrs {
		if a.name != "xml:space" {
			b.WriteString(" " + a.name + `="` + escape.Replace(a.value) + `"`)
		}
	}
	b.WriteString(">" + escape.Replace(n.text))
	for _, k := range n.kids {
		k.write(b)
	}
	b.WriteString("</" + n.name + ">")
}

// number reads a number, which may be written as 1E0.
func (n *node) number(name string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(n.get(name)), 64)
	return f, err == nil
}

func (n *node) bool(name string) bool {
	s := strings.TrimSpace(n.get(name))
	f, err := strconv.ParseFloat(s, 64)
	return err == nil && f > 0 || strings.EqualFold(s, "true") || strings.EqualFold(s, "yes")
}

var dateForms = []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02"}

func (n *node) date(name string) time.Time { return parseDate(n.get(name)) }

func parseDate(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, form := range dateForms {
		if t, err := time.Parse(form, s); err == nil && t.Year() > 1601 && t.Year() < 4500 {
			return t.UTC()
		}
	}
	return time.Time{}
}

// itemReader reads the items of one XML file.
type itemReader struct {
	s *scanner
	// expected is elementCount of the root, -1 without.
	expected int
	root     bool
	held     int
	nodes    int
}

func newItemReader(r io.Reader, file string) *itemReader {
	return &itemReader{s: newScanner(r, file), expected: -1}
}

// next reads the next item; nil at the end.
func (r *itemReader) next(ctx context.Context) (*node, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, err := r.s.next()
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if t != start {
			continue
		}
		if _, ok := items[r.s.name]; ok {
			r.held, r.nodes = 0, 0
			return r.element(0)
		}
		if !r.root {
			r.root = true
			for _, a := range r.s.attrs {
				if n, err := strconv.Atoi(a.value); err == nil && a.name == "elementCount" && n >= 0 {
					r.expected = n
				}
			}
		}
	}
}

// element reads an element whose start was read.
func (r *itemReader) element(depth int) (*node, error) {
	n := &node{name: r.s.name, attrs: r.s.attrs, index: r.nodes}
	for _, a := range n.attrs {
		r.held += len(a.name) + len(a.value)
	}
	r.nodes++
	switch {
	case depth > maxDepth:
		return nil, r.s.broken("elements are nested more than %d deep", maxDepth)
	case r.nodes > maxNodes || r.held > maxHeld:
		return nil, r.s.broken("an item has more elements than any item has")
	}
	var b strings.Builder
	last := byte(0)
	for {
		t, err := r.s.next()
		if err == io.EOF {
			err = r.s.broken("the file ends inside of the element %s", n.name)
		}
		if err != nil {
			return nil, err
		}
		switch t {
		case start:
			k, err := r.element(depth + 1)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, k)
		case end:
			if r.s.name != n.name {
				return nil, r.s.broken("the element %s is ended by %s", n.name, r.s.name)
			}
			if n.text = b.String(); len(n.kids) > 0 && strings.TrimSpace(n.text) == "" {
				n.text, n.size, n.units = "", 0, 0
			}
			r.held += len(n.text)
			return n, nil
		case text:
			n.units += units(r.s.text, &last)
			if room := mapi.InlineLimit - b.Len(); room > 0 && n.size == int64(b.Len()) {
				cut := min(room, len(r.s.text))
				for cut < len(r.s.text) && cut > 0 && !utf8.RuneStart(r.s.text[cut]) {
					cut--
				}
				b.Write(r.s.text[:cut])
			}
			n.size += int64(len(r.s.text))
		}
	}
}

// units counts the units of text in UTF-16 with CRLF for LF. last is the byte
// before.
func units(p []byte, last *byte) (n int64) {
	for i := 0; i < len(p); {
		c := p[i]
		if c < utf8.RuneSelf {
			if n++; c == '\n' && *last != '\r' {
				n++
			}
			*last = c
			i++
			continue
		}
		r, size := utf8.DecodeRune(p[i:])
		if n++; r > 0xFFFF {
			n++
		}
		*last = 0
		i += size
	}
	return n
}

// A textBlob is the text of an element that is too large to be held.
type textBlob struct {
	a     *archive
	e     *entry
	item  int // place of the item in its file
	index int // place of the element in its item
	wide  bool
	size  int64
}

func (b *textBlob) Size() int64 { return b.size }

// Open implements [mapi.Blob].
func (b *textBlob) Open(ctx context.Context) (io.ReadCloser, error) {
	f, err := b.e.file.Open()
	if err != nil {
		return nil, err
	}
	r := &textReader{b: b, f: f, s: newScanner(f, b.e.file.Name)}
	if err := r.find(ctx); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

type textReader struct {
	b     *textBlob
	f     io.Closer
	s     *scanner
	buf   []byte // not yet read
	store []byte
	depth int
	last  byte
	err   error
}

// find goes to the start of the element.
func (r *textReader) find(ctx context.Context) error {
	item, index, depth := -1, 0, 0
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		t, err := r.s.next()
		if err == io.EOF {
			err = fmt.Errorf("olm: %s has changed", r.b.e.file.Name)
		}
		if err != nil {
			return err
		}
		switch {
		case t == start && depth == 0:
			if _, ok := items[r.s.name]; ok {
				item, index, depth = item+1, 0, 1
			}
		case t == start:
			index++
			depth++
		case t == end && depth > 0:
			depth--
		}
		if t == start && depth > 0 && item == r.b.item && index == r.b.index {
			return nil
		}
	}
}

func (r *textReader) Read(p []byte) (int, error) {
	for len(r.buf) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		t, err := r.s.next()
		switch {
		case err == io.EOF:
			r.err = io.ErrUnexpectedEOF
		case err != nil:
			r.err = err
		case t == start:
			r.depth++
		case t == end:
			if r.depth--; r.depth < 0 {
				r.err = io.EOF
			}
		case r.depth == 0:
			if r.buf = r.s.text; r.b.wide {
				r.store = appendWide(r.store[:0], r.s.text, &r.last)
				r.buf = r.store
			}
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

func (r *textReader) Close() error { return r.f.Close() }

// appendWide writes text as UTF-16 with CRLF for LF.
func appendWide(dst, p []byte, last *byte) []byte {
	for i := 0; i < len(p); {
		r, size := utf8.DecodeRune(p[i:])
		i += size
		if r == '\n' && *last != '\r' {
			dst = append(dst, '\r', 0)
		}
		*last = 0
		if r < utf8.RuneSelf {
			*last = byte(r)
		}
		if r > 0xFFFF {
			r -= 0x10000
			hi, lo := 0xD800+r>>10, 0xDC00+r&0x3FF
			dst = append(dst, byte(hi), byte(hi>>8), byte(lo), byte(lo>>8))
			continue
		}
		dst = append(dst, byte(r), byte(r>>8))
	}
	return dst
}
