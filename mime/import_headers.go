package mime

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/header"
)

// Bounds on the named properties that header fields become.
const (
	maxHeaderNames = 500
	maxHeaderValue = 32 << 10
)

// headers sets what the header of a mail says. [MS-OXCMAIL] 2.2.3.1, 2.2.3.2
func (im *importer) headers(e *entity.Entity) {
	fs, ps, def := e.Fields, &im.m.Props, im.opt.Charset
	im.text(mapi.PidTagTransportMessageHeaders, canonicalHeader(fs, def))
	im.senders(fs)
	for _, k := range []struct {
		name string
		kind int
	}{{"To", mapi.RecipientTo}, {"Cc", mapi.RecipientCc}, {"Bcc", mapi.RecipientBcc}} {
		for _, f := range fs.All(k.name) {
			im.recipients(header.ParseAddresses(f.Value(), def), k.kind)
		}
	}
	var reply []header.Address
	for _, f := range fs.All("Reply-To") {
		reply = append(reply, header.ParseAddresses(f.Value(), def)...)
	}
	im.replyTo(reply)

	sent := im.date(fs, "Date", mapi.PidTagClientSubmitTime)
	received := false
	if f, ok := fs.Get("Received"); ok {
		received = true
		v := f.Value()
		if t, ok := header.ParseDate(v[strings.LastIndexByte(v, ';')+1:]); ok {
			ps.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(t))
		}
	}
	flags := int32(flagRead)
	if !sent && !received || strings.TrimSpace(fs.Value("X-Unsent")) == "1" {
		flags |= flagUnsent
	}
	ps.Set(mapi.PidTagMessageFlags, mapi.Int32Value(flags))

	im.subject(fs)
	im.identifiers(fs)
	im.importance(fs)
	im.receipts(fs)
	im.date(fs, "Expires", mapi.PidTagExpiryTime)
	im.date(fs, "Expiry-Date", mapi.PidTagExpiryTime)
	im.date(fs, "Reply-By", mapi.PidTagReplyTime)
	im.date(fs, "Deferred-Delivery", mapi.PidTagDeferredDeliveryTime)
	im.keywords(fs)
	im.text(mapi.PidTagListHelp, fs.Text("List-Help", def))
	im.text(mapi.PidTagListSubscribe, fs.Text("List-Subscribe", def))
	im.text(mapi.PidTagListUnsubscribe, fs.Text("List-Unsubscribe", def))
	if n, ok := suppressBits(fs.Value("X-Auto-Response-Suppress")); ok {
		ps.Set(mapi.PidTagAutoResponseSuppress, mapi.Int32Value(n))
	}
	if f, ok := fs.Get("X-MS-Exchange-Organization-SCL"); ok {
		if n, err := strconv.ParseInt(strings.TrimSpace(f.Value()), 10, 32); err == nil {
			ps.Set(mapi.PidTagContentFilterSpamConfidenceLevel, mapi.Int32Value(int32(n)))
		}
	}
	if class := classOf(fs.Value("Content-Class")); class != "" {
		im.class(class)
	}
	im.internetHeaders(fs)
}

// senders sets the user that is represented from From, and the one who sent
// from Sender or, where there is none, from From. [MS-OXCMAIL] 2.2.3.1.3,
// 2.2.3.1.4
func (im *importer) senders(fs header.Fields) {
	first := func(name string) (header.Address, bool) {
		for _, f := range fs.All(name) {
			list := mailboxes(header.ParseAddresses(f.Value(), im.opt.Charset))
			if len(list) > 1 {
				im.loss(name, mapi.LossApproximated, "a message has one; the others are in the transport headers")
			}
			for _, a := range list {
				if a.Addr != "" || a.Name != "" {
					return a, true
				}
			}
		}
		return header.Address{}, false
	}
	from, hasFrom := first("From")
	sender, hasSender := first("Sender")
	if !hasFrom {
		from, hasFrom = sender, hasSender
	}
	if !hasSender {
		sender = from
	}
	if !hasFrom {
		return
	}
	tagsFrom.set(&im.m.Props, from)
	tagsSender.set(&im.m.Props, sender)
}

// date sets a time property where the field states a date.
func (im *importer) date(fs header.Fields, name string, tag mapi.Tag) bool {
	f, ok := fs.Get(name)
	if !ok {
		return false
	}
	v := f.Value()
	t, ok := header.ParseDate(v)
	if !ok {
		if v != "" {
			im.problem(mapi.Problem{Severe: name == "Date", Offset: -1, Field: name, Detail: "no date can be read in " + quote(v), Spec: "RFC 5322 3.3"})
		}
		return false
	}
	if mapi.Filetime(t) == 0 {
		return false
	}
	im.m.Props.Set(tag, mapi.TimeValue(t))
	return true
}

// subject sets the subject with its prefix and the topic of the conversation.
// [MS-OXCMAIL] 2.2.3.2.6, 2.2.3.2.7
func (im *importer) subject(fs header.Fields) {
	ps := &im.m.Props
	f, ok := fs.Get("Subject")
	topic := fs.Text("Thread-Topic", im.opt.Charset)
	if ok {
		s := f.Text(im.opt.Charset)
		prefix, rest := splitSubject(s)
		ps.Set(mapi.PidTagSubject, mapi.StringValue(s))
		ps.Set(mapi.PidTagSubjectPrefix, mapi.StringValue(prefix))
		ps.Set(mapi.PidTagNormalizedSubject, mapi.StringValue(rest))
		if topic == "" {
			topic = rest
		}
	}
	im.text(mapi.PidTagConversationTopic, topic)
	if v := fs.Value("Thread-Index"); v != "" {
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(v), ""))
		if err == nil && len(b) > 0 {
			ps.Set(mapi.PidTagConversationIndex, mapi.BinaryValue(b))
		}
	}
}

// splitSubject cuts the prefix: one to three characters that are no digits,
// then a colon and a blank. [MS-OXCMSG] 2.2.1.9
func splitSubject(s string) (prefix, rest string) {
	n := 0
	for i, r := range s {
		switch {
		case r == ':' && n > 0 && i+1 < len(s) && s[i+1] == ' ':
			return s[:i+2], s[i+2:]
		case r == ' ' || r == ':' || r >= '0' && r <= '9' || n == 3:
			return "", s
		}
		n++
	}
	return "", s
}

func (im *importer) identifiers(fs header.Fields) {
	id := strings.TrimSpace(fs.Text("Message-ID", im.opt.Charset))
	if ids := header.ParseIDs(id); len(ids) > 0 {
		id = ids[0]
	}
	im.text(mapi.PidTagInternetMessageId, id)
	im.text(mapi.PidTagInReplyToId, fs.Text("In-Reply-To", im.opt.Charset))
	im.text(mapi.PidTagInternetReferences, fs.Text("References", im.opt.Charset))
}

// importance reads Importance, else X-Priority, X-MSMail-Priority or Priority;
// and Sensitivity. [MS-OXCMAIL] 2.2.3.2.4, 2.2.3.2.5
func (im *importer) importance(fs header.Fields) {
	ps := &im.m.Props
	level := int32(1)
	known := false
	set := func(v, low, high string) {
		if known || v == "" {
			return
		}
		switch {
		case strings.EqualFold(v, low):
			level, known = 0, true
		case strings.EqualFold(v, high):
			level, known = 2, true
		case strings.EqualFold(v, "normal"):
			known = true
		}
	}
	word := func(name string) string {
		v := strings.TrimSpace(fs.Value(name))
		if i := strings.IndexAny(v, " \t(;"); i > 0 {
			v = v[:i]
		}
		return v
	}
	set(word("Importance"), "low", "high")
	if v := word("X-Priority"); v != "" && !known {
		switch v[0] {
		case '1', '2':
			level, known = 2, true
		case '3':
			known = true
		case '4', '5':
			level, known = 0, true
		}
	}
	set(word("X-MSMail-Priority"), "low", "high")
	priority := word("Priority")
	set(priority, "non-urgent", "urgent")
	ps.Set(mapi.PidTagImportance, mapi.Int32Value(level))
	switch {
	case strings.EqualFold(priority, "urgent"):
		ps.Set(mapi.PidTagPriority, mapi.Int32Value(1))
	case strings.EqualFold(priority, "non-urgent"):
		ps.Set(mapi.PidTagPriority, mapi.Int32Value(-1))
	default:
		ps.Set(mapi.PidTagPriority, mapi.Int32Value(0))
	}
	sensitivity := int32(0)
	switch strings.ToLower(word("Sensitivity")) {
	case "personal":
		sensitivity = 1
	case "private":
		sensitivity = 2
	case "company-confidential":
		sensitivity = 3
	}
	ps.Set(mapi.PidTagSensitivity, mapi.Int32Value(sensitivity))
}

// receipts reads the requests for receipts. [MS-OXCMAIL] 2.2.3.1.6
func (im *importer) receipts(fs header.Fields) {
	ps := &im.m.Props
	if list := mailboxes(header.ParseAddresses(fs.Value("Disposition-Notification-To"), im.opt.Charset)); len(list) > 0 {
		ps.Set(mapi.PidTagReadReceiptRequested, mapi.BoolValue(true))
		ps.Set(mapi.PidTagNonReceiptNotificationRequested, mapi.BoolValue(true))
		tagsReadReceipt.set(ps, list[0])
	}
	if strings.TrimSpace(fs.Value("Return-Receipt-To")) != "" {
		ps.Set(mapi.PidTagOriginatorDeliveryReportRequested, mapi.BoolValue(true))
	}
}

func (im *importer) keywords(fs header.Fields) {
	var list []string
	seen := make(map[string]bool)
	for _, f := range fs.All("Keywords") {
		for _, k := range header.ParsePhrases(f.Value(), im.opt.Charset) {
			if !seen[k] && len(list) < 1000 {
				seen[k] = true
				list = append(list, k)
			}
		}
	}
	if len(list) > 0 {
		im.m.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(list))
	}
}

// suppressWords are the bits of PidTagAutoResponseSuppress from the lowest on.
// [MS-OXCMAIL] 2.1.3.2.20
var suppressWords = [...]string{"DR", "NDR", "RN", "NRN", "OOF", "AutoReply"}

// suppressBits reads X-Auto-Response-Suppress. [MS-OXCMAIL] 2.1.3.2.20
func suppressBits(v string) (int32, bool) {
	if strings.TrimSpace(v) == "" {
		return 0, false
	}
	n := int32(0)
	for _, w := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == ';' }) {
		if strings.EqualFold(w, "All") {
			return -1, true
		}
		for i, s := range suppressWords {
			if strings.EqualFold(w, s) {
				n |= 1 << i
			}
		}
	}
	return n, true
}

// classOf is the message class for a Content-Class, "" when it has none of its
// own. [MS-OXCMAIL] 2.2.3.2.15
func classOf(v string) string {
	v = strings.TrimSpace(v)
	switch strings.ToLower(v) {
	case "fax":
		return "IPM.Note.Microsoft.Fax"
	case "fax-ca":
		return "IPM.Note.Microsoft.Fax.CA"
	case "missedcall":
		return "IPM.Note.Microsoft.Missed.Voice"
	case "voice-uc":
		return "IPM.Note.Microsoft.Conversation.Voice"
	case "voice-ca":
		return "IPM.Note.Microsoft.Voicemail.UM.CA"
	case "voice":
		return "IPM.Note.Microsoft.Voicemail.UM"
	}
	const custom = "urn:content-class:custom."
	if len(v) > len(custom) && len(v) < 200 && strings.EqualFold(v[:len(custom)], custom) {
		return "IPM.Note.Custom." + v[len(custom):]
	}
	return ""
}

// internetHeaders keeps X- fields, and the fields of lists that have no tag, as
// named properties. The names of PS_INTERNET_HEADERS are in lower case. A field
// that stands more than once becomes a list. [MS-OXCMAIL] 2.2.3.2,
// [MS-OXCPRPT] 3.2.5.10
func (im *importer) internetHeaders(fs header.Fields) {
	names := 0
	seen := make(map[string]bool)
	for i := range fs {
		name := strings.ToLower(fs[i].Name)
		if !keptAsName(name) || seen[name] || !header.ValidName(name) {
			continue
		}
		seen[name] = true
		if names++; names > maxHeaderNames {
			im.loss(fs[i].Name, mapi.LossTooLarge, "too many fields for named properties; it is in the transport headers")
			return
		}
		var values []string
		for _, f := range fs.All(name) {
			v := f.Text(im.opt.Charset)
			if len(v) > maxHeaderValue || len(values) == 100 {
				im.loss(fs[i].Name, mapi.LossTooLarge, "too long for a named property; it is in the transport headers")
				continue
			}
			values = append(values, strings.ReplaceAll(v, "\x00", ""))
		}
		n := mapi.Name{Set: mapi.PSInternetHeaders, Name: name}
		if name == "accept-language" {
			n = mapi.PidNameAcceptLanguage // which is spelled without the hyphen
		}
		switch len(values) {
		case 0:
		case 1:
			im.m.Props.SetName(n, mapi.StringValue(values[0]))
		default:
			im.m.Props.SetName(n, mapi.MultiStringValue(values))
		}
	}
}

func keptAsName(name string) bool {
	switch name {
	case "x-unsent", "x-priority", "x-msmail-priority", "x-auto-response-suppress", "list-help", "list-subscribe", "list-unsubscribe":
		return false // a property of its own tells it
	case "accept-language", "content-class", "content-language":
		return true
	}
	return strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "list-")
}
