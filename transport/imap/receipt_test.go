package imap_test

import (
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport"
)

// T74: no copy makes anybody's mail program send a receipt again.
func TestT74ReceiptsAreNotSentAgain(t *testing.T) {
	const asks = "Subject: x\r\nDisposition-Notification-To: <ann@x.example>\r\n\r\nx\r\n"
	for name, tt := range map[string]struct {
		permanent, body string
		flags           transport.Flags
		keywords        []string
		want            string
	}{
		"read, and asks":         {`\Seen $MDNSent`, asks, transport.Seen, nil, `(\Seen $MDNSent)`},
		"any keyword is taken":   {`\Seen \*`, asks, transport.Seen, nil, `(\Seen $MDNSent)`},
		"no keyword is taken":    {`\Seen`, asks, transport.Seen, nil, `(\Seen)`},
		"not read yet":           {`\Seen \*`, asks, 0, nil, ``},
		"asks for nothing":       {`\Seen \*`, "Subject: x\r\n\r\nDisposition-Notification-To: in the text\r\n", transport.Seen, nil, `(\Seen)`},
		"a draft":                {`\Seen \Draft \*`, asks, transport.Seen | transport.Draft, nil, `(\Seen \Draft)`},
		"answered at the source": {`\Seen \*`, asks, transport.Seen | transport.MDNSent, nil, `(\Seen $MDNSent)`},
	} {
		s := &rude{}
		var sent string
		s.hook = func(c *talk, tag, verb, args string) bool {
			switch verb {
			case "SELECT":
				c.say(`* OK [PERMANENTFLAGS (%s)] ok`, tt.permanent)
			case "APPEND":
				sent = args
			}
			return false
		}
		r, err := s.open(t).Put(t.Context(), inboxFolder, transport.Meta{Flags: tt.flags, Keywords: tt.keywords}, mimeContent(tt.body))
		if err != nil || len(r.Losses) > 0 {
			t.Errorf("%s: %v, losses %v", name, err, r.Losses)
		}
		if got := sent[strings.IndexByte(sent, ' ')+1 : strings.LastIndexByte(sent, '{')]; strings.TrimSpace(got) != tt.want {
			t.Errorf("%s: sent with %q, want %q", name, got, tt.want)
		}
		if len(s.got) != 1 || s.got[0] != tt.body {
			t.Errorf("%s: the bytes changed: %q", name, s.got)
		}
	}
	// It is no keyword, so no store makes a category of it, and a later change
	// of flags does not take it away. RFC 3503
	s := &rude{bodies: map[int]string{1: asks, 2: asks}}
	var stored []string
	s.hook = func(c *talk, tag, verb, args string) bool {
		switch verb {
		case "FETCH":
			c.say(`* 1 FETCH (UID 1 FLAGS (\Seen $MDNSent work) INTERNALDATE " 1-Jan-2020 00:00:00 +0000" RFC822.SIZE 3)`)
			c.say("%s OK done", tag)
			return true
		case "SELECT":
			c.say(`* OK [PERMANENTFLAGS (\Seen \Flagged $MDNSent \*)] ok`)
		case "UID SEARCH":
			c.say("* SEARCH 2")
		case "UID STORE":
			stored = append(stored, args)
		}
		return false
	}
	st := s.open(t)
	for m, err := range st.Items(t.Context(), inboxFolder, nil) {
		if err == nil && (!m.Flags.Has(transport.MDNSent) || strings.Join(m.Keywords, ",") != "work") {
			t.Errorf("listed as %+v", m)
		}
	}
	for _, err := range st.SetFlags(t.Context(), inboxFolder, []transport.FlagChange{{Ref: "7:1", Flags: transport.Flagged}, {Ref: "7:2", Flags: transport.Flagged}}) {
		if err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(stored, "; "); got != `1 FLAGS.SILENT (\Flagged); 2 FLAGS.SILENT (\Flagged $MDNSent)` {
		t.Errorf("stored %q", got)
	}
}
