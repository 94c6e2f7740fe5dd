package ewstest

import (
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// An entry is one value of a dictionary: a key and where its text is.
type entry struct {
	key string
	p   property
}

// phones by the key of PhoneNumbers. [MS-OXWSCONT] 2.2.5.5
var phones = []entry{
	{"AssistantPhone", tagged(mapi.PidTagAssistantTelephoneNumber)},
	{"BusinessFax", tagged(mapi.PidTagBusinessFaxNumber)},
	{"BusinessPhone", tagged(mapi.PidTagBusinessTelephoneNumber)},
	{"BusinessPhone2", tagged(mapi.PidTagBusiness2TelephoneNumber)},
	{"Callback", tagged(mapi.PidTagCallbackTelephoneNumber)},
	{"CarPhone", tagged(mapi.PidTagCarTelephoneNumber)},
	{"CompanyMainPhone", tagged(mapi.PidTagCompanyMainTelephoneNumber)},
	{"HomeFax", tagged(mapi.PidTagHomeFaxNumber)},
	{"HomePhone", tagged(mapi.PidTagHomeTelephoneNumber)},
	{"HomePhone2", tagged(mapi.PidTagHome2TelephoneNumber)},
	{"Isdn", tagged(mapi.PidTagIsdnNumber)},
	{"MobilePhone", tagged(mapi.PidTagMobileTelephoneNumber)},
	{"OtherFax", tagged(mapi.PidTagPrimaryFaxNumber)},
	{"OtherTelephone", tagged(mapi.PidTagOtherTelephoneNumber)},
	{"Pager", tagged(mapi.PidTagPagerTelephoneNumber)},
	{"PrimaryPhone", tagged(mapi.PidTagPrimaryTelephoneNumber)},
	{"RadioPhone", tagged(mapi.PidTagRadioTelephoneNumber)},
	{"Telex", tagged(mapi.PidTagTelexNumber)},
	{"TtyTddPhone", tagged(mapi.PidTagTelecommunicationsDeviceForDeafTelephoneNumber)},
}

var messengers = []entry{
	{"ImAddress1", named(mapi.PidLidInstantMessagingAddress)},
}

// An emailEntry is the properties of one of the three addresses.
// [MS-OXOCNTC] 2.2.1.2
type emailEntry struct {
	key                     string
	email, kind, name, orig mapi.Name
}

var emails = []emailEntry{
	{"EmailAddress1", mapi.PidLidEmail1EmailAddress, mapi.PidLidEmail1AddressType, mapi.PidLidEmail1DisplayName, mapi.PidLidEmail1OriginalDisplayName},
	{"EmailAddress2", mapi.PidLidEmail2EmailAddress, mapi.PidLidEmail2AddressType, mapi.PidLidEmail2DisplayName, mapi.PidLidEmail2OriginalDisplayName},
	{"EmailAddress3", mapi.PidLidEmail3EmailAddress, mapi.PidLidEmail3AddressType, mapi.PidLidEmail3DisplayName, mapi.PidLidEmail3OriginalDisplayName},
}

// A postal address has five parts. [MS-OXOCNTC] 2.2.1.3
type postal struct {
	key   string
	parts [5]property
}

var postalParts = [5]string{"Street", "City", "State", "CountryOrRegion", "PostalCode"}

var postals = []postal{
	{"Home", [5]property{
		tagged(mapi.PidTagHomeAddressStreet), tagged(mapi.PidTagHomeAddressCity), tagged(mapi.PidTagHomeAddressStateOrProvince),
		tagged(mapi.PidTagHomeAddressCountry), tagged(mapi.PidTagHomeAddressPostalCode),
	}},
	{"Business", [5]property{
		named(mapi.PidLidWorkAddressStreet), named(mapi.PidLidWorkAddressCity), named(mapi.PidLidWorkAddressState),
		named(mapi.PidLidWorkAddressCountry), named(mapi.PidLidWorkAddressPostalCode),
	}},
	{"Other", [5]property{
		tagged(mapi.PidTagOtherAddressStreet), tagged(mapi.PidTagOtherAddressCity), tagged(mapi.PidTagOtherAddressStateOrProvince),
		tagged(mapi.PidTagOtherAddressCountry), tagged(mapi.PidTagOtherAddressPostalCode),
	}},
}

// indexedField is the field whose entries an IndexedFieldURI names.
func indexedField(uri string) string {
	switch {
	case uri == "contacts:EmailAddress":
		return "contacts:EmailAddresses"
	case uri == "contacts:PhoneNumber":
		return "contacts:PhoneNumbers"
	case uri == "contacts:ImAddress":
		return "contacts:ImAddresses"
	case strings.HasPrefix(uri, "contacts:PhysicalAddress:"):
		return "contacts:PhysicalAddresses"
	case uri == "item:InternetMessageHeader":
		return "item:InternetMessageHeaders"
	}
	return uri
}

// wants reports whether an entry is asked for: all are, unless the shape names
// entries.
func (v *view) wants(field, key string) bool {
	if v.sh.has(field, inDefault) {
		return true
	}
	for uri, keys := range v.sh.indexed {
		if indexedField(uri) == field && keys[key] {
			return true
		}
	}
	return false
}

func dictionary(uri string, sc scope, entries []entry) field {
	return field{
		uri: uri, name: element(uri), scope: sc,
		get: func(v *view) any {
			var l [][2]string
			for _, e := range entries {
				if val, ok := e.p.get(v.props()); ok && val.Text() != "" && v.wants(uri, e.key) {
					l = append(l, [2]string{e.key, val.Text()})
				}
			}
			if len(l) == 0 {
				return nil
			}
			return func(v *view) error {
				v.c.w.open("t:" + element(uri))
				for _, e := range l {
					v.c.w.elem("t:Entry", e[1], "Key", e[0])
				}
				v.c.w.close()
				return nil
			}
		},
		set: func(e *edit, n *node) error {
			for _, k := range n.kids {
				i := slices.IndexFunc(entries, func(x entry) bool { return x.key == k.attr("Key") })
				if i < 0 {
					continue // EWS has keys that no property has
				}
				if k.text == "" {
					entries[i].p.remove(&e.msg.Props)
					continue
				}
				entries[i].p.set(&e.msg.Props, mapi.StringValue(k.text))
			}
			return nil
		},
	}
}

var emailAddresses = field{
	uri: "contacts:EmailAddresses", name: "EmailAddresses", scope: inDefault,
	get: func(v *view) any {
		ps := v.props()
		var l []emailEntry
		for _, e := range emails {
			if ps.NameText(e.email) != "" && v.wants("contacts:EmailAddresses", e.key) {
				l = append(l, e)
			}
		}
		if len(l) == 0 {
			return nil
		}
		return func(v *view) error {
			v.c.w.open("t:EmailAddresses")
			for _, e := range l {
				v.c.w.elem("t:Entry", ps.NameText(e.email), "Key", e.key, "Name", or(ps.NameText(e.name), ps.NameText(e.email)), "RoutingType", or(ps.NameText(e.kind), "SMTP"))
			}
			v.c.w.close()
			return nil
		}
	},
	set: func(e *edit, n *node) error {
		for _, k := range n.kids {
			i := slices.IndexFunc(emails, func(x emailEntry) bool { return x.key == k.attr("Key") })
			if i < 0 {
				return fail("ErrorInvalidPropertySet", "there is no %q", k.attr("Key"))
			}
			ps := &e.msg.Props
			if k.text == "" {
				for _, n := range []mapi.Name{emails[i].email, emails[i].kind, emails[i].name, emails[i].orig} {
					ps.DeleteName(n)
				}
				continue
			}
			ps.SetName(emails[i].email, mapi.StringValue(k.text))
			ps.SetName(emails[i].kind, mapi.StringValue(or(k.attr("RoutingType"), "SMTP")))
			ps.SetName(emails[i].name, mapi.StringValue(or(k.attr("Name"), k.text)))
			ps.SetName(emails[i].orig, mapi.StringValue(k.text))
		}
		return nil
	},
}

var physicalAddresses = field{
	uri: "contacts:PhysicalAddresses", name: "PhysicalAddresses", scope: inDefault,
	get: func(v *view) any {
		var l []postal
		for _, a := range postals {
			for _, p := range a.parts {
				if val, ok := p.get(v.props()); ok && val.Text() != "" && v.wants("contacts:PhysicalAddresses", a.key) {
					l = append(l, a)
					break
				}
			}
		}
		if len(l) == 0 {
			return nil
		}
		return func(v *view) error {
			w := v.c.w
			w.open("t:PhysicalAddresses")
			for _, a := range l {
				w.open("t:Entry", "Key", a.key)
				for i, p := range a.parts {
					if val, ok := p.get(v.props()); ok && val.Text() != "" {
						w.elem("t:"+postalParts[i], val.Text())
					}
				}
				w.close()
			}
			w.close()
			return nil
		}
	},
	set: func(e *edit, n *node) error {
		for _, k := range n.kids {
			for _, a := range postals {
				if a.key != k.attr("Key") {
					continue
				}
				for i, p := range a.parts {
					if part := k.child(postalParts[i]); part != nil {
						p.set(&e.msg.Props, mapi.StringValue(part.text))
					}
				}
			}
		}
		return nil
	},
}

func completeName(v *view) any {
	ps := v.props()
	l := []struct{ name, text string }{
		{"Title", ps.Text(mapi.PidTagDisplayNamePrefix)},
		{"FirstName", ps.Text(mapi.PidTagGivenName)},
		{"MiddleName", ps.Text(mapi.PidTagMiddleName)},
		{"LastName", ps.Text(mapi.PidTagSurname)},
		{"Suffix", ps.Text(mapi.PidTagGeneration)},
		{"Initials", ps.Text(mapi.PidTagInitials)},
		{"FullName", ps.Text(mapi.PidTagDisplayName)},
		{"Nickname", ps.Text(mapi.PidTagNickname)},
	}
	return func(v *view) error {
		v.c.w.open("t:CompleteName")
		for _, e := range l {
			if e.text != "" {
				v.c.w.elem("t:"+e.name, e.text)
			}
		}
		v.c.w.close()
		return nil
	}
}

// contactFields are those of a ContactItemType. [MS-OXWSCONT] 2.2.4.4
var contactFields = []field{
	text("contacts:FileAs", inAll, named(mapi.PidLidFileUnder)),
	text("contacts:DisplayName", inDefault, tagged(mapi.PidTagDisplayName)),
	text("contacts:GivenName", inAll, tagged(mapi.PidTagGivenName)),
	text("contacts:Initials", inAll, tagged(mapi.PidTagInitials)),
	text("contacts:MiddleName", inAll, tagged(mapi.PidTagMiddleName)),
	text("contacts:Nickname", inAll, tagged(mapi.PidTagNickname)),
	computed("contacts:CompleteName", inDefault, completeName),
	text("contacts:CompanyName", inDefault, tagged(mapi.PidTagCompanyName)),
	emailAddresses,
	physicalAddresses,
	dictionary("contacts:PhoneNumbers", inDefault, phones),
	text("contacts:AssistantName", inAll, tagged(mapi.PidTagAssistant)),
	date("contacts:Birthday", inAll, tagged(mapi.PidTagBirthday)),
	text("contacts:BusinessHomePage", inAll, tagged(mapi.PidTagBusinessHomePage)),
	list("contacts:Children", inAll, tagged(mapi.PidTagChildrensNames)),
	list("contacts:Companies", inAll, named(mapi.PidLidCompanies)),
	text("contacts:Department", inAll, tagged(mapi.PidTagDepartmentName)),
	text("contacts:Generation", inAll, tagged(mapi.PidTagGeneration)),
	dictionary("contacts:ImAddresses", inDefault, messengers),
	text("contacts:JobTitle", inDefault, tagged(mapi.PidTagTitle)),
	text("contacts:Manager", inAll, tagged(mapi.PidTagManagerName)),
	text("contacts:Mileage", inAll, named(mapi.PidLidMileage)),
	text("contacts:OfficeLocation", inAll, tagged(mapi.PidTagOfficeLocation)),
	choice("contacts:PostalAddressIndex", inAll, named(mapi.PidLidPostalAddressId), 0, "None", "Home", "Business", "Other"),
	text("contacts:Profession", inAll, tagged(mapi.PidTagProfession)),
	text("contacts:SpouseName", inAll, tagged(mapi.PidTagSpouseName)),
	text("contacts:Surname", inAll, tagged(mapi.PidTagSurname)),
	date("contacts:WeddingAnniversary", inAll, tagged(mapi.PidTagWeddingAnniversary)),
	flag("contacts:HasPicture", inAll, named(mapi.PidLidHasPicture)),
}
