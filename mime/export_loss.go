package mime

import (
	"strconv"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/calendar"
)

// listLosses lists the properties of the message, its recipients and its
// attachments that no header or part carries.
func (x *exporter) listLosses() {
	carried := x.itemCarries()
	x.listProps(x.m.Props, "", messageCarried, carried)
	for i, r := range x.m.Recipients {
		if carried = nil; x.item == calendarItem {
			carried = calendar.CarriedOfRecipient
		}
		x.listProps(r.Props, "recipient "+strconv.Itoa(i+1)+"/", recipientCarried, carried)
	}
	for i, a := range x.m.Attachments {
		if x.inItem(a) {
			continue
		}
		x.listProps(a.Props, "attachment "+strconv.Itoa(i+1)+"/", attachmentCarried, nil)
	}
}

func (x *exporter) listProps(ps mapi.Properties, where string, carried map[uint16]bool, item func(*mapi.Property) bool) {
	for i := range ps {
		p := &ps[i]
		if item != nil && item(p) {
			continue
		}
		if p.Name != nil {
			switch {
			case *p.Name == mapi.PidNameKeywords && p.Value.Type().IsString(), p.Name.Set == KeepSet:
				continue
			case p.Name.Set == mapi.PSInternetHeaders && p.Name.Name != "" && p.Value.Type().IsString():
				continue
			}
			x.loss(where+p.String(), mapi.LossNoHeader, "")
			continue
		}
		id := p.Tag.ID()
		switch {
		case carried[id]:
		case storeOnly[id] || id >= 0x6700 && id < 0x6800 || id >= 0x0FF0 && id < 0x1000:
			x.loss(where+p.String(), mapi.LossStoreOnly, "")
		default:
			x.loss(where+p.String(), mapi.LossNoHeader, "")
		}
	}
}

func ids(list ...mapi.Tag) map[uint16]bool {
	m := make(map[uint16]bool, len(list))
	for _, t := range list {
		m[t.ID()] = true
	}
	return m
}

// Properties that reach the mail, whole or as what they are made of.
var (
	messageCarried = ids(
		mapi.PidTagMessageClass, mapi.PidTagSubject, mapi.PidTagSubjectPrefix, mapi.PidTagNormalizedSubject,
		mapi.PidTagBody, mapi.PidTagHtml, mapi.PidTagRtfCompressed, mapi.PidTagInternetCodepage, mapi.PidTagMessageCodepage,
		mapi.PidTagClientSubmitTime, mapi.PidTagInternetMessageId, mapi.PidTagInReplyToId, mapi.PidTagInternetReferences,
		mapi.PidTagTransportMessageHeaders, mapi.PidTagConversationTopic, mapi.PidTagConversationIndex,
		mapi.PidTagImportance, mapi.PidTagPriority, mapi.PidTagSensitivity, mapi.PidTagReplyTime, mapi.PidTagExpiryTime,
		mapi.PidTagDeferredDeliveryTime, mapi.PidTagListHelp, mapi.PidTagListSubscribe, mapi.PidTagListUnsubscribe,
		mapi.PidTagAutoResponseSuppress, mapi.PidTagReadReceiptRequested, mapi.PidTagOriginatorDeliveryReportRequested,
		mapi.PidTagReplyRecipientEntries, mapi.PidTagReplyRecipientNames, mapi.PidTagDisplayTo, mapi.PidTagDisplayCc, mapi.PidTagDisplayBcc,
		mapi.PidTagHasAttachments, mapi.PidTagReportText, mapi.PidTagReportingMessageTransferAgent, tagOriginalMessageID,
		mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderSmtpAddress,
		mapi.PidTagSenderEntryId, mapi.PidTagSenderSearchKey,
		mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress,
		mapi.PidTagSentRepresentingSmtpAddress, mapi.PidTagSentRepresentingEntryId, mapi.PidTagSentRepresentingSearchKey)
	recipientCarried = ids(
		mapi.PidTagRecipientType, mapi.PidTagDisplayName, mapi.PidTagAddressType, mapi.PidTagEmailAddress, mapi.PidTagSmtpAddress,
		mapi.PidTagEntryId, mapi.PidTagSearchKey, mapi.PidTagRowid, mapi.PidTagRecipientDisplayName, mapi.PidTagRecipientEntryId,
		mapi.PidTagSupplementaryInfo, mapi.PidTagNonDeliveryReportStatusCode, mapi.PidTagRemoteMessageTransferAgent)
	attachmentCarried = ids(
		mapi.PidTagAttachMethod, mapi.PidTagAttachDataBinary, mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename,
		mapi.PidTagAttachExtension, mapi.PidTagDisplayName, mapi.PidTagAttachMimeTag, mapi.PidTagAttachContentId,
		mapi.PidTagAttachContentLocation, mapi.PidTagAttachContentBase, mapi.PidTagAttachSize, mapi.PidTagAttachNumber,
		mapi.PidTagTextAttachmentCharset, mapi.PidTagCreationTime, mapi.PidTagLastModificationTime, mapi.PidTagAttachLongPathname)
	// Identity, access and bookkeeping of the store that the message lay in.
	storeOnly = ids(
		mapi.PidTagEntryId, mapi.PidTagSearchKey, mapi.PidTagObjectType, mapi.PidTagStoreSupportMask, mapi.PidTagMessageSize,
		mapi.PidTagMessageStatus, mapi.PidTagParentEntryId, mapi.PidTagSourceKey, mapi.PidTagChangeKey,
		mapi.PidTagPredecessorChangeList, mapi.PidTagCreationTime, mapi.PidTagLastModificationTime, mapi.PidTagLocalCommitTime,
		mapi.PidTagCreatorName, mapi.PidTagCreatorEntryId, mapi.PidTagLastModifierName, mapi.PidTagLastModifierEntryId,
		mapi.PidTagRowid, mapi.PidTagStoreEntryId, mapi.PidTagMappingSignature, mapi.PidTagRecordKey, mapi.PidTagAccess,
		mapi.PidTagAccessLevel, mapi.PidTagRtfInSync, mapi.PidTagNativeBody)
)
