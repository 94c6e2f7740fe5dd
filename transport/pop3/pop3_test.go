package pop3_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/pop3"
)

func mails(bodies ...string) func(string) []stored {
	return func(string) []stored {
		var list []stored
		for i, b := range bodies {
			list = append(list, stored{fmt.Sprintf("id-%d", i+1), []byte(b)})
		}
		return list
	}
}

func addr(t *testing.T, s *server, query string) transport.Address {
	t.Helper()
	a, err := transport.ParseAddress("pop3://ann:secret@" + s.addr + "?" + query)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func open(t *testing.T, s *server, query string) *pop3.Store {
	t.Helper()
	st, err := pop3.Open(t.Context(), addr(t, s, query), &transport.Env{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

var inbox = transport.Folder{Path: []string{"INBOX"}, ID: "INBOX"}

func list(t *testing.T, st *pop3.Store) []transport.Key {
	t.Helper()
	var keys []transport.Key
	for m, err := range st.Items(t.Context(), inbox, nil) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, m.Key)
	}
	return keys
}

func bodies(t *testing.T, st *pop3.Store, keys []transport.Key) map[transport.Key]string {
	t.Helper()
	out := map[transport.Key]string{}
	for fe, err := range st.Fetch(t.Context(), inbox, keys, nil) {
		if err = errors.Join(err, fe.Err); err != nil {
			t.Fatal(err)
		}
		b, err := mapi.ReadBlob(t.Context(), fe.Content.MIME, 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(b)) != fe.Content.MIME.Size() {
			t.Errorf("%s: size %d, %d bytes", fe.Key, fe.Content.MIME.Size(), len(b))
		}
		out[fe.Key] = string(b)
		fe.Content.Close()
	}
	return out
}

func TestEveryByteArrives(t *testing.T) {
	texts := []string{
		"Subject: a\r\n\r\n.\r\n..\r\n.x\r\n...\r\n",
		"", "\r\n", ".\r\n",
		"Subject: b\r\n\r\na\nb\n.\nc\r\r\n.\r\n",
		"Subject: c\r\n\r\n" + strings.Repeat("0123456789", 20000) + "\r\n.end\r\n",
		strings.Repeat(".", 70000) + "\r\n",
		strings.Repeat("x", 32<<10-1) + "\r\n.\r\n",
		"Subject: d\r\n\r\n\x00\xff\xfe\r\n",
	}
	for _, caps := range [][]string{{"UIDL", "TOP", "USER"}, {"UIDL", "USER", "PIPELINING"}, nil} {
		for _, chunk := range []int{0, 1, 7} {
			s := &server{caps: caps, mails: mails(texts...), chunk: chunk}
			if chunk > 0 {
				s.mails = mails(texts[:5]...)
			}
			st := open(t, s.start(t), "tls=none")
			keys := list(t, st)
			got := bodies(t, st, keys)
			for i, k := range keys {
				if got[k] != texts[i] {
					t.Errorf("caps %v, chunk %d, mail %d: %d bytes became %d", caps, chunk, i, len(texts[i]), len(got[k]))
				}
			}
		}
	}
}

func TestServerWithBareLineFeeds(t *testing.T) {
	s := &server{lf: true, mails: mails("Subject: a\n\n.\n..x\n")}
	st := open(t, s.start(t), "tls=none")
	keys := list(t, st)
	if got := bodies(t, st, keys)[keys[0]]; got != "Subject: a\n\n.\n..x\n" {
		t.Errorf("%q", got)
	}
}

func TestKeysWithoutUIDL(t *testing.T) {
	texts := []string{"Subject: a\r\nStatus: O\r\n\r\none\r\n", "Subject: b\r\n\r\n", "Subject: b\r\n\r\n"}
	s := (&server{noUIDL: true, mails: mails(texts...)}).start(t)
	st := open(t, s, "tls=none")
	first := list(t, st)
	if len(first) != 3 || first[1] == first[2] {
		t.Fatalf("%q", first)
	}
	// Read since then, and another one came before the twins.
	s.mails = mails(strings.Replace(texts[0], ": O", ": R", 1), "Subject: new\r\n\r\n", texts[1], texts[2])
	second := list(t, st)
	for _, k := range first {
		if !slices.Contains(second, k) {
			t.Errorf("%s is not known again in %q", k, second)
		}
	}
	s.noTOP, s.caps = true, []string{"USER"}
	if third := list(t, st); !slices.Equal(second, third) {
		t.Errorf("without TOP the keys are %q, with it %q", third, second)
	}
}

func TestTwinsWithOneIdentifierAllArrive(t *testing.T) {
	s := &server{twins: true, mails: mails("Subject: a\r\n\r\n1\r\n", "Subject: a\r\n\r\n2\r\n", "Subject: a\r\n\r\n3\r\n")}
	st := open(t, s.start(t), "tls=none")
	got := bodies(t, st, list(t, st))
	if len(got) != 3 {
		t.Errorf("%q", got)
	}
}

func TestDeleteHappensOnRequestOnly(t *testing.T) {
	var gone []string
	s := &server{caps: []string{"UIDL", "USER"}, mails: mails("a\r\n", "b\r\n", "c\r\n"), deleted: func(_, id string) { gone = append(gone, id) }}
	st := open(t, s.start(t), "tls=none")
	bodies(t, st, list(t, st))
	for _, c := range s.commands() {
		if strings.HasPrefix(c, "DELE") {
			t.Fatal("reading deletes")
		}
	}
	d, ok := transport.As[transport.Deleter](st)
	if !ok {
		t.Fatal("no Deleter")
	}
	if err := errors.Join(d.Delete(t.Context(), inbox, []transport.Key{"id-2", "unknown", "id-2"})...); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(gone, []string{"id-2"}) {
		t.Errorf("deleted: %q", gone)
	}
}

func TestLogins(t *testing.T) {
	conf, ca := certificate(t)
	one := mails("a\r\n")
	token := strings.Repeat("x", 2000)
	for _, tt := range []struct {
		name, query string
		s           *server
		secret      string
		says        string // a command that must be in the log
		kind        transport.Kind
		want        string // of the error
	}{
		{name: "USER", query: "tls=none", says: "PASS secret"},
		{name: "USER listed", query: "tls=none", s: &server{caps: []string{"USER"}}, says: "PASS secret"},
		{name: "wrong password", query: "tls=none", secret: "wrong", kind: transport.Auth, want: "[AUTH] no"},
		{name: "PLAIN", query: "tls=none", s: &server{caps: []string{"SASL PLAIN"}}, says: "AUTH PLAIN AGFubgBzZWNyZXQ="},
		{name: "master user", query: "tls=none&authzid=ben", s: &server{caps: []string{"SASL PLAIN"}}, says: "AUTH PLAIN YmVuAGFubgBzZWNyZXQ="},
		{name: "SCRAM first", query: "tls=none", s: &server{caps: []string{"SASL PLAIN SCRAM-SHA-256"}}},
		{name: "APOP", query: "tls=none&auth=apop"},
		{name: "APOP wrong", query: "tls=none&auth=apop", secret: "wrong", kind: transport.Auth, want: "no"},
		{name: "APOP not there", query: "tls=none&auth=apop", s: &server{greeting: "+OK"}, kind: transport.Auth, want: "APOP"},
		{name: "token", query: "tls=none&auth=xoauth2", s: &server{caps: []string{"SASL XOAUTH2"}}, secret: "good"},
		{name: "long token", query: "tls=none&auth=xoauth2", s: &server{caps: []string{"SASL XOAUTH2"}}, secret: "good" + token, says: "AUTH XOAUTH2"},
		{name: "bad token", query: "tls=none&auth=xoauth2", s: &server{caps: []string{"SASL XOAUTH2"}}, secret: "bad", kind: transport.Auth, want: "wanted scope mail"},
		{name: "no token login", query: "tls=none&auth=xoauth2", s: &server{caps: []string{"SASL PLAIN"}}, kind: transport.Auth, want: "offers PLAIN"},
		{name: "STLS", query: "ca=" + ca, s: &server{caps: []string{"STLS", "USER", "UTF8"}, tls: conf}, says: "UTF8"},
		{name: "STLS taken out", query: "ca=" + ca, s: &server{caps: []string{"USER"}, tls: conf}, kind: transport.Unavailable, want: "offers no encryption"},
		{name: "STLS refused", s: &server{}, kind: transport.Unavailable, want: "refuses encryption"},
		{name: "foreign certificate", s: &server{caps: []string{"STLS"}, tls: conf}, kind: transport.Unavailable, want: "not trusted"},
		{name: "echo", query: "tls=none", s: &server{rude: func(c string) (string, bool) { return "-ERR bad command: " + c + "\r\n", strings.HasPrefix(c, "PASS") }}, kind: transport.Auth, want: "***"},
		{name: "in use", query: "tls=none", s: &server{rude: func(c string) (string, bool) { return "-ERR [IN-USE] locked\r\n", c == "PASS secret" }}, kind: transport.Temporary, want: "another program"},
		{name: "too soon", query: "tls=none", s: &server{caps: []string{"LOGIN-DELAY 900 USER"}, rude: func(c string) (string, bool) { return "-ERR [LOGIN-DELAY] wait\r\n", c == "PASS secret" }}, kind: transport.Throttled, want: "wait"},
		{name: "closed at once", query: "tls=none", s: &server{rude: func(c string) (string, bool) { return "!", c == "CAPA" }}, kind: transport.Temporary, want: "closed the connection"},
		{name: "greeting refused", query: "tls=none", s: &server{greeting: "-ERR [SYS/TEMP] busy"}, kind: transport.Temporary, want: "busy"},
		{name: "not POP3", query: "tls=none", s: &server{greeting: "220 smtp ready"}, kind: transport.Unavailable, want: "220"},
		{name: "injected", query: "ca=" + ca, s: &server{caps: []string{"STLS"}, tls: conf, rude: func(c string) (string, bool) { return "+OK\r\n+OK injected\r\n", c == "STLS" }}, kind: transport.Unavailable, want: "unprotected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.s
			if s == nil {
				s = &server{}
			}
			s.mails = one
			s.start(t)
			a := addr(t, s, tt.query)
			if tt.secret != "" {
				a.Password = ""
			}
			st, err := pop3.Open(t.Context(), a, &transport.Env{Secret: func(context.Context, transport.Address) (string, error) { return tt.secret, nil }})
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				defer st.Close()
				if keys := list(t, st); len(keys) != 1 {
					t.Errorf("lists %q", keys)
				}
				if tt.says != "" && !slices.Contains(s.commands(), tt.says) {
					t.Errorf("%q was not said: %q", tt.says, s.commands())
				}
				return
			}
			if transport.KindOf(err) != tt.kind || !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Fatalf("%v (%v), want %q of kind %v", err, transport.KindOf(err), tt.want, tt.kind)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error is not one clean line: %q", err)
			}
			for _, c := range s.commands() {
				if strings.HasPrefix(c, "USER") && tt.kind == transport.Unavailable {
					t.Errorf("%q was sent", c)
				}
			}
		})
	}
}

func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: s.TLS.Certificates}, file
}

// keyPair writes a certificate for 127.0.0.1, which is its own authority, and
// its key.
func keyPair(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	der, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: s.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestT51DroppedConnection: a connection that ends in a mail costs that mail's
// second fetch and nothing else.
func TestT51DroppedConnection(t *testing.T) {
	for _, cut := range []string{"+OK\r\nSubject: b\r\n\r\nhalf!", "+OK\r\n!", "!", "garbage\r\n", "+OK\r\n" + "Subject: b\r\n.\r"} {
		s := &server{caps: []string{"PIPELINING", "UIDL", "USER"}, mails: mails("Subject: a\r\n\r\n", "Subject: b\r\n\r\n", "Subject: c\r\n\r\n")}
		drops := 0
		s.rude = func(c string) (string, bool) {
			if c == "RETR 2" && drops == 0 {
				drops++
				return strings.TrimSuffix(cut, "!") + "!", true
			}
			return "", false
		}
		st := open(t, s.start(t), "tls=none")
		keys := list(t, st)
		var got []transport.Key
		var last error
		for fe, err := range st.Fetch(t.Context(), inbox, keys, nil) {
			if last = errors.Join(err, fe.Err); last == nil {
				got = append(got, fe.Key)
				fe.Content.Close()
			}
		}
		if len(got) != 1 || transport.KindOf(last) != transport.Temporary {
			t.Errorf("%q: %q came, then %v", cut, got, last)
		}
		if got := bodies(t, st, keys[1:]); len(got) != 2 {
			t.Errorf("%q: the next fetch has %q", cut, got)
		}
	}
}

func TestStallEnds(t *testing.T) {
	s := &server{mails: mails("a\r\n"), rude: func(c string) (string, bool) { return "+OK\r\nSubject: x\r\n", c == "RETR 1" }}
	st := open(t, s.start(t), "tls=none&timeout=50ms")
	var last error
	for fe, err := range st.Fetch(t.Context(), inbox, list(t, st), nil) {
		last = errors.Join(err, fe.Err)
	}
	if transport.KindOf(last) != transport.Temporary || !strings.Contains(last.Error(), "does not answer") {
		t.Error(last)
	}
}

// TestT56OneRefusedMail does not end the others.
func TestT56OneRefusedMail(t *testing.T) {
	s := &server{mails: mails("a\r\n", "b\r\n", "c\r\n"), rude: func(c string) (string, bool) { return "-ERR disk\r\n", c == "RETR 2" }}
	for _, caps := range [][]string{nil, {"PIPELINING", "UIDL"}} {
		s.caps = caps
		st := open(t, s.start(t), "tls=none")
		good, bad := 0, 0
		for fe, err := range st.Fetch(t.Context(), inbox, list(t, st), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if fe.Err != nil {
				bad++
			} else {
				good++
			}
			fe.Content.Close()
		}
		if good != 2 || bad != 1 {
			t.Errorf("%d good, %d bad", good, bad)
		}
	}
}

func TestAListingShowsWhatIsNew(t *testing.T) {
	s := &server{caps: []string{"USER"}, mails: mails("a\r\n")}
	st := open(t, s.start(t), "tls=none")
	list(t, st)
	s.mails = mails("a\r\n", "b\r\n")
	if keys := list(t, st); len(keys) != 2 {
		t.Errorf("%q", keys)
	}
	if s.logins != 2 {
		t.Errorf("%d logins for two listings", s.logins)
	}
}

func TestListingsOfARudeServer(t *testing.T) {
	for _, reply := range []string{"+OK\r\nx y\r\n.\r\n", "+OK\r\n1 5\r\n1 5\r\n.\r\n", "+OK\r\n" + strings.Repeat("9", 100000) + "\r\n.\r\n", "+OK\r\n-1 5\r\n.\r\n"} {
		s := &server{mails: mails("a\r\n"), rude: func(c string) (string, bool) { return reply, c == "LIST" }}
		st := open(t, s.start(t), "tls=none&timeout=2s")
		var last error
		for _, err := range st.Items(t.Context(), inbox, nil) {
			last = err
		}
		if last == nil {
			t.Errorf("%.40q passes for a listing", reply)
		}
	}
}

func TestLargeMailIsSpooled(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	big := bytes.Repeat([]byte("0123456789012345678901234567890123456789\r\n"), 1<<20)
	s := &server{mails: func(string) []stored { return []stored{{"1", big}} }}
	dir := t.TempDir()
	st, err := pop3.Open(t.Context(), addr(t, s.start(t), "tls=none"), &transport.Env{TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for fe, err := range st.Fetch(t.Context(), inbox, []transport.Key{"1"}, nil) {
		if err = errors.Join(err, fe.Err); err != nil {
			t.Fatal(err)
		}
		if fe.Content.MIME.Size() != int64(len(big)) {
			t.Errorf("%d bytes of %d", fe.Content.MIME.Size(), len(big))
		}
		fe.Content.Close()
	}
	st.Close()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%d spool files are left", len(left))
	}
}
