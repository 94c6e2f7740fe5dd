package mbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/localfile"
)

// maxOpen is the number of files that are kept open for writing.
const maxOpen = 32

// Accepts implements [transport.Sink].
func (s *Store) Accepts(transport.Meta) []transport.Form {
	return []transport.Form{transport.FormMIME}
}

// occupy gives the appender of a file to one put.
func (s *Store) occupy(path string) (*appender, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.open[path]
	if a == nil {
		for len(s.open) >= maxOpen {
			oldest := ""
			for name, b := range s.open {
				if !b.busy && (oldest == "" || b.used < s.open[oldest].used) {
					oldest = name
				}
			}
			if oldest == "" {
				break
			}
			old := s.open[oldest]
			delete(s.open, oldest)
			if err := old.close(); err != nil {
				return nil, err
			}
		}
		var err error
		if a, err = openAppender(path, !s.o.NoSync); err != nil {
			return nil, err
		}
		s.open[path] = a
	}
	if a.busy {
		return nil, &transport.Error{Kind: transport.Usage, Op: "append", Err: errors.New("two puts into one file at once")}
	}
	s.tick++
	a.busy, a.used = true, s.tick
	return a, nil
}

func (s *Store) release(a *appender) {
	s.mu.Lock()
	a.busy = false
	s.mu.Unlock()
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
func (s *Store) BatchLimit() (items int, bytes int64) { return 200, 64 << 20 }

// PutBatch implements [transport.BatchSink].
func (s *Store) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	if err := s.begin(ctx, "append"); err != nil {
		return nil, err
	}
	path, _, err := s.file("append", f)
	if err != nil {
		return nil, err
	}
	a, err := s.occupy(path)
	if err != nil {
		return nil, localfile.Error("append", f, "", err)
	}
	defer s.release(a)
	results := make([]transport.Result, len(items))
	at := a.end
	var offs []int64
	for i, it := range items {
		offs = append(offs, -1)
		if it.Content.Form != transport.FormMIME || it.Content.MIME == nil {
			results[i].Err = &transport.Error{Kind: transport.Rejected, Op: "append", Folder: f.String(), Err: fmt.Errorf("an mbox takes mail, not the form %q", it.Content.Form)}
			continue
		}
		off, end, losses, err := a.write(ctx, at, it.Meta, it.Content.MIME)
		if err != nil {
			// What was written of it is overwritten by the next, or cut off.
			results[i].Err = localfile.Error("append", f, "", err)
			if terr := a.file.Truncate(at); terr != nil {
				return nil, localfile.Error("append", f, "", terr)
			}
			continue
		}
		results[i].Receipt = transport.Receipt{Route: "append", Losses: losses, Bytes: end - off}
		offs[i], at = off, end
	}
	if err := a.commit(at); err != nil {
		return nil, localfile.Error("append", f, "", err)
	}
	sc := newScanner(a.file, at)
	defer sc.close()
	for i, off := range offs {
		if off < 0 {
			continue
		}
		e, err := sc.entry(ctx, off, RD)
		if err != nil {
			sc.err = nil // it is there; only its key is not known
			continue
		}
		results[i].Receipt.Ref = e.key()
	}
	return results, nil
}

// Mark implements [transport.Tracker]: the complete length.
func (s *Store) Mark(ctx context.Context, f transport.Folder) (string, error) {
	if err := s.begin(ctx, "mark"); err != nil {
		return "", err
	}
	path, _, err := s.file("mark", f)
	if err != nil {
		return "", err
	}
	file, size, err := openLimited(path)
	if err != nil {
		return "", localfile.Error("mark", f, "", err)
	}
	return strconv.FormatInt(size, 10), file.Close()
}

// Since implements [transport.Tracker].
func (s *Store) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	from, _ := strconv.ParseInt(mark, 10, 64)
	return s.items(ctx, f, max(from, 0))
}

// SetFlags implements [transport.FlagSetter]. It can change mails that we put
// here, as long as their keywords find room; other mails are refused, as the
// file would have to be written anew.
func (s *Store) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	errs := make([]error, len(changes))
	err := s.begin(ctx, "store")
	var path string
	if err == nil {
		path, _, err = s.file("store", f)
	}
	var a *appender
	if err == nil {
		a, err = s.occupy(path)
	}
	if err == nil {
		defer s.release(a)
		sc := newScanner(a.file, a.end)
		defer sc.close()
		v := s.variant(sc, path)
		for i, c := range changes {
			errs[i] = localfile.Error("store", f, c.Ref, setFlags(ctx, sc, a, v, f, c))
			sc.err = nil
		}
		if a.sync {
			err = a.file.Sync()
		}
	}
	for i := range errs {
		if err != nil && errs[i] == nil {
			errs[i] = localfile.Error("store", f, changes[i].Ref, err)
		}
	}
	return errs
}

func setFlags(ctx context.Context, sc *scanner, a *appender, v Variant, f transport.Folder, c transport.FlagChange) error {
	off, hash, ok := parseKey(c.Ref)
	if !ok || off >= sc.size {
		return localfile.NoItem("store", f, c.Ref)
	}
	e, err := sc.entry(ctx, off, v)
	if err != nil {
		return err
	}
	if e.hash != hash {
		return localfile.NoItem("store", f, c.Ref)
	}
	refuse := func(why string) error {
		return &transport.Error{Kind: transport.Rejected, Op: "store", Folder: f.String(), Key: c.Ref, Err: errors.New("flags cannot be changed in place: " + why)}
	}
	if !e.known {
		return refuse("the mail was put there by another program")
	}
	// From line, mark, then the lines that are replaced.
	_, at := sc.line(off)
	_, at = sc.line(at)
	var out []byte
	for _, line := range statusLines(c.Flags, c.Keywords) {
		old, next := sc.line(at + int64(len(out)))
		room := len(old) - len(line)
		end := next - (at + int64(len(out))) - int64(len(old))
		if name, _, _ := strings.Cut(line, ":"); !strings.HasPrefix(string(old), name+":") || next > e.Start || end != 1 && end != 2 {
			return refuse("another program changed the status of the mail")
		}
		if room < 0 {
			// Blanks at the end of a line that was longer once are room too.
			if line = strings.TrimRight(line, " "); len(line) > len(old) {
				return refuse("there is no room for so many keywords")
			}
			room = len(old) - len(line)
		}
		out = append(out, line+strings.Repeat(" ", room)...)
		if end == 2 {
			out = append(out, '\r')
		}
		out = append(out, '\n')
	}
	if _, err := a.file.WriteAt(out, at); err != nil {
		return err
	}
	sc.forget()
	return nil
}
