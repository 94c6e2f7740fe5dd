package mime

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// shownName is what stands for a person where a name is asked for.
func shownName(a header.Address) string {
	if a.Name != "" {
		return a.Name
	}
	return a.Addr
}

// Values that never change are made once.
var (
	valueSMTP     = mapi.StringValue("SMTP")
	valueFalse    = mapi.BoolValue(false)
	valueZero     = mapi.Int32Value(0)
	valueMailUser = mapi.Int32Value(6) // [MS-OXOABK] 2.2.3.10
)

// set writes the properties of a person. [MS-OXCMAIL] 2.2.3.1
func (t *personTags) set(ps *mapi.Properties, a header.Address) {
	ps.Set(t.name, mapi.StringValue(shownName(a)))
	if a.Addr == "" {
		return
	}
	addr := mapi.StringValue(a.Addr)
	ps.Set(t.typ, valueSMTP)
	ps.Set(t.addr, addr)
	ps.Set(t.smtp, addr)
	ps.Set(t.entryID, mapi.BinaryValue(oneOffEntryID(shownName(a), a.Addr)))
	ps.Set(t.searchKey, mapi.BinaryValue(searchKey(a.Addr)))
}

// maxRecipients bounds the recipients of a mail.
const maxRecipients = 20000

// mailboxes resolves groups into their members. A group without members is a
// recipient by name only where it is the name of somebody: the usual
// "undisclosed-recipients:;" stays in the header alone.
func mailboxes(list []header.Address) []header.Address {
	out := make([]header.Address, 0, len(list))
	for _, a := range list {
		if a.Group {
			out = append(out, a.Members...)
			continue
		}
		out = append(out, a)
	}
	return out
}

// recipients adds the addresses of a field. [MS-OXCMAIL] 2.2.3.1.5
func (im *importer) recipients(list []header.Address, kind int) {
	for _, a := range mailboxes(list) {
		if len(im.m.Recipients) >= maxRecipients {
			im.loss("recipients", mapi.LossTooLarge, "more recipients than a message is given; the rest is in the transport headers")
			im.problem(mapi.Problem{Severe: true, Offset: -1, Field: "recipients", Detail: fmt.Sprintf("more than %d", maxRecipients)})
			return
		}
		if r := newRecipient(a, kind, len(im.m.Recipients)); r != nil {
			im.m.Recipients = append(im.m.Recipients, r)
		}
	}
}

func newRecipient(a header.Address, kind, row int) *mapi.Recipient {
	if a.Name == "" && a.Addr == "" {
		return nil
	}
	name := mapi.StringValue(shownName(a))
	ps := make(mapi.Properties, 0, 11)
	add := func(tag mapi.Tag, v mapi.Value) { ps = append(ps, mapi.Property{Tag: tag, Value: v}) }
	add(mapi.PidTagRowid, mapi.Int32Value(int32(row)))
	add(mapi.PidTagRecipientType, mapi.Int32Value(int32(kind)))
	add(mapi.PidTagDisplayName, name)
	add(mapi.PidTagObjectType, valueMailUser)
	add(mapi.PidTagDisplayType, valueZero)
	add(mapi.PidTagSendRichInfo, valueFalse)
	if a.Addr != "" {
		addr := mapi.StringValue(a.Addr)
		add(mapi.PidTagAddressType, valueSMTP)
		add(mapi.PidTagEmailAddress, addr)
		add(mapi.PidTagSmtpAddress, addr)
		add(mapi.PidTagEntryId, mapi.BinaryValue(oneOffEntryID(shownName(a), a.Addr)))
		add(mapi.PidTagSearchKey, mapi.BinaryValue(searchKey(a.Addr)))
	}
	return &mapi.Recipient{Props: ps}
}

// displayLists sets PidTagDisplayTo, Cc and Bcc, which a store computes.
// [MS-OXCMSG] 2.2.1.36
func (im *importer) displayLists() {
	for kind, tag := range map[int]mapi.Tag{mapi.RecipientTo: mapi.PidTagDisplayTo, mapi.RecipientCc: mapi.PidTagDisplayCc, mapi.RecipientBcc: mapi.PidTagDisplayBcc} {
		if _, ok := im.m.Props.Get(tag); ok {
			continue
		}
		var names []string
		for _, r := range im.m.Recipients {
			if r.Type() == kind {
				names = append(names, r.Props.Text(mapi.PidTagDisplayName))
			}
		}
		im.m.Props.Set(tag, mapi.StringValue(strings.Join(names, "; ")))
	}
}

// replyTo sets the list of those who get a reply. [MS-OXCMAIL] 2.2.3.1.2,
// [MS-OXCDATA] 2.3.3 (FlatEntryList)
func (im *importer) replyTo(list []header.Address) {
	var entries []byte
	var names []string
	count := 0
	for _, a := range mailboxes(list) {
		if a.Addr == "" || count == maxRecipients {
			continue
		}
		id := oneOffEntryID(shownName(a), a.Addr)
		entries = binary.LittleEndian.AppendUint32(entries, uint32(len(id)))
		entries = append(entries, id...)
		for len(entries)%4 != 0 {
			entries = append(entries, 0)
		}
		names = append(names, strings.ReplaceAll(shownName(a), ";", ","))
		count++
	}
	if count == 0 {
		return
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(count))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(entries)))
	im.m.Props.Set(mapi.PidTagReplyRecipientEntries, mapi.BinaryValue(append(b, entries...)))
	im.text(mapi.PidTagReplyRecipientNames, strings.Join(names, ";"))
}
