package converters

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/olm"
	"github.com/mailconv/mailconv/transport/pst"
)

// Archives are read as the stores that they are; what is to be proven and
// continued goes through package migrate.

var pstFormat = &Format{
	Name: "pst", Ext: ".pst", Summary: "an Outlook archive, .pst or .ost; a tree of folders",
	sniff: func(head []byte, _ string) bool { return hasPrefix(head, "!BDN") }, // dwMagic. [MS-PST] 2.2.2.6
	open: func(in *Input, cv *Converter, brief bool) (transport.Source, error) {
		return pst.New(in.R, in.Size, &pst.Options{CodePage: cv.CodePage, Brief: brief})
	},
}

var olmFormat = &Format{
	Name: "olm", Ext: ".olm", Summary: "an archive of Outlook for Mac; a tree of folders",
	sniff: func(head []byte, name string) bool {
		return hasPrefix(head, "PK\x03\x04") && (hasExt(name, ".olm") || bytes.Contains(head, []byte("com.microsoft.__Messages")))
	},
	open: func(in *Input, _ *Converter, _ bool) (transport.Source, error) { return olm.New(in.R, in.Size) },
}

func init() {
	for _, f := range []*Format{pstFormat, olmFormat} {
		f.read = f.readTree
	}
}

// readTree yields the items of all folders, one behind the other.
func (f *Format) readTree(ctx context.Context, in *Input, cv *Converter) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		src, err := f.open(in, cv, false)
		if err != nil {
			yield(nil, err)
			return
		}
		defer src.Close()
		w := &treeWalk{src: src}
		for p, err := range w.pages(ctx) {
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			for it := range p.items(ctx, src) {
				if !yield(it.Item, nil) {
					return
				}
			}
		}
	}
}

// pageItems is how many items of a folder are fetched with one call.
const pageItems = 64

// A treeWalk lists what an archive holds.
type treeWalk struct {
	src transport.Source
	// left counts what is not taken, by reason.
	left map[string]int
}

// A treePage is some items of one folder.
type treePage struct {
	folder transport.Folder
	metas  []transport.Meta
}

// A treeItem is an item with its place on its page.
type treeItem struct {
	*Item
	n int
}

func (w *treeWalk) leave(reason string, n int) {
	if w.left == nil {
		w.left = map[string]int{}
	}
	w.left[reason] += n
}

var errNoAnswer = errors.New("there is no answer for the item")

const hiddenFolder = "in folders that a mail program does not show"

// pages lists the items of all folders. An error is about a folder or an item,
// and the walk goes on.
func (w *treeWalk) pages(ctx context.Context) iter.Seq2[*treePage, error] {
	return func(yield func(*treePage, error) bool) {
		for f, err := range w.src.Folders(ctx) {
			switch {
			case err != nil:
				yield(nil, err)
				return
			case f.Err != nil:
				if !yield(nil, f.Err) {
					return
				}
				continue
			case f.Hidden:
				w.leave(hiddenFolder, int(max(f.Count, 0)))
				continue
			case f.NoItems:
				continue
			}
			p := &treePage{folder: f}
			for m, err := range w.src.Items(ctx, f, nil) {
				switch {
				case err != nil:
					if !yield(nil, err) {
						return
					}
				case m.Skip != "":
					w.leave(m.Skip, 1)
				default:
					p.metas = append(p.metas, m)
				}
				if len(p.metas) == pageItems {
					if !yield(p, nil) {
						return
					}
					p = &treePage{folder: f}
				}
			}
			if len(p.metas) > 0 && !yield(p, nil) {
				return
			}
		}
	}
}

// items fetches a page. Each item has an answer; content may be used until the
// next one is asked for.
func (p *treePage) items(ctx context.Context, src transport.Source) iter.Seq[treeItem] {
	return func(yield func(treeItem) bool) {
		keys := make([]transport.Key, len(p.metas))
		at := make(map[transport.Key]int, len(p.metas))
		for i, m := range p.metas {
			keys[i], at[m.Key] = m.Key, i
		}
		var broke error
		for fe, err := range src.Fetch(ctx, p.folder, keys, []transport.Form{transport.FormObject, transport.FormMIME}) {
			if err != nil {
				broke = err
				break
			}
			i, ok := at[fe.Key]
			if !ok {
				fe.Content.Close()
				continue
			}
			delete(at, fe.Key)
			more := yield(treeItem{&Item{Content: fe.Content, Meta: p.metas[i], Err: fe.Err}, i})
			fe.Content.Close()
			if !more {
				return
			}
		}
		for i, m := range p.metas {
			if _, open := at[m.Key]; !open {
				continue
			}
			err := broke
			if err == nil {
				err = &transport.Error{Op: "fetch", Folder: p.folder.String(), Key: m.Key, Err: errNoAnswer}
			}
			if !yield(treeItem{&Item{Content: &transport.Content{}, Meta: m, Err: err}, i}) {
				return
			}
		}
	}
}
