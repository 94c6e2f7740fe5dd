package tnef

import "strings"

// classes pairs the classes of Microsoft Mail with those of MAPI.
// [MS-OXTNEF] 2.1.3.3.5
var classes = []struct{ mail, mapi string }{
	{"IPM.Microsoft Mail.Note", "IPM.Note"},
	{"IPM.Microsoft Mail.Read Receipt", "REPORT.IPM.Note.IPNRN"},
	{"IPM.Microsoft Mail.Non-Delivery", "REPORT.IPM.Note.NDR"},
	{"IPM.Microsoft Schedule.MtgReq", "IPM.Schedule.Meeting.Request"},
	{"IPM.Microsoft Schedule.MtgCncl", "IPM.Schedule.Meeting.Canceled"},
	{"IPM.Microsoft Schedule.MtgRespP", "IPM.Schedule.Meeting.Resp.Pos"},
	{"IPM.Microsoft Schedule.MtgRespN", "IPM.Schedule.Meeting.Resp.Neg"},
	{"IPM.Microsoft Schedule.MtgRespA", "IPM.Schedule.Meeting.Resp.Tent"},
}

// classFromMail is the MAPI class for the value of attMessageClass.
func classFromMail(s string) string {
	for _, c := range classes {
		if strings.EqualFold(c.mail, s) {
			return c.mapi
		}
	}
	return s
}

// classToMail is the value of attMessageClass for a MAPI class.
func classToMail(s string) string {
	for _, c := range classes {
		if strings.EqualFold(c.mapi, s) {
			return c.mail
		}
	}
	return s
}

// responseClass reports whether a message answers a meeting request: its
// attOwner is then the received-representing party, else the
// sent-representing one. [MS-OXTNEF] 2.3.3.10
func responseClass(s string) bool {
	const prefix = "IPM.Schedule.Meeting.Resp"
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
