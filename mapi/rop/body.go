package rop

import (
	"fmt"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// MarshalBody is the bytes of an HTTP body: one of the requests and responses
// below.
func MarshalBody(b Body) ([]byte, error) {
	c := wire.NewWriter(nil)
	b.code(c)
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("rop: %T: %w", b, err)
	}
	return c.Bytes(), nil
}

// ParseBody reads an HTTP body. What it holds may share memory with data.
func ParseBody(data []byte, into Body) error {
	c := wire.NewReader(data)
	into.code(c)
	if c.Left() > 0 {
		c.Failf("%d bytes more than the body has", c.Left())
	}
	if err := c.Err(); err != nil {
		return fmt.Errorf("rop: %T: %w", into, err)
	}
	return nil
}

// Status begins every answer. A StatusCode other than 0 says that the request
// was not carried out, and leaves only it and the auxiliary buffer; an
// ErrorCode is that of what was asked. [MS-OXCMAPIHTTP] 2.2.2.2
type Status struct {
	StatusCode uint32
	ErrorCode  Code
}

func (s *Status) code(c *wire.Coder) (carriedOut bool) {
	c.Uint32(&s.StatusCode)
	if s.StatusCode != 0 {
		return false
	}
	n := uint32(s.ErrorCode)
	if c.Uint32(&n); c.Reading() {
		s.ErrorCode = Code(n)
	}
	return true
}

// ConnectRequest begins a session. [MS-OXCMAPIHTTP] 2.2.4.1.1
type ConnectRequest struct {
	// UserDN is the user's legacyExchangeDN.
	UserDN          string
	Flags           uint32
	DefaultCodePage uint32
	LcidSort        uint32
	LcidString      uint32
	Auxiliary       []byte
}

func (r *ConnectRequest) code(c *wire.Coder) {
	c.String8(&r.UserDN)
	c.Uint32(&r.Flags)
	c.Uint32(&r.DefaultCodePage)
	c.Uint32(&r.LcidSort)
	c.Uint32(&r.LcidString)
	c.Data(&r.Auxiliary, 4)
}

// ConnectResponse is its answer. Times are in milliseconds.
// [MS-OXCMAPIHTTP] 2.2.4.1.2
type ConnectResponse struct {
	Status
	PollsMax    uint32
	RetryCount  uint32
	RetryDelay  uint32
	DNPrefix    string
	DisplayName string
	Auxiliary   []byte
}

func (r *ConnectResponse) code(c *wire.Coder) {
	if r.Status.code(c) {
		c.Uint32(&r.PollsMax)
		c.Uint32(&r.RetryCount)
		c.Uint32(&r.RetryDelay)
		c.String8(&r.DNPrefix)
		c.String16(&r.DisplayName)
	}
	c.Data(&r.Auxiliary, 4)
}

// Flags of an [ExecuteRequest]. [MS-OXCMAPIHTTP] 2.2.4.2.1
const (
	NoCompression = 0x00000001
	NoXorMagic    = 0x00000002
	Chain         = 0x00000004
)

// ExecuteRequest carries a ROP input buffer within its RPC_HEADER_EXT.
// [MS-OXCMAPIHTTP] 2.2.4.2.1
type ExecuteRequest struct {
	Flags     uint32
	RopBuffer []byte
	// MaxRopOut is the most bytes that the answer's RopBuffer may have.
	MaxRopOut uint32
	Auxiliary []byte
}

func (r *ExecuteRequest) code(c *wire.Coder) {
	c.Uint32(&r.Flags)
	c.Data(&r.RopBuffer, 4)
	c.Uint32(&r.MaxRopOut)
	c.Data(&r.Auxiliary, 4)
}

// ExecuteResponse is its answer. [MS-OXCMAPIHTTP] 2.2.4.2.2
type ExecuteResponse struct {
	Status
	Flags     uint32
	RopBuffer []byte
	Auxiliary []byte
}

func (r *ExecuteResponse) code(c *wire.Coder) {
	if r.Status.code(c) {
		c.Uint32(&r.Flags)
		c.Data(&r.RopBuffer, 4)
	}
	c.Data(&r.Auxiliary, 4)
}

// DisconnectRequest ends a session. [MS-OXCMAPIHTTP] 2.2.4.3.1
type DisconnectRequest struct{ Auxiliary []byte }

func (r *DisconnectRequest) code(c *wire.Coder) { c.Data(&r.Auxiliary, 4) }

// DisconnectResponse is its answer. [MS-OXCMAPIHTTP] 2.2.4.3.2
type DisconnectResponse struct {
	Status
	Auxiliary []byte
}

func (r *DisconnectResponse) code(c *wire.Coder) {
	r.Status.code(c)
	c.Data(&r.Auxiliary, 4)
}

// NotificationWaitRequest asks to be told when something is there.
// [MS-OXCMAPIHTTP] 2.2.4.4.1
type NotificationWaitRequest struct {
	Flags     uint32
	Auxiliary []byte
}

func (r *NotificationWaitRequest) code(c *wire.Coder) {
	c.Uint32(&r.Flags)
	c.Data(&r.Auxiliary, 4)
}

// EventPending in a [NotificationWaitResponse] says that an Execute will bring
// notifications.
const EventPending = 0x00000001

// NotificationWaitResponse is its answer. [MS-OXCMAPIHTTP] 2.2.4.4.2
type NotificationWaitResponse struct {
	Status
	EventPending uint32
	Auxiliary    []byte
}

func (r *NotificationWaitResponse) code(c *wire.Coder) {
	if r.Status.code(c) {
		c.Uint32(&r.EventPending)
	}
	c.Data(&r.Auxiliary, 4)
}

// UnwrapRequests reads the one ROP input buffer of an Execute request.
func UnwrapRequests(rgb []byte, charset mapi.Charset) (*RequestBuffer, error) {
	list, err := ParsePayloads(rgb)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("%w: %d input buffers in one request", ErrHeader, len(list))
	}
	return ParseRequest(list[0].Data, charset)
}

// WrapRequests puts a ROP input buffer into its RPC_HEADER_EXT, compressed and
// obfuscated as flags say.
func WrapRequests(b *RequestBuffer, flags HeaderFlags) ([]byte, error) {
	data, err := b.Marshal()
	if err != nil {
		return nil, err
	}
	return AppendPayload(nil, Payload{Flags: flags | Last, Data: data})
}
