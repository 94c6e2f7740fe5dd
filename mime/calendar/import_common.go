package calendar

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/ical"
)

// An itemReader reads one component as a message.
type itemReader struct {
	*importer
	cal  *calendarInfo
	in   *ical.Component
	m    *mapi.Message
	seen map[string]bool

	props  keeper // for NameProperties
	params keeper // for NameParameters
	zones  [2]string
}

// keepLine keeps a property that has no place.
func (it *itemReader) keepLine(p *ical.Property) {
	it.props.limit = keptLimit
	if !it.props.property(p) {
		it.loss(p.Name, mapi.LossTooLarge, "the property is too large to be kept")
	}
}

// keepParams keeps the parameters of a line that have no place: all but those
// named. value is the value as it will be written.
func (it *itemReader) keepParams(p *ical.Property, value string, placed ...string) {
	q := ical.Property{Name: p.Name, Value: value}
next:
	for _, a := range p.Params {
		for _, n := range placed {
			if a.Name == n {
				continue next
			}
		}
		q.Params = append(q.Params, a)
	}
	if len(q.Params) == 0 {
		return
	}
	it.params.limit = keptLimit
	if !it.params.property(&q) {
		it.loss(p.Name, mapi.LossTooLarge, "the parameters are too large to be kept")
	}
}

// invalid keeps a line whose value cannot be read.
func (it *itemReader) invalid(p *ical.Property, err error, severe bool) {
	it.problem(mapi.Problem{Severe: severe, Where: it.where, Offset: -1, Field: p.Name, Detail: err.Error() + "; the line is kept as it is", Spec: "RFC 5545 3.3"})
	it.keepLine(p)
}

// finish stores what was kept.
func (it *itemReader) finish() {
	ps := &it.m.Props
	keep(ps, NameProperties, it.props.lines)
	keep(ps, NameParameters, it.params.lines)
	if it.zones != [2]string{} {
		ps.SetName(NameZones, mapi.MultiStringValue(it.zones[:]))
	}
	ps.Set(mapi.PidTagHasAttachments, mapi.BoolValue(len(it.m.Attachments) > 0))
	for i, a := range it.m.Attachments {
		a.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(int32(i)))
	}
}

// common reads a property that every component has; false when it is none.
func (it *itemReader) common(p *ical.Property) bool {
	ps := &it.m.Props
	first := !it.seen[p.Name]
	if it.seen == nil {
		it.seen = make(map[string]bool)
	}
	it.seen[p.Name] = true
	switch p.Name {
	case "SUMMARY":
		if !first || p.Large != nil {
			return false
		}
		s := ical.Text(p.Value)
		ps.Set(mapi.PidTagSubject, mapi.StringValue(s))
		if it.in.Get("X-MAILCONV-NORMALIZED-SUBJECT") == nil {
			ps.Set(mapi.PidTagNormalizedSubject, mapi.StringValue(s))
		}
		ps.Set(mapi.PidTagSubjectPrefix, mapi.StringValue(""))
		it.keepParams(p, ical.EscapeText(s))
	case "DESCRIPTION":
		if !first {
			return false
		}
		ps.Set(mapi.PidTagBody, it.text(p))
		if p.Large == nil {
			// The writer streams this value; parameters go by the name alone.
			it.keepParams(p, "", "VALUE")
		}
	case "X-ALT-DESC":
		if !first || !strings.EqualFold(p.Param("FMTTYPE"), "text/html") {
			return false
		}
		it.html(p)
		it.keepParams(p, "", "FMTTYPE", "VALUE")
	case "CLASS":
		if !first {
			return false
		}
		v := strings.ToUpper(strings.TrimSpace(p.Value))
		n := -1
		for i, c := range classNames {
			if v == c {
				n = i
			}
		}
		if n < 0 {
			// RFC 5545 3.8.1.3: what is not known counts as PRIVATE.
			n = 2
			it.keepLine(p)
		}
		ps.Set(mapi.PidTagSensitivity, mapi.Int32Value(int32(n)))
		ps.SetName(mapi.PidLidPrivate, mapi.BoolValue(n >= 2))
	case "PRIORITY":
		if !first {
			return false
		}
		if !it.seen["X-MICROSOFT-CDO-IMPORTANCE"] {
			ps.Set(mapi.PidTagImportance, mapi.Int32Value(int32(importance(p.Value))))
		}
		if v := strings.TrimSpace(p.Value); v != "1" && v != "5" && v != "9" || len(p.Params) > 0 {
			it.keepLine(p)
		}
	case "X-MICROSOFT-CDO-IMPORTANCE":
		n, err := strconv.Atoi(strings.TrimSpace(p.Value))
		if err != nil || n < 0 || n > 2 {
			return false
		}
		ps.Set(mapi.PidTagImportance, mapi.Int32Value(int32(n)))
	case "CATEGORIES":
		var list []string
		if v, ok := ps.GetName(mapi.PidNameKeywords); ok {
			list = v.Texts()
		}
		for _, s := range ical.SplitText(p.Value) {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
		if p.Large != nil || len(list) > 10000 {
			return false
		}
		if len(list) > 0 {
			ps.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(list))
		}
		it.keepParams(p, p.Value, "VALUE")
	case classLine:
		class := ical.Text(p.Value)
		if !first || !fits(class, it.m.Class()) {
			return false
		}
		ps.Set(mapi.PidTagMessageClass, mapi.StringValue(class))
	case "UID", "DTSTAMP", "BEGIN", "END":
		return false // by component
	case "ATTACH":
		return it.attach(p)
	default:
		return it.field(p, first)
	}
	return true
}

// field reads a property of one of the tables.
func (it *itemReader) field(p *ical.Property, first bool) bool {
	if !first || p.Large != nil {
		return false
	}
	for _, set := range fieldsOf(it.in.Name) {
		for i := range set {
			if set[i].ical != p.Name {
				continue
			}
			if set[i].kind == text && p.Value == "" && set[i].ical != "LOCATION" {
				return false
			}
			v, ok := set[i].parse(p.Value)
			if !ok {
				it.invalid(p, fmt.Errorf("%q cannot be read", p.Value[:min(len(p.Value), 60)]), false)
				return true
			}
			set[i].set(&it.m.Props, v)
			it.keepParams(p, p.Value, "VALUE")
			return true
		}
	}
	return false
}

func (f *field) parse(s string) (v mapi.Value, ok bool) {
	t := strings.TrimSpace(s)
	switch f.kind {
	case text:
		return mapi.StringValue(ical.Text(s)), true
	case texts:
		return mapi.MultiStringValue(ical.SplitText(s)), true
	case integer:
		n, err := strconv.ParseInt(t, 10, 32)
		return mapi.Int32Value(int32(n)), err == nil
	case boolean:
		switch strings.ToUpper(t) {
		case "TRUE", "1":
			return mapi.BoolValue(true), true
		case "FALSE", "0":
			return mapi.BoolValue(false), true
		}
		return v, false
	case instant:
		d, err := ical.ParseDateTime(t, "")
		return mapi.TimeValue(d.Clock), err == nil
	case duration:
		d, err := ical.ParseDuration(t)
		return mapi.Int32Value(int32(d / time.Minute)), err == nil
	}
	return v, false
}

// text is a value of type TEXT as a string with CRLF.
func (it *itemReader) text(p *ical.Property) mapi.Value {
	if p.Large == nil {
		s := ical.Text(p.Value)
		return mapi.StringValue(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n"))
	}
	large := p.Large
	return mapi.BlobValue(mapi.TypeString, entity.NewBlob(func(ctx context.Context) (io.ReadCloser, error) {
		r, err := large.Open(ctx)
		if err != nil {
			return nil, err
		}
		return readCloser{&unescaper{r: bufio.NewReader(r), wide: true}, r}, nil
	}))
}

// html stores X-ALT-DESC as PidTagHtml, in UTF-8.
func (it *itemReader) html(p *ical.Property) {
	ps := &it.m.Props
	if p.Large == nil {
		ps.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte(ical.Text(p.Value))))
	} else {
		large := p.Large
		ps.Set(mapi.PidTagHtml, mapi.BlobValue(mapi.TypeBinary, entity.NewBlob(func(ctx context.Context) (io.ReadCloser, error) {
			r, err := large.Open(ctx)
			if err != nil {
				return nil, err
			}
			return readCloser{&unescaper{r: bufio.NewReader(r)}, r}, nil
		})))
	}
	ps.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(codepage.UTF8))
}

// An unescaper is [ical.Text] for a stream; wide gives UTF-16 with CRLF.
type unescaper struct {
	r    *bufio.Reader
	wide bool
	out  []byte
}

func (u *unescaper) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		c, _, err := u.r.ReadRune()
		if err != nil {
			return 0, err
		}
		if c == '\r' || c == 0 {
			continue
		}
		s := string(c)
		if c == '\\' {
			switch d, _, err := u.r.ReadRune(); {
			case err != nil:
			case d == 'n' || d == 'N':
				s = "\n"
			case d == '\\' || d == ';' || d == ',' || d == ':' || d == '"':
				s = string(d)
			default:
				s += string(d)
			}
		}
		if !u.wide {
			u.out = append(u.out[:0], s...)
			continue
		}
		if s == "\n" {
			s = "\r\n"
		}
		u.out = mapi.EncodeUTF16(s)
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

const maxAttachments = 10000

// attach reads ATTACH. [MS-OXCICAL] 2.1.3.1.1.20.1
func (it *itemReader) attach(p *ical.Property) bool {
	if len(it.m.Attachments) >= maxAttachments {
		it.loss("ATTACH", mapi.LossTooLarge, "more attachments than a message is given")
		return true
	}
	a := &mapi.Attachment{}
	ps := &a.Props
	inline := strings.EqualFold(p.Param("VALUE"), "BINARY") || strings.EqualFold(p.Param("ENCODING"), "BASE64") || strings.EqualFold(p.Param("ENCODING"), "B")
	name := p.Param("X-FILENAME")
	for _, n := range []string{"FILENAME", "X-APPLE-FILENAME", "X-ORACLE-FILENAME", "X-LABEL"} {
		if name == "" {
			name = p.Param(n)
		}
	}
	switch {
	case inline:
		ps.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		ps.Set(mapi.PidTagAttachDataBinary, it.binary(p))
	case p.Large != nil:
		return false
	default:
		ps.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByWebReference))
		ps.Set(mapi.PidTagAttachLongPathname, mapi.StringValue(p.Value))
		if name == "" {
			name = lastPart(p.Value)
			if name == "" {
				name = p.Value
			}
			ps.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
			name = ""
		}
	}
	if name == "" && inline {
		name = "attachment-" + strconv.Itoa(len(it.m.Attachments)+1)
		ps.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
		name = ""
	}
	if name != "" {
		name = path.Base(strings.ReplaceAll(name, `\`, "/"))
		ps.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(name))
		ps.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
		if ext := path.Ext(name); ext != "" {
			ps.Set(mapi.PidTagAttachExtension, mapi.StringValue(ext))
		}
	}
	if t := p.Param("FMTTYPE"); t != "" {
		ps.Set(mapi.PidTagAttachMimeTag, mapi.StringValue(t))
	}
	value := p.Value
	if inline {
		value = "" // the writer streams it
	}
	it.keepParams(p, value, "VALUE", "ENCODING", "FMTTYPE", "FILENAME", "X-FILENAME")
	it.m.Attachments = append(it.m.Attachments, a)
	return true
}

func lastPart(uri string) string {
	uri, _, _ = strings.Cut(uri, "?")
	uri, _, _ = strings.Cut(uri, "#")
	if !strings.Contains(uri, "/") {
		return ""
	}
	return strings.Trim(uri[strings.LastIndex(uri, "/"):], "/")
}

// binary is a value in base64.
func (it *itemReader) binary(p *ical.Property) mapi.Value {
	if p.Large == nil {
		b, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, &alphabet{r: strings.NewReader(p.Value)}))
		if err != nil && len(bytes.TrimSpace([]byte(p.Value))) > 0 {
			it.problem(mapi.Problem{Severe: true, Offset: -1, Field: p.Name, Detail: "the base64 ends with an error: " + err.Error(), Spec: "RFC 5545 3.3.1"})
		}
		return mapi.BinaryValue(b)
	}
	large := p.Large
	return mapi.BlobValue(mapi.TypeBinary, entity.NewBlob(func(ctx context.Context) (io.ReadCloser, error) {
		r, err := large.Open(ctx)
		if err != nil {
			return nil, err
		}
		return readCloser{base64.NewDecoder(base64.StdEncoding, &alphabet{r: r}), r}, nil
	}))
}

// An alphabet passes on what is base64, and pads the end.
type alphabet struct {
	r    io.Reader
	n    int
	done bool
	pad  int
}

func (a *alphabet) Read(p []byte) (int, error) {
	for {
		if a.pad > 0 {
			n := copy(p, "==="[:a.pad])
			a.pad -= n
			return n, nil
		}
		if a.done {
			return 0, io.EOF
		}
		n, err := a.r.Read(p)
		out := 0
		for _, c := range p[:n] {
			switch {
			case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
				p[out] = c
				out++
			}
		}
		a.n += out
		if err == io.EOF {
			a.done = true
			if a.n%4 > 1 {
				a.pad = 4 - a.n%4
			}
			err = nil
		}
		if out > 0 || err != nil {
			return out, err
		}
	}
}
