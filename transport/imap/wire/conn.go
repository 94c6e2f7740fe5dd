package wire

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// Literals says which literals need not wait for the server. RFC 7888
type Literals uint8

// Kinds of literals.
const (
	Synchronizing Literals = iota
	Small                  // LITERAL-: up to 4096 bytes do not wait
	Plus                   // LITERAL+: none waits
)

// A Conn is one connection. One goroutine uses it at a time. After an error of
// any method the connection is only to be closed.
//
// There is no limit on the time of a command; deadlines are up to the
// connection below.
type Conn struct {
	// Literals is Synchronizing at first.
	Literals Literals
	// Untagged is told of each untagged response before the caller is; it may
	// be nil.
	Untagged func(*Response)

	nc     net.Conn
	r      *Reader
	w      *bufio.Writer
	seq    uint
	broken error
}

// NewConn takes over a connection. Where that has a method Use (as dial.Conn
// has), it is what makes a context end a wait; where not, contexts are only
// looked at between waits.
func NewConn(nc net.Conn) *Conn {
	return &Conn{nc: nc, r: NewReader(nc), w: bufio.NewWriterSize(nc, 128<<10)}
}

// Upgrade runs what puts another layer (TLS) into the connection below. It
// fails when the server sent bytes that should have come inside it.
func (c *Conn) Upgrade(layer func() error) error {
	if n := c.r.br.Buffered(); n > 0 {
		c.broken = fmt.Errorf("the server sent %d bytes before TLS began; someone may be in the middle", n)
		return c.broken
	}
	if err := layer(); err != nil {
		c.broken = err
		return err
	}
	return nil
}

// Net is the connection below.
func (c *Conn) Net() net.Conn { return c.nc }

// Broken is the error that ended the connection, or nil.
func (c *Conn) Broken() error { return c.broken }

// Close closes the connection at once.
func (c *Conn) Close() error {
	if c.broken == nil {
		c.broken = net.ErrClosed
	}
	return c.nc.Close()
}

// Guard makes ctx end every wait, until stop is called. Methods that take a
// context do not guard by themselves, except [Conn.Do].
func (c *Conn) Guard(ctx context.Context) (stop func()) {
	u, ok := c.nc.(interface {
		Use(context.Context) func() bool
	})
	if !ok || ctx.Done() == nil {
		return func() {}
	}
	release := u.Use(ctx)
	return func() {
		// A context that ended may have set its mark on the connection, or be
		// about to.
		if (!release() || ctx.Err() != nil) && c.broken == nil {
			c.broken = context.Cause(ctx)
		}
	}
}

// fail remembers the error that broke the connection. The end of a context is
// told as such.
func (c *Conn) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cerr := ctx.Err(); cerr != nil {
		err = cerr
	} else if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if c.broken == nil {
		c.broken = err
	}
	return err
}

// Next reads a response. See [Reader.Next].
func (c *Conn) Next(ctx context.Context) (*Response, error) {
	if c.broken != nil {
		return nil, c.broken
	}
	res, err := c.r.Next()
	if err != nil {
		return nil, c.fail(ctx, err)
	}
	if res.Tag == "*" && c.Untagged != nil {
		c.Untagged(res)
	}
	return res, nil
}

// Attr reads a data item. See [Reader.Attr].
func (c *Conn) Attr(ctx context.Context) (Attr, bool, error) {
	a, ok, err := c.r.Attr()
	return a, ok, c.fail(ctx, err)
}

// A WriteError is an error of a literal's own writer, as against one of the
// connection.
type WriteError struct{ Err error }

func (e *WriteError) Error() string { return e.Err.Error() }

// Unwrap implements errors.
func (e *WriteError) Unwrap() error { return e.Err }

// Write writes a command and returns its tag; [Conn.Flush] sends what is
// buffered. Where a literal has to wait, responses are read in between: when
// the server ends the command there, early is its tagged response.
func (c *Conn) Write(ctx context.Context, cmd *Command) (tag string, early *Response, err error) {
	if c.broken != nil {
		return "", nil, c.broken
	}
	if err := ctx.Err(); err != nil {
		return "", nil, err
	}
	c.seq++
	tag = "m" + strconv.FormatUint(uint64(c.seq), 10)
	c.w.WriteString(tag)
	c.w.WriteByte(' ')
	for _, p := range cmd.parts {
		if p.write == nil {
			if _, err := c.w.Write(p.text); err != nil {
				return tag, nil, c.fail(ctx, c.lastWords(ctx, err))
			}
			continue
		}
		sync := waits(c.Literals, p.size)
		c.w.Write(literalHead(p.size, sync))
		if sync {
			if early, err = c.proceed(ctx, tag); early != nil || err != nil {
				return tag, early, err
			}
		}
		cw := &counting{w: c.w}
		werr := p.write(cw)
		switch {
		case cw.err != nil:
			return tag, nil, c.fail(ctx, c.lastWords(ctx, cw.err))
		case werr == nil && cw.n != p.size:
			werr = fmt.Errorf("the body has %d bytes, %d were announced", cw.n, p.size)
		}
		if werr != nil {
			c.broken = &WriteError{werr}
			c.nc.Close()
			return tag, nil, c.broken
		}
	}
	if _, err := c.w.WriteString("\r\n"); err != nil {
		return tag, nil, c.fail(ctx, c.lastWords(ctx, err))
	}
	return tag, nil, nil
}

// counting tells errors of the connection from those of the literal.
type counting struct {
	w   *bufio.Writer
	n   int64
	err error
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.err = err
	return n, err
}

// Line sends a line of an exchange that is under way (AUTHENTICATE, DONE).
func (c *Conn) Line(ctx context.Context, s string) error {
	if c.broken != nil {
		return c.broken
	}
	c.w.WriteString(s)
	c.w.WriteString("\r\n")
	return c.Flush(ctx)
}

// Flush sends what is buffered.
func (c *Conn) Flush(ctx context.Context) error {
	if c.broken != nil {
		return c.broken
	}
	if err := c.w.Flush(); err != nil {
		return c.fail(ctx, c.lastWords(ctx, err))
	}
	return nil
}

// proceed waits for the server's leave to send a literal.
func (c *Conn) proceed(ctx context.Context, tag string) (early *Response, err error) {
	if err := c.Flush(ctx); err != nil {
		return nil, err
	}
	for {
		res, err := c.Next(ctx)
		switch {
		case err != nil:
			return nil, err
		case res.Tag == "+":
			return nil, nil
		case res.Tag == tag:
			return res, nil
		case res.Name == "BYE":
			return nil, c.fail(ctx, &ByeError{res})
		}
	}
}

// A ByeError is the server's farewell.
type ByeError struct{ Response *Response }

func (e *ByeError) Error() string { return "the server closed the connection: " + e.Response.Text }

// lastWords finds the BYE of a server that does not read any more. The
// connection is broken, so a wait for it is short.
func (c *Conn) lastWords(ctx context.Context, werr error) error {
	if ctx.Err() != nil {
		return werr
	}
	c.nc.SetReadDeadline(time.Now().Add(2 * time.Second))
	for range 1000 {
		res, err := c.r.Next()
		if err != nil {
			break
		}
		if res.Name == "BYE" {
			return &ByeError{res}
		}
	}
	return werr
}

// Do runs one command. on is called for each untagged response; it may be nil.
// The tagged response is returned whatever it says. A BYE is an error unless
// the tagged response follows it.
func (c *Conn) Do(ctx context.Context, cmd *Command, on func(*Response) error) (*Response, error) {
	defer c.Guard(ctx)()
	tag, early, err := c.Write(ctx, cmd)
	if err != nil || early != nil {
		return early, err
	}
	if err := c.Flush(ctx); err != nil {
		return nil, err
	}
	return c.Wait(ctx, tag, on)
}

// Wait reads responses up to the one with the tag.
func (c *Conn) Wait(ctx context.Context, tag string, on func(*Response) error) (*Response, error) {
	var bye *Response
	for {
		res, err := c.Next(ctx)
		if err != nil {
			if bye != nil && ctx.Err() == nil {
				err = &ByeError{bye}
				c.broken = err
			}
			return nil, err
		}
		switch {
		case res.Tag == tag:
			return res, nil
		case res.Name == "BYE" && res.Tag == "*":
			bye = res
		case on != nil && res.Tag != "+":
			if err := on(res); err != nil {
				return nil, err
			}
		}
	}
}
