package cfb

import (
	"fmt"
	"unicode/utf16"

	"github.com/mailconv/mailconv/mapi"
)

// Repair gives the entries of a tree names that [Write] accepts, and reports
// what it changed. A damaged file can hold names that no file may have, and
// siblings with the same name. The name of the root stays as it is.
func Repair(root *mapi.Storage) mapi.Problems {
	var ps mapi.Problems
	todo := []*mapi.Storage{root}
	for len(todo) > 0 {
		st := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		seen := make(map[string]int, len(st.Storages)+len(st.Streams))
		for _, sub := range st.Storages {
			sub.Name = freshName(sub.Name, seen, &ps)
		}
		for i := range st.Streams {
			st.Streams[i].Name = freshName(st.Streams[i].Name, seen, &ps)
		}
		todo = append(todo, st.Storages...)
	}
	return ps
}

// freshName is name, or the nearest that is allowed and not seen.
func freshName(name string, seen map[string]int, ps *mapi.Problems) string {
	units := utf16.Encode([]rune(name))
	if len(units) > maxNameUnits {
		units = units[:maxNameUnits]
	}
	for i, u := range units {
		if u == '/' || u == '\\' || u == ':' || u == '!' || u == 0 {
			units[i] = '_'
		}
	}
	fold := func() string { return string(utf16.Decode(foldUnits(nil, units))) }
	// seen counts how often a name was asked for, so that a thousand twins do
	// not each try a thousand names.
	base, key := units, fold()
	for len(units) == 0 || seen[fold()] > 0 {
		seen[key]++
		suffix := utf16.Encode([]rune(fmt.Sprintf("~%d", seen[key])))
		keep := min(len(base), maxNameUnits-len(suffix))
		units = append(base[:keep:keep], suffix...)
	}
	seen[fold()]++
	fresh := string(utf16.Decode(units))
	if fresh != name {
		p := problem(-1, "Directory Entry Name", fmt.Sprintf("%q is not allowed or stands twice; it becomes %q", name, fresh), "2.6.1")
		p.Where = printable(name)
		ps.Add(p)
	}
	return fresh
}
