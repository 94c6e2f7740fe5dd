package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// bodies that stores change in silence.
func traps() map[string]mapi.Blob {
	head := "Subject: trap\r\nFrom: a@storetest.example\r\n"
	return map[string]mapi.Blob{
		"empty":                     mapi.Bytes(""),
		"a header alone":            mapi.Bytes(head),
		"an empty body":             mapi.Bytes(head + "\r\n"),
		"no header":                 mapi.Bytes("\r\nbody\r\n"),
		"no line end at the end":    mail("trap", "last line"),
		"blank lines at the end":    mail("trap", "x\r\n\r\n\r\n"),
		"From at a line's begin":    mail("trap", "From here\r\n\r\nFrom ann@x.example Mon Jan  1 00:00:00 2024\r\n>From there\r\n>>From there\r\n> From\r\n"),
		"dots":                      mail("trap", ".\r\n..\r\n.x\r\n"),
		"bare LF":                   mail("trap", "one\ntwo\r\nthree\n"),
		"bare CR":                   mail("trap", "one\rtwo\r\nthree\r"),
		"CR CR LF":                  mail("trap", "one\r\r\ntwo\r\n"),
		"LF alone":                  mapi.Bytes("Subject: trap\nFrom: a@storetest.example\n\nbody\n"),
		"NUL":                       mail("trap", "a\x00b\r\n"),
		"8bit":                      mail("trap", "Grüße 😀\r\n"),
		"bytes that are not UTF-8":  mail("trap", "\xff\xfe\x80\r\n"),
		"a long line":               mail("trap", strings.Repeat("0123456789", 20000)+"\r\n"),
		"a From line as first line": mapi.Bytes("From ann@x.example Mon Jan  1 00:00:00 2024\r\n" + head + "\r\nx\r\n"),
		"store headers in the mail": mapi.Bytes("Status: RO\r\nX-Status: A\r\nX-Keywords: a b\r\nContent-Length: 3\r\nX-Mozilla-Status: 0001\r\n" + head + "\r\nmore than three\r\n"),
		"folded header":             mapi.Bytes("Subject: trap\r\n\tand more\r\nX-A:\r\n b\r\n\r\nx\r\n"),
		"Control-Z and form feed":   mail("trap", "a\x1Ab\x0Cc\r\n"),
	}
}

func (r *run) bodies() error {
	var errs []error
	i := 0
	for name, b := range traps() {
		i++
		f, err := r.folder("b" + strconv.Itoa(i))
		if err != nil {
			return err
		}
		c := r.contentOf("trap", b)
		receipt, err := r.put(r.ctx, f, transport.Meta{}, c)
		if err != nil {
			if transport.KindOf(err) != transport.Rejected {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
			continue
		}
		if _, err := r.expect(f, c); err != nil && len(receipt.Losses) == 0 {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func (r *run) huge() error {
	size := r.o.Huge
	if size == 0 {
		size = 32 << 20
	}
	if l, ok := transport.As[transport.SizeLimiter](r.snk); ok {
		if limit, err := l.MaxSize(r.ctx); err == nil && limit > 0 && limit < size {
			size = limit / 2
		}
	}
	f, err := r.folder("huge")
	if err != nil {
		return err
	}
	c := r.contentOf("huge", newPattern("huge", size))
	receipt, err := r.put(r.ctx, f, transport.Meta{}, c)
	if err != nil {
		return err
	}
	if _, err := r.expect(f, c); err != nil && len(receipt.Losses) == 0 {
		return err
	}
	return nil
}

func (r *run) flags() error {
	cases := []transport.Meta{
		{},
		{Flags: transport.Seen},
		{Flags: transport.Answered},
		{Flags: transport.Flagged},
		{Flags: transport.Draft},
		{Flags: transport.Deleted},
		{Flags: transport.Forwarded},
		{Flags: transport.MDNSent},
		{Flags: transport.Seen | transport.Answered | transport.Flagged | transport.Forwarded},
		{Keywords: []string{"work"}},
		{Flags: transport.Seen, Keywords: []string{"$Label1", "Work-2", "todo"}},
		{Keywords: []string{"two words", "Grün", "a,b", "100%", `back\slash`, `quo"te`}},
	}
	var errs []error
	for i, m := range cases {
		f, err := r.folder("f" + strconv.Itoa(i))
		if err != nil {
			return err
		}
		c := r.content("flags "+strconv.Itoa(i), "x\r\n")
		receipt, err := r.put(r.ctx, f, m, c)
		if err != nil {
			errs = append(errs, fmt.Errorf("flags %b, keywords %q: %w", m.Flags, m.Keywords, err))
			continue
		}
		got, err := r.expect(f, c)
		if len(receipt.Losses) == 0 {
			errs = append(errs, err, sameFlags(m.Flags, m.Keywords, got))
		}
	}
	return errors.Join(errs...)
}

func sameFlags(flags transport.Flags, keywords []string, got transport.Meta) error {
	w, g := slices.Clone(keywords), slices.Clone(got.Keywords)
	slices.Sort(w)
	slices.Sort(g)
	if flags != got.Flags || !slices.Equal(w, g) {
		return fmt.Errorf("flags %b, keywords %q came back as %b, %q, and no loss was reported", flags, w, got.Flags, g)
	}
	return nil
}

func (r *run) received() error {
	precision := r.o.DatePrecision
	if precision == 0 {
		precision = time.Second
	}
	berlin := time.FixedZone("", 2*3600)
	var errs []error
	for i, want := range []time.Time{
		time.Date(1996, 2, 29, 23, 59, 59, 0, time.UTC),
		time.Date(2024, 3, 31, 1, 30, 0, 0, time.UTC),
		time.Date(2024, 10, 27, 2, 30, 0, 0, berlin),
		time.Date(2038, 1, 20, 3, 14, 8, 0, time.UTC),
	} {
		f, err := r.folder("d" + strconv.Itoa(i))
		if err != nil {
			return err
		}
		c := r.content("received "+strconv.Itoa(i), "x\r\n")
		receipt, err := r.put(r.ctx, f, transport.Meta{Received: want}, c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		got, err := r.expect(f, c)
		errs = append(errs, err)
		if d := got.Received.Sub(want).Abs(); d >= precision && len(receipt.Losses) == 0 {
			errs = append(errs, fmt.Errorf("received %v came back as %v", want, got.Received))
		}
	}
	return errors.Join(errs...)
}

func (r *run) twins() error {
	f, err := r.folder("twins")
	if err != nil {
		return err
	}
	c := r.content("twin", "the same\r\n")
	for range 3 {
		if _, err := r.put(r.ctx, f, transport.Meta{}, c); err != nil {
			return err
		}
	}
	list, err := r.list(f)
	if err != nil {
		return err
	}
	if len(list) != 3 {
		return fmt.Errorf("3 identical mails were put, %d are listed", len(list))
	}
	return r.each(f, keysOf(list), func(fe transport.Fetched) error {
		if fe.Err != nil {
			return fe.Err
		}
		return r.same(c, fe.Content)
	})
}

func (r *run) fetchOnce() error {
	f, err := r.folder("fetch")
	if err != nil {
		return err
	}
	list, err := r.fill(f, 7)
	if err != nil {
		return err
	}
	var errs []error
	// Backwards, and every second one.
	keys := keysOf(list)
	slices.Reverse(keys)
	for _, ask := range [][]transport.Key{keys, {keys[1], keys[3], keys[5]}, keys[:1], {}} {
		errs = append(errs, r.each(f, ask, func(fe transport.Fetched) error { return fe.Err }))
	}
	// A key that is not there, beside one that is.
	bad := transport.Key(string(keys[0]) + "9")
	for _, k := range []transport.Key{bad, "nonsense", "../x"} {
		errs = append(errs, r.each(f, []transport.Key{k, keys[2]}, func(fe transport.Fetched) error {
			if fe.Key == k {
				return wrap(fmt.Sprintf("the unknown key %q", k), isKind(fe.Err, transport.NotFound))
			}
			return fe.Err
		}))
	}
	// Leaving early, with the body unread, must not disturb what follows.
	for range 2 {
		for fe, err := range r.src.Fetch(r.ctx, f, keys, nil) {
			errs = append(errs, err, fe.Err, fe.Content.Close())
			break
		}
	}
	errs = append(errs, r.each(f, keys, func(fe transport.Fetched) error { return fe.Err }))
	return errors.Join(errs...)
}

func (r *run) stable() error {
	f, err := r.folder("stable")
	if err != nil {
		return err
	}
	before, err := r.fill(f, 4)
	if err != nil {
		return err
	}
	if err := errors.Join(r.shut(), r.open()); err != nil {
		return err
	}
	after, err := r.list(f)
	if err != nil {
		return err
	}
	if !sameKeys(keysOf(before), keysOf(after)) {
		return fmt.Errorf("keys were %q, after opening anew they are %q", keysOf(before), keysOf(after))
	}
	if _, err := r.put(r.ctx, f, transport.Meta{}, r.content("one more", "x\r\n")); err != nil {
		return err
	}
	after, err = r.list(f)
	if err != nil {
		return err
	}
	for _, k := range keysOf(before) {
		if !slices.Contains(keysOf(after), k) {
			return fmt.Errorf("the key %q is gone after another put", k)
		}
	}
	return nil
}

func (r *run) quiet() error {
	f, err := r.folder("quiet")
	if err != nil {
		return err
	}
	if _, err := r.fill(f, 3); err != nil {
		return err
	}
	for range 3 {
		list, err := r.list(f)
		if err != nil {
			return err
		}
		for _, m := range list {
			if m.Flags != 0 {
				return fmt.Errorf("item %s has flags %b now, it was put without", m.Key, m.Flags)
			}
		}
		if err := r.each(f, keysOf(list), func(fe transport.Fetched) error {
			if fe.Err != nil {
				return fe.Err
			}
			_, err := subject(r.ctx, fe.Content)
			return err
		}); err != nil {
			return err
		}
		if err := errors.Join(r.shut(), r.open()); err != nil {
			return err
		}
	}
	return nil
}
