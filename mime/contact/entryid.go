package contact

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

// oneOffProvider marks a one-off entry identifier. [MS-OXCDATA] 2.2.5.1
var oneOffProvider = []byte{0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02}

// wrappedProvider marks an entry identifier around another one, as members of
// distribution lists have it. [MS-OXOCNTC] 2.2.2.2.4.1
var wrappedProvider = []byte{0xC0, 0x91, 0xAD, 0xD3, 0x51, 0x9D, 0xCF, 0x11, 0xA4, 0xA9, 0x00, 0xAA, 0x00, 0x47, 0xFA, 0xA4}

// One-off flags: Unicode strings, and no look-up in an address book nor rich
// text, which is what Outlook writes for a contact.
const (
	oneOffUnicode = 0x8000
	oneOffFlags   = 0x9001
)

// A oneOff is an address that is in no address book.
type oneOff struct{ name, typ, addr string }

func (o oneOff) entryID() []byte {
	b := make([]byte, 4, 64+2*(len(o.name)+len(o.typ)+len(o.addr)))
	b = append(b, oneOffProvider...)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, oneOffFlags)
	for _, s := range []string{o.name, o.typ, o.addr} {
		b = append(b, mapi.EncodeUTF16(s)...)
		b = append(b, 0, 0)
	}
	return b
}

// parseOneOff reads a one-off entry identifier, also a wrapped one.
func parseOneOff(b []byte) (o oneOff, ok bool) {
	if len(b) >= 21 && bytes.Equal(b[4:20], wrappedProvider) {
		b = b[21:]
	}
	if len(b) < 24 || !bytes.Equal(b[4:20], oneOffProvider) {
		return o, false
	}
	wide := binary.LittleEndian.Uint16(b[22:])&oneOffUnicode != 0
	b = b[24:]
	for _, s := range []*string{&o.name, &o.typ, &o.addr} {
		if *s, b, ok = cutString(b, wide); !ok {
			return o, false
		}
	}
	return o, true
}

// cutString cuts a string with its zero off b. The zero of the last one may be
// missing.
func cutString(b []byte, wide bool) (s string, rest []byte, ok bool) {
	if !wide {
		s, rest, _ := bytes.Cut(b, []byte{0})
		if utf8.Valid(s) {
			return string(s), rest, len(b) > 0
		}
		text := ""
		if cs, has := codepage.Get(1252); has {
			text, _ = cs.Decode(s)
		}
		return text, rest, true
	}
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return mapi.DecodeUTF16(b[:i]), b[i+2:], true
		}
	}
	return mapi.DecodeUTF16(b), nil, len(b) > 0
}

// crc is that of [MS-OXRTFCP] 3.1.3.2, with which a distribution list is
// checked. [MS-OXOCNTC] 2.2.2.2.3
func crc(sum uint32, b []byte) uint32 {
	for _, c := range b {
		sum ^= uint32(c)
		for range 8 {
			if sum&1 != 0 {
				sum = sum>>1 ^ 0xEDB88320
			} else {
				sum >>= 1
			}
		}
	}
	return sum
}
