package imap_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/imap"
	"github.com/mailconv/mailconv/transport/retry"
)

// rude is a scripted server with one mailbox, INBOX. It is polite until hook
// takes a command over.
type rude struct {
	caps     string
	validity int
	bodies   map[int]string // by UID
	// hook is given each command in upper case up to its first argument, and
	// reports whether it answered.
	hook func(c *talk, tag, verb, args string) bool

	mu    sync.Mutex
	lines []string // all commands
	conns int
	got   []string // literals that were appended
}

// talk is one connection.
type talk struct {
	net.Conn
	r *bufio.Reader
	s *rude
}

func (c *talk) say(format string, args ...any) {
	fmt.Fprintf(c.Conn, format+"\r\n", args...)
}

// raw says text as it is.
func (c *talk) raw(s string) { io.WriteString(c.Conn, s) }

func three() map[int]string {
	return map[int]string{1: "Subject: one\r\n\r\n1\r\n", 2: "Subject: two\r\n\r\n22\r\n", 3: "Subject: three\r\n\r\n333\r\n"}
}

func (s *rude) start(t *testing.T) string {
	t.Helper()
	if s.caps == "" {
		s.caps = "IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND"
	}
	if s.validity == 0 {
		s.validity = 7
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
			go s.serve(&talk{nc, bufio.NewReader(nc), s})
		}
	}()
	return l.Addr().String()
}

func (s *rude) uids() []int {
	var list []int
	for u := range s.bodies {
		list = append(list, u)
	}
	slices.Sort(list)
	return list
}

func (s *rude) serve(c *talk) {
	defer c.Close()
	c.say("* OK [CAPABILITY %s] hello", s.caps)
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		tag, rest, _ := strings.Cut(line, " ")
		verb, args, _ := strings.Cut(rest, " ")
		if verb != "APPEND" && strings.HasSuffix(args, "}") {
			c.literals(args)
		}
		if verb == "UID" {
			v, a, _ := strings.Cut(args, " ")
			verb, args = "UID "+v, a
		}
		verb = strings.ToUpper(verb)
		s.mu.Lock()
		s.lines = append(s.lines, verb+" "+args)
		s.mu.Unlock()
		if s.hook != nil && s.hook(c, tag, verb, args) {
			continue
		}
		switch verb {
		case "LOGOUT":
			return
		case "EXAMINE", "SELECT":
			if !strings.Contains(strings.ToUpper(args), "INBOX") {
				c.say("%s NO no such mailbox", tag)
				continue
			}
			c.say("* %d EXISTS", len(s.bodies))
			c.say("* OK [UIDVALIDITY %d] ok", s.validity)
			c.say("* OK [UIDNEXT 100] ok")
		case "LIST":
			if strings.Contains(args, "*") || strings.Contains(args, "INBOX") {
				c.say(`* LIST () "/" INBOX`)
			} else if strings.HasSuffix(args, `""`) {
				c.say(`* LIST (\Noselect) "/" ""`)
			}
		case "STATUS":
			c.say("* STATUS INBOX (MESSAGES %d UIDNEXT 100 UIDVALIDITY %d)", len(s.bodies), s.validity)
		case "FETCH", "UID FETCH":
			for i, u := range s.uids() {
				n := i + 1
				if verb == "UID FETCH" {
					n = u
				}
				set, items, _ := strings.Cut(args, " ")
				if inSet(set, n) {
					c.fetch(i+1, u, items)
				}
			}
		case "APPEND":
			c.append(tag, args)
			continue
		}
		c.say("%s OK done", tag)
	}
}

func (c *talk) fetch(seq, uid int, items string) {
	body := c.s.bodies[uid]
	switch {
	case strings.Contains(items, "BODY.PEEK[]"):
		c.raw(fmt.Sprintf("* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", seq, uid, len(body), body))
	case strings.Contains(items, "INTERNALDATE"):
		c.say(`* %d FETCH (UID %d FLAGS (\Seen) INTERNALDATE " 1-Jan-2020 00:00:00 +0000" RFC822.SIZE %d)`, seq, uid, len(body))
	default:
		c.say("* %d FETCH (UID %d)", seq, uid)
	}
}

// literals reads what an APPEND sends, up to the end of the command.
func (c *talk) literals(args string) (list []string) {
	for {
		i := strings.LastIndexByte(args, '{')
		if i < 0 || !strings.HasSuffix(args, "}") {
			return list
		}
		n, _ := strconv.Atoi(strings.Trim(args[i:], "{+}"))
		if !strings.HasSuffix(args, "+}") {
			c.say("+ go on")
		}
		buf := make([]byte, n)
		if _, err := io.ReadFull(c.r, buf); err != nil {
			return list
		}
		list = append(list, string(buf))
		line, _ := c.r.ReadString('\n')
		args = strings.TrimRight(line, "\r\n")
	}
}

func (c *talk) append(tag, args string) {
	list := c.literals(args)
	c.s.mu.Lock()
	first := len(c.s.got) + 1
	c.s.got = append(c.s.got, list...)
	c.s.mu.Unlock()
	c.say("%s OK [APPENDUID %d %d:%d] done", tag, c.s.validity, first, first+len(list)-1)
}

func inSet(set string, n int) bool {
	for part := range strings.SplitSeq(set, ",") {
		a, b, isRange := strings.Cut(part, ":")
		lo, _ := strconv.Atoi(a)
		hi := lo
		if isRange {
			if hi, _ = strconv.Atoi(b); b == "*" {
				hi = 1 << 30
			}
		}
		if n >= lo && n <= hi {
			return true
		}
	}
	return false
}

func (s *rude) open(t *testing.T, params ...string) *imap.Store {
	t.Helper()
	src, err := imap.Driver().Source(t.Context(), address(t, "imap://ann@"+s.start(t), append([]string{"tls", "none"}, params...)...), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src.(*imap.Store)
}

var inboxFolder = transport.Folder{Path: []string{"INBOX"}, ID: "INBOX"}

func keysFor(validity int, uids ...int) (keys []transport.Key) {
	for _, u := range uids {
		keys = append(keys, transport.Key(fmt.Sprintf("%d:%d", validity, u)))
	}
	return keys
}

// fetchAll fetches and gives what came for each key: the body, or the kind of
// its error.
func fetchAll(t *testing.T, src transport.Source, keys []transport.Key) (map[transport.Key]string, error) {
	t.Helper()
	got := map[transport.Key]string{}
	for fe, err := range src.Fetch(t.Context(), inboxFolder, keys, nil) {
		if err != nil {
			return got, err
		}
		if _, twice := got[fe.Key]; twice {
			t.Errorf("the key %s comes twice", fe.Key)
		}
		if fe.Err != nil {
			got[fe.Key] = "error " + transport.KindOf(fe.Err).String()
			continue
		}
		r, err := fe.Content.MIME.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		got[fe.Key] = string(b)
		if err != nil {
			got[fe.Key] = "broken " + transport.KindOf(err).String()
		} else if int64(len(b)) != fe.Content.MIME.Size() {
			t.Errorf("the size of %s is said to be %d, it is %d", fe.Key, fe.Content.MIME.Size(), len(b))
		}
		fe.Content.Close()
	}
	return got, nil
}

func wantBodies(t *testing.T, s *rude, got map[transport.Key]string, other map[int]string) {
	t.Helper()
	for u, body := range s.bodies {
		want := body
		if o, ok := other[u]; ok {
			want = o
		}
		if g := got[keysFor(s.validity, u)[0]]; g != want {
			t.Errorf("UID %d: got %q, want %q", u, g, want)
		}
	}
}

// Answers that cost nothing at all.
func TestOddAnswersToAFetchLoseNothing(t *testing.T) {
	for name, say := range map[string]func(c *talk, seq, uid int, body string){
		"the body before the UID": func(c *talk, seq, uid int, body string) {
			c.raw(fmt.Sprintf("* %d FETCH (BODY[] {%d}\r\n%s UID %d)\r\n", seq, len(body), body, uid))
		},
		"unknown items": func(c *talk, seq, uid int, body string) {
			c.raw(fmt.Sprintf("* %d FETCH (X-GM-LABELS (\"\\\\Inbox\" {3}\r\na)b) UID %d X-NEW NIL X-LIT {4}\r\n\r\n)( BODY[] {%d}\r\n%s FLAGS (a]b))\r\n", seq, uid, len(body), body))
		},
		"unknown responses around": func(c *talk, seq, uid int, body string) {
			c.raw("* XLIST (\\Inbox) \"/\" {5}\r\nInbox\r\n* VANISHED (EARLIER) 1:9\r\n* 4 RECENT\r\n* NONSENSE {2}\r\nab c\r\n* OK\r\n* OK [\r\n\r\n")
			c.fetch(seq, uid, "BODY.PEEK[]")
			c.raw(fmt.Sprintf("* %d FETCH (FLAGS (\\Seen))\r\n* %d FETCH (UID %d FLAGS (\\Seen))\r\n", seq, seq, uid))
		},
		"double spaces": func(c *talk, seq, uid int, body string) {
			c.raw(fmt.Sprintf("*  %d  FETCH  (UID  %d  BODY[]  {%d}\r\n%s )\r\n", seq, uid, len(body), body))
		},
		"a literal of the second kind": func(c *talk, seq, uid int, body string) {
			c.raw(fmt.Sprintf("* %d FETCH (UID %d BODY[]<0> ~{%d}\r\n%s)\r\n", seq, uid, len(body), body))
		},
		"a quoted body": func(c *talk, seq, uid int, body string) {
			c.raw(fmt.Sprintf("* %d FETCH (UID %d BODY[] \"q%d\")\r\n", seq, uid, uid))
		},
		"the old name": func(c *talk, seq, uid int, body string) {
			c.raw(fmt.Sprintf("* %d FETCH (uid %d rfc822 {%d}\r\n%s)\r\n", seq, uid, len(body), body))
		},
		"a stranger's body": func(c *talk, seq, uid int, body string) {
			c.raw("* 9 FETCH (UID 99 BODY[] {4}\r\nxxxx)\r\n* 9 FETCH (BODY[] {4}\r\nxxxx UID 98)\r\n")
			c.fetch(seq, uid, "BODY.PEEK[]")
			c.fetch(seq, uid, "BODY.PEEK[]")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &rude{bodies: three()}
			s.hook = func(c *talk, tag, verb, args string) bool {
				if verb != "UID FETCH" || !strings.Contains(args, "BODY") {
					return false
				}
				set, _, _ := strings.Cut(args, " ")
				for i, u := range s.uids() {
					if inSet(set, u) {
						say(c, i+1, u, s.bodies[u])
					}
				}
				c.say("%s OK done", tag)
				return true
			}
			src := s.open(t)
			got, err := fetchAll(t, src, keysFor(7, 1, 2, 3))
			if err != nil {
				t.Fatal(err)
			}
			other := map[int]string{}
			if name == "a quoted body" {
				other = map[int]string{1: "q1", 2: "q2", 3: "q3"}
			}
			wantBodies(t, s, got, other)
			if s.conns != 1 {
				t.Errorf("it took %d connections", s.conns)
			}
		})
	}
}

// Answers that cost one item, which has an error.
func TestABadItemCostsItselfAndIsNotSilent(t *testing.T) {
	for name, tt := range map[string]struct {
		bad  func(c *talk, seq, uid int, body string) (end bool)
		want string
	}{
		"left out": {func(*talk, int, int, string) bool { return false }, "error permanent"},
		"NIL": {func(c *talk, seq, uid int, _ string) bool {
			c.say("* %d FETCH (UID %d BODY[] NIL)", seq, uid)
			return false
		}, "error permanent"},
		"garbage": {func(c *talk, seq, uid int, _ string) bool {
			c.raw(fmt.Sprintf("* %d FETCH (UID %d BODY[] {5} trailing\r\n", seq, uid))
			return false
		}, "error permanent"},
		"a size too small": {func(c *talk, seq, uid int, body string) bool {
			c.raw(fmt.Sprintf("* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", seq, uid, len(body)-5, body))
			return false
		}, "broken temporary"},
		"the connection drops":     {func(c *talk, _, _ int, _ string) bool { c.Close(); return true }, "error temporary"},
		"a farewell in the middle": {func(c *talk, _, _ int, _ string) bool { c.say("* BYE internal error"); c.Close(); return true }, "error temporary"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &rude{bodies: three()}
			s.hook = func(c *talk, tag, verb, args string) bool {
				if verb != "UID FETCH" || !strings.Contains(args, "BODY") {
					return false
				}
				set, _, _ := strings.Cut(args, " ")
				for i, u := range s.uids() {
					if !inSet(set, u) {
						continue
					}
					if u == 2 {
						if tt.bad(c, i+1, u, s.bodies[u]) {
							return true
						}
						continue
					}
					c.fetch(i+1, u, "BODY.PEEK[]")
				}
				c.say("%s OK done", tag)
				return true
			}
			src := retry.Source(s.open(t), retry.Policy{Clock: clock.NewFake(time.Unix(0, 0)), Attempts: 3})
			got, err := fetchAll(t, src, keysFor(7, 1, 2, 3))
			if err != nil {
				t.Fatal(err)
			}
			wantBodies(t, s, got, map[int]string{2: tt.want})
		})
	}
}

func TestARefusedFetchTellsWhich(t *testing.T) {
	s := &rude{bodies: three()}
	s.hook = func(c *talk, tag, verb, args string) bool {
		set, _, _ := strings.Cut(args, " ")
		if verb == "UID FETCH" && strings.Contains(args, "BODY") && inSet(set, 2) {
			c.say("%s NO [SERVERBUG] The specified message could not be read", tag)
			return true
		}
		return false
	}
	got, err := fetchAll(t, s.open(t), keysFor(7, 3, 2, 1))
	if err != nil {
		t.Fatal(err)
	}
	wantBodies(t, s, got, map[int]string{2: "error permanent"})
}

func TestADropWithinALiteralCostsTime(t *testing.T) {
	s := &rude{bodies: three()}
	drops := 0
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb != "UID FETCH" || !strings.Contains(args, "BODY") || drops > 0 {
			return false
		}
		drops++
		c.fetch(1, 1, "BODY.PEEK[]")
		c.raw("* 2 FETCH (UID 2 BODY[] {20}\r\nSubject:")
		c.Close()
		return true
	}
	src := retry.Source(s.open(t), retry.Policy{Clock: clock.NewFake(time.Unix(0, 0))})
	got, err := fetchAll(t, src, keysFor(7, 1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	// The half body is an error to its reader, who fetches it again.
	wantBodies(t, s, got, map[int]string{2: "broken temporary"})
	if got, err = fetchAll(t, src, keysFor(7, 2)); err != nil || got["7:2"] != s.bodies[2] {
		t.Errorf("the second time: %q, %v", got, err)
	}
}

func TestAStallCostsTime(t *testing.T) {
	s := &rude{bodies: three()}
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb == "UID FETCH" {
			time.Sleep(300 * time.Millisecond)
		}
		return false
	}
	got, err := fetchAll(t, s.open(t), keysFor(7, 1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	wantBodies(t, s, got, nil)
	// Silence beyond the time that the address names is the end.
	s = &rude{bodies: three()}
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb == "UID FETCH" {
			time.Sleep(2 * time.Second)
		}
		return false
	}
	start := time.Now()
	got, err = fetchAll(t, s.open(t, "timeout", "200ms"), keysFor(7, 1))
	if time.Since(start) > 1900*time.Millisecond || err == nil && got["7:1"] != "error temporary" {
		t.Errorf("a dead server: %v, %q after %v", err, got, time.Since(start))
	}
}

func TestT51SuggestedBackoffIsObeyed(t *testing.T) {
	s := &rude{bodies: three()}
	said := 0
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb != "UID FETCH" || said == 2 {
			return false
		}
		if said++; said == 1 {
			c.say("%s BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", tag)
		} else {
			c.say("* BYE Session invalidated - Request is throttled. Suggested Backoff Time: 1000 milliseconds")
			c.Close()
		}
		return true
	}
	clk := clock.NewFake(time.Unix(0, 0))
	src := retry.Source(s.open(t), retry.Policy{Clock: clk})
	got, err := fetchAll(t, src, keysFor(7, 1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	wantBodies(t, s, got, nil)
	if waited := clk.Now().Sub(time.Unix(0, 0)); waited != 299961*time.Millisecond+time.Second {
		t.Errorf("waited %v", waited)
	}
}

func TestT53NewValidityIsSeen(t *testing.T) {
	s := &rude{bodies: three(), validity: 8}
	src := s.open(t)
	got, err := fetchAll(t, src, append(keysFor(7, 1), keysFor(8, 2)...))
	if err != nil || got["7:1"] != "error not-found" || got["8:2"] != s.bodies[2] {
		t.Errorf("%q, %v", got, err)
	}
	c := &transport.Cursor{Token: "7/100/5/3"}
	n := 0
	for m, err := range src.Items(t.Context(), inboxFolder, c) {
		if err != nil || !strings.HasPrefix(string(m.Key), "8:") {
			t.Errorf("%+v, %v", m, err)
		}
		n++
	}
	if n != 3 || c.Delta || !strings.HasPrefix(c.Token, "8/") {
		t.Errorf("%d items, cursor %+v", n, c)
	}
}

func TestOddListingsLoseNothing(t *testing.T) {
	for name, say := range map[string]func(c *talk, seq, uid int){
		"NIL and words for dates": func(c *talk, seq, uid int) {
			c.say(`* %d FETCH (UID %d FLAGS (\Seen foo]bar) INTERNALDATE %s RFC822.SIZE -1)`, seq, uid, []string{"NIL", `"yesterday"`, `" 1-Jan-2020 10:00:00 GMT"`}[seq-1])
		},
		"a list that is not closed": func(c *talk, seq, uid int) { c.say(`* %d FETCH (UID %d FLAGS (\Seen`, seq, uid) },
		"news of flags between": func(c *talk, seq, uid int) {
			c.say(`* %d FETCH (FLAGS (\Seen))`, seq)
			c.fetch(seq, uid, "INTERNALDATE")
			c.say(`* %d FETCH (UID %d FLAGS (\Seen \Recent))`, seq, uid)
		},
		"sizes of 5 GB": func(c *talk, seq, uid int) {
			c.say(`* %d FETCH (RFC822.SIZE 5368709120 UID %d FLAGS NIL MODSEQ (18446744073709551615))`, seq, uid)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &rude{bodies: three()}
			s.hook = func(c *talk, tag, verb, args string) bool {
				if verb != "FETCH" {
					return false
				}
				for i, u := range s.uids() {
					say(c, i+1, u)
				}
				c.say("%s OK done", tag)
				return true
			}
			var keys []transport.Key
			for m, err := range s.open(t).Items(t.Context(), inboxFolder, nil) {
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, m.Key)
			}
			if !slices.Equal(keys, keysFor(7, 1, 2, 3)) {
				t.Errorf("listed %q", keys)
			}
		})
	}
	t.Run("one without a UID", func(t *testing.T) {
		s := &rude{bodies: three()}
		s.hook = func(c *talk, tag, verb, args string) bool {
			if verb != "FETCH" {
				return false
			}
			set, _, _ := strings.Cut(args, " ")
			for i, u := range s.uids() {
				if i != 1 && inSet(set, i+1) {
					c.fetch(i+1, u, "INTERNALDATE")
				}
			}
			c.say("%s OK done", tag)
			return true
		}
		good, bad := 0, 0
		for m, err := range s.open(t).Items(t.Context(), inboxFolder, nil) {
			if err == nil {
				good++
			} else if bad++; m.Key == "" {
				t.Errorf("the error has no key: %v", err)
			}
		}
		if good != 2 || bad != 1 {
			t.Errorf("%d listed, %d errors", good, bad)
		}
	})
}

func TestT54AHugeFolderIsListedInPages(t *testing.T) {
	s := &rude{}
	const size = 25000
	widest := 0
	s.hook = func(c *talk, tag, verb, args string) bool {
		switch verb {
		case "EXAMINE":
			c.say("* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT %d] ok\r\n%s OK done", size, 2*size+1, tag)
			return true
		case "FETCH":
			set, _, _ := strings.Cut(args, " ")
			a, b, _ := strings.Cut(set, ":")
			lo, _ := strconv.Atoi(a)
			hi, _ := strconv.Atoi(b)
			widest = max(widest, hi-lo+1)
			w := bufio.NewWriter(c.Conn)
			for n := lo; n <= hi; n++ {
				fmt.Fprintf(w, "* %d FETCH (UID %d FLAGS () INTERNALDATE \" 1-Jan-2020 00:00:00 +0000\" RFC822.SIZE 10)\r\n", n, 2*n)
			}
			w.Flush()
			c.say("%s OK done", tag)
			return true
		}
		return false
	}
	n := 0
	for m, err := range s.open(t).Items(t.Context(), inboxFolder, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; m.Key != keysFor(7, 2*n)[0] {
			t.Fatalf("item %d is %s", n, m.Key)
		}
	}
	if n != size || widest > 1001 {
		t.Errorf("%d listed, up to %d at once", n, widest)
	}
}

func TestMessagesThatVanishWithinAListingMoveNothing(t *testing.T) {
	s := &rude{}
	var mu sync.Mutex
	var uids []int
	for i := range 3000 {
		uids = append(uids, i+1)
	}
	s.hook = func(c *talk, tag, verb, args string) bool {
		mu.Lock()
		defer mu.Unlock()
		switch verb {
		case "EXAMINE":
			c.say("* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 3001] ok\r\n%s OK done", len(uids), tag)
			return true
		case "FETCH":
			set, _, _ := strings.Cut(args, " ")
			for i, u := range uids {
				if inSet(set, i+1) {
					c.fetch(i+1, u, "INTERNALDATE")
				}
			}
			c.say("%s OK done", tag)
			return true
		case "UID FETCH", "NOOP":
			// Another client deleted the first ten.
			if uids[0] == 1 {
				uids = uids[10:]
				for range 10 {
					c.say("* 1 EXPUNGE")
				}
			}
		}
		return false
	}
	src := s.open(t)
	n := 0
	for m, err := range src.Items(t.Context(), inboxFolder, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; m.Key != keysFor(7, n)[0] {
			t.Fatalf("item %d is %s", n, m.Key)
		}
		if n == 500 {
			for range src.Fetch(t.Context(), inboxFolder, keysFor(7, 5000), nil) {
			}
		}
	}
	if n != 3000 {
		t.Errorf("%d listed", n)
	}
}

func mimeContent(s string) *transport.Content {
	return &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(s)}
}

func staged(bodies ...string) (items []transport.Staged) {
	for _, b := range bodies {
		items = append(items, transport.Staged{Content: mimeContent(b)})
	}
	return items
}

func kinds(results []transport.Result) (list []string) {
	for _, r := range results {
		if r.Err == nil {
			list = append(list, "ok "+string(r.Receipt.Ref))
		} else {
			list = append(list, transport.KindOf(r.Err).String())
		}
	}
	return list
}

func TestARefusedBatchCostsOnlyTheBadMail(t *testing.T) {
	for _, caps := range []string{"IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND", "IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 UIDPLUS", "IMAP4rev1 LITERAL- UIDPLUS MULTIAPPEND"} {
		s := &rude{caps: caps}
		s.hook = func(c *talk, tag, verb, args string) bool {
			if verb != "APPEND" {
				return false
			}
			list := c.literals(args)
			if slices.ContainsFunc(list, func(m string) bool { return strings.Contains(m, "bad") }) {
				c.say("%s NO Message contains bad things", tag)
				return true
			}
			s.mu.Lock()
			first := len(s.got) + 1
			s.got = append(s.got, list...)
			s.mu.Unlock()
			c.say("%s OK [APPENDUID 7 %d:%d] done", tag, first, first+len(list)-1)
			return true
		}
		results, err := s.open(t).PutBatch(t.Context(), inboxFolder, staged("a\r\n", strings.Repeat("bad\r\n", 5000), "c\r\n", strings.Repeat("d\r\n", 30000)))
		if got, want := kinds(results), []string{"ok 7:1", "rejected", "ok 7:2", "ok 7:3"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", caps, got, err, want)
		}
		if len(s.got) != 3 || s.conns != 1 {
			t.Errorf("%s: %d arrived over %d connections", caps, len(s.got), s.conns)
		}
	}
}

func TestAnswersToAnAppendHaveTheirKind(t *testing.T) {
	for answer, want := range map[string]transport.Kind{
		"NO [OVERQUOTA] Quota exceeded (mailbox for user is full)": transport.QuotaExceeded,
		"NO Mailbox is full":                            transport.QuotaExceeded,
		"NO [TOOBIG] Message too large.":                transport.TooLarge,
		"NO message size exceeds fixed maximum":         transport.TooLarge,
		"NO [LIMIT] slow down":                          transport.Throttled,
		"NO [THROTTLED] Account exceeded bandwidth":     transport.Throttled,
		"NO [UNAVAILABLE] backend down":                 transport.Temporary,
		"NO Server busy, try again later":               transport.Temporary,
		"BAD Suggested Backoff Time: 1500 milliseconds": transport.Throttled,
		"NO Message contains bare newlines":             transport.Rejected,
		"BAD Invalid message":                           transport.Rejected,
	} {
		s := &rude{}
		s.hook = func(c *talk, tag, verb, args string) bool {
			if verb == "APPEND" {
				c.literals(args)
				c.say("%s %s", tag, answer)
				return true
			}
			return false
		}
		st := s.open(t)
		_, err := st.Put(t.Context(), inboxFolder, transport.Meta{}, mimeContent("x\r\n"))
		if transport.KindOf(err) != want || !strings.Contains(err.Error(), "INBOX") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: kind %s, %v; want %s", answer, transport.KindOf(err), err, want)
		}
		if _, err := st.Mark(t.Context(), inboxFolder); err != nil || s.conns != 1 {
			t.Errorf("%s: afterwards %v, %d connections", answer, err, s.conns)
		}
	}
}

func TestTryCreateMakesTheFolder(t *testing.T) {
	s := &rude{}
	created := false
	s.hook = func(c *talk, tag, verb, args string) bool {
		switch verb {
		case "CREATE":
			created = true
		case "APPEND":
			if !created {
				c.literals(args)
				c.say("%s NO [TRYCREATE] no such mailbox", tag)
				return true
			}
		}
		return false
	}
	results, err := s.open(t).PutBatch(t.Context(), transport.Folder{Path: []string{"New"}, ID: "New"}, staged("a\r\n", "b\r\n"))
	if err != nil || results[0].Err != nil || results[1].Err != nil || len(s.got) != 2 {
		t.Errorf("%v, %v, %q", results, err, s.got)
	}
}

func TestT50FlagsThatAMailboxDoesNotTakeAreLosses(t *testing.T) {
	s := &rude{}
	var sent string
	s.hook = func(c *talk, tag, verb, args string) bool {
		switch verb {
		case "SELECT":
			c.say(`* FLAGS (\Seen \Flagged $Known)`)
			c.say(`* OK [PERMANENTFLAGS (\Seen \Flagged $Known)] limited`)
		case "APPEND":
			sent = args
		}
		return false
	}
	m := transport.Meta{Flags: transport.Seen | transport.Draft | transport.Forwarded, Keywords: []string{"$known", `\$NOTJUNK`, "other"}}
	r, err := s.open(t).Put(t.Context(), inboxFolder, m, mimeContent("x\r\n"))
	if err != nil || !strings.Contains(sent, `(\Seen $known)`) || len(r.Losses) != 4 {
		t.Errorf("sent %q, losses %v, %v", sent, r.Losses, err)
	}
	// A mailbox that promises more than it keeps.
	s = &rude{}
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb == "SELECT" {
			c.say(`* OK [PERMANENTFLAGS (\Seen \*)] all`)
		}
		if verb == "APPEND" && strings.Contains(args, "other") {
			c.literals(args)
			c.say("%s BAD Invalid keyword", tag)
			return true
		}
		return false
	}
	r, err = s.open(t).Put(t.Context(), inboxFolder, transport.Meta{Flags: transport.Seen, Keywords: []string{"other"}}, mimeContent("x\r\n"))
	if err != nil || len(r.Losses) != 1 || len(s.got) != 1 {
		t.Errorf("losses %v, %v", r.Losses, err)
	}
}

func TestADropWithinABatchIsFoundOutByTheMark(t *testing.T) {
	s := &rude{}
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb == "APPEND" {
			c.literals(args)
			c.Close()
			return true
		}
		return false
	}
	st := s.open(t)
	results, err := st.PutBatch(t.Context(), inboxFolder, staged("a\r\n", "b\r\n"))
	if transport.KindOf(err) != transport.Temporary || results != nil {
		t.Errorf("%v, %v", results, err)
	}
	if mark, err := st.Mark(t.Context(), inboxFolder); err != nil || mark != "7:100" {
		t.Errorf("%q, %v", mark, err)
	}
}

func TestALoginThatIsRefusedShowsNoSecret(t *testing.T) {
	for answer, want := range map[string]transport.Kind{
		"NO [AUTHENTICATIONFAILED] Invalid credentials for ann with secret": transport.Auth,
		"NO wrong":                                    transport.Auth,
		"NO [UNAVAILABLE] Temporary failure":          transport.Temporary,
		"NO [LIMIT] Too many connections":             transport.Throttled,
		"NO User is authenticated but not connected.": transport.Throttled,
	} {
		s := &rude{}
		s.hook = func(c *talk, tag, verb, args string) bool {
			if verb == "LOGIN" {
				c.say("%s %s", tag, answer)
				return true
			}
			return false
		}
		_, err := imap.Driver().Source(t.Context(), address(t, "imap://ann@"+s.start(t)), nil)
		if transport.KindOf(err) != want || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %s, %v", answer, transport.KindOf(err), err)
		}
	}
}

func TestNoDowngrade(t *testing.T) {
	s := &rude{caps: "IMAP4rev1"}
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb == "STARTTLS" {
			c.say("%s BAD unknown command", tag)
			return true
		}
		return false
	}
	_, err := imap.Driver().Source(t.Context(), address(t, "imap://ann@"+s.start(t), "tls", "starttls"), nil)
	if transport.KindOf(err) != transport.Unavailable {
		t.Errorf("STARTTLS stripped: %v", err)
	}
	for _, l := range s.lines {
		if strings.HasPrefix(l, "LOGIN") || strings.HasPrefix(l, "AUTH") {
			t.Errorf("the password crossed: %s", l)
		}
	}
	// Words that were put into the line before TLS began.
	s = &rude{caps: "IMAP4rev1 STARTTLS"}
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb == "STARTTLS" {
			c.raw(tag + " OK begin\r\n* PREAUTH you are mine\r\n")
			return true
		}
		return false
	}
	if _, err := imap.Driver().Source(t.Context(), address(t, "imap://ann@"+s.start(t), "tls", "starttls"), nil); err == nil || !strings.Contains(err.Error(), "middle") {
		t.Errorf("injected: %v", err)
	}
}

func TestManyConnectionsThatAServerRefusesCostTime(t *testing.T) {
	s := &rude{bodies: three()}
	var mu sync.Mutex
	logins := 0
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb != "LOGIN" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if logins++; logins > 1 {
			c.say("%s NO [LIMIT] Maximum number of connections exceeded", tag)
			return true
		}
		return false
	}
	src := s.open(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			got, err := fetchAll(t, src, keysFor(7, 1, 2, 3))
			if err != nil {
				t.Error(err)
			}
			wantBodies(t, s, got, nil)
		})
	}
	wg.Wait()
}

func TestCancelEndsAStall(t *testing.T) {
	s := &rude{bodies: three()}
	s.hook = func(c *talk, tag, verb, args string) bool {
		return verb == "UID FETCH"
	}
	src := s.open(t)
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	start := time.Now()
	for _, err := range src.Fetch(ctx, inboxFolder, keysFor(7, 1), nil) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	}
	if time.Since(start) > 2*time.Second {
		t.Errorf("it took %v", time.Since(start))
	}
}

func TestAppendLimitSparesTheServerWhatItRefuses(t *testing.T) {
	for _, caps := range []string{"IMAP4rev1 LITERAL+ UIDPLUS APPENDLIMIT=100", "IMAP4rev1 LITERAL+ UIDPLUS APPENDLIMIT"} {
		s := &rude{caps: caps}
		s.hook = func(c *talk, tag, verb, args string) bool {
			if verb == "STATUS" && strings.Contains(args, "APPENDLIMIT") {
				c.say("* STATUS INBOX (APPENDLIMIT 100)\r\n%s OK done", tag)
				return true
			}
			return false
		}
		st := s.open(t)
		if n, err := st.MaxSize(t.Context()); n != 100 || err != nil {
			t.Errorf("%s: the limit is %d, %v", caps, n, err)
		}
		results, err := st.PutBatch(t.Context(), inboxFolder, staged("a\r\n", strings.Repeat("b", 101), strings.Repeat("c", 100)))
		if got, want := kinds(results), []string{"ok 7:1", "too-large", "ok 7:2"}; err != nil || !slices.Equal(got, want) || len(s.got) != 2 {
			t.Errorf("%s: %q, %v; %d arrived", caps, got, err, len(s.got))
		}
	}
}

// A server that offers UTF8=ACCEPT and refuses to enable it is spoken to in
// UTF-7.
func TestUTF8ThatIsRefusedIsNotUsed(t *testing.T) {
	for _, answer := range []string{"NO not now", "BAD what", "OK nothing enabled"} {
		s := &rude{caps: "IMAP4rev1 ENABLE UTF8=ACCEPT"}
		created := ""
		s.hook = func(c *talk, tag, verb, args string) bool {
			switch verb {
			case "ENABLE":
				c.say("%s %s", tag, answer)
				return true
			case "CREATE":
				created = args
			}
			return false
		}
		if _, err := s.open(t).Ensure(t.Context(), transport.Folder{Path: []string{"März"}}); err != nil || created != `"M&AOQ-rz"` {
			t.Errorf("%s: created %s, %v", answer, created, err)
		}
	}
}
