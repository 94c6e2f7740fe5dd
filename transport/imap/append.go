package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
	"github.com/mailconv/mailconv/transport/lineend"
)

const (
	batchItems = 100
	batchBytes = 8 << 20
	// ahead is the size up to which a body is read before its APPEND begins,
	// so that a body that cannot be read costs no connection, and APPENDs
	// need not wait for each other.
	ahead = 64 << 10
)

// An entry of a batch on its way.
type upload struct {
	at       int // place in the batch
	item     transport.Staged
	flags    string
	date     string
	losses   []mapi.Loss
	readFail error
	bare     bool // without keywords, after the server refused them
	utf8     bool // announced as UTF-8, after the server refused it plain
	doubt    bool // the body holds what servers change
}

// Put implements [transport.Sink].
func (s *Store) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	results, err := s.PutBatch(ctx, f, []transport.Staged{{Meta: m, Content: c}})
	if err != nil {
		return transport.Receipt{}, err
	}
	return results[0].Receipt, results[0].Err
}

// BatchLimit implements [transport.BatchSink].
func (s *Store) BatchLimit() (items int, bytes int64) { return batchItems, batchBytes }

// PutBatch implements [transport.BatchSink]. A MULTIAPPEND that the server
// refuses is done again one by one, so that one bad mail costs itself.
func (s *Store) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	raw, err := s.rawOf(ctx, f)
	if err != nil {
		return nil, err
	}
	b := &batch{s: s, ctx: ctx, raw: raw, folder: f.String(), results: make([]transport.Result, len(items))}
	defer b.release()
	if err := b.connect(); err != nil {
		return nil, err
	}
	if err := b.prepare(items); err != nil {
		return nil, err
	}
	if err := b.checked(); err != nil {
		return nil, err
	}
	return b.results, nil
}

type batch struct {
	s           *Store
	ctx         context.Context
	raw, folder string
	c           *session
	live        []*upload
	results     []transport.Result
	created     bool
}

func (b *batch) release() {
	if b.c != nil {
		b.s.pool.put(b.c)
		b.c = nil
	}
}

func (b *batch) connect() error {
	if b.c != nil && b.c.Broken() == nil {
		return nil
	}
	b.release()
	c, err := b.s.pool.get(b.ctx, "")
	b.c = c
	return err
}

func (b *batch) err(kind transport.Kind, err error) error {
	return &transport.Error{Kind: kind, Op: "append", Folder: b.folder, Err: err}
}

// prepare drops what cannot be sent and writes flags and dates.
func (b *batch) prepare(items []transport.Staged) error {
	limit, err := b.s.appendLimit(b.ctx, b.c)
	if err != nil {
		return err
	}
	for i, it := range items {
		switch c := it.Content; {
		case c.Form != transport.FormMIME || c.MIME == nil:
			b.results[i].Err = b.err(transport.Rejected, fmt.Errorf("an IMAP server takes MIME, not the form %q", c.Form))
			continue
		case limit > 0 && c.MIME.Size() > limit:
			b.results[i].Err = b.err(transport.TooLarge, fmt.Errorf("the mail has %d bytes, the server takes %d", c.MIME.Size(), limit))
			continue
		}
		u := &upload{at: i, item: it, date: writeDate(it.Meta.Received)}
		if !it.Meta.Received.IsZero() && u.date == "" {
			u.losses = append(u.losses, mapi.Loss{Item: "received date", Reason: mapi.LossStoreOnly, Detail: "IMAP has no form for " + it.Meta.Received.String()})
		}
		if err := b.flags(u); err != nil {
			return err
		}
		b.live = append(b.live, u)
	}
	return nil
}

// flags writes the flags that the mailbox takes; the others are losses. T50
//
// A mail that was read, and that asks for a receipt, gets $MDNSent where the
// mailbox takes that: the receipt was sent or declined long ago, and nobody is
// asked, or answered, again because of a copy. T74, RFC 3503
func (b *batch) flags(u *upload) error {
	m := u.item.Meta
	wantsReceipt := m.Flags.Has(transport.Seen) && m.Flags&(transport.MDNSent|transport.Draft) == 0 && asksForReceipt(b.ctx, u.item.Content)
	var set flagSet
	if wantsReceipt || len(m.Keywords) > 0 || m.Flags&^(transport.Seen|transport.Answered|transport.Flagged|transport.Deleted|transport.Draft) != 0 {
		var err error
		if set, err = b.s.flagSetOf(b.ctx, b.c, b.raw, b.folder); err != nil {
			return err
		}
	}
	if wantsReceipt && set.known && set.takes(string(goimap.FlagMDNSent)) {
		m.Flags |= transport.MDNSent
	}
	list, lost := set.write(m.Flags, m.Keywords)
	u.flags = strings.Join(list, " ")
	for _, name := range lost {
		u.losses = append(u.losses, flagLoss(name, "the mailbox takes no such flag (PERMANENTFLAGS)"))
	}
	return nil
}

func flagLoss(name, why string) mapi.Loss {
	return mapi.Loss{Item: "flag " + name, Reason: mapi.LossStoreOnly, Detail: why}
}

// takes reports whether a mailbox takes a flag.
func (set flagSet) takes(name string) bool {
	// QUIRK: \* stands for keywords alone, but servers that have it and leave
	// out system flags (go-imap's, before one is in use) take them.
	return !set.known || set.any || set.names[strings.ToLower(name)]
}

// write gives the flags as the server knows them, and what it does not take.
func (set flagSet) write(flags transport.Flags, keywords []string) (list, lost []string) {
	for _, f := range flagTable {
		if !flags.Has(f.flag) {
			continue
		}
		if name := string(f.name); set.takes(name) {
			list = append(list, name)
		} else {
			lost = append(lost, name)
		}
	}
	for _, k := range keywords {
		name := escapeKeyword(k)
		switch {
		case name == "":
		case !set.takes(name):
			lost = append(lost, k)
		case !slices.Contains(list, name):
			list = append(list, name)
		}
	}
	return list, lost
}

// flagSetOf asks once for each mailbox what flags it takes. EXAMINE would not
// do: read-only mailboxes take none.
func (s *Store) flagSetOf(ctx context.Context, c *session, raw, folder string) (flagSet, error) {
	s.mu.Lock()
	set, ok := s.flagSets[raw]
	s.mu.Unlock()
	if ok {
		return set, nil
	}
	err := c.open(ctx, "append", folder, raw, true, true)
	switch {
	case err == nil:
		set = c.state.flags
	case c.Broken() != nil || transport.KindOf(err) != transport.NotFound:
		return set, err
	default:
		return set, nil // the append will say TRYCREATE
	}
	s.mu.Lock()
	if s.flagSets == nil {
		s.flagSets = map[string]flagSet{}
	}
	s.flagSets[raw] = set
	s.mu.Unlock()
	return set, nil
}

// appendLimit is the largest mail that the server takes, 0 when it does not
// say. RFC 7889
func (s *Store) appendLimit(ctx context.Context, c *session) (int64, error) {
	s.mu.Lock()
	known := s.appendMx
	s.mu.Unlock()
	if known >= 0 {
		return known, nil
	}
	var limit int64
	for name := range c.caps {
		if n, ok := strings.CutPrefix(name, "APPENDLIMIT="); ok {
			limit, _ = strconv.ParseInt(n, 10, 64)
		}
	}
	if c.can("APPENDLIMIT") {
		_, err := c.do(ctx, "status", "", cmd("STATUS INBOX (APPENDLIMIT)"), func(r *wire.Response) error {
			if r.Name == "STATUS" && len(r.Values) > 1 && len(r.Values[1].List) > 1 {
				n, _ := r.Values[1].List[1].Number()
				limit = int64(min(n, 1<<62))
			}
			return nil
		})
		if err != nil && c.Broken() != nil {
			return 0, err
		}
	}
	s.mu.Lock()
	s.appendMx = max(limit, 0)
	s.mu.Unlock()
	return max(limit, 0), nil
}

// MaxSize implements [transport.SizeLimiter].
func (s *Store) MaxSize(ctx context.Context) (int64, error) {
	c, err := s.pool.get(ctx, "")
	if err != nil {
		return 0, err
	}
	defer s.pool.put(c)
	return s.appendLimit(ctx, c)
}

// run sends what is live: together where that can be, then one by one.
func (b *batch) run() error {
	together := b.c.can("MULTIAPPEND")
	for together && len(b.live) > 1 {
		if err := b.connect(); err != nil {
			return err
		}
		res, failed, err := b.multi()
		switch {
		case failed != nil:
			// A body broke off, and with it the command: nothing arrived.
			b.dropFailed(failed)
		case err != nil:
			return err
		case res.Name == "OK":
			b.receipts(b.live, res)
			return nil
		default:
			err := refused("append", b.folder, res)
			switch k := transport.KindOf(err); {
			case k == transport.NotFound && !b.created:
				if err := b.create(err); err != nil {
					return err
				}
			case k == transport.Temporary || k == transport.Throttled || k == transport.NotFound || k == transport.Auth:
				return err
			default:
				together = false
			}
		}
	}
	return b.singly()
}

// dropFailed takes out an upload whose body cannot be read, and those whose
// bodies cannot be read a second time.
func (b *batch) dropFailed(failed *upload) {
	var keep []*upload
	for _, u := range b.live {
		switch {
		case u == failed:
			b.results[u.at].Err = u.readFail
		case u.item.Content.OneShot:
			b.results[u.at].Err = b.err(transport.Temporary, errors.New("another item of the batch could not be read"))
		default:
			keep = append(keep, u)
		}
	}
	b.live = keep
}

// create makes the mailbox that the server misses.
func (b *batch) create(why error) error {
	b.created = true
	if transport.KindOf(why) != transport.NotFound {
		return why
	}
	var r *Refusal
	if !errors.As(why, &r) || r.Code != "TRYCREATE" {
		return why
	}
	_, _, err := b.s.create(b.ctx, b.c, b.raw, b.folder, transport.Folder{})
	return err
}

// literal appends flags, date and body.
func (b *batch) literal(w *wire.Command, u *upload, data []byte) {
	w.Raw(" ")
	if u.flags != "" {
		w.Raw("(" + u.flags + ") ")
	}
	if u.date != "" {
		w.Raw(u.date + " ")
	}
	blob := u.item.Content.MIME
	if data != nil {
		blob = mapi.Bytes(data)
	}
	if u.utf8 {
		w.Raw("UTF8 (~")
		defer w.Raw(")")
	}
	w.Literal(blob.Size(), func(to io.Writer) error {
		var check lineend.Check
		if !u.item.Content.Clean {
			to = io.MultiWriter(to, &check)
		}
		n, err := mapi.CopyBlob(b.ctx, to, blob)
		u.doubt = !check.Clean()
		if err == nil && n != blob.Size() {
			err = b.err(transport.Temporary, fmt.Errorf("the body has %d bytes, %d were announced", n, blob.Size()))
		}
		u.readFail = err
		return err
	})
}

// multi sends all in one command. RFC 3502: all arrive, or none.
func (b *batch) multi() (res *wire.Response, failed *upload, err error) {
	w := b.c.name(cmd("APPEND "), b.raw)
	for _, u := range b.live {
		u.readFail = nil
		b.literal(w, u, nil)
	}
	res, err = b.c.Do(b.ctx, w, nil)
	if err == nil {
		return res, nil, nil
	}
	for _, u := range b.live {
		if u.readFail != nil && !transport.Canceled(b.ctx.Err()) {
			if own := (*wire.WriteError)(nil); errors.As(err, &own) {
				return nil, u, nil
			}
		}
	}
	return nil, nil, b.s.broken("append", b.folder, err)
}

// receipts notes that uploads arrived. RFC 9051 7.1, APPENDUID
func (b *batch) receipts(list []*upload, res *wire.Response) {
	var uids []uint32
	var validity uint64
	if res.Code == "APPENDUID" {
		if args := res.Args(); len(args) >= 2 {
			validity, _ = args[0].Number()
			if set, ok := wire.ParseSet(args[1].Text, len(list)); ok && len(set) == len(list) {
				uids = set
			}
		}
	}
	for i, u := range list {
		r := transport.Receipt{Route: "append", Losses: u.losses, Bytes: u.item.Content.MIME.Size()}
		if uids != nil && validity > 0 && validity < 1<<32 {
			r.Ref = key(uint32(validity), uids[i])
		}
		b.results[u.at] = transport.Result{Receipt: r}
	}
}

// singly sends one by one. Small bodies do not wait for the answers to those
// before them, where literals need not wait.
func (b *batch) singly() error {
	type sent struct {
		u   *upload
		tag string
	}
	var way []sent
	queue := slices.Clone(b.live)
	// drain takes the answers of what is on its way.
	drain := func() error {
		if len(way) == 0 {
			return nil
		}
		stop := b.c.Guard(b.ctx)
		defer stop()
		err := b.c.Flush(b.ctx)
		for i, one := range way {
			var res *wire.Response
			if err == nil {
				res, err = b.c.Wait(b.ctx, one.tag, nil)
			}
			if err != nil {
				lost := b.s.broken("append", b.folder, err)
				for _, u := range way[i:] {
					b.results[u.u.at].Err = lost
				}
				way = nil
				return lost
			}
			if b.settle(one.u, res) {
				queue = append(queue, one.u)
			}
		}
		way = nil
		return err
	}
	for len(queue) > 0 || len(way) > 0 {
		if len(queue) == 0 {
			if err := drain(); err != nil {
				return b.rest(queue, err)
			}
			continue
		}
		u := queue[0]
		queue = queue[1:]
		if err := b.connect(); err != nil {
			return b.rest(append(queue, u), err)
		}
		var data []byte
		if size := u.item.Content.MIME.Size(); size <= ahead {
			var err error
			if data, err = b.small(u); err != nil {
				b.results[u.at].Err = err
				continue
			}
		} else if err := drain(); err != nil {
			return b.rest(append(queue, u), err)
		}
		w := b.c.name(cmd("APPEND "), b.raw)
		u.readFail = nil
		b.literal(w, u, data)
		stop := b.c.Guard(b.ctx)
		tag, early, err := b.c.Write(b.ctx, w)
		stop()
		switch own := (*wire.WriteError)(nil); {
		case errors.As(err, &own):
			b.results[u.at].Err = own.Err
			if transport.Canceled(b.ctx.Err()) {
				return b.rest(queue, own.Err)
			}
		case err != nil:
			err = b.s.broken("append", b.folder, err)
			for _, one := range way {
				b.results[one.u.at].Err = err
			}
			return b.rest(append(queue, u), err)
		case early != nil:
			if b.settle(u, early) {
				queue = append(queue, u)
			}
		default:
			way = append(way, sent{u, tag})
			if b.c.Literals != wire.Plus {
				if err := drain(); err != nil {
					return b.rest(queue, err)
				}
			}
		}
	}
	return nil
}

// rest gives an error to what has no result. It is nil, as the results tell,
// unless nothing at all arrived.
func (b *batch) rest(queue []*upload, err error) error {
	for _, u := range queue {
		if b.results[u.at].Err == nil && b.results[u.at].Receipt.Route == "" {
			b.results[u.at].Err = err
		}
	}
	return nil
}

// small reads a body into memory.
func (b *batch) small(u *upload) ([]byte, error) {
	blob := u.item.Content.MIME
	if m, ok := blob.(mapi.Bytes); ok {
		return m, nil
	}
	data, err := mapi.ReadBlob(b.ctx, blob, ahead)
	if err == nil && int64(len(data)) != blob.Size() {
		err = b.err(transport.Temporary, fmt.Errorf("the body has %d bytes, %d were announced", len(data), blob.Size()))
	}
	if data == nil {
		data = []byte{}
	}
	return data, err
}

// settle notes the answer to one APPEND. It says again when the upload is to be
// sent once more, in another way.
func (b *batch) settle(u *upload, res *wire.Response) (again bool) {
	if res.Name == "OK" {
		b.receipts([]*upload{u}, res)
		return false
	}
	err := refused("append", b.folder, res)
	b.results[u.at] = transport.Result{Err: err}
	once := u.item.Content.OneShot
	switch k := transport.KindOf(err); {
	case once:
	case k == transport.NotFound && !b.created:
		if b.create(err) == nil {
			b.results[u.at].Err = nil
			return true
		}
	case (k == transport.Rejected || k == transport.Permanent) && b.c.utf8 && !u.utf8 && eightBitHeader(b.ctx, u.item.Content):
		// RFC 6855 4; its successor takes such mails without.
		u.utf8 = true
		b.results[u.at].Err = nil
		return true
	case (k == transport.Rejected || k == transport.Permanent) && !u.bare && hasKeyword(u.flags):
		// The mailbox may take fewer keywords than it says.
		u.bare = true
		list, lost := systemFlags.write(u.item.Meta.Flags, u.item.Meta.Keywords)
		u.flags, u.losses = strings.Join(list, " "), nil
		for _, name := range lost {
			u.losses = append(u.losses, flagLoss(name, "the server refuses the mail with it: "+oneLine(res.Text)))
		}
		b.results[u.at].Err = nil
		return true
	}
	return false
}

// systemFlags are those that every mailbox knows.
var systemFlags = func() flagSet {
	set := flagSet{known: true, names: map[string]bool{}}
	for _, f := range flagTable {
		if f.name[0] == '\\' {
			set.names[strings.ToLower(string(f.name))] = true
		}
	}
	return set
}()

func hasKeyword(flags string) bool {
	for f := range strings.FieldsSeq(flags) {
		if f[0] != '\\' {
			return true
		}
	}
	return false
}
