package converters

import (
	"bytes"
	"context"
	"io"
	"iter"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/transport"
)

// icsFormat holds appointments, meetings, tasks and journal entries.
var icsFormat = &Format{
	Name: "ics", Ext: ".ics", Summary: "iCalendar (RFC 5545)", Many: true,
	sniff: func(head []byte, _ string) bool { return beginsWith(head, "BEGIN:VCALENDAR") },
	read: func(ctx context.Context, in *Input, _ *Converter) iter.Seq2[*Item, error] {
		return func(yield func(*Item, error) bool) {
			report := &calendar.ImportReport{}
			problems, losses := 0, 0
			for m, err := range calendar.Messages(ctx, in.R, in.Size, nil, report) {
				if err != nil {
					yield(nil, err)
					return
				}
				it := objectItem(m)
				// The report grows as the sequence goes on.
				it.Problems, it.Losses = report.Problems[problems:], report.Losses[losses:]
				problems, losses = len(report.Problems), len(report.Losses)
				if !yield(it, nil) {
					return
				}
			}
		}
	},
	write: func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
		return writeICS(ctx, it, cv, func(m *mapi.Message) (*calendar.ExportReport, error) {
			return calendar.Export(ctx, w, []*mapi.Message{m}, &calendar.ExportOptions{Losses: cv.Losses})
		})
	},
	together: func(ctx context.Context, w io.Writer, cv *Converter) (func(*Item) error, func() error) {
		cw := calendar.NewWriter(ctx, w, &calendar.ExportOptions{Losses: cv.Losses})
		return func(it *Item) error { return writeICS(ctx, it, cv, cw.Add) }, cw.Close
	},
}

func writeICS(ctx context.Context, it *Item, cv *Converter, write func(*mapi.Message) (*calendar.ExportReport, error)) error {
	return withObject(ctx, it, cv, func(c *transport.Content) error {
		if _, ok := calendar.Part(c.Object); !ok {
			return &NoFormError{"iCalendar", c.Object.Class()}
		}
		rep, err := write(c.Object)
		it.Problems = append(it.Problems, rep.Problems...)
		it.Losses = append(it.Losses, rep.Losses...)
		return err
	})
}

// beginsWith compares the first line without regard to case, a byte order mark
// and blank lines before it.
func beginsWith(head []byte, line string) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\uFEFF")), " \t\r\n")
	return len(head) >= len(line) && bytes.EqualFold(head[:len(line)], []byte(line))
}

func objectItem(m *mapi.Message) *Item {
	return &Item{Content: &transport.Content{Form: transport.FormObject, Object: m}}
}
