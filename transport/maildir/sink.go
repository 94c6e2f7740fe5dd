package maildir

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/lineend"
	"github.com/mailconv/mailconv/transport/localfile"
)

// Accepts implements [transport.Sink].
func (s *Store) Accepts(transport.Meta) []transport.Form {
	return []transport.Form{transport.FormMIME}
}

// next is a number higher than those of all our names in the folder, so that
// [Store.Since] does not depend on a clock that may be set back.
func (fo *folder) next() (int64, error) {
	fo.mu.Lock()
	defer fo.mu.Unlock()
	if fo.order == 0 {
		for _, sub := range [...]string{"cur", "new"} {
			err := eachName(filepath.Join(fo.dir, sub), func(name string) bool {
				unique, _ := splitInfo(name)
				if st, _, ours := parseUnique(unique); ours {
					fo.order = max(fo.order, st.order)
				}
				return true
			})
			if err != nil && !os.IsNotExist(err) {
				return 0, err
			}
		}
	}
	fo.order = max(fo.order+1, time.Now().UnixMicro())
	return fo.order, nil
}

// A written mail lies in tmp until it is renamed.
type written struct {
	file    *os.File
	final   string
	receipt transport.Receipt
}

// write puts a mail into tmp, with its time set.
func (s *Store) write(ctx context.Context, fo *folder, f transport.Folder, m transport.Meta, c *transport.Content) (w *written, err error) {
	if c.Form != transport.FormMIME || c.MIME == nil {
		return nil, &transport.Error{Kind: transport.Rejected, Op: "append", Folder: f.String(), Err: fmt.Errorf("a maildir takes mail, not the form %q", c.Form)}
	}
	order, err := fo.next()
	if err != nil {
		return nil, err
	}
	received := m.Received
	if received.IsZero() {
		received = time.UnixMicro(order)
	}
	unique := uniqueName(received, order, os.Getpid(), s.count.Add(1), m.Token, s.host)
	w = &written{}
	w.file, err = os.OpenFile(filepath.Join(fo.dir, "tmp", unique), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsNotExist(err) {
		// tmp may be missing in a folder that others made.
		if err = os.MkdirAll(filepath.Join(fo.dir, "tmp"), 0o700); err == nil {
			w.file, err = os.OpenFile(filepath.Join(fo.dir, "tmp", unique), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		}
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.drop()
		}
	}()
	st := lineend.NewStorer(w.file, 0)
	if err = localfile.Copy(ctx, st, c.MIME); err == nil {
		err = st.Close()
	}
	if err != nil {
		return w, err
	}
	if st.Changed() {
		w.receipt.Losses = append(w.receipt.Losses, mapi.Loss{Item: "line ends", Reason: mapi.LossReencoded, Detail: "lines end in a bare LF; a maildir gives them back as CRLF"})
	}
	words := m.Keywords
	if m.Flags.Has(transport.MDNSent) {
		words = append(words[:len(words):len(words)], "$MDNSent")
	}
	places, lost, err := fo.kw.places(words)
	if err != nil {
		return w, err
	}
	for _, k := range lost {
		w.receipt.Losses = append(w.receipt.Losses, mapi.Loss{Item: "keyword " + k, Reason: mapi.LossStoreOnly, Detail: "a maildir has 26 keywords in a folder"})
	}
	unique += ",S=" + strconv.FormatInt(st.Size(), 10) + ",W=" + strconv.FormatInt(c.MIME.Size(), 10)
	suffix := string(s.o.Separator) + "2," + formatInfo(m.Flags, places)
	w.final = filepath.Join(fo.dir, "cur", unique+suffix)
	fo.learn(suffix)
	w.receipt.Ref, w.receipt.Route, w.receipt.Bytes = keyOf(unique), "file", st.Size()
	return w, os.Chtimes(w.file.Name(), received, received)
}

func (w *written) drop() {
	w.file.Close()
	os.Remove(w.file.Name())
}

// finish makes the file durable and closes it.
func (w *written) finish(sync bool) error {
	if sync {
		if err := w.file.Sync(); err != nil {
			return err
		}
	}
	return w.file.Close()
}

// commit gives the file its name.
func (w *written) commit() error { return os.Rename(w.file.Name(), w.final) }

// Put implements [transport.Sink].
func (s *Store) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	results, err := s.PutBatch(ctx, f, []transport.Staged{{Meta: m, Content: c}})
	if err != nil {
		return transport.Receipt{}, err
	}
	return results[0].Receipt, results[0].Err
}

// BatchLimit implements [transport.BatchSink]. A batch waits for the disk once.
func (s *Store) BatchLimit() (items int, bytes int64) { return 100, 64 << 20 }

// PutBatch implements [transport.BatchSink].
func (s *Store) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	if err := s.begin(ctx, "append"); err != nil {
		return nil, err
	}
	fo, err := s.folder("append", f)
	if err != nil {
		return nil, err
	}
	results := make([]transport.Result, len(items))
	mails := make([]*written, len(items))
	var wg sync.WaitGroup
	gate := make(chan struct{}, 8)
	for i, it := range items {
		w, err := s.write(ctx, fo, f, it.Meta, it.Content)
		if err != nil {
			results[i].Err = localfile.Error("append", f, "", err)
			continue
		}
		mails[i] = w
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			if err := w.finish(!s.o.NoSync); err != nil {
				results[i].Err = localfile.Error("append", f, "", err)
				w.drop()
				mails[i] = nil
			}
		})
	}
	wg.Wait()
	for i, w := range mails {
		if w == nil {
			continue
		}
		if err := w.commit(); err != nil {
			w.drop()
			results[i].Err = localfile.Error("append", f, "", err)
			continue
		}
		results[i].Receipt = w.receipt
	}
	if !s.o.NoSync {
		if err := localfile.SyncDir(filepath.Join(fo.dir, "cur")); err != nil {
			return results, localfile.Error("append", f, "", err)
		}
	}
	return results, nil
}

// Mark implements [transport.Tracker].
func (s *Store) Mark(ctx context.Context, f transport.Folder) (string, error) {
	if err := s.begin(ctx, "mark"); err != nil {
		return "", err
	}
	fo, err := s.folder("mark", f)
	if err != nil {
		return "", err
	}
	n, err := fo.next()
	return strconv.FormatInt(n, 10), localfile.Error("mark", f, "", err)
}

// Since implements [transport.Tracker]. It lists mails that we put; those that
// others delivered meanwhile do not appear.
func (s *Store) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	after, _ := strconv.ParseInt(mark, 10, 64)
	return s.items(ctx, f, func(unique string) bool {
		st, _, ours := parseUnique(unique)
		return ours && st.order > after
	})
}

// SetFlags implements [transport.FlagSetter].
func (s *Store) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	errs := make([]error, len(changes))
	fo, err := s.open(ctx, "store", f)
	for i, c := range changes {
		if errs[i] = err; err == nil {
			errs[i] = s.setFlags(fo, f, c)
		}
	}
	return errs
}

func (s *Store) open(ctx context.Context, op string, f transport.Folder) (*folder, error) {
	if err := s.begin(ctx, op); err != nil {
		return nil, err
	}
	return s.folder(op, f)
}

func (s *Store) setFlags(fo *folder, f transport.Folder, c transport.FlagChange) error {
	path, err := fo.locate(f, c.Ref, "store")
	if err != nil {
		return err
	}
	target, err := s.named(fo, filepath.Base(path), c.Flags, c.Keywords)
	if err == nil && target != path {
		err = os.Rename(path, target)
	}
	return localfile.Error("store", f, c.Ref, err)
}

// named is the path of a mail in cur with these flags.
func (s *Store) named(fo *folder, name string, flags transport.Flags, words []string) (string, error) {
	if flags.Has(transport.MDNSent) {
		words = append(words[:len(words):len(words)], "$MDNSent")
	}
	places, lost, err := fo.kw.places(words)
	if err == nil && len(lost) > 0 {
		err = fmt.Errorf("a maildir has 26 keywords in a folder; there is no room for %q", lost)
	}
	if err != nil {
		return "", err
	}
	unique, _ := splitInfo(name)
	suffix := string(s.o.Separator) + "2," + formatInfo(flags, places)
	fo.learn(suffix)
	return filepath.Join(fo.dir, "cur", unique+suffix), nil
}

// Move implements [transport.Mover]. A mail keeps its name and so its key.
func (s *Store) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	results := make([]transport.Result, len(refs))
	src, err := s.open(ctx, "move", from)
	var dst *folder
	if err == nil {
		dst, err = s.folder("move", to)
	}
	for i, k := range refs {
		if results[i].Err = err; err != nil {
			continue
		}
		path, err := src.locate(from, k, "move")
		if err == nil {
			_, info := splitInfo(filepath.Base(path))
			flags, words := parseInfo(info, src.kw.list())
			var target string
			if target, err = s.named(dst, filepath.Base(path), flags, words); err == nil {
				err = os.Rename(path, target)
			}
		}
		results[i].Err = localfile.Error("move", from, k, err)
		results[i].Receipt = transport.Receipt{Ref: k, Route: "rename"}
	}
	return results
}

// Delete implements [transport.Deleter].
func (s *Store) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	errs := make([]error, len(refs))
	fo, err := s.open(ctx, "delete", f)
	for i, k := range refs {
		if errs[i] = err; err != nil {
			continue
		}
		path, err := fo.locate(f, k, "delete")
		if err == nil {
			err = os.Remove(path)
		}
		if err = localfile.Error("delete", f, k, err); transport.KindOf(err) != transport.NotFound || err == nil {
			errs[i] = err
		}
	}
	return errs
}
