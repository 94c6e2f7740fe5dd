package ewstest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/spool"
)

// A node is an element of a request.
type node struct {
	name  string // without namespace
	attrs map[string]string
	text  string
	kids  []*node
	raw   []byte // what of the text was read so far
	// data is the decoded content of an element that holds base64.
	data *data
}

// data is decoded base64 in the spool.
type data struct {
	buf *spool.Buffer
	err error
}

func (d *data) blob() (mapi.Blob, error) {
	if d.err != nil {
		return nil, d.err
	}
	return d.buf.Blob()
}

func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (n *node) path(names ...string) *node {
	for _, name := range names {
		n = n.child(name)
	}
	return n
}

func (n *node) list(name string) []*node {
	if c := n.child(name); c != nil {
		return c.kids
	}
	return nil
}

func (n *node) attr(name string) string {
	if n == nil {
		return ""
	}
	return n.attrs[name]
}

func (n *node) value(name string) string {
	if c := n.child(name); c != nil {
		return c.text
	}
	return ""
}

func (n *node) isTrue(name string) bool { return boolean(n.value(name)) }

func boolean(s string) bool { return s == "true" || s == "1" }

// streamed are the elements whose base64 is decoded on its way in.
var streamed = map[string]bool{"MimeContent": true, "Content": true, "Data": true}

// maxTree bounds what of a request is held in memory.
const maxTree = 64 << 20

// maxDepth bounds the nesting of elements.
const maxDepth = 64

// parse reads a request into a tree.
func parse(r io.Reader, sp *spool.Spool) (*node, error) {
	d := &diverter{r: bufio.NewReaderSize(r, 64<<10), sp: sp}
	dec := xml.NewDecoder(io.LimitReader(d, maxTree))
	var stack []*node
	var root *node
	for {
		tok, err := dec.Token()
		if err == io.EOF && root != nil && len(stack) == 0 {
			return root, nil
		}
		if err != nil {
			return nil, errors.Join(err, d.err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local, attrs: map[string]string{}}
			for _, a := range t.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			if len(stack) == 0 {
				if root != nil {
					return nil, errors.New("two root elements")
				}
				root = n
			} else {
				up := stack[len(stack)-1]
				up.kids = append(up.kids, n)
			}
			if stack = append(stack, n); len(stack) > maxDepth {
				return nil, fmt.Errorf("elements are nested more than %d deep", maxDepth)
			}
		case xml.EndElement:
			n := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			n.text, n.raw = string(n.raw), nil
			if streamed[n.name] && len(n.kids) == 0 {
				// The diverter put the number of its buffer there.
				if i, err := strconv.Atoi(n.text); err == nil && i < len(d.bufs) {
					n.data = d.bufs[i]
				}
			}
		case xml.CharData:
			if len(stack) > 0 {
				n := stack[len(stack)-1]
				n.raw = append(n.raw, t...)
			}
		}
	}
}

// A diverter passes XML through, and takes the text of the elements that hold
// base64 out on the way: it goes, decoded, to the spool, and its number stays.
type diverter struct {
	r    *bufio.Reader
	sp   *spool.Spool
	out  bytes.Buffer
	bufs []*data
	err  error
}

func (d *diverter) Read(p []byte) (int, error) {
	for d.out.Len() == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.err = d.fill()
	}
	return d.out.Read(p)
}

// maxTag bounds one tag, maxSection a comment or a CDATA section.
const (
	maxTag     = 256 << 10
	maxSection = 16 << 20
)

// fill passes text up to the next tag, and that tag.
func (d *diverter) fill() error {
	text, err := d.r.ReadSlice('<')
	d.out.Write(text)
	if err == bufio.ErrBufferFull {
		return nil
	}
	if err != nil {
		return err
	}
	start := d.out.Len()
	var quote byte
	for n := 0; ; n++ {
		c, err := d.r.ReadByte()
		if err != nil {
			return err
		}
		d.out.WriteByte(c)
		tag := d.out.Bytes()[start:]
		switch {
		case n > maxTag && tag[0] != '!' || n > maxSection:
			return fmt.Errorf("a tag has more than %d bytes", n)
		case bytes.HasPrefix(tag, []byte("!--")):
			if len(tag) >= 5 && bytes.HasSuffix(tag, []byte("-->")) {
				return nil
			}
		case bytes.HasPrefix(tag, []byte("![CDATA[")):
			if bytes.HasSuffix(tag, []byte("]]>")) {
				return nil
			}
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return d.divert(string(tag))
		}
	}
}

// divert looks at a tag that was passed.
func (d *diverter) divert(tag string) error {
	name, _, _ := strings.Cut(strings.TrimSuffix(tag, ">"), " ")
	if strings.HasPrefix(name, "/") || strings.HasSuffix(tag, "/>") {
		return nil
	}
	if i := strings.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	if !streamed[strings.TrimSpace(name)] {
		return nil
	}
	fmt.Fprintf(&d.out, "%d", len(d.bufs))
	b := &data{buf: d.sp.Create()}
	d.bufs = append(d.bufs, b)
	text := &textReader{r: d.r}
	if _, b.err = io.Copy(b.buf, base64.NewDecoder(base64.StdEncoding, text)); b.err != nil {
		if _, err := io.Copy(io.Discard, text); err != nil {
			return err
		}
	}
	return text.err
}

// textReader reads up to the next tag, without blanks.
type textReader struct {
	r   *bufio.Reader
	err error
	end bool
}

func (t *textReader) Read(p []byte) (int, error) {
	n := 0
	for n == 0 && !t.end {
		if _, err := t.r.Peek(1); err != nil {
			t.end, t.err = true, err
			break
		}
		b, _ := t.r.Peek(min(t.r.Buffered(), len(p)))
		used := 0
		for _, c := range b {
			if c == '<' {
				t.end = true
				break
			}
			used++
			if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				p[n] = c
				n++
			}
		}
		_, _ = t.r.Discard(used)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
