package ews_test

import (
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/converters/migrate/meaning"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dir"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/imap"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/pst"
	"github.com/mailconv/mailconv/transport/servertest"
)

// run copies one store into another and gives the ledger.
func run(t testing.TB, name string, src transport.Source, sink transport.Sink) (*ledger.Ledger, migrate.Options) {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "state"), ledger.Pair{Source: name + ":source", Sink: name + ":sink"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	cv := &converters.Converter{Losses: true}
	o := migrate.Options{Converter: cv, Contenter: &meaning.Reader{Converter: cv}}
	r, err := migrate.Run(t.Context(), src, sink, l, o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if !r.Complete() {
		t.Errorf("%s: not complete: %+v", name, r)
		for it, err := range l.Items(t.Context(), ledger.Query{States: []ledger.State{ledger.Failed}}) {
			t.Logf("%s: %v %s: %s", name, err, it.Meta.Subject, it.Reason)
		}
	}
	return l, o
}

// objectsOf lists the objects of a store by folder, in the order of their
// subjects and bytes, so that those of two stores can be compared.
func objectsOf(t testing.TB, src transport.Source) map[string][]*mapi.Message {
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

// number gives recipients and attachments what a stream must have.
func number(m *mapi.Message) {
	for i, r := range m.Recipients {
		if _, ok := r.Props.Get(mapi.PidTagRowid); !ok {
			r.Props.Set(mapi.PidTagRowid, mapi.Int32Value(int32(i)))
		}
	}
	for i, a := range m.Attachments {
		if _, ok := a.Props.Get(mapi.PidTagAttachNumber); !ok {
			a.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(int32(i)))
		}
		if a.Embedded != nil {
			number(a.Embedded)
		}
	}
}

// sameObjects compares the objects of two stores, folder by folder, each object
// with the one that differs least. Folders are matched by the objects in them,
// as their names may be others.
func sameObjects(t testing.TB, want, got map[string][]*mapi.Message) (same int) {
	t.Helper()
	left := slices.Concat(slices.Collect(maps.Values(got))...)
	for folder, list := range want {
		for _, m := range list {
			number(m)
			best, diff := -1, []string(nil)
			for i, g := range left {
				if g.Props.Text(mapi.PidTagSubject) != m.Props.Text(mapi.PidTagSubject) {
					continue
				}
				d := slices.DeleteFunc(mapitest.Diff(m, g), func(s string) bool {
					// [MS-OXCFXICS] 2.2.4.3.20: errors MUST be omitted. They
					// and the tag 0, which is none, are reported as losses.
					return strings.HasSuffix(s, "only in the first") && (strings.Contains(s, "PtypErrorCode") || strings.HasPrefix(s, "0x00000000 "))
				})
				if best < 0 || len(d) < len(diff) {
					best, diff = i, d
				}
				if len(d) == 0 {
					break
				}
			}
			if best < 0 {
				t.Errorf("%s: %q did not arrive", folder, m.Props.Text(mapi.PidTagSubject))
				continue
			}
			left = slices.Delete(left, best, best+1)
			for _, d := range diff {
				t.Errorf("%s: %q: %s", folder, m.Props.Text(mapi.PidTagSubject), d)
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

// pstFiles are one that is made here and those of the sample collection.
func pstFiles(t testing.TB) []string {
	made := filepath.Join(t.TempDir(), "made.pst")
	f, err := os.Create(made)
	if err != nil {
		t.Fatal(err)
	}
	root := psttest.Mailbox(40)
	root.Folders = append(root.Folders, &psttest.Folder{Name: "Everything", Class: "IPF.Note", Items: func(yield func(*mapi.Message) bool) {
		yield(mapitest.WithoutStorages(mapitest.Sample()))
	}})
	if _, err := psttest.Write(f, root, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	files := []string{made}
	if corpus := os.Getenv("MAILCONV_CORPUS"); corpus != "" && !testing.Short() {
		filepath.WalkDir(filepath.Join(corpus, "pst"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.EqualFold(filepath.Ext(path), ".pst") {
				if i, err := d.Info(); err == nil && i.Size() < 8<<20 {
					files = append(files, path)
				}
			}
			return nil
		})
	}
	return files
}

// TestPSTByUploadItemsToMSG: objects go from .pst files to a server by
// UploadItems and on to .msg files, with every property.
func TestPSTByUploadItemsToMSG(t *testing.T) {
	t.Parallel()
	total := 0
	for _, file := range pstFiles(t) {
		s := serve(t, ewstest.Options{})
		src, err := pst.Open(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		run(t, name, src, open(t, s))
		if n := s.Requests("CreateItem"); n > 0 {
			t.Errorf("%s: %d items went by CreateItem", name, n)
		}
		msgs, err := dir.Open(filepath.Join(t.TempDir(), "msgs"), &dir.Options{Format: dir.MSG, New: true})
		if err != nil {
			t.Fatal(err)
		}
		run(t, name+" again", open(t, s), msgs)
		n := sameObjects(t, objectsOf(t, src), objectsOf(t, msgs))
		t.Logf("%s: %d items are equal", name, n)
		total += n
		if n := len(s.Mailboxes().Outbox()); n != 0 {
			t.Errorf("%s: %d messages were sent", name, n)
		}
		msgs.Close()
		src.Close()
	}
	t.Logf("%d items in all", total)
}

// TestWithoutUploadItemsLossesAreListed: the same objects go as MIME, once the
// server has said that it has no UploadItems.
func TestWithoutUploadItemsLossesAreListed(t *testing.T) {
	s := serve(t, ewstest.Options{Without: []string{"UploadItems", "ExportItems"}})
	src, err := pst.Open(pstFiles(t)[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	l, _ := run(t, "pst", src, open(t, s))
	// One for each worker at most.
	if n := s.Requests("UploadItems"); n < 1 || n > 4 {
		t.Errorf("UploadItems was asked for %d times", n)
	}
	notes, err := l.NoteCounts(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	items := 0
	for _, n := range notes {
		if n.Name == "PidTagSearchKey" {
			items = int(n.Items)
		}
	}
	if t.Logf("%d kinds of losses", len(notes)); items != 41 {
		t.Errorf("the search key is lost in %d items, not in all 41", items)
	}
	if n := len(s.Mailboxes().Outbox()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

// TestIMAPToExchangeAndBack: mails of the sample collection, else made here, go
// from Dovecot to a server and back to Dovecot, and mean the same there.
func TestIMAPToExchangeAndBack(t *testing.T) {
	t.Parallel()
	d := servertest.Dovecot(t)
	openIMAP := func(user, root string) *imap.Store {
		src, err := imap.Driver().Sink(t.Context(), transport.Address{Scheme: "imap", User: user, Password: servertest.Password, Host: d.IMAP, Path: root, Params: url.Values{"tls": {"none"}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { src.Close() })
		return src.(*imap.Store)
	}
	// Samples made to break parsers come back with a reason more often.
	for _, sample := range []struct {
		name  string
		src   transport.Source
		clean float64
	}{{"mails", mails(t), 0.99}, {"fixtures", fixtures(t), 0.95}} {
		if sample.src == nil {
			continue
		}
		first := openIMAP("src", sample.name)
		run(t, "seed", sample.src, first)
		t.Run(sample.name, func(t *testing.T) { thereAndBack(t, first, openIMAP, sample.name, sample.clean) })
	}
}

func thereAndBack(t *testing.T, first *imap.Store, openIMAP func(user, root string) *imap.Store, sample string, clean float64) {
	for name, o := range map[string]ewstest.Options{
		"exchange": {},
		"real":     {Quirks: ewstest.RealQuirks, Without: []string{"UploadItems", "ExportItems"}, RefuseChunked: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, o)
			last := openIMAP("dst", sample+" "+name)
			l, ro := run(t, "there", first, open(t, s))
			// What the server gives is what it was given, in its meaning.
			v, err := migrate.Verify(t.Context(), first, open(t, s), &migrate.VerifyOptions{Ledger: l, Level: migrate.LevelContent, Run: ro})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d of %d mails mean the same; %v", v.Same, v.Source, v.Reasons)
			for _, f := range v.Findings {
				t.Logf("%s %s: %s %s", f.Folder, f.Subject, f.Reason, f.Detail)
			}
			if v.Source == 0 || float64(v.Same) < clean*float64(v.Source) {
				t.Errorf("only %d of %d are clean", v.Same, v.Source)
			}
			// And back, byte by byte.
			l, ro = run(t, "back", open(t, s), last)
			w, err := migrate.Verify(t.Context(), open(t, s), last, &migrate.VerifyOptions{Ledger: l, Level: migrate.LevelBytes, Run: ro})
			if err != nil || !w.Clean() || w.Same != v.Source {
				t.Errorf("back: %v, %d of %d are the same, %v", err, w.Same, v.Source, w.Reasons)
			}
			if n := len(s.Mailboxes().Outbox()); n != 0 {
				t.Errorf("%d messages were sent", n)
			}
		})
	}
}

// mails are made here: some hundred of the kinds that people send.
func mails(t testing.TB) transport.Source {
	src := mem.New(mem.Options{})
	for i := range 300 {
		head := fmt.Sprintf("Received: from a.example by b.example; Tue, 14 May 2024 10:20:%02d +0200\r\nMessage-ID: <%d@x.example>\r\nFrom: =?utf-8?q?Gr=C3=BCn?= <ann@x.example>\r\nTo: Ben <ben@x.example>, \"Cy, D.\" <cy@x.example>\r\n"+
			"Cc: undisclosed:;\r\nDate: Tue, 14 May 2024 10:20:%02d +0200\r\nSubject: =?iso-8859-1?q?Gr=FC=DFe_%d?=\r\nMIME-Version: 1.0\r\n", i%60, i, i%60, i)
		plain := fmt.Sprintf("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nLine %d: Grüße, 日本.\r\n\r\n> quoted\r\n", i)
		rich := fmt.Sprintf("Content-Type: text/html; charset=windows-1252\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Line %d: <b>Gr=FC=DFe</b> <img src=3D\"cid:i@x\"></p>\r\n", i)
		file := "Content-Type: application/pdf; name=\"a.pdf\"\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n"
		image := "Content-Type: image/png\r\nContent-ID: <i@x>\r\nContent-Disposition: inline; filename=\"i.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
		mail := "Content-Type: message/rfc822\r\n\r\nMessage-ID: <inner@x.example>\r\nFrom: a@x.example\r\nTo: b@x.example\r\nDate: Tue, 14 May 2024 10:20:30 +0200\r\nSubject: inner\r\n\r\ntext inside\r\n"
		multi := func(kind string, parts ...string) string {
			b := fmt.Sprintf("=_%s_%d", kind, i)
			return "Content-Type: multipart/" + kind + "; boundary=\"" + b + "\"\r\n\r\n--" + b + "\r\n" + strings.Join(parts, "\r\n--"+b+"\r\n") + "\r\n--" + b + "--\r\n"
		}
		body := []string{
			plain, rich, multi("alternative", plain, rich), multi("mixed", plain, file), multi("related", rich, image), multi("mixed", multi("alternative", plain, rich), file, mail),
		}[i%6]
		src.Add([]string{"Folder " + fmt.Sprint(i%5)}, transport.Meta{
			Received: time.Date(2024, 5, 14, 8, 21, i%60, 0, time.UTC), Flags: transport.Flags(i % 2), Keywords: [][]string{nil, {"red", "Büro"}}[i%2],
		}, head+body)
	}
	return src
}

// fixtures are the .eml files of the sample collection, most of them made to
// break parsers; nil without it.
func fixtures(t testing.TB) transport.Source {
	corpus := os.Getenv("MAILCONV_CORPUS")
	if corpus == "" || testing.Short() {
		return nil
	}
	src, err := dir.Open(filepath.Join(corpus, "eml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return src
}
