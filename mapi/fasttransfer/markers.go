package fasttransfer

import "fmt"

// A Marker opens or closes an element of a stream. It has the syntax of a tag
// and never a value. [MS-OXCFXICS] 2.2.4.1.4
type Marker uint32

// Markers of folders, messages and their parts.
const (
	StartTopFld  Marker = 0x40090003
	StartSubFld  Marker = 0x400A0003
	EndFolder    Marker = 0x400B0003
	StartMessage Marker = 0x400C0003
	EndMessage   Marker = 0x400D0003
	StartFAIMsg  Marker = 0x40100003
	StartEmbed   Marker = 0x40010003
	EndEmbed     Marker = 0x40020003
	StartRecip   Marker = 0x40030003
	EndToRecip   Marker = 0x40040003
	NewAttach    Marker = 0x40000003
	EndAttach    Marker = 0x400E0003
)

// Markers of synchronization.
const (
	IncrSyncChg            Marker = 0x40120003
	IncrSyncChgPartial     Marker = 0x407D0003
	IncrSyncDel            Marker = 0x40130003
	IncrSyncEnd            Marker = 0x40140003
	IncrSyncRead           Marker = 0x402F0003
	IncrSyncStateBegin     Marker = 0x403A0003
	IncrSyncStateEnd       Marker = 0x403B0003
	IncrSyncProgressMode   Marker = 0x4074000B
	IncrSyncProgressPerMsg Marker = 0x4075000B
	IncrSyncMessage        Marker = 0x40150003
	IncrSyncGroupInfo      Marker = 0x407B0102
)

// FXErrorInfo opens a report about an object that the server could not give.
const FXErrorInfo Marker = 0x40180003

var markerNames = map[Marker]string{
	StartTopFld: "StartTopFld", StartSubFld: "StartSubFld", EndFolder: "EndFolder",
	StartMessage: "StartMessage", EndMessage: "EndMessage", StartFAIMsg: "StartFAIMsg",
	StartEmbed: "StartEmbed", EndEmbed: "EndEmbed", StartRecip: "StartRecip",
	EndToRecip: "EndToRecip", NewAttach: "NewAttach", EndAttach: "EndAttach",
	IncrSyncChg: "IncrSyncChg", IncrSyncChgPartial: "IncrSyncChgPartial",
	IncrSyncDel: "IncrSyncDel", IncrSyncEnd: "IncrSyncEnd", IncrSyncRead: "IncrSyncRead",
	IncrSyncStateBegin: "IncrSyncStateBegin", IncrSyncStateEnd: "IncrSyncStateEnd",
	IncrSyncProgressMode: "IncrSyncProgressMode", IncrSyncProgressPerMsg: "IncrSyncProgressPerMsg",
	IncrSyncMessage: "IncrSyncMessage", IncrSyncGroupInfo: "IncrSyncGroupInfo",
	FXErrorInfo: "FXErrorInfo",
}

// Known reports whether m is in the table of markers.
func (m Marker) Known() bool { _, ok := markerNames[m]; return ok }

// String is the specification's name.
func (m Marker) String() string {
	if s, ok := markerNames[m]; ok {
		return s
	}
	return fmt.Sprintf("0x%08X", uint32(m))
}
