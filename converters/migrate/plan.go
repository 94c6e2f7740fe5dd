package migrate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// A Plan is a saved dry run: JSON, one object a line. The first line is a
// [PlanHead]; then each folder comes as {"folder": PlanFolder}, followed by its
// items as {"item": PlanItem}. It can be edited: an item whose action is made
// "skip" is left out, and the sink of a folder may be changed.
type Plan struct {
	// Open opens the plan; it is read twice.
	Open func() (io.ReadCloser, error)
}

// PlanHead is the first line of a plan.
type PlanHead struct {
	Plan   int       `json:"plan"` // version: 1
	Source string    `json:"source"`
	Sink   string    `json:"sink"`
	Made   time.Time `json:"made"`
}

// PlanFolder is one folder of a plan.
type PlanFolder struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Sink   string `json:"sink"`
	// New says that the sink does not have the folder yet.
	New  bool   `json:"new,omitempty"`
	Note string `json:"note,omitempty"`
	// Left says why nothing is copied from it: "filter", "no items", or the
	// error of its listing.
	Left string `json:"left,omitempty"`
}

// An Action is what is to happen to an item.
type Action string

// Actions.
const (
	ActionCopy     Action = "copy"
	ActionPresent  Action = "present"   // the sink seems to have it; a run looks at its content
	ActionTooLarge Action = "too-large" // larger than the sink takes
	ActionSkip     Action = "skip"
)

// PlanItem is one item of a plan, with what its source said of it.
type PlanItem struct {
	Action    Action          `json:"action"`
	Reason    string          `json:"reason,omitempty"`
	Key       transport.Key   `json:"key"`
	ObjectID  string          `json:"object_id,omitempty"`
	Size      int64           `json:"size"`
	Received  *time.Time      `json:"received,omitempty"`
	Flags     transport.Flags `json:"flags,omitempty"`
	Keywords  []string        `json:"keywords,omitempty"`
	Class     string          `json:"class,omitempty"`
	Subject   string          `json:"subject,omitempty"`
	MessageID string          `json:"message_id,omitempty"`
}

func planItem(m transport.Meta, a Action, reason string) PlanItem {
	it := PlanItem{Action: a, Reason: reason, Key: m.Key, ObjectID: m.ObjectID, Size: m.Size, Flags: m.Flags, Keywords: m.Keywords, Class: m.Class, Subject: m.Subject, MessageID: m.MessageID}
	if !m.Received.IsZero() {
		it.Received = &m.Received
	}
	return it
}

func (p PlanItem) meta() transport.Meta {
	m := transport.Meta{Key: p.Key, ObjectID: p.ObjectID, Size: p.Size, Flags: p.Flags, Keywords: p.Keywords, Class: p.Class, Subject: p.Subject, MessageID: p.MessageID}
	if p.Received != nil {
		m.Received = *p.Received
	}
	return m
}

// A Forecast adds up a dry run.
type Forecast struct {
	Folders    int `json:"folders"`
	NewFolders int `json:"new_folders"`
	// Known are done according to the ledger, Present seem to be in the sink.
	Known    int64            `json:"known"`
	Present  int64            `json:"present"`
	Copy     int64            `json:"copy"`
	TooLarge int64            `json:"too_large"`
	Skip     map[string]int64 `json:"skip,omitempty"`
	// Extra are items of the sink that no item of the source stands for.
	Extra int64 `json:"extra"`
	// Bytes to be copied, as far as the source tells sizes.
	Bytes    int64 `json:"bytes"`
	Unlisted int   `json:"unlisted"`
	// Room is what the sink still takes in bytes, -1 when it does not tell or
	// has no limit.
	Room int64 `json:"room"`
	// Estimate is the time that the copy takes, from the pace of earlier runs
	// (Measured) or a rule of thumb.
	Estimate time.Duration `json:"estimate_ns"`
	Measured bool          `json:"measured"`
}

// DryRun says what [Run] would do, and puts nothing. The ledger may be nil, or
// open for reading only. The plan is written to w, which may be nil.
func DryRun(ctx context.Context, source transport.Source, sink transport.Sink, l *ledger.Ledger, o Options, w io.Writer) (*Forecast, error) {
	scratch, remove, err := scratchLedger(ctx)
	if err != nil {
		return nil, err
	}
	defer remove()
	// The engine of the dry run writes to the scratch ledger and asks the real
	// one.
	r := newRun(source, sink, scratch, o)
	if err := r.usage(); err != nil {
		return nil, err
	}
	d := &dryRun{r: r, real: l, out: &Forecast{Skip: map[string]int64{}, Room: -1}}
	if w != nil {
		d.w = bufio.NewWriter(w)
	}
	if err := d.run(ctx); err != nil {
		return d.out, err
	}
	if d.w != nil {
		return d.out, d.w.Flush()
	}
	return d.out, nil
}

type dryRun struct {
	r    *run
	real *ledger.Ledger
	w    *bufio.Writer
	out  *Forecast
}

func (d *dryRun) line(v any) error {
	if d.w == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	d.w.Write(b)
	return d.w.WriteByte('\n')
}

func (d *dryRun) run(ctx context.Context) error {
	r := d.r
	head := PlanHead{Plan: 1, Made: r.o.Clock.Now().UTC().Truncate(time.Second)}
	if d.real != nil {
		head.Source, head.Sink = d.real.Pair().Source, d.real.Pair().Sink
	}
	if err := d.line(head); err != nil {
		return err
	}
	var err error
	if m, ok := transport.As[transport.SizeLimiter](r.sink); ok {
		if r.maxSize, err = m.MaxSize(ctx); err != nil {
			return err
		}
	}
	if q, ok := transport.As[transport.Quota](r.sink); ok {
		if used, limit, err := q.Quota(ctx); err == nil && limit >= 0 {
			d.out.Room = max(limit-used, 0)
		}
	}
	var list []transport.Folder
	for f, err := range r.src.Folders(ctx) {
		if err != nil {
			return fmt.Errorf("list the folders of the source: %w", err)
		}
		if f.ID == "" {
			f.ID = f.String()
		}
		list = append(list, f)
	}
	r.selects(list)
	r.unmatched(list)
	have, err := r.sinkFolders(ctx)
	if err != nil {
		return err
	}
	rows, kept, err := d.kept(ctx, list)
	if err != nil {
		return err
	}
	m := &mapper{rules: r.o.Map, noRoles: r.o.NoRoles, merge: r.o.Merge, sink: have}
	for _, f := range list {
		if _, ruled := m.rule(f.Path); ruled {
			delete(kept, f.ID)
		}
	}
	targets := m.all(list, kept)
	scanned := map[string]int64{}
	for i, f := range list {
		pf := PlanFolder{ID: f.ID, Source: f.String(), Sink: transport.JoinPath(targets[i].path), Note: targets[i].note}
		switch {
		case f.Err != nil:
			pf.Left = f.Err.Error()
			d.out.Unlisted++
		case !r.o.Filter.folder(f.Path) || f.Hidden && !r.o.Filter.Hidden:
			pf.Left = "filter"
		case f.NoItems:
			pf.Left = "no items"
		}
		at := slices.IndexFunc(have, func(h transport.Folder) bool { return fold(h.Path) == fold(targets[i].path) })
		pf.New = at < 0
		if pf.Left == "" {
			d.out.Folders++
			if pf.New && r.listed != nil {
				d.out.NewFolders++
			}
		}
		if err := d.line(map[string]PlanFolder{"folder": pf}); err != nil {
			return err
		}
		if pf.Left != "" {
			continue
		}
		var sink int64
		if at >= 0 {
			key := fold(targets[i].path)
			if sink = scanned[key]; sink == 0 {
				p := &place{Sink: ledger.Sink{Path: have[at].Path, StorePath: have[at].Path, StoreID: have[at].ID}, f: have[at]}
				if err := r.l.Update(func(tx *ledger.Tx) error { return tx.SaveSink(&p.Sink) }); err != nil {
					return err
				}
				if err := r.scan(ctx, p); err != nil {
					return err
				}
				sink = p.ID
				scanned[key] = sink
			}
		}
		if err := d.folder(ctx, f, rows[f.ID], sink); err != nil {
			var fe *folderError
			if !errors.As(err, &fe) {
				return err
			}
			d.out.Unlisted++
			r.trouble(f.String(), err.Error())
		}
	}
	for _, sink := range scanned {
		n, err := r.l.FreePresent(ctx, sink)
		if err != nil {
			return err
		}
		d.out.Extra += n
	}
	return d.estimate(ctx)
}

// kept reads what the real ledger knows of folders.
func (d *dryRun) kept(ctx context.Context, list []transport.Folder) (map[string]int64, map[string][]string, error) {
	rows, kept := map[string]int64{}, map[string][]string{}
	if d.real == nil {
		return rows, kept, nil
	}
	folders, err := d.real.Folders(ctx)
	if err != nil {
		return nil, nil, err
	}
	sinks, err := d.real.Sinks(ctx)
	if err != nil {
		return nil, nil, err
	}
	paths := map[int64][]string{}
	for _, s := range sinks {
		paths[s.ID] = s.Path
	}
	for _, row := range folders {
		rows[row.SourceID] = row.ID
		if i := slices.IndexFunc(list, func(f transport.Folder) bool { return f.ID == row.SourceID }); i >= 0 && row.Sink != 0 {
			kept[row.SourceID] = paths[row.Sink]
		}
	}
	return rows, kept, nil
}

// folder compares one folder with the ledger and the sink.
func (d *dryRun) folder(ctx context.Context, f transport.Folder, row, sink int64) error {
	var page []transport.Meta
	flush := func() error {
		defer func() { page = page[:0] }()
		return d.page(ctx, row, sink, page)
	}
	for m, err := range d.r.items(ctx, f, nil) {
		if err != nil && m.Key == "" {
			if ferr := flush(); ferr != nil {
				return ferr
			}
			if stops(err) {
				return err
			}
			return &folderError{err}
		}
		if page = append(page, m); len(page) == pageSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (d *dryRun) page(ctx context.Context, row, sink int64, metas []transport.Meta) error {
	var known map[transport.Key]ledger.Item
	if d.real != nil && row != 0 {
		keys := make([]transport.Key, len(metas))
		for i, m := range metas {
			keys[i] = m.Key
		}
		var err error
		if known, err = d.real.Lookup(ctx, row, keys); err != nil {
			return err
		}
	}
	taken := map[int64]bool{}
	for _, m := range metas {
		if it, ok := known[m.Key]; ok && it.State.Final() && it.State != ledger.Failed && (it.State != ledger.Skipped || !d.r.o.wants(&it, m)) {
			d.out.Known++
			if sink != 0 && it.Ref != "" {
				if p, err := d.r.l.PresentByRef(ctx, sink, it.Ref); err != nil {
					return err
				} else if p != nil {
					taken[p.ID] = true
				}
			}
			continue
		}
		action, reason := ActionCopy, d.r.o.Filter.item(m)
		switch {
		case reason != "":
			action = ActionSkip
		case nonMail(m.Class) != "" && d.r.o.NonMail == NonMailSkip && !slices.Contains(d.r.sink.Accepts(m), transport.FormObject):
			action, reason = ActionSkip, ReasonNonMail
		case m.Class != "" && len(d.r.sink.Accepts(m)) == 0:
			action, reason = ActionSkip, ReasonNoForm
		case d.r.maxSize > 0 && m.Size > d.r.maxSize:
			action = ActionTooLarge
		case sink != 0:
			list, err := d.r.l.Candidates(ctx, sink, m)
			if err != nil {
				return err
			}
			for _, c := range list {
				// The content was not read: both must agree in more than
				// one thing, or in the id.
				same := m.MessageID != "" && c.MessageID == m.MessageID || c.Size == m.Size && m.Size >= 0 && c.Received == m.Received.Unix()
				if same && !taken[c.ID] {
					taken[c.ID] = true
					action = ActionPresent
					break
				}
			}
		}
		switch action {
		case ActionSkip:
			d.out.Skip[reason]++
		case ActionTooLarge:
			d.out.TooLarge++
		case ActionPresent:
			d.out.Present++
		default:
			d.out.Copy++
			d.out.Bytes += max(m.Size, 0)
		}
		if err := d.line(map[string]PlanItem{"item": planItem(m, action, reason)}); err != nil {
			return err
		}
	}
	return d.r.l.Update(func(tx *ledger.Tx) error {
		for id := range taken {
			if err := tx.TakePresent(id, 1); err != nil {
				return err
			}
		}
		return nil
	})
}

// A rule of thumb, for a server of today over a good line.
const (
	thumbItems = 40      // a second
	thumbBytes = 4 << 20 // a second
)

func (d *dryRun) estimate(ctx context.Context) error {
	items, bytes := float64(thumbItems), float64(thumbBytes)
	if d.real != nil {
		ticks, err := d.real.Timeline(ctx, 0, time.Minute)
		if err != nil {
			return err
		}
		// Without the first and the last stretch, which are not full.
		if len(ticks) > 2 {
			var n, b int64
			for _, t := range ticks[1 : len(ticks)-1] {
				n, b = n+t.Copied, b+t.Bytes
			}
			if secs := float64(len(ticks)-2) * 60; n > 0 && b > 0 {
				items, bytes = float64(n)/secs, float64(b)/secs
				d.out.Measured = true
			}
		}
	}
	secs := max(float64(d.out.Copy)/items, float64(d.out.Bytes)/bytes)
	d.out.Estimate = time.Duration(math.Ceil(secs)) * time.Second
	return nil
}

// A planEntry is one line of a plan.
type planEntry struct {
	PlanHead
	Folder *PlanFolder `json:"folder"`
	Item   *PlanItem   `json:"item"`
}

func (p *Plan) entries() iter.Seq2[planEntry, error] {
	return func(yield func(planEntry, error) bool) {
		r, err := p.Open()
		if err != nil {
			yield(planEntry{}, fmt.Errorf("plan: %w", err))
			return
		}
		defer r.Close()
		dec := json.NewDecoder(bufio.NewReaderSize(r, 64<<10))
		for n := 1; ; n++ {
			var e planEntry
			err := dec.Decode(&e)
			switch {
			case err == io.EOF && n > 1:
				return
			case err != nil:
				err = fmt.Errorf("plan: entry %d: %w", n, err)
			case n == 1 && e.Plan != 1:
				err = fmt.Errorf("plan: this is no plan, or one of another version (%d)", e.Plan)
			case n > 1 && e.Folder == nil && e.Item == nil:
				err = fmt.Errorf("plan: entry %d is neither a folder nor an item", n)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// places are the sink folders that the plan names, by the ID of the source
// folder.
func (p *Plan) places(pair ledger.Pair) (map[string][]string, error) {
	out := map[string][]string{}
	for e, err := range p.entries() {
		if err != nil {
			return nil, err
		}
		if e.Plan == 1 && (e.Source != "" || e.PlanHead.Sink != "") && pair != (ledger.Pair{}) && (e.Source != pair.Source || e.PlanHead.Sink != pair.Sink) {
			return nil, &transport.Error{Kind: transport.Usage, Op: "plan", Err: fmt.Errorf("it is about %s -> %s", e.Source, e.PlanHead.Sink)}
		}
		if e.Folder != nil && e.Folder.Left == "" {
			out[e.Folder.ID] = transport.ParsePath(e.Folder.Sink)
		}
	}
	return out, nil
}

// load makes pending rows of what the plan says, and rows for what it skips.
func (r *run) load(ctx context.Context, jobs []*job, plan *Plan) error {
	byID := map[string]*job{}
	for _, j := range jobs {
		byID[j.f.ID] = j
	}
	var j *job
	var page []PlanItem
	flush := func() error {
		if len(page) == 0 || j == nil {
			page = page[:0]
			return nil
		}
		keys := make([]transport.Key, len(page))
		for i, it := range page {
			keys[i] = it.Key
		}
		known, err := r.l.Lookup(ctx, j.row.ID, keys)
		if err != nil {
			return err
		}
		var skipped []ledger.Item
		err = r.l.Update(func(tx *ledger.Tx) error {
			for _, it := range page {
				if _, ok := known[it.Key]; ok {
					continue
				}
				known[it.Key] = ledger.Item{}
				row := ledger.Item{Folder: j.row.ID, Meta: it.meta(), State: ledger.Pending, Run: r.id}
				if it.Action == ActionSkip {
					row.State, row.Reason = ledger.Skipped, it.Reason
					if row.Reason == "" {
						row.Reason = ReasonPlan
					}
				}
				if err := tx.Add(&row); err != nil {
					return err
				}
				if row.State == ledger.Skipped {
					skipped = append(skipped, row)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range skipped {
			r.done(j, &skipped[i])
		}
		page = page[:0]
		return nil
	}
	for e, err := range plan.entries() {
		if err != nil {
			return err
		}
		switch {
		case e.Folder != nil:
			if err := flush(); err != nil {
				return err
			}
			if j = byID[e.Folder.ID]; j == nil && e.Folder.Left == "" {
				r.trouble(e.Folder.Source, "the plan has a folder that the source does not have any more")
			}
		case e.Item != nil:
			if page = append(page, *e.Item); len(page) == pageSize {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}
