package trace_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/storetest"
	"github.com/mailconv/mailconv/transport/trace"
)

type locked struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func TestWrappedStorePassesTheSuiteAndIsLogged(t *testing.T) {
	s := mem.New(mem.Options{})
	var out locked
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	storetest.Run(t, storetest.Options{Huge: 1 << 20, Open: func(context.Context) (transport.Source, transport.Sink, error) {
		return trace.Source(s.Reopen(), log), trace.Sink(s.Reopen(), log), nil
	}})
	for _, want := range []string{
		"msg=put folder=twins/twins ref=", "msg=fetch", "items=3 failed=0", "level=WARN", "kind=not-found", `msg="put batch"`, "msg=close",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	if strings.Contains(out.String(), "Subject") {
		t.Error("the log holds bodies")
	}
}
