package pst_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/pst"
)

func storage(_ context.Context, s *mapi.Storage) (mapi.Blob, error) { return cfb.NewBlob(s, nil) }

// write makes a file.
func write(t testing.TB, root *psttest.Folder, o psttest.Options) (string, *psttest.Written, []byte) {
	t.Helper()
	o.Storage = storage
	var mem psttest.Memory
	w, err := psttest.Write(&mem, root, &o)
	if err != nil {
		t.Fatal(err)
	}
	return save(t, mem.B), w, mem.B
}

func save(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.pst")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t testing.TB, name string, o *pst.Options) *pst.Store {
	t.Helper()
	s, err := pst.Open(name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func folders(t testing.TB, s transport.Source) map[string]transport.Folder {
	t.Helper()
	m := map[string]transport.Folder{}
	for f, err := range s.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := m[f.String()]; twice {
			t.Errorf("the folder %q is listed twice", f)
		}
		if f.ID == "" || len(f.Path) == 0 {
			t.Errorf("folder %q with the ID %q", f, f.ID)
		}
		m[f.String()] = f
	}
	return m
}

// items lists a folder; errors are rows too.
func items(t testing.TB, s transport.Source, f transport.Folder) (list []transport.Meta, failed map[transport.Key]error) {
	t.Helper()
	failed = map[transport.Key]error{}
	for m, err := range s.Items(t.Context(), f, nil) {
		switch {
		case err == nil:
			list = append(list, m)
		case m.Key == "":
			t.Fatalf("%s: %v", f, err)
		default:
			failed[m.Key] = err
		}
	}
	return list, failed
}

func fetch(t testing.TB, s transport.Source, f transport.Folder, keys ...transport.Key) []transport.Fetched {
	t.Helper()
	var list []transport.Fetched
	for fe, err := range s.Fetch(t.Context(), f, keys, []transport.Form{transport.FormObject}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fe)
	}
	if len(list) != len(keys) {
		t.Fatalf("%d answers for %d keys", len(list), len(keys))
	}
	return list
}

func subjects(list []transport.Meta) []string {
	var names []string
	for _, m := range list {
		if m.Skip == "" {
			names = append(names, m.Subject)
		}
	}
	slices.Sort(names)
	return names
}

func digest(t testing.TB, b mapi.Blob) [32]byte {
	t.Helper()
	r, err := b.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	h := sha256.New()
	if n, err := io.Copy(h, r); err != nil || n != b.Size() {
		t.Errorf("%d of %d bytes: %v", n, b.Size(), err)
	}
	return [32]byte(h.Sum(nil))
}

// TestT35EveryKindIsReadWhole: every item of every kind of file arrives, and
// attachments are what was written (T33).
func TestT35EveryKindIsReadWhole(t *testing.T) {
	want := map[[32]byte]string{}
	for m := range psttest.Sample().Folders[1].Items {
		for _, a := range m.Attachments {
			if b := a.Data(); b != nil {
				want[digest(t, b)] = a.Props.Text(mapi.PidTagAttachLongFilename)
			}
		}
	}
	for _, k := range psttest.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			name, _, _ := write(t, psttest.Sample(), k.Options)
			if !pst.Sniff(name) {
				t.Error("the file is not recognised")
			}
			s := open(t, name, nil)
			left, n := map[[32]byte]string{}, 0
			for d, name := range want {
				left[d] = name
			}
			for _, f := range folders(t, s) {
				list, failed := items(t, s, f)
				for k, err := range failed {
					t.Errorf("%s %s: %v", f, k, err)
				}
				var keys []transport.Key
				for _, m := range list {
					if m.Skip == "" {
						keys = append(keys, m.Key)
					}
				}
				for _, fe := range fetch(t, s, f, keys...) {
					if fe.Err != nil || fe.Content.Form != transport.FormObject || fe.Content.Problems.Severe() {
						t.Errorf("%s %s: %v %v", f, fe.Key, fe.Err, fe.Content.Problems)
						continue
					}
					n++
					for _, a := range fe.Content.Object.Attachments {
						if b := a.Data(); b != nil {
							delete(left, digest(t, b))
						}
					}
				}
			}
			for _, name := range left {
				t.Errorf("the attachment %q is not there as it was written", name)
			}
			if n < 129 {
				t.Errorf("%d items", n)
			}
		})
	}
}

// TestT36ReferenceAttachments: a link is an attachment with its properties.
func TestT36ReferenceAttachments(t *testing.T) {
	name, _, _ := write(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode})
	s := open(t, name, nil)
	for _, f := range folders(t, s) {
		list, _ := items(t, s, f)
		for _, m := range list {
			if m.Subject != "attachments" {
				continue
			}
			fe := fetch(t, s, f, m.Key)[0]
			for _, a := range fe.Content.Object.Attachments {
				if a.Method() == mapi.AttachByWebReference {
					if got := a.Props.Text(mapi.PidTagAttachLongPathname); got != "https://example.test/shared/file.docx" {
						t.Errorf("the link is %q", got)
					}
					return
				}
			}
		}
	}
	t.Error("there is no attachment that is a link")
}

// TestT40FoldersOfOneName: siblings of one name are told apart, and each keeps
// its items.
func TestT40FoldersOfOneName(t *testing.T) {
	name, _, _ := write(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode})
	s := open(t, name, nil)
	n := map[string]int{}
	for _, f := range folders(t, s) {
		if strings.HasPrefix(f.Name(), "Twin") {
			list, _ := items(t, s, f)
			n[f.Name()] = len(list)
		}
	}
	if n["Twin"] != 1 || n["Twin (2)"] != 2 || len(n) != 2 {
		t.Errorf("%v", n)
	}
}

// TestWhatIsLeftOutHasARow: associated and deleted items are listed as skipped,
// and handed over when they are asked for; what no folder has is found with
// recover.
func TestWhatIsLeftOutHasARow(t *testing.T) {
	name, _, _ := write(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode})
	count := func(o *pst.Options) (skipped, taken map[string]int) {
		skipped, taken = map[string]int{}, map[string]int{}
		s := open(t, name, o)
		for _, f := range folders(t, s) {
			list, _ := items(t, s, f)
			for _, m := range list {
				if m.Skip != "" {
					skipped[m.Subject]++
					continue
				}
				taken[m.Subject]++
				if fe := fetch(t, s, f, m.Key)[0]; fe.Err != nil || fe.Content.Object.Props.Text(mapi.PidTagSubject) != m.Subject {
					t.Errorf("%s %s: %v", f, m.Key, fe.Err)
				}
			}
		}
		return skipped, taken
	}
	skipped, taken := count(nil)
	if skipped["settings"] != 1 || skipped["Mail 900"] != 1 || len(skipped) != 2 || taken["Mail 901"]+taken["Mail 902"]+taken["settings"] != 0 {
		t.Errorf("skipped %v", skipped)
	}
	skipped, taken = count(&pst.Options{Associated: true, Deleted: true, Recover: true})
	if len(skipped) != 0 {
		t.Errorf("skipped %v", skipped)
	}
	for _, name := range []string{"settings", "Mail 900", "Mail 901", "Mail 902", "Mail 903"} {
		if taken[name] != 1 {
			t.Errorf("%q comes %d times", name, taken[name])
		}
	}
}

// TestT39AFolderThatLostItemsSaysSo: what the folder says that it has is
// compared with what is listed.
func TestT39AFolderThatLostItemsSaysSo(t *testing.T) {
	name, _, _ := write(t, &psttest.Folder{Name: "x", Folders: []*psttest.Folder{
		{Name: "Short", Items: psttest.Items(psttest.Plain(1), psttest.Plain(2)), Count: 7},
		{Name: "Right", Items: psttest.Items(psttest.Plain(3))},
	}}, psttest.Options{Kind: ndb.Unicode})
	s := open(t, name, nil)
	all := folders(t, s)
	list, failed := items(t, s, all["Short"])
	if err := failed[pst.DamageKey]; len(list) != 2 || err == nil || !strings.Contains(err.Error(), "7 items, 2 are listed") {
		t.Errorf("%d items, %v", len(list), failed)
	}
	if _, failed := items(t, s, all["Right"]); len(failed) != 0 {
		t.Errorf("%v", failed)
	}
}

// TestT34DamageIsWalkedAround: with one block overwritten the rest arrives, and
// each thing that is lost has a row.
func TestT34DamageIsWalkedAround(t *testing.T) {
	o := psttest.Options{Kind: ndb.Unicode}
	name, w, whole := write(t, psttest.Sample(), o)
	total := 0
	for _, f := range folders(t, open(t, name, nil)) {
		list, _ := items(t, open(t, name, nil), f)
		total += len(subjects(list))
	}
	seen := map[string]bool{}
	for _, p := range w.Places {
		kind := fmt.Sprintf("%s %d %v", p.What, p.Level, p.Node.Type())
		if seen[kind] || p.What == "data" && p.Size < 64 {
			continue
		}
		seen[kind] = true
		t.Run(strings.ReplaceAll(kind, " ", "-"), func(t *testing.T) {
			b := slices.Clone(whole)
			for i := range p.Size {
				b[p.Offset+int64(i)] ^= 0x5A
			}
			s, err := pst.Open(save(t, b), nil)
			if err != nil {
				t.Skipf("not readable at all: %v", err)
			}
			defer s.Close()
			good, rows := 0, 0
			for f, err := range s.Folders(t.Context()) {
				if err != nil || f.Err != nil {
					rows++
					continue
				}
				list, failed := items(t, s, f)
				rows += len(failed)
				for _, m := range list {
					if m.Skip != "" {
						continue
					}
					fe := fetch(t, s, f, m.Key)[0]
					if fe.Err != nil || fe.Content.Problems.Severe() {
						rows++
					} else {
						good++
					}
				}
			}
			if good < total-1 && rows == 0 {
				t.Errorf("%d of %d items are good, and nothing says why", good, total)
			}
		})
	}
}

// TestMeta: what a list tells of an item.
func TestMeta(t *testing.T) {
	m := psttest.Plain(1)
	m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(0x9))
	m.Props.Set(mapi.PidTagFlagStatus, mapi.Int32Value(2))
	m.Props.Set(mapi.PidTagLastVerbExecuted, mapi.Int32Value(103))
	m.Props.Set(mapi.PidTagInternetMessageId, mapi.StringValue("<1@example.test>"))
	m.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{"Red", "Two words"}))
	other := psttest.Plain(2)
	other.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(0))
	other.Props.Set(mapi.PidTagLastVerbExecuted, mapi.Int32Value(104))
	for _, kind := range []ndb.Kind{ndb.Unicode, ndb.ANSI} {
		name, _, _ := write(t, &psttest.Folder{Name: "x", Folders: []*psttest.Folder{{Name: "In", Class: "IPF.Note", Items: psttest.Items(m, other)}}}, psttest.Options{Kind: kind, Password: 7})
		s := open(t, name, nil)
		f := folders(t, s)["In"]
		if f.Count != 2 || f.Class != "IPF.Note" {
			t.Errorf("%+v", f)
		}
		list, _ := items(t, s, f)
		if len(list) != 2 {
			t.Fatalf("%d items", len(list))
		}
		a, b := list[0], list[1]
		if a.Flags != transport.Seen|transport.Draft|transport.Flagged|transport.Answered || b.Flags != transport.Forwarded {
			t.Errorf("flags %b and %b", a.Flags, b.Flags)
		}
		if !slices.Equal(a.Keywords, []string{"Red", "Two words"}) || len(b.Keywords) > 0 {
			t.Errorf("keywords %q and %q", a.Keywords, b.Keywords)
		}
		if a.MessageID != "<1@example.test>" || a.Subject != "Mail 1" || a.Class != "IPM.Note" || a.Received.IsZero() || a.ObjectID == "" || a.ObjectID == b.ObjectID || a.Size <= 0 {
			t.Errorf("%+v", a)
		}
	}
}

func TestKeysAndFoldersThatAreNotThere(t *testing.T) {
	name, _, _ := write(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode})
	s := open(t, name, nil)
	var f transport.Folder
	for _, f = range folders(t, s) {
		break
	}
	for _, k := range []transport.Key{"0xFFFFFFE4", "0x122", "x", "", pst.DamageKey, "0x200024-0x4"} {
		if fe := fetch(t, s, f, k)[0]; transport.KindOf(fe.Err) != transport.NotFound {
			t.Errorf("key %q: %v", k, fe.Err)
		}
	}
	for _, err := range s.Items(t.Context(), transport.Folder{Path: []string{"no"}, ID: "0x77777762"}, nil) {
		if transport.KindOf(err) != transport.NotFound {
			t.Errorf("unknown folder: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.Items(ctx, f, nil) {
		if !transport.Canceled(err) {
			t.Errorf("cancelled: %v", err)
		}
	}
	s.Close()
	for _, err := range s.Folders(t.Context()) {
		if err == nil {
			t.Error("a closed store lists folders")
		}
	}
	if _, err := pst.Open(filepath.Join(t.TempDir(), "none.pst"), nil); transport.KindOf(err) != transport.Unavailable {
		t.Errorf("no file: %v", err)
	}
}

// TestSeveralAtOnce: folders are listed and fetched by goroutines side by side.
func TestSeveralAtOnce(t *testing.T) {
	name, _, _ := write(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode4K, Compress: true})
	s := open(t, name, &pst.Options{Deleted: true, Associated: true, Recover: true})
	all := folders(t, s)
	var wg sync.WaitGroup
	for range 4 {
		for _, f := range all {
			wg.Go(func() {
				var keys []transport.Key
				for m, err := range s.Items(context.Background(), f, nil) {
					if err != nil {
						t.Error(err)
					} else if m.Skip == "" {
						keys = append(keys, m.Key)
					}
				}
				for fe, err := range s.Fetch(context.Background(), f, keys, nil) {
					if err != nil || fe.Err != nil {
						t.Error(err, fe.Err)
					}
				}
			})
		}
	}
	wg.Wait()
}

func TestParameters(t *testing.T) {
	name, _, _ := write(t, psttest.Sample(), psttest.Options{Kind: ndb.ANSI})
	reg := transport.NewRegistry(pst.Driver())
	for q, want := range map[string]bool{"": true, "?deleted=1&associated=1&recoverable=1&recover=1&codepage=1251": true, "?deleted=maybe": false, "?codepage=x": false, "?other=1": false} {
		a, err := transport.ParseAddress("ost:" + name + q)
		if err != nil {
			t.Fatal(err)
		}
		s, err := reg.OpenSource(t.Context(), a, nil)
		if (err == nil) != want {
			t.Errorf("%q: %v", q, err)
		}
		if err == nil {
			s.Close()
		} else if transport.KindOf(err) != transport.Usage {
			t.Errorf("%q: kind %v", q, transport.KindOf(err))
		}
	}
}
