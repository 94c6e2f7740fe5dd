// Package fasttransfer reads and writes FastTransfer streams: the form in which
// Exchange moves whole MAPI objects, in ROPs, in ExportItems and UploadItems of
// EWS, and in the export and import of Microsoft Graph.
// [MS-OXCFXICS] 2.2.4
//
// Start from [Decode] and [Encode] for one message, and from [EncodeItem] for
// the data of ExportItems, which wraps the stream in commands. Below them lie
// [Lexer] and [Writer], which know only markers and properties: folders and
// the results of synchronization (contentsSync, hierarchySync, state) are read
// and written with these.
//
// A message that is encoded and decoded again has all its properties with type
// and bytes. The exceptions: identifiers of named properties are given anew;
// recipients without PidTagRowid and attachments without PidTagAttachNumber get
// one, as the stream must have it; properties that the stream cannot say
// (PtypErrorCode, PtypNull, restrictions, rule actions, and tags that mean a
// marker or a meta-property) are left out and reported as losses; lists of
// 8-bit strings do not say their code page; an OLE object needs the Storage
// functions of [Options] and [EncodeOptions], as it travels as a compound file.
//
// A property with an identifier from 0x8000 on and no name is written under
// the property set PS_MAPI with its identifier as number, and read back without
// a name.
//
// [ParseReplGUIDSets] and its like read the sets of identifiers inside values
// of a synchronization state.
//
// Not supported: the other structures inside values (property groups, progress),
// which are binary values here.
package fasttransfer

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

// maxDepth bounds messages within messages.
const maxDepth = 32

// Meta-properties say how to process what follows. [MS-OXCFXICS] 2.2.4.1.5
const (
	MetaTagDnPrefix                      = mapi.Tag(0x4008001E)
	MetaTagEcWarning                     = mapi.Tag(0x400F0003)
	MetaTagNewFXFolder                   = mapi.Tag(0x40110102)
	MetaTagFXDelProp                     = mapi.Tag(0x40160003)
	MetaTagIncrementalSyncMessagePartial = mapi.Tag(0x407A0003)
	MetaTagIncrSyncGroupId               = mapi.Tag(0x407C0003)
)

// Properties of the state and of deletions and read-state changes.
// [MS-OXCFXICS] 2.2.1.1, 2.2.1.3
const (
	// MetaTagIdsetGiven is binary. On the wire its tag says PtypInteger32
	// (0x40170003); [Lexer] and [Writer] know that.
	MetaTagIdsetGiven           = mapi.Tag(0x40170102)
	MetaTagCnsetSeen            = mapi.Tag(0x67960102)
	MetaTagCnsetSeenFAI         = mapi.Tag(0x67DA0102)
	MetaTagCnsetRead            = mapi.Tag(0x67D20102)
	MetaTagIdsetDeleted         = mapi.Tag(0x67E50102)
	MetaTagIdsetNoLongerInScope = mapi.Tag(0x40210102)
	MetaTagIdsetExpired         = mapi.Tag(0x67930102)
	MetaTagIdsetRead            = mapi.Tag(0x402D0102)
	MetaTagIdsetUnread          = mapi.Tag(0x402E0102)
)

// wireIdsetGiven is how MetaTagIdsetGiven stands in streams.
const wireIdsetGiven = mapi.Tag(0x40170003)

// isMeta reports whether a tag is that of a meta-property, whatever string
// type it has.
func isMeta(t mapi.Tag) bool {
	switch t {
	case MetaTagEcWarning, MetaTagNewFXFolder, MetaTagFXDelProp,
		MetaTagIncrementalSyncMessagePartial, MetaTagIncrSyncGroupId:
		return true
	}
	return t.ID() == MetaTagDnPrefix.ID() && t.Type().IsString()
}

// codePageFlag marks the type of a string that states its code page in the
// lower bits. [MS-OXCFXICS] 2.2.4.1.1.1
const codePageFlag = 0x8000

// codePageUnicode is the code page of UTF-16 text.
const codePageUnicode = 1200

// typeCodePage is the code page of a string type. Windows numbers above 15
// bits (65001 is UTF-8) have the flag among their own bits.
func typeCodePage(t mapi.Type) int {
	n := int(t &^ codePageFlag)
	if codepage.Name(n) == "" && codepage.Name(n|codePageFlag) != "" {
		n |= codePageFlag
	}
	return n
}

// codePageType is the type of an 8-bit string in code page n, if there is one.
func codePageType(n int) (mapi.Type, bool) {
	if n <= 0 || n > 0xFFFF || n == codePageUnicode {
		return 0, false
	}
	t := mapi.Type(n | codePageFlag)
	return t, typeCodePage(t) == n
}

// Kinds of property names.
const (
	kindID   = 0
	kindName = 1
)
