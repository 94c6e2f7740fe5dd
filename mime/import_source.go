package mime

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

// maxHeldSource is the size up to which decoded content is held for random
// access.
const maxHeldSource = 1 << 20

// randomAccess gives random access to a blob. Small ones are held; of others
// the last blocks that were read are.
func (im *importer) randomAccess(b mapi.Blob) (io.ReaderAt, int64) {
	switch b := b.(type) {
	case mapi.Bytes:
		return bytes.NewReader(b), b.Size()
	case mapi.Section:
		return io.NewSectionReader(b.R, b.Off, b.N), b.N
	}
	if b.Size() <= maxHeldSource {
		if p, err := mapi.ReadBlob(im.ctx, b, maxHeldSource); err == nil {
			return bytes.NewReader(p), int64(len(p))
		}
	}
	return &blobReaderAt{b: b, size: b.Size()}, b.Size()
}

const (
	blockSize  = 64 << 10
	blocksHeld = 8
)

// blobReaderAt reads a blob that can only be read from its start: it goes on
// where it stands, and starts again for what lies before.
type blobReaderAt struct {
	b    mapi.Blob
	size int64

	mu     sync.Mutex
	r      io.ReadCloser
	next   int64 // block that r delivers next
	blocks [blocksHeld]block
	clock  int64
}

type block struct {
	index int64
	used  int64 // 0: empty
	data  []byte
}

// ReadAt implements io.ReaderAt.
func (s *blobReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= s.size {
			return n, io.EOF
		}
		data, err := s.block(at / blockSize)
		if err != nil {
			return n, err
		}
		i := at % blockSize
		if i >= int64(len(data)) {
			return n, io.ErrUnexpectedEOF
		}
		n += copy(p[n:], data[i:])
	}
	return n, nil
}

func (s *blobReaderAt) block(index int64) ([]byte, error) {
	s.clock++
	for i := range s.blocks {
		if s.blocks[i].used > 0 && s.blocks[i].index == index {
			s.blocks[i].used = s.clock
			return s.blocks[i].data, nil
		}
	}
	if s.r == nil || index < s.next {
		if s.r != nil {
			s.r.Close()
		}
		r, err := s.b.Open(context.Background())
		if err != nil {
			s.r = nil
			return nil, err
		}
		s.r, s.next = r, 0
	}
	if skip := index - s.next; skip > 0 {
		if _, err := io.CopyN(io.Discard, s.r, skip*blockSize); err != nil {
			return nil, err
		}
		s.next = index
	}
	oldest := &s.blocks[0]
	for i := range s.blocks {
		if s.blocks[i].used < oldest.used {
			oldest = &s.blocks[i]
		}
	}
	if oldest.data == nil {
		oldest.data = make([]byte, blockSize)
	}
	n, err := io.ReadFull(s.r, oldest.data[:blockSize])
	if err != nil && err != io.ErrUnexpectedEOF {
		oldest.used = 0
		return nil, err
	}
	s.next++
	oldest.index, oldest.used, oldest.data = index, s.clock, oldest.data[:n]
	return oldest.data, nil
}

// utf16Encoder turns a stream of UTF-8 into UTF-16LE. NUL is dropped.
type utf16Encoder struct {
	r    io.ReadCloser
	in   [4096]byte
	i, n int
	err  error
	rest []byte // encoded bytes for which a caller had no room
	mem  [4]byte
}

func newUTF16Encoder(r io.ReadCloser) io.ReadCloser { return &utf16Encoder{r: r} }

// Close implements io.Closer.
func (e *utf16Encoder) Close() error { return e.r.Close() }

// Read implements io.Reader.
func (e *utf16Encoder) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	for n < len(p) {
		b := e.in[e.i:e.n]
		if len(b) == 0 || e.err == nil && !utf8.FullRune(b) {
			if n > 0 {
				return n, nil
			}
			if e.err != nil {
				return 0, e.err
			}
			e.n = copy(e.in[:], b)
			e.i = 0
			m, err := e.r.Read(e.in[e.n:])
			e.n += m
			e.err = err
			continue
		}
		r, size := rune(b[0]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(b)
		}
		e.i += size
		if r == 0 {
			continue
		}
		out := e.mem[:2]
		if r >= 0x10000 {
			hi, lo := utf16.EncodeRune(r)
			out = e.mem[:4]
			out[2], out[3] = byte(lo), byte(lo>>8)
			r = hi
		}
		out[0], out[1] = byte(r), byte(r>>8)
		k := copy(p[n:], out)
		n += k
		e.rest = out[k:]
		if len(e.rest) > 0 {
			break
		}
	}
	return n, nil
}
