package calendar

import "github.com/mailconv/mailconv/mapi"

// KeepSet is the property set of what mailconv keeps in a message so that it
// can be given back. It is the set that package mime uses too.
var KeepSet = mapi.MustGUID("6d61696c-636f-6e76-8001-4b6570744d49")

// Properties of [KeepSet]. All hold content lines without folds, one in each
// element of a PtypMultipleString.
var (
	// NameProperties holds properties and components of the item that have no
	// place in MAPI. Components are lines from BEGIN to END.
	NameProperties = mapi.Name{Set: KeepSet, Name: "iCalendarProperties"}
	// NameParameters holds lines that have a place, with those of their
	// parameters that have none.
	NameParameters = mapi.Name{Set: KeepSet, Name: "iCalendarParameters"}
	// NameCalendar holds properties and components of the calendar around the
	// item.
	NameCalendar = mapi.Name{Set: KeepSet, Name: "iCalendarCalendar"}
	// NameRecurrence holds a digest of the recurrence as it was read, then the
	// lines that say it whole.
	NameRecurrence = mapi.Name{Set: KeepSet, Name: "iCalendarRecurrence"}
	// NameAlarms holds the reminder as it was read, then the VALARMs.
	NameAlarms = mapi.Name{Set: KeepSet, Name: "iCalendarAlarms"}
	// NameZones holds the names of the zones of DTSTART and DTEND where they
	// are not those that MAPI's zone gives; "floating" for none.
	NameZones = mapi.Name{Set: KeepSet, Name: "iCalendarZones"}
)

const floating = "floating"

// A field is a property that has the same value on both sides.
type field struct {
	ical string
	tag  mapi.Tag
	name mapi.Name // where tag is 0
	kind kind
	zero bool // absent is 0 or FALSE
}

type kind uint8

const (
	text kind = iota
	integer
	boolean  // TRUE or FALSE
	instant  // UTC
	duration // minutes
	texts    // a list
)

func (f *field) get(ps mapi.Properties) (mapi.Value, bool) {
	if f.tag != 0 {
		return ps.Get(f.tag)
	}
	return ps.GetName(f.name)
}

func (f *field) set(ps *mapi.Properties, v mapi.Value) {
	if f.tag != 0 {
		ps.Set(f.tag, v)
		return
	}
	ps.SetName(f.name, v)
}

// Fields of every component.
var commonFields = []field{
	{ical: "CREATED", tag: mapi.PidTagCreationTime, kind: instant},
	{ical: "LAST-MODIFIED", tag: mapi.PidTagLastModificationTime, kind: instant},
	{ical: "X-MAILCONV-SENT", tag: mapi.PidTagClientSubmitTime, kind: instant},
	{ical: "X-MAILCONV-DELIVERED", tag: mapi.PidTagMessageDeliveryTime, kind: instant},
	{ical: "X-MAILCONV-MESSAGE-ID", tag: mapi.PidTagInternetMessageId},
	{ical: "X-MAILCONV-NORMALIZED-SUBJECT", tag: mapi.PidTagNormalizedSubject},
	{ical: "X-MAILCONV-COMPANIES", name: mapi.PidLidCompanies, kind: texts},
	{ical: "X-MAILCONV-CONTACTS", name: mapi.PidLidContacts, kind: texts},
	{ical: "X-MAILCONV-BILLING", name: mapi.PidLidBilling},
	{ical: "X-MAILCONV-MILEAGE", name: mapi.PidLidMileage},
}

// Fields of VEVENT. [MS-OXCICAL] 2.1.3.1.1.20
var eventFields = []field{
	{ical: "LOCATION", name: mapi.PidLidLocation},
	{ical: "X-MICROSOFT-CDO-OWNERAPPTID", tag: mapi.PidTagOwnerAppointmentId, kind: integer},
	{ical: "X-MICROSOFT-CDO-OWNER-CRITICAL-CHANGE", name: mapi.PidLidOwnerCriticalChange, kind: instant},
	{ical: "X-MICROSOFT-CDO-ATTENDEE-CRITICAL-CHANGE", name: mapi.PidLidAttendeeCriticalChange, kind: instant},
	{ical: "X-MICROSOFT-CDO-REPLYTIME", name: mapi.PidLidAppointmentReplyTime, kind: instant},
	{ical: "X-MICROSOFT-DISALLOW-COUNTER", name: mapi.PidLidAppointmentNotAllowPropose, kind: boolean},
	{ical: "X-MS-OLK-ALLOWEXTERNCHECK", name: mapi.PidLidAllowExternalCheck, kind: boolean},
	{ical: "X-MS-OLK-APPTLASTSEQUENCE", name: mapi.PidLidAppointmentLastSequence, kind: integer},
	{ical: "X-MS-OLK-APPTSEQTIME", name: mapi.PidLidAppointmentSequenceTime, kind: instant},
	{ical: "X-MS-OLK-AUTOFILLLOCATION", name: mapi.PidLidAutoFillLocation, kind: boolean},
	{ical: "X-MS-OLK-AUTOSTARTCHECK", name: mapi.PidLidAutoStartCheck, kind: boolean},
	{ical: "X-MS-OLK-COLLABORATEDOC", name: mapi.PidLidCollaborateDoc},
	{ical: "X-MS-OLK-CONFCHECK", name: mapi.PidLidConferencingCheck, kind: boolean},
	{ical: "X-MS-OLK-CONFTYPE", name: mapi.PidLidConferencingType, kind: integer},
	{ical: "X-MS-OLK-DIRECTORY", name: mapi.PidLidDirectory},
	{ical: "X-MS-OLK-MWSURL", name: mapi.PidLidMeetingWorkspaceUrl},
	{ical: "X-MS-OLK-NETSHOWURL", name: mapi.PidLidNetShowUrl},
	{ical: "X-MS-OLK-ONLINEPASSWORD", name: mapi.PidLidOnlinePassword},
	{ical: "X-MS-OLK-ORGALIAS", name: mapi.PidLidOrganizerAlias},
	{ical: "X-MAILCONV-APPT-COLOR", name: mapi.PidLidAppointmentColor, kind: integer, zero: true},
	{ical: "X-MAILCONV-RESPONSE-STATUS", name: mapi.PidLidResponseStatus, kind: integer, zero: true},
	{ical: "X-MAILCONV-STATE-FLAGS", name: mapi.PidLidAppointmentStateFlags, kind: integer},
	{ical: "X-MAILCONV-INVITED", name: mapi.PidLidFInvited, kind: boolean, zero: true},
	{ical: "X-MAILCONV-MEETING-TYPE", name: mapi.PidLidMeetingType, kind: integer},
	{ical: "X-MAILCONV-REMINDER-DELTA", name: mapi.PidLidReminderDelta, kind: integer},
	{ical: "X-MAILCONV-WHERE", name: mapi.PidLidWhere},
	{ical: reminderLine, name: mapi.PidLidReminderTime, kind: instant},
}

// Fields of VTODO. [MS-OXOTASK] 2.2.2.2
var taskFields = []field{
	{ical: reminderLine, name: mapi.PidLidReminderTime, kind: instant},
	{ical: commonStartLine, name: mapi.PidLidCommonStart, kind: instant},
	{ical: commonEndLine, name: mapi.PidLidCommonEnd, kind: instant},
	{ical: "X-MAILCONV-TASK-OWNER", name: mapi.PidLidTaskOwner},
	{ical: "X-MAILCONV-TASK-ASSIGNER", name: mapi.PidLidTaskAssigner},
	{ical: "X-MAILCONV-TASK-ACTUAL-EFFORT", name: mapi.PidLidTaskActualEffort, kind: duration},
	{ical: "X-MAILCONV-TASK-ESTIMATED-EFFORT", name: mapi.PidLidTaskEstimatedEffort, kind: duration},
	{ical: "X-MAILCONV-TASK-OWNERSHIP", name: mapi.PidLidTaskOwnership, kind: integer},
	{ical: "X-MAILCONV-TASK-STATE", name: mapi.PidLidTaskState, kind: integer},
	{ical: "X-MAILCONV-TASK-ACCEPTANCE-STATE", name: mapi.PidLidTaskAcceptanceState, kind: integer},
	{ical: "X-MAILCONV-TASK-MODE", name: mapi.PidLidTaskMode, kind: integer},
	{ical: "X-MAILCONV-TASK-VERSION", name: mapi.PidLidTaskVersion, kind: integer},
	{ical: "X-MAILCONV-TASK-ORDINAL", name: mapi.PidLidTaskOrdinal, kind: integer},
	{ical: "X-MAILCONV-TASK-TEAM", name: mapi.PidLidTeamTask, kind: boolean},
	{ical: "X-MAILCONV-TASK-REMINDER-PENDING", name: mapi.PidLidTaskResetReminder, kind: boolean},
	{ical: "X-MAILCONV-TASK-DEAD", name: mapi.PidLidTaskDeadOccurrence, kind: boolean},
}

// Fields of VJOURNAL. [MS-OXOJRNL] 2.2.1
var journalFields = []field{
	{ical: "X-MAILCONV-LOG-TYPE", name: mapi.PidLidLogType},
	{ical: "X-MAILCONV-LOG-TYPE-DESC", name: mapi.PidLidLogTypeDesc},
	{ical: "X-MAILCONV-LOG-END", name: mapi.PidLidLogEnd, kind: instant},
	{ical: "X-MAILCONV-LOG-DURATION", name: mapi.PidLidLogDuration, kind: duration},
	{ical: "X-MAILCONV-LOG-FLAGS", name: mapi.PidLidLogFlags, kind: integer},
	{ical: "X-MAILCONV-LOG-PRINTED", name: mapi.PidLidLogDocumentPrinted, kind: boolean},
	{ical: "X-MAILCONV-LOG-SAVED", name: mapi.PidLidLogDocumentSaved, kind: boolean},
	{ical: "X-MAILCONV-LOG-ROUTED", name: mapi.PidLidLogDocumentRouted, kind: boolean},
	{ical: "X-MAILCONV-LOG-POSTED", name: mapi.PidLidLogDocumentPosted, kind: boolean},
}

// Fields of a note, which is a VJOURNAL too. [MS-OXONOTE] 2.2.1
var noteFields = []field{
	{ical: "X-MAILCONV-NOTE-COLOR", name: mapi.PidLidNoteColor, kind: integer},
	{ical: "X-MAILCONV-NOTE-WIDTH", name: mapi.PidLidNoteWidth, kind: integer},
	{ical: "X-MAILCONV-NOTE-HEIGHT", name: mapi.PidLidNoteHeight, kind: integer},
	{ical: "X-MAILCONV-NOTE-X", name: mapi.PidLidNoteX, kind: integer},
	{ical: "X-MAILCONV-NOTE-Y", name: mapi.PidLidNoteY, kind: integer},
}

// Lines of times that a reader mostly finds by itself.
const (
	reminderLine    = "X-MAILCONV-REMINDER-TIME"
	commonStartLine = "X-MAILCONV-COMMON-START"
	commonEndLine   = "X-MAILCONV-COMMON-END"
	cleanLine       = "X-MAILCONV-CLEAN-ID"
)

// classLine says the message class where the component does not.
const classLine = "X-MAILCONV-CLASS"

func fieldsOf(component string) [][]field {
	switch component {
	case "VTODO":
		return [][]field{commonFields, taskFields}
	case "VJOURNAL":
		return [][]field{commonFields, journalFields, noteFields}
	}
	return [][]field{commonFields, eventFields}
}

// Values of PidLidBusyStatus. [MS-OXOCAL] 2.2.1.2
var busyNames = []string{"FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"}

// Values of PidTagSensitivity. [MS-OXCICAL] 2.1.3.1.1.20.4
var classNames = []string{"PUBLIC", "X-PERSONAL", "PRIVATE", "CONFIDENTIAL"}

// Values of PidTagRecipientTrackStatus. [MS-OXOCAL] 2.2.4.10.2
const (
	trackNone      = 0
	trackOrganized = 1
	trackTentative = 2
	trackAccepted  = 3
	trackDeclined  = 4
	trackNotYet    = 5
)

// Bits of PidTagRecipientFlags. [MS-OXOCAL] 2.2.4.10.1
const (
	recipientSendable  = 0x01
	recipientOrganizer = 0x02
)

// Bits of PidLidAppointmentStateFlags. [MS-OXOCAL] 2.2.1.10
const (
	stateMeeting  = 1
	stateReceived = 2
	stateCanceled = 4
)

const (
	classAppointment = "IPM.Appointment"
	classTask        = "IPM.Task"
	classJournal     = "IPM.Activity"
	classSticky      = "IPM.StickyNote"
	classRequest     = "IPM.Schedule.Meeting.Request"
	classCanceled    = "IPM.Schedule.Meeting.Canceled"
	classResponse    = "IPM.Schedule.Meeting.Resp."
	classException   = "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}"
	classNote        = "IPM.Note"
)
