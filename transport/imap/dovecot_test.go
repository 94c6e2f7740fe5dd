package imap_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap"
	"github.com/mailconv/mailconv/transport/servertest"
	"github.com/mailconv/mailconv/transport/storetest"
)

func TestDovecotWithPrefixAndMaildirPassesTheSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("the same as with mdbox, but for names")
	}
	s := servertest.Dovecot(t, "MAIL_LOCATION=maildir:~/Maildir", "MAIL_SEPARATOR=.", "MAIL_PREFIX=INBOX.")
	storetest.Run(t, storetest.Options{Open: opener(t, "imap://ann@"+s.IMAP), Root: []string{"scratch"}, TempDir: t.TempDir(), ForeignNames: true})
}

func TestCyrusPassesTheSuite(t *testing.T) {
	s := servertest.Cyrus(t)
	storetest.Run(t, storetest.Options{Open: opener(t, "imap://ann@"+s.IMAP), Root: []string{"scratch"}, TempDir: t.TempDir(), ForeignNames: true})
}

func openSink(t *testing.T, addr string, params ...string) (*imap.Store, error) {
	t.Helper()
	snk, err := imap.Driver().Sink(t.Context(), address(t, addr, params...), nil)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { snk.Close() })
	return snk.(*imap.Store), nil
}

func TestLoginsAndTLS(t *testing.T) {
	s := servertest.Dovecot(t)
	host := func(addr string) string { return strings.Replace(addr, "127.0.0.1", "localhost", 1) }
	for name, tt := range map[string]struct {
		addr   string
		params []string
		want   transport.Kind
		fails  bool
	}{
		"plain":               {addr: "imap://ann@" + s.IMAP, params: []string{"tls", "none", "auth", "plain"}},
		"login":               {addr: "imap://ann@" + s.IMAP, params: []string{"tls", "none", "auth", "login"}},
		"cram-md5":            {addr: "imap://ann@" + s.IMAP, params: []string{"tls", "none", "auth", "cram-md5"}},
		"scram-sha-1":         {addr: "imap://ann@" + s.IMAP, params: []string{"tls", "none", "auth", "scram-sha-1"}},
		"scram-sha-256":       {addr: "imap://ann@" + s.IMAP, params: []string{"tls", "none", "auth", "scram-sha-256"}},
		"a master's":          {addr: "imap://master@" + s.IMAP, params: []string{"tls", "none", "auth", "plain", "authzid", "ann"}},
		"starttls":            {addr: "imap://ann@" + host(s.IMAP), params: []string{"ca", s.CA}},
		"implicit":            {addr: "imaps://ann@" + host(s.IMAPS), params: []string{"ca", s.CA}},
		"unknown authority":   {addr: "imaps://ann@" + host(s.IMAPS), params: []string{"timeout", "5s"}, want: transport.Unavailable, fails: true},
		"another name":        {addr: "imap://ann@" + s.IMAP, params: []string{"ca", s.CA, "servername", "mail.example"}, want: transport.Unavailable, fails: true},
		"tls where none is":   {addr: "imaps://ann@" + s.IMAP, params: []string{"ca", s.CA}, want: transport.Unavailable, fails: true},
		"a wrong user":        {addr: "imap://nobody@" + s.IMAP, params: []string{"tls", "none"}, want: transport.Auth, fails: true},
		"a mechanism unknown": {addr: "imap://ann@" + s.IMAP, params: []string{"tls", "none", "auth", "oauthbearer"}, want: transport.Auth, fails: true},
	} {
		st, err := openSink(t, tt.addr, tt.params...)
		switch {
		case tt.fails && (err == nil || transport.KindOf(err) != tt.want || strings.Contains(err.Error(), servertest.Password)):
			t.Errorf("%s: %v, want kind %s", name, err, tt.want)
		case tt.fails:
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			if _, err := st.Ensure(t.Context(), transport.Folder{Path: []string{"was here"}}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestRolesSearchQuotaAndWatchOfDovecot(t *testing.T) {
	s := servertest.Dovecot(t)
	st, err := openSink(t, "imap://small@"+s.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := st.Ensure(t.Context(), transport.Folder{Path: []string{"Sent"}})
	if err != nil {
		t.Fatal(err)
	}
	date := time.Date(2019, 5, 6, 7, 8, 9, 0, time.FixedZone("", 3600))
	items := []transport.Staged{
		{Meta: transport.Meta{Received: date, Keywords: []string{"work"}}, Content: mimeContent("Subject: Grüße\r\nMessage-ID:\r\n <a@b>\r\n\r\nx\r\n")},
		{Meta: transport.Meta{Received: date}, Content: mimeContent("Subject: two\r\n\r\nx\r\n")},
	}
	mark, err := st.Mark(t.Context(), sent)
	if err != nil {
		t.Fatal(err)
	}
	results, err := st.PutBatch(t.Context(), sent, items)
	if err != nil || results[0].Err != nil || results[1].Err != nil {
		t.Fatal(results, err)
	}
	for f, err := range st.Folders(t.Context()) {
		if err != nil || f.Name() == "Sent" && (f.Role != transport.RoleSent || f.Count != 2 || f.Size <= 0 || f.Unsubscribed) {
			t.Errorf("%+v, %v", f, err)
		}
	}
	for query, want := range map[string]int{`SUBJECT "Grüße"`: 1, "ALL": 2, "KEYWORD work": 1, "SINCE 1-Jan-2020": 0} {
		n := 0
		for m, err := range st.Search(t.Context(), sent, query) {
			if err != nil {
				t.Errorf("%s: %v", query, err)
				break
			}
			if n++; !m.Received.Equal(date) {
				t.Errorf("T55: received %v, want %v", m.Received, date)
			}
		}
		if n != want {
			t.Errorf("%s finds %d, want %d", query, n, want)
		}
	}
	for _, bad := range []string{"NONSENSE", "ALL\r\nx LOGOUT", `SUBJECT "ü`} {
		for _, err := range st.Search(t.Context(), sent, bad) {
			if err == nil || transport.KindOf(err) == transport.Temporary {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
	var ids []string
	for m, err := range st.Since(t.Context(), sent, mark) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.MessageID)
	}
	if !slices.Equal(ids, []string{"<a@b>", ""}) {
		t.Errorf("Message-IDs past the mark: %q", ids)
	}
	if used, limit, err := st.Quota(t.Context()); used <= 0 || limit != 1<<20 || err != nil {
		t.Errorf("quota %d of %d, %v", used, limit, err)
	}
	big := mimeContent("Subject: big\r\n\r\n" + strings.Repeat("0123456789\r\n", 100<<10))
	results, err = st.PutBatch(t.Context(), sent, []transport.Staged{{Content: mimeContent("Subject: fits\r\n\r\n")}, {Content: big}})
	if err != nil || results[0].Err != nil || transport.KindOf(results[1].Err) != transport.QuotaExceeded {
		t.Errorf("over quota: %v, %v", results, err)
	}

	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	seen := 0
	for f, err := range st.Watch(ctx, []transport.Folder{sent}) {
		if err != nil || f.ID != sent.ID {
			t.Fatal(f, err)
		}
		if seen++; seen == 2 {
			break
		}
		if _, err := st.Put(ctx, sent, transport.Meta{}, mimeContent("Subject: news\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	if seen != 2 {
		t.Errorf("watched %d changes", seen)
	}
}

func TestDovecotCursorTellsWhatChanged(t *testing.T) {
	s := servertest.Dovecot(t)
	st, err := openSink(t, "imap://ben@"+s.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := st.Ensure(t.Context(), transport.Folder{Path: []string{"x"}})
	var refs []transport.Key
	for range 5 {
		r, err := st.Put(t.Context(), f, transport.Meta{}, mimeContent("Subject: x\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, r.Ref)
	}
	c := &transport.Cursor{}
	list := func() (keys []transport.Key) {
		for m, err := range st.Items(t.Context(), f, c) {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, m.Key)
		}
		return keys
	}
	if got := list(); len(got) != 5 || c.Delta {
		t.Errorf("first: %q, %v", got, c.Delta)
	}
	if got := list(); len(got) != 0 || !c.Delta {
		t.Errorf("unchanged: %q, %v", got, c.Delta)
	}
	if err := errors.Join(st.SetFlags(t.Context(), f, []transport.FlagChange{{Ref: refs[1], Flags: transport.Seen}})...); err != nil {
		t.Fatal(err)
	}
	r, err := st.Put(t.Context(), f, transport.Meta{}, mimeContent("Subject: new\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := list(); !slices.Equal(got, []transport.Key{refs[1], r.Ref}) || !c.Delta {
		t.Errorf("a flag and a mail: %q, %v", got, c.Delta)
	}
	if err := errors.Join(st.Delete(t.Context(), f, refs[:1])...); err != nil {
		t.Fatal(err)
	}
	if got := list(); len(got) != 5 || c.Delta {
		t.Errorf("after a deletion all is listed: %q, %v", got, c.Delta)
	}
}
