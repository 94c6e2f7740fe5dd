package migrate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

func verify(t *testing.T, src transport.Source, sink any, o *migrate.VerifyOptions) *migrate.VerifyResult {
	t.Helper()
	r, err := migrate.Verify(bg, src, sink, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func reasons(r *migrate.VerifyResult) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%s(%s)", f.Reason, f.Detail))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestVerifyAfterACopy(t *testing.T) {
	src, sink := filled(30, mem.Options{OneShot: true}, "Inbox", "A/B"), mem.New(mem.Options{OneShot: true})
	for range 3 {
		src.Add([]string{"Inbox"}, transport.Meta{}, mail(1))
	}
	e := newEnv(t, src, sink)
	e.ok()
	for _, withLedger := range []bool{true, false} {
		o := &migrate.VerifyOptions{}
		if withLedger {
			l, err := ledger.Read(bg, e.path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			o.Ledger = l
		}
		r := verify(t, src, sink, o)
		if !r.Exact() || r.Same != 63 || r.Source != 63 || r.Sink != 63 || r.Level != migrate.LevelBytes || withLedger != (r.ByLedger == 63) {
			t.Errorf("ledger %v: %+v", withLedger, r)
		}
		if src.Open()+sink.Open() != 0 {
			t.Errorf("contents left open: %d, %d", src.Open(), sink.Open())
		}
	}
}

func TestVerifySaysWhatIsDifferent(t *testing.T) {
	head := "Message-ID: <%s@x>\r\nSubject: s\r\n"
	for name, c := range map[string]struct{ src, sink, want string }{
		"missing":   {head + "\r\nx", "", "missing()"},
		"extra":     {"", head + "\r\nx", "extra(<extra@x>)"},
		"truncated": {head + "\r\nlong body", head + "\r\nlong", "truncated(45 of 50 bytes)"},
		"line-ends": {head + "\r\na\r\nb\r\n", head + "\r\na\nb\n", "line-ends(47 and 45 bytes)"},
		"header":    {head + "\r\nx", "X-Spam: no\r\n" + strings.Replace(head, "s\r\n", "t\r\n", 1) + "\r\nx", "header(Subject changed, X-Spam added)"},
		"body":      {head + "\r\none", head + "\r\ntwo", "body(from byte 36 on; 39 and 39 bytes)"},
	} {
		src, sink := filled(2, mem.Options{}, "A"), filled(2, mem.Options{}, "A")
		if c.src != "" {
			src.Add([]string{"A"}, transport.Meta{}, fmt.Sprintf(c.src, name))
		}
		if c.sink != "" {
			sink.Add([]string{"A"}, transport.Meta{}, fmt.Sprintf(c.sink, name))
		}
		r := verify(t, src, sink, nil)
		if got := reasons(r); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if r.Clean() != (name == "extra") || r.Exact() || r.Same != 2 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestVerifyTellsDatesOfArrival(t *testing.T) {
	src, sink := mem.New(mem.Options{}), mem.New(mem.Options{})
	src.Add([]string{"A"}, transport.Meta{Received: time.Unix(1600000000, 5e8)}, mail(1))
	sink.Add([]string{"A"}, transport.Meta{Received: time.Unix(1600000000, 0)}, mail(1))
	if r := verify(t, src, sink, nil); !r.Exact() || len(r.Findings) != 0 {
		t.Errorf("%+v", r)
	}
	src.Add([]string{"A"}, transport.Meta{Received: time.Unix(1600000000, 0)}, mail(2))
	sink.Add([]string{"A"}, transport.Meta{Received: time.Unix(1700000000, 0)}, mail(2))
	r := verify(t, src, sink, nil)
	if got := reasons(r); !r.Exact() || r.Same != 2 || got != "received(2020-09-13T12:26:40Z and 2023-11-14T22:13:20Z)" {
		t.Errorf("%s %+v", got, r)
	}
}

// A twin that is missing is found, though an identical mail is there.
func TestVerifyCountsTwins(t *testing.T) {
	src, sink := mem.New(mem.Options{}), mem.New(mem.Options{})
	for i := range 5 {
		src.Add([]string{"A"}, transport.Meta{}, mail(1))
		if i < 3 {
			sink.Add([]string{"A"}, transport.Meta{}, mail(1))
		}
	}
	if r := verify(t, src, sink, nil); r.Reasons[migrate.ReasonMissing] != 2 || r.Same != 3 {
		t.Errorf("%+v", r)
	}
	if r := verify(t, sink, src, nil); r.Reasons[migrate.ReasonExtra] != 2 || !r.Clean() {
		t.Errorf("%+v", r)
	}
}

func object(body string, more ...func(*mapi.Message)) *transport.Content {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagInternetMessageId, mapi.StringValue("<o@x>"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("s"))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue(body))
	for _, fn := range more {
		fn(m)
	}
	return &transport.Content{Form: transport.FormObject, Object: m}
}

func put(t *testing.T, s *mem.Store, c *transport.Content) {
	t.Helper()
	f, err := s.Ensure(bg, folder("A"))
	if err == nil {
		_, err = s.Put(bg, f, transport.Meta{}, c)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerifyProperties(t *testing.T) {
	attach := func(data string) func(*mapi.Message) {
		return func(m *mapi.Message) {
			a := &mapi.Attachment{}
			a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte(data)))
			m.Attachments = append(m.Attachments, a)
		}
	}
	rcpt := func(name string) func(*mapi.Message) {
		return func(m *mapi.Message) {
			r := &mapi.Recipient{}
			r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
			m.Recipients = append(m.Recipients, r)
		}
	}
	size := func(m *mapi.Message) { m.Props.Set(mapi.PidTagMessageSize, mapi.Int32Value(7)) }
	string8 := func(m *mapi.Message) {
		m.Props.Set(mapi.PidTagSubject, mapi.RawValue(mapi.TypeString8, []byte("s\x00")))
	}
	importance := func(m *mapi.Message) { m.Props.Set(mapi.PidTagImportance, mapi.Int32Value(2)) }
	for name, c := range map[string]struct {
		a, b *transport.Content
		want string
	}{
		"same":             {object("b", rcpt("x"), rcpt("y")), object("b", rcpt("y"), rcpt("x")), ""},
		"assigned":         {object("b"), object("b", size), ""},
		"string types":     {object("b"), object("b", string8), ""},
		"property changed": {object("b"), object("c"), "property(PidTagBody changed)"},
		"property missing": {object("b", importance), object("b"), "property(PidTagImportance missing)"},
		"recipients":       {object("b", rcpt("x")), object("b", rcpt("y")), "recipients(recipient 1: PidTagDisplayName changed)"},
		"attachment":       {object("b", attach("1")), object("b", attach("2")), "attachment(attachment 1: PidTagAttachDataBinary changed)"},
		"attachments":      {object("b", attach("1")), object("b"), "attachment(1 and 0 attachments)"},
	} {
		src, sink := mem.New(mem.Options{}), mem.New(mem.Options{})
		put(t, src, c.a)
		put(t, sink, c.b)
		r := verify(t, src, sink, nil)
		if got := reasons(r); got != c.want || r.Level != migrate.LevelProperties {
			t.Errorf("%s: %s (%s), want %s", name, got, r.Level, c.want)
		}
	}
}

// fields is a Contenter over subject, id and body.
type fields struct{}

func (fields) Meaning(ctx context.Context, c *transport.Content) (*migrate.Meaning, error) {
	m := &migrate.Meaning{}
	var text string
	if c.Object != nil {
		p := c.Object.Props
		m.MessageID, m.Subject, text = p.Text(mapi.PidTagInternetMessageId), p.Text(mapi.PidTagSubject), p.Text(mapi.PidTagBody)
	} else {
		b, err := mapi.ReadBlob(ctx, c.MIME, 1<<20)
		if err != nil {
			return nil, err
		}
		head, body, _ := strings.Cut(string(b), "\r\n\r\n")
		for line := range strings.SplitSeq(head, "\r\n") {
			name, value, _ := strings.Cut(line, ": ")
			switch name {
			case "Message-ID":
				m.MessageID = value
			case "Subject":
				m.Subject = value
			}
		}
		text = body
	}
	var err error
	m.Words, err = migrate.Words(strings.NewReader(text))
	return m, err
}

func TestVerifyContentAcrossForms(t *testing.T) {
	for name, c := range map[string]struct{ mail, want string }{
		"same":       {"Message-ID: <o@x>\r\nSubject: s\r\n\r\nHello,\r\n  world!\r\n", ""},
		"text":       {"Message-ID: <o@x>\r\nSubject: s\r\n\r\nHello, moon\r\n", "text()"},
		"subject":    {"Message-ID: <o@x>\r\nSubject: t\r\n\r\nHello world\r\n", `subject("s" and "t")`},
		"message id": {"Subject: s\r\n\r\nHello world\r\n", `extra() missing()`},
	} {
		src, sink := mem.New(mem.Options{}), mem.New(mem.Options{})
		put(t, src, object("Hello world"))
		sink.Add([]string{"A"}, transport.Meta{}, c.mail)
		r := verify(t, src, sink, &migrate.VerifyOptions{Run: migrate.Options{Contenter: fields{}}})
		if got := reasons(r); got != c.want {
			t.Errorf("%s: %s, want %s (%+v)", name, got, c.want, r)
		}
		if name == "same" {
			if r.Level != migrate.LevelContent {
				t.Errorf("level %s", r.Level)
			}
			r = verify(t, src, sink, &migrate.VerifyOptions{Level: migrate.LevelBytes, Run: migrate.Options{Contenter: fields{}}})
			if r.Reasons[migrate.ReasonLevel] != 1 {
				t.Errorf("bytes of different forms: %+v", r)
			}
		}
	}
}

func TestVerifyKnowsWhatTheLedgerExcuses(t *testing.T) {
	src := filled(5, mem.Options{}, "A")
	src.Add([]string{"A"}, transport.Meta{}, "Subject: x\r\n\r\nEVIL\r\n")
	src.Add([]string{"A"}, transport.Meta{}, "Subject: x\r\n\r\na\x00b\r\n")
	sink := &picky{mem.New(mem.Options{}), "EVIL", false}
	e := newEnv(t, src, sink)
	e.ok()
	l, _ := ledger.Read(bg, e.path)
	r := verify(t, src, sink, &migrate.VerifyOptions{Ledger: l})
	l.Close()
	if r.Clean() || r.Reasons[migrate.ReasonFailed] != 1 || r.Same != 6 {
		t.Errorf("%+v", r)
	}
}

func TestVerifyRefusesWhatItCannotDo(t *testing.T) {
	s := mem.New(mem.Options{})
	if _, err := migrate.Verify(bg, s, struct{}{}, nil); transport.KindOf(err) != transport.Usage {
		t.Error(err)
	}
	if _, err := migrate.Verify(bg, s, s, &migrate.VerifyOptions{Level: "all"}); transport.KindOf(err) != transport.Usage {
		t.Error(err)
	}
}

// The list of reasons is closed, and its documentation complete.
func TestReasonsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "doc", "verify.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "## Reasons")
	for _, r := range migrate.Reasons {
		if !strings.Contains(table, "\n| `"+string(r)+"` |") {
			t.Errorf("doc/verify.md does not have %q", r)
		}
	}
	if n := strings.Count(table, "\n| `"); n != len(migrate.Reasons) {
		t.Errorf("doc/verify.md has %d reasons, the code %d", n, len(migrate.Reasons))
	}
}
