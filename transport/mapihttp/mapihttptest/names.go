package mapihttptest

import (
	"sync"

	"github.com/mailconv/mailconv/mapi"
)

// names gives the named properties of a mailbox their identifiers, which are
// valid within it. [MS-OXCPRPT] 3.2.5.9
type names struct {
	mu   sync.Mutex
	ids  map[mapi.Name]uint16
	list []mapi.Name
}

const firstNamed = 0x8001

// id is the identifier of a name; with create it is given one where it has
// none. 0 means that there is none.
func (n *names) id(name mapi.Name, create bool) uint16 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name.Set == mapi.PSMAPI {
		return uint16(name.ID)
	}
	if id, ok := n.ids[name]; ok {
		return id
	}
	if !create || len(n.list) > 0xFFFE-firstNamed {
		return 0
	}
	if n.ids == nil {
		n.ids = map[mapi.Name]uint16{}
	}
	id := uint16(firstNamed + len(n.list))
	n.ids[name] = id
	n.list = append(n.list, name)
	return id
}

// name is what an identifier stands for.
func (n *names) name(id uint16) (mapi.Name, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := int(id) - firstNamed
	if id < 0x8000 {
		return mapi.Name{Set: mapi.PSMAPI, ID: uint32(id)}, true
	}
	if i < 0 || i >= len(n.list) {
		return mapi.Name{}, false
	}
	return n.list[i], true
}

// all lists the names with their identifiers.
func (n *names) all() (ids []uint16, list []mapi.Name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, name := range n.list {
		ids, list = append(ids, uint16(firstNamed+i)), append(list, name)
	}
	return ids, list
}

// wire gives the properties of an item their identifiers of this mailbox.
func (n *names) wire(ps mapi.Properties) mapi.Properties {
	out := ps.Clone()
	for i, p := range out {
		if p.Name != nil {
			if id := n.id(*p.Name, true); id != 0 {
				out[i].Tag = mapi.NewTag(id, p.Tag.Type())
			}
		}
	}
	return out
}

// model gives properties that came over the wire their names.
func (n *names) model(ps mapi.Properties) mapi.Properties {
	out := ps.Clone()
	for i, p := range out {
		if name, ok := n.name(p.Tag.ID()); ok && p.Tag.ID() >= 0x8000 {
			out[i].Name = &name
		}
	}
	return out
}

// find is a property by a tag of the wire.
func (n *names) find(ps mapi.Properties, tag mapi.Tag) (mapi.Value, bool) {
	if tag.ID() >= 0x8000 {
		if name, ok := n.name(tag.ID()); ok {
			return ps.GetName(name)
		}
	}
	return ps.Get(tag)
}
