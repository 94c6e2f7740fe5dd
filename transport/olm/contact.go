package olm

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// contactTags are elements with one text, each OPFContactCopy and this.
var contactTags = map[string]mapi.Tag{
	"DisplayName": mapi.PidTagDisplayName, "FirstName": mapi.PidTagGivenName, "LastName": mapi.PidTagSurname, "MiddleName": mapi.PidTagMiddleName,
	"Title": mapi.PidTagDisplayNamePrefix, "Suffix": mapi.PidTagGeneration, "NickName": mapi.PidTagNickname, "Nickname": mapi.PidTagNickname,
	"BusinessCompany": mapi.PidTagCompanyName, "BusinessDepartment": mapi.PidTagDepartmentName, "BusinessOffice": mapi.PidTagOfficeLocation,
	"BusinessTitle": mapi.PidTagTitle, "BusinessHomePage": mapi.PidTagBusinessHomePage, "HomeWebPage": mapi.PidTagPersonalHomePage,
	"BusinessPhone": mapi.PidTagBusinessTelephoneNumber, "BusinessPhone2": mapi.PidTagBusiness2TelephoneNumber, "BusinessFax": mapi.PidTagBusinessFaxNumber,
	"HomePhone": mapi.PidTagHomeTelephoneNumber, "HomePhone2": mapi.PidTagHome2TelephoneNumber, "HomeFax": mapi.PidTagHomeFaxNumber,
	"CellPhone": mapi.PidTagMobileTelephoneNumber, "OtherPhone": mapi.PidTagOtherTelephoneNumber, "OtherFax": mapi.PidTagPrimaryFaxNumber,
	"PrimaryPhone": mapi.PidTagPrimaryTelephoneNumber, "AssistantPhone": mapi.PidTagAssistantTelephoneNumber, "Pager": mapi.PidTagPagerTelephoneNumber,
	"RadioPhone": mapi.PidTagRadioTelephoneNumber, "MainPhone": mapi.PidTagCompanyMainTelephoneNumber,
	"HomeStreetAddress": mapi.PidTagHomeAddressStreet, "HomeCity": mapi.PidTagHomeAddressCity, "HomeState": mapi.PidTagHomeAddressStateOrProvince,
	"HomeZip": mapi.PidTagHomeAddressPostalCode, "HomeCountry": mapi.PidTagHomeAddressCountry,
	"OtherStreetAddress": mapi.PidTagOtherAddressStreet, "OtherCity": mapi.PidTagOtherAddressCity, "OtherState": mapi.PidTagOtherAddressStateOrProvince,
	"OtherZip": mapi.PidTagOtherAddressPostalCode, "OtherCountry": mapi.PidTagOtherAddressCountry,
	"SpouseName": mapi.PidTagSpouseName, "Spouse": mapi.PidTagSpouseName,
}

var contactNames = map[string]mapi.Name{
	"BusinessStreetAddress": mapi.PidLidWorkAddressStreet, "BusinessCity": mapi.PidLidWorkAddressCity, "BusinessState": mapi.PidLidWorkAddressState,
	"BusinessZip": mapi.PidLidWorkAddressPostalCode, "BusinessCountry": mapi.PidLidWorkAddressCountry,
	"YomiFirstName": mapi.PidLidYomiFirstName, "YomiLastName": mapi.PidLidYomiLastName, "YomiCompany": mapi.PidLidYomiCompanyName,
}

// emailNames are the three addresses that a contact has. [MS-OXOCNTC] 2.2.1.2
var emailNames = [3]struct{ addr, typ, shown, original, entryID mapi.Name }{
	{mapi.PidLidEmail1EmailAddress, mapi.PidLidEmail1AddressType, mapi.PidLidEmail1DisplayName, mapi.PidLidEmail1OriginalDisplayName, mapi.PidLidEmail1OriginalEntryId},
	{mapi.PidLidEmail2EmailAddress, mapi.PidLidEmail2AddressType, mapi.PidLidEmail2DisplayName, mapi.PidLidEmail2OriginalDisplayName, mapi.PidLidEmail2OriginalEntryId},
	{mapi.PidLidEmail3EmailAddress, mapi.PidLidEmail3AddressType, mapi.PidLidEmail3DisplayName, mapi.PidLidEmail3OriginalDisplayName, mapi.PidLidEmail3OriginalEntryId},
}

const contactPrefix = "OPFContactCopy"

func (b *builder) contact() {
	for _, k := range b.n.kids {
		name, ok := strings.CutPrefix(k.name, contactPrefix)
		if !ok || k.large() {
			continue
		}
		if tag, ok := contactTags[name]; ok {
			k.used = true
			b.text(tag, k.text)
		} else if named, ok := contactNames[name]; ok {
			k.used = true
			b.named(named, k.text)
		}
	}
	shown := b.m.Props.Text(mapi.PidTagDisplayName)
	b.text(mapi.PidTagSubject, shown)
	b.named(mapi.PidLidFileUnder, shown)
	b.time(mapi.PidTagBirthday, b.n.date("OPFContactCopyBirthday"))
	b.time(mapi.PidTagWeddingAnniversary, b.n.date("OPFContactCopyAnniversary"))
	b.time(mapi.PidTagLastModificationTime, b.n.date("OPFContactCopyModDate"))
	b.categories("OPFContactCopyCategoryList", "OPFContactCopyPrimaryCategory")
	b.followUp("OPFContactGetFlagStatus", "OPFContactCopyStartDateTime", "OPFContactCopyDueDateTime", "")
	b.body(false, "OPFContactCopyNotesPlain")
	b.body(true, "OPFContactCopyNotes")
	for _, k := range []string{"OPFContactCanDelete", "OPFContactCanEdit", "OPFContactCopyContactImage", "OPFContactIsJapaneseContact", "OPFContactType", "OPFContactCopyAge"} {
		b.n.child(k) // of the program, not of the person
	}
	b.emails(shown)
	if im := b.addresses("OPFContactCopyDefaultIMAddress"); len(im) > 0 {
		b.named(mapi.PidLidInstantMessagingAddress, im[0])
	}
}

// addresses reads a list of contactEmailAddress elements.
func (b *builder) addresses(name string) (list []string) {
	k := b.n.child(name)
	if k == nil {
		return nil
	}
	for _, c := range k.kids {
		s := strings.TrimSpace(c.attr("OPFContactEmailAddressAddress"))
		if s == "" {
			s = strings.TrimSpace(c.text)
		}
		if s != "" {
			list = append(list, s)
		}
	}
	return list
}

func (b *builder) emails(shown string) {
	seen := map[string]bool{}
	var more []string
	n := 0
	for _, name := range []string{"OPFContactCopyDefaultEmailAddress", "OPFContactCopyEmailAddressList", "OPFContactCopyEmailAddressList1", "OPFContactCopyEmailAddressList2"} {
		for _, addr := range b.addresses(name) {
			if seen[strings.ToLower(addr)] {
				continue
			}
			seen[strings.ToLower(addr)] = true
			if n == len(emailNames) {
				more = append(more, addr)
				continue
			}
			e := emailNames[n]
			n++
			b.named(e.addr, addr)
			b.named(e.typ, "SMTP")
			b.named(e.shown, person{shown, addr}.shown())
			b.named(e.original, addr)
			b.m.Props.SetName(e.entryID, mapi.BinaryValue(oneOff(person{shown, addr})))
		}
	}
	if len(more) > 0 {
		// A contact has three addresses in MAPI; the others stay as text.
		b.named(mapi.Name{Set: mapi.PSPublicStrings, Name: "OPFContactCopyEmailAddressList"}, strings.Join(more, ";"))
	}
}

// group is a distribution list. [MS-OXOCNTC] 2.2.2
func (b *builder) group() {
	name := b.n.get("OPFGroupCopyDisplayName")
	b.text(mapi.PidTagDisplayName, name)
	b.text(mapi.PidTagSubject, name)
	b.named(mapi.PidLidFileUnder, name)
	b.named(mapi.PidLidDistributionListName, name)
	b.time(mapi.PidTagLastModificationTime, b.n.date("OPFGroupCopyModDate"))
	b.categories("OPFGroupCopyCategoryList", "OPFGroupCopyPrimaryCategory")
	b.body(false, "OPFGroupCopyNotesPlain", "OPFGroupCopyNotes")
	var members [][]byte
	for _, p := range b.people("OPFGroupCopyMemberList") {
		members = append(members, oneOff(p))
	}
	if len(members) > 0 {
		v := mapi.MultiValue(mapi.TypeMultipleBinary, members)
		b.m.Props.SetName(mapi.PidLidDistributionListMembers, v)
		b.m.Props.SetName(mapi.PidLidDistributionListOneOffMembers, v)
	}
}
