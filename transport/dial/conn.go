package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
)

const (
	defaultTimeout = 30 * time.Second
	defaultIdle    = 5 * time.Minute
)

// A Conn is a connection to a server. Reading and writing are up to one
// goroutine each.
type Conn struct {
	net.Conn // the TLS layer, where there is one
	guard    *guard
	o        *Options
}

// Dial connects, through the proxy where one is named, and shakes hands where
// TLS is implicit. Its errors are of kind [transport.Unavailable].
func (o *Options) Dial(ctx context.Context) (*Conn, error) {
	raw, err := o.connect(ctx)
	if err != nil {
		return nil, o.Error("connect", err)
	}
	idle := o.Idle
	if idle <= 0 {
		idle = defaultIdle
	}
	g := &guard{Conn: raw, idle: idle}
	c := &Conn{Conn: g, guard: g, o: o}
	if o.TLS == Implicit {
		if err := c.StartTLS(ctx); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// StartTLS upgrades the connection. What the caller has buffered of the
// unprotected part must be thrown away, and must be empty.
func (c *Conn) StartTLS(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.o.timeout(), errConnectTimeout)
	defer cancel()
	t := tls.Client(c.Conn, c.o.TLSConfig())
	if err := t.HandshakeContext(ctx); err != nil {
		if context.Cause(ctx) == errConnectTimeout {
			err = errConnectTimeout
		}
		return c.o.Error("tls", err)
	}
	c.Conn = t
	return nil
}

// Options are those that the connection was made with.
func (c *Conn) Options() *Options { return c.o }

// Secure reports whether the connection is protected.
func (c *Conn) Secure() bool {
	_, ok := c.Conn.(*tls.Conn)
	return ok
}

// Loopback reports whether the other end is this machine. Behind a proxy that
// is unknown, and false.
func (c *Conn) Loopback() bool {
	if c.o.Proxy != nil {
		return false
	}
	a, ok := c.RemoteAddr().(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}

// MayCarryPassword is nil when a password may be sent over the connection: it
// is protected, ends on this machine, or the user allows it.
func (c *Conn) MayCarryPassword() error {
	if c.Secure() || c.o.AllowCleartext || c.Loopback() {
		return nil
	}
	return &transport.Error{
		Kind: transport.Usage, Op: "login",
		Err:    errors.New("a password would cross the network unprotected"),
		Remedy: "drop tls=none, or give --allow-cleartext",
	}
}

// Use lets ctx end reads and writes until stop is called. A connection that was
// ended so cannot be used any more; stop reports whether it still can.
func (c *Conn) Use(ctx context.Context) (stop func() bool) { return c.guard.use(ctx) }

// SetIdle sets the longest wait for the other side, for a command that has its
// own (IDLE). 0 or less is the default.
func (c *Conn) SetIdle(d time.Duration) {
	if d <= 0 {
		if d = c.o.Idle; d <= 0 {
			d = defaultIdle
		}
	}
	c.guard.mu.Lock()
	c.guard.idle = d
	c.guard.mu.Unlock()
}

// guard gives each read and write a deadline of its own and lets a context end
// them. Deadlines that are set from above count too, except that they cannot
// undo the end of a context.
type guard struct {
	net.Conn
	mu          sync.Mutex
	idle        time.Duration
	read, write time.Time // from above
	err         error     // the end of a context
}

func (g *guard) use(ctx context.Context) func() bool {
	stop := context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.err == nil {
			g.err = ctx.Err()
		}
		g.Conn.SetDeadline(time.Unix(1, 0)) //nolint:errcheck // a dead connection is ended already
	})
	return func() bool {
		stop()
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.err == nil
	}
}

// arm sets the deadline of the next operation.
func (g *guard) arm(limit time.Time, set func(time.Time) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return g.err
	}
	t := time.Now().Add(g.idle)
	if !limit.IsZero() && limit.Before(t) {
		t = limit
	}
	return set(t)
}

// why is the context's error where that is the cause.
func (g *guard) why(err error) error {
	if err == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return g.err
	}
	return err
}

func (g *guard) Read(p []byte) (int, error) {
	if err := g.arm(g.limit(&g.read), g.Conn.SetReadDeadline); err != nil {
		return 0, err
	}
	n, err := g.Conn.Read(p)
	return n, g.why(err)
}

func (g *guard) Write(p []byte) (int, error) {
	if err := g.arm(g.limit(&g.write), g.Conn.SetWriteDeadline); err != nil {
		return 0, err
	}
	n, err := g.Conn.Write(p)
	return n, g.why(err)
}

func (g *guard) limit(t *time.Time) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return *t
}

func (g *guard) SetDeadline(t time.Time) error {
	return errors.Join(g.SetReadDeadline(t), g.SetWriteDeadline(t))
}

func (g *guard) SetReadDeadline(t time.Time) error {
	return g.above(&g.read, t, g.Conn.SetReadDeadline)
}

func (g *guard) SetWriteDeadline(t time.Time) error {
	return g.above(&g.write, t, g.Conn.SetWriteDeadline)
}

func (g *guard) above(at *time.Time, t time.Time, set func(time.Time) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	*at = t
	if g.err != nil || t.IsZero() {
		return nil
	}
	return set(t)
}
