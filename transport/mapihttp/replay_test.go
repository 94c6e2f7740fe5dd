package mapihttp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
)

// pick names recordings by their numbers.
func pick(numbers ...string) func(string) bool {
	return func(name string) bool {
		for _, n := range numbers {
			if strings.HasPrefix(name, n+"-") {
				return true
			}
		}
		return false
	}
}

func (r *replay) end(exact int) {
	r.t.Helper()
	if len(r.queue) > 0 {
		r.t.Errorf("%d recorded operations were not asked for, the first is %v of %s", len(r.queue), r.queue[0].request.Body.ROP(), r.queue[0].from)
	}
	if r.exact < exact {
		r.t.Errorf("%d requests and operations had the recorded bytes, want %d", r.exact, exact)
	}
	r.t.Logf("%d requests and operations had the recorded bytes", r.exact)
}

const inbox = "1-D"

// only leaves some kinds of operations.
func (r *replay) only(ids ...rop.ID) {
	var list []operation
	for _, o := range r.queue {
		for _, id := range ids {
			if o.request.Body.ROP() == id {
				list = append(list, o)
			}
		}
	}
	r.queue = list
}

func TestReplayFolders(t *testing.T) {
	r := newReplay(t)
	r.load(pick("005", "008", "010", "011", "012"))
	// The roles that stand on the Inbox are asked for in between; the recording
	// has no such request, so the one of 014 and 020 stands for it.
	r.queue = append(r.queue[:1:1], append(r.of("014", rop.IDOpenFolder, "020", rop.IDGetPropertiesSpecific), r.queue[1:]...)...)
	r.loose[rop.IDSetColumns] = "which columns"
	r.loose[rop.IDQueryRows] = "how many rows"
	r.loose[rop.IDGetPropertiesSpecific] = "which properties"
	st := r.store(Options{})
	names := map[string]transport.Folder{}
	for f, err := range st.Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		names[f.String()] = f
	}
	if f := names["Inbox"]; f.ID != inbox || f.Role != transport.RoleInbox || f.Class != "IPF.Note" {
		t.Errorf("Inbox: %+v", f)
	}
	if len(names) != 19 || names["Sent Items"].Role != transport.RoleSent {
		t.Errorf("%d folders: %v", len(names), names)
	}
	st.Close()
	r.end(6)
}

// of picks operations of recordings by kind: number, kind, number, kind.
func (r *replay) of(args ...any) []operation {
	r.t.Helper()
	var list []operation
	keep := r.queue
	for i := 0; i < len(args); i += 2 {
		r.queue = nil
		r.load(pick(args[i].(string)))
		r.only(args[i+1].(rop.ID))
		list = append(list, r.queue[0])
	}
	r.queue = keep
	return list
}

func TestReplayMessage(t *testing.T) {
	r := newReplay(t)
	r.load(pick("005", "016", "036", "037", "038", "039", "040", "041", "042", "043"))
	r.loose[rop.IDFastTransferSourceGetBuffer] = "how much at once"
	st := r.store(Options{})
	f := transport.Folder{Path: []string{"Inbox"}, ID: inbox}
	n := 0
	for fe, err := range st.Fetch(bg, f, []transport.Key{transport.Key(rop.ObjectID(0x0000030000000001).String())}, nil) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		n++
		m := fe.Content.Object
		if m.Props.Text(mapi.PidTagSubject) != "Täst with parts" && m.Props.Text(mapi.PidTagNormalizedSubject) != "Täst with parts" {
			t.Errorf("subject %q", m.Props.Text(mapi.PidTagSubject))
		}
		if len(m.Recipients) != 4 || len(m.Attachments) != 3 || m.Attachments[2].Embedded == nil {
			t.Errorf("%d recipients, %d attachments", len(m.Recipients), len(m.Attachments))
		}
		fe.Content.Close()
	}
	if n != 1 {
		t.Errorf("%d items", n)
	}
	st.Close()
	r.end(5)
}

func TestReplaySynchronization(t *testing.T) {
	r := newReplay(t)
	r.load(pick("005", "126", "127", "128", "129", "130", "131"))
	r.queue = append(r.queue[:1:1], append(r.of("022", rop.IDGetPropertyIdsFromNames, "022", rop.IDGetPropertyIdsFromNames, "014", rop.IDOpenFolder), r.queue[1:]...)...)
	r.queue = append(r.queue, r.of("016", rop.IDOpenMessage, "020", rop.IDGetPropertiesSpecific)...)
	r.loose[rop.IDGetPropertyIdsFromNames] = "which names"
	r.loose[rop.IDSynchronizationConfigure] = "which properties, how"
	r.loose[rop.IDFastTransferSourceGetBuffer] = "how much at once"
	r.loose[rop.IDOpenMessage] = "what was read since"
	r.loose[rop.IDGetPropertiesSpecific] = "which properties"
	// The state that was uploaded is that of the recording.
	var state syncState
	for _, o := range r.queue {
		switch q := o.request.Body.(type) {
		case *rop.SynchronizationUploadStateStreamBegin:
			state.props = append(state.props, stateProperty{tag: q.StateProperty})
		case *rop.SynchronizationUploadStateStreamContinue:
			p := &state.props[len(state.props)-1]
			p.data = append(p.data, q.Data...)
		}
	}
	st := r.store(Options{})
	c := &transport.Cursor{Token: state.token()}
	gone, changed := 0, 0
	for m, err := range st.Items(bg, transport.Folder{Path: []string{"Inbox"}, ID: inbox}, c) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Gone {
			gone++
		} else {
			changed++
		}
	}
	if gone != 1 || changed == 0 || !c.Delta || c.Token == state.token() || c.Token == "" {
		t.Errorf("%d gone, %d changed, delta %v", gone, changed, c.Delta)
	}
	st.Close()
	// What was read since is only asked for where the stream says so.
	r.queue = nil
	r.end(15)
}

func TestReplayWriting(t *testing.T) {
	r := newReplay(t)
	r.load(pick("005", "107", "108", "111"))
	r.loose[rop.IDFastTransferDestinationPutBuffer] = "the stream"
	r.loose[rop.IDSaveChangesMessage] = "how it stays open"
	st := r.store(Options{})
	var ps mapi.Properties
	ps.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	ps.Set(mapi.PidTagBody, mapi.StringValue(strings.Repeat("text ", 100)))
	obj := &mapi.Message{Props: ps}
	// The recording has no such operation.
	mark := operation{
		from: "none", request: rop.Request{Body: &rop.SetMessageReadFlag{ReadFlags: rop.ClearReadFlag}},
		response: &rop.Response{ID: rop.IDSetMessageReadFlag, Body: &rop.SetMessageReadFlagResult{}},
	}
	r.queue = append(r.queue, mark)
	got, err := st.Put(bg, transport.Folder{Path: []string{"x"}, ID: rop.ObjectID(0x00001d0000000001).String()}, transport.Meta{}, &transport.Content{Form: transport.FormObject, Object: obj})
	if err != nil || got.Ref != transport.Key(rop.ObjectID(0x02001d0000000001).String()) {
		t.Errorf("%+v, %v", got, err)
	}
	st.Close()
	r.end(5)
}

func TestReplayDirectory(t *testing.T) {
	r := newReplay(t)
	r.bodies = map[string][]string{
		"Bind": {"169-nspi-bind"}, "DNToMId": {"171-nspi-dntomid"}, "Unbind": {"175-nspi-unbind"},
	}
	st := r.store(Options{})
	delete(r.bodies, "Connect")
	d := st.Directory()
	r.bodies["GetProps"] = []string{"172-nspi-getprops"}
	r.loose[0] = "GetProps"
	if smtp, err := d.SMTP(bg, recordedDN); err != nil || smtp != "bob@example.test" {
		t.Errorf("%q, %v", smtp, err)
	}
	r.bodies["QueryRows"] = []string{"173-nspi-queryrows"}
	r.loose[0] = "QueryRows"
	n := 0
	for ps, err := range d.Entries(bg) {
		if err != nil {
			t.Fatal(err)
		}
		if ps.Text(mapi.PidTagSmtpAddress) == "" {
			t.Errorf("entry %v", ps)
		}
		n++
	}
	if n != 4 {
		t.Errorf("%d entries", n)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	r.end(3)
}

// TestReplayRefusals reads what the server said where it refused.
func TestReplayRefusals(t *testing.T) {
	r := newReplay(t)
	for _, v := range []struct {
		name string
		lost bool
		code ResponseCode
	}{
		{"164-wrong-requesttype", false, 8}, {"165-expired-cookie", true, 2}, {"166-no-cookie", true, 6}, {"168-execute-after-disconnect", true, 2},
	} {
		text, err := os.ReadFile(filepath.Join(r.dir, v.name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		_, head, _ := strings.Cut(string(text), "== response headers\n")
		head, _, _ = strings.Cut(head, "\n== ")
		resp := &http.Response{Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(r.file(v.name, "response")))}
		for _, line := range strings.Split(head, "\n") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				resp.Header.Add(name, strings.TrimSpace(value))
			}
		}
		_, _, err = readReply(resp)
		if fmt.Sprint(err) != v.code.Error() || contextLost(err) != v.lost {
			t.Errorf("%s: %v, lost %v", v.name, err, contextLost(err))
		}
	}
}

func TestKeys(t *testing.T) {
	if got, err := parseID(inbox); err != nil || got != 0x0d00000000000001 {
		t.Errorf("%X, %v", uint64(got), err)
	}
	for _, bad := range []string{"", "-", "1", "1-", "-D", "10000-D", "1-1000000000000"} {
		if _, err := parseID(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	for _, k := range []kindOfItem{normalItem, associatedItem, deletedItem} {
		id, kind, err := parseKey(keyOf(rop.NewObjectID(1, 77), k))
		if err != nil || id != rop.NewObjectID(1, 77) || kind != k {
			t.Errorf("%v: %v, %v, %v", k, id, kind, err)
		}
	}
}
