package main

import (
	"os"
	"runtime/debug"
)

// The heap of a conversion is small and short-lived, so that collecting at
// every doubling costs a third of the time. It may grow further, up to a bound
// that keeps the promise about memory. GOGC and GOMEMLIMIT win.
const (
	gcPercent = 400
	gcLimit   = 40 << 20
)

func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(gcLimit)
	}
}

// shareMemory lowers the bound for mailboxes that are worked on at once: each
// has a ledger open, whose memory the collector does not see.
func shareMemory(jobs int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(gcLimit - min(int64(jobs), 12)<<20)
	}
}
