package cfb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"

	"github.com/mailconv/mailconv/mapi"
)

var errNegative = errors.New("cfb: negative offset")

// A Reader is an open compound file. Its tree may be read and its streams
// opened by several goroutines at once.
type Reader struct {
	// Root is the tree, in the order of the directory. The Data of each of
	// its streams is a [*Stream]. The root's name is "Root Entry".
	Root *mapi.Storage

	f       sectorFile
	dir     directory
	mu      sync.Mutex // guards f while chains are followed, and the mini stream
	mini    run
	miniFAT run
	held    []byte // the mini stream, once it was read whole
	heldErr error
	budget  int64 // mini sectors that may still be handed to chains
}

// NewReader reads the directory of a compound file. A file up to 1 MiB is read
// in one go; of others only the directory and the FAT are read now, and streams
// when they are asked for. Problems are listed by [Reader.Problems]. The error
// is a [*mapi.FormatError] when nothing could be read, or one of r.
func NewReader(r io.ReaderAt, size int64) (*Reader, error) {
	c := &Reader{f: sectorFile{src: r, size: size}}
	h, err := c.load()
	if err != nil {
		return nil, err
	}
	return c.open(h)
}

// NewBytesReader is [NewReader] over a file that is in memory already. The
// bytes are kept, not copied, and must not be changed.
func NewBytesReader(b []byte) (*Reader, error) {
	c := &Reader{f: sectorFile{mem: b, size: int64(len(b))}}
	return c.open(b)
}

func (c *Reader) open(h []byte) (*Reader, error) {
	if err := c.f.header(h); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if err := c.readDirectory(le.Uint32(h[offFirstDir:])); err != nil {
		return nil, err
	}
	root := c.dir.entry(0)
	if root.typ() != typeRoot {
		p := problem(c.entryOffset(0)+offType, "Object Type", fmt.Sprintf("the first entry is 0x%02X, not the root storage", root.typ()), "2.6.1")
		if root.typ() != typeStorage {
			p.Severe = true
			return nil, formatError(p)
		}
		c.f.problems.Add(p)
	}
	if err := c.readMini(root, le.Uint32(h[offFirstMiniFAT:])); err != nil {
		return nil, err
	}
	c.tree()
	c.dir = directory{} // the tree has all of it
	return c, nil
}

// load reads a small file whole, else the header.
func (c *Reader) load() ([]byte, error) {
	n := min(max(c.f.size, 0), headerSize)
	if c.f.size <= smallFile {
		n = max(c.f.size, 0)
	}
	b := make([]byte, n)
	m, err := readFull(c.f.src, b, 0)
	if err != nil {
		return nil, fmt.Errorf("cfb: header: %w", err)
	}
	b = b[:m]
	if c.f.size <= smallFile {
		c.f.size = int64(m)
		c.f.mem = b
		if m == 0 {
			c.f.mem = nil
		}
	}
	return b, nil
}

// readMini finds the mini stream, which is the content of the root entry, and
// the mini FAT. [MS-CFB] 2.4
func (c *Reader) readMini(root entry, firstMiniFAT uint32) error {
	size := root.size(c.f.shift)
	if size == 0 || root.start() == endOfChain {
		return nil
	}
	resolve := func(start uint32, want int64, field string, at int64) (run, error) {
		ext, n, why, err := c.f.chain(nil, start, (want+c.f.sectorSize()-1)>>c.f.shift)
		if err != nil {
			return run{}, err
		}
		r := run{ext, n, c.f.clamp(ext, n, int64(n)<<c.f.shift)}
		if r.size < want && why == "" {
			why = fmt.Sprintf("0x%X bytes claimed, 0x%X found", want, r.size)
		}
		if why != "" && r.size < want {
			c.f.problems.Add(problem(at, field, why, "2.4"))
		}
		return r, nil
	}
	var err error
	if c.mini, err = resolve(root.start(), size, "mini stream", c.entryOffset(0)+offStart); err != nil {
		return err
	}
	units := (size + miniSectorSize - 1) >> miniShift
	if c.miniFAT, err = resolve(firstMiniFAT, min(units*4, c.f.size), "First Mini FAT Sector Location", offFirstMiniFAT); err != nil {
		return err
	}
	c.budget = 2 * (c.mini.size>>miniShift + 1)
	return nil
}

// holdMini reads a mini stream of up to [smallFile] bytes whole, unless all of
// the file is held; c.mu is held.
func (c *Reader) holdMini() {
	if c.f.mem != nil || c.held != nil || c.heldErr != nil || c.mini.size == 0 || c.mini.size > smallFile {
		return
	}
	b := make([]byte, c.mini.size)
	n, err := c.f.readRun(&c.mini, b, 0)
	if err != nil && err != io.EOF {
		c.heldErr = err
		return
	}
	c.held = b[:n]
}

// nextMini is the mini FAT entry of a mini sector.
func (c *Reader) nextMini(s uint32) (uint32, error) {
	off := int64(s) * 4
	if off+4 > c.miniFAT.size {
		return freeSect, nil
	}
	if c.f.mem != nil {
		fs, _ := c.miniFAT.at(off, c.f.shift)
		at := c.f.offset(fs) + off&(c.f.sectorSize()-1)
		return binary.LittleEndian.Uint32(c.f.mem[at:]), nil
	}
	var b [4]byte
	if _, err := c.f.readRun(&c.miniFAT, b[:], off); err != nil && err != io.EOF {
		return freeSect, fmt.Errorf("cfb: mini FAT: %w", err)
	}
	return binary.LittleEndian.Uint32(b[:]), nil
}

// tree builds the storages and streams from the directory, level by level.
func (c *Reader) tree() {
	d := &c.dir
	d.seen[0] = true
	// Names share one string, objects of a kind one array.
	type node struct {
		id   uint32
		st   *mapi.Storage
		path string // with a slash at its end, for problems
		deep int
	}
	c.Root = c.storage(0, "Root Entry")
	queue := []node{{0, c.Root, "", 0}}
	var list, stack []uint32
	var names []byte
	var ends []int
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		list, stack = c.siblings(d.entry(at.id).child(), list, stack, at.path)
		if len(list) == 0 {
			continue
		}
		names, ends = names[:0], ends[:0]
		nStreams := 0
		for _, id := range list {
			e := d.entry(id)
			var ok bool
			if names, ok = e.appendName(names); !ok {
				p := problem(c.entryOffset(id)+offNameLen, "Directory Entry Name Length", fmt.Sprintf("0x%04X", binary.LittleEndian.Uint16(e[offNameLen:])), "2.6.1")
				p.Where = printable(at.path)
				c.f.problems.Add(p)
			}
			ends = append(ends, len(names))
			if e.typ() == typeStream {
				nStreams++
			}
		}
		all := string(names)
		slab := make([]Stream, nStreams)
		at.st.Streams = make([]mapi.Stream, 0, nStreams)
		if n := len(list) - nStreams; n > 0 {
			at.st.Storages = make([]*mapi.Storage, 0, n)
		}
		begin := 0
		for i, id := range list {
			name := all[begin:ends[i]]
			begin = ends[i]
			e := d.entry(id)
			if e.typ() == typeStorage {
				st := c.storage(id, name)
				at.st.Storages = append(at.st.Storages, st)
				if at.deep == maxDepth {
					c.f.problems.Add(mapi.Problem{Severe: true, Unsupported: true, Where: printable(at.path), Offset: -1, Detail: fmt.Sprintf("storages nested more than %d deep are left out", maxDepth)})
					continue
				}
				queue = append(queue, node{id, st, at.path + name + "/", at.deep + 1})
				continue
			}
			s := &slab[0]
			slab = slab[1:]
			*s = Stream{c: c, dir: at.path, name: name, start: e.start(), claim: e.size(c.f.shift)}
			at.st.Streams = append(at.st.Streams, mapi.Stream{Name: name, Data: s})
		}
	}
}

// printable is a path without the control characters that names may have, and
// not longer than a line.
func printable(path string) string {
	if len(path) > 300 {
		path = "..." + path[len(path)-300:]
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, path), "?")
}

func (c *Reader) storage(id uint32, name string) *mapi.Storage {
	e := c.dir.entry(id)
	return &mapi.Storage{Name: name, CLSID: e.clsid(), State: e.state(), Created: e.created(), Modified: e.modified()}
}

// Problems lists what was wrong so far. A stream's chain is followed when the
// stream is first used, so the list can grow until all were.
func (c *Reader) Problems() mapi.Problems {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append(mapi.Problems(nil), c.f.problems...)
}

// A Stream is one stream of a file. It implements [mapi.Blob] and [io.ReaderAt].
type Stream struct {
	c     *Reader
	dir   string // path of its storage
	name  string
	start uint32
	claim int64

	once sync.Once
	run  run
	one  [1]extent // of a stream in one piece, the usual case
	mini bool
	err  error
}

// resolve follows the stream's chain; what the chain does not hold is not
// believed of its size.
func (s *Stream) resolve() {
	s.once.Do(func() {
		if s.claim == 0 {
			return
		}
		c := s.c
		c.mu.Lock()
		defer c.mu.Unlock()
		var why string
		s.mini = s.claim < miniCutoff
		if s.mini {
			units := uint32(c.mini.size >> miniShift)
			if c.mini.size&(miniSectorSize-1) != 0 {
				units++
			}
			want := (s.claim + miniSectorSize - 1) >> miniShift
			s.run.ext, s.run.n, why, s.err = follow(s.one[:0], s.start, want, units, &c.budget, c.nextMini)
			have := int64(s.run.n) << miniShift
			if s.run.n > 0 {
				// Only the last mini sector of all can be cut.
				last := s.run.ext[len(s.run.ext)-1]
				end := int64(last.sector+s.run.n-last.first) << miniShift
				have -= max(0, end-c.mini.size)
			}
			s.run.size = min(s.claim, have)
			c.holdMini()
		} else {
			s.run.ext, s.run.n, why, s.err = c.f.chain(s.one[:0], s.start, (s.claim+c.f.sectorSize()-1)>>c.f.shift)
			s.run.size = c.f.clamp(s.run.ext, s.run.n, s.claim)
		}
		if s.run.size < s.claim {
			p := problem(-1, "Stream Size", fmt.Sprintf("0x%X bytes claimed, 0x%X found", s.claim, s.run.size), "2.6.1")
			if why != "" {
				p.Detail += ": " + why
			}
			p.Where, p.Severe = printable(s.dir+s.name), true
			c.f.problems.Add(p)
		}
	})
}

// Size is the number of bytes that the stream has, which in a damaged file can
// be less than its entry claims. It follows the chain at the first call.
func (s *Stream) Size() int64 {
	s.resolve()
	return s.run.size
}

// Claim is the size that the directory entry states.
func (s *Stream) Claim() int64 { return s.claim }

// ReadAt implements [io.ReaderAt].
func (s *Stream) ReadAt(p []byte, off int64) (int, error) {
	s.resolve()
	switch {
	case s.err != nil:
		return 0, s.err
	case off < 0:
		return 0, errNegative
	case !s.mini:
		return s.c.f.readRun(&s.run, p, off)
	}
	total := 0
	for len(p) > 0 {
		if off >= s.run.size {
			return total, io.EOF
		}
		unit, adj := s.run.at(off, miniShift)
		in := off & (miniSectorSize - 1)
		n := int(min(int64(len(p)), int64(adj)<<miniShift-in, s.run.size-off))
		at := int64(unit)<<miniShift + in
		m, err := s.c.readMiniAt(p[:n], at)
		total += m
		if err != nil {
			return total, err
		}
		p, off = p[n:], off+int64(n)
	}
	return total, nil
}

func (c *Reader) readMiniAt(p []byte, at int64) (int, error) {
	if c.held != nil {
		if n := copy(p, c.held[min(at, int64(len(c.held))):]); n < len(p) {
			return n, io.ErrUnexpectedEOF
		}
		return len(p), nil
	}
	n, err := c.f.readRun(&c.mini, p, at)
	if err == io.EOF && n == len(p) {
		err = nil
	}
	return n, err
}

// Bytes is the content of a short stream; where the file is held it is a part
// of it, not a copy, and must not be changed. Ask [Stream.Size] first.
func (s *Stream) Bytes() ([]byte, error) {
	s.resolve()
	if s.err != nil || s.run.size == 0 {
		return nil, s.err
	}
	n := s.run.size
	if len(s.run.ext) == 1 {
		first := s.run.ext[0].sector
		f, at := &s.c.f, int64(first)<<miniShift
		switch {
		case s.mini && at+n <= int64(len(s.c.held)):
			return s.c.held[at : at+n : at+n], nil
		case f.mem == nil:
		case !s.mini:
			at = f.offset(first)
			return f.mem[at : at+n : at+n], nil
		default:
			// The mini stream may be in pieces, of which one can hold all.
			sector, adj := s.c.mini.at(at, f.shift)
			if in := at & (f.sectorSize() - 1); in+n <= int64(adj)<<f.shift {
				at = f.offset(sector) + in
				return f.mem[at : at+n : at+n], nil
			}
		}
	}
	b := make([]byte, n)
	m, err := s.ReadAt(b, 0)
	if err == io.EOF {
		err = nil
	}
	return b[:m], err
}

// Open implements [mapi.Blob]. The reader is also an [io.Seeker] and
// [io.ReaderAt].
func (s *Stream) Open(context.Context) (io.ReadCloser, error) {
	s.resolve()
	if s.err != nil {
		return nil, fmt.Errorf("cfb: stream %s: %w", printable(s.dir+s.name), s.err)
	}
	return streamReader{io.NewSectionReader(s, 0, s.run.size)}, nil
}

type streamReader struct{ *io.SectionReader }

func (streamReader) Close() error { return nil }
