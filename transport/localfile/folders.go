package localfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// Complete sorts folders, adds parents that are only names, and tells apart
// those that came to the same path. Field case T40.
func Complete(list []transport.Folder) []transport.Folder {
	slices.SortFunc(list, func(a, b transport.Folder) int {
		if c := slices.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	seen := map[string]bool{}
	var out []transport.Folder
	for _, f := range list {
		for i := 1; i < len(f.Path); i++ {
			if up := transport.JoinPath(f.Path[:i]); !seen[up] {
				seen[up] = true
				out = append(out, transport.Folder{Path: f.Path[:i], ID: "name:" + up, Count: -1, Size: -1, NoItems: true})
			}
		}
		if f.NoItems && seen[f.String()] {
			continue
		}
		last := len(f.Path) - 1
		for n := 2; last >= 0 && seen[f.String()]; n++ {
			f.Path = append(slices.Clone(f.Path[:last]), fmt.Sprintf("%s (%d)", strings.TrimSuffix(f.Path[last], fmt.Sprintf(" (%d)", n-1)), n))
		}
		seen[f.String()] = true
		out = append(out, f)
	}
	return out
}
