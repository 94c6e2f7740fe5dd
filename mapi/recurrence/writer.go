package recurrence

import (
	"encoding/binary"
	"slices"

	"github.com/mailconv/mailconv/mapi"
)

// AppendPattern writes a pattern, as PidLidTaskRecurrence has it.
func AppendPattern(b []byte, p *Pattern) []byte {
	b = u16(b, p.ReaderVersion)
	b = u16(b, p.WriterVersion)
	b = u16(b, p.Frequency)
	b = u16(b, p.Type)
	b = u16(b, p.CalendarType)
	b = u32(b, uint32(p.FirstDateTime))
	b = u32(b, p.Period)
	b = u32(b, p.Sliding)
	switch p.Type {
	case Week:
		b = u32(b, p.Weekdays)
	case Month, MonthEnd, HjMonth, HjMonthEnd:
		b = u32(b, p.DayOfMonth)
	case MonthNth, HjMonthNth:
		b = u32(b, p.Weekdays)
		b = u32(b, p.N)
	}
	b = u32(b, p.EndType)
	b = u32(b, p.OccurrenceCount)
	b = u32(b, p.FirstDOW)
	b = list(b, p.Deleted)
	b = list(b, p.Modified)
	b = u32(b, uint32(p.StartDate))
	return u32(b, uint32(p.EndDate))
}

// Append writes a recurrence as PidLidAppointmentRecur. Lengths and the Unicode
// part follow from the exceptions. [MS-OXOCAL] 2.2.1.44.5
func Append(b []byte, a *Recurrence) []byte {
	b = AppendPattern(b, &a.Pattern)
	if a.short {
		return b
	}
	b = u32(b, a.ReaderVersion2)
	b = u32(b, a.WriterVersion2)
	b = u32(b, a.StartOffset)
	b = u32(b, a.EndOffset)
	exceptions := a.Exceptions[:min(len(a.Exceptions), 0xFFFF)]
	b = u16(b, uint16(len(exceptions)))
	for i := range exceptions {
		b = exceptions[i].append(b)
	}
	b = block(b, a.Reserved1)
	for i := range exceptions {
		b = exceptions[i].appendExtended(b, a.WriterVersion2)
	}
	b = block(b, a.Reserved2)
	return append(b, a.Trailing...)
}

func (e *Exception) append(b []byte) []byte {
	b = u32(b, uint32(e.Start))
	b = u32(b, uint32(e.End))
	b = u32(b, uint32(e.OriginalStart))
	b = u16(b, e.Override)
	text := func(s string, read []byte) {
		if read == nil {
			read = narrow(s)
		}
		read = read[:min(len(read), 0xFFFE)]
		b = u16(b, uint16(len(read)+1))
		b = u16(b, uint16(len(read)))
		b = append(b, read...)
	}
	if e.Override&OverrideSubject != 0 {
		text(e.Subject, e.subject8)
	}
	if e.Override&OverrideMeetingType != 0 {
		b = u32(b, e.MeetingType)
	}
	if e.Override&OverrideDelta != 0 {
		b = u32(b, e.ReminderDelta)
	}
	if e.Override&OverrideReminder != 0 {
		b = u32(b, e.ReminderSet)
	}
	if e.Override&OverrideLocation != 0 {
		text(e.Location, e.location8)
	}
	if e.Override&OverrideBusyStatus != 0 {
		b = u32(b, e.BusyStatus)
	}
	if e.Override&OverrideAttachment != 0 {
		b = u32(b, e.Attachment)
	}
	if e.Override&OverrideSubType != 0 {
		b = u32(b, e.SubType)
	}
	if e.Override&OverrideColor != 0 {
		b = u32(b, e.Color)
	}
	return b
}

func (e *Exception) appendExtended(b []byte, version uint32) []byte {
	if version >= highlightVersion {
		h := e.ChangeHighlight
		if h == nil {
			h = make([]byte, 4)
		}
		b = block(b, h)
	}
	b = block(b, e.ReservedEE1)
	if e.Override&(OverrideSubject|OverrideLocation) == 0 {
		return b
	}
	x := [3]Minutes{e.Start, e.End, e.OriginalStart}
	if e.extended != nil {
		x = *e.extended
	}
	for _, m := range x {
		b = u32(b, uint32(m))
	}
	wide := func(s string) {
		p := mapi.EncodeUTF16(s)
		p = p[:min(len(p), 2*0xFFFF)]
		b = u16(b, uint16(len(p)/2))
		b = append(b, p...)
	}
	if e.Override&OverrideSubject != 0 {
		wide(e.Subject)
	}
	if e.Override&OverrideLocation != 0 {
		wide(e.Location)
	}
	return block(b, e.ReservedEE2)
}

// Sort brings deleted days, changed days and exceptions into the order that
// [MS-OXOCAL] 2.2.1.44.1 asks for, and removes twins.
func (a *Recurrence) Sort() {
	slices.Sort(a.Deleted)
	a.Deleted = slices.Compact(a.Deleted)
	slices.SortStableFunc(a.Exceptions, func(x, y Exception) int { return int(int64(x.Start) - int64(y.Start)) })
	slices.Sort(a.Modified)
}

// narrow is text for the part that is not Unicode.
func narrow(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xFF {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return b
}

func list(b []byte, l []Minutes) []byte {
	b = u32(b, uint32(len(l)))
	for _, m := range l {
		b = u32(b, uint32(m))
	}
	return b
}

func block(b, p []byte) []byte      { return append(u32(b, uint32(len(p))), p...) }
func u16(b []byte, n uint16) []byte { return binary.LittleEndian.AppendUint16(b, n) }
func u32(b []byte, n uint32) []byte { return binary.LittleEndian.AppendUint32(b, n) }
