package calendar

import (
	"strconv"

	"github.com/mailconv/mailconv/mapi"
)

// listLosses lists the properties that no line carries.
func (x *exporter) listLosses(m *mapi.Message) {
	name := componentOf(m)
	x.listProps(m.Props, "", name, carriedTags)
	for i, r := range m.Recipients {
		x.listProps(r.Props, "recipient "+strconv.Itoa(i+1)+"/", name, carriedOfRecipient)
	}
	for i, a := range m.Attachments {
		if isException(a) {
			continue
		}
		x.listProps(a.Props, "attachment "+strconv.Itoa(i+1)+"/", name, carriedOfAttachment)
	}
}

func (x *exporter) listProps(ps mapi.Properties, where, component string, carried map[uint16]bool) {
	for i := range ps {
		p := &ps[i]
		if Carried(component, p) || p.Name == nil && carried[p.Tag.ID()] {
			continue
		}
		reason := mapi.LossNoHeader
		if id := p.Tag.ID(); p.Name == nil && (storeOnly[id] || id >= 0x6600 && id < 0x6900 || id >= 0x0FF0 && id < 0x1000) {
			reason = mapi.LossStoreOnly
		}
		x.loss(where+p.String(), reason, "")
	}
}

// Carried reports whether a property of a message has a form in a component
// (VEVENT, VTODO, VJOURNAL) and comes back from it.
func Carried(component string, p *mapi.Property) bool {
	if p.Name == nil {
		id := p.Tag.ID()
		if carriedTags[id] {
			return true
		}
		for _, set := range fieldsOf(component) {
			for i := range set {
				if set[i].tag != 0 && set[i].tag.ID() == id {
					return true
				}
			}
		}
		return false
	}
	if p.Name.Set == KeepSet || carriedNames[component][*p.Name] {
		return true
	}
	for _, set := range fieldsOf(component) {
		for i := range set {
			if set[i].tag == 0 && set[i].name == *p.Name {
				return true
			}
		}
	}
	return *p.Name == mapi.PidNameKeywords && p.Value.Type().IsString()
}

// CarriedOfRecipient is [Carried] for the properties of a recipient.
func CarriedOfRecipient(p *mapi.Property) bool {
	return p.Name == nil && carriedOfRecipient[p.Tag.ID()]
}

func tags(list ...mapi.Tag) map[uint16]bool {
	m := make(map[uint16]bool, len(list))
	for _, t := range list {
		m[t.ID()] = true
	}
	return m
}

func names(list ...mapi.Name) map[mapi.Name]bool {
	m := make(map[mapi.Name]bool, len(list))
	for _, n := range list {
		m[n] = true
	}
	return m
}

var (
	carriedNames = map[string]map[mapi.Name]bool{
		"VEVENT": names(
			mapi.PidLidAppointmentStartWhole, mapi.PidLidAppointmentEndWhole, mapi.PidLidCommonStart, mapi.PidLidCommonEnd,
			mapi.PidLidAppointmentDuration, mapi.PidLidAppointmentSubType, mapi.PidLidAppointmentRecur, mapi.PidLidRecurring,
			mapi.PidLidAppointmentTimeZoneDefinitionRecur, mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay, mapi.PidLidAppointmentTimeZoneDefinitionEndDisplay,
			mapi.PidLidTimeZoneStruct, mapi.PidLidGlobalObjectId, mapi.PidLidCleanGlobalObjectId, mapi.PidLidAppointmentSequence,
			mapi.PidLidBusyStatus, mapi.PidLidIntendedBusyStatus, mapi.PidLidReminderSet, mapi.PidLidReminderDelta,
			mapi.PidLidReminderTime, mapi.PidLidExceptionReplaceTime, mapi.PidLidAppointmentCounterProposal,
			mapi.PidLidAppointmentProposedStartWhole, mapi.PidLidAppointmentProposedEndWhole, mapi.PidLidAppointmentProposedDuration,
			mapi.PidLidSingleBodyICal,
			mapi.PidLidClipStart, mapi.PidLidClipEnd, mapi.PidLidRecurrenceType, mapi.PidLidIsRecurring, mapi.PidLidIsException, mapi.PidLidPrivate),
		"VTODO": names(
			mapi.PidLidTaskStartDate, mapi.PidLidTaskDueDate, mapi.PidLidTaskDateCompleted, mapi.PidLidTaskStatus, mapi.PidLidTaskComplete,
			mapi.PidLidPercentComplete, mapi.PidLidTaskRecurrence, mapi.PidLidTaskFRecurring, mapi.PidLidCommonStart, mapi.PidLidCommonEnd,
			mapi.PidLidReminderSet, mapi.PidLidReminderTime, mapi.PidLidPrivate),
		"VJOURNAL": names(mapi.PidLidLogStart, mapi.PidLidCommonStart, mapi.PidLidCommonEnd, mapi.PidLidPrivate),
	}
	carriedTags = tags(
		mapi.PidTagMessageClass, mapi.PidTagSubject, mapi.PidTagNormalizedSubject, mapi.PidTagSubjectPrefix, mapi.PidTagBody, mapi.PidTagHtml,
		mapi.PidTagSensitivity, mapi.PidTagImportance, mapi.PidTagStartDate, mapi.PidTagEndDate,
		mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingSmtpAddress,
		mapi.PidTagSenderName, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderAddressType, mapi.PidTagSenderSmtpAddress,
		mapi.PidTagSenderEntryId, mapi.PidTagSenderSearchKey, mapi.PidTagSentRepresentingEntryId, mapi.PidTagSentRepresentingSearchKey,
		mapi.PidTagHasAttachments, mapi.PidTagDisplayTo, mapi.PidTagDisplayCc, mapi.PidTagDisplayBcc, mapi.PidTagInternetCodepage,
		mapi.PidTagResponseRequested)
	carriedOfRecipient = tags(
		mapi.PidTagRecipientType, mapi.PidTagDisplayName, mapi.PidTagEmailAddress, mapi.PidTagAddressType, mapi.PidTagSmtpAddress,
		mapi.PidTagRecipientTrackStatus, mapi.PidTagResponseRequested, mapi.PidTagRowid, mapi.PidTagEntryId, mapi.PidTagSearchKey,
		mapi.PidTagRecipientDisplayName, mapi.PidTagRecipientEntryId, mapi.PidTagRecipientFlags)
	carriedOfAttachment = tags(
		mapi.PidTagAttachDataBinary, mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename, mapi.PidTagAttachExtension, mapi.PidTagDisplayName,
		mapi.PidTagAttachMimeTag, mapi.PidTagAttachMethod, mapi.PidTagAttachLongPathname, mapi.PidTagAttachNumber, mapi.PidTagAttachSize)
	storeOnly = tags(
		mapi.PidTagEntryId, mapi.PidTagSearchKey, mapi.PidTagObjectType, mapi.PidTagStoreSupportMask, mapi.PidTagMessageSize, mapi.PidTagMessageStatus,
		mapi.PidTagParentEntryId, mapi.PidTagSourceKey, mapi.PidTagChangeKey, mapi.PidTagPredecessorChangeList, mapi.PidTagLocalCommitTime,
		mapi.PidTagRowid, mapi.PidTagStoreEntryId, mapi.PidTagMappingSignature, mapi.PidTagRecordKey, mapi.PidTagAccess, mapi.PidTagAccessLevel,
		mapi.PidTagRtfInSync, mapi.PidTagNativeBody, mapi.PidTagMessageFlags)
)
