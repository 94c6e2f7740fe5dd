// Package recurrence reads, writes and expands the recurrence of appointments
// (PidLidAppointmentRecur) and of tasks (PidLidTaskRecurrence). [MS-OXOCAL]
// 2.2.1.44, [MS-OXOTASK] 2.2.2.2.15
//
// Start from [Parse], which reads an appointment's [Recurrence] with its
// exceptions, and from [Pattern], the rule inside it, which is all that a task
// has ([ParsePattern]). [Pattern.Dates] and [Recurrence.Occurrences] expand.
//
// Dates and times are those on the clock of the zone of the recurrence, in
// minutes since 1601-01-01 ([Minutes]). Nothing is expanded until it is asked
// for, and counting days takes no time that depends on the number of
// occurrences, except for monthly rules, which end with the calendar in 4500.
//
// What is read is written again byte for byte, with the reserved blocks.
//
// Not supported: expansion of rules in lunar calendars (they are kept).
package recurrence
