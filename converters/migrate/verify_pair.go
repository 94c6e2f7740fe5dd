package migrate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// byLedger compares the pairs that the ledger knows, and takes them out of
// checks.
func (v *verifier) byLedger(ctx context.Context, f transport.Folder, keys []transport.Key, checks map[transport.Key]*check) error {
	bySink := map[*sinkPlace][]*check{}
	var order []*sinkPlace
	for _, k := range keys {
		c := checks[k]
		if c == nil || c.ref == "" || c.to == nil {
			continue
		}
		if bySink[c.to] == nil {
			order = append(order, c.to)
		}
		bySink[c.to] = append(bySink[c.to], c)
	}
	for _, to := range order {
		byRef := map[transport.Key]*check{}
		refs := make([]transport.Key, 0, len(bySink[to]))
		var taken []int64
		for _, c := range bySink[to] {
			p, err := v.r.l.PresentByRef(ctx, to.ID, c.ref)
			if err != nil {
				return err
			}
			if p == nil {
				// Not where the ledger says: it may have a new key there.
				c.ref = ""
				continue
			}
			c.received = p.Received
			taken = append(taken, p.ID)
			byRef[c.ref] = c
			refs = append(refs, c.ref)
			v.out.ByLedger++
			delete(checks, c.meta.Key)
			defer c.c.Close()
		}
		if err := v.take(taken); err != nil {
			return err
		}
		if err := v.compareAll(ctx, f, to, refs, byRef); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) take(ids []int64) error {
	return v.r.l.Update(func(tx *ledger.Tx) error {
		for _, id := range ids {
			if err := tx.TakePresent(id, 1); err != nil {
				return err
			}
		}
		return nil
	})
}

// Forms to ask for, where a store has both.
var (
	mailFirst   = []transport.Form{transport.FormMIME, transport.FormObject}
	objectFirst = []transport.Form{transport.FormObject, transport.FormMIME}
)

// compareAll fetches items of the sink and compares each with its check.
func (v *verifier) compareAll(ctx context.Context, f transport.Folder, to *sinkPlace, refs []transport.Key, byRef map[transport.Key]*check) error {
	if len(refs) == 0 {
		return nil
	}
	want := mailFirst
	if c := byRef[refs[0]]; c != nil && c.c != nil && c.c.Form == transport.FormObject {
		want = objectFirst
	}
	for fe, err := range v.r.listed.Fetch(ctx, to.f, refs, want) {
		if err != nil {
			if stops(err) {
				return err
			}
			break
		}
		c := byRef[fe.Key]
		if c == nil {
			fe.Content.Close()
			continue
		}
		delete(byRef, fe.Key)
		if fe.Err != nil {
			fe.Content.Close()
			if stops(fe.Err) {
				return fe.Err
			}
			v.finding(f, c, ReasonUnreadableSink, fe.Err.Error())
			continue
		}
		if err := v.compare(ctx, f, c, fe.Content); err != nil {
			return err
		}
	}
	for _, ref := range refs {
		if c := byRef[ref]; c != nil {
			v.finding(f, c, ReasonUnreadableSink, "the sink gave no answer for the item")
		}
	}
	return nil
}

// compare compares a pair; it takes the sink's content over.
func (v *verifier) compare(ctx context.Context, f transport.Folder, c *check, got *transport.Content) error {
	got, err := v.r.o.Spool.Keep(ctx, got)
	if err == nil {
		defer got.Close()
		var level Level
		var reason Reason
		var detail string
		level, reason, detail, err = v.diff(ctx, c, got)
		if err == nil {
			v.out.Levels[level]++
			if slices.Index(Levels, level) > slices.Index(Levels, v.out.Level) {
				v.out.Level = level
			}
			if reason == "" {
				v.out.Same++
			} else {
				v.finding(f, c, reason, detail)
			}
			if at := c.meta.Received; !at.IsZero() && c.received != 0 && at.Unix() != c.received {
				v.finding(f, c, ReasonReceived, fmt.Sprintf("%s and %s", date(at), date(time.Unix(c.received, 0))))
			}
			return nil
		}
	}
	if stops(err) {
		return err
	}
	v.finding(f, c, ReasonUnreadableSink, err.Error())
	return nil
}

// byContent matches what is left with what the sink folder has left.
func (v *verifier) byContent(ctx context.Context, f transport.Folder, keys []transport.Key, checks map[transport.Key]*check) error {
	r := v.r
	type open struct {
		c          *check
		candidates []ledger.Present
	}
	var list []*open
	byPlace := map[*sinkPlace][]*open{}
	for _, k := range keys {
		c := checks[k]
		if c == nil {
			continue
		}
		if err := v.elsewhere(ctx, c); err != nil {
			return err
		}
		o := &open{c: c}
		r.digestMIME = r.digestMIME || c.c.Form == transport.FormObject
		if c.to != nil {
			m := c.meta
			if c.c.MIME != nil {
				m.Size = c.c.MIME.Size()
			}
			var err error
			if o.candidates, err = r.l.Candidates(ctx, c.to.ID, m); err != nil {
				return err
			}
			byPlace[c.to] = append(byPlace[c.to], o)
		}
		list = append(list, o)
	}
	known := map[int64]sums{}
	for to, opens := range byPlace {
		refs := map[transport.Key]ledger.Present{}
		var ask []transport.Key
		for _, o := range opens {
			for _, c := range o.candidates {
				if !c.Content.IsZero() {
					known[c.ID] = sums{c.Content, c.Digest}
				} else if _, ok := refs[c.Ref]; !ok {
					refs[c.Ref] = c
					ask = append(ask, c.Ref)
				}
			}
		}
		slices.Sort(ask)
		var fresh []ledger.Present
		err := r.read(ctx, &to.place, ask, func(k transport.Key, s sums) error {
			c := refs[k]
			c.Content, c.Digest = s.content, s.digest
			known[c.ID] = s
			fresh = append(fresh, c)
			return nil
		})
		if err != nil {
			return err
		}
		if err := r.l.Update(func(tx *ledger.Tx) error {
			for _, c := range fresh {
				if err := tx.SetPresent(c); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	taken := map[int64]bool{}
	// First what is the same, so that nothing else takes its place.
	for _, o := range list {
		want := o.c.sum
		if o.c.row != nil && o.c.row.Content == o.c.sum {
			want = o.c.row.PutFingerprint()
		}
		for _, p := range o.candidates {
			if !taken[p.ID] && known[p.ID].content == want {
				taken[p.ID] = true
				o.c.ref, o.c.received = p.Ref, p.Received
				break
			}
		}
	}
	// Then what means the same, where forms differ.
	for _, o := range list {
		if o.c.ref != "" || r.o.Contenter == nil {
			continue
		}
		var digest ledger.Fingerprint
		for _, p := range o.candidates {
			if taken[p.ID] || known[p.ID].digest.IsZero() {
				continue
			}
			if digest.IsZero() {
				var err error
				if digest, err = r.digest(ctx, o.c.c); err != nil {
					break
				}
			}
			if known[p.ID].digest == digest {
				taken[p.ID] = true
				o.c.ref, o.c.received = p.Ref, p.Received
				break
			}
		}
	}
	// Then by Message-ID, to say what is different.
	for _, o := range list {
		if o.c.ref != "" || o.c.meta.MessageID == "" {
			continue
		}
		for _, p := range o.candidates {
			if !taken[p.ID] && p.MessageID == o.c.meta.MessageID {
				taken[p.ID] = true
				o.c.ref, o.c.received = p.Ref, p.Received
				break
			}
		}
	}
	ids := make([]int64, 0, len(taken))
	for id := range taken {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if err := v.take(ids); err != nil {
		return err
	}
	pairs := map[*sinkPlace]map[transport.Key]*check{}
	refs := map[*sinkPlace][]transport.Key{}
	var order []*sinkPlace
	for _, o := range list {
		if o.c.ref == "" {
			v.finding(f, o.c, ReasonMissing, "")
			continue
		}
		if pairs[o.c.to] == nil {
			pairs[o.c.to] = map[transport.Key]*check{}
			order = append(order, o.c.to)
		}
		pairs[o.c.to][o.c.ref] = o.c
		refs[o.c.to] = append(refs[o.c.to], o.c.ref)
	}
	for _, to := range order {
		if err := v.compareAll(ctx, f, to, refs[to], pairs[to]); err != nil {
			return err
		}
	}
	return nil
}
