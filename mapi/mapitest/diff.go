// Package mapitest helps the tests of every codec of the property model: it
// says in which properties two messages differ.
//
// Start from [Diff].
package mapitest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// maxLines bounds what Diff returns.
const maxLines = 200

// Diff compares two messages property by property, with type and bytes:
// named properties by name, all others by tag. The order of properties does
// not count, that of recipients and attachments does. It returns one line for
// each difference, and nil when there is none.
//
// PidTagAttachDataObject of an attachment that has an embedded message or a
// storage is not compared, as the object itself is. Neither are the character
// sets of strings: their bytes are.
func Diff(a, b *mapi.Message) []string {
	d := &differ{}
	d.message("", a, b)
	return d.lines
}

// DiffProperties compares two lists in the same way.
func DiffProperties(a, b mapi.Properties) []string {
	d := &differ{}
	d.properties("", a, b, false)
	return d.lines
}

type differ struct{ lines []string }

func (d *differ) add(format string, args ...any) {
	if len(d.lines) < maxLines {
		d.lines = append(d.lines, fmt.Sprintf(format, args...))
	}
}

func (d *differ) message(path string, a, b *mapi.Message) {
	if a == nil || b == nil {
		if a != b {
			d.add("%smessage: %s", path, presence(a != nil))
		}
		return
	}
	d.properties(path, a.Props, b.Props, false)
	if len(a.Recipients) != len(b.Recipients) {
		d.add("%srecipients: %d and %d", path, len(a.Recipients), len(b.Recipients))
	}
	for i := range min(len(a.Recipients), len(b.Recipients)) {
		d.properties(fmt.Sprintf("%srecipient %d/", path, i), a.Recipients[i].Props, b.Recipients[i].Props, false)
	}
	if len(a.Attachments) != len(b.Attachments) {
		d.add("%sattachments: %d and %d", path, len(a.Attachments), len(b.Attachments))
	}
	for i := range min(len(a.Attachments), len(b.Attachments)) {
		x, y := a.Attachments[i], b.Attachments[i]
		p := fmt.Sprintf("%sattachment %d/", path, i)
		object := x.Embedded != nil || x.Storage != nil || y.Embedded != nil || y.Storage != nil
		d.properties(p, x.Props, y.Props, object)
		d.message(p, x.Embedded, y.Embedded)
		d.storage(p, x.Storage, y.Storage)
	}
}

func presence(inFirst bool) string {
	if inFirst {
		return "only in the first"
	}
	return "only in the second"
}

// keys tells the properties of a list apart; twins get a number.
func keys(ps mapi.Properties, object bool) (map[string]mapi.Property, []string) {
	m := make(map[string]mapi.Property, len(ps))
	var order []string
	for _, p := range ps {
		if object && p.Name == nil && p.Tag == mapi.PidTagAttachDataObject {
			continue
		}
		k := "tag " + p.Tag.String()
		if p.Name != nil {
			k = fmt.Sprintf("name {%s}:%d:%s", p.Name.Set, p.Name.ID, p.Name.Name)
		}
		base := k
		for n := 2; ; n++ {
			if _, ok := m[k]; !ok {
				break
			}
			k = fmt.Sprintf("%s (%d)", base, n)
		}
		m[k] = p
		order = append(order, k)
	}
	return m, order
}

func (d *differ) properties(path string, a, b mapi.Properties, object bool) {
	am, ak := keys(a, object)
	bm, bk := keys(b, object)
	for _, k := range ak {
		p := am[k]
		q, ok := bm[k]
		if !ok {
			d.add("%s%s (%s, %v): only in the first", path, p, k, p.Value.Type())
			continue
		}
		if s := DiffValue(p.Value, q.Value); s != "" {
			d.add("%s%s (%s): %s", path, p, k, s)
		}
	}
	for _, k := range bk {
		if _, ok := am[k]; !ok {
			d.add("%s%s (%s, %v): only in the second", path, bm[k], k, bm[k].Value.Type())
		}
	}
}

// DiffValue says how two values differ in type or bytes, "" when they do not.
func DiffValue(a, b mapi.Value) string {
	if a.Type() != b.Type() {
		return fmt.Sprintf("type %v and %v", a.Type(), b.Type())
	}
	if a.Type().Multi() {
		x, y := a.Elems(), b.Elems()
		if len(x) != len(y) {
			return fmt.Sprintf("%d and %d elements", len(x), len(y))
		}
		for i := range x {
			if !bytes.Equal(x[i], y[i]) {
				return fmt.Sprintf("element %d: %s and %s", i, show(x[i]), show(y[i]))
			}
		}
		return ""
	}
	if a.InMemory() && b.InMemory() {
		if !bytes.Equal(a.Raw(), b.Raw()) {
			return fmt.Sprintf("%s and %s", show(a.Raw()), show(b.Raw()))
		}
		return ""
	}
	return diffBlob(a.Blob(), b.Blob())
}

func show(b []byte) string {
	if len(b) > 48 {
		return fmt.Sprintf("%x... (%d bytes)", b[:48], len(b))
	}
	return fmt.Sprintf("%x (%d bytes)", b, len(b))
}

// diffBlob also holds each blob to the size that it promises.
func diffBlob(a, b mapi.Blob) string {
	if a.Size() != b.Size() {
		return fmt.Sprintf("%d and %d bytes", a.Size(), b.Size())
	}
	ctx := context.Background()
	x, err := a.Open(ctx)
	if err != nil {
		return fmt.Sprintf("first cannot be opened: %v", err)
	}
	defer x.Close()
	y, err := b.Open(ctx)
	if err != nil {
		return fmt.Sprintf("second cannot be opened: %v", err)
	}
	defer y.Close()
	var p, q [16 << 10]byte
	for off := int64(0); ; {
		n, err1 := io.ReadFull(x, p[:])
		m, err2 := io.ReadFull(y, q[:])
		if !bytes.Equal(p[:n], q[:m]) {
			return fmt.Sprintf("bytes differ within %d bytes from offset %d", len(p), off)
		}
		off += int64(n)
		if err1 != nil || err2 != nil {
			if !ended(err1) || !ended(err2) {
				return fmt.Sprintf("reading: %v and %v", err1, err2)
			}
			if off != a.Size() {
				return fmt.Sprintf("promises %d bytes and gives %d", a.Size(), off)
			}
			return ""
		}
	}
}

func ended(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

func (d *differ) storage(path string, a, b *mapi.Storage) {
	if a == nil || b == nil {
		if a != b {
			d.add("%sstorage: %s", path, presence(a != nil))
		}
		return
	}
	path += "storage " + a.Name + "/"
	if a.Name != b.Name || a.CLSID != b.CLSID || a.State != b.State || a.Created != b.Created || a.Modified != b.Modified {
		d.add("%s: %q %v %x %d %d and %q %v %x %d %d", path, a.Name, a.CLSID, a.State, a.Created, a.Modified,
			b.Name, b.CLSID, b.State, b.Created, b.Modified)
	}
	as, bs := byName(a.Streams, func(s mapi.Stream) string { return s.Name }), byName(b.Streams, func(s mapi.Stream) string { return s.Name })
	if len(as) != len(bs) {
		d.add("%sstreams: %d and %d", path, len(as), len(bs))
	}
	for i := range min(len(as), len(bs)) {
		if as[i].Name != bs[i].Name {
			d.add("%sstream: %q and %q", path, as[i].Name, bs[i].Name)
		} else if s := diffBlob(as[i].Data, bs[i].Data); s != "" {
			d.add("%sstream %q: %s", path, as[i].Name, s)
		}
	}
	at, bt := byName(a.Storages, func(s *mapi.Storage) string { return s.Name }), byName(b.Storages, func(s *mapi.Storage) string { return s.Name })
	if len(at) != len(bt) {
		d.add("%sstorages: %d and %d", path, len(at), len(bt))
	}
	for i := range min(len(at), len(bt)) {
		d.storage(path, at[i], bt[i])
	}
}

func byName[T any](list []T, name func(T) string) []T {
	s := append([]T(nil), list...)
	sort.SliceStable(s, func(i, j int) bool { return strings.Compare(name(s[i]), name(s[j])) < 0 })
	return s
}
