package dir_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dir"
	"github.com/mailconv/mailconv/transport/storetest"
)

var bg = context.Background()

func open(t *testing.T, root string, o *dir.Options) *dir.Store {
	t.Helper()
	s, err := dir.Open(root, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStorePassesTheSuite(t *testing.T) {
	for _, format := range []dir.Format{dir.EML, dir.MSG} {
		t.Run(string(format), func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "mail")
			storetest.Run(t, storetest.Options{Open: func(context.Context) (transport.Source, transport.Sink, error) {
				s, err := dir.Open(root, &dir.Options{Format: format, NoSync: true})
				return s, s, err
			}})
			left := 0
			filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
				if err == nil && strings.HasSuffix(path, ".tmp") {
					left++
				}
				return err
			})
			if left > 0 {
				t.Errorf("%d temporary files are left", left)
			}
		})
	}
}

func items(t *testing.T, s transport.Source, f transport.Folder) map[string]transport.Meta {
	t.Helper()
	m := map[string]transport.Meta{}
	for it, err := range s.Items(bg, f, nil) {
		if err != nil {
			t.Fatal(err)
		}
		m[string(it.Key)] = it
	}
	return m
}

func mail(text string) *transport.Content {
	return &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(text)}
}

func TestNamesAreReadableAndSafe(t *testing.T) {
	root := t.TempDir()
	s := open(t, root, nil)
	f, _ := s.Ensure(bg, transport.Folder{Path: []string{"In"}})
	at := time.Date(2024, 5, 14, 10, 20, 30, 0, time.FixedZone("", 7200))
	for subject, want := range map[string]string{
		"Hello":                            "2024-05-14 08.20.30 Hello.eml",
		"../../etc/passwd":                 "2024-05-14 08.20.30 .._.._etc_passwd.eml",
		"":                                 "2024-05-14 08.20.30 no subject.eml",
		"report.exe":                       "2024-05-14 08.20.30 report.exe.eml",
		"a\tb: c?":                         "2024-05-14 08.20.30 a b_ c_.eml",
		"=?utf-8?q?Gr=C3=BC?=":             "2024-05-14 08.20.30 Grü.eml",
		"=?utf-8?q?a=E2=80=AEb=00=0D=0A?=": "2024-05-14 08.20.30 ab.eml",
	} {
		r, err := s.Put(bg, f, transport.Meta{Received: at}, mail("Subject: "+subject+"\r\n\r\nx\r\n"))
		if err != nil || string(r.Ref) != want {
			t.Errorf("%q became %q, not %q (%v)", subject, r.Ref, want, err)
		}
	}
	var refs []string
	for range 3 {
		r, err := s.Put(bg, f, transport.Meta{}, mail("Subject: twin\r\nDate: 1 Jan 2024 00:00:00 +0000\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, string(r.Ref))
	}
	if want := []string{"2024-01-01 00.00.00 twin.eml", "2024-01-01 00.00.00 twin (2).eml", "2024-01-01 00.00.00 twin (3).eml"}; !slices.Equal(refs, want) {
		t.Errorf("twins are %q", refs)
	}
	long, err := s.Put(bg, f, transport.Meta{Subject: strings.Repeat("ü", 300)}, mail("\r\n"))
	if err != nil || len(long.Ref) > 240 || !strings.HasSuffix(string(long.Ref), ".eml") {
		t.Errorf("a long subject: %q, %v", long.Ref, err)
	}
	// A store that does not remember the names numbers on.
	r, err := open(t, root, nil).Put(bg, f, transport.Meta{Received: at}, mail("Subject: Hello\r\n\r\n"))
	if err != nil || r.Ref != "2024-05-14 08.20.30 Hello (2).eml" {
		t.Errorf("%q, %v", r.Ref, err)
	}
}

func TestFoldersOfOthers(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"a.eml":         "Subject: lf\nReceived: by x; Tue, 14 May 2024 10:20:30 +0200\n\nx\n",
		"b.EML":         "Subject: crlf\r\nDate: Wed, 15 May 2024 10:20:30 +0200\r\n\r\nx\r\n",
		"broken.msg":    "no message",
		"note.txt":      "x",
		".DS_Store":     "x",
		"sub/c.eml":     "Subject: c\n\n",
		"a%2Fb/d.eml":   "Subject: d\n\n",
		".git/HEAD.eml": "x",
	} {
		os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700)
		os.WriteFile(filepath.Join(root, name), []byte(text), 0o600)
	}
	if !dir.Sniff(root) || dir.Sniff(t.TempDir()) {
		t.Error("it is not recognised")
	}
	s := open(t, root, nil)
	var names []string
	for f, err := range s.Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, f.String())
	}
	if !slices.Equal(names, []string{"", `a\/b`, "sub"}) {
		t.Errorf("folders %q", names)
	}
	got := items(t, s, transport.Folder{})
	if len(got) != 4 || got["note.txt"].Skip == "" || got["a.eml"].Received.Hour() != 8 || got["b.EML"].Received.Day() != 15 {
		t.Errorf("items %+v", got)
	}
	for fe, err := range s.Fetch(bg, transport.Folder{}, []transport.Key{"a.eml", "b.EML", "broken.msg"}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		r, rerr := fe.Content.MIME.Open(bg)
		if rerr != nil {
			t.Fatal(rerr)
		}
		b, _ := io.ReadAll(r)
		r.Close()
		if fe.Key == "broken.msg" {
			if fe.Err == nil || string(b) != "no message" {
				t.Errorf("a broken file: %v, %q", fe.Err, b)
			}
			continue
		}
		if fe.Err != nil || !strings.HasSuffix(string(b), "\r\n\r\nx\r\n") {
			t.Errorf("%s: %v, %q", fe.Key, fe.Err, b)
		}
	}
}

func TestT58LineWithoutFileMeansNothing(t *testing.T) {
	root := t.TempDir()
	s := open(t, root, nil)
	f, _ := s.Ensure(bg, transport.Folder{Path: []string{"x"}})
	mark, _ := s.Mark(bg, f)
	if _, err := s.Put(bg, f, transport.Meta{Token: "one", Subject: "one"}, mail("\r\n")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	// A run was killed between the line and the file, another in the line.
	log, err := os.OpenFile(filepath.Join(root, "x", dir.MetaName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(log, `{"name":"two.eml","put":true,"token":"two"}`+"\n"+`{"name":"thr`)
	log.Close()
	s = open(t, root, nil)
	if _, err := s.Put(bg, f, transport.Meta{Token: "three", Subject: "three", Flags: transport.Seen}, mail("\r\n")); err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for m, err := range open(t, root, nil).Since(bg, f, mark) {
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, m.Token)
	}
	if !slices.Equal(tokens, []string{"one", "three"}) {
		t.Errorf("past the mark: %q", tokens)
	}
}

func TestCorpusOfMSGPassesUntouched(t *testing.T) {
	corpus := os.Getenv("MAILCONV_CORPUS")
	if corpus == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	src := open(t, filepath.Join(corpus, "msg"), nil)
	root := t.TempDir()
	dst := open(t, root, &dir.Options{Format: dir.MSG, NoSync: true})
	n := 0
	for f, err := range src.Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		g, err := dst.Ensure(bg, f)
		if err != nil {
			t.Fatal(err)
		}
		for k, m := range items(t, src, f) {
			for fe, err := range src.Fetch(bg, f, []transport.Key{transport.Key(k)}, nil) {
				if err != nil {
					t.Fatal(err)
				}
				if fe.Err != nil {
					fe.Content.Close()
					continue
				}
				r, err := dst.Put(bg, g, m, fe.Content)
				if err != nil {
					t.Fatalf("%s: %v", k, err)
				}
				fe.Content.Close()
				want, _ := os.ReadFile(filepath.Join(corpus, "msg", filepath.FromSlash(f.ID), k))
				got, _ := os.ReadFile(filepath.Join(root, filepath.FromSlash(g.ID), string(r.Ref)))
				if string(want) != string(got) {
					t.Errorf("%s: %d bytes became %d", k, len(want), len(got))
				}
				n++
			}
		}
	}
	if n < 150 {
		t.Errorf("%d messages were copied", n)
	}
}
