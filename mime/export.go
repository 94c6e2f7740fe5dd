package mime

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mime/header"
)

// ExportOptions are the choices of [Export]. The zero value is right for most
// uses; a nil pointer is the zero value.
type ExportOptions struct {
	// Resolver is asked for SMTP addresses that the message does not hold.
	Resolver Resolver
	// EXMap maps Exchange addresses (legacyExchangeDN, in any case) to SMTP
	// addresses. It is asked before Resolver.
	EXMap map[string]string
	// EncapsulationDomain is the domain of addresses that had to be
	// encapsulated (IMCEAEX-...). The default belongs to nobody.
	EncapsulationDomain string
	// KeepMAPI adds a TNEF part (winmail.dat) with all properties, so that
	// nothing is lost on the way back.
	KeepMAPI bool
	// IgnoreKept writes the message anew even if it holds the bytes of the
	// mail that it was made from (see [Keep]).
	IgnoreKept bool
	// Losses fills ExportReport.Losses with every property that has no form in
	// MIME; without it only lost content is listed.
	Losses bool
	// MaxDepth bounds messages in messages; 0 is 32.
	MaxDepth int
	// Storage makes the compound file of an OLE object. Without it an OLE
	// attachment is written as the native data inside it, where it has some.
	Storage func(ctx context.Context, s *mapi.Storage) (mapi.Blob, error)
}

const defaultMaxDepth = 32

// An ExportReport says what went wrong and what was left behind.
type ExportReport struct {
	Problems mapi.Problems
	Losses   []mapi.Loss
	// Kept says that the bytes of the original mail were given back.
	Kept bool
}

// Export writes m as an Internet mail. [MS-OXCMAIL] 2.1
//
// Attachments and large bodies are streamed; memory does not grow with the
// message. The report is never nil. Damage costs a part at most and is a
// problem in the report; an error means that w or ctx failed and that what was
// written is not a whole mail.
//
// Export does not change m. It may run on one message in several goroutines.
func Export(ctx context.Context, w io.Writer, m *mapi.Message, opt *ExportOptions) (*ExportReport, error) {
	x := &exporter{ctx: ctx, m: m, item: itemKindOf(m), report: new(ExportReport), out: new(output)}
	if opt != nil {
		x.opt = *opt
	}
	if x.opt.EncapsulationDomain == "" {
		x.opt.EncapsulationDomain = defaultEncapsulationDomain
	}
	if x.opt.MaxDepth == 0 {
		x.opt.MaxDepth = defaultMaxDepth
	}
	if len(x.opt.EXMap) > 0 {
		x.exMap = make(map[string]string, len(x.opt.EXMap))
		for k, v := range x.opt.EXMap {
			x.exMap[strings.ToLower(k)] = v
		}
	}
	x.out.w = w
	x.out.s = scratches.Get().(*scratch)
	defer func() {
		if cap(x.hdr.Bytes()) <= bodyHold { // a header of normal size
			scratches.Put(x.out.s)
		}
	}()
	x.hdr = &x.out.s.hdr
	x.boundary = newBoundary(m)
	x.charset, _ = codepage.Get(codepage.OfMessage(m.Props))

	err := x.message()
	if err == nil {
		err = x.out.err
	}
	if err == nil {
		if !x.report.Kept {
			x.out.crlf()
		}
		err = x.out.flush()
	}
	if err == nil {
		err = ctx.Err()
	}
	return x.report, err
}

// An exporter writes one message. Embedded messages have one of their own that
// shares the output and the report.
type exporter struct {
	ctx      context.Context
	m        *mapi.Message
	opt      ExportOptions
	exMap    map[string]string // EXMap by lower-case key
	report   *ExportReport
	out      *output
	hdr      *header.Writer
	boundary *boundary
	charset  mapi.Charset // of PtypString8 in this message
	item     itemKind
	where    string // path of this message from the root, "" at the root
	depth    int
	people   map[string][]header.Address // of the stored header, by field
	buffers  []*bytes.Buffer             // bodies that are being written
}

func (x *exporter) problem(p mapi.Problem) {
	if x.where != "" {
		if p.Where != "" {
			p.Where = x.where + "/" + p.Where
		} else {
			p.Where = x.where
		}
	}
	x.report.Problems.Add(p)
}

// maxLosses bounds the list in a report.
const maxLosses = 10000

func (x *exporter) loss(item string, reason mapi.LossReason, detail string) {
	if len(x.report.Losses) >= maxLosses {
		return
	}
	if x.where != "" {
		item = x.where + "/" + item
	}
	x.report.Losses = append(x.report.Losses, mapi.Loss{Item: item, Reason: reason, Detail: detail})
}

// embedded is the exporter of a message inside this one.
func (x *exporter) embedded(m *mapi.Message, where string) *exporter {
	y := *x
	y.m, y.item = m, itemKindOf(m)
	y.people, y.buffers = nil, nil
	y.depth++
	if y.where != "" {
		where = y.where + "/" + where
	}
	y.where = where
	y.charset, _ = codepage.Get(codepage.OfMessage(m.Props))
	return &y
}

// message writes the whole message: header, empty line, body.
func (x *exporter) message() error {
	defer x.releaseBuffers()
	if !x.opt.IgnoreKept {
		done, err := x.giveBack()
		if done || err != nil {
			return err
		}
	}
	if x.opt.Losses {
		x.listLosses()
	}
	root, err := x.plan()
	if err != nil {
		return err
	}
	return x.write(root)
}

// write writes the message with the part root as its body.
func (x *exporter) write(root *part) error {
	x.hdr.Reset()
	x.headers(root)
	x.partHeaders(root, true)
	if root.raw == nil || !root.raw.hasHeader {
		x.hdr.End()
	}
	put(x.out, x.hdr.Bytes())
	return x.content(root)
}

// giveBack writes the mail that the message was made from, if it is kept and
// nothing has changed since. A message inside another is written anew when its
// bytes could be taken for the structure around it.
func (x *exporter) giveBack() (bool, error) {
	b, err := Kept(x.ctx, x.m)
	if err != nil {
		x.problem(mapi.Problem{Where: NameOriginalMIME.String(), Offset: -1, Detail: "the original mail cannot be read: " + err.Error()})
		return false, x.ctx.Err()
	}
	if b == nil || x.depth > 0 {
		return false, nil
	}
	if err := x.copyBlob(b, NameOriginalMIME.String()); err != nil {
		return true, err
	}
	x.report.Kept = true
	return true, nil
}

// copyBlob writes a blob as it is. A blob that cannot be read is a problem, not
// an error.
func (x *exporter) copyBlob(b mapi.Blob, where string) error {
	r, err := b.Open(x.ctx)
	if err != nil {
		x.unreadable(where, err)
		return x.ctx.Err()
	}
	defer r.Close()
	return x.copyReader(r, where)
}

func (x *exporter) copyReader(r io.Reader, where string) error {
	for {
		n, err := r.Read(x.out.s.in[:])
		put(x.out, x.out.s.in[:n])
		if x.out.err != nil {
			return x.out.err
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			x.unreadable(where, err)
			return x.ctx.Err()
		}
		if err := x.ctx.Err(); err != nil {
			return err
		}
	}
}

func (x *exporter) unreadable(where string, err error) {
	x.problem(mapi.Problem{Severe: true, Where: where, Offset: -1, Detail: fmt.Sprintf("content cannot be read to its end: %v", err)})
}
