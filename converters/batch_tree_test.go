package converters_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/pst"
)

func storageBlob(_ context.Context, s *mapi.Storage) (mapi.Blob, error) { return cfb.NewBlob(s, nil) }

func writePST(t *testing.T, name string, root *psttest.Folder, o psttest.Options) {
	t.Helper()
	var mem psttest.Memory
	o.Storage = storageBlob
	if _, err := psttest.Write(&mem, root, &o); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, mem.B, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tree is the files below a folder with their content.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		files[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// exported is what mime makes of each item that the store hands over, by the
// folder.
func exported(t *testing.T, name string) map[string][]string {
	t.Helper()
	s, err := pst.Open(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := map[string][]string{}
	for f, err := range s.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Hidden {
			continue
		}
		var keys []transport.Key
		for m, err := range s.Items(t.Context(), f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			if m.Skip == "" {
				keys = append(keys, m.Key)
			}
		}
		for fe, err := range s.Fetch(t.Context(), f, keys, nil) {
			if err != nil || fe.Err != nil {
				t.Fatal(err, fe.Err)
			}
			var b bytes.Buffer
			if _, err := mime.Export(t.Context(), &b, fe.Content.Object, &mime.ExportOptions{Storage: cfb.StorageBlob}); err != nil {
				t.Fatal(err)
			}
			want[f.String()] = append(want[f.String()], b.String())
		}
	}
	return want
}

func run(t *testing.T, b *converters.Batch, in ...string) (converters.Summary, []converters.Result) {
	t.Helper()
	var list []converters.Result
	b.Done = func(r converters.Result) { list = append(list, r) }
	sum, err := b.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return sum, list
}

// Each item of an archive becomes one file in the folder of its folder, with the
// bytes that the exporter makes of it; the names do not depend on how many
// are worked on at once.
func TestAnArchiveBecomesATreeOfFiles(t *testing.T) {
	eml, _ := converters.ByName("eml")
	for _, kind := range []psttest.Options{{Kind: ndb.Unicode, Crypt: ndb.CryptPermute}, {Kind: ndb.Unicode4K, OST: true, Compress: true}} {
		dir := t.TempDir()
		name := filepath.Join(dir, "old mail.pst")
		writePST(t, name, psttest.Sample(), kind)
		want := exported(t, name)
		items := 0
		for _, list := range want {
			items += len(list)
		}

		out := filepath.Join(dir, "out")
		sum, results := run(t, &converters.Batch{To: eml, Out: out, Workers: 1}, name)
		if sum.Items != items || sum.Failed != 0 || sum.Files != 1 || sum.Left == 0 {
			t.Errorf("%v: %+v, want %d items, none failed, some left out", kind.Kind, sum, items)
		}
		last := results[len(results)-1]
		if last.Part || last.In != name || len(results) != items+1 || last.Left["an associated item; the parameter associated=1 takes it"] != 1 {
			t.Errorf("%v: %d results, the last is %+v", kind.Kind, len(results), last)
		}
		got := tree(t, out)
		byFolder := map[string][]string{}
		for file, content := range got {
			folder, _ := filepath.Split(file)
			folder = strings.TrimSuffix(folder, "/")
			byFolder[folder] = append(byFolder[folder], content)
		}
		rename := strings.NewReplacer(`Deep\/Größe`, "Deep_Größe")
		for folder, list := range want {
			have := byFolder[rename.Replace(folder)]
			slices.Sort(have)
			slices.Sort(list)
			if !slices.Equal(have, list) {
				t.Errorf("%v: the folder %q has %d files, want %d with the bytes of the exporter", kind.Kind, folder, len(have), len(list))
			}
		}
		for _, file := range []string{"Inbox/2023-05-06 07.08.09 Mail 1.eml", "Inbox/Twin/2023-05-06 07.08.09 Mail 3.eml", "Inbox/Twin (2)/2023-05-06 07.08.09 Mail 5.eml", "Inbox/Deep_Größe/Deeper/2023-05-06 07.08.09 Mail 6.eml"} {
			if got[file] == "" {
				t.Errorf("%v: there is no %s", kind.Kind, file)
			}
		}

		more := filepath.Join(dir, "more")
		run(t, &converters.Batch{To: eml, Out: more, Workers: 5}, name)
		again := tree(t, more)
		if len(again) != len(got) {
			t.Fatalf("%d files with five workers, %d with one", len(again), len(got))
		}
		for file, content := range got {
			if again[file] != content {
				t.Errorf("%s differs with five workers", file)
			}
		}

		// Nothing is overwritten.
		sum, _ = run(t, &converters.Batch{To: eml, Out: out}, name)
		if sum.Items != 0 || sum.Failed != items {
			t.Errorf("again: %+v, want %d failed", sum, items)
		}
		if sum, _ = run(t, &converters.Batch{To: eml, Out: out, Force: true}, name); sum.Items != items {
			t.Errorf("with force: %+v", sum)
		}
	}
}

// Items of one name, and of names that differ only in case, lie side by side.
func TestItemsOfOneNameInAnArchive(t *testing.T) {
	titled := func(subject string) *mapi.Message {
		m := psttest.Plain(1)
		m.Props.Set(mapi.PidTagSubject, mapi.StringValue(subject))
		return m
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "x.pst")
	writePST(t, name, &psttest.Folder{Name: "x", Folders: []*psttest.Folder{{Name: "In", Items: psttest.Items(
		titled("a"), titled("A"), titled("a (2)"), titled("a"), titled(""), titled("../../up"), titled("a"),
	)}}}, psttest.Options{Kind: ndb.Unicode})
	eml, _ := converters.ByName("eml")
	sum, _ := run(t, &converters.Batch{To: eml, Out: filepath.Join(dir, "out")}, name)
	got := tree(t, dir)
	if sum.Items != 7 || len(got) != 8 {
		t.Errorf("%+v, %d files", sum, len(got))
	}
	for _, s := range []string{"a", "A (2)", "a (2) (2)", "a (3)", "a (4)", "no subject", ".._.._up"} {
		if _, ok := got["out/In/2023-05-06 07.08.09 "+s+".eml"]; !ok {
			t.Errorf("there is no %q", s)
		}
	}
}

// Where archives lie among other files, each has a folder under its name; a
// target that holds many takes all items in one file.
func TestArchivesAmongFiles(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.MkdirAll(filepath.Join(in, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	box := func(n int) *psttest.Folder {
		return &psttest.Folder{Name: "x", Folders: []*psttest.Folder{{Name: "In", Items: psttest.Items(psttest.Plain(n), psttest.Plain(n+1))}}}
	}
	writePST(t, filepath.Join(in, "a.pst"), box(1), psttest.Options{Kind: ndb.Unicode})
	writePST(t, filepath.Join(in, "deep", "b.ost"), box(3), psttest.Options{Kind: ndb.Unicode4K, OST: true})
	if err := os.WriteFile(filepath.Join(in, "broken.ost"), []byte("!BDN but no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	eml, _ := converters.ByName("eml")
	sum, _ := run(t, &converters.Batch{To: eml, Out: filepath.Join(dir, "out")}, in)
	if sum.Items != 4 || sum.Unread != 1 || sum.Files != 3 {
		t.Errorf("%+v, want 4 items of 3 files, one of them unreadable", sum)
	}
	got := tree(t, filepath.Join(dir, "out"))
	for _, file := range []string{"a/In/2023-05-06 07.08.09 Mail 2.eml", "deep/b/In/2023-05-06 07.08.09 Mail 3.eml"} {
		if got[file] == "" {
			t.Errorf("there is no %s among %d files", file, len(got))
		}
	}
	mbox, _ := converters.ByName("mbox")
	box1 := filepath.Join(dir, "all.mbox")
	if sum, _ := run(t, &converters.Batch{To: mbox, Out: box1}, filepath.Join(in, "a.pst")); sum.Items != 2 {
		t.Errorf("to an mbox: %+v", sum)
	}
	b, err := os.ReadFile(box1)
	if n := bytes.Count(b, []byte("\nFrom ")) + 1; err != nil || n != 2 {
		t.Errorf("the mbox has %d mails: %v", n, err)
	}
}
