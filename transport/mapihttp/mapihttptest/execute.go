package mapihttptest

import (
	"context"
	"errors"

	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// An execution is the work on one ROP buffer. [MS-OXCROPS] 3.2.5.1
type execution struct {
	c       *call
	ctx     context.Context
	ses     *session
	request *rop.Request
	handles []uint32
	out     []rop.Response
	size    int // of the answers so far
	limit   int
	reserve int // for handing back what is not done
}

// A handler does one operation on the object of its In handle, which is nil
// when there is none. Its error is a [rop.Code] where the client is to know it.
type handler func(x *execution, in object, body rop.RequestBody) (rop.Body, error)

// handle makes a handler of a function that wants an object and a request of
// certain types.
func handle[O object, R rop.RequestBody](do func(x *execution, in O, r R) (rop.Body, error)) handler {
	return func(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
		o, ok := in.(O)
		if !ok {
			if in == nil {
				return nil, rop.NullObject
			}
			return nil, rop.NotSupported
		}
		r, ok := body.(R)
		if !ok {
			return nil, rop.RpcFormat
		}
		return do(x, o, r)
	}
}

// object is what a handle index of the request stands for.
func (x *execution) object(index uint8) object {
	if int(index) >= len(x.handles) {
		return nil
	}
	return x.ses.objects[x.handles[index]]
}

// put makes an object, whose handle goes into the Out index of the request.
func (x *execution) put(o object) {
	if int(x.request.Out) < len(x.handles) {
		x.handles[x.request.Out] = x.ses.add(o)
	}
}

// room is how many bytes the answers may still take.
func (x *execution) room() int { return max(x.limit-x.size-x.reserve, 0) }

// tooSmallSize is that of a RopBufferTooSmall without the requests in it.
const tooSmallSize = 3

// run does the operations one after the other; when the answers have no room
// left, the rest is handed back. [MS-OXCROPS] 3.2.5.1
func (x *execution) run(requests []rop.Request) error {
	for i := range requests {
		r := &requests[i]
		x.request = r
		// What may have to be handed back has its place.
		if x.reserve = 0; i+1 < len(requests) {
			x.reserve = tooSmallSize + len(marshalRest(requests[i+1:]))
		}
		id := r.Body.ROP()
		x.c.s.mu.Lock()
		x.c.s.rops[id.String()]++
		x.c.s.mu.Unlock()
		if id == rop.IDRelease {
			if int(r.In) < len(x.handles) {
				x.ses.drop(x.handles[r.In])
				x.handles[r.In] = rop.NoHandle
			}
			continue
		}
		answer := x.answer(r)
		b, err := answer.Marshal()
		if err != nil {
			return err
		}
		if answer.Code == rop.BufferTooSmall && len(x.out) > 0 || x.size+len(b)+x.reserve > x.limit {
			x.out = append(x.out, tooSmall(len(b), marshalRest(requests[i:])))
			return nil
		}
		x.size += len(b)
		x.out = append(x.out, answer)
	}
	return nil
}

// answer does one operation.
func (x *execution) answer(r *rop.Request) rop.Response {
	id := r.Body.ROP()
	a := rop.Response{ID: id, Index: r.In}
	if outIndex[id] {
		a.Index = r.Out
	}
	do, known := handlers[id]
	err := error(rop.NotSupported)
	if known {
		a.Body, err = do(x, x.object(r.In), r.Body)
	}
	if err != nil {
		a.Code = codeOf(err)
		a.Body = rop.NewResult(id, a.Code)
	}
	return a
}

// codeOf is the code that stands for an error.
func codeOf(err error) rop.Code {
	var code rop.Code
	switch {
	case errors.As(err, &code):
		return code
	case errors.Is(err, mailbox.ErrNotFound):
		return rop.NotFound
	case errors.Is(err, mailbox.ErrExists):
		return rop.DuplicateName
	case errors.Is(err, mailbox.ErrNotEmpty):
		return rop.FolderNotEmpty
	case errors.Is(err, mailbox.ErrLoop):
		return rop.FolderCycle
	case errors.Is(err, mailbox.ErrStandard):
		return rop.AccessDenied
	case errors.Is(err, mailbox.ErrName):
		return rop.InvalidParameter
	}
	return rop.GeneralFailure
}
