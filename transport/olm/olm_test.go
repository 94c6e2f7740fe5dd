package olm_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/olm"
)

// archive makes a zip file of names and texts.
func archive(t testing.TB, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, files[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "x.olm")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const mail = `<?xml version="1.0"?><!-- a comment --><emails elementCount="1"><email xml:space="preserve">
<OPFMessageCopySubject>Gr&#xFC;&#223;e &amp; &lt;mehr&gt;</OPFMessageCopySubject>
<OPFMessageCopyFromAddresses><emailAddress OPFContactEmailAddressAddress="ann@example.test" OPFContactEmailAddressName="Ann &quot;A&quot;" OPFContactEmailAddressType="0"></emailAddress></OPFMessageCopyFromAddresses>
<OPFMessageCopyToAddresses><emailAddress OPFContactEmailAddressAddress="bob@example.test"/><emailAddress OPFContactEmailAddressAddress='eve@example.test' OPFContactEmailAddressName='Eve'/></OPFMessageCopyToAddresses>
<OPFMessageCopyCCAddresses><emailAddress OPFContactEmailAddressAddress="cc@example.test"/></OPFMessageCopyCCAddresses>
<OPFMessageCopyReplyToAddresses><emailAddress OPFContactEmailAddressAddress="reply@example.test"/></OPFMessageCopyReplyToAddresses>
<OPFMessageCopySentTime>2021-02-03T04:05:06</OPFMessageCopySentTime><OPFMessageCopyReceivedTime>2021-02-03T04:06:00Z</OPFMessageCopyReceivedTime>
<OPFMessageCopyMessageID>1@example.test</OPFMessageCopyMessageID>
<OPFMessageCopyBody>one
two</OPFMessageCopyBody><OPFMessageCopyHTMLBody><![CDATA[<p>one<br>two</p> ]] > ]]></OPFMessageCopyHTMLBody>
<OPFMessageGetIsRead>1E0</OPFMessageGetIsRead><OPFMessageGetPriority>1</OPFMessageGetPriority><OPFMessageCopyGetFlagStatus>1</OPFMessageCopyGetFlagStatus>
<OPFMessageCopyCategoryList><category OPFCategoryCopyName="Red" OPFCategoryCopyBackgroundColor="r:1"/><category OPFCategoryCopyName="Two words"/></OPFMessageCopyCategoryList>
<OPFMessageCopyAttachmentList><messageAttachment OPFAttachmentName="a.txt" OPFAttachmentContentType="text/plain" OPFAttachmentContentID="x@y" OPFAttachmentURL="Local/com.microsoft.__Attachments/a"/>
<messageAttachment OPFAttachmentName="gone.txt" OPFAttachmentURL="Local/com.microsoft.__Attachments/gone"/></OPFMessageCopyAttachmentList>
<OPFMessageGetSomethingNew>kept</OPFMessageGetSomethingNew><List><x y="1">z</x></List>
</email></emails>`

const contacts = `<contacts elementCount="2"><contact><OPFContactCopyDisplayName>Ann Other</OPFContactCopyDisplayName><OPFContactCopyFirstName>Ann</OPFContactCopyFirstName>
<OPFContactCopyBusinessCity>Berlin</OPFContactCopyBusinessCity><OPFContactCopyHomePhone>123</OPFContactCopyHomePhone><OPFContactCopyBirthday>1970-01-02T00:00:00</OPFContactCopyBirthday>
<OPFContactCopyEmailAddressList><contactEmailAddress OPFContactEmailAddressAddress="1@example.test"/><contactEmailAddress OPFContactEmailAddressAddress="2@example.test"/><contactEmailAddress OPFContactEmailAddressAddress="3@example.test"/><contactEmailAddress OPFContactEmailAddressAddress="4@example.test"/></OPFContactCopyEmailAddressList>
<OPFContactCopyBloodType>0</OPFContactCopyBloodType></contact><contact><OPFContactCopyDisplayName>Second</OPFContactCopyDisplayName></contact></contacts>`

const calendar = `<appointments elementCount="1"><appointment><OPFCalendarEventCopySummary>Review</OPFCalendarEventCopySummary><OPFCalendarEventCopyStartTime>2022-03-04T10:00:00</OPFCalendarEventCopyStartTime>
<OPFCalendarEventCopyEndTime>2022-03-04T11:30:00</OPFCalendarEventCopyEndTime><OPFCalendarEventCopyLocation>Room 4</OPFCalendarEventCopyLocation><OPFCalendarEventCopyOrganizer>ann@example.test</OPFCalendarEventCopyOrganizer>
<OPFCalendarEventCopyAttendeeList><appointmentAttendee OPFCalendarAttendeeAddress="bob@example.test" OPFCalendarAttendeeName="Bob" OPFCalendarAttendeeType="2"/></OPFCalendarEventCopyAttendeeList>
<OPFCalendarEventGetHasReminder>1</OPFCalendarEventGetHasReminder><OPFCalendarEventCopyReminderDelta>900</OPFCalendarEventCopyReminderDelta><OPFCalendarEventCopyUUID>uid-1</OPFCalendarEventCopyUUID>
<OPFCalendarEventIsRecurring>1</OPFCalendarEventIsRecurring><OPFCalendarEventCopyRecurrence><OPFRecurrencePattern><OPFRecurrencePatternType>OPFRecurrencePatternWeekly</OPFRecurrencePatternType></OPFRecurrencePattern></OPFCalendarEventCopyRecurrence></appointment></appointments>`

const (
	tasks = `<tasks elementCount="1"><task><OPFTaskCopyName>Ship</OPFTaskCopyName><OPFTaskCopyNotePlain>soon</OPFTaskCopyNotePlain><OPFTaskCopyDueDateTime>2022-05-06T00:00:00</OPFTaskCopyDueDateTime><OPFTaskCopyCompletedDateTime>2022-05-05T00:00:00</OPFTaskCopyCompletedDateTime></task></tasks>`
	notes = `<notes elementCount="1"><note><OPFNoteCopyText>First line
second</OPFNoteCopyText><OPFNoteCopyCreationDate>2022-01-01T00:00:00</OPFNoteCopyCreationDate></note></notes>`
	groups = `<groups elementCount="1"><group><OPFGroupCopyDisplayName>Team</OPFGroupCopyDisplayName><OPFGroupCopyMemberList><emailAddress OPFContactEmailAddressAddress="a@example.test" OPFContactEmailAddressName="A"/></OPFGroupCopyMemberList></group></groups>`
)

func sample(t testing.TB, more ...string) string {
	return archive(t, append([]string{
		"Categories.xml", `<categories><category OPFCategoryCopyName="Red"/></categories>`,
		"Local/com.microsoft.__Messages/Inbox/message_00000.xml", mail,
		"Local/com.microsoft.__Messages/Inbox/Sub/message_00000.xml", `<emails><email><OPFMessageCopySubject>sub</OPFMessageCopySubject></email></emails>`,
		"Local/com.microsoft.__Attachments/a", "attached",
		"Local/Address Book/Contacts.xml", contacts, "Local/Address Book/Groups.xml", groups,
		"Local/Calendar/Calendar.xml", calendar, "Local/Tasks/Tasks.xml", tasks, "Local/Notes/Notes.xml", notes,
	}, more...)...)
}

func open(t testing.TB, name string) *olm.Store {
	t.Helper()
	s, err := olm.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// read gives all items by folder and subject, and what failed.
func read(t testing.TB, s *olm.Store) (metas map[string]transport.Meta, items map[string]transport.Fetched, failed []string) {
	t.Helper()
	metas, items = map[string]transport.Meta{}, map[string]transport.Fetched{}
	for f, err := range s.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names := map[transport.Key]string{}
		var keys []transport.Key
		for m, err := range s.Items(t.Context(), f, nil) {
			if err != nil {
				failed = append(failed, err.Error())
				continue
			}
			name := f.String() + ": " + m.Subject
			metas[name], names[m.Key] = m, name
			keys = append(keys, m.Key)
		}
		for fe, err := range s.Fetch(t.Context(), f, keys, nil) {
			if err != nil {
				t.Fatal(err)
			}
			items[names[fe.Key]] = fe
		}
	}
	return metas, items, failed
}

func text(t testing.TB, m *mapi.Message, tag mapi.Tag) string {
	t.Helper()
	v, ok := m.Props.Get(tag)
	if !ok {
		return ""
	}
	b, err := mapi.ReadBlob(t.Context(), v.Blob(), 64<<20)
	if err != nil || int64(len(b)) != v.Size() {
		t.Errorf("%v: %d of %d bytes: %v", tag, len(b), v.Size(), err)
	}
	if v.Type() == mapi.TypeString {
		return mapi.DecodeUTF16(b)
	}
	return string(b)
}

func TestMail(t *testing.T) {
	metas, items, failed := read(t, open(t, sample(t)))
	const name = "Inbox: Grüße & <mehr>"
	m, fe := metas[name], items[name]
	if len(failed) > 0 || fe.Err != nil || fe.Content == nil {
		t.Fatalf("%v, %v: %v", metas, failed, fe.Err)
	}
	if m.Flags != transport.Seen|transport.Flagged || !slices.Equal(m.Keywords, []string{"Red", "Two words"}) || m.MessageID != "<1@example.test>" || !m.Received.Equal(time.Date(2021, 2, 3, 4, 6, 0, 0, time.UTC)) {
		t.Errorf("%+v", m)
	}
	o := fe.Content.Object
	if got := text(t, o, mapi.PidTagBody); got != "one\r\ntwo" {
		t.Errorf("body %q", got)
	}
	if got := text(t, o, mapi.PidTagHtml); got != "<p>one<br>two</p> ]] > " {
		t.Errorf("html %q", got)
	}
	if o.Props.Text(mapi.PidTagSenderEmailAddress) != "ann@example.test" || o.Props.Text(mapi.PidTagSentRepresentingName) != `Ann "A"` || o.Props.Text(mapi.PidTagReplyRecipientNames) != "reply@example.test" {
		t.Error("the sender is not as it was")
	}
	if len(o.Recipients) != 3 || o.Recipients[1].Props.Text(mapi.PidTagDisplayName) != "Eve" || o.Recipients[2].Type() != mapi.RecipientCc {
		t.Errorf("%d recipients", len(o.Recipients))
	}
	if len(o.Attachments) != 2 || !fe.Content.Problems.Severe() {
		t.Fatalf("%d attachments, %v: the one that is gone must be told", len(o.Attachments), fe.Content.Problems)
	}
	if b, err := mapi.ReadBlob(t.Context(), o.Attachments[0].Data(), 100); err != nil || string(b) != "attached" {
		t.Errorf("attachment %q, %v", b, err)
	}
	if got := o.Props.NameText(mapi.Name{Set: mapi.PSPublicStrings, Name: "OPFMessageGetSomethingNew"}); got != "kept" {
		t.Errorf("an unknown element is %q", got)
	}
	if got := o.Props.NameText(mapi.Name{Set: mapi.PSPublicStrings, Name: "List"}); got != `<List><x y="1">z</x></List>` {
		t.Errorf("an unknown list is %q", got)
	}
	if _, ok := items["Inbox/Sub: sub"]; !ok {
		t.Error("the folder below is missing")
	}
}

func TestOtherClasses(t *testing.T) {
	metas, items, failed := read(t, open(t, sample(t)))
	if len(failed) > 0 {
		t.Error(failed)
	}
	for name, class := range map[string]string{
		"Address Book: Ann Other": "IPM.Contact", "Address Book: Second": "IPM.Contact", "Address Book: Team": "IPM.DistList",
		"Calendar: Review": "IPM.Appointment", "Tasks: Ship": "IPM.Task", "Notes: First line": "IPM.StickyNote",
	} {
		if metas[name].Class != class || items[name].Content == nil {
			t.Errorf("%s: class %q, %v", name, metas[name].Class, items[name].Err)
		}
	}
	if t.Failed() {
		return
	}
	c := items["Address Book: Ann Other"].Content.Object.Props
	if c.NameText(mapi.PidLidWorkAddressCity) != "Berlin" || c.Text(mapi.PidTagHomeTelephoneNumber) != "123" || c.NameText(mapi.PidLidEmail3EmailAddress) != "3@example.test" || c.Time(mapi.PidTagBirthday).Year() != 1970 {
		t.Errorf("%v", c)
	}
	for name, want := range map[string]string{"OPFContactCopyBloodType": "0", "OPFContactCopyEmailAddressList": "4@example.test"} {
		if got := c.NameText(mapi.Name{Set: mapi.PSPublicStrings, Name: name}); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	e := items["Calendar: Review"]
	p := e.Content.Object.Props
	if d, _ := p.NameInt(mapi.PidLidAppointmentDuration); d != 90 || p.NameText(mapi.PidLidLocation) != "Room 4" {
		t.Errorf("%v", p)
	}
	if d, _ := p.NameInt(mapi.PidLidReminderDelta); d != 15 {
		t.Errorf("reminder %d minutes", d)
	}
	if !e.Content.Problems.Severe() || !strings.Contains(p.NameText(mapi.Name{Set: mapi.PSPublicStrings, Name: "OPFCalendarEventCopyRecurrence"}), "Weekly") {
		t.Errorf("the rule must be kept and told: %v", e.Content.Problems)
	}
	if !items["Tasks: Ship"].Content.Object.Props.NameBool(mapi.PidLidTaskComplete) {
		t.Error("the task is not complete")
	}
}

// TestLargeBodies: bodies of any length come whole, and are not held.
func TestLargeBodies(t *testing.T) {
	line := "Zeile mit Ümläuten 😀 &amp; mehr\n"
	body := strings.Repeat(line, 40000)
	name := archive(t, "Local/com.microsoft.__Messages/Inbox/m.xml",
		"<emails><email><OPFMessageCopySubject>large</OPFMessageCopySubject><OPFMessageCopyBody>"+body+"</OPFMessageCopyBody><OPFMessageCopyHTMLBody>&lt;html>"+body+"</OPFMessageCopyHTMLBody></email></emails>")
	_, items, failed := read(t, open(t, name))
	fe := items["Inbox: large"]
	if fe.Err != nil || fe.Content == nil {
		t.Fatal(failed, fe.Err)
	}
	plain := strings.ReplaceAll(body, "&amp;", "&")
	if got := text(t, fe.Content.Object, mapi.PidTagBody); got != strings.ReplaceAll(plain, "\n", "\r\n") {
		t.Errorf("the body has %d characters", len(got))
	}
	if got := text(t, fe.Content.Object, mapi.PidTagHtml); got != "<html>"+plain {
		t.Errorf("the HTML body has %d characters", len(got))
	}
	for _, tag := range []mapi.Tag{mapi.PidTagBody, mapi.PidTagHtml} {
		if v, _ := fe.Content.Object.Props.Get(tag); v.InMemory() {
			t.Errorf("%v is held in memory", tag)
		}
	}
}

// TestDamage: what cannot be read has a row, and the rest arrives.
func TestDamage(t *testing.T) {
	for name, xml := range map[string]string{
		"cut off":        mail[:len(mail)-100],
		"wrong end":      "<emails><email><a></b></email></emails>",
		"deep":           "<emails><email>" + strings.Repeat("<a>", 100),
		"no mail":        "<emails/>",
		"no XML":         "hello",
		"second missing": `<emails elementCount="2"><email/></emails>`,
		"entity bomb":    `<!DOCTYPE x [<!ENTITY a "` + strings.Repeat("y", 100) + `"><!ENTITY b "&a;&a;">]><emails><email><OPFMessageCopySubject>&b;</OPFMessageCopySubject>`,
		"endless tag":    "<emails><email " + strings.Repeat("x='y' ", 300000),
	} {
		_, items, failed := read(t, open(t, sample(t, "Local/com.microsoft.__Messages/Inbox/message_00009.xml", xml)))
		if len(failed) != 1 || items["Inbox: Grüße & <mehr>"].Content == nil {
			t.Errorf("%s: %d items, %v", name, len(items), failed)
		}
	}
	if _, err := olm.Open(archive(t, "a/b.txt", "no archive of Outlook")); err == nil {
		t.Error("any zip file is taken")
	}
}

// TestAccounts: with several accounts each has a folder of its own.
func TestAccounts(t *testing.T) {
	s := open(t, sample(t, "Accounts/ann@example.test/com.microsoft.__Messages/Inbox/message_1.xml", `<emails><email><OPFMessageCopySubject>x</OPFMessageCopySubject></email></emails>`))
	roles := map[string]transport.Role{}
	for f := range s.Folders(t.Context()) {
		roles[f.String()] = f.Role
	}
	if roles["ann@example.test/Inbox"] != transport.RoleInbox || roles["On My Computer/Calendar"] != transport.RoleCalendar {
		t.Errorf("%v", roles)
	}
}

func TestUnknownKeysAndFolders(t *testing.T) {
	s := open(t, sample(t))
	in := transport.Folder{Path: []string{"Inbox"}, ID: "Inbox"}
	keys := []transport.Key{"nothing", "Local/com.microsoft.__Messages/Inbox/message_00000.xml#7", "Local/com.microsoft.__Messages/Inbox/message_00000.xml"}
	n, found := 0, 0
	for fe, err := range s.Fetch(t.Context(), in, keys, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; fe.Err == nil {
			found++
		} else if transport.KindOf(fe.Err) != transport.NotFound {
			t.Error(fe.Err)
		}
	}
	if n != 3 || found != 1 {
		t.Errorf("%d answers, %d found", n, found)
	}
	for _, err := range s.Items(t.Context(), transport.Folder{Path: []string{"no"}}, nil) {
		if transport.KindOf(err) != transport.NotFound {
			t.Error(err)
		}
	}
	s.Close()
	for _, err := range s.Folders(context.Background()) {
		if err == nil {
			t.Error("a closed store lists folders")
		}
	}
}

func TestCorpus(t *testing.T) {
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "olm", "*", "*.olm"))
	for _, file := range files {
		if !olm.Sniff(file) {
			t.Errorf("%s is not recognised", file)
		}
		_, items, failed := read(t, open(t, file))
		if len(failed) > 0 {
			t.Errorf("%s: %v", file, failed)
		}
		for name, fe := range items {
			if fe.Err != nil || fe.Content.Problems.Severe() {
				t.Errorf("%s: %v %v", name, fe.Err, fe.Content.Problems)
				continue
			}
			for _, a := range fe.Content.Object.Attachments {
				if b, err := mapi.ReadBlob(t.Context(), a.Data(), 64<<20); err != nil || int64(len(b)) != a.Data().Size() {
					t.Errorf("%s: %d of %d bytes: %v", name, len(b), a.Data().Size(), err)
				}
			}
		}
		t.Logf("%s: %d items", filepath.Base(file), len(items))
	}
}

func FuzzXML(f *testing.F) {
	for _, s := range []string{mail, contacts, calendar, tasks, notes, groups, "<a", "<![CDATA[", "&#x110000;", "<email>\xff</email>", "<email a=b/>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := open(t, archive(t, "Local/com.microsoft.__Messages/Inbox/m.xml", string(b), "Local/Calendar/Calendar.xml", string(b)))
		_, items, _ := read(t, s)
		for _, fe := range items {
			if fe.Err != nil {
				continue
			}
			for _, p := range fe.Content.Object.Props {
				if p.Value.InMemory() {
					continue
				}
				r, err := p.Value.Blob().Open(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				n, err := io.Copy(io.Discard, r)
				r.Close()
				if err != nil || n != p.Value.Size() {
					t.Fatalf("%v: %d of %d bytes: %v", p.Tag, n, p.Value.Size(), err)
				}
			}
		}
	})
}

// FuzzZip reads damaged archives.
func FuzzZip(f *testing.F) {
	b, err := os.ReadFile(sample(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		name := filepath.Join(t.TempDir(), "x.olm")
		os.WriteFile(name, b, 0o600)
		s, err := olm.Open(name)
		if err != nil {
			return
		}
		defer s.Close()
		_, items, _ := read(t, s)
		for _, fe := range items {
			if fe.Err == nil {
				for _, a := range fe.Content.Object.Attachments {
					if b := a.Data(); b != nil && b.Size() > 1<<30 {
						_ = fmt.Sprint(b.Size())
					}
				}
			}
		}
	})
}
