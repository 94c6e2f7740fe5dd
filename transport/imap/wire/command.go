package wire

import (
	"io"
	"strconv"
)

// A Command is what is sent after a tag.
type Command struct{ parts []part }

// part is text, or a literal that is written by a function.
type part struct {
	text  []byte
	size  int64
	write func(io.Writer) error
}

// Cmd begins a command.
func Cmd(text string) *Command {
	return &Command{parts: []part{{text: []byte(text)}}}
}

func (c *Command) last() *part {
	p := &c.parts[len(c.parts)-1]
	if p.write != nil {
		c.parts = append(c.parts, part{})
		p = &c.parts[len(c.parts)-1]
	}
	return p
}

// Raw appends text as it is.
func (c *Command) Raw(s string) *Command {
	p := c.last()
	p.text = append(p.text, s...)
	return c
}

// Set appends ascending numbers as a set.
func (c *Command) Set(numbers []uint32) *Command {
	p := c.last()
	p.text = AppendSet(p.text, numbers)
	return c
}

// String appends a string: quoted where that can be, else as a literal.
func (c *Command) String(s string) *Command {
	if !quotable(s) {
		return c.Literal(int64(len(s)), func(w io.Writer) error {
			_, err := io.WriteString(w, s)
			return err
		})
	}
	p := c.last()
	p.text = append(p.text, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			p.text = append(p.text, '\\')
		}
		p.text = append(p.text, s[i])
	}
	p.text = append(p.text, '"')
	return c
}

func quotable(s string) bool {
	if len(s) > 900 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' || c >= 0x80 {
			return false
		}
	}
	return true
}

// UTF8 appends a quoted string that may hold UTF-8, which a server takes after
// ENABLE UTF8=ACCEPT. RFC 6855 3
func (c *Command) UTF8(s string) *Command {
	p := c.last()
	p.text = append(p.text, '"')
	for i := range len(s) {
		switch s[i] {
		case '"', '\\':
			p.text = append(p.text, '\\')
		case 0, '\r', '\n':
			continue
		}
		p.text = append(p.text, s[i])
	}
	p.text = append(p.text, '"')
	return c
}

// Literal appends size bytes that write gives. An error of write, or another
// number of bytes, breaks the connection: what was announced cannot be taken
// back.
func (c *Command) Literal(size int64, write func(io.Writer) error) *Command {
	c.parts = append(c.parts, part{size: size, write: write})
	return c
}

// Waits reports whether the command has a literal that waits for the server. It
// may then not be sent while others are unanswered, as their answers would be
// read, and lost, within the wait.
func (c *Command) Waits(l Literals) bool {
	for _, p := range c.parts {
		if p.write != nil && waits(l, p.size) {
			return true
		}
	}
	return false
}

func waits(l Literals, size int64) bool {
	return l == Synchronizing || l == Small && size > 4096
}

func literalHead(size int64, sync bool) []byte {
	b := strconv.AppendInt([]byte{'{'}, size, 10)
	if !sync {
		b = append(b, '+')
	}
	return append(b, "}\r\n"...)
}
