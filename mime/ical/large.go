package ical

import (
	"bufio"
	"context"
	"io"
	"sync"
)

// folded is a long value in the source: the bytes of its line, with folds.
type folded struct {
	src  io.ReaderAt
	off  int64
	n    int64
	skip int // unfolded bytes before the value

	once sync.Once
	size int64
}

// Open implements [mapi.Blob].
func (f *folded) Open(ctx context.Context) (io.ReadCloser, error) {
	u := &unfolder{ctx: ctx, r: bufio.NewReader(io.NewSectionReader(f.src, f.off, f.n))}
	if f.off == 0 {
		if b, _ := u.r.Peek(3); len(b) == 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF {
			u.r.Discard(3)
		}
	}
	if _, err := io.CopyN(io.Discard, u, int64(f.skip)); err != nil && err != io.EOF {
		return nil, err
	}
	return io.NopCloser(u), nil
}

// Size implements [mapi.Blob]; the value is read once to count it.
func (f *folded) Size() int64 {
	f.once.Do(func() {
		r, err := f.Open(context.Background())
		if err != nil {
			return
		}
		defer r.Close()
		f.size, _ = io.Copy(io.Discard, r)
	})
	return f.size
}

// An unfolder leaves out line ends and the blank behind each.
type unfolder struct {
	ctx context.Context
	r   *bufio.Reader
}

func (u *unfolder) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	n := 0
	for n < len(p) {
		b, err := u.r.ReadByte()
		if err != nil {
			if n > 0 && err == io.EOF {
				return n, nil
			}
			return n, err
		}
		if b != '\r' && b != '\n' {
			p[n] = b
			n++
			continue
		}
		for {
			c, _ := u.r.Peek(1)
			if len(c) == 0 || c[0] != '\n' && c[0] != '\r' {
				if len(c) == 1 && (c[0] == ' ' || c[0] == '\t') {
					u.r.Discard(1)
				}
				break
			}
			u.r.Discard(1)
		}
	}
	return n, nil
}
