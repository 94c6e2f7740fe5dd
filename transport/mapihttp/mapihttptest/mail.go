package mapihttptest

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rop"
)

// waitType is the request that runs beside others.
const waitType = "NotificationWait"

// mailTypes are the requests of the mailbox endpoint. [MS-OXCMAPIHTTP] 2.2.4
var mailTypes = map[string]requestType{
	"Connect":    {do: (*call).connect, begin: true},
	"Execute":    {do: (*call).execute},
	"Disconnect": {do: (*call).disconnect, end: true},
	waitType:     {do: (*call).notificationWait},
	"PING":       {do: func(*call) ([]byte, error) { return nil, nil }},
}

func (c *call) parse(into rop.Body) error {
	if err := rop.ParseBody(c.body, into); err != nil {
		return &codeError{codeInvalidBody, err.Error()}
	}
	return nil
}

// connect begins a session of the user whom the login names. [MS-OXCMAPIHTTP]
// 3.2.5.1
func (c *call) connect() ([]byte, error) {
	var r rop.ConnectRequest
	if err := c.parse(&r); err != nil {
		return nil, err
	}
	res := rop.ConnectResponse{PollsMax: 60000, RetryCount: 6, RetryDelay: 10000}
	who, ok := c.s.byDN(r.UserDN)
	if !ok || who != c.box {
		res.ErrorCode = rop.UnknownUser
		if ok {
			res.ErrorCode = rop.LoginPermission
		}
		return rop.MarshalBody(&res)
	}
	res.DisplayName = who.Account().Name
	if cp := int(r.DefaultCodePage); codepage.Name(cp) != "" {
		c.ses.charset = cp
	}
	return rop.MarshalBody(&res)
}

func (c *call) disconnect() ([]byte, error) {
	var r rop.DisconnectRequest
	if err := c.parse(&r); err != nil {
		return nil, err
	}
	return rop.MarshalBody(&rop.DisconnectResponse{})
}

// headerSize is that of an RPC_HEADER_EXT.
const headerSize = 8

// execute runs a ROP buffer. [MS-OXCMAPIHTTP] 2.2.4.2
func (c *call) execute() ([]byte, error) {
	var r rop.ExecuteRequest
	if err := c.parse(&r); err != nil {
		return nil, err
	}
	cs, _ := codepage.Get(c.ses.charset)
	in, err := rop.UnwrapRequests(r.RopBuffer, cs)
	if in == nil {
		return rop.MarshalBody(&rop.ExecuteResponse{Status: rop.Status{ErrorCode: rop.RpcFormat}})
	}
	if err != nil && len(in.Requests) == 0 {
		return rop.MarshalBody(&rop.ExecuteResponse{Status: rop.Status{ErrorCode: rop.RpcFormat}})
	}
	x := &execution{c: c, ctx: context.WithoutCancel(c.r.Context()), ses: c.ses, handles: in.Handles}
	// RopSize and the handle table are part of the buffer.
	x.limit = min(int(r.MaxRopOut), c.s.o.MaxRopOut, 0xFFFF) - headerSize - 2 - 4*len(in.Handles)
	if x.limit <= 0 {
		return rop.MarshalBody(&rop.ExecuteResponse{Status: rop.Status{ErrorCode: rop.BufferTooSmall}})
	}
	if len(c.ses.objects) > maxObjects {
		return rop.MarshalBody(&rop.ExecuteResponse{Status: rop.Status{ErrorCode: rop.MaxObjectsExceeded}})
	}
	if err := x.run(in.Requests); err != nil {
		return nil, err
	}
	if err := x.notify(); err != nil {
		return nil, err
	}
	out := rop.ResponseBuffer{Responses: x.out, Handles: x.handles}
	data, err := out.Marshal()
	if err != nil {
		return nil, err
	}
	var flags rop.HeaderFlags = rop.Last
	if c.s.o.Compress && r.Flags&rop.NoCompression == 0 {
		flags |= rop.Compressed
	}
	if c.s.o.Obfuscate && r.Flags&rop.NoXorMagic == 0 {
		flags |= rop.XorMagic
	}
	wrapped, err := rop.AppendPayload(nil, rop.Payload{Flags: flags, Data: data})
	if err != nil {
		return nil, err
	}
	return rop.MarshalBody(&rop.ExecuteResponse{RopBuffer: wrapped})
}

// notificationWait waits until there is something to tell. [MS-OXCMAPIHTTP]
// 3.2.5.5
func (c *call) notificationWait() ([]byte, error) {
	var r rop.NotificationWaitRequest
	if err := c.parse(&r); err != nil {
		return nil, err
	}
	end := time.After(c.s.o.NotificationWait)
	for {
		wake := make(chan struct{}, 1)
		stop := make(chan struct{})
		found := false
		c.ses.mu.Lock()
		for _, s := range c.ses.subscriptions {
			events, _, more := s.pending()
			found = found || len(events) > 0
			go func() {
				select {
				case <-more:
					select {
					case wake <- struct{}{}:
					default:
					}
				case <-stop:
				}
			}()
		}
		c.ses.mu.Unlock()
		if found {
			close(stop)
			return rop.MarshalBody(&rop.NotificationWaitResponse{EventPending: rop.EventPending})
		}
		select {
		case <-wake:
			close(stop)
		case <-end:
			close(stop)
			return rop.MarshalBody(&rop.NotificationWaitResponse{})
		case <-c.r.Context().Done():
			close(stop)
			return nil, c.r.Context().Err()
		}
	}
}

// tooSmall is the answer that hands back what was not done. [MS-OXCROPS]
// 2.2.15.1
func tooSmall(needed int, rest []byte) rop.Response {
	return rop.Response{ID: rop.IDBufferTooSmall, Body: &rop.TooSmall{SizeNeeded: uint16(min(needed, 0xFFFF)), Requests: rest}}
}

// marshalRest is operations without the handle table.
func marshalRest(requests []rop.Request) []byte {
	b, err := (&rop.RequestBuffer{Requests: requests}).Marshal()
	if err != nil || len(b) < 2 {
		return nil
	}
	return b[2:binary.LittleEndian.Uint16(b)]
}
