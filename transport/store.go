package transport

import (
	"context"
	"iter"
	"time"
)

// A Source hands over the items of a store. Its methods may be called by
// several goroutines at once unless the driver's doc says otherwise; sequences
// run in the goroutine that ranges over them, and stop their work when the
// range is left. Errors carry their class, see [KindOf].
type Source interface {
	// Folders lists all folders, parents before children, each once. A folder
	// that cannot be listed is yielded with Folder.Err set; an error of the
	// sequence itself ends it.
	Folders(ctx context.Context) iter.Seq2[Folder, error]

	// Items lists a folder without bodies. A nil cursor means everything; see
	// [Cursor] for later runs. An error that comes with a Key is about that
	// item and the sequence goes on; one without ends it. Listing a folder
	// that does not exist is an error of kind [NotFound].
	Items(ctx context.Context, f Folder, c *Cursor) iter.Seq2[Meta, error]

	// Fetch hands over bodies, in any order. Each key asked for is yielded
	// exactly once, with content or with an error; a key that is gone has an
	// error of kind [NotFound]. want lists the forms that the caller can use,
	// best first; a source hands over the form that it has, whichever that
	// is, and only chooses by want where it has several. It never changes the
	// item (no \Seen).
	Fetch(ctx context.Context, f Folder, keys []Key, want []Form) iter.Seq2[Fetched, error]

	// Close releases the store. A second Close does nothing.
	Close() error
}

// A Sink takes items. Methods may be called by several goroutines at once, but
// at most one Put or PutBatch runs for a folder at a time.
type Sink interface {
	// Accepts lists the forms that the sink takes for such an item, best
	// first; none means that the item has no place here.
	Accepts(m Meta) []Form

	// Ensure makes a folder with all its parents, or finds it, and returns it
	// as the store names it. It does not change a folder that is there. A
	// name that the store cannot hold is escaped reversibly. Folder.New
	// is set where the store made it just now.
	Ensure(ctx context.Context, f Folder) (Folder, error)

	// Put writes one item into a folder that Ensure returned. After an error
	// of kind [Temporary] nothing of the item is there, or [Tracker] finds it.
	// Put reads the content and does not close it.
	Put(ctx context.Context, f Folder, m Meta, c *Content) (Receipt, error)

	// Close flushes and releases the store. A second Close does nothing.
	Close() error
}

// A BatchSink can write many items at once, as one MULTIAPPEND does.
type BatchSink interface {
	Sink
	// BatchLimit is the largest number of items and bytes of one batch.
	BatchLimit() (items int, bytes int64)
	// PutBatch writes items in their order. It returns one result for each
	// item; the error is for a batch of which nothing is known.
	PutBatch(ctx context.Context, f Folder, items []Staged) ([]Result, error)
}

// A FolderNamer can list its folders for less than [Source.Folders] costs.
type FolderNamer interface {
	// FolderNames is Folders without Count and Size.
	FolderNames(ctx context.Context) iter.Seq2[Folder, error]
}

// A FolderMaker can make many folders in the time of one.
type FolderMaker interface {
	// MakeFolders makes those of the folders, and of their parents, that are
	// not there and that nothing stands against. [Sink.Ensure], which is
	// called for each of them afterwards, finds them, or does the rest and
	// tells what is wrong. The error is one of the connection.
	MakeFolders(ctx context.Context, folders []Folder) error
}

// A Tracker can say what arrived in a folder since a moment, so that a run that
// was killed between a Put and its record finds out. Sinks that cannot are
// asked by content instead, over the whole folder.
type Tracker interface {
	// Mark is the present end of the folder (UIDNEXT, an offset, a token).
	Mark(ctx context.Context, f Folder) (string, error)
	// Since lists the items that arrived past a mark, as [Source.Items] does,
	// with Meta.Token where the store keeps it. "" is the beginning of a
	// folder that Ensure said is new.
	Since(ctx context.Context, f Folder, mark string) iter.Seq2[Meta, error]
}

// A Settler is a sink behind a network: what was sent to it may still happen
// there when the connection, or the program that sent it, is gone.
type Settler interface {
	// Settle is how long that may take. A put of unknown outcome of which
	// nothing is to be seen counts as not done only after that time.
	Settle() time.Duration
}

// A FlagChange sets the flags and keywords of one item to exactly these.
type FlagChange struct {
	Ref      Key
	Flags    Flags
	Keywords []string
}

// A FlagSetter changes flags of items that are there.
type FlagSetter interface {
	// SetFlags returns one error, or nil, for each change.
	SetFlags(ctx context.Context, f Folder, changes []FlagChange) []error
}

// A Mover moves items between folders of one store.
type Mover interface {
	// Move returns one result for each item, with its new key where known.
	Move(ctx context.Context, from, to Folder, refs []Key) []Result
}

// A Deleter removes items for good.
type Deleter interface {
	// Delete returns one error, or nil, for each item; one that is not there
	// counts as deleted.
	Delete(ctx context.Context, f Folder, refs []Key) []error
}

// A FolderDeleter removes folders for good.
type FolderDeleter interface {
	// DeleteFolder removes a folder with all that is in it and below it. One
	// that is not there counts as deleted.
	DeleteFolder(ctx context.Context, f Folder) error
}

// A Quota tells what a store still takes.
type Quota interface {
	// Quota is in bytes; limit -1 means none.
	Quota(ctx context.Context) (used, limit int64, err error)
}

// A SizeLimiter tells the largest item that a store takes.
type SizeLimiter interface {
	// MaxSize is in bytes, 0 when there is no limit.
	MaxSize(ctx context.Context) (int64, error)
}

// A Rewriter is a sink that keeps mail as objects and makes its bytes anew when
// they are asked for, as Exchange does. What was put there can only be compared
// by its meaning.
type Rewriter interface {
	Rewrites() bool
}

// A Watcher waits for changes.
type Watcher interface {
	// Watch yields a folder whenever something changed in it, until ctx ends.
	Watch(ctx context.Context, folders []Folder) iter.Seq2[Folder, error]
}

// A Selector is a source in which one item may lie in several folders, as a mail
// with several labels does.
type Selector interface {
	// Select names the folders whose items are wanted. Of an item that is in
	// several of them one hands it over, and the others list it with
	// Meta.Skip. Without a call all folders count.
	Select(folders []Folder)
}

// A Searcher lists the items that match a query in the store's own language.
type Searcher interface {
	Search(ctx context.Context, f Folder, query string) iter.Seq2[Meta, error]
}

// As finds an optional interface on a store, through the wrappers around it. A
// wrapper has a method Unwrap() any, and the methods of those interfaces that
// it has something to add to. They count only where the store itself, which is
// the innermost value, has the interface too.
func As[T any](store any) (T, bool) {
	var first T
	found := false
	for store != nil {
		t, has := store.(T)
		if has && !found {
			first, found = t, true
		}
		u, ok := store.(interface{ Unwrap() any })
		if !ok {
			if has {
				return first, true
			}
			break
		}
		store = u.Unwrap()
	}
	var zero T
	return zero, false
}
