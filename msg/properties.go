package msg

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg/cfb"
)

func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// A propStream is a stream that holds the value of one property, as in
// __substg1.0_0037001F.
type propStream struct {
	tag  mapi.Tag
	data *cfb.Stream
	used bool
}

// path is the name of the stream as problems give it.
func (s *propStream) path(where string) string {
	return join(where, hexName(prefixSubstg, uint32(s.tag)))
}

// An elemStream holds one element of a list, as in __substg1.0_8000101F-00000002.
type elemStream struct {
	tag  mapi.Tag
	n    uint32
	data *cfb.Stream
}

func comparePropStreams(a, b propStream) int { return cmp.Compare(a.tag, b.tag) }

func compareElemStreams(a, b elemStream) int {
	return cmp.Or(cmp.Compare(a.tag, b.tag), cmp.Compare(a.n, b.n))
}

// maxPropertyStream bounds the property stream of one object. Identifiers have
// 16 bits, so that a sound stream is far shorter.
const maxPropertyStream = 1<<16*entrySize + headerRoot

// properties reads all properties of one object: those of the property stream
// in its order, then those that only have a stream. It returns the header of
// the property stream, or nil when that is missing or cut. [MS-OXMSG] 2.4
func (r *reader) properties(dst *mapi.Properties, st *mapi.Storage, where string, header int) (head []byte) {
	var stream *cfb.Stream
	r.streams, r.elems = r.streams[:0], r.elems[:0]
	for _, s := range st.Streams {
		data := s.Data.(*cfb.Stream)
		rest, ok := cutPrefix(s.Name, prefixSubstg)
		switch {
		case ok && len(rest) == 8:
			if v, ok := parseHex(rest); ok {
				r.streams = append(r.streams, propStream{mapi.Tag(v), data, false})
				continue
			}
		case ok && len(rest) == 17 && rest[8] == '-':
			v, ok1 := parseHex(rest[:8])
			n, ok2 := parseHex(rest[9:])
			if ok1 && ok2 {
				r.elems = append(r.elems, elemStream{mapi.Tag(v), n, data})
				continue
			}
		case equalFold(s.Name, nameProperties):
			stream = data
			continue
		}
		r.problem(join(where, s.Name), -1, "", "a stream with an unknown name is left out", "2.2")
	}
	if !slices.IsSortedFunc(r.streams, comparePropStreams) {
		slices.SortStableFunc(r.streams, comparePropStreams)
	}
	if !slices.IsSortedFunc(r.elems, compareElemStreams) {
		slices.SortStableFunc(r.elems, compareElemStreams)
	}

	var raw []byte
	at := join(where, nameProperties)
	if stream == nil {
		r.severe(at, "", "missing; only properties with a stream of their own are left", "2.4")
	} else {
		raw = r.small(stream, at, maxPropertyStream)
		header = headerLength(raw, header)
		if len(raw) < header {
			r.severe(at, "", fmt.Sprintf("the stream ends in its header after %d bytes", len(raw)), "2.4.1")
			raw = nil
		} else {
			head, raw = raw[:header], raw[header:]
			if header < headerEmbedded {
				head = nil // no counts in it
			}
		}
	}
	if n := len(raw) % entrySize; n != 0 {
		r.problem(at, int64(header+len(raw)-n), "", fmt.Sprintf("%d bytes after the last whole entry", n), "2.4.2")
		raw = raw[:len(raw)-n]
	}
	ps := make(mapi.Properties, 0, len(raw)/entrySize+extra(r.streams, raw))
	for off := 0; off < len(raw); off += entrySize {
		e := raw[off : off+entrySize : off+entrySize]
		tag := mapi.Tag(le32(e))
		if tag == 0 {
			continue // an entry of zeros is padding
		}
		v, ok := r.value(tag, e, where, at, header+off)
		if !ok {
			continue
		}
		ps = append(ps, mapi.Property{Tag: tag, Name: r.names.name(tag.ID()), Value: v})
	}
	for i := range r.streams {
		s := &r.streams[i]
		if s.used || s.tag == tagAttachObject {
			continue
		}
		if stream != nil {
			r.problem(s.path(where), -1, "", "the property stream has no entry for it; kept", "2.4.2")
		}
		if v, ok := r.streamValue(s, where); ok {
			ps = append(ps, mapi.Property{Tag: s.tag, Name: r.names.name(s.tag.ID()), Value: v})
		}
	}
	*dst = r.unique(ps, at)
	return head
}

// key is what tells the properties of one object apart: the tag in the file, or
// the name and the type.
type key struct {
	name mapi.Name
	tag  mapi.Tag
}

func (k key) of(p *mapi.Property) bool {
	if k.name == (mapi.Name{}) {
		return k.tag == p.Tag
	}
	return p.Name != nil && *p.Name == k.name && p.Tag.Type() == k.tag.Type()
}

// unique removes properties that stand twice: the first is kept. Where two
// identifiers are mapped to one name, the second keeps its number instead.
func (r *reader) unique(ps mapi.Properties, at string) mapi.Properties {
	// Twins are rare. A bit for each key seen tells most properties that they
	// have none; long lists have an index.
	var seen [32]uint64
	var index map[key]bool
	if len(ps) > 512 {
		index = make(map[key]bool, len(ps))
	}
	kept := ps[:0]
	// enter notes a key and reports whether it is new.
	enter := func(k key) bool {
		if index != nil {
			twin := index[k]
			index[k] = true
			return !twin
		}
		h := (uint32(k.tag>>16) ^ uint32(k.tag)<<5 ^ k.name.ID ^ uint32(len(k.name.Name))*37) % (64 * uint32(len(seen)))
		bit := uint64(1) << (h % 64)
		maybe := seen[h/64]&bit != 0
		seen[h/64] |= bit
		if maybe {
			for i := range kept {
				if k.of(&kept[i]) {
					return false
				}
			}
		}
		return true
	}
	for i := range ps {
		p := ps[i]
		if !enter(key{tag: p.Tag}) {
			r.problem(at, -1, "Property Tag", "0x"+p.Tag.String()+" stands twice; the first is kept", "2.4.2")
			continue
		}
		if p.Name != nil && !enter(key{*p.Name, p.Tag & 0xFFFF}) {
			r.problem(at, -1, "Property Tag", "0x"+p.Tag.String()+" has the name of another property; it keeps its number only", "2.2.3")
			p.Name = nil
		}
		kept = append(kept, p)
	}
	return kept
}

// extra is how many streams there are beyond the entries, an estimate for the
// length of the list.
func extra(streams []propStream, raw []byte) int {
	return max(0, len(streams)-len(raw)/entrySize)
}

// headerLength is the header that a property stream really has: the one of the
// specification, unless only another one leaves whole entries of known types.
func headerLength(raw []byte, want int) int {
	fits := func(h int) bool {
		return len(raw) >= h+entrySize && (len(raw)-h)%entrySize == 0 && mapi.Type(le32(raw[h:])).Known()
	}
	if fits(want) || want == headerChild {
		return want
	}
	// QUIRK: [MS-OXMSG] 2.4.1.2 gives embedded messages 24 bytes; writers that
	// store an embedded message as they store a file give it 32.
	if other := headerRoot + headerEmbedded - want; fits(other) {
		return other
	}
	return want
}

// value reads the value of an entry. A property that is kept elsewhere in the
// model, or is lost, gives false.
func (r *reader) value(tag mapi.Tag, e []byte, where, at string, off int) (mapi.Value, bool) {
	t := tag.Type()
	if inlined(t) {
		n := t.FixedSize()
		return mapi.RawValue(t, e[8:8+n:8+n]), true
	}
	if tag == tagAttachObject {
		return mapi.Value{}, false // becomes Attachment.Embedded or Storage
	}
	i, ok := slices.BinarySearchFunc(r.streams, tag, func(s propStream, t mapi.Tag) int { return cmp.Compare(s.tag, t) })
	if ok {
		if r.streams[i].used {
			r.problem(at, int64(off), "Property Tag", "0x"+tag.String()+" stands twice; the first is kept", "2.4.2")
			return mapi.Value{}, false
		}
		return r.streamValue(&r.streams[i], where)
	}
	if !t.Known() || t == mapi.TypeUnspecified || t == mapi.TypeNull || t == mapi.TypeObject {
		return mapi.RawValue(t, e[8:16:16]), true
	}
	// Writers may leave out the stream of an empty value; its Size says so.
	if size := le32(e[8:]); size == 0 || t == mapi.TypeString8 && size == 1 || t == mapi.TypeString && size == 2 {
		if t.Multi() && t.FixedSize() == 0 {
			return mapi.MultiValue(t, nil), true
		}
		if t != mapi.TypeGUID {
			return mapi.RawValue(t, nil), true
		}
	}
	p := r.problem((&propStream{tag: tag}).path(where), -1, "Size",
		fmt.Sprintf("the stream is missing; the entry at 0x%X of the property stream gives it 0x%X bytes", off, le32(e[8:])), "2.1.3")
	p.Severe = content(tag)
	return mapi.Value{}, false
}

// content reports whether a property holds what a reader came for.
func content(tag mapi.Tag) bool {
	switch tag.ID() {
	case mapi.PidTagBody.ID(), mapi.PidTagHtml.ID(), mapi.PidTagRtfCompressed.ID(), mapi.PidTagAttachDataBinary.ID():
		return true
	}
	return false
}

// streamValue reads the value of a property from its stream, or leaves it
// there when it is long. [MS-OXMSG] 2.1.3 and 2.1.4
func (r *reader) streamValue(s *propStream, where string) (mapi.Value, bool) {
	s.used = true
	t := s.tag.Type()
	size := s.data.Size()
	if t.Multi() && t.FixedSize() == 0 && t.Known() {
		return r.list(s, where)
	}
	if t.FixedSize() == 0 && (size > mapi.InlineLimit || size > r.inline) {
		return mapi.BlobValue(t, s.data), true
	}
	raw, why := r.hold(s.data, 1<<20)
	if why != "" {
		r.severe(s.path(where), "", why, "2.1")
	}
	if n := t.FixedSize(); n > 0 && (t.Multi() && len(raw)%n != 0 || !t.Multi() && len(raw) != n) {
		r.problem(s.path(where), -1, "", fmt.Sprintf("%d bytes for %v, whose values take %d", len(raw), t, n), "2.1.4.1")
	}
	return mapi.RawValue(t, raw), true
}

// list reads a list of strings or binary values: a stream of lengths, and a
// stream for each value. [MS-OXMSG] 2.1.4.2
func (r *reader) list(s *propStream, where string) (mapi.Value, bool) {
	t := s.tag.Type()
	step := 4
	if t.Elem() == mapi.TypeBinary {
		step = 8
	}
	n := int(s.data.Size()) / step
	first, _ := slices.BinarySearchFunc(r.elems, elemStream{tag: s.tag}, compareElemStreams)
	have := 0
	for first+have < len(r.elems) && r.elems[first+have].tag == s.tag {
		have++
	}
	if n != have {
		r.problem(s.path(where), -1, "", fmt.Sprintf("%d values announced, %d streams found", n, have), "2.1.4.2.1")
	}
	elems := make([][]byte, have)
	for i := range elems {
		e := &r.elems[first+i]
		b, why := r.hold(e.data, 8<<20)
		if why != "" {
			r.severe(hexName(s.path(where)+"-", e.n), "", why, "2.1")
		}
		// The terminating zero of a string is part of this encoding, not of
		// the value. [MS-OXMSG] 2.1.4.2.2
		switch t.Elem() {
		case mapi.TypeString:
			if k := len(b); k >= 2 && b[k-1] == 0 && b[k-2] == 0 {
				b = b[: k-2 : k-2]
			}
		case mapi.TypeString8:
			b = bytes.TrimSuffix(b, []byte{0})
		}
		elems[i] = b
	}
	return mapi.MultiValue(t, elems), true
}

// small reads a stream whose content must be held in memory. What lies beyond
// limit or the memory of one file is cut, which is a problem.
func (r *reader) small(s *cfb.Stream, where string, limit int64) []byte {
	b, why := r.hold(s, limit)
	if why != "" {
		r.severe(where, "", why, "2.1")
	}
	return b
}

// hold is small without the report: why says what is wrong.
func (r *reader) hold(s *cfb.Stream, limit int64) (b []byte, why string) {
	size := s.Size()
	limit = min(limit, r.inline)
	var err error
	if size > limit {
		why = fmt.Sprintf("0x%X bytes, of which 0x%X are read", size, limit)
		b = make([]byte, limit)
		var n int
		n, err = s.ReadAt(b, 0)
		b = b[:n]
	} else {
		b, err = s.Bytes()
	}
	if err != nil && err != io.EOF {
		why = err.Error()
	}
	r.inline -= int64(len(b))
	return b[:len(b):len(b)], why
}
