package mime

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/header"
)

// NameReport holds the machine-readable part of the report that a message was
// made from, as it was (message/delivery-status, message/disposition-
// notification), decoded: the properties of a report cannot say all of its
// fields. PtypBinary, in [KeepSet].
var NameReport = mapi.Name{Set: KeepSet, Name: "Report"}

// Bounds on the report that is read.
const (
	maxReport       = 1 << 20
	maxReportGroups = 10000
)

// reportMail reads a multipart/report. It is false when the report is of a kind
// that has no message class; it then is an ordinary mail. [MS-OXCMAIL] 2.2.3.7
func (im *importer) reportMail(e *entity.Entity) bool {
	var report *entity.Entity
	for _, c := range e.Parts {
		switch c.MediaType {
		case "message/delivery-status", "message/global-delivery-status",
			"message/disposition-notification", "message/global-disposition-notification":
			report = c
		}
		if report != nil {
			break
		}
	}
	if report == nil {
		return false
	}
	b, err := mapi.ReadBlob(im.ctx, report.Content(), maxReport)
	if err != nil {
		return false
	}
	groups := fieldGroups(b)
	if len(groups) == 0 {
		return false
	}
	if strings.Contains(report.MediaType, "delivery-status") {
		im.deliveryStatus(groups)
	} else {
		im.disposition(groups[0])
	}
	im.m.Props.SetName(NameReport, mapi.BinaryValue(b))
	im.bodies.skip = report
	im.walk(e, inMixed)
	return true
}

// fieldGroups splits a report at its empty lines.
func fieldGroups(b []byte) []header.Fields {
	var groups []header.Fields
	start, pos := 0, 0
	cr := bytes.IndexByte(b, '\n') < 0
	flush := func(end int) {
		if fs := header.Parse(b[start:end]); len(fs) > 0 && len(groups) < maxReportGroups {
			groups = append(groups, fs)
		}
	}
	for pos < len(b) {
		line := header.Line(b[pos:], cr)
		if len(bytes.TrimSpace(line)) == 0 {
			flush(pos)
			start = pos + len(line)
		}
		pos += len(line)
	}
	flush(len(b))
	return groups
}

// actions of a delivery status, the gravest first, with the class that they
// give. [MS-OXCMAIL] 2.2.3.7.1.1
var reportActions = []struct{ action, class string }{
	{"failed", "REPORT.IPM.Note.NDR"},
	{"delayed", "REPORT.IPM.Note.Delayed.DR"},
	{"expanded", "REPORT.IPM.Note.Expanded.DR"},
	{"relayed", "REPORT.IPM.Note.Relayed.DR"},
	{"delivered", "REPORT.IPM.Note.DR"},
}

// deliveryStatus sets the properties of a delivery report. The recipient table
// of a report holds those whom it is about. [MS-OXCMAIL] 2.2.3.7.1
func (im *importer) deliveryStatus(groups []header.Fields) {
	grave := len(reportActions)
	action := func(fs header.Fields) int {
		v := strings.ToLower(strings.TrimSpace(fs.Value("Action")))
		if i := strings.IndexAny(v, " \t("); i > 0 {
			v = v[:i]
		}
		for i, a := range reportActions {
			if a.action == v {
				return i
			}
		}
		return len(reportActions)
	}
	for _, g := range groups {
		grave = min(grave, action(g))
	}
	if grave == len(reportActions) {
		grave = 0 // no action is stated; a report is written about failures
	}
	im.class(reportActions[grave].class)
	im.text(mapi.PidTagReportingMessageTransferAgent, untyped(groups[0].Value("Reporting-MTA")))
	im.text(tagOriginalMessageID, groups[0].Value("X-Original-Message-ID"))
	var list []*mapi.Recipient
	for _, g := range groups {
		who := g.Value("Original-Recipient")
		if who == "" {
			who = g.Value("Final-Recipient")
		}
		addr := strings.Trim(untyped(who), "<> ")
		if addr == "" || action(g) != grave && action(g) != len(reportActions) {
			continue
		}
		a := header.Address{Name: g.Text("X-Display-Name", im.opt.Charset), Addr: addr}
		r := newRecipient(a, mapi.RecipientTo, len(list))
		ps := &r.Props
		set := func(tag mapi.Tag, s string) {
			if s != "" {
				ps.Set(tag, mapi.StringValue(s))
			}
		}
		set(mapi.PidTagRemoteMessageTransferAgent, untyped(g.Value("Remote-MTA")))
		info := g.Text("X-Supplementary-Info", im.opt.Charset)
		if info == "" {
			info = untyped(g.Text("Diagnostic-Code", im.opt.Charset))
		}
		set(mapi.PidTagSupplementaryInfo, info)
		if t, ok := header.ParseDate(g.Value("Last-Attempt-Date")); ok && mapi.Filetime(t) != 0 && reportActions[grave].action != "failed" {
			ps.Set(mapi.PidTagDeliverTime, mapi.TimeValue(t))
		}
		if code, diag, reason, ok := statusCodes(g.Value("Status")); ok {
			ps.Set(mapi.PidTagNonDeliveryReportStatusCode, mapi.Int32Value(code))
			if reportActions[grave].action == "failed" {
				ps.Set(mapi.PidTagNonDeliveryReportDiagCode, mapi.Int32Value(diag))
				ps.Set(mapi.PidTagNonDeliveryReportReasonCode, mapi.Int32Value(reason))
			}
		}
		list = append(list, r)
	}
	if len(list) > 0 {
		im.m.Recipients = list
	}
}

// untyped cuts the type in front of a value: "dns; host".
func untyped(s string) string {
	if i := strings.IndexByte(s, ';'); i >= 0 && i < 40 {
		s = s[i+1:]
	}
	return strings.TrimSpace(s)
}

// statusCodes reads a status, as in 5.1.1, into the three codes of a report.
// [MS-OXCMAIL] 2.2.3.7.1.2
func statusCodes(s string) (code, diag, reason int32, ok bool) {
	s, _, _ = strings.Cut(strings.TrimSpace(s), " ")
	p := strings.Split(s, ".")
	if len(p) != 3 {
		return 0, 0, 0, false
	}
	var n [3]int
	for i, t := range p {
		v, err := strconv.Atoi(t)
		if err != nil || v < 0 || v > 9 {
			return 0, 0, 0, false
		}
		n[i] = v
	}
	diag, reason = -1, 0
	switch n[1]*10 + n[2] {
	case 11:
		diag = 0
	case 14:
		diag = 1
	case 46:
		diag = 3
	case 21:
		diag = 4
	case 47:
		diag = 5
	case 23:
		diag = 7
	case 71:
		diag, reason = 29, 4
	}
	return int32(n[0]*100 + n[1]*10 + n[2]), diag, reason, true
}

// disposition sets the properties of a read report. [MS-OXCMAIL] 2.2.3.7.2
func (im *importer) disposition(fs header.Fields) {
	class := "REPORT.IPM.Note.IPNNRN"
	_, kind, _ := strings.Cut(fs.Value("Disposition"), ";")
	kind = strings.ToLower(kind)
	for _, s := range []string{"displayed", "dispatched", "processed"} {
		if strings.Contains(kind, s) {
			class = "REPORT.IPM.Note.IPNRN"
		}
	}
	im.class(class)
	id := fs.Value("Original-Message-ID")
	im.text(tagOriginalMessageID, id)
}
