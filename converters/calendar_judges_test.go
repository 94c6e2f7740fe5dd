package converters_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/mime/contact"
	"github.com/mailconv/mailconv/mime/ical"
)

// itemFiles lists the .ics or .vcf files of the collection.
func itemFiles(t *testing.T, kind string) []string {
	var list []string
	err := filepath.WalkDir(filepath.Join(corpus(t), kind), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// throughMSG makes a .msg file of each entry of a file, and one file of all of
// these.
func throughMSG(t *testing.T, file, to string) string {
	t.Helper()
	dir := t.TempDir()
	msgs, out := filepath.Join(dir, "msg"), filepath.Join(dir, "back."+to)
	for _, step := range []struct{ in, format, out string }{{file, "msg", msgs + "/"}, {msgs, to, out}} {
		f, _ := converters.ByName(step.format)
		b := &converters.Batch{To: f, Out: step.out, Done: func(r converters.Result) {
			if r.Err != nil || len(r.Errs) > 0 {
				t.Errorf("%s: %v %v", file, r.Err, r.Errs)
			}
		}}
		if _, err := b.Run(t.Context(), []string{step.in}); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return out
}

// components lists what stands in calendars, each as text; zones are left out,
// as how far back their rules go depends on what is written together.
func components(t *testing.T, b []byte) (list []string) {
	cals, _, err := ical.Read(t.Context(), bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, cal := range cals {
		for _, c := range cal.Components {
			if c.Name == "VTIMEZONE" {
				continue
			}
			var text bytes.Buffer
			w := ical.NewWriter(&text)
			w.Component(c)
			w.Flush()
			list = append(list, text.String())
		}
	}
	slices.Sort(list)
	return list
}

// The calendars of the collection go into .msg files, an entry each, and back
// into one file: nothing changes on that way that does not change between the
// two mappings, which the tests of package mime/calendar hold against the
// originals line by line. What is written is then read by python3-icalendar,
// python3-recurring-ical-events and khal.
func TestCorpusCalendarsThroughMSG(t *testing.T) {
	var args []string
	files := itemFiles(t, "ics")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list, _, err := calendar.Import(t.Context(), bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			t.Errorf("%s is refused: %v", file, err)
			continue
		}
		var direct bytes.Buffer
		if _, err := calendar.Export(t.Context(), &direct, list, nil); err != nil {
			t.Fatal(err)
		}
		out := throughMSG(t, file, "ics")
		back, err := os.ReadFile(out)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if x, y := components(t, direct.Bytes()), components(t, back); !slices.Equal(x, y) {
			for i := range min(len(x), len(y)) {
				if x[i] != y[i] {
					t.Errorf("%s:\n%.600s\nbecame\n%.600s", file, x[i], y[i])
					break
				}
			}
			t.Errorf("%s: %d components, then %d", file, len(x), len(y))
		}
		args = append(args, file, out)
	}
	t.Logf("%d calendars", len(files))
	judgeCalendars(t, args)
}

// The cards of the collection do the same.
func TestCorpusCardsThroughMSG(t *testing.T) {
	cards := func(b []byte) (list []string) {
		for _, s := range strings.SplitAfter(string(b), "END:VCARD\r\n") {
			if s != "" {
				list = append(list, s)
			}
		}
		slices.Sort(list)
		return list
	}
	files, n := itemFiles(t, "vcf"), 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var direct bytes.Buffer
		for it, err := range contact.Import(t.Context(), bytes.NewReader(b), int64(len(b))) {
			if err != nil {
				t.Errorf("%s is refused: %v", file, err)
				break
			}
			if _, err := contact.Export(t.Context(), &direct, it.Message, nil); err != nil {
				t.Fatal(err)
			}
		}
		back, err := os.ReadFile(throughMSG(t, file, "vcf"))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		x, y := cards(direct.Bytes()), cards(back)
		n += len(x)
		if !slices.Equal(x, y) {
			for i := range min(len(x), len(y)) {
				if x[i] != y[i] {
					t.Errorf("%s:\n%.600s\nbecame\n%.600s", file, x[i], y[i])
					break
				}
			}
			t.Errorf("%s: %d cards, then %d", file, len(x), len(y))
		}
	}
	t.Logf("%d files, %d cards", len(files), n)
}

// What the judges are known to find, by file, with the reason.
var judgedOtherwise = map[string]string{
	// A zone whose name icalendar 4 does not know from elsewhere: it cannot read
	// a VTIMEZONE with an end of a rule in UTC, which RFC 5545 3.3.10 demands.
	"calcard/087.ics": "UNTIL of a zone", "calcard/161.ics": "UNTIL of a zone", "calcard/165.ics": "UNTIL of a zone",
	// A zone that the original names and does not explain is floating to the
	// library, and UTC or what the name says to us.
	"calcard/027.ics": "unknown zone", "calcard/104.ics": "unknown zone", "calcard/215.ics": "unknown zone",
	"collective-icalendar/issue_722_missing_VTIMEZONE_custom.ics": "unknown zone",
	// The calendar explains America/Anchorage by rules that end in 2007; the
	// library goes by the name.
	"calcard/185.ics": "rules of its own",
	// UNTIL on the clock of the zone, and blanks in BYDAY, which python3-dateutil
	// reads as we do.
	"vobject/UntilRespectsTimezoneTest.ics":            "UNTIL without zone",
	"collective-icalendar/issue_165_missing_event.ics": "blanks in BYDAY",
	// The library sees no component in what is broken there.
	"calcard/115.ics": "broken original", "calcard/118.ics": "broken original", "collective-icalendar/big_bad_calendar.ics": "broken original",
}

// judgeCalendars holds pairs of an original and what was written of it against
// other readers.
func judgeCalendars(t *testing.T, args []string) {
	t.Helper()
	python := "/usr/bin/python3" // a python of another distribution may stand before Debian's
	if exec.Command(python, "-c", "import icalendar, recurring_ical_events").Run() != nil {
		t.Skip("LEFT OUT: judgement of .ics by icalendar, recurring-ical-events and khal (not installed; make test-deps)")
	}
	cmd := exec.CommandContext(t.Context(), python, append([]string{"testdata/icalendar_judge.py"}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("the judge: %v\n%.2000s", err, errs.String())
	}
	text := strings.Split(strings.TrimSpace(string(said)), "\n")
	for _, line := range text[:len(text)-1] {
		name, what, _ := strings.Cut(line, ": ")
		rel, err := filepath.Rel(filepath.Join(os.Getenv("MAILCONV_CORPUS"), "ics"), name)
		if why := judgedOtherwise[filepath.ToSlash(rel)]; err == nil && why != "" {
			t.Logf("explained (%s): %s: %.200s", why, rel, what)
			continue
		}
		t.Errorf("%.500s", line)
	}
	counts := map[string]int{}
	if err := json.Unmarshal([]byte(text[len(text)-1]), &counts); err != nil {
		t.Fatalf("%v: %s", err, text[len(text)-1])
	}
	if _, ok := counts["khal"]; !ok {
		t.Log("LEFT OUT: judgement of .ics by khal (not installed; make test-deps)")
	}
	t.Logf("%v", counts)
}

// What the items of .msg files and archives become is read by the same
// programs.
func TestCorpusItemsAreRead(t *testing.T) {
	dir := t.TempDir()
	var args []string
	cards := filepath.Join(dir, "all.vcf")
	w, err := os.Create(cards)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	n := 0
	everyItem(t, func(name string, m *mapi.Message) {
		if contact.Is(m) {
			if _, err := contact.Export(context.Background(), w, m, nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			n++
			return
		}
		out := filepath.Join(dir, strings.NewReplacer("/", "_", " ", "_").Replace(name)+".ics")
		var b bytes.Buffer
		if _, err := calendar.Export(context.Background(), &b, []*mapi.Message{m}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.WriteFile(out, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, out, out)
	})
	t.Run("vobject", func(t *testing.T) {
		python := "/usr/bin/python3"
		if exec.Command(python, "-c", "import vobject").Run() != nil {
			t.Skip("LEFT OUT: judgement of vCards by vobject (python3-vobject is not installed; make test-deps)")
		}
		out, err := exec.CommandContext(t.Context(), python, "-c", "import sys, vobject; print(len(list(vobject.readComponents(open(sys.argv[1]).read()))))", cards).CombinedOutput()
		var got int
		if json.Unmarshal(bytes.TrimSpace(out), &got) != nil || err != nil || got != n {
			t.Errorf("vobject reads %d of %d cards: %v %.500s", got, n, err, out)
		}
		t.Logf("vobject reads %d cards", got)
	})
	judgeCalendars(t, args)
}

const lunch = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//mailconv//samples//EN
BEGIN:VEVENT
UID:lunch@mailconv.example
DTSTAMP:20250101T000000Z
DTSTART;TZID=America/New_York:20250305T120000
DTEND;TZID=America/New_York:20250305T130000
RRULE:FREQ=WEEKLY;COUNT=4
EXDATE;TZID=America/New_York:20250319T120000
SUMMARY:Lunch
END:VEVENT
BEGIN:VEVENT
UID:lunch@mailconv.example
DTSTAMP:20250101T000000Z
RECURRENCE-ID;TZID=America/New_York:20250312T120000
DTSTART;TZID=America/New_York:20250313T180000
DTEND;TZID=America/New_York:20250313T190000
SUMMARY:Dinner
END:VEVENT
END:VCALENDAR
`

// khal takes a series that went through a .msg file into a calendar of its own,
// and lists it on the right days and hours, across the change of the clock.
func TestKhalListsASeries(t *testing.T) {
	if _, err := exec.LookPath("khal"); err != nil {
		t.Skip("LEFT OUT: judgement of .ics by khal (khal is not installed; make test-deps)")
	}
	dir := t.TempDir()
	file, config := filepath.Join(dir, "lunch.ics"), filepath.Join(dir, "config")
	for name, text := range map[string]string{
		file: lunch,
		config: "[calendars]\n[[c]]\npath = " + dir + "/calendar\n[sqlite]\npath = " + dir + "/khal.db\n[locale]\ntimeformat = %H:%M\ndateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\n" +
			"datetimeformat = %Y-%m-%d %H:%M\nlongdatetimeformat = %Y-%m-%d %H:%M\nlocal_timezone = UTC\ndefault_timezone = UTC\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "calendar"), 0o700); err != nil {
		t.Fatal(err)
	}
	khal := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "khal", append([]string{"-c", config}, args...)...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("khal %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	khal("import", "--batch", throughMSG(t, file, "ics"))
	var got []string
	for _, line := range strings.Split(khal("list", "--format", "{start-long} {title}", "--day-format", "", "2025-03-01", "2025-04-30"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			got = append(got, line)
		}
	}
	want := []string{"2025-03-05 17:00 Lunch", "2025-03-13 22:00 Dinner", "2025-03-26 16:00 Lunch"}
	if !slices.Equal(got, want) {
		t.Errorf("khal lists %q, want %q", got, want)
	}
}
