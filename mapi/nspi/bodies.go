package nspi

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// BindRequest begins a session. [MS-OXCMAPIHTTP] 2.2.5.1.1
type BindRequest struct {
	Flags     uint32
	State     *Stat
	Auxiliary []byte
}

func (r *BindRequest) code(c *wire.Coder) {
	c.Uint32(&r.Flags)
	stat(c, &r.State)
	c.Data(&r.Auxiliary, 4)
}

// BindResponse is its answer. [MS-OXCMAPIHTTP] 2.2.5.1.2
type BindResponse struct {
	StatusCode, ErrorCode uint32
	ServerGUID            mapi.GUID
	Auxiliary             []byte
}

func (r *BindResponse) code(c *wire.Coder) {
	if status(c, &r.StatusCode, &r.ErrorCode) {
		c.GUID(&r.ServerGUID)
	}
	c.Data(&r.Auxiliary, 4)
}

// UnbindRequest ends a session. [MS-OXCMAPIHTTP] 2.2.5.2.1
type UnbindRequest struct {
	Reserved  uint32
	Auxiliary []byte
}

func (r *UnbindRequest) code(c *wire.Coder) {
	c.Uint32(&r.Reserved)
	c.Data(&r.Auxiliary, 4)
}

// UnbindResponse is its answer; its ErrorCode is 1 where all is well.
// [MS-OXCMAPIHTTP] 2.2.5.2.2
type UnbindResponse struct {
	StatusCode, ErrorCode uint32
	Auxiliary             []byte
}

func (r *UnbindResponse) code(c *wire.Coder) {
	status(c, &r.StatusCode, &r.ErrorCode)
	c.Data(&r.Auxiliary, 4)
}

// ResolveNamesRequest looks for names, the beginning of names, addresses.
// [MS-OXCMAPIHTTP] 2.2.5.14.1
type ResolveNamesRequest struct {
	Reserved  uint32
	State     *Stat
	Columns   []mapi.Tag
	Names     []string
	Auxiliary []byte
}

func (r *ResolveNamesRequest) code(c *wire.Coder) {
	c.Uint32(&r.Reserved)
	stat(c, &r.State)
	tags(c, &r.Columns)
	has := len(r.Names) > 0
	if c.BoolFF(&has); has {
		wire.List(c, &r.Names, 4, 2, func(c *wire.Coder, s *string) { c.String16(s) })
	}
	c.Data(&r.Auxiliary, 4)
}

// ResolveNamesResponse is its answer: MinimalIDs has one outcome for each name,
// Rows one row for each that is [Resolved]. [MS-OXCMAPIHTTP] 2.2.5.14.2
type ResolveNamesResponse struct {
	StatusCode, ErrorCode uint32
	CodePage              uint32
	MinimalIDs            []MinimalID
	Columns               []mapi.Tag
	Rows                  []Row
	Auxiliary             []byte
}

func (r *ResolveNamesResponse) code(c *wire.Coder) {
	if status(c, &r.StatusCode, &r.ErrorCode) {
		c.Uint32(&r.CodePage)
		ids(c, &r.MinimalIDs)
		table(c, &r.Columns, &r.Rows)
	}
	c.Data(&r.Auxiliary, 4)
}

// DNToMIDRequest looks for distinguished names. [MS-OXCMAPIHTTP] 2.2.5.4.1
type DNToMIDRequest struct {
	Reserved  uint32
	Names     []string
	Auxiliary []byte
}

func (r *DNToMIDRequest) code(c *wire.Coder) {
	c.Uint32(&r.Reserved)
	has := len(r.Names) > 0
	if c.BoolFF(&has); has {
		wire.List(c, &r.Names, 4, 1, func(c *wire.Coder, s *string) { c.String8(s) })
	}
	c.Data(&r.Auxiliary, 4)
}

// DNToMIDResponse is its answer, 0 for a name that is not there.
// [MS-OXCMAPIHTTP] 2.2.5.4.2
type DNToMIDResponse struct {
	StatusCode, ErrorCode uint32
	MinimalIDs            []MinimalID
	Auxiliary             []byte
}

func (r *DNToMIDResponse) code(c *wire.Coder) {
	if status(c, &r.StatusCode, &r.ErrorCode) {
		ids(c, &r.MinimalIDs)
	}
	c.Data(&r.Auxiliary, 4)
}

// GetPropsRequest reads properties of the entry at State.CurrentRec.
// [MS-OXCMAPIHTTP] 2.2.5.7.1
type GetPropsRequest struct {
	Flags     uint32
	State     *Stat
	Columns   []mapi.Tag
	Auxiliary []byte
}

func (r *GetPropsRequest) code(c *wire.Coder) {
	c.Uint32(&r.Flags)
	stat(c, &r.State)
	tags(c, &r.Columns)
	c.Data(&r.Auxiliary, 4)
}

// GetPropsResponse is its answer. [MS-OXCMAPIHTTP] 2.2.5.7.2
type GetPropsResponse struct {
	StatusCode, ErrorCode uint32
	CodePage              uint32
	Props                 mapi.Properties
	Auxiliary             []byte
}

func (r *GetPropsResponse) code(c *wire.Coder) {
	if status(c, &r.StatusCode, &r.ErrorCode) {
		c.Uint32(&r.CodePage)
		has := len(r.Props) > 0
		if c.BoolFF(&has); has {
			c.Properties(&r.Props, 4, wire.AddressBook)
		}
	}
	c.Data(&r.Auxiliary, 4)
}

// QueryRowsRequest reads rows: of Explicit entries, or from State on.
// [MS-OXCMAPIHTTP] 2.2.5.12.1
type QueryRowsRequest struct {
	Flags     uint32
	State     *Stat
	Explicit  []MinimalID
	RowCount  uint32
	Columns   []mapi.Tag
	Auxiliary []byte
}

func (r *QueryRowsRequest) code(c *wire.Coder) {
	c.Uint32(&r.Flags)
	stat(c, &r.State)
	c.Uint32s(&r.Explicit, 4)
	c.Uint32(&r.RowCount)
	tags(c, &r.Columns)
	c.Data(&r.Auxiliary, 4)
}

// QueryRowsResponse is its answer, with the state to go on from.
// [MS-OXCMAPIHTTP] 2.2.5.12.2
type QueryRowsResponse struct {
	StatusCode, ErrorCode uint32
	State                 *Stat
	Columns               []mapi.Tag
	Rows                  []Row
	Auxiliary             []byte
}

func (r *QueryRowsResponse) code(c *wire.Coder) {
	if status(c, &r.StatusCode, &r.ErrorCode) {
		stat(c, &r.State)
		table(c, &r.Columns, &r.Rows)
	}
	c.Data(&r.Auxiliary, 4)
}
