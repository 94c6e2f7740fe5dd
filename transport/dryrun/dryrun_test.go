package dryrun_test

import (
	"context"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dryrun"
	"github.com/mailconv/mailconv/transport/fault"
	"github.com/mailconv/mailconv/transport/mem"
)

func TestNothingIsWritten(t *testing.T) {
	ctx := context.Background()
	s := mem.New(mem.Options{MaxSize: 100})
	inbox := transport.Folder{Path: []string{"Inbox"}}
	k := s.Add(inbox.Path, transport.Meta{}, "Subject: x\r\n\r\n")
	ops := map[string]int{}
	// Through another wrapper, to see that nothing slips past.
	snk := fault.New().Sink(dryrun.Sink(s, func(a dryrun.Action) { ops[a.Op]++ }))
	f, err := snk.Ensure(ctx, transport.Folder{Path: []string{"New"}})
	if err != nil {
		t.Fatal(err)
	}
	c := &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes("Subject: y\r\n\r\n")}
	if _, err := snk.Put(ctx, f, transport.Meta{}, c); err != nil {
		t.Error(err)
	}
	big := &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(make([]byte, 101))}
	if _, err := snk.Put(ctx, f, transport.Meta{}, big); transport.KindOf(err) != transport.TooLarge {
		t.Errorf("an item too large: %v", err)
	}
	b, _ := transport.As[transport.BatchSink](snk)
	if r, err := b.PutBatch(ctx, f, []transport.Staged{{Content: c}, {Content: c}}); err != nil || len(r) != 2 {
		t.Error(r, err)
	}
	fs, _ := transport.As[transport.FlagSetter](snk)
	fs.SetFlags(ctx, inbox, []transport.FlagChange{{Ref: k, Flags: transport.Seen}})
	mv, _ := transport.As[transport.Mover](snk)
	mv.Move(ctx, inbox, f, []transport.Key{k})
	d, _ := transport.As[transport.Deleter](snk)
	d.Delete(ctx, inbox, []transport.Key{k})
	fd, _ := transport.As[transport.FolderDeleter](snk)
	fd.DeleteFolder(ctx, inbox)
	for op, n := range map[string]int{"create": 1, "put": 3, "flags": 1, "move": 1, "delete": 1, "delete folder": 1} {
		if ops[op] != n {
			t.Errorf("%s: planned %d times, not %d", op, ops[op], n)
		}
	}
	for f := range s.Folders(ctx) {
		for m := range s.Items(ctx, f, nil) {
			if f.String() != "Inbox" || m.Flags != 0 {
				t.Errorf("there is %v in %s", m, f)
			}
		}
	}
	if s.Calls("Ensure")+s.Calls("Put")+s.Calls("PutBatch")+s.Calls("Delete")+s.Calls("DeleteFolder")+s.Calls("Move")+s.Calls("SetFlags") != 0 {
		t.Error("the store was written to")
	}
}
