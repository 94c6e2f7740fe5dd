package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// Options describe the store under test.
type Options struct {
	// Open opens both sides of the same store anew; both may be one value.
	// What was put before is there.
	Open func(ctx context.Context) (transport.Source, transport.Sink, error)
	// Root is the folder below which everything happens, for a store that
	// holds other things too. It may be empty.
	Root []string
	// TempDir is where the store's spool goes. It is empty before, and must
	// be empty after Close. "" leaves that out.
	TempDir string
	// BatchOnly says that Put is not to be used.
	BatchOnly bool
	// ForeignNames says that a folder may come back under another name than
	// was asked for (a server with rules of its own), if only each has one.
	ForeignNames bool
	// Loose compares subjects instead of bytes, for stores that parse mail and
	// write it anew.
	Loose bool
	// DatePrecision is how exact received dates are; 0 is one second.
	DatePrecision time.Duration
	// Huge is the size of the largest message; 0 is 32 MiB.
	Huge int64
	// Depth is how deep folders are nested; 0 is 12.
	Depth int
	// Skip leaves out checks by name, each with the reason.
	Skip map[string]string
	// Keep leaves the scratch folders in place.
	Keep bool
}

// An Outcome is the result of one check.
type Outcome struct {
	Name string
	// Doc says in one line what is checked.
	Doc string
	// Skipped says why the check was left out, or is empty.
	Skipped string
	Err     error
	Took    time.Duration
}

// A check is one promise of package transport.
type check struct {
	name, doc string
	run       func(*run) error
}

var checks = []check{
	{"folders", "folders nest, are listed once, parents first; Ensure twice does nothing", (*run).folders},
	{"names", "awkward folder names come back as they were", (*run).names},
	{"unknown", "an unknown folder is an error of kind not-found", (*run).unknown},
	{"bodies", "awkward bodies come back unchanged, or are refused or reported", (*run).bodies},
	{"huge", "a message larger than memory allows passes", (*run).huge},
	{"flags", "flags and keywords are kept or reported", (*run).flags},
	{"received", "received dates are kept or reported", (*run).received},
	{"twins", "identical mails stay apart", (*run).twins},
	{"fetch", "each key asked for is yielded exactly once", (*run).fetchOnce},
	{"stable", "keys are the same after the store was opened anew", (*run).stable},
	{"quiet", "listing and fetching changes no flag", (*run).quiet},
	{"cancel", "cancelling ends listings, fetches and puts, and leaves no half item", (*run).cancel},
	{"fault", "a put that fails leaves nothing, and the next one works", (*run).fault},
	{"batch", "a batch has one result for each item, in order", (*run).batch},
	{"tracker", "what arrived past a mark is listed, and nothing else", (*run).tracker},
	{"cursor", "a later listing finds what is new", (*run).cursor},
	{"setflags", "flags of items that are there can be set", (*run).setFlags},
	{"move", "items move between folders", (*run).move},
	{"delete", "items are deleted, and deleting twice is no error", (*run).delete},
	{"parallel", "several goroutines work in several folders at once", (*run).parallel},
	{"close", "Close works twice and leaves no spool file", (*run).close},
}

// Names lists the checks.
func Names() []string {
	var names []string
	for _, c := range checks {
		names = append(names, c.name)
	}
	return names
}

// Run runs the suite as subtests.
func Run(t *testing.T, o Options) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			r := o.one(t.Context(), c)
			switch {
			case r.Skipped != "":
				t.Skip(r.Skipped)
			case r.Err != nil:
				t.Errorf("%s:\n%v", c.doc, r.Err)
			}
		})
	}
}

// Check runs the suite and reports each outcome. It returns an error when any
// check failed, or when ctx ended. A root that was not there before is removed
// again, where the store can.
func Check(ctx context.Context, o Options, report func(Outcome)) (err error) {
	remove, err := o.root(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if rerr := remove(); err == nil {
			err = rerr
		}
	}()
	failed := 0
	for _, c := range checks {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := o.one(ctx, c)
		if r.Err != nil {
			failed++
		}
		if report != nil {
			report(r)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(checks))
	}
	return nil
}

// root looks whether the root is there, and returns what removes it if not.
func (o Options) root(ctx context.Context) (remove func() error, err error) {
	if o.Keep || len(o.Root) == 0 {
		return func() error { return nil }, nil
	}
	// It is removed also when ctx ended.
	r := &run{o: o, ctx: context.WithoutCancel(ctx)}
	if err := r.open(); err != nil {
		return nil, err
	}
	_, there := r.find(o.Root)
	if err := r.shut(); err != nil || there {
		return func() error { return nil }, err
	}
	return func() error {
		if err := r.open(); err != nil {
			return err
		}
		if d, ok := transport.As[transport.FolderDeleter](r.snk); ok {
			if f, ok := r.find(o.Root); ok {
				err = d.DeleteFolder(r.ctx, f)
			}
		}
		return errors.Join(err, r.shut())
	}, nil
}

// errSkip says why a check does not apply to this store.
type errSkip string

func (e errSkip) Error() string { return string(e) }

// one runs one check on a store that is opened and closed for it.
func (o Options) one(ctx context.Context, c check) (out Outcome) {
	out = Outcome{Name: c.name, Doc: c.doc}
	if why, ok := o.Skip[c.name]; ok {
		out.Skipped = why
		return out
	}
	start := time.Now()
	defer func() { out.Took = time.Since(start) }()
	r := &run{o: o, ctx: ctx, check: c.name}
	if err := r.open(); err != nil {
		out.Err = err
		return out
	}
	err := c.run(r)
	var skip errSkip
	if errors.As(err, &skip) {
		out.Skipped, err = string(skip), nil
	}
	out.Err = errors.Join(err, r.clean(), r.shut())
	return out
}

// run is one check on an open store.
type run struct {
	o     Options
	ctx   context.Context
	check string
	src   transport.Source
	snk   transport.Sink
	made  []transport.Folder
}

func (r *run) open() error {
	var err error
	r.src, r.snk, err = r.o.Open(r.ctx)
	if err == nil && (r.src == nil || r.snk == nil) {
		err = errors.New("the store has no source or no sink; the suite needs both")
	}
	return err
}

// shut closes both sides and looks for spool files.
func (r *run) shut() error {
	err := errors.Join(r.snk.Close(), r.src.Close())
	if r.o.TempDir == "" {
		return err
	}
	list, lerr := os.ReadDir(r.o.TempDir)
	err = errors.Join(err, lerr)
	for _, e := range list {
		err = errors.Join(err, fmt.Errorf("after Close the spool file %s is left", e.Name()))
	}
	return err
}

// clean removes what the check made, as far as the store can.
func (r *run) clean() error {
	if r.o.Keep {
		return nil
	}
	if d, ok := transport.As[transport.FolderDeleter](r.snk); ok {
		top := transport.Folder{Path: append(slices.Clone(r.o.Root), r.check)}
		if found, ok := r.find(top.Path); ok {
			top = found
		}
		return d.DeleteFolder(r.ctx, top)
	}
	d, ok := transport.As[transport.Deleter](r.snk)
	if !ok {
		return nil
	}
	for _, f := range r.made {
		list, err := r.list(f)
		if err != nil || len(list) == 0 {
			continue
		}
		if err := errors.Join(d.Delete(r.ctx, f, keysOf(list))...); err != nil {
			return fmt.Errorf("cleaning %q: %w", f, err)
		}
	}
	return nil
}

func (r *run) find(path []string) (transport.Folder, bool) {
	for f, err := range r.src.Folders(r.ctx) {
		if err != nil {
			break
		}
		if slices.Equal(f.Path, path) {
			return f, true
		}
	}
	return transport.Folder{}, false
}
