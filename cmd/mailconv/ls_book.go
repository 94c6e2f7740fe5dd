package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mapihttp"
)

// bookColumns are what is shown of an entry of an address book.
var bookColumns = []struct {
	name string
	tag  mapi.Tag
}{
	{"name", mapi.PidTagDisplayName},
	{"address", mapi.PidTagSmtpAddress},
	{"account", mapi.PidTagAccount},
	{"title", mapi.PidTagTitle},
	{"department", mapi.PidTagDepartmentName},
	{"company", mapi.PidTagCompanyName},
	{"office", mapi.PidTagOfficeLocation},
	{"phone", mapi.PidTagBusinessTelephoneNumber},
	{"dn", mapi.PidTagEmailAddress},
}

// listBook lists the address book of a server.
func listBook(c *cli.Context, out io.Writer, s transport.Source) error {
	st, ok := transport.As[interface{ Directory() *mapihttp.Directory }](s)
	if !ok {
		return usagef("--gal: this store has no address book; mapihttp: has")
	}
	d := st.Directory()
	defer d.Close()
	w := csv.NewWriter(out)
	enc := json.NewEncoder(out)
	if c.Bool("csv") {
		var head []string
		for _, col := range bookColumns {
			head = append(head, col.name)
		}
		if err := w.Write(head); err != nil {
			return err
		}
	}
	for ps, err := range d.Entries(c.Context) {
		if err != nil {
			return err
		}
		switch {
		case c.Bool("csv"):
			var row []string
			for _, col := range bookColumns {
				row = append(row, ps.Text(col.tag))
			}
			err = w.Write(row)
		case c.Bool("json"):
			row := map[string]string{}
			for _, col := range bookColumns {
				if v := ps.Text(col.tag); v != "" {
					row[col.name] = v
				}
			}
			err = enc.Encode(row)
		default:
			_, err = fmt.Fprintf(out, "%-40s %s\n", ps.Text(mapi.PidTagSmtpAddress), ps.Text(mapi.PidTagDisplayName))
		}
		if err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
