package mime

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// A person is what a message knows about one address: a property group of
// [MS-OXCMAIL] 2.6, or an entry identifier.
type person struct {
	name, typ, addr, smtp string
	entryID, searchKey    []byte
}

func (p *person) empty() bool {
	if p.addr == unknown && (p.name == unknown || p.name == "") && p.smtp == "" {
		return true
	}
	return p.name == "" && p.addr == "" && p.smtp == "" && len(p.entryID) == 0
}

// unknown is what a store writes for a sender that nobody told it.
const unknown = "Unknown"

// personTags are the properties of one person on a message or a recipient.
// [MS-OXCMAIL] 2.6
type personTags struct{ name, typ, addr, smtp, entryID, searchKey mapi.Tag }

var (
	tagsSender = personTags{
		mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress,
		mapi.PidTagSenderSmtpAddress, mapi.PidTagSenderEntryId, mapi.PidTagSenderSearchKey,
	}
	tagsFrom = personTags{
		mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType,
		mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingSmtpAddress,
		mapi.PidTagSentRepresentingEntryId, mapi.PidTagSentRepresentingSearchKey,
	}
	tagsReadReceipt = personTags{
		mapi.PidTagReadReceiptName, mapi.PidTagReadReceiptAddressType,
		mapi.PidTagReadReceiptEmailAddress, mapi.PidTagReadReceiptSmtpAddress,
		mapi.PidTagReadReceiptEntryId, mapi.PidTagReadReceiptSearchKey,
	}
	tagsRecipient = personTags{
		mapi.PidTagDisplayName, mapi.PidTagAddressType, mapi.PidTagEmailAddress,
		mapi.PidTagSmtpAddress, mapi.PidTagEntryId, mapi.PidTagSearchKey,
	}
)

func (t *personTags) of(ps mapi.Properties) person {
	return person{
		name: strings.TrimSpace(ps.Text(t.name)), typ: ps.Text(t.typ), addr: ps.Text(t.addr), smtp: ps.Text(t.smtp),
		entryID: ps.Bytes(t.entryID), searchKey: ps.Bytes(t.searchKey),
	}
}

// Provider UIDs of entry identifiers, bytes 4 to 19. [MS-OXCDATA] 2.2.5
var (
	uidOneOff      = []byte{0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02}
	uidAddressBook = []byte{0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82}
)

// oneOffFlags: Unicode strings, no look-up in an address book, no rich text.
const oneOffFlags = 0x9001

// oneOffEntryID is the entry identifier of somebody who is in no address book.
// [MS-OXCDATA] 2.2.5.1
func oneOffEntryID(name, addr string) []byte {
	b := make([]byte, 4, 64+2*(len(name)+len(addr)))
	b = append(b, uidOneOff...)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, oneOffFlags)
	for _, s := range []string{name, "SMTP", addr} {
		b = append(b, mapi.EncodeUTF16(s)...)
		b = append(b, 0, 0)
	}
	return b
}

// searchKey is the address type, a colon and the address, all in upper case,
// with a zero. [MS-OXCPRPT] 2.2.1.9
func searchKey(addr string) []byte {
	return append([]byte("SMTP:"+strings.ToUpper(addr)), 0)
}

// parseEntryID reads a one-off or an address book entry identifier.
// [MS-OXCDATA] 2.2.5.1, 2.2.5.2
func parseEntryID(b []byte, cs mapi.Charset) (p person, ok bool) {
	if len(b) < 24 {
		return p, false
	}
	switch {
	case bytes.Equal(b[4:20], uidOneOff):
		flags := binary.LittleEndian.Uint16(b[22:])
		rest := b[24:]
		for _, s := range []*string{&p.name, &p.typ, &p.addr} {
			if flags&0x8000 != 0 {
				*s, rest = cutUTF16(rest)
			} else {
				var raw []byte
				raw, rest, _ = bytes.Cut(rest, []byte{0})
				*s = mapi.RawValue(mapi.TypeString8, raw).WithCharset(cs).Text()
			}
		}
		return p, p.addr != "" || p.name != ""
	case bytes.Equal(b[4:20], uidAddressBook) && len(b) > 28:
		dn, _, _ := bytes.Cut(b[28:], []byte{0})
		p.typ, p.addr = "EX", string(bytes.ToValidUTF8(dn, []byte("?")))
		return p, isEX(p.addr)
	}
	return p, false
}

func cutUTF16(b []byte) (string, []byte) {
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return mapi.DecodeUTF16(b[:i]), b[i+2:]
		}
	}
	return mapi.DecodeUTF16(b), nil
}

// parseEntryList reads a FLATENTRYLIST, PidTagReplyRecipientEntries.
// [MS-OXCDATA] 2.3.3
func parseEntryList(b []byte) [][]byte {
	if len(b) < 8 {
		return nil
	}
	count := binary.LittleEndian.Uint32(b)
	b = b[8:]
	var list [][]byte
	for ; count > 0 && len(b) >= 4; count-- {
		n := int(binary.LittleEndian.Uint32(b))
		if n < 0 || n > len(b)-4 {
			break
		}
		list = append(list, b[4:4+n])
		b = b[min(len(b), 4+(n+3)&^3):]
	}
	return list
}
