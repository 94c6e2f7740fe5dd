package calendar_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	. "github.com/mailconv/mailconv/mime/calendar"
)

// event is a calendar around the lines of one VEVENT.
func event(method string, lines ...string) string {
	s := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n"
	if method != "" {
		s += "METHOD:" + method + "\r\n"
	}
	return s + "BEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// series has a weekly meeting in New York, one occurrence of which is left out
// and one of which is moved, with attendees and an alarm.
const series = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Team\r\nBEGIN:VEVENT\r\nUID:weekly@example.com\r\nDTSTAMP:20260101T000000Z\r\n" +
	"DTSTART;TZID=America/New_York:20260302T090000\r\nDTEND;TZID=America/New_York:20260302T100000\r\nSUMMARY:Stand-up\r\nLOCATION:Room 1\r\n" +
	"RRULE:FREQ=WEEKLY;COUNT=6;BYDAY=MO\r\nEXDATE;TZID=America/New_York:20260309T090000\r\nCATEGORIES:Work,Team\\, inner\r\n" +
	"ORGANIZER;CN=Olga:mailto:olga@example.com\r\nATTENDEE;CN=Anna;PARTSTAT=ACCEPTED;RSVP=TRUE;X-NUM-GUESTS=2:mailto:anna@example.com\r\n" +
	"ATTENDEE;CN=Ben;ROLE=OPT-PARTICIPANT;PARTSTAT=DECLINED:mailto:ben@example.com\r\nATTENDEE;CUTYPE=ROOM;CN=Room 1:mailto:room1@example.com\r\n" +
	"X-EXAMPLE-COLOR;KIND=warm:red\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:REMINDER\r\nTRIGGER;RELATED=START:-PT10M\r\nEND:VALARM\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:weekly@example.com\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID=America/New_York:20260316T090000\r\n" +
	"DTSTART;TZID=America/New_York:20260317T110000\r\nDTEND;TZID=America/New_York:20260317T113000\r\nSUMMARY:Stand-up\\, late\r\n" +
	"ORGANIZER;CN=Olga:mailto:olga@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func read(t *testing.T, s string, opt *ImportOptions) ([]*mapi.Message, *ImportReport) {
	t.Helper()
	list, r, err := Import(context.Background(), strings.NewReader(s), int64(len(s)), opt)
	if err != nil {
		t.Fatal(err)
	}
	return list, r
}

func write(t *testing.T, list []*mapi.Message, opt *ExportOptions) string {
	t.Helper()
	var b bytes.Buffer
	r, err := Export(context.Background(), &b, list, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) > 0 {
		t.Error(r.Problems)
	}
	return strings.ReplaceAll(b.String(), "\r\n ", "")
}

func TestSeries(t *testing.T) {
	list, _ := read(t, series, nil)
	if len(list) != 1 {
		t.Fatalf("%d messages", len(list))
	}
	m := list[0]
	if m.Class() != "IPM.Appointment" || m.Props.Text(mapi.PidTagSubject) != "Stand-up" || m.Props.NameText(mapi.PidLidLocation) != "Room 1" {
		t.Error(m.Class(), m.Props.Text(mapi.PidTagSubject))
	}
	if got := m.Props.NameTime(mapi.PidLidAppointmentStartWhole); !got.Equal(time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)) {
		t.Error(got)
	}
	v, _ := m.Props.GetName(mapi.PidLidAppointmentRecur)
	r, problems, err := recurrence.Parse(v.Raw())
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	var starts []string
	for o := range r.Occurrences() {
		starts = append(starts, o.Start.Time().Format("01-02T15:04"))
	}
	if want := []string{"03-02T09:00", "03-17T11:00", "03-23T09:00", "03-30T09:00", "04-06T09:00"}; !slices.Equal(starts, want) {
		t.Errorf("%v, want %v", starts, want)
	}
	if e := r.Exceptions[0]; e.Subject != "Stand-up, late" || e.Override&recurrence.OverrideLocation == 0 || e.Location != "" {
		t.Errorf("%+v", e)
	}
	if len(m.Attachments) != 1 || m.Attachments[0].Embedded == nil {
		t.Error("the exception has no attachment")
	}
	// Organizer's row, then the three.
	var kinds []string
	for _, r := range m.Recipients {
		s, _ := r.Props.Int(mapi.PidTagRecipientTrackStatus)
		kinds = append(kinds, fmt.Sprint(r.Props.Text(mapi.PidTagDisplayName), r.Type(), s))
	}
	if want := []string{"Olga1 0", "Anna1 3", "Ben2 4", "Room 13 0"}; fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("%q", kinds)
	}
	if d, _ := timezone.IANA("Eastern Standard Time"); d != "America/New_York" {
		t.Error(d)
	}
	v, _ = m.Props.GetName(mapi.PidLidAppointmentTimeZoneDefinitionRecur)
	if d, _, err := timezone.ParseDefinition(v.Raw()); err != nil || d.KeyName != "Eastern Standard Time" {
		t.Error(d.KeyName, err)
	}

	out := write(t, list, nil)
	for _, want := range []string{
		"UID:weekly@example.com", "RRULE:FREQ=WEEKLY;COUNT=6;BYDAY=MO\r\n", "EXDATE;TZID=America/New_York:20260309T090000",
		"RECURRENCE-ID;TZID=America/New_York:20260316T090000", "DTSTART;TZID=America/New_York:20260317T110000", "SUMMARY:Stand-up\\, late",
		"X-EXAMPLE-COLOR;KIND=warm:red", "X-NUM-GUESTS=2", "CUTYPE=ROOM", "CATEGORIES:Work,Team\\, inner", "X-WR-CALNAME:Team", "TRIGGER;RELATED=START:-PT10M",
		"ORGANIZER;CN=Olga:mailto:olga@example.com", "BEGIN:VTIMEZONE\r\nTZID:America/New_York",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not written:\n%s", want, out)
		}
	}
	if n := strings.Count(out, "X-EXAMPLE-COLOR"); n != 1 {
		t.Errorf("the exception has what only the series had (%d)", n)
	}
}

func TestClassesAndMethods(t *testing.T) {
	base := []string{"UID:a", "DTSTAMP:20260101T000000Z", "DTSTART:20260102T100000Z", "DTEND:20260102T110000Z", "ORGANIZER:mailto:o@example.com"}
	for _, c := range []struct{ method, partstat, class, back string }{
		{"", "", "IPM.Appointment", "PUBLISH"},
		{"PUBLISH", "", "IPM.Appointment", "PUBLISH"},
		{"REQUEST", "NEEDS-ACTION", "IPM.Schedule.Meeting.Request", "REQUEST"},
		{"CANCEL", "", "IPM.Schedule.Meeting.Canceled", "CANCEL"},
		{"REPLY", "ACCEPTED", "IPM.Schedule.Meeting.Resp.Pos", "REPLY"},
		{"REPLY", "DECLINED", "IPM.Schedule.Meeting.Resp.Neg", "REPLY"},
		{"REPLY", "TENTATIVE", "IPM.Schedule.Meeting.Resp.Tent", "REPLY"},
		{"COUNTER", "TENTATIVE", "IPM.Schedule.Meeting.Resp.Tent", "COUNTER"},
	} {
		lines := base
		if c.partstat != "" {
			lines = append(slices.Clip(base), "ATTENDEE;PARTSTAT="+c.partstat+":mailto:a@example.com")
		}
		list, _ := read(t, event(c.method, lines...), nil)
		m := list[0]
		if m.Class() != c.class {
			t.Errorf("%s: class %s, want %s", c.method, m.Class(), c.class)
		}
		if got, ok := Part(m); !ok || got != c.back {
			t.Errorf("%s: Part gives %s, %v", c.method, got, ok)
		}
		out := write(t, list, nil)
		for _, want := range []string{"METHOD:" + c.back, "ORGANIZER:mailto:o@example.com"} {
			want = strings.Replace(want, "ORGANIZER:", "ORGANIZER", 1)
			if strings.HasPrefix(want, "ORGANIZER") {
				want = "mailto:o@example.com"
			}
			if !strings.Contains(out, want) {
				t.Errorf("%s: %s is missing:\n%s", c.method, want, out)
			}
		}
		if c.method == "REPLY" && !strings.Contains(out, "PARTSTAT="+c.partstat) {
			t.Errorf("%s: %s", c.partstat, out)
		}
	}
	if _, ok := Part(&mapi.Message{}); ok {
		t.Error("a message without a class has a form")
	}
}

// An end, a length, a day: what is stored, and that it comes back.
func TestTimes(t *testing.T) {
	tokyo, _ := timezone.Load("Asia/Tokyo")
	def := timezone.Define("Tokyo Standard Time", tokyo, 2020, 2030)
	for _, c := range []struct {
		lines      []string
		start, end string
		back       string
		zone       *timezone.Definition
	}{
		{[]string{"DTSTART:20260102T100000Z", "DURATION:PT90M"}, "2026-01-02T10:00", "2026-01-02T11:30", "DTEND:20260102T113000Z", nil},
		{[]string{"DTSTART;VALUE=DATE:20260102"}, "2026-01-02T00:00", "2026-01-03T00:00", "DTEND;VALUE=DATE:20260103", nil},
		{[]string{"DTSTART;VALUE=DATE:20260102"}, "2026-01-01T15:00", "2026-01-02T15:00", "DTSTART;VALUE=DATE:20260102", &def},
		{[]string{"DTSTART:20260102T100000"}, "2026-01-02T01:00", "2026-01-02T01:00", "DTSTART:20260102T100000\r\n", &def},
		{[]string{"DTSTART;TZID=W. Europe Standard Time:20260702T100000"}, "2026-07-02T08:00", "2026-07-02T08:00", "DTSTART;TZID=Europe/Berlin:20260702T100000", nil},
		{[]string{"DTSTART;TZID=Nowhere:20260702T100000"}, "2026-07-02T10:00", "2026-07-02T10:00", "DTSTART;TZID=Nowhere:20260702T100000", nil},
	} {
		list, _ := read(t, event("", append([]string{"UID:a"}, c.lines...)...), &ImportOptions{Zone: c.zone})
		ps := list[0].Props
		if s, e := ps.NameTime(mapi.PidLidAppointmentStartWhole).Format("2006-01-02T15:04"), ps.NameTime(mapi.PidLidAppointmentEndWhole).Format("2006-01-02T15:04"); s != c.start || e != c.end {
			t.Errorf("%v: %s to %s", c.lines, s, e)
		}
		if out := write(t, list, nil); !strings.Contains(out, c.back) {
			t.Errorf("%v: %s is missing:\n%s", c.lines, c.back, out)
		}
	}
}

// Rules that MAPI says exactly, and rules that it does not: all come back; the
// second kind with a loss.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		start, rule string
		exact       bool
	}{
		{"20260302T090000Z", "FREQ=DAILY", true},
		{"20260302T090000Z", "FREQ=DAILY;COUNT=3;INTERVAL=2", true},
		{"20260302T090000Z", "FREQ=WEEKLY;UNTIL=20260501T090000Z;BYDAY=MO,WE", true},
		{"20260302T090000Z", "FREQ=MONTHLY;BYMONTHDAY=2", true},
		{"20260331T090000Z", "FREQ=MONTHLY;BYMONTHDAY=-1", true},
		{"20260330T090000Z", "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1", true},
		{"20260303T090000Z", "FREQ=MONTHLY;BYDAY=1TU", true},
		{"20260331T090000Z", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", true},
		{"20260302T090000Z", "FREQ=YEARLY;BYMONTHDAY=2;BYMONTH=3", true},
		{"20260301T090000Z", "FREQ=YEARLY;INTERVAL=2;BYDAY=1SU;BYMONTH=3", true},
		{"20260131T090000Z", "FREQ=MONTHLY;BYMONTHDAY=31", false},
		{"20260302T090000Z", "FREQ=HOURLY;INTERVAL=3", false},
		{"20260302T090000Z", "FREQ=MONTHLY;BYDAY=5MO", false},
		{"20260302T090000Z", "FREQ=YEARLY;BYWEEKNO=20", false},
		{"20260302T090000Z", "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9,12", false},
		{"20260302T090000Z", "FREQ=WEEKLY;BYDAY=TU", false},
	} {
		list, report := read(t, event("", "UID:a", "DTSTART:"+c.start, "RRULE:"+c.rule), nil)
		if c.exact != (len(report.Losses) == 0) {
			t.Errorf("%s: losses %v", c.rule, report.Losses)
		}
		if out := write(t, list, nil); !strings.Contains(out, "RRULE:"+c.rule+"\r\n") {
			t.Errorf("%s does not come back:\n%s", c.rule, out)
		}
		// A change of the recurrence makes what was kept void.
		if v, ok := list[0].Props.GetName(mapi.PidLidAppointmentRecur); ok && !c.exact {
			r, _, _ := recurrence.Parse(v.Raw())
			r.EndType, r.OccurrenceCount = recurrence.EndCount, 2
			list[0].Props.SetName(mapi.PidLidAppointmentRecur, mapi.BinaryValue(recurrence.Append(nil, r)))
			if out := write(t, list, nil); strings.Contains(out, "RRULE:"+c.rule+"\r\n") || !strings.Contains(out, "COUNT=2") {
				t.Errorf("%s: a changed recurrence is written as it was", c.rule)
			}
		}
	}
}

// A rule that would expand for ever costs nothing.
func TestRuleForEver(t *testing.T) {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\n")
	for i := range 300 {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%d\r\nDTSTART:16010102T000000Z\r\nRRULE:FREQ=SECONDLY\r\nRRULE:FREQ=DAILY;UNTIL=99991231T000000Z\r\nEXDATE:99991231T000000Z\r\nEND:VEVENT\r\n", i)
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:x%d\r\nDTSTART:16010102T000000Z\r\nRRULE:FREQ=WEEKLY;COUNT=99999999999;BYDAY=MO\r\nEXDATE:44990101T000000Z\r\nEND:VEVENT\r\n", i)
	}
	b.WriteString("END:VCALENDAR\r\n")
	begin := time.Now()
	list, _ := read(t, b.String(), nil)
	write(t, list, nil)
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("600 endless series take %v", d)
	}
}

func TestTaskAndJournal(t *testing.T) {
	src := "BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nUID:t1\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Paint\r\nDTSTART;VALUE=DATE:20260105\r\nDUE;TZID=Europe/Berlin:20260110T170000\r\n" +
		"PERCENT-COMPLETE:40\r\nSTATUS:IN-PROCESS\r\nPRIORITY:3\r\nCLASS:PRIVATE\r\nRRULE:FREQ=WEEKLY;COUNT=4;BYDAY=MO\r\nEND:VTODO\r\n" +
		"BEGIN:VJOURNAL\r\nUID:j1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T080000Z\r\nSUMMARY:Call\r\nDESCRIPTION:Long talk\\nabout paint\r\nX-MAILCONV-LOG-TYPE:Phone call\r\nX-MAILCONV-LOG-DURATION:PT25M\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n"
	list, _ := read(t, src, nil)
	if len(list) != 2 {
		t.Fatal(len(list))
	}
	task, journal := list[0], list[1]
	if task.Class() != "IPM.Task" || journal.Class() != "IPM.Activity" {
		t.Error(task.Class(), journal.Class())
	}
	if s := task.Props.NameTime(mapi.PidLidTaskDueDate); s.Format("2006-01-02T15:04") != "2026-01-10T00:00" {
		t.Error(s)
	}
	v, _ := task.Props.GetName(mapi.PidLidPercentComplete)
	if f, _ := v.Float(); f != 0.4 {
		t.Error(f)
	}
	if n, _ := task.Props.Int(mapi.PidTagImportance); n != 2 {
		t.Error(n)
	}
	if v, ok := task.Props.GetName(mapi.PidLidTaskRecurrence); !ok {
		t.Error("no recurrence")
	} else if p, err := recurrence.ParsePattern(v.Raw()); err != nil || p.OccurrenceCount != 4 {
		t.Error(p, err)
	}
	if n, _ := journal.Props.NameInt(mapi.PidLidLogDuration); n != 25 || journal.Props.Text(mapi.PidTagBody) != "Long talk\r\nabout paint" {
		t.Error(n, journal.Props.Text(mapi.PidTagBody))
	}
	out := write(t, list, nil)
	for _, want := range []string{"DUE;TZID=Europe/Berlin:20260110T170000", "DTSTART;VALUE=DATE:20260105", "PRIORITY:3", "STATUS:IN-PROCESS", "CLASS:PRIVATE", "UID:t1", "UID:j1", "RRULE:FREQ=WEEKLY;COUNT=4;BYDAY=MO", "X-MAILCONV-LOG-TYPE:Phone call", "DESCRIPTION:Long talk\\nabout paint"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing:\n%s", want, out)
		}
	}
	// The day was changed: the time of the day that was kept goes with it.
	task.Props.SetName(mapi.PidLidTaskDueDate, mapi.TimeValue(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)))
	if out := write(t, list, nil); strings.Contains(out, "20260110T17") || !strings.Contains(out, "DUE;VALUE=DATE:20260201") {
		t.Error(out)
	}
}

// Attachments and texts of any size are streamed.
func TestLarge(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcde\n"), 20000)
	long := strings.Repeat("Straße; Ölfarbe, \\n", 5000)
	var folded strings.Builder
	line := "ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=text/plain;X-FILENAME=a.txt:" + base64.StdEncoding.EncodeToString(data)
	for i := 0; i < len(line); i += 70 {
		if i > 0 {
			folded.WriteString("\r\n ")
		}
		folded.WriteString(line[i:min(i+70, len(line))])
	}
	src := event("", "UID:a", "DTSTART:20260102T100000Z", folded.String(), "DESCRIPTION:"+strings.ReplaceAll(strings.ReplaceAll(long, ";", "\\;"), ",", "\\,"))
	list, _ := read(t, src, nil)
	for range 2 {
		m := list[0]
		if len(m.Attachments) != 1 {
			t.Fatal(len(m.Attachments))
		}
		a := m.Attachments[0]
		b := a.Data()
		if b.Size() != int64(len(data)) || a.Props.Text(mapi.PidTagAttachLongFilename) != "a.txt" {
			t.Errorf("%d bytes, %q", b.Size(), a.Props.Text(mapi.PidTagAttachLongFilename))
		}
		r, err := b.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data) {
			t.Error("the attachment is not what it was", err)
		}
		v, _ := m.Props.Get(mapi.PidTagBody)
		if v.InMemory() {
			t.Error("the text is held")
		}
		if want := strings.ReplaceAll(long, "\\n", "\r\n"); v.Text() != want || v.Size() != int64(len(mapi.EncodeUTF16(want))) {
			t.Errorf("the text is not what it was: %d bytes", v.Size())
		}
		list, _ = read(t, write(t, list, nil), nil)
	}
}

func TestRest(t *testing.T) {
	src := "BEGIN:VCALENDAR\r\nX-WR-CALNAME:Busy\r\nMETHOD:PUBLISH\r\nBEGIN:VFREEBUSY\r\nUID:f\r\nFREEBUSY:20260101T000000Z/PT3H\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
	list, _ := read(t, src, nil)
	if len(list) != 1 || list[0].Class() != "IPM.Note" || list[0].Props.Text(mapi.PidTagSubject) != "Busy" {
		t.Fatal(list)
	}
	if out := write(t, list, nil); !strings.Contains(out, "FREEBUSY:20260101T000000Z/PT3H") || !strings.Contains(out, "X-WR-CALNAME:Busy") {
		t.Error(out)
	}
	if _, _, err := Import(context.Background(), strings.NewReader("Hello, world\n"), 13, nil); err == nil {
		t.Error("a letter is a calendar")
	}
}

func TestDigitsOfAnIdentifier(t *testing.T) {
	const id = "040000008200E00074C5B7101A82E00800000000B0F3A0B2C4D5DC01000000000000000010000000AABBCCDDEEFF00112233445566778899"
	list, _ := read(t, event("", "UID:"+id, "DTSTART:20260102T100000Z"), nil)
	v, _ := list[0].Props.GetName(mapi.PidLidGlobalObjectId)
	if fmt.Sprintf("%X", v.Raw()) != id {
		t.Errorf("%X", v.Raw())
	}
	if out := write(t, list, nil); !strings.Contains(out, "UID:"+id) {
		t.Error(out)
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(series))
	f.Add([]byte(event("REQUEST", "UID:a", "DTSTART;TZID=Nowhere:20260102T100000", "RRULE:FREQ=MONTHLY;BYDAY=2TU", "ATTACH;VALUE=BINARY:QUJD", "RDATE:20260103T100000Z", "EXDATE:20260109")))
	f.Add([]byte("BEGIN:VTODO\nDUE:20260101\nRRULE:FREQ=YEARLY;COUNT=2\nEND:VTODO\nBEGIN:VJOURNAL\nDTSTART:20260101\n"))
	f.Add([]byte("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Z\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nDTSTART;TZID=Z:20200101T000000\nRRULE:FREQ=DAILY\nEND:VEVENT\nEND:VCALENDAR"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, _, err := Import(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if _, err := Export(context.Background(), &out, list, &ExportOptions{Losses: true}); err != nil {
			t.Fatal(err)
		}
		again, _, err := Import(context.Background(), bytes.NewReader(out.Bytes()), int64(out.Len()), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 && len(again) == 0 {
			t.Fatal("nothing comes back")
		}
	})
}
