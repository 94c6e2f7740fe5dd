package timezone

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestEveryWindowsZoneHasData(t *testing.T) {
	for _, w := range windowsNames {
		iana, ok := IANA(w)
		if !ok {
			t.Errorf("%s: no IANA zone", w)
		}
		if _, ok := Load(iana); !ok {
			t.Errorf("%s: no data for %s", w, iana)
		}
		if back, _ := Windows(iana); back != w {
			t.Errorf("%s: %s comes back as %s", w, iana, back)
		}
	}
}

func TestResolve(t *testing.T) {
	for name, want := range map[string]string{
		"Europe/Berlin": "Europe/Berlin", "europe/berlin": "Europe/Berlin", "W. Europe Standard Time": "Europe/Berlin",
		"/freeassociation.sourceforge.net/Tzfile/Europe/Berlin":  "Europe/Berlin",
		"/example.org/20070129_1/America/Argentina/Buenos_Aires": "America/Argentina/Buenos_Aires",
		"(UTC+05:30) India Standard Time":                        "Asia/Kolkata",
		"Nowhere/City":                                           "", "": "", "(": "",
	} {
		if got, _ := Resolve(name); got != want {
			t.Errorf("Resolve(%q) = %q, want %q", name, got, want)
		}
	}
}

// The rules of a zone say the same as the zone, at every hour of many years.
func TestRulesFollowTheZone(t *testing.T) {
	for _, name := range []string{"America/New_York", "Europe/London", "Australia/Sydney", "America/St_Johns", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Apia", "Europe/Moscow", "Asia/Tehran", "Pacific/Chatham", "UTC"} {
		l, ok := Load(name)
		if !ok {
			t.Fatal(name)
		}
		d := Define("k", l, 1995, 2045)
		bad := 0
		for u := time.Date(1995, 1, 2, 0, 30, 0, 0, time.UTC); u.Year() < 2045; u = u.Add(time.Hour) {
			if d.Offset(u) != l.Offset(u) {
				if bad == 0 {
					t.Logf("%s: %v: %v, want %v", name, u, d.Offset(u), l.Offset(u))
				}
				bad++
			}
		}
		// A year of three changes, and the hour in which the one year's rule
		// gives way to another's, are beyond what rules can say.
		if allowed := map[string]int{"Pacific/Apia": 38, "Europe/Moscow": 1}[name]; bad > allowed {
			t.Errorf("%s: %d hours differ, %d rules", name, bad, len(d.Rules))
		}
		b := AppendDefinition(nil, d)
		back, problems, err := ParseDefinition(b)
		if err != nil || len(problems) > 0 || fmt.Sprint(back) != fmt.Sprint(d) {
			t.Errorf("%s: definition does not come back: %v %v", name, err, problems)
		}
		r := d.Rules[len(d.Rules)-1]
		r.Year, r.Reserved = 0, [14]byte{}
		one, err := ParseStruct(AppendStruct(nil, r))
		if err != nil || one != r {
			t.Errorf("%s: struct comes back as %+v, want %+v", name, one, r)
		}
	}
}

func TestFewRules(t *testing.T) {
	for name, want := range map[string]int{"Europe/Berlin": 1, "America/New_York": 2, "Asia/Kolkata": 1} {
		l, _ := Load(name)
		if d := Define("k", l, 1997, 2040); len(d.Rules) != want {
			t.Errorf("%s: %d rules, want %d", name, len(d.Rules), want)
		}
	}
}

// Times that come twice or never. RFC 5545 3.3.5
func TestInstantAtChanges(t *testing.T) {
	l, _ := Load("America/New_York")
	d := Define("Eastern Standard Time", l, 2007, 2040)
	for _, z := range []Zone{l, &d} {
		for clock, want := range map[string]string{
			"2026-03-08T02:30": "2026-03-08T07:30", // skipped: the offset before
			"2026-11-01T01:30": "2026-11-01T05:30", // twice: the first
			"2026-11-01T02:00": "2026-11-01T07:00",
			"2026-07-01T12:00": "2026-07-01T16:00",
			"2026-01-01T12:00": "2026-01-01T17:00",
		} {
			c, _ := time.Parse("2006-01-02T15:04", clock)
			if got := Instant(z, c).Format("2006-01-02T15:04"); got != want {
				t.Errorf("%T: %s is %s, want %s", z, clock, got, want)
			}
		}
	}
}

func TestDamage(t *testing.T) {
	good := AppendDefinition(nil, UTC())
	for i := range good {
		if _, _, err := ParseDefinition(good[:i]); err == nil {
			t.Errorf("%d of %d bytes are read as whole", i, len(good))
		} else if strings.Contains(err.Error(), "\n") {
			t.Error("an error of several lines")
		}
	}
	if _, err := ParseStruct(make([]byte, 47)); err == nil {
		t.Error("a short struct is read")
	}
}

func FuzzDefinition(f *testing.F) {
	l, _ := Load("America/New_York")
	f.Add(AppendDefinition(nil, Define("Eastern Standard Time", l, 1990, 2030)))
	f.Add(AppendDefinition(nil, UTC()))
	f.Add(AppendStruct(nil, Define("", l, 2020, 2020).Rules[0]))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := ParseStruct(b); err == nil {
			if back, err := ParseStruct(AppendStruct(nil, r)); err != nil || back != r {
				t.Fatalf("%+v comes back as %+v, %v", r, back, err)
			}
		}
		d, _, err := ParseDefinition(b)
		if err != nil {
			return
		}
		for y := 1600; y < 2200; y += 97 {
			c := time.Date(y, 3, 5, 1, 2, 3, 0, time.UTC)
			Clock(&d, Instant(&d, c))
		}
		out := AppendDefinition(nil, d)
		again, _, err := ParseDefinition(out)
		if err != nil || !bytes.Equal(AppendDefinition(nil, again), out) {
			t.Fatalf("does not come back: %v", err)
		}
	})
}
