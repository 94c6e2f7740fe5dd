package mapihttp_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
	"github.com/mailconv/mailconv/transport/mapihttp"
	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/objecttest"
)

// note makes a small message.
func note(subject string, more ...mapi.Property) *mapi.Message {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue(subject))
	for _, p := range more {
		m.Props.Set(p.Tag, p.Value)
	}
	return m
}

func put(t testing.TB, st *mapihttp.Store, f transport.Folder, m transport.Meta, o *mapi.Message) transport.Receipt {
	t.Helper()
	r, err := st.Put(bg, f, m, &transport.Content{Form: transport.FormObject, Object: o})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ensure(t testing.TB, st *mapihttp.Store, path ...string) transport.Folder {
	t.Helper()
	f, err := st.Ensure(bg, transport.Folder{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// subjects lists a folder.
func subjects(t testing.TB, st *mapihttp.Store, f transport.Folder) (list []string) {
	t.Helper()
	for m, err := range st.Items(bg, f, nil) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m.Subject)
	}
	slices.Sort(list)
	return list
}

func TestAssociatedAndDeletedItems(t *testing.T) {
	s, box := serve(t, mapihttptest.Options{})
	st := open(t, address(s), nil)
	f := ensure(t, st, "Box")
	put(t, st, f, transport.Meta{}, note("normal"))
	hidden := put(t, st, f, transport.Meta{}, note("hidden", mapi.Property{Tag: mapi.PidTagMessageFlags, Value: mapi.Int32Value(0x40)}))
	gone := put(t, st, f, transport.Meta{}, note("gone"))
	for _, it := range box.Folders(0, true) {
		list, err := box.Items(it.ID, mailbox.All)
		if err != nil {
			continue
		}
		for _, m := range list {
			if m.Message.Props.Text(mapi.PidTagSubject) == "gone" && it.Name == "Box" {
				if err := box.Delete(m.ID, mailbox.Soft); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if got := subjects(t, st, f); !slices.Equal(got, []string{"normal"}) {
		t.Errorf("by default %q", got)
	}
	all := open(t, address(s, "associated", "1", "deleted", "1"), nil)
	if got := subjects(t, all, f); !slices.Equal(got, []string{"gone", "hidden", "normal"}) {
		t.Errorf("all %q", got)
	}
	_ = gone
	var keys []transport.Key
	c := &transport.Cursor{}
	for m, err := range all.Items(bg, f, c) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, m.Key)
	}
	if c.Token != "" || c.Delta {
		t.Errorf("a listing that is whole has the cursor %+v", c)
	}
	if !slices.Contains(keys, hidden.Ref) {
		t.Errorf("%v are listed, %s was put", keys, hidden.Ref)
	}
	n := 0
	for fe, err := range all.Fetch(bg, f, keys, nil) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		fe.Content.Close()
		n++
	}
	if n != 3 {
		t.Errorf("%d bodies", n)
	}
}

func TestSharedMailbox(t *testing.T) {
	s, ann := serve(t, mapihttptest.Options{})
	ben := s.Mailboxes().Add(mailbox.Account{Address: "ben@example.org", Name: "Ben", Password: "other"})
	ben.Grant(ann, 0, mailbox.FullAccess)
	st := open(t, address(s, "mailbox", "ben@example.org"), nil)
	put(t, st, ensure(t, st, "Shared"), transport.Meta{Flags: transport.Seen}, note("for both"))
	found := false
	for f, err := range ben.Store(mailbox.StoreOptions{}).Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		found = found || f.String() == "Shared" && f.Count == 1
	}
	if !found {
		t.Error("the message is not in the mailbox of Ben")
	}
}

func TestSearch(t *testing.T) {
	s, _ := serve(t, mapihttptest.Options{})
	st := open(t, address(s), nil)
	f := ensure(t, st, "Box")
	sender := func(name string) mapi.Property {
		return mapi.Property{Tag: mapi.PidTagSenderName, Value: mapi.StringValue(name)}
	}
	day := func(d int) transport.Meta {
		return transport.Meta{Received: time.Date(2024, 5, d, 12, 0, 0, 0, time.UTC)}
	}
	put(t, st, f, day(1), note("Quarterly report", sender("Zoe")))
	put(t, st, f, day(2), note("Lunch", sender("Ann"), mapi.Property{Tag: mapi.PidTagBody, Value: mapi.StringValue("bring the report")}))
	read := day(3)
	read.Flags = transport.Seen
	put(t, st, f, read, note("holiday pictures", sender("Zoe")))
	for query, want := range map[string]string{
		"report": "Lunch,Quarterly report", "subject:REPORT": "Quarterly report", "from:zoe": "Quarterly report,holiday pictures",
		"from:zoe is:unread": "Quarterly report", "is:read": "holiday pictures", "since:2024-05-02": "Lunch,holiday pictures",
		"before:2024-05-02": "Quarterly report", `subject:"holiday pictures"`: "holiday pictures", "class:ipm.note": "Lunch,Quarterly report,holiday pictures",
		"has:attachment": "",
	} {
		var got []string
		for m, err := range st.Search(bg, f, query) {
			if err != nil {
				t.Fatal(query, err)
			}
			got = append(got, m.Subject)
		}
		slices.Sort(got)
		if strings.Join(got, ",") != want {
			t.Errorf("%s finds %q, not %q", query, got, want)
		}
	}
	for _, bad := range []string{"", "since:yesterday", "colour:blue", "subject:", "is:new"} {
		for _, err := range st.Search(bg, f, bad) {
			if transport.KindOf(err) != transport.Usage {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
}

func TestWatch(t *testing.T) {
	s, _ := serve(t, mapihttptest.Options{NotificationWait: 300 * time.Millisecond})
	st := open(t, address(s, "poll", "200ms"), nil)
	a, b := ensure(t, st, "A"), ensure(t, st, "B")
	ctx, cancel := context.WithTimeout(bg, 20*time.Second)
	defer cancel()
	told := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		var last error
		for f, err := range st.Watch(ctx, []transport.Folder{a, b}) {
			if err != nil {
				last = err
				break
			}
			told <- f.String()
		}
		done <- last
	}()
	// One that was put before the watch stands may or may not be told.
	deadline := time.After(15 * time.Second)
	for _, f := range []transport.Folder{b, a} {
		seen := false
		for !seen {
			put(t, st, f, transport.Meta{}, note("news"))
			select {
			case name := <-told:
				seen = name == f.String()
			case <-time.After(100 * time.Millisecond):
			case <-deadline:
				t.Fatalf("nobody told of %s", f)
			}
		}
	}
	// A session that is lost is begun again, and what happened in between is
	// seen.
	s.Inject("NotificationWait", 1, 1, mapihttptest.Fault{Kind: mapihttptest.Expire})
	for seen := false; !seen; {
		put(t, st, b, transport.Meta{}, note("more"))
		select {
		case name := <-told:
			seen = name == "B"
		case <-time.After(100 * time.Millisecond):
		case <-deadline:
			t.Fatal("nobody told of B after the session was lost")
		}
	}
	cancel()
	if err := <-done; err != nil && !transport.Canceled(err) {
		t.Error(err)
	}
}

// TestImportKeepsWhatAMessageIs: change key and time of modification live.
func TestImportKeepsWhatAMessageIs(t *testing.T) {
	s, _ := serve(t, mapihttptest.Options{})
	st := open(t, address(s, "import", "ics"), nil)
	f := ensure(t, st, "Box")
	at := time.Date(2019, 4, 17, 18, 40, 0, 0, time.UTC)
	change := append(bytes.Repeat([]byte{7}, 16), 1, 2, 3, 4, 5, 6)
	o := note("imported", mapi.Property{Tag: mapi.PidTagLastModificationTime, Value: mapi.TimeValue(at)}, mapi.Property{Tag: mapi.PidTagChangeKey, Value: mapi.BinaryValue(change)})
	o.Attachments = []*mapi.Attachment{{Props: mapi.Properties{
		{Tag: mapi.PidTagAttachMethod, Value: mapi.Int32Value(mapi.AttachByValue)},
		{Tag: mapi.PidTagAttachDataBinary, Value: mapi.BinaryValue(bytes.Repeat([]byte("data "), 20000))},
	}}}
	one := put(t, st, f, transport.Meta{}, o)
	two := put(t, st, f, transport.Meta{}, o)
	if one.Ref == two.Ref || one.Route != "ics" {
		t.Errorf("%+v, %+v", one, two)
	}
	for fe, err := range st.Fetch(bg, f, []transport.Key{one.Ref, two.Ref}, nil) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		m := fe.Content.Object
		if got := m.Props.Bytes(mapi.PidTagChangeKey); !bytes.Equal(got, change) {
			t.Errorf("change key %x", got)
		}
		if got := m.Props.Time(mapi.PidTagLastModificationTime); !got.Equal(at) {
			t.Errorf("modified %v", got)
		}
		if len(m.Attachments) != 1 || m.Attachments[0].Data().Size() != 100000 {
			t.Errorf("attachments %v", m.Attachments)
		}
		fe.Content.Close()
	}
}

func TestObjects(t *testing.T) {
	s, _ := serve(t, mapihttptest.Options{})
	st := open(t, address(s), nil)
	f := ensure(t, st, "Box")
	m, err := st.NewMessage(bg, f)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a long text ", 20000)
	colour := mapi.Name{Set: mapi.PSPublicStrings, Name: "colour"}
	ps := note("made by hand").Props
	ps.Set(mapi.PidTagBody, mapi.StringValue(long))
	ps.SetName(colour, mapi.StringValue("blue"))
	if err := m.Set(bg, ps); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, 1<<18)
	var file mapi.Properties
	file.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("large.bin"))
	if err := m.AddAttachment(bg, mapi.Bytes(large), file); err != nil {
		t.Fatal(err)
	}
	to := &mapi.Recipient{}
	to.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(mapi.RecipientCc))
	to.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("Bén"))
	to.Props.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
	to.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue("ben@example.org"))
	if err := m.SetRecipients(bg, []*mapi.Recipient{to}); err != nil {
		t.Fatal(err)
	}
	key, err := m.Save(bg)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := m.Set(bg, ps); err == nil {
		t.Error("a closed message was changed")
	}

	if m, err = st.OpenMessage(bg, f, key); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	got, err := m.Properties(bg)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := got.Get(mapi.PidTagBody)
	r, err := v.OpenText(bg)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	r.Close()
	if err != nil || string(text) != long || got.NameText(colour) != "blue" {
		t.Errorf("%d bytes of text, colour %q, %v", len(text), got.NameText(colour), err)
	}
	list, err := m.Attachments(bg)
	if err != nil || len(list) != 1 || list[0].Text(mapi.PidTagAttachLongFilename) != "large.bin" {
		t.Fatalf("attachments %v, %v", list, err)
	}
	number, _ := list[0].Int(mapi.PidTagAttachNumber)
	a, err := m.Attachment(bg, int(number))
	if err != nil {
		t.Fatal(err)
	}
	data, _ := a.Get(mapi.PidTagAttachDataBinary)
	rc, err := data.Blob().Open(bg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(rc)
	rc.Close()
	if err != nil || !bytes.Equal(b, large) {
		t.Errorf("%d bytes of %d, %v", len(b), len(large), err)
	}
	var drop mapi.Properties
	drop.SetName(colour, mapi.StringValue(""))
	if err := m.Delete(bg, drop); err != nil {
		t.Error(err)
	}
	if err := m.RemoveAttachment(bg, int(number)); err != nil {
		t.Error(err)
	}
	if _, err := m.Save(bg); err != nil {
		t.Error(err)
	}
	for fe, err := range st.Fetch(bg, f, []transport.Key{key}, nil) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		o := fe.Content.Object
		if _, ok := o.Props.GetName(colour); ok || len(o.Attachments) != 0 {
			t.Errorf("the colour is there: %v; %d attachments", ok, len(o.Attachments))
		}
		if len(o.Recipients) != 1 || o.Recipients[0].Type() != mapi.RecipientCc || o.Recipients[0].Props.Text(mapi.PidTagDisplayName) != "Bén" {
			t.Errorf("recipients %+v", o.Recipients)
		}
		fe.Content.Close()
	}
	fo, err := st.OpenFolder(bg, f)
	if err != nil {
		t.Fatal(err)
	}
	defer fo.Close()
	if err := fo.Set(bg, mapi.Properties{{Tag: mapi.PidTagComment, Value: mapi.StringValue("a box")}}); err != nil {
		t.Error(err)
	}
	if ps, err := fo.Properties(bg, mapi.PidTagComment, mapi.PidTagDisplayName); err != nil || ps.Text(mapi.PidTagComment) != "a box" || ps.Text(mapi.PidTagDisplayName) != "Box" {
		t.Errorf("%v, %v", ps, err)
	}
	if _, err := st.OpenMessage(bg, f, "1-FFFFFF"); transport.KindOf(err) != transport.NotFound {
		t.Errorf("a message that is not there: %v", err)
	}
}

// TestOLEObjects: a message with everything, storages too, comes back.
func TestOLEObjects(t *testing.T) {
	s, _ := serve(t, mapihttptest.Options{})
	st := open(t, address(s), nil)
	f := ensure(t, st, "Box")
	want := mapitest.Sample()
	r := put(t, st, f, itemprops.Meta(want.Props), want)
	for _, l := range r.Losses {
		t.Logf("loss: %+v", l)
	}
	for fe, err := range st.Fetch(bg, f, []transport.Key{r.Ref}, nil) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		got := fe.Content.Object
		mapitest.Number(want)
		mapitest.Number(got)
		// The root of a compound file has a name that the sample leaves out.
		for _, a := range got.Attachments {
			if a.Storage != nil && a.Storage.Name == "Root Entry" {
				a.Storage.Name = ""
			}
		}
		for _, d := range mapitest.Diff(want, got) {
			if !objecttest.Added("PidTagMessageFlags")(d) && !strings.Contains(d, "PtypErrorCode") {
				t.Error(d)
			}
		}
		fe.Content.Close()
	}
}

// TestAnswersThatDoNotFit: many messages are asked for at once, and are larger
// than those before them.
func TestAnswersThatDoNotFit(t *testing.T) {
	for _, size := range []int{3000, 9000, 20000, 31000, 70000} {
		s, _ := serve(t, mapihttptest.Options{})
		st := open(t, address(s), nil)
		f := ensure(t, st, "Box")
		var keys []transport.Key
		want := map[transport.Key]int{}
		for i := range 80 {
			n := 10
			if i >= 40 {
				n = size + 97*i
			}
			r := put(t, st, f, transport.Meta{}, note("x", mapi.Property{Tag: mapi.PidTagRtfCompressed, Value: mapi.BinaryValue(make([]byte, n))}))
			keys = append(keys, r.Ref)
			want[r.Ref] = n
		}
		for fe, err := range st.Fetch(bg, f, keys, nil) {
			if err != nil || fe.Err != nil {
				t.Fatal(size, err, fe.Err)
			}
			v, _ := fe.Content.Object.Props.Get(mapi.PidTagRtfCompressed)
			if v.Size() != int64(want[fe.Key]) {
				t.Errorf("%d bytes of %d", v.Size(), want[fe.Key])
			}
			delete(want, fe.Key)
			fe.Content.Close()
		}
		if len(want) > 0 {
			t.Errorf("%d did not come", len(want))
		}
	}
}

func TestDirectory(t *testing.T) {
	s, _ := serve(t, mapihttptest.Options{})
	s.Mailboxes().Add(mailbox.Account{Address: "ben@example.org", Name: "Ben", Password: "x"})
	st := open(t, address(s), nil)
	d := st.Directory()
	defer d.Close()
	ps, err := d.Resolve(bg, "ben@example.org")
	if err != nil {
		t.Fatal(err)
	}
	dn := ps.Text(mapi.PidTagEmailAddress)
	if smtp, ok := st.ResolveEX(dn); !ok || smtp != "ben@example.org" {
		t.Errorf("%s is %q, %v", dn, smtp, ok)
	}
	before := s.Requests("DNToMId")
	if smtp, ok := st.ResolveEX(strings.ToUpper(dn)); !ok || smtp != "ben@example.org" || s.Requests("DNToMId") != before {
		t.Errorf("asked again: %q, %v", smtp, ok)
	}
	if _, ok := st.ResolveEX("/o=x/cn=nobody"); ok {
		t.Error("a name that is not there has an address")
	}
	if _, err := d.Resolve(bg, "nobody@example.org"); transport.KindOf(err) != transport.NotFound {
		t.Errorf("nobody: %v", err)
	}
	n := 0
	for _, err := range d.Entries(bg) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d entries", n)
	}
}
