package imap

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// idleCheck is the age at which a connection is tried before it is used again.
const idleCheck = 30 * time.Second

// pool keeps the connections of a store.
type pool struct {
	s *Store

	mu      sync.Mutex
	idle    []*session // the one used last is at the end
	all     map[*session]struct{}
	open    int // with those that are being made
	limit   int
	waiters []chan struct{}
	closed  bool
}

func newPool(s *Store, limit int) *pool {
	return &pool{s: s, limit: limit, all: map[*session]struct{}{}}
}

var errClosed = &transport.Error{Kind: transport.Permanent, Op: "connect", Err: errors.New("the store is closed")}

// get takes a connection, one that has the mailbox open where there is one. It
// waits when the limit is reached.
func (p *pool) get(ctx context.Context, mailbox string) (*session, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, errClosed
		}
		if n := len(p.idle); n > 0 {
			at := n - 1
			for i, c := range p.idle {
				if mailbox != "" && c.mailbox == mailbox {
					at = i
				}
			}
			c := p.idle[at]
			p.idle = append(p.idle[:at], p.idle[at+1:]...)
			p.mu.Unlock()
			if time.Since(c.used) > idleCheck {
				if _, err := c.do(ctx, "noop", "", cmd("NOOP"), nil); err != nil {
					p.put(c)
					continue
				}
			}
			return c, nil
		}
		if p.open < p.limit {
			p.open++
			p.mu.Unlock()
			c, err := p.s.connect(ctx)
			p.mu.Lock()
			if err == nil && !p.closed {
				p.all[c] = struct{}{}
				p.mu.Unlock()
				return c, nil
			}
			p.open--
			p.wake()
			// A server that takes no more connections takes those that are
			// there.
			fewer := p.open > 0 && transport.KindOf(err) == transport.Throttled
			if fewer {
				p.limit = p.open
			}
			p.mu.Unlock()
			if err == nil {
				c.Close()
				return nil, errClosed
			}
			if fewer {
				continue
			}
			return nil, err
		}
		wake := make(chan struct{})
		p.waiters = append(p.waiters, wake)
		p.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			p.mu.Lock()
			p.wake() // the turn, should it have come, is the next one's
			p.mu.Unlock()
			return nil, ctx.Err()
		}
	}
}

// wake is called with the lock held.
func (p *pool) wake() {
	if len(p.waiters) > 0 {
		close(p.waiters[0])
		p.waiters = p.waiters[1:]
	}
}

// put gives a connection back. A broken one is dropped.
func (p *pool) put(c *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.Broken() != nil || p.closed {
		if _, ok := p.all[c]; ok {
			delete(p.all, c)
			p.open--
		}
		c.Close()
	} else {
		c.used = time.Now()
		p.idle = append(p.idle, c)
	}
	p.wake()
}

// forget makes connections leave a mailbox that is about to go.
func (p *pool) forget(mailbox string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; i < len(p.idle); i++ {
		if c := p.idle[i]; c.mailbox == mailbox {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			delete(p.all, c)
			p.open--
			c.Close()
			i--
		}
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	for _, c := range p.idle {
		c.logout()
	}
	for c := range p.all {
		c.nc.Close() // also those in use: their next word is an error
	}
	p.idle = nil
	for len(p.waiters) > 0 {
		p.wake()
	}
}
