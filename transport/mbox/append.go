package mbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/head"
	"github.com/mailconv/mailconv/transport/lineend"
	"github.com/mailconv/mailconv/transport/localfile"
)

// sharedFile is open as long as one of its users is.
type sharedFile struct {
	*os.File
	refs int32
}

func (s *sharedFile) keep() { atomic.AddInt32(&s.refs, 1) }

func (s *sharedFile) drop() error {
	if atomic.AddInt32(&s.refs, -1) == 0 {
		return s.File.Close()
	}
	return nil
}

// journalName is the hidden file that holds the complete length.
func journalName(name string) string {
	return filepath.Join(filepath.Dir(name), ".mailconv-"+strings.TrimPrefix(filepath.Base(name), "."))
}

// journalled reads the complete length of a file that is written to, or was
// when its writer was killed.
func journalled(name string) (int64, bool) {
	data, err := os.ReadFile(journalName(name))
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	// A journal that was cut off in its own making says that nothing was
	// written yet.
	return n, err == nil && n >= 0 && len(data) == journalSize
}

const journalSize = 21

// An appender is a file that is open for writing. end is the complete length.
type appender struct {
	name    string
	file    *os.File
	journal *os.File
	end     int64
	sync    bool
	busy    bool
	used    int64
}

// openAppender opens a file and cuts off what a killed run left.
func openAppender(name string, sync bool) (a *appender, err error) {
	a = &appender{name: name, sync: sync}
	defer func() {
		if err != nil && a.file != nil {
			a.file.Close()
		}
	}()
	if a.file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	st, err := a.file.Stat()
	if err != nil {
		return nil, err
	}
	a.end = st.Size()
	if n, ok := journalled(name); ok && n < a.end {
		if err = a.file.Truncate(n); err != nil {
			return nil, err
		}
		a.end = n
	}
	if a.journal, err = os.OpenFile(journalName(name), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err = a.note(); err == nil && sync {
		err = localfile.SyncDir(filepath.Dir(name))
	}
	return a, err
}

// note writes the complete length.
func (a *appender) note() error {
	if _, err := a.journal.WriteAt(fmt.Appendf(nil, "%020d\n", a.end), 0); err != nil {
		return err
	}
	if a.sync {
		return a.journal.Sync()
	}
	return nil
}

// close leaves a complete file and no journal.
func (a *appender) close() error {
	err := a.file.Truncate(a.end)
	err = errors.Join(err, a.file.Close(), a.journal.Close())
	if err == nil {
		err = os.Remove(a.journal.Name())
	}
	return err
}

// commit makes what was written up to end part of the file.
func (a *appender) commit(end int64) error {
	if a.sync {
		if err := a.file.Sync(); err != nil {
			return err
		}
	}
	a.end = end
	return a.note()
}

// A position writes at the end of what was written so far, committed or not.
type position struct {
	*os.File
	at int64
}

func (p *position) Write(b []byte) (int, error) {
	n, err := p.File.WriteAt(b, p.at)
	p.at += int64(n)
	return n, err
}

// Seek is what lineend asks for when it has widened the lines.
func (p *position) Seek(off int64, _ int) (int64, error) {
	p.at = off
	return off, nil
}

// write puts one mail behind at, and returns the end and the offset of its From
// line.
func (a *appender) write(ctx context.Context, at int64, m transport.Meta, b mapi.Blob) (off, end int64, losses []mapi.Loss, err error) {
	w := &position{a.file, at}
	tail := make([]byte, 2)
	if at > 0 {
		n := min(at, 2)
		if _, err := a.file.ReadAt(tail[2-n:], at-n); err != nil {
			return 0, 0, nil, err
		}
		lines := ""
		switch {
		case tail[1] != '\n':
			lines = "\n\n"
		case tail[0] != '\n' && !a.blankCRLF(at):
			lines = "\n"
		}
		if _, err := w.Write([]byte(lines)); err != nil {
			return 0, 0, nil, err
		}
	}
	off = w.at
	st := lineend.NewStorer(w, off)
	c := &composer{out: st, meta: m}
	if err := localfile.Copy(ctx, c, b); err != nil {
		return 0, 0, nil, err
	}
	added, err := c.close()
	if err == nil {
		err = st.Close()
	}
	if err == nil && added {
		// The byte that says so has a fixed place in the line behind the
		// From line.
		from := int64(len(c.from)) + 1
		first := make([]byte, 1)
		if _, err = a.file.ReadAt(first, off+from-1); err == nil {
			if first[0] == '\r' {
				from++
			}
			_, err = a.file.WriteAt([]byte{endAdded}, off+from+int64(len(markField))+1)
		}
	}
	if t := m.Received; err == nil && !t.IsZero() && !separates(t) {
		losses = append(losses, mapi.Loss{Item: "received date", Reason: mapi.LossStoreOnly, Detail: "a From line has no form for " + t.String()})
	}
	return off, w.at, losses, err
}

// blankCRLF reports whether the file ends with an empty line of CRLF.
func (a *appender) blankCRLF(at int64) bool {
	b := make([]byte, 3)
	if at < 3 {
		return false
	}
	_, err := a.file.ReadAt(b, at-3)
	return err == nil && string(b) == "\n\r\n"
}

// A composer puts the From line and the status lines before a mail, once its
// header is there to name the sender.
type composer struct {
	out   io.Writer
	meta  transport.Meta
	buf   []byte
	from  string
	quote *quoter
}

func (c *composer) Write(p []byte) (int, error) {
	if c.quote == nil {
		from := max(len(c.buf)-3, 0)
		c.buf = append(c.buf, p...)
		if head.End(c.buf, from) < 0 && len(c.buf) < 64<<10 {
			return len(p), nil
		}
		return len(p), c.start()
	}
	return c.quote.Write(p)
}

func (c *composer) start() error {
	block := c.buf
	if i := head.End(block, 0); i >= 0 {
		block = block[:i]
	}
	c.from = formatFrom(sender(head.Parse(block)), c.meta.Received)
	lines := statusLines(c.meta.Flags, c.meta.Keywords)
	first := markField + strconv.Itoa(len(lines)) + string(endKept)
	if t := escapeWord(c.meta.Token); t != "" && len(t) < 500 {
		first += " " + t
	}
	var b bytes.Buffer
	for _, l := range append([]string{c.from, first}, lines...) {
		b.WriteString(l + "\r\n")
	}
	if _, err := c.out.Write(b.Bytes()); err != nil {
		return err
	}
	c.quote = &quoter{w: c.out}
	_, err := c.quote.Write(c.buf)
	c.buf = nil
	return err
}

// close ends the mail: with a line end where it has none, and the empty line
// that a separator stands behind.
func (c *composer) close() (added bool, err error) {
	if c.quote == nil {
		if err := c.start(); err != nil {
			return false, err
		}
	}
	if err := c.quote.Close(); err != nil {
		return false, err
	}
	end := "\r\n"
	if c.quote.any && c.quote.last != '\n' {
		added, end = true, "\r\n\r\n"
	}
	_, err = c.out.Write([]byte(end))
	return added, err
}

func sender(h head.Head) string {
	for _, name := range []string{"return-path", "sender", "from"} {
		for _, a := range header.ParseAddresses(h.Get(name), nil) {
			if spec, ok := header.AddrSpec(a.Addr); ok {
				return spec
			}
		}
	}
	return ""
}
