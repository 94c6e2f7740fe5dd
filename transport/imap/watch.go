package imap

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

const (
	// idleFolders is the most folders that have a connection of their own to
	// wait on; the others are looked at from time to time.
	idleFolders = 4
	// idleRenew is how long one IDLE lasts. Servers and routers drop silent
	// connections after half an hour, some after ten minutes. RFC 2177
	idleRenew = 9 * time.Minute
)

// Watch implements [transport.Watcher]: IDLE for the first folders, STATUS at
// intervals for the rest, and for all where the server has no IDLE. A
// connection that ends is made anew; only a refused login ends the sequence.
func (s *Store) Watch(ctx context.Context, folders []transport.Folder) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		w := &watch{s: s, ctx: ctx, out: make(chan event)}
		idle, polled := folders, []transport.Folder(nil)
		if len(folders) > idleFolders {
			idle, polled = folders[:idleFolders], folders[idleFolders:]
		}
		for _, f := range idle {
			w.wg.Go(func() { w.keep(func() error { return w.idle(f) }) })
		}
		if len(polled) > 0 {
			w.wg.Go(func() { w.keep(func() error { return w.poll(polled) }) })
		}
		// Workers stop before the sequence is left.
		defer w.wg.Wait()
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-w.out:
				if !yield(e.f, e.err) || e.err != nil {
					return
				}
			}
		}
	}
}

type event struct {
	f   transport.Folder
	err error
}

type watch struct {
	s   *Store
	ctx context.Context
	out chan event
	wg  sync.WaitGroup
}

// keep begins again after errors that may pass, with growing waits.
func (w *watch) keep(work func() error) {
	wait := time.Second
	for w.ctx.Err() == nil {
		began := time.Now()
		err := work()
		if w.ctx.Err() != nil {
			return
		}
		switch transport.KindOf(err) {
		case transport.Temporary, transport.Throttled, transport.Unavailable:
		default:
			w.tell(event{err: err})
			return
		}
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		d := max(wait, transport.RetryAfter(err))
		wait = min(2*wait, 5*time.Minute)
		select {
		case <-w.ctx.Done():
		case <-time.After(d):
		}
	}
}

func (w *watch) tell(e event) {
	select {
	case w.out <- e:
	case <-w.ctx.Done():
	}
}

// idle waits on one folder, on a connection beside the pool.
func (w *watch) idle(f transport.Folder) error {
	ctx := w.ctx
	raw, err := w.s.rawOf(ctx, f)
	if err != nil {
		return err
	}
	c, err := w.s.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if !c.can("IDLE", "IMAP4REV2") {
		c.Close()
		return w.poll([]transport.Folder{f})
	}
	if err := c.open(ctx, "watch", f.String(), raw, false, true); err != nil {
		return err
	}
	// What happened while nobody watched is told at once.
	w.tell(event{f: f})
	for {
		changed, err := c.idle(ctx, f.String())
		if err != nil {
			return err
		}
		if changed {
			w.tell(event{f: f})
		}
	}
}

// idle is one IDLE; it ends with the first change.
func (c *session) idle(ctx context.Context, folder string) (changed bool, err error) {
	defer c.Guard(ctx)()
	c.nc.SetIdle(2 * idleRenew)
	defer c.nc.SetIdle(0)
	fail := func(err error) (bool, error) { return changed, c.s.broken("watch", folder, err) }
	tag, early, err := c.Write(ctx, cmd("IDLE"))
	if err == nil {
		err = c.Flush(ctx)
	}
	if err != nil || early != nil {
		return fail(err)
	}
	// DONE is sent by a timer when nothing comes; reading goes on here.
	done := make(chan struct{})
	var once sync.Once
	end := func() { once.Do(func() { close(done) }) }
	var writer sync.WaitGroup
	writer.Go(func() {
		t := time.NewTimer(idleRenew)
		defer t.Stop()
		select {
		case <-t.C:
		case <-done:
		}
		c.nc.Write([]byte("DONE\r\n")) //nolint:errcheck // the reader learns of it
	})
	defer writer.Wait()
	defer end()
	for {
		r, err := c.Next(ctx)
		if err != nil {
			return fail(err)
		}
		switch {
		case r.Tag == tag:
			if r.Name != "OK" {
				return changed, refused("watch", folder, r)
			}
			return changed, nil
		case r.Name == "BYE" && r.Tag == "*":
			return fail(&wire.ByeError{Response: r})
		case r.Tag == "*" && (r.Name == "EXISTS" || r.Name == "EXPUNGE" || r.Name == "FETCH" || r.Name == "VANISHED"):
			changed = true
			end()
		}
	}
}

// poll looks at folders again and again.
func (w *watch) poll(folders []transport.Folder) error {
	ctx := w.ctx
	last := make([]string, len(folders))
	for {
		for i, f := range folders {
			now, err := w.s.statusOf(ctx, f)
			if err != nil && transport.KindOf(err) != transport.NotFound {
				return err
			}
			if now != last[i] {
				last[i] = now
				w.tell(event{f: f})
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(w.s.o.Poll):
		}
	}
}

// statusOf is what changes when a folder does.
func (s *Store) statusOf(ctx context.Context, f transport.Folder) (string, error) {
	raw, err := s.rawOf(ctx, f)
	if err != nil {
		return "", err
	}
	c, err := s.pool.get(ctx, "")
	if err != nil {
		return "", err
	}
	defer s.pool.put(c)
	items := "MESSAGES UIDNEXT UIDVALIDITY UNSEEN"
	if c.can("CONDSTORE") {
		items += " HIGHESTMODSEQ"
	}
	out := ""
	_, err = c.do(ctx, "watch", f.String(), c.name(cmd("STATUS "), raw).Raw(" ("+items+")"), func(r *wire.Response) error {
		if r.Name == "STATUS" && len(r.Values) > 1 {
			out = ""
			for _, v := range r.Values[1].List {
				out += v.Text + " "
			}
		}
		return nil
	})
	return out, err
}
