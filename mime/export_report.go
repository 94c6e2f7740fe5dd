package mime

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// reportPart is multipart/report: the text, the report for machines, and the
// message that it is about. [MS-OXCMAIL] 2.1.3.6, RFC 6522
func (x *exporter) reportPart(class string) (*part, error) {
	plain, html, extra, err := x.bodies()
	if err != nil {
		return nil, err
	}
	if plain == nil && html == nil {
		if s := x.m.Props.Text(mapi.PidTagReportText); s != "" {
			plain = &text{subtype: "plain", charset: "utf-8", mem: []byte(s)}
		}
	}
	_, rest, err := x.attachments(new(references))
	if err != nil {
		return nil, err
	}
	rest = append(rest, extra...)
	var body *part
	switch {
	case plain != nil && html != nil:
		body = multipart("alternative", x.textPart(plain, "PidTagBody"), x.textPart(html, "PidTagHtml"))
	case html != nil:
		body = x.textPart(html, "PidTagHtml")
	case plain != nil:
		body = x.textPart(plain, "PidTagBody")
	}
	kind := "delivery-status"
	if strings.HasSuffix(class, ".IPNRN") || strings.HasSuffix(class, ".IPNNRN") {
		kind = "disposition-notification"
	}
	report, asCame := x.storedReport(kind)
	if !asCame {
		w := new(header.Writer)
		if kind == "delivery-status" {
			x.deliveryStatus(w, class)
		} else {
			x.dispositionNotification(w, class)
		}
		report = &part{typ: "message/" + kind, where: "report", text: &text{mem: w.Bytes()}}
	}
	if body == nil && !asCame {
		body = x.textPart(&text{subtype: "plain", charset: "utf-8"}, "PidTagBody")
	}
	root := multipart("report", report)
	if body != nil {
		root.kids = []*part{body, report}
	}
	root.params = []header.Param{{Name: "report-type", Value: kind}}
	// The third part is the message returned or its header, and a report has
	// no more. One that came as a report keeps all parts that it had. RFC 6522 3
	for len(rest) > 0 && (asCame || len(root.kids) < 3 && x.returned(rest[0])) {
		p := rest[0]
		if x.returned(p) {
			p.disposition, p.name = "", ""
		}
		root.kids = append(root.kids, p)
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return multipart("mixed", append([]*part{root}, rest...)...), nil
	}
	return root, nil
}

// storedReport is the report part that the message was made from.
func (x *exporter) storedReport(kind string) (*part, bool) {
	v, ok := x.m.Props.GetName(NameReport)
	if !ok || v.Size() == 0 || v.Size() > maxReport {
		return nil, false
	}
	b, err := mapi.ReadBlob(x.ctx, v.Blob(), maxReport)
	if err != nil {
		return nil, false
	}
	p := &part{typ: "message/" + kind, where: "report", text: &text{mem: b}}
	if !x.sevenBit(b) {
		// RFC 6533 3: the form for other characters may be encoded.
		p.typ = "message/global-" + kind
		p.text.subtype = "report"
	}
	return p, true
}

// returned reports whether a part is the message that a report is about, or the
// header of that.
func (x *exporter) returned(p *part) bool {
	return p.message != nil || p.typ == typeHeaders
}

// deliveryStatus writes message/delivery-status: fields of the message, then
// those of each recipient. [MS-OXCMAIL] 2.1.3.6.1, RFC 3464 2
func (x *exporter) deliveryStatus(w *header.Writer, class string) {
	ps := x.m.Props
	mta := ps.Text(mapi.PidTagReportingMessageTransferAgent)
	if mta == "" {
		// The field is mandatory; no name is known, and none is made up.
		mta = "dns; unknown.invalid"
	}
	w.Value("Reporting-MTA", typed("dns", mta))
	if id := header.MessageID(ps.Text(tagOriginalMessageID)); id != "" {
		w.MessageIDs("X-Original-Message-ID", id)
	}
	action, status := "failed", "5.0.0"
	switch {
	case strings.HasSuffix(class, ".EXPANDED.DR"):
		action, status = "expanded", "2.0.0"
	case strings.HasSuffix(class, ".RELAYED.DR"):
		action, status = "relayed", "2.0.0"
	case strings.HasSuffix(class, ".DELAYED.DR"), strings.HasSuffix(class, ".DELAYED"):
		action, status = "delayed", "4.0.0"
	case strings.HasSuffix(class, ".DR"):
		action, status = "delivered", "2.0.0"
	}
	if len(x.m.Recipients) == 0 {
		w.End()
		w.Value("Final-Recipient", "unknown;")
		w.Value("Action", action)
		w.Value("Status", status)
	}
	for _, r := range x.m.Recipients {
		w.End()
		p := tagsRecipient.of(r.Props)
		a := x.address(&p, nil, false)
		addr := a.Addr
		if addr == "" {
			addr = a.Name
			w.Value("Final-Recipient", "unknown; "+addr)
		} else {
			w.Value("Final-Recipient", "rfc822; "+addr)
		}
		w.Value("Action", action)
		w.Value("Status", reportStatus(r.Props, action, status))
		if s := r.Props.Text(mapi.PidTagSupplementaryInfo); s != "" {
			w.Value("Diagnostic-Code", typed("smtp", strings.Trim(s, "<> ")))
		} else if s := r.Props.Text(mapi.PidTagReportText); s != "" {
			w.Value("Diagnostic-Code", typed("x-unknown", s))
		}
		if s := r.Props.Text(mapi.PidTagRemoteMessageTransferAgent); s != "" {
			w.Value("Remote-MTA", typed("dns", s))
		}
		if a.Name != "" {
			w.Text("X-Display-Name", a.Name)
		}
		if t := r.Props.Time(mapi.PidTagDeliverTime); !t.IsZero() {
			w.Date("Last-Attempt-Date", t)
		}
	}
}

// typed puts a type in front of a value that has none: "dns; host".
func typed(typ, s string) string {
	if i := strings.IndexByte(s, ';'); i > 0 && isToken(strings.TrimSpace(s[:i])) {
		return s
	}
	return typ + "; " + s
}

// reportStatus is the status code of a recipient: as stored, as the server said
// it, or by the diagnostic and reason codes. [MS-OXCMAIL] 2.1.3.6.1.2
func reportStatus(ps mapi.Properties, action, status string) string {
	if n, ok := ps.Int(mapi.PidTagNonDeliveryReportStatusCode); ok && n >= 200 && n <= 599 {
		return fmt.Sprintf("%d.%d.%d", n/100, n/10%10, n%10)
	}
	for _, s := range []string{ps.Text(mapi.PidTagSupplementaryInfo), ps.Text(mapi.PidTagReportText)} {
		for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }) {
			p := strings.Split(w, ".")
			if len(p) == 3 && (p[0] == "2" || p[0] == "4" || p[0] == "5") && len(p[1]) > 0 && len(p[1]) <= 3 && len(p[2]) > 0 && len(p[2]) <= 3 {
				return w
			}
		}
	}
	if action != "failed" {
		return status
	}
	if n, ok := ps.Int(mapi.PidTagNonDeliveryReportDiagCode); ok {
		switch n {
		case 0: // unrecognized recipient name
			return "5.1.1"
		case 1: // ambiguous
			return "5.1.4"
		case 2, 30: // congestion, too many hops
			return "4.3.2"
		case 3: // loop
			return "5.4.6"
		case 4: // recipient unavailable
			return "4.2.1"
		case 5: // expired
			return "4.4.7"
		case 7: // content too long
			return "5.2.3"
		case 29: // transfer prohibited
			return "5.7.1"
		case 32, 33: // delivery prohibited
			return "5.7.1"
		}
	}
	if n, ok := ps.Int(mapi.PidTagNonDeliveryReportReasonCode); ok {
		switch n {
		case 0: // transfer failed
			return "5.4.0"
		case 2: // conversion not performed
			return "5.6.3"
		case 4: // restricted delivery
			return "5.7.1"
		case 5: // directory failure
			return "4.4.3"
		}
	}
	return status
}

// dispositionNotification writes message/disposition-notification. [MS-OXCMAIL]
// 2.1.3.6.2, RFC 8098 3
func (x *exporter) dispositionNotification(w *header.Writer, class string) {
	ps := x.m.Props
	p := tagsSender.of(ps)
	if p.empty() {
		p = tagsFrom.of(ps)
	}
	a := x.address(&p, nil, true)
	if a.Addr != "" {
		w.Value("Final-Recipient", "rfc822; "+a.Addr)
	} else {
		w.Value("Final-Recipient", "unknown; "+a.Name)
	}
	if id := header.MessageID(ps.Text(tagOriginalMessageID)); id != "" {
		w.MessageIDs("Original-Message-ID", id)
	}
	disposition := "manual-action/MDN-sent-manually; displayed"
	if strings.HasSuffix(class, ".IPNNRN") {
		disposition = "manual-action/MDN-sent-automatically; deleted"
	}
	w.Value("Disposition", disposition)
	if b := ps.Bytes(mapi.PidTagParentKey); len(b) > 0 {
		w.Value("X-MSExch-Correlation-Key", base64.StdEncoding.EncodeToString(b))
	}
	if a.Name != "" {
		w.Text("X-Display-Name", a.Name)
	}
}

// tagOriginalMessageID is PidTagOriginalMessageId, which shares its identifier
// with an older property. [MS-OXOMSG] 2.2.1.85
const tagOriginalMessageID mapi.Tag = 0x1046001F
