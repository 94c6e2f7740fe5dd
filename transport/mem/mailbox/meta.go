package mailbox

import (
	"slices"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// Values of properties that say what flags say. [MS-OXCMSG] 2.2.1.6,
// [MS-OXOMSG] 2.2.1.6, [MS-OXOFLAG] 2.2.1.1
const (
	messageUnsent   = 0x8
	verbReply       = 102
	verbReplyAll    = 103
	verbForward     = 104
	iconReplied     = 261
	iconForwarded   = 262
	followupFlagged = 2
)

// Flags reads the flags of an item from its properties.
func Flags(ps mapi.Properties) (f transport.Flags) {
	n, _ := ps.Int(mapi.PidTagMessageFlags)
	if n&messageRead != 0 {
		f |= transport.Seen
	}
	if n&messageUnsent != 0 {
		f |= transport.Draft
	}
	switch n, _ := ps.Int(mapi.PidTagLastVerbExecuted); n {
	case verbReply, verbReplyAll:
		f |= transport.Answered
	case verbForward:
		f |= transport.Forwarded
	}
	if n, _ := ps.Int(mapi.PidTagFlagStatus); n == followupFlagged {
		f |= transport.Flagged
	}
	return f
}

// Keywords reads the categories of an item.
func Keywords(ps mapi.Properties) []string {
	v, ok := ps.GetName(mapi.PidNameKeywords)
	if !ok {
		return nil
	}
	return v.Texts()
}

// setFlags changes properties so that [Flags] gives f. It tells what no
// property says.
func setFlags(ps *mapi.Properties, f transport.Flags) (losses []mapi.Loss) {
	was := Flags(*ps)
	if d := was ^ f; d&(transport.Seen|transport.Draft) != 0 {
		n, _ := ps.Int(mapi.PidTagMessageFlags)
		n &^= messageRead | messageUnsent
		if f.Has(transport.Seen) {
			n |= messageRead
		}
		if f.Has(transport.Draft) {
			n |= messageUnsent
		}
		ps.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(n)))
	}
	if was&(transport.Answered|transport.Forwarded) != f&(transport.Answered|transport.Forwarded) {
		switch {
		case f.Has(transport.Answered):
			ps.Set(mapi.PidTagLastVerbExecuted, mapi.Int32Value(verbReply))
			ps.Set(mapi.PidTagIconIndex, mapi.Int32Value(iconReplied))
		case f.Has(transport.Forwarded):
			ps.Set(mapi.PidTagLastVerbExecuted, mapi.Int32Value(verbForward))
			ps.Set(mapi.PidTagIconIndex, mapi.Int32Value(iconForwarded))
		default:
			ps.Delete(mapi.PidTagLastVerbExecuted)
			ps.Delete(mapi.PidTagIconIndex)
		}
	}
	if (was^f)&transport.Flagged != 0 {
		if f.Has(transport.Flagged) {
			ps.Set(mapi.PidTagFlagStatus, mapi.Int32Value(followupFlagged))
		} else {
			ps.Delete(mapi.PidTagFlagStatus)
		}
	}
	lost := func(name string) {
		losses = append(losses, mapi.Loss{Item: "flag " + name, Reason: mapi.LossStoreOnly, Detail: "an Exchange mailbox has no such flag"})
	}
	if f.Has(transport.Answered | transport.Forwarded) {
		lost("forwarded, as the mail is answered too,")
	}
	if f.Has(transport.Deleted) {
		lost("deleted")
	}
	if f.Has(transport.MDNSent) {
		lost("mdnsent")
	}
	return losses
}

func setKeywords(ps *mapi.Properties, list []string) {
	switch {
	case slices.Equal(Keywords(*ps), list):
	case len(list) == 0:
		ps.DeleteName(mapi.PidNameKeywords)
	default:
		ps.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(list))
	}
}

// Received is when an item arrived: its own date, else that of its creation.
func (it *Item) Received() time.Time {
	if t := it.Message.Props.Time(mapi.PidTagMessageDeliveryTime); !t.IsZero() {
		return t
	}
	return it.Created
}

func meta(it *Item) transport.Meta {
	ps := it.Message.Props
	m := transport.Meta{
		Key: key(it.Place), ObjectID: "i" + string(key(it.ID)), Token: ps.NameText(itemprops.NameToken), Size: it.Size,
		Received: it.Received(), Flags: Flags(ps), Keywords: Keywords(ps), Class: it.Class(),
		Subject: ps.Text(mapi.PidTagSubject), MessageID: ps.Text(mapi.PidTagInternetMessageId),
	}
	if it.Associated {
		m.Skip = "an associated item"
	}
	return m
}
