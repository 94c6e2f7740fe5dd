package ews

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
	"github.com/mailconv/mailconv/transport/head"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// Bounds of one CreateItem or UploadItems. Exchange takes some 35 MB in one
// request; one item may be larger and goes alone.
const (
	batchItems = 40
	batchBytes = 6 << 20
)

// Accepts implements [transport.Sink]: whole objects, and mail as MIME.
func (st *Store) Accepts(m transport.Meta) []transport.Form {
	switch {
	case !isMail(m.Class):
		return []transport.Form{transport.FormObject}
	case st.svc.has(opUpload):
		return []transport.Form{transport.FormObject, transport.FormMIME}
	}
	return []transport.Form{transport.FormMIME}
}

// BatchLimit implements [transport.BatchSink].
func (st *Store) BatchLimit() (items int, bytes int64) { return batchItems, batchBytes }

// Put implements [transport.Sink].
func (st *Store) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	res, err := st.PutBatch(ctx, f, []transport.Staged{{Meta: m, Content: c}})
	if err != nil {
		return transport.Receipt{}, err
	}
	return res[0].Receipt, res[0].Err
}

// PutBatch implements [transport.BatchSink]. Items in a row of the same form go
// in one request.
func (st *Store) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	b := &batch{st: st, f: f, items: items, results: make([]transport.Result, len(items)), losses: make([][]mapi.Loss, len(items))}
	var err error
	if b.folder, err = st.folderID(ctx, "append", f); err != nil {
		return nil, err
	}
	for i := 0; i < len(items); {
		n := i + 1
		for n < len(items) && items[n].Content.Form == items[i].Content.Form {
			n++
		}
		at := make([]int, 0, n-i)
		for k := i; k < n; k++ {
			at = append(at, k)
		}
		b.put(ctx, items[i].Content.Form, at)
		i = n
	}
	return b.results, nil
}

// A batch is the items of one PutBatch.
type batch struct {
	st      *Store
	f       transport.Folder
	folder  string
	items   []transport.Staged
	results []transport.Result
	losses  [][]mapi.Loss // of conversions here
}

func (b *batch) put(ctx context.Context, form transport.Form, at []int) {
	switch {
	case form == transport.FormMIME:
		b.create(ctx, at, func(i int) (*draft, error) { return b.mimeDraft(ctx, i) })
	case b.st.svc.has(opUpload):
		b.upload(ctx, at)
	default:
		b.convert(ctx, at)
	}
}

func (b *batch) fail(i int, err error) {
	var e *transport.Error
	if errors.As(err, &e) && err == error(e) && e.Folder == "" {
		e.Folder = b.f.String()
	}
	b.results[i] = transport.Result{Err: err}
}

func (b *batch) done(i int, id, route string, bytes int64, losses []mapi.Loss) {
	b.results[i] = transport.Result{Receipt: transport.Receipt{
		Ref: transport.Key(id), Route: route, Bytes: bytes, Losses: slices.Concat(b.losses[i], losses),
	}}
}

// A draft is an item that is ready for its request.
type draft struct {
	i      int // in the batch
	write  func(w *soap.Writer)
	bytes  int64
	route  string
	losses []mapi.Loss
	close  func() error
	// after is done when the item is there; it may be nil.
	after func(ctx context.Context, id string) ([]mapi.Loss, error)
}

// create makes items by CreateItem. prepare makes the draft of an item of the
// batch, by its place.
func (b *batch) create(ctx context.Context, at []int, prepare func(int) (*draft, error)) {
	b.send(ctx, at, prepare, func(ready []*draft) request {
		return request{
			op: "append", name: "CreateItem", folder: b.f.String(),
			// Never sends anything, whatever the item is.
			attrs: []string{"MessageDisposition", "SaveOnly", "SendMeetingInvitations", "SendToNone"},
			body: func(w *soap.Writer) {
				writeFolderID(w, "m:SavedItemFolderId", b.folder)
				w.Start("m:Items")
				for _, d := range ready {
					d.write(w)
				}
				w.End()
			},
		}
	})
}

// send prepares items and sends them in one request. One whose content cannot
// be read is left out and the others are sent again; nothing was made of a
// request that broke off.
func (b *batch) send(ctx context.Context, at []int, prepare func(int) (*draft, error), wrap func([]*draft) request) {
	var ready []*draft
	for _, i := range at {
		d, err := prepare(i)
		if err != nil {
			b.fail(i, err)
			continue
		}
		d.i = i
		ready = append(ready, d)
	}
	all := ready
	defer func() {
		for _, d := range all {
			if d.close != nil {
				d.close() //nolint:errcheck // a spool that is dropped
			}
		}
	}()
	for len(ready) > 0 {
		answered, err := b.request(ctx, wrap(ready), ready)
		left := ready[answered:]
		var be *soap.BlobError
		switch {
		case err == nil && answered < len(ready):
			err = &transport.Error{Kind: transport.Temporary, Op: "append", Folder: b.f.String(), Err: errors.New("the server gave no answer for this item")}
		case err == nil:
			return
		case ctx.Err() != nil:
			err = ctx.Err()
		case errors.As(err, &be) && be.Index < len(left):
			b.fail(left[be.Index].i, be.Err)
			ready = slices.Concat(left[:be.Index:be.Index], left[be.Index+1:])
			continue
		case len(left) > 1 && isFault(err) && transport.KindOf(err) != transport.Throttled && transport.KindOf(err) != transport.Temporary && transport.KindOf(err) != transport.Auth && !unknownUpload(err, b):
			// One of them may be what the server does not like.
			for _, d := range left {
				b.alone(ctx, wrap([]*draft{d}), d)
			}
			return
		}
		for _, d := range left {
			b.fail(d.i, err)
		}
		return
	}
}

func isFault(err error) bool {
	var e *CodeError
	return errors.As(err, &e) && e.Fault
}

// unknownUpload reports whether a fault says that there is no UploadItems.
func unknownUpload(err error, b *batch) bool {
	return unknownOperation(err) && !b.st.svc.has(opUpload)
}

func (b *batch) alone(ctx context.Context, r request, d *draft) {
	if n, err := b.request(ctx, r, []*draft{d}); n == 0 {
		if err == nil {
			err = errNoID(r)
		}
		b.fail(d.i, err)
	}
}

// request sends items and notes the outcome of each. It returns for how many
// there was one.
func (b *batch) request(ctx context.Context, r request, ready []*draft) (answered int, err error) {
	var ids []string
	for range ready {
		ids = append(ids, "")
	}
	err = b.st.svc.do(ctx, r, reply{
		element: func(i int, s *soap.Scanner) error {
			if i >= len(ready) {
				return nil
			}
			switch s.Name() {
			case "ItemId":
				ids[i] = s.Attr("Id")
			case "Items":
				for depth := s.Depth(); s.Child(depth); {
					for depth := s.Depth(); s.Child(depth); {
						if s.Name() == "ItemId" && ids[i] == "" {
							ids[i] = s.Attr("Id")
						}
					}
				}
			}
			return nil
		},
		done: func(i int, m *message) error {
			if i >= len(ready) || i != answered {
				return nil
			}
			if hasCode(m.err, "ErrorBatchProcessingStopped") {
				return m.err // the rest was not looked at
			}
			answered++
			d := ready[i]
			switch {
			case m.err != nil:
				b.fail(d.i, m.err)
			case ids[i] == "":
				b.fail(d.i, errNoID(r))
			default:
				b.done(d.i, ids[i], d.route, d.bytes, d.losses)
			}
			return nil
		},
	})
	for i, d := range ready[:answered] {
		if b.results[d.i].Err != nil || d.after == nil {
			continue
		}
		losses, aerr := d.after(ctx, ids[i])
		if aerr != nil {
			b.fail(d.i, aerr)
			continue
		}
		r := &b.results[d.i].Receipt
		r.Losses = append(r.Losses, losses...)
	}
	return answered, err
}

// mimeDraft readies a mail.
func (b *batch) mimeDraft(ctx context.Context, i int) (*draft, error) {
	c, m := b.items[i].Content, b.items[i].Meta
	d := &draft{route: "mime"}
	if c.OneShot {
		// Its header is read first, and a login may want the body twice.
		k, err := b.st.spool.Copy(ctx, c)
		if err != nil {
			return nil, err
		}
		c, d.close = k, k.Close
	}
	h, err := readHead(ctx, c.MIME)
	if err != nil {
		if d.close != nil {
			err = errors.Join(err, d.close())
		}
		return nil, err
	}
	d.bytes = c.MIME.Size()
	p := mailProps(h, m)
	receipt := asksReceipt(h) && !m.Flags.Has(transport.Draft) && !b.st.o.KeepReceipts
	d.losses = flagLosses(m)
	if receipt {
		d.losses = append(d.losses, receiptLoss())
	}
	d.write = func(w *soap.Writer) {
		w.Start("t:Message")
		w.Start("t:MimeContent", "CharacterSet", "UTF-8").Base64(c.MIME).End()
		// A class of its own is said only where there is one: the server tells
		// signed and encrypted mail from other mail by the content.
		if c := strings.ToUpper(m.Class); c != "" && !strings.HasPrefix(c, "IPM.NOTE") && !strings.HasPrefix(c, "IPM.SCHEDULE.") && !strings.HasPrefix(c, "REPORT.") && c != "IPM" {
			w.Element("t:ItemClass", m.Class)
		}
		writeCategories(w, m.Keywords)
		for _, p := range p {
			writeProperty(w, p)
		}
		if receipt {
			w.Element("t:IsReadReceiptRequested", "false")
		}
		w.Element("t:IsRead", fmt.Sprint(m.Flags.Has(transport.Seen)))
		w.End()
	}
	return d, nil
}

func readHead(ctx context.Context, b mapi.Blob) (head.Head, error) {
	r, err := b.Open(ctx)
	if err != nil {
		return head.Head{}, err
	}
	defer r.Close()
	return head.Read(r)
}

func writeCategories(w *soap.Writer, list []string) {
	if len(list) == 0 {
		return
	}
	w.Start("t:Categories")
	for _, k := range list {
		w.Element("t:String", k)
	}
	w.End()
}

// maxHeaderValue bounds what is taken from a header into a property.
const maxHeaderValue = 16 << 10

// mailProps are the properties that go beside the MIME of a mail. They are said
// although the server reads most of them from the mail, as it does so only for
// mail that it delivers. T59, T60
func mailProps(h head.Head, m transport.Meta) mapi.Properties {
	var ps mapi.Properties
	flags := int32(0) // not a draft
	if m.Flags.Has(transport.Seen) {
		flags |= itemprops.FlagRead
	}
	if m.Flags.Has(transport.Draft) {
		flags |= itemprops.FlagUnsent
	}
	ps.Set(mapi.PidTagMessageFlags, mapi.Int32Value(flags))
	received := m.Received
	if received.IsZero() {
		received = h.Received() // T55
	}
	if usable(received) {
		ps.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(received))
	}
	if d := h.Date(); usable(d) {
		ps.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(d))
	}
	for _, f := range []struct {
		header string
		tag    mapi.Tag
	}{{"in-reply-to", mapi.PidTagInReplyToId}, {"references", mapi.PidTagInternetReferences}} {
		if ids := strings.Join(header.ParseIDs(h.Get(f.header)), " "); ids != "" && len(ids) <= maxHeaderValue {
			ps.Set(f.tag, mapi.StringValue(ids))
		}
	}
	var state mapi.Properties
	itemprops.Apply(&state, transport.Meta{Flags: m.Flags})
	for _, tag := range []mapi.Tag{mapi.PidTagLastVerbExecuted, mapi.PidTagIconIndex, mapi.PidTagFlagStatus} {
		if v, ok := state.Get(tag); ok {
			ps.Set(tag, v)
		}
	}
	if m.Token != "" {
		ps.SetName(itemprops.NameToken, mapi.StringValue(m.Token))
	}
	return ps
}

// usable leaves out dates that a FILETIME of the wire cannot say.
func usable(t time.Time) bool { return t.Year() > 1601 && t.Year() < 4500 }

// asksReceipt reports whether a mail asks to be told when it was read.
func asksReceipt(h head.Head) bool {
	for _, name := range []string{"disposition-notification-to", "x-confirm-reading-to"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

func receiptLoss() mapi.Loss {
	return mapi.Loss{Item: "PidTagReadReceiptRequested", Reason: mapi.LossPolicy, Detail: "the request for a read receipt was taken off, so that opening the mail sends none"}
}

// flagLosses are the marks that an Exchange item has no place for.
func flagLosses(m transport.Meta) []mapi.Loss {
	var list []mapi.Loss
	lose := func(item, detail string) {
		list = append(list, mapi.Loss{Item: item, Reason: mapi.LossStoreOnly, Detail: detail})
	}
	if m.Flags.Has(transport.Deleted) {
		lose(`flag \Deleted`, "Exchange has no mark for it")
	}
	if m.Flags.Has(transport.MDNSent) {
		lose("flag $MDNSent", "Exchange has no mark for it")
	}
	if m.Flags.Has(transport.Answered | transport.Forwarded) {
		lose("flag $Forwarded", "Exchange keeps the last of answered and forwarded; answered was taken")
	}
	for _, k := range m.Keywords {
		if soap.Escape(k) != k && strings.ContainsFunc(k, func(r rune) bool { return r < ' ' || r == 0xFFFD || r == 0xFFFE || r == 0xFFFF }) {
			list = append(list, mapi.Loss{Item: "category", Reason: mapi.LossCharset, Detail: fmt.Sprintf("%q has characters that cannot be sent", k)})
		}
	}
	return list
}
