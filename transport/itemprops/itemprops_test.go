package itemprops_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

func TestWhatIsAppliedIsRead(t *testing.T) {
	day := time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)
	for _, f := range []transport.Flags{
		0, transport.Seen, transport.Seen | transport.Answered, transport.Forwarded, transport.Flagged, transport.Draft, transport.Deleted | transport.Seen,
	} {
		var ps mapi.Properties
		ps.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
		ps.Set(mapi.PidTagMessageFlags, mapi.Int32Value(itemprops.FlagHasAttach|itemprops.FlagRead|itemprops.FlagUnsent))
		itemprops.Apply(&ps, transport.Meta{Flags: f, Keywords: []string{"red", "blue"}, Received: day})
		m := itemprops.Meta(ps)
		if m.Flags != f || !m.Received.Equal(day) || !slices.Equal(m.Keywords, []string{"red", "blue"}) || m.Class != "IPM.Note" {
			t.Errorf("flags %b came back as %+v", f, m)
		}
		if n, _ := ps.Int(mapi.PidTagMessageFlags); n&itemprops.FlagHasAttach == 0 {
			t.Errorf("flags %b: a bit that is no flag is gone", f)
		}
		// Once more with nothing set takes every mark away.
		itemprops.Apply(&ps, transport.Meta{})
		if m := itemprops.Meta(ps); m.Flags != 0 || len(m.Keywords) != 2 {
			t.Errorf("flags %b cannot be taken back: %+v", f, m)
		}
	}
}

func TestMarksThatSayTheSameStay(t *testing.T) {
	s := itemprops.State{LastVerb: itemprops.VerbReplyAll}
	if got := s.With(transport.Answered | transport.Seen); got.LastVerb != itemprops.VerbReplyAll {
		t.Errorf("reply to all became %d", got.LastVerb)
	}
	s = itemprops.State{FlagStatus: 1} // done
	if got := s.With(0); got.FlagStatus != 1 {
		t.Errorf("a flag that is done became %d", got.FlagStatus)
	}
}

func TestContactsAreNoDrafts(t *testing.T) {
	s := itemprops.State{Class: "IPM.Contact", MessageFlags: itemprops.FlagUnsent}
	if s.Flags() != 0 {
		t.Errorf("a contact is a draft: %b", s.Flags())
	}
}

func TestDatesThatAreNone(t *testing.T) {
	var ps mapi.Properties
	ps.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)))
	if got := itemprops.Received(ps); !got.IsZero() {
		t.Errorf("received in %v", got)
	}
	sent := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	ps.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(sent))
	if got := itemprops.Received(ps); !got.Equal(sent) {
		t.Errorf("received %v, sent %v", got, sent)
	}
}
