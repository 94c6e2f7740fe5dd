package mbox_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mbox"
	"github.com/mailconv/mailconv/transport/storetest"
)

var bg = context.Background()

func open(t *testing.T, root string, o *mbox.Options) *mbox.Store {
	t.Helper()
	s, err := mbox.Open(root, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStorePassesTheSuite(t *testing.T) {
	for _, layout := range []mbox.Layout{mbox.Plain, mbox.Thunderbird} {
		t.Run(string(layout), func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "mail")
			storetest.Run(t, storetest.Options{
				Root: []string{"scratch"},
				Open: func(context.Context) (transport.Source, transport.Sink, error) {
					s, err := mbox.Open(root, &mbox.Options{Layout: layout, NoSync: true})
					return s, s, err
				},
			})
			filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
				if err == nil && strings.HasPrefix(d.Name(), ".mailconv-") && d.Name() != ".mailconv-names" {
					t.Errorf("%s is left", path)
				}
				return err
			})
		})
	}
}

func folders(t *testing.T, s transport.Source) (list []transport.Folder) {
	t.Helper()
	for f, err := range s.Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	return list
}

func items(t *testing.T, s transport.Source, f transport.Folder) (list []transport.Meta) {
	t.Helper()
	for m, err := range s.Items(bg, f, nil) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

func body(t *testing.T, s transport.Source, f transport.Folder, k transport.Key) string {
	t.Helper()
	for fe, err := range s.Fetch(bg, f, []transport.Key{k}, nil) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		return read(t, fe.Content.MIME)
	}
	return ""
}

func read(t *testing.T, b mapi.Blob) string {
	t.Helper()
	r, err := b.Open(bg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil || int64(len(data)) != b.Size() {
		t.Fatal(err, len(data), b.Size())
	}
	return string(data)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const sep = "From ann@x.example Tue May 14 10:20:30 2024\n"

// bodies reads a file of mails that all have the header "A: b".
func bodies(t *testing.T, text string, v mbox.Variant) (list []string) {
	t.Helper()
	s := open(t, write(t, filepath.Join(t.TempDir(), "x.mbox"), text), &mbox.Options{Variant: v})
	f := folders(t, s)[0]
	for _, m := range items(t, s, f) {
		list = append(list, strings.TrimPrefix(body(t, s, f, m.Key), "A: b\r\n\r\n"))
	}
	return list
}

func TestVariants(t *testing.T) {
	quotes := "x\nFromage\n>From a\n>>From b\n> From c\n"
	for _, c := range []struct {
		name, text string
		v          mbox.Variant
		want       []string
	}{
		{"mboxrd", sep + "A: b\n\n" + quotes + "\n" + sep + "A: b\n\ny\n", mbox.Auto, []string{"x\r\nFromage\r\nFrom a\r\n>From b\r\n> From c\r\n", "y\r\n"}},
		{"mboxo", sep + "A: b\n\n" + quotes + "\n", mbox.O, []string{"x\r\nFromage\r\nFrom a\r\n>>From b\r\n> From c\r\n"}},
		{"mboxcl2", sep + "Content-Length: 51\nA: b\n\nFrom ann@x.example Tue May 14 10:20:30 2024\n\n>From \n\n" + sep + "Content-Length: 2\nA: b\n\ny\n\n", mbox.Auto, []string{"Content-Length: 51\r\nA: b\r\n\r\nFrom ann@x.example Tue May 14 10:20:30 2024\r\n\r\n>From ", "Content-Length: 2\r\nA: b\r\n\r\ny\r\n"}},
		{"a length that is wrong", sep + "Content-Length: 9\nA: b\n\ny\n\n" + sep + "A: b\n\nz\n", mbox.Auto, []string{"Content-Length: 9\r\nA: b\r\n\r\ny\r\n", "z\r\n"}},
		{"CRLF", strings.ReplaceAll(sep+"A: b\n\n>From a\n\n"+sep+"A: b\n\ny\n", "\n", "\r\n"), mbox.Auto, []string{"From a\r\n", "y\r\n"}},
		{"no empty line between", sep + "A: b\n\nx\n" + sep + "A: b\n\ny\n", mbox.Auto, []string{"x\r\n", "y\r\n"}},
		{"From in the text", sep + "A: b\n\nx\n\nFrom here on, all is well.\nFrom there 2024 not\n", mbox.Auto, []string{"x\r\n\r\nFrom here on, all is well.\r\nFrom there 2024 not\r\n"}},
		{"Thunderbird", "From - Tue May 14 10:20:30 2024\nA: b\n\nx\n\nFrom \nA: b\n\ny\n\nFrom -\nA: b\n\nz\n", mbox.Auto, []string{"x\r\n", "y\r\n", "z\r\n"}},
		{"blank lines first", "\n\n" + sep + "A: b\n\nx\n", mbox.Auto, []string{"x\r\n"}},
		{"no line end at the end", sep + "A: b\n\nx", mbox.Auto, []string{"x"}},
	} {
		if got := bodies(t, c.text, c.v); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestStatusOfOtherPrograms(t *testing.T) {
	text := sep + "Status: RO\nX-Status: AF\nX-Keywords: work $Forwarded\n\n\n" +
		"From - Mon Jan  1 00:00:00 2024\nX-Mozilla-Status: 1005\nX-Mozilla-Keys: $label1      todo \n\nx\n\n" +
		"From - Mon Jan  1 00:00:00 2024\nX-Mozilla-Status: 0009\n\nx\n\n" +
		"From 17@xxx Tue May 14 10:20:30 +0000 2024\nX-Gmail-Labels: =?UTF-8?Q?Gr=C3=BCn,Starred,Unread,Inbox?=\n\nx\n"
	s := open(t, write(t, filepath.Join(t.TempDir(), "x.mbox"), text), nil)
	got := items(t, s, folders(t, s)[0])
	want := []transport.Meta{
		{Flags: transport.Seen | transport.Answered | transport.Flagged | transport.Forwarded, Keywords: []string{"work"}},
		{Flags: transport.Seen | transport.Flagged | transport.Forwarded, Keywords: []string{"$label1", "todo"}},
		{Flags: transport.Seen, Skip: "x"},
		{Flags: transport.Flagged, Keywords: []string{"Grün", "Inbox"}},
	}
	if len(got) != len(want) {
		t.Fatalf("%d mails", len(got))
	}
	for i, w := range want {
		if got[i].Flags != w.Flags || !slices.Equal(got[i].Keywords, w.Keywords) || (got[i].Skip != "") != (w.Skip != "") {
			t.Errorf("mail %d: flags %b, keywords %q, skip %q", i, got[i].Flags, got[i].Keywords, got[i].Skip)
		}
	}
	if r := got[3].Received; !r.Equal(time.Date(2024, 5, 14, 10, 20, 30, 0, time.UTC)) {
		t.Errorf("received %v", r)
	}
}

func TestT45LabelsAsFolders(t *testing.T) {
	mail := func(labels string) string { return sep + "X-Gmail-Labels: " + labels + "\n\nx\n\n" }
	text := mail("Inbox,Important") + mail("Inbox,Work/Plans,Opened") + mail("Work/Plans,Home") + mail("Archived")
	s := open(t, write(t, filepath.Join(t.TempDir(), "All mail.mbox"), text), &mbox.Options{LabelFolders: true})
	got := map[string]int{}
	total := 0
	for _, f := range folders(t, s) {
		if f.NoItems {
			continue
		}
		for _, m := range items(t, s, f) {
			got[f.String()]++
			total++
			if !strings.HasPrefix(body(t, s, f, m.Key), "X-Gmail-Labels") {
				t.Error("a body is wrong")
			}
			if f.String() == "Work/Plans" && slices.Contains(m.Keywords, "Work/Plans") {
				t.Errorf("keywords %q", m.Keywords)
			}
		}
	}
	if total != 4 || got["Inbox"] != 1 || got["Work/Plans"] != 2 || got["Archived"] != 1 {
		t.Errorf("mails by folder: %v", got)
	}
}

func TestTreesOfOtherPrograms(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"Inbox", "Inbox.sbd/Sub", "Inbox.sbd/Sub.sbd/Deep", "Export.mbox/mbox", "dir/Plain.mbox", "100%25.mbx"} {
		write(t, filepath.Join(root, filepath.FromSlash(name)), sep+"A: b\n\n"+name+"\n")
	}
	write(t, filepath.Join(root, "Inbox.msf"), "index")
	write(t, filepath.Join(root, "Empty"), "")
	write(t, filepath.Join(root, "Empty.msf"), "index")
	write(t, filepath.Join(root, "notes.txt"), "no mbox")
	s := open(t, root, nil)
	var got []string
	for _, f := range folders(t, s) {
		n := -1
		if !f.NoItems {
			n = len(items(t, s, f))
		}
		got = append(got, fmt.Sprintf("%s %d", f, n))
	}
	want := []string{"100% 1", "Empty 0", "Export 1", "Inbox 1", "Inbox/Sub 1", "Inbox/Sub/Deep 1", "dir -1", "dir/Plain 1"}
	if !slices.Equal(got, want) {
		t.Errorf("folders %q\nwant    %q", got, want)
	}
	if _, err := s.Ensure(bg, transport.Folder{Path: []string{"New"}}); err != nil {
		t.Fatal(err)
	}
}

func TestSingleFileTakesOneFolder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out.mbox")
	s := open(t, name, nil)
	f, err := s.Ensure(bg, transport.Folder{Path: []string{"Inbox"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ensure(bg, transport.Folder{Path: []string{"Sent"}}); transport.KindOf(err) != transport.Usage {
		t.Errorf("a second folder: %v", err)
	}
	mail := "Subject: x\nbare\r\n\r\nFrom me"
	if _, err := s.Put(bg, f, transport.Meta{}, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(mail)}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, name, nil)
	f = folders(t, s)[0]
	if f.String() != "out" || body(t, s, f, items(t, s, f)[0].Key) != mail {
		t.Errorf("%s: %q", f, body(t, s, f, items(t, s, f)[0].Key))
	}
}

func TestT58TornTailIsCutBack(t *testing.T) {
	root := t.TempDir()
	s := open(t, root, nil)
	f, _ := s.Ensure(bg, transport.Folder{Path: []string{"x"}})
	put := func(s *mbox.Store, subject string) {
		t.Helper()
		c := &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes("Subject: " + subject + "\r\n\r\n")}
		if _, err := s.Put(bg, f, transport.Meta{Token: "t-" + subject}, c); err != nil {
			t.Fatal(err)
		}
	}
	put(s, "one")
	mark, err := s.Mark(bg, f)
	if err != nil {
		t.Fatal(err)
	}
	// A kill: the file has half a mail more than the journal knows, and nobody
	// closed anything.
	name := filepath.Join(root, "x.mbox")
	data, _ := os.ReadFile(name)
	journal, _ := os.ReadFile(filepath.Join(root, ".mailconv-x.mbox"))
	dead := t.TempDir()
	write(t, filepath.Join(dead, "x.mbox"), string(data)+"From me Tue May 14 10:20:30 2024\nX-Mailconv: 1. t-two\nStatus: O\nSubject: tw")
	write(t, filepath.Join(dead, ".mailconv-x.mbox"), string(journal))

	again := open(t, dead, nil)
	for m, err := range again.Since(bg, f, mark) {
		t.Errorf("half a mail is listed: %+v, %v", m, err)
	}
	if l := items(t, again, f); len(l) != 1 {
		t.Errorf("%d mails are listed", len(l))
	}
	put(again, "two")
	var tokens []string
	for m := range again.Since(bg, f, mark) {
		tokens = append(tokens, m.Token)
	}
	if l := items(t, again, f); len(l) != 2 || l[1].Subject != "two" || !slices.Equal(tokens, []string{"t-two"}) {
		t.Errorf("after the next put: %+v, tokens %q", l, tokens)
	}
	again.Close()
	if _, err := os.Stat(filepath.Join(dead, ".mailconv-x.mbox")); !os.IsNotExist(err) {
		t.Error("the journal is left after Close")
	}
}

func TestAppendingToAForeignFileKeepsIt(t *testing.T) {
	for _, text := range []string{sep + "A: b\n\nx\n", sep + "A: b\n\nx", sep + "A: b\n\nx\n\n", strings.ReplaceAll(sep+"A: b\n\nx\n", "\n", "\r\n"), sep + "Content-Length: 2\nA: b\n\nx\n\n"} {
		name := write(t, filepath.Join(t.TempDir(), "x.mbox"), text)
		s := open(t, name, nil)
		f := folders(t, s)[0]
		before := body(t, s, f, items(t, s, f)[0].Key)
		if _, err := s.Ensure(bg, f); err != nil {
			t.Fatal(err)
		}
		mail := "Subject: new\r\nContent-Length: 1\r\n\r\nFrom x\r\n"
		if _, err := s.Put(bg, f, transport.Meta{}, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(mail)}); err != nil {
			t.Fatal(err)
		}
		l := items(t, s, f)
		if len(l) != 2 {
			t.Errorf("%q: %d mails", text, len(l))
			continue
		}
		after := body(t, s, f, l[0].Key)
		if strings.TrimSuffix(after, "\r\n") != strings.TrimSuffix(before, "\r\n") || body(t, s, f, l[1].Key) != mail {
			t.Errorf("%q: %q became %q, the new one is %q", text, before, after, body(t, s, f, l[1].Key))
		}
	}
}

func TestFlagsChangeInPlaceOrAreRefused(t *testing.T) {
	name := write(t, filepath.Join(t.TempDir(), "x.mbox"), sep+"Status: O\n\nforeign\n")
	s := open(t, name, nil)
	f, _ := s.Ensure(bg, folders(t, s)[0])
	for _, mail := range []string{"Subject: lf\r\n\r\nFrom x\r\n", "Subject: as is\r\n\r\nbare\nx"} {
		if _, err := s.Put(bg, f, transport.Meta{Keywords: []string{"first"}}, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(mail)}); err != nil {
			t.Fatal(err)
		}
	}
	before := items(t, s, f)
	all := transport.Seen | transport.Answered | transport.Flagged | transport.Deleted | transport.Draft | transport.Forwarded
	for _, c := range []struct {
		at       int
		flags    transport.Flags
		keywords []string
		ok       bool
	}{
		{0, transport.Seen, nil, false},
		{1, all, []string{"work"}, true},
		{2, all, []string{"a", "b c"}, true},
		{1, 0, []string{strings.Repeat("long", 20)}, false},
		{2, transport.Seen, nil, true},
	} {
		m := before[c.at]
		err := s.SetFlags(bg, f, []transport.FlagChange{{Ref: m.Key, Flags: c.flags, Keywords: c.keywords}})[0]
		if (err == nil) != c.ok || !c.ok && transport.KindOf(err) != transport.Rejected {
			t.Errorf("mail %d: %v", c.at, err)
		}
		after := items(t, s, f)
		if len(after) != 3 || after[c.at].Key != m.Key || c.ok && (after[c.at].Flags != c.flags || !slices.Equal(after[c.at].Keywords, c.keywords)) {
			t.Errorf("mail %d became %+v", c.at, after)
		}
	}
	if got := body(t, s, f, before[1].Key) + body(t, s, f, before[2].Key); got != "Subject: lf\r\n\r\nFrom x\r\nSubject: as is\r\n\r\nbare\nx" {
		t.Errorf("the mails became %q", got)
	}
}

// endless is a file of 50 GiB that is made while it is read.
type endless struct{ size int64 }

const endlessMail = 1 << 20

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < e.size {
		in := off % endlessMail
		switch {
		case in < int64(len(sep)):
			k := copy(p[n:], sep[in:])
			n, off = n+k, off+int64(k)
		default:
			k := int(min(int64(len(p)-n), endlessMail-in))
			for i := range k {
				p[n+i] = 'x'
				if (in+int64(i))%64 == 63 || in+int64(i) >= endlessMail-2 {
					p[n+i] = '\n'
				}
			}
			n, off = n+k, off+int64(k)
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func TestT32HugeFileInConstantMemory(t *testing.T) {
	size := int64(50 << 30)
	if os.Getenv("MAILCONV_HUGE") == "" {
		size = 512 << 20 // set it for all of them
	}
	r := endless{size}
	n := int64(0)
	var last *mbox.Entry
	var peak uint64
	for e, err := range mbox.Scan(bg, r, size, mbox.Auto) {
		if err != nil {
			t.Fatal(err)
		}
		last = e
		if n++; n%1024 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
		}
	}
	if n != size/endlessMail {
		t.Errorf("%d mails, want %d", n, size/endlessMail)
	}
	if peak > 32<<20 {
		t.Errorf("the heap grew to %d MiB", peak>>20)
	}
	if last.Off != size-endlessMail {
		t.Errorf("the last mail is at %d", last.Off)
	}
}

func TestCorpus(t *testing.T) {
	corpus := os.Getenv("MAILCONV_CORPUS")
	if corpus == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	want := map[string]int{
		"importtest.mbox": 2, "imaptest.mbox": 48, "dovecot-crlf": 100, "shapelib.mbox": 30, "2018-March.txt": 5, "tests.mbx": 9,
		"ExampleMbox.mbox": 1, "plan.mbox": 1, "richtext.mbox": 2, "umlaute.mbox": 1, "zeitfenster.mbox": 1, "fw-question-1443197278.mbx": 1,
	}
	filepath.WalkDir(filepath.Join(corpus, "mbox"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src := open(t, path, nil)
		dst := open(t, filepath.Join(t.TempDir(), "copy.mbox"), &mbox.Options{NoSync: true})
		f := folders(t, src)[0]
		g, err := dst.Ensure(bg, f)
		if err != nil {
			t.Fatal(err)
		}
		list := items(t, src, f)
		if w, ok := want[d.Name()]; ok && len(list) != w {
			t.Errorf("%s: %d mails, want %d", d.Name(), len(list), w)
		}
		undated := 0
		for _, m := range list {
			if m.Received.IsZero() {
				undated++
			}
			mail := body(t, src, f, m.Key)
			r, err := dst.Put(bg, g, m, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(mail)})
			if err != nil {
				t.Fatal(err)
			}
			if body(t, dst, g, r.Ref) != mail {
				t.Errorf("%s: %s came back otherwise", d.Name(), m.Key)
			}
		}
		back := items(t, dst, g)
		for i, m := range list {
			b := back[i]
			if b.Flags != m.Flags || !slices.Equal(b.Keywords, m.Keywords) || !m.Received.IsZero() && !b.Received.Equal(m.Received) {
				t.Errorf("%s: %+v came back as %+v", d.Name(), m, b)
			}
		}
		t.Logf("%s: %d mails, %d without a date", d.Name(), len(list), undated)
		return nil
	})
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(sep + "A: b\n\nx\n>From y\n\n" + sep + "Status: RO\n\n"))
	f.Add([]byte(sep + "X-Mailconv: 2- t\nStatus: RO\nX-Status: A\nSubject: x\n\nx\n\n"))
	f.Add([]byte(strings.ReplaceAll(sep+"Content-Length: 3\nA: b\n\nx\n\n", "\n", "\r\n")))
	f.Add([]byte("From \nA: b\n\nx\n\nFrom -\nX-Mozilla-Status: 0009\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := strings.NewReader(string(data))
		for _, v := range []mbox.Variant{mbox.Auto, mbox.O, mbox.CL, mbox.CL2} {
			last := int64(-1)
			for e, err := range mbox.Scan(bg, r, int64(len(data)), v) {
				if err != nil {
					break
				}
				if e.Off <= last || e.Start < e.Off || e.End < e.Start || e.Next < e.End || e.Next > int64(len(data)) {
					t.Fatalf("offsets %d %d %d %d after %d", e.Off, e.Start, e.End, e.Next, last)
				}
				last = e.Off
				b, err := e.Blob(bg, r)
				if err != nil {
					t.Fatal(err)
				}
				read(t, b)
			}
		}
		// What we write comes back, whatever it is.
		name := filepath.Join(t.TempDir(), "x.mbox")
		s, err := mbox.Open(name, &mbox.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		g, _ := s.Ensure(bg, transport.Folder{Path: []string{"x"}})
		for range 2 {
			if _, err := s.Put(bg, g, transport.Meta{}, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(data)}); err != nil {
				t.Fatal(err)
			}
		}
		l := items(t, s, g)
		if len(l) != 2 || body(t, s, g, l[0].Key) != string(data) || body(t, s, g, l[1].Key) != string(data) {
			t.Fatalf("%q came back as %d mails, %q", data, len(l), body(t, s, g, l[0].Key))
		}
	})
}

// A server's date may be of any year: Dovecot tells 2103 for a mail of 1967.
// Whatever it is, the line that holds it separates two mails.
func TestDatesOfAnyYearSeparate(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "m"), &mbox.Options{NoSync: true})
	f, err := s.Ensure(bg, transport.Folder{Path: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	years := []int{1, 999, 1599, 1600, 1850, 1969, 1970, 2038, 2103, 2199, 2200, 9999}
	for _, y := range years {
		c := &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(fmt.Sprintf("Subject: %d\r\n\r\n%d\r\n", y, y))}
		r, err := s.Put(bg, f, transport.Meta{Received: time.Date(y, 6, 7, 8, 9, 10, 0, time.UTC)}, c)
		if kept := y >= 1600 && y < 2200; err != nil || kept != (len(r.Losses) == 0) {
			t.Errorf("%d: %v, losses %v", y, err, r.Losses)
		}
	}
	n := 0
	for m, err := range s.Items(bg, f, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if y := years[n]; y >= 1600 && y < 2200 && m.Received.Year() != y {
			t.Errorf("%d came back as %v", y, m.Received)
		}
		n++
	}
	if n != len(years) {
		t.Errorf("%d mails, want %d", n, len(years))
	}
}
