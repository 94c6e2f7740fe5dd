package ewstest

import (
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Synchronization. [MS-OXWSSYNC]

// A syncState is what a client knows: all changes up to a number, and which
// objects it was given. It travels in the SyncState, as the server keeps none.
type syncState struct {
	folder mailbox.FolderID
	seen   uint64
	given  ranges
}

// ranges is a set of identifiers, each an inclusive range, in ascending order.
type ranges [][2]uint64

func (r ranges) at(n uint64) (int, bool) {
	return slices.BinarySearchFunc(r, n, func(x [2]uint64, n uint64) int {
		switch {
		case x[1] < n:
			return -1
		case x[0] > n:
			return 1
		}
		return 0
	})
}

func (r ranges) has(n uint64) bool {
	_, ok := r.at(n)
	return ok
}

func (r *ranges) add(n uint64) {
	i, ok := r.at(n)
	if ok {
		return
	}
	before := i > 0 && (*r)[i-1][1]+1 == n
	after := i < len(*r) && (*r)[i][0] == n+1
	switch {
	case before && after:
		(*r)[i-1][1] = (*r)[i][1]
		*r = slices.Delete(*r, i, i+1)
	case before:
		(*r)[i-1][1] = n
	case after:
		(*r)[i][0] = n
	default:
		*r = slices.Insert(*r, i, [2]uint64{n, n})
	}
}

func (r *ranges) remove(n uint64) {
	i, ok := r.at(n)
	if !ok {
		return
	}
	x := (*r)[i]
	var parts [][2]uint64
	if x[0] < n {
		parts = append(parts, [2]uint64{x[0], n - 1})
	}
	if n < x[1] {
		parts = append(parts, [2]uint64{n + 1, x[1]})
	}
	*r = slices.Replace(*r, i, i+1, parts...)
}

var syncLead = []byte{0x01, 0xFA, 0xFB}

func (s syncState) String() string {
	b := append([]byte(nil), syncLead...)
	b = binary.AppendUvarint(b, uint64(s.folder))
	b = binary.AppendUvarint(b, s.seen)
	last := uint64(0)
	for _, x := range s.given {
		b = binary.AppendUvarint(b, x[0]-last)
		b = binary.AppendUvarint(b, x[1]-x[0])
		last = x[1]
	}
	return base64.StdEncoding.EncodeToString(b)
}

// readState reads a SyncState; "" is that of a client that knows nothing.
func (c *call) readState(folder mailbox.FolderID) (syncState, *failure) {
	s := syncState{folder: folder}
	text := words(c.body.value("SyncState"))
	if text == "" {
		return s, nil
	}
	bad := func() (syncState, *failure) {
		if c.s.o.Quirks.IgnoreBadSyncState {
			return syncState{folder: folder}, nil
		}
		return s, fail("ErrorInvalidSyncStateData", "Synchronization state data is corrupt or otherwise invalid.")
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) < len(syncLead) || string(b[:len(syncLead)]) != string(syncLead) {
		return bad()
	}
	var nums []uint64
	for b = b[len(syncLead):]; len(b) > 0; {
		n, used := binary.Uvarint(b)
		if used <= 0 {
			return bad()
		}
		nums = append(nums, n)
		b = b[used:]
	}
	if len(nums) < 2 || len(nums)%2 != 0 || mailbox.FolderID(nums[0]) != folder {
		return bad()
	}
	s.seen = nums[1]
	last := uint64(0)
	for nums = nums[2:]; len(nums) > 0; nums = nums[2:] {
		x := [2]uint64{last + nums[0], last + nums[0] + nums[1]}
		s.given = append(s.given, x)
		last = x[1]
	}
	return s, nil
}

// deviation is one entry of Changes.
type deviation struct {
	kind string
	ch   mailbox.Change
	v    *view
}

func syncItems(c *call) *soapFault {
	sh, sf := parseShape(c.body.child("ItemShape"))
	if sf != nil {
		return sf
	}
	most := number(c.body.value("MaxChangesReturned"), 0)
	if most < 1 || most > 512 {
		return schemaFault("MaxChangesReturned is %d", most)
	}
	which := mailbox.Normal
	if c.body.value("SyncScope") == "NormalAndAssociatedItems" {
		which = mailbox.All
	}
	ignore := map[string]bool{}
	for _, n := range c.body.list("Ignore") {
		ignore[n.attr("Id")] = true
	}
	c.begin()
	c.message(nil, func() (func() error, error) {
		m, f, err := c.target(c.body.child("SyncFolderId"), 0)
		if err != nil {
			return nil, err
		}
		state, err := c.readState(f.ID)
		if err != nil {
			return nil, err
		}
		list, last, serr := c.deviations(m, f, which, &state, most, sh, ignore)
		if serr != nil {
			return nil, folderFailure(serr)
		}
		return func() error {
			c.w.elem("m:SyncState", state.String())
			c.w.bool("m:IncludesLastItemInRange", last)
			c.w.open("m:Changes")
			for _, d := range list {
				if err := c.writeDeviation(m, f, d); err != nil {
					return err
				}
			}
			c.w.close()
			return nil
		}, nil
	})
	return nil
}

// deviations lists what to tell the client next, and moves the state on.
func (c *call) deviations(m *mailbox.Mailbox, f mailbox.Folder, which mailbox.View, s *syncState, most int, sh shape, ignore map[string]bool) (list []deviation, last bool, err error) {
	changes, latest, err := m.Changes(f.ID, which, s.seen)
	if err != nil {
		return nil, false, err
	}
	for i := range changes {
		ch := changes[i]
		if len(list) == most {
			return list, false, nil
		}
		s.seen = ch.Number
		if ch.Kind == mailbox.Removed {
			if p := uint64(ch.Gone.Place); s.given.has(p) {
				s.given.remove(p)
				list = append(list, deviation{kind: "Delete", ch: ch})
			}
			continue
		}
		d := deviation{kind: "Update", ch: ch, v: c.newView(m, &changes[i].Item, sh)}
		known := s.given.has(uint64(ch.Item.Place))
		switch {
		case !known:
			d.kind = "Create"
		case ch.Kind == mailbox.ReadChanged && !c.s.o.Quirks.ReadAsUpdate:
			d.kind = "ReadFlagChange"
		}
		s.given.add(uint64(ch.Item.Place))
		if ignore[itemID(m, f.ID, ch.Item.Place)] {
			continue
		}
		list = append(list, d)
	}
	s.seen = latest
	return list, true, nil
}

func (c *call) writeDeviation(m *mailbox.Mailbox, f mailbox.Folder, d deviation) error {
	c.w.open("t:" + d.kind)
	defer c.w.close()
	switch d.kind {
	case "Delete":
		c.w.empty("t:ItemId", "Id", itemID(m, f.ID, d.ch.Gone.Place), "ChangeKey", changeKey(d.ch.Number))
	case "ReadFlagChange":
		c.itemID(m, d.v.it)
		c.w.bool("t:IsRead", d.v.it.Read())
	default:
		return d.v.writeItem()
	}
	return nil
}

func syncHierarchy(c *call) *soapFault {
	sh, sf := parseShape(c.body.child("FolderShape"))
	if sf != nil {
		return sf
	}
	c.begin()
	c.message(nil, func() (func() error, error) {
		m := c.acting
		f, _ := m.WellKnown(mailbox.IPMSubtree)
		if n := c.body.child("SyncFolderId"); n != nil {
			var err *failure
			if m, f, err = c.target(n, 0); err != nil {
				return nil, err
			}
		}
		state, err := c.readState(f.ID)
		if err != nil {
			return nil, err
		}
		changes, latest := m.FolderChanges(f.ID, state.seen)
		below := map[mailbox.FolderID]bool{}
		for _, sub := range m.Folders(f.ID, true) {
			below[sub.ID] = true
		}
		var gone []mailbox.FolderID
		for _, x := range state.given {
			for id := x[0]; id <= x[1]; id++ {
				// Deleted, or moved out of what is watched.
				if fid := mailbox.FolderID(id); !below[fid] {
					gone = append(gone, fid)
				}
			}
		}
		return func() error {
			type change struct {
				kind string
				f    mailbox.Folder
			}
			var list []change
			for _, ch := range changes {
				if ch.Removed || !m.May(c.acting, ch.Folder.ID, mailbox.MayRead) {
					continue
				}
				kind := "Create"
				if state.given.has(uint64(ch.Folder.ID)) {
					kind = "Update"
				}
				state.given.add(uint64(ch.Folder.ID))
				list = append(list, change{kind, ch.Folder})
			}
			// One that moved in with its parent did not change itself.
			for _, sub := range m.Folders(f.ID, true) {
				if !state.given.has(uint64(sub.ID)) && m.May(c.acting, sub.ID, mailbox.MayRead) {
					state.given.add(uint64(sub.ID))
					list = append(list, change{"Create", sub})
				}
			}
			for _, id := range gone {
				state.given.remove(uint64(id))
			}
			state.seen = latest
			c.w.elem("m:SyncState", state.String())
			c.w.bool("m:IncludesLastFolderInRange", true)
			c.w.open("m:Changes")
			for _, ch := range list {
				c.w.open("t:" + ch.kind)
				c.writeFolder(m, ch.f, sh)
				c.w.close()
			}
			for _, id := range gone {
				c.w.open("t:Delete")
				c.w.empty("t:FolderId", "Id", folderID(m, id), "ChangeKey", changeKey(latest))
				c.w.close()
			}
			c.w.close()
			return nil
		}, nil
	})
	return nil
}
