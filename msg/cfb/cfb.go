// Package cfb reads and writes compound files, the container of .msg files and
// of OLE objects. [MS-CFB]
//
// Start from [NewReader], which gives the tree of a file as a [mapi.Storage]
// whose streams are sections over it, and from [Write], which puts such a tree
// into a file in one pass. The code stands in three views, the lowest first:
// sectors and their chains, directory entries, and the tree that a caller sees.
//
// Not supported: changing a file in place, transactions (the range lock sector
// is left out of use), and sector sizes other than 512 and 4096.
package cfb

import (
	"unicode"
	"unicode/utf16"

	"github.com/mailconv/mailconv/mapi"
)

// Signature is the start of every compound file. [MS-CFB] 2.2
const Signature = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"

// Special values of a FAT entry, where a sector number would stand. [MS-CFB] 2.1
const (
	maxRegSect = 0xFFFFFFFA
	difSect    = 0xFFFFFFFC // the sector holds a part of the DIFAT
	fatSect    = 0xFFFFFFFD // the sector holds a part of the FAT
	endOfChain = 0xFFFFFFFE
	freeSect   = 0xFFFFFFFF
)

// Offsets in the header. [MS-CFB] 2.2
const (
	headerSize = 512 // in version 4 zeros follow up to the sector size

	offMinorVersion   = 0x18
	offMajorVersion   = 0x1A
	offByteOrder      = 0x1C
	offSectorShift    = 0x1E
	offMiniShift      = 0x20
	offDirSectors     = 0x28 // zero in version 3
	offFATSectors     = 0x2C
	offFirstDir       = 0x30
	offMiniCutoff     = 0x38
	offFirstMiniFAT   = 0x3C
	offMiniFATSectors = 0x40
	offFirstDIFAT     = 0x44
	offDIFATSectors   = 0x48
	offDIFAT          = 0x4C

	headerDIFAT = 109 // FAT sectors that the header itself lists
)

// Sizes that the format fixes. [MS-CFB] 2.2
const (
	minorVersion   = 0x3E
	byteOrder      = 0xFFFE
	miniShift      = 6
	miniSectorSize = 1 << miniShift
	miniCutoff     = 4096 // shorter streams lie in the mini stream
)

// Offsets in a directory entry. [MS-CFB] 2.6.1
const (
	dirEntrySize = 128

	offNameLen  = 0x40 // in bytes, with the terminating zero
	offType     = 0x42
	offColor    = 0x43
	offLeft     = 0x44
	offRight    = 0x48
	offChild    = 0x4C
	offCLSID    = 0x50
	offState    = 0x60
	offCreated  = 0x64
	offModified = 0x6C
	offStart    = 0x74
	offSize     = 0x78

	maxNameUnits = 31 // UTF-16 units, without the terminating zero
)

// Object types of a directory entry. [MS-CFB] 2.6.1
const (
	typeUnallocated = 0
	typeStorage     = 1
	typeStream      = 2
	typeRoot        = 5
)

// Colors of the red-black tree of siblings. [MS-CFB] 2.6.4
const (
	red   = 0
	black = 1
)

const (
	maxRegSID = 0xFFFFFFFA
	noStream  = 0xFFFFFFFF
)

// rangeLock is the offset whose sector no structure may use in version 4: the
// file is locked there while it is written. [MS-CFB] 2.7
const rangeLock = 0x7FFFFF00

// maxV3Size is the largest file of version 3. [MS-CFB] 2.3
const maxV3Size = 0x7FFFFFFF

// MaxEntries bounds the directory of a file that is read, as its tree is held
// in memory. A .msg may have 2048 recipients and as many attachments, which is
// some 100,000 streams. [MS-OXMSG] 2.2.1 and 2.2.2
const MaxEntries = 1 << 17

// maxDepth bounds the nesting of storages. Messages in messages take two levels
// each.
const maxDepth = 256

// smallFile is the size up to which a file, a FAT or a mini stream is read in
// one go and held; beyond it they are read in windows.
const smallFile = 1 << 20

// foldUnits is a name in the form in which names are compared: each UTF-16
// unit in upper case. [MS-CFB] 2.6.4
func foldUnits(dst []uint16, units []uint16) []uint16 {
	for _, u := range units {
		switch {
		case u < 0x80:
			if 'a' <= u && u <= 'z' {
				u -= 'a' - 'A'
			}
		case !utf16.IsSurrogate(rune(u)):
			if r := unicode.ToUpper(rune(u)); r >= 0x80 && r <= 0xFFFF {
				u = uint16(r)
			}
		}
		dst = append(dst, u)
	}
	return dst
}

// compareFolded orders names as the directory does: the shorter first, then
// unit by unit. [MS-CFB] 2.6.4
func compareFolded(a, b []uint16) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	for i := range a {
		if a[i] != b[i] {
			return int(a[i]) - int(b[i])
		}
	}
	return 0
}

// problem makes a [mapi.Problem] at a place of the file.
func problem(off int64, field, detail, spec string) mapi.Problem {
	return mapi.Problem{Offset: off, Field: field, Detail: detail, Spec: "[MS-CFB] " + spec}
}

func formatError(p mapi.Problem) error { return &mapi.FormatError{Format: "cfb", Problem: p} }
