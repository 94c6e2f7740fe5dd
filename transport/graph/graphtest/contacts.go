package graphtest

import (
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

var contactRoutes = []*route{
	{"GET", "users/{user}/contactFolders", "contactfolders.list", "Contacts.Read", "", "Collection(graph.contactFolder)", (*call).listContactFolders},
	{"POST", "users/{user}/contactFolders", "contactfolders.create", "Contacts.ReadWrite", "graph.contactFolder", "graph.contactFolder", (*call).createContactFolder},
	{"GET", "users/{user}/contactFolders/{folder}", "contactfolders.get", "Contacts.Read", "", "graph.contactFolder", (*call).getContactFolder},
	{"PATCH", "users/{user}/contactFolders/{folder}", "contactfolders.update", "Contacts.ReadWrite", "graph.contactFolder", "graph.contactFolder", (*call).updateContactFolder},
	{"DELETE", "users/{user}/contactFolders/{folder}", "contactfolders.delete", "Contacts.ReadWrite", "", "", (*call).deleteContactFolder},
	{"GET", "users/{user}/contactFolders/{folder}/childFolders", "contactfolders.list", "Contacts.Read", "", "Collection(graph.contactFolder)", (*call).listContactFolders},
	{"POST", "users/{user}/contactFolders/{folder}/childFolders", "contactfolders.create", "Contacts.ReadWrite", "graph.contactFolder", "graph.contactFolder", (*call).createContactFolder},
	{"GET", "users/{user}/contacts", "contacts.list", "Contacts.Read", "", "Collection(graph.contact)", (*call).listContacts},
	{"GET", "users/{user}/contactFolders/{folder}/contacts", "contacts.list", "Contacts.Read", "", "Collection(graph.contact)", (*call).listContacts},
	{"POST", "users/{user}/contacts", "contacts.create", "Contacts.ReadWrite", "graph.contact", "graph.contact", (*call).createContact},
	{"POST", "users/{user}/contactFolders/{folder}/contacts", "contacts.create", "Contacts.ReadWrite", "graph.contact", "graph.contact", (*call).createContact},
	{"GET", "users/{user}/contacts/{item}", "contacts.get", "Contacts.Read", "", "graph.contact", (*call).getContact},
	{"GET", "users/{user}/contactFolders/{folder}/contacts/{item}", "contacts.get", "Contacts.Read", "", "graph.contact", (*call).getContact},
	{"PATCH", "users/{user}/contacts/{item}", "contacts.update", "Contacts.ReadWrite", "graph.contact", "graph.contact", (*call).updateContact},
	{"DELETE", "users/{user}/contacts/{item}", "contacts.delete", "Contacts.ReadWrite", "", "", (*call).deleteItem},
	{"DELETE", "users/{user}/contactFolders/{folder}/contacts/{item}", "contacts.delete", "Contacts.ReadWrite", "", "", (*call).deleteItem},
}

func (c *call) contactFolder(f *mailbox.Folder) object {
	return c.q.apply(object{"id": c.folderID(f.ID), "displayName": f.Name, "parentFolderId": c.folderID(f.Parent)})
}

// listContactFolders lists the folders beside the standard one, which has no
// place in this collection.
func (c *call) listContactFolders() error {
	var l []mailbox.Folder
	if _, ok := c.vars["folder"]; ok {
		p, err := c.room("IPF.Contact", mailbox.Contacts, mailbox.MayRead)
		if err != nil {
			return err
		}
		l = slices.DeleteFunc(c.box.Folders(p.ID, false), func(f mailbox.Folder) bool { return !classed(&f, "IPF.Contact") })
	} else {
		root, _ := c.box.WellKnown(mailbox.IPMSubtree)
		std, _ := c.box.WellKnown(mailbox.Contacts)
		for _, f := range c.of("IPF.Contact") {
			if f.ID != std.ID && (f.Parent == root.ID || f.Parent == std.ID) {
				l = append(l, f)
			}
		}
	}
	return c.replyList(len(l), func(_ *query, i int) (object, error) { return c.contactFolder(&l[i]), nil })
}

func (c *call) getContactFolder() error {
	f, err := c.room("IPF.Contact", mailbox.Contacts, mailbox.MayRead)
	if err != nil {
		return err
	}
	return c.reply(200, c.contactFolder(&f))
}

func (c *call) createContactFolder() error {
	p, err := c.room("IPF.Contact", mailbox.Contacts, mailbox.MayCreateFolders)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	f, err := c.newRoom(p, text(o, "displayName"), "IPF.Contact")
	if err != nil {
		return err
	}
	return c.reply(201, c.contactFolder(&f))
}

func (c *call) updateContactFolder() error {
	f, err := c.room("IPF.Contact", mailbox.Contacts, mailbox.MayCreateFolders)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	if f, err = c.rename(f, text(o, "displayName")); err != nil {
		return err
	}
	return c.reply(200, c.contactFolder(&f))
}

func (c *call) deleteContactFolder() error { return c.deleteRoom("IPF.Contact", mailbox.Contacts) }

// contactTexts are the plain texts of a contact. [MS-OXOCNTC] 2.2.1
var contactTexts = []struct {
	name string
	tag  mapi.Tag
}{
	{"displayName", mapi.PidTagDisplayName},
	{"givenName", mapi.PidTagGivenName},
	{"surname", mapi.PidTagSurname},
	{"middleName", mapi.PidTagMiddleName},
	{"nickName", mapi.PidTagNickname},
	{"generation", mapi.PidTagGeneration},
	{"initials", mapi.PidTagInitials},
	{"title", mapi.PidTagDisplayNamePrefix},
	{"jobTitle", mapi.PidTagTitle},
	{"companyName", mapi.PidTagCompanyName},
	{"department", mapi.PidTagDepartmentName},
	{"officeLocation", mapi.PidTagOfficeLocation},
	{"profession", mapi.PidTagProfession},
	{"businessHomePage", mapi.PidTagBusinessHomePage},
	{"assistantName", mapi.PidTagAssistant},
	{"manager", mapi.PidTagManagerName},
	{"mobilePhone", mapi.PidTagMobileTelephoneNumber},
	{"spouseName", mapi.PidTagSpouseName},
	{"personalNotes", mapi.PidTagBody},
}

var contactNamed = []struct {
	name string
	prop mapi.Name
}{
	{"fileAs", mapi.PidLidFileUnder},
	{"yomiGivenName", mapi.PidLidYomiFirstName},
	{"yomiSurname", mapi.PidLidYomiLastName},
	{"yomiCompanyName", mapi.PidLidYomiCompanyName},
}

// emails are the three addresses of a contact: their names begin 16 apart.
// [MS-OXOCNTC] 2.2.1.2
func emails(i int) (display, kind, addr, original mapi.Name) {
	n := func(id uint32) mapi.Name { return mapi.Name{Set: mapi.PSETIDAddress, ID: id + uint32(i)*16} }
	return n(0x8080), n(0x8082), n(0x8083), n(0x8084)
}

// A postal address: the properties of its parts.
type postal struct {
	name                              string
	street, city, state, code, nation func(*mapi.Properties) (get func() string, set func(string))
}

func byTag(t mapi.Tag) func(*mapi.Properties) (func() string, func(string)) {
	return func(ps *mapi.Properties) (func() string, func(string)) {
		return func() string { return ps.Text(t) }, func(s string) { ps.Set(t, mapi.StringValue(s)) }
	}
}

func byName(n mapi.Name) func(*mapi.Properties) (func() string, func(string)) {
	return func(ps *mapi.Properties) (func() string, func(string)) {
		return func() string { return ps.NameText(n) }, func(s string) { ps.SetName(n, mapi.StringValue(s)) }
	}
}

var postals = []postal{
	{"homeAddress", byTag(mapi.PidTagHomeAddressStreet), byTag(mapi.PidTagHomeAddressCity), byTag(mapi.PidTagHomeAddressStateOrProvince), byTag(mapi.PidTagHomeAddressPostalCode), byTag(mapi.PidTagHomeAddressCountry)},
	{"businessAddress", byName(mapi.PidLidWorkAddressStreet), byName(mapi.PidLidWorkAddressCity), byName(mapi.PidLidWorkAddressState), byName(mapi.PidLidWorkAddressPostalCode), byName(mapi.PidLidWorkAddressCountry)},
	{"otherAddress", byTag(mapi.PidTagOtherAddressStreet), byTag(mapi.PidTagOtherAddressCity), byTag(mapi.PidTagOtherAddressStateOrProvince), byTag(mapi.PidTagOtherAddressPostalCode), byTag(mapi.PidTagOtherAddressCountry)},
}

func (p postal) parts() map[string]func(*mapi.Properties) (func() string, func(string)) {
	return map[string]func(*mapi.Properties) (func() string, func(string)){
		"street": p.street, "city": p.city, "state": p.state, "postalCode": p.code, "countryOrRegion": p.nation,
	}
}

var contactFields = contactTable()

func contactTable() []field {
	l := []field{
		{name: "parentFolderId", f: func(c *call, it *mailbox.Item) any { return c.folderID(it.Folder) }},
		{name: "birthday", f: func(_ *call, it *mailbox.Item) any {
			if t := it.Message.Props.Time(mapi.PidTagBirthday); !t.IsZero() {
				return t
			}
			return nil
		}},
		{name: "emailAddresses", f: func(_ *call, it *mailbox.Item) any {
			out := []any{}
			for i := range 3 {
				d, _, a, orig := emails(i)
				ps := it.Message.Props
				addr := ps.NameText(a)
				if o := ps.NameText(orig); !strings.Contains(addr, "@") && strings.Contains(o, "@") {
					addr = o
				}
				if addr != "" {
					out = append(out, object{"name": ps.NameText(d), "address": addr})
				}
			}
			return out
		}},
		{name: "businessPhones", f: func(_ *call, it *mailbox.Item) any {
			return phones(it.Message.Props, mapi.PidTagBusinessTelephoneNumber, mapi.PidTagBusiness2TelephoneNumber)
		}},
		{name: "homePhones", f: func(_ *call, it *mailbox.Item) any {
			return phones(it.Message.Props, mapi.PidTagHomeTelephoneNumber, mapi.PidTagHome2TelephoneNumber)
		}},
		{name: "imAddresses", f: func(_ *call, it *mailbox.Item) any {
			if s := it.Message.Props.NameText(mapi.PidLidInstantMessagingAddress); s != "" {
				return []any{s}
			}
			return []any{}
		}},
		{name: "children", f: func(_ *call, it *mailbox.Item) any {
			v, _ := it.Message.Props.Get(mapi.PidTagChildrensNames)
			return anys(v.Texts())
		}},
	}
	for _, t := range contactTexts {
		l = append(l, field{name: t.name, f: func(_ *call, it *mailbox.Item) any { return orNull(it.Message.Props.Text(t.tag)) }})
	}
	for _, t := range contactNamed {
		l = append(l, field{name: t.name, f: func(_ *call, it *mailbox.Item) any { return orNull(it.Message.Props.NameText(t.prop)) }})
	}
	for _, p := range postals {
		l = append(l, field{name: p.name, f: func(_ *call, it *mailbox.Item) any {
			o := object{}
			ps := it.Message.Props
			for n, part := range p.parts() {
				get, _ := part(&ps)
				if s := get(); s != "" {
					o[n] = s
				}
			}
			return o
		}})
	}
	return append(l, common...)
}

func phones(ps mapi.Properties, tags ...mapi.Tag) any {
	out := []any{}
	for _, t := range tags {
		if s := ps.Text(t); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func isContact(it *mailbox.Item) bool {
	c := strings.ToLower(it.Class())
	return c == "ipm.contact" || strings.HasPrefix(c, "ipm.contact.")
}

func (c *call) contact(q *query, it *mailbox.Item) (object, error) {
	return c.build(q, "", contactFields, it)
}

func (c *call) listContacts() error {
	f, err := c.room("IPF.Contact", mailbox.Contacts, mailbox.MayRead)
	if err != nil {
		return err
	}
	items, err := c.box.Items(f.ID, mailbox.Normal)
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(items, func(it mailbox.Item) bool { return !isContact(&it) })
	return c.replyList(len(items), func(q *query, i int) (object, error) { return c.contact(q, &items[i]) })
}

func (c *call) replyContact(status int, it mailbox.Item) error {
	o, err := c.contact(&c.q, &it)
	if err != nil {
		return err
	}
	o["@odata.context"] = c.base() + "/$metadata#users('" + userID(c.box) + "')/contacts/$entity"
	return c.reply(status, o)
}

func (c *call) getContact() error {
	it, err := c.one(mailbox.MayRead)
	if err != nil {
		return err
	}
	return c.replyContact(200, it)
}

func (c *call) createContact() error {
	f, err := c.room("IPF.Contact", mailbox.Contacts, mailbox.MayCreate)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	m, err := c.newContact(o)
	if err != nil {
		return err
	}
	it, err := c.box.Create(c.ctx, f.ID, m, mailbox.CreateOptions{})
	if err != nil {
		return err
	}
	return c.replyContact(201, it)
}

func (c *call) updateContact() error {
	it, err := c.one(mailbox.MayEdit)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	if it, err = c.box.Change(it.ID, func(m *mapi.Message) error { return setContact(m, o) }); err != nil {
		return err
	}
	return c.replyContact(200, it)
}

func (c *call) newContact(o object) (*mapi.Message, error) {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Contact"))
	m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(flagRead))
	return m, setContact(m, o)
}

func setContact(m *mapi.Message, o object) error {
	ps := &m.Props
	handled := []string{"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "parentFolderId", singles, multis}
	take := func(name string) bool {
		handled = append(handled, name)
		_, ok := o[name]
		return ok
	}
	for _, t := range contactTexts {
		if take(t.name) {
			ps.Set(t.tag, mapi.StringValue(text(o, t.name)))
		}
	}
	for _, t := range contactNamed {
		if take(t.name) {
			ps.SetName(t.prop, mapi.StringValue(text(o, t.name)))
		}
	}
	for _, p := range postals {
		if take(p.name) {
			for n, part := range p.parts() {
				_, set := part(ps)
				set(text(child(o, p.name), n))
			}
		}
	}
	if take("birthday") {
		if v, err := (extendedID{typ: mapi.TypeTime}).value(text(o, "birthday")); err == nil {
			ps.Set(mapi.PidTagBirthday, v)
		}
	}
	if take("emailAddresses") {
		l := children(o, "emailAddresses")
		if len(l) > 3 {
			return fail(400, "ErrorInvalidRequest", "A contact has at most three addresses.")
		}
		for i, e := range l {
			d, k, a, orig := emails(i)
			name := text(e, "name")
			if name == "" {
				name = text(e, "address")
			}
			ps.SetName(d, mapi.StringValue(name))
			ps.SetName(k, mapi.StringValue("SMTP"))
			ps.SetName(a, mapi.StringValue(text(e, "address")))
			ps.SetName(orig, mapi.StringValue(text(e, "address")))
		}
	}
	for _, p := range []struct {
		name string
		tags []mapi.Tag
	}{
		{"businessPhones", []mapi.Tag{mapi.PidTagBusinessTelephoneNumber, mapi.PidTagBusiness2TelephoneNumber}},
		{"homePhones", []mapi.Tag{mapi.PidTagHomeTelephoneNumber, mapi.PidTagHome2TelephoneNumber}},
	} {
		if take(p.name) {
			l := texts(o, p.name)
			if len(l) > 2 {
				return fail(400, "ErrorInvalidRequest", "%s takes at most two numbers.", p.name)
			}
			for i, s := range l {
				ps.Set(p.tags[i], mapi.StringValue(s))
			}
		}
	}
	if take("imAddresses") {
		if l := texts(o, "imAddresses"); len(l) > 0 {
			ps.SetName(mapi.PidLidInstantMessagingAddress, mapi.StringValue(l[0]))
		}
	}
	if take("children") {
		ps.Set(mapi.PidTagChildrensNames, mapi.MultiStringValue(texts(o, "children")))
	}
	if take("categories") {
		ps.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(texts(o, "categories")))
	}
	for n := range o {
		if !slices.Contains(handled, n) && !strings.HasPrefix(n, "@") {
			return fail(400, "RequestBodyRead", "The property '%s' cannot be set on type 'microsoft.graph.contact'.", n)
		}
	}
	if ps.Text(mapi.PidTagDisplayName) == "" {
		ps.Set(mapi.PidTagDisplayName, mapi.StringValue(strings.TrimSpace(ps.Text(mapi.PidTagGivenName)+" "+ps.Text(mapi.PidTagSurname))))
	}
	ps.Set(mapi.PidTagSubject, mapi.StringValue(ps.Text(mapi.PidTagDisplayName)))
	return setExtended(ps, o)
}
