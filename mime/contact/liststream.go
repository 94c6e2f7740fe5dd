package contact

import "encoding/binary"

// maxMemberBytes bounds PidLidDistributionListMembers and its one-offs; a
// longer list is a stream. [MS-OXOCNTC] 2.2.2.2.1
const maxMemberBytes = 15000

// maxStream bounds a PidLidDistributionListStream that is read.
const maxStream = 32 << 20

const (
	streamVersion = 1
	streamHeader  = 28
	// streamBuild is the version of Outlook that the stream names: 12.0.
	streamBuild = 120000
)

// A member is one entry of PidLidDistributionListStream.
type member struct{ entry, oneOff []byte }

// parseStream reads PidLidDistributionListStream. ok is false where it ends too
// soon; what was read until then is returned. [MS-OXOCNTC] 2.2.2.2.4
func parseStream(b []byte) (list []member, ok bool) {
	if len(b) < streamHeader || binary.LittleEndian.Uint16(b) != streamVersion {
		return nil, false
	}
	count := binary.LittleEndian.Uint32(b[12:])
	b = b[streamHeader:]
	cut := func() ([]byte, bool) {
		if len(b) < 4 {
			return nil, false
		}
		n := binary.LittleEndian.Uint32(b)
		if uint64(n) > uint64(len(b)-4) {
			return nil, false
		}
		p := b[4 : 4+n]
		b = b[4+n:]
		return p, true
	}
	for range count {
		var m member
		var extra bool
		if m.entry, ok = cut(); !ok {
			return list, false
		}
		if m.oneOff, ok = cut(); !ok {
			return list, false
		}
		if _, extra = cut(); !extra {
			return list, false
		}
		if len(list) <= maxMembers {
			list = append(list, m)
		}
	}
	return list, true
}

// listStream makes PidLidDistributionListStream of one-off members.
func listStream(members [][]byte) []byte {
	total := 0
	for _, m := range members {
		total += len(m)
	}
	b := make([]byte, 0, streamHeader+2*total+12*len(members)+8)
	b = binary.LittleEndian.AppendUint16(b, streamVersion)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint32(b, streamBuild)
	b = binary.LittleEndian.AppendUint32(b, 0) // flags
	b = binary.LittleEndian.AppendUint32(b, uint32(len(members)))
	b = binary.LittleEndian.AppendUint32(b, uint32(total))
	b = binary.LittleEndian.AppendUint32(b, uint32(total))
	b = binary.LittleEndian.AppendUint32(b, 0) // extra
	for _, m := range members {
		for range 2 {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(m)))
			b = append(b, m...)
		}
		b = binary.LittleEndian.AppendUint32(b, 0)
	}
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0) // terminators
}
