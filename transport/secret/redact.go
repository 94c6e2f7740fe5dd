package secret

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// mask stands where a secret was.
const mask = "***"

// shortest is the length from which on a secret is masked: shorter ones would
// mask half of every text.
const shortest = 4

// A Redactor masks secrets, as they are and in the forms in which they travel
// (URL, base64). It may be used by several goroutines at once.
type Redactor struct {
	mu   sync.RWMutex
	list []string
	rep  *strings.Replacer
}

// Add makes a secret known.
func (r *Redactor) Add(secret string) {
	if len(secret) < shortest {
		return
	}
	forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	// In a longer text base64 depends on where the secret begins.
	for skip := range 3 {
		enc := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", skip) + secret))
		from, to := (skip*8+5)/6, (len(secret)+skip)*8/6
		if part := enc[from:to]; len(part) >= 6 {
			forms = append(forms, part)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range forms {
		if !slices.Contains(r.list, f) {
			r.list = append(r.list, f)
		}
	}
	// The longest first, so that no part of one is left.
	slices.SortFunc(r.list, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, f := range r.list {
		pairs = append(pairs, f, mask)
	}
	r.rep = strings.NewReplacer(pairs...)
}

// String masks the secrets in a text.
func (r *Redactor) String(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.rep == nil {
		return s
	}
	return r.rep.Replace(s)
}

// Writer masks what is written to w. A secret that is written in two pieces is
// not seen; lines are to be written whole.
func (r *Redactor) Writer(w io.Writer) io.Writer { return &writer{r, w} }

type writer struct {
	r *Redactor
	w io.Writer
}

func (w *writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.w, w.r.String(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Handler masks what goes to h: messages, attributes, and what is in them.
func (r *Redactor) Handler(h slog.Handler) slog.Handler { return &handler{r, h} }

type handler struct {
	r *Redactor
	h slog.Handler
}

func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.h.Enabled(ctx, l) }

func (h *handler) Handle(ctx context.Context, rec slog.Record) error {
	out := slog.NewRecord(rec.Time, rec.Level, h.r.String(rec.Message), rec.PC)
	rec.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.r.attr(a))
		return true
	})
	return h.h.Handle(ctx, out)
}

func (h *handler) WithAttrs(list []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(list))
	for i, a := range list {
		clean[i] = h.r.attr(a)
	}
	return &handler{h.r, h.h.WithAttrs(clean)}
}

func (h *handler) WithGroup(name string) slog.Handler { return &handler{h.r, h.h.WithGroup(name)} }

func (r *Redactor) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		v = slog.StringValue(r.String(v.String()))
	case slog.KindGroup:
		var list []slog.Attr
		for _, g := range v.Group() {
			list = append(list, r.attr(g))
		}
		v = slog.GroupValue(list...)
	case slog.KindAny:
		// As text, when it says a secret.
		if text := fmt.Sprintf("%+v", v.Any()); r.String(text) != text {
			v = slog.StringValue(r.String(text))
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}
