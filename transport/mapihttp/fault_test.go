package mapihttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/mapihttp"
	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/retry"
)

// holds checks that a mailbox has each of n messages once.
func holds(t testing.TB, box *mailbox.Mailbox, n int) {
	t.Helper()
	seen := map[string]int{}
	st := box.Store(mailbox.StoreOptions{})
	for f, err := range st.Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range st.Items(bg, f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			seen[m.Subject]++
		}
	}
	for i := range n {
		if c := seen[fmt.Sprintf("message %d", i)]; c != 1 {
			t.Errorf("message %d is there %d times", i, c)
		}
	}
	if len(seen) != n {
		t.Errorf("%d different messages, not %d", len(seen), n)
	}
}

// TestFaultsCostTimeOnly: sessions are lost, replies are cut, the server is busy,
// and each message arrives once, on the way in and on the way out.
func TestFaultsCostTimeOnly(t *testing.T) {
	const n = 120
	s, box := serve(t, mapihttptest.Options{})
	faults := []mapihttptest.Fault{
		{Kind: mapihttptest.Expire},
		{Kind: mapihttptest.NoCookie},
		{Kind: mapihttptest.Cut},
		{Kind: mapihttptest.Drop},
		{Kind: mapihttptest.DropAfter},
		{Kind: mapihttptest.Busy},
		{Kind: mapihttptest.Late},
		{Kind: mapihttptest.Garbage},
	}
	inject := func() {
		for i := range 40 {
			f := faults[i%len(faults)]
			s.Inject("Execute", 3+i*4, 1, f)
		}
		s.Inject("Connect", 2, 1, mapihttptest.Fault{Kind: mapihttptest.Cut})
		s.Inject("Connect", 4, 1, mapihttptest.Fault{Kind: mapihttptest.DropAfter})
	}
	p := retry.Policy{Clock: clock.NewFake(time.Unix(1_700_000_000, 0)), Attempts: 20}
	copyAll := func(src transport.Source, sink transport.Sink, state string) *migrate.Result {
		l, err := ledger.Open(t.Context(), state, ledger.Pair{Source: "a", Sink: "b"})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		r, err := migrate.Run(t.Context(), src, sink, l, migrate.Options{Converter: &converters.Converter{}, Retry: p})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Complete() {
			for it, err := range l.Items(t.Context(), ledger.Query{States: []ledger.State{ledger.Failed}}) {
				t.Logf("%v %s: %s", err, it.Meta.Subject, it.Reason)
			}
			t.Errorf("not complete: %+v", r)
		}
		return r
	}
	state := filepath.Join(t.TempDir(), "state")
	src := filled(t, n)
	st := open(t, address(s), nil)
	inject()
	before := s.Requests("Connect")
	copyAll(src, st, state)
	holds(t, box, n)
	if s.Requests("Connect") < before+5 {
		t.Errorf("sessions were begun only %d times", s.Requests("Connect"))
	}
	if r := copyAll(src, st, state); r.Copied != 0 {
		t.Errorf("the second run copies %d", r.Copied)
	}
	// And back, to a mailbox of another server.
	to, box2 := serve(t, mapihttptest.Options{})
	inject()
	copyAll(st, open(t, address(to), nil), filepath.Join(t.TempDir(), "state"))
	holds(t, box2, n)
}

// TestTheSessionIsBegunAgainOnce: a server that forgets each session at once is
// given up.
func TestTheSessionIsBegunAgainOnce(t *testing.T) {
	s, _ := serve(t, mapihttptest.Options{})
	st := open(t, address(s, "connections", "1"), nil)
	before := s.Requests("Connect")
	s.Inject("Execute", 1, 1, mapihttptest.Fault{Kind: mapihttptest.Expire})
	if err := list(st); err != nil {
		t.Errorf("one lost session: %v", err)
	}
	if n := s.Requests("Connect") - before; n != 1 {
		t.Errorf("a lost session is begun again %d times", n)
	}
	s.Inject("Execute", 1, 1000, mapihttptest.Fault{Kind: mapihttptest.Expire})
	err := list(st)
	if transport.KindOf(err) != transport.Temporary {
		t.Errorf("a server that forgets: %v", err)
	}
	var code mapihttp.ResponseCode
	if !errors.As(err, &code) {
		t.Errorf("no ResponseCode in %v", err)
	}
}

func list(st *mapihttp.Store) error {
	for _, err := range st.Folders(bg) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestErrorsAreClassified(t *testing.T) {
	s, _ := serve(t, mapihttptest.Options{})
	a := address(s)
	a.Password = "wrong"
	if _, err := mapihttp.OpenAddress(bg, a, nil); transport.KindOf(err) != transport.Auth {
		t.Errorf("a wrong password: %v", err)
	}
	if _, err := mapihttp.OpenAddress(bg, address(s, "mailbox", "nobody@example.org"), nil); transport.KindOf(err) != transport.Unavailable {
		t.Errorf("a mailbox that is not there: %v", err)
	}
	if _, err := mapihttp.OpenAddress(bg, address(s, "dn", "/o=x/cn=nobody"), nil); err == nil || transport.KindOf(err) != transport.Unavailable && transport.KindOf(err) != transport.Auth {
		t.Errorf("a name that is not there: %v", err)
	}
	s.Mailboxes().Add(mailbox.Account{Address: "ben@example.org", Password: "secret"})
	if _, err := mapihttp.OpenAddress(bg, address(s, "mailbox", "ben@example.org"), nil); err != nil {
		// Some servers refuse here, others at the folder.
		if k := transport.KindOf(err); k != transport.Auth {
			t.Errorf("a mailbox without rights: %v", err)
		}
	}
	for _, bad := range []string{"associated", "deleted", "connections", "poll", "receipts"} {
		if _, err := mapihttp.OpenAddress(bg, address(s, bad, "what"), nil); transport.KindOf(err) != transport.Usage {
			t.Errorf("%s=what: %v", bad, err)
		}
	}
	a = address(s)
	a.User = ""
	if _, err := mapihttp.OpenAddress(bg, a, nil); transport.KindOf(err) != transport.Usage {
		t.Errorf("no user: %v", err)
	}
}

// TestAutodiscover finds the server by the mail address alone.
func TestAutodiscover(t *testing.T) {
	s, _ := serve(t, mapihttptest.Options{})
	a := transport.Address{Scheme: "mapihttp", User: "ann@example.org", Host: "example.org", Password: "secret", Params: url.Values{"autodiscover": {s.AutodiscoverURL()}}}
	if err := list(open(t, a, nil)); err != nil {
		t.Error(err)
	}
}

const helperVar = "MAPIHTTP_TEST_COPY"

// TestMain makes the test binary a program that copies, so that it can be
// killed.
func TestMain(m *testing.M) {
	if where := os.Getenv(helperVar); where != "" {
		if err := helper(where); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// killed is how many messages the killed program copies.
const killed = 200

func helper(endpoint string) error {
	ctx := context.Background()
	boxes := mailbox.New(mailbox.Options{})
	defer boxes.Close()
	src := boxes.Add(mailbox.Account{Address: "old@example.org"}).Store(mailbox.StoreOptions{})
	for i := range killed {
		f, err := src.Ensure(ctx, transport.Folder{Path: []string{fmt.Sprintf("Box %d", i%4)}})
		if err != nil {
			return err
		}
		var ps mapi.Properties
		ps.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
		ps.Set(mapi.PidTagSubject, mapi.StringValue(fmt.Sprintf("message %d", i)))
		if _, err := src.Put(ctx, f, transport.Meta{}, &transport.Content{Form: transport.FormObject, Object: &mapi.Message{Props: ps}}); err != nil {
			return err
		}
	}
	a := transport.Address{Scheme: "mapihttp", User: "ann@example.org", Password: "secret", Params: url.Values{"endpoint": {endpoint}}}
	sink, err := mapihttp.OpenAddress(ctx, a, nil)
	if err != nil {
		return err
	}
	defer sink.Close()
	l, err := ledger.Open(ctx, os.Getenv("MAPIHTTP_TEST_LEDGER"), ledger.Pair{Source: "old", Sink: "new"})
	if err != nil {
		return err
	}
	defer l.Close()
	fmt.Println("ready")
	r, err := migrate.Run(ctx, src, sink, l, migrate.Options{Converter: &converters.Converter{}})
	if err == nil && !r.Complete() {
		err = fmt.Errorf("not complete: %+v", r)
	}
	return err
}

// TestKilledAndResumed: killed again and again, nothing is lost, nothing is there
// twice.
func TestKilledAndResumed(t *testing.T) {
	s, box := serve(t, mapihttptest.Options{Latency: time.Millisecond})
	state := filepath.Join(t.TempDir(), "state")
	rnd := rand.New(rand.NewPCG(3, 5))
	kills := 0
	for round := 0; ; round++ {
		if round == 100 {
			t.Fatal("it does not come to an end")
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), helperVar+"="+s.URL(), "MAPIHTTP_TEST_LEDGER="+state)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Scan()
		if lines.Text() == "ready" && kills < 4 {
			time.Sleep(time.Duration(10+rnd.IntN(120)) * time.Millisecond)
			if cmd.Process.Kill() == nil {
				kills++
			}
		}
		rest := ""
		for lines.Scan() {
			rest += lines.Text() + "\n"
		}
		if err := cmd.Wait(); err == nil {
			break
		} else if rest != "" {
			t.Fatal(rest)
		}
	}
	holds(t, box, killed)
	t.Logf("killed %d times", kills)
}
