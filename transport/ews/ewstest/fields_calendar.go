package ewstest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
)

// States of an appointment. [MS-OXOCAL] 2.2.1.10
const (
	stateMeeting  = 0x1
	stateCanceled = 0x4
)

func appointmentState(bit int64) func(v *view) any {
	return func(v *view) any {
		n, _ := v.props().NameInt(mapi.PidLidAppointmentStateFlags)
		return n&bit != 0
	}
}

func (v *view) recurring() *recurrence.Recurrence {
	val, ok := v.props().GetName(mapi.PidLidAppointmentRecur)
	if !ok {
		return nil
	}
	b, err := mapi.ReadBlob(v.c.ctx, val.Blob(), maxExtended)
	if err != nil {
		return nil
	}
	r, _, err := recurrence.Parse(b)
	if err != nil {
		return nil
	}
	return r
}

// calendarFields are those of a CalendarItemType. [MS-OXWSMTGS] 2.2.4.9
var calendarFields = []field{
	{uri: "calendar:UID", name: "UID", scope: inAll, get: getUID, set: setUID},
	date("calendar:Start", inDefault, named(mapi.PidLidAppointmentStartWhole), named(mapi.PidLidCommonStart), tagged(mapi.PidTagStartDate)),
	date("calendar:End", inDefault, named(mapi.PidLidAppointmentEndWhole), named(mapi.PidLidCommonEnd), tagged(mapi.PidTagEndDate)),
	allDay(),
	choice("calendar:LegacyFreeBusyStatus", inDefault, named(mapi.PidLidBusyStatus), 2, "Free", "Tentative", "Busy", "OOF", "WorkingElsewhere"),
	text("calendar:Location", inDefault, named(mapi.PidLidLocation)),
	computed("calendar:IsMeeting", inAll, appointmentState(stateMeeting)),
	computed("calendar:IsCancelled", inAll, appointmentState(stateCanceled)),
	computed("calendar:IsRecurring", inAll, func(v *view) any { return v.recurring() != nil }),
	computed("calendar:MeetingRequestWasSent", inAll, func(v *view) any { return v.props().NameBool(mapi.PidLidFInvited) }),
	flag("calendar:IsResponseRequested", inAll, tagged(mapi.PidTagResponseRequested)),
	computed("calendar:CalendarItemType", inDefault, func(v *view) any {
		if v.recurring() != nil {
			return "RecurringMaster"
		}
		return "Single"
	}),
	computed("calendar:MyResponseType", inAll, func(v *view) any {
		n, _ := v.props().NameInt(mapi.PidLidResponseStatus)
		return responseTypes[max(0, min(n, int64(len(responseTypes)-1)))]
	}),
	one("calendar:Organizer", inDefault, from),
	many("calendar:RequiredAttendees", inAll, mapi.RecipientTo, true),
	many("calendar:OptionalAttendees", inAll, mapi.RecipientCc, true),
	many("calendar:Resources", inAll, mapi.RecipientBcc, true),
	computed("calendar:Duration", inAll, func(v *view) any {
		d := v.props().NameTime(mapi.PidLidAppointmentEndWhole).Sub(v.props().NameTime(mapi.PidLidAppointmentStartWhole))
		return fmt.Sprintf("PT%dM", int(max(d, 0)/time.Minute))
	}),
	computed("calendar:TimeZone", never, func(v *view) any { return or(v.zone(), "UTC") }),
	integer("calendar:AppointmentSequenceNumber", inAll, named(mapi.PidLidAppointmentSequence)),
	computed("calendar:AppointmentState", inAll, func(v *view) any {
		n, _ := v.props().NameInt(mapi.PidLidAppointmentStateFlags)
		return n
	}),
	{uri: "calendar:Recurrence", name: "Recurrence", scope: inAll, get: func(v *view) any {
		r := v.recurring()
		if r == nil {
			return nil
		}
		return func(v *view) error { return v.writePattern(&r.Pattern) }
	}, set: setRecurrence, remove: func(ps *mapi.Properties) {
		ps.DeleteName(mapi.PidLidAppointmentRecur)
		ps.SetName(mapi.PidLidRecurring, mapi.BoolValue(false))
	}},
	{uri: "calendar:MeetingTimeZone", name: "MeetingTimeZone", set: func(e *edit, n *node) error { return setZone(e, n.attr("TimeZoneName")) }},
	zoneField("calendar:StartTimeZone", mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay),
	zoneField("calendar:EndTimeZone", mapi.PidLidAppointmentTimeZoneDefinitionEndDisplay),
	flag("calendar:AllowNewTimeProposal", inAll, named(mapi.PidLidAppointmentNotAllowPropose)),
}

func allDay() field {
	f := flag("calendar:IsAllDayEvent", inAll, named(mapi.PidLidAppointmentSubType))
	f.get = func(v *view) any { return v.props().NameBool(mapi.PidLidAppointmentSubType) }
	return f
}

// zone is the Windows name of the zone of an appointment.
func (v *view) zone() string {
	for _, n := range []mapi.Name{mapi.PidLidAppointmentTimeZoneDefinitionRecur, mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay} {
		if val, ok := v.props().GetName(n); ok {
			if d, _, err := timezone.ParseDefinition(val.Raw()); err == nil {
				return d.KeyName
			}
		}
	}
	return ""
}

func zoneField(uri string, name mapi.Name) field {
	return field{
		uri: uri, name: element(uri), scope: inAll,
		get: func(v *view) any {
			val, ok := v.props().GetName(name)
			if !ok {
				return nil
			}
			d, _, err := timezone.ParseDefinition(val.Raw())
			if err != nil || d.KeyName == "" {
				return nil
			}
			return func(v *view) error {
				v.c.w.empty("t:"+element(uri), "Id", d.KeyName)
				return nil
			}
		},
		set: func(e *edit, n *node) error {
			b, err := definition(n.attr("Id"))
			if err == nil && b != nil {
				e.msg.Props.SetName(name, mapi.BinaryValue(b))
			}
			return err
		},
		remove: func(ps *mapi.Properties) { ps.DeleteName(name) },
	}
}

// definition makes the binary form of a Windows zone; nil for a name that is
// not known.
func definition(name string) ([]byte, error) {
	iana, ok := timezone.IANA(name)
	if !ok {
		return nil, nil
	}
	z, ok := timezone.Load(iana)
	if !ok {
		return nil, nil
	}
	y := time.Now().Year()
	return timezone.AppendDefinition(nil, timezone.Define(name, z, y-1, y+1)), nil
}

func setZone(e *edit, name string) error {
	b, err := definition(name)
	if b != nil {
		e.msg.Props.SetName(mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay, mapi.BinaryValue(b))
	}
	return err
}

// Global Object IDs. [MS-OXOCAL] 2.2.1.27
var (
	goidHead = []byte{0x04, 0, 0, 0, 0x82, 0, 0xE0, 0, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 0x08}
	goidUID  = []byte("vCal-Uid\x01\x00\x00\x00")
)

const goidFixed = 40

func getUID(v *view) any {
	val, ok := v.props().GetName(mapi.PidLidGlobalObjectId)
	if !ok {
		return nil
	}
	b := val.Raw()
	if len(b) > goidFixed+len(goidUID) && bytes.HasPrefix(b[goidFixed:], goidUID) {
		return strings.TrimRight(string(b[goidFixed+len(goidUID):]), "\x00")
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

func setUID(e *edit, n *node) error {
	uid := words(n.text)
	b, err := hex.DecodeString(uid)
	if err != nil || !bytes.HasPrefix(b, goidHead) {
		data := append(append(append([]byte(nil), goidUID...), uid...), 0)
		b = append(append([]byte(nil), goidHead...), make([]byte, goidFixed-len(goidHead)-4)...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
		b = append(b, data...)
	}
	e.msg.Props.SetName(mapi.PidLidGlobalObjectId, mapi.BinaryValue(b))
	e.msg.Props.SetName(mapi.PidLidCleanGlobalObjectId, mapi.BinaryValue(b))
	return nil
}

// setRecurrence needs the start, which stands before it in the schema.
func setRecurrence(e *edit, n *node) error {
	p, err := parsePattern(n)
	if err != nil {
		return err
	}
	utc := timezone.UTC()
	var z timezone.Zone = &utc
	if val, ok := e.msg.Props.GetName(mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay); ok {
		if d, _, err := timezone.ParseDefinition(val.Raw()); err == nil {
			z = &d
			e.msg.Props.SetName(mapi.PidLidAppointmentTimeZoneDefinitionRecur, val)
		}
	}
	start := timezone.Clock(z, e.msg.Props.NameTime(mapi.PidLidAppointmentStartWhole))
	length := e.msg.Props.NameTime(mapi.PidLidAppointmentEndWhole).Sub(e.msg.Props.NameTime(mapi.PidLidAppointmentStartWhole))
	offset := uint32(start.Hour()*60 + start.Minute())
	r := recurrence.New(*p, offset, offset+uint32(max(length, 0)/time.Minute))
	e.msg.Props.SetName(mapi.PidLidAppointmentRecur, mapi.BinaryValue(recurrence.Append(nil, r)))
	e.msg.Props.SetName(mapi.PidLidRecurring, mapi.BoolValue(true))
	return nil
}
