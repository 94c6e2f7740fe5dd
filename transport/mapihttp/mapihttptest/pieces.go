package mapihttptest

import (
	"context"
	"io"
	"sync"
)

// A pieces is a FastTransfer stream on its way: it is written as it is asked
// for, and split only where a stream may be. So a message of any size costs one
// buffer. [MS-OXCFXICS] 2.2.4.1
type pieces struct {
	ctx    context.Context
	cancel context.CancelFunc
	ch     chan piece
	rest   piece
	err    error // why the writing ended, behind the close of ch
	once   sync.Once
}

type piece struct {
	b    []byte
	atom bool // it must stay together
}

// newPieces runs write, which writes the stream.
func newPieces(write func(ctx context.Context, w io.Writer) error) *pieces {
	ctx, cancel := context.WithCancel(context.Background())
	p := &pieces{ctx: ctx, cancel: cancel, ch: make(chan piece)}
	go func() {
		p.err = write(ctx, pieceWriter{p})
		close(p.ch)
	}()
	return p
}

// pieceWriter implements fasttransfer.AtomWriter.
type pieceWriter struct{ p *pieces }

func (w pieceWriter) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part := b[:min(len(b), 32<<10)]
		if err := w.p.give(piece{append([]byte(nil), part...), false}); err != nil {
			return 0, err
		}
		b = b[len(part):]
	}
	return n, nil
}

func (w pieceWriter) WriteAtom(b []byte) error {
	return w.p.give(piece{append([]byte(nil), b...), true})
}

func (p *pieces) give(x piece) error {
	select {
	case p.ch <- x:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// next is up to max bytes; done says that nothing follows.
func (p *pieces) next(max int) (b []byte, done bool, err error) {
	for {
		if len(p.rest.b) == 0 {
			x, ok := <-p.ch
			if !ok {
				return b, true, p.err
			}
			p.rest = x
		}
		room := max - len(b)
		switch {
		case len(p.rest.b) <= room:
			b = append(b, p.rest.b...)
			p.rest = piece{}
		case p.rest.atom || room == 0:
			return b, false, nil
		default:
			b = append(b, p.rest.b[:room]...)
			p.rest.b = p.rest.b[room:]
			return b, false, nil
		}
	}
}

func (p *pieces) close() {
	p.once.Do(func() {
		p.cancel()
		go func() {
			for range p.ch { //nolint:revive // the writer ends by the context
			}
		}()
	})
}
