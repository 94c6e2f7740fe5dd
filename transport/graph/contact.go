package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// contactTexts are the fields of a contact that are one property each.
var contactTexts = []struct {
	field string
	tag   mapi.Tag
}{
	{"assistantName", mapi.PidTagAssistant},
	{"businessHomePage", mapi.PidTagBusinessHomePage},
	{"companyName", mapi.PidTagCompanyName},
	{"department", mapi.PidTagDepartmentName},
	{"displayName", mapi.PidTagDisplayName},
	{"generation", mapi.PidTagGeneration},
	{"givenName", mapi.PidTagGivenName},
	{"initials", mapi.PidTagInitials},
	{"jobTitle", mapi.PidTagTitle},
	{"manager", mapi.PidTagManagerName},
	{"middleName", mapi.PidTagMiddleName},
	{"mobilePhone", mapi.PidTagMobileTelephoneNumber},
	{"nickName", mapi.PidTagNickname},
	{"officeLocation", mapi.PidTagOfficeLocation},
	{"personalNotes", mapi.PidTagBody},
	{"profession", mapi.PidTagProfession},
	{"spouseName", mapi.PidTagSpouseName},
	{"surname", mapi.PidTagSurname},
	{"title", mapi.PidTagDisplayNamePrefix},
}

// contactNames are those whose property has a name.
var contactNames = []struct {
	field string
	name  mapi.Name
}{
	{"fileAs", mapi.PidLidFileUnder},
	{"yomiGivenName", mapi.PidLidYomiFirstName},
	{"yomiSurname", mapi.PidLidYomiLastName},
	{"yomiCompanyName", mapi.PidLidYomiCompanyName},
}

// contactLists are lists of telephone numbers.
var contactLists = []struct {
	field string
	tags  []mapi.Tag
}{
	{"businessPhones", []mapi.Tag{mapi.PidTagBusinessTelephoneNumber, mapi.PidTagBusiness2TelephoneNumber}},
	{"homePhones", []mapi.Tag{mapi.PidTagHomeTelephoneNumber, mapi.PidTagHome2TelephoneNumber}},
}

// contactAddresses are the postal addresses whose parts have tags.
var contactAddresses = []struct {
	field                               string
	street, city, state, postal, nation mapi.Tag
}{
	{"homeAddress", mapi.PidTagHomeAddressStreet, mapi.PidTagHomeAddressCity, mapi.PidTagHomeAddressStateOrProvince, mapi.PidTagHomeAddressPostalCode, mapi.PidTagHomeAddressCountry},
	{"otherAddress", mapi.PidTagOtherAddressStreet, mapi.PidTagOtherAddressCity, mapi.PidTagOtherAddressStateOrProvince, mapi.PidTagOtherAddressPostalCode, mapi.PidTagOtherAddressCountry},
}

// contactWork are the parts of the address at work.
var contactWork = [...]mapi.Name{
	mapi.PidLidWorkAddressStreet, mapi.PidLidWorkAddressCity, mapi.PidLidWorkAddressState, mapi.PidLidWorkAddressPostalCode, mapi.PidLidWorkAddressCountry,
}

// contactMails are the three addresses.
var contactMails = [...]struct{ address, display, kind, original mapi.Name }{
	{mapi.PidLidEmail1EmailAddress, mapi.PidLidEmail1DisplayName, mapi.PidLidEmail1AddressType, mapi.PidLidEmail1OriginalDisplayName},
	{mapi.PidLidEmail2EmailAddress, mapi.PidLidEmail2DisplayName, mapi.PidLidEmail2AddressType, mapi.PidLidEmail2OriginalDisplayName},
	{mapi.PidLidEmail3EmailAddress, mapi.PidLidEmail3DisplayName, mapi.PidLidEmail3AddressType, mapi.PidLidEmail3OriginalDisplayName},
}

// A postal is a physicalAddress.
type postal struct {
	Street string `json:"street,omitempty"`
	City   string `json:"city,omitempty"`
	State  string `json:"state,omitempty"`
	Postal string `json:"postalCode,omitempty"`
	Nation string `json:"countryOrRegion,omitempty"`
}

// contact creates a contact.
func (p *putter) contact(ctx context.Context) (transport.Receipt, error) {
	x := &composer{ctx: ctx, s: p.s, m: p.m, out: &wire.Message{}, contents: &wire.Contents{}, room: requestLimit}
	defer x.release()
	ps := p.m.Props
	doc := map[string]any{}
	tags, names := map[uint16]bool{}, map[mapi.Name]bool{mapi.PidNameKeywords: true}
	for _, f := range contactTexts {
		tags[f.tag.ID()] = true
		v, ok := ps.Get(f.tag)
		if !ok {
			continue
		}
		s, err := x.text(v)
		if err != nil {
			return transport.Receipt{}, p.unread(err)
		}
		if s != "" {
			doc[f.field] = s
		}
	}
	for _, f := range contactNames {
		names[f.name] = true
		if s := ps.NameText(f.name); s != "" {
			doc[f.field] = s
		}
	}
	for _, f := range contactLists {
		var list []string
		for _, tag := range f.tags {
			tags[tag.ID()] = true
			if s := ps.Text(tag); s != "" {
				list = append(list, s)
			}
		}
		if list != nil {
			doc[f.field] = list
		}
	}
	for _, f := range contactAddresses {
		a := postal{ps.Text(f.street), ps.Text(f.city), ps.Text(f.state), ps.Text(f.postal), ps.Text(f.nation)}
		for _, tag := range []mapi.Tag{f.street, f.city, f.state, f.postal, f.nation} {
			tags[tag.ID()] = true
		}
		if a != (postal{}) {
			doc[f.field] = a
		}
	}
	var work [5]string
	for i, n := range contactWork {
		names[n] = true
		work[i] = ps.NameText(n)
	}
	if a := (postal{work[0], work[1], work[2], work[3], work[4]}); a != (postal{}) {
		doc["businessAddress"] = a
	}
	var mails []wire.EmailAddress
	for _, m := range contactMails {
		names[m.address], names[m.display], names[m.kind], names[m.original] = true, true, true, true
		address := ps.NameText(m.address)
		if address == "" {
			continue
		}
		if original := ps.NameText(m.original); ps.NameText(m.kind) == "EX" && original != "" {
			address = original
		}
		mails = append(mails, wire.EmailAddress{Name: ps.NameText(m.display), Address: address})
	}
	if mails != nil {
		doc["emailAddresses"] = mails
	}
	if s := ps.NameText(mapi.PidLidInstantMessagingAddress); s != "" {
		doc["imAddresses"] = []string{s}
	}
	names[mapi.PidLidInstantMessagingAddress] = true
	if t := ps.Time(mapi.PidTagBirthday); !t.IsZero() {
		doc["birthday"] = stamp(t)
	}
	tags[mapi.PidTagBirthday.ID()] = true
	if v, ok := ps.Get(mapi.PidTagChildrensNames); ok {
		doc["children"] = v.Texts()
	}
	tags[mapi.PidTagChildrensNames.ID()] = true
	if v, ok := ps.GetName(mapi.PidNameKeywords); ok {
		doc["categories"] = v.Texts()
	}
	x.others(names, tags)
	if x.out.Properties != nil {
		doc["singleValueExtendedProperties"] = x.out.Properties
	}
	if x.out.MultiProperty != nil {
		doc["multiValueExtendedProperties"] = x.out.MultiProperty
	}
	for i := range p.m.Attachments {
		x.lose(errorf("attachment %d", i+1).Error(), mapi.LossNoContainer, "a contact has no attachments in json")
	}
	x.doc = doc
	r := transport.Receipt{Route: string(RouteJSON), Losses: x.losses}
	id, n, err := p.create(ctx, x, p.s.user("contactFolders", p.folder, "contacts"), func(id string) string { return p.s.user("contacts", id) })
	r.Ref, r.Bytes = transport.Key(id), n
	return r, err
}

// task creates a task. Tasks have no extended properties, so what has no field
// is lost.
func (p *putter) task(ctx context.Context) (transport.Receipt, error) {
	x := &composer{ctx: ctx, s: p.s, m: p.m, out: &wire.Message{}, contents: &wire.Contents{}, room: requestLimit}
	defer x.release()
	ps := p.m.Props
	if err := x.body(); err != nil {
		return transport.Receipt{}, p.unread(err)
	}
	t := wire.Task{Title: ps.Text(mapi.PidTagSubject), Body: x.out.Body}
	n, ok := ps.Int(mapi.PidTagImportance)
	t.Importance = word(importanceWords, n, ok)
	n, ok = ps.NameInt(mapi.PidLidTaskStatus)
	t.Status = word(statusWords, n, ok)
	t.Start, t.Due, t.Completed = x.day(mapi.PidLidTaskStartDate), x.day(mapi.PidLidTaskDueDate), x.day(mapi.PidLidTaskDateCompleted)
	on := ps.NameBool(mapi.PidLidReminderSet)
	if t.ReminderOn = &on; on {
		t.Reminder = x.day(mapi.PidLidReminderTime)
	}
	if v, ok := ps.GetName(mapi.PidNameKeywords); ok {
		t.Categories = v.Texts()
	}
	if v, ok := ps.GetName(mapi.PidLidTaskRecurrence); ok && v.Size() > 0 {
		if t.Recurrence = taskRule(v); t.Recurrence == nil {
			x.lose("PidLidTaskRecurrence", mapi.LossNoContainer, "the service has no such rule")
		}
	}
	if p.meta.Token != "" {
		// Tasks have no extended properties: a link that leads nowhere holds
		// the token.
		t.Linked = []wire.Linked{{Application: application, Name: application, ID: p.meta.Token}}
	}
	said := map[mapi.Name]bool{}
	for _, n := range []mapi.Name{
		mapi.PidNameKeywords, mapi.PidLidTaskStatus, mapi.PidLidTaskStartDate, mapi.PidLidTaskDueDate, mapi.PidLidTaskDateCompleted, mapi.PidLidReminderSet, mapi.PidLidReminderTime,
		mapi.PidLidTaskRecurrence, mapi.PidLidTaskComplete, mapi.PidLidCommonStart, mapi.PidLidCommonEnd, mapi.PidLidReminderSignalTime, itemprops.NameToken,
	} {
		said[n] = true
	}
	for _, prop := range ps {
		id := prop.Tag.ID()
		if prop.Name != nil && said[*prop.Name] || prop.Name == nil && (fields[id] || computed[id] || id == 0x001A || id == 0x0E07 || id == 0x0E06) {
			continue
		}
		x.lose(prop.String(), mapi.LossNoProperty, "a task has no place for it in json")
	}
	for i := range p.m.Attachments {
		x.lose(errorf("attachment %d", i+1).Error(), mapi.LossNoContainer, "attachments of tasks are not written by json")
	}
	r := transport.Receipt{Route: string(RouteJSON), Losses: x.losses}
	body, err := wire.JSON(t, nil)
	if err != nil {
		return r, p.unread(err)
	}
	c := p.call()
	c.url, c.method, c.body, c.upload = p.s.user("todo", "lists", p.folder, "tasks"), http.MethodPost, body, true
	var made wire.Item
	if err := p.s.json(ctx, c, &made); err != nil {
		return r, err
	}
	if made.ID == "" {
		return r, c.broken(errors.New("the service does not say which task it made"))
	}
	r.Ref, r.Bytes = transport.Key(made.ID), body.Size()
	return r, nil
}

// application is who made a link of a task.
const application = "mailconv"

// fieldOf reads one field of a resource, the zero value when it has none.
func fieldOf[T any](doc map[string]json.RawMessage, name string) (v T) {
	if raw, ok := doc[name]; ok {
		var out T
		if json.Unmarshal(raw, &out) == nil {
			return out
		}
	}
	return v
}
