package fasttransfer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailconv/mailconv/mapi"
)

// Decode reads one message of size bytes: the data of ExportItems, or a bare
// stream whose root is messageContent or a message with its markers. Large
// values are blobs over r, which must stay open as long as they are used. The
// message keeps the data of ExportItems as [mapi.Encoded] "fts" where nothing of
// them was lost.
//
// Damage does not stop it: what could be read is returned together with the
// problems found. The error is a [mapi.FormatError] when nothing could be read,
// or that of ctx or of reading r.
func Decode(ctx context.Context, r io.ReaderAt, size int64, opts *Options) (*mapi.Message, mapi.Problems, error) {
	item, problems, err := openItem(ctx, r, size)
	if err != nil {
		return nil, nil, err
	}
	src, n := r, size
	if item != nil {
		src, n = item, item.size
	}
	l := NewLexer(ctx, src, n, opts)
	l.problems = append(problems, l.problems...)
	if e, err := l.Peek(); err == nil && e.IsMarker(StartMessage, StartFAIMsg) {
		l.Next()
	}
	m, err := l.MessageContent()
	var fe *mapi.FormatError
	if errors.As(err, &fe) && (len(m.Props) > 0 || len(m.Recipients) > 0 || len(m.Attachments) > 0) {
		l.problems.Add(fe.Problem)
		err = nil
	}
	if err != nil {
		return nil, nil, err
	}
	if len(m.Props) == 0 && len(m.Recipients) == 0 && len(m.Attachments) == 0 {
		if e, err := l.Peek(); err == nil && e.Marker != 0 {
			return nil, nil, &mapi.FormatError{Format: "fts", Problem: mapi.Problem{
				Severe: true, Unsupported: true, Offset: e.Offset,
				Field: "root", Detail: fmt.Sprintf("the stream starts with %v; it is not one message", e.Marker), Spec: "[MS-OXCFXICS] 2.2.4.2",
			}}
		}
	}
	l.rest()
	if item != nil && !l.problems.Severe() {
		m.Encoded = &mapi.Encoded{Format: "fts", Blob: mapi.Section{R: r, N: size}}
	}
	return m, l.problems, nil
}

// rest notes what follows the message.
func (l *Lexer) rest() {
	if e, err := l.Peek(); err == nil && e.Marker == EndMessage {
		l.Next()
	}
	if e, err := l.Peek(); err == nil {
		l.problem(true, e.Offset, "root", "2.2.4.2", "%v follows the message; what is there is not read", e.Marker)
	}
}

// MessageContent reads a messageContent (or, after IncrSyncMessage, the propList
// and messageChildren of a messageChangeFull): properties, recipients,
// attachments. It ends before the first element that is not part of it, and
// returns what it has together with an error. [MS-OXCFXICS] 2.2.4.3.16
func (l *Lexer) MessageContent() (*mapi.Message, error) { return l.messageContent(0) }

func (l *Lexer) messageContent(depth int) (*mapi.Message, error) {
	m := &mapi.Message{}
	outer := l.path
	for {
		e, err := l.Peek()
		if err == io.EOF {
			return m, nil
		}
		if err != nil {
			return m, err
		}
		switch e.Marker {
		case 0:
			l.Next()
			l.take(&m.Props, e)
			continue
		case StartRecip:
			l.Next()
			r := &mapi.Recipient{}
			m.Recipients = append(m.Recipients, r)
			l.path = fmt.Sprintf("%srecipient %d/", outer, len(m.Recipients)-1)
			err = l.recipient(r)
		case NewAttach:
			l.Next()
			a := &mapi.Attachment{}
			m.Attachments = append(m.Attachments, a)
			l.path = fmt.Sprintf("%sattachment %d/", outer, len(m.Attachments)-1)
			err = l.attachment(a, depth)
		case FXErrorInfo:
			// The rest of the object was not given. [MS-OXCFXICS] 2.2.4.3.4
			l.Next()
			_, err = l.Properties()
			l.problem(true, e.Offset, "FXErrorInfo", "2.2.4.3.4", "the server could not give the rest of this message")
		default:
			return m, nil
		}
		if err != nil {
			return m, err
		}
		l.path = outer
	}
}

// take adds a property, or heeds a meta-property.
func (l *Lexer) take(ps *mapi.Properties, e Element) {
	p := e.Property
	if p.Name != nil || !isMeta(p.Tag) {
		*ps = append(*ps, p)
		return
	}
	if p.Tag == MetaTagEcWarning {
		n, _ := p.Value.Int()
		l.problem(true, e.Offset, "MetaTagEcWarning", "2.2.4.1.5.2", "the server warns with 0x%08X: something of this object is not in the stream", uint32(n))
	}
	// MetaTagFXDelProp tells the receiver of a copy to empty its own lists,
	// and MetaTagDnPrefix is to be ignored; a message that is read has neither.
}

func (l *Lexer) recipient(r *mapi.Recipient) error {
	for {
		e, err := l.Peek()
		if err == io.EOF {
			return l.damage(l.c.Pos(), "EndToRecip", errMissing)
		}
		if err != nil {
			return err
		}
		if e.Marker != 0 && e.Marker != EndToRecip {
			l.problem(false, e.Offset, "EndToRecip", "2.2.4.2", "%v in a recipient; EndToRecip is missing", e.Marker)
			return nil
		}
		l.Next()
		if e.Marker == EndToRecip {
			return nil
		}
		l.take(&r.Props, e)
	}
}

var errMissing = errors.New("the stream ends before it")

func (l *Lexer) attachment(a *mapi.Attachment, depth int) error {
	for {
		e, err := l.Peek()
		if err == io.EOF {
			return l.damage(l.c.Pos(), "EndAttach", errMissing)
		}
		if err != nil {
			return err
		}
		switch e.Marker {
		case 0:
			l.Next()
			if e.Property.Name == nil && e.Property.Tag == mapi.PidTagAttachDataObject && l.storage(a, e) {
				continue
			}
			l.take(&a.Props, e)
		case StartEmbed:
			l.Next()
			if depth+1 > maxDepth {
				return l.damage(e.Offset, "StartEmbed", fmt.Errorf("messages are nested deeper than %d", maxDepth))
			}
			a.Embedded, err = l.messageContent(depth + 1)
			if err != nil {
				return err
			}
			if err := l.end(EndEmbed); err != nil {
				return err
			}
		case EndAttach:
			l.Next()
			return nil
		default:
			l.problem(false, e.Offset, "EndAttach", "2.2.4.2", "%v in an attachment; EndAttach is missing", e.Marker)
			return nil
		}
	}
}

// end consumes a closing marker, or notes that it is not there.
func (l *Lexer) end(m Marker) error {
	e, err := l.Peek()
	switch {
	case err == io.EOF:
		return l.damage(l.c.Pos(), m.String(), errMissing)
	case err != nil:
		return err
	case e.Marker == m:
		l.Next()
		return nil
	}
	l.problem(false, e.Offset, m.String(), "2.2.4.2", "%v in its place", e.Marker)
	return nil
}

// storage takes an OLE object apart where that can be done.
func (l *Lexer) storage(a *mapi.Attachment, e Element) bool {
	if l.opts.Storage == nil || a.Storage != nil {
		return false
	}
	b := e.Property.Value.Blob()
	var r io.ReaderAt
	switch b := b.(type) {
	case mapi.Bytes:
		rc, _ := b.Open(l.ctx)
		r, _ = rc.(io.ReaderAt)
	case mapi.Section:
		r = io.NewSectionReader(b.R, b.Off, b.N)
	}
	if r == nil {
		return false
	}
	s, err := l.opts.Storage(l.ctx, r, b.Size())
	if err != nil {
		l.problem(false, e.Offset, "PidTagAttachDataObject", "2.2.4.3.1", "the compound file of an OLE object cannot be read, it is kept as it is: %v", err)
		return false
	}
	a.Storage = s
	return true
}
