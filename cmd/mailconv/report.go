package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/report"
)

// reportKind reports whether a report can be written under the name.
func reportKind(name string) bool {
	return slices.Contains([]string{".html", ".htm", ".json", ".csv"}, strings.ToLower(filepath.Ext(name)))
}

func writeReports(ctx context.Context, names []string, l *ledger.Ledger) error {
	for _, name := range names {
		if err := report.Write(ctx, name, l); err != nil {
			return err
		}
	}
	return nil
}
