package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/retry"
	"github.com/mailconv/mailconv/transport/spool"
)

// Run copies everything from source to sink and records it in the ledger, which
// it must have for itself. It closes neither of the three.
//
// The result is set also when there is an error. Items that failed are no
// error: [Result.Complete] tells. An error means that the run stopped before
// its end: it was cancelled, credentials were refused, the sink is full, the
// other side cannot be reached. All that happened is in the ledger, and the
// next run goes on from there.
func Run(ctx context.Context, source transport.Source, sink transport.Sink, l *ledger.Ledger, o Options) (*Result, error) {
	r := newRun(source, sink, l, o)
	if err := r.usage(); err != nil {
		return &r.res, err
	}
	if r.o.Spool == nil {
		r.o.Spool = spool.New(24<<20, "")
		defer r.o.Spool.Close()
	}
	err := l.Update(func(tx *ledger.Tx) (err error) {
		r.id, err = tx.StartRun(r.o.saved())
		return err
	})
	if err != nil {
		return &r.res, err
	}
	r.res.Run = r.id
	err = r.do(ctx)
	detail := ""
	switch {
	case err == nil:
		r.res.Outcome = ledger.Done
	case transport.Canceled(err) && ctx.Err() != nil:
		r.res.Outcome, err = ledger.Interrupted, ctx.Err()
	default:
		r.res.Outcome = ledger.Stopped
	}
	if err != nil {
		detail = err.Error()
	}
	record := detail
	if err == nil && r.res.Kept > 0 {
		record = fmt.Sprintf("%d items stay at the source", r.res.Kept)
	}
	if uerr := l.Update(func(tx *ledger.Tx) error { return tx.EndRun(r.id, r.res.Outcome, record) }); err == nil {
		err = uerr
	}
	r.emit(RunDone{r.res, detail})
	return &r.res, err
}

// run is the state of one run.
type run struct {
	src  transport.Source
	sink transport.Sink
	l    *ledger.Ledger
	o    Options
	id   int64
	// later says that the ledger has items of earlier runs: they may have
	// moved, so all folders are listed before anything is put.
	later bool
	// refilter says that the filter is not that of the run before.
	refilter bool

	// What the sink can do; nil where it cannot.
	batch   transport.BatchSink
	tracker transport.Tracker
	flags   transport.FlagSetter
	mover   transport.Mover
	deleter transport.Deleter
	listed  transport.Source // the sink, read
	maxSize int64
	// digestMIME reads the meaning of mails in the sink too; see verify.
	digestMIME bool

	// active are the workers that copy.
	active atomic.Int64

	mu      sync.Mutex // guards what follows
	res     Result
	places  map[int64]*place
	paths   map[string]*place
	claimed map[int64]bool // rows that left their place and were found again
	warned  map[string]bool

	allowance allowance
	observing sync.Mutex
	deduping  sync.Mutex
}

// Notes on folders.
const (
	noteFilter = "left out by the filter"
	noteQuery  = "only what --query selects"
)

// A place is one folder of the sink.
type place struct {
	ledger.Sink
	f transport.Folder
	// mu is held from a mark to the record of its puts: at most one put runs
	// in a folder at a time.
	mu sync.Mutex
	// present says that the folder held items that nobody took yet.
	present bool
	ready   bool
	// shared says that several folders of the source go here.
	shared bool
	mark   mark
	made   time.Time // when f was made, if it is new
	// exact says that the folder held an item with the same bytes, so that
	// the sink is not one that writes mails anew; indexed, that the ledger is
	// ready to look for such.
	exact, indexed bool
}

// A job is one folder of the source.
type job struct {
	f   transport.Folder
	row ledger.Folder
	to  *place
	// left says why nothing is copied from it, "" when it is.
	left string

	cursor string // the state to save when all is done
	seen   bits   // the rows that Query matches
	count  int64
	known  int64
}

func newRun(source transport.Source, sink transport.Sink, l *ledger.Ledger, o Options) *run {
	r := &run{l: l, o: o.withDefaults(), places: map[int64]*place{}, paths: map[string]*place{}, claimed: map[int64]bool{}, warned: map[string]bool{}}
	policy := r.o.Retry
	policy.Notify = func(e retry.Event) {
		if o.Retry.Notify != nil {
			o.Retry.Notify(e)
		}
		r.emit(Waiting{e.Op, e.Folder, e.Wait, e.Err.Error()})
	}
	r.src = retry.Source(source, policy)
	if sink == nil {
		return r
	}
	if s, ok := transport.As[transport.Source](sink); ok {
		r.listed = retry.Source(s, policy)
	}
	r.sink = retry.Sink(sink, policy)
	r.batch, _ = transport.As[transport.BatchSink](r.sink)
	r.tracker, _ = transport.As[transport.Tracker](r.sink)
	r.flags, _ = transport.As[transport.FlagSetter](r.sink)
	r.mover, _ = transport.As[transport.Mover](r.sink)
	r.deleter, _ = transport.As[transport.Deleter](r.sink)
	return r
}

func (r *run) emit(e Event) {
	if r.o.Observer == nil {
		return
	}
	r.observing.Lock()
	defer r.observing.Unlock()
	r.o.Observer(e)
}

func (r *run) count(fn func(*Result)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn(&r.res)
}

// trouble tells the observer something, once.
func (r *run) trouble(folder, text string) {
	r.mu.Lock()
	id := folder + "\x00" + text
	was := r.warned[id]
	r.warned[id] = true
	r.mu.Unlock()
	if !was {
		r.emit(Trouble{folder, text})
	}
}

// stops reports whether an error of a store ends the run rather than an item
// or folder.
func stops(err error) bool {
	switch transport.KindOf(err) {
	case transport.Auth, transport.QuotaExceeded, transport.Unavailable, transport.Usage:
		return true
	}
	return transport.Canceled(err)
}

func (r *run) do(ctx context.Context) error {
	var err error
	if r.later, err = r.l.Any(ctx); err != nil {
		return err
	}
	if r.later {
		if err := r.compareFilter(ctx); err != nil {
			return err
		}
	}
	if m, ok := transport.As[transport.SizeLimiter](r.sink); ok {
		if r.maxSize, err = m.MaxSize(ctx); err != nil {
			return err
		}
	}
	if r.o.Dedupe {
		if err := r.l.IndexContent(); err != nil {
			return err
		}
	}
	jobs, err := r.folders(ctx)
	if err != nil {
		return err
	}
	r.started(jobs)
	if err := r.resolveOpen(ctx); err != nil {
		return err
	}
	switch {
	case r.o.Plan != nil:
		if err := r.load(ctx, jobs, r.o.Plan); err != nil {
			return err
		}
	case !r.later:
		if err := r.copyAll(ctx, jobs, r.first); err != nil || !r.o.DeleteSource {
			return err
		}
		return r.deleteSource(ctx, jobs)
	default:
		if err := r.each(ctx, jobs, r.relist); err != nil {
			return err
		}
		if err := r.goneFolders(ctx, jobs); err != nil {
			return err
		}
	}
	busy, err := r.idle(ctx, jobs)
	if err != nil {
		return err
	}
	if err := r.copyAll(ctx, busy, r.rows); err != nil {
		return err
	}
	if r.o.MirrorDeletes && r.o.Plan == nil {
		if err := r.mirrorDeletes(ctx); err != nil {
			return err
		}
	}
	if r.o.DeleteSource {
		return r.deleteSource(ctx, jobs)
	}
	return nil
}

func (r *run) started(jobs []*job) {
	n, items := 0, int64(0)
	for _, j := range jobs {
		if j.left != "" {
			continue
		}
		n++
		if j.f.Count < 0 || items < 0 {
			items = -1
		} else {
			items += j.f.Count
		}
	}
	r.count(func(res *Result) { res.Folders = int64(n) })
	p := r.l.Pair()
	r.emit(RunStarted{Run: r.id, Source: p.Source, Sink: p.Sink, Ledger: r.l.Path(), Folders: n, Items: items})
}

// folders lists the source's folders, maps them and saves their rows.
func (r *run) folders(ctx context.Context) ([]*job, error) {
	list, have, err := r.trees(ctx)
	if err != nil {
		return nil, err
	}
	r.selects(list)
	r.unmatched(list)
	rows, err := r.l.Folders(ctx)
	if err != nil {
		return nil, err
	}
	sinks, err := r.l.Sinks(ctx)
	if err != nil {
		return nil, err
	}
	paths := map[int64][]string{}
	for _, s := range sinks {
		paths[s.ID] = s.Path
	}
	known, kept := map[string]ledger.Folder{}, map[string][]string{}
	for _, row := range rows {
		known[row.SourceID] = row
	}
	ids := make([]string, len(list))
	for i := range list {
		f := &list[i]
		if f.ID == "" {
			f.ID = f.String()
		}
		ids[i] = f.ID
		if row, ok := known[f.ID]; ok && row.Sink != 0 {
			kept[f.ID] = paths[row.Sink]
		}
	}
	m := &mapper{rules: r.o.Map, noRoles: r.o.NoRoles, merge: r.o.Merge, sink: have}
	for _, f := range list {
		if _, ruled := m.rule(f.Path); ruled {
			delete(kept, f.ID)
		}
	}
	if r.o.Plan != nil {
		planned, err := r.o.Plan.places(r.l.Pair())
		if err != nil {
			return nil, err
		}
		maps.Copy(kept, planned)
	}
	targets := m.all(list, kept)
	jobs := make([]*job, 0, len(list))
	var made []*place
	used := map[*place]bool{}
	wanted := make([]transport.Folder, len(list))
	for i, f := range list {
		wanted[i] = transport.Folder{Path: targets[i].path, Role: targets[i].role, Class: f.Class, Unsubscribed: f.Unsubscribed, Count: -1, Size: -1}
		j := &job{f: f, row: known[f.ID]}
		j.row.SourceID, j.row.Path, j.row.Role, j.row.Class = f.ID, f.Path, targets[i].role, f.Class
		j.row.Expected, j.row.Run, j.row.Gone, j.row.Error = f.Count, r.id, false, ""
		if j.row.Note == "" {
			j.row.Note = targets[i].note
		}
		if was := known[f.ID].Path; was != nil && !slices.Equal(was, f.Path) {
			// What was copied stays together: a folder cannot be renamed in
			// the sink.
			j.row.Note = fmt.Sprintf("was %q in an earlier run; its place in the sink stays", transport.JoinPath(was))
		}
		switch {
		case f.Err != nil:
			j.left, j.row.Error = "error", f.Err.Error()
			r.count(func(res *Result) { res.Unlisted++ })
			r.emit(FolderDone{Folder: f.String(), Error: j.row.Error})
		case !r.o.Filter.folder(f.Path) || f.Hidden && !r.o.Filter.Hidden:
			j.left, j.row.Note = "filter", noteFilter
		case f.NoItems:
			j.left = leftEmpty
		}
		if j.left == "" && (j.row.Note == noteFilter || j.row.Note == noteQuery) {
			j.row.Note = targets[i].note
		}
		if r.o.Query != "" {
			// What the store holds says nothing of what matches.
			if j.row.Expected = -1; j.left == "" && j.row.Note == "" {
				j.row.Note = noteQuery
			}
		}
		jobs = append(jobs, j)
	}
	// Folders that can hold nothing are made too, so that the tree is whole;
	// those that are left out are not.
	if err := r.makeFolders(ctx, jobs, wanted); err != nil {
		return nil, err
	}
	for i, j := range jobs {
		if !j.placed() {
			continue
		}
		to, err := r.ensure(ctx, &made, wanted[i])
		if err != nil {
			if stops(err) {
				return nil, err
			}
			j.left, j.row.Error = "error", "in the sink: "+err.Error()
			r.count(func(res *Result) { res.Unlisted++ })
			r.emit(FolderDone{Folder: j.f.String(), Error: j.row.Error})
			continue
		}
		j.to = to
		to.shared = used[to]
		used[to] = true
	}
	// One commit for all of them: each waits for the disk.
	err = r.l.Update(func(tx *ledger.Tx) error {
		for _, p := range made {
			if err := tx.SaveSink(&p.Sink); err != nil {
				return err
			}
		}
		for _, j := range jobs {
			if j.to != nil {
				j.row.Sink = j.to.ID
			}
			if err := tx.SaveFolder(&j.row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range made {
		if r.paths[transport.JoinPath(p.Path)] == p {
			r.places[p.ID] = p
		}
	}
	return jobs, nil
}

// placed reports whether a job has a folder in the sink.
func (j *job) placed() bool { return j.left == "" || j.left == leftEmpty }

// leftEmpty is why nothing is copied from a folder that can only hold folders.
const leftEmpty = "no items"

// trees lists the folders of both sides, at the same time.
func (r *run) trees(ctx context.Context) (source, sink []transport.Folder, err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for f, err := range r.src.Folders(gctx) {
			if err != nil {
				return fmt.Errorf("list the folders of the source: %w", err)
			}
			source = append(source, f)
		}
		return nil
	})
	g.Go(func() (err error) {
		sink, err = r.sinkFolders(gctx)
		return err
	})
	err = g.Wait()
	return source, sink, err
}

// makeFolders makes what can be made at once. What goes wrong is met again by
// ensure.
func (r *run) makeFolders(ctx context.Context, jobs []*job, wanted []transport.Folder) error {
	m, ok := transport.As[transport.FolderMaker](r.sink)
	if !ok {
		return nil
	}
	var list []transport.Folder
	for i, j := range jobs {
		if j.placed() {
			list = append(list, wanted[i])
		}
	}
	if err := m.MakeFolders(ctx, list); err != nil && stops(err) {
		return err
	}
	return nil
}

// find gives the place of a path, which is known, or is made in the sink and new
// to the run.
func (r *run) find(ctx context.Context, f transport.Folder) (p *place, known bool, err error) {
	r.mu.Lock()
	p = r.paths[transport.JoinPath(f.Path)]
	r.mu.Unlock()
	if p != nil {
		return p, true, nil
	}
	there, err := r.sink.Ensure(ctx, f)
	if err != nil {
		return nil, false, err
	}
	return &place{Sink: ledger.Sink{Path: f.Path, StorePath: there.Path, StoreID: there.ID}, f: there, made: r.o.Clock.Now()}, false, nil
}

// ensure makes a folder in the sink, or finds it. Its row is not saved yet;
// made has it then.
func (r *run) ensure(ctx context.Context, made *[]*place, f transport.Folder) (*place, error) {
	p, known, err := r.find(ctx, f)
	if known || err != nil {
		return p, err
	}
	key := transport.JoinPath(f.Path)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paths[key] = p
	for _, other := range *made {
		if other.same(p.f) {
			r.paths[key] = other
			break
		}
	}
	*made = append(*made, p)
	return r.paths[key], nil
}

// newFor is how long a folder that was made is believed to hold nothing: others
// may see it too.
const newFor = time.Minute

// fresh reports whether a place was made just now, and nothing was put there. It
// is locked.
func (r *run) fresh(p *place) bool {
	if p.f.New && r.o.Clock.Now().Sub(p.made) > newFor {
		p.f.New = false
	}
	return p.f.New
}

// same reports whether a folder of the sink is this place. Two paths may be one
// folder to the store: INBOX and Inbox.
func (p *place) same(f transport.Folder) bool {
	return p.f.ID == f.ID && slices.Equal(p.f.Path, f.Path)
}

// unmatched speaks of patterns for folders that match none, which may be slips
// of the pen.
func (r *run) unmatched(list []transport.Folder) {
	for _, pat := range r.o.Filter.Folders {
		if !slices.ContainsFunc(list, func(f transport.Folder) bool { return matchPath(pat, f.Path) }) {
			r.trouble("", fmt.Sprintf("no folder of the source matches %q", pat))
		}
	}
}

// selects tells a source in which items may be in several folders which folders
// count. T45
func (r *run) selects(list []transport.Folder) {
	s, ok := transport.As[transport.Selector](r.src)
	if !ok {
		return
	}
	var wanted []transport.Folder
	for _, f := range list {
		if f.Err == nil && !f.NoItems && r.o.Filter.folder(f.Path) && (!f.Hidden || r.o.Filter.Hidden) {
			wanted = append(wanted, f)
		}
	}
	s.Select(wanted)
}

// sinkFolders are the folders that the sink has, where it can be listed. The
// error is one that ends the run.
func (r *run) sinkFolders(ctx context.Context) ([]transport.Folder, error) {
	if r.listed == nil {
		return nil, nil
	}
	list, err := []transport.Folder(nil), errors.ErrUnsupported
	if n, ok := transport.As[transport.FolderNamer](r.sink); ok {
		list, err = all(n.FolderNames(ctx))
	}
	if err != nil {
		list, err = all(r.listed.Folders(ctx)) // which tries more than once
	}
	if err != nil {
		if stops(err) {
			return nil, fmt.Errorf("list the folders of the sink: %w", err)
		}
		r.trouble("", "the folders of the sink cannot be listed: "+err.Error())
	}
	return list, nil
}

// all are the folders that can be used, up to an error.
func all(folders iter.Seq2[transport.Folder, error]) (list []transport.Folder, err error) {
	for f, err := range folders {
		if err != nil {
			return list, err
		}
		if f.Err == nil {
			list = append(list, f)
		}
	}
	return list, nil
}

// place makes a folder in the sink, or finds it.
func (r *run) place(ctx context.Context, f transport.Folder) (*place, error) {
	p, known, err := r.find(ctx, f)
	if known || err != nil {
		return p, err
	}
	if err := r.l.Update(func(tx *ledger.Tx) error { return tx.SaveSink(&p.Sink) }); err != nil {
		return nil, err
	}
	key := transport.JoinPath(f.Path)
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.paths[key]; other != nil {
		return other, nil
	}
	for _, other := range r.places {
		if other.same(p.f) {
			r.paths[key] = other
			return other, nil
		}
	}
	r.paths[key], r.places[p.ID] = p, p
	return p, nil
}

// placeByID is the place of a row.
func (r *run) placeByID(ctx context.Context, id int64) (*place, error) {
	r.mu.Lock()
	p := r.places[id]
	r.mu.Unlock()
	if p != nil {
		return p, nil
	}
	sinks, err := r.l.Sinks(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range sinks {
		if s.ID == id {
			return r.place(ctx, transport.Folder{Path: s.Path, Count: -1, Size: -1})
		}
	}
	return nil, fmt.Errorf("ledger: there is no sink folder %d", id)
}

// placeFor is where an item goes: the folder's place, unless it is no mail and
// the sink takes only mail.
func (r *run) placeFor(ctx context.Context, j *job, m transport.Meta) (*place, error) {
	k := nonMail(m.Class)
	if k == "" || nonMailFolder(j.f.Class, j.row.Role) || slices.Contains(r.sink.Accepts(m), transport.FormObject) {
		return j.to, nil
	}
	return r.place(ctx, transport.Folder{Path: []string{k}, Count: -1, Size: -1})
}
