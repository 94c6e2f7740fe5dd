package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// SetColumns chooses the columns of a table. [MS-OXCROPS] 2.2.5.1.1
type SetColumns struct {
	Flags uint8
	Tags  []mapi.Tag
}

func (*SetColumns) ROP() ID { return IDSetColumns }

func (r *SetColumns) code(c *wire.Coder) {
	c.Uint8(&r.Flags)
	c.Tags(&r.Tags, 2)
}

// TableStatusResult answers the operations that a server may do later; 0 is
// done. [MS-OXCTABL] 2.2.2.1.3
type TableStatusResult struct{ TableStatus uint8 }

func (r *TableStatusResult) code(c *wire.Coder) { c.Uint8(&r.TableStatus) }

// A SortOrder is one level of an order. [MS-OXCDATA] 2.13.1
type SortOrder struct {
	Tag   mapi.Tag
	Order uint8
}

// Orders of a [SortOrder].
const (
	Ascending   = 0
	Descending  = 1
	MaxCategory = 4
)

func (s *SortOrder) code(c *wire.Coder) {
	c.Tag(&s.Tag)
	c.Uint8(&s.Order)
}

// SortTable sorts a table. The first Categories levels group it.
// [MS-OXCROPS] 2.2.5.2.1
type SortTable struct {
	Flags      uint8
	Categories uint16
	Expanded   uint16
	Orders     []SortOrder
}

func (*SortTable) ROP() ID { return IDSortTable }

func (r *SortTable) code(c *wire.Coder) {
	n := uint16(len(r.Orders))
	c.Uint8(&r.Flags)
	c.Uint16(&n)
	c.Uint16(&r.Categories)
	c.Uint16(&r.Expanded)
	wire.Items(c, &r.Orders, int(n), 5, func(c *wire.Coder, s *SortOrder) { s.code(c) })
}

// Restrict leaves only some rows in a table. [MS-OXCROPS] 2.2.5.3.1
type Restrict struct {
	Flags       uint8
	Restriction Restriction // nil is all rows
}

func (*Restrict) ROP() ID { return IDRestrict }

func (r *Restrict) code(c *wire.Coder) {
	c.Uint8(&r.Flags)
	sizedRestriction(c, &r.Restriction)
}

// QueryRowsFlags. [MS-OXCTABL] 2.2.2.5.1
const (
	Advance             = 0x00
	NoAdvance           = 0x01
	EnablePackedBuffers = 0x02
)

// QueryRows reads rows from where the table stands. [MS-OXCROPS] 2.2.5.4.1
type QueryRows struct {
	Flags       uint8
	ForwardRead bool
	RowCount    uint16
}

func (*QueryRows) ROP() ID { return IDQueryRows }

func (r *QueryRows) code(c *wire.Coder) {
	c.Uint8(&r.Flags)
	c.Bool(&r.ForwardRead)
	c.Uint16(&r.RowCount)
}

// A Bookmark is a place in a table. [MS-OXCTABL] 2.2.2.1.1
type Bookmark uint8

// Places in a table.
const (
	BookmarkBeginning Bookmark = 0
	BookmarkCurrent   Bookmark = 1
	BookmarkEnd       Bookmark = 2
	BookmarkCustom    Bookmark = 3
)

func (b *Bookmark) code(c *wire.Coder) {
	n := uint8(*b)
	if c.Uint8(&n); c.Reading() {
		*b = Bookmark(n)
	}
}

// QueryRowsResult is its answer. [MS-OXCROPS] 2.2.5.4.2
type QueryRowsResult struct {
	Origin Bookmark
	Rows   []Row

	cols []mapi.Tag
}

func (r *QueryRowsResult) columns(_ RequestBody, handle uint32, k *Columns) { r.cols = k.Get(handle) }

func (r *QueryRowsResult) code(c *wire.Coder) {
	n := uint16(len(r.Rows))
	r.Origin.code(c)
	c.Uint16(&n)
	if c.Reading() && n > 0 && len(r.cols) == 0 {
		c.Failf("%d rows of a table whose columns are not known", n)
		return
	}
	rows(c, &r.Rows, int(n), r.cols)
}

// GetStatus asks whether the server is still at work. [MS-OXCROPS] 2.2.5.6.1
type GetStatus struct{ empty }

func (*GetStatus) ROP() ID { return IDGetStatus }

// Abort ends what the server is still doing. [MS-OXCROPS] 2.2.5.5.1
type Abort struct{ empty }

func (*Abort) ROP() ID { return IDAbort }

// QueryPosition asks where a table stands. [MS-OXCROPS] 2.2.5.7.1
type QueryPosition struct{ empty }

func (*QueryPosition) ROP() ID { return IDQueryPosition }

// QueryPositionResult is its answer: the row, and how many there are.
// [MS-OXCROPS] 2.2.5.7.2
type QueryPositionResult struct{ Numerator, Denominator uint32 }

func (r *QueryPositionResult) code(c *wire.Coder) {
	c.Uint32(&r.Numerator)
	c.Uint32(&r.Denominator)
}

// SeekRow moves in a table. [MS-OXCROPS] 2.2.5.8.1
type SeekRow struct {
	Origin            Bookmark
	RowCount          int32
	WantRowMovedCount bool
}

func (*SeekRow) ROP() ID { return IDSeekRow }

func (r *SeekRow) code(c *wire.Coder) {
	r.Origin.code(c)
	c.Int32(&r.RowCount)
	c.Bool(&r.WantRowMovedCount)
}

// SeekRowResult is its answer. [MS-OXCROPS] 2.2.5.8.2
type SeekRowResult struct {
	HasSoughtLess bool
	RowsSought    int32
}

func (r *SeekRowResult) code(c *wire.Coder) {
	c.Bool(&r.HasSoughtLess)
	c.Int32(&r.RowsSought)
}

// SeekRowBookmark moves from a bookmark. [MS-OXCROPS] 2.2.5.9.1
type SeekRowBookmark struct {
	Bookmark          []byte
	RowCount          int32
	WantRowMovedCount bool
}

func (*SeekRowBookmark) ROP() ID { return IDSeekRowBookmark }

func (r *SeekRowBookmark) code(c *wire.Coder) {
	c.Data(&r.Bookmark, 2)
	c.Int32(&r.RowCount)
	c.Bool(&r.WantRowMovedCount)
}

// SeekRowBookmarkResult is its answer. [MS-OXCROPS] 2.2.5.9.2
type SeekRowBookmarkResult struct {
	RowNoLongerVisible bool
	HasSoughtLess      bool
	RowsSought         int32
}

func (r *SeekRowBookmarkResult) code(c *wire.Coder) {
	c.Bool(&r.RowNoLongerVisible)
	c.Bool(&r.HasSoughtLess)
	c.Int32(&r.RowsSought)
}

// SeekRowFractional moves to a fraction of a table. [MS-OXCROPS] 2.2.5.10.1
type SeekRowFractional struct{ Numerator, Denominator uint32 }

func (*SeekRowFractional) ROP() ID { return IDSeekRowFractional }

func (r *SeekRowFractional) code(c *wire.Coder) {
	c.Uint32(&r.Numerator)
	c.Uint32(&r.Denominator)
}

// CreateBookmark keeps the place. [MS-OXCROPS] 2.2.5.11.1
type CreateBookmark struct{ empty }

func (*CreateBookmark) ROP() ID { return IDCreateBookmark }

// CreateBookmarkResult is its answer. [MS-OXCROPS] 2.2.5.11.2
type CreateBookmarkResult struct{ Bookmark []byte }

func (r *CreateBookmarkResult) code(c *wire.Coder) { c.Data(&r.Bookmark, 2) }

// FreeBookmark forgets a place. [MS-OXCROPS] 2.2.5.14.1
type FreeBookmark struct{ Bookmark []byte }

func (*FreeBookmark) ROP() ID              { return IDFreeBookmark }
func (r *FreeBookmark) code(c *wire.Coder) { c.Data(&r.Bookmark, 2) }

// QueryColumnsAll asks for all columns. [MS-OXCROPS] 2.2.5.12.1
type QueryColumnsAll struct{ empty }

func (*QueryColumnsAll) ROP() ID { return IDQueryColumnsAll }

// QueryColumnsAllResult is its answer. [MS-OXCROPS] 2.2.5.12.2
type QueryColumnsAllResult struct{ Tags []mapi.Tag }

func (r *QueryColumnsAllResult) code(c *wire.Coder) { c.Tags(&r.Tags, 2) }

// FindRow moves to the next row that matches. [MS-OXCROPS] 2.2.5.13.1
type FindRow struct {
	Flags       uint8 // 1 is backward
	Restriction Restriction
	Origin      Bookmark
	Bookmark    []byte
}

func (*FindRow) ROP() ID { return IDFindRow }

func (r *FindRow) code(c *wire.Coder) {
	c.Uint8(&r.Flags)
	sizedRestriction(c, &r.Restriction)
	r.Origin.code(c)
	c.Data(&r.Bookmark, 2)
}

// FindRowResult is its answer. [MS-OXCROPS] 2.2.5.13.2
type FindRowResult struct {
	RowNoLongerVisible bool
	Row                *Row // nil when none was found

	cols []mapi.Tag
}

func (r *FindRowResult) columns(_ RequestBody, handle uint32, k *Columns) { r.cols = k.Get(handle) }

func (r *FindRowResult) code(c *wire.Coder) {
	has := r.Row != nil
	c.Bool(&r.RowNoLongerVisible)
	c.Bool(&has)
	if !has {
		return
	}
	if c.Reading() {
		r.Row = &Row{Columns: r.cols}
	}
	r.Row.code(c)
}

// ResetTable drops columns, order and restriction. [MS-OXCROPS] 2.2.5.15.1
type ResetTable struct{ empty }

func (*ResetTable) ROP() ID { return IDResetTable }

// ExpandRow opens a category. [MS-OXCROPS] 2.2.5.16.1
type ExpandRow struct {
	MaxRowCount uint16
	CategoryID  uint64
}

func (*ExpandRow) ROP() ID { return IDExpandRow }

func (r *ExpandRow) code(c *wire.Coder) {
	c.Uint16(&r.MaxRowCount)
	c.Uint64(&r.CategoryID)
}

// ExpandRowResult is its answer. [MS-OXCROPS] 2.2.5.16.2
type ExpandRowResult struct {
	ExpandedRowCount uint32
	Rows             []Row

	cols []mapi.Tag
}

func (r *ExpandRowResult) columns(_ RequestBody, handle uint32, k *Columns) { r.cols = k.Get(handle) }

func (r *ExpandRowResult) code(c *wire.Coder) {
	n := uint16(len(r.Rows))
	c.Uint32(&r.ExpandedRowCount)
	c.Uint16(&n)
	rows(c, &r.Rows, int(n), r.cols)
}

// CollapseRow closes a category. [MS-OXCROPS] 2.2.5.17.1
type CollapseRow struct{ CategoryID uint64 }

func (*CollapseRow) ROP() ID              { return IDCollapseRow }
func (r *CollapseRow) code(c *wire.Coder) { c.Uint64(&r.CategoryID) }

// CollapseRowResult is its answer. [MS-OXCROPS] 2.2.5.17.2
type CollapseRowResult struct{ CollapsedRowCount uint32 }

func (r *CollapseRowResult) code(c *wire.Coder) { c.Uint32(&r.CollapsedRowCount) }
