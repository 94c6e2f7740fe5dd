package converters

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// joins reports whether all inputs go into one file: there can be many, and Out
// is named like a file of the format to write, which holds many items.
func (b *Batch) joins(inputs []string) bool {
	if b.To == nil || !b.To.Many || b.Out == "" || b.Out == "-" || !strings.EqualFold(filepath.Ext(b.Out), b.To.Ext) {
		return false
	}
	if st, err := os.Stat(b.Out); err == nil && st.IsDir() {
		return false
	}
	if len(inputs) > 1 {
		return true
	}
	st, err := os.Stat(inputs[0])
	return err == nil && st.IsDir()
}

// runJoined converts the inputs one after the other into one file. An item that
// fails costs itself.
func (b *Batch) runJoined(ctx context.Context, jobs []job, cv *Converter) (sum Summary, err error) {
	out, _ := filepath.Abs(b.Out)
	err = b.writeNamed(b.Out, func(w io.Writer) error {
		sticky := &stickyWriter{w: w}
		add, done := b.To.writer(ctx, sticky, cv)
		b.join = add
		defer func() { b.join = nil }()
		for _, j := range jobs {
			if in, _ := filepath.Abs(j.in); in == out {
				continue // what an earlier run wrote is no input
			}
			r := b.convert(ctx, j, cv, nil)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if r.Items > 0 {
				r.Out = []string{b.Out}
			}
			sum.add(&r)
			if b.Done != nil {
				b.Done(r)
			}
		}
		if sum.Items == 0 {
			return errNoItem
		}
		return errors.Join(done(), sticky.err)
	})
	if errors.Is(err, errNoItem) {
		err = nil
	}
	return sum, err
}
