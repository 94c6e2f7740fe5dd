package tnef

import (
	"bytes"
	"fmt"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/cursor"
)

const specProps = "[MS-OXTNEF] 2.1.3.4"

// properties reads one property list. The objects of an attachment go to a
// where it is not nil. It reports false when the list breaks off, with what
// was read until then.
func (d *decoder) properties(c *cursor.Cursor, field string, a *mapi.Attachment) (mapi.Properties, bool, error) {
	start := c.Pos()
	count, err := c.Uint32()
	if err != nil {
		return nil, false, d.damage(err, true, start, field, "the property list has no count")
	}
	var ps mapi.Properties
	for i := range count {
		if i >= maxProperties {
			d.problem(true, c.Pos(), field, specProps, "the list claims %d properties; there are not so many identifiers", count)
			return ps, false, nil
		}
		at := c.Pos()
		p, err := d.property(c, a)
		if err != nil {
			return ps, false, d.damage(err, true, at, field, "property %d of %d: %v; the rest of the list is lost", i+1, count, err)
		}
		if p != nil {
			ps = append(ps, *p)
		}
	}
	return ps, true, nil
}

// property reads one property. It is nil when it became an object of a.
func (d *decoder) property(c *cursor.Cursor, a *mapi.Attachment) (*mapi.Property, error) {
	raw, err := c.Uint32()
	if err != nil {
		return nil, err
	}
	p := &mapi.Property{Tag: mapi.Tag(raw)}
	if p.Tag.ID() >= 0x8000 {
		if p.Name, err = d.name(c); err != nil {
			return nil, fmt.Errorf("name of %v: %w", p.Tag, err)
		}
		if n := p.Name; n.Set == mapi.PSMAPI && n.Name == "" && n.ID >= 0x8000 && n.ID <= 0xFFFF {
			// The set whose numbers are identifiers: this one had no name.
			p.Tag = mapi.NewTag(uint16(n.ID), p.Tag.Type())
			p.Name = nil
		}
	}
	if p.Name == nil && p.Tag == mapi.PidTagAttachDataObject && a != nil {
		return d.object(c, a, p)
	}
	p.Value, err = d.value(c, p)
	if err != nil {
		return nil, fmt.Errorf("%v (%v): %w", p, p.Tag.Type(), err)
	}
	return p, nil
}

func (d *decoder) name(c *cursor.Cursor) (*mapi.Name, error) {
	set, err := c.Bytes(16)
	if err != nil {
		return nil, err
	}
	n := &mapi.Name{Set: mapi.GUID(set)}
	kind, err := c.Uint32()
	if err != nil {
		return nil, err
	}
	switch kind {
	case kindID:
		n.ID, err = c.Uint32()
		return n, err
	case kindName:
		at := c.Pos()
		size, err := c.Uint32()
		if err != nil {
			return nil, err
		}
		b, err := c.Bytes(int64(size))
		if err != nil {
			return nil, fmt.Errorf("%d bytes of text: %w", size, err)
		}
		if err := pad(c, int64(size)); err != nil {
			return nil, err
		}
		n.Name = mapi.DecodeUTF16(trimTerminator(mapi.TypeString, b))
		if n.Name == "" {
			d.problem(false, at, "NamedPropSpec", specProps, "a property name is empty")
		}
		return n, nil
	}
	return nil, fmt.Errorf("kind %d is neither 0 nor 1", kind)
}

// pad skips the zeros that bring n bytes to a multiple of 4. The last value of
// a list may lack them.
func pad(c *cursor.Cursor, n int64) error {
	k := -n & 3
	if k > c.Left() {
		k = c.Left()
	}
	return c.Skip(k)
}

// trimTerminator cuts the one zero that ends a string.
func trimTerminator(t mapi.Type, b []byte) []byte {
	switch t.Elem() {
	case mapi.TypeString8:
		return bytes.TrimSuffix(b, []byte{0})
	case mapi.TypeString:
		return bytes.TrimSuffix(b, []byte{0, 0})
	}
	return b
}

// value reads the value of p by its type.
func (d *decoder) value(c *cursor.Cursor, p *mapi.Property) (mapi.Value, error) {
	t := p.Tag.Type()
	v, err := d.rawValue(c, t)
	if t.Elem() == mapi.TypeString8 {
		v = v.WithCharset(d.charset)
	}
	return v, err
}

func (d *decoder) rawValue(c *cursor.Cursor, t mapi.Type) (mapi.Value, error) {
	fixed := int64(t.FixedSize())
	if fixed > 0 && !t.Multi() {
		b, err := c.Bytes(fixed)
		if err != nil {
			return mapi.Value{}, err
		}
		return mapi.RawValue(t, b), pad(c, fixed)
	}
	at := c.Pos()
	count, err := c.Uint32()
	if err != nil {
		return mapi.Value{}, err
	}
	switch {
	case fixed > 0:
		if int64(count)*fixed > c.Left() {
			return mapi.Value{}, fmt.Errorf("%d values: %w", count, cursor.ErrShort)
		}
		var all []byte
		for range count {
			b, err := c.Bytes(fixed)
			if err != nil {
				return mapi.Value{}, err
			}
			all = append(all, b...)
			if err := pad(c, fixed); err != nil {
				return mapi.Value{}, err
			}
		}
		return mapi.RawValue(t, all), nil
	case t.Multi():
		var elems [][]byte
		for range count {
			off, n, err := variable(c)
			if err != nil {
				return mapi.Value{}, err
			}
			b, err := d.bytes(off, n)
			if err != nil {
				return mapi.Value{}, err
			}
			elems = append(elems, trimTerminator(t, b))
		}
		return mapi.MultiValue(t, elems), nil
	}
	if !t.Known() {
		d.problem(false, at, "PropertyType", specProps, "type %v is not defined; its value is kept as bytes", t)
	}
	if count == 0 {
		return mapi.RawValue(t, nil), nil
	}
	off, n, err := variable(c)
	if err != nil {
		return mapi.Value{}, err
	}
	for i := uint32(1); i < count; i++ {
		if i == 1 {
			d.problem(false, at, "PropValueCount", specProps, "%v with %d values; the first is taken", t, count)
		}
		if _, _, err := variable(c); err != nil {
			return mapi.Value{}, err
		}
	}
	if t == mapi.TypeObject && n >= 16 {
		iid, err := d.bytes(off, 16)
		if err != nil {
			return mapi.Value{}, err
		}
		if mapi.GUID(iid) == iidStream || mapi.GUID(iid) == iidStorage {
			off, n = off+16, n-16
		}
	}
	return d.bounded(t, off, n)
}

// variable finds a value of variable length and moves behind its padding.
func variable(c *cursor.Cursor) (off, n int64, err error) {
	size, err := c.Uint32()
	if err != nil {
		return 0, 0, err
	}
	off, n = c.Pos(), int64(size)
	if n > c.Left() {
		return 0, 0, fmt.Errorf("%d bytes claimed, %d are left: %w", n, c.Left(), cursor.ErrShort)
	}
	c.Skip(n)
	return off, n, pad(c, n)
}

// bytes reads n bytes at off, which lie within the source.
func (d *decoder) bytes(off, n int64) ([]byte, error) {
	return cursor.Read(sourceReader{d.r}, off, n)
}

// bounded makes a value of n bytes at off, held when it is small.
func (d *decoder) bounded(t mapi.Type, off, n int64) (mapi.Value, error) {
	if n <= mapi.InlineLimit {
		b, err := d.bytes(off, n)
		return mapi.RawValue(t, trimTerminator(t, b)), err
	}
	end, err := d.bytes(off+n-2, 2)
	if err != nil {
		return mapi.Value{}, err
	}
	n -= int64(2 - len(trimTerminator(t, end)))
	return mapi.BlobValue(t, mapi.Section{R: d.r, Off: off, N: n}), nil
}

// object reads PidTagAttachDataObject: an embedded message, a storage, or
// plain bytes, which stay a property.
func (d *decoder) object(c *cursor.Cursor, a *mapi.Attachment, p *mapi.Property) (*mapi.Property, error) {
	count, err := c.Uint32()
	if err != nil || count == 0 {
		return nil, err
	}
	off, n, err := variable(c)
	if err != nil {
		return nil, fmt.Errorf("PidTagAttachDataObject: %w", err)
	}
	for i := uint32(1); i < count; i++ {
		if _, _, err := variable(c); err != nil {
			return nil, err
		}
	}
	var iid mapi.GUID
	if n >= 16 {
		b, err := d.bytes(off, 16)
		if err != nil {
			return nil, err
		}
		iid = mapi.GUID(b)
	}
	switch iid {
	case iidMessage:
		if a.Embedded != nil {
			break
		}
		m, err := d.embedded(off+16, n-16)
		if err != nil {
			return nil, ioError{err}
		}
		if m != nil {
			a.Embedded = m
			return nil, nil
		}
		off, n = off+16, n-16
	case iidStorage:
		off, n = off+16, n-16
		if d.opts.Storage == nil || a.Storage != nil {
			break
		}
		s, err := d.opts.Storage(d.ctx, io.NewSectionReader(d.r, off, n), n)
		if err == nil {
			a.Storage = s
			return nil, nil
		}
		if d.ctx.Err() != nil {
			return nil, ioError{d.ctx.Err()}
		}
		d.problem(false, off, "PidTagAttachDataObject", specProps, "the compound file of an OLE object cannot be read, it is kept as it is: %v", err)
	case iidStream:
		off, n = off+16, n-16
	default:
		d.problem(false, off, "PidTagAttachDataObject", specProps, "interface %v is not known; the bytes are kept", iid)
	}
	p.Value, err = d.bounded(mapi.TypeObject, off, n)
	return p, err
}
