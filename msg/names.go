package msg

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg/cfb"
)

// A nameMap gives the names behind identifiers from 0x8000 on; a slot without a
// name is nil. The one in the root holds for recipients, attachments and
// embedded messages too. [MS-OXMSG] 2.2.3
type nameMap []*mapi.Name

func (m nameMap) name(id uint16) *mapi.Name {
	if i := int(id) - firstNamedID; i >= 0 && i < len(m) && id != 0xFFFF {
		return m[i]
	}
	return nil
}

// readNames reads the named property mapping storage.
func (r *reader) readNames(st *mapi.Storage) nameMap {
	var guids, entries, strs []byte
	for _, s := range st.Streams {
		rest, ok := cutPrefix(s.Name, prefixSubstg)
		if !ok {
			continue
		}
		v, _ := parseHex(rest)
		var dst *[]byte
		limit := int64(maxNamed * 8)
		switch mapi.Tag(v) {
		case tagGUIDStream:
			dst, limit = &guids, maxNamed*16
		case tagEntryStream:
			dst = &entries
		case tagStringStream:
			dst, limit = &strs, 8<<20
		default:
			continue // hash buckets repeat the entries
		}
		*dst = r.small(s.Data.(*cfb.Stream), nameNameID+"/"+s.Name, limit)
	}
	n := len(entries) / 8
	if len(entries)%8 != 0 {
		r.problem(nameNameID, int64(n*8), "Entry Stream", fmt.Sprintf("%d bytes after the last entry", len(entries)%8), "2.2.3.1.2")
	}
	m := make(nameMap, n)
	slab := make([]mapi.Name, n)
	for i := range slab {
		id := binary.LittleEndian.Uint32(entries[8*i:])
		guid := int(binary.LittleEndian.Uint16(entries[8*i+4:]))
		index := int(binary.LittleEndian.Uint16(entries[8*i+6:]))
		isString := guid&1 != 0
		guid >>= 1
		name := &slab[i]
		switch {
		case guid == guidMAPI:
			name.Set = mapi.PSMAPI
		case guid == guidPublic:
			name.Set = mapi.PSPublicStrings
		case guid >= firstGUIDSlot && (guid-firstGUIDSlot+1)*16 <= len(guids):
			name.Set = mapi.GUID(guids[(guid-firstGUIDSlot)*16:][:16])
		default:
			r.problem(nameNameID, int64(8*i), "GUID Index", fmt.Sprintf("0x%X of a stream with %d GUIDs; the property keeps its number only", guid, len(guids)/16), "2.2.3.1.2")
			continue
		}
		if isString {
			text, ok := r.nameString(strs, id)
			if !ok {
				r.problem(nameNameID, int64(8*i), "String Offset", fmt.Sprintf("0x%X in a stream of 0x%X bytes; the property keeps its number only", id, len(strs)), "2.2.3.1.3")
				continue
			}
			name.Name = text
		} else {
			name.ID = id
		}
		if index >= maxNamed {
			r.problem(nameNameID, int64(8*i), "Property Index", fmt.Sprintf("0x%X", index), "2.2.3.1.2")
			continue
		}
		for index >= len(m) {
			m = append(m, make(nameMap, index+1-len(m))...)
		}
		if m[index] == nil {
			m[index] = name
		}
	}
	return m
}

// nameString is the string at an offset of the string stream: a length in
// bytes, then UTF-16. As entries may share a string, what they take counts
// against the memory of the file. [MS-OXMSG] 2.2.3.1.3
func (r *reader) nameString(strs []byte, off uint32) (string, bool) {
	if int64(off)+4 > int64(len(strs)) {
		return "", false
	}
	n := binary.LittleEndian.Uint32(strs[off:])
	if int64(n) > int64(len(strs))-int64(off)-4 || n < 2 || int64(n) > r.inline {
		return "", false
	}
	r.inline -= int64(n)
	return mapi.DecodeUTF16(strs[off+4:][:n]), true
}

// nameStorage lays out the named property mapping. [MS-OXMSG] 2.2.3
func (w *writer) nameStorage() *mapi.Storage {
	le := binary.LittleEndian
	var guids, entries, strs []byte
	var buckets [hashBuckets][]byte
	slots := map[mapi.GUID]uint32{mapi.PSMAPI: guidMAPI, mapi.PSPublicStrings: guidPublic}
	for _, n := range w.list {
		slot, ok := slots[n.Set]
		if !ok {
			slot = uint32(firstGUIDSlot + len(guids)/16)
			slots[n.Set] = slot
			guids = append(guids, n.Set[:]...)
		}
		kind := slot << 1
		id, hash := n.ID, n.ID
		if n.Name != "" {
			kind |= 1
			text := mapi.EncodeUTF16(n.Name)
			id, hash = uint32(len(strs)), nameHash(n, text)
			strs = le.AppendUint32(strs, uint32(len(text)))
			strs = append(strs, text...)
			for len(strs)%4 != 0 {
				strs = append(strs, 0)
			}
		}
		index := uint32(w.ids[n]-firstNamedID)<<16 | kind
		entries = le.AppendUint32(entries, id)
		entries = le.AppendUint32(entries, index)
		b := &buckets[(hash^kind)%hashBuckets]
		*b = le.AppendUint32(*b, hash)
		*b = le.AppendUint32(*b, index)
	}
	st := &mapi.Storage{Name: nameNameID}
	add := func(tag mapi.Tag, b []byte) {
		st.Streams = append(st.Streams, mapi.Stream{Name: hexName(prefixSubstg, uint32(tag)), Data: mapi.Bytes(b)})
	}
	add(tagGUIDStream, guids)
	add(tagEntryStream, entries)
	add(tagStringStream, strs)
	for i, b := range buckets {
		if len(b) > 0 {
			add(mapi.NewTag(uint16(hashBase+i), mapi.TypeBinary), b)
		}
	}
	return st
}

// nameHash is the CRC-32 of a string name, of its UTF-16 bytes; header names are
// taken in lower case. [MS-OXMSG] 2.2.3.2.2.1
//
// QUIRK: the algorithm that the specification refers to starts from ones and
// inverts its result. Outlook starts from zero and does not invert (corpus
// msg/lolo101-msgviewer/gutschein.msg and all others).
func nameHash(n mapi.Name, text []byte) uint32 {
	if n.Set == mapi.PSInternetHeaders {
		text = mapi.EncodeUTF16(strings.ToLower(n.Name))
	}
	return ^crc32.Update(0xFFFFFFFF, crc32.IEEETable, text)
}
