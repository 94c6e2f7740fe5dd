package migrate

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// maxLine is the length of a line without its end. RFC 5322 2.1.1
const maxLine = 998

// mend replaces the content of an item by one that keeps the rules which
// servers insist on. It reports false when there was nothing to mend.
func (r *run) mend(ctx context.Context, s *staged) (bool, ledger.Note, error) {
	src, err := s.c.MIME.Open(ctx)
	if err != nil {
		return false, ledger.Note{}, err
	}
	defer src.Close()
	buf := r.o.Spool.Create()
	m := mender{in: bufio.NewReaderSize(contextReader{ctx, src}, 64<<10), out: bufio.NewWriterSize(buf, 64<<10), header: true}
	err = m.run()
	if err == nil {
		err = m.out.Flush()
	}
	if err != nil || m.changes() == "" {
		return false, ledger.Note{}, errors.Join(err, buf.Close())
	}
	blob, err := buf.Blob()
	if err != nil {
		return false, ledger.Note{}, errors.Join(err, buf.Close())
	}
	first := s.c
	s.c = &transport.Content{
		Form: transport.FormMIME, MIME: blob, Problems: first.Problems, Losses: first.Losses,
		OnClose: func() error { return errors.Join(buf.Close(), first.Close()) },
	}
	if s.it.Put, err = Fingerprint(ctx, s.c); err != nil {
		return false, ledger.Note{}, err
	}
	return true, ledger.Note{Kind: ledger.Change, Name: "bytes", Reason: "repaired", Detail: "mended because the sink refused it: " + m.changes()}, nil
}

// A mender copies a mail and mends line ends, zeros and lines that are too
// long. In the header a long line is folded at white space, elsewhere it is
// broken.
type mender struct {
	in      *bufio.Reader
	out     *bufio.Writer
	header  bool
	line    []byte
	counted bool // the line was counted as too long

	lineEnds, zeros, long int
}

func (m *mender) changes() string {
	s := ""
	add := func(n int, what string) {
		if n == 0 {
			return
		}
		if s != "" {
			s += ", "
		}
		s += strconv.Itoa(n) + " " + what
	}
	add(m.lineEnds, "bare line ends")
	add(m.zeros, "zero bytes")
	add(m.long, "lines over 998 bytes")
	return s
}

func (m *mender) run() error {
	for {
		c, err := m.in.ReadByte()
		if err == io.EOF {
			if len(m.line) > 0 {
				return m.write(false)
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch c {
		case 0:
			m.zeros++
			continue
		case '\r':
			if next, err := m.in.Peek(1); err == nil && next[0] == '\n' {
				m.in.Discard(1)
			} else {
				m.lineEnds++
			}
			err = m.end()
		case '\n':
			m.lineEnds++
			err = m.end()
		default:
			if m.line = append(m.line, c); len(m.line) > maxLine {
				err = m.split()
			}
		}
		if err != nil {
			return err
		}
	}
}

func (m *mender) end() error {
	if len(m.line) == 0 {
		m.header = false
	}
	m.counted = false
	return m.write(true)
}

func (m *mender) write(end bool) error {
	m.out.Write(m.line)
	m.line = m.line[:0]
	if end {
		m.out.WriteString("\r\n")
	}
	_, err := m.out.Write(nil)
	return err
}

// split writes the first part of a line that is too long.
func (m *mender) split() error {
	if !m.counted {
		m.long++
		m.counted = true
	}
	at := maxLine
	if m.header {
		// The white space stays, at the start of the next line.
		for i := maxLine; i > 1; i-- {
			if c := m.line[i]; c == ' ' || c == '\t' {
				at = i
				break
			}
		}
	}
	rest := append([]byte(nil), m.line[at:]...)
	m.line = m.line[:at]
	if err := m.write(true); err != nil {
		return err
	}
	if m.header && len(rest) > 0 && rest[0] != ' ' && rest[0] != '\t' {
		m.line = append(m.line, ' ')
	}
	m.line = append(m.line, rest...)
	return nil
}
