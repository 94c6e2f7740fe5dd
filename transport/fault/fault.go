// Package fault makes a store fail on order, so that tests reach every path of
// retrying and resuming.
//
// Start from [New], then order faults with [Faults.On] and wrap a store with
// [Faults.Source] or [Faults.Sink]. Orders of one method are used up in turn,
// one for each call; a method without an order works as it does.
//
// Not supported: faults at random; a test says what fails.
package fault

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// ErrReset is what a broken connection looks like when no other error is named.
var ErrReset = &transport.Error{Kind: transport.Temporary, Op: "read", Err: errors.New("connection reset by peer")}

// Faults is a list of orders. It may be used by several goroutines, and by the
// wrappers of several stores at once.
type Faults struct {
	mu     sync.Mutex
	orders map[string][]*Fault
	hit    map[string]int
}

// New has no orders.
func New() *Faults { return &Faults{orders: map[string][]*Fault{}, hit: map[string]int{}} }

// A Fault is one order. Its methods add to it and return it.
type Fault struct {
	left    int
	instead error
	later   error
	after   int // elements of a sequence or batch that pass first
	short   int64
	stall   bool
}

// On orders a fault for the next call of a method: Folders, Items, Fetch,
// Ensure, Put, PutBatch, Mark, Since, SetFlags, Move, Delete. A fault without
// further words does nothing, so that a call can be let pass.
func (fs *Faults) On(method string) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := &Fault{left: 1, after: -1, short: -1}
	fs.orders[method] = append(fs.orders[method], f)
	return f
}

// Hit tells how many orders of a method were used up.
func (fs *Faults) Hit(method string) int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.hit[method]
}

// Left tells how many orders are still open.
func (fs *Faults) Left() int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	n := 0
	for _, l := range fs.orders {
		n += len(l)
	}
	return n
}

// ErrorInstead fails without doing anything.
func (f *Fault) ErrorInstead(err error) *Fault { f.instead = err; return f }

// ErrorAfter does the work and then fails, as when a connection breaks before
// the answer: the caller does not know the outcome.
func (f *Fault) ErrorAfter(err error) *Fault { f.later = err; return f }

// ResetAfter breaks a sequence or a batch with [ErrReset] when n elements have
// passed.
func (f *Fault) ResetAfter(n int) *Fault { return f.BreakAfter(n, ErrReset) }

// BreakAfter is ResetAfter with an error of choice.
func (f *Fault) BreakAfter(n int, err error) *Fault { f.after, f.later = n, err; return f }

// Short breaks bodies off after n bytes with [ErrReset].
func (f *Fault) Short(n int64) *Fault { f.short = n; return f }

// Stall makes the call hang until its context ends.
func (f *Fault) Stall() *Fault { f.stall = true; return f }

// Repeat uses the order n times.
func (f *Fault) Repeat(n int) *Fault { f.left = n; return f }

// pass is a fault that does nothing.
var pass = &Fault{after: -1, short: -1}

// take uses up the next order of a method.
func (fs *Faults) take(method string) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	list := fs.orders[method]
	if len(list) == 0 {
		return pass
	}
	f := list[0]
	fs.hit[method]++
	if f.left--; f.left <= 0 {
		fs.orders[method] = list[1:]
	}
	return f
}

// before is what a call does first.
func (f *Fault) before(ctx context.Context) error {
	if f.stall {
		<-ctx.Done()
		return ctx.Err()
	}
	return f.instead
}

// content breaks the body off where the order says so.
func (f *Fault) content(c *transport.Content) *transport.Content {
	if f.short < 0 || c == nil || c.MIME == nil {
		return c
	}
	out := *c
	out.MIME = shortBlob{c.MIME, f.short}
	out.OnClose = c.Close
	return &out
}

type shortBlob struct {
	mapi.Blob
	n int64
}

func (s shortBlob) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := s.Blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &shortReader{r, s.n}, nil
}

type shortReader struct {
	io.ReadCloser
	left int64
}

func (s *shortReader) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, ErrReset
	}
	n, err := s.ReadCloser.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	return n, err
}
