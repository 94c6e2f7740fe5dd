package recurrence

// Values of RecurFrequency. [MS-OXOCAL] 2.2.1.44.1
const (
	Daily   = 0x200A
	Weekly  = 0x200B
	Monthly = 0x200C
	Yearly  = 0x200D
)

// Values of PatternType. [MS-OXOCAL] 2.2.1.44.1
const (
	Day        = 0x0000
	Week       = 0x0001
	Month      = 0x0002 // a day of the month; a short month gives its last day
	MonthNth   = 0x0003 // the n-th of some weekdays
	MonthEnd   = 0x0004
	HjMonth    = 0x000A
	HjMonthNth = 0x000B
	HjMonthEnd = 0x000C
)

// Values of EndType. [MS-OXOCAL] 2.2.1.44.1
const (
	EndDate  = 0x2021
	EndCount = 0x2022
	NoEnd    = 0x2023
	noEnd2   = 0xFFFFFFFF // means the same
)

// Last is the value of N for the last weekday of a month.
const Last = 5

// Never is the EndDate of a recurrence without end.
const Never Minutes = 0x5AE980DF

// maxMinutes is the end of the calendar, 4500-08-31.
const maxMinutes = int64(Never)

// Bits of OverrideFlags. [MS-OXOCAL] 2.2.1.44.2
const (
	OverrideSubject     = 0x0001
	OverrideMeetingType = 0x0002
	OverrideDelta       = 0x0004
	OverrideReminder    = 0x0008
	OverrideLocation    = 0x0010
	OverrideBusyStatus  = 0x0020
	OverrideAttachment  = 0x0040
	OverrideSubType     = 0x0080
	OverrideColor       = 0x0100
	OverrideBody        = 0x0200
)

// Versions of the structures. [MS-OXOCAL] 2.2.1.44.1, 2.2.1.44.5
const (
	patternVersion = 0x3004
	readerVersion2 = 0x3006
	writerVersion2 = 0x3009
	// highlightVersion is the WriterVersion2 from which on an
	// ExtendedException has a ChangeHighlight.
	highlightVersion = 0x3009
)

const minutesPerDay = 24 * 60
