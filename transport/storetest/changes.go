package storetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mailconv/mailconv/transport"
)

func (r *run) cursor() error {
	f, err := r.folder("cursor")
	if err != nil {
		return err
	}
	if _, err := r.fill(f, 3); err != nil {
		return err
	}
	c := &transport.Cursor{}
	first, err := r.listFrom(f, c)
	if err != nil {
		return err
	}
	if c.Delta || len(first) != 3 {
		return fmt.Errorf("the first listing has %d items, not 3, and Delta is %v", len(first), c.Delta)
	}
	if _, err := r.put(r.ctx, f, transport.Meta{}, r.content("new", "x\r\n")); err != nil {
		return err
	}
	second, err := r.listFrom(f, c)
	if err != nil {
		return err
	}
	fresh := 0
	for _, m := range second {
		if !slices.Contains(keysOf(first), m.Key) {
			fresh++
		}
	}
	if want := 4; !c.Delta && len(second) != want {
		return fmt.Errorf("the second listing is complete and has %d items, not %d", len(second), want)
	}
	if fresh != 1 {
		return fmt.Errorf("the second listing holds %d new items, not 1", fresh)
	}
	if c.Token == "" {
		return nil
	}
	if err := errors.Join(r.shut(), r.open()); err != nil {
		return err
	}
	third, err := r.listFrom(f, c)
	if err == nil && c.Delta && len(third) > 0 {
		return fmt.Errorf("nothing changed, but the listing from the cursor has %d items", len(third))
	}
	return err
}

func (r *run) setFlags() error {
	s, ok := transport.As[transport.FlagSetter](r.snk)
	if !ok {
		return errSkip("the store cannot change flags")
	}
	f, err := r.folder("setflags")
	if err != nil {
		return err
	}
	list, err := r.fill(f, 3)
	if err != nil {
		return err
	}
	changes := []transport.FlagChange{
		{Ref: list[0].Key, Flags: transport.Seen | transport.Flagged},
		{Ref: list[1].Key, Flags: transport.Seen, Keywords: []string{"work"}},
		{Ref: transport.Key(string(list[0].Key) + "9"), Flags: transport.Seen},
	}
	results := s.SetFlags(r.ctx, f, changes)
	if len(results) != 3 {
		return fmt.Errorf("3 changes have %d results", len(results))
	}
	errs := []error{results[0], results[1], wrap("an unknown key", isKind(results[2], transport.NotFound))}
	after, err := r.list(f)
	if err != nil {
		return err
	}
	// Keys survive, as the ledger holds them.
	for i, m := range list {
		j := slices.IndexFunc(after, func(a transport.Meta) bool { return a.Key == m.Key })
		if j < 0 {
			errs = append(errs, fmt.Errorf("the key %q is gone after its flags changed", m.Key))
			continue
		}
		var want transport.FlagChange
		if i < 2 {
			want = changes[i]
		}
		if after[j].Flags != want.Flags {
			errs = append(errs, fmt.Errorf("flags were set to %b, they are %b", want.Flags, after[j].Flags))
		}
		if len(after[j].Keywords) > 0 && !slices.Equal(after[j].Keywords, want.Keywords) {
			errs = append(errs, fmt.Errorf("keywords were set to %q, they are %q", want.Keywords, after[j].Keywords))
		}
	}
	// And back.
	errs = append(errs, s.SetFlags(r.ctx, f, []transport.FlagChange{{Ref: list[0].Key}})...)
	after, err = r.list(f)
	errs = append(errs, err)
	for _, m := range after {
		if m.Key == list[0].Key && m.Flags != 0 {
			errs = append(errs, fmt.Errorf("flags were cleared, they are %b", m.Flags))
		}
	}
	return errors.Join(errs...)
}

func (r *run) move() error {
	mv, ok := transport.As[transport.Mover](r.snk)
	if !ok {
		return errSkip("the store cannot move items")
	}
	from, err := r.folder("from")
	if err != nil {
		return err
	}
	to, err := r.folder("to")
	if err != nil {
		return err
	}
	meta := transport.Meta{Flags: transport.Seen | transport.Flagged, Received: arrival}
	c := r.content("moving", "x\r\n")
	if _, err := r.put(r.ctx, from, meta, c); err != nil {
		return err
	}
	if _, err := r.put(r.ctx, from, transport.Meta{}, r.content("staying", "x\r\n")); err != nil {
		return err
	}
	list, err := r.list(from)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(m transport.Meta) bool { return m.Flags.Has(transport.Seen) })
	if i < 0 {
		i = 0
	}
	results := mv.Move(r.ctx, from, to, []transport.Key{list[i].Key, transport.Key(string(list[i].Key) + "9")})
	if len(results) != 2 {
		return fmt.Errorf("2 moves have %d results", len(results))
	}
	errs := []error{results[0].Err, wrap("an unknown key", isKind(results[1].Err, transport.NotFound))}
	left, err := r.list(from)
	errs = append(errs, err)
	if len(left) != 1 {
		errs = append(errs, fmt.Errorf("after the move the first folder lists %d items, not 1", len(left)))
	}
	got, err := r.expect(to, c)
	errs = append(errs, err)
	if ref := results[0].Receipt.Ref; ref != "" && ref != got.Key {
		errs = append(errs, fmt.Errorf("the moved item is said to be %q, it is %q", ref, got.Key))
	}
	if got.Flags != list[i].Flags || !got.Received.Equal(list[i].Received) {
		errs = append(errs, fmt.Errorf("flags %b, received %v became %b, %v in the move", list[i].Flags, list[i].Received, got.Flags, got.Received))
	}
	return errors.Join(errs...)
}

func (r *run) delete() error {
	d, ok := transport.As[transport.Deleter](r.snk)
	if !ok {
		return errSkip("the store cannot delete items")
	}
	f, err := r.folder("delete")
	if err != nil {
		return err
	}
	list, err := r.fill(f, 4)
	if err != nil {
		return err
	}
	keys := keysOf(list)
	var errs []error
	for range 2 {
		results := d.Delete(r.ctx, f, []transport.Key{keys[1], keys[3]})
		if len(results) != 2 {
			return fmt.Errorf("2 deletions have %d results", len(results))
		}
		errs = append(errs, results...)
	}
	left, err := r.list(f)
	errs = append(errs, err)
	if !sameKeys(keysOf(left), []transport.Key{keys[0], keys[2]}) {
		errs = append(errs, fmt.Errorf("%q without the second and the fourth became %q", keys, keysOf(left)))
	}
	errs = append(errs, r.each(f, keysOf(left), func(fe transport.Fetched) error { return fe.Err }))
	return errors.Join(errs...)
}
