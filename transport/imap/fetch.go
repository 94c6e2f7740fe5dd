package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// fetchAtOnce is the number of bodies that one command asks for.
const fetchAtOnce = 2000

// Fetch implements [transport.Source]. One command asks for many bodies, and
// each is handed over as it comes in. Each key is accounted for: what the
// server leaves out is looked for, asked for again by itself, and then an
// error.
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		if len(keys) == 0 {
			return
		}
		raw, err := s.rawOf(ctx, f)
		if err != nil {
			yield(transport.Fetched{}, err)
			return
		}
		w := &fetching{s: s, ctx: ctx, raw: raw, folder: f.String(), yield: yield, open: map[uint32]transport.Key{}}
		defer w.release()
		if err := w.run(keys); err != nil && !w.stopped {
			yield(transport.Fetched{}, err)
		}
	}
}

// fetching is one call of Fetch.
type fetching struct {
	s           *Store
	ctx         context.Context
	raw, folder string
	yield       func(transport.Fetched, error) bool
	c           *session
	validity    uint32
	open        map[uint32]transport.Key // not answered yet
	answered    int
	stopped     bool // the caller wants no more
}

var errStopped = errors.New("the caller left")

func (w *fetching) release() {
	if w.c != nil {
		w.s.pool.put(w.c)
		w.c = nil
	}
}

// give hands an item over, or ends the fetch.
func (w *fetching) give(fe transport.Fetched) error {
	w.answered++
	if !w.yield(fe, nil) {
		w.stopped = true
		return errStopped
	}
	return w.ctx.Err()
}

func (w *fetching) giveError(uid uint32, kind transport.Kind, err error) error {
	k := w.open[uid]
	delete(w.open, uid)
	return w.give(transport.Fetched{Key: k, Err: &transport.Error{Kind: kind, Op: "fetch", Folder: w.folder, Key: k, Err: err}})
}

func (w *fetching) notFound(k transport.Key, format string, args ...any) error {
	return w.give(transport.Fetched{Key: k, Err: &transport.Error{
		Kind: transport.NotFound, Op: "fetch", Folder: w.folder, Key: k, Err: fmt.Errorf(format, args...),
	}})
}

// connect takes a connection with the mailbox open.
func (w *fetching) connect(fresh bool) error {
	if w.c != nil && w.c.Broken() != nil {
		w.release()
	}
	if w.c == nil {
		c, err := w.s.pool.get(w.ctx, w.raw)
		if err != nil {
			return err
		}
		w.c = c
	}
	if err := w.c.open(w.ctx, "fetch", w.folder, w.raw, false, fresh); err != nil {
		return err
	}
	if w.validity == 0 {
		w.validity = w.c.state.validity
	}
	if w.validity != w.c.state.validity {
		return fail(transport.Temporary, "fetch", w.folder, "UIDVALIDITY changed from %d to %d within the fetch", w.validity, w.c.state.validity)
	}
	return nil
}

func (w *fetching) run(keys []transport.Key) error {
	if err := w.connect(false); err != nil {
		return err
	}
	for _, k := range keys {
		v, uid, ok := parseKey(k)
		switch {
		case !ok:
			if err := w.notFound(k, "that is no key of an IMAP store"); err != nil {
				return err
			}
		case v != w.validity:
			if err := w.notFound(k, "UIDVALIDITY is %d now", w.validity); err != nil {
				return err
			}
		default:
			w.open[uid] = k
		}
	}
	for part := range slices.Chunk(w.left(), fetchAtOnce) {
		before := w.answered
		err := w.fetch(part)
		var syntax *wire.SyntaxError
		switch {
		case err == nil:
			continue
		case errors.Is(err, errStopped), transport.Canceled(err), transport.KindOf(err) == transport.Throttled:
			return err
		case w.c.Broken() != nil && w.answered > before && !errors.As(err, &syntax):
			// It was good for some; the rest is the next call's.
			return err
		}
		// Refused, unreadable, or dead at once: an item may be the cause.
		if err := w.singly(part); err != nil {
			return err
		}
	}
	return w.settle()
}

// left are the UIDs without an answer, ascending.
func (w *fetching) left() []uint32 {
	list := make([]uint32, 0, len(w.open))
	for uid := range w.open {
		list = append(list, uid)
	}
	slices.Sort(list)
	return list
}

// settle looks after what the server left out without a word.
func (w *fetching) settle() error {
	for round := 0; len(w.open) > 0; round++ {
		// A connection may not know yet what another one sees.
		if err := w.connect(true); err != nil {
			return err
		}
		there, err := w.s.exist(w.ctx, w.c, "fetch", w.folder, w.left())
		if err != nil {
			return err
		}
		for _, uid := range w.left() {
			if !there[uid] {
				k := w.open[uid]
				delete(w.open, uid)
				if err := w.notFound(k, "the message is not there any more"); err != nil {
					return err
				}
			}
		}
		if len(w.open) == 0 {
			return nil
		}
		if round == 0 && len(w.open) > 1 {
			if err := w.fetch(w.left()); err != nil && (errors.Is(err, errStopped) || w.c.Broken() != nil) {
				return err
			}
			continue
		}
		if err := w.singly(w.left()); err != nil {
			return err
		}
		for _, uid := range w.left() {
			if err := w.giveError(uid, transport.Permanent, errors.New("the server lists the message and does not hand it over")); err != nil {
				return err
			}
		}
	}
	return nil
}

// singly fetches one by one. An item that ends its connection has an error of
// its own; three of them in a row are the server's trouble.
func (w *fetching) singly(uids []uint32) error {
	ended := 0
	for _, uid := range uids {
		if _, open := w.open[uid]; !open {
			continue
		}
		if err := w.connect(false); err != nil {
			return err
		}
		err := w.fetch([]uint32{uid})
		var syntax *wire.SyntaxError
		switch {
		case err == nil:
			ended = 0
			continue // without an answer it is settle's
		case errors.Is(err, errStopped), transport.Canceled(err), transport.KindOf(err) == transport.Throttled:
			return err
		}
		kind := transport.KindOf(err)
		if errors.As(err, &syntax) {
			kind = transport.Permanent
		} else if w.c.Broken() != nil {
			if ended++; ended == 3 {
				return err
			}
		}
		if _, open := w.open[uid]; open {
			if err := w.giveError(uid, kind, cause(err)); err != nil {
				return err
			}
		}
	}
	return nil
}

// cause takes the outer Error off, whose words are said again.
func cause(err error) error {
	var te *transport.Error
	if errors.As(err, &te) && te.Err != nil {
		return te.Err
	}
	return err
}

// fetch runs one command.
func (w *fetching) fetch(uids []uint32) error {
	c, ctx := w.c, w.ctx
	defer c.Guard(ctx)()
	tag, _, err := c.Write(ctx, cmd("UID FETCH ").Set(uids).Raw(" (UID BODY.PEEK[])"))
	if err == nil {
		err = c.Flush(ctx)
	}
	if err != nil {
		return w.s.broken("fetch", w.folder, err)
	}
	var bye *wire.Response
	for {
		r, err := c.Next(ctx)
		switch {
		case err != nil && bye != nil && ctx.Err() == nil:
			return w.s.broken("fetch", w.folder, &wire.ByeError{Response: bye})
		case err != nil:
			return w.s.broken("fetch", w.folder, err)
		case r.Tag == tag:
			if r.Name != "OK" {
				return refused("fetch", w.folder, r)
			}
			return nil
		case r.Name == "BYE":
			bye = r
		case r.Name == "FETCH":
			if err := w.item(); err != nil {
				c.Close() // the rest of the bodies is still on its way
				if errors.Is(err, errStopped) {
					return err
				}
				return w.s.broken("fetch", w.folder, err)
			}
		}
	}
}

// item reads one FETCH response.
func (w *fetching) item() error {
	var uid uint32
	var held *transport.Content
	defer func() { held.Close() }()
	for {
		a, ok, err := w.c.Attr(w.ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		switch a.Name {
		case "UID":
			n, _ := a.Value.Number()
			uid = uint32(min(n, 1<<32-1))
		case "BODY[]", "RFC822":
			_, wanted := w.open[uid]
			switch {
			case uid != 0 && !wanted, held != nil:
				// Nobody asked for it, or it comes twice.
			case a.Literal == nil && a.Value.Kind != wire.Nil:
				held = &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(a.Value.Text)}
			case a.Literal == nil:
				// NIL is no body; the message is asked for again.
			case uid != 0:
				if err := w.stream(uid, a.Literal); err != nil {
					return err
				}
			default:
				// The body comes before its UID, so it has to wait.
				if held, err = w.hold(a.Literal); err != nil {
					return err
				}
			}
		}
	}
	k, wanted := w.open[uid]
	if held == nil || !wanted {
		return nil
	}
	delete(w.open, uid)
	c := held
	held = nil
	return w.give(transport.Fetched{Key: k, Content: c})
}

// stream hands over a body from the connection.
func (w *fetching) stream(uid uint32, l *wire.Literal) error {
	k := w.open[uid]
	delete(w.open, uid)
	b := &body{w: w, l: l}
	err := w.give(transport.Fetched{Key: k, Content: &transport.Content{Form: transport.FormMIME, MIME: b, OneShot: true}})
	b.over = true
	if err != nil {
		return err
	}
	return l.Err()
}

func (w *fetching) hold(l *wire.Literal) (*transport.Content, error) {
	buf := w.s.spool.Create()
	if _, err := l.WriteTo(buf); err != nil {
		buf.Close()
		return nil, err
	}
	blob, err := buf.Blob()
	if err != nil {
		buf.Close()
		return nil, err
	}
	return &transport.Content{Form: transport.FormMIME, MIME: blob, OnClose: buf.Close}, nil
}

// body is a blob that can be opened once, while its item is the current one.
type body struct {
	w      *fetching
	l      *wire.Literal
	opened bool
	over   bool
}

// Size implements [mapi.Blob].
func (b *body) Size() int64 { return b.l.Size }

// Open implements [mapi.Blob].
func (b *body) Open(context.Context) (io.ReadCloser, error) {
	switch {
	case b.over:
		return nil, fail(transport.Usage, "fetch", b.w.folder, "a body was opened after the next item was pulled")
	case b.opened:
		return nil, fail(transport.Usage, "fetch", b.w.folder, "a body was opened twice")
	}
	b.opened = true
	return &bodyReader{b}, nil
}

type bodyReader struct{ b *body }

func (r *bodyReader) Read(p []byte) (int, error) {
	if r.b.over {
		return 0, fail(transport.Usage, "fetch", r.b.w.folder, "a body was read after the next item was pulled")
	}
	n, err := r.b.l.Read(p)
	return n, r.why(err)
}

// WriteTo implements io.WriterTo.
func (r *bodyReader) WriteTo(w io.Writer) (int64, error) {
	if r.b.over {
		return 0, fail(transport.Usage, "fetch", r.b.w.folder, "a body was read after the next item was pulled")
	}
	n, err := r.b.l.WriteTo(w)
	if lerr := r.b.l.Err(); lerr != nil {
		err = r.why(lerr)
	}
	return n, err
}

func (r *bodyReader) why(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if cerr := r.b.w.ctx.Err(); cerr != nil {
		return cerr
	}
	return r.b.w.s.broken("fetch", r.b.w.folder, err)
}

func (r *bodyReader) Close() error { return nil }

// exist tells which UIDs are there.
func (s *Store) exist(ctx context.Context, c *session, op, folder string, uids []uint32) (map[uint32]bool, error) {
	there := map[uint32]bool{}
	for part := range slices.Chunk(uids, fetchAtOnce) {
		_, err := c.do(ctx, op, folder, cmd("UID FETCH ").Set(part).Raw(" (UID)"), func(r *wire.Response) error {
			if r.Name != "FETCH" {
				return nil
			}
			e, err := c.readMeta(ctx, r)
			there[e.uid] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}
