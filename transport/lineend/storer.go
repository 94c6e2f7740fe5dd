package lineend

import (
	"bytes"
	"io"
)

// A File is what a [Storer] writes to; *os.File is one.
type File interface {
	io.Writer
	io.ReaderAt
	io.WriterAt
}

// A Storer writes a mail, which comes in its CRLF form, into a file in the form
// that [NewReader] turns back into the same bytes. It begins with LF lines, and
// when it meets bytes that would not come back it widens what it wrote and goes
// on byte for byte. Close it to write the last byte.
type Storer struct {
	f     File
	base  int64 // where the mail begins in the file
	n     int64 // bytes written
	lines int64 // of these, LFs that stand for CRLF

	mode    int
	cr      bool // a CR is held back
	last    byte // the last byte written, in LF form
	changed bool
	buf     []byte
}

// NewStorer writes to a file whose next write is at base.
func NewStorer(f File, base int64) *Storer { return &Storer{f: f, base: base} }

// Size is the number of bytes in the file.
func (s *Storer) Size() int64 { return s.n }

// Changed reports whether the mail will not come back as it was: its first line
// ends in a bare LF, so that every LF will come back as CRLF.
func (s *Storer) Changed() bool { return s.changed }

// Write implements io.Writer.
func (s *Storer) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 && s.mode != asIs {
		n, odd := s.narrow(p)
		p = p[n:]
		if err := s.flush(); err != nil {
			return total - len(p), err
		}
		if odd {
			if err := s.widen(); err != nil {
				return total - len(p), err
			}
		}
	}
	if len(p) > 0 {
		n, err := s.f.Write(p)
		s.n += int64(n)
		return total - len(p) + n, err
	}
	return total, nil
}

// narrow takes clean lines from p. odd says that what follows would not come
// back from LF form.
func (s *Storer) narrow(p []byte) (n int, odd bool) {
	s.buf = s.buf[:0]
	rest := p
	for len(rest) > 0 {
		i := bytes.IndexByte(rest, '\n')
		line := rest
		if i >= 0 {
			line = rest[:i]
		}
		cr := s.cr
		if len(line) > 0 {
			if s.cr {
				s.buf = append(s.buf, '\r')
			}
			if cr = line[len(line)-1] == '\r'; cr {
				line = line[:len(line)-1]
			}
			s.buf = append(s.buf, line...)
		}
		if s.cr = cr; i < 0 {
			return len(p), false
		}
		s.cr = false
		switch {
		case !cr && (s.mode == undecided || s.changed):
			s.mode, s.changed = adding, true
			s.buf = append(s.buf, '\n')
		case !cr:
			return len(p) - len(rest) + i, true
		case s.tail() == '\r':
			// The LF form of CR CR LF is CR LF, which would come back without
			// its second CR.
			s.buf = append(s.buf, '\r')
			if !s.changed {
				return len(p) - len(rest) + i, true
			}
			s.buf = append(s.buf, '\n')
		default:
			s.buf = append(s.buf, '\n')
			s.lines++
			s.mode = adding
		}
		rest = rest[i+1:]
	}
	return len(p), false
}

func (s *Storer) tail() byte {
	if len(s.buf) > 0 {
		return s.buf[len(s.buf)-1]
	}
	return s.last
}

func (s *Storer) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	n, err := s.f.Write(s.buf)
	s.n += int64(n)
	s.last = s.buf[len(s.buf)-1]
	return err
}

// widen gives back the CR to each line that was written, from the end to the
// front, and goes on byte for byte.
func (s *Storer) widen() error {
	src, dst := s.n, s.n+s.lines
	in := make([]byte, 32<<10)
	out := make([]byte, 0, 64<<10)
	for src > 0 && src != dst {
		c := in[:min(src, int64(len(in)))]
		if _, err := s.f.ReadAt(c, s.base+src-int64(len(c))); err != nil {
			return err
		}
		out = out[:0]
		for len(c) > 0 {
			i := bytes.IndexByte(c, '\n')
			if i < 0 {
				out = append(out, c...)
				break
			}
			out = append(append(out, c[:i]...), '\r', '\n')
			c = c[i+1:]
		}
		src -= min(src, int64(len(in)))
		dst -= int64(len(out))
		if _, err := s.f.WriteAt(out, s.base+dst); err != nil {
			return err
		}
	}
	s.n += s.lines
	s.lines, s.mode = 0, asIs
	if sk, ok := s.f.(io.Seeker); ok {
		if _, err := sk.Seek(s.base+s.n, io.SeekStart); err != nil {
			return err
		}
	}
	return nil
}

// Close writes what was held back. It does not close the file.
func (s *Storer) Close() error {
	if !s.cr || s.mode == asIs {
		return nil
	}
	s.cr = false
	n, err := s.f.Write([]byte{'\r'})
	s.n += int64(n)
	return err
}
