package migrate_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

// Copy one store to another, twice, and prove that all is there.
func ExampleRun() {
	ctx := context.Background()
	source, sink := mem.New(mem.Options{}), mem.New(mem.Options{})
	for i := range 3 {
		source.Add([]string{"Posteingang"}, transport.Meta{}, fmt.Sprintf("Subject: mail %d\r\n\r\n", i))
	}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := ledger.Open(ctx, filepath.Join(dir, "state"), ledger.Pair{Source: "mem:a", Sink: "mem:b"})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	for range 2 {
		r, err := migrate.Run(ctx, source, sink, l, migrate.Options{Observer: func(e migrate.Event) {
			if e, ok := e.(migrate.FolderStarted); ok {
				fmt.Println(e.Folder, "->", e.Sink)
			}
		}})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d copied, %d known, complete: %v\n", r.Copied, r.Known, r.Complete())
	}
	v, err := migrate.Verify(ctx, source, sink, &migrate.VerifyOptions{Ledger: l})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d the same by %s, exact: %v\n", v.Same, v.Level, v.Exact())
	// Output:
	// Posteingang -> INBOX
	// 3 copied, 0 known, complete: true
	// Posteingang -> INBOX
	// 0 copied, 3 known, complete: true
	// 3 the same by bytes, exact: true
}
