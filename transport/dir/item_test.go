package dir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dir"
)

func item(class, subject string) *mapi.Message {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(class))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue(subject))
	m.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(subject))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue("text of "+subject))
	m.Props.SetName(mapi.PidLidAppointmentStartWhole, mapi.TimeValue(time.Date(2024, 2, 3, 9, 0, 0, 0, time.UTC)))
	m.Props.SetName(mapi.PidLidNoteColor, mapi.Int32Value(2))
	return m
}

// A folder of .ics or .vcf files takes what has such a form, each item in a file
// of its own, and hands it over again; for others it has no place.
func TestItemsInFiles(t *testing.T) {
	for format, classes := range map[dir.Format][]string{
		dir.ICS: {"IPM.Appointment", "IPM.Schedule.Meeting.Request", "IPM.Task", "IPM.Activity", "IPM.StickyNote"},
		dir.VCF: {"IPM.Contact", "IPM.DistList"},
	} {
		root := filepath.Join(t.TempDir(), "out")
		s := open(t, root, &dir.Options{Format: format, New: true, NoSync: true})
		for _, class := range []string{"IPM.Note", "IPM.Post", "REPORT.IPM.Note.NDR"} {
			if forms := s.Accepts(transport.Meta{Class: class}); len(forms) != 0 {
				t.Errorf("%s: %s has the forms %v", format, class, forms)
			}
		}
		f, err := s.Ensure(bg, transport.Folder{Path: []string{"Things"}})
		if err != nil {
			t.Fatal(err)
		}
		var keys []transport.Key
		for _, class := range classes {
			m := transport.Meta{Class: class, Subject: class, Keywords: []string{"k"}, Received: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
			if forms := s.Accepts(m); len(forms) != 1 || forms[0] != transport.FormObject {
				t.Errorf("%s: %s has the forms %v", format, class, forms)
			}
			r, err := s.Put(bg, f, m, &transport.Content{Form: transport.FormObject, Object: item(class, class)})
			if err != nil {
				t.Fatalf("%s: %s: %v", format, class, err)
			}
			if !strings.HasSuffix(string(r.Ref), "."+string(format)) {
				t.Errorf("%s: %s went to %s", format, class, r.Ref)
			}
			keys = append(keys, r.Ref)
		}
		if _, err := s.Put(bg, f, transport.Meta{}, &transport.Content{Form: transport.FormObject, Object: item("IPM.Note", "x")}); transport.KindOf(err) != transport.Rejected {
			t.Errorf("%s: a mail: %v", format, err)
		}
		metas := map[transport.Key]transport.Meta{}
		for m, err := range s.Items(bg, f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			metas[m.Key] = m
		}
		n := 0
		for fe, err := range s.Fetch(bg, f, keys, []transport.Form{transport.FormObject}) {
			if err != nil || fe.Err != nil {
				t.Fatal(err, fe.Err)
			}
			class := classes[n]
			n++
			m := metas[fe.Key]
			if m.Class != class || m.Subject != class || len(m.Keywords) != 1 || m.Received.Year() != 2024 {
				t.Errorf("%s: listed as %+v", class, m)
			}
			o := fe.Content.Object
			if o.Class() != class || o.Props.Text(mapi.PidTagSubject) != class || o.Props.Text(mapi.PidTagBody) != "text of "+class || !fe.Content.Partial {
				t.Errorf("%s came back as %s %q", class, o.Class(), o.Props.Text(mapi.PidTagSubject))
			}
			fe.Content.Close()
		}
		if n != len(classes) || len(metas) != len(classes) {
			t.Errorf("%s: %d fetched, %d listed", format, n, len(metas))
		}
	}
}

// A file of several items is no item, one that is damaged is handed over as it
// is, with the error.
func TestOtherItemFiles(t *testing.T) {
	root := t.TempDir()
	event := "BEGIN:VEVENT\nUID:1\nEND:VEVENT\n"
	for name, text := range map[string]string{
		"two.ics":  "BEGIN:VCALENDAR\n" + event + strings.Replace(event, "1", "2", 1) + "END:VCALENDAR\n",
		"none.ics": "nothing",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, root, nil)
	for m, err := range s.Items(bg, transport.Folder{}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if (m.Skip != "") != (m.Key == "two.ics") {
			t.Errorf("%s: skip %q", m.Key, m.Skip)
		}
	}
	for fe, err := range s.Fetch(bg, transport.Folder{}, []transport.Key{"none.ics"}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if transport.KindOf(fe.Err) != transport.Permanent || fe.Content == nil {
			t.Errorf("%v, %v", fe.Content, fe.Err)
		}
	}
}
