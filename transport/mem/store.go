package mem

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/spool"
)

// Options say how the store behaves. The zero value is a simple store without
// limits.
type Options struct {
	// OneShot hands over bodies that can be opened once, and only until the
	// next item is pulled.
	OneShot bool
	// BatchOnly refuses Put; everything goes through PutBatch.
	BatchOnly bool
	// BatchItems and BatchBytes bound a batch; 0 is 50 items, 8 MiB.
	BatchItems int
	BatchBytes int64
	// Latency is the wait of each round trip: a listing, a Fetch, a Put, a
	// PutBatch.
	Latency time.Duration
	// Forms are what the store accepts, best first; nil takes both.
	Forms []transport.Form
	// MaxSize is the largest item, Limit the quota in bytes; 0 is none.
	MaxSize, Limit int64
	// NoKeywords makes the store drop keywords, which it reports.
	NoKeywords bool
	// NoRef leaves Receipt.Ref empty, as a server without UIDPLUS does.
	NoRef bool
	// NoMessageID leaves Meta.MessageID empty in listings.
	NoMessageID bool
}

// A Store is one connection to the data; [Store.Reopen] gives another. All
// methods may be called by several goroutines at once.
type Store struct {
	o Options
	d *data

	mu     sync.Mutex
	closed bool
}

// data is what all connections share.
type data struct {
	spool *spool.Spool

	mu       sync.Mutex
	folders  map[string]*folder // by JoinPath
	counter  int64
	modseq   int64
	used     int64
	calls    map[string]int
	bodies   int // contents handed over and not closed
	validity uint32
}

type folder struct {
	transport.Folder
	validity uint32
	next     uint32
	items    []*item // by uid
	gone     []gone
	busy     bool // a put is running
}

type gone struct {
	uid    uint32
	object string
	modseq int64
}

// An item never changes; a new flag makes a new item.
type item struct {
	uid     uint32
	modseq  int64
	meta    transport.Meta
	content *transport.Content
	size    int64
}

// New makes an empty store.
func New(o Options) *Store {
	return &Store{o: o, d: &data{
		spool: spool.New(math.MaxInt64, ""), folders: map[string]*folder{}, calls: map[string]int{}, validity: 1,
	}}
}

// Reopen gives a connection of its own to the same data, also when s is closed.
func (s *Store) Reopen() *Store { return &Store{o: s.o, d: s.d} }

// With is [Store.Reopen] with other options.
func (s *Store) With(o Options) *Store { return &Store{o: o, d: s.d} }

// Close closes this connection; the data stays.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Calls tells how often a method was called over all connections.
func (s *Store) Calls(method string) int {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return s.d.calls[method]
}

// Open tells how many contents were handed over and not closed yet.
func (s *Store) Open() int {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return s.d.bodies
}

// begin is what every round trip does first.
func (s *Store) begin(ctx context.Context, method string) error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return &transport.Error{Kind: transport.Usage, Op: method, Err: errors.New("the store is closed")}
	}
	s.d.mu.Lock()
	s.d.calls[method]++
	s.d.mu.Unlock()
	if s.o.Latency > 0 {
		t := time.NewTimer(s.o.Latency)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
	return ctx.Err()
}

// find is called with the lock held.
func (d *data) find(op string, f transport.Folder) (*folder, error) {
	if fo := d.folders[f.String()]; fo != nil {
		return fo, nil
	}
	return nil, &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Err: errors.New("there is no such folder")}
}

func (fo *folder) key(uid uint32) transport.Key {
	return transport.Key(fmt.Sprintf("%d.%d", fo.validity, uid))
}

// item finds an item by its key.
func (fo *folder) item(k transport.Key) (int, bool) {
	v, u, _ := strings.Cut(string(k), ".")
	if v != strconv.FormatUint(uint64(fo.validity), 10) {
		return 0, false
	}
	uid, err := strconv.ParseUint(u, 10, 32)
	if err != nil {
		return 0, false
	}
	return slices.BinarySearchFunc(fo.items, uint32(uid), func(i *item, uid uint32) int { return cmp.Compare(i.uid, uid) })
}

func (fo *folder) notFound(op string, k transport.Key) error {
	return &transport.Error{Kind: transport.NotFound, Op: op, Folder: fo.String(), Key: k, Err: errors.New("there is no such item")}
}

// ResetValidity gives all items of a folder new keys, as a server does that
// lost its index: UIDVALIDITY changes.
func (s *Store) ResetValidity(path ...string) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if fo := s.d.folders[transport.JoinPath(path)]; fo != nil {
		s.d.validity++
		fo.validity, fo.gone = s.d.validity, nil
		for i, it := range fo.items {
			n := *it
			n.uid = uint32(i + 1)
			fo.items[i] = &n
		}
		fo.next = uint32(len(fo.items) + 1)
	}
}

// SetFolder changes what the store says of a folder (role, class, count, an
// error), and makes it when it is not there.
func (s *Store) SetFolder(f transport.Folder) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	fo := s.d.ensure(f)
	f.ID, f.Path = fo.ID, fo.Path
	fo.Folder = f
}

// Rename moves a folder, without those below it, to another path; its ID stays.
func (s *Store) Rename(from, to []string) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if fo := s.d.folders[transport.JoinPath(from)]; fo != nil {
		delete(s.d.folders, fo.String())
		fo.Path = slices.Clone(to)
		s.d.folders[fo.String()] = fo
	}
}
