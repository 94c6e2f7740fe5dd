package cfb

import (
	"encoding/binary"
	"fmt"
	"io"
	"sort"

	"github.com/mailconv/mailconv/mapi"
)

// A sectorFile is the lowest view of a file: sectors, and the FAT that links
// them into chains. [MS-CFB] 2.1 to 2.5
//
// The FAT of a file is held when it is up to [smallFile] bytes, which is a file
// of 128 MiB in version 3. A larger FAT is read in windows of one sector while
// a chain is followed, so that memory stays flat; what remains of a chain is
// its extents, the runs of adjacent sectors.
type sectorFile struct {
	src   io.ReaderAt
	size  int64
	mem   []byte // the whole file when it is small, else nil
	shift uint
	count uint32 // sectors that start within the file

	fatSectors []uint32
	fat        []byte // held FAT, or nil
	window     []byte // one FAT sector
	windowAt   int    // its index, -1 when there is none

	budget   int64 // sectors that may still be handed to chains
	problems mapi.Problems
}

// An extent is a run of adjacent sectors of a chain. first is the position of
// its first sector in the chain.
type extent struct{ first, sector uint32 }

func (f *sectorFile) sectorSize() int64 { return 1 << f.shift }

// offset is the place of a sector in the file; the header counts as one.
func (f *sectorFile) offset(sector uint32) int64 { return (int64(sector) + 1) << f.shift }

// view is n bytes at off, as a part of the held file or read into scratch.
// Fewer come back at the end of the file.
func (f *sectorFile) view(off int64, n int, scratch []byte) ([]byte, error) {
	if off >= f.size || off < 0 {
		return nil, nil
	}
	n = int(min(int64(n), f.size-off))
	if f.mem != nil {
		return f.mem[off : off+int64(n) : off+int64(n)], nil
	}
	m, err := readFull(f.src, scratch[:n], off)
	return scratch[:m], err
}

func readFull(r io.ReaderAt, p []byte, off int64) (int, error) {
	n, err := r.ReadAt(p, off)
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// header checks the header and gathers the list of FAT sectors. [MS-CFB] 2.2
func (f *sectorFile) header(h []byte) error {
	le := binary.LittleEndian
	if len(h) < len(Signature) || string(h[:len(Signature)]) != Signature {
		p := problem(0, "Header Signature", fmt.Sprintf("not a compound file: starts with %X", h[:min(len(h), 8)]), "2.2")
		if len(h) == 0 {
			p.Detail = "the file is empty"
		}
		p.Severe = true
		return formatError(p)
	}
	if len(h) < headerSize {
		p := problem(0, "Header", fmt.Sprintf("the file ends after %d of %d bytes of its header", len(h), headerSize), "2.2")
		p.Severe = true
		return formatError(p)
	}
	major, shift := le.Uint16(h[offMajorVersion:]), le.Uint16(h[offSectorShift:])
	if shift != 9 && shift != 12 {
		p := problem(offSectorShift, "Sector Shift", fmt.Sprintf("0x%04X is neither 9 nor 12", shift), "2.2")
		p.Severe, p.Unsupported = true, true
		return formatError(p)
	}
	f.shift = uint(shift)
	if major != 3 && major != 4 || (major == 4) != (shift == 12) {
		f.problems.Add(problem(offMajorVersion, "Major Version", fmt.Sprintf("0x%04X with sector shift %d; the sector shift is believed", major, shift), "2.2"))
	}
	if v := le.Uint16(h[offByteOrder:]); v != byteOrder {
		f.problems.Add(problem(offByteOrder, "Byte Order", fmt.Sprintf("0x%04X, read as 0xFFFE", v), "2.2"))
	}
	if v := le.Uint16(h[offMiniShift:]); v != miniShift {
		f.problems.Add(problem(offMiniShift, "Mini Sector Shift", fmt.Sprintf("0x%04X, read as 6", v), "2.2"))
	}
	if v := le.Uint32(h[offMiniCutoff:]); v != miniCutoff {
		f.problems.Add(problem(offMiniCutoff, "Mini Stream Cutoff Size", fmt.Sprintf("0x%08X, read as 4096", v), "2.2"))
	}
	ss := f.sectorSize()
	f.count = uint32(min(max((f.size-ss+ss-1)/ss, 0), maxRegSect))
	f.budget = 2 * int64(f.count)
	f.windowAt = -1
	return f.difat(h)
}

// difat gathers the numbers of the FAT sectors: the first 109 stand in the
// header, the others in a chain of DIFAT sectors. [MS-CFB] 2.5
func (f *sectorFile) difat(h []byte) error {
	le := binary.LittleEndian
	claim := le.Uint32(h[offFATSectors:])
	// A FAT never needs more sectors than it takes to list every sector.
	perFAT := uint32(f.sectorSize() / 4)
	limit := f.count/perFAT + 1
	add := func(s uint32, at int64) bool {
		if s >= f.count {
			if s != freeSect && s != endOfChain {
				p := problem(at, "DIFAT", fmt.Sprintf("FAT sector 0x%X lies beyond the end of the file", s), "2.5")
				f.problems.Add(p)
				// Its place is kept: the sectors after it belong to later entries.
				f.fatSectors = append(f.fatSectors, freeSect)
				return true
			}
			return false
		}
		f.fatSectors = append(f.fatSectors, s)
		return true
	}
	f.fatSectors = make([]uint32, 0, min(limit, claim, headerDIFAT))
	for i := uint32(0); i < headerDIFAT && i < min(limit, claim); i++ {
		at := int64(offDIFAT + 4*i)
		if !add(le.Uint32(h[at:]), at) {
			break
		}
	}
	next := le.Uint32(h[offFirstDIFAT:])
	scratch := make([]byte, 0)
	for steps := uint32(0); next < f.count && uint32(len(f.fatSectors)) < min(limit, claim); steps++ {
		if steps > limit {
			f.problems.Add(problem(offFirstDIFAT, "DIFAT", "the chain of DIFAT sectors does not end", "2.5"))
			break
		}
		if f.mem == nil && len(scratch) == 0 {
			scratch = make([]byte, f.sectorSize())
		}
		b, err := f.view(f.offset(next), int(f.sectorSize()), scratch)
		if err != nil {
			return fmt.Errorf("cfb: DIFAT sector 0x%X: %w", next, err)
		}
		n := len(b)/4 - 1
		for i := 0; i < n && uint32(len(f.fatSectors)) < min(limit, claim); i++ {
			if !add(le.Uint32(b[4*i:]), f.offset(next)+int64(4*i)) {
				break
			}
		}
		if n < 0 || int64(len(b)) < f.sectorSize() {
			break
		}
		next = le.Uint32(b[4*n:])
	}
	if uint32(len(f.fatSectors)) < min(limit, claim) {
		f.problems.Add(problem(offFATSectors, "Number of FAT Sectors", fmt.Sprintf("0x%X claimed, 0x%X listed", claim, len(f.fatSectors)), "2.2"))
	}
	if len(f.fatSectors) == 0 {
		p := problem(offDIFAT, "DIFAT", "the file has no FAT", "2.5")
		p.Severe = true
		return formatError(p)
	}
	return f.loadFAT()
}

// loadFAT reads the whole FAT of a file that is not held when the FAT is small.
func (f *sectorFile) loadFAT() error {
	ss := int(f.sectorSize())
	if f.mem != nil || len(f.fatSectors)*ss > smallFile {
		return nil
	}
	fat := make([]byte, len(f.fatSectors)*ss)
	for i := 0; i < len(f.fatSectors); {
		j := i + 1
		for j < len(f.fatSectors) && f.fatSectors[j] == f.fatSectors[j-1]+1 {
			j++
		}
		part := fat[i*ss : j*ss]
		n := 0
		if f.fatSectors[i] != freeSect {
			var err error
			if n, err = readFull(f.src, part, f.offset(f.fatSectors[i])); err != nil {
				return fmt.Errorf("cfb: FAT sector 0x%X: %w", f.fatSectors[i], err)
			}
		}
		fill(part[n:], 0xFF)
		i = j
	}
	f.fat = fat
	return nil
}

func fill(p []byte, b byte) {
	for i := range p {
		p[i] = b
	}
}

// next is the FAT entry of a sector.
func (f *sectorFile) next(sector uint32) (uint32, error) {
	if f.fat != nil {
		if i := int64(sector) * 4; i+4 <= int64(len(f.fat)) {
			return binary.LittleEndian.Uint32(f.fat[i:]), nil
		}
		return freeSect, nil
	}
	i, in := int(sector>>(f.shift-2)), int64(sector&(1<<(f.shift-2)-1))*4
	if i >= len(f.fatSectors) || f.fatSectors[i] == freeSect {
		return freeSect, nil
	}
	if f.mem != nil {
		at := f.offset(f.fatSectors[i]) + in
		if at+4 > f.size {
			return freeSect, nil
		}
		return binary.LittleEndian.Uint32(f.mem[at:]), nil
	}
	if f.windowAt != i {
		if f.window == nil {
			f.window = make([]byte, f.sectorSize())
		}
		f.windowAt = -1
		b, err := f.view(f.offset(f.fatSectors[i]), int(f.sectorSize()), f.window)
		if err != nil {
			return freeSect, fmt.Errorf("cfb: FAT sector 0x%X: %w", f.fatSectors[i], err)
		}
		fill(f.window[len(b):], 0xFF)
		f.windowAt = i
	}
	return binary.LittleEndian.Uint32(f.window[in:]), nil
}

// chain follows the FAT from start for at most want sectors and returns the
// extents and the number of sectors found. A chain that is broken, leaves the
// file, or takes more sectors than the file can give ends there, with the
// reason in why.
//
// All chains together may take each sector twice: a sound file uses it once, so
// that only files whose chains run into each other lose by the bound, and a
// chain that runs in a circle ends.
func (f *sectorFile) chain(dst []extent, start uint32, want int64) (ext []extent, n uint32, why string, err error) {
	return follow(dst, start, want, f.count, &f.budget, f.next)
}

// follow is chain for any table of links: the FAT or the mini FAT. Extents are
// appended to dst.
func follow(dst []extent, start uint32, want int64, count uint32, budget *int64, next func(uint32) (uint32, error)) (ext []extent, n uint32, why string, err error) {
	ext = dst
	s, prev := start, uint32(endOfChain)
	for int64(n) < want && s != endOfChain {
		switch {
		case s >= count:
			if s == freeSect && n > 0 {
				return ext, n, fmt.Sprintf("sector 0x%X of the chain is free", prev), nil
			}
			return ext, n, fmt.Sprintf("link to sector 0x%X, the file has 0x%X", s, count), nil
		case s == prev:
			return ext, n, fmt.Sprintf("sector 0x%X links to itself", s), nil
		case *budget <= 0 || n >= count:
			return ext, n, "chain in a circle or shared with other streams", nil
		}
		if n == 0 || s != prev+1 {
			ext = append(ext, extent{n, s})
		}
		*budget--
		n++
		prev = s
		if s, err = next(s); err != nil {
			return ext, n, "", err
		}
	}
	return ext, n, "", nil
}

// A run is a chain with its size in bytes: what a stream's bytes lie in.
type run struct {
	ext  []extent
	n    uint32 // units in the chain
	size int64
}

// at finds the unit that holds byte off, and how many units follow it without
// a gap, itself included.
func (r *run) at(off int64, shift uint) (unit, adjacent uint32) {
	k := uint32(off >> shift)
	i := 0
	if len(r.ext) > 1 {
		i = sort.Search(len(r.ext), func(i int) bool { return r.ext[i].first > k }) - 1
	}
	end := r.n
	if i+1 < len(r.ext) {
		end = r.ext[i+1].first
	}
	return r.ext[i].sector + k - r.ext[i].first, end - k
}

// readRun reads like [io.ReaderAt] from a chain of sectors.
func (f *sectorFile) readRun(r *run, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegative
	}
	total := 0
	for len(p) > 0 {
		if off >= r.size {
			return total, io.EOF
		}
		s, adj := r.at(off, f.shift)
		in := off & (f.sectorSize() - 1)
		n := int(min(int64(len(p)), int64(adj)<<f.shift-in, r.size-off))
		at := f.offset(s) + in
		var m int
		var err error
		if f.mem != nil {
			m = copy(p[:n], f.mem[min(at, f.size):])
		} else {
			m, err = readFull(f.src, p[:n], at)
		}
		total += m
		if err != nil {
			return total, err
		}
		if m < n {
			return total, io.ErrUnexpectedEOF
		}
		p, off = p[n:], off+int64(n)
	}
	return total, nil
}

// clamp is the number of bytes that a chain really has in the file, at most
// size. Only the last sector of a file may be cut.
func (f *sectorFile) clamp(ext []extent, n uint32, size int64) int64 {
	have := int64(n) << f.shift
	for i, e := range ext {
		end := n
		if i+1 < len(ext) {
			end = ext[i+1].first
		}
		if last := f.offset(e.sector + (end - e.first)); last > f.size {
			have = min(have, int64(end)<<f.shift-(last-f.size))
			break
		}
	}
	return min(have, size)
}
