package rop

import (
	"encoding/binary"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// A Row is a PropertyRow: the values of a set of columns. A value that the
// server does not have is of [mapi.TypeErrorCode] and holds a [Code].
// [MS-OXCDATA] 2.8.1
type Row struct {
	Columns []mapi.Tag
	Values  []mapi.Value
	// Flagged says that each value has a flag before it. A row with an error
	// value is always written so.
	Flagged bool
}

// ErrorValue is the value that stands for one that is not there.
func ErrorValue(code Code) mapi.Value {
	return mapi.RawValue(mapi.TypeErrorCode, binary.LittleEndian.AppendUint32(nil, uint32(code)))
}

// Properties is the row without what is missing.
func (r *Row) Properties() mapi.Properties {
	props := make(mapi.Properties, 0, len(r.Values))
	for i, v := range r.Values {
		if i < len(r.Columns) && (v.Type() != mapi.TypeErrorCode || r.Columns[i].Type() == mapi.TypeErrorCode) {
			props = append(props, mapi.Property{Tag: r.Columns[i].WithType(v.Type()), Value: v})
		}
	}
	return props
}

func (r *Row) code(c *wire.Coder) { c.Row(r.Columns, &r.Values, &r.Flagged, wire.ROP) }

func rows(c *wire.Coder, list *[]Row, n int, columns []mapi.Tag) {
	wire.Items(c, list, n, 1, func(c *wire.Coder, r *Row) {
		if c.Reading() {
			r.Columns = columns
		}
		r.code(c)
	})
}

// Columns remembers by server object handle in which columns rows come: of a
// table those that it was told, of a message those of its recipients. Charset
// is that of the 8-bit strings that the server sends; nil is unknown. The zero
// Columns is ready; it is not for use by several goroutines.
type Columns struct {
	Charset mapi.Charset

	byHandle map[uint32][]mapi.Tag
}

// Set states the columns of an object.
func (k *Columns) Set(handle uint32, tags []mapi.Tag) {
	if k.byHandle == nil {
		k.byHandle = make(map[uint32][]mapi.Tag)
	}
	k.byHandle[handle] = tags
}

// Get is the columns of an object, nil when they are not known.
func (k *Columns) Get(handle uint32) []mapi.Tag { return k.byHandle[handle] }

// Forget is for an object that was released.
func (k *Columns) Forget(handle uint32) { delete(k.byHandle, handle) }

// learn keeps what an answer says about later rows.
func (k *Columns) learn(request RequestBody, result Body, handle uint32) {
	switch q := request.(type) {
	case *SetColumns:
		k.Set(handle, q.Tags)
	case *ResetTable:
		k.Forget(handle)
	}
	switch a := result.(type) {
	case *OpenMessageResult:
		k.Set(handle, a.Columns)
	case *OpenEmbeddedMessageResult:
		k.Set(handle, a.Columns)
	}
}

// A rowReader is an answer whose form depends on what was asked.
type rowReader interface {
	columns(request RequestBody, handle uint32, k *Columns)
}
