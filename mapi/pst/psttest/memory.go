package psttest

import (
	"bytes"
	"io"
)

// A Memory is a file in memory, to write to and to read from.
type Memory struct{ B []byte }

// WriteAt implements io.WriterAt.
func (m *Memory) WriteAt(p []byte, off int64) (int, error) {
	if n := int(off) + len(p); n > len(m.B) {
		if n > cap(m.B) {
			b := make([]byte, len(m.B), 2*n)
			copy(b, m.B)
			m.B = b
		}
		m.B = m.B[:n]
	}
	return copy(m.B[off:], p), nil
}

// Reader reads what was written, and its size.
func (m *Memory) Reader() (io.ReaderAt, int64) { return bytes.NewReader(m.B), int64(len(m.B)) }
