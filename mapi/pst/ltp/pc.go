package ltp

import (
	"encoding/binary"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// A PC is a property context: the properties of one object. [MS-PST] 2.3.3
type PC struct {
	h        *Heap
	records  []byte // of 8 bytes: wPropId, wPropType, dwValueHnid
	problems mapi.Problems
}

const pcRecord = 8

// maxRecords bounds the properties of an object: there are no more
// identifiers than these.
const maxRecords = 1 << 16

// An Object is a property of type [mapi.TypeObject]: data that lies in a
// sub-node, such as an embedded message or an OLE storage. [MS-PST] 2.3.3.5
type Object struct {
	Tag  mapi.Tag
	NID  ndb.NID
	Size uint32
}

// OpenPC reads the list of properties of a node, but not their values.
func OpenPC(f *ndb.File, n ndb.Node) (*PC, error) {
	h, err := openHeap(f, n, typePC)
	if err != nil {
		return nil, err
	}
	pc := &PC{h: h}
	t, err := h.bth(h.userRoot, 2)
	if err != nil {
		root, ok := h.find(typeBTH, 2, 6)
		if !ok {
			return nil, err
		}
		pc.problems.Add(ndb.ProblemOf(err, n.String()))
		if t, err = h.bth(root, 2); err != nil {
			return nil, err
		}
	}
	if t.ent != 6 {
		return nil, broken(n, "cbEnt", "2.3.3.3", "records of %d bytes, want 6", t.ent)
	}
	single := t.levels == 0
	h.each(t, func(b []byte) bool {
		if room := maxRecords*pcRecord - len(pc.records); len(b) > room {
			pc.problems.Add(mapi.Problem{Severe: true, Where: n.String(), Offset: -1, Field: "BTH", Detail: "more properties than there are identifiers; the rest is not read", Spec: "[MS-PST] 2.3.3"})
			b = b[:room]
		}
		if single {
			pc.records = b
		} else {
			pc.records = append(pc.records, b...)
		}
		return len(pc.records) < maxRecords*pcRecord
	}, func(err error) { pc.problems.Add(ndb.ProblemOf(err, n.String())) })
	return pc, nil
}

// Len is the number of properties.
func (pc *PC) Len() int { return len(pc.records) / pcRecord }

// Tag is the tag of the i-th property.
func (pc *PC) Tag(i int) mapi.Tag {
	r := pc.records[i*pcRecord:]
	return mapi.NewTag(binary.LittleEndian.Uint16(r), mapi.Type(binary.LittleEndian.Uint16(r[2:])))
}

// Value reads the value of the i-th property, which is not of type
// [mapi.TypeObject].
func (pc *PC) Value(i int) (mapi.Value, error) {
	r := pc.records[i*pcRecord : i*pcRecord+pcRecord : i*pcRecord+pcRecord]
	t := mapi.Type(binary.LittleEndian.Uint16(r[2:]))
	if size := t.FixedSize(); size > 0 && size <= 4 && !t.Multi() {
		return mapi.RawValue(t, r[4:4+size:4+size]), nil
	}
	if t == mapi.TypeNull || t == mapi.TypeUnspecified {
		return mapi.RawValue(t, nil), nil
	}
	return pc.h.value(t, HID(binary.LittleEndian.Uint32(r[4:])))
}

// Object reads where the i-th property, of type [mapi.TypeObject], lies.
func (pc *PC) Object(i int) (Object, error) {
	r := pc.records[i*pcRecord:]
	o := Object{Tag: pc.Tag(i)}
	hnid := HID(binary.LittleEndian.Uint32(r[4:]))
	if !hnid.IsHID() {
		o.NID = ndb.NID(hnid)
		return o, nil
	}
	b, err := pc.h.Item(hnid)
	if err != nil {
		return o, err
	}
	if len(b) < 8 {
		return o, broken(pc.h.node, "Nid", "2.3.3.5", "object of %d bytes, want 8", len(b))
	}
	o.NID = ndb.NID(binary.LittleEndian.Uint32(b))
	o.Size = binary.LittleEndian.Uint32(b[4:])
	return o, nil
}

// Properties reads all values. Objects are listed apart. Names and code pages
// are not resolved. Problems holds what could not be read.
func (pc *PC) Properties() (mapi.Properties, []Object, mapi.Problems) {
	problems := pc.problems
	problems = append(problems, pc.h.d.Problems()...)
	ps := make(mapi.Properties, 0, pc.Len()+2)
	var objects []Object
	for i := range pc.Len() {
		tag := pc.Tag(i)
		if tag.Type() == mapi.TypeObject {
			o, err := pc.Object(i)
			if err != nil {
				problems.Add(propertyProblem(err, pc.h.node, tag))
				continue
			}
			objects = append(objects, o)
			continue
		}
		if !tag.Type().Known() {
			problems.Add(mapi.Problem{
				Where: pc.h.node.String(), Offset: -1, Field: "wPropType",
				Detail: "property 0x" + tag.String() + " has a type that does not exist; it is left out", Spec: "[MS-PST] 2.3.3.3",
			})
			continue
		}
		v, err := pc.Value(i)
		if err != nil {
			problems.Add(propertyProblem(err, pc.h.node, tag))
			continue
		}
		ps = append(ps, mapi.Property{Tag: tag, Value: v})
	}
	return ps, objects, problems
}

// propertyProblem says which property an error is about. It is severe where
// the property is content.
func propertyProblem(err error, n ndb.Node, tag mapi.Tag) mapi.Problem {
	p := ndb.ProblemOf(err, n.String())
	p.Detail = mapi.Property{Tag: tag}.String() + ": " + p.Detail
	p.Severe = isContent(tag)
	return p
}

// isContent reports whether a property is a body, a date, a name or the
// content of an attachment.
func isContent(tag mapi.Tag) bool {
	switch tag.ID() {
	case mapi.PidTagBody.ID(), mapi.PidTagHtml.ID(), mapi.PidTagRtfCompressed.ID(), mapi.PidTagSubject.ID(),
		mapi.PidTagAttachDataBinary.ID(), mapi.PidTagMessageDeliveryTime.ID(), mapi.PidTagClientSubmitTime.ID(),
		mapi.PidTagTransportMessageHeaders.ID(), mapi.PidTagMessageClass.ID():
		return true
	}
	return false
}
