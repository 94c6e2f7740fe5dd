// Package calendar turns appointments, meetings, tasks and journal entries into
// iCalendar and back, by the rules of [MS-OXCICAL].
//
// Start from [Import], which reads a file as messages, [Messages], which gives
// them one after the other, and [Export], which writes messages as a file.
// [Part] tells whether a message has a form in iCalendar, and by which method.
//
//	IPM.Appointment                    VEVENT, METHOD:PUBLISH
//	IPM.Schedule.Meeting.Request       VEVENT, METHOD:REQUEST
//	IPM.Schedule.Meeting.Canceled      VEVENT, METHOD:CANCEL
//	IPM.Schedule.Meeting.Resp.*        VEVENT, METHOD:REPLY, or COUNTER
//	IPM.Task                           VTODO
//	IPM.Activity, IPM.StickyNote       VJOURNAL
//
// [MS-OXCICAL] speaks of VEVENT alone; tasks and journal entries follow RFC
// 5545 with the properties of [MS-OXOTASK] and [MS-OXOJRNL], and X-MAILCONV-
// properties where RFC 5545 has none. A note ([MS-OXONOTE]) is a VJOURNAL without
// a date whose X-MAILCONV-CLASS says what it is.
//
// With [ExportOptions.Part] and [ImportPart] an item is one part of a mail, whose
// other parts hold the texts and attachments.
//
// # What has no place
//
// Properties, parameters and components of iCalendar that MAPI has no place for
// are kept in the named properties of [KeepSet] and come back on the way out.
// The parts of a recurrence that the blob cannot say (RDATE, several rules, the
// fifth Monday, hours) are kept beside the nearest rule, with a
// [mapi.LossApproximated], and come back as long as the appointment's recurrence
// is not changed. Properties of MAPI without a form in iCalendar are listed by
// [ExportOptions.Losses].
//
// # Zones
//
// A zone is written under its IANA name with a VTIMEZONE where the rules of the
// message agree with it, else under its own name with its own rules. An all-day
// or floating event without a zone is read in [ImportOptions.Zone].
//
// Results depend on neither the clock nor the zone of the machine.
//
// Not supported: VFREEBUSY and VAVAILABILITY as items (they are kept), rules in
// lunar calendars (RSCALE, kept).
package calendar
