package graphtest

import (
	"encoding/binary"

	"github.com/mailconv/mailconv/mapi"
)

// An entry is a one-off address. [MS-OXCDATA] 2.2.5.1
type entry struct{ name, address string }

var oneOff = mapi.MustGUID("a41f2b81-a3be-1910-9d6e-00dd010f5402")

// oneOffUnicode says that the strings are UTF-16 and that no lookup is wanted.
const oneOffUnicode = 0x9001

// oneOffID writes a one-off entry id.
func oneOffID(e entry) []byte {
	b := append(make([]byte, 4), oneOff[:]...)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, oneOffUnicode)
	for _, s := range []string{e.name, "SMTP", e.address} {
		b = append(append(b, mapi.EncodeUTF16(s)...), 0, 0)
	}
	return b
}

// entries writes a FLATENTRYLIST. [MS-OXCDATA] 2.3.3
func entries(list []entry) []byte {
	var body []byte
	for _, e := range list {
		id := oneOffID(e)
		body = binary.LittleEndian.AppendUint32(body, uint32(len(id)))
		body = append(body, id...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// parseEntries reads the one-off entries of a FLATENTRYLIST.
func parseEntries(b []byte) (out []entry) {
	if len(b) < 8 {
		return nil
	}
	n := binary.LittleEndian.Uint32(b)
	b = b[8:]
	for ; n > 0 && len(b) >= 4; n-- {
		size := int64(binary.LittleEndian.Uint32(b))
		if size > int64(len(b))-4 {
			break
		}
		if e, ok := parseOneOff(b[4 : 4+size]); ok {
			out = append(out, e)
		}
		b = b[min(int64(len(b)), 4+(size+3)/4*4):]
	}
	return out
}

func parseOneOff(b []byte) (e entry, ok bool) {
	if len(b) < 24 || mapi.GUID(b[4:20]) != oneOff {
		return e, false
	}
	wide := binary.LittleEndian.Uint16(b[22:])&0x8000 != 0
	b = b[24:]
	var s [3]string
	for i := range s {
		n := 0
		if wide {
			for n+1 < len(b) && (b[n] != 0 || b[n+1] != 0) {
				n += 2
			}
			s[i] = mapi.DecodeUTF16(b[:min(n, len(b))])
			b = b[min(n+2, len(b)):]
			continue
		}
		for n < len(b) && b[n] != 0 {
			n++
		}
		s[i] = string(b[:n])
		b = b[min(n+1, len(b)):]
	}
	return entry{s[0], s[2]}, s[2] != ""
}
