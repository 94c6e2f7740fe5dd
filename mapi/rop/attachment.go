package rop

import "github.com/mailconv/mailconv/mapi/internal/wire"

// GetAttachmentTable opens the table of a message's attachments.
// [MS-OXCROPS] 2.2.6.17.1
type GetAttachmentTable struct{ TableFlags uint8 }

func (*GetAttachmentTable) ROP() ID              { return IDGetAttachmentTable }
func (r *GetAttachmentTable) code(c *wire.Coder) { c.Uint8(&r.TableFlags) }

// GetValidAttachments asks for the numbers of a message's attachments.
// [MS-OXCROPS] 2.2.6.18.1
type GetValidAttachments struct{ empty }

func (*GetValidAttachments) ROP() ID { return IDGetValidAttachments }

// GetValidAttachmentsResult is its answer. [MS-OXCROPS] 2.2.6.18.2
type GetValidAttachmentsResult struct{ AttachmentIDs []uint32 }

func (r *GetValidAttachmentsResult) code(c *wire.Coder) { c.Uint32s(&r.AttachmentIDs, 2) }

// OpenAttachment opens an attachment by its number. [MS-OXCROPS] 2.2.6.12.1
type OpenAttachment struct {
	OpenModeFlags uint8
	AttachmentID  uint32
}

func (*OpenAttachment) ROP() ID { return IDOpenAttachment }

func (r *OpenAttachment) code(c *wire.Coder) {
	c.Uint8(&r.OpenModeFlags)
	c.Uint32(&r.AttachmentID)
}

// CreateAttachment makes an attachment. [MS-OXCROPS] 2.2.6.13.1
type CreateAttachment struct{ empty }

func (*CreateAttachment) ROP() ID { return IDCreateAttachment }

// CreateAttachmentResult is its answer. [MS-OXCROPS] 2.2.6.13.2
type CreateAttachmentResult struct{ AttachmentID uint32 }

func (r *CreateAttachmentResult) code(c *wire.Coder) { c.Uint32(&r.AttachmentID) }

// DeleteAttachment deletes an attachment of the message in In.
// [MS-OXCROPS] 2.2.6.14.1
type DeleteAttachment struct{ AttachmentID uint32 }

func (*DeleteAttachment) ROP() ID              { return IDDeleteAttachment }
func (r *DeleteAttachment) code(c *wire.Coder) { c.Uint32(&r.AttachmentID) }

// SaveChangesAttachment saves the attachment in In; Out is the handle of its
// message. [MS-OXCROPS] 2.2.6.15.1
type SaveChangesAttachment struct{ SaveFlags uint8 }

func (*SaveChangesAttachment) ROP() ID              { return IDSaveChangesAttachment }
func (r *SaveChangesAttachment) code(c *wire.Coder) { c.Uint8(&r.SaveFlags) }

// OpenEmbeddedMessage opens the message that is the attachment in In.
// [MS-OXCROPS] 2.2.6.16.1
type OpenEmbeddedMessage struct {
	CodePage      uint16
	OpenModeFlags uint8
}

func (*OpenEmbeddedMessage) ROP() ID { return IDOpenEmbeddedMessage }

func (r *OpenEmbeddedMessage) code(c *wire.Coder) {
	c.Uint16(&r.CodePage)
	c.Uint8(&r.OpenModeFlags)
}

// OpenEmbeddedMessageResult is its answer. [MS-OXCROPS] 2.2.6.16.2
type OpenEmbeddedMessageResult struct {
	Reserved  uint8
	MessageID ObjectID
	OpenMessageResult
}

func (r *OpenEmbeddedMessageResult) code(c *wire.Coder) {
	c.Uint8(&r.Reserved)
	objectID(c, &r.MessageID)
	r.OpenMessageResult.code(c)
}
