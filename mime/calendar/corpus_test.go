package calendar_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/mime/ical"
)

func corpus(t *testing.T) string {
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	return dir
}

// calendars calls f for every calendar of the collection.
func calendars(t *testing.T, f func(name string, b []byte)) {
	dir := filepath.Join(corpus(t), "ics")
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		f(name, b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func there(t *testing.T, name string, b []byte) ([]byte, bool) {
	t.Helper()
	ctx := context.Background()
	list, _, err := Import(ctx, bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return nil, false
	}
	var out bytes.Buffer
	report, err := Export(ctx, &out, list, nil)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return nil, false
	}
	if report.Problems.Severe() {
		t.Errorf("%s: %v", name, report.Problems)
	}
	for _, l := range strings.Split(out.String(), "\r\n") {
		if len(l) > 75 {
			t.Errorf("%s: a line of %d octets", name, len(l))
		}
	}
	return out.Bytes(), true
}

// Every calendar of the collection is read, and what is written is read again
// and written the same.
func TestCorpusICSIsStable(t *testing.T) {
	n := 0
	dump := os.Getenv("MAILCONV_DUMP")
	calendars(t, func(name string, b []byte) {
		n++
		once, ok := there(t, name, b)
		if !ok {
			return
		}
		if dump != "" {
			p := filepath.Join(dump, name)
			os.MkdirAll(filepath.Dir(p), 0o755)
			os.WriteFile(p, once, 0o644)
		}
		twice, ok := there(t, name, once)
		if ok && !bytes.Equal(once, twice) {
			t.Errorf("%s: written again, it is another: %s", name, firstDifference(once, twice))
		}
	})
	t.Logf("%d calendars", n)
}

// flat lists the lines of a file by the component that they stand in and its
// UID, as name and value, and the names of the parameters.
func flat(t *testing.T, b []byte) map[string]int {
	list, _, err := ical.Read(context.Background(), bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]int)
	var walk func(path string, c *ical.Component)
	walk = func(path string, c *ical.Component) {
		path += "/" + c.Name
		for _, p := range c.Properties {
			v := p.Value
			switch p.Name {
			case "ATTENDEE", "ORGANIZER":
				v = strings.ToLower(v)
			case "CATEGORIES":
				for _, s := range ical.SplitText(v) {
					if s = strings.TrimSpace(s); s != "" {
						out[path+" CATEGORY:"+s]++
					}
				}
				continue
			default:
				v = strings.TrimSpace(ical.Text(v))
			}
			out[path+" "+p.Name+":"+v]++
			for _, q := range p.Params {
				out[path+" "+p.Name+";"+q.Name+"="+strings.Join(q.Values, ",")+":"+v]++
			}
		}
		for _, in := range c.Components {
			walk(path, in)
		}
	}
	for _, c := range list {
		walk("", c)
	}
	return out
}

// What a file says comes back; but times are told by a judge, zones are written
// anew, and what we say ourselves (PRODID, METHOD, CALSCALE) is ours.
func TestCorpusPropertiesSurvive(t *testing.T) {
	lost := make(map[string]int)
	lines := 0
	calendars(t, func(name string, b []byte) {
		out, ok := there(t, name, b)
		if !ok {
			return
		}
		have := flat(t, out)
		for l, n := range flat(t, b) {
			lines++
			i := strings.IndexByte(l, ' ')
			prop, _, _ := strings.Cut(l[i+1:], ":")
			prop, param, _ := strings.Cut(prop, ";")
			param, _, _ = strings.Cut(param, "=")
			switch {
			case strings.Contains(l[:i], "/VTIMEZONE"):
				continue
			case prop == "PRODID", prop == "METHOD", prop == "CALSCALE", prop == "VERSION":
				continue
			case prop == "DTSTART", prop == "DTEND", prop == "DURATION", prop == "RRULE", prop == "EXDATE", prop == "RECURRENCE-ID", prop == "DUE", prop == "COMPLETED":
				continue // the judge tells
			case name == "calcard/220.ics" && prop == "UID":
				continue // the same line twice in one event
			case name == "calcard/246.ics" && prop == "X-MICROSOFT-CDO-ALLDAYEVENT":
				continue // it says the contrary of DTSTART
			case param == "VALUE", param == "ENCODING", param == "FILENAME":
				continue
			}
			// A time without a zone where UTC is asked for is read as UTC, and an
			// address gets its scheme.
			if have[l] < n && have[l+"Z"] < n && have[strings.Replace(l, ":conf_big", ":mailto:conf_big", 1)] < n {
				lost[prop+";"+param]++
				if os.Getenv("MAILCONV_VERBOSE") != "" {
					t.Logf("%s: %.200s", name, l)
				}
			}
		}
	})
	t.Logf("%d lines", lines)
	for k, n := range lost {
		t.Errorf("%s: %d lost", k, n)
	}
}

func firstDifference(a, b []byte) string {
	x, y := strings.Split(string(a), "\r\n"), strings.Split(string(b), "\r\n")
	for i := range x {
		if i >= len(y) {
			return "missing: " + x[i]
		}
		if x[i] != y[i] {
			return x[i] + "  |  " + y[i]
		}
	}
	return "longer"
}
