package pop3

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
	"github.com/mailconv/mailconv/transport/spool"
)

const inbox = "INBOX"

// Bounds of one round trip: how much is asked for before anything is read.
const (
	windowItems = 32
	windowBytes = 1 << 20
)

// memory is what the bodies of a window take before they go to files.
const memory = 4 << 20

// A Store is a maildrop. Its methods may be called by several goroutines at
// once; they take turns, as the protocol allows one login at a time.
type Store struct {
	addr transport.Address
	env  *transport.Env
	dial *dial.Options
	auth string

	spool *spool.Spool
	turn  chan struct{} // holds one token while nobody works
	s     *session      // guarded by turn
	done  chan struct{} // closed by Close
}

func newStore(a transport.Address, env *transport.Env, o *dial.Options, auth string) *Store {
	st := &Store{addr: a, env: env, dial: o, auth: auth, spool: spool.New(memory, env.TempDir), turn: make(chan struct{}, 1), done: make(chan struct{})}
	st.turn <- struct{}{}
	return st
}

// with runs f on a session, which it opens when there is none. ctx ends f and
// with it the session.
func (st *Store) with(ctx context.Context, op string, f func(*session) error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-st.turn:
	}
	defer func() { st.turn <- struct{}{} }()
	select {
	case <-st.done:
		return &transport.Error{Kind: transport.Usage, Op: op, Err: fmt.Errorf("the store is closed")}
	default:
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if st.s == nil {
		s, err := st.login(ctx)
		if err != nil {
			return err
		}
		st.s = s
	}
	stop := st.s.c.Use(ctx)
	err := f(st.s)
	if !stop() {
		st.s.dead = true
	}
	if st.s.dead {
		st.s.close()
		st.s = nil
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Close implements [transport.Source].
func (st *Store) Close() error {
	<-st.turn
	defer func() { st.turn <- struct{}{} }()
	select {
	case <-st.done:
		return nil
	default:
		close(st.done)
	}
	if st.s != nil {
		// A quick farewell: without it the server keeps the maildrop locked.
		st.s.c.SetIdle(5 * time.Second)
		st.s.quit("close") //nolint:errcheck // nothing is deleted here, so nothing is lost
		st.s = nil
	}
	return st.spool.Close()
}

func isInbox(f transport.Folder) bool {
	return strings.EqualFold(f.ID, inbox) || f.ID == "" && len(f.Path) == 1 && strings.EqualFold(f.Path[0], inbox)
}

func noFolder(op string, f transport.Folder) error {
	return &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Err: fmt.Errorf("a POP3 maildrop has only INBOX")}
}

// Folders implements [transport.Source].
func (st *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		f := transport.Folder{Path: []string{inbox}, ID: inbox, Role: transport.RoleInbox, Count: -1, Size: -1}
		err := st.with(ctx, "folders", func(s *session) error {
			ok, text, err := s.cmd("stat", "STAT")
			if err != nil {
				return err
			}
			var n, size int64
			if ok {
				if _, err := fmt.Sscan(text, &n, &size); err == nil && n >= 0 && size >= 0 {
					f.Count, f.Size = n, size
				}
			}
			return nil
		})
		yield(f, err)
	}
}

// Items implements [transport.Source]. The protocol tells keys and sizes, no
// more. Each listing shows what is there now, for which it logs in anew, unless
// the server wants a longer pause between logins.
func (st *Store) Items(ctx context.Context, f transport.Folder, _ *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		var list []mail
		err := ctx.Err()
		if err == nil && !isInbox(f) {
			err = noFolder("list", f)
		}
		load := func(s *session) error {
			if s.listed && time.Since(s.began) >= s.delay() {
				s.quit("list") //nolint:errcheck // nothing is deleted here
				return nil
			}
			s.listed = true
			err := s.load()
			list = s.mails
			return err
		}
		if err == nil {
			err = st.with(ctx, "list", load)
		}
		if err == nil && list == nil {
			err = st.with(ctx, "list", load) // the old session was left
		}
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		for _, m := range list {
			if err := ctx.Err(); err != nil {
				yield(transport.Meta{}, err)
				return
			}
			if !yield(transport.Meta{Key: m.key, Size: m.size}, nil) {
				return
			}
		}
	}
}

// Fetch implements [transport.Source]. Bodies are spooled, as the protocol does
// not tell their exact size beforehand.
func (st *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		if !isInbox(f) {
			yield(transport.Fetched{}, noFolder("fetch", f))
			return
		}
		for len(keys) > 0 {
			var got []transport.Fetched
			err := st.with(ctx, "fetch", func(s *session) (err error) {
				got, err = st.window(s, keys)
				return err
			})
			for i, fe := range got {
				end := ctx.Err()
				if end != nil {
					fe.Content.Close()
					yield(transport.Fetched{}, end)
				}
				if end != nil || !yield(fe, nil) {
					for _, rest := range got[i+1:] {
						rest.Content.Close()
					}
					return
				}
			}
			if err != nil {
				yield(transport.Fetched{}, err)
				return
			}
			keys = keys[len(got):]
		}
	}
}

// window fetches the first of keys, as many as one round trip bears. What it
// got before an error is good.
func (st *Store) window(s *session, keys []transport.Key) ([]transport.Fetched, error) {
	if err := s.load(); err != nil {
		return nil, err
	}
	n, bytes := 0, int64(0)
	asked := 0
	for n < len(keys) && n < windowItems && (n == 0 || bytes < windowBytes) {
		if i, ok := s.byKey[keys[n]]; ok {
			bytes += max(s.mails[i].size, 0)
			if s.can("PIPELINING") {
				s.write("RETR %d", s.mails[i].num)
				asked++
			}
		}
		n++
	}
	var got []transport.Fetched
	for _, k := range keys[:n] {
		fe := transport.Fetched{Key: k}
		if i, ok := s.byKey[k]; !ok {
			fe.Err = notThere("fetch", k)
		} else {
			if asked == 0 {
				s.write("RETR %d", s.mails[i].num)
			}
			fe.Content, fe.Err = st.receive(s, k)
			if s.dead {
				return got, fe.Err
			}
		}
		got = append(got, fe)
	}
	return got, nil
}

func notThere(op string, k transport.Key) error {
	return &transport.Error{Kind: transport.NotFound, Op: op, Folder: inbox, Key: k, Err: fmt.Errorf("the maildrop has no such mail")}
}

// receive reads the reply to one RETR.
func (st *Store) receive(s *session, k transport.Key) (*transport.Content, error) {
	ok, text, err := s.reply("fetch")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, refusal("fetch", k, text, transport.Permanent)
	}
	buf := st.spool.Create()
	blob, err := drain(s, buf)
	if err != nil {
		buf.Close()
		return nil, err
	}
	return &transport.Content{Form: transport.FormMIME, MIME: blob, OnClose: buf.Close}, nil
}

func drain(s *session, buf *spool.Buffer) (mapi.Blob, error) {
	b := &body{r: s.r, bareLF: s.bareLF}
	for !b.done {
		if b.next(); b.err != nil {
			return nil, s.broken("fetch", b.err)
		}
		if _, err := buf.Write(b.rest); err != nil {
			s.dead = true // the rest of the mail is still to come
			return nil, &transport.Error{Op: "fetch", Folder: inbox, Err: err}
		}
		b.rest = nil
	}
	return buf.Blob()
}

// Delete implements [transport.Deleter]. The server deletes when the session
// ends, so each call ends one.
func (st *Store) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	errs := make([]error, len(refs))
	all := func(err error) []error {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = err
			}
		}
		return errs
	}
	if !isInbox(f) {
		return all(noFolder("delete", f))
	}
	if len(refs) == 0 {
		return errs
	}
	err := st.with(ctx, "delete", func(s *session) error {
		if err := s.load(); err != nil {
			return err
		}
		for i, k := range refs {
			at, ok := s.byKey[k]
			if !ok {
				continue
			}
			delete(s.byKey, k) // named twice, deleted once
			ok, text, err := s.cmd("delete", "DELE %d", s.mails[at].num)
			if err != nil {
				return err
			}
			if !ok {
				errs[i] = refusal("delete", k, text, transport.Permanent)
			}
		}
		return s.quit("delete")
	})
	return all(err)
}
