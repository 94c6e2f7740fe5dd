package mapihttp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// Accepts implements [transport.Sink]: whole objects.
func (st *Store) Accepts(transport.Meta) []transport.Form {
	return []transport.Form{transport.FormObject}
}

// flagAssociated is the bit of PidTagMessageFlags of associated items.
// [MS-OXCMSG] 2.2.1.6
const flagAssociated = 0x0040

// Put implements [transport.Sink]. The object is written as one FastTransfer
// stream, piece by piece; a small one takes one request. Nothing is kept of a
// message before it is saved.
func (st *Store) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	if c.Form != transport.FormObject || c.Object == nil {
		return transport.Receipt{}, &transport.Error{Kind: transport.Usage, Op: "append", Folder: f.String(), Key: m.Key, Err: errors.New("this store takes objects only")}
	}
	id, err := st.folderID(ctx, "append", f)
	if err != nil {
		return transport.Receipt{}, err
	}
	if c.OneShot {
		// The work may have to be done twice.
		k, err := st.spool.Copy(ctx, c)
		if err != nil {
			return transport.Receipt{}, err
		}
		defer k.Close()
		c = k
	}
	var receipt transport.Receipt
	err = st.run(ctx, "append", func(s *session) error {
		u := &upload{st: st, ctx: ctx, s: s, folder: id}
		defer u.drop()
		receipt, err = u.put(c.Object, m)
		return err
	})
	return receipt, fail("append", f, m.Key, err)
}

// An upload writes one message.
type upload struct {
	st     *Store
	ctx    context.Context
	s      *session
	folder rop.ObjectID

	associated bool
	seen       bool
	change     mapi.Properties // with import=ics, what the message is to be
	message    uint32          // handles, 0 before there are any
	context    uint32
	buf        []byte
	bytes      int64
	id         rop.ObjectID
}

// drop gives back what an upload that broke off holds.
func (u *upload) drop() {
	if u.context != 0 {
		u.s.free(u.context)
	}
	if u.message != 0 {
		u.s.free(u.message)
	}
}

func (u *upload) put(o *mapi.Message, m transport.Meta) (transport.Receipt, error) {
	r := transport.Receipt{Route: "fasttransfer"}
	obj := u.st.adapt(o, m, &r.Losses)
	flags, _ := o.Props.Int(mapi.PidTagMessageFlags)
	u.associated = flags&flagAssociated != 0
	u.seen = m.Flags.Has(transport.Seen)
	if u.st.o.ImportICS {
		if err := u.identify(obj); err != nil {
			return transport.Receipt{}, err
		}
		r.Route = "ics"
	}
	err := fasttransfer.Encode(u.ctx, u, obj, &fasttransfer.EncodeOptions{
		Storage: cfb.StorageBlob,
		Loss:    func(l mapi.Loss) { r.Losses = append(r.Losses, l) },
	})
	if err == nil {
		err = u.save()
	}
	if err != nil {
		return transport.Receipt{}, err
	}
	r.Ref, r.Bytes = keyOf(u.id, normalItem), u.bytes
	if u.associated {
		r.Ref = keyOf(u.id, associatedItem)
	}
	return r, nil
}

// WriteAtom implements [fasttransfer.AtomWriter].
func (u *upload) WriteAtom(b []byte) error {
	if len(u.buf)+len(b) > transferPiece {
		if err := u.flush(); err != nil {
			return err
		}
	}
	u.buf = append(u.buf, b...)
	return nil
}

// Write takes bytes of a value, which may be split.
func (u *upload) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		if len(u.buf) >= transferPiece {
			if err := u.flush(); err != nil {
				return 0, err
			}
		}
		n := min(transferPiece-len(u.buf), len(rest))
		u.buf = append(u.buf, rest[:n]...)
		rest = rest[n:]
	}
	return len(b), nil
}

// begin adds what comes before the next piece, and gives the index of message
// and context.
func (u *upload) begin(b *batch) (message, context uint8, made [2]int) {
	if u.context != 0 {
		return b.put(u.message), b.put(u.context), [2]int{-1, -1}
	}
	if u.change != nil {
		m := u.importChange(b)
		x := b.out(b.index(m), &rop.FastTransferDestinationConfigure{SourceOperation: rop.FromCopyTo})
		return b.index(m), b.index(x), [2]int{m, x}
	}
	m := b.out(b.put(u.s.logon), &rop.CreateMessage{CodePage: rop.LogonCodePage, FolderID: u.folder, Associated: u.associated})
	x := b.out(b.index(m), &rop.FastTransferDestinationConfigure{SourceOperation: rop.FromCopyTo})
	return b.index(m), b.index(x), [2]int{m, x}
}

// piece adds what is in the buffer.
func (u *upload) piece(b *batch, context uint8) int {
	if len(u.buf) == 0 {
		return -1
	}
	return b.in(context, &rop.FastTransferDestinationPutBuffer{Data: u.buf})
}

// check looks at the answers to begin and piece.
func (u *upload) check(b *batch, made [2]int, put int) error {
	for i, n := range made {
		if n < 0 {
			continue
		}
		if err := b.err(n); err != nil {
			return err
		}
		if i == 0 {
			u.message = b.handle(n)
		} else {
			u.context = b.handle(n)
		}
	}
	if put < 0 {
		return nil
	}
	if err := b.err(put); err != nil {
		return rejected(err)
	}
	a, ok := b.result(put).(*rop.FastTransferDestinationPutBufferResult)
	if !ok || int(a.BufferUsedSize) != len(u.buf) {
		return errNotWhole
	}
	u.bytes += int64(len(u.buf))
	u.buf = u.buf[:0]
	return nil
}

var errNotWhole = &transport.Error{Op: "append", Err: errors.New("the server did not take the whole buffer")}

// markRead says anew whether a message was read, as some servers take the state
// of an upload for unread. No receipt goes out.
func markRead(seen bool) *rop.SetMessageReadFlag {
	if seen {
		return &rop.SetMessageReadFlag{ReadFlags: rop.SuppressReceipt}
	}
	return &rop.SetMessageReadFlag{ReadFlags: rop.ClearReadFlag}
}

// notMarked is the error of a mark that could not be set; a server that knows no
// marks is none.
func notMarked(err error) error {
	if c, ok := codeOf(err); ok && c != rop.NotSupported {
		return fmt.Errorf("the message was saved, but not marked as read: %w", err)
	}
	return nil
}

// rejected makes an error of a stream that the server does not take one about
// the item.
func rejected(err error) error {
	if c, ok := codeOf(err); ok && kinds[c] == transport.Permanent {
		return &transport.Error{Kind: transport.Rejected, Op: "append", Err: err}
	}
	return err
}

func (u *upload) flush() error {
	b := u.s.batch("append")
	_, x, made := u.begin(b)
	put := u.piece(b, x)
	if err := b.do(u.ctx); err != nil {
		return err
	}
	return u.check(b, made, put)
}

// save writes the last piece and saves, in one request.
func (u *upload) save() error {
	b := u.s.batch("append")
	m, x, made := u.begin(b)
	put := u.piece(b, x)
	b.in(x, &rop.Release{})
	save := b.two(m, m, &rop.SaveChangesMessage{SaveFlags: rop.KeepOpenReadWrite})
	mark := -1
	if !u.associated {
		mark = b.two(m, m, markRead(u.seen))
	}
	b.in(m, &rop.Release{})
	if err := b.do(u.ctx); err != nil {
		var te *transport.Error
		if errors.As(err, &te) && te.Kind != transport.Auth && !contextLost(err) {
			te.Unsettled = true
		}
		return err
	}
	if err := u.check(b, made, put); err != nil {
		u.forget()
		u.st.undo(u.ctx, u.s, u.folder, b.saved(save))
		return err
	}
	u.forget()
	if err := b.err(save); err != nil {
		return rejected(err)
	}
	u.id = b.saved(save)
	if mark >= 0 {
		return notMarked(b.err(mark))
	}
	return nil
}

// saved is the message that operation n saved, 0 when it did not.
func (b *batch) saved(n int) rop.ObjectID {
	if a, ok := b.result(n).(*rop.SaveChangesMessageResult); ok && b.err(n) == nil {
		return a.MessageID
	}
	return 0
}

// undo deletes a message that was saved although its content did not arrive: the
// server does the operations of one request whatever became of those before.
func (st *Store) undo(ctx context.Context, s *session, folder, id rop.ObjectID) {
	if id == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	b := s.batch("append")
	f := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: folder})
	del := &rop.HardDeleteMessages{}
	del.MessageIDs = []rop.ObjectID{id}
	b.partial(ctx, b.in(b.index(f), del)) //nolint:errcheck // the error of the item is told
}

// forget is for handles that were released in the request itself.
func (u *upload) forget() { u.message, u.context = 0, 0 }

// adapt gives the object that is to be put: as it is, but for flags, keywords,
// the date of arrival and the token, which are as m says, and a request for a
// receipt, which is taken off.
func (st *Store) adapt(o *mapi.Message, m transport.Meta, losses *[]mapi.Loss) *mapi.Message {
	was := itemprops.Meta(o.Props)
	out := &mapi.Message{Props: o.Props.Clone(), Recipients: o.Recipients, Attachments: o.Attachments}
	if m.Received.IsZero() {
		m.Received = was.Received
	}
	if was.Flags != m.Flags || !slices.Equal(was.Keywords, m.Keywords) && len(m.Keywords) > 0 || !was.Received.Equal(m.Received) {
		itemprops.Apply(&out.Props, m)
	}
	if m.Flags.Has(transport.MDNSent) {
		*losses = append(*losses, mapi.Loss{Item: "flag $MDNSent", Reason: mapi.LossStoreOnly, Detail: "Exchange has no mark for it"})
	}
	if m.Flags.Has(transport.Answered | transport.Forwarded) {
		*losses = append(*losses, mapi.Loss{Item: "flag $Forwarded", Reason: mapi.LossStoreOnly, Detail: "Exchange keeps the last of answered and forwarded; answered was taken"})
	}
	if !st.o.KeepReceipts && !m.Flags.Has(transport.Draft) && out.Props.Bool(mapi.PidTagReadReceiptRequested) {
		out.Props.Set(mapi.PidTagReadReceiptRequested, mapi.BoolValue(false))
		*losses = append(*losses, mapi.Loss{Item: "PidTagReadReceiptRequested", Reason: mapi.LossPolicy, Detail: "the request for a read receipt was taken off, so that opening the mail sends none"})
	}
	for _, tag := range assigned {
		if _, ok := out.Props.Get(tag); ok {
			out.Props.Delete(tag)
			*losses = append(*losses, mapi.Loss{Item: tag.Canonical(), Reason: mapi.LossStoreOnly, Detail: "it says where the item was; the new store has its own"})
		}
	}
	if m.Token != "" {
		out.Props.SetName(itemprops.NameToken, mapi.StringValue(m.Token))
	}
	return out
}

// assigned are properties that say where an item is in its store. Source key and
// change key are not among them: they say which item it is.
var assigned = []mapi.Tag{
	mapi.PidTagMid, mapi.PidTagFolderId, mapi.PidTagParentFolderId, mapi.PidTagParentSourceKey, mapi.PidTagEntryId, mapi.PidTagParentEntryId,
}

var _ fasttransfer.AtomWriter = (*upload)(nil)
