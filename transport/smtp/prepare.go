package smtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/head"
)

var errNoRecipient = errors.New("the header names no recipient")

// prepared is a mail that was looked through.
type prepared struct {
	blob       mapi.Blob
	head       []byte // in the place of the first cut bytes
	cut        int64
	mend       bool
	size       int64 // of what is sent
	eightBit   bool
	utf8Header bool
	losses     []mapi.Loss
}

// prepare reads the mail once: which fields go, what is in it, how large it is.
func prepare(ctx context.Context, m Mail) (*prepared, error) {
	p := &prepared{blob: m.Content}
	r, err := m.Content.Open(ctx)
	if err != nil {
		return nil, err
	}
	h, err := head.Read(r)
	r.Close()
	if err != nil {
		return nil, err
	}
	p.utf8Header = !isASCII(string(h.Block)) && utf8.Valid(h.Block)
	if !m.Raw {
		if len(h.Block) >= head.Limit {
			return nil, &transport.Error{Kind: transport.Rejected, Op: "send", Err: fmt.Errorf("the header has more than %d KiB: a Bcc in it might be sent", head.Limit>>10), Remedy: "send it as it is with --raw"}
		}
		p.withoutBcc(h)
	}
	s := &scan{}
	if r, err = p.source(ctx); err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := io.Copy(s, r); err != nil {
		return nil, err
	}
	p.size, p.eightBit = s.size, s.eightBit
	if s.last == '\r' {
		s.bareCR++
	}
	if bare := s.bareLF + s.bareCR; bare > 0 {
		if !m.Mend {
			return nil, &transport.Error{
				Kind: transport.Rejected, Op: "send", Err: fmt.Errorf("%d lines end in a bare CR or LF, which SMTP cannot carry", bare),
				Remedy: "--repair makes CRLF of them; mailconv send does so without --raw",
			}
		}
		p.mend = true
		p.size += bare
	}
	if s.last != '\n' && s.size > 0 && !(p.mend && s.last == '\r') {
		// The protocol ends every mail with a line end.
		p.losses = append(p.losses, mapi.Loss{Item: "last line", Reason: mapi.LossReencoded, Detail: "a line end is added"})
	}
	return p, nil
}

// withoutBcc drops the fields that only the sender may see. RFC 5322 3.6.3
func (p *prepared) withoutBcc(h head.Head) {
	var out []byte
	found := false
	kept := 0
	for _, f := range h.Fields {
		kept += len(f.Raw)
		if f.Is("bcc") || f.Is("resent-bcc") {
			found = true
			continue
		}
		out = append(out, f.Raw...)
	}
	if !found {
		return
	}
	p.head = append(out, h.Block[min(kept, len(h.Block)):]...) // the empty line
	p.cut = int64(len(h.Block))
}

// source is the mail without its Bcc fields.
func (p *prepared) source(ctx context.Context) (io.ReadCloser, error) {
	r, err := p.blob.Open(ctx)
	if err != nil || p.cut == 0 {
		return r, err
	}
	if _, err := io.CopyN(io.Discard, r, p.cut); err != nil {
		r.Close()
		return nil, err
	}
	return &joined{io.MultiReader(bytes.NewReader(p.head), r), r}, nil
}

// open is what is sent.
func (p *prepared) open(ctx context.Context) (io.ReadCloser, error) {
	r, err := p.source(ctx)
	if err != nil || !p.mend {
		return r, err
	}
	return &joined{&mender{r: r}, r}, nil
}

type joined struct {
	io.Reader
	io.Closer
}

// scan looks for what SMTP has to know.
type scan struct {
	size, bareLF, bareCR int64
	eightBit             bool
	last                 byte
}

func (s *scan) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case c == '\n' && s.last != '\r':
			s.bareLF++
		case c != '\n' && s.last == '\r':
			s.bareCR++
		}
		s.eightBit = s.eightBit || c >= 0x80
		s.last = c
	}
	s.size += int64(len(p))
	return len(p), nil
}

// mender makes CRLF of every bare CR and bare LF.
type mender struct {
	r    io.Reader
	last byte
	out  []byte
	rest []byte
	in   [16 << 10]byte
	err  error
}

func (m *mender) Read(p []byte) (int, error) {
	for len(m.rest) == 0 {
		if m.err != nil {
			return 0, m.err
		}
		n, err := m.r.Read(m.in[:])
		m.err = err
		m.out = m.out[:0]
		for _, c := range m.in[:n] {
			switch {
			case c == '\n' && m.last != '\r':
				m.out = append(m.out, '\r')
			case c != '\n' && m.last == '\r':
				m.out = append(m.out, '\n')
			}
			m.out = append(m.out, c)
			m.last = c
		}
		if err == io.EOF && m.last == '\r' {
			m.out = append(m.out, '\n')
			m.last = '\n'
		}
		m.rest = m.out
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}
