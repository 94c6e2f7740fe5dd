package pst

import (
	"iter"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ltp"
)

// A TableRow is a row of a table of the file: contents, hierarchy, templates.
type TableRow struct {
	// ID is dwRowID, mostly the node that the row stands for.
	ID    NID
	Props mapi.Properties
}

// Table reads the rows of a node that holds a table, for who wants to look at
// the file itself. An error of a row comes with its ID; one of the table ends
// the sequence. [MS-PST] 2.3.4
func (f *File) Table(nid NID) iter.Seq2[TableRow, error] {
	return func(yield func(TableRow, error) bool) {
		n, err := f.db.Node(nid)
		var t *ltp.Table
		if err == nil {
			t, err = ltp.OpenTable(f.db, n)
		}
		if err != nil {
			yield(TableRow{}, err)
			return
		}
		for _, p := range t.Problems() {
			f.problem(p)
		}
		for r, err := range t.Rows() {
			row := TableRow{ID: NID(r.ID)}
			if err == nil {
				ps, problems := r.Properties()
				for _, p := range problems {
					f.problem(p)
				}
				row.Props = f.resolve(ps, f.charset)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
