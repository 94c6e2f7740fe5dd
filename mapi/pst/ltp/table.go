package ltp

import (
	"encoding/binary"
	"iter"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// A Table is a table context. It may be used by several goroutines.
// [MS-PST] 2.3.4
type Table struct {
	h       *Heap
	cols    []Column
	ceb     int // where the bitmap of existing cells starts in a row
	rowSize int
	index   bth
	indexed bool // index can be used
	heap    []byte
	data    *ndb.Data
	rows    int // in the matrix, live or dead
	perBlk  int
	damage  mapi.Problems
}

// A Column is TCOLDESC. [MS-PST] 2.3.4.2
type Column struct {
	Tag mapi.Tag
	ib  int
	cb  int
	bit int
}

// A Row is one row. Its bytes point into the table's block.
type Row struct {
	// ID is dwRowID as the row index has it: the node of a message, folder
	// or attachment.
	ID uint32
	// Stored is dwRowID in the row itself; it differs only by damage.
	Stored uint32
	// Number is the place in the row matrix.
	Number int

	t    *Table
	data []byte
}

// OpenTable reads the header and the columns of a table.
func OpenTable(f *ndb.File, n ndb.Node) (*Table, error) {
	h, err := openHeap(f, n, typeTC)
	if err != nil {
		return nil, err
	}
	t := &Table{h: h}
	b, err := h.Item(h.userRoot)
	if err != nil || len(b) < 22 || b[0] != typeTC {
		root, ok := h.find(typeTC)
		if !ok {
			if err == nil {
				err = broken(n, "TCINFO", "2.3.4.1", "no table header")
			}
			return nil, err
		}
		t.damage.Add(mapi.Problem{Where: n.String(), Offset: -1, Field: "hidUserRoot", Detail: "does not lead to the table header; it was found elsewhere", Spec: "[MS-PST] 2.3.1.2"})
		if b, err = h.Item(root); err != nil {
			return nil, err
		}
	}
	if len(b) < 22 {
		return nil, broken(n, "TCINFO", "2.3.4.1", "%d bytes, want 22", len(b))
	}
	cols := int(b[1])
	if 22+8*cols > len(b) {
		return nil, broken(n, "cCols", "2.3.4.1", "%d columns in %d bytes", cols, len(b))
	}
	t.ceb = int(binary.LittleEndian.Uint16(b[6:]))
	t.rowSize = int(binary.LittleEndian.Uint16(b[8:]))
	if t.rowSize < 4 || t.ceb > t.rowSize {
		return nil, broken(n, "rgib", "2.3.4.1", "rows of %d bytes with their bitmap at %d", t.rowSize, t.ceb)
	}
	t.cols = make([]Column, 0, cols)
	for i := range cols {
		c := b[22+8*i:]
		col := Column{
			Tag: mapi.Tag(binary.LittleEndian.Uint32(c)), ib: int(binary.LittleEndian.Uint16(c[4:])),
			cb: int(c[6]), bit: int(c[7]),
		}
		if col.ib+col.cb > t.rowSize || t.ceb+col.bit/8 >= t.rowSize || col.cb == 0 {
			t.damage.Add(mapi.Problem{
				Where: n.String(), Offset: -1, Field: "ibData",
				Detail: "column 0x" + col.Tag.String() + " lies outside of the row; it is left out", Spec: "[MS-PST] 2.3.4.2",
			})
			continue
		}
		t.cols = append(t.cols, col)
	}
	if hid := HID(binary.LittleEndian.Uint32(b[10:])); hid != 0 {
		if t.index, err = h.bth(hid, 4); err != nil {
			t.damage.Add(ndb.ProblemOf(err, n.String()))
		} else {
			t.indexed = true
		}
	}
	if err := t.openRows(HID(binary.LittleEndian.Uint32(b[14:]))); err != nil {
		return nil, err
	}
	return t, nil
}

// openRows finds the row matrix. [MS-PST] 2.3.4.4
func (t *Table) openRows(hnid HID) error {
	switch {
	case hnid == 0:
		return nil
	case hnid.IsHID():
		b, err := t.h.Item(hnid)
		if err != nil {
			return err
		}
		t.heap, t.rows = b, len(b)/t.rowSize
		return nil
	}
	n, err := t.h.f.Subnode(t.h.node, ndb.NID(hnid))
	if err != nil {
		return broken(t.h.node, "hnidRows", "2.3.4.1", "the rows are lost: %v", err)
	}
	if t.data, err = t.h.f.Data(n); err != nil {
		return err
	}
	t.damage = append(t.damage, t.data.Problems()...)
	if t.data.Blocks() == 0 {
		return nil
	}
	// Rows do not cross blocks; each block but the last holds as many as fit.
	t.perBlk = t.h.f.Layout().BlockData() / t.rowSize
	if b, err := t.data.Block(0); err == nil && t.data.Blocks() > 1 {
		t.perBlk = len(b) / t.rowSize
	}
	if t.perBlk == 0 {
		return broken(t.h.node, "rgib", "2.3.4.1", "rows of %d bytes do not fit into a block", t.rowSize)
	}
	t.rows = (t.data.Blocks() - 1) * t.perBlk
	b, err := t.data.Block(t.data.Blocks() - 1)
	if err != nil {
		t.damage.Add(ndb.ProblemOf(err, t.h.node.String()))
		t.rows += t.perBlk // at most; each will say why it cannot be read
		return nil
	}
	t.rows += min(len(b)/t.rowSize, t.perBlk)
	return nil
}

// Columns is the columns in the order of the table.
func (t *Table) Columns() []Column { return t.cols }

// Problems is the damage that was met when the table was opened.
func (t *Table) Problems() mapi.Problems { return t.damage }

// Column finds a column by the identifier of its tag.
func (t *Table) Column(tag mapi.Tag) (Column, bool) {
	for _, c := range t.cols {
		if c.Tag.ID() == tag.ID() {
			return c, true
		}
	}
	return Column{}, false
}

// row is the bytes of the i-th row of the matrix.
func (t *Table) row(i int) ([]byte, error) {
	if i < 0 || i >= t.rows {
		return nil, broken(t.h.node, "dwRowIndex", "2.3.4.3.1", "row %d of %d", i, t.rows)
	}
	b, k := t.heap, i
	if t.data != nil {
		var err error
		if b, err = t.data.Block(i / t.perBlk); err != nil {
			return nil, err
		}
		k = i % t.perBlk
	}
	if (k+1)*t.rowSize > len(b) {
		return nil, broken(t.h.node, "Row Matrix", "2.3.4.4", "row %d lies behind the end of its block", i)
	}
	return b[k*t.rowSize : (k+1)*t.rowSize], nil
}

// Rows walks the live rows in the order of their identifiers. A row that
// cannot be read comes with its ID and an error. Where the row index is
// damaged the matrix is walked for the rows that it does not name.
func (t *Table) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		damaged := !t.indexed
		stopped := false
		t.eachIndex(func(id uint32, number int) bool {
			r, err := t.at(number)
			r.ID = id
			stopped = !yield(r, err)
			return !stopped
		}, func(err error) {
			damaged = true
			if !stopped {
				stopped = !yield(Row{}, err)
			}
		})
		if !damaged || stopped {
			return
		}
		named := t.named()
		for i := range t.rows {
			r, err := t.at(i)
			if err != nil || r.Stored == 0 {
				continue
			}
			if _, ok := named[i]; ok {
				continue
			}
			r.ID = r.Stored
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Dead walks the rows of the matrix that the row index does not name: what is
// left of rows that were deleted.
func (t *Table) Dead() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		if !t.indexed {
			return
		}
		named := t.named()
		for i := range t.rows {
			if _, ok := named[i]; ok {
				continue
			}
			r, err := t.at(i)
			if err != nil || r.Stored == 0 {
				continue
			}
			r.ID = r.Stored
			if !yield(r) {
				return
			}
		}
	}
}

// named is the set of rows that the row index names.
func (t *Table) named() map[int]struct{} {
	m := map[int]struct{}{}
	t.eachIndex(func(_ uint32, number int) bool {
		if number < t.rows {
			m[number] = struct{}{}
		}
		return true
	}, func(error) {})
	return m
}

func (t *Table) at(i int) (Row, error) {
	b, err := t.row(i)
	if err != nil {
		return Row{t: t, Number: i}, err
	}
	return Row{t: t, Number: i, Stored: binary.LittleEndian.Uint32(b), data: b}, nil
}

// eachIndex calls row for each record of the row index. [MS-PST] 2.3.4.3
func (t *Table) eachIndex(row func(id uint32, number int) bool, fail func(error)) {
	if !t.indexed {
		return
	}
	size := t.index.key + t.index.ent
	left := t.rows + 4096 // more than there are rows, for damage
	t.h.each(t.index, func(b []byte) bool {
		for ; len(b) >= size; b = b[size:] {
			if left--; left < 0 {
				fail(broken(t.h.node, "hidRowIndex", "2.3.4.3", "the index names many more rows than the %d that there are", t.rows))
				return false
			}
			number := 0
			if t.index.ent >= 4 {
				number = int(binary.LittleEndian.Uint32(b[4:]))
			} else if t.index.ent >= 2 {
				number = int(binary.LittleEndian.Uint16(b[4:]))
			}
			if !row(binary.LittleEndian.Uint32(b), number) {
				return false
			}
		}
		return true
	}, fail)
}

// Len is the number of live rows.
func (t *Table) Len() int {
	if !t.indexed {
		return t.rows
	}
	n := 0
	size := t.index.key + t.index.ent
	t.h.each(t.index, func(b []byte) bool { n += len(b) / size; return true }, func(error) {})
	return n
}

// exists reports whether the row has a value in the column. [MS-PST] 2.3.4.4.1
func (r Row) exists(c Column) bool {
	return r.data != nil && r.data[r.t.ceb+c.bit/8]&(1<<(7-c.bit%8)) != 0
}

// Value reads a cell. It is false when the row has no value there.
func (r Row) Value(c Column) (mapi.Value, bool, error) {
	if c.cb == 0 || !r.exists(c) {
		return mapi.Value{}, false, nil
	}
	b := r.data[c.ib : c.ib+c.cb : c.ib+c.cb]
	t := c.Tag.Type()
	if size := t.FixedSize(); size > 0 && size <= 8 && !t.Multi() {
		// A Boolean takes one byte here.
		return mapi.RawValue(t, b), true, nil
	}
	if len(b) < 4 {
		return mapi.Value{}, false, broken(r.t.h.node, "cbData", "2.3.4.2", "%d bytes for a value of type %v", len(b), t)
	}
	v, err := r.t.h.value(t, HID(binary.LittleEndian.Uint32(b)))
	return v, err == nil, err
}

// Properties reads all cells of the row that have a value.
func (r Row) Properties() (mapi.Properties, mapi.Problems) {
	var problems mapi.Problems
	ps := make(mapi.Properties, 0, len(r.t.cols))
	for _, c := range r.t.cols {
		if !c.Tag.Type().Known() {
			continue
		}
		v, ok, err := r.Value(c)
		if err != nil {
			problems.Add(propertyProblem(err, r.t.h.node, c.Tag))
		}
		if ok {
			ps = append(ps, mapi.Property{Tag: c.Tag, Value: v})
		}
	}
	return ps, problems
}
