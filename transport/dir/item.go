package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/mime/contact"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// holds reports whether items of a class have a form in a format.
func holds(f Format, class string) bool {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(class))
	if f == VCF {
		return contact.Is(m)
	}
	return calendar.Component(m) != ""
}

// writeItem writes an item as .ics or .vcf, and lists what the form cannot say.
func writeItem(ctx context.Context, w io.Writer, f Format, m *mapi.Message) ([]mapi.Loss, error) {
	if !holds(f, m.Class()) {
		return nil, rejected("an item of the class %s has no form in .%s", m.Class(), f)
	}
	if f == VCF {
		r, err := contact.Export(ctx, w, m, nil)
		if r == nil {
			return nil, err
		}
		return withProblems(r.Losses, r.Problems), err
	}
	r, err := calendar.Export(ctx, w, []*mapi.Message{m}, &calendar.ExportOptions{Losses: true})
	return withProblems(r.Losses, r.Problems), err
}

// withProblems adds what could not be read of the item to what is lost.
func withProblems(list []mapi.Loss, problems mapi.Problems) []mapi.Loss {
	for _, p := range problems {
		if p.Severe {
			list = append(list, mapi.Loss{Item: p.Where, Reason: mapi.LossUnreadable, Detail: p.Detail})
		}
	}
	return list
}

var errMany = errors.New("the file holds several items; convert makes a file of each")

// openItem reads the one item of an .ics or .vcf file.
func openItem(ctx context.Context, f Format, path string) (*transport.Content, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	c, err := readItem(ctx, f, file)
	if err != nil {
		file.Close()
		return nil, err
	}
	c.OnClose = file.Close
	return c, nil
}

func readItem(ctx context.Context, f Format, file *os.File) (*transport.Content, error) {
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	c := &transport.Content{Form: transport.FormObject, Partial: true}
	add := func(m *mapi.Message, problems mapi.Problems, losses []mapi.Loss) error {
		if c.Object != nil {
			return errMany
		}
		c.Object, c.Problems, c.Losses = m, problems, losses
		return nil
	}
	if f == VCF {
		for it, err := range contact.Import(ctx, file, st.Size()) {
			if err != nil {
				return nil, err
			}
			if err := add(it.Message, it.Problems, it.Losses); err != nil {
				return nil, err
			}
		}
	} else {
		report := &calendar.ImportReport{}
		for m, err := range calendar.Messages(ctx, file, st.Size(), nil, report) {
			if err != nil {
				return nil, err
			}
			if err := add(m, nil, nil); err != nil {
				return nil, err
			}
		}
		c.Problems, c.Losses = report.Problems, report.Losses
	}
	if c.Object == nil {
		return nil, fmt.Errorf("there is no item in the file")
	}
	return c, nil
}

// itemMeta reads what the item says. What cannot be read is told by the Fetch,
// with its bytes.
func itemMeta(ctx context.Context, m *transport.Meta, f Format, path string) {
	c, err := openItem(ctx, f, path)
	if err != nil {
		if errors.Is(err, errMany) {
			m.Skip = err.Error()
		}
		return
	}
	defer c.Close()
	of := itemprops.Meta(c.Object.Props)
	m.Class, m.Subject, m.Flags, m.Keywords = of.Class, of.Subject, of.Flags, of.Keywords
}
