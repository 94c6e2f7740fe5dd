package migrate_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

// T41: run twice, the second run puts nothing; also with the ledger deleted.
func TestT41SecondRunPutsNothing(t *testing.T) {
	for name, o := range map[string]mem.Options{
		"plain": {}, "one shot, batches": {OneShot: true, BatchOnly: true, BatchItems: 7}, "no refs": {NoRef: true}, "no message ids": {NoMessageID: true},
	} {
		t.Run(name, func(t *testing.T) {
			src, sink := filled(30, o, "Inbox", "A/B", "A/b.c\\/d"), mem.New(o)
			e := newEnv(t, src, sink)
			r := e.ok()
			if r.Copied != 90 || !r.Complete() {
				t.Errorf("%+v", r)
			}
			same(t, "after the first run", src, sink)
			n := puts(sink)
			if r := e.ok(); puts(sink) != n || r.Known != 90 || r.Copied != 0 {
				t.Errorf("second run: %d puts, %+v", puts(sink)-n, r)
			}
			for _, f := range []string{"", ".lock", "-wal", "-shm"} {
				os.Remove(e.path + f)
			}
			if r := e.ok(); puts(sink) != n || r.Present != 90 {
				t.Errorf("without the ledger: %d puts, %+v", puts(sink)-n, r)
			}
			same(t, "after the third run", src, sink)
			if src.Open() != 0 || sink.Open() != 0 {
				t.Errorf("contents left open: %d, %d", src.Open(), sink.Open())
			}
			if s := e.rows(); s[ledger.Copied] != 90 || len(s) != 1 {
				t.Errorf("rows %v", s)
			}
		})
	}
}

func TestSinkThatHeldSomeBefore(t *testing.T) {
	src := filled(10, mem.Options{}, "Inbox")
	sink := mem.New(mem.Options{})
	for i := range 4 {
		sink.Add([]string{"Inbox"}, transport.Meta{}, mail(i))
	}
	sink.Add([]string{"Inbox"}, transport.Meta{}, mail(77))
	e := newEnv(t, src, sink)
	if r := e.ok(); r.Present != 4 || r.Copied != 6 {
		t.Errorf("%+v", r)
	}
	if d := dump(t, sink); len(d) != 11 {
		t.Errorf("%d items", len(d))
	}
}

// Identical mails are a multiset.
func TestThreeIdenticalMails(t *testing.T) {
	for before := range 5 {
		src, sink := mem.New(mem.Options{}), mem.New(mem.Options{})
		for range 3 {
			src.Add([]string{"Inbox"}, transport.Meta{}, mail(1))
		}
		for range before {
			sink.Add([]string{"Inbox"}, transport.Meta{}, mail(1))
		}
		e := newEnv(t, src, sink)
		e.ok()
		e.ok()
		if d := dump(t, sink); len(d) != max(3, before) {
			t.Errorf("%d twins before, %d after", before, len(d))
		}
	}
}

func TestDedupeCopiesOne(t *testing.T) {
	src, sink := mem.New(mem.Options{}), mem.New(mem.Options{BatchItems: 2})
	for range 5 {
		src.Add([]string{"Inbox"}, transport.Meta{}, mail(1))
		src.Add([]string{"Other"}, transport.Meta{}, mail(1))
	}
	src.Add([]string{"Other"}, transport.Meta{}, mail(2))
	e := newEnv(t, src, sink)
	e.o.Dedupe = true
	if r := e.ok(); r.Copied != 2 || r.Duplicate != 9 {
		t.Errorf("%+v", r)
	}
	if d := dump(t, sink); len(d) != 2 {
		t.Errorf("%d items", len(d))
	}
	if r := e.ok(); r.Copied != 0 {
		t.Errorf("%+v", r)
	}
}

// T42: equal headers, different bodies. T44: no Message-ID.
func TestT42T44IdentityIsTheContent(t *testing.T) {
	src, sink := mem.New(mem.Options{}), mem.New(mem.Options{})
	for i := range 4 {
		src.Add([]string{"Inbox"}, transport.Meta{}, fmt.Sprintf("Message-ID: <same@x>\r\nSubject: s\r\n\r\nbody %d\r\n", i))
		src.Add([]string{"Inbox"}, transport.Meta{}, fmt.Sprintf("Subject: no id\r\n\r\nbody %d\r\n", i))
	}
	sink.Add([]string{"Inbox"}, transport.Meta{}, "Message-ID: <same@x>\r\nSubject: s\r\n\r\nbody 2\r\n")
	sink.Add([]string{"Inbox"}, transport.Meta{}, "Subject: no id\r\n\r\nbody 3\r\n")
	e := newEnv(t, src, sink)
	if r := e.ok(); r.Copied != 6 || r.Present != 2 {
		t.Errorf("%+v", r)
	}
	same(t, "bodies", src, sink)
	if r := e.ok(); r.Copied != 0 {
		t.Errorf("%+v", r)
	}
}

// T55: the date of arrival is copied; without one it is that of the topmost
// Received field, else Date.
func TestT55DateOfArrival(t *testing.T) {
	src, sink := &undated{mem.New(mem.Options{})}, mem.New(mem.Options{})
	src.Add([]string{"A"}, transport.Meta{}, "Received: from a by b; Tue, 2 Feb 2021 10:00:00 +0100\r\nReceived: from c by a; Mon, 1 Feb 2021 10:00:00 +0000\r\nDate: Sun, 31 Jan 2021 00:00:00 +0000\r\n\r\n")
	src.Add([]string{"B"}, transport.Meta{}, "Date: Sun, 31 Jan 2021 00:00:00 -0500\r\n\r\n")
	src.Add([]string{"C"}, transport.Meta{}, "Subject: none\r\n\r\n")
	newEnv(t, src, sink).ok()
	got := map[string]time.Time{}
	for f := range sink.Folders(bg) {
		for m := range sink.Items(bg, f, nil) {
			got[f.Name()] = m.Received
		}
	}
	for name, want := range map[string]string{"A": "2021-02-02T09:00:00Z", "B": "2021-01-31T05:00:00Z"} {
		if g := got[name].UTC().Format(time.RFC3339); g != want {
			t.Errorf("%s: %s, want %s", name, g, want)
		}
	}
	if !got["C"].IsZero() {
		t.Errorf("C: %v", got["C"])
	}
}

// T57, T39: a row for each item, and the counts add up.
func TestT57EachItemHasOneRow(t *testing.T) {
	src, sink := filled(20, mem.Options{}, "Inbox"), mem.New(mem.Options{MaxSize: 2000})
	src.Add([]string{"Inbox"}, transport.Meta{}, mail(100)+strings.Repeat("x", 5000))
	src.Add([]string{"Inbox"}, transport.Meta{Received: time.Unix(1, 0)}, mail(101))
	e := newEnv(t, src, sink)
	e.o.Filter.Since = time.Unix(1000, 0)
	r := e.ok()
	if r.Copied != 20 || r.Failed != 1 || r.Skipped != 1 || r.Complete() {
		t.Errorf("%+v", r)
	}
	if s := e.rows(); s[ledger.Copied] != 20 || s[ledger.Failed] != 1 || s[ledger.Skipped] != 1 || len(s) != 3 {
		t.Errorf("%v", s)
	}
	// Another filter: what was left out is looked at again, also when the
	// source only lists changes.
	e.o.Filter.Since = time.Time{}
	if r := e.ok(); r.Copied != 1 || r.Failed != 1 {
		t.Errorf("%+v", r)
	}
}

func TestFolderThatCannotBeListedHasARow(t *testing.T) {
	src, sink := filled(3, mem.Options{}, "Inbox", "Broken"), mem.New(mem.Options{})
	src.SetFolder(transport.Folder{Path: []string{"Broken"}, Err: errOf(transport.Permanent)})
	e := newEnv(t, src, sink)
	r := e.ok()
	if r.Copied != 3 || r.Unlisted != 1 || r.Complete() {
		t.Errorf("%+v", r)
	}
	l, _ := ledger.Read(bg, e.path)
	defer l.Close()
	rows, _ := l.Folders(bg)
	if len(rows) != 2 || rows[0].Error == "" {
		t.Errorf("%+v", rows)
	}
}

func TestFiltersOfFolders(t *testing.T) {
	src, sink := filled(2, mem.Options{}, "Inbox", "Inbox/Sub", "Work", "Work/Old", "[Gmail]/All Mail"), mem.New(mem.Options{})
	e := newEnv(t, src, sink)
	e.o.Filter.Folders, e.o.Filter.Exclude = []string{"inbox", "W*", "[gmail]"}, []string{"work/old"}
	if r := e.ok(); r.Copied != 8 {
		t.Errorf("%+v", r)
	}
	// The folder below Work is not there.
	for f := range sink.Folders(bg) {
		if f.String() == "Work/Old" {
			t.Error("an excluded folder was made")
		}
	}
}
