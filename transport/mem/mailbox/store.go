package mailbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// StoreOptions say what a [Store] shows.
type StoreOptions struct {
	// Convert makes objects of mails that are put; without it only objects
	// are taken.
	Convert transport.Converter
	// Top is the folder whose children are the top of the paths; 0 is the one
	// that a mail program shows.
	Top FolderID
	// Associated hands associated items over too.
	Associated bool
}

// A Store shows one mailbox as a source and a sink. What it gives out are
// objects; they are those of the mailbox and stay readable.
type Store struct {
	m      *Mailbox
	o      StoreOptions
	top    FolderID
	closed atomic.Bool
}

// Store opens the mailbox as a store.
func (m *Mailbox) Store(o StoreOptions) *Store {
	s := &Store{m: m, o: o, top: o.Top}
	if s.top == 0 {
		f, _ := m.WellKnown(IPMSubtree)
		s.top = f.ID
	}
	return s
}

// Close closes the store; the mailbox stays.
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

func (s *Store) begin(ctx context.Context, op string) error {
	if s.closed.Load() {
		return &transport.Error{Kind: transport.Usage, Op: op, Err: errors.New("the store is closed")}
	}
	return ctx.Err()
}

func key(n ItemID) transport.Key { return transport.Key(strconv.FormatUint(uint64(n), 16)) }

func place(k transport.Key) ItemID {
	n, err := strconv.ParseUint(string(k), 16, 64)
	if err != nil {
		return 0
	}
	return ItemID(n)
}

func folderID(n FolderID) string { return "f" + strconv.FormatUint(uint64(n), 16) }

// Handle is a folder as the methods of a [Store] take it.
func Handle(n FolderID) transport.Folder { return transport.Folder{ID: folderID(n)} }

// find finds a folder by its ID, else by its path.
func (s *Store) find(op string, f transport.Folder) (FolderID, error) {
	if len(f.ID) > 1 && f.ID[0] == 'f' {
		if n, err := strconv.ParseUint(f.ID[1:], 16, 64); err == nil {
			if _, ok := s.m.Folder(FolderID(n)); ok {
				return FolderID(n), nil
			}
		}
	}
	at := s.top
	for _, name := range f.Path {
		c, ok := s.m.Child(at, name)
		if !ok {
			return 0, &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Err: ErrNotFound}
		}
		at = c.ID
	}
	return at, nil
}

func (s *Store) folder(f Folder) transport.Folder {
	path, _ := s.m.Path(s.top, f.ID)
	return transport.Folder{
		Path: path, ID: folderID(f.ID), Role: f.Role.TransportRole(), Class: f.Class,
		Count: int64(f.Count), Size: f.Size,
	}
}

// Folders implements [transport.Source].
func (s *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		if err := s.begin(ctx, "list"); err != nil {
			yield(transport.Folder{}, err)
			return
		}
		for _, f := range s.m.Folders(s.top, true) {
			if err := ctx.Err(); err != nil {
				yield(transport.Folder{}, err)
				return
			}
			if !yield(s.folder(f), nil) {
				return
			}
		}
	}
}

// Items implements [transport.Source].
func (s *Store) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		id, err := s.find("list", f)
		if err := errors.Join(s.begin(ctx, "list"), err); err != nil {
			yield(transport.Meta{}, err)
			return
		}
		var since uint64
		if c != nil {
			since, _ = strconv.ParseUint(c.Token, 10, 64)
		}
		list, latest, err := s.m.Changes(id, All, since)
		if err != nil {
			yield(transport.Meta{}, &transport.Error{Kind: transport.NotFound, Op: "list", Folder: f.String(), Err: err})
			return
		}
		for _, ch := range list {
			if err := ctx.Err(); err != nil {
				yield(transport.Meta{}, err)
				return
			}
			m := transport.Meta{Key: key(ch.Gone.Place), ObjectID: "i" + string(key(ch.Gone.ID)), Gone: true}
			if ch.Kind != Removed {
				m = meta(&ch.Item)
				if s.o.Associated {
					m.Skip = ""
				}
			}
			if !yield(m, nil) {
				return
			}
		}
		if c != nil {
			c.Token, c.Delta = strconv.FormatUint(latest, 10), since > 0
		}
	}
}

func (s *Store) item(op string, f transport.Folder, id FolderID, k transport.Key) (Item, error) {
	it, ok := s.m.At(place(k))
	if !ok || it.Folder != id {
		return Item{}, &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Key: k, Err: ErrNotFound}
	}
	return it, nil
}

// Fetch implements [transport.Source].
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		id, err := s.find("fetch", f)
		if err := errors.Join(s.begin(ctx, "fetch"), err); err != nil {
			yield(transport.Fetched{}, err)
			return
		}
		for _, k := range keys {
			if err := ctx.Err(); err != nil {
				yield(transport.Fetched{}, err)
				return
			}
			fe := transport.Fetched{Key: k}
			it, err := s.item("fetch", f, id, k)
			if fe.Err = err; err == nil {
				fe.Content = &transport.Content{Form: transport.FormObject, Object: it.Message}
			}
			if !yield(fe, nil) {
				return
			}
		}
	}
}

// Accepts implements [transport.Sink].
func (s *Store) Accepts(transport.Meta) []transport.Form {
	if s.o.Convert == nil {
		return []transport.Form{transport.FormObject}
	}
	return []transport.Form{transport.FormObject, transport.FormMIME}
}

// Ensure implements [transport.Sink].
func (s *Store) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	if err := s.begin(ctx, "create"); err != nil {
		return transport.Folder{}, err
	}
	at := s.top
	for i, name := range f.Path {
		class := ""
		if i == len(f.Path)-1 {
			class = f.Class
		}
		n, err := s.m.CreateFolder(at, name, class, nil)
		if errors.Is(err, ErrExists) {
			n, _ = s.m.Child(at, name)
		} else if err != nil {
			return transport.Folder{}, &transport.Error{Kind: transport.Rejected, Op: "create", Folder: f.String(), Err: err}
		}
		at = n.ID
	}
	n, _ := s.m.Folder(at)
	return s.folder(n), nil
}

// Put implements [transport.Sink].
func (s *Store) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	id, err := s.find("append", f)
	if err := errors.Join(s.begin(ctx, "append"), err); err != nil {
		return transport.Receipt{}, err
	}
	if !slices.Contains(s.Accepts(m), c.Form) {
		return transport.Receipt{}, &transport.Error{Kind: transport.Rejected, Op: "append", Folder: f.String(), Err: fmt.Errorf("items of the form %s are not taken", c.Form)}
	}
	var losses []mapi.Loss
	if c.Form == transport.FormMIME {
		// What is made lives on what came, so that is kept as well.
		kept, err := s.m.s.spool.Copy(ctx, c)
		if err != nil {
			return transport.Receipt{}, err
		}
		if c, err = s.o.Convert.ToObject(ctx, kept); err != nil {
			return transport.Receipt{}, err
		}
		defer c.Close()
		losses = c.Losses
	}
	msg, err := s.m.s.hold(ctx, c.Object)
	if err != nil {
		return transport.Receipt{}, err
	}
	n := clone(msg)
	losses = append(slices.Clip(losses), setFlags(&n.Props, m.Flags)...)
	setKeywords(&n.Props, m.Keywords)
	if t := n.Props.Time(mapi.PidTagMessageDeliveryTime); !m.Received.IsZero() && !t.Equal(m.Received) {
		n.Props.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(m.Received))
	}
	if m.Token != "" {
		n.Props.SetName(itemprops.NameToken, mapi.StringValue(m.Token))
	}
	if !slices.EqualFunc(n.Props, msg.Props, func(a, b mapi.Property) bool {
		return a.Tag == b.Tag && a.Value.InMemory() == b.Value.InMemory() && string(a.Value.Raw()) == string(b.Value.Raw())
	}) {
		n.Encoded = nil
	}
	it, err := s.m.Create(ctx, id, n, CreateOptions{Owned: true})
	if err != nil {
		return transport.Receipt{}, err
	}
	return transport.Receipt{Ref: key(it.Place), Route: "object", Losses: losses, Bytes: it.Size}, nil
}

// Mark implements [transport.Tracker].
func (s *Store) Mark(ctx context.Context, f transport.Folder) (string, error) {
	if _, err := s.find("mark", f); err != nil {
		return "", err
	}
	return strconv.FormatUint(s.m.Latest(), 10), s.begin(ctx, "mark")
}

// Since implements [transport.Tracker].
func (s *Store) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		id, err := s.find("list", f)
		if err := errors.Join(s.begin(ctx, "list"), err); err != nil {
			yield(transport.Meta{}, err)
			return
		}
		after, _ := strconv.ParseUint(mark, 10, 64)
		list, _ := s.m.Items(id, Normal)
		for _, it := range list {
			if it.Born > after && !yield(meta(&it), nil) {
				return
			}
		}
	}
}

// SetFlags implements [transport.FlagSetter].
func (s *Store) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	errs := make([]error, len(changes))
	id, err := s.find("store", f)
	err = errors.Join(s.begin(ctx, "store"), err)
	for i, c := range changes {
		if errs[i] = err; err != nil {
			continue
		}
		it, err := s.item("store", f, id, c.Ref)
		if err == nil {
			_, err = s.m.Change(it.ID, func(m *mapi.Message) error {
				setFlags(&m.Props, c.Flags)
				setKeywords(&m.Props, c.Keywords)
				return nil
			})
		}
		errs[i] = err
	}
	return errs
}

// Move implements [transport.Mover]. The ObjectID stays.
func (s *Store) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	results := make([]transport.Result, len(refs))
	src, err1 := s.find("move", from)
	dst, err2 := s.find("move", to)
	err := errors.Join(s.begin(ctx, "move"), err1, err2)
	for i, k := range refs {
		if results[i].Err = err; err != nil {
			continue
		}
		it, err := s.item("move", from, src, k)
		if err == nil {
			it, err = s.m.Move(it.ID, dst)
		}
		if results[i].Err = err; err == nil {
			results[i].Receipt = transport.Receipt{Ref: key(it.Place), Route: "move"}
		}
	}
	return results
}

// Delete implements [transport.Deleter].
func (s *Store) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	errs := make([]error, len(refs))
	id, err := s.find("delete", f)
	err = errors.Join(s.begin(ctx, "delete"), err)
	for i, k := range refs {
		if errs[i] = err; err != nil {
			continue
		}
		if it, err := s.item("delete", f, id, k); err == nil {
			errs[i] = s.m.Delete(it.ID, Hard)
		}
	}
	return errs
}

// DeleteFolder implements [transport.FolderDeleter].
func (s *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	if err := s.begin(ctx, "delete"); err != nil {
		return err
	}
	id, err := s.find("delete", f)
	if transport.KindOf(err) == transport.NotFound {
		return nil
	}
	if err == nil {
		err = s.m.DeleteFolder(id, true)
	}
	if err != nil {
		return &transport.Error{Kind: transport.Rejected, Op: "delete", Folder: f.String(), Err: err}
	}
	return nil
}

// Watch implements [transport.Watcher].
func (s *Store) Watch(ctx context.Context, folders []transport.Folder) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		ids := map[FolderID]transport.Folder{}
		for _, f := range folders {
			id, err := s.find("watch", f)
			if err != nil {
				yield(transport.Folder{}, err)
				return
			}
			ids[id] = f
		}
		last := s.m.LastEvent()
		for {
			list, next := s.m.Events(last)
			changed := map[FolderID]bool{}
			for _, e := range list {
				last = e.Number
				changed[e.Parent], changed[e.OldParent] = true, true
			}
			for id, f := range ids {
				if changed[id] && !yield(f, nil) {
					return
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-next:
			}
		}
	}
}
