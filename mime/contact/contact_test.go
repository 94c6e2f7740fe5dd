package contact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/mime/vcard"
)

// vcf is a file with one card of the lines.
func vcf(lines ...string) string {
	return "BEGIN:VCARD\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
}

func one(t testing.TB, lines ...string) *mapi.Message {
	t.Helper()
	items := importAll(t, vcf(lines...))
	if len(items) != 1 {
		t.Fatalf("%d items", len(items))
	}
	return items[0].Message
}

func wantText(t *testing.T, m *mapi.Message, p prop, want string) {
	t.Helper()
	if got := p.text(m.Props); got != want {
		t.Errorf("%v: %q, want %q", mapi.Property{Tag: p.tag, Name: &p.name}, got, want)
	}
}

func TestImportContact(t *testing.T) {
	m := one(t, "VERSION:3.0", "N:Fennell;Dan;X.;Dr.;Jr.", "FN:Dan Fennell", "ORG:Contoso\\, Ltd;Sales",
		"TITLE:Manager", "ROLE:Engineer", "NICKNAME:Danny",
		"ADR;TYPE=work,pref:PO 1;Room 5;7890 Elm Street;Boulder;CO;33041;USA", "LABEL;TYPE=work:Elm\\nBoulder",
		"ADR;TYPE=home:;;345 Aspen Street;Boulder;CO;33041;USA",
		"EMAIL;TYPE=internet,pref:dan@contoso.com", "EMAIL;TYPE=internet:dan@fabrikam.com",
		"TEL;TYPE=work:1", "TEL;TYPE=work:2", "TEL;TYPE=home:3", "TEL;TYPE=cell:4", "TEL;TYPE=work,fax:5", "TEL:6",
		"X-MS-TEL;TYPE=COMPANY:7", "TEL;TYPE=PREF:8",
		"URL:http://work", "URL;TYPE=HOME:http://home", "X-MS-IMADDRESS:dan@im", "FBURL:http://fb",
		"BDAY:1970-07-14", "X-MS-ANNIVERSARY:2001-02-03", "X-MS-SPOUSE;TYPE=N:Ann", "X-MS-CHILD:Bob", "X-MS-CHILD:Cid",
		"X-MS-MANAGER;N:Max", "X-MS-ASSISTANT;TYPE=N:Jeff", "X-MS-INTERESTS:chess", "X-MS-TEXT:one", "X-MS-TEXT:two",
		"X-GENDER:Female", "CATEGORIES:a,b\\,c", "CLASS:CONFIDENTIAL", "REV:2008-04-24T19:52:43Z", "NOTE:first\\nsecond")
	for _, tt := range []struct {
		p    prop
		want string
	}{
		{tag(mapi.PidTagMessageClass), "IPM.Contact"},
		{tag(mapi.PidTagSubject), "Dan Fennell"},
		{tag(mapi.PidTagSurname), "Fennell"},
		{tag(mapi.PidTagGivenName), "Dan"},
		{tag(mapi.PidTagMiddleName), "X."},
		{tag(mapi.PidTagDisplayNamePrefix), "Dr."},
		{tag(mapi.PidTagGeneration), "Jr."},
		{tag(mapi.PidTagDisplayName), "Dan Fennell"},
		{tag(mapi.PidTagCompanyName), "Contoso, Ltd"},
		{tag(mapi.PidTagDepartmentName), "Sales"},
		{tag(mapi.PidTagTitle), "Manager"},
		{tag(mapi.PidTagProfession), "Engineer"},
		{tag(mapi.PidTagNickname), "Danny"},
		{named(mapi.PidLidWorkAddressStreet), "7890 Elm Street"},
		{named(mapi.PidLidWorkAddressPostOfficeBox), "PO 1"},
		{tag(mapi.PidTagOfficeLocation), "Room 5"},
		{named(mapi.PidLidWorkAddress), "Elm\r\nBoulder"},
		{tag(mapi.PidTagStreetAddress), "7890 Elm Street"},
		{tag(mapi.PidTagLocality), "Boulder"},
		{tag(mapi.PidTagPostalAddress), "Elm\r\nBoulder"},
		{tag(mapi.PidTagHomeAddressStreet), "345 Aspen Street"},
		{named(mapi.PidLidHomeAddress), "345 Aspen Street\r\nBoulder, CO 33041\r\nUSA"},
		{named(mapi.PidLidEmail1EmailAddress), "dan@contoso.com"},
		{named(mapi.PidLidEmail1AddressType), "SMTP"},
		{named(mapi.PidLidEmail1DisplayName), "Dan Fennell (dan@contoso.com)"},
		{named(mapi.PidLidEmail2EmailAddress), "dan@fabrikam.com"},
		{tag(mapi.PidTagBusinessTelephoneNumber), "1"},
		{tag(mapi.PidTagBusiness2TelephoneNumber), "2"},
		{tag(mapi.PidTagHomeTelephoneNumber), "3"},
		{tag(mapi.PidTagMobileTelephoneNumber), "4"},
		{tag(mapi.PidTagBusinessFaxNumber), "5"},
		{tag(mapi.PidTagOtherTelephoneNumber), "6"},
		{tag(mapi.PidTagCompanyMainTelephoneNumber), "7"},
		{tag(mapi.PidTagPrimaryTelephoneNumber), "8"},
		{tag(mapi.PidTagBusinessHomePage), "http://work"},
		{tag(mapi.PidTagPersonalHomePage), "http://home"},
		{named(mapi.PidLidHtml), "http://work"},
		{named(mapi.PidLidInstantMessagingAddress), "dan@im"},
		{named(mapi.PidLidFreeBusyLocation), "http://fb"},
		{tag(mapi.PidTagSpouseName), "Ann"},
		{tag(mapi.PidTagManagerName), "Max"},
		{tag(mapi.PidTagAssistant), "Jeff"},
		{tag(mapi.PidTagHobbies), "chess"},
		{named(mapi.PidLidContactUserField2), "two"},
		{named(mapi.PidLidFileUnder), "Fennell, Dan X."},
		{tag(mapi.PidTagBody), "first\r\nsecond"},
	} {
		wantText(t, m, tt.p, tt.want)
	}
	if v, _ := m.Props.Get(mapi.PidTagChildrensNames); fmt.Sprint(v.Texts()) != "[Bob Cid]" {
		t.Errorf("children %v", v.Texts())
	}
	if v, _ := m.Props.GetName(mapi.PidNameKeywords); fmt.Sprintf("%q", v.Texts()) != `["a" "b,c"]` {
		t.Errorf("categories %q", v.Texts())
	}
	for p, want := range map[prop]int64{
		tag(mapi.PidTagGender): 1, tag(mapi.PidTagSensitivity): 3, named(mapi.PidLidPostalAddressId): 2,
		named(mapi.PidLidAddressBookProviderArrayType): 0b1011,
	} {
		v, _ := p.get(m.Props)
		if n, _ := v.Int(); n != want {
			t.Errorf("%v: %d, want %d", p, n, want)
		}
	}
	if got := m.Props.Time(mapi.PidTagBirthday); !got.Equal(time.Date(1970, 7, 14, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("birthday %v", got)
	}
	if got := m.Props.Time(mapi.PidTagLastModificationTime); !got.Equal(time.Date(2008, 4, 24, 19, 52, 43, 0, time.UTC)) {
		t.Errorf("modified %v", got)
	}
	v, _ := m.Props.GetName(mapi.PidLidEmail1OriginalEntryId)
	if o, ok := parseOneOff(v.Raw()); !ok || o != (oneOff{"dan@contoso.com", "SMTP", "dan@contoso.com"}) {
		t.Errorf("entry id %v", o)
	}
}

func TestUnknownLinesComeBack(t *testing.T) {
	lines := []string{
		"VERSION:3.0", "FN:A", "N:B;A;;;", "item1.TEL;TYPE=WORK;X-SPEED=1:123", "item1.X-ABLABEL:desk", "X-FOO;X-BAR=\"a;b\":x\\, y\\nz",
		"UID:urn:uuid:1", "GEO:1.5;2.5", "TZ:+01:00", "TEL;TYPE=CELL:1", "TEL;TYPE=CELL:2", "TEL;TYPE=CELL:3", "BDAY:1985-04", "SORT-STRING:b", "MAILER:m",
	}
	text, _ := export(t, one(t, lines...), vcard.V30)
	for _, l := range lines {
		if !strings.Contains(text, "\r\n"+l+"\r\n") {
			t.Errorf("%s is lost in\n%s", l, text)
		}
	}
}

func TestEditedPropertyWins(t *testing.T) {
	m := one(t, "VERSION:3.0", "FN:A", "item1.TEL;TYPE=WORK:123", "item1.X-ABLABEL:desk")
	m.Props.Set(mapi.PidTagBusinessTelephoneNumber, mapi.StringValue("456"))
	text, _ := export(t, m, vcard.V30)
	if strings.Contains(text, "123") || !strings.Contains(text, "TEL;TYPE=WORK,VOICE:456\r\n") {
		t.Error(text)
	}
}

func TestContentOfUnknownLinesIsAnAttachment(t *testing.T) {
	logo := strings.Repeat("R0lG", 30000)
	long := strings.Repeat("x\\, y;", 9000)
	lines := []string{"VERSION:3.0", "FN:A", "LOGO;ENCODING=b;TYPE=GIF:" + logo, "X-LONG;X-A=1:" + long}
	m := one(t, lines...)
	if len(m.Attachments) != 2 || m.Attachments[0].Props.Text(mapi.PidTagAttachLongFilename) != "logo.gif" {
		t.Fatalf("%d attachments", len(m.Attachments))
	}
	text, rep := export(t, m, vcard.V30)
	flat := strings.ReplaceAll(text, "\r\n ", "")
	for _, l := range lines {
		if !strings.Contains(flat, l+"\r\n") {
			t.Errorf("%.40s is lost", l)
		}
	}
	if len(rep.Losses) > 0 {
		t.Errorf("losses %v", rep.Losses)
	}
}

func TestPhoto(t *testing.T) {
	for _, lines := range [][]string{
		{"VERSION:2.1", "FN:A", "PHOTO;ENCODING=BASE64;JPEG:", " /9j/4AAQ", ""},
		{"VERSION:3.0", "FN:A", "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ"},
		{"VERSION:4.0", "FN:A", "PHOTO:data:image/jpeg;base64,/9j/4AAQ"},
	} {
		m := one(t, lines...)
		if len(m.Attachments) != 1 || !isPhoto(m.Attachments[0]) || !m.Props.NameBool(mapi.PidLidHasPicture) {
			t.Fatalf("%v: no picture", lines)
		}
		b, _ := mapi.ReadBlob(ctx, m.Attachments[0].Data(), 100)
		if string(b) != "\xff\xd8\xff\xe0\x00\x10" {
			t.Errorf("%x", b)
		}
		for v, want := range map[string]string{
			vcard.V21: "PHOTO;JPEG;ENCODING=BASE64:\r\n /9j/4AAQ\r\n\r\n",
			vcard.V30: "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ\r\n",
			vcard.V40: "PHOTO:data:image/jpeg;base64,/9j/4AAQ\r\n",
		} {
			if text, _ := export(t, m, v); !strings.Contains(text, want) {
				t.Errorf("%s of %v:\n%s", v, lines, text)
			}
		}
	}
}

func TestDistributionList(t *testing.T) {
	m := one(t, "VERSION:4.0", "KIND:group", "FN:Team", "MEMBER;X-NAME=Ann:mailto:ann@example.com", "MEMBER:mailto:bob@example.com", "MEMBER:urn:uuid:1")
	if m.Class() != "IPM.DistList" || !Is(m) {
		t.Fatal(m.Class())
	}
	v, _ := m.Props.GetName(mapi.PidLidDistributionListOneOffMembers)
	if len(v.Elems()) != 2 {
		t.Fatalf("%d members", len(v.Elems()))
	}
	if o, _ := parseOneOff(v.Elems()[0]); o != (oneOff{"Ann", "SMTP", "ann@example.com"}) {
		t.Errorf("%v", o)
	}
	text, _ := export(t, m, vcard.V40)
	for _, l := range []string{"KIND:group", "FN:Team", "MEMBER;X-NAME=Ann:mailto:ann@example.com", "MEMBER:mailto:bob@example.com", "MEMBER:urn:uuid:1"} {
		if !strings.Contains(text, l+"\r\n") {
			t.Errorf("%s is lost in\n%s", l, text)
		}
	}
	text, _ = export(t, m, vcard.V30)
	if !strings.Contains(text, "X-ADDRESSBOOKSERVER-KIND:group\r\n") || importAll(t, text)[0].Message.Class() != "IPM.DistList" {
		t.Error(text)
	}
}

// A member that is an entry of an address book is told by its one-off.
func TestMembersOfOutlook(t *testing.T) {
	ansi := append([]byte{0, 0, 0, 0}, oneOffProvider...)
	ansi = append(ansi, 0, 0, 1, 0)
	ansi = append(ansi, "Ann\x00SMTP\x00ann@example.com\x00"...)
	wrapped := append([]byte{0, 0, 0, 0}, wrappedProvider...)
	wrapped = append(wrapped, 0xC3, 1, 2, 3)
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.DistList"))
	m.Props.SetName(mapi.PidLidDistributionListMembers, mapi.MultiValue(mapi.TypeMultipleBinary, [][]byte{wrapped}))
	m.Props.SetName(mapi.PidLidDistributionListOneOffMembers, mapi.MultiValue(mapi.TypeMultipleBinary, [][]byte{ansi}))
	text, rep := export(t, m, vcard.V40)
	if !strings.Contains(text, "MEMBER;X-NAME=Ann:mailto:ann@example.com\r\n") {
		t.Error(text)
	}
	if !slices.ContainsFunc(rep.Losses, func(l mapi.Loss) bool {
		return l.Item == "PidLidDistributionListMembers" && l.Reason == mapi.LossStoreOnly
	}) {
		t.Errorf("losses %v", rep.Losses)
	}
}

// A list that is too long for the lists of members is a stream.
func TestLongDistributionList(t *testing.T) {
	lines := []string{"VERSION:4.0", "KIND:group", "FN:Team"}
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf("MEMBER;X-NAME=Person %d:mailto:p%d@example.com", i, i))
	}
	m := one(t, lines...)
	v, _ := m.Props.GetName(mapi.PidLidDistributionListMembers)
	if v.Size() >= maxMemberBytes || len(v.Elems()) == 0 {
		t.Errorf("%d bytes of members", v.Size())
	}
	text, rep := export(t, m, vcard.V40)
	if n := strings.Count(text, "\r\nMEMBER"); n != 1000 || len(rep.Losses) > 0 {
		t.Errorf("%d members, losses %v", n, rep.Losses)
	}
	s, _ := m.Props.GetName(mapi.PidLidDistributionListStream)
	for n := range 2000 {
		parseStream(s.Raw()[:n])
	}
	m.Props.SetName(mapi.PidLidDistributionListStream, mapi.BinaryValue(s.Raw()[:s.Size()/2]))
	text, rep = export(t, m, vcard.V40)
	if n := strings.Count(text, "\r\nMEMBER"); n < 490 || n > 510 || len(rep.Losses) != 1 {
		t.Errorf("damaged: %d members, losses %v", n, rep.Losses)
	}
}

func TestBirthdayOfAnInstant(t *testing.T) {
	for _, tt := range []struct {
		utc  string
		want string
	}{
		{"1999-12-31T15:00:00Z", "BDAY:2000-01-01"}, // midnight in Tokyo
		{"2000-01-01T00:00:00Z", "BDAY:2000-01-01"},
		{"2000-01-01T08:00:00Z", "BDAY:2000-01-01"}, // midnight in Los Angeles
		{"2000-01-01T11:59:00Z", "BDAY:2000-01-01"}, // what Outlook writes
		{"1604-05-06T00:00:00Z", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-06"},
	} {
		at, _ := time.Parse(time.RFC3339, tt.utc)
		m := one(t, "VERSION:3.0", "FN:A")
		m.Props.Set(mapi.PidTagBirthday, mapi.TimeValue(at))
		text, _ := export(t, m, vcard.V30)
		if !strings.Contains(text, tt.want+"\r\n") {
			t.Errorf("%s:\n%s", tt.utc, text)
		}
		if got := importAll(t, text)[0].Message.Props.Time(mapi.PidTagBirthday); !got.Equal(at) {
			t.Errorf("%s: %v comes back", tt.utc, got)
		}
	}
	if text, _ := export(t, one(t, "VERSION:4.0", "FN:A", "BDAY:--0506"), vcard.V40); !strings.Contains(text, "BDAY:--0506\r\n") {
		t.Error(text)
	}
}

func TestExchangeAddress(t *testing.T) {
	m := one(t, "VERSION:3.0", "FN:A", "EMAIL:x@example.com")
	m.Props.SetName(mapi.PidLidEmail1AddressType, mapi.StringValue("EX"))
	m.Props.SetName(mapi.PidLidEmail1EmailAddress, mapi.StringValue("/o=Org/cn=a"))
	m.Props.SetName(mapi.PidLidEmail1OriginalDisplayName, mapi.StringValue("a@example.com"))
	text, _ := export(t, m, vcard.V30)
	flat := strings.ReplaceAll(text, "\r\n ", "")
	if !strings.Contains(flat, "EMAIL;TYPE=INTERNET,PREF;X-ADDRESS=/o=Org/cn=a;X-ADDRESS-TYPE=EX;") || !strings.Contains(flat, ":a@example.com\r\n") {
		t.Error(flat)
	}
	if again := importAll(t, text)[0].Message; again.Props.NameText(mapi.PidLidEmail1EmailAddress) != "/o=Org/cn=a" ||
		again.Props.NameText(mapi.PidLidEmail1AddressType) != "EX" {
		t.Error(again.Props)
	}
}

func TestNoteOfRTF(t *testing.T) {
	m := one(t, "VERSION:3.0", "FN:A")
	m.Props.Set(mapi.PidTagRtfCompressed, mapi.BinaryValue(rtf.Compressed([]byte(`{\rtf1\ansi One\par Two}`))))
	text, rep := export(t, m, vcard.V30)
	if !strings.Contains(text, "NOTE:One\\nTwo") {
		t.Error(text)
	}
	if len(rep.Losses) != 1 || rep.Losses[0].Reason != mapi.LossApproximated {
		t.Errorf("losses %v", rep.Losses)
	}
}

func TestLongNote(t *testing.T) {
	note := strings.Repeat("Zeile mit Umlaut ä, Strich; und \\\n", 20000)
	m := one(t, "VERSION:4.0", "FN:A", "NOTE:"+vcard.Escape(note))
	v, _ := m.Props.Get(mapi.PidTagBody)
	if v.InMemory() {
		t.Error("a long note is held")
	}
	r, err := v.OpenText(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(r)
	if lf(string(b)) != note {
		t.Errorf("%d bytes, want %d", len(lf(string(b))), len(note))
	}
	if v.Size() != int64(len(mapi.EncodeUTF16(string(b)))) {
		t.Errorf("size %d", v.Size())
	}
	for _, ver := range versions {
		text, _ := export(t, m, ver)
		again, _ := importAll(t, text)[0].Message.Props.Get(mapi.PidTagBody)
		if again.Size() != v.Size() {
			t.Errorf("%s: %d bytes, then %d", ver, v.Size(), again.Size())
		}
	}
}

func TestManyCards(t *testing.T) {
	var b strings.Builder
	for i := range 50 {
		b.WriteString(vcf("VERSION:3.0", fmt.Sprintf("FN:Person %d", i)))
	}
	items := importAll(t, b.String()+"junk\r\n")
	if len(items) != 50 || items[49].Message.Props.Text(mapi.PidTagDisplayName) != "Person 49" {
		t.Fatalf("%d items", len(items))
	}
	if len(items[49].Problems) != 1 {
		t.Errorf("problems %v", items[49].Problems)
	}
	for it := range Import(ctx, strings.NewReader(b.String()), int64(b.Len())) {
		if it != nil {
			break // a caller may stop early
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	for _, err := range Import(ctx, strings.NewReader("no card"), 7) {
		var fe *mapi.FormatError
		if !errors.As(err, &fe) {
			t.Errorf("got %v", err)
		}
	}
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	if _, err := Export(ctx, io.Discard, m, nil); err == nil {
		t.Error("a mail was written as a card")
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range Import(stopped, strings.NewReader(vcf("FN:A")), 30) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	one := one(t, "FN:A")
	if _, err := Export(ctx, io.Discard, one, &ExportOptions{Version: "5.0"}); err == nil {
		t.Error("version 5.0 was written")
	}
}

// A card must not get lines by the values of properties.
func TestNoInjection(t *testing.T) {
	m := one(t, "VERSION:3.0", "FN:A")
	evil := "x\r\nEND:VCARD\r\nBEGIN:VCARD\r\nFN:B\x00\r"
	m.Props.Set(mapi.PidTagTitle, mapi.StringValue(evil))
	m.Props.SetName(mapi.PidLidEmail1EmailAddress, mapi.StringValue(evil))
	m.Props.SetName(mapi.PidLidEmail1DisplayName, mapi.StringValue(evil+`";X=1:`))
	m.Props.SetName(NameLines, mapi.MultiStringValue([]string{"X-A:" + evil, "X-B;Y=\"" + evil + "\":1", evil}))
	for _, v := range versions {
		text, _ := export(t, m, v)
		if items := importAll(t, text); len(items) != 1 || len(items[0].Problems) > 0 {
			t.Errorf("%s: %d items\n%s", v, len(items), text)
		}
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(vcf("VERSION:3.0", "FN:A", "N:B;A", "item1.TEL;TYPE=WORK:1", "ADR;TYPE=HOME,PREF:;;a;b;c;d;e", "EMAIL:a@b", "BDAY:1604-01-01", "X-MS-CHILD:x", "CATEGORIES:a,b")))
	f.Add([]byte(vcf("VERSION:4.0", "KIND:group", "MEMBER:mailto:a@b", "RELATED;TYPE=spouse;VALUE=text:x", "KEY:data:a/b;base64,MIIB")))
	f.Add([]byte(vcf("VERSION:2.1", "N;ENCODING=QUOTED-PRINTABLE:=C3=BC;A", "PHOTO;ENCODING=BASE64;GIF:", " R0lG", "", "LABEL;HOME:x", "X-MAILCONV-FILE-AS-LIST:1,2", "X-MAILCONV-COMPANIES:a,b")))
	f.Fuzz(func(t *testing.T, b []byte) {
		for it, err := range Import(ctx, bytes.NewReader(b), int64(len(b))) {
			if err != nil {
				return
			}
			for _, v := range versions {
				text, _ := export(t, it.Message, v)
				if n := len(importAll(t, text)); n != 1 {
					t.Fatalf("%s: %d cards", v, n)
				}
			}
		}
	})
}
