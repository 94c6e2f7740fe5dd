package ews_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
)

// TestEncodedObjectsAreNotTouched: what ExportItems gave goes into UploadItems
// byte for byte.
func TestEncodedObjectsAreNotTouched(t *testing.T) {
	s := serve(t, ewstest.Options{})
	st := open(t, s)
	from, to := ensure(t, st, "From"), ensure(t, st, "To")
	put(t, st, from, transport.Meta{Flags: transport.Seen, Received: arrived}, &transport.Content{Form: transport.FormObject, Object: embedding()})
	export := func(f transport.Folder) (*transport.Content, []byte) {
		for fe, err := range st.Fetch(t.Context(), f, keysOf(t, st, f), []transport.Form{transport.FormObject}) {
			if err != nil || fe.Err != nil {
				t.Fatal(err, fe.Err)
			}
			if fe.Content.Object.Encoded == nil {
				t.Fatal("no encoded form")
			}
			b, err := mapi.ReadBlob(t.Context(), fe.Content.Object.Encoded.Blob, 1<<24)
			if err != nil {
				t.Fatal(err)
			}
			return fe.Content, b
		}
		t.Fatal("nothing there")
		return nil, nil
	}
	c, before := export(from)
	defer c.Close()
	var meta transport.Meta
	for m := range st.Items(t.Context(), from, nil) {
		meta = m
	}
	meta.Token = "a mark that would not fit"
	put(t, st, to, meta, c)
	c2, after := export(to)
	defer c2.Close()
	if !bytes.Equal(before, after) {
		t.Error("the bytes changed on the way")
	}
}

// TestItemsThatAreNoMail go whole where the server takes objects, and by their
// properties where it does not.
func TestItemsThatAreNoMail(t *testing.T) {
	contact := &mapi.Message{}
	contact.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Contact"))
	contact.Props.Set(mapi.PidTagSubject, mapi.StringValue("Ann Example"))
	contact.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("Ann Example"))
	contact.Props.Set(mapi.PidTagGivenName, mapi.StringValue("Ann"))
	contact.Props.Set(mapi.PidTagSurname, mapi.StringValue("Example"))
	contact.Props.Set(mapi.PidTagMobileTelephoneNumber, mapi.StringValue("+49 30 1"))
	contact.Props.Set(mapi.PidTagBirthday, mapi.TimeValue(time.Date(1980, 2, 29, 0, 0, 0, 0, time.UTC)))
	contact.Props.SetName(mapi.PidLidEmail1EmailAddress, mapi.StringValue("ann@x.example"))
	contact.Props.SetName(mapi.PidLidEmail1AddressType, mapi.StringValue("SMTP"))
	contact.Props.SetName(mapi.PidLidFileUnder, mapi.StringValue("Example, Ann"))
	task := &mapi.Message{}
	task.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Task"))
	task.Props.Set(mapi.PidTagSubject, mapi.StringValue("water the plants"))
	task.Props.Set(mapi.PidTagBody, mapi.StringValue("all of them\r\n"))
	task.Props.SetName(mapi.PidLidTaskStatus, mapi.Int32Value(1))
	task.Props.SetName(mapi.PidLidPercentComplete, mapi.Float64Value(0.5))
	task.Props.SetName(mapi.PidLidTaskDueDate, mapi.TimeValue(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)))
	note := &mapi.Message{}
	note.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.StickyNote"))
	note.Props.Set(mapi.PidTagSubject, mapi.StringValue("milk"))
	note.Props.Set(mapi.PidTagBody, mapi.StringValue("milk\r\nbread"))
	note.Props.SetName(mapi.PidLidNoteColor, mapi.Int32Value(3))
	meeting := &mapi.Message{}
	meeting.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Appointment"))
	meeting.Props.Set(mapi.PidTagSubject, mapi.StringValue("lunch"))
	meeting.Props.SetName(mapi.PidLidAppointmentStartWhole, mapi.TimeValue(time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)))
	meeting.Props.SetName(mapi.PidLidAppointmentEndWhole, mapi.TimeValue(time.Date(2026, 1, 2, 13, 0, 0, 0, time.UTC)))
	meeting.Props.SetName(mapi.PidLidLocation, mapi.StringValue("canteen"))
	meeting.Props.SetName(mapi.PidLidBusyStatus, mapi.Int32Value(2))
	for name, without := range map[string][]string{"objects": nil, "properties": {"UploadItems", "ExportItems"}} {
		s := serve(t, ewstest.Options{Without: without})
		st := open(t, s)
		for folder, want := range map[string]*mapi.Message{"Contacts": contact, "Tasks": task, "Notes": note, "Calendar": meeting} {
			f := ensure(t, st, folder)
			if forms := st.Accepts(transport.Meta{Class: want.Class()}); !slices.Contains(forms, transport.FormObject) {
				t.Errorf("%s: %s is accepted as %v", name, folder, forms)
			}
			r := put(t, st, f, transport.Meta{Class: want.Class()}, &transport.Content{Form: transport.FormObject, Object: want})
			if wantRoute := map[string]string{"objects": "upload", "properties": "properties"}[name]; r.Route != wantRoute {
				t.Errorf("%s: %s went by %q", name, folder, r.Route)
			}
			for fe, err := range st.Fetch(t.Context(), f, keysOf(t, st, f), []transport.Form{transport.FormMIME, transport.FormObject}) {
				if err != nil || fe.Err != nil {
					t.Fatal(name, folder, err, fe.Err)
				}
				if fe.Content.Form != transport.FormObject {
					t.Errorf("%s: %s comes as %s", name, folder, fe.Content.Form)
					continue
				}
				for _, d := range mapitest.DiffProperties(want.Props, fe.Content.Object.Props) {
					if !strings.HasSuffix(d, "only in the second") {
						t.Errorf("%s: %s: %s", name, folder, d)
					}
				}
				fe.Content.Close()
			}
		}
		if n := len(s.Mailboxes().Outbox()); n != 0 {
			t.Errorf("%d messages were sent", n)
		}
	}
}

// TestMarksOfItemsThatAreNoMail: they have no read state, and a change that says
// nothing is no error.
func TestMarksOfItemsThatAreNoMail(t *testing.T) {
	s := serve(t, ewstest.Options{})
	st := open(t, s)
	contact := &mapi.Message{}
	contact.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Contact"))
	contact.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("Ann"))
	f := ensure(t, st, "Contacts")
	r := put(t, st, f, transport.Meta{Class: "IPM.Contact"}, &transport.Content{Form: transport.FormObject, Object: contact})
	for _, c := range []transport.FlagChange{{Ref: r.Ref}, {Ref: r.Ref, Keywords: []string{"red"}}, {Ref: r.Ref, Flags: transport.Seen, Keywords: []string{"red"}}, {Ref: r.Ref, Flags: transport.Flagged}} {
		if errs := st.SetFlags(t.Context(), f, []transport.FlagChange{c}); errs[0] != nil {
			t.Errorf("%+v: %v", c, errs[0])
		}
	}
	for m, err := range st.Items(t.Context(), f, nil) {
		if err != nil || !m.Flags.Has(transport.Flagged) || len(m.Keywords) != 0 {
			t.Errorf("%+v, %v", m, err)
		}
	}
}
