package recurrence

import (
	"encoding/binary"
	"fmt"

	"github.com/mailconv/mailconv/mapi"
)

// A reader walks over a blob. After the end it gives zeros and short is set.
type reader struct {
	b     []byte
	pos   int
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || n < 0 || n > len(r.b)-r.pos {
		r.short = true
		return nil
	}
	p := r.b[r.pos : r.pos+n]
	r.pos += n
	return p
}

func (r *reader) u16() uint16 {
	if p := r.take(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if p := r.take(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

// block is a size and that many bytes.
func (r *reader) block() []byte {
	n := r.u32()
	if int64(n) > int64(len(r.b)-r.pos) {
		r.short = true
		return nil
	}
	return append([]byte(nil), r.take(int(n))...)
}

// list is a count and that many minutes.
func (r *reader) list() []Minutes {
	n := r.u32()
	if int64(n)*4 > int64(len(r.b)-r.pos) {
		r.short = true
		return nil
	}
	if n == 0 {
		return nil
	}
	list := make([]Minutes, n)
	for i := range list {
		list[i] = Minutes(r.u32())
	}
	return list
}

func formatError(pos int, field, spec, format string, args ...any) error {
	return &mapi.FormatError{Format: "recurrence", Problem: mapi.Problem{
		Offset: int64(pos), Field: field, Detail: fmt.Sprintf(format, args...), Spec: spec,
	}}
}

const (
	specPattern     = "[MS-OXOCAL] 2.2.1.44.1"
	specException   = "[MS-OXOCAL] 2.2.1.44.2"
	specExtended    = "[MS-OXOCAL] 2.2.1.44.4"
	specAppointment = "[MS-OXOCAL] 2.2.1.44.5"
)

// ParsePattern reads PidLidTaskRecurrence, which is a pattern alone.
// [MS-OXOTASK] 2.2.2.2.15
func ParsePattern(b []byte) (*Pattern, error) {
	r := &reader{b: b}
	return r.pattern()
}

func (r *reader) pattern() (*Pattern, error) {
	p := &Pattern{ReaderVersion: r.u16(), WriterVersion: r.u16(), Frequency: r.u16(), Type: r.u16(), CalendarType: r.u16()}
	p.FirstDateTime = Minutes(r.u32())
	p.Period, p.Sliding = r.u32(), r.u32()
	if r.short {
		return nil, formatError(r.pos, "RecurrencePattern", specPattern, "%d bytes are too few for a recurrence", len(r.b))
	}
	switch p.Type {
	case Day:
	case Week:
		p.Weekdays = r.u32()
	case Month, MonthEnd, HjMonth, HjMonthEnd:
		p.DayOfMonth = r.u32()
	case MonthNth, HjMonthNth:
		p.Weekdays, p.N = r.u32(), r.u32()
	default:
		return nil, formatError(6, "PatternType", specPattern, "unknown type 0x%04X", p.Type)
	}
	p.EndType, p.OccurrenceCount, p.FirstDOW = r.u32(), r.u32(), r.u32()
	p.Deleted = r.list()
	p.Modified = r.list()
	p.StartDate, p.EndDate = Minutes(r.u32()), Minutes(r.u32())
	if r.short {
		return nil, formatError(r.pos, "DeletedInstanceDates", specPattern, "the recurrence is cut off at %d bytes", len(r.b))
	}
	return p, nil
}

// Parse reads PidLidAppointmentRecur. A rule that can be read comes back even
// if its exceptions are damaged, with a problem. [MS-OXOCAL] 2.2.1.44.5
func Parse(b []byte) (*Recurrence, mapi.Problems, error) {
	r := &reader{b: b}
	p, err := r.pattern()
	if err != nil {
		return nil, nil, err
	}
	a := &Recurrence{Pattern: *p}
	var problems mapi.Problems
	if r.pos == len(b) {
		// A pattern alone, as some programs write.
		a.short = true
		a.EndOffset = minutesPerDay
		problems.Add(mapi.Problem{Offset: int64(r.pos), Field: "StartTimeOffset", Detail: "the recurrence has no time of the day", Spec: specAppointment})
		return a, problems, nil
	}
	a.ReaderVersion2, a.WriterVersion2 = r.u32(), r.u32()
	a.StartOffset, a.EndOffset = r.u32(), r.u32()
	count := int(r.u16())
	for range count {
		e, ok := r.exception()
		if !ok {
			break
		}
		a.Exceptions = append(a.Exceptions, e)
	}
	if r.short {
		problems.Add(mapi.Problem{Severe: true, Offset: int64(r.pos), Field: "ExceptionInfo", Detail: fmt.Sprintf("%d of %d exceptions can be read", len(a.Exceptions), count), Spec: specException})
		return a, problems, nil
	}
	// What follows repeats the texts in Unicode; many writers end before.
	at := r.pos
	if r.pos < len(b) {
		a.Reserved1 = r.block()
		for i := range a.Exceptions {
			r.extended(&a.Exceptions[i], a.WriterVersion2)
		}
		a.Reserved2 = r.block()
	}
	if r.short {
		problems.Add(mapi.Problem{Offset: int64(at), Field: "ExtendedException", Detail: "the Unicode part is cut off", Spec: specExtended})
		return a, problems, nil
	}
	a.Trailing = append([]byte(nil), b[r.pos:]...)
	return a, problems, nil
}

func (r *reader) exception() (Exception, bool) {
	e := Exception{Start: Minutes(r.u32()), End: Minutes(r.u32()), OriginalStart: Minutes(r.u32()), Override: r.u16()}
	text := func() (string, []byte) {
		r.u16() // the length with a zero
		b := append([]byte{}, r.take(int(r.u16()))...)
		return latin(b), b
	}
	if e.Override&OverrideSubject != 0 {
		e.Subject, e.subject8 = text()
	}
	if e.Override&OverrideMeetingType != 0 {
		e.MeetingType = r.u32()
	}
	if e.Override&OverrideDelta != 0 {
		e.ReminderDelta = r.u32()
	}
	if e.Override&OverrideReminder != 0 {
		e.ReminderSet = r.u32()
	}
	if e.Override&OverrideLocation != 0 {
		e.Location, e.location8 = text()
	}
	if e.Override&OverrideBusyStatus != 0 {
		e.BusyStatus = r.u32()
	}
	if e.Override&OverrideAttachment != 0 {
		e.Attachment = r.u32()
	}
	if e.Override&OverrideSubType != 0 {
		e.SubType = r.u32()
	}
	if e.Override&OverrideColor != 0 {
		e.Color = r.u32()
	}
	return e, !r.short
}

func (r *reader) extended(e *Exception, version uint32) {
	if version >= highlightVersion {
		e.ChangeHighlight = r.block()
		if e.ChangeHighlight == nil {
			e.ChangeHighlight = []byte{}
		}
	}
	e.ReservedEE1 = r.block()
	if e.Override&(OverrideSubject|OverrideLocation) == 0 || r.short {
		return
	}
	x := [3]Minutes{Minutes(r.u32()), Minutes(r.u32()), Minutes(r.u32())}
	wide := func() (string, bool) {
		p := r.take(2 * int(r.u16()))
		return mapi.DecodeUTF16(p), !r.short
	}
	if e.Override&OverrideSubject != 0 {
		if s, ok := wide(); ok {
			e.Subject = s
		}
	}
	if e.Override&OverrideLocation != 0 {
		if s, ok := wide(); ok {
			e.Location = s
		}
	}
	e.ReservedEE2 = r.block()
	if !r.short {
		e.extended = &x
	}
}

// latin reads bytes of an unknown code page; a Unicode form follows as a rule.
func latin(b []byte) string {
	rs := make([]rune, len(b))
	for i, c := range b {
		rs[i] = rune(c)
	}
	return string(rs)
}
