package ewstest

import (
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// Properties of a person by the role that he has. [MS-OXOMSG] 2.2.1
type person struct{ name, kind, email, smtp mapi.Tag }

var (
	sender  = person{mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderSmtpAddress}
	from    = person{mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingSmtpAddress}
	receive = person{mapi.PidTagReceivedByName, mapi.PidTagReceivedByAddressType, mapi.PidTagReceivedByEmailAddress, mapi.PidTagReceivedBySmtpAddress}
)

// address is the best address of a recipient row.
func address(ps mapi.Properties) string {
	return or(ps.Text(mapi.PidTagSmtpAddress), ps.Text(mapi.PidTagEmailAddress))
}

func (v *view) mailbox(name, email, kind string) {
	w := v.c.w
	w.open("t:Mailbox")
	if name != "" {
		w.elem("t:Name", name)
	}
	if email != "" {
		w.elem("t:EmailAddress", email)
		w.elem("t:RoutingType", or(kind, "SMTP"))
	}
	w.close()
}

// one is a field of a single person.
func one(uri string, sc scope, p person) field {
	return field{
		uri: uri, name: element(uri), scope: sc,
		get: func(v *view) any {
			ps := v.props()
			name, smtp, email, kind := ps.Text(p.name), ps.Text(p.smtp), ps.Text(p.email), ps.Text(p.kind)
			if smtp != "" {
				email, kind = smtp, "SMTP"
			}
			if name == "" && email == "" {
				return nil
			}
			return func(v *view) error {
				v.c.w.open("t:" + element(uri))
				v.mailbox(name, email, kind)
				v.c.w.close()
				return nil
			}
		},
		set: func(e *edit, n *node) error {
			m := n.child("Mailbox")
			email := words(m.value("EmailAddress"))
			e.msg.Props.Set(p.name, mapi.StringValue(or(m.value("Name"), email)))
			e.msg.Props.Set(p.kind, mapi.StringValue(or(m.value("RoutingType"), "SMTP")))
			e.msg.Props.Set(p.email, mapi.StringValue(email))
			e.msg.Props.Set(p.smtp, mapi.StringValue(email))
			return nil
		},
		remove: func(ps *mapi.Properties) {
			for _, t := range []mapi.Tag{p.name, p.kind, p.email, p.smtp} {
				ps.Delete(t)
			}
		},
	}
}

// recipient makes a row of the recipient table. [MS-OXCMSG] 2.2.3.1.2
func recipient(m *node, kind int) *mapi.Recipient {
	email := words(m.value("EmailAddress"))
	name := or(m.value("Name"), email)
	r := &mapi.Recipient{}
	r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(int32(kind)))
	r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
	r.Props.Set(mapi.PidTagAddressType, mapi.StringValue(or(m.value("RoutingType"), "SMTP")))
	r.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue(email))
	r.Props.Set(mapi.PidTagSmtpAddress, mapi.StringValue(email))
	r.Props.Set(mapi.PidTagObjectType, mapi.Int32Value(6))
	r.Props.Set(mapi.PidTagDisplayType, mapi.Int32Value(0))
	return r
}

// many is a field of recipients of one kind; entry is what holds a Mailbox.
func many(uri string, sc scope, kind int, attendee bool) field {
	return field{
		uri: uri, name: element(uri), scope: sc,
		get: func(v *view) any {
			var rows []*mapi.Recipient
			for _, r := range v.msg.Recipients {
				if r.Type() == kind {
					rows = append(rows, r)
				}
			}
			if len(rows) == 0 {
				return nil
			}
			return func(v *view) error {
				w := v.c.w
				w.open("t:" + element(uri))
				for _, r := range rows {
					if attendee {
						w.open("t:Attendee")
					}
					email, kind := r.Props.Text(mapi.PidTagSmtpAddress), "SMTP"
					if email == "" {
						email, kind = r.Props.Text(mapi.PidTagEmailAddress), r.Props.Text(mapi.PidTagAddressType)
					}
					v.mailbox(r.Props.Text(mapi.PidTagDisplayName), email, kind)
					if attendee {
						n, _ := r.Props.Int(mapi.PidTagRecipientTrackStatus)
						w.elem("t:ResponseType", responseTypes[max(0, min(n, int64(len(responseTypes)-1)))])
						w.close()
					}
				}
				w.close()
				return nil
			}
		},
		set: func(e *edit, n *node) error {
			e.msg.Recipients = slices.DeleteFunc(e.msg.Recipients, func(r *mapi.Recipient) bool { return r.Type() == kind })
			for _, k := range n.kids {
				if attendee {
					k = k.child("Mailbox")
				}
				if k != nil {
					e.msg.Recipients = append(e.msg.Recipients, recipient(k, kind))
				}
			}
			return nil
		},
	}
}

// responseTypes by the value of PidTagRecipientTrackStatus and
// PidLidResponseStatus. [MS-OXOCAL] 2.2.1.11
var responseTypes = []string{"Unknown", "Organizer", "Tentative", "Accept", "Decline", "NoResponseReceived"}

var isRead = field{
	uri: "message:IsRead", name: "IsRead", scope: inDefault,
	get: func(v *view) any { return v.flags()&flagRead != 0 },
	set: func(e *edit, n *node) error {
		on := boolean(words(n.text))
		e.read = &on
		return nil
	},
}

// replyTo is in two properties: entry identifiers and names. The names are what
// is shown here. [MS-OXOMSG] 2.2.1.44
var replyTo = field{
	uri: "message:ReplyTo", name: "ReplyTo", scope: inAll,
	get: func(v *view) any {
		names := strings.Split(v.props().Text(mapi.PidTagReplyRecipientNames), ";")
		names = slices.DeleteFunc(names, func(s string) bool { return strings.TrimSpace(s) == "" })
		if len(names) == 0 {
			return nil
		}
		return func(v *view) error {
			v.c.w.open("t:ReplyTo")
			for _, n := range names {
				n = strings.TrimSpace(n)
				email := ""
				if strings.Contains(n, "@") {
					email = n
				}
				v.mailbox(n, email, "SMTP")
			}
			v.c.w.close()
			return nil
		}
	},
	set: func(e *edit, n *node) error {
		var names []string
		for _, k := range n.kids {
			names = append(names, or(k.value("Name"), k.value("EmailAddress")))
		}
		e.msg.Props.Set(mapi.PidTagReplyRecipientNames, mapi.StringValue(strings.Join(names, ";")))
		return nil
	},
}

var conversationIndex = field{
	uri: "message:ConversationIndex", name: "ConversationIndex", scope: inAll,
	get: func(v *view) any {
		if b := v.props().Bytes(mapi.PidTagConversationIndex); b != nil {
			return b
		}
		return nil
	},
}

// messageFields are those of a MessageType after those of an item.
// [MS-OXWSMSG] 2.2.4.1
var messageFields = []field{
	one("message:Sender", inDefault, sender),
	many("message:ToRecipients", inAll, mapi.RecipientTo, false),
	many("message:CcRecipients", inAll, mapi.RecipientCc, false),
	many("message:BccRecipients", inAll, mapi.RecipientBcc, false),
	flag("message:IsReadReceiptRequested", inAll, tagged(mapi.PidTagReadReceiptRequested)),
	flag("message:IsDeliveryReceiptRequested", inAll, tagged(mapi.PidTagOriginatorDeliveryReportRequested)),
	conversationIndex,
	text("message:ConversationTopic", inAll, tagged(mapi.PidTagConversationTopic)),
	one("message:From", inDefault, from),
	text("message:InternetMessageId", inAll, tagged(mapi.PidTagInternetMessageId)),
	isRead,
	flag("message:IsResponseRequested", inAll, tagged(mapi.PidTagResponseRequested)),
	text("message:References", inAll, tagged(mapi.PidTagInternetReferences)),
	replyTo,
	one("message:ReceivedBy", inAll, receive),
}

// postFields are those of a PostItemType. [MS-OXWSPOST] 2.2.4.1
var postFields = []field{
	conversationIndex,
	text("message:ConversationTopic", inAll, tagged(mapi.PidTagConversationTopic)),
	one("message:From", inDefault, from),
	text("message:InternetMessageId", inAll, tagged(mapi.PidTagInternetMessageId)),
	isRead,
	date("postitem:PostedTime", inAll, tagged(mapi.PidTagClientSubmitTime)),
	text("message:References", inAll, tagged(mapi.PidTagInternetReferences)),
	one("message:Sender", inDefault, sender),
}
