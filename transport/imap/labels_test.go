package imap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap"
)

// gmail makes a rude server behave like Gmail: mails exist once, labels show
// them as mailboxes, and a mailbox does not tell its own label.
type gmail struct {
	labels map[int][]string // of each mail, as the server writes them
	uids   map[string][]int // of each mailbox: the mail at UID i+1, 0 for one that is gone
}

// boxes are the mailboxes: raw name, attributes, the label that they show.
var boxes = [][3]string{
	{"INBOX", "", `"\\Inbox"`},
	{"Work", "", "Work"},
	{"M&AOQ-rz", "", "M&AOQ-rz"},
	{"[Gmail]/All Mail", `\All`, ""},
	{"[Gmail]/Sent", `\Sent`, `"\\Sent"`},
	{"[Gmail]/Starred", `\Flagged`, `"\\Starred"`},
	{"[Gmail]/Bin", `\Trash`, `"\\Trash"`},
}

func (g *gmail) update() {
	for _, b := range boxes {
		for id := 1; id <= len(g.labels); id++ {
			shown := slices.Contains(g.labels[id], b[2]) || b[1] == `\All` && !slices.Contains(g.labels[id], `"\\Trash"`)
			at := slices.Index(g.uids[b[0]], id)
			switch {
			case shown && at < 0:
				g.uids[b[0]] = append(g.uids[b[0]], id)
			case !shown && at >= 0:
				g.uids[b[0]][at] = 0
			}
		}
	}
}

func (g *gmail) body(id int) string {
	return fmt.Sprintf("Subject: %d\r\nMessage-ID: <%d@gmail.example>\r\n\r\n%d\r\n", id, id, id)
}

func (g *gmail) start(t *testing.T) string {
	s := &rude{caps: "IMAP4rev1 SPECIAL-USE CONDSTORE X-GM-EXT-1"}
	selected := map[*talk]string{}
	s.hook = func(c *talk, tag, verb, args string) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		live := func() (uids []int) {
			for i, id := range g.uids[selected[c]] {
				if id != 0 {
					uids = append(uids, i+1)
				}
			}
			return uids
		}
		switch verb {
		case "LIST":
			if strings.Contains(args, "*") {
				for _, b := range boxes {
					c.say(`* LIST (%s) "/" %q`, b[1], b[0])
				}
			}
		case "STATUS", "LSUB":
		case "EXAMINE":
			selected[c] = strings.Split(args, `"`)[1]
			c.say("* %d EXISTS\r\n* OK [UIDVALIDITY 5] ok\r\n* OK [UIDNEXT %d] ok\r\n* OK [HIGHESTMODSEQ 9] ok", len(live()), len(g.uids[selected[c]])+1)
		case "FETCH":
			set, _, _ := strings.Cut(args, " ")
			for i, uid := range live() {
				id := g.uids[selected[c]][uid-1]
				labels := slices.Clone(g.labels[id])
				for _, b := range boxes {
					if b[0] == selected[c] {
						labels = slices.DeleteFunc(labels, func(l string) bool { return l == b[2] })
					}
				}
				if inSet(set, i+1) {
					c.say(`* %d FETCH (X-GM-MSGID %d X-GM-LABELS (%s) UID %d FLAGS () INTERNALDATE " 1-Jan-2020 00:00:00 +0000" RFC822.SIZE %d)`,
						i+1, 9000+id, strings.Join(labels, " "), uid, len(g.body(id)))
				}
			}
		case "UID FETCH":
			set, _, _ := strings.Cut(args, " ")
			for i, uid := range live() {
				if id := g.uids[selected[c]][uid-1]; inSet(set, uid) {
					c.raw(fmt.Sprintf("* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", i+1, uid, len(g.body(id)), g.body(id)))
				}
			}
		default:
			return false
		}
		c.say("%s OK done", tag)
		return true
	}
	return s.start(t)
}

func newGmail() *gmail {
	g := &gmail{uids: map[string][]int{}, labels: map[int][]string{
		1: {`"\\Inbox"`, "Work", `"\\Important"`},
		2: {"Work", "M&AOQ-rz", `"\\Starred"`},
		3: {`"\\Sent"`},
		4: {},
		5: {`"\\Trash"`},
		6: {"Work"},
	}}
	g.update()
	return g
}

// placed lists folder, subject and keywords of all that a sink holds.
func placed(t *testing.T, w *wholeRun) (list []string) {
	t.Helper()
	for f, err := range w.sink.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range w.sink.Items(t.Context(), f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, fmt.Sprintf("%s %s %s", f, m.MessageID[1:2], strings.Join(slices.Sorted(slices.Values(m.Keywords)), ",")))
		}
	}
	slices.Sort(list)
	return list
}

func (g *gmail) copyTo(t *testing.T, w *wholeRun, addr string, params ...string) *migrate.Result {
	t.Helper()
	src, err := imap.Driver().Source(t.Context(), address(t, "imap://ann@"+addr, append([]string{"tls", "none"}, params...)...), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	return w.run(t, src)
}

func TestT45AMailInManyLabelsIsCopiedOnce(t *testing.T) {
	g := newGmail()
	addr := g.start(t)
	w := newWholeRun(t)
	r := g.copyTo(t, w, addr)
	want := []string{"INBOX 1 Important,Work", "März 2 Work", "Sent 3 ", "Trash 5 ", "Work 6 ", "[Gmail]/All Mail 4 "}
	if got := placed(t, w); !slices.Equal(got, want) {
		t.Errorf("arrived\n%q, want\n%q", got, want)
	}
	states, why := w.rows(t)
	if r.Copied != 6 || states[ledger.Copied] != 6 || states[ledger.Skipped] != 7 || len(states) != 2 {
		t.Errorf("%+v, rows %v", r, states)
	}
	for _, reason := range why {
		if !strings.Contains(reason, "its copy is that of") {
			t.Errorf("a row says only %q", reason)
		}
	}
	if r := g.copyTo(t, w, addr); r.Copied != 0 || r.Known == 0 {
		t.Errorf("the second run: %+v", r)
	}
	// Labels change: the copies move, and there is still one of each.
	g.labels[1] = []string{"Work"}                // archived
	g.labels[6] = []string{`"\\Inbox"`, "Work"}   // back in the inbox
	g.labels[4] = []string{`"\\Trash"`}           // deleted
	g.labels[2] = append(g.labels[2], `"\\Sent"`) // a copy to oneself
	g.update()
	if r := g.copyTo(t, w, addr); r.Copied != 0 || r.Moved != 4 {
		t.Errorf("after changes: %+v", r)
	}
	want = []string{"INBOX 6 Work", "Sent 2 März,Work", "Sent 3 ", "Trash 4 ", "Trash 5 ", "Work 1 "}
	if got := placed(t, w); !slices.Equal(got, want) {
		t.Errorf("after changes\n%q, want\n%q", got, want)
	}

	// Who wants a copy for each label, gets them.
	w = newWholeRun(t)
	if r := g.copyTo(t, w, addr, "labels", "copies"); r.Copied != 14 {
		t.Errorf("labels=copies: %+v, %q", r, placed(t, w))
	}
	// Only some folders: what they show is copied, wherever its home is.
	w = newWholeRun(t)
	src, err := imap.Driver().Source(t.Context(), address(t, "imap://ann@"+addr+"/Work", "tls", "none"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if r := w.run(t, src); r.Copied != 3 {
		t.Errorf("Work alone: %+v, %q", r, placed(t, w))
	}
	var _ transport.Selector = src.(transport.Selector)
}
