package mapihttptest

import (
	"cmp"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A table is an open table: the rows at the time of opening, those of a
// restriction, and a place. [MS-OXCTABL] 3.2.1
type table struct {
	*logon
	all  []mapi.Properties
	rows []mapi.Properties
	cols []mapi.Tag
	pos  int
	// contents cuts long values, as the tables of a store do.
	contents bool
}

// longest is the number of bytes of a value in a table. [MS-OXCTABL] 2.2.2.1
const longest = 510

func doGetHierarchyTable(x *execution, f *folderObject, r *rop.GetHierarchyTable) (rop.Body, error) {
	top, err := f.folder()
	if err != nil {
		return nil, err
	}
	t := &table{logon: f.logon}
	depth := map[mailbox.FolderID]int{top.ID: 0}
	for _, sub := range f.box.Folders(f.id, r.TableFlags&rop.TableDepth != 0) {
		depth[sub.ID] = depth[sub.Parent] + 1
		t.all = append(t.all, f.folderProps(sub, depth[sub.ID]))
	}
	t.rows = t.all
	x.put(t)
	return &rop.OpenTableResult{RowCount: uint32(len(t.rows))}, nil
}

func doGetContentsTable(x *execution, f *folderObject, r *rop.GetContentsTable) (rop.Body, error) {
	view, id := mailbox.Normal, f.id
	if r.TableFlags&rop.TableAssociated != 0 {
		view = mailbox.Associated
	}
	soft := r.TableFlags&rop.TableSoftDeletes != 0
	if soft {
		bin, ok := f.box.WellKnown(mailbox.RecoverableDeletions)
		if !ok {
			return nil, rop.NotSupported
		}
		id = bin.ID
	}
	items, err := f.box.Items(id, view)
	if err != nil {
		return nil, err
	}
	t := &table{logon: f.logon, contents: true}
	for _, it := range items {
		if !soft || it.DeletedFrom == f.id {
			t.all = append(t.all, f.itemProps(it))
		}
	}
	t.rows = t.all
	x.put(t)
	return &rop.OpenTableResult{RowCount: uint32(len(t.rows))}, nil
}

func doSetColumns(_ *execution, t *table, r *rop.SetColumns) (rop.Body, error) {
	if len(r.Tags) == 0 {
		return nil, rop.InvalidParameter
	}
	t.cols = r.Tags
	return &rop.TableStatusResult{}, nil
}

func doSortTable(_ *execution, t *table, r *rop.SortTable) (rop.Body, error) {
	if r.Categories > 0 {
		return nil, rop.NotSupported
	}
	order := func(a, b mapi.Properties) int {
		for _, o := range r.Orders {
			va, _ := t.names.find(a, o.Tag)
			vb, _ := t.names.find(b, o.Tag)
			n := compare(va, vb)
			if o.Order == rop.Descending {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	}
	t.rows = slices.SortedStableFunc(slices.Values(t.rows), order)
	t.all = slices.SortedStableFunc(slices.Values(t.all), order)
	t.pos = 0
	return &rop.TableStatusResult{}, nil
}

func doRestrict(_ *execution, t *table, r *rop.Restrict) (rop.Body, error) {
	t.rows, t.pos = nil, 0
	for _, row := range t.all {
		ok, err := t.match(row, r.Restriction)
		if err != nil {
			return nil, err
		}
		if ok {
			t.rows = append(t.rows, row)
		}
	}
	return &rop.TableStatusResult{}, nil
}

func doQueryRows(x *execution, t *table, r *rop.QueryRows) (rop.Body, error) {
	if len(t.cols) == 0 {
		return nil, rop.NullObject
	}
	res := &rop.QueryRowsResult{}
	// A row is not begun that may not fit.
	left := x.room() - 64
	pos := t.pos
	for len(res.Rows) < int(r.RowCount) {
		at := pos
		if !r.ForwardRead {
			at--
		}
		if at < 0 || at >= len(t.rows) {
			break
		}
		row := t.row(at)
		one := rop.Response{ID: rop.IDQueryRows, Body: &rop.QueryRowsResult{Rows: []rop.Row{row}}}
		b, err := one.Marshal()
		if err != nil {
			return nil, err
		}
		if left -= len(b); left < 0 {
			if len(res.Rows) == 0 {
				return nil, rop.BufferTooSmall
			}
			break
		}
		res.Rows = append(res.Rows, row)
		if r.ForwardRead {
			pos++
		} else {
			pos--
		}
	}
	if r.Flags&rop.NoAdvance == 0 {
		t.pos = pos
	}
	res.Origin = rop.BookmarkCurrent
	switch pos {
	case 0:
		res.Origin = rop.BookmarkBeginning
	case len(t.rows):
		res.Origin = rop.BookmarkEnd
	}
	return res, nil
}

// row is a row in the columns that were chosen.
func (t *table) row(i int) rop.Row {
	row := rop.Row{Columns: t.cols}
	for _, tag := range t.cols {
		v, ok := t.view(t.rows[i], tag)
		switch {
		case !ok:
			v = rop.ErrorValue(rop.NotFound)
		case t.contents && v.Size() > longest:
			v = t.cut(v)
		}
		if v.Type() == mapi.TypeErrorCode {
			row.Flagged = true
		}
		row.Values = append(row.Values, v)
	}
	return row
}

// cut shortens a long value, which only strings and binary values survive.
func (t *table) cut(v mapi.Value) mapi.Value {
	switch v.Type() {
	case mapi.TypeString:
		r := []rune(v.Text())
		return mapi.StringValue(string(r[:min(len(r), longest/2)]))
	case mapi.TypeString8, mapi.TypeBinary:
		if v.InMemory() {
			return mapi.RawValue(v.Type(), v.Raw()[:longest]).WithCharset(v.Charset())
		}
	}
	return rop.ErrorValue(rop.OutOfMemory)
}

func doQueryPosition(_ *execution, t *table, _ *rop.QueryPosition) (rop.Body, error) {
	return &rop.QueryPositionResult{Numerator: uint32(t.pos), Denominator: uint32(len(t.rows))}, nil
}

func doSeekRow(_ *execution, t *table, r *rop.SeekRow) (rop.Body, error) {
	from := t.pos
	switch r.Origin {
	case rop.BookmarkBeginning:
		from = 0
	case rop.BookmarkEnd:
		from = len(t.rows)
	}
	to := min(max(from+int(r.RowCount), 0), len(t.rows))
	t.pos = to
	return &rop.SeekRowResult{HasSoughtLess: to-from != int(r.RowCount), RowsSought: int32(to - from)}, nil
}

func doFindRow(_ *execution, t *table, r *rop.FindRow) (rop.Body, error) {
	if r.Origin == rop.BookmarkBeginning {
		t.pos = 0
	}
	step := 1
	if r.Flags&1 != 0 {
		step = -1
	}
	for i := t.pos; i >= 0 && i < len(t.rows); i += step {
		ok, err := t.match(t.rows[i], r.Restriction)
		if err != nil {
			return nil, err
		}
		if ok {
			t.pos = i
			row := t.row(i)
			return &rop.FindRowResult{Row: &row}, nil
		}
	}
	return nil, rop.NotFound
}

func doQueryColumnsAll(_ *execution, t *table, _ *rop.QueryColumnsAll) (rop.Body, error) {
	var tags []mapi.Tag
	for _, row := range t.all {
		for _, p := range t.names.wire(row) {
			if !slices.Contains(tags, p.Tag) {
				tags = append(tags, p.Tag)
			}
		}
	}
	return &rop.QueryColumnsAllResult{Tags: tags}, nil
}

func doResetTable(_ *execution, t *table, _ *rop.ResetTable) (rop.Body, error) {
	t.rows, t.cols, t.pos = t.all, nil, 0
	return nil, nil
}

// compare orders two values of one type; what is not there comes first.
func compare(a, b mapi.Value) int {
	if a.Type() == mapi.TypeString || a.Type() == mapi.TypeString8 {
		return cmp.Compare(a.Text(), b.Text())
	}
	if x, ok := a.Int(); ok {
		y, _ := b.Int()
		return cmp.Compare(x, y)
	}
	if x, ok := a.Time(); ok {
		y, _ := b.Time()
		return x.Compare(y)
	}
	if x, ok := a.Float(); ok {
		y, _ := b.Float()
		return cmp.Compare(x, y)
	}
	return slices.Compare(a.Raw(), b.Raw())
}
