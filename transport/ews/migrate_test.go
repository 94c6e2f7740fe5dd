package ews_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/converters/migrate/meaning"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dir"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/imap"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/objecttest"
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

// TestPSTByUploadItemsToMSG: objects go from .pst files to a server by
// UploadItems and on to .msg files, with every property.
func TestPSTByUploadItemsToMSG(t *testing.T) {
	t.Parallel()
	total := 0
	for _, file := range objecttest.Archives(t) {
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
		n := objecttest.Same(t, objecttest.Objects(t, src), objecttest.Objects(t, msgs), nil)
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
	src, err := pst.Open(objecttest.Archives(t)[0], nil)
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
	if t.Logf("%d kinds of losses", len(notes)); items != objecttest.ArchiveItems {
		t.Errorf("the search key is lost in %d items, not in all %d", items, objecttest.ArchiveItems)
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
