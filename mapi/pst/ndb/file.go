package ndb

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/mailconv/mailconv/mapi"
)

// ErrNotFound is returned where a node or block is in none of the trees.
var ErrNotFound = errors.New("not in the tree")

// Options of [New]. A nil pointer is the zero value.
type Options struct {
	// Report is told of damage as it is met, each place once. It may be
	// called by any goroutine that reads. Nil drops what it would be told.
	Report func(mapi.Problem)
	// ReadProtected tries files with wVer 37 whose bCryptMethod is one that
	// can be read. Without it they are refused, as their data may be
	// encrypted by Windows Information Protection.
	ReadProtected bool
}

// A File is an open node database. It may be used by several goroutines.
type File struct {
	*core
	// scope is told of damage too; see [File.Scope].
	scope func(mapi.Problem)
	// left is how many bytes the scope may still hold of limit; a limit of 0
	// is none.
	left, limit int64
}

// core is what all scopes of a file share.
type core struct {
	r      io.ReaderAt
	size   int64
	header Header
	l      *Layout
	report func(mapi.Problem)

	pages    *cache[int64, *page]
	blocks   *cache[BID, block]
	lists    *cache[BID, partList]
	nbt, bbt tree

	seenMu sync.Mutex
	seen   map[int64]struct{} // offsets already reported

	salvageOnce sync.Once
	salvaged    map[pageKey]int64

	bbtDamaged atomic.Bool
	blocksOnce sync.Once
	found      []foundBlock

	leafPages  []int64
	formerOnce sync.Once
	former     map[NID]Node
	freeSpace  atomic.Bool // blocks in free space count
}

// Scope is a view of the same file that tells report, too, of the damage in
// the blocks that are read through it, also when it was met before. Blobs
// made through it do not report to it. A scope is used by one goroutine.
//
// A limit that is not 0 bounds the bytes of blocks and values that are held
// for the scope: what is beyond it is [mapi.ErrTooLarge]. Deflated blocks and
// values that are named again and again would else make much of little.
func (f *File) Scope(report func(mapi.Problem), limit int64) *File {
	return &File{core: f.core, scope: report, left: limit, limit: limit}
}

// Reserve takes n bytes of what the scope may hold, for a value that can be
// read later just as well. It is false when more than half is taken: the rest
// is for blocks, without which nothing can be read.
func (f *File) Reserve(n int64) bool { return f.reserve(n, f.limit/2) }

// reserve takes n bytes, if spare bytes remain.
func (f *File) reserve(n, spare int64) bool {
	if f.limit == 0 {
		return true
	}
	if f.left-n < spare {
		return false
	}
	f.left -= n
	return true
}

// Cache sizes, in bytes of one generation. The caches together stay below
// 7 MiB.
const (
	pageCacheBytes  = 2 << 20
	blockCacheBytes = 1 << 20
	listCacheBytes  = 512 << 10
)

// New opens a file of size bytes. It reads the header and the roots of both
// trees and nothing else. The error is a [*mapi.FormatError] when the file is
// no PST, or of a kind that cannot be read.
func New(r io.ReaderAt, size int64, o *Options) (*File, error) {
	if o == nil {
		o = &Options{}
	}
	f := &File{core: &core{
		r: r, size: size, report: o.Report,
		pages:  newCache[int64, *page](pageCacheBytes),
		blocks: newCache[BID, block](blockCacheBytes),
		lists:  newCache[BID, partList](listCacheBytes),
		seen:   map[int64]struct{}{},
	}}
	if f.report == nil {
		f.report = func(mapi.Problem) {}
	}
	if err := f.readHeader(o); err != nil {
		return nil, err
	}
	return f, nil
}

// Header is the header of the file.
func (f *File) Header() Header { return f.header }

// Layout is the sizes of the file's kind.
func (f *File) Layout() *Layout { return f.l }

// Size is the size of the file in bytes.
func (f *File) Size() int64 { return f.size }

// maxReported bounds the memory for offsets that were reported.
const maxReported = 4 * mapi.MaxProblems

// damage reports p, once for each offset, and to the scope.
func (f *File) damage(p mapi.Problem) {
	if f.scope != nil {
		f.scope(p)
	}
	if p.Offset >= 0 {
		f.seenMu.Lock()
		_, dup := f.seen[p.Offset]
		if !dup && len(f.seen) < maxReported {
			f.seen[p.Offset] = struct{}{}
		}
		f.seenMu.Unlock()
		if dup {
			return
		}
	}
	f.report(p)
}

// broken is an error about the bytes at off. Where what is the structure.
func broken(where string, off int64, field, spec, format string, args ...any) *mapi.FormatError {
	return &mapi.FormatError{Format: "pst", Problem: mapi.Problem{
		Severe: true, Where: where, Offset: off, Field: field,
		Detail: fmt.Sprintf(format, args...), Spec: "[MS-PST] " + spec,
	}}
}

// ProblemOf is the error as a problem of its own: that of a
// [*mapi.FormatError] in it, or its text. Where is put before the place.
func ProblemOf(err error, where string) mapi.Problem {
	var fe *mapi.FormatError
	p := mapi.Problem{Severe: true, Offset: -1, Detail: err.Error()}
	if errors.As(err, &fe) {
		p = fe.Problem
		p.Severe = true
	}
	switch {
	case p.Where == "" || p.Where == where:
		p.Where = where
	case where != "":
		p.Where = where + ": " + p.Where
	}
	return p
}

// readAt fills b from the file at off.
func (f *File) readAt(b []byte, off int64) error {
	if off < 0 || off > f.size-int64(len(b)) {
		return io.ErrUnexpectedEOF
	}
	n, err := f.r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
