package rtf

import "hash/crc32"

// The form of PidTagRtfCompressed. [MS-OXRTFCP] 2.1.3.1.1
//
//	COMPSIZE uint32   bytes after this field: contents + 12
//	RAWSIZE  uint32   bytes of the RTF text
//	COMPTYPE uint32   magicLZFu or magicMELA
//	CRC      uint32   of the contents; 0 for MELA
//	contents
const (
	headerSize = 16
	magicLZFu  = 0x75465A4C // compressed
	magicMELA  = 0x414C454D // stored as it is
)

// The contents of LZFu are runs of a control byte and up to eight tokens, one
// for each bit from the lowest: 0 a byte, 1 a reference of two bytes,
// big-endian, 12 bits of offset into the dictionary and 4 bits of length - 2.
// A reference to the place that is written next ends the text.
// [MS-OXRTFCP] 2.1.3.1.4
const (
	dictSize = 4096
	minMatch = 2
	maxMatch = 17
)

// preset is what the dictionary holds at first; writing begins behind it.
// [MS-OXRTFCP] 2.1.3.1.2
const preset = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss " +
	"\\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New Roman" +
	"Courier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"

// updateCRC is the CRC of [MS-OXRTFCP] 2.1.3.1.5: the polynomial of IEEE
// 802.3, started at 0 and not inverted at the end.
func updateCRC(crc uint32, p []byte) uint32 {
	return ^crc32.Update(^crc, crc32.IEEETable, p)
}
