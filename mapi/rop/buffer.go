package rop

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// NoHandle stands in a handle table where the server has yet to put one.
const NoHandle uint32 = 0xFFFFFFFF

// ErrUnknown says that a buffer holds an operation that this package does not
// know.
var ErrUnknown = errors.New("rop: the operation is not known")

// A Body is the fields of one operation or of its answer, beyond the header
// that all have.
type Body interface{ code(c *wire.Coder) }

// A RequestBody is the fields of an operation.
type RequestBody interface {
	Body
	// ROP says which operation it is.
	ROP() ID
}

// A Request is one operation. In and Out are indexes into the handle table of
// its buffer. Operations that have two handles and make none have the second
// in Out: the destination of a move, and the ResponseHandleIndex of a save.
// [MS-OXCROPS] 2.2.1.2
type Request struct {
	Logon   uint8
	In, Out uint8
	Body    RequestBody
}

// A Response is the answer to one operation, or a notification. Body is nil
// where Code leaves no fields. [MS-OXCROPS] 2.2.1.2
type Response struct {
	ID    ID
	Index uint8 // of the handle that the answer is about
	Code  Code
	Body  Body
}

// A RequestBuffer is a ROP input buffer. [MS-OXCROPS] 2.2.1
type RequestBuffer struct {
	Requests []Request
	Handles  []uint32
}

// A ResponseBuffer is a ROP output buffer.
type ResponseBuffer struct {
	Responses []Response
	Handles   []uint32
}

// Marshal is the buffer's bytes.
func (b *RequestBuffer) Marshal() ([]byte, error) {
	c := wire.NewWriter(make([]byte, 2, 64))
	for i := range b.Requests {
		r := &b.Requests[i]
		requestHeader(c, r, r.Body.ROP())
		r.Body.code(c)
		if err := c.Err(); err != nil {
			return nil, fmt.Errorf("rop: %v: %w", r.Body.ROP(), err)
		}
	}
	return finish(c, b.Handles)
}

// Marshal is the buffer's bytes.
func (b *ResponseBuffer) Marshal() ([]byte, error) {
	c := wire.NewWriter(make([]byte, 2, 64))
	for i := range b.Responses {
		if err := b.Responses[i].write(c); err != nil {
			return nil, err
		}
	}
	return finish(c, b.Handles)
}

// Marshal is the bytes of one answer, so that a server can see what it adds to
// its buffer.
func (r *Response) Marshal() ([]byte, error) {
	c := wire.NewWriter(nil)
	err := r.write(c)
	return c.Bytes(), err
}

func (r *Response) write(c *wire.Coder) error {
	id := uint8(r.ID)
	c.Uint8(&id)
	if s, ok := operations[r.ID]; !ok || !s.bare {
		c.Uint8(&r.Index)
		code := uint32(r.Code)
		c.Uint32(&code)
	}
	if r.Body != nil {
		r.Body.code(c)
	}
	if err := c.Err(); err != nil {
		return fmt.Errorf("rop: answer to %v: %w", r.ID, err)
	}
	return nil
}

func finish(c *wire.Coder, handles []uint32) ([]byte, error) {
	b := c.Bytes()
	if len(b) > 0xFFFF {
		return nil, fmt.Errorf("rop: %w: %d bytes of operations", mapi.ErrTooLarge, len(b))
	}
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	for _, h := range handles {
		b = binary.LittleEndian.AppendUint32(b, h)
	}
	return b, nil
}

// split parts the operations from the handle table behind them.
func split(b []byte) (ops []byte, handles []uint32, err error) {
	if len(b) < 2 {
		return nil, nil, fmt.Errorf("rop: %d bytes are no ROP buffer", len(b))
	}
	n := int(binary.LittleEndian.Uint16(b))
	if n < 2 || n > len(b) {
		return nil, nil, fmt.Errorf("rop: RopSize %d in a buffer of %d bytes", n, len(b))
	}
	table := b[n:]
	if len(table)%4 != 0 {
		return nil, nil, fmt.Errorf("rop: a handle table of %d bytes", len(table))
	}
	for ; len(table) > 0; table = table[4:] {
		handles = append(handles, binary.LittleEndian.Uint32(table))
	}
	return b[2:n:n], handles, nil
}

// requestHeader is RopId, LogonId and the handle indexes, whose order depends
// on the operation. [MS-OXCROPS] 2.2.2
func requestHeader(c *wire.Coder, r *Request, id ID) {
	n := uint8(id)
	c.Uint8(&n)
	c.Uint8(&r.Logon)
	switch operations[ID(n)].indexes {
	case inOut:
		c.Uint8(&r.In)
		c.Uint8(&r.Out)
	case outIn:
		c.Uint8(&r.Out)
		c.Uint8(&r.In)
	case outOnly:
		c.Uint8(&r.Out)
	default:
		c.Uint8(&r.In)
	}
}

// ParseRequest reads a ROP input buffer. On an error the operations before the
// damage are in the result: an operation that is not known has no end, so what
// follows it cannot be read. 8-bit strings of properties are in charset, which
// may be nil.
func ParseRequest(b []byte, charset mapi.Charset) (*RequestBuffer, error) {
	ops, handles, err := split(b)
	if err != nil {
		return nil, err
	}
	buf := &RequestBuffer{Handles: handles}
	c := wire.NewReader(ops)
	c.Charset = charset
	for c.Left() > 0 {
		n, _ := c.Peek()
		s, ok := operations[ID(n)]
		if !ok || s.request == nil {
			return buf, fmt.Errorf("%w: RopId 0x%02X", ErrUnknown, n)
		}
		r := Request{Body: s.request()}
		requestHeader(c, &r, 0)
		r.Body.code(c)
		if err := c.Err(); err != nil {
			return buf, fmt.Errorf("rop: %v: %w", ID(n), err)
		}
		buf.Requests = append(buf.Requests, r)
	}
	return buf, nil
}

// ParseResponse reads the ROP output buffer that answers the requests. Rows are
// read by the columns that cols remembers, and cols learns the columns that
// these requests set. On an error the answers before the damage are in the
// result.
func ParseResponse(b []byte, requests []Request, cols *Columns) (*ResponseBuffer, error) {
	ops, handles, err := split(b)
	if err != nil {
		return nil, err
	}
	buf := &ResponseBuffer{Handles: handles}
	c := wire.NewReader(ops)
	c.Charset = cols.Charset
	for c.Left() > 0 {
		r, asked, err := readResponse(c, requests, handles, cols)
		requests = asked
		if err != nil {
			return buf, err
		}
		buf.Responses = append(buf.Responses, r)
	}
	return buf, nil
}

// readResponse reads one answer. It gives back the requests that are left.
func readResponse(c *wire.Coder, requests []Request, handles []uint32, cols *Columns) (Response, []Request, error) {
	var r Response
	var n uint8
	c.Uint8(&n)
	r.ID = ID(n)
	s, ok := operations[r.ID]
	if !ok {
		return r, requests, fmt.Errorf("%w: RopId 0x%02X in an answer", ErrUnknown, n)
	}
	var request RequestBody
	if s.request != nil {
		for i := range requests {
			if requests[i].Body.ROP() == r.ID {
				request, requests = requests[i].Body, requests[i+1:]
				break
			}
		}
	}
	if !s.bare {
		c.Uint8(&r.Index)
		var code uint32
		c.Uint32(&code)
		r.Code = Code(code)
	}
	if r.Code != 0 && s.failure != nil {
		r.Body = s.failure(r.Code)
	}
	if r.Body == nil && s.result != nil && (r.Code == 0 || s.always && c.Left() > 0) {
		r.Body = s.result()
	}
	handle := NoHandle
	if int(r.Index) < len(handles) {
		handle = handles[r.Index]
	}
	if body, ok := r.Body.(rowReader); ok {
		body.columns(request, handle, cols)
	}
	if r.Body != nil {
		r.Body.code(c)
	}
	if err := c.Err(); err != nil {
		return r, requests, fmt.Errorf("rop: answer to %v: %w", r.ID, err)
	}
	if r.Code == 0 {
		cols.learn(request, r.Body, handle)
	}
	return r, requests, nil
}
