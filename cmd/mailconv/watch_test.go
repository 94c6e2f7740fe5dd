package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport/imap/rehearsal"
)

// lines is a writer that several goroutines may use.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The cut-over of a migration: what is there is copied, what arrives is carried
// over as the old server tells of it, and a signal ends it with the state saved.
func TestWatchCarriesOverWhatArrives(t *testing.T) {
	pair, err := rehearsal.Start(rehearsal.Options{Mails: 12})
	if err != nil {
		t.Fatal(err)
	}
	defer pair.Close()
	t.Setenv("MAILCONV_SRC_PASSWORD", rehearsal.Password)
	t.Setenv("MAILCONV_DST_PASSWORD", rehearsal.Password)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	old, fresh := "imap://zoe@"+pair.Old+"?tls=none", "imap://zoe@"+pair.New+"?tls=none"
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := &lines{}
	code := make(chan int, 1)
	go func() {
		// An hour: only the server's word, IDLE, can be what it listens to.
		code <- run(ctx, []string{"mailconv", "watch", "--every", "1h", "--progress", "none", old, fresh}, stdio{in: strings.NewReader(""), out: out, err: out})
	}()
	wait := func(text string, times int) {
		t.Helper()
		for range 600 {
			if strings.Count(out.String(), text) >= times {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("it does not say %q %d times: %s", text, times, out.String())
	}
	wait("12 copied", 1)
	wait("watching", 1)
	time.Sleep(300 * time.Millisecond) // until it listens; a mail before that is told at once
	if err := pair.Arrive(); err != nil {
		t.Fatal(err)
	}
	wait(" 1 copied", 1)
	wait("watching", 2)
	stop()
	if got := <-code; got != exitInterrupted {
		t.Errorf("it ends with %d: %s", got, out.String())
	}
	checked := &lines{}
	if got := run(t.Context(), []string{"mailconv", "verify", old, fresh}, stdio{in: strings.NewReader(""), out: checked, err: checked}); got != exitOK || !strings.Contains(checked.String(), "13 in the source, 13 in the sink, 13 the same") {
		t.Errorf("verify: %d, %s", got, checked.String())
	}
}
