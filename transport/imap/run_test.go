package imap_test

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/imap"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/retry"
)

// A wholeRun copies what a rude server has into a store in memory, with the
// engine and its ledger, as the command does.
type wholeRun struct {
	clock *clock.Fake
	path  string
	sink  *mem.Store
	seen  []migrate.Event
}

func newWholeRun(t *testing.T) *wholeRun {
	return &wholeRun{clock: clock.NewFake(time.Unix(1700000000, 0)), path: filepath.Join(t.TempDir(), "ledger"), sink: mem.New(mem.Options{})}
}

func (w *wholeRun) run(t *testing.T, src transport.Source) *migrate.Result {
	t.Helper()
	l, err := ledger.Open(t.Context(), w.path, ledger.Pair{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := migrate.Run(t.Context(), src, w.sink, l, migrate.Options{
		Clock: w.clock, Retry: retry.Policy{Clock: w.clock, Attempts: 4}, Workers: 1,
		Observer: func(e migrate.Event) { w.seen = append(w.seen, e) },
	})
	if err != nil {
		t.Fatalf("the run ended: %v", err)
	}
	return r
}

// rows counts the states of all rows, and lists the reasons of those that are
// not copied.
func (w *wholeRun) rows(t *testing.T) (map[ledger.State]int, []string) {
	t.Helper()
	l, err := ledger.Read(t.Context(), w.path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	states := map[ledger.State]int{}
	var why []string
	for it, err := range l.Items(t.Context(), ledger.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if states[it.State]++; it.State != ledger.Copied {
			why = append(why, it.Reason+": "+it.Detail)
		}
	}
	return states, why
}

// bodies are what the sink holds, in order.
func (w *wholeRun) bodies(t *testing.T) (list []string) {
	t.Helper()
	for f, err := range w.sink.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range w.sink.Items(t.Context(), f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			for fe, err := range w.sink.Fetch(t.Context(), f, []transport.Key{m.Key}, nil) {
				if err != nil || fe.Err != nil {
					t.Fatal(err, fe.Err)
				}
				r, err := fe.Content.MIME.Open(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, string(b))
				fe.Content.Close()
			}
		}
	}
	slices.Sort(list)
	return list
}

func ten() map[int]string {
	m := map[int]string{}
	for i := range 10 {
		m[i+1] = fmt.Sprintf("Subject: %d\r\nMessage-ID: <%d@x.example>\r\n\r\n%s\r\n", i, i, strings.Repeat("x", 100*i))
	}
	return m
}

// once makes a hook of what happens the first time that a command comes.
func once(verb string, do func(c *talk, tag, args string) bool) func(c *talk, tag, v, args string) bool {
	var mu sync.Mutex
	done := false
	return func(c *talk, tag, v, args string) bool {
		mu.Lock()
		defer mu.Unlock()
		if done || v != verb || v == "UID FETCH" && !strings.Contains(args, "BODY") {
			return false
		}
		done = true
		return do(c, tag, args)
	}
}

// each answers every FETCH of bodies, message by message.
func each(verb, item string, say func(c *talk, seq, uid int, body string)) func(c *talk, tag, v, args string) bool {
	return func(c *talk, tag, v, args string) bool {
		if v != verb || !strings.Contains(args, item) {
			return false
		}
		set, _, _ := strings.Cut(args, " ")
		for i, u := range c.s.uids() {
			n := i + 1
			if v == "UID FETCH" {
				n = u
			}
			if inSet(set, n) {
				say(c, i+1, u, c.s.bodies[u])
			}
		}
		c.say("%s OK done", tag)
		return true
	}
}

// Whatever a server does to a run costs time or one item; it ends no run, and
// nothing is missing without a row that says why.
func TestARudeServerNeverEndsARun(t *testing.T) {
	for name, tt := range map[string]struct {
		hook   func(c *talk, tag, verb, args string) bool
		params []string
		bad    int           // items that are lost
		waits  time.Duration // the least that the run waits
		runs   int           // until all is there
	}{
		"the body before the UID": {hook: each("UID FETCH", "BODY", func(c *talk, seq, uid int, body string) {
			c.raw(fmt.Sprintf("* %d FETCH (BODY[] {%d}\r\n%s UID %d)\r\n", seq, len(body), body, uid))
		})},
		"unknown responses": {hook: each("UID FETCH", "BODY", func(c *talk, seq, uid int, body string) {
			c.raw("* NONSENSE {2}\r\nab (c\r\n* 9 RECENT\r\n* VANISHED 77\r\n* OK [WEIRD (\r\n")
			c.fetch(seq, uid, "BODY.PEEK[]")
		})},
		"dates that are NIL": {hook: each("FETCH", "INTERNALDATE", func(c *talk, seq, uid int, body string) {
			c.say("* %d FETCH (UID %d FLAGS () INTERNALDATE NIL RFC822.SIZE %d)", seq, uid, len(body))
		})},
		"double spaces": {hook: func(c *talk, tag, verb, args string) bool {
			return each("FETCH", "INTERNALDATE", func(c *talk, seq, uid int, body string) {
				c.say(`*  %d  FETCH  ( UID  %d  FLAGS  ( \Seen )  INTERNALDATE  " 1-Jan-2020 00:00:00 +0000"  RFC822.SIZE  %d )`, seq, uid, len(body))
			})(c, tag, verb, args) || each("UID FETCH", "BODY", func(c *talk, seq, uid int, body string) {
				c.raw(fmt.Sprintf("*  %d  FETCH  ( UID  %d  BODY[]  {%d}\r\n%s )\r\n", seq, uid, len(body), body))
			})(c, tag, verb, args)
		}},
		"a stall": {params: []string{"timeout", "100ms"}, waits: 500 * time.Millisecond, hook: once("UID FETCH", func(*talk, string, string) bool {
			time.Sleep(400 * time.Millisecond)
			return false
		})},
		"a drop within a literal": {waits: 500 * time.Millisecond, hook: once("UID FETCH", func(c *talk, tag, args string) bool {
			c.fetch(1, 1, "BODY.PEEK[]")
			c.raw(fmt.Sprintf("* 2 FETCH (UID 2 BODY[] {%d}\r\nSubj", len(c.s.bodies[2])))
			c.Close()
			return true
		})},
		"a farewell in the middle": {waits: 500 * time.Millisecond, hook: once("UID FETCH", func(c *talk, tag, args string) bool {
			c.fetch(1, 1, "BODY.PEEK[]")
			c.say("* BYE Server shutting down")
			c.Close()
			return true
		})},
		"a farewell while it lists": {waits: 500 * time.Millisecond, hook: once("FETCH", func(c *talk, tag, args string) bool {
			c.fetch(1, 1, "INTERNALDATE")
			c.say("* BYE [UNAVAILABLE] later")
			c.Close()
			return true
		})},
		"throttled": {waits: 299961 * time.Millisecond, hook: once("UID FETCH", func(c *talk, tag, args string) bool {
			c.say("%s BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", tag)
			return true
		})},
		"throttled at the door": {waits: 500 * time.Millisecond, hook: once("EXAMINE", func(c *talk, tag, args string) bool {
			c.say("%s NO [THROTTLED] Account exceeded command or bandwidth limits", tag)
			return true
		})},
		"limited": {waits: 500 * time.Millisecond, hook: once("FETCH", func(c *talk, tag, args string) bool {
			c.say("%s NO [LIMIT] too many requests", tag)
			return true
		})},
		"sizes that lie": {hook: each("FETCH", "INTERNALDATE", func(c *talk, seq, uid int, body string) {
			c.say(`* %d FETCH (UID %d FLAGS () INTERNALDATE " 1-Jan-2020 00:00:00 +0000" RFC822.SIZE %d)`, seq, uid, []int{0, 1 << 40, len(body) + 7}[uid%3])
		})},
		"a literal that is too long for its size": {bad: 1, waits: 500 * time.Millisecond, hook: each("UID FETCH", "BODY", func(c *talk, seq, uid int, body string) {
			n := len(body)
			if uid == 4 {
				n -= 9
			}
			c.raw(fmt.Sprintf("* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", seq, uid, n, body))
		})},
		"a mail that it cannot read": {bad: 1, hook: func(c *talk, tag, verb, args string) bool {
			set, _, _ := strings.Cut(args, " ")
			if verb != "UID FETCH" || !strings.Contains(args, "BODY") || !inSet(set, 5) {
				return false
			}
			c.say("%s NO [SERVERBUG] Internal error occurred", tag)
			return true
		}},
		"a mail that it leaves out": {bad: 1, hook: each("UID FETCH", "BODY", func(c *talk, seq, uid int, body string) {
			if uid != 6 {
				c.fetch(seq, uid, "BODY.PEEK[]")
			}
		})},
		"new keys in the middle": {runs: 2, hook: once("UID FETCH", func(c *talk, tag, args string) bool {
			c.fetch(1, 1, "BODY.PEEK[]")
			c.s.validity = 8
			c.say("* BYE the mailbox was rebuilt")
			c.Close()
			return true
		})},
		"an 8-bit name": {hook: func(c *talk, tag, verb, args string) bool {
			switch verb {
			case "LIST":
				if strings.HasSuffix(args, `""`) {
					return false
				}
				c.raw("* LIST () \"/\" M\xe4rz\r\n")
			case "EXAMINE":
				c.say("* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 100] ok", len(c.s.bodies))
			default:
				return false
			}
			c.say("%s OK done", tag)
			return true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &rude{bodies: ten(), hook: tt.hook}
			addr := s.start(t)
			w := newWholeRun(t)
			start := w.clock.Now()
			r := &migrate.Result{}
			for range max(tt.runs, 1) {
				params := append([]string{"tls", "none"}, tt.params...)
				src, err := imap.Driver().Source(t.Context(), address(t, "imap://ann@"+addr, params...), nil)
				if err != nil {
					t.Fatal(err)
				}
				r = w.run(t, src)
				src.Close()
			}
			want := slices.Sorted(maps.Values(s.bodies))
			got := w.bodies(t)
			for _, b := range got {
				if !slices.Contains(want, b) {
					t.Errorf("what arrived is no mail of the source: %.60q", b)
				}
			}
			if len(got) != len(want)-tt.bad {
				t.Errorf("%d mails arrived, want %d", len(got), len(want)-tt.bad)
			}
			states, why := w.rows(t)
			if states[ledger.Failed] != tt.bad || tt.runs == 0 && states[ledger.Copied] != len(want)-tt.bad || r.Complete() != (tt.bad == 0) {
				t.Errorf("rows %v, %q", states, why)
			}
			for _, reason := range why {
				if strings.HasPrefix(reason, ": ") {
					t.Errorf("a row without a reason: %q", why)
				}
			}
			if waited := w.clock.Now().Sub(start); waited < tt.waits {
				t.Errorf("waited %v, want at least %v", waited, tt.waits)
			}
			if name == "an 8-bit name" {
				found := false
				for f := range w.sink.Folders(t.Context()) {
					found = found || f.String() == "März"
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				if !found || !slices.ContainsFunc(s.lines, func(l string) bool { return strings.HasPrefix(l, "EXAMINE {4") }) {
					t.Errorf("the folder is not there, or its name was not said as it is: %q", s.lines)
				}
			}
		})
	}
}

// A server that says nothing for 40 seconds, in the middle of a body, with the
// time-outs that users get. It takes that long, so it runs only when asked for
// (make test-long); with a shorter time-out it is a case above.
func TestAStallOfFortySeconds(t *testing.T) {
	if os.Getenv("MAILCONV_LONG") == "" {
		t.Skip("LEFT OUT: it takes 40 seconds (make test-long)")
	}
	s := &rude{bodies: ten(), hook: once("UID FETCH", func(c *talk, tag, args string) bool {
		body := c.s.bodies[1]
		c.raw(fmt.Sprintf("* 1 FETCH (UID 1 BODY[] {%d}\r\n%s", len(body), body[:20]))
		time.Sleep(40 * time.Second)
		c.raw(body[20:] + ")\r\n")
		for u := 2; u <= 10; u++ {
			c.fetch(u, u, "BODY.PEEK[]")
		}
		c.say("%s OK done", tag)
		return true
	})}
	start := time.Now()
	w := newWholeRun(t)
	if r := w.run(t, s.open(t)); !r.Complete() || r.Copied != 10 {
		t.Errorf("%+v", r)
	}
	if took := time.Since(start); took < 40*time.Second || s.conns != 1 {
		t.Errorf("it took %v and %d connections", took, s.conns)
	}
	if got := w.bodies(t); !slices.Equal(got, slices.Sorted(maps.Values(s.bodies))) {
		t.Errorf("%d mails arrived", len(got))
	}
}
