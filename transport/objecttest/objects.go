// Package objecttest holds the objects of two stores against each other, for
// tests of ways on which every property must arrive.
//
// Start from [Archives], which are .pst files to begin with, and from [Objects]
// and [Same].
//
// Not supported: items that travel as MIME; migrate.Verify compares those.
package objecttest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/transport"
)

// Objects lists the objects of a store by folder. They can be read until the
// test ends.
func Objects(t testing.TB, src transport.Source) map[string][]*mapi.Message {
	t.Helper()
	out := map[string][]*mapi.Message{}
	for f, err := range src.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Hidden {
			continue // not copied
		}
		var keys []transport.Key
		for m, err := range src.Items(t.Context(), f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			if m.Skip == "" {
				keys = append(keys, m.Key)
			}
		}
		if len(keys) == 0 {
			continue
		}
		for fe, err := range src.Fetch(t.Context(), f, keys, []transport.Form{transport.FormObject}) {
			if err != nil || fe.Err != nil {
				t.Fatal(f, err, fe.Err)
			}
			if fe.Content.Form != transport.FormObject {
				t.Fatalf("%s: %s comes as %s", f, fe.Key, fe.Content.Form)
			}
			c := fe.Content
			t.Cleanup(func() { c.Close() })
			out[f.String()] = append(out[f.String()], c.Object)
		}
	}
	return out
}

// Same compares the objects of two stores, each with the one that differs least,
// and counts those that are equal. Folders do not count, as their names may be
// others. Differences that expected knows, as lines of [mapitest.Diff], are no
// mistakes; it may be nil.
func Same(t testing.TB, want, got map[string][]*mapi.Message, expected func(diff string) bool) (same int) {
	t.Helper()
	left := slices.Concat(slices.Collect(maps.Values(got))...)
	for folder, list := range want {
		for _, m := range list {
			subject := m.Props.Text(mapi.PidTagSubject)
			mapitest.Number(m)
			best, diff := -1, []string(nil)
			for i, g := range left {
				if g.Props.Text(mapi.PidTagSubject) != subject {
					continue
				}
				d := slices.DeleteFunc(mapitest.Diff(m, g), func(s string) bool {
					return unstreamed(s) || expected != nil && expected(s)
				})
				if best < 0 || len(d) < len(diff) {
					best, diff = i, d
				}
				if len(d) == 0 {
					break
				}
			}
			if best < 0 {
				t.Errorf("%s: %q did not arrive", folder, subject)
				continue
			}
			left = slices.Delete(left, best, best+1)
			for _, d := range diff {
				t.Errorf("%s: %q: %s", folder, subject, d)
			}
			if len(diff) == 0 {
				same++
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("%d more arrived", len(left))
	}
	return same
}

// unstreamed is a difference that a FastTransfer stream makes: errors MUST be
// omitted. They and the tag 0, which is none, are reported as losses.
// [MS-OXCFXICS] 2.2.4.3.20
func unstreamed(diff string) bool {
	return strings.HasSuffix(diff, "only in the first") && (strings.Contains(diff, "PtypErrorCode") || strings.HasPrefix(diff, "0x00000000 "))
}

// Added is for properties that the second store has of each item, and the first
// had not.
func Added(names ...string) func(diff string) bool {
	return func(diff string) bool {
		for _, n := range names {
			if strings.HasPrefix(diff, n+" ") && strings.HasSuffix(diff, "only in the second") {
				return true
			}
		}
		return false
	}
}
