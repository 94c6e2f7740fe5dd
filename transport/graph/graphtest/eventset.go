package graphtest

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// newEvent makes an appointment of the JSON that a client sent.
func (c *call) newEvent(o object) (*mapi.Message, error) {
	m := &mapi.Message{}
	ps := &m.Props
	ps.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Appointment"))
	ps.Set(mapi.PidTagMessageFlags, mapi.Int32Value(flagRead))
	ps.SetName(mapi.PidLidBusyStatus, mapi.Int32Value(2))
	ps.SetName(mapi.PidLidResponseStatus, mapi.Int32Value(0))
	for _, need := range []string{"start", "end"} {
		if child(o, need) == nil {
			return nil, fail(400, "ErrorPropertyValidationFailure", "At least one property failed validation. Property: '%s'.", need)
		}
	}
	// [MS-OXOCAL] 2.2.1.27: the head of a global object id, no date, now, the
	// size of what follows, and that.
	id, _ := hex.DecodeString("040000008200E00074C5B7101A82E008")
	id = append(id, 0, 0, 0, 0)
	id = append(id, mapi.TimeValue(c.s.now()).Raw()...)
	id = append(id, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0)
	tail := make([]byte, 16)
	rand.Read(tail) //nolint:errcheck // never fails
	id = append(id, tail...)
	ps.SetName(mapi.PidLidGlobalObjectId, mapi.BinaryValue(id))
	ps.SetName(mapi.PidLidCleanGlobalObjectId, mapi.BinaryValue(id))
	return m, c.setEvent(m, o)
}

// eventIgnored are properties of an event that the server computes.
var eventIgnored = []string{
	"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "bodyPreview", "hasAttachments", "iCalUId", "isCancelled", "isOrganizer", "isDraft",
	"onlineMeeting", "onlineMeetingUrl", "webLink", "type", "seriesMasterId", "originalStart", "originalStartTimeZone", "originalEndTimeZone",
	"responseStatus", "transactionId", "isOnlineMeeting", "onlineMeetingProvider", "allowNewTimeProposals", "hideAttendees", "organizer",
	"locations", "cancelledOccurrences",
}

func (c *call) setEvent(m *mapi.Message, o object) error {
	ps := &m.Props
	for name := range o {
		if slices.Contains(eventIgnored, name) || strings.HasPrefix(name, "@") {
			continue
		}
		switch name {
		case "subject":
			ps.Set(mapi.PidTagSubject, mapi.StringValue(text(o, name)))
			ps.Set(mapi.PidTagNormalizedSubject, mapi.StringValue(text(o, name)))
		case "body":
			setBody(m, child(o, name))
		case "start", "end":
			t, ok := parseZoned(child(o, name))
			if !ok {
				return fail(400, "ErrorPropertyValidationFailure", "At least one property failed validation. Property: '%s'.", name)
			}
			whole, common := mapi.PidLidAppointmentStartWhole, mapi.PidLidCommonStart
			if name == "end" {
				whole, common = mapi.PidLidAppointmentEndWhole, mapi.PidLidCommonEnd
			}
			ps.SetName(whole, mapi.TimeValue(t))
			ps.SetName(common, mapi.TimeValue(t))
			if zone := text(child(o, name), "timeZone"); zone != "" {
				ps.SetName(mapi.PidLidTimeZoneDescription, mapi.StringValue(zone))
			}
		case "isAllDay":
			b, _ := truth(o, name)
			ps.SetName(mapi.PidLidAppointmentSubType, mapi.BoolValue(b))
		case "location":
			ps.SetName(mapi.PidLidLocation, mapi.StringValue(text(child(o, name), "displayName")))
		case "showAs":
			ps.SetName(mapi.PidLidBusyStatus, mapi.Int32Value(int32(max(slices.Index(showAs, text(o, name)), 0))))
		case "sensitivity":
			ps.Set(mapi.PidTagSensitivity, mapi.Int32Value(int32(max(slices.Index(sensitivities, text(o, name)), 0))))
		case "importance":
			ps.Set(mapi.PidTagImportance, mapi.Int32Value(int32(max(slices.Index([]string{"low", "normal", "high"}, text(o, name)), 0))))
		case "isReminderOn":
			b, _ := truth(o, name)
			ps.SetName(mapi.PidLidReminderSet, mapi.BoolValue(b))
		case "reminderMinutesBeforeStart":
			n, _ := whole(o, name)
			ps.SetName(mapi.PidLidReminderDelta, mapi.Int32Value(int32(n)))
		case "categories":
			ps.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(texts(o, name)))
		case "responseRequested":
			b, _ := truth(o, name)
			ps.Set(mapi.PidTagResponseRequested, mapi.BoolValue(b))
		case "recurrence":
			if err := setRecurrence(ps, child(o, name)); err != nil {
				return err
			}
		case "attendees":
			m.Recipients = nil
			for _, a := range children(o, name) {
				kind := map[string]int{"optional": mapi.RecipientCc, "resource": mapi.RecipientBcc}[text(a, "type")]
				if kind == 0 {
					kind = mapi.RecipientTo
				}
				m.Recipients = append(m.Recipients, newRecipient(kind, child(a, "emailAddress")))
			}
			if len(m.Recipients) > 0 {
				ps.SetName(mapi.PidLidAppointmentStateFlags, mapi.Int32Value(1))
			}
		case "attachments":
			for _, a := range children(o, name) {
				n, err := c.newAttachment(a)
				if err != nil {
					return err
				}
				attach(m, n)
			}
		case singles, multis:
		default:
			return fail(400, "RequestBodyRead", "The property '%s' does not exist on type 'microsoft.graph.event'.", name)
		}
	}
	start, end := ps.NameTime(mapi.PidLidAppointmentStartWhole), ps.NameTime(mapi.PidLidAppointmentEndWhole)
	if end.Before(start) {
		return fail(400, "ErrorCalendarEndDateIsEarlierThanStartDate", "End Date for recurring series and End Time for a single appointment cannot be earlier than start.")
	}
	if ps.NameBool(mapi.PidLidAppointmentSubType) && end.Sub(start)%(24*time.Hour) != 0 {
		return fail(400, "ErrorInvalidRequest", "The Event.Start property for an all-day event needs to be set to midnight.")
	}
	ps.SetName(mapi.PidLidAppointmentDuration, mapi.Int32Value(int32(end.Sub(start)/time.Minute)))
	return setExtended(ps, o)
}
