package ewstest

import (
	"errors"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// ExportItems and UploadItems: whole objects as FastTransfer streams.
// [MS-OXWSBTRF]

// errNoRandomAccess would be a change of the spool.
var errNoRandomAccess = errors.New("ewstest: the spool gives no random access")

func exportItems(c *call) *soapFault {
	c.begin()
	for _, id := range c.body.list("ItemIds") {
		c.message(nil, func() (func() error, error) {
			m, it, err := c.item(id, 0)
			if err != nil {
				return nil, err
			}
			blob, release, eerr := c.encoded(it.Message)
			if eerr != nil {
				return nil, eerr
			}
			return func() error {
				defer release()
				c.w.empty("m:ItemId", "Id", itemID(m, it.Folder, it.Place), "ChangeKey", changeKey(it.Change))
				c.w.open("m:Data")
				if err := c.w.base64(c.ctx, blob); err != nil {
					return err
				}
				c.w.close()
				return nil
			}, nil
		})
	}
	return nil
}

// encoded is an item as it came, if it came as a stream, else as it is written.
func (c *call) encoded(m *mapi.Message) (mapi.Blob, func(), error) {
	if m.Encoded != nil && m.Encoded.Format == "fts" {
		return m.Encoded.Blob, func() {}, nil
	}
	buf := c.s.boxes.Spool().Create()
	release := func() { _ = buf.Close() }
	err := fasttransfer.EncodeItem(c.ctx, buf, m, &fasttransfer.EncodeOptions{Storage: cfb.StorageBlob})
	var blob mapi.Blob
	if err == nil {
		blob, err = buf.Blob()
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return blob, release, nil
}

func uploadItems(c *call) *soapFault {
	c.begin()
	for _, n := range c.body.list("Items") {
		c.message(nil, func() (func() error, error) {
			m, f, err := c.folder(n.child("ParentFolderId").asFolderID(), mailbox.MayCreate)
			if err != nil {
				return nil, err
			}
			msg, uerr := c.decoded(n.child("Data"))
			if uerr != nil {
				return nil, uerr
			}
			it, uerr := c.upload(n, m, f, msg)
			if uerr != nil {
				return nil, asItemFailure(uerr)
			}
			return func() error {
				c.w.empty("m:ItemId", "Id", itemID(m, it.Folder, it.Place), "ChangeKey", changeKey(it.Change))
				return nil
			}, nil
		})
	}
	return nil
}

// asFolderID lets an element of the type FolderIdType pass for a FolderId.
func (n *node) asFolderID() *node {
	if n == nil {
		return nil
	}
	return &node{name: "FolderId", attrs: n.attrs}
}

// upload puts an item where its CreateAction says. [MS-OXWSBTRF] 2.2.5.2
func (c *call) upload(n *node, m *mailbox.Mailbox, f mailbox.Folder, msg *mapi.Message) (mailbox.Item, error) {
	action := n.attr("CreateAction")
	if action == "Update" || action == "UpdateOrCreate" {
		_, old, err := c.item(n.child("ItemId"), mailbox.MayEdit)
		if err == nil {
			return m.Change(old.ID, func(now *mapi.Message) error {
				*now = *msg
				return nil
			})
		}
		if action == "Update" {
			return old, err
		}
	} else if action != "CreateNew" {
		return mailbox.Item{}, fail("ErrorInvalidRequest", "%q is no CreateAction", action)
	}
	return m.Create(c.ctx, f.ID, msg, mailbox.CreateOptions{Owned: true, Associated: boolean(n.attr("IsAssociated"))})
}

// decoded reads Data. The message lies over the bytes, which stay in the spool.
func (c *call) decoded(n *node) (*mapi.Message, error) {
	if n == nil || n.data == nil {
		return nil, fail("ErrorInvalidRequest", "There is no data.")
	}
	blob, err := n.data.blob()
	if err != nil {
		return nil, fail("ErrorInvalidRequest", "The data are not valid base64: %v", err)
	}
	r, err := blob.Open(c.ctx)
	if err != nil {
		return nil, err
	}
	at, ok := r.(io.ReaderAt)
	if !ok {
		return nil, errNoRandomAccess
	}
	msg, problems, err := fasttransfer.Decode(c.ctx, at, blob.Size(), &fasttransfer.Options{Storage: cfb.ReadStorage})
	if err != nil || problems.Severe() {
		text := "The data are corrupt."
		if err != nil {
			text = err.Error()
		} else if len(problems) > 0 {
			text = problems[0].String()
		}
		return nil, fail("ErrorCorruptData", "%s", text)
	}
	return msg, nil
}
