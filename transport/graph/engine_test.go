package graph_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
	"github.com/mailconv/mailconv/transport/graph"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/itemprops"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/retry"
)

// thorough says that tests take their time, as where the samples are.
var thorough = os.Getenv("MAILCONV_CORPUS") != ""

// The test's own program is the process that gets killed: it does one step of
// work that its environment names.
func TestMain(m *testing.M) {
	if work := os.Getenv("GRAPH_TEST_WORK"); work != "" {
		if err := child(work); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(work string) error {
	ctx := context.Background()
	a, err := transport.ParseAddress(os.Getenv("GRAPH_TEST_ADDRESS"))
	if err != nil {
		return err
	}
	env := &transport.Env{
		Convert: &converters.Converter{},
		Secret:  func(context.Context, transport.Address) (string, error) { return os.Getenv("GRAPH_TEST_TOKEN"), nil },
	}
	switch work {
	case "copy":
		src, err := mixed(ctx, killedItems)
		if err != nil {
			return err
		}
		sink, err := graph.Driver().Sink(ctx, a, env)
		if err != nil {
			return err
		}
		l, err := ledger.Open(ctx, os.Getenv("GRAPH_TEST_LEDGER"), ledger.Pair{Source: "mem:mixed", Sink: a.String()})
		if err != nil {
			return err
		}
		defer l.Close()
		fmt.Println("ready")
		r, err := migrate.Run(ctx, src, sink, l, migrate.Options{Converter: &converters.Converter{}, Retry: retry.Policy{First: time.Millisecond, Max: 20 * time.Millisecond}})
		if err != nil {
			return err
		}
		if !r.Complete() {
			return fmt.Errorf("%+v", r)
		}
		return nil
	case "large":
		return large(ctx, a, env)
	}
	return errors.New("no such work")
}

// command runs the child.
func command(t *testing.T, s *graphtest.Server, work string, a transport.Address, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), append(env, "GRAPH_TEST_WORK="+work, "GRAPH_TEST_ADDRESS="+a.String(), "GRAPH_TEST_TOKEN="+s.Token("zoe@"+s.Tenant()))...)
	return cmd
}

// mixed is a store of n items of all kinds, always the same.
func mixed(ctx context.Context, n int) (*mem.Store, error) {
	st := mem.New(mem.Options{Forms: []transport.Form{transport.FormObject}})
	folders := []transport.Folder{
		{Path: []string{"Inbox"}, Role: transport.RoleInbox},
		{Path: []string{"Projects", "Łódź"}},
		{Path: []string{"Calendar"}, Role: transport.RoleCalendar, Class: "IPF.Appointment"},
		{Path: []string{"Contacts"}, Role: transport.RoleContacts, Class: "IPF.Contact"},
		{Path: []string{"Tasks"}, Role: transport.RoleTasks, Class: "IPF.Task"},
	}
	for i := range folders {
		f, err := st.Ensure(ctx, folders[i])
		if err != nil {
			return nil, err
		}
		folders[i] = f
	}
	day := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
	for i := range n {
		m, f := mailOf(i), folders[i%2]
		meta := transport.Meta{Received: day.Add(time.Duration(i) * time.Hour), Flags: []transport.Flags{0, transport.Seen, transport.Seen | transport.Flagged, transport.Seen | transport.Answered}[i%4]}
		switch i % 10 {
		case 5:
			m, f = eventOf(i, day), folders[2]
		case 6:
			m, f = contactOf(i), folders[3]
		case 7:
			m, f = taskOf(i, day), folders[4]
		}
		if i%10 >= 5 && i%10 <= 7 {
			meta = transport.Meta{}
		}
		meta.Class, meta.Subject = m.Class(), m.Props.Text(mapi.PidTagSubject)
		if i%7 == 0 {
			meta.Keywords = []string{"Red Category"}
		}
		// The item says itself what the listing says of it.
		itemprops.Apply(&m.Props, meta)
		if _, err := st.PutBatch(ctx, f, []transport.Staged{{Meta: meta, Content: &transport.Content{Form: transport.FormObject, Object: m}}}); err != nil {
			return nil, err
		}
	}
	return st, nil
}

func text(s string) mapi.Value { return mapi.StringValue(s) }

func mailOf(i int) *mapi.Message {
	m := &mapi.Message{}
	p := &m.Props
	p.Set(mapi.PidTagMessageClass, text("IPM.Note"))
	p.Set(mapi.PidTagSubject, text(fmt.Sprintf("mail %d, Grüße", i)))
	p.Set(mapi.PidTagInternetMessageId, text(fmt.Sprintf("<mail.%d@mixed.example>", i)))
	p.Set(mapi.PidTagSentRepresentingName, text("Ann"))
	p.Set(mapi.PidTagSentRepresentingAddressType, text("SMTP"))
	p.Set(mapi.PidTagSentRepresentingEmailAddress, text("ann@mixed.example"))
	p.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(time.Date(2021, 3, 4, 5, 0, i%60, 0, time.UTC)))
	if i%3 == 0 {
		p.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte(fmt.Sprintf("<html><body><p>Grüße %d</p></body></html>", i))))
		p.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(65001))
	} else {
		p.Set(mapi.PidTagBody, text(fmt.Sprintf("line one of %d\r\nline two\r\n", i)))
	}
	if i%4 == 0 {
		p.Set(mapi.PidTagReadReceiptRequested, mapi.BoolValue(true))
	}
	r := &mapi.Recipient{}
	r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(mapi.RecipientTo))
	r.Props.Set(mapi.PidTagDisplayName, text("Ben"))
	r.Props.Set(mapi.PidTagAddressType, text("SMTP"))
	r.Props.Set(mapi.PidTagEmailAddress, text("ben@mixed.example"))
	m.Recipients = append(m.Recipients, r)
	size := 0
	switch {
	case i%5 == 0:
		size = 2000
	case i%150 == 1:
		size = 4 << 20
	}
	if size > 0 {
		a := &mapi.Attachment{}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		a.Props.Set(mapi.PidTagAttachLongFilename, text(fmt.Sprintf("data %d.bin", i)))
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, pattern(size)))
		m.Attachments = append(m.Attachments, a)
	}
	if i%20 == 3 {
		a := &mapi.Attachment{Embedded: mailOf(i + 100_001)}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachEmbedded))
		m.Attachments = append(m.Attachments, a)
	}
	return m
}

func eventOf(i int, day time.Time) *mapi.Message {
	m := &mapi.Message{}
	p := &m.Props
	p.Set(mapi.PidTagMessageClass, text("IPM.Appointment"))
	p.Set(mapi.PidTagSubject, text(fmt.Sprintf("event %d", i)))
	p.Set(mapi.PidTagBody, text("agenda"))
	p.SetName(mapi.PidLidAppointmentStartWhole, mapi.TimeValue(day.Add(time.Duration(i)*time.Hour)))
	p.SetName(mapi.PidLidAppointmentEndWhole, mapi.TimeValue(day.Add(time.Duration(i+1)*time.Hour)))
	p.SetName(mapi.PidLidBusyStatus, mapi.Int32Value(2))
	p.SetName(mapi.PidLidLocation, text("Room 1"))
	if i%20 == 5 {
		p.SetName(mapi.PidLidAppointmentStateFlags, mapi.Int32Value(1))
		m.Recipients = mailOf(1).Recipients
	}
	return m
}

func contactOf(i int) *mapi.Message {
	m := &mapi.Message{}
	p := &m.Props
	p.Set(mapi.PidTagMessageClass, text("IPM.Contact"))
	p.Set(mapi.PidTagSubject, text(fmt.Sprintf("Person %d", i)))
	p.Set(mapi.PidTagDisplayName, text(fmt.Sprintf("Person %d", i)))
	p.Set(mapi.PidTagSurname, text(fmt.Sprintf("Number %d", i)))
	p.SetName(mapi.PidLidEmail1EmailAddress, text(fmt.Sprintf("person.%d@mixed.example", i)))
	p.SetName(mapi.PidLidEmail1AddressType, text("SMTP"))
	return m
}

func taskOf(i int, day time.Time) *mapi.Message {
	m := &mapi.Message{}
	p := &m.Props
	p.Set(mapi.PidTagMessageClass, text("IPM.Task"))
	p.Set(mapi.PidTagSubject, text(fmt.Sprintf("task %d", i)))
	p.SetName(mapi.PidLidTaskStatus, mapi.Int32Value(1))
	p.SetName(mapi.PidLidTaskDueDate, mapi.TimeValue(day))
	return m
}

// pattern is content that is made when it is read.
type pattern int

func (p pattern) Size() int64 { return int64(p) }

func (p pattern) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(&numbers{r: rand.NewPCG(1, uint64(p))}, int64(p))), nil
}

// numbers gives the same bytes however they are read.
type numbers struct {
	r    *rand.PCG
	rest []byte
}

func (n *numbers) Read(b []byte) (int, error) {
	for i := 0; i < len(b); {
		if len(n.rest) == 0 {
			n.rest = binary.LittleEndian.AppendUint64(n.rest[:0], n.r.Uint64())
		}
		k := copy(b[i:], n.rest)
		i, n.rest = i+k, n.rest[k:]
	}
	return len(b), nil
}

// subjects counts what a store holds, by folder and subject.
func subjects(t *testing.T, src transport.Source) map[string]int {
	t.Helper()
	out := map[string]int{}
	for f, err := range src.Folders(t.Context()) {
		if err != nil || f.Err != nil {
			t.Fatal(err, f.Err)
		}
		for m, err := range src.Items(t.Context(), f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			out[f.Name()+": "+m.Subject]++
		}
	}
	return out
}

// same holds the mailbox to what was in the source, each once.
func same(t *testing.T, s *graphtest.Server, n int) {
	t.Helper()
	src, err := mixed(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	want, got := subjects(t, src), subjects(t, open(t, s))
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%q is there %d times, not %d", k, got[k], n)
		}
	}
	if len(got) != len(want) {
		for k := range got {
			if want[k] == 0 {
				t.Errorf("%q was not in the source", k)
			}
		}
	}
	if out := s.Outbox(); len(out) > 0 {
		t.Errorf("%d mails were sent", len(out))
	}
}

func copyAll(t *testing.T, src transport.Source, sink transport.Sink, state string) *migrate.Result {
	t.Helper()
	l, err := ledger.Open(t.Context(), state, ledger.Pair{Source: "mem:mixed", Sink: "graph"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := migrate.Run(t.Context(), src, sink, l, migrate.Options{
		Observer: func(e migrate.Event) {
			if e, ok := e.(migrate.ItemDone); ok && e.State == ledger.Failed {
				t.Logf("%+v", e)
			}
		},
		Converter: &converters.Converter{}, Retry: retry.Policy{Attempts: 20, First: time.Millisecond, Max: 5 * time.Millisecond},
	})
	if err != nil {
		t.Fatalf("%v (%+v)", err, r)
	}
	return r
}

// 1,000 items of all kinds arrive once each, whatever goes wrong at whichever
// call, and a second run has nothing to do.
func TestFaultsAtEveryCallCostNothing(t *testing.T) {
	t.Parallel()
	n := 200
	if thorough {
		n = 1000
	}
	for _, route := range []string{"import", "json"} {
		t.Run(route, func(t *testing.T) {
			s := start(t, graphtest.Options{Limits: wide})
			for _, call := range graphtest.Calls() {
				if call == "token" || call == "devicecode" || call == "authorize" {
					continue
				}
				for i, f := range []graphtest.Fault{
					{Status: 503},
					{Drop: true},
					{Lose: true},
					{Status: 429, Code: "ApplicationThrottled"},
					{Cut: 15},
					{Garbage: true},
					{Status: 500, Code: "ErrorInternalServerError"},
					{Status: 504},
					{Status: 409, Code: "ErrorIrresolvableConflict"},
				} {
					f.Call, f.Nth = call, 1+2*i
					s.Inject(f)
				}
			}
			src, err := mixed(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			state := filepath.Join(t.TempDir(), "state")
			r := copyAll(t, src, open(t, s, "route", route), state)
			if !r.Complete() {
				t.Errorf("%+v", r)
			}
			struck := s.Struck()
			s.ClearFaults()
			if struck < 40 && thorough {
				t.Errorf("only %d faults were met", struck)
			}
			same(t, s, n)
			if r = copyAll(t, src, open(t, s, "route", route), state); r.Copied != 0 || !r.Complete() {
				t.Errorf("the second run: %+v", r)
			}
			t.Logf("%d faults, %d requests", struck, s.Count())
		})
	}
}

// killedItems is how many items the killed copies have to bring over.
const killedItems = 1000

// Killed again and again: nothing is lost, nothing is there twice. Field case
// T58, here for Graph.
func TestKilledAndResumed(t *testing.T) {
	t.Parallel()
	most := 3
	if thorough {
		most = 12
	}
	for _, route := range []string{"import", "json"} {
		t.Run(route, func(t *testing.T) {
			s := start(t, graphtest.Options{Limits: wide})
			state := filepath.Join(t.TempDir(), "state")
			kills := 0
			rnd := rand.New(rand.NewPCG(7, 7))
			for run := 0; ; run++ {
				if run == 200 {
					t.Fatal("it does not come to an end")
				}
				cmd := command(t, s, "copy", address(s, "route", route), "GRAPH_TEST_LEDGER="+state)
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				lines := bufio.NewScanner(out)
				lines.Scan()
				if lines.Text() == "ready" && kills < most {
					time.Sleep(time.Duration(20+rnd.IntN(160)) * time.Millisecond)
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
			same(t, s, killedItems)
			t.Logf("killed %d times", kills)
		})
	}
}
