package recurrence

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func on(s string) Minutes {
	for _, f := range []string{"2006-01-02", "2006-01-02T15:04"} {
		if t, err := time.Parse(f, s); err == nil {
			return At(t)
		}
	}
	panic(s)
}

func days(p *Pattern, n int) (list []string) {
	for d := range p.Dates() {
		if len(list) == n {
			break
		}
		list = append(list, d.Time().Format("2006-01-02"))
	}
	return list
}

func TestDates(t *testing.T) {
	for name, c := range map[string]struct {
		p    Pattern
		want []string
	}{
		"every third day": {Pattern{Type: Day, Frequency: Daily, Period: 3 * 1440, StartDate: on("2026-02-26"), EndType: EndCount, OccurrenceCount: 3}, []string{"2026-02-26", "2026-03-01", "2026-03-04"}},
		"work days":       {Pattern{Type: Week, Frequency: Daily, Period: 1, Weekdays: 0x3E, StartDate: on("2026-11-26"), EndType: EndCount, OccurrenceCount: 3}, []string{"2026-11-26", "2026-11-27", "2026-11-30"}},
		// Every second week; where the week begins matters. RFC 5545 3.3.10
		"weeks from Monday": {Pattern{Type: Week, Period: 2, Weekdays: 1<<0 | 1<<2, FirstDOW: 1, StartDate: on("1997-08-05"), EndType: EndCount, OccurrenceCount: 4}, []string{"1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"}},
		"weeks from Sunday": {Pattern{Type: Week, Period: 2, Weekdays: 1<<0 | 1<<2, FirstDOW: 0, StartDate: on("1997-08-05"), EndType: EndCount, OccurrenceCount: 4}, []string{"1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"}},
		"the 31st":          {Pattern{Type: Month, Period: 1, DayOfMonth: 31, StartDate: on("2028-01-31"), EndType: EndCount, OccurrenceCount: 3}, []string{"2028-01-31", "2028-02-29", "2028-03-31"}},
		"second Tuesday":    {Pattern{Type: MonthNth, Period: 1, Weekdays: 1 << 2, N: 2, StartDate: on("2026-11-10"), EndType: EndDate, EndDate: on("2026-12-31")}, []string{"2026-11-10", "2026-12-08"}},
		"last work day":     {Pattern{Type: MonthNth, Period: 12, Weekdays: 0x3E, N: Last, StartDate: on("2026-05-29"), EndType: EndCount, OccurrenceCount: 2}, []string{"2026-05-29", "2027-05-31"}},
		"no such rule":      {Pattern{Type: Week, Period: 1, StartDate: on("2026-01-01"), EndType: NoEnd}, nil},
	} {
		if got := days(&c.p, 100); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Counting without expanding gives what expanding gives.
func TestUntilAndNthAgreeWithDates(t *testing.T) {
	for _, p := range []Pattern{
		{Type: Day, Period: 1440},
		{Type: Day, Period: 5 * 1440},
		{Type: Week, Period: 1, Weekdays: 0x3E, FirstDOW: 1},
		{Type: Week, Period: 3, Weekdays: 0x45, FirstDOW: 0},
		{Type: Week, Period: 2, Weekdays: 1, FirstDOW: 4},
		{Type: Month, Period: 1, DayOfMonth: 30},
		{Type: MonthNth, Period: 2, Weekdays: 0x41, N: 3},
	} {
		p.EndType = NoEnd
		p.StartDate = on("2026-11-25")
		n := int64(0)
		for d := range p.Dates() {
			n++
			if n > 60 {
				break
			}
			if got, ok := p.Nth(n); !ok || got != d {
				t.Fatalf("%+v: day %d is %v, want %v", p, n, got.Time(), d.Time())
			}
			if last, k := p.Until(d); last != d || k != n {
				t.Fatalf("%+v: %d days until %v, want %d", p, k, d.Time(), n)
			}
			if !p.Gives(d) {
				t.Fatalf("%+v does not give %v", p, d.Time())
			}
		}
	}
}

// A rule that would expand for ever costs nothing.
func TestRuleForEver(t *testing.T) {
	begin := time.Now()
	for range 1000 {
		p := Pattern{Type: Day, Period: 1440, StartDate: on("1601-01-02"), EndType: EndDate, EndDate: Never}
		p.Complete()
		p = Pattern{Type: Week, Period: 1, Weekdays: 0x7F, StartDate: on("1601-01-02"), EndType: EndCount, OccurrenceCount: 1 << 31}
		p.Complete()
		p = Pattern{Type: Week, Period: 1 << 31, Weekdays: 1, StartDate: on("2026-01-01"), EndType: EndCount, OccurrenceCount: 1 << 31}
		p.Complete()
	}
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("1,000 endless rules take %v", d)
	}
}

func TestComplete(t *testing.T) {
	// [MS-OXOCAL] 4.1.1.1: a weekly series from Monday 2005-12-05, every week.
	p := Pattern{Type: Week, Frequency: Weekly, Period: 1, Weekdays: 0x3E, StartDate: on("2005-12-05"), EndType: EndCount, OccurrenceCount: 12}
	p.Complete()
	if p.EndDate != on("2005-12-20") {
		t.Errorf("ends on %v", p.EndDate.Time())
	}
	p = Pattern{Type: Month, Frequency: Monthly, Period: 2, DayOfMonth: 15, StartDate: on("2026-03-15"), EndType: NoEnd}
	p.Complete()
	if p.FirstDateTime != 0 || p.EndDate != Never || p.OccurrenceCount != 10 {
		t.Errorf("%+v", p)
	}
	p.StartDate = on("2026-04-15")
	p.Complete()
	if p.FirstDateTime != 31*1440 {
		t.Errorf("FirstDateTime %d", p.FirstDateTime)
	}
}

func sample() *Recurrence {
	p := Pattern{
		Type: Week, Frequency: Weekly, Period: 1, Weekdays: 1 << 5, StartDate: on("2023-01-06"), EndType: EndDate, EndDate: on("2023-12-31"),
		Deleted: []Minutes{on("2023-02-03"), on("2023-03-03")}, Modified: []Minutes{on("2023-03-04")},
	}
	p.Complete()
	r := New(p, 720, 780)
	r.Exceptions = []Exception{{
		Start: on("2023-03-04T13:00"), End: on("2023-03-04T14:00"), OriginalStart: on("2023-03-03T12:00"),
		Override: OverrideSubject | OverrideLocation | OverrideBusyStatus, Subject: "Mittagessen ☕", Location: "Café", BusyStatus: 1,
	}}
	return r
}

func TestRoundTrip(t *testing.T) {
	r := sample()
	b := Append(nil, r)
	back, problems, err := Parse(b)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	if e := back.Exceptions[0]; e.Subject != "Mittagessen ☕" || e.Location != "Café" || e.BusyStatus != 1 {
		t.Errorf("%+v", e)
	}
	if !bytes.Equal(Append(nil, back), b) {
		t.Error("does not come back byte for byte")
	}
	var starts []string
	for _, o := range back.Between(time.Date(2023, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2023, 3, 12, 0, 0, 0, 0, time.UTC)) {
		starts = append(starts, o.Start.Time().Format("01-02T15:04"))
	}
	if want := []string{"02-10T12:00", "02-17T12:00", "02-24T12:00", "03-04T13:00", "03-10T12:00"}; !reflect.DeepEqual(starts, want) {
		t.Errorf("%v, want %v", starts, want)
	}
}

func TestDamage(t *testing.T) {
	b := Append(nil, sample())
	for i := range b {
		r, problems, err := Parse(b[:i])
		if err == nil && len(problems) == 0 && i < len(b) && i != len(b) {
			// The Unicode part may be left out as a whole.
			if r.Reserved1 != nil || len(r.Trailing) > 0 {
				t.Errorf("%d of %d bytes are read as whole", i, len(b))
			}
		}
	}
	// A count that the blob does not hold is not believed.
	big := append([]byte(nil), b...)
	copy(big[22+4+12:], []byte{0xFF, 0xFF, 0xFF, 0xFF})
	if _, _, err := Parse(big); err == nil {
		t.Error("a count of four billion deleted days is believed")
	}
}

func FuzzRecurrence(f *testing.F) {
	f.Add(Append(nil, sample()))
	p := sample().Pattern
	f.Add(AppendPattern(nil, &p))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, problems, err := Parse(b)
		if err != nil {
			return
		}
		n := 0
		for range r.Occurrences() {
			if n++; n == 1000 {
				break
			}
		}
		q := r.Pattern
		q.Complete()
		if len(problems) == 0 {
			out := Append(nil, r)
			again, _, err := Parse(out)
			if err != nil || !bytes.Equal(Append(nil, again), out) {
				t.Fatalf("does not come back: %v", err)
			}
		}
	})
}
