package olm

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// appointment makes an appointment. [MS-OXOCAL] 2.2.1
func (b *builder) appointment() {
	n := b.n
	b.text(mapi.PidTagSubject, n.get("OPFCalendarEventCopySummary"))
	b.named(mapi.PidLidLocation, n.get("OPFCalendarEventCopyLocation"))
	b.time(mapi.PidTagLastModificationTime, n.date("OPFCalendarEventCopyModDate"))
	begin, stop := n.date("OPFCalendarEventCopyStartTime"), n.date("OPFCalendarEventCopyEndTime")
	if stop.Before(begin) {
		stop = begin
	}
	if !begin.IsZero() {
		b.namedTime(mapi.PidLidAppointmentStartWhole, begin)
		b.namedTime(mapi.PidLidAppointmentEndWhole, stop)
		b.namedTime(mapi.PidLidCommonStart, begin)
		b.namedTime(mapi.PidLidCommonEnd, stop)
		b.time(mapi.PidTagStartDate, begin)
		b.time(mapi.PidTagEndDate, stop)
		b.m.Props.SetName(mapi.PidLidAppointmentDuration, mapi.Int32Value(int32(min(stop.Sub(begin)/time.Minute, 1<<30))))
	}
	b.m.Props.SetName(mapi.PidLidAppointmentSubType, mapi.BoolValue(n.bool("OPFCalendarEventGetIsAllDayEvent")))
	if n.bool("OPFCalendarEventGetIsPrivate") {
		b.m.Props.SetName(mapi.PidLidPrivate, mapi.BoolValue(true))
		b.m.Props.Set(mapi.PidTagSensitivity, mapi.Int32Value(2))
	}
	b.body(false, "OPFCalendarEventCopyDescriptionPlain")
	b.body(true, "OPFCalendarEventCopyDescription")
	b.categories("OPFCalendarEventCopyCategoryList", "OPFCalendarEventCopyPrimaryCategory")
	b.attachments("OPFCalendarEventCopyAttachmentList")
	// Free/busy is 0 to 3 as in PidLidBusyStatus.
	if v, ok := n.number("OPFCalendarEventCopyFreeBusyStatus"); ok && v >= 0 && v <= 4 {
		b.m.Props.SetName(mapi.PidLidBusyStatus, mapi.Int32Value(int32(v)))
	} else if k := n.child("OPFCalendarEventCopyFreeBusyStatus"); k != nil {
		k.used = false
	}
	if n.bool("OPFCalendarEventGetHasReminder") {
		b.m.Props.SetName(mapi.PidLidReminderSet, mapi.BoolValue(true))
		// In seconds.
		if v, ok := n.number("OPFCalendarEventCopyReminderDelta"); ok && v >= 0 && v < 1e9 {
			b.m.Props.SetName(mapi.PidLidReminderDelta, mapi.Int32Value(int32(v/60)))
			if !begin.IsZero() {
				b.namedTime(mapi.PidLidReminderTime, begin)
				b.namedTime(mapi.PidLidReminderSignalTime, begin.Add(-time.Duration(v)*time.Second))
			}
		}
	}
	if uid := strings.TrimSpace(n.get("OPFCalendarEventCopyUUID")); uid != "" {
		id := globalObjectID(uid)
		b.m.Props.SetName(mapi.PidLidGlobalObjectId, mapi.BinaryValue(id))
		b.m.Props.SetName(mapi.PidLidCleanGlobalObjectId, mapi.BinaryValue(id))
	}
	b.attendees()
	b.recurrence("OPFCalendarEventCopyRecurrence", n.bool("OPFCalendarEventIsRecurring"))
}

func (b *builder) attendees() {
	organizer := person{addr: strings.TrimSpace(b.n.get("OPFCalendarEventCopyOrganizer"))}
	if list := b.people("OPFCalendarEventCopyOrganizer"); len(list) > 0 {
		organizer = list[0]
	}
	if organizer.addr != "" && !strings.Contains(organizer.addr, "@") {
		organizer = person{name: organizer.addr}
	}
	if organizer.shown() != "" {
		b.sender(organizer, mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingSmtpAddress)
		b.sender(organizer, mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderSmtpAddress)
	}
	k := b.n.child("OPFCalendarEventCopyAttendeeList")
	if k == nil {
		return
	}
	for _, x := range k.kids {
		p := person{strings.TrimSpace(x.attr("OPFCalendarAttendeeName")), strings.TrimSpace(x.attr("OPFCalendarAttendeeAddress"))}
		if p.shown() == "" {
			continue
		}
		// Required, optional, resource.
		typ := int32(mapi.RecipientTo)
		switch strings.TrimSpace(x.attr("OPFCalendarAttendeeType")) {
		case "2":
			typ = mapi.RecipientCc
		case "3":
			typ = mapi.RecipientBcc
		}
		b.recipient(typ, p)
	}
	if len(b.m.Recipients) > 0 {
		b.m.Props.SetName(mapi.PidLidAppointmentStateFlags, mapi.Int32Value(1)) // a meeting
	}
}

// recurrence keeps a rule as text, and says so: it stands on the clock of a
// zone that the file describes in its own way.
func (b *builder) recurrence(name string, recurring bool) {
	k := b.n.child(name)
	if k == nil {
		return
	}
	k.used = false
	if recurring || len(k.kids) > 0 {
		b.Add(mapi.Problem{Severe: true, Where: b.e.file.Name, Offset: -1, Field: name, Detail: "a recurring item: its rule is kept as text only, and the item stands for its first occurrence"})
	}
}

// globalObjectID holds the UID of an iCalendar event. [MS-OXOCAL] 2.2.1.27
func globalObjectID(uid string) []byte {
	b := []byte{0x04, 0, 0, 0, 0x82, 0, 0xE0, 0, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 0x08}
	b = append(b, make([]byte, 20)...) // no exception, no time of creation
	data := append([]byte("vCal-Uid\x01\x00\x00\x00"), uid...)
	data = append(data, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

// task makes a task. [MS-OXOTASK] 2.2.2
func (b *builder) task() {
	n := b.n
	b.text(mapi.PidTagSubject, n.get("OPFTaskCopyName"))
	b.time(mapi.PidTagLastModificationTime, n.date("OPFTaskCopyModDate"))
	b.body(false, "OPFTaskCopyNotePlain")
	b.body(true, "OPFTaskCopyNote")
	b.importance("OPFTaskGetPriority")
	b.categories("OPFTaskCopyCategoryList", "OPFTaskCopyPrimaryCategory")
	b.namedTime(mapi.PidLidTaskStartDate, n.date("OPFTaskCopyStartDateTime"))
	b.namedTime(mapi.PidLidTaskDueDate, n.date("OPFTaskCopyDueDateTime"))
	done := n.date("OPFTaskCopyCompletedDateTime")
	b.namedTime(mapi.PidLidTaskDateCompleted, done)
	status, percent := int32(0), 0.0
	if !done.IsZero() {
		status, percent = 2, 1
	}
	b.m.Props.SetName(mapi.PidLidTaskStatus, mapi.Int32Value(status))
	b.m.Props.SetName(mapi.PidLidPercentComplete, mapi.Float64Value(percent))
	b.m.Props.SetName(mapi.PidLidTaskComplete, mapi.BoolValue(!done.IsZero()))
	if t := n.date("OPFTaskCopyReminderTime"); !t.IsZero() {
		b.m.Props.SetName(mapi.PidLidReminderSet, mapi.BoolValue(true))
		b.namedTime(mapi.PidLidReminderTime, t)
		b.namedTime(mapi.PidLidReminderSignalTime, t)
	}
	b.recurrence("OPFTaskCopyRecurrence", false)
}

// note makes a sticky note. [MS-OXONOTE] 2.2.2
func (b *builder) note() {
	b.text(mapi.PidTagSubject, b.n.get("OPFNoteCopyTitle"))
	b.time(mapi.PidTagCreationTime, b.n.date("OPFNoteCopyCreationDate"))
	b.time(mapi.PidTagLastModificationTime, b.n.date("OPFNoteCopyModDate"))
	b.categories("OPFNoteCopyCategoryList", "OPFNoteCopyPrimaryCategory")
	k := b.n.child("OPFNoteCopyText")
	if k == nil || k.size == 0 {
		return
	}
	b.setBody(isMarkup(k.text), k)
	if b.m.Props.Text(mapi.PidTagSubject) == "" && !isMarkup(k.text) {
		line, _, _ := strings.Cut(strings.TrimSpace(k.text), "\n")
		b.text(mapi.PidTagSubject, line[:min(len(line), 255)])
	}
}
