package imap

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// A session is one connection that is logged in.
type session struct {
	*wire.Conn
	s    *Store
	nc   *dial.Conn
	caps map[string]bool
	// news says that the server told its capabilities by itself.
	news bool
	utf8 bool
	used time.Time

	mailbox  string // raw name of what is selected, "" for nothing
	readOnly bool
	state    state
}

// state is what the server said of the selected mailbox.
type state struct {
	validity, next, exists uint32
	modseq                 uint64
	flags                  flagSet
	expunges               int // since it was selected
}

// flagSet is what a mailbox takes. RFC 9051 7.1, PERMANENTFLAGS
type flagSet struct {
	known    bool
	any      bool // \*
	names    map[string]bool
	readOnly bool
}

func cmd(text string) *wire.Command { return wire.Cmd(text) }

// name appends a mailbox name.
func (c *session) name(w *wire.Command, raw string) *wire.Command {
	if c.utf8 {
		return w.UTF8(raw)
	}
	return w.String(raw)
}

// untagged keeps what the server tells by the way.
func (c *session) untagged(r *wire.Response) {
	switch r.Name {
	case "EXISTS":
		c.state.exists = r.Num
	case "EXPUNGE":
		c.state.expunges++
		if c.state.exists > 0 {
			c.state.exists--
		}
	case "VANISHED":
		c.state.expunges++
	case "CAPABILITY":
		c.setCaps(r.Values)
	case "OK", "PREAUTH", "NO":
		if r.Code == "CAPABILITY" {
			c.setCaps(r.Args())
		}
	}
}

func (c *session) setCaps(values []wire.Value) {
	c.caps = map[string]bool{}
	c.news = true
	for _, v := range values {
		c.caps[strings.ToUpper(v.Text)] = true
	}
	switch {
	case c.caps["LITERAL+"]:
		c.Literals = wire.Plus
	case c.caps["LITERAL-"], c.caps["IMAP4REV2"]:
		c.Literals = wire.Small
	default:
		c.Literals = wire.Synchronizing
	}
}

// can reports whether the server has one of some capabilities.
func (c *session) can(names ...string) bool {
	for _, n := range names {
		if c.caps[n] {
			return true
		}
	}
	return false
}

// do runs a command. A refusal is an error of its class.
func (c *session) do(ctx context.Context, op, folder string, w *wire.Command, on func(*wire.Response) error) (*wire.Response, error) {
	res, err := c.Do(ctx, w, on)
	if err != nil {
		return nil, c.s.broken(op, folder, err)
	}
	if res.Code == "CAPABILITY" {
		c.setCaps(res.Args())
	}
	if res.Name != "OK" {
		return res, refused(op, folder, res)
	}
	return res, nil
}

// together sends commands that do not wait for each other. Refusals do not
// count.
func (c *session) together(ctx context.Context, op string, list []*wire.Command, on func(*wire.Response) error) error {
	return c.togetherEach(ctx, op, list, on, func(int, *wire.Response) {})
}

// togetherEach is together, and hands over the answer to each command.
func (c *session) togetherEach(ctx context.Context, op string, list []*wire.Command, on func(*wire.Response) error, each func(int, *wire.Response)) error {
	defer c.Guard(ctx)()
	tags := make([]string, len(list))
	var err error
	for i, w := range list {
		if tags[i], _, err = c.Write(ctx, w); err != nil {
			return c.s.broken(op, "", err)
		}
	}
	if err := c.Flush(ctx); err != nil {
		return c.s.broken(op, "", err)
	}
	for i, tag := range tags {
		r, err := c.Wait(ctx, tag, on)
		if err != nil {
			return c.s.broken(op, "", err)
		}
		each(i, r)
	}
	return nil
}

// open selects a mailbox; fresh asks the server about it even when it is
// selected already. Writing needs SELECT.
func (c *session) open(ctx context.Context, op, folder, raw string, write, fresh bool) error {
	if c.mailbox == raw && (!write || !c.readOnly) && !fresh {
		return nil
	}
	c.mailbox, c.state = "", state{}
	verb := "EXAMINE "
	if write {
		verb = "SELECT "
	}
	w := c.name(cmd(verb), raw)
	if c.can("CONDSTORE") {
		w.Raw(" (CONDSTORE)")
	}
	var st state
	res, err := c.do(ctx, op, folder, w, func(r *wire.Response) error {
		switch {
		case r.Name == "FLAGS" && !st.flags.known && len(r.Values) > 0:
			// What counts when there is no PERMANENTFLAGS.
			st.flags.names = flagNames(r.Values[0].List)
		case r.Name == "OK":
			st.code(r)
		}
		return nil
	})
	if err != nil {
		if res != nil && transport.KindOf(err) != transport.Temporary && transport.KindOf(err) != transport.Throttled {
			err = c.missing(ctx, op, folder, raw, err)
		}
		return err
	}
	st.code(res)
	st.exists = c.state.exists
	c.mailbox, c.readOnly, c.state = raw, !write || res.Code == "READ-ONLY", st
	if write && res.Code == "READ-ONLY" {
		c.state.flags.readOnly = true
	}
	return nil
}

func (st *state) code(r *wire.Response) {
	number := func() uint64 {
		args := r.Args()
		if len(args) == 0 {
			return 0
		}
		n, _ := args[0].Number()
		return n
	}
	switch r.Code {
	case "UIDVALIDITY":
		st.validity = uint32(number())
	case "UIDNEXT":
		st.next = uint32(number())
	case "HIGHESTMODSEQ":
		st.modseq = number()
	case "NOMODSEQ":
		st.modseq = 0
	case "PERMANENTFLAGS":
		if args := r.Args(); len(args) > 0 {
			st.flags.known = true
			st.flags.names = flagNames(args[0].List)
			st.flags.any = st.flags.names[`\*`]
		}
	}
}

func flagNames(list []wire.Value) map[string]bool {
	m := map[string]bool{}
	for _, v := range list {
		m[strings.ToLower(v.Text)] = true
	}
	return m
}

// missing gives a refusal to select the kind NotFound when the mailbox is not
// there: servers say that in any words.
func (c *session) missing(ctx context.Context, op, folder, raw string, err error) error {
	if transport.KindOf(err) == transport.NotFound || c.Broken() != nil {
		return err
	}
	found := false
	_, lerr := c.do(ctx, "list", folder, c.name(cmd(`LIST "" `), raw), func(r *wire.Response) error {
		found = found || r.Name == "LIST"
		return nil
	})
	var te *transport.Error
	if lerr == nil && !found && errors.As(err, &te) {
		te.Kind = transport.NotFound
	}
	return err
}

// logout says farewell and does not wait for an answer.
func (c *session) logout() {
	c.nc.SetWriteDeadline(time.Now().Add(time.Second)) //nolint:errcheck // closed next
	c.nc.Write([]byte("bye LOGOUT\r\n"))               //nolint:errcheck // closed next
}
