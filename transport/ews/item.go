package ews

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// PidTagSearchKey survives moves.
const pidTagSearchKey = mapi.Tag(0x300B0102)

// What a listing asks for, beside the identifier. Read state is asked for as a
// field too, as some servers know it from there alone.
var (
	metaFields = []string{"item:ItemClass", "item:Subject", "item:Size", "item:Categories"}
	// of messages; other items have no such field
	messageFields = []string{"message:IsRead", "message:InternetMessageId"}
	metaProps     = []field{
		{tag: mapi.PidTagMessageFlags},
		{tag: mapi.PidTagMessageDeliveryTime},
		{tag: mapi.PidTagClientSubmitTime},
		{tag: mapi.PidTagLastVerbExecuted},
		{tag: mapi.PidTagFlagStatus},
		{tag: pidTagSearchKey},
		{tag: mapi.NewTag(0, mapi.TypeString), name: &itemprops.NameToken},
	}
)

// writeMetaShape writes the shape of a listing.
func writeMetaShape(w *soap.Writer) {
	w.Start("m:ItemShape").Element("t:BaseShape", "IdOnly").Start("t:AdditionalProperties")
	writeMetaFields(w)
	w.End().End()
}

func writeMetaFields(w *soap.Writer) {
	for _, f := range metaFields {
		w.Empty("t:FieldURI", "FieldURI", f)
	}
	for _, f := range messageFields {
		w.Empty("t:FieldURI", "FieldURI", f)
	}
	for _, f := range metaProps {
		f.write(w)
	}
}

// An item is what a reply says of one.
type item struct {
	id, changeKey string
	kind          string // Message, CalendarItem, ...
	size          int64
	read          *bool
	props         mapi.Properties
	attachments   []attachmentRef
}

// readItem reads an item. mime is called for its MIME content, where there is
// some; without it that is passed over.
func readItem(s *soap.Scanner, mime func(s *soap.Scanner) error) (item, error) {
	it := item{kind: s.Name(), size: -1}
	for depth := s.Depth(); s.Child(depth); {
		switch s.Name() {
		case "ItemId":
			it.id, it.changeKey = s.Attr("Id"), s.Attr("ChangeKey")
		case "MimeContent":
			if mime != nil {
				if err := mime(s); err != nil {
					return it, err
				}
			}
		case "ItemClass":
			it.props.Set(mapi.PidTagMessageClass, mapi.StringValue(s.Text()))
		case "Subject":
			it.props.Set(mapi.PidTagSubject, mapi.StringValue(s.Text()))
		case "InternetMessageId":
			it.props.Set(mapi.PidTagInternetMessageId, mapi.StringValue(s.Text()))
		case "Size":
			if n, err := strconv.ParseInt(strings.TrimSpace(s.Text()), 10, 64); err == nil && n >= 0 {
				it.size = n
			}
		case "Body":
			it.props.Set(mapi.PidTagBody, mapi.StringValue(s.Text()))
		case "IsRead":
			read := s.Text() == "true"
			it.read = &read
		case "Categories":
			var list []string
			for depth := s.Depth(); s.Child(depth); {
				list = append(list, s.Text())
			}
			if len(list) > 0 {
				it.props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(list))
			}
		case "Attachments":
			it.attachments = readAttachmentRefs(s)
		case "ExtendedProperty":
			if p, ok := readProperty(s); ok {
				if p.Name != nil {
					it.props.SetName(*p.Name, p.Value)
				} else {
					it.props.Set(p.Tag, p.Value)
				}
			}
		}
	}
	return it, s.Err()
}

// meta is the item as a listing shows it.
func (it item) meta() transport.Meta {
	m := itemprops.Meta(it.props)
	m.Key, m.Size = transport.Key(it.id), it.size
	if it.read != nil {
		m.Flags &^= transport.Seen
		if *it.read {
			m.Flags |= transport.Seen
		}
	}
	if v, ok := it.props.Get(pidTagSearchKey); ok && len(v.Raw()) > 0 {
		m.ObjectID = hex.EncodeToString(v.Raw())
	}
	m.Token = it.props.NameText(itemprops.NameToken)
	return m
}

// writeItemIDs writes <m:ItemIds>.
func writeItemIDs(w *soap.Writer, keys []transport.Key) {
	w.Start("m:ItemIds")
	for _, k := range keys {
		w.Empty("t:ItemId", "Id", string(k))
	}
	w.End()
}

// itemElement is the element that makes an item of a class.
func itemElement(class string) string {
	c := strings.ToUpper(class)
	for _, e := range []struct{ class, element string }{
		{"IPM.APPOINTMENT", "CalendarItem"}, {"IPM.CONTACT", "Contact"}, {"IPM.DISTLIST", "DistributionList"}, {"IPM.TASK", "Task"},
	} {
		if c == e.class || strings.HasPrefix(c, e.class+".") {
			return e.element
		}
	}
	return "Message"
}

// isMail reports whether an item of a class is mail, which MIME can say; others
// are objects by their nature.
func isMail(class string) bool {
	c := strings.ToUpper(class)
	for _, p := range []string{"IPM.APPOINTMENT", "IPM.CONTACT", "IPM.DISTLIST", "IPM.TASK", "IPM.STICKYNOTE", "IPM.ACTIVITY"} {
		if c == p || strings.HasPrefix(c, p+".") {
			return false
		}
	}
	return true
}

// errNoID says that a server reported success and told no identifier.
func errNoID(r request) error {
	return fail(transport.Temporary, r, fmt.Errorf("the reply to %s names no item", r.name))
}
