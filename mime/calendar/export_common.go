package calendar

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/mime/ical"
)

// common adds what every component has.
func (x *exporter) common(it *item, m *mapi.Message) {
	ps := m.Props
	it.of = m
	it.kept, it.comps = parseKept(lines(ps, NameProperties))
	uid, made := uidOf(m)
	if p := it.keeps("UID"); p == nil || !made && uidFromGOID(goidFromUID(ical.Text(p.Value))) != uid {
		it.text("UID", uid)
	} else {
		it.add(*p)
	}
	it.forget("UID")
	stamped := it.keeps("DTSTAMP") == nil
	if p := it.keeps("DTSTAMP"); stamped {
		it.add(ical.UTCTime(stamp(m)).Property("DTSTAMP"))
	} else {
		it.add(*p)
	}
	it.forget("DTSTAMP")
	if class := m.Class(); m == x.m && fits(class, plainClass(m)) {
		it.text(classLine, class)
	}
	if v, ok := ps.Get(mapi.PidTagSubject); ok {
		it.text("SUMMARY", v.Text())
	} else if v, ok := ps.Get(mapi.PidTagNormalizedSubject); ok {
		it.text("SUMMARY", v.Text())
	}
	x.body(it, m)
	if n, ok := ps.Int(mapi.PidTagSensitivity); ok && n >= 0 && int(n) < len(classNames) {
		if n != 2 {
			it.forget("CLASS")
		}
		if it.keeps("CLASS") == nil {
			it.add(ical.New("CLASS", classNames[n]))
		}
	}
	if n, ok := ps.Int(mapi.PidTagImportance); ok {
		if p := it.keeps("PRIORITY"); p == nil || importance(p.Value) != int(n) {
			it.forget("PRIORITY")
			if v := [...]string{"9", "5", "1"}; n >= 0 && n < 3 {
				it.add(ical.New("PRIORITY", v[n]))
			}
		}
		if it.name == "VEVENT" {
			it.add(ical.New("X-MICROSOFT-CDO-IMPORTANCE", strconv.FormatInt(n, 10)))
		}
	}
	if v, ok := ps.GetName(mapi.PidNameKeywords); ok {
		if list := v.Texts(); len(list) > 0 {
			it.add(ical.New("CATEGORIES", joinTexts(list)))
		}
	}
	for _, set := range fieldsOf(it.name) {
		for i := range set {
			if x.opt.Part && inHeader[set[i].tag] {
				continue
			}
			if m != x.m && set[i].ical == reminderLine {
				continue // that of the series
			}
			if !follows(&set[i], m, stamped) {
				x.field(it, &set[i], ps)
			}
		}
	}
	x.attachments(it, m)
}

// inHeader are the properties that the header of a mail tells about its part.
var inHeader = map[mapi.Tag]bool{
	mapi.PidTagClientSubmitTime: true, mapi.PidTagInternetMessageId: true, mapi.PidTagNormalizedSubject: true,
}

// follows reports whether a reader finds the value of a field without being told;
// stamped says that DTSTAMP is the message's own.
func follows(f *field, m *mapi.Message, stamped bool) bool {
	ps := m.Props
	if f.zero {
		v, _ := f.get(ps)
		n, ok := v.Int()
		return ok && n == 0
	}
	switch f.ical {
	case "X-MAILCONV-STATE-FLAGS":
		n, _ := ps.NameInt(f.name)
		return int(n) == stateOf(m)
	case "X-MAILCONV-MEETING-TYPE":
		n, _ := ps.NameInt(f.name)
		return n == 1 && m.Class() == classRequest
	case "X-MAILCONV-NORMALIZED-SUBJECT":
		s, ok := ps.Get(mapi.PidTagSubject)
		return !ok || s.Text() == ps.Text(f.tag)
	case "X-MAILCONV-REMINDER-DELTA":
		n, _ := ps.NameInt(f.name)
		return ps.NameBool(mapi.PidLidReminderSet) || n == 0
	case reminderLine:
		if !ps.NameBool(mapi.PidLidReminderSet) {
			return false
		}
		start, _ := times(ps)
		return componentOf(m) == "VTODO" || ps.NameTime(f.name).Equal(start)
	case commonStartLine:
		return ps.NameTime(f.name).Equal(midnightOf(ps.NameTime(mapi.PidLidTaskStartDate)))
	case commonEndLine:
		return ps.NameTime(f.name).Equal(midnightOf(ps.NameTime(mapi.PidLidTaskDueDate)))
	case "X-MAILCONV-WHERE":
		return m.Class() != classAppointment && ps.NameText(f.name) == ps.NameText(mapi.PidLidLocation)
	case "X-MICROSOFT-CDO-OWNER-CRITICAL-CHANGE", "X-MICROSOFT-CDO-ATTENDEE-CRITICAL-CHANGE":
		response := strings.HasPrefix(m.Class(), classResponse)
		return stamped && response == (f.name == mapi.PidLidAttendeeCriticalChange) && !stamp(m).IsZero() && stamp(m).Equal(ps.NameTime(f.name))
	}
	return false
}

// stateOf is what PidLidAppointmentStateFlags is as a rule. [MS-OXOCAL] 2.2.1.10
func stateOf(m *mapi.Message) int {
	switch class := plainClass(m); {
	case class == classCanceled:
		return stateMeeting | stateReceived | stateCanceled
	case class != classAppointment && class != classException:
		return stateMeeting | stateReceived
	}
	for _, r := range m.Recipients {
		if !organizes(r) {
			return stateMeeting
		}
	}
	return 0
}

func find(list []ical.Property, name string) *ical.Property {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

func without(list []ical.Property, name string) []ical.Property {
	var out []ical.Property
	for _, p := range list {
		if p.Name != name {
			out = append(out, p)
		}
	}
	return out
}

func joinTexts(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = ical.EscapeText(s)
	}
	return strings.Join(out, ",")
}

// stamp is DTSTAMP: when the item was last changed by who sent it, as far as
// the message tells. No clock is read. [MS-OXCICAL] 2.1.3.1.1.20.9
func stamp(m *mapi.Message) time.Time {
	names := []mapi.Name{mapi.PidLidOwnerCriticalChange, mapi.PidLidAttendeeCriticalChange}
	if strings.HasPrefix(strings.ToLower(m.Class()), strings.ToLower(classResponse)) {
		names[0], names[1] = names[1], names[0]
	}
	for _, n := range names {
		if t := m.Props.NameTime(n); !t.IsZero() {
			return t
		}
	}
	for _, tag := range []mapi.Tag{mapi.PidTagLastModificationTime, mapi.PidTagClientSubmitTime, mapi.PidTagCreationTime} {
		if t := m.Props.Time(tag); !t.IsZero() {
			return t
		}
	}
	for _, n := range []mapi.Name{mapi.PidLidAppointmentStartWhole, mapi.PidLidCommonStart} {
		if t := m.Props.NameTime(n); !t.IsZero() {
			return t
		}
	}
	return time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
}

// importance is PidTagImportance for a PRIORITY. [MS-OXCICAL] 2.1.3.1.1.20.17
func importance(v string) int {
	n, err := strconv.Atoi(strings.TrimSpace(v))
	switch {
	case err != nil, n <= 0, n == 5, n > 9:
		return 1
	case n < 5:
		return 2
	}
	return 0
}

// field adds a property that has the same value on both sides.
func (x *exporter) field(it *item, f *field, ps mapi.Properties) {
	v, ok := f.get(ps)
	if !ok {
		return
	}
	switch f.kind {
	case text:
		if s := v.Text(); v.Type().IsString() && (s != "" || f.ical == "LOCATION") {
			it.text(f.ical, s)
		}
	case texts:
		if list := v.Texts(); len(list) > 0 {
			it.add(ical.New(f.ical, joinTexts(list)))
		}
	case integer:
		if n, ok := v.Int(); ok {
			it.add(ical.New(f.ical, strconv.FormatInt(n, 10)))
		}
	case boolean:
		if n, ok := v.Int(); ok {
			it.add(ical.New(f.ical, map[bool]string{true: "TRUE", false: "FALSE"}[n != 0]))
		}
	case instant:
		if t, ok := v.Time(); ok {
			it.add(ical.UTCTime(t).Property(f.ical))
		}
	case duration:
		if n, ok := v.Int(); ok {
			it.add(ical.New(f.ical, ical.FormatDuration(time.Duration(n)*time.Minute)))
		}
	}
}

// body adds DESCRIPTION and X-ALT-DESC.
func (x *exporter) body(it *item, m *mapi.Message) {
	ps := m.Props
	if v, ok := ps.Get(mapi.PidTagBody); ok && v.Type().IsString() {
		it.lines = append(it.lines, itemLine{prop: ical.New("DESCRIPTION", ""), open: func() (io.ReadCloser, error) {
			return escaped(v.OpenText(x.ctx))
		}})
	}
	if x.opt.Part && m == x.m {
		return // the formatted text is a part of its own
	}
	html := func() (io.ReadCloser, error) { return nil, nil }
	if v, ok := ps.GetID(mapi.PidTagHtml.ID()); ok && v.Value.Size() > 0 {
		if v.Value.Type().IsString() {
			html = func() (io.ReadCloser, error) { return v.Value.OpenText(x.ctx) }
		} else {
			html = func() (io.ReadCloser, error) {
				r, err := v.Value.Blob().Open(x.ctx)
				if err != nil {
					return nil, err
				}
				n, ok := ps.Int(mapi.PidTagInternetCodepage)
				cs, known := codepage.Get(int(n))
				if !ok || !known || int(n) == codepage.UTF8 {
					return r, nil
				}
				return readCloser{cs.NewReader(r), r}, nil
			}
		}
	} else if v, ok := ps.Get(mapi.PidTagRtfCompressed); ok && v.Size() > 0 {
		kind, err := rtf.Detect(x.ctx, v.Blob())
		if err != nil {
			x.problem(mapi.Problem{Where: "PidTagRtfCompressed", Offset: -1, Detail: "the RTF body cannot be read: " + err.Error()})
			return
		}
		convert := rtf.ToHTML
		_, hasText := ps.Get(mapi.PidTagBody)
		if kind != rtf.HTML {
			if hasText {
				if kind == rtf.Plain {
					x.loss("PidTagRtfCompressed", mapi.LossApproximated, "the text is kept, its formatting is not")
				}
				return
			}
			convert = rtf.ToText
		}
		open := func() (io.ReadCloser, error) {
			b, err := v.Blob().Open(x.ctx)
			if err != nil {
				return nil, err
			}
			pr, pw := io.Pipe()
			go func() {
				_, err := convert(pw, rtf.NewReader(b), nil)
				b.Close()
				pw.CloseWithError(err)
			}()
			return pr, nil
		}
		if kind != rtf.HTML {
			it.lines = append(it.lines, itemLine{prop: ical.New("DESCRIPTION", ""), open: func() (io.ReadCloser, error) { return escaped(open()) }})
			return
		}
		html = open
	} else {
		return
	}
	it.lines = append(it.lines, itemLine{prop: ical.New("X-ALT-DESC", "", "FMTTYPE", "text/html"), open: func() (io.ReadCloser, error) { return escaped(html()) }})
}

type readCloser struct {
	io.Reader
	io.Closer
}

// escaped is text as a value of type TEXT.
func escaped(r io.ReadCloser, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	return readCloser{&escaper{r: bufio.NewReader(r)}, r}, nil
}

// An escaper is [ical.EscapeText] for a stream. Zeros are left out.
type escaper struct {
	r    *bufio.Reader
	rest byte
}

func (e *escaper) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if e.rest != 0 {
			p[n], e.rest = e.rest, 0
			n++
			continue
		}
		c, err := e.r.ReadByte()
		if err != nil {
			if n > 0 && err == io.EOF {
				return n, nil
			}
			return n, err
		}
		switch c {
		case 0:
			continue
		case '\r', '\n':
			if c == '\r' {
				if b, _ := e.r.Peek(1); len(b) == 1 && b[0] == '\n' {
					continue
				}
			}
			p[n], e.rest = '\\', 'n'
		case '\\', ';', ',':
			p[n], e.rest = '\\', c
		default:
			p[n] = c
		}
		n++
	}
	return n, nil
}

// attachments adds ATTACH. Exceptions of a recurrence are none.
func (x *exporter) attachments(it *item, m *mapi.Message) {
	for i, a := range m.Attachments {
		where := "attachment " + strconv.Itoa(i+1)
		if isException(a) || x.opt.Part && m == x.m && !a.Props.NameBool(NameAttach) {
			continue
		}
		name := a.Props.Text(mapi.PidTagAttachLongFilename)
		if name == "" {
			name = a.Props.Text(mapi.PidTagAttachFilename)
		}
		if name == "" {
			name = a.Props.Text(mapi.PidTagDisplayName)
		}
		typ := a.Props.Text(mapi.PidTagAttachMimeTag)
		uri := a.Props.Text(mapi.PidTagAttachLongPathname)
		data := a.Data()
		switch method := a.Method(); {
		case a.Embedded != nil || a.Storage != nil:
			x.loss(where, mapi.LossNoContainer, "a message or OLE object within a calendar item")
		case data == nil && uri != "" || method == mapi.AttachByWebReference && uri != "":
			it.add(ical.New("ATTACH", strings.Map(noBreak, uri), "FMTTYPE", typ, "FILENAME", name))
		case data != nil:
			it.lines = append(it.lines, itemLine{
				prop:   ical.New("ATTACH", "", "ENCODING", "BASE64", "VALUE", "BINARY", "FMTTYPE", typ, "X-FILENAME", name),
				base64: true,
				open:   func() (io.ReadCloser, error) { return data.Open(x.ctx) },
			})
		default:
			x.loss(where, mapi.LossNoContainer, "an attachment without content")
		}
	}
}

func noBreak(r rune) rune {
	if r < ' ' {
		return -1
	}
	return r
}

// isException tells the attachments that hold exceptions of a recurrence.
// [MS-OXOCAL] 2.2.10.1
func isException(a *mapi.Attachment) bool {
	if a.Embedded == nil {
		return false
	}
	if n, ok := a.Props.Int(mapi.PidTagAttachmentFlags); ok && n&2 != 0 {
		return true
	}
	return strings.EqualFold(a.Embedded.Class(), classException)
}
