package tnef

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// legacyProps is what the legacy attributes of a message or an attachment say.
// A property list around them wins.
type legacyProps struct {
	props  mapi.Properties
	owner  *party
	sent   *party
	method int64
}

// A party is a name and an address in a legacy attribute.
type party struct {
	name, address []byte
	off           int64
}

// legacy reads one legacy attribute. [MS-OXTNEF] 2.1.3.3
func (d *decoder) legacy(l *legacyProps, it item) error {
	switch it.att {
	case attAttachData:
		return d.legacyBlob(l, mapi.PidTagAttachDataBinary, it)
	case attAttachMetaFile:
		return d.legacyBlob(l, mapi.PidTagAttachRendering, it)
	case attDelegate:
		return d.legacyBlob(l, mapi.PidTagReceivedRepresentingEntryId, it)
	case attBody:
		return d.legacyBlob(l, mapi.PidTagBody.WithType(mapi.TypeString8), it)
	}
	if it.n > mapi.InlineLimit {
		d.problem(false, it.off, it.att.String(), "[MS-OXTNEF] 2.1.3.3", "%d bytes are too many for this attribute; it is not used", it.n)
		return nil
	}
	b, err := d.bytes(it.off, it.n)
	if err != nil {
		return d.damage(err, false, it.off, it.att.String(), "%v", err)
	}
	switch it.att {
	case attSubject:
		d.legacyText(l, mapi.PidTagSubject, b)
	case attAttachTitle:
		d.legacyText(l, mapi.PidTagAttachFilename, b)
	case attAttachTransportFilename:
		d.legacyText(l, mapi.PidTagAttachTransportName, b)
	case attMessageClass, attOriginalMessageClass:
		tag := mapi.PidTagMessageClass
		if it.att == attOriginalMessageClass {
			tag = mapi.PidTagOriginalMessageClass
		}
		class := classFromMail(string(trimZeros(b)))
		d.legacyText(l, tag, []byte(class))
	case attMessageID:
		d.legacyHex(l, mapi.PidTagSearchKey, it, b)
	case attParentID:
		d.legacyHex(l, mapi.PidTagParentKey, it, b)
	case attConversationID:
		d.legacyHex(l, mapi.PidTagConversationKey, it, b)
	case attDateSent:
		d.legacyDate(l, mapi.PidTagClientSubmitTime, it, b)
	case attDateRecd:
		d.legacyDate(l, mapi.PidTagMessageDeliveryTime, it, b)
	case attDateStart:
		d.legacyDate(l, mapi.PidTagStartDate, it, b)
	case attDateEnd:
		d.legacyDate(l, mapi.PidTagEndDate, it, b)
	case attDateModified, attAttachModifyDate:
		d.legacyDate(l, mapi.PidTagLastModificationTime, it, b)
	case attAttachCreateDate:
		d.legacyDate(l, mapi.PidTagCreationTime, it, b)
	case attPriority:
		if len(b) >= 2 {
			if n, ok := importanceFromPriority(binary.LittleEndian.Uint16(b)); ok {
				l.props.Set(mapi.PidTagImportance, mapi.Int32Value(n))
			}
		}
	case attMessageStatus:
		if len(b) >= 1 {
			l.props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(flagsFromStatus(b[0])))
		}
	case attAidOwner:
		if len(b) >= 4 {
			l.props.Set(mapi.PidTagOwnerAppointmentId, mapi.RawValue(mapi.TypeInteger32, b[:4]))
		}
	case attRequestRes:
		if len(b) >= 2 {
			l.props.Set(mapi.PidTagResponseRequested, mapi.BoolValue(binary.LittleEndian.Uint16(b) != 0))
		}
	case attFrom:
		p, ok := parseTriple(b)
		if !ok {
			d.problem(false, it.off, "attFrom", "[MS-OXTNEF] 2.1.3.3.1", "the address is not a one-off triple")
			return nil
		}
		d.legacyParty(l, p, mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress)
	case attOwner, attSentFor:
		p, ok := parseCounted(b)
		if !ok {
			d.problem(false, it.off, it.att.String(), "[MS-OXTNEF] 2.1.3.3.16", "the counted strings are cut short")
			return nil
		}
		p.off = it.off
		if it.att == attOwner {
			l.owner = p
		} else {
			l.sent = p
		}
	default:
		d.problem(false, it.off, it.att.String(), "[MS-OXTNEF] 2.1.3.3", "an attribute that is not defined is left out")
	}
	return nil
}

func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}

func (d *decoder) legacyText(l *legacyProps, tag mapi.Tag, b []byte) {
	l.props.Set(tag, mapi.RawValue(mapi.TypeString8, trimZeros(b)).WithCharset(d.charset))
}

func (d *decoder) legacyBlob(l *legacyProps, tag mapi.Tag, it item) error {
	v, err := d.bounded(tag.Type(), it.off, it.n)
	if err != nil {
		return d.damage(err, true, it.off, it.att.String(), "%v", err)
	}
	if tag.Type() == mapi.TypeString8 {
		v = v.WithCharset(d.charset)
	}
	l.props.Set(tag, v)
	return nil
}

// legacyHex reads a key that is written as hexadecimal digits.
func (d *decoder) legacyHex(l *legacyProps, tag mapi.Tag, it item, b []byte) {
	key, err := hex.DecodeString(string(trimZeros(b)))
	if err != nil {
		d.problem(false, it.off, it.att.String(), "[MS-OXTNEF] 2.1.3.3", "the key is not hexadecimal; it is not used")
		return
	}
	l.props.Set(tag, mapi.BinaryValue(key))
}

// legacyDate reads a DTR: year, month, day, hour, minute, second, weekday. It
// is in the local time of whoever wrote the stream, and no attribute says
// which that is. Property lists carry UTC and win; where there is only the
// legacy date it is taken as UTC. [MS-OXTNEF] 2.1.3.3.4
func (d *decoder) legacyDate(l *legacyProps, tag mapi.Tag, it item, b []byte) {
	if len(b) < 14 {
		d.problem(false, it.off, it.att.String(), "[MS-OXTNEF] 2.1.3.3.4", "a date has 14 bytes, not %d", len(b))
		return
	}
	var n [6]int
	zero := true
	for i := range n {
		n[i] = int(binary.LittleEndian.Uint16(b[2*i:]))
		zero = zero && n[i] == 0
	}
	if zero {
		return // no date
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	if n[0] < 1601 || n[0] > 9999 || n[1] < 1 || n[1] > 12 || t.Day() != n[2] || n[3] > 23 || n[4] > 59 || n[5] > 59 {
		d.problem(false, it.off, it.att.String(), "[MS-OXTNEF] 2.1.3.3.4", "%04d-%02d-%02d %02d:%02d:%02d is no date; it is not used", n[0], n[1], n[2], n[3], n[4], n[5])
		return
	}
	l.props.Set(tag, mapi.TimeValue(t))
}

// importanceFromPriority maps attPriority: 1 high, 2 normal, 3 low.
// [MS-OXTNEF] 2.1.3.3.13
func importanceFromPriority(p uint16) (int32, bool) {
	if p < 1 || p > 3 {
		return 0, false
	}
	return int32(3 - p), true
}

// Bits of attMessageStatus, and those of PidTagMessageFlags that they stand
// for. [MS-OXTNEF] 2.1.3.3.8, [MS-OXCMSG] 2.2.1.6
const (
	fmsModified  = 0x01
	fmsLocal     = 0x02
	fmsSubmitted = 0x04
	fmsRead      = 0x20
	fmsHasAttach = 0x80

	mfRead       = 0x01
	mfUnmodified = 0x02
	mfSubmitted  = 0x04
	mfUnsent     = 0x08
	mfHasAttach  = 0x10
)

func flagsFromStatus(s byte) int32 {
	var f int32
	for _, x := range []struct {
		bit  byte
		flag int32
	}{{fmsRead, mfRead}, {fmsSubmitted, mfSubmitted}, {fmsLocal, mfUnsent}, {fmsHasAttach, mfHasAttach}} {
		if s&x.bit != 0 {
			f |= x.flag
		}
	}
	if s&fmsModified == 0 {
		f |= mfUnmodified
	}
	return f
}

// parseTriple reads the TRP structure of attFrom: four 16-bit numbers (type,
// size, length of the name, length of the address), name, address.
// [MS-OXTNEF] 2.1.3.3.1
func parseTriple(b []byte) (*party, bool) {
	const oneOff = 0x0004
	if len(b) < 8 || binary.LittleEndian.Uint16(b) != oneOff {
		return nil, false
	}
	n, m := int(binary.LittleEndian.Uint16(b[4:])), int(binary.LittleEndian.Uint16(b[6:]))
	b = b[8:]
	if n+m > len(b) {
		return nil, false
	}
	return &party{name: trimZeros(b[:n]), address: trimZeros(b[n : n+m])}, true
}

// parseCounted reads two strings, each after a 16-bit length.
// [MS-OXTNEF] 2.1.3.3.16
func parseCounted(b []byte) (*party, bool) {
	var s [2][]byte
	for i := range s {
		if len(b) < 2 {
			return nil, false
		}
		n := int(binary.LittleEndian.Uint16(b))
		b = b[2:]
		if n > len(b) {
			return nil, false
		}
		s[i], b = trimZeros(b[:n]), b[n:]
	}
	return &party{name: s[0], address: s[1]}, true
}

func (d *decoder) legacyParty(l *legacyProps, p *party, name, addrType, email mapi.Tag) {
	d.legacyText(l, name, p.name)
	typ, addr, ok := strings.Cut(string(p.address), ":")
	if !ok {
		typ, addr = "", string(p.address)
	}
	if typ != "" {
		d.legacyText(l, addrType, []byte(typ))
	}
	if addr != "" {
		d.legacyText(l, email, []byte(addr))
	}
}

// merge adds to m what only the legacy attributes say.
func (d *decoder) merge(m *mapi.Message, l *legacyProps) {
	class := m.Class()
	if class == "" {
		class = l.props.Text(mapi.PidTagMessageClass)
	}
	if p := l.sent; p != nil {
		d.legacyParty(l, p, mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress)
	}
	if p := l.owner; p != nil {
		if responseClass(class) {
			d.legacyParty(l, p, mapi.PidTagReceivedRepresentingName, mapi.PidTagReceivedRepresentingAddressType, mapi.PidTagReceivedRepresentingEmailAddress)
		} else if l.sent == nil {
			d.legacyParty(l, p, mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress)
		}
	}
	for _, p := range l.props {
		d.addMissing(&m.Props, p)
	}
}

// addMissing appends p to a list that has no property of its identifier.
func (d *decoder) addMissing(ps *mapi.Properties, p mapi.Property) {
	if _, ok := ps.GetID(p.Tag.ID()); ok {
		return
	}
	if p.Tag.Type() == mapi.TypeTime {
		d.problem(false, -1, p.String(), "[MS-OXTNEF] 2.1.3.3.4", "only the legacy attribute has this date, in the writer's local time; it is taken as UTC")
	}
	*ps = append(*ps, p)
}

// renddata reads how a legacy client shows the attachment.
func (d *decoder) renddata(l *legacyProps, it item) error {
	b, err := d.bytes(it.off, min(it.n, renddataSize))
	if err != nil {
		return d.damage(err, false, it.off, "attAttachRenddata", "%v", err)
	}
	if len(b) < renddataSize {
		d.problem(false, it.off, "attAttachRenddata", "[MS-OXTNEF] 2.1.3.3.15", "the structure has %d bytes, not %d", len(b), renddataSize)
		return nil
	}
	switch binary.LittleEndian.Uint16(b) {
	case attachTypeFile:
		l.method = mapi.AttachByValue
	case attachTypeOLE:
		l.method = mapi.AttachOLE
	}
	if pos := binary.LittleEndian.Uint32(b[2:]); pos != noPosition {
		l.props.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(int32(pos)))
	}
	return nil
}

// mergeAttachment adds to a what only the legacy attributes say; listed says
// that there was a property list at all.
func (d *decoder) mergeAttachment(a *mapi.Attachment, l *legacyProps, listed bool) {
	_, long := a.Props.Get(mapi.PidTagAttachLongFilename)
	for _, p := range l.props {
		switch p.Tag.ID() {
		case mapi.PidTagAttachFilename.ID():
			if long {
				continue
			}
		case mapi.PidTagAttachDataBinary.ID():
			if v, ok := a.Props.Get(mapi.PidTagAttachDataBinary); ok {
				if v.Size() == 0 && p.Value.Size() > 0 {
					a.Props.Set(mapi.PidTagAttachDataBinary, p.Value)
				}
			} else {
				// PidTagAttachDataObject has the same identifier and may stand
				// beside it.
				a.Props = append(a.Props, p)
			}
			continue
		}
		d.addMissing(&a.Props, p)
	}
	if _, ok := a.Props.Get(mapi.PidTagAttachMethod); !ok && !listed && l.method != 0 {
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(int32(l.method)))
	}
}
