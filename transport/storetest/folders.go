package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

func (r *run) folders() error {
	depth := r.o.Depth
	if depth == 0 {
		depth = 12
	}
	var names []string
	for i := range depth {
		names = append(names, "level "+strconv.Itoa(i))
	}
	deep, err := r.folder(names...)
	if err != nil {
		return err
	}
	again, err := r.folder(names...)
	if err != nil {
		return err
	}
	var errs []error
	if again.ID != deep.ID || !slices.Equal(again.Path, deep.Path) {
		errs = append(errs, fmt.Errorf("ensure twice gives %q (%s) and then %q (%s)", deep, deep.ID, again, again.ID))
	}
	if again.New {
		errs = append(errs, fmt.Errorf("ensure calls %q new, which was there", again))
	}
	errs = append(errs, r.together())
	if _, err := r.fill(deep, 1); err != nil {
		errs = append(errs, wrap("in the deepest folder", err))
	}
	seen := map[string]bool{}
	ids := map[string]string{}
	for f, err := range r.src.Folders(r.ctx) {
		if err != nil {
			return fmt.Errorf("folders: %w", err)
		}
		name := f.String()
		switch {
		case seen[name]:
			errs = append(errs, fmt.Errorf("%q is listed twice", name))
		case f.ID == "":
			errs = append(errs, fmt.Errorf("%q has no ID", name))
		case ids[f.ID] != "":
			errs = append(errs, fmt.Errorf("%q and %q have the same ID", name, ids[f.ID]))
		case slices.Contains(f.Path, ""):
			errs = append(errs, fmt.Errorf("%q has an element without a name", name))
		}
		// Parents first: a store may hold folders that have no parent.
		if up := transport.JoinPath(f.Path[:max(len(f.Path)-1, 0)]); slices.Equal(f.Path[:min(len(f.Path), len(deep.Path))], deep.Path[:min(len(f.Path), len(deep.Path))]) && len(f.Path) > len(r.o.Root)+1 && !seen[up] {
			errs = append(errs, fmt.Errorf("%q is listed before its parent", name))
		}
		seen[name], ids[f.ID] = true, name
	}
	for i := range names {
		if p := transport.JoinPath(deep.Path[:len(deep.Path)-i]); !seen[p] {
			errs = append(errs, fmt.Errorf("%q is not listed", p))
		}
	}
	return errors.Join(errs...)
}

// awkward are names that stores stumble over. Field case T46, T48.
var awkward = []string{
	"a/b", "a.b", `a\b`, "100%", "%41", "..", "...", ".hidden", "~", "&", "a&b-", "* ?", `"quoted"`, "<x>", "a:b", "a|b",
	" leading", "trailing ", "trailing.", "two  blanks", "03_März", "日本語", "😀", "ﬁ", "cur", "new", "tmp", "con", "NUL.txt", "INBOX", "=20", "#1", "x.sbd", "x.mbox",
	"!2,S", "a~b", "$x", "[Gmail]", "(x)", "{x}", "it's", "@", "+", ",", ";",
	strings.Repeat("long ", 51), strings.Repeat("ü", 127) + "x", strings.Repeat("n", 255),
}

func (r *run) names() error {
	var errs []error
	byID := map[string]string{}
	want := map[string]string{}
	for i, name := range awkward {
		f, err := r.folder("names", name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if got := f.Name(); got != name && !r.o.ForeignNames {
			errs = append(errs, fmt.Errorf("ensure of %q gives %q", name, got))
		}
		if other, ok := byID[f.ID]; ok {
			errs = append(errs, fmt.Errorf("%q and %q are one folder", name, other))
			continue
		}
		byID[f.ID] = name
		want[f.String()] = name
		if _, err := r.put(r.ctx, f, transport.Meta{}, r.content("in folder "+strconv.Itoa(i), "x\r\n")); err != nil {
			errs = append(errs, fmt.Errorf("put into %q: %w", name, err))
		}
	}
	if err := r.shut(); err != nil {
		return err
	}
	if err := r.open(); err != nil {
		return err
	}
	for f, err := range r.src.Folders(r.ctx) {
		if err != nil {
			return fmt.Errorf("folders: %w", err)
		}
		name, ok := want[f.String()]
		if !ok {
			continue
		}
		delete(want, f.String())
		if list, err := r.list(f); err != nil || len(list) != 1 {
			errs = append(errs, fmt.Errorf("the folder %q lists %d items, not 1: %w", name, len(list), err))
		}
	}
	for _, name := range want {
		errs = append(errs, fmt.Errorf("the folder %q is not listed under its name", name))
	}
	return errors.Join(errs...)
}

func (r *run) unknown() error {
	f := transport.Folder{Path: append(slices.Clone(r.o.Root), "there is no such folder"), ID: "no-such-id"}
	var errs []error
	var last error
	for _, err := range r.src.Items(r.ctx, f, nil) {
		last = err
	}
	errs = append(errs, wrap("Items", isKind(last, transport.NotFound)))
	last = nil
	for fe, err := range r.src.Fetch(r.ctx, f, []transport.Key{"1"}, nil) {
		if last = err; err == nil {
			last = fe.Err
		}
		fe.Content.Close()
	}
	errs = append(errs, wrap("Fetch", isKind(last, transport.NotFound)))
	return errors.Join(errs...)
}

// together makes folders at once and lists their names.
func (r *run) together() error {
	var errs []error
	if m, ok := transport.As[transport.FolderMaker](r.snk); ok {
		var list []transport.Folder
		for _, path := range [][]string{{"made"}, {"made", "below"}, {"apart", "not asked for", "below"}, {"made"}} {
			list = append(list, transport.Folder{Path: slices.Concat(r.o.Root, path)})
		}
		for range 2 {
			if err := m.MakeFolders(r.ctx, list); err != nil {
				errs = append(errs, wrap("MakeFolders", err))
			}
		}
		for i, f := range list {
			got, err := r.snk.Ensure(r.ctx, f)
			if err != nil || !slices.Equal(got.Path, f.Path) {
				errs = append(errs, fmt.Errorf("ensure of %q after MakeFolders gives %q, %v", f, got, err))
			}
			if i == len(list)-1 && got.New {
				errs = append(errs, fmt.Errorf("ensure calls %q new for the second time", f))
			}
		}
	}
	n, ok := transport.As[transport.FolderNamer](r.src)
	if !ok {
		return errors.Join(errs...)
	}
	whole := map[string]bool{}
	for f, err := range r.src.Folders(r.ctx) {
		if err != nil {
			return errors.Join(append(errs, wrap("Folders", err))...)
		}
		whole[f.String()] = true
	}
	for f, err := range n.FolderNames(r.ctx) {
		if err != nil {
			return errors.Join(append(errs, wrap("FolderNames", err))...)
		}
		if !whole[f.String()] {
			errs = append(errs, fmt.Errorf("FolderNames lists %q, Folders does not", f))
		}
		delete(whole, f.String())
	}
	for name := range whole {
		errs = append(errs, fmt.Errorf("FolderNames does not list %q", name))
	}
	return errors.Join(errs...)
}
