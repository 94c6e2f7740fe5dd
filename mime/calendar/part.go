package calendar

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// componentOf is the component that a message becomes, "" for none.
func componentOf(m *mapi.Message) string {
	class := strings.ToLower(m.Class())
	is := func(c string) bool {
		c = strings.ToLower(c)
		return class == c || strings.HasPrefix(class, strings.TrimSuffix(c, ".")+".")
	}
	switch {
	case is(classAppointment), is(classRequest), is(classCanceled), is(classResponse):
		return "VEVENT"
	case class == strings.ToLower(classException):
		return "VEVENT"
	case is(classTask):
		return "VTODO"
	case is(classJournal), is(classSticky):
		return "VJOURNAL"
	}
	return ""
}

// Component is the component that a message becomes (VEVENT, VTODO, VJOURNAL),
// "" for none.
func Component(m *mapi.Message) string { return componentOf(m) }

// Part tells whether a message has a form in iCalendar, and with which METHOD
// it travels: PUBLISH, REQUEST, REPLY, COUNTER or CANCEL. It goes by the
// message class; a message that only holds what is left of a calendar
// ([NameCalendar]) has a form too. [MS-OXCICAL] 2.1.3.1.1.1
func Part(m *mapi.Message) (method string, ok bool) {
	if componentOf(m) == "" {
		_, kept := m.Props.GetName(NameCalendar)
		return "PUBLISH", kept
	}
	class := strings.ToLower(m.Class())
	switch {
	case strings.HasPrefix(class, strings.ToLower(classRequest)):
		return "REQUEST", true
	case strings.HasPrefix(class, strings.ToLower(classCanceled)):
		return "CANCEL", true
	case strings.HasPrefix(class, strings.ToLower(classResponse)):
		if m.Props.NameBool(mapi.PidLidAppointmentCounterProposal) {
			return "COUNTER", true
		}
		return "REPLY", true
	}
	return "PUBLISH", true
}

// classOf is the message class of a VEVENT by its METHOD. [MS-OXCICAL]
// 2.1.3.1.1.1
func classOf(method, partstat string) string {
	switch method {
	case "REQUEST":
		return classRequest
	case "CANCEL":
		return classCanceled
	case "COUNTER":
		return classResponse + "Tent"
	case "REPLY":
		switch partstat {
		case "ACCEPTED":
			return classResponse + "Pos"
		case "DECLINED":
			return classResponse + "Neg"
		}
		return classResponse + "Tent"
	}
	return classAppointment
}

// plainClass is the class that a reader gives to what m becomes, if nothing tells
// it more.
func plainClass(m *mapi.Message) string {
	class := strings.ToLower(m.Class())
	for _, c := range []string{classRequest, classCanceled, classResponse + "Pos", classResponse + "Neg", classResponse + "Tent", classAppointment, classTask} {
		if strings.HasPrefix(class, strings.ToLower(c)) {
			return c
		}
	}
	switch componentOf(m) {
	case "VJOURNAL":
		return classJournal
	case "":
		return m.Class()
	}
	if strings.HasPrefix(class, strings.ToLower(classResponse)) {
		return classResponse + "Tent"
	}
	return m.Class()
}

// fits reports whether a class that a file states is one that a component of a
// plain class may have.
func fits(class, plain string) bool {
	below := func(c string) bool {
		return len(class) > len(c) && strings.EqualFold(class[:len(c)+1], c+".") && len(class) < 256
	}
	return below(plain) || plain == classJournal && (class == classSticky || below(classSticky))
}
