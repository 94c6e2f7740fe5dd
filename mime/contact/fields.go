package contact

import "github.com/mailconv/mailconv/mapi"

// A field is a line that is one text of one property.
type field struct {
	line  string
	prop  prop
	types []string
}

// textFields are the lines with one text. [MS-OXVCARD] 2.1.3
var textFields = []field{
	{"NICKNAME", tag(mapi.PidTagNickname), nil},
	{"TITLE", tag(mapi.PidTagTitle), nil},
	{"ROLE", tag(mapi.PidTagProfession), nil},
	{"X-MS-MANAGER", tag(mapi.PidTagManagerName), []string{"N"}},
	{"X-MS-INTERESTS", tag(mapi.PidTagHobbies), nil},
	{"FBURL", named(mapi.PidLidFreeBusyLocation), nil},
	{"X-PHONETIC-FIRST-NAME", named(mapi.PidLidYomiFirstName), nil},
	{"X-PHONETIC-LAST-NAME", named(mapi.PidLidYomiLastName), nil},
	{"X-PHONETIC-ORG", named(mapi.PidLidYomiCompanyName), nil},
}

// aliases are names that other programs give to a line.
var aliases = map[string]string{
	"X-ANNIVERSARY": "X-MS-ANNIVERSARY", "X-EVOLUTION-ANNIVERSARY": "X-MS-ANNIVERSARY", "ANNIVERSARY": "X-MS-ANNIVERSARY",
	"X-SPOUSE": "X-MS-SPOUSE", "X-EVOLUTION-SPOUSE": "X-MS-SPOUSE", "X-KADDRESSBOOK-X-SPOUSESNAME": "X-MS-SPOUSE",
	"X-MANAGER": "X-MS-MANAGER", "X-EVOLUTION-MANAGER": "X-MS-MANAGER", "X-KADDRESSBOOK-X-MANAGERSNAME": "X-MS-MANAGER",
	"X-ASSISTANT": "X-MS-ASSISTANT", "X-EVOLUTION-ASSISTANT": "X-MS-ASSISTANT", "X-KADDRESSBOOK-X-ASSISTANTSNAME": "X-MS-ASSISTANT",
	"X-EVOLUTION-FILE-AS": "X-MAILCONV-FILE-AS", "X-FILE-AS": "X-MAILCONV-FILE-AS",
	"X-MS-RM-IMACCOUNT": "X-MS-IMADDRESS", "IMPP": "X-MS-IMADDRESS",
	"X-GENDER": "GENDER", "X-MS-GENDER": "GENDER",
	"HOBBY": "X-MS-INTERESTS", "X-MS-TEL": "TEL",
	"X-ADDRESSBOOKSERVER-KIND": "KIND", "X-ADDRESSBOOKSERVER-MEMBER": "MEMBER",
}

// A phone is a telephone number with the types that say which. The first is
// written; the others are read too.
type phone struct {
	prop  prop
	line  string
	types []string
	// second marks the number that takes what the one before it, of the same
	// types, has no room for.
	second bool
}

// phones in the order in which they are written. [MS-OXVCARD] 2.1.3.3.1,
// 2.1.3.9.5
var phones = []phone{
	{tag(mapi.PidTagBusinessTelephoneNumber), "TEL", []string{"WORK", "VOICE"}, false},
	{tag(mapi.PidTagBusiness2TelephoneNumber), "TEL", []string{"WORK", "VOICE"}, true},
	{tag(mapi.PidTagHomeTelephoneNumber), "TEL", []string{"HOME", "VOICE"}, false},
	{tag(mapi.PidTagHome2TelephoneNumber), "TEL", []string{"HOME", "VOICE"}, true},
	{tag(mapi.PidTagMobileTelephoneNumber), "TEL", []string{"CELL", "VOICE"}, false},
	{tag(mapi.PidTagCarTelephoneNumber), "TEL", []string{"CAR", "VOICE"}, false},
	{tag(mapi.PidTagOtherTelephoneNumber), "TEL", []string{"VOICE"}, false},
	{tag(mapi.PidTagPrimaryTelephoneNumber), "TEL", []string{"PREF"}, false},
	{tag(mapi.PidTagPagerTelephoneNumber), "TEL", []string{"PAGER"}, false},
	{tag(mapi.PidTagIsdnNumber), "TEL", []string{"ISDN"}, false},
	{tag(mapi.PidTagBusinessFaxNumber), "TEL", []string{"WORK", "FAX"}, false},
	{tag(mapi.PidTagHomeFaxNumber), "TEL", []string{"HOME", "FAX"}, false},
	{tag(mapi.PidTagPrimaryFaxNumber), "TEL", []string{"FAX"}, false},
	{tag(mapi.PidTagTelexNumber), "TEL", []string{"TLX"}, false},
	{tag(mapi.PidTagAssistantTelephoneNumber), "X-MS-TEL", []string{"ASSISTANT"}, false},
	{tag(mapi.PidTagCallbackTelephoneNumber), "X-MS-TEL", []string{"CALLBACK"}, false},
	{tag(mapi.PidTagCompanyMainTelephoneNumber), "X-MS-TEL", []string{"COMPANY"}, false},
	{tag(mapi.PidTagRadioTelephoneNumber), "X-MS-TEL", []string{"RADIO"}, false},
	{tag(mapi.PidTagTelecommunicationsDeviceForDeafTelephoneNumber), "X-MS-TEL", []string{"TTYTDD"}, false},
}

// An emailProps is one of the three mail addresses of a contact. [MS-OXOCNTC]
// 2.2.1.2
type emailProps struct{ addr, typ, shown, original, entryID prop }

var emails = [3]emailProps{
	{
		named(mapi.PidLidEmail1EmailAddress), named(mapi.PidLidEmail1AddressType), named(mapi.PidLidEmail1DisplayName),
		named(mapi.PidLidEmail1OriginalDisplayName), named(mapi.PidLidEmail1OriginalEntryId),
	},
	{
		named(mapi.PidLidEmail2EmailAddress), named(mapi.PidLidEmail2AddressType), named(mapi.PidLidEmail2DisplayName),
		named(mapi.PidLidEmail2OriginalDisplayName), named(mapi.PidLidEmail2OriginalEntryId),
	},
	{
		named(mapi.PidLidEmail3EmailAddress), named(mapi.PidLidEmail3AddressType), named(mapi.PidLidEmail3DisplayName),
		named(mapi.PidLidEmail3OriginalDisplayName), named(mapi.PidLidEmail3OriginalEntryId),
	},
}

// faxes are the fax numbers in the order in which [MS-OXOCNTC] 2.2.1.2.11
// counts them behind the mail addresses, with their electronic addresses.
var faxes = [3]struct {
	number       prop
	line         string // of the address
	typ, entryID prop
}{
	{tag(mapi.PidTagBusinessFaxNumber), "FAX2-ADDRESS", named(mapi.PidLidFax2AddressType), named(mapi.PidLidFax2OriginalEntryId)},
	{tag(mapi.PidTagHomeFaxNumber), "FAX3-ADDRESS", named(mapi.PidLidFax3AddressType), named(mapi.PidLidFax3OriginalEntryId)},
	{tag(mapi.PidTagPrimaryFaxNumber), "FAX1-ADDRESS", named(mapi.PidLidFax1AddressType), named(mapi.PidLidFax1OriginalEntryId)},
}

var userFields = [4]prop{
	named(mapi.PidLidContactUserField1), named(mapi.PidLidContactUserField2),
	named(mapi.PidLidContactUserField3), named(mapi.PidLidContactUserField4),
}

// An extra is a property that only our own lines carry.
type extra struct {
	line string // without the prefix
	prop prop
}

const extraPrefix = "X-MAILCONV-"

var extras = []extra{
	{"SENT", tag(mapi.PidTagClientSubmitTime)},
	{"DELIVERED", tag(mapi.PidTagMessageDeliveryTime)},
	{"FROM-NAME", tag(mapi.PidTagSentRepresentingName)},
	{"FROM-TYPE", tag(mapi.PidTagSentRepresentingAddressType)},
	{"FROM-ADDRESS", tag(mapi.PidTagSentRepresentingEmailAddress)},
	{"FROM-SMTP", tag(mapi.PidTagSentRepresentingSmtpAddress)},
	{"SENDER-NAME", tag(mapi.PidTagSenderName)},
	{"SENDER-TYPE", tag(mapi.PidTagSenderAddressType)},
	{"SENDER-ADDRESS", tag(mapi.PidTagSenderEmailAddress)},
	{"SENDER-SMTP", tag(mapi.PidTagSenderSmtpAddress)},
	{"INITIALS", tag(mapi.PidTagInitials)},
	{"ACCOUNT", tag(mapi.PidTagAccount)},
	{"CUSTOMER-ID", tag(mapi.PidTagCustomerId)},
	{"GOVERNMENT-ID", tag(mapi.PidTagGovernmentIdNumber)},
	{"ORGANIZATIONAL-ID", tag(mapi.PidTagOrganizationalIdNumber)},
	{"COMPUTER-NETWORK-NAME", tag(mapi.PidTagComputerNetworkName)},
	{"LANGUAGE", tag(mapi.PidTagLanguage)},
	{"LOCATION", tag(mapi.PidTagLocation)},
	{"KEYWORD", tag(mapi.PidTagKeyword)},
	{"IMPORTANCE", tag(mapi.PidTagImportance)},
	{"REFERRED-BY", named(mapi.Name{Set: mapi.PSETIDAddress, ID: 0x800E})},
	{"DEPARTMENT", named(mapi.PidLidDepartment)},
	{"COUNTRY-CODE", named(mapi.PidLidAddressCountryCode)},
	{"CHARACTER-SET", named(mapi.PidLidContactCharacterSet)},
	{"FILE-AS-LIST", named(mapi.PidLidFileUnderList)},
	{"ITEM-DATA", named(mapi.PidLidContactItemData)},
	{"AUTO-LOG", named(mapi.PidLidAutoLog)},
	{"BILLING", named(mapi.PidLidBilling)},
	{"COMPANIES", named(mapi.PidLidCompanies)},
	{"BUSINESS-CARD", named(mapi.PidLidBusinessCardDisplayDefinition)},
	{"FAX1-NAME", named(mapi.PidLidFax1OriginalDisplayName)},
	{"FAX1-ADDRESS", named(mapi.PidLidFax1EmailAddress)},
	{"FAX2-NAME", named(mapi.PidLidFax2OriginalDisplayName)},
	{"FAX2-ADDRESS", named(mapi.PidLidFax2EmailAddress)},
	{"FAX3-NAME", named(mapi.PidLidFax3OriginalDisplayName)},
	{"FAX3-ADDRESS", named(mapi.PidLidFax3EmailAddress)},
}

// Sensitivity as CLASS says it. [MS-OXVCARD] 2.1.3.8.1; PERSONAL has no word
// there.
var sensitivities = [4]string{"PUBLIC", "X-PERSONAL", "PRIVATE", "CONFIDENTIAL"}
