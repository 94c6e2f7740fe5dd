package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/fault"
	"github.com/mailconv/mailconv/transport/mem"
)

// Each fault that may pass costs time, not mail.
func TestFaultsThatPass(t *testing.T) {
	throttled := &transport.Error{Kind: transport.Throttled, Op: "test", After: 300 * time.Second, Err: errors.New("slow down")}
	for name, order := range map[string]func(src, sink *fault.Faults){
		"list folders breaks":    func(src, _ *fault.Faults) { src.On("Folders").ResetAfter(1) },
		"listing breaks":         func(src, _ *fault.Faults) { src.On("Items").ResetAfter(2) },
		"fetch breaks":           func(src, _ *fault.Faults) { src.On("Fetch").ResetAfter(3) },
		"fetch breaks thrice":    func(src, _ *fault.Faults) { src.On("Fetch").ResetAfter(0).Repeat(3) },
		"bodies break off":       func(src, _ *fault.Faults) { src.On("Fetch").Short(20) },
		"ensure":                 func(_, sink *fault.Faults) { sink.On("Ensure").ErrorInstead(errOf(transport.Temporary)) },
		"mark":                   func(_, sink *fault.Faults) { sink.On("Mark").ErrorInstead(errOf(transport.Temporary)) },
		"put, nothing there":     func(_, sink *fault.Faults) { sink.On("PutBatch").ErrorInstead(errOf(transport.Temporary)) },
		"put, all there":         func(_, sink *fault.Faults) { sink.On("PutBatch").ErrorAfter(errOf(transport.Temporary)) },
		"put, some there":        func(_, sink *fault.Faults) { sink.On("PutBatch").ResetAfter(2) },
		"put, a short write":     func(_, sink *fault.Faults) { sink.On("PutBatch").Short(10) },
		"put, throttled":         func(_, sink *fault.Faults) { sink.On("PutBatch").ErrorInstead(throttled) },
		"put, and then the list": func(_, sink *fault.Faults) { sink.On("PutBatch").ResetAfter(1); sink.On("Since").ResetAfter(0) },
	} {
		t.Run(name, func(t *testing.T) {
			src, sink := filled(6, mem.Options{OneShot: true}, "A", "B"), mem.New(mem.Options{BatchItems: 4})
			fsrc, fsink := fault.New(), fault.New()
			order(fsrc, fsink)
			e := newEnv(t, fsrc.Source(src), fsink.Sink(sink))
			if r := e.ok(); !r.Complete() || r.Copied+r.Found != 12 {
				t.Errorf("%+v", r)
			}
			if fsrc.Left()+fsink.Left() != 0 {
				t.Error("the fault was not met")
			}
			same(t, name, src, sink)
			waits := 0
			for _, ev := range e.ev {
				if w, ok := ev.(migrate.Waiting); ok {
					waits++
					if name == "put, throttled" && w.For != 300*time.Second {
						t.Errorf("waited %v", w.For)
					}
				}
			}
			if waits == 0 {
				t.Error("nobody was told of the wait")
			}
			if src.Open() != 0 {
				t.Errorf("%d contents left open", src.Open())
			}
		})
	}
}

// Faults that last stop the run, with its state saved; the next run goes on.
func TestFaultsThatStop(t *testing.T) {
	for name, order := range map[string]func(src, sink *fault.Faults){
		"auth": func(_, sink *fault.Faults) {
			sink.On("PutBatch")
			sink.On("PutBatch").ErrorInstead(errOf(transport.Auth))
		},
		"source auth": func(src, _ *fault.Faults) { src.On("Fetch"); src.On("Fetch").ErrorInstead(errOf(transport.Auth)) },
		"unavailable": func(_, sink *fault.Faults) {
			sink.On("PutBatch")
			sink.On("PutBatch").ErrorInstead(errOf(transport.Unavailable))
		},
		"temporary, lasts": func(_, sink *fault.Faults) { sink.On("PutBatch").ErrorInstead(errOf(transport.Temporary)).Repeat(50) },
		"fetch lasts":      func(src, _ *fault.Faults) { src.On("Fetch").ErrorInstead(errOf(transport.Temporary)).Repeat(50) },
		"folders":          func(src, _ *fault.Faults) { src.On("Folders").ErrorInstead(errOf(transport.Unavailable)) },
	} {
		t.Run(name, func(t *testing.T) {
			src, sink := filled(6, mem.Options{}, "A", "B"), mem.New(mem.Options{BatchItems: 4})
			fsrc, fsink := fault.New(), fault.New()
			order(fsrc, fsink)
			e := newEnv(t, fsrc.Source(src), fsink.Sink(sink))
			r, err := e.run()
			if err == nil || r.Outcome != ledger.Stopped || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%+v, %v", r, err)
			}
			if transport.Canceled(err) {
				t.Errorf("the error is that of a bystander: %v", err)
			}
			e.src, e.sink = src, sink
			if r := e.ok(); !r.Complete() {
				t.Errorf("%+v", r)
			}
			same(t, name, src, sink)
		})
	}
}

func TestQuotaStopsAndGoesOn(t *testing.T) {
	src, sink := filled(10, mem.Options{}, "A"), mem.New(mem.Options{BatchItems: 4, Limit: 700})
	e := newEnv(t, src, sink)
	r, err := e.run()
	if transport.KindOf(err) != transport.QuotaExceeded || r.Copied == 0 || r.Copied == 10 {
		t.Fatalf("%+v, %v", r, err)
	}
	e.sink = sink.With(mem.Options{})
	if r := e.ok(); !r.Complete() {
		t.Errorf("%+v", r)
	}
	same(t, "after the quota was raised", src, sink)
}

// picky refuses mails with a word in their body, as a batch or one by one.
type picky struct {
	*mem.Store
	word  string
	whole bool
}

func (p *picky) refuse(c *transport.Content) error {
	r, err := c.MIME.Open(bg)
	if err != nil {
		return err
	}
	defer r.Close()
	b := make([]byte, 1<<16)
	n, _ := r.Read(b)
	if strings.Contains(string(b[:n]), p.word) {
		return &transport.Error{Kind: transport.Rejected, Op: "append", Err: errors.New("message contains " + fmt.Sprintf("%q", p.word))}
	}
	return nil
}

func (p *picky) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	out := make([]transport.Result, len(items))
	for i, it := range items {
		if err := p.refuse(it.Content); err != nil {
			if p.whole {
				return nil, err
			}
			out[i].Err = err
			continue
		}
		r, err := p.Store.PutBatch(ctx, f, []transport.Staged{it})
		if err != nil {
			return nil, err
		}
		out[i] = r[0]
	}
	return out, nil
}

// T56: a bad item is kept aside with its bytes, the run goes on.
func TestT56BadItemIsQuarantined(t *testing.T) {
	for _, whole := range []bool{false, true} {
		src := filled(9, mem.Options{}, "A")
		bad := "Subject: <script>\r\n\r\nEVIL\r\n"
		src.Add([]string{"A"}, transport.Meta{}, bad)
		sink := &picky{mem.New(mem.Options{}), "EVIL", whole}
		e := newEnv(t, src, sink)
		e.o.Quarantine = filepath.Join(t.TempDir(), "q")
		r := e.ok()
		if r.Copied+r.Found != 9 || r.Failed != 1 {
			t.Errorf("whole %v: %+v", whole, r)
		}
		list, _ := filepath.Glob(e.o.Quarantine + "/*.eml")
		if len(list) != 1 {
			t.Fatalf("quarantine: %v", list)
		}
		got, _ := os.ReadFile(list[0])
		note, _ := os.ReadFile(strings.TrimSuffix(list[0], ".eml") + ".txt")
		if string(got) != bad || !strings.Contains(string(note), "reason: rejected") || !strings.Contains(string(note), "EVIL") {
			t.Errorf("%q, %s", got, note)
		}
		// A later run tries again, and a server that changed its mind gets it.
		sink.word = "other"
		if r := e.ok(); r.Copied != 1 || !r.Complete() {
			t.Errorf("%+v", r)
		}
		same(t, "after all", src, sink.Store)
	}
}

func TestFetchErrorsOfOneItem(t *testing.T) {
	src, sink := filled(9, mem.Options{}, "A"), mem.New(mem.Options{})
	fs := fault.New()
	// The sequence breaks for good behind the third item; one by one it works
	// for all but one.
	fs.On("Fetch").BreakAfter(3, errOf(transport.Permanent))
	fs.On("Fetch")
	fs.On("Fetch").BreakAfter(0, errOf(transport.Permanent))
	e := newEnv(t, fs.Source(src), sink)
	if r := e.ok(); r.Copied != 8 || r.Failed != 1 {
		t.Errorf("%+v", r)
	}
	if r := e.ok(); r.Copied != 1 {
		t.Errorf("%+v", r)
	}
	same(t, "after the second run", src, sink)
}

func TestRepairIsRecorded(t *testing.T) {
	src := mem.New(mem.Options{})
	long := strings.Repeat("word ", 300)
	src.Add([]string{"A"}, transport.Meta{}, "Subject: "+long+"\nX: a\x00b\r\n\r\n"+strings.Repeat("y", 2500)+"\rend")
	sink := &picky{mem.New(mem.Options{}), "\x00", false}
	e := newEnv(t, src, sink)
	if r := e.ok(); r.Failed != 1 {
		t.Errorf("%+v", r)
	}
	e.o.Repair = true
	if r := e.ok(); r.Copied != 1 {
		t.Errorf("%+v", r)
	}
	got := strings.SplitN(dump(t, sink.Store)[0], "|", 5)[4]
	for line := range strings.SplitSeq(got, "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("line %q", line)
		}
	}
	if !strings.Contains(got, "X: ab\r\n\r\nyyy") || !strings.HasSuffix(got, "y\r\nend") {
		t.Errorf("%q", got)
	}
	l, _ := ledger.Read(bg, e.path)
	defer l.Close()
	it := e.items()[0]
	notes, _ := l.Notes(bg, it.ID)
	if n := notes[it.ID]; len(n) != 1 || n[0].Reason != "repaired" || it.Put.IsZero() {
		t.Errorf("%+v", n)
	}
	if r := e.ok(); r.Copied != 0 {
		t.Errorf("%+v", r)
	}
}

// T52: a budget of bytes for a day.
func TestT52BytesPerDay(t *testing.T) {
	src, sink := filled(20, mem.Options{}, "A"), mem.New(mem.Options{BatchItems: 2})
	e := newEnv(t, src, sink)
	c := clock.NewFake(time.Now())
	e.o.Clock, e.o.BytesPerDay = c, 600
	if r := e.ok(); !r.Complete() {
		t.Errorf("%+v", r)
	}
	var total time.Duration
	for _, d := range c.Slept() {
		total += d
	}
	// 20 mails of about 110 bytes are four days' worth.
	if total < 48*time.Hour || total > 120*time.Hour {
		t.Errorf("waited %v", total)
	}
	e = newEnv(t, src, mem.New(mem.Options{BatchItems: 2}))
	e.o.MaxBytes = 600
	for runs := 1; ; runs++ {
		_, err := e.run()
		if err == nil {
			if runs < 3 {
				t.Errorf("%d runs", runs)
			}
			break
		}
		if !errors.Is(err, migrate.ErrBudget) || runs > 10 {
			t.Fatal(err)
		}
	}
}

func TestTwoRunsAtOnce(t *testing.T) {
	e := newEnv(t, filled(3, mem.Options{}, "A"), mem.New(mem.Options{}))
	var second error
	e.o.Observer = func(ev migrate.Event) {
		if _, ok := ev.(migrate.RunStarted); ok {
			_, second = ledger.Open(bg, e.path, ledger.Pair{})
		}
	}
	e.ok()
	if !errors.Is(second, ledger.ErrInUse) || strings.Contains(second.Error(), "\n") {
		t.Errorf("%v", second)
	}
}

// What a reader met and a converter lost is in the ledger.
func TestProblemsAndLossesBecomeNotes(t *testing.T) {
	src, sink := filled(1, mem.Options{}, "A"), mem.New(mem.Options{NoKeywords: true, Forms: []transport.Form{transport.FormObject}})
	e := newEnv(t, src, sink)
	if r := e.ok(); r.Failed != 1 {
		t.Errorf("without a converter: %+v", r)
	}
	e.o.Converter = toObject{}
	if r := e.ok(); r.Copied != 1 || r.Severe != 1 || r.Complete() {
		t.Errorf("%+v", r)
	}
	l, _ := ledger.Read(bg, e.path)
	defer l.Close()
	it := e.items()[0]
	notes, _ := l.Notes(bg, it.ID)
	var got []string
	for _, n := range notes[it.ID] {
		got = append(got, fmt.Sprint(n.Kind, " ", n.Name, " ", n.Reason, " ", n.Severe))
	}
	if s := strings.Join(got, "; "); s != "problem body damaged true; loss X-Thing no-property false; loss keyword k store-only false" {
		t.Error(s)
	}
	if it.Put.IsZero() || it.Put == it.Content {
		t.Error("the fingerprint of what was put is missing")
	}
	if r := e.ok(); r.Copied != 0 {
		t.Errorf("%+v", r)
	}
	// The sink holds objects; a lost ledger finds them.
	os.Remove(e.path)
	os.Remove(e.path + "-wal")
	if r := e.ok(); r.Present != 1 || r.Copied != 0 {
		t.Errorf("%+v", r)
	}
}

// toObject is a converter that makes an object of the subject alone.
type toObject struct{}

func (toObject) ToMIME(context.Context, *transport.Content) (*transport.Content, error) {
	return nil, errors.New("not here")
}

func (toObject) ToObject(ctx context.Context, c *transport.Content) (*transport.Content, error) {
	r, err := c.MIME.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := make([]byte, 4096)
	n, _ := r.Read(b)
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagBody, mapi.StringValue(string(b[:n])))
	return &transport.Content{
		Form: transport.FormObject, Object: m,
		Problems: mapi.Problems{{Severe: true, Field: "body", Detail: "half of it", Offset: -1}},
		Losses:   []mapi.Loss{{Item: "X-Thing", Reason: mapi.LossNoProperty}},
	}, nil
}
