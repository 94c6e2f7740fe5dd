package maildir_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/maildir"
	"github.com/mailconv/mailconv/transport/storetest"
)

var bg = context.Background()

func open(t *testing.T, root string, o *maildir.Options) *maildir.Store {
	t.Helper()
	s, err := maildir.Open(root, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStorePassesTheSuite(t *testing.T) {
	for _, layout := range []maildir.Layout{maildir.PlusPlus, maildir.Nested} {
		t.Run(string(layout), func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "mail")
			storetest.Run(t, storetest.Options{Open: func(context.Context) (transport.Source, transport.Sink, error) {
				s, err := maildir.Open(root, &maildir.Options{Layout: layout, NoSync: true})
				return s, s, err
			}})
			filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
				if err == nil && filepath.Base(filepath.Dir(path)) == "tmp" {
					t.Errorf("%s is left in tmp", path)
				}
				return err
			})
		})
	}
}

func folders(t *testing.T, s transport.Source) []transport.Folder {
	t.Helper()
	var list []transport.Folder
	for f, err := range s.Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	return list
}

func items(t *testing.T, s transport.Source, f transport.Folder) map[transport.Key]transport.Meta {
	t.Helper()
	m := map[transport.Key]transport.Meta{}
	for it, err := range s.Items(bg, f, nil) {
		if err != nil {
			t.Fatal(err)
		}
		m[it.Key] = it
	}
	return m
}

func body(t *testing.T, s transport.Source, f transport.Folder, k transport.Key) string {
	t.Helper()
	for fe, err := range s.Fetch(bg, f, []transport.Key{k}, nil) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		r, err := fe.Content.MIME.Open(bg)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil || int64(len(b)) != fe.Content.MIME.Size() {
			t.Fatal(err, len(b), fe.Content.MIME.Size())
		}
		return string(b)
	}
	return ""
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestT48FoldersOfOtherPrograms(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"cur/1.a.host:2,S":                    "Subject: inbox\n\nx\n",
		".03_M&AOQ-rz/cur/1.b.host:2,":        "Subject: march\n\nx\n",
		".Archive.2024.Q1/new/1.c.host":       "Subject: q1\r\n\r\nx\r\n",
		".a%2Eb/cur/1.d.host:2,":              "Subject: dot\n\nx\n",
		"Nested/Deep/cur/1.e.host:2,":         "Subject: deep\n\nx\n",
		".notmail/x":                          "",
		"Grüße/cur/1.f.host:2,":               "Subject: utf-8\n\nx\n",
		".Archive/dovecot.index/whatever/cur": "",
	})
	s := open(t, root, nil)
	var got []string
	for _, f := range folders(t, s) {
		name := f.String()
		if f.NoItems {
			name += " (no items)"
		}
		got = append(got, name)
	}
	want := []string{"03_März", "Archive (no items)", "Archive/2024 (no items)", "Archive/2024/Q1", "Grüße", "INBOX", "Nested (no items)", "Nested/Deep", "a.b"}
	if !slices.Equal(got, want) {
		t.Errorf("folders %q\nwant    %q", got, want)
	}
	for _, f := range folders(t, s) {
		if f.NoItems {
			continue
		}
		for k, m := range items(t, s, f) {
			if b := body(t, s, f, k); !strings.HasPrefix(b, "Subject: "+m.Subject+"\r\n\r\nx\r\n") {
				t.Errorf("%s: %q", f, b)
			}
		}
	}
}

func TestNamesAndFlagsOfOtherPrograms(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"dovecot-keywords":                   "0 $Junk\n1 $Forwarded\n3 work\n",
		"cur/1642966915.M1P2.host,S=9:2,RSa": "Subject: 1\n\n",
		"cur/1642966915.5.host!2,Sbd":        "Subject: 2\n\n",
		"cur/1642966915.6.host;2,DFPT":       "Subject: 3\n\n",
		"cur/plain":                          "Subject: 4\n\n",
		"new/1642966915.7.host":              "Subject: 5\n\n",
		"cur/.hidden":                        "",
	})
	s := open(t, root, &maildir.Options{DateFromName: true})
	type seen struct {
		flags    transport.Flags
		keywords string
	}
	want := map[string]seen{
		"1": {transport.Answered | transport.Seen, "$Junk"},
		"2": {transport.Seen | transport.Forwarded, "work"},
		"3": {transport.Draft | transport.Flagged | transport.Forwarded | transport.Deleted, ""},
		"4": {}, "5": {},
	}
	f := folders(t, s)[0]
	got := items(t, s, f)
	if len(got) != len(want) {
		t.Fatalf("%d items: %v", len(got), got)
	}
	for k, m := range got {
		w := want[m.Subject]
		if m.Flags != w.flags || strings.Join(m.Keywords, ",") != w.keywords {
			t.Errorf("%s: flags %b, keywords %q", k, m.Flags, m.Keywords)
		}
		if m.Subject != "4" && m.Received.Unix() != 1642966915 {
			t.Errorf("%s: received %v", k, m.Received)
		}
	}
}

func TestT58KilledPutLeavesNothing(t *testing.T) {
	root := t.TempDir()
	s := open(t, root, nil)
	f, err := s.Ensure(bg, transport.Folder{Path: []string{"Inbox"}})
	if err != nil {
		t.Fatal(err)
	}
	mark, err := s.Mark(bg, f)
	if err != nil {
		t.Fatal(err)
	}
	// What a kill leaves behind lies in tmp.
	write(t, root, map[string]string{"tmp/1.M1P1Q1_token.host": "Subject: ha"})
	c := &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes("Subject: x\r\n\r\n")}
	if _, err := s.Put(bg, f, transport.Meta{Token: "a b/c_1"}, c); err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for m, err := range open(t, root, nil).Since(bg, f, mark) {
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, m.Token)
	}
	if !slices.Equal(tokens, []string{"a b/c_1"}) {
		t.Errorf("tokens past the mark: %q", tokens)
	}
}

func TestMoreKeywordsThanLettersAreReported(t *testing.T) {
	s := open(t, t.TempDir(), &maildir.Options{NoSync: true})
	f, _ := s.Ensure(bg, transport.Folder{Path: []string{"x"}})
	c := &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes("Subject: x\r\n\r\n")}
	var words []string
	for i := range 30 {
		words = append(words, fmt.Sprint("k", i))
	}
	r, err := s.Put(bg, f, transport.Meta{Keywords: words}, c)
	if err != nil || len(r.Losses) != 4 {
		t.Fatalf("%v, losses %v", err, r.Losses)
	}
	for _, m := range items(t, s, f) {
		if !slices.Equal(m.Keywords, words[:26]) {
			t.Errorf("keywords %q", m.Keywords)
		}
	}
}

func TestReadOnlySinkSaysSo(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("the superuser may write everywhere")
	}
	root := t.TempDir()
	os.Chmod(root, 0o500)
	_, err := open(t, root, nil).Ensure(bg, transport.Folder{Path: []string{"x"}})
	if transport.KindOf(err) != transport.Unavailable {
		t.Errorf("error %v", err)
	}
}

func TestCorpus(t *testing.T) {
	corpus := os.Getenv("MAILCONV_CORPUS")
	if corpus == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	for dir, want := range map[string]int{"mox/importtest.maildir": 2, "mu/testdir": 19, "mu/cjk": 4, "mu/testdir2": 14} {
		root := filepath.Join(corpus, "maildir", filepath.FromSlash(dir))
		if !maildir.Sniff(root) {
			t.Errorf("%s is not recognised", dir)
		}
		src := open(t, root, nil)
		dst := open(t, t.TempDir(), &maildir.Options{NoSync: true})
		n := 0
		for _, f := range folders(t, src) {
			if f.NoItems {
				continue
			}
			g, err := dst.Ensure(bg, f)
			if err != nil {
				t.Fatal(err)
			}
			for k, m := range items(t, src, f) {
				n++
				mail := body(t, src, f, k)
				r, err := dst.Put(bg, g, m, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(mail)})
				if err != nil {
					t.Fatal(err)
				}
				back := items(t, dst, g)[r.Ref]
				if body(t, dst, g, r.Ref) != mail && len(r.Losses) == 0 {
					t.Errorf("%s: the mail came back otherwise", k)
				}
				if back.Flags != m.Flags || !slices.Equal(back.Keywords, m.Keywords) || !back.Received.Truncate(time.Second).Equal(m.Received.Truncate(time.Second)) {
					t.Errorf("%s: %+v came back as %+v", k, m, back)
				}
			}
		}
		if n != want {
			t.Errorf("%s: %d mails, want %d", dir, n, want)
		}
	}
}
