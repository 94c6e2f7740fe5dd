package migrate

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// crew has workers take folders from a queue until there is none. The first
// error that stops the run cancels the others.
func (r *run) crew(ctx context.Context, jobs []*job, work func(context.Context, <-chan *job) error) error {
	queue := make(chan *job, len(jobs))
	for _, j := range jobs {
		if j.left == "" {
			queue <- j
		}
	}
	close(queue)
	g, gctx := errgroup.WithContext(ctx)
	// done ends the wait of those that have not joined when nothing is left.
	done, end := context.WithCancel(gctx)
	defer end()
	for n := range min(r.o.Workers, len(queue)) {
		g.Go(func() error {
			if n > 0 && r.o.Join > 0 && r.o.Clock.Sleep(done, time.Duration(n)*r.o.Join) != nil {
				return nil
			}
			r.active.Add(1)
			defer r.active.Add(-1)
			err := work(gctx, queue)
			if err == nil {
				end()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// each works on folders.
func (r *run) each(ctx context.Context, jobs []*job, fn func(context.Context, *job) error) error {
	return r.crew(ctx, jobs, func(ctx context.Context, queue <-chan *job) error {
		for j := range queue {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(ctx, j); err != nil {
				return err
			}
		}
		return nil
	})
}

// copyAll copies folders. A worker is two goroutines: one lists and fetches, the
// other puts. While the last items of a folder are put the next one is fetched.
func (r *run) copyAll(ctx context.Context, jobs []*job, list func(context.Context, *job) (pages, error)) error {
	return r.crew(ctx, jobs, func(ctx context.Context, queue <-chan *job) error { return r.work(ctx, queue, list) })
}

// idle takes out the folders of which the ledger has nothing to copy. They are
// done, and cost one commit together.
func (r *run) idle(ctx context.Context, jobs []*job) (busy []*job, err error) {
	if err := r.l.IndexOpen(); err != nil {
		return nil, err
	}
	open, err := r.l.OpenFolders(ctx)
	if err != nil {
		return nil, err
	}
	var rest []*job
	for _, j := range jobs {
		if j.left != "" || open[j.row.ID] {
			busy = append(busy, j)
		} else {
			rest = append(rest, j)
		}
	}
	if len(rest) == 0 {
		return busy, nil
	}
	err = r.l.Update(func(tx *ledger.Tx) error {
		for _, j := range rest {
			r.listedNow(j)
			if err := tx.SaveFolder(&j.row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, j := range rest {
		r.folderDone(j)
	}
	return busy, nil
}

// A feed is what is fetched from one folder, on its way to be put.
type feed struct {
	j  *job
	ch chan *staged // nil asks that all before it be put
	// err is why fetching ended before its end; it is set when ch is closed.
	err error
}

// work is one worker. It takes folders from the queue until there is none.
func (r *run) work(ctx context.Context, queue <-chan *job, list func(context.Context, *job) (pages, error)) error {
	fctx, stop := context.WithCancel(ctx)
	defer stop()
	feeds := make(chan *feed, 1)
	go func() {
		defer close(feeds)
		w := r.window()
		for fctx.Err() == nil {
			j, ok := <-queue
			if !ok {
				return
			}
			f := &feed{j: j, ch: make(chan *staged, ahead)}
			feeds <- f
			f.err = r.fetchAll(fctx, f, w, list)
			close(f.ch)
			if f.err != nil {
				return
			}
		}
	}()
	var err error
	var p *putter
	for f := range feeds {
		if err != nil {
			f.discard()
			continue
		}
		if p, err = r.drain(ctx, f, p, stop); err != nil {
			stop()
		}
	}
	if err == nil && p != nil {
		err = p.finish(ctx)
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// fetchAll lists a folder and fetches what is to be put.
func (r *run) fetchAll(ctx context.Context, f *feed, w *window, list func(context.Context, *job) (pages, error)) error {
	all, err := list(ctx, f.j)
	if err != nil {
		return err
	}
	for page, err := range all {
		if err != nil {
			return err
		}
		if err := r.fetch(ctx, f.j, page, f.ch, w); err != nil {
			return err
		}
	}
	return nil
}

// drain puts what is fetched from one folder. The last batch may still be on
// its way, and the folder's state is not saved yet; that is up to the next putter,
// or to the caller (finish).
func (r *run) drain(ctx context.Context, f *feed, before *putter, stop func()) (*putter, error) {
	p := &putter{r: r, j: f.j, batches: map[*place]*batch{}, before: before}
	var err error
	if before != nil && before.ended {
		err = p.finishBefore(ctx)
	}
	for open := true; open; {
		if err == nil && p.bytes == 0 && p.air == nil && p.before == nil && len(f.ch) == 0 {
			err = p.record(nil) // nothing comes that it could go with
		}
		var s *staged
		select {
		case s, open = <-f.ch:
			switch {
			case !open:
			case err != nil:
				s.close()
			case s == nil:
				err = p.flushAll(ctx)
			default:
				err = p.add(ctx, s)
			}
		case <-p.landed():
			err = first(err, p.land(ctx))
		case <-p.before.landed():
			err = first(err, p.finishBefore(ctx))
		}
		if err != nil {
			stop() // fetch no more
		}
	}
	if err == nil && (f.err == nil || !transport.Canceled(f.err)) {
		// What was fetched before an error is put all the same.
		err = p.flushAll(ctx)
	}
	if err == nil {
		err = f.err
	}
	if err == nil && p.air == nil {
		err = p.end(ctx)
	}
	if err != nil {
		// The first error tells why.
		_ = p.abort(ctx)
		return nil, err
	}
	return p, nil
}

// discard releases what is not put.
func (f *feed) discard() {
	for s := range f.ch {
		s.close()
	}
}
