package mapihttp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
)

const (
	// maxRopOut is how much one answer may have: one extended buffer.
	maxRopOut = 0x10008
	// maxChain is the same where the server may give several buffers at once.
	maxChain = 0x40000
	// maxHandles bounds the handle table of one request; indexes are bytes.
	maxHandles = 255
)

// A batch is the operations of one Execute. Operations are told apart by their
// place, which out and in return.
type batch struct {
	s       *session
	op      string
	buf     rop.RequestBuffer
	flags   uint32
	answers []*rop.Response
	extra   []rop.Response // answers that nobody asked for: further buffers of a chain
}

func (s *session) batch(op string) *batch {
	b := &batch{s: s, op: op, flags: rop.NoXorMagic}
	if !s.k.compress {
		b.flags |= rop.NoCompression
	}
	for _, h := range s.release {
		if len(b.buf.Handles) < maxHandles/2 {
			b.in(b.put(h), &rop.Release{})
			b.s.cols.Forget(h)
		}
	}
	s.release = s.release[min(len(s.release), len(b.buf.Handles)):]
	return b
}

// put is the index of a handle.
func (b *batch) put(h uint32) uint8 {
	for i, old := range b.buf.Handles {
		if old == h && h != rop.NoHandle {
			return uint8(i)
		}
	}
	b.buf.Handles = append(b.buf.Handles, h)
	return uint8(len(b.buf.Handles) - 1)
}

// in adds an operation on the object at an index.
func (b *batch) in(index uint8, body rop.RequestBody) int {
	b.buf.Requests = append(b.buf.Requests, rop.Request{In: index, Body: body})
	return len(b.buf.Requests) - 1
}

// out adds an operation that makes an object; see index.
func (b *batch) out(index uint8, body rop.RequestBody) int {
	n := b.in(index, body)
	b.buf.Handles = append(b.buf.Handles, rop.NoHandle)
	b.buf.Requests[n].Out = uint8(len(b.buf.Handles) - 1)
	return n
}

// two adds an operation on two objects.
func (b *batch) two(in, out uint8, body rop.RequestBody) int {
	n := b.in(in, body)
	b.buf.Requests[n].Out = out
	return n
}

// index is where the object that operation n makes is in the handle table.
func (b *batch) index(n int) uint8 { return b.buf.Requests[n].Out }

// handle is the object that operation n made.
func (b *batch) handle(n int) uint32 { return b.buf.Handles[b.buf.Requests[n].Out] }

// err is how operation n ended.
func (b *batch) err(n int) error {
	switch a := b.answers[n]; {
	case a == nil:
		return fmt.Errorf("%v was not answered", b.buf.Requests[n].Body.ROP())
	case a.Code == rop.Success:
		return nil
	default:
		return fmt.Errorf("%v: %w", b.buf.Requests[n].Body.ROP(), a.Code)
	}
}

// result is the fields of the answer to operation n; nil when there are none.
func (b *batch) result(n int) rop.Body {
	if a := b.answers[n]; a != nil {
		return a.Body
	}
	return nil
}

// first is the first error of the operations.
func (b *batch) first() error {
	for n, r := range b.buf.Requests {
		if r.Body.ROP() == rop.IDRelease {
			continue
		}
		if err := b.err(n); err != nil {
			return err
		}
	}
	return nil
}

// made are the objects that the operations made, to be released.
func (b *batch) made() []uint32 {
	var list []uint32
	for n, r := range b.buf.Requests {
		if a := b.answers[n]; a != nil && a.Code == rop.Success && r.Out != 0 && r.In != r.Out {
			switch r.Body.(type) {
			case *rop.SaveChangesMessage, *rop.SaveChangesAttachment, *rop.SetMessageReadFlag, *rop.MoveCopyMessages, *rop.MoveFolder, *rop.CopyTo:
			default:
				list = append(list, b.handle(n))
			}
		}
	}
	return list
}

// free gives objects back with the next request.
func (s *session) free(handles ...uint32) { s.release = append(s.release, handles...) }

// use takes an object out of those that will be given back.
func (s *session) use(handle uint32) {
	s.release = slices.DeleteFunc(s.release, func(h uint32) bool { return h == handle })
}

// do sends the operations. What does not fit into one answer is sent again. The
// error is that of the request as a whole; see first for the others.
func (b *batch) do(ctx context.Context) error {
	b.answers = make([]*rop.Response, len(b.buf.Requests))
	from, limit := 0, uint32(maxRopOut)
	if b.flags&rop.Chain != 0 {
		limit = maxChain
	}
	for from < len(b.buf.Requests) {
		next, err := b.execute(ctx, from, limit)
		if err != nil {
			return err
		}
		if next == from {
			if limit >= maxChain {
				return &transport.Error{Op: b.op, Err: fmt.Errorf("%v: %w", b.buf.Requests[from].Body.ROP(), rop.BufferTooSmall)}
			}
			limit = maxChain
			continue
		}
		from = next
	}
	return nil
}

// execute sends the operations from one on, and gives the first that was not
// done.
func (b *batch) execute(ctx context.Context, from int, limit uint32) (int, error) {
	s := b.s
	wrap := rop.HeaderFlags(0)
	if s.k.compress {
		wrap = rop.Compressed
	}
	rgb, err := rop.WrapRequests(&rop.RequestBuffer{Requests: b.buf.Requests[from:], Handles: b.buf.Handles}, wrap)
	if err != nil {
		return from, &transport.Error{Op: b.op, Err: err}
	}
	body, err := rop.MarshalBody(&rop.ExecuteRequest{Flags: b.flags, RopBuffer: rgb, MaxRopOut: limit})
	if err != nil {
		return from, &transport.Error{Op: b.op, Err: err}
	}
	data, err := s.k.post(ctx, b.op, s.url, "Execute", &s.jar, body)
	if err != nil {
		s.dead = true // the cookies may be behind
		return from, err
	}
	broken := func(err error) error {
		s.dead = true
		return &transport.Error{Kind: transport.Temporary, Unsettled: true, Op: b.op, Err: err}
	}
	var answer rop.ExecuteResponse
	if err := rop.ParseBody(data, &answer); err != nil {
		return from, broken(err)
	}
	if err := s.status("Execute", answer.Status); err != nil {
		if contextLost(err) || answer.StatusCode != 0 {
			s.dead = true
		}
		return from, fail(b.op, transport.Folder{}, "", err)
	}
	payloads, err := rop.ParsePayloads(answer.RopBuffer)
	if err != nil {
		return from, broken(err)
	}
	asked := b.buf.Requests[from:]
	at := from
	for i, p := range payloads {
		got, err := rop.ParseResponse(p.Data, asked, &s.cols)
		if err != nil {
			return from, broken(err)
		}
		asked = nil
		if i == 0 {
			for n := range b.buf.Handles {
				if n < len(got.Handles) {
					b.buf.Handles[n] = got.Handles[n]
				}
			}
		}
		if at, err = b.take(got.Responses, at, i > 0); err != nil {
			return at, err
		}
		if at < 0 {
			return -at - 1, nil
		}
	}
	return len(b.buf.Requests), nil
}

// take puts answers to their operations. A negative result is -n-1 where
// operation n and those after it were not done.
func (b *batch) take(list []rop.Response, at int, chained bool) (int, error) {
	for _, r := range list {
		switch body := r.Body.(type) {
		case *rop.Notify:
			if b.s.keep && len(b.s.notices) < 10000 {
				b.s.notices = append(b.s.notices, body)
			}
			continue
		case *rop.Pending:
			continue
		case *rop.Backoff:
			return at, &transport.Error{
				Kind: transport.Throttled, Op: b.op, After: time.Duration(body.Duration) * time.Millisecond,
				Err: errors.New("the server asks to wait (RopBackoff)"),
			}
		case *rop.TooSmall:
			for at < len(b.buf.Requests) && b.buf.Requests[at].Body.ROP() == rop.IDRelease {
				at++
			}
			return -at - 1, nil
		}
		for at < len(b.buf.Requests) && b.buf.Requests[at].Body.ROP() == rop.IDRelease {
			at++
		}
		if chained || at >= len(b.buf.Requests) {
			b.extra = append(b.extra, r)
			continue
		}
		if want := b.buf.Requests[at].Body.ROP(); want != r.ID {
			b.s.dead = true
			return at, &transport.Error{Kind: transport.Temporary, Unsettled: true, Op: b.op, Err: fmt.Errorf("an answer to %v where one to %v was expected", r.ID, want)}
		}
		b.answers[at] = &r
		at++
	}
	return at, nil
}
