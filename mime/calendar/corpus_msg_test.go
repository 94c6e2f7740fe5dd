package calendar_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	. "github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/msg"
)

// items calls f for every message of the collection that has a form in
// iCalendar.
func items(t *testing.T, f func(name string, m *mapi.Message)) {
	dir := corpus(t)
	for _, kind := range []string{"msg", "oft"} {
		err := filepath.WalkDir(filepath.Join(dir, kind), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			r, err := msg.Open(path, nil)
			if err != nil {
				return nil // not a .msg, or a damaged one: msg's tests tell
			}
			defer r.Close()
			if _, ok := Part(r.Message); ok {
				name, _ := filepath.Rel(dir, path)
				f(name, r.Message)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// archived calls f for every item of the archives of the collection that has a
// form in iCalendar.
func archived(t *testing.T, f func(name string, m *mapi.Message)) {
	dir := corpus(t)
	err := filepath.WalkDir(filepath.Join(dir, "pst"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := pst.Open(path, nil)
		if err != nil {
			return nil // mapi/pst's tests tell
		}
		defer file.Close()
		name, _ := filepath.Rel(dir, path)
		for folder := range file.Folders() {
			for e, err := range file.Items(folder.NID, pst.Contents) {
				if err != nil {
					break
				}
				if _, ok := Part(&mapi.Message{Props: mapi.Properties{{Tag: mapi.PidTagMessageClass, Value: mapi.StringValue(e.Class)}}}); !ok {
					continue
				}
				if m, _, err := file.Item(context.Background(), e.NID); err == nil {
					f(fmt.Sprintf("%s#%X", name, uint32(e.NID)), m)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func written(t *testing.T, m *mapi.Message, opt *ExportOptions) ([]byte, *ExportReport) {
	t.Helper()
	var b bytes.Buffer
	r, err := Export(context.Background(), &b, []*mapi.Message{m}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), r
}

// Every appointment, meeting, task and journal entry of the collection comes
// back from iCalendar with all properties that are carried; the others are
// listed.
func TestCorpusItemsComeBack(t *testing.T) {
	n := 0
	both := func(t *testing.T, f func(string, *mapi.Message)) { items(t, f); archived(t, f) }
	both(t, func(name string, m *mapi.Message) {
		n++
		b, report := written(t, m, &ExportOptions{Losses: true})
		for _, p := range report.Problems {
			if p.Severe {
				t.Errorf("%s: %v", name, p)
			}
		}
		if dump := os.Getenv("MAILCONV_DUMP"); dump != "" {
			os.MkdirAll(dump, 0o755)
			os.WriteFile(filepath.Join(dump, filepath.Base(name)+".ics"), b, 0o644)
		}
		list, _, err := Import(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %d messages, %v", name, len(list), err)
		}
		back := list[0]
		component := map[bool]string{true: "VEVENT"}[strings.Contains(string(b), "BEGIN:VEVENT")]
		if component == "" {
			component = "VTODO"
			if strings.Contains(string(b), "BEGIN:VJOURNAL") {
				component = "VJOURNAL"
			}
		}
		lost := make(map[string]bool)
		for _, l := range report.Losses {
			lost[l.Item] = true
		}
		for i := range m.Props {
			p := &m.Props[i]
			if !Carried(component, p) {
				if !lost[p.String()] {
					t.Errorf("%s: %s is neither carried nor listed", name, p)
				}
				continue
			}
			if d := differs(p, m, back); d != "" {
				t.Errorf("%s: %s: %s", name, p, d)
			}
		}
		people := func(m *mapi.Message) (list []string) {
			for _, r := range m.Recipients {
				if f, ok := r.Props.Int(mapi.PidTagRecipientFlags); ok && f&2 != 0 {
					continue // the organizer
				}
				s, _ := r.Props.Int(mapi.PidTagRecipientTrackStatus)
				addr := r.Props.Text(mapi.PidTagSmtpAddress)
				if addr == "" {
					addr = r.Props.Text(mapi.PidTagEmailAddress)
				}
				if s == 5 {
					s = 0
				}
				list = append(list, fmt.Sprint(r.Type(), r.Props.Text(mapi.PidTagDisplayName), " ", strings.ToLower(addr), s))
			}
			sort.Strings(list)
			return list
		}
		if a, b := fmt.Sprintf("%q", people(m)), fmt.Sprintf("%q", people(back)); a != b {
			t.Errorf("%s: recipients %s, were %s", name, b, a)
		}
		if !equalOccurrences(m, back) {
			t.Errorf("%s: the series takes place at other times", name)
		}
	})
	t.Logf("%d items", n)
}

// differs compares a property by what it means.
func differs(p *mapi.Property, m, back *mapi.Message) string {
	var got mapi.Value
	var ok bool
	if p.Name != nil {
		got, ok = back.Props.GetName(*p.Name)
	} else {
		var q mapi.Property
		q, ok = back.Props.GetID(p.Tag.ID())
		got = q.Value
	}
	want := p.Value
	name := p.String()
	switch name {
	case "PidTagSenderEntryId", "PidTagSentRepresentingEntryId", "PidTagSenderSearchKey", "PidTagSentRepresentingSearchKey", "PidTagSubjectPrefix", "PidTagInternetCodepage",
		"PidTagDisplayTo", "PidTagDisplayCc", "PidTagDisplayBcc", "PidTagHasAttachments", "PidTagResponseRequested":
		return "" // computed, in another form
	case "PidLidAppointmentRecur", "PidLidTimeZoneStruct", "PidLidAppointmentTimeZoneDefinitionRecur":
		return "" // by what they give
	case "PidLidAppointmentTimeZoneDefinitionStartDisplay", "PidLidAppointmentTimeZoneDefinitionEndDisplay":
		a, _, err := timezone.ParseDefinition(want.Raw())
		b, _, err2 := timezone.ParseDefinition(got.Raw())
		if err != nil {
			return ""
		}
		at := m.Props.NameTime(mapi.PidLidAppointmentStartWhole)
		if err2 != nil || a.Offset(at) != b.Offset(at) {
			return "another offset"
		}
		return ""
	}
	if name == "PidLidIntendedBusyStatus" || name == "PidLidReminderDelta" || name == "PidLidTaskComplete" {
		// "None", "the user's default", and a status that says otherwise.
		if n, _ := want.Int(); n == -1 || n == 0x5AE980E1 || name == "PidLidTaskComplete" && n == 0 {
			return ""
		}
	}
	switch name {
	case "PidLidClipEnd", "PidLidReminderTime", "PidLidCommonEnd":
		// Of single items these follow from start and end.
		if _, series := m.Props.GetName(mapi.PidLidAppointmentRecur); !series {
			return ""
		}
	}
	if strings.HasPrefix(name, "PidLidTask") && want.Type() == mapi.TypeTime {
		t, _ := want.Time()
		u, _ := got.Time()
		if t.Format("20060102") == u.Format("20060102") {
			return "" // a day
		}
	}
	if strings.HasSuffix(name, "AddressType") && m.Props.Text(p.Tag.WithType(mapi.TypeString)+0x10000) == "" {
		return "" // of no address
	}
	if t, isTime := want.Time(); want.Type() == mapi.TypeTime {
		if !isTime {
			return ""
		}
		u, _ := got.Time()
		if u.Sub(t).Abs() < time.Second {
			return ""
		}
		return fmt.Sprintf("%v, was %v", u, t)
	}
	if want.Size() == 0 && !ok || name == "PidNameKeywords" && !want.Type().IsString() {
		return ""
	}
	if n, isInt := want.Int(); isInt {
		if g, _ := got.Int(); g != n {
			return fmt.Sprintf("%d, was %d", g, n)
		}
		return ""
	}
	norm := func(s string) string {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
		return strings.TrimRight(s, "\x00")
	}
	if name == "PidTagBodyHtml" {
		if norm(want.Text()) != norm(string(content(got))) {
			return "another text"
		}
		return ""
	}
	if want.Type().IsString() {
		a, b := want.Texts(), got.Texts()
		if norm(strings.Join(a, "|")) != norm(strings.Join(b, "|")) {
			return fmt.Sprintf("%.80q, was %.80q", b, a)
		}
		return ""
	}
	if name == "PidLidCleanGlobalObjectId" {
		// Made of the other one, which here and there is another altogether.
		g, _ := m.Props.GetName(mapi.PidLidGlobalObjectId)
		if len(g.Raw()) != len(want.Raw()) || !bytes.Equal(g.Raw()[20:], want.Raw()[20:]) {
			return ""
		}
	}
	a, b := content(want), content(got)
	if name == "PidTagHtml" { // line ends are LF in a TEXT
		a, b = bytes.ReplaceAll(a, []byte("\r\n"), []byte("\n")), bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	}
	if !bytes.Equal(a, b) {
		return fmt.Sprintf("%x, was %x", b[:min(len(b), 90)], a[:min(len(a), 90)])
	}
	return ""
}

func content(v mapi.Value) []byte {
	r, err := v.Blob().Open(context.Background())
	if err != nil {
		return nil
	}
	defer r.Close()
	b, _ := io.ReadAll(r)
	return b
}

func equalOccurrences(a, b *mapi.Message) bool {
	list := func(m *mapi.Message) (out []string) {
		v, ok := m.Props.GetName(mapi.PidLidAppointmentRecur)
		if !ok {
			return nil
		}
		r, _, err := recurrence.Parse(v.Raw())
		if err != nil {
			return []string{err.Error()}
		}
		for o := range r.Occurrences() {
			if len(out) == 4000 {
				break
			}
			s := fmt.Sprint(o.Start, o.End, o.Original)
			if o.Exception != nil {
				s += o.Exception.Subject + o.Exception.Location
			}
			out = append(out, s)
		}
		return out
	}
	return fmt.Sprint(list(a)) == fmt.Sprint(list(b))
}

// Recurrence blobs of the collection are written byte for byte as they were
// read.
func TestCorpusBlobsComeBack(t *testing.T) {
	n := 0
	items(t, func(name string, m *mapi.Message) {
		if v, ok := m.Props.GetName(mapi.PidLidAppointmentRecur); ok && len(v.Raw()) > 0 {
			n++
			r, problems, err := recurrence.Parse(v.Raw())
			if err != nil || len(problems) > 0 {
				t.Errorf("%s: %v %v", name, err, problems)
				return
			}
			if !bytes.Equal(recurrence.Append(nil, r), v.Raw()) {
				t.Errorf("%s: the recurrence does not come back", name)
			}
			q := r.Pattern
			q.Complete()
			if q.FirstDateTime != r.FirstDateTime || q.EndDate != r.EndDate || q.OccurrenceCount != r.OccurrenceCount {
				t.Errorf("%s: computed %d %v %d, Outlook has %d %v %d", name, q.FirstDateTime, q.EndDate.Time(), q.OccurrenceCount, r.FirstDateTime, r.EndDate.Time(), r.OccurrenceCount)
			}
		}
		for _, id := range []mapi.Name{mapi.PidLidAppointmentTimeZoneDefinitionRecur, mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay} {
			if v, ok := m.Props.GetName(id); ok {
				n++
				d, problems, err := timezone.ParseDefinition(v.Raw())
				if err != nil || len(problems) > 0 {
					t.Errorf("%s: %v %v", name, err, problems)
				} else if !bytes.Equal(timezone.AppendDefinition(nil, d), v.Raw()) {
					t.Errorf("%s: %v does not come back\n%x\n%x", name, id, v.Raw(), timezone.AppendDefinition(nil, d))
				}
			}
		}
		if v, ok := m.Props.GetName(mapi.PidLidTimeZoneStruct); ok {
			n++
			r, err := timezone.ParseStruct(v.Raw())
			if err != nil || !bytes.Equal(timezone.AppendStruct(nil, r), v.Raw()) {
				t.Errorf("%s: the zone does not come back: %v", name, err)
			}
		}
	})
	t.Logf("%d values", n)
}
