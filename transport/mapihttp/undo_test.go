package mapihttp

import (
	"net/url"
	"testing"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// TestAMessageWhoseContentFailsIsNotThere: the stream and the save go in one
// request, so the save is undone.
func TestAMessageWhoseContentFailsIsNotThere(t *testing.T) {
	srv, err := mapihttptest.New(mapihttptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	srv.Mailboxes().Add(mailbox.Account{Address: "ann@example.org", Password: "secret"})
	st, err := OpenAddress(bg, transport.Address{Scheme: "mapihttp", User: "ann@example.org", Password: "secret", Params: url.Values{"endpoint": {srv.URL()}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	f, err := st.Ensure(bg, transport.Folder{Path: []string{"Box"}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := parseID(f.ID)
	if err != nil {
		t.Fatal(err)
	}
	garbage := []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	err = st.run(bg, "append", func(s *session) error {
		u := &upload{st: st, ctx: bg, s: s, folder: id, buf: garbage}
		defer u.drop()
		return u.save()
	})
	if transport.KindOf(err) != transport.Rejected {
		t.Errorf("one message of garbage: %v", err)
	}
	out := make([]transport.Result, 2)
	st.putSmall(bg, f, id, make([]transport.Staged, 2), []small{{at: 0, data: garbage}, {at: 1, data: garbage}}, out)
	for _, r := range out {
		if transport.KindOf(r.Err) != transport.Rejected {
			t.Errorf("messages of garbage: %+v", r)
		}
	}
	for m := range st.Items(bg, f, nil) {
		t.Errorf("%+v is there", m)
	}
}
