package contact

import (
	"context"
	"fmt"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/vcard"
)

// ExportOptions says how a card is written. The zero value and nil are the
// defaults.
type ExportOptions struct {
	// Version is [vcard.V21], [vcard.V30] or [vcard.V40]; "" is 3.0, which
	// [MS-OXVCARD] writes and all programs read.
	Version string
}

// An ExportReport is what happened to one message.
type ExportReport struct {
	// Problems is what could not be read of the message.
	Problems mapi.Problems
	// Losses is what the card does not say.
	Losses []mapi.Loss
}

// Export writes a contact or a distribution list as one card. Cards written
// one behind the other are a .vcf file. It fails when [Is] is false, when w
// does, or when content cannot be read.
func Export(ctx context.Context, w io.Writer, m *mapi.Message, opt *ExportOptions) (*ExportReport, error) {
	version := vcard.V30
	if opt != nil && opt.Version != "" {
		version = opt.Version
	}
	vw, err := vcard.NewWriter(w, version)
	if err != nil {
		return nil, err
	}
	if !Is(m) {
		return nil, fmt.Errorf("contact: a message of the class %q is no contact and no distribution list", m.Class())
	}
	c, report := ToCard(ctx, m, version)
	return report, vw.Write(ctx, c)
}

// ToCard makes the lines of a card, for a version.
func ToCard(ctx context.Context, m *mapi.Message, version string) (*vcard.Card, *ExportReport) {
	x := &exporter{ctx: ctx, m: m, g: &generator{m: m, version: versionOf(version), labels: hasLabel(m.Props)}}
	x.g.message()
	x.noteLine()
	for _, a := range m.Attachments {
		if isPhoto(a) {
			x.g.lines = append(x.g.lines, photoLine(ctx, a))
			break
		}
	}
	restore(ctx, x.g)
	x.listLosses()
	return &vcard.Card{Version: version, Lines: x.g.lines}, &ExportReport{Problems: x.problems, Losses: x.g.losses}
}

type exporter struct {
	ctx      context.Context
	m        *mapi.Message
	g        *generator
	problems mapi.Problems
}

// message makes the lines of a message of either class.
func (g *generator) message() {
	if isClass(g.m, classDistList) {
		g.group()
		return
	}
	g.contact()
}
