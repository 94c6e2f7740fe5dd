package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/spool"
)

// A Level is how closely two items are compared.
type Level string

// Levels, the strongest first.
const (
	LevelBytes      Level = "bytes"      // both are mails: every byte
	LevelProperties Level = "properties" // both are objects: every property, recipient and attachment
	LevelContent    Level = "content"    // what a reader would call the content, see [Meaning]
)

// Levels lists all levels, the strongest first.
var Levels = []Level{LevelBytes, LevelProperties, LevelContent}

// VerifyOptions say how two stores are compared. Nil is the zero value.
type VerifyOptions struct {
	// Level is "" for the strongest that each pair of items allows. A level
	// that a pair does not allow is an error of that item.
	Level Level
	// Ledger pairs items by the record of the run, which it only reads; nil
	// pairs them by content, as a multiset.
	Ledger *ledger.Ledger
	// Run has what decides about folders and forms: Filter, Map, NoRoles,
	// Merge, NonMail, Contenter, Observer, Spool, Retry, Clock.
	Run Options
	// Limit bounds [VerifyResult.Findings]; 0 is 1000. Counts are complete.
	Limit int
	// Found is called for each finding, also beyond Limit; it may be nil.
	Found func(Finding)
}

// A Finding is one item that is not as it should be.
type Finding struct {
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"`
	// Folder and Key name the source item, SinkFolder and Ref that of the
	// sink; a missing item has no Ref, an extra one no Key.
	Folder     string        `json:"folder,omitempty"`
	Key        transport.Key `json:"key,omitempty"`
	SinkFolder string        `json:"sink_folder,omitempty"`
	Ref        transport.Key `json:"ref,omitempty"`
	Subject    string        `json:"subject,omitempty"`
}

// A VerifyResult is the outcome of [Verify].
type VerifyResult struct {
	// Level is the weakest level that was used, "" when no pair was compared;
	// Levels counts pairs by level.
	Level  Level           `json:"level"`
	Levels map[Level]int64 `json:"levels"`
	// Source and Sink are the numbers of items that were looked at.
	Source int64 `json:"source"`
	Sink   int64 `json:"sink"`
	Same   int64 `json:"same"`
	// ByLedger of the pairs come from the ledger, the others are matched by
	// content.
	ByLedger int64 `json:"by_ledger"`
	// Excused are items that are not in the sink, and the ledger or the
	// filter says why.
	Excused map[string]int64 `json:"excused,omitempty"`
	// Reasons counts the findings.
	Reasons  map[Reason]int64 `json:"reasons"`
	Findings []Finding        `json:"findings"`
	// ExtraFolders of the sink are the place of no folder of the source; what
	// they hold is not looked at.
	ExtraFolders []string `json:"extra_folders,omitempty"`
}

// Clean reports whether everything that was to be copied is in the sink, as it
// was in the source. Extra items of the sink and differences that [Reason.Minor]
// names do not count.
func (r *VerifyResult) Clean() bool {
	for reason, n := range r.Reasons {
		if n > 0 && reason != ReasonExtra && !reason.Minor() {
			return false
		}
	}
	return true
}

// Exact is Clean with nothing extra.
func (r *VerifyResult) Exact() bool { return r.Clean() && r.Reasons[ReasonExtra] == 0 }

// Verify compares two stores and changes neither. The sink must be a
// [transport.Source] too.
func Verify(ctx context.Context, source transport.Source, sink any, o *VerifyOptions) (*VerifyResult, error) {
	if o == nil {
		o = &VerifyOptions{}
	}
	back, ok := transport.As[transport.Source](sink)
	if !ok {
		return nil, &transport.Error{Kind: transport.Usage, Op: "verify", Err: errors.New("the sink cannot be read, so there is nothing to compare")}
	}
	if o.Level != "" && !slices.Contains(Levels, o.Level) {
		return nil, &transport.Error{Kind: transport.Usage, Op: "verify", Err: fmt.Errorf("there is no level %q", o.Level), Remedy: "the levels are bytes, properties, content"}
	}
	scratch, remove, err := scratchLedger(ctx)
	if err != nil {
		return nil, err
	}
	defer remove()
	run := o.Run
	if run.Spool == nil {
		run.Spool = spool.New(24<<20, "")
		defer run.Spool.Close()
	}
	// The engine reads the sink as a second source.
	r := newRun(source, nil, scratch, run)
	other := newRun(back, nil, scratch, run)
	r.listed = other.src
	r.sink, _ = transport.As[transport.Sink](sink)
	v := &verifier{r: r, o: o, out: &VerifyResult{
		Levels: map[Level]int64{}, Excused: map[string]int64{}, Reasons: map[Reason]int64{}, Findings: []Finding{},
	}, places: map[string]*sinkPlace{}, byID: map[int64]*sinkPlace{}}
	if w, ok := transport.As[transport.Rewriter](sink); ok {
		v.rewrites = w.Rewrites()
	}
	if err := v.run(ctx); err != nil {
		return v.out, err
	}
	return v.out, nil
}

type verifier struct {
	r   *run
	o   *VerifyOptions
	out *VerifyResult
	// rewrites: the sink makes the bytes of mails anew, see
	// [transport.Rewriter].
	rewrites bool

	have   []transport.Folder
	places map[string]*sinkPlace // by folded path
	byID   map[int64]*sinkPlace  // by the ID in the real ledger
}

// A sinkPlace is a folder of the sink whose items are in the scratch ledger.
type sinkPlace struct {
	place
	real int64 // the ID in the real ledger
}

func (v *verifier) find(f Finding) {
	f.Detail = clean(f.Detail, 1000)
	v.out.Reasons[f.Reason]++
	limit := v.o.Limit
	if limit <= 0 {
		limit = 1000
	}
	if len(v.out.Findings) < limit {
		v.out.Findings = append(v.out.Findings, f)
	}
	if v.o.Found != nil {
		v.o.Found(f)
	}
}

func (v *verifier) run(ctx context.Context) error {
	r := v.r
	for f, err := range r.listed.Folders(ctx) {
		if err != nil {
			return fmt.Errorf("list the folders of the sink: %w", err)
		}
		v.have = append(v.have, f)
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
	d := &dryRun{r: r, real: v.o.Ledger}
	rows, kept, err := d.kept(ctx, list)
	if err != nil {
		return err
	}
	m := &mapper{rules: r.o.Map, noRoles: r.o.NoRoles, merge: r.o.Merge, sink: v.have}
	targets := m.all(list, kept)
	if v.o.Ledger != nil {
		sinks, err := v.o.Ledger.Sinks(ctx)
		if err != nil {
			return err
		}
		for _, s := range sinks {
			p, err := v.place(ctx, s.StorePath)
			if err != nil {
				return err
			}
			if p != nil {
				p.real = s.ID
				v.byID[s.ID] = p
				v.places[fold(s.Path)] = p
			}
		}
	}
	for i, f := range list {
		switch {
		case f.Err != nil:
			v.find(Finding{Reason: ReasonUnlisted, Folder: f.String(), Detail: f.Err.Error()})
			continue
		case !r.o.Filter.folder(f.Path) || f.Hidden && !r.o.Filter.Hidden:
			continue
		}
		p, err := v.place(ctx, targets[i].path)
		if err != nil {
			return err
		}
		if f.NoItems {
			continue
		}
		r.emit(FolderStarted{Folder: f.String(), Sink: transport.JoinPath(targets[i].path), Items: f.Count})
		n := v.out.Source
		err = v.folder(ctx, f, rows[f.ID], targets[i].path, p)
		var fe *folderError
		if errors.As(err, &fe) {
			v.find(Finding{Reason: ReasonUnlisted, Folder: f.String(), Detail: err.Error()})
		} else if err != nil {
			return err
		}
		r.emit(FolderDone{Folder: f.String(), Listed: v.out.Source - n})
	}
	return v.extras(ctx)
}

// place reads the listing of a sink folder into the scratch ledger; nil when
// there is no such folder.
func (v *verifier) place(ctx context.Context, path []string) (*sinkPlace, error) {
	key := fold(path)
	if p, ok := v.places[key]; ok {
		return p, nil
	}
	i := slices.IndexFunc(v.have, func(f transport.Folder) bool { return fold(f.Path) == key })
	if i < 0 {
		v.places[key] = nil
		return nil, nil
	}
	f := v.have[i]
	p := &sinkPlace{place: place{Sink: ledger.Sink{Path: f.Path, StorePath: f.Path, StoreID: f.ID}, f: f}}
	if err := v.r.l.Update(func(tx *ledger.Tx) error { return tx.SaveSink(&p.Sink) }); err != nil {
		return nil, err
	}
	if f.NoItems {
		v.places[key] = p
		return p, nil
	}
	if err := v.r.scan(ctx, &p.place); err != nil {
		if stops(err) {
			return nil, err
		}
		v.find(Finding{Reason: ReasonUnlisted, SinkFolder: f.String(), Detail: err.Error()})
	}
	n, err := v.r.l.FreePresent(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	v.out.Sink += n
	v.places[key] = p
	return p, nil
}

// folder compares the items of one source folder.
func (v *verifier) folder(ctx context.Context, f transport.Folder, row int64, path []string, p *sinkPlace) error {
	var page []transport.Meta
	flush := func() error {
		defer func() { page = page[:0] }()
		return v.page(ctx, f, row, path, p, page)
	}
	for m, err := range v.r.src.Items(ctx, f, nil) {
		if err != nil && m.Key == "" {
			if ferr := flush(); ferr != nil {
				return ferr
			}
			if stops(err) {
				return err
			}
			return &folderError{err}
		}
		if err != nil {
			v.out.Source++
			v.find(Finding{Reason: ReasonUnreadableSource, Folder: f.String(), Key: m.Key, Detail: err.Error()})
			continue
		}
		if page = append(page, m); len(page) == fetchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// A check is one source item that is being compared.
type check struct {
	meta transport.Meta
	row  *ledger.Item
	sum  ledger.Fingerprint
	c    *transport.Content
	to   *sinkPlace
	ref  transport.Key // of the pair, "" until it is known
	path []string      // where it should be
	// received is what the sink says, in Unix seconds; 0 when it does not.
	received int64
}

func (v *verifier) finding(f transport.Folder, c *check, reason Reason, detail string) {
	sink := transport.JoinPath(c.path)
	if c.to != nil {
		sink = transport.JoinPath(c.to.StorePath)
	}
	v.find(Finding{Reason: reason, Detail: detail, Folder: f.String(), Key: c.meta.Key, SinkFolder: sink, Ref: c.ref, Subject: c.meta.Subject})
}

func (v *verifier) page(ctx context.Context, f transport.Folder, row int64, path []string, p *sinkPlace, metas []transport.Meta) error {
	r := v.r
	var known map[transport.Key]ledger.Item
	keys := make([]transport.Key, 0, len(metas))
	for _, m := range metas {
		keys = append(keys, m.Key)
	}
	if v.o.Ledger != nil && row != 0 {
		var err error
		if known, err = v.o.Ledger.Lookup(ctx, row, keys); err != nil {
			return err
		}
	}
	checks := map[transport.Key]*check{}
	keys = keys[:0]
	for _, m := range metas {
		v.out.Source++
		c := &check{meta: m, path: path, to: p}
		if it, ok := known[m.Key]; ok {
			switch it.State {
			case ledger.Copied:
				c.row, c.ref = &it, it.Ref
				if to := v.byID[it.Sink]; to != nil {
					c.to = to
				}
			case ledger.Duplicate, ledger.Skipped, ledger.Failed:
				v.out.Excused[string(it.State)+": "+it.Reason]++
				if it.State == ledger.Failed {
					v.finding(f, c, ReasonFailed, it.Reason+": "+it.Detail)
				}
				continue
			}
		} else if reason := r.o.Filter.item(m); reason != "" {
			v.out.Excused[reason]++
			continue
		}
		if checks[m.Key] == nil {
			checks[m.Key] = c
			keys = append(keys, m.Key)
		}
	}
	defer func() {
		for _, c := range checks {
			c.c.Close()
		}
	}()
	left := map[transport.Key]bool{}
	for _, k := range keys {
		left[k] = true
	}
	want := mailFirst
	if len(keys) > 0 && r.sink != nil {
		// A source that has both forms gives the one that was copied.
		if forms := r.sink.Accepts(checks[keys[0]].meta); len(forms) > 0 && forms[0] == transport.FormObject {
			want = objectFirst
		}
	}
	for fe, err := range r.src.Fetch(ctx, f, keys, want) {
		if err != nil {
			if stops(err) {
				return err
			}
			break
		}
		c := checks[fe.Key]
		if c == nil || !left[fe.Key] {
			fe.Content.Close()
			continue
		}
		delete(left, fe.Key)
		err := fe.Err
		if err == nil {
			if c.c, err = r.o.Spool.Keep(ctx, fe.Content); err == nil {
				c.sum, err = Fingerprint(ctx, c.c)
			}
		} else {
			fe.Content.Close()
		}
		if err != nil {
			if stops(err) {
				return err
			}
			v.finding(f, c, ReasonUnreadableSource, err.Error())
			c.c.Close()
			delete(checks, fe.Key)
			continue
		}
		complete(ctx, &c.meta, c.c)
	}
	for k := range left {
		v.finding(f, checks[k], ReasonUnreadableSource, "the source gave no answer for the item")
		delete(checks, k)
	}
	if err := v.byLedger(ctx, f, keys, checks); err != nil {
		return err
	}
	return v.byContent(ctx, f, keys, checks)
}

// elsewhere finds the place of an item that is no mail.
func (v *verifier) elsewhere(ctx context.Context, c *check) error {
	k := nonMail(c.meta.Class)
	if k == "" || c.row != nil || v.r.sink == nil || slices.Contains(v.r.sink.Accepts(c.meta), transport.FormObject) {
		return nil
	}
	p, err := v.place(ctx, []string{k})
	if p != nil {
		c.to = p
	}
	return err
}

// extras lists what the sink has and no source item stands for.
func (v *verifier) extras(ctx context.Context) error {
	done := map[int64]bool{}
	used := map[string]bool{}
	for _, key := range sortedKeys(v.places) {
		p := v.places[key]
		if p == nil || done[p.ID] {
			continue
		}
		done[p.ID], used[p.f.String()] = true, true
		for pr, err := range v.r.l.Free(ctx, p.ID) {
			if err != nil {
				return err
			}
			f := Finding{Reason: ReasonExtra, SinkFolder: p.f.String(), Ref: pr.Ref, Detail: pr.MessageID}
			if v.o.Ledger != nil && p.real != 0 {
				was, err := v.o.Ledger.WasPresent(ctx, p.real, []transport.Key{pr.Ref})
				if err != nil {
					return err
				}
				if was[pr.Ref] {
					f.Detail += " (was there before the first run)"
				}
			}
			v.find(f)
		}
	}
	for _, f := range v.have {
		if !used[f.String()] && !f.NoItems {
			v.out.ExtraFolders = append(v.out.ExtraFolders, f.String())
		}
	}
	return nil
}

func sortedKeys(m map[string]*sinkPlace) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
