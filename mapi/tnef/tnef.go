// Package tnef reads and writes the Transport Neutral Encapsulation Format,
// the winmail.dat of Outlook and Exchange. [MS-OXTNEF]
//
// Start from [Decode] and [Encode]. A stream is a list of attributes, of which
// two kinds matter: legacy attributes of Microsoft Mail, each of which stands
// for one property, and the attributes that hold whole property lists
// (attMsgProps, attRecipTable, attAttachment). Where both say something the
// property list wins.
//
// A message that is encoded and decoded again has all its properties with type
// and bytes, its recipients, attachments and embedded messages. The exceptions:
// identifiers of named properties are given anew; strings in a code page are
// taken to be in the one code page that a stream can state; and an OLE object
// needs the Storage functions of [Options] and [EncodeOptions], as it travels
// as a compound file ([MS-CFB]), which this package does not know.
//
// A property with an identifier from 0x8000 on and no name is written under
// the property set PS_MAPI with its identifier as number, which is that
// set's meaning ([MS-OXPROPS] 1.3.2), and read back without a name.
//
// Not supported: writing the meeting attributes and attBody, which the property
// list repeats.
package tnef

import "fmt"

// signature opens every stream; a 16-bit key follows. [MS-OXTNEF] 2.1.3.1
const signature = 0x223E9F78

// key is what this package writes for the attachment key, which nobody reads;
// it must not be 0.
const key = 1

// Attribute levels. [MS-OXTNEF] 2.1.3.2
const (
	lvlMessage    = 0x01
	lvlAttachment = 0x02
)

// headerSize is level, attribute id and length; a 16-bit checksum follows the
// data. [MS-OXTNEF] 2.1.3.2
const headerSize = 9

// maxDepth bounds messages within messages.
const maxDepth = 32

// maxProperties bounds one list: there are no more identifiers than that.
const maxProperties = 1 << 16

// An attribute is the identifier of an attribute; its high word says of which
// legacy type the data is. [MS-OXTNEF] 2.1.3.2
type attribute uint32

const (
	attOwner                   attribute = 0x00060000
	attSentFor                 attribute = 0x00060001
	attDelegate                attribute = 0x00060002
	attDateStart               attribute = 0x00030006
	attDateEnd                 attribute = 0x00030007
	attAidOwner                attribute = 0x00050008
	attRequestRes              attribute = 0x00040009
	attOriginalMessageClass    attribute = 0x00070006
	attFrom                    attribute = 0x00008000
	attSubject                 attribute = 0x00018004
	attDateSent                attribute = 0x00038005
	attDateRecd                attribute = 0x00038006
	attMessageStatus           attribute = 0x00068007
	attMessageClass            attribute = 0x00078008
	attMessageID               attribute = 0x00018009
	attParentID                attribute = 0x0001800A
	attConversationID          attribute = 0x0001800B
	attBody                    attribute = 0x0002800C
	attPriority                attribute = 0x0004800D
	attAttachData              attribute = 0x0006800F
	attAttachTitle             attribute = 0x00018010
	attAttachMetaFile          attribute = 0x00068011
	attAttachCreateDate        attribute = 0x00038012
	attAttachModifyDate        attribute = 0x00038013
	attDateModified            attribute = 0x00038020
	attAttachTransportFilename attribute = 0x00069001
	attAttachRenddata          attribute = 0x00069002
	attMsgProps                attribute = 0x00069003
	attRecipTable              attribute = 0x00069004
	attAttachment              attribute = 0x00069005
	attTnefVersion             attribute = 0x00089006
	attOemCodepage             attribute = 0x00069007
)

var attributeNames = map[attribute]string{
	attOwner: "attOwner", attSentFor: "attSentFor", attDelegate: "attDelegate",
	attDateStart: "attDateStart", attDateEnd: "attDateEnd", attAidOwner: "attAidOwner",
	attRequestRes: "attRequestRes", attOriginalMessageClass: "attOriginalMessageClass",
	attFrom: "attFrom", attSubject: "attSubject", attDateSent: "attDateSent",
	attDateRecd: "attDateRecd", attMessageStatus: "attMessageStatus",
	attMessageClass: "attMessageClass", attMessageID: "attMessageID",
	attParentID: "attParentID", attConversationID: "attConversationID",
	attBody: "attBody", attPriority: "attPriority", attAttachData: "attAttachData",
	attAttachTitle: "attAttachTitle", attAttachMetaFile: "attAttachMetaFile",
	attAttachCreateDate: "attAttachCreateDate", attAttachModifyDate: "attAttachModifyDate",
	attDateModified:            "attDateModified",
	attAttachTransportFilename: "attAttachTransportFilename",
	attAttachRenddata:          "attAttachRenddata", attMsgProps: "attMsgProps",
	attRecipTable: "attRecipTable", attAttachment: "attAttachment",
	attTnefVersion: "attTnefVersion", attOemCodepage: "attOemCodepage",
}

func (a attribute) String() string {
	if s, ok := attributeNames[a]; ok {
		return s
	}
	return fmt.Sprintf("attribute 0x%08X", uint32(a))
}

// renddataSize is the RENDDATA structure: attach type, position, width,
// height, data flags. [MS-OXTNEF] 2.1.3.3.15
const renddataSize = 14

// Attach types in RENDDATA.
const (
	attachTypeFile = 1
	attachTypeOLE  = 2
)

// noPosition is the rendering position of an attachment that is not shown
// within the text. [MS-OXCMSG] 2.2.2.16
const noPosition = 0xFFFFFFFF

// Kinds of property names. [MS-OXTNEF] 2.1.3.4
const (
	kindID   = 0
	kindName = 1
)
