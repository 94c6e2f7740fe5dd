package pst

import (
	"context"
	"encoding/binary"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ltp"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// The streams of the name-to-id map. [MS-PST] 2.4.7
const (
	nameGUIDs   = mapi.Tag(0x00020102)
	nameEntries = mapi.Tag(0x00030102)
	nameStrings = mapi.Tag(0x00040102)
)

// nameLimit bounds each stream: there are at most 32,767 named properties.
const nameLimit = 8 << 20

// readNames reads the map of named properties.
func (f *File) readNames() map[uint16]*mapi.Name {
	names := map[uint16]*mapi.Name{}
	fail := func(err error) map[uint16]*mapi.Name {
		p := ndb.ProblemOf(err, "name-to-id map")
		p.Severe = false
		f.problem(p)
		return names
	}
	n, err := f.db.Node(ndb.NIDNameToIDMap)
	if err != nil {
		return fail(err)
	}
	pc, err := ltp.OpenPC(f.db, n)
	if err != nil {
		return fail(err)
	}
	ps, _, problems := pc.Properties()
	for _, p := range problems {
		f.problem(p)
	}
	stream := func(t mapi.Tag) []byte {
		v, ok := ps.Get(t)
		if !ok {
			return nil
		}
		b, err := mapi.ReadBlob(context.Background(), v.Blob(), nameLimit)
		if err != nil {
			fail(err)
		}
		return b
	}
	guids, entries, texts := stream(nameGUIDs), stream(nameEntries), stream(nameStrings)
	for ; len(entries) >= 8; entries = entries[8:] {
		// NAMEID. [MS-PST] 2.4.7.1
		id, guid := binary.LittleEndian.Uint32(entries), binary.LittleEndian.Uint16(entries[4:])
		tag := binary.LittleEndian.Uint16(entries[6:]) + 0x8000
		if tag < 0x8000 {
			continue
		}
		name := &mapi.Name{}
		switch k := int(guid >> 1); k {
		case 0:
		case 1:
			name.Set = mapi.PSMAPI
		case 2:
			name.Set = mapi.PSPublicStrings
		default:
			if 16*(k-2) > len(guids) {
				f.problem(mapi.Problem{Where: n.String(), Offset: -1, Field: "wGuid", Detail: "names a property set that is not there", Spec: "[MS-PST] 2.4.7.1"})
				continue
			}
			copy(name.Set[:], guids[16*(k-3):])
		}
		if guid&1 == 0 {
			name.ID = id
			names[tag] = name
			continue
		}
		if int64(id)+4 > int64(len(texts)) {
			f.problem(mapi.Problem{Where: n.String(), Offset: -1, Field: "dwPropertyID", Detail: "names a string that is not there", Spec: "[MS-PST] 2.4.7.1"})
			continue
		}
		size := binary.LittleEndian.Uint32(texts[id:])
		b := texts[id+4:]
		if int64(size) > int64(len(b)) {
			f.problem(mapi.Problem{Where: n.String(), Offset: -1, Field: "PidTagNameidStreamString", Detail: "a name is longer than the stream", Spec: "[MS-PST] 2.4.7.4"})
			continue
		}
		name.Name = f.nameText(b[:size])
		if name.Name != "" {
			names[tag] = name
		}
	}
	return names
}

// sharedNames are the names that more than one identifier has, nil when there
// are none.
func sharedNames(names map[uint16]*mapi.Name) map[mapi.Name]bool {
	var shared map[mapi.Name]bool
	seen := make(map[mapi.Name]struct{}, len(names))
	for _, n := range names {
		if _, twice := seen[*n]; twice {
			if shared == nil {
				shared = map[mapi.Name]bool{}
			}
			shared[*n] = true
		}
		seen[*n] = struct{}{}
	}
	return shared
}

// nameText reads the text of a name.
func (f *File) nameText(b []byte) string {
	// QUIRK: [MS-PST] 2.4.7.4 says UTF-16; some 32-bit files hold bytes.
	if f.db.Layout().Kind == ndb.ANSI && (len(b)%2 != 0 || len(b) > 1 && b[1] != 0) {
		s, _ := f.charset.Decode(b)
		return s
	}
	return mapi.DecodeUTF16(b)
}
