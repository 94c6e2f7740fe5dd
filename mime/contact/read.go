package contact

import (
	"context"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/vcard"
)

// maxBinary bounds content in base64 that becomes an element of a list, which
// is held in memory. Larger content is an attachment.
const maxBinary = 256 << 10

// A cardReader makes properties of a card.
type cardReader struct {
	ctx   context.Context
	card  *vcard.Card
	props mapi.Properties
	atts  []*mapi.Attachment
	used  map[int]bool // lines with content that a property took
}

// text is the first line with the name, or one of its aliases, that holds a
// text.
func (r *cardReader) text(name string) *vcard.Line {
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if canonicalName(l) == name && l.Data == nil && l.Long == nil && l.Value != "" {
			return l
		}
	}
	return nil
}

func (r *cardReader) setText(p prop, s string) { p.setText(&r.props, s) }

// contact reads a card as a contact.
func (r *cardReader) contact() {
	fn := r.names()
	for _, f := range textFields {
		if l := r.text(f.line); l != nil {
			r.setText(f.prop, l.Text())
		}
	}
	if l := r.text("ORG"); l != nil {
		c := l.Components()
		r.setText(tag(mapi.PidTagCompanyName), c[0])
		if len(c) > 1 {
			r.setText(tag(mapi.PidTagDepartmentName), c[1])
		}
	}
	r.phones()
	r.emails()
	r.subject(fn)
	r.readAddresses()
	if l := r.text("X-MS-IMADDRESS"); l != nil {
		r.setText(named(mapi.PidLidInstantMessagingAddress), l.Text())
	}
	r.urls()
	r.dates()
	r.relations()
	r.userFields()
	if l := r.text("GENDER"); l != nil {
		switch strings.ToUpper(l.Text())[0] {
		case 'F':
			r.props.Set(mapi.PidTagGender, mapi.Int16Value(1))
		case 'M':
			r.props.Set(mapi.PidTagGender, mapi.Int16Value(2))
		}
	}
	r.certificates()
	r.data("X-MS-CARDPICTURE", named(mapi.PidLidBusinessCardCardPicture))
	r.photo()
	file := fileAs(r.props)
	if l := r.text(extraPrefix + "FILE-AS"); l != nil {
		file = l.Text()
	}
	r.setText(named(mapi.PidLidFileUnder), file)
	id := fileAsID(r.props)
	if l := r.text(extraPrefix + "FILE-AS-ID"); l != nil {
		if n, ok := parseInt(l.Text()); ok {
			id = n
		}
	}
	r.props.SetName(mapi.PidLidFileUnderId, mapi.Int32Value(int32(id)))
	r.common()
}

// subject sets what a list of messages shows.
func (r *cardReader) subject(fn string) {
	if l := r.text(extraPrefix + "SUBJECT"); l != nil {
		fn = l.Text()
	}
	fn = strings.Join(strings.Fields(fn), " ")
	r.setText(tag(mapi.PidTagSubject), fn)
	r.setText(tag(mapi.PidTagNormalizedSubject), fn)
	r.setText(tag(mapi.PidTagConversationTopic), fn)
}

// common reads what contacts and lists have.
func (r *cardReader) common() {
	var categories []string
	seen := map[string]bool{}
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if l.Name != "CATEGORIES" || l.Data != nil || l.Long != nil {
			continue
		}
		for _, s := range l.List() {
			if s = strings.TrimSpace(s); s != "" && !seen[s] {
				seen[s] = true
				categories = append(categories, s)
			}
		}
	}
	if len(categories) > 0 {
		r.props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(categories))
	}
	if l := r.text("CLASS"); l != nil {
		for i, s := range sensitivities {
			if strings.EqualFold(strings.TrimSpace(l.Text()), s) {
				r.props.Set(mapi.PidTagSensitivity, mapi.Int32Value(int32(i)))
				r.props.SetName(mapi.PidLidPrivate, mapi.BoolValue(i == 2))
			}
		}
	}
	if l := r.text("REV"); l != nil {
		if t, ok := parseInstant(l.Text()); ok {
			if n, ok := parseInt(l.Param("X-100NS")); ok && n > 0 && n < 10000000 {
				t = t.Add(time.Duration(n) * 100)
			}
			r.props.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(t))
		}
	}
	r.note()
	r.props.Set(mapi.PidTagImportance, mapi.Int32Value(1))
	for _, e := range extras {
		r.extra(e)
	}
	if l := r.text(extraPrefix + "CLASS"); l != nil {
		m := mapi.Message{Props: mapi.Properties{{Tag: mapi.PidTagMessageClass, Value: mapi.StringValue(l.Text())}}}
		if c := r.props.Text(mapi.PidTagMessageClass); isClass(&m, c) {
			r.props.Set(mapi.PidTagMessageClass, mapi.StringValue(l.Text()))
		}
	}
}

func (r *cardReader) names() (fn string) {
	var n [5]string
	if l := r.text("N"); l != nil {
		for i, s := range l.Components() {
			if i < len(n) {
				n[i] = strings.TrimSpace(s)
				r.setText(nameProps[i], n[i])
			}
		}
	}
	if l := r.text("FN"); l != nil {
		fn = strings.TrimSpace(l.Text())
	}
	if fn == "" {
		fn = composedName(n)
	}
	// A contact without a name is shown as its company or mail address.
	if l := r.text("ORG"); l != nil && fn == "" {
		fn = strings.TrimSpace(l.Components()[0])
	}
	if l := r.text("EMAIL"); l != nil && fn == "" {
		fn = emailText(l)
	}
	r.setText(tag(mapi.PidTagDisplayName), fn)
	return fn
}

// phoneOf says which number a line is.
func phoneOf(l *vcard.Line) mapi.Tag {
	has := func(types ...string) bool {
		for _, t := range types {
			if l.HasType(t) {
				return true
			}
		}
		return false
	}
	switch {
	case has("ASSISTANT"):
		return mapi.PidTagAssistantTelephoneNumber
	case has("CALLBACK"):
		return mapi.PidTagCallbackTelephoneNumber
	case has("COMPANY", "MAIN"):
		return mapi.PidTagCompanyMainTelephoneNumber
	case has("RADIO"):
		return mapi.PidTagRadioTelephoneNumber
	case has("TTYTDD", "TTY", "TEXTPHONE"):
		return mapi.PidTagTelecommunicationsDeviceForDeafTelephoneNumber
	case has("FAX"):
		switch {
		case has("HOME"):
			return mapi.PidTagHomeFaxNumber
		case has("WORK"):
			return mapi.PidTagBusinessFaxNumber
		}
		return mapi.PidTagPrimaryFaxNumber
	case has("PAGER"):
		return mapi.PidTagPagerTelephoneNumber
	case has("CAR"):
		return mapi.PidTagCarTelephoneNumber
	case has("ISDN"):
		return mapi.PidTagIsdnNumber
	case has("TLX", "TELEX"):
		return mapi.PidTagTelexNumber
	case has("CELL", "MOBILE", "IPHONE"):
		return mapi.PidTagMobileTelephoneNumber
	case has("WORK"):
		return mapi.PidTagBusinessTelephoneNumber
	case has("HOME"):
		return mapi.PidTagHomeTelephoneNumber
	case isPref(l) && !has("VOICE"):
		return mapi.PidTagPrimaryTelephoneNumber
	}
	return mapi.PidTagOtherTelephoneNumber
}

// phones reads the telephone numbers. A number for which no property is free
// is kept as a line.
func (r *cardReader) phones() {
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if canonicalName(l) != "TEL" || l.Data != nil || l.Long != nil {
			continue
		}
		t := tag(phoneOf(l))
		second := l.Param("X-FIELD") == "2"
		if second || !t.free(r.props) {
			switch t.tag {
			case mapi.PidTagBusinessTelephoneNumber:
				t.tag = mapi.PidTagBusiness2TelephoneNumber
			case mapi.PidTagHomeTelephoneNumber:
				t.tag = mapi.PidTagHome2TelephoneNumber
			}
		}
		if t.free(r.props) {
			r.setText(t, phoneText(l))
		}
	}
}

func phoneText(l *vcard.Line) string {
	s := strings.TrimSpace(l.Text())
	if len(s) > 4 && strings.EqualFold(s[:4], "tel:") {
		s = s[4:]
	}
	return s
}

func emailText(l *vcard.Line) string {
	s := strings.TrimSpace(l.Text())
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	return s
}

func (r *cardReader) emails() {
	next := 0
	used := map[int]bool{}
	var list []int32
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if l.Name != "EMAIL" || l.Data != nil || l.Long != nil {
			continue
		}
		k := next
		if n, ok := parseInt(l.Param("X-FIELD")); ok && n >= 1 && n <= 3 {
			k = int(n) - 1
		}
		value := emailText(l)
		if k >= len(emails) || used[k] || value == "" && l.Param("X-NAME") == "" && l.Param("X-ORIGINAL-NAME") == "" {
			continue
		}
		used[k] = true
		next = k + 1
		addr, typ, original := value, "SMTP", value
		if t := l.Param("X-ADDRESS-TYPE"); t != "" {
			typ = t
		} else if l.HasType("X400") {
			typ = "X400"
		}
		if a := l.Param("X-ADDRESS"); a != "" {
			addr = a
		}
		if s := l.Param("X-ORIGINAL-NAME"); s != "" {
			original = s
		}
		shown := shownAddress(r.props.Text(mapi.PidTagDisplayName), addr)
		if s := l.Param("X-NAME"); s != "" {
			shown = s
		}
		e := emails[k]
		r.setText(e.addr, addr)
		r.setText(e.shown, shown)
		r.setText(e.original, original)
		if addr != "" {
			r.setText(e.typ, typ)
			e.entryID.set(&r.props, mapi.BinaryValue(oneOff{original, typ, addr}.entryID()))
			list = append(list, int32(k))
		}
	}
	r.faxes(&list)
	if len(list) == 0 {
		return
	}
	// Which addresses there are, as a list and as bits. [MS-OXOCNTC]
	// 2.2.1.2.11, 2.2.1.2.12
	bits := int32(0)
	raw := make([]byte, 0, 4*len(list))
	for _, k := range list {
		bits |= 1 << k
		raw = append(raw, byte(k), 0, 0, 0)
	}
	r.props.SetName(mapi.PidLidAddressBookProviderEmailList, mapi.RawValue(mapi.TypeMultipleInteger32, raw))
	r.props.SetName(mapi.PidLidAddressBookProviderArrayType, mapi.Int32Value(bits))
}

// faxes sets the electronic addresses of the fax numbers, where our own lines
// tell them, and adds those that have a number to the list of addresses.
func (r *cardReader) faxes(list *[]int32) {
	for i, f := range faxes {
		if !f.number.free(r.props) {
			*list = append(*list, int32(3+i))
		}
		l := r.text(extraPrefix + f.line)
		if l == nil {
			continue
		}
		addr, name := l.Text(), ""
		if n := r.text(extraPrefix + strings.Replace(f.line, "ADDRESS", "NAME", 1)); n != nil {
			name = n.Text()
		}
		r.setText(f.typ, "FAX")
		f.entryID.set(&r.props, mapi.BinaryValue(oneOff{name, "FAX", addr}.entryID()))
	}
}

func (r *cardReader) urls() {
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if l.Name != "URL" || l.Data != nil || l.Long != nil {
			continue
		}
		p := tag(mapi.PidTagBusinessHomePage)
		switch {
		case l.HasType("HOME"):
			p.tag = mapi.PidTagPersonalHomePage
		case l.HasType("FTP"):
			p.tag = mapi.PidTagFtpSite
		}
		if p.free(r.props) {
			r.setText(p, strings.TrimSpace(l.Text()))
		}
	}
	html := r.props.Text(mapi.PidTagBusinessHomePage)
	if l := r.text(extraPrefix + "HTML"); l != nil {
		html = l.Text()
	}
	r.setText(named(mapi.PidLidHtml), html)
}

func (r *cardReader) dates() {
	for _, d := range []struct {
		line, exact string
		local       mapi.Name
		utc         mapi.Tag
	}{
		{"BDAY", "BIRTHDAY", mapi.PidLidBirthdayLocal, mapi.PidTagBirthday},
		{"X-MS-ANNIVERSARY", "ANNIVERSARY", mapi.PidLidWeddingAnniversaryLocal, mapi.PidTagWeddingAnniversary},
	} {
		l := r.text(d.line)
		if l == nil {
			continue
		}
		t, ok := parseDay(l.Text())
		if !ok {
			continue
		}
		if _, has := mapi.TimeValue(t).Time(); !has {
			continue
		}
		r.props.SetName(d.local, mapi.TimeValue(t))
		if x := r.text(extraPrefix + d.exact); x != nil {
			if u, err := time.Parse(time.RFC3339Nano, x.Text()); err == nil {
				t = u
			}
		}
		r.props.Set(d.utc, mapi.TimeValue(t))
	}
}

func (r *cardReader) relations() {
	var children []string
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if l.Data != nil || l.Long != nil {
			continue
		}
		p := prop{}
		switch canonicalName(l) {
		case "X-MS-SPOUSE":
			p = tag(mapi.PidTagSpouseName)
		case "X-MS-ASSISTANT":
			p = tag(mapi.PidTagAssistant)
		case "X-MS-CHILD":
			if s := l.Text(); s != "" {
				children = append(children, crlf(s))
			}
			continue
		default:
			continue
		}
		if p.free(r.props) {
			r.setText(p, strings.TrimSpace(l.Text()))
		}
	}
	if len(children) > 0 {
		r.props.Set(mapi.PidTagChildrensNames, mapi.MultiStringValue(children))
	}
}

func (r *cardReader) userFields() {
	next := 0
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if l.Name != "X-MS-TEXT" || l.Data != nil || l.Long != nil {
			continue
		}
		k := next
		if n, ok := parseInt(l.Param("X-FIELD")); ok && n >= 1 && n <= 4 {
			k = int(n) - 1
		}
		if k < len(userFields) && userFields[k].free(r.props) {
			r.setText(userFields[k], l.Text())
			next = k + 1
		}
	}
}

// held reads the content of a line, if there is not too much of it.
func (r *cardReader) held(l *vcard.Line) ([]byte, bool) {
	if l.Data == nil || l.Data.Size() > maxBinary {
		return nil, false
	}
	b, err := mapi.ReadBlob(r.ctx, l.Data, maxBinary)
	return b, err == nil && len(b) > 0
}

func (r *cardReader) certificates() {
	var list [][]byte
	// The elements as they were tell more than the certificates in them.
	for _, name := range []string{extraPrefix + "X509", "KEY"} {
		for i := range r.card.Lines {
			l := &r.card.Lines[i]
			if l.Name != name || name == "KEY" && vcard.MediaType(l) == "application/pgp-keys" || len(list) >= 100 {
				continue
			}
			b, ok := r.held(l)
			if !ok || name == "KEY" && certificate(b) == nil {
				continue
			}
			known := false
			for _, e := range list {
				known = known || string(certificate(e)) == string(b)
			}
			if !known {
				list = append(list, b)
			}
			r.used[i] = true
		}
	}
	if len(list) > 0 {
		r.props.Set(mapi.PidTagUserX509Certificate, mapi.MultiValue(mapi.TypeMultipleBinary, list))
	}
}

// data sets a binary property.
func (r *cardReader) data(name string, p prop) {
	for i := range r.card.Lines {
		if l := &r.card.Lines[i]; l.Name == name && l.Data != nil && l.Data.Size() > 0 && p.free(r.props) {
			p.set(&r.props, mapi.BlobValue(mapi.TypeBinary, l.Data))
			r.used[i] = true
		}
	}
}

// extra reads a line of our own.
func (r *cardReader) extra(e extra) {
	if e.prop.typ() == mapi.TypeBinary {
		r.data(extraPrefix+e.line, e.prop)
		return
	}
	l := r.text(extraPrefix + e.line)
	if l == nil {
		return
	}
	switch t := e.prop.typ(); {
	case t.IsString() && t.Multi():
		list := l.Components()
		for i, s := range list {
			list[i] = crlf(s)
		}
		e.prop.set(&r.props, mapi.MultiStringValue(list))
	case t.IsString():
		r.setText(e.prop, l.Text())
	case t == mapi.TypeTime:
		if at, err := time.Parse(time.RFC3339Nano, l.Text()); err == nil && mapi.Filetime(at) != 0 {
			e.prop.set(&r.props, mapi.TimeValue(at))
		}
	case t == mapi.TypeMultipleInteger32:
		var raw []byte
		for _, s := range l.Components() {
			if n, ok := parseInt(s); ok {
				raw = append(raw, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
			}
		}
		e.prop.set(&r.props, mapi.RawValue(t, raw))
	case t == mapi.TypeInteger32:
		if n, ok := parseInt(l.Text()); ok {
			e.prop.set(&r.props, mapi.Int32Value(int32(n)))
		}
	case t == mapi.TypeBoolean:
		if n, ok := parseInt(l.Text()); ok {
			e.prop.set(&r.props, mapi.BoolValue(n != 0))
		}
	}
}

// parseDay reads a date of any version; a time behind it does not count. A
// date without a year is in the year 1604.
func parseDay(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, "Tt "); i > 0 {
		s = s[:i]
	}
	for _, f := range []string{"2006-01-02", "20060102", "2006-1-2"} {
		if t, err := time.Parse(f, s); err == nil {
			return t, t.Year() >= 1601
		}
	}
	for _, f := range []string{"--0102", "--01-02"} {
		// Day and month are read in a leap year.
		if t, err := time.Parse("2006"+f, "1604"+s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parseInstant reads a time of any version; without a zone it is in UTC.
func parseInstant(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, f := range []string{
		"20060102T150405Z0700", "20060102T150405Z07:00", "20060102T150405",
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05",
	} {
		if t, err := time.Parse(f, s); err == nil && t.Year() >= 1601 && t.Year() < 4500 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
