package pst

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/pst/ltp"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// NID is the identity of a folder or item in its file. It does not change
// while the item stays in the file.
type NID = ndb.NID

// Options of [Open]. A nil pointer is the zero value.
type Options struct {
	// CodePage is the Windows code page of 8-bit strings in objects that do
	// not name their own; 0 is 1252.
	CodePage int
	// Storage reads a compound file, the form of an OLE object. Where it is
	// nil an OLE attachment keeps its bytes as PidTagAttachDataObject.
	Storage func(ctx context.Context, r io.ReaderAt, size int64) (*mapi.Storage, error)
	// ReadProtected tries files with wVer 37; see [ndb.Options].
	ReadProtected bool
}

// A File is an open PST or OST. Its methods may be called by several
// goroutines at once.
type File struct {
	opts  Options
	db    *ndb.File
	close func() error

	store   mapi.Properties
	names   map[uint16]*mapi.Name
	shared  map[mapi.Name]bool // names that several identifiers have
	charset mapi.Charset

	mu       sync.Mutex
	problems mapi.Problems
	told     map[mapi.Problem]struct{}

	rolesOnce sync.Once
	special   special
}

// Open opens a file for reading.
func Open(name string, o *Options) (*File, error) {
	h, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	fi, err := h.Stat()
	if err != nil {
		h.Close()
		return nil, err
	}
	f, err := NewReader(h, fi.Size(), o)
	if err != nil {
		h.Close()
		return nil, err
	}
	f.close = h.Close
	return f, nil
}

// NewReader reads a file of size bytes from r, which stays open as long as the
// File and the messages that come from it are used.
func NewReader(r io.ReaderAt, size int64, o *Options) (*File, error) {
	f := &File{close: func() error { return nil }, told: map[mapi.Problem]struct{}{}}
	if o != nil {
		f.opts = *o
	}
	var err error
	f.db, err = ndb.New(r, size, &ndb.Options{Report: f.problem, ReadProtected: f.opts.ReadProtected})
	if err != nil {
		return nil, err
	}
	cp := f.opts.CodePage
	if cp == 0 {
		cp = codepage.Windows1252
	}
	f.charset, _ = codepage.Get(cp)
	f.names = f.readNames()
	f.shared = sharedNames(f.names)
	f.readStore()
	return f, nil
}

// Close closes the file. Blobs of its messages cannot be opened any more.
func (f *File) Close() error { return f.close() }

// DB is the node database, for who wants to look at single nodes.
func (f *File) DB() *ndb.File { return f.db }

// problem keeps p, once.
func (f *File) problem(p mapi.Problem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, dup := f.told[p]; dup {
		return
	}
	if len(f.told) < mapi.MaxProblems {
		f.told[p] = struct{}{}
	}
	f.problems.Add(p)
}

// Problems is the damage met so far, while opening, listing, reading items and
// reading their blobs: each place once. Problems of an item are also in what
// [File.Item] returns, except those in content that is read later.
func (f *File) Problems() mapi.Problems {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(mapi.Problems(nil), f.problems...)
}

// Info is what a file says of itself.
type Info struct {
	ndb.Header
	// Name is the display name of the message store.
	Name string
	// Password says that the file is marked with a password. It hides
	// nothing: the content is there without it. [MS-PST] 4.2
	Password bool
}

// PasswordNote is what a tool tells of a file with [Info.Password].
const PasswordNote = "the file is marked with a password, which hides nothing: everything in it can be read without it"

// Info describes the file.
func (f *File) Info() Info {
	i := Info{Header: f.db.Header(), Name: f.store.Text(mapi.PidTagDisplayName)}
	if v, ok := f.store.Int(mapi.PidTagPstPassword); ok && v != 0 {
		i.Password = true
	}
	return i
}

// Store is the properties of the message store. [MS-PST] 2.4.3
func (f *File) Store() mapi.Properties { return f.store }

func (f *File) readStore() {
	n, err := f.db.Node(ndb.NIDMessageStore)
	if err == nil {
		var pc *ltp.PC
		if pc, err = ltp.OpenPC(f.db, n); err == nil {
			ps, _, problems := pc.Properties()
			for _, p := range problems {
				f.problem(p)
			}
			f.store = f.resolve(ps, f.charset)
			return
		}
	}
	f.problem(ndb.ProblemOf(err, "message store"))
}

// resolve puts names to named properties and the character set to 8-bit
// strings, in place.
func (f *File) resolve(ps mapi.Properties, cs mapi.Charset) mapi.Properties {
	var taken map[mapi.Name]bool
	for i := range ps {
		p := &ps[i]
		if p.Tag.Named() {
			p.Name = f.names[p.Tag.ID()]
			if p.Name != nil && f.shared[*p.Name] {
				// QUIRK: one name for many identifiers, all of them in one
				// object, which has each name once: the others stay without
				// (corpus pst/aspose.email-for-.net/Outlook.pst).
				if taken[*p.Name] {
					p.Name = nil
				} else {
					if taken == nil {
						taken = map[mapi.Name]bool{}
					}
					taken[*p.Name] = true
				}
			}
		}
		if t := p.Tag.Type(); t.IsString() && t.Elem() == mapi.TypeString8 {
			p.Value = p.Value.WithCharset(cs)
		}
	}
	return ps
}

// charsetOf is the character set of the 8-bit strings of an object.
func charsetOf(ps mapi.Properties, inherited mapi.Charset) mapi.Charset {
	if _, ok := ps.Int(mapi.PidTagMessageCodepage); !ok {
		if _, ok := ps.Int(mapi.PidTagMessageLocaleId); !ok {
			return inherited
		}
	}
	if cs, ok := codepage.Get(codepage.OfMessage(ps)); ok {
		return cs
	}
	return inherited
}

// ErrNotFound is returned for a node that the file does not have.
var ErrNotFound = ndb.ErrNotFound

func notFound(err error) bool { return errors.Is(err, ndb.ErrNotFound) }
