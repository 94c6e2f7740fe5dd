package mime

import (
	"bytes"
	"encoding/base64"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// A field is a header field that a property tells. [MS-OXCMAIL] 2.1.3.1,
// 2.1.3.2
type field int

// Fields in the order in which they are written where the message holds no
// header of its own.
const (
	fieldFrom field = iota
	fieldSender
	fieldReplyTo
	fieldTo
	fieldCc
	fieldBcc
	fieldSubject
	fieldDate
	fieldMessageID
	fieldInReplyTo
	fieldReferences
	fieldThreadTopic
	fieldThreadIndex
	fieldImportance
	fieldXPriority
	fieldPriority
	fieldSensitivity
	fieldKeywords
	fieldReadReceipt
	fieldDeliveryReceipt
	fieldReplyBy
	fieldExpires
	fieldDeferred
	fieldListHelp
	fieldListSubscribe
	fieldListUnsubscribe
	fieldAutoResponse
	fieldUnsent
	fieldCount
	fieldStructure // fields about the MIME structure, which are always ours
	fieldOther
)

var fieldNames = [fieldCount]string{
	fieldFrom: "From", fieldSender: "Sender", fieldReplyTo: "Reply-To", fieldTo: "To", fieldCc: "Cc", fieldBcc: "Bcc",
	fieldSubject: "Subject", fieldDate: "Date", fieldMessageID: "Message-ID", fieldInReplyTo: "In-Reply-To",
	fieldReferences: "References", fieldThreadTopic: "Thread-Topic", fieldThreadIndex: "Thread-Index",
	fieldImportance: "Importance", fieldXPriority: "X-Priority", fieldPriority: "Priority", fieldSensitivity: "Sensitivity",
	fieldKeywords: "Keywords", fieldReadReceipt: "Disposition-Notification-To", fieldDeliveryReceipt: "Return-Receipt-To",
	fieldReplyBy: "Reply-By", fieldExpires: "Expires", fieldDeferred: "Deferred-Delivery", fieldListHelp: "List-Help",
	fieldListSubscribe: "List-Subscribe", fieldListUnsubscribe: "List-Unsubscribe",
	fieldAutoResponse: "X-Auto-Response-Suppress", fieldUnsent: "X-Unsent",
}

var fieldsByName = func() map[string]field {
	m := make(map[string]field, fieldCount+20)
	for i, n := range fieldNames {
		m[strings.ToLower(n)] = field(i)
	}
	m["x-msmail-priority"] = fieldXPriority
	for _, n := range []string{
		"mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id",
		"content-description", "content-location", "content-base", "content-md5", "content-length", "content-features", "lines",
	} {
		m[n] = fieldStructure
	}
	return m
}()

// fieldOf is the field of a name in any case.
func fieldOf(name string) field {
	if f, ok := fieldsByName[name]; ok {
		return f
	}
	if f, ok := fieldsByName[strings.ToLower(name)]; ok {
		return f
	}
	return fieldOther
}

// A values holds what the properties say of each field. Only what has one is
// set.
type values struct {
	addresses [fieldBcc + 1][]header.Address
	receipt   header.Address
	texts     [fieldCount]string // unstructured and structured text
	ids       [fieldReferences + 1][]string
	dates     [fieldCount]time.Time
	keywords  []string
	has       [fieldCount]bool
}

func (v *values) text(f field, s string) {
	if s = strings.TrimRight(s, "\x00"); s != "" {
		v.texts[f], v.has[f] = s, true
	}
}

func (v *values) date(f field, t time.Time) {
	if !t.IsZero() {
		v.dates[f], v.has[f] = t, true
	}
}

func (v *values) address(f field, list []header.Address) {
	if len(list) > 0 {
		v.addresses[f], v.has[f] = list, true
	}
}

// headers writes the fields of the message. The fields about its structure
// follow; the caller writes them.
func (x *exporter) headers(root *part) {
	stored := x.storedFields()
	var v values
	x.values(&v, stored)
	var entity header.Fields
	if root.raw != nil && root.raw.hasHeader {
		entity = header.Parse(root.raw.head)
	}
	if len(stored) > 0 {
		x.mergeStored(&v, withoutContent(stored, entity))
	} else {
		for f := field(0); f < fieldCount; f++ {
			x.writeField(&v, f)
		}
	}
	x.internetHeaders(stored, entity)
	x.contentClass(stored)
}

// values collects what the properties say.
func (x *exporter) values(v *values, stored header.Fields) {
	ps := x.m.Props
	// told says that the header is stored and does without f. What a store
	// computes of other fields then stays out of it.
	told := func(f field) bool {
		_, has := stored.Get(fieldNames[f])
		return len(stored) > 0 && !has
	}
	x.senders(v, stored)
	x.recipients(v, stored)
	v.address(fieldReplyTo, x.replyTo())

	_, has := ps.Get(mapi.PidTagSubject)
	s := subject(ps)
	v.texts[fieldSubject], v.has[fieldSubject] = s, has || s != ""
	t := ps.Time(mapi.PidTagClientSubmitTime)
	if t.IsZero() {
		if f, ok := stored.Get("Date"); ok {
			t, _ = header.ParseDate(f.Value())
		}
	}
	if t.IsZero() && !told(fieldDate) {
		t = ps.Time(mapi.PidTagMessageDeliveryTime)
	}
	v.date(fieldDate, t)

	if s := header.MessageID(ps.Text(mapi.PidTagInternetMessageId)); s != "" {
		v.ids[fieldMessageID], v.has[fieldMessageID] = []string{s}, true
	}
	for f, tag := range map[field]mapi.Tag{fieldInReplyTo: mapi.PidTagInReplyToId, fieldReferences: mapi.PidTagInternetReferences} {
		if s := ps.Text(tag); s != "" {
			v.ids[f] = messageIDs(s)
			v.has[f] = len(v.ids[f]) > 0
		}
	}
	if topic := ps.Text(mapi.PidTagConversationTopic); !told(fieldThreadTopic) || topic != normalizedSubject(ps) {
		v.text(fieldThreadTopic, topic)
	}
	if b := ps.Bytes(mapi.PidTagConversationIndex); len(b) > 0 {
		v.text(fieldThreadIndex, base64.StdEncoding.EncodeToString(b))
	}
	if n, ok := ps.Int(mapi.PidTagImportance); ok && n >= 0 && n <= 2 && n != 1 {
		high := [...]string{"5", "", "1"}[n]
		// One of the fields is enough where the header has it.
		if f, ok := stored.Get("X-Priority"); !ok || !told(fieldImportance) || xPriority(f.Value()) != high {
			v.text(fieldImportance, [...]string{"low", "", "high"}[n])
		}
		if f, ok := stored.Get("Importance"); !ok || !told(fieldXPriority) || xPriority(f.Value()) != high {
			v.text(fieldXPriority, high)
		}
	}
	if n, ok := ps.Int(mapi.PidTagPriority); ok && (n == 1 || n == -1) {
		v.text(fieldPriority, [...]string{"non-urgent", "", "urgent"}[n+1])
	}
	if n, ok := ps.Int(mapi.PidTagSensitivity); ok && n >= 1 && n <= 3 {
		v.text(fieldSensitivity, [...]string{"", "Personal", "Private", "Company-Confidential"}[n])
	}
	if k, ok := ps.GetName(mapi.PidNameKeywords); ok {
		for _, s := range k.Texts() {
			if s = strings.TrimSpace(s); s != "" {
				v.keywords, v.has[fieldKeywords] = append(v.keywords, s), true
			}
		}
	}
	if x.item == calendarItem {
		// The calendar says these too, where the header does without.
		for _, f := range []field{fieldImportance, fieldXPriority, fieldSensitivity, fieldKeywords} {
			v.has[f] = v.has[f] && !told(f)
		}
	}
	v.date(fieldReplyBy, ps.Time(mapi.PidTagReplyTime))
	v.date(fieldExpires, ps.Time(mapi.PidTagExpiryTime))
	v.date(fieldDeferred, ps.Time(mapi.PidTagDeferredDeliveryTime))
	v.text(fieldListHelp, ps.Text(mapi.PidTagListHelp))
	v.text(fieldListSubscribe, ps.Text(mapi.PidTagListSubscribe))
	v.text(fieldListUnsubscribe, ps.Text(mapi.PidTagListUnsubscribe))
	if n, ok := ps.Int(mapi.PidTagAutoResponseSuppress); ok && n != 0 {
		v.text(fieldAutoResponse, autoResponse(n))
	}
	// A draft stays a draft. The flag has no meaning for other classes.
	if n, _ := ps.Int(mapi.PidTagMessageFlags); n&flagUnsent != 0 && !told(fieldUnsent) && hasPrefixFold(x.m.Class(), "IPM.Note") {
		v.text(fieldUnsent, "1")
	}
}

// normalizedSubject is PidTagNormalizedSubject, or what stands for it.
// [MS-OXCMSG] 2.2.1.10
func normalizedSubject(ps mapi.Properties) string {
	if v, ok := ps.Get(mapi.PidTagNormalizedSubject); ok {
		return v.Text()
	}
	return strings.TrimPrefix(subject(ps), ps.Text(mapi.PidTagSubjectPrefix))
}

// subject is PidTagSubject, or what it is made of. [MS-OXCMSG] 2.2.1.46
func subject(ps mapi.Properties) string {
	if s, ok := ps.Get(mapi.PidTagSubject); ok {
		return s.Text()
	}
	return ps.Text(mapi.PidTagSubjectPrefix) + ps.Text(mapi.PidTagNormalizedSubject)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// messageIDs splits a list of identifiers, and leaves out what is none.
func messageIDs(s string) []string {
	var list []string
	for _, id := range header.ParseIDs(s) {
		if id = header.MessageID(id); id != "" {
			list = append(list, id)
		}
	}
	return list
}

// autoResponse spells the bits of PidTagAutoResponseSuppress. [MS-OXCMAIL]
// 2.1.3.2.20
func autoResponse(n int64) string {
	if n == -1 || n&0x3F == 0x3F {
		return "All"
	}
	var list []string
	for i, s := range suppressWords {
		if n&(1<<i) != 0 {
			list = append(list, s)
		}
	}
	return strings.Join(list, ", ")
}

// senders fills From, Sender and the receipt fields.
//
// From is the user that is represented, Sender the one who sent, where that is
// another. A message that has only one of the two groups has it as From.
// [MS-OXCMAIL] 2.1.3.1.3 to 2.1.3.1.6
func (x *exporter) senders(v *values, stored header.Fields) {
	ps := x.m.Props
	from, sender := tagsFrom.of(ps), tagsSender.of(ps)
	if from.empty() {
		from, sender = sender, person{}
	}
	var a header.Address
	if !from.empty() {
		a = x.address(&from, x.hint(stored, "From", &from), true)
		if a.Name != "" || a.Addr != "" {
			v.address(fieldFrom, []header.Address{a})
		}
	}
	if !sender.empty() && !x.sameUser(&from, &sender) {
		hint := x.hint(stored, "Sender", &sender)
		if _, ok := stored.Get("Sender"); !ok {
			hint = x.hint(stored, "From", &sender)
		}
		s := x.address(&sender, hint, true)
		if (s.Addr != "" || s.Name != "") && (s.Addr == "" || !strings.EqualFold(s.Addr, a.Addr)) {
			v.address(fieldSender, []header.Address{s})
		}
	}
	read, delivery := ps.Bool(mapi.PidTagReadReceiptRequested), ps.Bool(mapi.PidTagOriginatorDeliveryReportRequested)
	if !read && !delivery {
		return
	}
	v.receipt = a
	if read {
		r := tagsReadReceipt.of(ps)
		if !r.empty() {
			if q := x.address(&r, nil, true); q.Addr != "" {
				v.receipt = q
			}
		}
		v.has[fieldReadReceipt] = v.receipt.Addr != ""
	}
	v.has[fieldDeliveryReceipt] = delivery && v.receipt.Addr != ""
}

// hint looks a person up in an address field of the stored header: by name, or
// because it is the only one there.
func (x *exporter) hint(stored header.Fields, name string, p *person) func() string {
	if len(stored) == 0 {
		return nil
	}
	return func() string {
		list := x.storedPeople(stored, name)
		one := name == "From" || name == "Sender"
		found := ""
		for _, a := range list {
			if a.Addr == "" || !one && (p.name == "" || !strings.EqualFold(a.Name, p.name)) {
				continue
			}
			if one && len(list) > 1 && !strings.EqualFold(a.Name, p.name) {
				continue
			}
			if one && x.otherPerson(p, a) {
				continue
			}
			if found != "" && !strings.EqualFold(found, a.Addr) {
				return ""
			}
			found = a.Addr
		}
		return found
	}
}

// storedPeople is the mailboxes of an address field of the stored header. It is
// read once for all recipients.
func (x *exporter) storedPeople(stored header.Fields, name string) []header.Address {
	list, ok := x.people[name]
	if !ok {
		for _, f := range stored.All(name) {
			list = append(list, flatten(header.ParseAddresses(f.Value(), x.charset))...)
		}
		if x.people == nil {
			x.people = make(map[string][]header.Address)
		}
		x.people[name] = list
	}
	return list
}

// otherPerson reports whether the sender in the header cannot be p: a sender who
// writes for another is not in From. Names that say nothing of each other are
// not enough, as directories and headers spell them differently.
func (x *exporter) otherPerson(p *person, a header.Address) bool {
	from := tagsFrom.of(x.m.Props)
	if from.empty() || x.sameUser(&from, p) {
		return false
	}
	return !strings.EqualFold(p.name, a.Name)
}

func flatten(list []header.Address) []header.Address {
	groups := false
	for i := range list {
		groups = groups || list[i].Group
	}
	if !groups {
		return list
	}
	var out []header.Address
	for _, a := range list {
		if a.Group {
			out = append(out, a.Members...)
		} else {
			out = append(out, a)
		}
	}
	return out
}

// recipients fills To, Cc and Bcc from the recipient table. [MS-OXCMAIL]
// 2.1.3.1.1
//
// The recipients of a report are those whom it is about; to whom it went is in
// the header that it came with. [MS-OXCMAIL] 2.2.3.7.1
func (x *exporter) recipients(v *values, stored header.Fields) {
	if len(stored) > 0 && hasPrefixFold(x.m.Class(), "REPORT.") {
		return
	}
	var count [fieldBcc + 1]int
	kind := func(r *mapi.Recipient) field {
		switch r.Type() {
		case mapi.RecipientTo:
			return fieldTo
		case mapi.RecipientCc:
			return fieldCc
		case mapi.RecipientBcc:
			return fieldBcc
		}
		return fieldOther
	}
	for _, r := range x.m.Recipients {
		if f := kind(r); f != fieldOther && !x.unsent(r, stored) {
			count[f]++
		}
	}
	for f := fieldTo; f <= fieldBcc; f++ {
		if count[f] > 0 {
			v.addresses[f] = make([]header.Address, 0, count[f])
			v.has[f] = true
		}
	}
	for _, r := range x.m.Recipients {
		f := kind(r)
		if x.unsent(r, stored) {
			continue
		}
		if f == fieldOther {
			if n := r.Type(); n != mapi.RecipientOriginator {
				x.loss("recipient "+r.Props.Text(mapi.PidTagDisplayName), mapi.LossNoHeader, "recipient of an unknown type")
			}
			continue
		}
		p := tagsRecipient.of(r.Props)
		var hint func() string
		if len(stored) > 0 {
			hint = x.hint(stored, fieldNames[f], &p)
		}
		if p.name == "" {
			p.name = strings.TrimSpace(r.Props.Text(mapi.PidTagRecipientDisplayName))
		}
		a := x.address(&p, hint, false)
		v.addresses[f] = append(v.addresses[f], a)
	}
}

// writeField writes what the properties say of f, if they say something.
func (x *exporter) writeField(v *values, f field) {
	if !v.has[f] {
		return
	}
	w, name := x.hdr, fieldNames[f]
	switch f {
	case fieldFrom, fieldSender, fieldReplyTo, fieldTo, fieldCc, fieldBcc:
		w.Addresses(name, v.addresses[f]...)
	case fieldReadReceipt, fieldDeliveryReceipt:
		w.Addresses(name, v.receipt)
	case fieldSubject, fieldThreadTopic:
		w.Text(name, v.texts[f])
	case fieldDate, fieldReplyBy, fieldExpires, fieldDeferred:
		w.Date(name, v.dates[f])
	case fieldMessageID, fieldInReplyTo, fieldReferences:
		w.MessageIDs(name, v.ids[f]...)
	case fieldKeywords:
		w.Phrases(name, v.keywords)
	case fieldThreadIndex:
		x.threadIndex(v.texts[f])
	default:
		w.Value(name, v.texts[f])
	}
}

// threadIndex writes base64 in pieces that fit a line: readers drop the white
// space.
func (x *exporter) threadIndex(s string) {
	if len(s) > 62 {
		var b strings.Builder
		for len(s) > 60 {
			b.WriteString(s[:60])
			b.WriteByte(' ')
			s = s[60:]
		}
		b.WriteString(s)
		s = b.String()
	}
	x.hdr.Value("Thread-Index", s)
}

// internetHeaders writes the named properties of PS_INTERNET_HEADERS, whose
// names are those of the fields. [MS-OXCMAIL] 2.1.3.2
func (x *exporter) internetHeaders(stored, entity header.Fields) {
	for i := range x.m.Props {
		p := &x.m.Props[i]
		if p.Name == nil || p.Name.Set != mapi.PSInternetHeaders || p.Name.Name == "" {
			continue
		}
		name := internetHeaderName(p.Name.Name)
		if !header.ValidName(name) || fieldOf(name) != fieldOther {
			continue
		}
		if _, ok := stored.Get(name); ok {
			continue
		}
		if _, ok := entity.Get(name); ok {
			continue
		}
		// Reserved for the transport. [MS-OXCMAIL] 2.1.3.2
		if hasPrefixFold(name, "X-Microsoft-Exchange-Organization") || hasPrefixFold(name, "X-Microsoft-Exchange-Forest") {
			continue
		}
		for _, s := range p.Value.Texts() {
			x.hdr.Value(name, s)
		}
	}
}

// internetHeaderName spells a property's name as a field name.
//
// QUIRK: [MS-OXPROPS] has "acceptlanguage" for Accept-Language, and the others
// in lower case.
func internetHeaderName(s string) string {
	switch strings.ToLower(s) {
	case "acceptlanguage":
		return "Accept-Language"
	case "content-class":
		return "Content-Class"
	case "content-language":
		return "Content-Language"
	}
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			return s
		}
		if c >= 'a' && c <= 'z' && (i == 0 || b[i-1] == '-') {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(bytes.TrimSpace(b))
}
