package contact

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/vcard"
)

// A generator makes the lines of a card from the properties of a message. What
// is content (body, photo) is added by [exporter].
type generator struct {
	m       *mapi.Message
	version string
	// labels asks for the label of an address also where it is but the
	// address in lines.
	labels bool
	lines  []vcard.Line
	losses []mapi.Loss
}

func typeParam(types ...string) []vcard.Param {
	if len(types) == 0 {
		return nil
	}
	return []vcard.Param{{Name: "TYPE", Values: types}}
}

// add adds a line whose value is escaped already.
func (g *generator) add(name, value string, types ...string) *vcard.Line {
	g.lines = append(g.lines, vcard.Line{Name: name, Params: typeParam(types...), Value: value})
	return &g.lines[len(g.lines)-1]
}

func (g *generator) addText(name, text string, types ...string) {
	if text != "" {
		g.add(name, vcard.Escape(text), types...)
	}
}

func (g *generator) loss(item string, reason mapi.LossReason, detail string) {
	g.losses = append(g.losses, mapi.Loss{Item: item, Reason: reason, Detail: detail})
}

func int64Text(n int64) string { return strconv.FormatInt(n, 10) }

func parseInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return n, err == nil
}

// contact makes the lines of a contact.
func (g *generator) contact() {
	ps := g.m.Props
	fn := g.nameLines()
	for _, f := range textFields {
		g.addText(f.line, lf(f.prop.text(ps)), f.types...)
	}
	g.orgLine()
	g.phoneLines()
	g.emailLines(fn)
	g.addressLines()
	g.imLine()
	g.urlLines()
	g.dateLines()
	g.relationLines()
	for i, f := range userFields {
		if s := lf(f.text(ps)); s != "" {
			l := g.add("X-MS-TEXT", vcard.Escape(s))
			l.Params = []vcard.Param{{Name: "X-FIELD", Values: []string{strconv.Itoa(i + 1)}}}
		}
	}
	if n, ok := ps.Int(mapi.PidTagGender); ok && (n == 1 || n == 2) {
		s := []string{"F", "M"}[n-1]
		switch g.version {
		case vcard.V40:
			g.add("GENDER", s)
		default:
			g.add("X-GENDER", map[string]string{"F": "Female", "M": "Male"}[s])
		}
	}
	g.certificateLines()
	if v, ok := ps.GetName(mapi.PidLidBusinessCardCardPicture); ok && v.Type() == mapi.TypeBinary && v.Size() > 0 {
		g.lines = append(g.lines, vcard.Line{Name: "X-MS-CARDPICTURE", Params: typeParam("JPEG"), Data: v.Blob()})
	}
	if s := lf(ps.NameText(mapi.PidLidFileUnder)); s != "" && s != fileAs(ps) {
		g.addText(extraPrefix+"FILE-AS", s)
	}
	if n, ok := ps.NameInt(mapi.PidLidFileUnderId); ok && n != fileAsID(ps) {
		g.add(extraPrefix+"FILE-AS-ID", int64Text(n))
	}
	if s := ps.NameText(mapi.PidLidHtml); s != "" && s != ps.Text(mapi.PidTagBusinessHomePage) {
		g.addText(extraPrefix+"HTML", s)
	}
	g.commonLines(fn)
}

// commonLines are those of contacts and lists.
func (g *generator) commonLines(fn string) {
	ps := g.m.Props
	if v, ok := ps.GetName(mapi.PidNameKeywords); ok {
		var list []string
		for _, s := range v.Texts() {
			if s != "" {
				list = append(list, s)
			}
		}
		if len(list) > 0 {
			g.add("CATEGORIES", vcard.Join(list, ","))
		}
	}
	if n, ok := ps.Int(mapi.PidTagSensitivity); ok && n >= 0 && n < int64(len(sensitivities)) {
		g.add("CLASS", sensitivities[n])
	}
	if v, ok := ps.Get(mapi.PidTagLastModificationTime); ok {
		if t, ok := v.Time(); ok {
			l := g.add("REV", g.instant(t))
			if n := t.Nanosecond() / 100; n != 0 {
				l.Params = []vcard.Param{{Name: "X-100NS", Values: []string{strconv.Itoa(n)}}}
			}
		}
	}
	if s := subject(ps); s != "" && s != fn {
		g.addText(extraPrefix+"SUBJECT", s)
	}
	if c := g.m.Class(); !strings.EqualFold(c, classContact) && !strings.EqualFold(c, classDistList) {
		g.addText(extraPrefix+"CLASS", c)
	}
	for _, e := range extras {
		if v, ok := e.prop.get(ps); ok {
			g.extraLines(e, v)
		}
	}
}

func subject(ps mapi.Properties) string {
	if s := ps.Text(mapi.PidTagSubject); s != "" {
		return s
	}
	return ps.Text(mapi.PidTagSubjectPrefix) + ps.Text(mapi.PidTagNormalizedSubject)
}

// nameProps are the components of N. RFC 6350 6.2.2
var nameProps = [5]prop{
	tag(mapi.PidTagSurname), tag(mapi.PidTagGivenName), tag(mapi.PidTagMiddleName),
	tag(mapi.PidTagDisplayNamePrefix), tag(mapi.PidTagGeneration),
}

func (g *generator) nameLines() (fn string) {
	ps := g.m.Props
	var n [5]string
	for i, p := range nameProps {
		n[i] = lf(p.text(ps))
	}
	fn = lf(ps.Text(mapi.PidTagDisplayName))
	shown := fn
	for _, s := range []string{composedName(n), lf(subject(ps)), ps.Text(mapi.PidTagCompanyName), ps.NameText(mapi.PidLidEmail1EmailAddress)} {
		if shown == "" {
			shown = s
		}
	}
	g.add("FN", vcard.Escape(shown))
	if n != [5]string{} || g.version != vcard.V40 {
		g.add("N", vcard.Join(n[:], ";"))
	}
	return fn
}

// composedName is the full name of a card that has none: prefix, given,
// middle, surname, suffix.
func composedName(n [5]string) string {
	var list []string
	for _, i := range []int{3, 1, 2, 0, 4} {
		if n[i] != "" {
			list = append(list, n[i])
		}
	}
	return strings.Join(list, " ")
}

// fileAs is the name that a contact is filed under where nobody chose one:
// surname, given and middle name; else the full name, else the company.
func fileAs(ps mapi.Properties) string {
	sur := ps.Text(mapi.PidTagSurname)
	given := strings.TrimSpace(ps.Text(mapi.PidTagGivenName) + " " + ps.Text(mapi.PidTagMiddleName))
	switch {
	case sur != "" && given != "":
		return sur + ", " + given
	case ps.Text(mapi.PidTagDisplayName) != "":
		return ps.Text(mapi.PidTagDisplayName)
	}
	return ps.Text(mapi.PidTagCompanyName)
}

// fileAsID says how the file-as name was made: of surname, given and middle
// name, or by the user. [MS-OXOCNTC] 2.2.1.1.12
func fileAsID(ps mapi.Properties) int64 {
	if s := ps.Text(mapi.PidTagSurname); s != "" && s != ps.NameText(mapi.PidLidFileUnder) && fileAs(ps) == ps.NameText(mapi.PidLidFileUnder) {
		return 0x8017
	}
	return -1
}

func (g *generator) orgLine() {
	company, dept := lf(g.m.Props.Text(mapi.PidTagCompanyName)), lf(g.m.Props.Text(mapi.PidTagDepartmentName))
	switch {
	case dept != "":
		g.add("ORG", vcard.Join([]string{company, dept}, ";"))
	case company != "":
		g.add("ORG", vcard.Escape(company))
	}
}

func (g *generator) phoneLines() {
	ps := g.m.Props
	for i, p := range phones {
		s := lf(p.prop.text(ps))
		if s == "" {
			continue
		}
		l := g.add(p.line, vcard.Escape(s), p.types...)
		if p.second && phones[i-1].prop.text(ps) == "" {
			l.Params = append(l.Params, vcard.Param{Name: "X-FIELD", Values: []string{"2"}})
		}
	}
}

func (g *generator) emailLines(fn string) {
	ps := g.m.Props
	written := 0
	for i, e := range emails {
		addr, typ := e.addr.text(ps), e.typ.text(ps)
		shown, original := e.shown.text(ps), e.original.text(ps)
		if addr == "" && original == "" && shown == "" {
			continue
		}
		param := func(l *vcard.Line, name, value string) {
			l.Params = append(l.Params, vcard.Param{Name: name, Values: []string{value}})
		}
		l := vcard.Line{Name: "EMAIL", Value: vcard.Escape(addr)}
		smtp := typ == "" || strings.EqualFold(typ, "SMTP")
		if smtp {
			l.Params = typeParam("INTERNET")
		}
		if !smtp {
			// Others cannot write to an address of Exchange; the name
			// often is the SMTP address.
			if strings.Contains(original, "@") && !strings.ContainsAny(original, " \t()<>") {
				l.Value = vcard.Escape(original)
				l.Params = typeParam("INTERNET")
				param(&l, "X-ADDRESS", addr)
			}
			param(&l, "X-ADDRESS-TYPE", typ)
		}
		if written == 0 {
			l.Params = append(l.Params, vcard.Param{Name: "TYPE", Values: []string{"PREF"}})
			if len(l.Params) > 1 && l.Params[0].Name == "TYPE" {
				l.Params[0].Values = append(l.Params[0].Values, "PREF")
				l.Params = l.Params[:len(l.Params)-1]
			}
		}
		if shown != "" && shown != shownAddress(fn, addr) {
			param(&l, "X-NAME", shown)
		}
		if original != "" && original != l.Text() && original != addr {
			param(&l, "X-ORIGINAL-NAME", original)
		}
		if written != i {
			param(&l, "X-FIELD", strconv.Itoa(i+1))
		}
		written = i + 1
		g.lines = append(g.lines, l)
		if v, ok := e.entryID.get(ps); ok && v.Size() > 0 {
			if o, ok := parseOneOff(v.Raw()); !ok || !strings.EqualFold(o.addr, addr) {
				g.loss(e.entryID.name.String(), mapi.LossStoreOnly, "an entry of an address book")
			}
		}
	}
}

// shownAddress is the name of a mail address that nobody named. [MS-OXOCNTC]
// 2.2.1.2.1
func shownAddress(fn, addr string) string {
	if fn == "" || fn == addr {
		return addr
	}
	return fn + " (" + addr + ")"
}

func (g *generator) imLine() {
	s := g.m.Props.NameText(mapi.PidLidInstantMessagingAddress)
	if s == "" {
		return
	}
	if g.version == vcard.V40 && hasScheme(s) {
		g.add("IMPP", vcard.Escape(s))
		return
	}
	g.addText("X-MS-IMADDRESS", s)
}

func hasScheme(s string) bool {
	i := strings.IndexByte(s, ':')
	if i < 2 {
		return false
	}
	for _, c := range s[:i] {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

func (g *generator) urlLines() {
	ps := g.m.Props
	g.addText("URL", ps.Text(mapi.PidTagBusinessHomePage), "WORK")
	g.addText("URL", ps.Text(mapi.PidTagPersonalHomePage), "HOME")
	g.addText("URL", ps.Text(mapi.PidTagFtpSite), "FTP")
}

// day is the day that a birthday is on: the local one where it is stored, else
// the nearest midnight of the instant.
func day(ps mapi.Properties, local mapi.Name, utc mapi.Tag) (t time.Time, ok bool) {
	if v, has := ps.GetName(local); has {
		if t, ok = v.Time(); ok {
			return t.Truncate(24 * time.Hour), true
		}
	}
	v, _ := ps.Get(utc)
	if t, ok = v.Time(); ok {
		return t.Add(12 * time.Hour).Truncate(24 * time.Hour), true
	}
	return t, false
}

// noYear is the year of a date without one, as Outlook stores it.
const noYear = 1604

func (g *generator) dateLines() {
	ps := g.m.Props
	name := "X-MS-ANNIVERSARY"
	if g.version == vcard.V40 {
		name = "ANNIVERSARY"
	}
	g.dateLine("BDAY", mapi.PidLidBirthdayLocal, mapi.PidTagBirthday)
	g.dateLine(name, mapi.PidLidWeddingAnniversaryLocal, mapi.PidTagWeddingAnniversary)
	for _, e := range []struct {
		line string
		prop prop
	}{{"BIRTHDAY", tag(mapi.PidTagBirthday)}, {"ANNIVERSARY", tag(mapi.PidTagWeddingAnniversary)}} {
		v, _ := e.prop.get(ps)
		if t, ok := v.Time(); ok && !t.Equal(t.Truncate(24*time.Hour)) {
			g.add(extraPrefix+e.line, t.Format(time.RFC3339Nano))
		}
	}
}

func (g *generator) dateLine(name string, local mapi.Name, utc mapi.Tag) {
	t, ok := day(g.m.Props, local, utc)
	if !ok {
		return
	}
	switch {
	case t.Year() == noYear && g.version == vcard.V40:
		g.add(name, t.Format("--0102"))
	case t.Year() == noYear:
		l := g.add(name, t.Format("2006-01-02"))
		l.Params = []vcard.Param{{Name: "X-APPLE-OMIT-YEAR", Values: []string{strconv.Itoa(noYear)}}}
	case g.version == vcard.V40:
		g.add(name, t.Format("20060102"))
	default:
		g.add(name, t.Format("2006-01-02"))
	}
}

func (g *generator) instant(t time.Time) string {
	if g.version == vcard.V40 {
		return t.UTC().Format("20060102T150405Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// relationLines are X-MS- lines before 4.0, and RELATED where 4.0 has a word.
func (g *generator) relationLines() {
	ps := g.m.Props
	add := func(name, rel, who string, types ...string) {
		switch {
		case who == "":
		case g.version == vcard.V40:
			l := g.add("RELATED", vcard.Escape(who), rel)
			l.Params = append(l.Params, vcard.Param{Name: "VALUE", Values: []string{"text"}})
		default:
			g.addText(name, who, types...)
		}
	}
	add("X-MS-SPOUSE", "spouse", lf(ps.Text(mapi.PidTagSpouseName)), "N")
	add("X-MS-ASSISTANT", "agent", lf(ps.Text(mapi.PidTagAssistant)), "N")
	if v, ok := ps.Get(mapi.PidTagChildrensNames); ok {
		for _, s := range v.Texts() {
			add("X-MS-CHILD", "child", lf(s))
		}
	}
}

// certificateLines writes PidTagUserX509Certificate. An element is a
// certificate, or, as Outlook stores it, a list of fields of which one is.
func (g *generator) certificateLines() {
	v, ok := g.m.Props.Get(mapi.PidTagUserX509Certificate)
	if !ok {
		return
	}
	for _, e := range v.Elems() {
		cert := certificate(e)
		if len(cert) > 0 {
			g.lines = append(g.lines, vcard.Line{Name: "KEY", Params: typeParam("X509"), Data: mapi.Bytes(cert)})
		}
		if !bytes.Equal(cert, e) && len(e) > 0 {
			g.lines = append(g.lines, vcard.Line{Name: extraPrefix + "X509", Data: mapi.Bytes(e)})
		}
	}
}

// certificate finds the DER of a certificate in an element of
// PidTagUserX509Certificate: a list of tag, length with these four bytes, and
// content; the certificate for encryption has the tag 3.
func certificate(e []byte) []byte {
	if len(e) > 4 && e[0] == 0x30 && e[1]&0x80 != 0 {
		return e
	}
	for len(e) >= 4 {
		tag, n := int(e[0])|int(e[1])<<8, int(e[2])|int(e[3])<<8
		if n < 4 || n > len(e) {
			return nil
		}
		if tag == 3 {
			return e[4:n]
		}
		e = e[n:]
	}
	return nil
}

// extraLines writes a property in a line of our own.
func (g *generator) extraLines(e extra, v mapi.Value) {
	name := extraPrefix + e.line
	switch t := v.Type(); {
	case t.IsString() && t.Multi():
		list := v.Texts()
		for i, s := range list {
			list[i] = lf(s)
		}
		if len(list) > 0 && strings.Join(list, "") != "" {
			g.add(name, vcard.Join(list, ";"))
		}
	case t.IsString():
		g.addText(name, strings.ReplaceAll(lf(v.Text()), "\x00", ""))
	case t == mapi.TypeBinary:
		if v.Size() > 0 {
			g.lines = append(g.lines, vcard.Line{Name: name, Data: v.Blob()})
		}
	case t == mapi.TypeTime:
		if at, ok := v.Time(); ok {
			g.add(name, at.UTC().Format(time.RFC3339Nano))
		}
	case t == mapi.TypeMultipleInteger32:
		var list []string
		for i := range v.Elems() {
			n, _ := v.Elem(i).Int()
			list = append(list, int64Text(n))
		}
		if len(list) > 0 {
			g.add(name, strings.Join(list, ";"))
		}
	default:
		if n, ok := v.Int(); ok && n != 0 && (e.line != "IMPORTANCE" || n != 1) {
			g.add(name, int64Text(n))
		}
	}
}
