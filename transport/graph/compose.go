package graph

import (
	"context"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// Bounds of a request. The service takes 4 MB; attachments of less than 3 MB may
// be in it.
const (
	requestLimit = 3900 << 10
	inlineLimit  = 3 << 20
	// uploadLimit is the largest attachment of an upload session.
	uploadLimit = 150 << 20
	maxDepth    = 8
)

// A composer makes the message resource of an item.
type composer struct {
	ctx      context.Context
	s        *Store
	m        *mapi.Message
	out      *wire.Message
	doc      any // what is sent, where it is more than out
	contents *wire.Contents
	room     int64 // bytes that are left in the request
	later    []upload
	losses   []mapi.Loss
	depth    int
	close    []func() error
	where    string // of an embedded message, for losses
}

// release drops what the attachments hold.
func (x *composer) release() {
	for _, f := range x.close {
		f() //nolint:errcheck // spools
	}
}

func (x *composer) lose(item string, why mapi.LossReason, detail string) {
	x.losses = append(x.losses, mapi.Loss{Item: x.where + item, Reason: why, Detail: detail})
}

// fields are properties that have a field in the resource, or that say what such
// a field says.
var fields = func() map[uint16]bool {
	set := map[uint16]bool{}
	for _, id := range []uint16{
		0x0037, 0x0E1D, 0x003D, // subject
		0x0017,                 // importance
		0x0029, 0x0C06, 0x0023, // receipts
		0x1090,                                         // flag
		0x1000, 0x1013, 0x1009, 0x1016, 0x0E1F, 0x3FDE, // bodies, and the code page of HTML
		0x0042, 0x0064, 0x0065, 0x0041, 0x003B, 0x5D02, 0x0C1A, 0x0C1E, 0x0C1F, 0x0C19, 0x0C1D, 0x5D01, 0x4030, 0x4031, 0x5D0A, // from, sender
		0x0050, 0x004F, // reply to
		0x0057, 0x0058, 0x0059, // sent to or copied to me
		0x0076, 0x0077, 0x0078, 0x0040, 0x003F, 0x0043, 0x0044, 0x0051, 0x0052, 0x0053, 0x0075, 0x5D07, 0x5D08, // received by
	} {
		set[id] = true
	}
	return set
}()

// message fills the resource. The item's own named properties go along as
// extended properties; what has no place is a loss.
func (x *composer) message() error {
	ps := x.m.Props
	x.out.Subject = ps.Text(mapi.PidTagSubject)
	if err := x.body(); err != nil {
		return err
	}
	x.people()
	if n, ok := ps.Int(mapi.PidTagImportance); ok && n >= 0 && n <= 2 {
		x.out.Importance = [...]string{"low", "normal", "high"}[n]
	}
	st := itemprops.StateOf(ps)
	read := st.MessageFlags&itemprops.FlagRead != 0
	x.out.IsRead = &read
	if ps.Bool(mapi.PidTagReadReceiptRequested) {
		x.out.ReadReceipt = new(true)
	}
	if ps.Bool(mapi.PidTagOriginatorDeliveryReportRequested) {
		x.out.DeliveryNote = new(true)
	}
	x.flag()
	if v, ok := ps.GetName(mapi.PidNameKeywords); ok {
		x.out.Categories = v.Texts()
	}
	x.properties(st)
	return x.attachments()
}

// flag is the follow-up flag with its dates. [MS-OXOFLAG] 2.2.1.1
func (x *composer) flag() {
	n, _ := x.m.Props.Int(mapi.PidTagFlagStatus)
	switch n {
	case 1:
		x.out.Flag = &wire.Flag{Status: "complete", Completed: x.day(mapi.PidLidTaskDateCompleted)}
	case itemprops.FollowupFlagged:
		f := &wire.Flag{Status: "flagged", Due: x.day(mapi.PidLidTaskDueDate)}
		// A start is only taken together with an end.
		if f.Due != nil {
			f.Start = x.day(mapi.PidLidTaskStartDate)
		}
		x.out.Flag = f
	}
}

func (x *composer) day(n mapi.Name) *wire.DateTimeZone {
	t := x.m.Props.NameTime(n)
	if t.IsZero() {
		return nil
	}
	return &wire.DateTimeZone{DateTime: t.UTC().Format("2006-01-02T15:04:05.0000000"), TimeZone: "UTC"}
}

// properties adds what has no field: state and dates first, which the service
// takes only when an item is made.
func (x *composer) properties(st itemprops.State) {
	for _, p := range x.m.Props {
		switch id := p.Tag.ID(); {
		case p.Name != nil:
			if x.inField(*p.Name) {
				continue
			}
		case id == 0x0E07:
			// The mark of a draft is what the service would set; a mail that was
			// sent or received has submitted instead, as a message that is not
			// unsent. QUIRK: the draft bit cannot be changed later.
			flags := st.MessageFlags & itemprops.FlagRead
			if st.Flags().Has(transport.Draft) {
				flags |= itemprops.FlagUnsent
			} else {
				flags |= itemprops.FlagSubmitted
			}
			p.Value = mapi.Int32Value(int32(flags))
		case id == 0x001A && strings.EqualFold(p.Value.Text(), "IPM.Note"):
			continue
		case fields[id], computed[id]:
			continue
		case !carried[id]:
			x.lose(p.String(), mapi.LossNoProperty, "json has no place for it")
			continue
		}
		if p.Value.Type() == mapi.TypeTime {
			if _, ok := p.Value.Time(); !ok {
				continue // no date
			}
		}
		if !x.extended(p) {
			why := mapi.LossNoProperty
			if p.Value.Size() > extLimit {
				why = mapi.LossTooLarge
			}
			x.lose(p.String(), why, "json cannot carry the value")
		}
	}
}

// inField reports whether a field of the resource says a named property.
func (x *composer) inField(n mapi.Name) bool {
	f := x.out.Flag
	switch n {
	case mapi.PidNameKeywords:
		// QUIRK: programs have stored a number under this name.
		if v, _ := x.m.Props.GetName(n); !v.Type().IsString() {
			x.lose("PidNameKeywords", mapi.LossNoProperty, "the value is no list of categories")
		}
		return true
	case mapi.PidLidTaskStartDate:
		return f != nil && f.Start != nil
	case mapi.PidLidTaskDueDate:
		return f != nil && f.Due != nil
	case mapi.PidLidTaskDateCompleted:
		return f != nil && f.Completed != nil
	}
	return false
}

// people are sender and recipients.
func (x *composer) people() {
	ps := x.m.Props
	x.out.From = x.person(ps, personTags{mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingSmtpAddress, mapi.PidTagSentRepresentingEntryId})
	x.out.Sender = x.person(ps, personTags{mapi.PidTagSenderName, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderAddressType, mapi.PidTagSenderSmtpAddress, mapi.PidTagSenderEntryId})
	if x.out.From == nil {
		x.out.From = x.out.Sender
	}
	for _, r := range x.m.Recipients {
		one := x.person(r.Props, recipientTags)
		if one == nil {
			one = &wire.Recipient{}
		}
		switch r.Type() {
		case mapi.RecipientCc:
			x.out.Cc = append(x.out.Cc, *one)
		case mapi.RecipientBcc:
			x.out.Bcc = append(x.out.Bcc, *one)
		default:
			x.out.To = append(x.out.To, *one)
		}
	}
	x.replyTo()
}

type personTags struct{ name, address, kind, smtp, entry mapi.Tag }

var recipientTags = personTags{mapi.PidTagDisplayName, mapi.PidTagEmailAddress, mapi.PidTagAddressType, mapi.PidTagSmtpAddress, mapi.PidTagEntryId}

// person finds the address of a person: that of SMTP first, then an address of
// that type, then a one-off entry identifier. An Exchange address that cannot be
// resolved is left out, and the name stays.
func (x *composer) person(ps mapi.Properties, t personTags) *wire.Recipient {
	e := wire.EmailAddress{Name: ps.Text(t.name)}
	kind := strings.ToUpper(ps.Text(t.kind))
	address := ps.Text(t.address)
	switch smtp := ps.Text(t.smtp); {
	case strings.Contains(smtp, "@"):
		e.Address = smtp
	case strings.Contains(address, "@") && kind != "EX":
		e.Address = address
	default:
		if name, addr, ok := oneOff(ps.Bytes(t.entry)); ok {
			e.Address = addr
			if e.Name == "" {
				e.Name = name
			}
		} else if strings.HasPrefix(strings.ToLower(address), "/o=") {
			x.lose("address "+address, mapi.LossApproximated, "an Exchange address has no place in json; the name is kept")
		} else {
			e.Address = address
		}
	}
	if e.Name == "" && e.Address == "" {
		return nil
	}
	return &wire.Recipient{Email: e}
}

// oneOffUID is the provider of one-off entry identifiers. [MS-OXCDATA] 2.2.5.1
var oneOffUID = mapi.MustGUID("a41f2b81-a3be-1910-9d6e-00dd010f5402")

// oneOff reads a one-off entry identifier of an SMTP address.
func oneOff(b []byte) (name, address string, ok bool) {
	if len(b) < 24 || [16]byte(b[4:20]) != [16]byte(oneOffUID) || b[23]&0x80 == 0 {
		return "", "", false
	}
	list := strings.SplitN(mapi.DecodeUTF16(b[24:len(b)-len(b)%2]), "\x00", 4)
	if len(list) < 3 || !strings.EqualFold(list[1], "SMTP") {
		return "", "", false
	}
	return list[0], list[2], strings.Contains(list[2], "@")
}

// replyTo reads PidTagReplyRecipientEntries, a FlatEntryList of one-off
// identifiers. [MS-OXCDATA] 2.3.3
func (x *composer) replyTo() {
	b := x.m.Props.Bytes(mapi.PidTagReplyRecipientEntries)
	if len(b) < 8 {
		return
	}
	names := strings.Split(x.m.Props.Text(mapi.PidTagReplyRecipientNames), ";")
	b = b[8:]
	for i := 0; len(b) >= 4; i++ {
		n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16 | int(b[3])<<24
		if n <= 0 || n > len(b)-4 {
			break
		}
		if name, addr, ok := oneOff(b[4 : 4+n]); ok {
			x.out.ReplyTo = append(x.out.ReplyTo, wire.Recipient{Email: wire.EmailAddress{Name: name, Address: addr}})
		} else {
			who := ""
			if i < len(names) {
				who = strings.TrimSpace(names[i])
			}
			x.lose("PidTagReplyRecipientEntries "+who, mapi.LossApproximated, "the address of the entry cannot be read")
		}
		n = 4 + (n+3)/4*4
		b = b[min(n, len(b)):]
	}
}

// json writes the item as a resource.
func (p *putter) json(ctx context.Context) (transport.Receipt, error) {
	class := p.m.Class()
	k := p.kind
	if k == kindBox {
		switch c := classOf(p.f); {
		case isClass(c, "IPF.Appointment"):
			k = kindCalendar
		case isClass(c, "IPF.Contact"):
			k = kindContacts
		case isClass(c, "IPF.Task"):
			k = kindTasks
		default:
			return transport.Receipt{}, &transport.Error{
				Kind: transport.Rejected, Op: "put", Folder: p.f.String(), Err: errorf("the item of the class %q cannot be imported, and json has no resource for this folder", class),
			}
		}
		var err error
		if p.folder, err = p.s.resourceFolder(ctx, k, p.f); err != nil {
			return transport.Receipt{}, err
		}
	}
	switch {
	case k == kindCalendar && isClass(class, "IPM.Appointment"):
		return p.event(ctx)
	case k == kindContacts && isClass(class, "IPM.Contact"):
		return p.contact(ctx)
	case k == kindTasks && isClass(class, "IPM.Task"):
		return p.task(ctx)
	case k != kindMail:
		return transport.Receipt{}, &transport.Error{
			Kind: transport.Rejected, Op: "put", Folder: p.f.String(), Err: errorf("json has no resource for an item of the class %q in this folder", class),
			Remedy: "write it by route=import",
		}
	}
	return p.jsonMessage(ctx)
}
