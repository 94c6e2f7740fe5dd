// Package msg reads and writes .msg and .oft files. [MS-OXMSG]
//
// Start from [Open], which gives a [File] with its [mapi.Message], and from
// [Write]. A message that was read and is written again keeps every property
// with its type and bytes. A message made from nothing goes through [Complete]
// first, which adds what Outlook expects of one.
//
// Damage is survived where anything can be had from a file, and listed in
// [File.Problems]. Attachments and long values are not read when a file is
// opened; they are blobs over it until [File.Close].
//
// Not kept: the flags of property entries (mandatory, readable, writable), the
// identifiers that a file gave to its named properties, names in the mapping
// that no property uses, and padding bytes. [MS-OXMSG] 2.4.2.1 and 2.2.3
package msg

import "github.com/mailconv/mailconv/mapi"

// Names of storages and streams. [MS-OXMSG] 2.2 to 2.4
const (
	nameProperties = "__properties_version1.0"
	nameNameID     = "__nameid_version1.0"
	prefixRecip    = "__recip_version1.0_#"
	prefixAttach   = "__attach_version1.0_#"
	prefixSubstg   = "__substg1.0_"
)

// Sizes of the header of a property stream, and of its entries. [MS-OXMSG] 2.4.1
const (
	headerRoot     = 32
	headerEmbedded = 24
	headerChild    = 8 // recipient or attachment
	entrySize      = 16
)

// Offsets in the header of a message's property stream. [MS-OXMSG] 2.4.1.1
const (
	offNextRecipient  = 8
	offNextAttachment = 12
	offRecipients     = 16
	offAttachments    = 20
)

// Flags of a property entry. [MS-OXMSG] 2.4.2.1
const (
	flagReadable = 2
	flagWritable = 4
)

// Streams in the named property mapping storage. [MS-OXMSG] 2.2.3.1
const (
	tagGUIDStream   mapi.Tag = 0x00020102
	tagEntryStream  mapi.Tag = 0x00030102
	tagStringStream mapi.Tag = 0x00040102

	firstNamedID  = 0x8000
	maxNamed      = 0xFFFF - firstNamedID // identifiers up to 0xFFFE
	hashBase      = 0x1000
	hashBuckets   = 0x1F
	guidMAPI      = 1
	guidPublic    = 2
	firstGUIDSlot = 3
)

// tagAttachObject is the attached message or storage. [MS-OXMSG] 2.2.2.1
const tagAttachObject mapi.Tag = 0x3701000D

// Class identifiers of the root storage, as Outlook writes them.
var (
	// CLSIDMessage marks a .msg file.
	CLSIDMessage = mapi.MustGUID("00020D0B-0000-0000-C000-000000000046")
	// CLSIDTemplate marks an .oft file.
	CLSIDTemplate = mapi.MustGUID("0006F046-0000-0000-C000-000000000046")
)

const hexDigits = "0123456789ABCDEF"

// appendHex appends v as eight upper-case digits.
func appendHex(b []byte, v uint32) []byte {
	for s := 28; s >= 0; s -= 4 {
		b = append(b, hexDigits[v>>s&15])
	}
	return b
}

func hexName(prefix string, v uint32) string {
	return string(appendHex(append(make([]byte, 0, len(prefix)+8), prefix...), v))
}

// parseHex reads eight hexadecimal digits in either case.
func parseHex(s string) (uint32, bool) {
	if len(s) != 8 {
		return 0, false
	}
	var v uint32
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint32(c)
	}
	return v, true
}

// cutPrefix is strings.CutPrefix without regard to ASCII case, as names in a
// compound file have none.
func cutPrefix(name, prefix string) (string, bool) {
	if len(name) < len(prefix) || name[:len(prefix)] != prefix && !equalFold(name[:len(prefix)], prefix) {
		return "", false
	}
	return name[len(prefix):], true
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		x, y := a[i], b[i]
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if 'A' <= y && y <= 'Z' {
			y += 'a' - 'A'
		}
		if x != y {
			return false
		}
	}
	return true
}

// inlined says whether values of a type stand in the property stream itself.
// Types that no specification knows are taken to stand there when no stream
// has their tag. [MS-OXMSG] 2.1.2 and 2.1.3
func inlined(t mapi.Type) bool {
	if t.Multi() {
		return false
	}
	n := t.FixedSize()
	return n > 0 && n <= 8
}
