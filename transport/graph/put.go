package graph

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// Bounds of a batch. Its items go at the same time, as many as the service lets.
const (
	batchItems = 50
	batchBytes = 16 << 20
)

// Accepts implements [transport.Sink]: objects, and mails where drafts are asked
// for.
func (s *Store) Accepts(transport.Meta) []transport.Form {
	if s.o.Route == RouteMIME {
		return []transport.Form{transport.FormMIME}
	}
	return []transport.Form{transport.FormObject}
}

// BatchLimit implements [transport.BatchSink].
func (s *Store) BatchLimit() (items int, bytes int64) { return batchItems, batchBytes }

// PutBatch implements [transport.BatchSink]. One bad item costs itself only.
func (s *Store) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	results := make([]transport.Result, len(items))
	sem := make(chan struct{}, MaxInFlight)
	var wg sync.WaitGroup
	for i, it := range items {
		sem <- struct{}{}
		wg.Go(func() {
			defer func() { <-sem }()
			results[i].Receipt, results[i].Err = s.put(ctx, f, it.Meta, it.Content)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return results, s.immutableRefs(ctx, results)
}

// Put implements [transport.Sink].
func (s *Store) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	r, err := s.put(ctx, f, m, c)
	if err != nil {
		return r, err
	}
	results := []transport.Result{{Receipt: r}}
	err = s.immutableRefs(ctx, results)
	return results[0].Receipt, err
}

func (s *Store) put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	k, id, err := placeOf("put", f)
	if err != nil {
		return transport.Receipt{}, err
	}
	if err := ctx.Err(); err != nil {
		return transport.Receipt{}, err
	}
	p := &putter{s: s, f: f, kind: k, folder: id, meta: m}
	if c.Form == transport.FormMIME && c.MIME != nil && s.o.Route == RouteMIME {
		return p.mime(ctx, c.MIME)
	}
	if c.Form != transport.FormObject || c.Object == nil {
		return transport.Receipt{}, p.fail(transport.Rejected, "items of the form %s are not taken", c.Form)
	}
	if emptyObject(c.Object) && c.Object.Encoded == nil {
		return transport.Receipt{}, p.fail(transport.Rejected, "the item has no content")
	}
	p.prepare(c.Object)
	var r transport.Receipt
	switch route, err := p.route(ctx); {
	case err != nil:
		return r, err
	case route == RouteImport:
		r, err = p.importItem(ctx)
		if err != nil {
			return r, err
		}
	default:
		if r, err = p.json(ctx); err != nil {
			return r, err
		}
		if s.o.Route == RouteAuto && (k == kindMail || k == kindBox) {
			r.Losses = append(r.Losses, s.unproven(p.m.Class()))
		}
	}
	r.Losses = append(p.changes, r.Losses...)
	return r, nil
}

func emptyObject(m *mapi.Message) bool {
	return len(m.Props) == 0 && len(m.Attachments) == 0 && len(m.Recipients) == 0
}

// A putter writes one item.
type putter struct {
	s      *Store
	f      transport.Folder
	kind   kind
	folder string
	meta   transport.Meta
	m      *mapi.Message // ours to change, but for what it points to
	// same says that m says what its Encoded says.
	same    bool
	changes []mapi.Loss
}

func (p *putter) fail(kind transport.Kind, format string, args ...any) error {
	return &transport.Error{Kind: kind, Op: "put", Folder: p.f.String(), Err: errorf(format, args...)}
}

func (p *putter) call() *call { return &call{op: "put", folder: p.f.String()} }

// prepare copies what is changed: the state that the ledger tells, and the
// requests for receipts.
func (p *putter) prepare(m *mapi.Message) {
	own := *m
	own.Props = m.Props.Clone()
	p.m, p.same = &own, true
	if !p.s.o.KeepReceipts {
		p.clearReceipts()
	}
	for _, l := range []struct {
		flag transport.Flags
		name string
	}{{transport.Deleted, `flag \Deleted`}, {transport.MDNSent, "flag $MDNSent"}} {
		if p.meta.Flags.Has(l.flag) {
			p.lose(l.name, mapi.LossStoreOnly, "the mailbox has no such flag")
			p.meta.Flags &^= l.flag
		}
	}
	if p.meta.Flags.Has(transport.Answered | transport.Forwarded) {
		p.lose("flag $Forwarded", mapi.LossApproximated, "the mailbox keeps the last of reply and forward")
	}
	have := itemprops.Meta(own.Props)
	_, known := own.Props.Int(mapi.PidTagMessageFlags)
	// Listings tell dates by the second.
	dated := p.meta.Received.IsZero() || !have.Received.IsZero() && have.Received.Sub(p.meta.Received).Abs() < time.Second
	if at := own.Props.Time(mapi.PidTagMessageDeliveryTime); at.IsZero() && isMessage(own.Class()) && !p.meta.Flags.Has(transport.Draft) {
		// A mail without a date of arrival arrives now, for the service: that of
		// its sending does not count. Field case T55.
		dated = p.meta.Received.IsZero()
	}
	if dated {
		p.meta.Received = time.Time{}
	}
	if have.Flags != p.meta.Flags || !known || !dated || len(p.meta.Keywords) > 0 && !slices.Equal(have.Keywords, p.meta.Keywords) {
		itemprops.Apply(&p.m.Props, p.meta)
		p.same = false
	}
	if p.same && m.Encoded != nil && m.Encoded.Format == "fts" {
		return
	}
	p.m.Encoded, p.same = nil, false
	if p.meta.Token != "" {
		p.m.Props.SetName(itemprops.NameToken, mapi.StringValue(p.meta.Token))
	}
}

func (p *putter) lose(item string, why mapi.LossReason, detail string) {
	p.changes = append(p.changes, mapi.Loss{Item: item, Reason: why, Detail: detail})
}

// clearReceipts takes out the wish to be told that the mail was read: reading
// the copy would send a receipt for an old mail. A draft keeps it. Field case
// T74.
func (p *putter) clearReceipts() {
	if st := itemprops.StateOf(p.m.Props); st.Flags().Has(transport.Draft) || p.meta.Flags.Has(transport.Draft) {
		return
	}
	for _, tag := range []mapi.Tag{mapi.PidTagReadReceiptRequested, mapi.PidTagNonReceiptNotificationRequested} {
		if p.m.Props.Bool(tag) {
			p.m.Props.Set(tag, mapi.BoolValue(false))
			p.same = false
			p.lose(tag.Canonical(), mapi.LossPolicy, "cleared, so that no receipt is sent for the copy")
		}
	}
}

// route chooses the way in.
func (p *putter) route(ctx context.Context) (Route, error) {
	switch {
	case p.kind == kindCalendar || p.kind == kindContacts || p.kind == kindTasks:
		return RouteJSON, nil
	case p.s.o.Route == RouteImport, p.s.o.Archive:
		return RouteImport, nil
	case p.s.o.Route == RouteAuto:
		ok, err := p.s.proven(ctx, p.m)
		if err != nil {
			return "", err
		}
		if ok {
			return RouteImport, nil
		}
	}
	return RouteJSON, nil
}

// immutableRefs gives receipts of imports the ids that survive a move. QUIRK:
// the pages of the import API do not say which form of id it answers with.
func (s *Store) immutableRefs(ctx context.Context, results []transport.Result) error {
	s.mu.Lock()
	same := s.sameIDs
	s.mu.Unlock()
	if same {
		return nil
	}
	var ids []string
	for _, r := range results {
		if r.Err == nil && r.Receipt.Route == string(RouteImport) {
			ids = append(ids, string(r.Receipt.Ref))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	other, err := s.translate(ctx, ids, "restId", "restImmutableEntryId")
	if err != nil {
		if transport.Canceled(err) {
			return err
		}
		// The items are there; only their keys are not known.
		for i := range results {
			if results[i].Receipt.Route == string(RouteImport) {
				results[i].Receipt.Ref = ""
			}
		}
		return nil
	}
	changed := false
	for i := range results {
		if to := other[string(results[i].Receipt.Ref)]; to != "" && results[i].Receipt.Route == string(RouteImport) {
			changed = changed || to != string(results[i].Receipt.Ref)
			results[i].Receipt.Ref = transport.Key(to)
		}
	}
	if !changed {
		// They were immutable already.
		s.mu.Lock()
		s.sameIDs = true
		s.mu.Unlock()
	}
	return nil
}

// isClass reports whether a message class is of a kind or below it.
func isClass(class, of string) bool {
	return strings.EqualFold(class, of) || len(class) > len(of) && class[len(of)] == '.' && strings.EqualFold(class[:len(of)], of)
}
