package ewstest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Bits of PidTagMessageFlags. [MS-OXCMSG] 2.2.1.6
const (
	flagRead       = 0x1
	flagUnmodified = 0x2
	flagSubmitted  = 0x4
	flagUnsent     = 0x8
	flagAttach     = 0x10
	flagFromMe     = 0x20
	flagResend     = 0x80
)

func (v *view) flags() int64 {
	n, _ := v.props().Int(mapi.PidTagMessageFlags)
	n &^= flagAttach
	if len(v.msg.Attachments) > 0 {
		n |= flagAttach
	}
	return n
}

func messageFlag(uri string, sc scope, bit int64) field {
	return computed(uri, sc, func(v *view) any { return v.flags()&bit != 0 })
}

func (v *view) size() int64 {
	if !v.embedded() {
		return v.it.Size
	}
	n := int64(0)
	for _, p := range v.msg.Props {
		n += p.Value.Size()
	}
	return n
}

// received is the date of arrival, created that of the item.
func (v *view) received() time.Time {
	if t := v.props().Time(mapi.PidTagMessageDeliveryTime); !t.IsZero() {
		return t
	}
	return v.created()
}

func (v *view) created() time.Time {
	if v.embedded() {
		return v.props().Time(mapi.PidTagCreationTime)
	}
	return v.it.Created
}

func someTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// displayList joins the names of recipients.
func (v *view) displayList(kind int) string {
	var l []string
	for _, r := range v.msg.Recipients {
		if r.Type() == kind {
			l = append(l, or(r.Props.Text(mapi.PidTagDisplayName), address(r.Props)))
		}
	}
	return strings.Join(l, "; ")
}

// itemFields are those of every item, in the order of the schema.
// MimeContent and ItemId stand before them. [MS-OXWSCORE] 2.2.4.24
var itemFields []field

func init() {
	itemFields = []field{
		{uri: "item:MimeContent", name: "MimeContent", set: setMIME},
		computed("item:ParentFolderId", inAll, func(v *view) any {
			if v.embedded() {
				return nil
			}
			return func(v *view) error {
				v.c.w.empty("t:ParentFolderId", "Id", folderID(v.m, v.it.Folder), "ChangeKey", changeKey(1))
				return nil
			}
		}),
		text("item:ItemClass", inDefault, tagged(mapi.PidTagMessageClass)),
		subjectField(),
		choice("item:Sensitivity", inDefault, tagged(mapi.PidTagSensitivity), 0, "Normal", "Personal", "Private", "Confidential"),
		{uri: "item:Body", name: "Body", scope: inAll, get: (*view).body, set: setBody, remove: removeBody},
		{uri: "item:Attachments", name: "Attachments", scope: inAll, get: (*view).attachments, set: setAttachments},
		computed("item:DateTimeReceived", inDefault, func(v *view) any { return someTime(v.received()) }),
		computed("item:Size", inDefault, func(v *view) any { return v.size() }),
		list("item:Categories", inAll, named(mapi.PidNameKeywords)),
		choice("item:Importance", inAll, tagged(mapi.PidTagImportance), 1, "Low", "Normal", "High"),
		text("item:InReplyTo", inAll, tagged(mapi.PidTagInReplyToId)),
		messageFlag("item:IsSubmitted", inAll, flagSubmitted),
		messageFlag("item:IsDraft", inAll, flagUnsent),
		messageFlag("item:IsFromMe", inAll, flagFromMe),
		messageFlag("item:IsResend", inAll, flagResend),
		messageFlag("item:IsUnmodified", inAll, flagUnmodified),
		computed("item:InternetMessageHeaders", inAll, (*view).headers),
		date("item:DateTimeSent", inDefault, tagged(mapi.PidTagClientSubmitTime)),
		computed("item:DateTimeCreated", inDefault, func(v *view) any { return someTime(v.created()) }),
		date("item:ReminderDueBy", inAll, named(mapi.PidLidReminderTime)),
		flag("item:ReminderIsSet", inAll, named(mapi.PidLidReminderSet)),
		{
			uri: "item:ReminderMinutesBeforeStart", name: "ReminderMinutesBeforeStart", scope: inAll,
			get: func(v *view) any {
				if n, ok := v.props().NameInt(mapi.PidLidReminderDelta); ok {
					return strconv.FormatInt(n, 10)
				}
				return nil
			},
			set: integer("", never, named(mapi.PidLidReminderDelta)).set, remove: named(mapi.PidLidReminderDelta).remove,
		},
		computed("item:DisplayCc", inAll, func(v *view) any { return v.displayList(mapi.RecipientCc) }),
		computed("item:DisplayTo", inAll, func(v *view) any { return v.displayList(mapi.RecipientTo) }),
		computed("item:HasAttachments", inDefault, func(v *view) any { return len(v.msg.Attachments) > 0 }),
		{name: "ExtendedProperty", set: setExtended},
		{
			uri: "item:Culture", name: "Culture", scope: never,
			get: func(*view) any { return "en-US" }, set: func(*edit, *node) error { return nil },
		},
		computed("item:EffectiveRights", inAll, func(v *view) any {
			if v.embedded() {
				return nil
			}
			return func(v *view) error { v.c.effectiveRights(v.m, v.it.Folder, false); return nil }
		}),
		computed("item:LastModifiedName", inAll, func(v *view) any {
			return or(v.props().Text(mapi.PidTagLastModifierName), v.m.Account().Name)
		}),
		computed("item:LastModifiedTime", inAll, func(v *view) any {
			if v.embedded() {
				return someTime(v.props().Time(mapi.PidTagLastModificationTime))
			}
			return v.it.Modified
		}),
		computed("item:IsAssociated", inDefault, func(v *view) any { return !v.embedded() && v.it.Associated }),
		computed("item:ConversationId", never, func(v *view) any {
			return func(v *view) error {
				v.c.w.empty("t:ConversationId", "Id", conversationID(v))
				return nil
			}
		}),
		computed("item:UniqueBody", never, func(v *view) any { return v.bodyAs("UniqueBody", v.sh.bodyType) }),
		{uri: "item:Flag", name: "Flag", scope: inAll, get: (*view).followUp, set: setFollowUp, remove: removeFollowUp},
		computed("item:InstanceKey", never, func(v *view) any { return entryID(v.m, uint64(v.it.Place)) }),
		computed("item:NormalizedBody", never, func(v *view) any { return v.bodyAs("NormalizedBody", v.sh.bodyType) }),
		computed("item:Preview", never, func(v *view) any {
			r := []rune(strings.Join(strings.Fields(v.props().Text(mapi.PidTagBody)), " "))
			return string(r[:min(len(r), 255)])
		}),
		computed("item:TextBody", never, func(v *view) any { return v.bodyAs("TextBody", "Text") }),
	}
}

func subjectField() field {
	f := text("item:Subject", inDefault, tagged(mapi.PidTagSubject))
	set := f.set
	f.set = func(e *edit, n *node) error {
		// What was made of the former subject is wrong now.
		e.msg.Props.Delete(mapi.PidTagNormalizedSubject)
		e.msg.Props.Delete(mapi.PidTagSubjectPrefix)
		e.msg.Props.Delete(mapi.PidTagConversationTopic)
		return set(e, n)
	}
	return f
}

func conversationID(v *view) string {
	if b := v.props().Bytes(mapi.PidTagConversationIndex); len(b) >= 22 {
		return makeID(9, v.m, 0, b[6:22]...)
	}
	return makeID(9, v.m, 0, []byte(strings.ToLower(v.props().Text(mapi.PidTagConversationTopic)))...)
}

// headers are those of PidTagTransportMessageHeaders.
func (v *view) headers() any {
	block := v.props().Text(mapi.PidTagTransportMessageHeaders)
	if block == "" {
		return nil
	}
	var list [][2]string
	for _, line := range strings.Split(strings.ReplaceAll(block, "\r\n", "\n"), "\n") {
		if len(list) > 0 && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) {
			list[len(list)-1][1] += " " + strings.TrimSpace(line)
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok && name != "" {
			list = append(list, [2]string{name, strings.TrimSpace(value)})
		}
	}
	if len(list) == 0 {
		return nil
	}
	return func(v *view) error {
		v.c.w.open("t:InternetMessageHeaders")
		for _, h := range list {
			v.c.w.elem("t:InternetMessageHeader", h[1], "HeaderName", h[0])
		}
		v.c.w.close()
		return nil
	}
}

// Follow-up flags. [MS-OXOFLAG] 2.2.1
var flagStatus = []string{"NotFlagged", "Complete", "Flagged"}

func (v *view) followUp() any {
	n, _ := v.props().Int(mapi.PidTagFlagStatus)
	if n < 0 || n >= int64(len(flagStatus)) {
		n = 0
	}
	return func(v *view) error {
		w := v.c.w
		w.open("t:Flag")
		w.elem("t:FlagStatus", flagStatus[n])
		for _, d := range []struct {
			name string
			t    time.Time
			on   bool
		}{
			{"StartDate", v.props().NameTime(mapi.PidLidTaskStartDate), n == 2},
			{"DueDate", v.props().NameTime(mapi.PidLidTaskDueDate), n == 2},
			{"CompleteDate", v.props().Time(mapi.PidTagFlagCompleteTime), n == 1},
		} {
			if d.on && !d.t.IsZero() {
				w.elem("t:"+d.name, w.time(d.t))
			}
		}
		w.close()
		return nil
	}
}

func setFollowUp(e *edit, n *node) error {
	i := slices.Index(flagStatus, n.value("FlagStatus"))
	if i < 0 {
		return fail("ErrorInvalidPropertySet", "FlagStatus cannot be %q", n.value("FlagStatus"))
	}
	removeFollowUp(&e.msg.Props)
	if i == 0 {
		return nil
	}
	e.msg.Props.Set(mapi.PidTagFlagStatus, mapi.Int32Value(int32(i)))
	for name, p := range map[string]property{
		"StartDate": named(mapi.PidLidTaskStartDate), "DueDate": named(mapi.PidLidTaskDueDate), "CompleteDate": tagged(mapi.PidTagFlagCompleteTime),
	} {
		if s := n.value(name); s != "" {
			t, err := parseTime(s)
			if err != nil {
				return fail("ErrorInvalidPropertySet", "%v", err)
			}
			p.set(&e.msg.Props, mapi.TimeValue(t))
		}
	}
	return nil
}

func removeFollowUp(ps *mapi.Properties) {
	ps.Delete(mapi.PidTagFlagStatus)
	ps.Delete(mapi.PidTagFlagCompleteTime)
	ps.DeleteName(mapi.PidLidTaskStartDate)
	ps.DeleteName(mapi.PidLidTaskDueDate)
}

func setExtended(e *edit, n *node) error {
	list, err := extendedProperties(&node{kids: []*node{n}})
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.Name != nil {
			e.msg.Props.SetName(*p.Name, p.Value)
		} else {
			e.msg.Props.Set(p.Tag, p.Value)
		}
	}
	return nil
}

// value is a property of an item, those that the server computes too.
func (v *view) value(p property) (mapi.Value, bool) {
	if p.name == nil && !v.embedded() {
		switch p.tag.ID() {
		case mapi.PidTagMessageFlags.ID():
			return mapi.Int32Value(int32(v.flags())), true
		case mapi.PidTagMessageSize.ID():
			if p.tag.Type() == mapi.TypeInteger64 {
				return mapi.Int64Value(v.size()), true
			}
			return mapi.Int32Value(int32(v.size())), true
		case mapi.PidTagEntryId.ID():
			return mapi.BinaryValue(entryID(v.m, uint64(v.it.Folder), uint64(v.it.Place))), true
		case mapi.PidTagParentEntryId.ID():
			return mapi.BinaryValue(entryID(v.m, uint64(v.it.Folder))), true
		case mapi.PidTagCreationTime.ID():
			return mapi.TimeValue(v.it.Created), true
		case mapi.PidTagLastModificationTime.ID():
			return mapi.TimeValue(v.it.Modified), true
		case mapi.PidTagSourceKey.ID():
			return mapi.BinaryValue(sourceKey(v.m, uint64(v.it.Place))), true
		case mapi.PidTagChangeKey.ID():
			return mapi.BinaryValue(sourceKey(v.m, v.it.Change)), true
		case mapi.PidTagInternetArticleNumber.ID():
			return mapi.Int32Value(int32(v.it.Place)), true
		case mapi.PidTagRecordKey.ID():
			return mapi.BinaryValue(entryID(v.m, uint64(v.it.Folder), uint64(v.it.Place))), true
		case mapi.PidTagHasAttachments.ID():
			return mapi.BoolValue(len(v.msg.Attachments) > 0), true
		case mapi.PidTagSearchKey.ID():
			if b := v.props().Bytes(mapi.PidTagSearchKey); b == nil {
				return mapi.BinaryValue(sourceKey(v.m, uint64(v.it.ID))[6:]), true
			}
		case mapi.PidTagDisplayTo.ID():
			return mapi.StringValue(v.displayList(mapi.RecipientTo)), true
		case mapi.PidTagDisplayCc.ID():
			return mapi.StringValue(v.displayList(mapi.RecipientCc)), true
		case mapi.PidTagDisplayBcc.ID():
			return mapi.StringValue(v.displayList(mapi.RecipientBcc)), true
		case mapi.PidTagAssociated.ID():
			return mapi.BoolValue(v.it.Associated), true
		}
	}
	return p.get(v.props())
}

// newView shows an item.
func (c *call) newView(m *mailbox.Mailbox, it *mailbox.Item, sh shape) *view {
	return &view{c: c, m: m, it: it, msg: it.Message, sh: sh}
}
