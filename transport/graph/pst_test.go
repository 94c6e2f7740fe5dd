package graph_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/itemprops"
	"github.com/mailconv/mailconv/transport/pst"
)

// wide has room for everything.
var wide = graphtest.Limits{Requests: 1 << 30, Upload: 1 << 40}

// archives are the .pst and .ost files of the collection of samples.
func archives(t *testing.T) []string {
	root := os.Getenv("MAILCONV_CORPUS")
	if root == "" {
		t.Skip("MAILCONV_CORPUS names no samples")
	}
	var list []string
	err := filepath.WalkDir(filepath.Join(root, "pst"), func(path string, _ fs.DirEntry, err error) error {
		if ext := strings.ToLower(filepath.Ext(path)); ext == ".pst" || ext == ".ost" {
			list = append(list, path)
		}
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("%d archives: %v", len(list), err)
	}
	return list
}

// each calls fn with all items of a source.
func each(t *testing.T, src transport.Source, fn func(transport.Folder, transport.Meta, *transport.Content)) {
	t.Helper()
	for f, err := range src.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Err != nil || f.NoItems {
			continue
		}
		var metas []transport.Meta
		for m, err := range src.Items(t.Context(), f, nil) {
			if err != nil {
				continue
			}
			if m.Skip == "" {
				metas = append(metas, m)
			}
		}
		for _, m := range metas {
			for fe, err := range src.Fetch(t.Context(), f, []transport.Key{m.Key}, []transport.Form{transport.FormObject}) {
				if err != nil {
					t.Fatal(err)
				}
				if fe.Err == nil {
					fn(f, m, fe.Content)
				}
				fe.Content.Close()
			}
		}
	}
}

// An archive goes in by import and comes out again with every property.
func TestArchivesKeepEveryPropertyByImport(t *testing.T) {
	t.Parallel()
	for _, file := range archives(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := pst.Driver().Source(t.Context(), transport.Address{Scheme: "pst", Path: file}, &transport.Env{})
			if err != nil {
				t.Skip(err)
			}
			defer src.Close()
			s := start(t, graphtest.Options{Limits: wide})
			g := open(t, s, "route", "import", "receipts", "keep")
			n := 0
			each(t, src, func(f transport.Folder, m transport.Meta, c *transport.Content) {
				to, err := g.Ensure(t.Context(), f)
				if err != nil {
					t.Fatal(err)
				}
				m.Token = "token"
				r, err := g.Put(t.Context(), to, m, c)
				if err != nil {
					t.Errorf("%s %s: %v", f, m.Key, err)
					return
				}
				n++
				if r.Route != "import" {
					t.Errorf("%s went by %s", m.Key, r.Route)
				}
				lost := map[string]bool{}
				for _, l := range r.Losses {
					lost[l.Item] = true
				}
				back := fetchObject(t, g, to, r.Ref)
				defer back.Close()
				for _, d := range mapitest.Diff(expected(c.Object, m), back.Object) {
					if strings.Contains(d, "PidTagRowid ") || strings.Contains(d, "PidTagAttachNumber ") {
						continue // a stream must have them
					}
					if name, _, _ := strings.Cut(d, " ("); !lost[name] {
						t.Errorf("%s %s: %s", f, m.Key, d)
					}
				}
			})
			if out := s.Outbox(); len(out) > 0 {
				t.Errorf("%d mails were sent", len(out))
			}
			t.Logf("%d items", n)
		})
	}
}

// expected is the item with what the sink was asked to set.
func expected(m *mapi.Message, meta transport.Meta) *mapi.Message {
	own := *m
	own.Props = m.Props.Clone()
	have := itemprops.Meta(own.Props)
	_, known := own.Props.Int(mapi.PidTagMessageFlags)
	if meta.Flags &^= transport.Deleted | transport.MDNSent; have.Flags != meta.Flags || !known || !meta.Received.IsZero() && !have.Received.Equal(meta.Received) ||
		len(meta.Keywords) > 0 && !slices.Equal(have.Keywords, meta.Keywords) {
		itemprops.Apply(&own.Props, meta)
	}
	own.Props.SetName(itemprops.NameToken, mapi.StringValue(meta.Token))
	return &own
}

func fetchObject(t *testing.T, src transport.Source, f transport.Folder, key transport.Key) *transport.Content {
	t.Helper()
	var out *transport.Content
	for fe, err := range src.Fetch(t.Context(), f, []transport.Key{key}, []transport.Form{transport.FormObject}) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		out = fe.Content
	}
	return out
}
