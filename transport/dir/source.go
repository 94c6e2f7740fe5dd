package dir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailconv/mailconv/msg"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/head"
	"github.com/mailconv/mailconv/transport/itemprops"
	"github.com/mailconv/mailconv/transport/lineend"
	"github.com/mailconv/mailconv/transport/localfile"
)

// keyOf is the file's name. One that is no clean text is told in hex.
func keyOf(name string) transport.Key {
	clean := utf8.ValidString(name)
	for _, r := range name {
		clean = clean && r >= ' ' && r != 0x7F
	}
	if !clean {
		return transport.Key(fmt.Sprintf("%%!%x", name))
	}
	return transport.Key(name)
}

// nameOf reads a key; "" is no key of a folder.
func nameOf(k transport.Key) string {
	s := string(k)
	if hex, ok := strings.CutPrefix(s, "%!"); ok {
		var b []byte
		if _, err := fmt.Sscanf(hex, "%x", &b); err != nil {
			return ""
		}
		s = string(b)
	}
	if strings.ContainsAny(s, "/\\\x00") || strings.HasPrefix(s, ".") {
		return ""
	}
	return s
}

// Items implements [transport.Source]. The order is that of the file system.
func (s *Store) Items(ctx context.Context, f transport.Folder, _ *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		fo, err := s.folder(ctx, "list", f)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		stop := false
		err = eachEntry(fo.dir, func(e fs.DirEntry) bool {
			if err = ctx.Err(); err != nil {
				return false
			}
			if strings.HasPrefix(e.Name(), ".") || e.IsDir() {
				return true
			}
			m, merr := s.meta(ctx, fo, e.Name())
			if errors.Is(merr, fs.ErrNotExist) {
				return true // deleted meanwhile
			}
			stop = !yield(m, localfile.Error("list", f, m.Key, merr))
			return !stop
		})
		if !stop && err == nil {
			err = ctx.Err()
		}
		if !stop && err != nil {
			yield(transport.Meta{}, localfile.Error("list", f, "", err))
		}
	}
}

// meta reads what the folder's log, the file's attributes and the item itself
// say, in this order of trust.
func (s *Store) meta(ctx context.Context, fo *folder, name string) (transport.Meta, error) {
	m := transport.Meta{Key: keyOf(name), Size: -1}
	path := filepath.Join(fo.dir, name)
	st, err := os.Stat(path)
	if err != nil {
		return m, err
	}
	m.Size = st.Size()
	switch format := formatOf(name); {
	case !st.Mode().IsRegular():
		m.Skip = "not a file"
	case format == EML:
		err = mailMeta(&m, path)
	case format == MSG:
		// What cannot be read is told by the Fetch, with its bytes.
		objectMeta(&m, path)
	case format == ICS || format == VCF:
		itemMeta(ctx, &m, format, path)
	default:
		m.Skip = "not an .eml, .msg, .ics or .vcf file"
	}
	if err != nil || m.Skip != "" {
		return m, err
	}
	if m.Received.IsZero() {
		m.Received = st.ModTime()
	}
	l, ok, err := fo.log.get(name)
	if ok {
		m.Flags, m.Keywords, m.Token = l.flags(), l.Keywords, l.Token
		if !l.Received.IsZero() {
			m.Received = l.Received
		}
	}
	m.Received = m.Received.UTC()
	return m, err
}

func mailMeta(m *transport.Meta, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h, err := head.Read(f)
	m.Subject, m.MessageID, m.Received = h.Subject(), h.MessageID(), h.Received()
	return err
}

func objectMeta(m *transport.Meta, path string) {
	f, err := msg.Open(path, nil)
	if err != nil {
		return
	}
	defer f.Close()
	of := itemprops.Meta(f.Message.Props)
	m.Class, m.Subject, m.MessageID, m.Received, m.Flags, m.Keywords = of.Class, of.Subject, of.MessageID, of.Received, of.Flags, of.Keywords
}

// Fetch implements [transport.Source].
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		fo, err := s.folder(ctx, "fetch", f)
		if err != nil {
			yield(transport.Fetched{}, err)
			return
		}
		for _, k := range keys {
			if err := ctx.Err(); err != nil {
				yield(transport.Fetched{}, err)
				return
			}
			fe := transport.Fetched{Key: k}
			fe.Content, fe.Err = s.content(ctx, fo, f, k)
			if transport.Canceled(fe.Err) {
				yield(transport.Fetched{}, fe.Err)
				return
			}
			if !yield(fe, nil) {
				return
			}
		}
	}
}

func (s *Store) content(ctx context.Context, fo *folder, f transport.Folder, k transport.Key) (*transport.Content, error) {
	name := nameOf(k)
	format := formatOf(name)
	path := filepath.Join(fo.dir, name)
	st, err := os.Stat(path)
	if format == "" || err == nil && !st.Mode().IsRegular() || errors.Is(err, fs.ErrNotExist) {
		return nil, localfile.NoItem("fetch", f, k)
	}
	if err != nil {
		return nil, localfile.Error("fetch", f, k, err)
	}
	whole := localfile.Blob{Path: path, N: st.Size()}
	if format == EML {
		l, _, err := fo.log.get(name)
		if err != nil {
			return nil, localfile.Error("fetch", f, k, err)
		}
		if l.Raw {
			return &transport.Content{Form: transport.FormMIME, MIME: whole}, nil
		}
		b, err := lineend.Load(ctx, whole)
		if err != nil {
			return nil, localfile.Error("fetch", f, k, err)
		}
		return &transport.Content{Form: transport.FormMIME, MIME: b}, nil
	}
	if format == ICS || format == VCF {
		c, err := openItem(ctx, format, path)
		if err != nil {
			return &transport.Content{Form: transport.FormMIME, MIME: whole}, &transport.Error{Kind: transport.Permanent, Op: "fetch", Folder: f.String(), Key: k, Err: err}
		}
		return c, nil
	}
	file, err := msg.Open(path, nil)
	if err != nil {
		raw := &transport.Content{Form: transport.FormMIME, MIME: whole}
		return raw, &transport.Error{Kind: transport.Permanent, Op: "fetch", Folder: f.String(), Key: k, Err: err}
	}
	return &transport.Content{Form: transport.FormObject, Object: file.Message, Problems: file.Problems, OnClose: file.Close}, nil
}

// date is what a name begins with, "" when there is none.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15.04.05 ")
}

// peek keeps the beginning of what passes, and how its first line ends.
type peek struct {
	w     io.Writer
	short bool // the beginning is not wanted
	head  []byte
	first byte // '\r' or another byte before the first LF
	ended bool
	last  byte
}

func (p *peek) Write(b []byte) (int, error) {
	if room := head.Limit - len(p.head); !p.short && room > 0 && head.End(p.head, 0) < 0 {
		p.head = append(p.head, b[:min(room, len(b))]...)
	}
	if !p.ended && len(b) > 0 {
		switch i := bytes.IndexByte(b, '\n'); {
		case i > 0:
			p.first, p.ended = b[i-1], true
		case i == 0:
			p.first, p.ended = p.last, true
		}
		p.last = b[len(b)-1]
	}
	return p.w.Write(b)
}
