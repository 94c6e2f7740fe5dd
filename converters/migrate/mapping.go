package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// A target is where a source folder goes.
type target struct {
	path []string
	role transport.Role
	note string // what was done to the name, "" when nothing
}

// A mapper gives each source folder its place in the sink.
type mapper struct {
	rules   []MapRule
	noRoles bool
	merge   bool
	// sink are the folders that the sink has already, where it tells.
	sink []transport.Folder
}

// all maps all folders at once, as roles are given once and names must not
// collide. Kept are places that earlier runs recorded, by folder ID; they stay.
// T40, T46, T47, T49
func (m *mapper) all(folders []transport.Folder, kept map[string][]string) []target {
	out := make([]target, len(folders))
	roles := m.roles(folders)
	byPath := map[string][]string{} // where a folder went, for those below it
	used := map[string]int{}
	// Recorded places come first, so that new folders make way for them.
	for i, f := range folders {
		if p, ok := kept[f.ID]; ok {
			out[i] = target{path: p, role: roles[i]}
			used[fold(p)] = i + 1
			byPath[f.String()] = p
		}
	}
	// Then folders with a special use, and last all others.
	for _, special := range []bool{true, false} {
		for i, f := range folders {
			if out[i].path != nil {
				continue
			}
			p, ruled := m.rule(f.Path)
			if !ruled {
				p = m.place(roles[i], f.Path)
			}
			if special && (ruled || p == nil) {
				continue
			}
			if p == nil && !ruled {
				p = below(byPath, f.Path)
			}
			if len(p) == 0 {
				// The root holds items in some stores; few sinks have one.
				p = []string{canonical[transport.RoleInbox]}
			}
			t := target{path: p, role: roles[i]}
			if at, taken := used[fold(p)]; taken && !ruled {
				other := folders[at-1].String()
				if m.merge {
					t.note = fmt.Sprintf("merged with %q", other)
				} else {
					for n := 2; used[fold(t.path)] != 0; n++ {
						t.path = append(slices.Clone(p[:len(p)-1]), fmt.Sprintf("%s (%d)", p[len(p)-1], n))
					}
					t.note = fmt.Sprintf("has a number, as %q has the name", other)
				}
			}
			if used[fold(t.path)] == 0 {
				used[fold(t.path)] = i + 1
			}
			byPath[f.String()] = t.path
			out[i] = t
		}
	}
	return out
}

// fold makes INBOX the same in any case. RFC 9051 5.1
func fold(p []string) string {
	if len(p) > 0 && strings.EqualFold(p[0], "inbox") {
		p = append([]string{"INBOX"}, p[1:]...)
	}
	return transport.JoinPath(p)
}

// below replaces the nearest mapped ancestor by its place.
func below(byPath map[string][]string, p []string) []string {
	for n := len(p) - 1; n > 0; n-- {
		if to, ok := byPath[transport.JoinPath(p[:n])]; ok {
			return append(slices.Clone(to), p[n:]...)
		}
	}
	return slices.Clone(p)
}

// roles gives each role to at most one folder: to the one of which the store
// says so, else to the one with the canonical name, else to the first by name.
func (m *mapper) roles(folders []transport.Folder) []transport.Role {
	out := make([]transport.Role, len(folders))
	if m.noRoles {
		return out
	}
	given := map[transport.Role]bool{}
	for pass := range 3 {
		for i, f := range folders {
			role := roleOf(f)
			if role == transport.RoleNone || given[role] || out[i] != transport.RoleNone {
				continue
			}
			if pass == 0 && f.Role == transport.RoleNone || pass == 1 && !strings.EqualFold(f.Name(), canonical[role]) {
				continue
			}
			out[i], given[role] = role, true
		}
	}
	return out
}

// place is where a role lives in the sink; nil when it has no special place.
func (m *mapper) place(role transport.Role, from []string) []string {
	if role == transport.RoleNone {
		return nil
	}
	for _, f := range m.sink {
		if f.Role == role {
			return f.Path
		}
	}
	named := []string(nil)
	for _, f := range m.sink {
		if f.Role == transport.RoleNone && roleOf(f) == role {
			if slices.Equal(f.Path, from) {
				return f.Path
			}
			if named == nil {
				named = f.Path
			}
		}
	}
	if named != nil {
		return named
	}
	if name := canonical[role]; name != "" {
		return []string{name}
	}
	return nil
}

// rule applies the rule with the longest prefix.
func (m *mapper) rule(p []string) ([]string, bool) {
	best := -1
	var out []string
	for _, r := range m.rules {
		from := transport.ParsePath(r.From)
		if len(from) <= best || len(from) > len(p) || !slices.EqualFunc(from, p[:len(from)], strings.EqualFold) {
			continue
		}
		best = len(from)
		out = append(transport.ParsePath(r.To), p[len(from):]...)
	}
	return out, best >= 0
}
