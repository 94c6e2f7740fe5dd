package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/filename"
	"github.com/mailconv/mailconv/transport/head"
	"github.com/mailconv/mailconv/transport/localfile"
)

// Accepts implements [transport.Sink]. A folder of .ics or .vcf files has no
// place for items of classes that have no such form.
func (s *Store) Accepts(m transport.Meta) []transport.Form {
	switch s.o.Format {
	case MSG:
		return []transport.Form{transport.FormObject}
	case ICS, VCF:
		if m.Class != "" && !holds(s.o.Format, m.Class) {
			return nil
		}
		return []transport.Form{transport.FormObject}
	}
	return []transport.Form{transport.FormMIME}
}

// staged is a file that is whole and has no name yet.
type staged struct {
	file *os.File
	line line
	size int64
	loss []mapi.Loss
}

func (st *staged) drop(fo *folder) {
	st.file.Close()
	os.Remove(st.file.Name())
	fo.mu.Lock()
	delete(fo.reserved, strings.ToLower(st.line.Name))
	fo.mu.Unlock()
}

// stage writes the content to a hidden file and chooses the name.
func (s *Store) stage(ctx context.Context, fo *folder, m transport.Meta, c *transport.Content) (st *staged, err error) {
	file, err := localfile.Temp(fo.dir)
	if err != nil {
		return nil, err
	}
	st = &staged{file: file}
	defer func() {
		if err != nil {
			st.drop(fo)
		}
	}()
	subject, received := m.Subject, m.Received
	if s.o.Format != EML {
		if c.Form != transport.FormObject || c.Object == nil {
			return st, rejected("a folder of .%s files takes MAPI objects, not the form %q", s.o.Format, c.Form)
		}
		if s.o.Format == MSG {
			err = writeMSG(ctx, file, c.Object)
		} else {
			st.loss, err = writeItem(ctx, file, s.o.Format, c.Object)
		}
		if err != nil {
			return st, err
		}
		ps := c.Object.Props
		if subject == "" {
			subject = ps.Text(mapi.PidTagSubject)
		}
		if received.IsZero() {
			received = ps.Time(mapi.PidTagMessageDeliveryTime)
		}
	} else {
		if c.Form != transport.FormMIME || c.MIME == nil {
			return st, rejected("a folder of .eml files takes mail, not the form %q", c.Form)
		}
		p := &peek{w: file, short: subject != "" && !received.IsZero()}
		if err = localfile.Copy(ctx, p, c.MIME); err != nil {
			return st, err
		}
		st.line.Raw = p.ended && p.first != '\r'
		if !p.short {
			h := head.Parse(p.head)
			if i := head.End(p.head, 0); i >= 0 {
				h = head.Parse(p.head[:i])
			}
			if subject == "" {
				subject = h.Subject()
			}
			if received.IsZero() {
				received = h.Received()
			}
		}
	}
	if st.size, err = file.Seek(0, io.SeekEnd); err != nil {
		return st, err
	}
	st.line.Put, st.line.Token = true, m.Token
	st.line.Flags, st.line.Keywords = formatFlags(m.Flags), m.Keywords
	if !received.IsZero() {
		st.line.Received = received.UTC()
		if err = os.Chtimes(file.Name(), received, received); err != nil {
			return st, err
		}
	}
	st.line.Name, err = fo.name(date(received), subject, "."+string(s.o.Format))
	return st, err
}

func rejected(format string, args ...any) error {
	return &transport.Error{Kind: transport.Rejected, Op: "append", Err: fmt.Errorf(format, args...)}
}

// writeMSG writes the original bytes where they are at hand.
func writeMSG(ctx context.Context, w io.Writer, m *mapi.Message) error {
	if m.Encoded != nil && m.Encoded.Format == "msg" && m.Encoded.Blob != nil {
		return localfile.Copy(ctx, w, m.Encoded.Blob)
	}
	return msg.Write(ctx, w, m, nil)
}

// maxCounts bounds the names of which the last number is remembered.
const maxCounts = 10000

// name chooses a name that no file has.
func (fo *folder) name(date, subject, ext string) (string, error) {
	base := filename.Clean(date+strings.TrimSpace(subject)+ext, "message"+ext)
	if strings.TrimSpace(subject) == "" {
		base = filename.Clean(date+"no subject"+ext, "message"+ext)
	}
	// A subject may look like another extension; ours is the one that counts.
	stem := strings.TrimRight(strings.TrimSuffix(base, ext), " .")
	fo.mu.Lock()
	defer fo.mu.Unlock()
	n := fo.counts[strings.ToLower(stem)]
	for {
		n++
		name := stem + ext
		if n > 1 {
			name = stem + " (" + strconv.Itoa(n) + ")" + ext
		}
		if fo.reserved[strings.ToLower(name)] {
			continue
		}
		_, err := os.Lstat(filepath.Join(fo.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			if len(fo.counts) >= maxCounts {
				clear(fo.counts)
			}
			fo.counts[strings.ToLower(stem)] = n
			fo.reserved[strings.ToLower(name)] = true
			return name, nil
		}
		if err != nil {
			return "", err
		}
	}
}

// stale is the age of a hidden file that no run can be writing any more.
const stale = 10 * time.Minute

// sweep removes what killed runs left.
func (fo *folder) sweep() {
	fo.mu.Lock()
	defer fo.mu.Unlock()
	if fo.swept {
		return
	}
	fo.swept = true
	_ = eachEntry(fo.dir, func(e fs.DirEntry) bool {
		if name := e.Name(); strings.HasPrefix(name, ".mailconv-") && strings.HasSuffix(name, ".tmp") {
			if st, err := e.Info(); err == nil && time.Since(st.ModTime()) > stale {
				os.Remove(filepath.Join(fo.dir, name))
			}
		}
		return true
	})
}

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
	fo, err := s.folder(ctx, "append", f)
	if err != nil {
		return nil, err
	}
	fo.sweep()
	results := make([]transport.Result, len(items))
	files := make([]*staged, len(items))
	var wg sync.WaitGroup
	gate := make(chan struct{}, 8)
	for i, it := range items {
		st, err := s.stage(ctx, fo, it.Meta, it.Content)
		if err != nil {
			results[i].Err = localfile.Error("append", f, "", err)
			continue
		}
		files[i] = st
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			var err error
			if !s.o.NoSync {
				err = st.file.Sync()
			}
			if cerr := st.file.Close(); err == nil {
				err = cerr
			}
			if err != nil {
				results[i].Err = localfile.Error("append", f, "", err)
				st.drop(fo)
				files[i] = nil
			}
		})
	}
	wg.Wait()
	var lines []line
	for _, st := range files {
		if st != nil {
			lines = append(lines, st.line)
		}
	}
	if len(lines) > 0 {
		err = fo.log.add(!s.o.NoSync, lines...)
	}
	for i, st := range files {
		if st == nil {
			continue
		}
		if err == nil {
			results[i].Err = localfile.Error("append", f, "", os.Rename(st.file.Name(), filepath.Join(fo.dir, st.line.Name)))
		} else {
			results[i].Err = localfile.Error("append", f, "", err)
		}
		if results[i].Err != nil {
			st.drop(fo)
			continue
		}
		fo.mu.Lock()
		delete(fo.reserved, strings.ToLower(st.line.Name))
		fo.mu.Unlock()
		results[i].Receipt = transport.Receipt{Ref: keyOf(st.line.Name), Route: string(s.o.Format), Bytes: st.size, Losses: st.loss}
	}
	if !s.o.NoSync {
		if err := localfile.SyncDir(fo.dir); err != nil {
			return nil, localfile.Error("append", f, "", err)
		}
	}
	return results, nil
}

// Mark implements [transport.Tracker]: the length of the folder's log.
func (s *Store) Mark(ctx context.Context, f transport.Folder) (string, error) {
	fo, err := s.folder(ctx, "mark", f)
	if err != nil {
		return "", err
	}
	n, err := fo.log.mark()
	return strconv.FormatInt(n, 10), localfile.Error("mark", f, "", err)
}

// Since implements [transport.Tracker]. It lists items that we put; files that
// came another way do not appear.
func (s *Store) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		fo, err := s.folder(ctx, "list", f)
		var names []string
		if err == nil {
			from, _ := strconv.ParseInt(mark, 10, 64)
			names, err = fo.log.since(max(from, 0))
		}
		if err != nil {
			yield(transport.Meta{}, localfile.Error("list", f, "", err))
			return
		}
		for _, name := range names {
			m, err := s.meta(ctx, fo, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // the run was killed before the file had its name
			}
			if !yield(m, localfile.Error("list", f, m.Key, err)) {
				return
			}
		}
	}
}

// item is the name of a file that is there.
func (fo *folder) item(op string, f transport.Folder, k transport.Key) (string, error) {
	name := nameOf(k)
	if formatOf(name) == "" {
		return "", localfile.NoItem(op, f, k)
	}
	if _, err := os.Lstat(filepath.Join(fo.dir, name)); err != nil {
		return "", localfile.Error(op, f, k, err)
	}
	return name, nil
}

// SetFlags implements [transport.FlagSetter].
func (s *Store) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	errs := make([]error, len(changes))
	fo, err := s.folder(ctx, "store", f)
	for i, c := range changes {
		if errs[i] = err; err != nil {
			continue
		}
		name, err := fo.item("store", f, c.Ref)
		if err == nil {
			var l line
			if l, _, err = fo.log.get(name); err == nil {
				l.Name, l.Put, l.Flags, l.Keywords = name, false, formatFlags(c.Flags), c.Keywords
				err = fo.log.add(!s.o.NoSync, l)
			}
		}
		errs[i] = localfile.Error("store", f, c.Ref, err)
	}
	return errs
}

// Move implements [transport.Mover].
func (s *Store) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	results := make([]transport.Result, len(refs))
	src, err := s.folder(ctx, "move", from)
	var dst *folder
	if err == nil {
		dst, err = s.folder(ctx, "move", to)
	}
	for i, k := range refs {
		if results[i].Err = err; err == nil {
			results[i].Receipt.Ref, results[i].Err = s.move(ctx, src, dst, from, k)
			results[i].Receipt.Route = "rename"
		}
	}
	return results
}

func (s *Store) move(ctx context.Context, src, dst *folder, from transport.Folder, k transport.Key) (transport.Key, error) {
	name, err := src.item("move", from, k)
	if err != nil {
		return "", err
	}
	fail := func(err error) (transport.Key, error) { return "", localfile.Error("move", from, k, err) }
	m, err := s.meta(ctx, src, name)
	if err != nil {
		return fail(err)
	}
	l, _, err := src.log.get(name)
	if err != nil {
		return fail(err)
	}
	l.Put, l.Received, l.Flags, l.Keywords = true, m.Received, formatFlags(m.Flags), m.Keywords
	ext := filepath.Ext(name)
	if l.Name, err = dst.name("", strings.TrimSuffix(name, ext), ext); err != nil {
		return fail(err)
	}
	if err := dst.log.add(!s.o.NoSync, l); err != nil {
		return fail(err)
	}
	err = os.Rename(filepath.Join(src.dir, name), filepath.Join(dst.dir, l.Name))
	dst.mu.Lock()
	delete(dst.reserved, strings.ToLower(l.Name))
	dst.mu.Unlock()
	if err != nil {
		return fail(err)
	}
	return keyOf(l.Name), nil
}

// Delete implements [transport.Deleter].
func (s *Store) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	errs := make([]error, len(refs))
	fo, err := s.folder(ctx, "delete", f)
	for i, k := range refs {
		if errs[i] = err; err != nil {
			continue
		}
		name := nameOf(k)
		if formatOf(name) == "" {
			continue
		}
		if err := os.Remove(filepath.Join(fo.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs[i] = localfile.Error("delete", f, k, err)
		}
	}
	return errs
}
