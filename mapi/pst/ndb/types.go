package ndb

import "fmt"

// A NID names a node; its low five bits are the [NIDType]. [MS-PST] 2.2.2.1
type NID uint32

// Type is nidType.
func (n NID) Type() NIDType { return NIDType(n & 0x1F) }

// WithType is the identifier with the same nidIndex and another type: how the
// parts of a folder are found from each other. [MS-PST] 2.4.4
func (n NID) WithType(t NIDType) NID { return n&^0x1F | NID(t) }

// String is the identifier in hexadecimal.
func (n NID) String() string { return fmt.Sprintf("0x%X", uint32(n)) }

// A NIDType says what a node is for. [MS-PST] 2.2.2.1
type NIDType byte

// Node types. [MS-PST] 2.2.2.1
const (
	TypeHID                 NIDType = 0x00
	TypeInternal            NIDType = 0x01
	TypeNormalFolder        NIDType = 0x02
	TypeSearchFolder        NIDType = 0x03
	TypeNormalMessage       NIDType = 0x04
	TypeAttachment          NIDType = 0x05
	TypeSearchUpdateQueue   NIDType = 0x06
	TypeSearchCriteria      NIDType = 0x07
	TypeAssocMessage        NIDType = 0x08
	TypeContentsTableIndex  NIDType = 0x0A
	TypeReceiveFolderTable  NIDType = 0x0B
	TypeOutgoingQueueTable  NIDType = 0x0C
	TypeHierarchyTable      NIDType = 0x0D
	TypeContentsTable       NIDType = 0x0E
	TypeAssocContentsTable  NIDType = 0x0F
	TypeSearchContentsTable NIDType = 0x10
	TypeAttachmentTable     NIDType = 0x11
	TypeRecipientTable      NIDType = 0x12
	TypeSearchTableIndex    NIDType = 0x13
	TypeLTP                 NIDType = 0x1F
)

// Special nodes. [MS-PST] 2.4.1
const (
	NIDMessageStore         NID = 0x21
	NIDNameToIDMap          NID = 0x61
	NIDNormalFolderTemplate NID = 0xA1
	NIDSearchFolderTemplate NID = 0xC1
	NIDRootFolder           NID = 0x122
	NIDHierarchyTemplate    NID = 0x60D
	NIDContentsTemplate     NID = 0x60E
	NIDAssocTemplate        NID = 0x60F
	NIDSearchTemplate       NID = 0x610
	NIDAttachmentTable      NID = 0x671 // inside a message
	NIDRecipientTable       NID = 0x692 // inside a message
)

// A BID names a block. Bit 0 is reserved and ignored; bit 1 marks a block of
// the database itself, which is never encrypted. [MS-PST] 2.2.2.2
type BID uint64

// Internal reports whether the block holds structure and not a node's data.
func (b BID) Internal() bool { return b&2 != 0 }

// String is the identifier in hexadecimal.
func (b BID) String() string { return fmt.Sprintf("0x%X", uint64(b)) }

// A BREF is a block or page and where it lies. [MS-PST] 2.2.2.4
type BREF struct {
	BID BID
	IB  int64
}

// A Node is an entry of the node B-tree, or of the sub-node tree of another
// node. [MS-PST] 2.2.2.7.7.4, 2.2.2.8.3.3.1.1
type Node struct {
	NID NID
	// Parent is the folder of a message or folder; 0 for sub-nodes.
	Parent NID
	// Data and Sub are bidData and bidSub; 0 means none.
	Data BID
	Sub  BID
	// Top is the node of the node B-tree in which a sub-node lies, else 0.
	Top NID
	// Doubt, where it is not 0, is the offset of the page that the entry comes
	// from, which is damaged (the entry may be what is wrong in it) or lies in
	// free space, see [File.Former].
	Doubt int64
}

// String names the node in problems and errors.
func (n Node) String() string {
	if n.Top != 0 {
		return fmt.Sprintf("node %v, sub-node %v", n.Top, n.NID)
	}
	return "node " + n.NID.String()
}

// top is the node of the node B-tree to which n belongs.
func (n Node) top() NID {
	if n.Top != 0 {
		return n.Top
	}
	return n.NID
}

// A CryptMethod says how the data of blocks is obfuscated. None of them needs
// a key. [MS-PST] 2.2.2.6, bCryptMethod
type CryptMethod byte

// Methods. [MS-PST] 2.2.2.6
const (
	CryptNone       CryptMethod = 0x00
	CryptPermute    CryptMethod = 0x01
	CryptCyclic     CryptMethod = 0x02
	CryptEDPCRYPTED CryptMethod = 0x10 // Windows Information Protection
)

// String is the specification's name.
func (m CryptMethod) String() string {
	switch m {
	case CryptNone:
		return "NDB_CRYPT_NONE"
	case CryptPermute:
		return "NDB_CRYPT_PERMUTE"
	case CryptCyclic:
		return "NDB_CRYPT_CYCLIC"
	case CryptEDPCRYPTED:
		return "NDB_CRYPT_EDPCRYPTED"
	}
	return fmt.Sprintf("0x%02X", byte(m))
}

// Page types. [MS-PST] 2.2.2.7.1
const (
	ptypeBBT = 0x80
	ptypeNBT = 0x81
)
