package mapihttptest

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/spool"
)

// A download is a FastTransfer source: a stream that is read in pieces.
// [MS-OXCFXICS] 3.2.5.8.1
type download struct{ *pieces }

func (d *download) close() { d.pieces.close() }

// piecesOf is the stream that write writes.
func piecesOf(write func(w *fasttransfer.Writer) error) *pieces {
	return newPieces(func(ctx context.Context, w io.Writer) error {
		return write(fasttransfer.NewWriter(ctx, w, &fasttransfer.EncodeOptions{PlainString8: true, Storage: cfb.StorageBlob}))
	})
}

func begin(x *execution, write func(w *fasttransfer.Writer) error) { x.put(&download{piecesOf(write)}) }

func doCopyTo(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r := body.(*rop.FastTransferSourceCopyTo)
	m, ok := in.(*messageObject)
	if !ok {
		return nil, rop.NotSupported
	}
	sent := without(m.names, m.msg, r.Excluded)
	if r.Level != 0 {
		sent.Recipients, sent.Attachments = nil, nil
	}
	begin(x, func(w *fasttransfer.Writer) error { return w.MessageContent(sent) })
	return nil, nil
}

// without is a message less some properties; those of its lists stand for the
// lists.
func without(n *names, m *mapi.Message, tags []mapi.Tag) *mapi.Message {
	out := *m
	out.Props = m.Props.Clone()
	for _, tag := range tags {
		switch tag.ID() {
		case mapi.PidTagMessageRecipients.ID():
			out.Recipients = nil
		case mapi.PidTagMessageAttachments.ID():
			out.Attachments = nil
		default:
			out.Props = slices.DeleteFunc(out.Props, func(p mapi.Property) bool {
				if p.Name != nil {
					return n.id(*p.Name, false) == tag.ID()
				}
				return p.Tag.ID() == tag.ID()
			})
		}
	}
	return &out
}

func doCopyMessages(x *execution, f *folderObject, r *rop.FastTransferSourceCopyMessages) (rop.Body, error) {
	var items []mailbox.Item
	for _, id := range r.MessageIDs {
		it, ok := f.box.At(mailbox.ItemID(id.Counter()))
		if !ok || it.Folder != f.id && it.DeletedFrom != f.id {
			// What is gone is left out, as a client finds by counting.
			continue
		}
		items = append(items, it)
	}
	begin(x, func(w *fasttransfer.Writer) error {
		for _, it := range items {
			start := fasttransfer.StartMessage
			if it.Associated {
				start = fasttransfer.StartFAIMsg
			}
			// QUIRK: the identifier is what tells the messages apart; a real
			// server sends it too. [MS-OXCFXICS] 2.2.4.3.13
			m := *it.Message
			m.Props = it.Message.Props.Clone()
			m.Props.Set(mapi.PidTagMid, messageID(it.Place).Value())
			if err := errors.Join(w.Marker(start), w.MessageContent(&m), w.Marker(fasttransfer.EndMessage)); err != nil {
				return err
			}
		}
		return nil
	})
	return nil, nil
}

func doGetBuffer(x *execution, d *download, r *rop.FastTransferSourceGetBuffer) (rop.Body, error) {
	want := int(r.BufferSize)
	if r.BufferSize == rop.LongCount {
		want = int(r.MaximumBufferSize)
	}
	if want = min(want, x.room()-32); want <= 0 {
		return nil, rop.BufferTooSmall
	}
	b, done, err := d.next(want)
	if err != nil {
		return nil, err
	}
	res := &rop.FastTransferSourceGetBufferResult{TransferStatus: rop.TransferPartial, InProgressCount: 1, TotalStepCount: 2, Data: b}
	if done {
		res.TransferStatus, res.InProgressCount = rop.TransferDone, 2
	}
	return res, nil
}

// An upload is a FastTransfer destination. Its stream is read when the client
// releases it. [MS-OXCFXICS] 3.2.5.8.2
type upload struct {
	x     *Server
	into  *messageObject
	list  *folderObject // of CopyMessages
	buf   *spool.Buffer
	ended bool
}

func doDestinationConfigure(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r := body.(*rop.FastTransferDestinationConfigure)
	u := &upload{x: x.c.s, buf: x.c.s.boxes.Spool().Create()}
	switch o := in.(type) {
	case *messageObject:
		if r.SourceOperation != rop.FromCopyTo && r.SourceOperation != rop.FromCopyProperties {
			return nil, rop.NotSupported
		}
		u.into = o
	case *folderObject:
		if r.SourceOperation != rop.FromCopyMessages {
			return nil, rop.NotSupported
		}
		if err := o.may(x, o.id, mailbox.MayCreate); err != nil {
			return nil, err
		}
		u.list = o
	default:
		return nil, rop.NotSupported
	}
	x.put(u)
	return nil, nil
}

func (u *upload) write(b []byte) (int, error) { return u.buf.Write(b) }

func doPutBuffer(_ *execution, u *upload, r *rop.FastTransferDestinationPutBuffer) (rop.Body, error) {
	n, err := u.write(r.Data)
	return &rop.FastTransferDestinationPutBufferResult{TransferStatus: rop.TransferPartial, TotalStepCount: 1, BufferUsedSize: uint16(n)}, err
}

func doPutBufferExtended(_ *execution, u *upload, r *rop.FastTransferDestinationPutBufferExtended) (rop.Body, error) {
	n, err := u.write(r.Data)
	return &rop.FastTransferDestinationPutBufferExtendedResult{TransferStatus: rop.TransferPartial, TotalStepCount: 1, BufferUsedSize: uint16(n)}, err
}

// close reads the stream that came.
func (u *upload) close() {
	if u.ended {
		return
	}
	u.ended = true
	err := u.read(context.Background())
	if err != nil && u.into != nil {
		u.into.broken = err
	}
}

func (u *upload) read(ctx context.Context) error {
	blob, err := u.buf.Blob()
	if err != nil {
		return err
	}
	// It stays open: large values are read from it later.
	r, err := blob.Open(ctx)
	if err != nil {
		return err
	}
	at, ok := r.(io.ReaderAt)
	if !ok {
		return errors.New("mapihttptest: the spool gives no random access")
	}
	l := fasttransfer.NewLexer(ctx, at, blob.Size(), &fasttransfer.Options{Storage: cfb.ReadStorage})
	if u.into != nil {
		m, err := l.MessageContent()
		if err != nil {
			return err
		}
		return errors.Join(ended(l), u.into.take(m))
	}
	for {
		e, err := l.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !e.IsMarker(fasttransfer.StartMessage, fasttransfer.StartFAIMsg) {
			return errUpload
		}
		m, err := l.MessageContent()
		if err != nil {
			return err
		}
		if end, err := l.Next(); err != nil || !end.IsMarker(fasttransfer.EndMessage) {
			return errors.Join(errUpload, err)
		}
		m.Props.Delete(mapi.PidTagMid)
		fai := e.IsMarker(fasttransfer.StartFAIMsg)
		if _, err := u.list.box.Create(ctx, u.list.id, m, mailbox.CreateOptions{Associated: fai, Owned: true}); err != nil {
			return err
		}
	}
}

func ended(l *fasttransfer.Lexer) error {
	if _, err := l.Peek(); err != io.EOF {
		return errors.Join(errUpload, err)
	}
	for _, p := range l.Problems() {
		if p.Severe {
			return errUpload
		}
	}
	return nil
}

// take puts what was uploaded into the message: its properties replace those of
// the same tag, its lists replace those that it has.
func (m *messageObject) take(up *mapi.Message) error {
	for _, p := range up.Props {
		switch {
		case p.Name != nil:
			m.msg.Props.SetName(*p.Name, p.Value)
		case p.Tag == fasttransfer.MetaTagFXDelProp:
		default:
			m.msg.Props.Set(p.Tag, p.Value)
		}
	}
	if len(up.Recipients) > 0 {
		m.msg.Recipients = up.Recipients
	}
	if len(up.Attachments) > 0 {
		m.msg.Attachments = up.Attachments
	}
	return nil
}
