package mem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// Accepts implements [transport.Sink].
func (s *Store) Accepts(transport.Meta) []transport.Form {
	if s.o.Forms != nil {
		return slices.Clone(s.o.Forms)
	}
	return []transport.Form{transport.FormMIME, transport.FormObject}
}

// Ensure implements [transport.Sink].
func (s *Store) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	if err := s.begin(ctx, "Ensure"); err != nil {
		return transport.Folder{}, err
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	fresh := s.d.folders[f.String()] == nil
	out := s.d.ensure(f).Folder
	out.New = fresh
	return out, nil
}

// ensure is called with the lock held.
func (d *data) ensure(f transport.Folder) *folder {
	if fo := d.folders[f.String()]; fo != nil {
		return fo
	}
	if len(f.Path) > 1 {
		d.ensure(transport.Folder{Path: f.Path[:len(f.Path)-1]})
	}
	d.counter++
	d.validity++
	fo := &folder{validity: d.validity, next: 1}
	fo.Folder = transport.Folder{
		Path: slices.Clone(f.Path), ID: "f" + strconv.FormatInt(d.counter, 10),
		Role: f.Role, Class: f.Class, Count: -1, Size: -1,
	}
	d.folders[f.String()] = fo
	return fo
}

// occupy marks a folder while a put runs.
func (s *Store) occupy(op string, f transport.Folder) (release func(), err error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	fo, err := s.d.find(op, f)
	if err != nil {
		return nil, err
	}
	if fo.busy {
		return nil, &transport.Error{Kind: transport.Usage, Op: op, Folder: f.String(), Err: errors.New("two puts run at once")}
	}
	fo.busy = true
	return func() {
		s.d.mu.Lock()
		fo.busy = false
		s.d.mu.Unlock()
	}, nil
}

// Put implements [transport.Sink].
func (s *Store) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	if s.o.BatchOnly {
		return transport.Receipt{}, &transport.Error{Kind: transport.Usage, Op: "append", Folder: f.String(), Err: errors.New("this store takes items only in batches")}
	}
	release, err := s.occupy("append", f)
	if err != nil {
		return transport.Receipt{}, err
	}
	defer release()
	if err := s.begin(ctx, "Put"); err != nil {
		return transport.Receipt{}, err
	}
	return s.put(ctx, f, m, c)
}

// BatchLimit implements [transport.BatchSink].
func (s *Store) BatchLimit() (items int, bytes int64) {
	items, bytes = s.o.BatchItems, s.o.BatchBytes
	if items == 0 {
		items = 50
	}
	if bytes == 0 {
		bytes = 8 << 20
	}
	return items, bytes
}

// PutBatch implements [transport.BatchSink].
func (s *Store) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	if n, _ := s.BatchLimit(); len(items) > n {
		return nil, &transport.Error{Kind: transport.Usage, Op: "append", Folder: f.String(), Err: fmt.Errorf("%d items in a batch of at most %d", len(items), n)}
	}
	release, err := s.occupy("append", f)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := s.begin(ctx, "PutBatch"); err != nil {
		return nil, err
	}
	results := make([]transport.Result, len(items))
	for i, it := range items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		results[i].Receipt, results[i].Err = s.put(ctx, f, it.Meta, it.Content)
	}
	return results, nil
}

func (s *Store) put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	fail := func(kind transport.Kind, format string, args ...any) (transport.Receipt, error) {
		return transport.Receipt{}, &transport.Error{Kind: kind, Op: "append", Folder: f.String(), Err: fmt.Errorf(format, args...)}
	}
	if !slices.Contains(s.Accepts(m), c.Form) {
		return fail(transport.Rejected, "items of the form %s are not taken", c.Form)
	}
	if c.Form == transport.FormMIME && c.MIME == nil || c.Form == transport.FormObject && c.Object == nil {
		return fail(transport.Rejected, "the item has no content")
	}
	own, err := s.copy(ctx, c)
	if err != nil {
		return transport.Receipt{}, err
	}
	size := size(own)
	if s.o.MaxSize > 0 && size > s.o.MaxSize {
		return fail(transport.TooLarge, "%d bytes, at most %d are taken", size, s.o.MaxSize)
	}
	if m.MessageID == "" {
		m.MessageID = messageID(ctx, own)
	}
	m.Gone, m.Skip, m.Keywords = false, "", slices.Clone(m.Keywords)
	var losses []mapi.Loss
	if s.o.NoKeywords {
		for _, k := range m.Keywords {
			losses = append(losses, mapi.Loss{Item: "keyword " + k, Reason: mapi.LossStoreOnly, Detail: "the store has no keywords"})
		}
		m.Keywords = nil
	}

	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if s.o.Limit > 0 && s.d.used+size > s.o.Limit {
		return fail(transport.QuotaExceeded, "%d of %d bytes are used, the item has %d", s.d.used, s.o.Limit, size)
	}
	fo, err := s.d.find("append", f)
	if err != nil {
		return transport.Receipt{}, err
	}
	s.d.used += size
	s.d.counter++
	s.d.modseq++
	m.ObjectID = "m" + strconv.FormatInt(s.d.counter, 10)
	it := &item{uid: fo.next, modseq: s.d.modseq, meta: m, content: own, size: size}
	fo.next++
	fo.items = append(fo.items, it)
	r := transport.Receipt{Ref: fo.key(it.uid), Route: "append", Losses: losses, Bytes: size}
	if s.o.NoRef {
		r.Ref = ""
	}
	return r, nil
}

// copy takes content into memory, for good.
func (s *Store) copy(ctx context.Context, c *transport.Content) (*transport.Content, error) {
	if c.Form == transport.FormObject {
		own, err := s.d.spool.Copy(ctx, c)
		if err != nil {
			return nil, err
		}
		return &transport.Content{Form: c.Form, Object: own.Object}, nil
	}
	r, err := c.MIME.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err == nil && int64(len(b)) != c.MIME.Size() {
		err = &transport.Error{Kind: transport.Temporary, Op: "append", Err: fmt.Errorf("the body has %d bytes, %d were announced", len(b), c.MIME.Size())}
	}
	if err != nil {
		return nil, err
	}
	return &transport.Content{Form: c.Form, MIME: mapi.Bytes(b)}, nil
}

func size(c *transport.Content) int64 {
	if c.MIME != nil {
		return c.MIME.Size()
	}
	return messageSize(c.Object)
}

func messageSize(m *mapi.Message) int64 {
	var n int64
	props := func(ps mapi.Properties) {
		for _, p := range ps {
			n += p.Value.Size()
		}
	}
	props(m.Props)
	for _, r := range m.Recipients {
		props(r.Props)
	}
	for _, a := range m.Attachments {
		props(a.Props)
		if a.Embedded != nil {
			n += messageSize(a.Embedded)
		}
	}
	return n
}

// Mark implements [transport.Tracker].
func (s *Store) Mark(ctx context.Context, f transport.Folder) (string, error) {
	if err := s.begin(ctx, "Mark"); err != nil {
		return "", err
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	fo, err := s.d.find("mark", f)
	if err != nil {
		return "", err
	}
	return string(fo.key(fo.next)), nil
}

// Since implements [transport.Tracker].
func (s *Store) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		if err := s.begin(ctx, "Since"); err != nil {
			yield(transport.Meta{}, err)
			return
		}
		s.d.mu.Lock()
		fo, err := s.d.find("list", f)
		if err != nil {
			s.d.mu.Unlock()
			yield(transport.Meta{}, err)
			return
		}
		// A mark of another validity says nothing: all may be new.
		from, _ := fo.item(transport.Key(mark))
		var list []transport.Meta
		for _, it := range fo.items[from:] {
			list = append(list, s.listed(fo, it))
		}
		s.d.mu.Unlock()
		for _, m := range list {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// SetFlags implements [transport.FlagSetter].
func (s *Store) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	errs := make([]error, len(changes))
	begin := s.begin(ctx, "SetFlags")
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	fo, err := s.d.find("store", f)
	if begin != nil {
		err = begin
	}
	for i, c := range changes {
		if errs[i] = err; err != nil {
			continue
		}
		at, ok := fo.item(c.Ref)
		if !ok {
			errs[i] = fo.notFound("store", c.Ref)
			continue
		}
		s.d.modseq++
		n := *fo.items[at]
		n.modseq, n.meta.Flags, n.meta.Keywords = s.d.modseq, c.Flags, slices.Clone(c.Keywords)
		if s.o.NoKeywords {
			n.meta.Keywords = nil
		}
		fo.items[at] = &n
	}
	return errs
}

// Move implements [transport.Mover]. The ObjectID stays.
func (s *Store) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	results := make([]transport.Result, len(refs))
	err := s.begin(ctx, "Move")
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	src, err1 := s.d.find("move", from)
	dst, err2 := s.d.find("move", to)
	err = errors.Join(err, err1, err2)
	for i, k := range refs {
		if results[i].Err = err; err != nil {
			continue
		}
		at, ok := src.item(k)
		if !ok {
			results[i].Err = src.notFound("move", k)
			continue
		}
		n := *src.items[at]
		s.d.remove(src, at)
		s.d.modseq++
		n.uid, n.modseq = dst.next, s.d.modseq
		dst.next++
		dst.items = append(dst.items, &n)
		results[i].Receipt = transport.Receipt{Ref: dst.key(n.uid), Route: "move"}
	}
	return results
}

// Delete implements [transport.Deleter].
func (s *Store) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	errs := make([]error, len(refs))
	err := s.begin(ctx, "Delete")
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	fo, ferr := s.d.find("delete", f)
	err = errors.Join(err, ferr)
	for i, k := range refs {
		if errs[i] = err; err != nil {
			continue
		}
		if at, ok := fo.item(k); ok {
			s.d.used -= fo.items[at].size
			s.d.remove(fo, at)
		}
	}
	return errs
}

func (d *data) remove(fo *folder, at int) {
	it := fo.items[at]
	d.modseq++
	fo.gone = append(fo.gone, gone{it.uid, it.meta.ObjectID, d.modseq})
	fo.items = slices.Delete(slices.Clone(fo.items), at, at+1)
}

// DeleteFolder implements [transport.FolderDeleter].
func (s *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	if err := s.begin(ctx, "DeleteFolder"); err != nil {
		return err
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	for name, fo := range s.d.folders {
		if len(fo.Path) >= len(f.Path) && slices.Equal(fo.Path[:len(f.Path)], f.Path) {
			for _, it := range fo.items {
				s.d.used -= it.size
			}
			delete(s.d.folders, name)
		}
	}
	return nil
}

// Quota implements [transport.Quota].
func (s *Store) Quota(ctx context.Context) (used, limit int64, err error) {
	if err := s.begin(ctx, "Quota"); err != nil {
		return 0, 0, err
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if s.o.Limit == 0 {
		return s.d.used, -1, nil
	}
	return s.d.used, s.o.Limit, nil
}

// MaxSize implements [transport.SizeLimiter].
func (s *Store) MaxSize(context.Context) (int64, error) { return s.o.MaxSize, nil }

// Add puts a mail into a folder, which is made when it is not there. It is for
// tests, and panics when the store refuses.
func (s *Store) Add(path []string, m transport.Meta, mime string) transport.Key {
	ctx := context.Background()
	w := s.With(Options{})
	s.d.mu.Lock()
	f := s.d.ensure(transport.Folder{Path: path}).Folder
	s.d.mu.Unlock()
	if m.Received.IsZero() {
		m.Received = time.Unix(1600000000, 0).UTC()
	}
	r, err := w.put(ctx, f, m, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(mime)})
	if err != nil {
		panic(err)
	}
	return r.Ref
}
