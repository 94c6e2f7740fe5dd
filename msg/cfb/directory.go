package cfb

import (
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

// A directory is the middle view: entries of 128 bytes, linked to siblings and
// children by their numbers. [MS-CFB] 2.6
type directory struct {
	raw  []byte // whole entries only
	run  run
	seen []bool
}

// entry is one directory entry as it stands in the file. [MS-CFB] 2.6.1
type entry []byte

func (e entry) typ() byte        { return e[offType] }
func (e entry) left() uint32     { return binary.LittleEndian.Uint32(e[offLeft:]) }
func (e entry) right() uint32    { return binary.LittleEndian.Uint32(e[offRight:]) }
func (e entry) child() uint32    { return binary.LittleEndian.Uint32(e[offChild:]) }
func (e entry) state() uint32    { return binary.LittleEndian.Uint32(e[offState:]) }
func (e entry) created() uint64  { return binary.LittleEndian.Uint64(e[offCreated:]) }
func (e entry) modified() uint64 { return binary.LittleEndian.Uint64(e[offModified:]) }
func (e entry) start() uint32    { return binary.LittleEndian.Uint32(e[offStart:]) }
func (e entry) clsid() mapi.GUID { return mapi.GUID(e[offCLSID : offCLSID+16]) }

// size is the length of a stream. The upper half has no meaning with sectors
// of 512 bytes. [MS-CFB] 2.6.1, Stream Size
func (e entry) size(shift uint) int64 {
	if shift == 9 {
		return int64(binary.LittleEndian.Uint32(e[offSize:]))
	}
	return int64(min(binary.LittleEndian.Uint64(e[offSize:]), 1<<62))
}

// appendName appends the name in UTF-8. A length that cannot be is replaced by
// the first zero, as a name has 31 units and a zero at most.
func (e entry) appendName(dst []byte) (name []byte, ok bool) {
	n := int(binary.LittleEndian.Uint16(e[offNameLen:]))
	ok = n%2 == 0 && n >= 2 && n <= offNameLen
	if !ok {
		n = offNameLen
	} else {
		n -= 2
	}
	for i := 0; i+1 < n; i += 2 {
		u := rune(binary.LittleEndian.Uint16(e[i:]))
		if u == 0 {
			break
		}
		if u < utf8.RuneSelf {
			dst = append(dst, byte(u))
			continue
		}
		if utf16.IsSurrogate(u) && i+3 < n {
			if r := utf16.DecodeRune(u, rune(binary.LittleEndian.Uint16(e[i+2:]))); r != utf8.RuneError {
				u = r
				i += 2
			}
		}
		dst = utf8.AppendRune(dst, u) // a lone surrogate becomes U+FFFD
	}
	return dst, ok
}

func (d *directory) len() uint32           { return uint32(len(d.raw) / dirEntrySize) }
func (d *directory) entry(id uint32) entry { return entry(d.raw[id*dirEntrySize:][:dirEntrySize]) }
func (r *Reader) entryOffset(id uint32) int64 {
	off := int64(id) * dirEntrySize
	s, _ := r.dir.run.at(off, r.f.shift)
	return r.f.offset(s) + off&(r.f.sectorSize()-1)
}

// readDirectory follows the chain of directory sectors and holds the entries
// until the tree is built.
func (r *Reader) readDirectory(start uint32) error {
	f := &r.f
	want := int64(MaxEntries*dirEntrySize) >> f.shift
	ext, n, why, err := f.chain(nil, start, want+1)
	if err != nil {
		return err
	}
	if why != "" {
		p := problem(offFirstDir, "First Directory Sector Location", "directory: "+why, "2.6")
		p.Severe = true
		f.problems.Add(p)
	}
	if int64(n) > want {
		p := problem(offFirstDir, "First Directory Sector Location", fmt.Sprintf("the directory has more than %d entries", MaxEntries), "2.6")
		p.Severe, p.Unsupported = true, true
		return formatError(p)
	}
	size := f.clamp(ext, n, int64(n)<<f.shift) / dirEntrySize * dirEntrySize
	if size == 0 {
		p := problem(offFirstDir, "First Directory Sector Location", fmt.Sprintf("no directory at sector 0x%X", start), "2.6")
		p.Severe = true
		return formatError(p)
	}
	r.dir.run = run{ext, n, size}
	if len(ext) == 1 && f.mem != nil {
		r.dir.raw = f.mem[f.offset(ext[0].sector):][:size]
	} else {
		r.dir.raw = make([]byte, size)
		if _, err := f.readRun(&r.dir.run, r.dir.raw, 0); err != nil && err != io.EOF {
			return fmt.Errorf("cfb: directory: %w", err)
		}
	}
	r.dir.seen = make([]bool, r.dir.len())
	return nil
}

// siblings lists the entries of the tree below a Child ID in its order, left
// first. No recursion: a hostile tree may be a list of any length.
func (r *Reader) siblings(root uint32, list, stack []uint32, parent string) ([]uint32, []uint32) {
	list, stack = list[:0], stack[:0]
	d := &r.dir
	enter := func(id uint32, from string) bool {
		if id == noStream {
			return false
		}
		why := ""
		switch {
		case id >= d.len():
			why = fmt.Sprintf("stream ID 0x%X of 0x%X", id, d.len())
		case d.seen[id]:
			why = fmt.Sprintf("stream ID 0x%X is linked twice", id)
		case d.entry(id).typ() != typeStorage && d.entry(id).typ() != typeStream:
			if d.entry(id).typ() == typeUnallocated && id == 0 {
				return false
			}
			why = fmt.Sprintf("stream ID 0x%X has object type 0x%02X", id, d.entry(id).typ())
		}
		if why != "" {
			p := problem(-1, from, why+"; what hangs below it is lost", "2.6.1")
			p.Where, p.Severe = printable(parent), true
			r.f.problems.Add(p)
			return false
		}
		d.seen[id] = true
		return true
	}
	cur, ok := root, enter(root, "Child ID")
	for ok || len(stack) > 0 {
		if ok {
			stack = append(stack, cur)
			cur = d.entry(cur).left()
			ok = enter(cur, "Left Sibling ID")
			continue
		}
		cur = stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		list = append(list, cur)
		cur = d.entry(cur).right()
		ok = enter(cur, "Right Sibling ID")
	}
	return list, stack
}
