package converters_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/mime/contact"
	"github.com/mailconv/mailconv/msg"
	"github.com/mailconv/mailconv/transport"
)

// everyItem calls f for every item of the collection that is no mail, in .msg
// files and in archives.
func everyItem(t *testing.T, f func(name string, m *mapi.Message)) {
	dir := corpus(t)
	isItem := func(m *mapi.Message) bool { return contact.Is(m) || calendar.Component(m) != "" }
	for _, path := range corpusMessages(t, dir) {
		r, err := msg.Open(path, nil)
		if err != nil {
			continue // msg's tests tell
		}
		if isItem(r.Message) {
			name, _ := filepath.Rel(dir, path)
			f(name, r.Message)
		}
		r.Close()
	}
	err := filepath.WalkDir(filepath.Join(dir, "pst"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := pst.Open(path, nil)
		if err != nil {
			return nil // mapi/pst's tests tell
		}
		defer file.Close()
		name, _ := filepath.Rel(dir, path)
		for folder := range file.Folders() {
			for e, err := range file.Items(folder.NID, pst.Contents) {
				if err != nil {
					break
				}
				m := &mapi.Message{}
				m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(e.Class))
				if !isItem(m) {
					continue
				}
				if m, _, err := file.Item(context.Background(), e.NID); err == nil && isItem(m) {
					f(fmt.Sprintf("%s#%X", name, uint32(e.NID)), m)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A way is a form through which an item goes and comes back.
type way struct {
	name string
	cv   *converters.Converter
	// form is the format for an item.
	form func(m *mapi.Message) string
	// carried tells what comes back as it was.
	carried func(m *mapi.Message, p *mapi.Property) bool
}

func itemForm(m *mapi.Message) string {
	if contact.Is(m) {
		return "vcf"
	}
	return "ics"
}

func carriedByItem(m *mapi.Message, p *mapi.Property) bool {
	if contact.Is(m) {
		return contact.Carried(p)
	}
	return calendar.Carried(calendar.Component(m), p)
}

// through sends an item through a form and a .msg file, and gives it with what
// the first was said to lose.
func through(t *testing.T, w *way, m *mapi.Message) (*mapi.Message, []mapi.Loss) {
	t.Helper()
	form, _ := converters.ByName(w.form(m))
	it := &converters.Item{Content: &transport.Content{Form: transport.FormObject, Object: m}}
	var b bytes.Buffer
	if err := form.Write(t.Context(), &b, it, w.cv); err != nil {
		t.Fatal(err)
	}
	for _, p := range it.Problems {
		if p.Severe {
			t.Errorf("%s: %v", form.Name, p)
		}
	}
	var back *mapi.Message
	for in, err := range form.Read(t.Context(), &converters.Input{Name: "x" + form.Ext, R: bytes.NewReader(b.Bytes()), Size: int64(b.Len())}, w.cv) {
		if err != nil {
			t.Fatal(err)
		}
		if back != nil {
			t.Fatalf("%s: several items of one:\n%s", form.Name, b.Bytes())
		}
		var file bytes.Buffer
		msgForm, _ := converters.ByName("msg")
		if err := msgForm.Write(t.Context(), &file, in, w.cv); err != nil {
			t.Fatal(err)
		}
		f, err := msg.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()), nil)
		if err != nil {
			t.Fatal(err)
		}
		back = f.Message
	}
	if back == nil {
		t.Fatalf("%s: no item of\n%s", form.Name, b.Bytes())
	}
	return back, it.Losses
}

// Every appointment, meeting, contact, task, note, journal entry and list of the
// collection goes through its own form and through mail into a .msg file: what
// is mapped is equal, what is not is listed, and --keep-mapi loses nothing.
func TestCorpusItemsComeBack(t *testing.T) {
	ways := []way{
		{name: "ics/vcf", cv: &converters.Converter{Losses: true}, form: itemForm, carried: carriedByItem},
		{name: "eml", cv: &converters.Converter{Losses: true}, form: func(*mapi.Message) string { return "eml" }, carried: carriedByItem},
	}
	whole := way{name: "eml --keep-mapi", cv: &converters.Converter{KeepMAPI: true}, form: func(*mapi.Message) string { return "eml" }}
	type row struct{ items, props, equal, listed, computed, recipients, series int }
	table := map[string]*row{}
	everyItem(t, func(name string, m *mapi.Message) {
		t.Run(name, func(t *testing.T) {
			for i := range ways {
				w := &ways[i]
				key := strings.ToUpper(m.Class()) + " " + w.name
				r := table[key]
				if r == nil {
					r = &row{}
					table[key] = r
				}
				r.items++
				back, losses := through(t, w, m)
				if !strings.EqualFold(back.Class(), m.Class()) {
					t.Errorf("%s: came back as %s", w.name, back.Class())
				}
				lost := map[string]bool{}
				for _, l := range losses {
					lost[l.Item] = true
					lost[strings.TrimPrefix(strings.TrimPrefix(l.Item, "text/calendar/"), "text/vcard/")] = true
				}
				for k := range m.Props {
					p := &m.Props[k]
					r.props++
					d := itemDiffers(p, m, back)
					switch {
					case d == "":
						r.equal++
					case lost[p.String()]:
						r.listed++
					case computedItem(p, m, back):
						r.computed++
					default:
						t.Errorf("%s: %s is neither equal nor listed: %s", w.name, p, d)
					}
				}
				if a, b := itemPeople(m), itemPeople(back); !slices.Equal(a, b) {
					t.Errorf("%s: recipients %q, were %q", w.name, b, a)
				}
				r.recipients += len(m.Recipients)
				a, b := itemOccurrences(m), itemOccurrences(back)
				if !slices.Equal(a, b) {
					t.Errorf("%s: the series takes place at other times: %.300q, was %.300q", w.name, b, a)
				}
				if len(a) > 0 {
					r.series++
				}
			}
			back, _ := through(t, &whole, m)
			for _, d := range mapitest.Diff(m, back) {
				if !strings.Contains(d, "PidTagStoreSupportMask") {
					t.Errorf("%s: %s", whole.name, d)
				}
			}
		})
	})
	var keys []string
	items := 0
	for k, r := range table {
		keys = append(keys, k)
		items += r.items
	}
	if items < 2*200 {
		t.Errorf("%d items were sent, the collection has more than 200", items/2)
	}
	slices.Sort(keys)
	t.Logf("%-46s %6s %7s %7s %7s %9s %6s %6s", "class and way", "items", "props", "equal", "listed", "computed", "people", "series")
	for _, k := range keys {
		r := table[k]
		t.Logf("%-46s %6d %7d %7d %7d %9d %6d %6d", k, r.items, r.props, r.equal, r.listed, r.computed, r.recipients, r.series)
	}
}

// computedItem tells properties that are made of others, and come back so that
// they mean the same.
func computedItem(p *mapi.Property, m, back *mapi.Message) bool {
	name := p.String()
	switch name {
	case "PidTagSenderEntryId", "PidTagSentRepresentingEntryId", "PidTagSenderSearchKey", "PidTagSentRepresentingSearchKey",
		"PidTagSubjectPrefix", "PidTagNormalizedSubject", "PidTagConversationTopic", "PidTagMessageFlags",
		"PidTagDisplayTo", "PidTagDisplayCc", "PidTagDisplayBcc", "PidTagHasAttachments", "PidTagResponseRequested", "PidTagIconIndex":
		return true
	case "PidTagInternetCodepage", "PidTagMessageCodepage":
		return true // of the text, which is Unicode now
	case "PidTagTransportMessageHeaders", "PidNameContentType":
		return true // the fields about the structure are those of the mail that was written
	case "PidLidAppointmentRecur", "PidLidTimeZoneStruct", "PidLidAppointmentTimeZoneDefinitionRecur":
		return true // by the times that they give
	case "PidLidAppointmentTimeZoneDefinitionStartDisplay", "PidLidAppointmentTimeZoneDefinitionEndDisplay":
		v, _ := back.Props.GetName(*p.Name)
		a, _, err := timezone.ParseDefinition(p.Value.Raw())
		b, _, err2 := timezone.ParseDefinition(v.Raw())
		at := m.Props.NameTime(mapi.PidLidAppointmentStartWhole)
		return err != nil || err2 == nil && a.Offset(at) == b.Offset(at)
	case "PidTagBodyHtml":
		// The same text as bytes.
		v, _ := back.Props.Get(mapi.PidTagHtml)
		return lines(p.Value.Text()) == lines(string(v.Raw()))
	case "PidTagHtml":
		v, _ := back.Props.Get(mapi.PidTagHtml)
		a, _ := mapi.ReadBlob(context.Background(), p.Value.Blob(), 1<<24)
		b, _ := mapi.ReadBlob(context.Background(), v.Blob(), 1<<24)
		return lines(string(a)) == lines(string(b))
	case "PidTagRtfCompressed":
		// A mail has the HTML or the text that is in it.
		_, text := back.Props.Get(mapi.PidTagBody)
		_, html := back.Props.Get(mapi.PidTagHtml)
		return text || html
	case "PidTagSenderName", "PidTagSenderEmailAddress":
		// "a@b <a@b>" is the address a@b.
		a, b, _ := strings.Cut(p.Value.Text(), " ")
		return strings.Contains(a, "@") && b == "<"+a+">"
	case "PidLidIntendedBusyStatus", "PidLidReminderDelta":
		n, _ := p.Value.Int()
		return n == -1 || n == 0x5AE980E1 // none; whatever is usual
	case "PidLidTaskComplete":
		n, _ := m.Props.NameInt(mapi.PidLidTaskStatus)
		return n == 2 // the status tells
	case "PidLidClipStart", "PidLidClipEnd", "PidLidCommonEnd":
		_, series := m.Props.GetName(mapi.PidLidAppointmentRecur)
		return !series // start and end tell
	case "PidLidAddressBookProviderEmailList", "PidLidAddressBookProviderArrayType", "PidLidDistributionListChecksum",
		"PidLidDistributionListMembers", "PidLidDistributionListOneOffMembers":
		return true // of the addresses and members, which are compared
	}
	if strings.HasSuffix(name, "OriginalEntryId") {
		return true // of the address
	}
	if strings.HasPrefix(name, "PidLidFax") && strings.HasSuffix(name, "AddressType") {
		return m.Props.NameText(mapi.Name{Set: p.Name.Set, ID: p.Name.ID + 1}) == ""
	}
	if strings.HasSuffix(name, "AddressType") {
		return m.Props.Text(p.Tag.WithType(mapi.TypeString)+0x10000) == "" // of no address
	}
	return false
}

func lines(s string) string {
	return strings.TrimRight(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"), "\x00\n ")
}

// itemDiffers compares a property by what it means; "" is equal.
func itemDiffers(p *mapi.Property, m, back *mapi.Message) string {
	var got mapi.Value
	var ok bool
	if p.Name != nil {
		got, ok = back.Props.GetName(*p.Name)
	} else {
		var q mapi.Property
		q, ok = back.Props.GetID(p.Tag.ID())
		got = q.Value
	}
	want := p.Value
	if !ok && (want.Size() == 0 || want.Type().IsString() && strings.Trim(strings.Join(want.Texts(), ""), "\x00") == "") {
		return ""
	}
	if n, isInt := want.Int(); !ok && isInt && n == 0 {
		return "" // absent is 0, false, none
	}
	if _, isTime := want.Time(); !ok && want.Type() == mapi.TypeTime && !isTime {
		return "" // no time
	}
	if !ok {
		return "is gone"
	}
	if u, isTime := want.Time(); want.Type() == mapi.TypeTime {
		v, _ := got.Time()
		if !isTime || v.Sub(u).Abs() < time.Second {
			return ""
		}
		return fmt.Sprintf("%v, was %v", v, u)
	}
	if want.Type().IsString() {
		text := func(v mapi.Value) string {
			s := strings.Join(v.Texts(), "\x00")
			if !v.InMemory() {
				if r, err := v.OpenText(context.Background()); err == nil {
					b, _ := io.ReadAll(r)
					r.Close()
					s = string(b)
				}
			}
			return lines(s)
		}
		if a, b := text(want), text(got); a != b {
			return fmt.Sprintf("%.80q, was %.80q", b, a)
		}
		return ""
	}
	if n, isInt := want.Int(); isInt {
		if g, isInt := got.Int(); !isInt || g != n {
			return fmt.Sprintf("%d, was %d", g, n)
		}
		return ""
	}
	if d := mapitest.DiffValue(want, got); d != "" {
		return d
	}
	return ""
}

// itemPeople are the recipients, without the organizer.
func itemPeople(m *mapi.Message) (list []string) {
	for _, r := range m.Recipients {
		if f, ok := r.Props.Int(mapi.PidTagRecipientFlags); ok && f&2 != 0 {
			continue
		}
		addr := r.Props.Text(mapi.PidTagSmtpAddress)
		if addr == "" {
			addr = r.Props.Text(mapi.PidTagEmailAddress)
		}
		list = append(list, fmt.Sprint(r.Type(), " ", r.Props.Text(mapi.PidTagDisplayName), " ", strings.ToLower(addr)))
	}
	slices.Sort(list)
	return list
}

func itemOccurrences(m *mapi.Message) (list []string) {
	v, ok := m.Props.GetName(mapi.PidLidAppointmentRecur)
	if !ok {
		return nil
	}
	r, _, err := recurrence.Parse(v.Raw())
	if err != nil {
		return []string{err.Error()}
	}
	for o := range r.Occurrences() {
		if len(list) == 4000 {
			break
		}
		list = append(list, fmt.Sprint(o.Start, o.End, o.Original))
	}
	return list
}
