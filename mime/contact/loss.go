package contact

import (
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// carried are the properties that reach the card, or are made again of what
// does.
var carried = func() map[prop]bool {
	m := map[prop]bool{}
	add := func(list ...prop) {
		for _, p := range list {
			if p.tag != 0 {
				p.tag = p.tag.WithType(0)
			}
			m[p] = true
		}
	}
	for _, f := range textFields {
		add(f.prop)
	}
	for _, p := range phones {
		add(p.prop)
	}
	for _, e := range emails {
		add(e.addr, e.typ, e.shown, e.original, e.entryID)
	}
	for _, a := range append(addresses[:len(addresses):len(addresses)], mailing) {
		add(a.parts[:]...)
		add(a.label, a.country)
	}
	for _, e := range extras {
		add(e.prop)
	}
	for _, f := range faxes {
		add(f.typ, f.entryID)
	}
	add(userFields[:]...)
	add(nameProps[:]...)
	for _, t := range []mapi.Tag{
		mapi.PidTagMessageClass, mapi.PidTagDisplayName, mapi.PidTagSubject, mapi.PidTagSubjectPrefix, mapi.PidTagNormalizedSubject,
		mapi.PidTagConversationTopic, mapi.PidTagCompanyName, mapi.PidTagDepartmentName, mapi.PidTagBusinessHomePage,
		mapi.PidTagPersonalHomePage, mapi.PidTagFtpSite, mapi.PidTagBirthday, mapi.PidTagWeddingAnniversary, mapi.PidTagSpouseName,
		mapi.PidTagAssistant, mapi.PidTagChildrensNames, mapi.PidTagGender, mapi.PidTagUserX509Certificate, mapi.PidTagSensitivity,
		mapi.PidTagLastModificationTime, mapi.PidTagBody, mapi.PidTagIconIndex, mapi.PidTagHasAttachments,
	} {
		add(tag(t))
	}
	for _, n := range []mapi.Name{
		mapi.PidLidInstantMessagingAddress, mapi.PidLidPostalAddressId, mapi.PidLidBirthdayLocal, mapi.PidLidWeddingAnniversaryLocal,
		mapi.PidLidBusinessCardCardPicture, mapi.PidLidFileUnder, mapi.PidLidFileUnderId, mapi.PidLidHtml, mapi.PidLidHasPicture,
		mapi.PidLidPrivate, mapi.PidNameKeywords, mapi.PidLidAddressBookProviderEmailList, mapi.PidLidAddressBookProviderArrayType,
		mapi.PidLidDistributionListName, mapi.PidLidDistributionListMembers, mapi.PidLidDistributionListOneOffMembers,
		mapi.PidLidDistributionListChecksum, mapi.PidLidDistributionListStream,
		NameVersion, NameLines, NameHeads,
	} {
		add(named(n))
	}
	return m
}()

// Carried reports whether a property of a contact or list reaches the card, or
// is made again of what does.
func Carried(p *mapi.Property) bool {
	k := prop{tag: p.Tag.WithType(0)}
	if p.Name != nil {
		k = named(*p.Name)
	}
	return carried[k] && (k.name != mapi.PidNameKeywords || p.Value.Type().IsString())
}

// Inside reports whether an attachment of a contact is in the card: the photo,
// and content of lines that were kept.
func Inside(a *mapi.Attachment) bool {
	return isPhoto(a) || a.Data() != nil && (a.Props.NameText(NameDataLine) != "" || a.Props.NameText(NameTextLine) != "")
}

// storeOnly are properties for the store, for the program that shows the item,
// or about a delivery that never was.
var storeOnly = func() map[prop]bool {
	m := map[prop]bool{}
	for _, t := range []mapi.Tag{
		mapi.PidTagEntryId, mapi.PidTagSearchKey, mapi.PidTagObjectType, mapi.PidTagStoreSupportMask, mapi.PidTagMessageSize,
		mapi.PidTagMessageStatus, mapi.PidTagParentEntryId, mapi.PidTagSourceKey, mapi.PidTagChangeKey, mapi.PidTagPredecessorChangeList,
		mapi.PidTagCreationTime, mapi.PidTagLocalCommitTime, mapi.PidTagCreatorName, mapi.PidTagCreatorEntryId,
		mapi.PidTagLastModifierName, mapi.PidTagLastModifierEntryId, mapi.PidTagRowid, mapi.PidTagStoreEntryId,
		mapi.PidTagMappingSignature, mapi.PidTagRecordKey, mapi.PidTagAccess, mapi.PidTagAccessLevel, mapi.PidTagRtfInSync,
		mapi.PidTagNativeBody, mapi.PidTagMessageFlags, mapi.PidTagMessageCodepage, mapi.PidTagInternetCodepage,
		mapi.PidTagMessageLocaleId, mapi.PidTagAttributeHidden, mapi.PidTagAlternateRecipientAllowed, mapi.PidTagConversationIndex,
		mapi.PidTagDeleteAfterSubmit, mapi.PidTagOriginatorDeliveryReportRequested, mapi.PidTagReadReceiptRequested,
		mapi.PidTagDisplayTo, mapi.PidTagDisplayCc, mapi.PidTagDisplayBcc, mapi.PidTagPriority, mapi.PidTagTrustSender,
	} {
		m[tag(t.WithType(0))] = true
	}
	for _, n := range []mapi.Name{
		mapi.PidLidSideEffects, mapi.PidLidCurrentVersion, mapi.PidLidCurrentVersionName, mapi.PidLidAgingDontAgeMe,
		mapi.PidLidTaskMode, mapi.PidLidValidFlagStringProof, mapi.PidLidInternetAccountName, mapi.PidLidInternetAccountStamp,
		mapi.PidLidReferenceEntryId, mapi.PidLidBirthdayEventEntryId, mapi.PidLidAnniversaryEventEntryId,
		{Set: mapi.PSETIDAddress, ID: 0x8027}, // dispidEmailList
	} {
		m[named(n)] = true
	}
	return m
}()

// listLosses lists what the card does not say. Empty values are not told.
func (x *exporter) listLosses() {
	for i := range x.m.Props {
		p := &x.m.Props[i]
		k := prop{tag: p.Tag.WithType(0)}
		if p.Name != nil {
			k = named(*p.Name)
		}
		if Carried(p) || nothing(p.Value) {
			continue
		}
		id := p.Tag.ID()
		switch {
		case storeOnly[k], p.Name == nil && (id >= 0x6700 && id < 0x6800 || id >= 0x0FF0 && id < 0x1000):
			x.g.loss(p.String(), mapi.LossStoreOnly, "")
		case p.Name == nil && (p.Tag == mapi.PidTagRtfCompressed || p.Tag == mapi.PidTagHtml):
			x.g.loss(p.String(), mapi.LossApproximated, "the note has no formatting")
		default:
			x.g.loss(p.String(), mapi.LossNoHeader, "")
		}
	}
	for i := range x.m.Recipients {
		x.g.loss("recipient "+strconv.Itoa(i+1), mapi.LossNoContainer, "")
	}
	photo := false
	for i, a := range x.m.Attachments {
		switch {
		case isPhoto(a) && !photo:
			photo = true
		case a.Data() != nil && (a.Props.NameText(NameDataLine) != "" || a.Props.NameText(NameTextLine) != "") && !isPhoto(a):
		default:
			x.g.loss("attachment "+strconv.Itoa(i+1), mapi.LossNoContainer, a.Props.Text(mapi.PidTagAttachLongFilename))
		}
	}
}

// nothing reports whether a value says nothing: empty, zero, false.
func nothing(v mapi.Value) bool {
	switch t := v.Type(); {
	case v.Size() == 0:
		return true
	case t.IsString() && !t.Multi():
		return v.Size() <= 2 && v.Text() == ""
	case t.IsString():
		return v.Size() <= 1024 && strings.Join(v.Texts(), "") == ""
	}
	n, ok := v.Int()
	return ok && n == 0
}
