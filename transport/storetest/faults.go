package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// stopping is a blob that cancels in the middle of its bytes.
type stopping struct {
	mapi.Blob
	at   int64
	stop func()
}

func (s stopping) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := s.Blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &stoppingReader{ReadCloser: r, ctx: ctx, left: s.at, stop: s.stop}, nil
}

type stoppingReader struct {
	io.ReadCloser
	ctx  context.Context
	left int64
	stop func()
}

func (s *stoppingReader) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if s.left -= int64(n); s.left < 0 {
		s.stop()
		if cerr := s.ctx.Err(); cerr != nil {
			return 0, cerr
		}
	}
	return n, err
}

func (r *run) cancel() error {
	f, err := r.folder("cancel")
	if err != nil {
		return err
	}
	list, err := r.fill(f, 5)
	if err != nil {
		return err
	}
	var errs []error
	sequence := func(name string, loop func(ctx context.Context, stop func()) (int, error)) {
		ctx, stop := context.WithCancel(r.ctx)
		defer stop()
		n, err := loop(ctx, stop)
		// One or two more items may be on their way when the context ends.
		if err == nil && n >= 5 {
			errs = append(errs, fmt.Errorf("%s: it went on to the end after it was cancelled", name))
		}
		if err != nil && !transport.Canceled(err) {
			errs = append(errs, fmt.Errorf("%s: after it was cancelled the error is %q", name, err))
		}
	}
	sequence("Items", func(ctx context.Context, stop func()) (n int, last error) {
		for _, err := range r.src.Items(ctx, f, nil) {
			if err != nil {
				last = err
				continue
			}
			n++
			stop()
		}
		return n, last
	})
	sequence("Fetch", func(ctx context.Context, stop func()) (n int, last error) {
		for fe, err := range r.src.Fetch(ctx, f, keysOf(list), nil) {
			if err == nil {
				err = fe.Err
			}
			fe.Content.Close()
			if err != nil {
				last = err
				continue
			}
			n++
			stop()
		}
		return n, last
	})
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	c := r.contentOf("cancelled", stopping{newPattern("cancelled", 3<<20), 1 << 20, stop})
	if _, err := r.put(ctx, f, transport.Meta{}, c); err == nil || !transport.Canceled(err) {
		errs = append(errs, fmt.Errorf("put: after it was cancelled the error is %v", err))
	}
	errs = append(errs, r.stillWorks(f, 5))
	return errors.Join(errs...)
}

// stillWorks holds the store to n items, then puts one more and reads it.
func (r *run) stillWorks(f transport.Folder, n int) error {
	list, err := r.list(f)
	if err != nil {
		return fmt.Errorf("listing afterwards: %w", err)
	}
	if len(list) != n {
		return fmt.Errorf("afterwards %d items are listed, not %d", len(list), n)
	}
	c := r.content("one more", "x\r\n")
	if _, err := r.put(r.ctx, f, transport.Meta{}, c); err != nil {
		return fmt.Errorf("the next Put: %w", err)
	}
	list, err = r.list(f)
	if err != nil {
		return err
	}
	if len(list) != n+1 {
		return fmt.Errorf("after one more Put %d items are listed, not %d", len(list), n+1)
	}
	return r.each(f, keysOf(list), func(fe transport.Fetched) error {
		if fe.Err != nil {
			return fe.Err
		}
		_, err := subject(r.ctx, fe.Content)
		return err
	})
}

func (r *run) fault() error {
	f, err := r.folder("fault")
	if err != nil {
		return err
	}
	var errs []error
	for _, at := range []int64{0, 100, 1 << 20} {
		c := r.contentOf("broken", broken{newPattern("broken", 2<<20), at})
		_, err := r.put(r.ctx, f, transport.Meta{}, c)
		if err == nil {
			errs = append(errs, fmt.Errorf("put of a body that breaks off at %d has no error", at))
		}
	}
	// A body that ends before the size it announced.
	short := r.contentOf("short", shortBlob{newPattern("short", 1<<20)})
	if _, err := r.put(r.ctx, f, transport.Meta{}, short); err == nil {
		errs = append(errs, errors.New("put of a body that is shorter than its size has no error"))
	}
	errs = append(errs, r.stillWorks(f, 0))
	return errors.Join(errs...)
}

type shortBlob struct{ mapi.Blob }

func (s shortBlob) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := s.Blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, s.Size()/2), r}, nil
}

func (r *run) batch() error {
	b, ok := transport.As[transport.BatchSink](r.snk)
	if !ok {
		return errSkip("the store has no batches")
	}
	f, err := r.folder("batch")
	if err != nil {
		return err
	}
	limit, _ := b.BatchLimit()
	n := min(max(limit, 1), 20)
	var items []transport.Staged
	for i := range n {
		items = append(items, transport.Staged{
			Meta:    transport.Meta{Received: arrival, Flags: transport.Seen},
			Content: r.content("batch "+strconv.Itoa(i), "x\r\n"),
		})
	}
	results, err := b.PutBatch(r.ctx, f, items)
	if err != nil {
		return err
	}
	var errs []error
	if len(results) != n {
		return fmt.Errorf("%d items have %d results", n, len(results))
	}
	byRef := map[transport.Key]*transport.Content{}
	for i, res := range results {
		errs = append(errs, res.Err)
		if res.Receipt.Ref != "" {
			byRef[res.Receipt.Ref] = items[i].Content
		}
	}
	list, err := r.list(f)
	errs = append(errs, err)
	if len(list) != n {
		errs = append(errs, fmt.Errorf("a batch of %d lists %d items", n, len(list)))
	}
	errs = append(errs, r.each(f, keysOf(list), func(fe transport.Fetched) error {
		if want := byRef[fe.Key]; fe.Err == nil && want != nil {
			return wrap("the item of the receipt "+string(fe.Key), r.same(want, fe.Content))
		}
		return fe.Err
	}))
	// One bad item: the others may arrive or not, but the results say it.
	if n >= 3 {
		bad := append([]transport.Staged(nil), items[:3]...)
		bad[1].Content = r.contentOf("broken", broken{newPattern("broken", 1<<20), 1000})
		results, err = b.PutBatch(r.ctx, f, bad)
		arrived := 0
		for i, res := range results {
			if res.Err == nil && err == nil {
				arrived++
			}
			if i == 1 && err == nil && res.Err == nil {
				errs = append(errs, errors.New("an item of a batch whose body breaks off has no error"))
			}
		}
		list, lerr := r.list(f)
		errs = append(errs, lerr)
		if got := len(list) - n; err == nil && got != arrived {
			errs = append(errs, fmt.Errorf("a batch with a bad item says that %d arrived, %d did", arrived, got))
		}
		errs = append(errs, r.stillWorks(f, len(list)))
	}
	return errors.Join(errs...)
}

func (r *run) tracker() error {
	t, ok := transport.As[transport.Tracker](r.snk)
	if !ok {
		return errSkip("the store has no tracker")
	}
	f, err := r.folder("tracker")
	if err != nil {
		return err
	}
	c := r.content("twin", "x\r\n")
	var errs []error
	mark, err := t.Mark(r.ctx, f)
	errs = append(errs, wrap("Mark of an empty folder", err))
	if f.New {
		mark = ""
	}
	for round := range 3 {
		tokens := map[string]bool{}
		for i := range round {
			token := fmt.Sprintf("mark-%d-%d", round, i)
			tokens[token] = true
			if _, err := r.put(r.ctx, f, transport.Meta{Token: token}, c); err != nil {
				return err
			}
		}
		// The mark must say the same to a process that starts later.
		if err := errors.Join(r.shut(), r.open()); err != nil {
			return err
		}
		t, _ = transport.As[transport.Tracker](r.snk)
		n := 0
		for m, err := range t.Since(r.ctx, f, mark) {
			if err != nil {
				return fmt.Errorf("since: %w", err)
			}
			n++
			if m.Token != "" && !tokens[m.Token] {
				errs = append(errs, fmt.Errorf("since lists the token %q, which was not put past the mark", m.Token))
			}
			delete(tokens, m.Token)
		}
		if n != round {
			errs = append(errs, fmt.Errorf("%d items were put past the mark, Since lists %d", round, n))
		}
		if mark, err = t.Mark(r.ctx, f); err != nil {
			return fmt.Errorf("mark: %w", err)
		}
	}
	return errors.Join(errs...)
}

func (r *run) parallel() error {
	var folders []transport.Folder
	for i := range 4 {
		f, err := r.folder("p" + strconv.Itoa(i))
		if err != nil {
			return err
		}
		folders = append(folders, f)
	}
	errs := make([]error, len(folders))
	var wg sync.WaitGroup
	for i, f := range folders {
		wg.Go(func() {
			list, err := r.fill(f, 8)
			if err == nil {
				err = r.each(f, keysOf(list), func(fe transport.Fetched) error {
					if fe.Err != nil {
						return fe.Err
					}
					_, err := subject(r.ctx, fe.Content)
					return err
				})
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (r *run) close() error {
	f, err := r.folder("close")
	if err != nil {
		return err
	}
	if _, err := r.put(r.ctx, f, transport.Meta{}, r.contentOf("large", newPattern("large", 1<<20))); err != nil {
		return err
	}
	list, err := r.list(f)
	if err != nil {
		return err
	}
	// Content that is still open when the store is closed is the worst case.
	var open *transport.Content
	for fe, err := range r.src.Fetch(r.ctx, f, keysOf(list), nil) {
		if err != nil || fe.Err != nil {
			return errors.Join(err, fe.Err)
		}
		if !fe.Content.OneShot {
			if _, err := subject(r.ctx, fe.Content); err != nil {
				return err
			}
		}
		open = fe.Content
	}
	err = errors.Join(r.shut(), r.shut(), open.Close(), open.Close())
	return errors.Join(err, r.open())
}
