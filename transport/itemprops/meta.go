package itemprops

import (
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// Meta is what the properties of an item say of it. Key, ObjectID, Token and
// Size are the store's matter: Size is -1, the others are empty.
func Meta(ps mapi.Properties) transport.Meta {
	m := transport.Meta{Size: -1, Class: ps.Text(mapi.PidTagMessageClass), Subject: ps.Text(mapi.PidTagSubject), Received: Received(ps)}
	if id := strings.TrimSpace(ps.Text(mapi.PidTagInternetMessageId)); strings.HasPrefix(id, "<") {
		m.MessageID = id
	}
	m.Flags = StateOf(ps).Flags()
	if v, ok := ps.GetName(mapi.PidNameKeywords); ok {
		m.Keywords = v.Texts()
	}
	return m
}

// StateOf reads the state of an item.
func StateOf(ps mapi.Properties) State {
	s := State{Class: ps.Text(mapi.PidTagMessageClass)}
	for _, p := range []struct {
		tag  mapi.Tag
		into *int64
	}{
		{mapi.PidTagMessageFlags, &s.MessageFlags},
		{mapi.PidTagMessageStatus, &s.MessageStatus},
		{mapi.PidTagLastVerbExecuted, &s.LastVerb},
		{mapi.PidTagFlagStatus, &s.FlagStatus},
	} {
		*p.into, _ = ps.Int(p.tag)
	}
	return s
}

// Received is the date of arrival, else of submission; zero when there is none.
// Dates before 1970 are what programs write that know no date.
func Received(ps mapi.Properties) time.Time {
	for _, tag := range []mapi.Tag{mapi.PidTagMessageDeliveryTime, mapi.PidTagClientSubmitTime} {
		if t := ps.Time(tag); t.Year() >= 1970 {
			return t
		}
	}
	return time.Time{}
}

// Apply sets the properties that m stands for: read and unsent state, reply and
// forward marks, follow-up flag, categories, and the date of arrival where m
// has one. Flags of m count as they are, so an item that is not Seen becomes
// unread; categories are only replaced when m has some.
func Apply(ps *mapi.Properties, m transport.Meta) {
	s := StateOf(*ps).With(m.Flags)
	ps.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(s.MessageFlags)))
	set := func(tag mapi.Tag, n int64) {
		if old, ok := ps.Int(tag); ok && old == n || !ok && n == 0 {
			return
		}
		ps.Set(tag, mapi.Int32Value(int32(n)))
	}
	set(mapi.PidTagMessageStatus, s.MessageStatus)
	set(mapi.PidTagLastVerbExecuted, s.LastVerb)
	set(mapi.PidTagFlagStatus, s.FlagStatus)
	if icon := s.Icon(); icon != 0 {
		set(mapi.PidTagIconIndex, icon)
	}
	if len(m.Keywords) > 0 {
		ps.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(m.Keywords))
	}
	if !m.Received.IsZero() {
		ps.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(m.Received))
	}
}

// With is the state after the flags were set to exactly f. A mark that says the
// same already, such as reply to all for Answered, stays.
func (s State) With(f transport.Flags) State {
	bit := func(n *int64, mask int64, on bool) {
		*n &^= mask
		if on {
			*n |= mask
		}
	}
	was := s.Flags()
	bit(&s.MessageFlags, FlagRead, f.Has(transport.Seen))
	if IsMail(s.Class) {
		bit(&s.MessageFlags, FlagUnsent, f.Has(transport.Draft))
	}
	bit(&s.MessageStatus, StatusDeleted, f.Has(transport.Deleted))
	marks := transport.Answered | transport.Forwarded
	if was&marks != f&marks {
		s.MessageStatus &^= StatusAnswered
		switch {
		case f.Has(transport.Answered):
			s.LastVerb = VerbReply
		case f.Has(transport.Forwarded):
			s.LastVerb = VerbForward
		default:
			s.LastVerb = 0
		}
	}
	switch {
	case f.Has(transport.Flagged):
		s.FlagStatus = FollowupFlagged
	case s.FlagStatus == FollowupFlagged:
		s.FlagStatus = 0
	}
	return s
}

// Icon is the PidTagIconIndex that goes with the state, 0 when none does.
func (s State) Icon() int64 {
	switch s.LastVerb {
	case VerbReply, VerbReplyAll:
		return IconReplied
	case VerbForward:
		return IconForwarded
	}
	return 0
}
