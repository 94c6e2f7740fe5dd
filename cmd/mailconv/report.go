package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
)

// reportWriters are the forms of a report, by extension.
var reportWriters = map[string]func(context.Context, io.Writer, *ledger.Ledger) error{}

func reportKind(name string) bool {
	_, ok := reportWriters[strings.ToLower(filepath.Ext(name))]
	return ok
}

func writeReports(ctx context.Context, names []string, l *ledger.Ledger) error {
	for _, name := range names {
		write := reportWriters[strings.ToLower(filepath.Ext(name))]
		if err := converters.WriteFile(name, func(w io.Writer) error { return write(ctx, w, l) }); err != nil {
			return fmt.Errorf("report %s: %w", name, err)
		}
	}
	return nil
}
