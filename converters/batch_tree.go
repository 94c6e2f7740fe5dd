package converters

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/filename"
)

// tree converts the items of an archive, each to a file of its own in the folder
// of its folder. What becomes of an item is told as it is known; r is about the
// archive.
func (b *Batch) tree(ctx context.Context, r *Result, j job, from *Format, in *Input, cv *Converter, tell func(...Result)) {
	if _, named := ByName(filepath.Ext(j.out)); j.exact && named {
		r.Err = fmt.Errorf("it holds many items, and %s is called like one; name a folder with -o", j.out)
		return
	}
	src, err := from.open(in, cv, !b.To.flags)
	if err != nil {
		r.Err = err
		return
	}
	defer src.Close()
	if err := os.MkdirAll(j.out, 0o777); err != nil {
		r.Err = fmt.Errorf("%s cannot be made: %w", j.out, plainPathError(err))
		return
	}
	w := &treeWalk{src: src}
	names := &treeNames{root: j.out, ext: b.To.Ext, folders: map[string]string{}, below: map[string]*filename.Set{}}
	type page struct {
		*treePage
		files []string
	}
	work := make(chan page)
	var wg sync.WaitGroup
	for range b.perArchive {
		wg.Go(func() {
			for p := range work {
				// Told together: each time wakes who listens.
				list := make([]Result, 0, len(p.metas))
				for it := range p.items(ctx, src) {
					list = append(list, b.treeItem(ctx, j, p.folder, it.Item, p.files[it.n], cv))
				}
				tell(list...)
			}
		})
	}
	for p, err := range w.pages(ctx) {
		if ctx.Err() != nil {
			break
		}
		var files []string
		if err == nil {
			files, err = names.files(p)
		}
		if err != nil {
			tell(Result{In: j.in, Part: true, Failed: 1, Errs: []error{err}})
			continue
		}
		select {
		case work <- page{p, files}:
		case <-ctx.Done():
		}
	}
	close(work)
	wg.Wait()
	r.Left = w.left
	if err := ctx.Err(); err != nil {
		r.Err = err
	}
}

// treeItem converts one item.
func (b *Batch) treeItem(ctx context.Context, j job, f transport.Folder, it *Item, file string, cv *Converter) Result {
	r := Result{In: j.in + ": " + transport.JoinPath(append(append([]string(nil), f.Path...), it.Meta.Subject)), Part: true}
	err := it.Err
	if err == nil {
		err = b.write(&r, file, func(w io.Writer) error { return b.To.Write(ctx, w, it, cv) })
	}
	switch {
	case ctx.Err() != nil:
		r.Err = ctx.Err()
	case err != nil:
		r.Failed, r.Errs = 1, []error{err}
	default:
		r.Items = 1
	}
	if it.Content != nil {
		r.Problems, r.Losses = it.Problems, it.Losses
	}
	return r
}

// treeNames gives out the names of files and folders. Those of the items of one
// folder differ, also where only case tells them apart; they are the same in
// each run over the same archive.
type treeNames struct {
	root, ext string
	folders   map[string]string // folder of the archive -> path
	below     map[string]*filename.Set
	last      string         // the folder that taken is about
	taken     map[uint64]int // hash of a name -> the last number that follows it
}

var nameSeed = maphash.MakeSeed()

// folder is where the items of a folder go; it is made.
func (n *treeNames) folder(p []string) (string, error) {
	key := transport.JoinPath(p)
	if dir, ok := n.folders[key]; ok {
		return dir, nil
	}
	dir := n.root
	if len(p) > 0 {
		up, err := n.folder(p[:len(p)-1])
		if err != nil {
			return "", err
		}
		if n.below[up] == nil {
			n.below[up] = &filename.Set{}
		}
		dir = filepath.Join(up, n.below[up].Unique(filename.Clean(p[len(p)-1], "folder")))
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return "", fmt.Errorf("%s cannot be made: %w", dir, plainPathError(err))
		}
	}
	n.folders[key] = dir
	return dir, nil
}

// files names the files of a page.
func (n *treeNames) files(p *treePage) ([]string, error) {
	dir, err := n.folder(p.folder.Path)
	if err != nil {
		return nil, err
	}
	if dir != n.last || n.taken == nil {
		n.last, n.taken = dir, map[uint64]int{}
	}
	list := make([]string, len(p.metas))
	for i, m := range p.metas {
		list[i] = filepath.Join(dir, n.name(m.Received, m.Subject))
	}
	return list, nil
}

func (n *treeNames) name(at time.Time, subject string) string {
	date := ""
	if !at.IsZero() {
		date = at.UTC().Format("2006-01-02 15.04.05 ")
	}
	if strings.TrimSpace(subject) == "" {
		subject = "no subject"
	}
	stem := strings.TrimRight(strings.TrimSuffix(filename.Clean(date+subject+n.ext, "message"+n.ext), n.ext), " .")
	hash := func(name string) uint64 { return maphash.String(nameSeed, filename.Fold(name)) }
	first := hash(stem + n.ext)
	for {
		i := n.taken[first] + 1
		n.taken[first] = i
		if i == 1 {
			return stem + n.ext
		}
		name := fmt.Sprintf("%s (%d)%s", stem, i, n.ext)
		// A subject may end in a number like that.
		if h := hash(name); n.taken[h] == 0 {
			n.taken[h] = 1
			return name
		}
	}
}
