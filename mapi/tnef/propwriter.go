package tnef

import (
	"fmt"
	"math"

	"github.com/mailconv/mailconv/mapi"
)

// An object is the content of an attachment that its property list carries.
type object struct {
	message *mapi.Message
	file    mapi.Blob
	depth   int
}

// properties writes a property list. [MS-OXTNEF] 2.1.3.4
func (e *encoder) properties(ps mapi.Properties, obj *object) {
	n := len(ps)
	if obj != nil && obj.message != nil {
		n++
	}
	if obj != nil && obj.file != nil {
		n++
	}
	e.uint32(uint32(n))
	for _, p := range ps {
		e.tag(p)
		e.value(p)
	}
	if obj == nil {
		return
	}
	if m := obj.message; m != nil {
		size, ok := e.sizes[m]
		if !ok {
			size = e.measure(func(c *encoder) { c.stream(m, obj.depth+1) })
			e.sizes[m] = size
		}
		e.object(iidMessage, size, func() {
			if e.w == nil {
				e.n += size
				return
			}
			e.stream(m, obj.depth+1)
		})
	}
	if b := obj.file; b != nil {
		e.object(iidStorage, b.Size(), func() { e.blob(b, mapi.PidTagAttachDataObject) })
	}
}

func (e *encoder) object(iid mapi.GUID, size int64, f func()) {
	e.uint32(uint32(mapi.PidTagAttachDataObject))
	e.uint32(1)
	e.length(size + int64(len(iid)))
	e.bytes(iid[:])
	f()
	e.pad(size + int64(len(iid)))
}

func (e *encoder) length(n int64) {
	if n > math.MaxUint32 {
		e.fail(fmt.Errorf("%w: a value of %d bytes", mapi.ErrTooLarge, n))
	}
	e.uint32(uint32(n))
}

func (e *encoder) pad(n int64) { e.bytes([]byte{0, 0, 0}[:-n&3]) }

// tag writes the tag of p, and its name where the identifier asks for one.
func (e *encoder) tag(p mapi.Property) {
	t := p.Value.Type()
	if p.Name == nil {
		e.uint32(uint32(p.Tag.WithType(t)))
		if id := p.Tag.ID(); id >= 0x8000 {
			e.bytes(mapi.PSMAPI[:])
			e.uint32(kindID)
			e.uint32(uint32(id))
		}
		return
	}
	e.uint32(uint32(mapi.NewTag(e.id(*p.Name), t)))
	e.bytes(p.Name.Set[:])
	if p.Name.Name == "" {
		e.uint32(kindID)
		e.uint32(p.Name.ID)
		return
	}
	text := append(mapi.EncodeUTF16(p.Name.Name), 0, 0)
	e.uint32(kindName)
	e.length(int64(len(text)))
	e.bytes(text)
	e.pad(int64(len(text)))
}

// id gives each name an identifier of the named range. Readers go by the name;
// with more names than identifiers the last one is shared.
func (e *encoder) id(n mapi.Name) uint16 {
	id, ok := e.ids[n]
	if !ok {
		id = uint16(min(0x8000+len(e.ids), 0xFFFE))
		e.ids[n] = id
	}
	return id
}

// terminators end each string. [MS-OXTNEF] 2.1.3.4
var terminators = map[mapi.Type][]byte{mapi.TypeString8: {0}, mapi.TypeString: {0, 0}}

func (e *encoder) value(p mapi.Property) {
	v := p.Value
	t := v.Type()
	end := terminators[t.Elem()]
	switch {
	case t.Multi():
		elems := v.Elems()
		e.uint32(uint32(len(elems)))
		for _, b := range elems {
			if t.FixedSize() == 0 {
				e.length(int64(len(b) + len(end)))
			}
			e.bytes(b)
			e.bytes(end)
			e.pad(int64(len(b) + len(end)))
		}
	case t.FixedSize() > 0:
		e.bytes(v.Raw())
		e.pad(int64(t.FixedSize()))
	case t == mapi.TypeObject:
		// Plain bytes, or a compound file that was not taken apart.
		iid := iidStream
		if startsAsCompoundFile(e, v) {
			iid = iidStorage
		}
		e.uint32(1)
		e.length(v.Size() + int64(len(iid)))
		e.bytes(iid[:])
		e.blob(v.Blob(), p)
		e.pad(v.Size() + int64(len(iid)))
	default:
		n := v.Size() + int64(len(end))
		e.uint32(1)
		e.length(n)
		e.blob(v.Blob(), p)
		e.bytes(end)
		e.pad(n)
	}
}

func startsAsCompoundFile(e *encoder, v mapi.Value) bool {
	r, err := v.Blob().Open(e.ctx)
	if err != nil {
		return false
	}
	defer r.Close()
	var b [8]byte
	n, _ := r.Read(b[:])
	return isCompoundFile(b[:n])
}
