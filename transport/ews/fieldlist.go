package ews

import (
	"slices"
	"strings"
	"sync"

	"github.com/mailconv/mailconv/mapi"
)

// The properties of items that are no mail, which are asked for one by one where
// the server exports no objects. [MS-OXOCNTC] 2.2.1, [MS-OXOCAL] 2.2.1,
// [MS-OXOTASK] 2.2.2, [MS-OXONOTE] 2.2.1, [MS-OXOJRNL] 2.2.1
const (
	commonNames = "" +
		"PidLidReminderDelta PidLidReminderTime PidLidReminderSet PidLidReminderSignalTime PidLidPrivate PidLidSideEffects " +
		"PidLidCommonStart PidLidCommonEnd PidLidMileage PidLidBilling PidLidCompanies PidLidContacts PidLidTaskMode"
	commonTags = "" +
		"PidTagImportance PidTagSensitivity PidTagIconIndex PidTagSearchKey PidTagCreationTime PidTagLastModificationTime " +
		"PidTagClientSubmitTime PidTagMessageDeliveryTime PidTagFlagStatus PidTagSenderName PidTagSenderEmailAddress"
)

var classFields = map[string]struct{ tags, names string }{
	"IPM.CONTACT": {
		"PidTagDisplayName PidTagDisplayNamePrefix PidTagGivenName PidTagMiddleName PidTagSurname PidTagGeneration PidTagInitials " +
			"PidTagNickname PidTagCompanyName PidTagTitle PidTagDepartmentName PidTagOfficeLocation PidTagManagerName PidTagAssistant " +
			"PidTagProfession PidTagSpouseName PidTagBirthday PidTagWeddingAnniversary PidTagGender PidTagLanguage PidTagAccount " +
			"PidTagBusinessTelephoneNumber PidTagBusiness2TelephoneNumber PidTagHomeTelephoneNumber PidTagHome2TelephoneNumber " +
			"PidTagMobileTelephoneNumber PidTagPrimaryTelephoneNumber PidTagOtherTelephoneNumber PidTagCarTelephoneNumber " +
			"PidTagRadioTelephoneNumber PidTagPagerTelephoneNumber PidTagCallbackTelephoneNumber PidTagCompanyMainTelephoneNumber " +
			"PidTagAssistantTelephoneNumber PidTagBusinessFaxNumber PidTagHomeFaxNumber PidTagPrimaryFaxNumber PidTagTelexNumber " +
			"PidTagIsdnNumber PidTagTelecommunicationsDeviceForDeafTelephoneNumber PidTagBusinessHomePage PidTagPersonalHomePage " +
			"PidTagHomeAddressStreet PidTagHomeAddressCity PidTagHomeAddressStateOrProvince PidTagHomeAddressPostalCode " +
			"PidTagHomeAddressCountry PidTagHomeAddressPostOfficeBox PidTagOtherAddressStreet PidTagOtherAddressCity " +
			"PidTagOtherAddressStateOrProvince PidTagOtherAddressPostalCode PidTagOtherAddressCountry PidTagOtherAddressPostOfficeBox " +
			"PidTagStreetAddress PidTagLocality PidTagStateOrProvince PidTagPostalCode PidTagCountry PidTagPostOfficeBox PidTagPostalAddress " +
			"PidTagHobbies PidTagChildrensNames PidTagReferredByName PidTagGovernmentIdNumber PidTagOrganizationalIdNumber PidTagCustomerId",
		"PidLidFileUnder PidLidFileUnderId PidLidHomeAddress PidLidWorkAddress PidLidOtherAddress PidLidPostalAddressId PidLidHasPicture " +
			"PidLidHtml PidLidYomiFirstName PidLidYomiLastName PidLidYomiCompanyName PidLidWorkAddressStreet PidLidWorkAddressCity " +
			"PidLidWorkAddressState PidLidWorkAddressPostalCode PidLidWorkAddressCountry PidLidWorkAddressPostOfficeBox " +
			"PidLidInstantMessagingAddress PidLidFreeBusyLocation PidLidBirthdayLocal PidLidWeddingAnniversaryLocal " +
			"PidLidEmail1DisplayName PidLidEmail1AddressType PidLidEmail1EmailAddress PidLidEmail1OriginalDisplayName PidLidEmail1OriginalEntryId " +
			"PidLidEmail2DisplayName PidLidEmail2AddressType PidLidEmail2EmailAddress PidLidEmail2OriginalDisplayName PidLidEmail2OriginalEntryId " +
			"PidLidEmail3DisplayName PidLidEmail3AddressType PidLidEmail3EmailAddress PidLidEmail3OriginalDisplayName PidLidEmail3OriginalEntryId " +
			"PidLidAddressBookProviderEmailList PidLidAddressBookProviderArrayType PidLidContactUserField1 PidLidContactUserField2 " +
			"PidLidContactUserField3 PidLidContactUserField4",
	},
	"IPM.DISTLIST": {
		"PidTagDisplayName",
		"PidLidFileUnder PidLidDistributionListName PidLidDistributionListMembers PidLidDistributionListOneOffMembers " +
			"PidLidDistributionListChecksum PidLidDistributionListStream",
	},
	"IPM.APPOINTMENT": {
		"PidTagStartDate PidTagEndDate PidTagOwnerAppointmentId PidTagResponseRequested",
		"PidLidAppointmentStartWhole PidLidAppointmentEndWhole PidLidAppointmentDuration PidLidLocation PidLidBusyStatus " +
			"PidLidAppointmentSubType PidLidAppointmentRecur PidLidAppointmentStateFlags PidLidRecurring PidLidResponseStatus " +
			"PidLidRecurrenceType PidLidRecurrencePattern PidLidTimeZoneStruct PidLidTimeZoneDescription PidLidClipStart PidLidClipEnd " +
			"PidLidAllAttendeesString PidLidToAttendeesString PidLidCcAttendeesString PidLidAppointmentSequence PidLidAppointmentReplyTime " +
			"PidLidAppointmentTimeZoneDefinitionStartDisplay PidLidAppointmentTimeZoneDefinitionEndDisplay PidLidAppointmentTimeZoneDefinitionRecur " +
			"PidLidGlobalObjectId PidLidCleanGlobalObjectId PidLidIntendedBusyStatus PidLidFInvited PidLidAppointmentColor PidLidWhere PidLidMeetingType",
	},
	"IPM.TASK": {
		"",
		"PidLidTaskStatus PidLidPercentComplete PidLidTeamTask PidLidTaskStartDate PidLidTaskDueDate PidLidTaskDateCompleted " +
			"PidLidTaskActualEffort PidLidTaskEstimatedEffort PidLidTaskVersion PidLidTaskState PidLidTaskLastUpdate PidLidTaskRecurrence " +
			"PidLidTaskAssigner PidLidTaskComplete PidLidTaskOwner PidLidTaskLastUser PidLidTaskOrdinal PidLidTaskFRecurring PidLidTaskRole " +
			"PidLidTaskOwnership PidLidTaskAcceptanceState PidLidTaskResetReminder PidLidTaskAccepted PidLidTaskFFixOffline PidLidTaskHistory",
	},
	"IPM.STICKYNOTE": {
		"", "PidLidNoteColor PidLidNoteWidth PidLidNoteHeight PidLidNoteX PidLidNoteY",
	},
	"IPM.ACTIVITY": {
		"", "PidLidLogType PidLidLogStart PidLidLogDuration PidLidLogEnd PidLidLogFlags PidLidLogTypeDesc PidLidLogDocumentPrinted PidLidLogDocumentSaved",
	},
}

func names(list string) []field {
	var out []field
	for s := range strings.FieldsSeq(list) {
		if n, ok := mapi.LookupName(s); ok && wireType(n.Type()) != "" {
			out = append(out, field{tag: mapi.NewTag(0, n.Type()), name: &n})
		}
	}
	return out
}

func tags(list string) []field {
	var out []field
	for s := range strings.FieldsSeq(list) {
		if t, ok := mapi.LookupTag(s); ok && wireType(t.Type()) != "" {
			out = append(out, field{tag: t})
		}
	}
	return out
}

// fieldLists are the fields by class, "" for others. To look their names up takes
// a millisecond, which is nobody's who has no Exchange.
var fieldLists = sync.OnceValue(func() map[string][]field {
	common := append(tags(commonTags), names(commonNames)...)
	lists := map[string][]field{"": common}
	for class, l := range classFields {
		lists[class] = slices.Concat(common, tags(l.tags), names(l.names))
	}
	return lists
})

// fieldsOf lists what is asked for of items of a class.
func fieldsOf(class string) []field {
	c := strings.ToUpper(class)
	for p, l := range fieldLists() {
		if p != "" && (c == p || strings.HasPrefix(c, p+".")) {
			return slices.Clone(l)
		}
	}
	return slices.Clone(fieldLists()[""])
}

// ownTags are properties that have a field of their own in a request.
var ownTags = map[uint16]bool{
	mapi.PidTagMessageClass.ID(): true, mapi.PidTagSubject.ID(): true, mapi.PidTagSubjectPrefix.ID(): true, mapi.PidTagNormalizedSubject.ID(): true,
	mapi.PidTagBody.ID(): true, mapi.PidTagHtml.ID(): true, mapi.PidTagRtfCompressed.ID(): true, mapi.PidTagMessageFlags.ID(): true,
}

// computedTags are properties that the server sets itself, with a meaning only
// in the store that they come from. [MS-OXCMSG] 2.2.1, [MS-OXCPRPT] 2.2.1
var computedTags = map[uint16]bool{
	0x0E02: true, 0x0E03: true, 0x0E04: true, // displayed recipients
	0x0E08: true, 0x0E09: true, 0x0E17: true, 0x0E1B: true, 0x0E20: true, 0x0E21: true, 0x0E23: true, 0x0E2F: true, 0x0E79: true, 0x0E9C: true, 0x0E9D: true,
	0x0F03: true, 0x0FF4: true, 0x0FF5: true, 0x0FF6: true, 0x0FF7: true, 0x0FF8: true, 0x0FF9: true, 0x0FFA: true, 0x0FFB: true, 0x0FFE: true, 0x0FFF: true,
	0x1016: true, 0x300B: true, 0x3007: true, 0x3008: true, 0x300F: true, 0x340D: true, 0x340F: true, 0x3FDE: true, 0x3FF1: true, 0x3FF8: true, 0x3FF9: true, 0x3FFA: true, 0x3FFB: true, 0x3FFD: true,
	0x65E0: true, 0x65E1: true, 0x65E2: true, 0x65E3: true, 0x6605: true, 0x6705: true, 0x6707: true, 0x6708: true, 0x6709: true, 0x670A: true, 0x6748: true, 0x6749: true, 0x674A: true,
}
