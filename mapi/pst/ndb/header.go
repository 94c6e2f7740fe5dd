package ndb

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/mailconv/mailconv/mapi"
)

// A Header is what the HEADER and ROOT structures say. [MS-PST] 2.2.2.6
type Header struct {
	Kind Kind
	// Version is wVer.
	Version uint16
	// Client is wMagicClient: "SM" for a PST, "SO" for an OST, "AB" for an
	// address book.
	Client string
	// ClientVersion is wVerClient: 19 for a PST.
	ClientVersion uint16
	// Crypt is bCryptMethod.
	Crypt CryptMethod
	// EOF is ibFileEof, the size that the file should have.
	EOF int64
	// NBT and BBT are the roots of the two trees.
	NBT, BBT BREF
}

const (
	headerANSI    = 512
	headerUnicode = 564
)

// readHeader reads the header and finds the roots of the trees. Where the
// checksum fails it tries the other kinds too, since wVer may be what broke.
func (f *File) readHeader(o *Options) error {
	b := make([]byte, headerUnicode)
	n := min(f.size, headerUnicode)
	if n < headerANSI || f.readAt(b[:n], 0) != nil {
		if n >= 4 && f.readAt(b[:4], 0) == nil && string(b[:4]) == "!BDN" {
			return broken("HEADER", n, "", "2.2.2.6", "the file ends after %d bytes, inside its header; fetch it again from where it came", n)
		}
		return broken("HEADER", 0, "dwMagic", "2.2.2.6", "no PST or OST file: only %d bytes", max(n, 0))
	}
	crcPartial := Checksum(b[8:8+471]) == binary.LittleEndian.Uint32(b[4:])
	crcFull := n == headerUnicode && Checksum(b[8:8+516]) == binary.LittleEndian.Uint32(b[524:])
	client := string(b[8:10])
	known := client == "SM" || client == "SO" || client == "AB"
	if string(b[:4]) != "!BDN" {
		if !known || !crcPartial && !crcFull {
			return broken("HEADER", 0, "dwMagic", "2.2.2.6", "no PST or OST file: starts with % X", b[:4])
		}
		f.damage(mapi.Problem{Where: "HEADER", Offset: 0, Field: "dwMagic", Detail: fmt.Sprintf("% X, want 21 42 44 4E", b[:4]), Spec: "[MS-PST] 2.2.2.6"})
	}
	ver := binary.LittleEndian.Uint16(b[10:])
	kind, ok := kindOf(ver)
	switch {
	case ver == 37 && crcFull && !o.ReadProtected:
		return protected("wVer", "37")
	case !ok && (crcPartial || crcFull):
		e := broken("HEADER", 10, "wVer", "2.2.2.6", "version %d is not known; versions 14, 15, 21, 23 and 36 can be read", ver)
		e.Unsupported = true
		return e
	}
	// A damaged header: what it says of its kind is tried first.
	kinds := []Kind{kind}
	intact := crcFull || kind == ANSI && crcPartial
	if crcFull && !crcPartial {
		f.damage(mapi.Problem{Where: "HEADER", Offset: 4, Field: "dwCRCPartial", Detail: "checksum of the header does not match, though dwCRCFull does", Spec: "[MS-PST] 2.2.2.6"})
	}
	if !intact {
		for _, k := range []Kind{Unicode, Unicode4K, ANSI} {
			if !ok || k != kind {
				kinds = append(kinds, k)
			}
		}
		if !ok {
			kinds = kinds[1:]
		}
	}
	var first error
	for _, k := range kinds {
		f.useHeader(b, k, ver)
		if f.header.Crypt == CryptEDPCRYPTED && intact {
			return protected("bCryptMethod", "0x10 (NDB_CRYPT_EDPCRYPTED)")
		}
		err := f.openRoots(intact || len(kinds) == 1)
		if err == nil {
			first = nil
			break
		}
		if first == nil {
			first = err
		}
	}
	if first != nil && !intact && ok {
		// Nothing fits: take the header at its word and search.
		f.useHeader(b, kind, ver)
		first = f.openRoots(true)
	}
	if first != nil {
		return first
	}
	if ver == 37 && !o.ReadProtected {
		return protected("wVer", "37")
	}
	f.checkHeader(intact, ver)
	return nil
}

func kindOf(ver uint16) (Kind, bool) {
	switch ver {
	case 14, 15:
		return ANSI, true
	case 21, 23, 37:
		// QUIRK: [MS-PST] knows 23 only; 21 is what a recovery program writes.
		return Unicode, true
	case 36:
		return Unicode4K, true
	}
	return Unicode, false
}

func protected(field, value string) error {
	e := broken("HEADER", 10, field, "2.2.2.6",
		"%s: the file is protected by Windows Information Protection, and its data can only be read by the Windows account that made it; open it there in Outlook and export to a new .pst", value)
	if field == "bCryptMethod" {
		e.Offset = 513
	}
	e.Unsupported = true
	return e
}

func (f *File) useHeader(b []byte, k Kind, ver uint16) {
	h := Header{Kind: k, Version: ver, Client: string(b[8:10]), ClientVersion: binary.LittleEndian.Uint16(b[12:])}
	if k == ANSI {
		h.EOF = int64(binary.LittleEndian.Uint32(b[168:]))
		h.NBT = BREF{BID(binary.LittleEndian.Uint32(b[184:])), int64(binary.LittleEndian.Uint32(b[188:]))}
		h.BBT = BREF{BID(binary.LittleEndian.Uint32(b[192:])), int64(binary.LittleEndian.Uint32(b[196:]))}
		h.Crypt = CryptMethod(b[461])
	} else {
		h.EOF = int64(binary.LittleEndian.Uint64(b[184:]))
		h.NBT = BREF{BID(binary.LittleEndian.Uint64(b[216:])), int64(binary.LittleEndian.Uint64(b[224:]))}
		h.BBT = BREF{BID(binary.LittleEndian.Uint64(b[232:])), int64(binary.LittleEndian.Uint64(b[240:]))}
		h.Crypt = CryptMethod(b[513])
	}
	f.header, f.l = h, LayoutOf(k)
	f.pages = newCache[int64, *page](pageCacheBytes)
	f.salvageOnce, f.salvaged = sync.Once{}, nil
	base := &File{core: f.core}
	f.nbt = tree{f: base, root: h.NBT, ptype: ptypeNBT, entry: f.l.NBTEntry, name: "NBT"}
	f.bbt = tree{f: base, root: h.BBT, ptype: ptypeBBT, entry: f.l.BBTEntry, name: "BBT"}
}

// openRoots checks that both roots can be read; search allows to look for
// them in the whole file.
func (f *File) openRoots(search bool) error {
	for _, t := range []*tree{&f.nbt, &f.bbt} {
		if _, err := f.loadPage(t, t.root, -1, search); err != nil {
			return err
		}
	}
	return nil
}

// checkHeader reports what is wrong with the header of a file that opens.
func (f *File) checkHeader(intact bool, ver uint16) {
	h := &f.header
	if !intact {
		off, field := int64(4), "dwCRCPartial"
		if h.Kind != ANSI {
			off, field = 524, "dwCRCFull"
		}
		f.damage(mapi.Problem{Where: "HEADER", Offset: off, Field: field, Detail: "checksum of the header does not match", Spec: "[MS-PST] 2.2.2.6"})
		if k, ok := kindOf(ver); !ok || k != h.Kind {
			f.damage(mapi.Problem{Where: "HEADER", Offset: 10, Field: "wVer", Detail: fmt.Sprintf("%d, but the file reads as %v", ver, h.Kind), Spec: "[MS-PST] 2.2.2.6"})
		}
	}
	if h.EOF > f.size {
		f.damage(mapi.Problem{
			Severe: true, Where: "ROOT", Offset: f.size, Field: "ibFileEof",
			Detail: fmt.Sprintf("the file has %d bytes, but should have %d: its end is missing", f.size, h.EOF), Spec: "[MS-PST] 2.2.2.5",
		})
	}
	f.findCrypt()
}

// findCrypt tries which method makes sense of the message store and the root
// folder, whose data starts with a heap header. [MS-PST] 2.3.1.2
//
// QUIRK: bCryptMethod is to say it; there are files that say none and have
// their data obfuscated.
func (f *File) findCrypt() {
	declared := f.header.Crypt
	for _, nid := range []NID{NIDMessageStore, NIDRootFolder, NIDNameToIDMap} {
		n, err := f.Node(nid)
		if err != nil {
			continue
		}
		for _, m := range []CryptMethod{declared, CryptPermute, CryptNone, CryptCyclic} {
			f.header.Crypt = m
			f.blocks = newCache[BID, block](blockCacheBytes) // holds what was decoded
			d, err := f.Data(n)
			if err != nil {
				break
			}
			var sig [4]byte
			if _, err := d.ReadAt(sig[:], 0); err == nil && sig[2] == 0xEC && sig[3] == 0xBC {
				if m != declared {
					f.damage(mapi.Problem{
						Where: "HEADER", Offset: f.cryptOffset(), Field: "bCryptMethod",
						Detail: fmt.Sprintf("%v, but the data is %v", declared, m), Spec: "[MS-PST] 2.2.2.6",
					})
				}
				return
			}
		}
	}
	f.header.Crypt = declared
	f.blocks = newCache[BID, block](blockCacheBytes)
}

func (f *File) cryptOffset() int64 {
	if f.l.Kind == ANSI {
		return 461
	}
	return 513
}
