package migrate

import (
	"context"
	"os"
	"path/filepath"

	"github.com/mailconv/mailconv/converters/ledger"
)

// scratchLedger is a ledger that is gone when the work is done: what has to be
// remembered of a million items is not kept in memory.
func scratchLedger(ctx context.Context) (*ledger.Ledger, func(), error) {
	dir, err := os.MkdirTemp("", "mailconv-*")
	if err != nil {
		return nil, nil, err
	}
	l, err := ledger.Open(ctx, filepath.Join(dir, "scratch"), ledger.Pair{})
	if err != nil {
		os.RemoveAll(dir)
		return nil, nil, err
	}
	return l, func() {
		l.Close()
		os.RemoveAll(dir)
	}, nil
}
