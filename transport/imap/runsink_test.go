package imap_test

import (
	"fmt"
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

// keeper is a rude server that keeps what it is given.
type keeper struct {
	*rude
	mu      sync.Mutex
	appends int
	// bad is asked at each APPEND, from 1, before anything is kept; it
	// reports whether it answered.
	bad func(k *keeper, c *talk, n int, tag, args string) bool
}

func newKeeper(t *testing.T, caps string) (*keeper, string) {
	k := &keeper{rude: &rude{caps: caps, bodies: map[int]string{}}}
	k.hook = func(c *talk, tag, verb, args string) bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		next := len(k.bodies) + 1
		switch verb {
		case "SELECT", "EXAMINE":
			c.say("* %d EXISTS\r\n* OK [UIDVALIDITY %d] ok\r\n* OK [UIDNEXT %d] ok\r\n%s OK done", len(k.bodies), k.validity, next, tag)
		case "STATUS":
			c.say("* STATUS INBOX (MESSAGES %d UIDNEXT %d UIDVALIDITY %d)\r\n%s OK done", len(k.bodies), next, k.validity, tag)
		case "UID FETCH", "FETCH":
			return false
		case "APPEND":
			if k.appends++; k.bad != nil && k.bad(k, c, k.appends, tag, args) {
				return true
			}
			uids := k.keep(c.literals(args))
			c.say("%s OK [APPENDUID %d %s] done", tag, k.validity, uids)
		default:
			return false
		}
		return true
	}
	return k, k.start(t)
}

// keep stores mails and names their UIDs.
func (k *keeper) keep(list []string) string {
	first := len(k.bodies) + 1
	for _, m := range list {
		k.bodies[len(k.bodies)+1] = m
	}
	return fmt.Sprintf("%d:%d", first, len(k.bodies))
}

// What a server does to a copy into it costs time or one item; nothing is there
// twice, and nothing is missing without a row that says why.
func TestARudeSinkNeverEndsARun(t *testing.T) {
	first := func(do func(k *keeper, c *talk, tag, args string)) func(*keeper, *talk, int, string, string) bool {
		return func(k *keeper, c *talk, n int, tag, args string) bool {
			if n == 1 {
				do(k, c, tag, args)
			}
			return n == 1
		}
	}
	for name, tt := range map[string]struct {
		bad   func(k *keeper, c *talk, n int, tag, args string) bool
		lost  int
		waits time.Duration
	}{
		"a drop within a literal": {waits: time.Second, bad: first(func(k *keeper, c *talk, tag, args string) {
			if !strings.HasSuffix(args, "+}") {
				c.say("+ go on")
			}
			c.r.Peek(10)
			c.Close()
		})},
		"a drop after the last byte": {waits: time.Second, bad: first(func(k *keeper, c *talk, tag, args string) {
			c.literals(args)
			c.Close()
		})},
		"kept, and then a drop": {bad: first(func(k *keeper, c *talk, tag, args string) {
			k.keep(c.literals(args))
			c.Close()
		})},
		"kept, and then a farewell": {bad: first(func(k *keeper, c *talk, tag, args string) {
			k.keep(c.literals(args))
			c.say("* BYE [UNAVAILABLE] shutting down")
			c.Close()
		})},
		"throttled": {waits: 42 * time.Second, bad: first(func(k *keeper, c *talk, tag, args string) {
			c.literals(args)
			c.say("%s NO [THROTTLED] Suggested Backoff Time: 42000 milliseconds", tag)
		})},
		"limited": {bad: first(func(k *keeper, c *talk, tag, args string) {
			c.literals(args)
			c.say("%s NO [LIMIT] slow down", tag)
		})},
		"one that it refuses": {lost: 1, bad: func(k *keeper, c *talk, n int, tag, args string) bool {
			list := c.literals(args)
			if slices.ContainsFunc(list, func(m string) bool { return strings.Contains(m, "Subject: 3") }) {
				c.say("%s NO message contains a virus", tag)
			} else {
				c.say("%s OK [APPENDUID %d %s] done", tag, k.validity, k.keep(list))
			}
			return true
		}},
		"one that is too large": {lost: 1, bad: func(k *keeper, c *talk, n int, tag, args string) bool {
			list := c.literals(args)
			if slices.ContainsFunc(list, func(m string) bool { return strings.Contains(m, "Subject: 9") }) {
				c.say("%s NO [TOOBIG] message too large", tag)
			} else {
				c.say("%s OK [APPENDUID %d %s] done", tag, k.validity, k.keep(list))
			}
			return true
		}},
	} {
		for _, caps := range []string{"IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND", "IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1"} {
			k, addr := newKeeper(t, caps)
			k.bad = tt.bad
			w := newSinkRun(t, addr)
			r, err := w.run(t)
			if err != nil {
				t.Errorf("%s, %s: %v", name, caps, err)
				continue
			}
			if len(k.bodies) != 10-tt.lost || r.Failed != int64(tt.lost) {
				t.Errorf("%s, %s: %d arrived, %+v", name, caps, len(k.bodies), r)
			}
			twice := map[string]bool{}
			for _, b := range k.bodies {
				if twice[b] {
					t.Errorf("%s, %s: there twice: %.40q", name, caps, b)
				}
				twice[b] = true
			}
			if waited := w.clock.Now().Sub(w.start); waited < tt.waits {
				t.Errorf("%s, %s: waited %v, want %v", name, caps, waited, tt.waits)
			}
			if r, err := w.run(t); err != nil || r.Copied != 0 {
				t.Errorf("%s, %s: the second run: %+v, %v", name, caps, r, err)
			}
		}
	}
}

// A full mailbox stops the run with its state saved; with room again it goes on
// where it was.
func TestAFullMailboxIsNoLoss(t *testing.T) {
	k, addr := newKeeper(t, "IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND")
	full := true
	k.bad = func(k *keeper, c *talk, n int, tag, args string) bool {
		list := c.literals(args)
		if full && len(k.bodies)+len(list) > 4 {
			c.say("%s NO [OVERQUOTA] Quota exceeded", tag)
			return true
		}
		c.say("%s OK [APPENDUID %d %s] done", tag, k.validity, k.keep(list))
		return true
	}
	w := newSinkRun(t, addr)
	if _, err := w.run(t); transport.KindOf(err) != transport.QuotaExceeded {
		t.Errorf("a full mailbox: %v", err)
	}
	if len(k.bodies) != 4 {
		t.Errorf("%d mails were put", len(k.bodies))
	}
	k.mu.Lock()
	full = false
	k.mu.Unlock()
	if r, err := w.run(t); err != nil || !r.Complete() || len(k.bodies) != 10 {
		t.Errorf("with room: %+v, %v, %d mails", r, err, len(k.bodies))
	}
}

// sinkRun copies ten mails from memory into a rude server.
type sinkRun struct {
	addr  string
	path  string
	src   *mem.Store
	clock *clock.Fake
	start time.Time
}

func newSinkRun(t *testing.T, addr string) *sinkRun {
	w := &sinkRun{addr: addr, path: t.TempDir() + "/ledger", src: mem.New(mem.Options{}), clock: clock.NewFake(time.Unix(1700000000, 0))}
	w.start = w.clock.Now()
	for i := range 10 {
		w.src.Add([]string{"INBOX"}, transport.Meta{}, ten()[i+1])
	}
	return w
}

func (w *sinkRun) run(t *testing.T) (*migrate.Result, error) {
	t.Helper()
	l, err := ledger.Open(t.Context(), w.path, ledger.Pair{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	snk, err := imap.Driver().Sink(t.Context(), address(t, "imap://ann@"+w.addr, "tls", "none"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer snk.Close()
	return migrate.Run(t.Context(), w.src, snk, l, migrate.Options{Clock: w.clock, Retry: retry.Policy{Clock: w.clock, Attempts: 4}, Workers: 1})
}
