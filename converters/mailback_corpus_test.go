package converters_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/mime/ical"
)

// A mailView is what has to survive EML -> MSG -> EML of one mail; mails inside
// it have views of their own.
type mailView struct {
	fields header.Fields // without those of the structure
	leaves []leafView
	form   string // the types of the parts, nested
	shown  string // which parts are attachments, in order of the parts
	tnef   bool   // a part is TNEF
	uu     bool   // a text holds a uuencoded file
}

// A leafView is the content of a part.
type leafView struct {
	typ   string
	name  string
	exact [32]byte
	size  int64
	// text is the digest of the text, whatever its character set, and lines
	// that of its words, whatever its line ends; of text alone.
	text, lines [32]byte
	// item tells the item of a calendar: what identifies and describes it.
	item string
}

// mailViews are the views of a mail and of those inside it, in order.
func mailViews(t *testing.T, name string) []*mailView {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var views []*mailView
	var view func(e *entity.Entity)
	view = func(e *entity.Entity) {
		v := new(mailView)
		for _, f := range e.Fields {
			n := strings.ToLower(f.Name)
			if strings.HasPrefix(n, "content-") || n == "mime-version" || n == "" {
				continue
			}
			v.fields = append(v.fields, f)
		}
		views = append(views, v)
		var inner []*entity.Entity
		var walk func(e *entity.Entity) string
		walk = func(e *entity.Entity) string {
			if e.IsMessage() {
				inner = append(inner, e.Parts[0])
				return "message"
			}
			if e.MediaType == "message/rfc822" {
				// With a transfer encoding, which RFC 2046 5.2.1 forbids.
				if in := parsed(t, e.Content()); in.HasHeader() {
					inner = append(inner, in)
					return "message"
				}
			}
			if len(e.Parts) == 0 {
				v.leaves = append(v.leaves, leafOf(t, e))
				switch e.MediaType {
				case "application/ms-tnef", "application/vnd.ms-tnef":
					v.tnef = true
				}
				if files, _ := e.InlineFiles(t.Context()); len(files) > 0 && e.IsText() {
					v.uu = true
				}
				v.shown += " " + e.Disposition
				return e.MediaType
			}
			var kids []string
			for _, p := range e.Parts {
				kids = append(kids, walk(p))
			}
			return strings.TrimPrefix(e.MediaType, "multipart/") + "(" + strings.Join(kids, " ") + ")"
		}
		v.form = walk(e)
		for _, e := range inner {
			view(e)
		}
	}
	view(parsed(t, mapi.Bytes(b)))
	return views
}

func parsed(t *testing.T, b mapi.Blob) *entity.Entity {
	t.Helper()
	p, err := mapi.ReadBlob(t.Context(), b, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	e, err := entity.Parse(bytes.NewReader(p), int64(len(p)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func leafOf(t *testing.T, e *entity.Entity) leafView {
	b, err := mapi.ReadBlob(t.Context(), e.Content(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	l := leafView{typ: e.MediaType, name: e.Filename(), exact: sha256.Sum256(b), size: int64(len(b)), item: calendarOf(b)}
	if e.IsText() || e.IsMultipart() {
		r, err := e.OpenText(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		// A line end behind the last line belongs to the boundary or not, as
		// programs see it.
		s := strings.TrimRight(strings.ReplaceAll(string(b), "\x00", ""), "\r\n")
		l.text = sha256.Sum256([]byte(s))
		l.lines = sha256.Sum256([]byte(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\r' || r == '\n' }), "\n")))
	}
	return l
}

// calendarOf is what the items of a calendar say, whatever the order of lines
// and the names of zones.
func calendarOf(b []byte) string {
	if !bytes.HasPrefix(b, []byte("BEGIN:VCALENDAR")) {
		return ""
	}
	comps, _, err := ical.Read(context.Background(), bytes.NewReader(b), int64(len(b)))
	if err != nil || len(comps) == 0 {
		return ""
	}
	var list []string
	for _, c := range slices.Concat(comps, comps[0].Components) {
		for _, p := range c.Properties {
			switch {
			case c.Name == "VTIMEZONE":
			case slices.Contains([]string{"UID", "SUMMARY", "DESCRIPTION", "LOCATION", "ORGANIZER", "ATTENDEE", "DTSTART", "DTEND", "RRULE", "STATUS", "SEQUENCE", "DTSTAMP"}, p.Name):
				list = append(list, p.Name+":"+strings.ToLower(p.Value))
			}
		}
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// unfolded is the value of a field as a reader compares it.
func unfolded(f *header.Field) string { return strings.Join(strings.Fields(f.Value()), " ") }

// compareFields tells how the header b differs from a.
func compareFields(c *tally, file string, a, b *mailView) {
	dropped := func(f *header.Field) string {
		switch {
		case !header.ValidName(f.Name):
			return "fields: a line that is no field is left out (RFC 5322 2.2)"
		case f.Is("Lines"), f.Is("X-Content-Length"):
			return "fields: Lines counts the lines of the body as it was encoded, so it is left out"
		}
		return ""
	}
	added := func(f *header.Field) string {
		switch {
		case f.Is("X-Unsent") && len(a.fields) == 0:
			return "fields: a mail without a header is a draft"
		case f.Is("Date") && len(a.fields.All("Date")) == 0:
			return "fields: a mail without a date has that of its arrival (RFC 5322 3.6 demands one)"
		}
		return ""
	}
	i, j := 0, 0
	for i < len(a.fields) || j < len(b.fields) {
		switch {
		case i < len(a.fields) && j < len(b.fields) && strings.EqualFold(a.fields[i].Name, b.fields[j].Name):
			if why := fieldDiffers(&a.fields[i], &b.fields[j]); why != "" {
				c.add(why, file, fmt.Sprintf("%.120q became %.120q", a.fields[i].Raw, b.fields[j].Raw))
			}
			i, j = i+1, j+1
		case i < len(a.fields) && dropped(&a.fields[i]) != "":
			c.add(dropped(&a.fields[i]), file, fmt.Sprintf("%.80q", a.fields[i].Raw))
			i++
		case j < len(b.fields) && added(&b.fields[j]) != "":
			c.add(added(&b.fields[j]), file, fmt.Sprintf("%.80q", b.fields[j].Raw))
			j++
		default:
			get := func(fs header.Fields, i int) string {
				if i < len(fs) {
					return string(fs[i].Raw)
				}
				return "the end"
			}
			c.add("unexplained fields", file, fmt.Sprintf("%.120q became %.120q", get(a.fields, i), get(b.fields, j)))
			return
		}
	}
}

func fieldDiffers(a, b *header.Field) string {
	x, y := unfolded(a), unfolded(b)
	if x == y {
		return ""
	}
	ascii := func(f *header.Field) bool {
		return !slices.ContainsFunc(f.Raw, func(c byte) bool { return c >= 0x7F || c < ' ' && c != '\t' && c != '\r' && c != '\n' })
	}
	people := func(f *header.Field) string {
		var s string
		for _, a := range header.ParseAddresses(f.Value(), nil) {
			s += fmt.Sprintf("%v\n", a)
		}
		return s
	}
	letters := func(s string) string {
		return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
	}
	switch {
	case squeeze(header.DecodeText(x, nil)) == squeeze(header.DecodeText(y, nil)):
		if ascii(a) {
			return "fields: an encoded word or a fold that breaks the rules is written anew, the text is the same (RFC 2047 5, RFC 5322 3.2.2)"
		}
		return "fields: 8-bit text is written as encoded words, the text is the same (RFC 5322 2.2)"
	case people(a) == people(b), letters(x) == letters(y):
		return "fields: an address list that breaks the rules is written anew, it names the same people (RFC 5322 3.4)"
	case a.Is("Date"):
		if _, ok := header.ParseDate(a.Value()); !ok {
			return "fields: a date that nobody can read is that of the arrival"
		}
	}
	return "unexplained field"
}

// compareLeaves tells how the contents of b differ from those of a.
func compareLeaves(c *tally, file string, a, b *mailView) {
	rest := slices.Clone(b.leaves)
	take := func(same func(*leafView) bool) bool {
		i := slices.IndexFunc(rest, func(l leafView) bool { return same(&l) })
		if i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		}
		return i >= 0
	}
	var none [32]byte
	var left []leafView
	for _, l := range a.leaves {
		if l.size == 0 && l.name == "" && l.text != none {
			left = append(left, l)
		} else if !take(func(m *leafView) bool { return m.exact == l.exact }) {
			left = append(left, l)
		}
	}
	left = slices.DeleteFunc(left, func(l leafView) bool {
		return l.text != none && take(func(m *leafView) bool { return m.text == l.text })
	})
	for _, l := range left {
		what := fmt.Sprintf("%s %q, %d bytes", l.typ, l.name, l.size)
		switch {
		case l.lines != none && take(func(m *leafView) bool { return m.lines == l.lines }):
			c.add("bodies: a line that ends in CR or LF alone ends in CRLF now (RFC 2046 4.1.1)", file, what)
		case l.item != "" && take(func(m *leafView) bool { return m.item == l.item }):
			c.add("calendars: the part is written anew, its items say the same ([MS-OXCICAL] 2.1.3.2)", file, what)
		case l.size == 0 && l.name == "":
			// The message has no body or an empty one; both say nothing.
		case a.tnef:
			c.add("attachments: a TNEF part is unwrapped ([MS-OXCMAIL] 2.2.3.5)", file, what)
		case a.uu:
			c.add("bodies: a uuencoded file is cut out ([MS-OXCMAIL] 2.2.3.4.3)", file, what)
		default:
			c.add("unexplained content missing", file, what)
		}
	}
	for _, m := range rest {
		what := fmt.Sprintf("%s %q, %d bytes", m.typ, m.name, m.size)
		switch {
		case a.tnef:
			c.add("attachments: content of a TNEF part", file, what)
		case a.uu:
			c.add("attachments: a uuencoded file, or the text that is left", file, what)
		case m.size == 0 && strings.HasPrefix(m.name, "ATT"):
			c.add("attachments: an empty part without a name has one", file, what)
		case m.size == 0 && m.name == "":
			// It stands for the one that was left out, or for none at all.
		default:
			c.add("unexplained content", file, what)
		}
	}
}

// EML -> MSG file -> EML without the kept bytes: fields in order, bodies and
// attachments are the same. What differs is counted by kind, with its reason.
func TestMailBackCorpus(t *testing.T) {
	names := mails(t)
	back := convertAll(t, toMSG(t, names, nil), "eml", nil)
	var c, structure tally
	same := 0
	for i, name := range names {
		c.files++
		n := len(c.notes)
		a, b := mailViews(t, name), mailViews(t, back[i])
		if a[0].tnef {
			// What is in the TNEF part is compared as content alone.
			for _, v := range b[1:] {
				b[0].leaves = append(b[0].leaves, v.leaves...)
			}
			a, b = a[:1], b[:1]
		}
		if len(a) != len(b) {
			c.add("unexplained number of mails", name, fmt.Sprintf("%d became %d", len(a), len(b)))
			continue
		}
		for k := range a {
			compareFields(&c, name, a[k], b[k])
			compareLeaves(&c, name, a[k], b[k])
			if a[k].form != b[k].form {
				structure.add("structure", name, a[k].form+" became "+b[k].form)
			} else if a[k].shown != b[k].shown {
				structure.add("disposition", name, a[k].shown+" became "+b[k].shown)
			}
		}
		if n == len(c.notes) {
			same++
		}
	}
	c.log(t)
	structure.log(t)
	for kind, n := range c.kinds {
		if strings.HasPrefix(kind, "unexplained") {
			t.Errorf("%d differences are %s; none are known", n, kind)
		}
	}
	t.Logf("%d of %d mails come back with the same fields, bodies and attachments", same, c.files)
	if same*100 < c.files*85 {
		t.Errorf("%d of %d mails come back without a difference, more are expected", same, c.files)
	}
}

// openssl accepts the signature of a signed mail after EML -> MSG file -> EML,
// wherever it accepts the original. T27
func TestT27SignedMailBack(t *testing.T) {
	needs(t, "openssl")
	names := mails(t)
	var signed []string
	verify := func(name string) error {
		// The certificates are of others and long expired: only the signature
		// is judged.
		for _, command := range []string{"cms", "smime"} {
			if out, err := exec.Command("openssl", command, "-verify", "-noverify", "-in", name, "-out", os.DevNull).CombinedOutput(); err != nil {
				return fmt.Errorf("openssl %s: %w: %s", command, err, out)
			}
		}
		return nil
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		low := strings.ToLower(string(b[:min(len(b), 32<<10)]))
		if !strings.Contains(low, "pkcs7-signature") && !strings.Contains(low, "pkcs7-mime") {
			continue
		}
		if err := verify(name); err != nil {
			t.Logf("%s is not accepted as it is: %.90v", filepath.Base(name), err)
			continue
		}
		signed = append(signed, name)
	}
	t.Logf("%d signed mails", len(signed))
	if len(signed) < 3 {
		t.Fatalf("openssl accepts %d mails of the corpus, there are more", len(signed))
	}
	for i, name := range convertAll(t, toMSG(t, signed, nil), "eml", nil) {
		if err := verify(name); err != nil {
			t.Errorf("%s: %v", filepath.Base(signed[i]), err)
		}
	}
}
