package ltp

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// multiLimit bounds a list of strings or binaries, which has to be held.
const multiLimit = 4 << 20

// value reads the value of type t that an HNID points to.
// [MS-PST] 2.3.3.3, 2.3.3.4
func (h *Heap) value(t mapi.Type, hnid HID) (mapi.Value, error) {
	variable := t.FixedSize() == 0
	if hnid == 0 {
		if !variable && !t.Multi() {
			return mapi.Value{}, broken(h.node, "dwValueHnid", "2.3.3.3", "no value of type %v is stored", t)
		}
		return makeValue(t, nil), nil
	}
	if hnid.IsHID() {
		b, err := h.Item(hnid)
		if err != nil {
			return mapi.Value{}, err
		}
		return h.decode(t, b)
	}
	n, err := h.f.Subnode(h.node, ndb.NID(hnid))
	if err != nil {
		if errors.Is(err, ndb.ErrNotFound) {
			return mapi.Value{}, broken(h.node, "dwValueHnid", "2.3.3.2", "sub-node 0x%X does not exist", uint32(hnid))
		}
		return mapi.Value{}, err
	}
	d, err := h.f.Data(n)
	if err != nil {
		return mapi.Value{}, err
	}
	if size := d.Size(); size > mapi.InlineLimit || !h.f.Reserve(size) {
		if variable && !t.Multi() {
			return mapi.BlobValue(t, d.Blob()), nil
		}
		if size > multiLimit || !h.f.Reserve(size) {
			return mapi.Value{}, broken(n, "dwValueHnid", "2.3.3.4", "%v of %d bytes: %v", t, size, mapi.ErrTooLarge)
		}
	}
	b := make([]byte, d.Size())
	if _, err := d.ReadAt(b, 0); err != nil && err != io.EOF {
		return mapi.Value{}, err
	}
	return h.decode(t, b)
}

// decode makes a value of the bytes of an allocation.
func (h *Heap) decode(t mapi.Type, b []byte) (mapi.Value, error) {
	size := t.FixedSize()
	switch {
	case !t.Multi():
		if size > 0 && len(b) < size {
			return mapi.Value{}, broken(h.node, "dwValueHnid", "2.3.3.3", "%d bytes for a value of type %v", len(b), t)
		}
		if size > 0 {
			b = b[:size]
		}
		return mapi.RawValue(t, b), nil
	case size > 0:
		return mapi.RawValue(t, b), nil
	}
	// ulCount and the offsets of the items. [MS-PST] 2.3.3.4.2
	if len(b) == 0 {
		return mapi.MultiValue(t, nil), nil
	}
	if len(b) < 4 {
		return mapi.Value{}, broken(h.node, "ulCount", "2.3.3.4.2", "a list in %d bytes", len(b))
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n < 0 || n > (len(b)-4)/4 {
		return mapi.Value{}, broken(h.node, "ulCount", "2.3.3.4.2", "%d items in %d bytes", n, len(b))
	}
	elems := make([][]byte, n)
	for i := range elems {
		from, to := binary.LittleEndian.Uint32(b[4+4*i:]), uint32(len(b))
		if i+1 < n {
			to = binary.LittleEndian.Uint32(b[8+4*i:])
		}
		if from > to || to > uint32(len(b)) {
			return mapi.Value{}, broken(h.node, "rgulDataOffsets", "2.3.3.4.2", "item %d from %d to %d of %d bytes", i, from, to, len(b))
		}
		elems[i] = b[from:to:to]
	}
	return mapi.MultiValue(t, elems), nil
}

func makeValue(t mapi.Type, b []byte) mapi.Value {
	if t.Multi() && t.FixedSize() == 0 {
		return mapi.MultiValue(t, nil)
	}
	return mapi.RawValue(t, b)
}
