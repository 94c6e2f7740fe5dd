package mime

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/header"
)

// ImportOptions are the choices of [Import]. The zero value is right for most
// uses; a nil pointer is the zero value.
type ImportOptions struct {
	// Charset is the character set of headers and text that state none and are
	// no UTF-8; nil is Windows-1252.
	Charset mapi.Charset
	// KeepMIME keeps the bytes of the mail in the message, so that [Export]
	// gives them back (see [Keep]).
	KeepMIME bool
	// RTF stores HTML as encapsulated HTML in PidTagRtfCompressed instead of
	// in PidTagHtml, and text beside PidTagBody. [MS-OXRTFEX]
	RTF bool
	// KeepTNEF leaves application/ms-tnef (winmail.dat) as an attachment.
	KeepTNEF bool
	// KeepUUEncode leaves uuencoded files in the text in which they stand.
	KeepUUEncode bool
	// MaxDepth bounds messages in messages; deeper ones stay attachments of
	// type message/rfc822. 0 is 32.
	MaxDepth int
	// MaxParts bounds the parts of a mail; 0 is 10,000.
	MaxParts int
	// Storage reads a compound file, the form of an OLE object inside TNEF.
	Storage func(ctx context.Context, r io.ReaderAt, size int64) (*mapi.Storage, error)
}

// An ImportReport says what was wrong with a mail and what of it has no place
// in a message.
type ImportReport struct {
	Problems mapi.Problems
	Losses   []mapi.Loss
	// Restored says that the message came whole out of the TNEF part that
	// [ExportOptions.KeepMAPI] adds: it is what it was, and wants no additions.
	Restored bool
}

// Import reads the mail in the first size bytes of src as a message.
// [MS-OXCMAIL] 2.2
//
// No mail is refused: whatever cannot be understood is kept as text or as an
// attachment, with a problem in the report, which is never nil. An error means
// that src or ctx failed. Bodies and attachments above [mapi.InlineLimit] are
// blobs over src, which must stay readable as long as the message is used.
//
// The header block of the mail is kept in PidTagTransportMessageHeaders: every
// field, in order, repeated ones too, with its folds. Line ends are CRLF, and
// bytes that are not ASCII are read as UTF-8 or, where a field is no UTF-8, in
// the character set of the options.
//
// A date that the mail does not state stays absent. A mail with neither Date
// nor Received is marked as unsent.
func Import(ctx context.Context, src io.ReaderAt, size int64, opt *ImportOptions) (*mapi.Message, *ImportReport, error) {
	r := &ImportReport{}
	im := &importer{ctx: ctx, report: r}
	if opt != nil {
		im.opt = *opt
	}
	if im.opt.MaxDepth <= 0 {
		im.opt.MaxDepth = defaultMaxDepth
	}
	e, err := im.parse(src, size)
	if err != nil {
		return nil, r, err
	}
	m := im.message(e)
	if err := ctx.Err(); err != nil {
		return nil, r, err
	}
	if im.opt.KeepMIME {
		if err := Keep(ctx, m, mapi.Section{R: src, N: size}); err != nil {
			return nil, r, err
		}
	}
	return m, r, nil
}

// An importer reads one mail; a mail inside it has one of its own that shares
// the report.
type importer struct {
	ctx    context.Context
	opt    ImportOptions
	report *ImportReport
	where  string // path of this mail from the root, "" at the root
	depth  int

	m      *mapi.Message
	bodies bodySet
	refs   []pendingInline
	names  int  // attachments that got a name
	whole  bool // the message is complete as it is
	item   importedItem
}

func (im *importer) parse(src io.ReaderAt, size int64) (*entity.Entity, error) {
	e, err := entity.Parse(src, size, &entity.Options{Charset: im.opt.Charset, MaxParts: im.opt.MaxParts})
	if err != nil {
		return nil, err
	}
	for _, p := range e.Problems {
		im.problem(p)
	}
	return e, nil
}

func (im *importer) problem(p mapi.Problem) {
	if im.where != "" {
		p.Where = strings.TrimSuffix(im.where+"/"+p.Where, "/")
	}
	im.report.Problems.Add(p)
}

func (im *importer) loss(item string, reason mapi.LossReason, detail string) {
	if len(im.report.Losses) >= maxLosses {
		return
	}
	if im.where != "" {
		item = im.where + "/" + item
	}
	im.report.Losses = append(im.report.Losses, mapi.Loss{Item: item, Reason: reason, Detail: detail})
}

// where names a part in problems and losses.
func whereOf(e *entity.Entity) string {
	if s := e.Path(); s != "" {
		return "part " + s
	}
	return ""
}

// message reads a mail: header, then structure. [MS-OXCMAIL] 2.2.3
func (im *importer) message(e *entity.Entity) *mapi.Message {
	im.m = &mapi.Message{Props: make(mapi.Properties, 0, 56)}
	im.class("IPM.Note")
	im.headers(e)
	im.structure(e)
	im.finish()
	return im.m
}

func (im *importer) class(s string) { im.m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(s)) }

// embedded reads a mail inside this one.
func (im *importer) embedded(e *entity.Entity, where string) *mapi.Message {
	in := &importer{ctx: im.ctx, opt: im.opt, report: im.report, depth: im.depth + 1, where: where}
	if im.where != "" {
		in.where = im.where + "/" + where
	}
	return in.message(e)
}

// structure chooses how the body is read. [MS-OXCMAIL] 2.2.3.3
func (im *importer) structure(e *entity.Entity) {
	switch {
	case im.smime(e):
	case e.MediaType == "multipart/report" && im.reportMail(e):
	case !im.opt.KeepTNEF && im.tnef(e):
	default:
		im.walk(e, inMixed)
	}
}

// finish sets what depends on the whole message.
func (im *importer) finish() {
	im.report.Restored = im.whole
	if im.whole {
		return
	}
	ps := &im.m.Props
	im.setBodies()
	im.joinItem()
	im.markInline()
	flags, _ := ps.Int(mapi.PidTagMessageFlags)
	if len(im.m.Attachments) > 0 {
		flags |= flagHasAttach
	}
	ps.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(flags)))
	ps.Set(mapi.PidTagHasAttachments, mapi.BoolValue(len(im.m.Attachments) > 0))
	for i, a := range im.m.Attachments {
		a.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(int32(i)))
	}
	im.displayLists()
}

// Bits of PidTagMessageFlags. [MS-OXCMSG] 2.2.1.6
const (
	flagRead      = 0x01
	flagUnsent    = 0x08
	flagHasAttach = 0x10
)

// text sets a string property unless the text is empty.
func (im *importer) text(tag mapi.Tag, s string) {
	if s != "" {
		im.m.Props.Set(tag, mapi.StringValue(s))
	}
}

// canonicalHeader is the header block of a mail as text with CRLF line ends.
// The separator line of an mbox is the store's, not the mail's.
func canonicalHeader(fields header.Fields, def mapi.Charset) string {
	var b strings.Builder
	size := 0
	for i := range fields {
		size += len(fields[i].Raw)
	}
	b.Grow(size + size/16)
	for i := range fields {
		raw := fields[i].Raw
		if fields[i].Name == "" && header.IsFromLine(raw) {
			continue
		}
		line := strings.TrimRight(decodeRaw(raw, def), "\r\n")
		for line != "" {
			n := strings.IndexAny(line, "\r\n")
			if n < 0 {
				b.WriteString(line)
				break
			}
			b.WriteString(line[:n])
			// What follows a line end is a continuation.
			line = strings.TrimLeft(line[n:], "\r\n")
			b.WriteString("\r\n")
			if line != "" && line[0] != ' ' && line[0] != '\t' {
				b.WriteByte(' ')
			}
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// decodeRaw reads bytes of a header without touching encoded words. NUL is
// dropped: it would end the text for other programs.
func decodeRaw(raw []byte, def mapi.Charset) string {
	s := ""
	if utf8.Valid(raw) {
		s = string(raw)
	} else {
		if def == nil || def.CodePage() == codepage.UTF8 {
			def, _ = codepage.Get(codepage.Windows1252)
		}
		s, _ = def.Decode(raw)
	}
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

func quote(s string) string { return fmt.Sprintf("%q", s[:min(len(s), 100)]) }
