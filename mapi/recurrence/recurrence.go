package recurrence

import "time"

// Minutes is a time on the clock, in minutes since 1601-01-01 00:00.
type Minutes uint32

const epoch = -11644473600 // 1601-01-01 in Unix time

// Time is the time on the clock as a [time.Time] in UTC.
func (m Minutes) Time() time.Time { return time.Unix(epoch+int64(m)*60, 0).UTC() }

// At is the minute of a time on the clock. Times before 1601 and after 4500
// give the nearest there is.
func At(clock time.Time) Minutes {
	n := (clock.Unix() - epoch) / 60
	return Minutes(min(max(n, 0), maxMinutes))
}

// Midnight is the day that m lies in.
func (m Minutes) Midnight() Minutes { return m - m%minutesPerDay }

// A Pattern is a RecurrencePattern: on which days something happens.
// [MS-OXOCAL] 2.2.1.44.1
type Pattern struct {
	ReaderVersion, WriterVersion uint16

	Frequency     uint16 // Daily to Yearly; what the user chose
	Type          uint16 // Day to HjMonthEnd; what is computed
	CalendarType  uint16
	FirstDateTime Minutes
	// Period is minutes for Day, weeks for Week, else months.
	Period  uint32
	Sliding uint32 // tasks: the next date counts from the completion

	Weekdays   uint32 // bits for Week and MonthNth, Sunday is bit 0
	DayOfMonth uint32 // for Month, MonthEnd
	N          uint32 // for MonthNth: 1 to 4, or Last

	EndType         uint32
	OccurrenceCount uint32
	FirstDOW        uint32 // the first day of the week, Sunday is 0

	// Deleted are the days that the rule gives and that do not happen as it
	// says: removed, or changed and then also an Exception.
	Deleted []Minutes
	// Modified are the days on which the changed ones happen.
	Modified []Minutes

	// StartDate is the day of the first occurrence; EndDate that of the last,
	// or for EndDate the day that was chosen, which may lie behind it.
	StartDate, EndDate Minutes
}

// A Recurrence is an AppointmentRecurrencePattern. [MS-OXOCAL] 2.2.1.44.5
type Recurrence struct {
	Pattern
	ReaderVersion2, WriterVersion2 uint32
	// StartOffset and EndOffset are minutes after the midnight of each day.
	StartOffset, EndOffset uint32
	Exceptions             []Exception

	Reserved1, Reserved2 []byte
	// Trailing is what stands behind the structure.
	Trailing []byte
	// short says that the structure ended where the exceptions begin.
	short bool
}

// An Exception is an ExceptionInfo with its ExtendedException: one occurrence
// that differs. Which of the values hold is said by Override. [MS-OXOCAL]
// 2.2.1.44.2, 2.2.1.44.4
type Exception struct {
	Start, End    Minutes
	OriginalStart Minutes
	Override      uint16

	Subject, Location   string // from the ExtendedException where there is one
	MeetingType         uint32
	ReminderDelta       uint32
	ReminderSet         uint32
	BusyStatus          uint32
	Attachment          uint32
	SubType             uint32
	Color               uint32
	subject8, location8 []byte // in an unknown code page, as read

	ChangeHighlight []byte // ChangeHighlightValue and what follows it; nil without
	ReservedEE1     []byte
	ReservedEE2     []byte
	// extended is the start, end and original start as the extended part
	// repeats them.
	extended *[3]Minutes
}

// New makes a recurrence around a pattern, in the versions that Outlook
// writes.
func New(p Pattern, startOffset, endOffset uint32) *Recurrence {
	return &Recurrence{Pattern: p, ReaderVersion2: readerVersion2, WriterVersion2: writerVersion2, StartOffset: startOffset, EndOffset: endOffset}
}

// Complete sets what follows from the rule: the versions, FirstDateTime, and,
// by EndType, EndDate or OccurrenceCount. The rule, EndType, StartDate and
// EndDate (for [EndDate]) or OccurrenceCount (for [EndCount]) are set before.
// A StartDate that the rule does not give stays.
func (p *Pattern) Complete() {
	p.ReaderVersion, p.WriterVersion = patternVersion, patternVersion
	p.StartDate = p.StartDate.Midnight()
	p.FirstDateTime = p.first()
	switch p.EndType {
	case EndDate:
		// The day that was chosen, which need not be one of an occurrence.
		p.EndDate = max(p.EndDate.Midnight(), p.StartDate)
		_, n := p.Until(p.EndDate)
		p.OccurrenceCount = uint32(n)
	case EndCount:
		if last, ok := p.Nth(int64(p.OccurrenceCount)); ok {
			p.EndDate = last
		} else {
			p.EndDate = Never
		}
	default:
		p.EndType = NoEnd
		p.OccurrenceCount = 10 // [MS-OXOCAL] 2.2.1.44.1 says so
		p.EndDate = Never
	}
}

// first computes FirstDateTime. [MS-OXOCAL] 2.2.1.44.1.1
func (p *Pattern) first() Minutes {
	start := int64(p.StartDate)
	switch p.Type {
	case Day:
		if p.Period == 0 {
			return 0
		}
		return Minutes(start % int64(p.Period))
	case Week:
		if p.Period == 0 {
			return 0
		}
		return Minutes(max(0, p.weekStart(start/minutesPerDay)*minutesPerDay) % (int64(p.Period) * 7 * minutesPerDay))
	}
	if p.Period == 0 {
		return 0
	}
	t := p.StartDate.Time()
	months := int64(t.Year()-1601)*12 + int64(t.Month()-1)
	months %= int64(p.Period)
	return Minutes(monthStart(months) * minutesPerDay)
}

// weekStart is the first day of the week that a day lies in; days count from
// 1601-01-01, a Monday.
func (p *Pattern) weekStart(day int64) int64 {
	back := (day + 1 - int64(p.FirstDOW%7)) % 7
	if back < 0 {
		back += 7
	}
	return day - back
}

// monthStart is the first day of a month, both counted from 1601-01.
func monthStart(months int64) int64 {
	t := time.Date(1601+int(months/12), time.Month(1+months%12), 1, 0, 0, 0, 0, time.UTC)
	return (t.Unix() - epoch) / 86400
}
