package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// arrival is the received date of items that need no other.
var arrival = time.Date(2023, 4, 5, 6, 7, 8, 0, time.UTC)

// folder makes a folder below the check's own.
func (r *run) folder(names ...string) (transport.Folder, error) {
	path := append(append(slices.Clone(r.o.Root), r.check), names...)
	f, err := r.snk.Ensure(r.ctx, transport.Folder{Path: path})
	if err != nil {
		return f, fmt.Errorf("ensure %q: %w", transport.JoinPath(path), err)
	}
	r.made = append(r.made, f)
	return f, nil
}

// put writes one item, the way the store wants it.
func (r *run) put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	if m.Received.IsZero() {
		m.Received = arrival
	}
	if !r.o.BatchOnly {
		return r.snk.Put(ctx, f, m, c)
	}
	b, ok := transport.As[transport.BatchSink](r.snk)
	if !ok {
		return transport.Receipt{}, errors.New("the option BatchOnly is set, but the sink has no PutBatch")
	}
	list, err := b.PutBatch(ctx, f, []transport.Staged{{Meta: m, Content: c}})
	if err != nil {
		return transport.Receipt{}, err
	}
	if len(list) != 1 {
		return transport.Receipt{}, fmt.Errorf("put batch of one item has %d results", len(list))
	}
	return list[0].Receipt, list[0].Err
}

// fill puts n small mails and returns what the folder then lists.
func (r *run) fill(f transport.Folder, n int) ([]transport.Meta, error) {
	for i := range n {
		if _, err := r.put(r.ctx, f, transport.Meta{}, r.content(fmt.Sprintf("%s %d", r.check, i), "x\r\n")); err != nil {
			return nil, fmt.Errorf("put %d: %w", i, err)
		}
	}
	list, err := r.list(f)
	if err == nil && len(list) != n {
		err = fmt.Errorf("%d items were put, %d are listed", n, len(list))
	}
	return list, err
}

func (r *run) list(f transport.Folder) ([]transport.Meta, error) {
	return r.listFrom(f, nil)
}

func (r *run) listFrom(f transport.Folder, c *transport.Cursor) ([]transport.Meta, error) {
	var list []transport.Meta
	seen := map[transport.Key]bool{}
	for m, err := range r.src.Items(r.ctx, f, c) {
		if err != nil {
			return list, fmt.Errorf("items %q: %w", f, err)
		}
		if m.Key == "" || seen[m.Key] {
			return list, fmt.Errorf("items %q: the key %q is empty or listed twice", f, m.Key)
		}
		for _, b := range []byte(m.Key) {
			if b < ' ' || b == 0x7F {
				return list, fmt.Errorf("items %q: the key %q has a control character", f, m.Key)
			}
		}
		seen[m.Key] = true
		list = append(list, m)
	}
	return list, nil
}

func keysOf(list []transport.Meta) []transport.Key {
	keys := make([]transport.Key, len(list))
	for i, m := range list {
		keys[i] = m.Key
	}
	return keys
}

// sameKeys compares without regard to order, which is the store's own.
func sameKeys(a, b []transport.Key) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// each fetches keys and holds the source to one answer for each.
func (r *run) each(f transport.Folder, keys []transport.Key, do func(transport.Fetched) error) error {
	open := map[transport.Key]bool{}
	for _, k := range keys {
		open[k] = true
	}
	var errs []error
	want := []transport.Form{transport.FormMIME, transport.FormObject}
	for fe, err := range r.src.Fetch(r.ctx, f, keys, want) {
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("fetch: %w", err))...)
		}
		if !open[fe.Key] {
			errs = append(errs, fmt.Errorf("fetch: the key %q was not asked for, or comes twice", fe.Key))
		}
		delete(open, fe.Key)
		if fe.Err == nil && fe.Content == nil {
			errs = append(errs, fmt.Errorf("fetch: the key %q has neither content nor an error", fe.Key))
			continue
		}
		errs = append(errs, do(fe), fe.Content.Close(), fe.Content.Close())
	}
	for k := range open {
		errs = append(errs, fmt.Errorf("fetch: the key %q has no answer", k))
	}
	return errors.Join(errs...)
}

// expect fetches the only item of a folder and compares it.
func (r *run) expect(f transport.Folder, want *transport.Content) (transport.Meta, error) {
	list, err := r.list(f)
	if err != nil {
		return transport.Meta{}, err
	}
	if len(list) != 1 {
		return transport.Meta{}, fmt.Errorf("%d items are listed, not 1", len(list))
	}
	return list[0], r.each(f, keysOf(list), func(fe transport.Fetched) error {
		if fe.Err != nil {
			return fe.Err
		}
		return r.same(want, fe.Content)
	})
}

func isKind(err error, k transport.Kind) error {
	if err == nil {
		return fmt.Errorf("there is no error; one of kind %s was due", k)
	}
	if got := transport.KindOf(err); got != k {
		return fmt.Errorf("the error %q is of kind %s, not %s", err, got, k)
	}
	return nil
}

// wrap names the case of a check.
func wrap(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}
