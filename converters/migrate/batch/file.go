package batch

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/transport"
)

// A Row is one mailbox.
type Row struct {
	// Name is how the mailbox is called in messages and reports. It is unique.
	Name string
	// Source and Sink are addresses.
	Source, Sink string
	// SourceSecret and SinkSecret are references to secrets, "" for what is
	// stored for the address.
	SourceSecret, SinkSecret string
	// Set are settings by their names, see [Settings].
	Set map[string][]string
}

// maxFile bounds a file, maxRows what is in it.
const (
	maxFile = 64 << 20
	maxRows = 100_000
)

func usagef(format string, args ...any) error {
	return &transport.Error{Kind: transport.Usage, Op: "batch", Err: fmt.Errorf(format, args...)}
}

// Parse reads a file whose name ends in .csv or .toml. Errors are of kind
// [transport.Usage] and name the row; they never hold what stands in a column
// for secrets.
func Parse(name string, r io.Reader) ([]Row, error) {
	r = io.LimitReader(r, maxFile)
	var rows []Row
	var err error
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".csv":
		rows, err = parseCSV(r)
	case ".toml":
		rows, err = parseTOML(r)
	default:
		return nil, usagef("%s: the name must end in .csv or .toml", name)
	}
	if err != nil {
		return nil, usagef("%s: %w", name, err)
	}
	if len(rows) == 0 {
		return nil, usagef("%s: there are no mailboxes in it", name)
	}
	if err := check(rows); err != nil {
		return nil, usagef("%s: %w", name, err)
	}
	return rows, nil
}

// check completes rows and refuses what makes no sense, before anything is
// done.
func check(rows []Row) error {
	names, pairs := map[string]int{}, map[ledger.Pair]int{}
	for i := range rows {
		row := &rows[i]
		fail := func(format string, args ...any) error {
			return fmt.Errorf("mailbox %d: %w", i+1, fmt.Errorf(format, args...))
		}
		if row.Source == "" || row.Sink == "" {
			return fail("it needs a source and a sink")
		}
		from, err := transport.ParseAddress(row.Source)
		if err != nil {
			return fail("source: %w", err)
		}
		to, err := transport.ParseAddress(row.Sink)
		if err != nil {
			return fail("sink: %w", err)
		}
		if row.Name == "" {
			if row.Name = from.User; row.Name == "" {
				row.Name = from.String()
			}
		}
		for what, ref := range map[string]string{"source-secret": row.SourceSecret, "sink-secret": row.SinkSecret} {
			kind, name, _ := strings.Cut(ref, ":")
			if ref != "" && (name == "" || !slices.Contains([]string{"env", "file", "keyring"}, kind)) {
				return fail("%s wants env:NAME, file:PATH or keyring:NAME; a secret itself has no place here", what)
			}
		}
		if _, err := row.apply(migrate.Options{}); err != nil {
			return fail("%w", err)
		}
		if other, ok := names[row.Name]; ok {
			return fail("it is called %s, as mailbox %d is; give them names", row.Name, other)
		}
		pair := ledger.Pair{Source: from.String(), Sink: to.String()}
		if other, ok := pairs[pair]; ok {
			return fail("it has the source and sink of mailbox %d", other)
		}
		names[row.Name], pairs[pair] = i+1, i+1
	}
	return nil
}

// Pair names the two stores, without passwords.
func (r *Row) Pair() ledger.Pair {
	from, _ := transport.ParseAddress(r.Source) // checked when it was read
	to, _ := transport.ParseAddress(r.Sink)
	return ledger.Pair{Source: from.String(), Sink: to.String()}
}

// put sets one column.
func (r *Row) put(name string, values []string) error {
	one := func(to *string) error {
		if len(values) != 1 {
			return fmt.Errorf("%s takes one value", name)
		}
		*to = values[0]
		return nil
	}
	switch name {
	case "name":
		return one(&r.Name)
	case "source":
		return one(&r.Source)
	case "sink":
		return one(&r.Sink)
	case "source-secret":
		return one(&r.SourceSecret)
	case "sink-secret":
		return one(&r.SinkSecret)
	}
	if _, ok := settings[name]; !ok {
		return fmt.Errorf("there is no column %q; possible are name, source, sink, source-secret, sink-secret, %s", name, strings.Join(Settings(), ", "))
	}
	if r.Set == nil {
		r.Set = map[string][]string{}
	}
	r.Set[name] = values
	return nil
}

func parseCSV(r io.Reader) ([]Row, error) {
	in := csv.NewReader(r)
	in.TrimLeadingSpace, in.Comment = true, '#'
	head, err := in.Read()
	if err == io.EOF {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for i, h := range head {
		h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\uFEFF")))
		if slices.Contains(head[:i], h) {
			return nil, fmt.Errorf("two columns are called %q", h)
		}
		if err := new(Row).put(h, []string{""}); err != nil {
			return nil, err
		}
		head[i] = h
	}
	var rows []Row
	for {
		line, err := in.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		if len(rows) == maxRows {
			return nil, fmt.Errorf("more than %d mailboxes", maxRows)
		}
		var row Row
		for i, v := range line {
			v = strings.TrimSpace(v)
			if v == "" {
				continue
			}
			values := []string{v}
			if settings[head[i]].many {
				values = nil
				for p := range strings.SplitSeq(v, ";") {
					if p = strings.TrimSpace(p); p != "" {
						values = append(values, p)
					}
				}
			}
			if err := row.put(head[i], values); err != nil {
				return nil, fmt.Errorf("mailbox %d: %w", len(rows)+1, err)
			}
		}
		rows = append(rows, row)
	}
}

func parseTOML(r io.Reader) ([]Row, error) {
	var file struct {
		Defaults map[string]any   `toml:"defaults"`
		Mailbox  []map[string]any `toml:"mailbox"`
	}
	meta, err := toml.NewDecoder(r).Decode(&file)
	if err != nil {
		// The decoder's own words quote the file, which may hold secrets.
		var pe toml.ParseError
		if errors.As(err, &pe) {
			return nil, fmt.Errorf("line %d is no TOML", pe.Position.Line)
		}
		return nil, errors.New("it wants a table [defaults] and tables [[mailbox]]")
	}
	for _, k := range meta.Undecoded() {
		return nil, fmt.Errorf("there is no place for %q; it wants [defaults] and [[mailbox]]", k.String())
	}
	if len(file.Mailbox) > maxRows {
		return nil, fmt.Errorf("more than %d mailboxes", maxRows)
	}
	var rows []Row
	for i, table := range file.Mailbox {
		var row Row
		all := maps.Clone(file.Defaults)
		if all == nil {
			all = map[string]any{}
		}
		maps.Copy(all, table)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			values, err := texts(all[name])
			if err == nil {
				err = row.put(strings.ToLower(name), values)
			}
			if err != nil {
				return nil, fmt.Errorf("mailbox %d: %s: %w", i+1, name, err)
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// texts writes a TOML value as settings take it.
func texts(v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return []string{v}, nil
	case bool, int64:
		return []string{fmt.Sprint(v)}, nil
	case time.Time:
		if strings.HasSuffix(v.Location().String(), "-local") {
			// Without a zone it is UTC, as on the command line.
			return []string{v.Format("2006-01-02T15:04:05Z")}, nil
		}
		return []string{v.Format(time.RFC3339)}, nil
	case []any:
		var out []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, errors.New("a list holds texts")
			}
			out = append(out, s)
		}
		return out, nil
	}
	return nil, errors.New("it wants a text, a number, true, false, a date or a list of texts")
}
