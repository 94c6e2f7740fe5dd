package graph_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/converters/migrate/meaning"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dir"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/imap"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/pst"
	"github.com/mailconv/mailconv/transport/servertest"
)

// move copies one store into another, holds the copy to the original, and wants
// at least so much of it clean at a level, "" being the strongest there is.
func move(t *testing.T, name string, src transport.Source, sink transport.Sink, level migrate.Level, clean float64) *migrate.VerifyResult {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "state"), ledger.Pair{Source: name + ":source", Sink: name + ":sink"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cv := &converters.Converter{Losses: true}
	o := migrate.Options{Converter: cv, Contenter: &meaning.Reader{Converter: cv}}
	r, err := migrate.Run(t.Context(), src, sink, l, o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for it, err := range l.Items(t.Context(), ledger.Query{States: []ledger.State{ledger.Failed}}) {
		t.Logf("%s: %v %s: %s %s", name, err, it.Meta.Subject, it.Reason, it.Detail)
	}
	v, err := migrate.Verify(t.Context(), src, sink, &migrate.VerifyOptions{Ledger: l, Level: level, Run: o})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Logf("%s: %d copied, %d failed; %d of %d the same, by %v; %v", name, r.Copied, r.Failed, v.Same, v.Source, v.Levels, v.Reasons)
	for i, f := range v.Findings {
		if i < 30 {
			t.Logf("  %s %q: %s %s", f.Folder, f.Subject, f.Reason, f.Detail)
		}
	}
	if v.Source == 0 && clean > 0 || float64(v.Same) < clean*float64(v.Source) {
		t.Errorf("%s: only %d of %d are clean", name, v.Same, v.Source)
	}
	return v
}

// imapServer is go-imap's server in the process, or Dovecot: the former loses
// the text of mails that are no everyday ones.
func imapServer(t *testing.T, strange bool) *imap.Store {
	t.Helper()
	if strange {
		d := servertest.Dovecot(t)
		src, err := imap.Driver().Source(t.Context(), transport.Address{
			Scheme: "imap", User: "src", Password: servertest.Password, Host: d.IMAP, Params: url.Values{"tls": {"none"}},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { src.Close() })
		return src.(*imap.Store)
	}
	m := imapmemserver.New()
	user := imapmemserver.NewUser("ann", servertest.Password)
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	m.AddUser(user)
	s := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return m.NewSession(), nil, nil
		},
		Caps: goimap.CapSet{goimap.CapIMAP4rev1: {}}, InsecureAuth: true, TLSConfig: (*tls.Config)(nil), Logger: log.New(io.Discard, "", 0),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l) //nolint:errcheck // ends with Close
	t.Cleanup(func() { s.Close() })
	src, err := imap.Driver().Source(t.Context(), transport.Address{Scheme: "imap", User: "ann", Password: servertest.Password, Host: l.Addr().String(), Params: url.Values{"tls": {"none"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src.(*imap.Store)
}

// letters are mails as people send them.
func letters() *mem.Store {
	src := mem.New(mem.Options{})
	for i := range 200 {
		head := fmt.Sprintf("Received: from a.example by b.example; Tue, 14 May 2024 10:20:%02d +0200\r\nMessage-ID: <%d@x.example>\r\nIn-Reply-To: <%d@x.example>\r\n"+
			"From: =?utf-8?q?Gr=C3=BCn?= <ann@x.example>\r\nTo: Ben <ben@x.example>, \"Cy, D.\" <cy@x.example>\r\nDate: Tue, 14 May 2024 10:20:%02d +0200\r\n"+
			"Subject: =?iso-8859-1?q?Gr=FC=DFe_%d?=\r\nMIME-Version: 1.0\r\n", i%60, i, i-1, i%60, i)
		plain := fmt.Sprintf("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nLine %d: Grüße, 日本.\r\n\r\n> quoted\r\n", i)
		rich := fmt.Sprintf("Content-Type: text/html; charset=windows-1252\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Line %d: <b>Gr=FC=DFe</b> <img src=3D\"cid:i@x\"></p>\r\n", i)
		file := "Content-Type: application/pdf; name=\"a.pdf\"\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n"
		image := "Content-Type: image/png\r\nContent-ID: <i@x>\r\nContent-Disposition: inline; filename=\"i.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
		inner := "Content-Type: message/rfc822\r\n\r\nMessage-ID: <inner@x.example>\r\nFrom: a@x.example\r\nTo: b@x.example\r\nDate: Tue, 14 May 2024 10:20:30 +0200\r\nSubject: inner\r\n\r\ntext inside\r\n"
		multi := func(kind string, parts ...string) string {
			b := fmt.Sprintf("=_%s_%d", kind, i)
			return "Content-Type: multipart/" + kind + "; boundary=\"" + b + "\"\r\n\r\n--" + b + "\r\n" + strings.Join(parts, "\r\n--"+b+"\r\n") + "\r\n--" + b + "--\r\n"
		}
		body := []string{plain, rich, multi("alternative", plain, rich), multi("mixed", plain, file), multi("related", rich, image), multi("mixed", multi("alternative", plain, rich), file, inner)}[i%6]
		src.Add([]string{[]string{"INBOX", "Projects"}[i%2]}, transport.Meta{Flags: transport.Seen}, head+body)
	}
	return src
}

// sent are the mails of a source that were sent: those with a sender, a date and
// an identifier. The service gives the others a date and an identifier of its
// own.
func sent(t *testing.T, src transport.Source) *mem.Store {
	t.Helper()
	out := mem.New(mem.Options{})
	for f, err := range src.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var keys []transport.Key
		for m, err := range src.Items(t.Context(), f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, m.Key)
		}
		for fe, err := range src.Fetch(t.Context(), f, keys, nil) {
			if err != nil || fe.Err != nil {
				t.Fatal(err, fe.Err)
			}
			b, err := mapi.ReadBlob(t.Context(), fe.Content.MIME, 64<<20)
			if err != nil {
				t.Fatal(err)
			}
			fe.Content.Close()
			m, err := mail.ReadMessage(bytes.NewReader(b))
			if err != nil || m.Header.Get("From") == "" || !strings.HasPrefix(m.Header.Get("Message-Id"), "<") {
				continue
			}
			if _, err := m.Header.Date(); err == nil {
				out.Add(f.Path, transport.Meta{}, string(b))
			}
		}
	}
	return out
}

// IMAP to Microsoft 365, and from there into files.
func TestIMAPToGraphToFiles(t *testing.T) {
	t.Parallel()
	samples := map[string]func() transport.Source{"letters": func() transport.Source { return letters() }}
	if root := os.Getenv("MAILCONV_CORPUS"); root != "" {
		samples["corpus"] = func() transport.Source {
			src, err := dir.Open(filepath.Join(root, "eml"), &dir.Options{Format: dir.EML})
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			return sent(t, src)
		}
	}
	for name, sample := range samples {
		for _, route := range []string{"import", "json"} {
			t.Run(name+"/"+route, func(t *testing.T) {
				// Samples that were made to break parsers are no everyday mails, and
				// reports and invitations have no resource of their own in json.
				clean := 0.99
				if name == "corpus" {
					clean = map[string]float64{"import": 0.98, "json": 0.95}[route]
				}
				first := imapServer(t, name == "corpus")
				src := sample()
				defer src.Close()
				move(t, "seed", src, first, "", 0.9)
				s := start(t, graphtest.Options{Limits: wide})
				move(t, "imap to graph", first, open(t, s, "route", route), migrate.LevelContent, clean)
				files, err := dir.Open(filepath.Join(t.TempDir(), "eml"), &dir.Options{Format: dir.EML, New: true})
				if err != nil {
					t.Fatal(err)
				}
				defer files.Close()
				move(t, "graph to eml", open(t, s, "items", "mail"), files, "", 0.99)
				if out := s.Outbox(); len(out) > 0 {
					t.Errorf("%d mails were sent", len(out))
				}
			})
		}
	}
}

// Archives and Exchange to Microsoft 365, with every property, and into .msg.
func TestObjectsThroughGraph(t *testing.T) {
	t.Parallel()
	if os.Getenv("MAILCONV_CORPUS") == "" {
		s, src := start(t, graphtest.Options{Limits: wide}), mixedSource(t)
		move(t, "objects to graph", src, open(t, s, "receipts", "keep"), "", 0.99)
		toMSG(t, s)
		return
	}
	for _, file := range archives(t) {
		src, err := pst.Open(file, nil)
		if err != nil {
			continue
		}
		n := 0
		each(t, src, func(transport.Folder, transport.Meta, *transport.Content) { n++ })
		src.Close()
		if n == 0 {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := pst.Open(file, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			// Into Exchange first, so that EWS hands over what it exports.
			boxes := mailbox.New(mailbox.Options{})
			defer boxes.Close()
			boxes.Add(mailbox.Account{Address: "zoe@old.example", Password: servertest.Password, Tokens: []string{"token"}})
			e, err := ewstest.New(ewstest.Options{Mailboxes: boxes, Convert: &converters.Converter{}})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			old := func() *ews.Store {
				st, err := ews.OpenAddress(t.Context(), transport.Address{Scheme: "ews", User: "zoe@old.example", Password: servertest.Password, Host: "old.example", Params: url.Values{"endpoint": {e.URL()}, "auth": {"basic"}}}, &transport.Env{TempDir: t.TempDir()})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { st.Close() })
				return st
			}
			move(t, "pst to ews", src, old(), "", 0) // a seed
			s := start(t, graphtest.Options{Limits: wide})
			move(t, "ews to graph", old(), open(t, s, "receipts", "keep"), "", 0.99)
			toMSG(t, s)
			if out := s.Outbox(); len(out) > 0 {
				t.Errorf("%d mails were sent", len(out))
			}
		})
	}
}

func mixedSource(t *testing.T) transport.Source {
	src, err := mixed(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func toMSG(t *testing.T, s *graphtest.Server) {
	t.Helper()
	files, err := dir.Open(filepath.Join(t.TempDir(), "msg"), &dir.Options{Format: dir.MSG, New: true})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	move(t, "graph to msg", open(t, s), files, "", 0.99)
}
