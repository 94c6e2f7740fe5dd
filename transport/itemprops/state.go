package itemprops

import (
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// Bits of PidTagMessageFlags. [MS-OXCMSG] 2.2.1.6
const (
	FlagRead       = 0x0001
	FlagUnmodified = 0x0002
	FlagSubmitted  = 0x0004
	FlagUnsent     = 0x0008
	FlagHasAttach  = 0x0010
)

// Bits of PidTagMessageStatus. [MS-OXCMSG] 2.2.1.8
const (
	StatusDeleted  = 0x0008
	StatusAnswered = 0x0200
	StatusMDNSent  = 0x4000
)

// Values of PidTagLastVerbExecuted. [MS-OXOMSG] 2.2.1.9
const (
	VerbReply    = 102
	VerbReplyAll = 103
	VerbForward  = 104
)

// Values of PidTagIconIndex. [MS-OXOMSG] 2.2.1.10
const (
	IconReplied   = 0x105
	IconForwarded = 0x106
)

// FollowupFlagged is the value of PidTagFlagStatus for a flag that is up.
// [MS-OXOFLAG] 2.2.1.1
const FollowupFlagged = 2

// State is the properties from which [transport.Flags] are made. The zero value
// is an item of which nothing is known.
type State struct {
	Class         string // PidTagMessageClass
	MessageFlags  int64  // PidTagMessageFlags
	MessageStatus int64  // PidTagMessageStatus
	LastVerb      int64  // PidTagLastVerbExecuted
	FlagStatus    int64  // PidTagFlagStatus
}

// Flags are those of the state.
func (s State) Flags() (f transport.Flags) {
	if s.MessageFlags&FlagRead != 0 {
		f |= transport.Seen
	}
	if s.MessageFlags&FlagUnsent != 0 && IsMail(s.Class) {
		f |= transport.Draft
	}
	if s.MessageStatus&StatusDeleted != 0 {
		f |= transport.Deleted
	}
	switch {
	case s.LastVerb == VerbReply, s.LastVerb == VerbReplyAll, s.LastVerb == 0 && s.MessageStatus&StatusAnswered != 0:
		f |= transport.Answered
	case s.LastVerb == VerbForward:
		f |= transport.Forwarded
	}
	if s.FlagStatus == FollowupFlagged {
		f |= transport.Flagged
	}
	return f
}

// IsMail tells mails from contacts and their like, which are unsent for ever.
func IsMail(class string) bool {
	c := strings.ToUpper(class)
	return c == "IPM.NOTE" || strings.HasPrefix(c, "IPM.NOTE.") || strings.HasPrefix(c, "IPM.SCHEDULE.") || c == "IPM" || c == ""
}
