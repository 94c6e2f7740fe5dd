package imap_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap"
)

// lists answers NAMESPACE, LIST and its kin by what the command begins with.
func lists(answers map[string][]string) func(c *talk, tag, verb, args string) bool {
	return func(c *talk, tag, verb, args string) bool {
		line := verb + " " + args
		for prefix, untagged := range answers {
			if strings.HasPrefix(line, prefix) {
				for _, l := range untagged {
					c.say("* %s", l)
				}
				c.say("%s OK done", tag)
				return true
			}
		}
		return false
	}
}

func shown(t *testing.T, s *imap.Store) (list []string) {
	t.Helper()
	for f, err := range s.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		line := f.String()
		if f.Role != "" {
			line += "=" + string(f.Role)
		}
		if f.NoItems {
			line += " (none)"
		}
		list = append(list, line)
	}
	return list
}

func wantFolders(t *testing.T, s *rude, params []string, want ...string) *imap.Store {
	t.Helper()
	st := s.open(t, params...)
	if got := shown(t, st); !slices.Equal(got, want) {
		t.Errorf("folders\n%q, want\n%q", got, want)
	}
	return st
}

func TestT47ThePrefixComesOffOnceAndOnOnce(t *testing.T) {
	s := &rude{caps: "IMAP4rev1 NAMESPACE"}
	var created []string
	answers := lists(map[string][]string{
		"NAMESPACE": {`NAMESPACE (("INBOX." ".")) (("user." ".")) (("shared." "."))`},
		`LIST "" "*"`: {
			`LIST () "." INBOX`, `LIST () "." INBOX.Sent`, `LIST () "." "INBOX.a.b c"`, `LIST () "." INBOX.INBOX`,
			`LIST () "." user.ben`, `LIST () "." shared.x`,
		},
		"LSUB": nil,
	})
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb == "CREATE" {
			created = append(created, args)
		}
		return answers(c, tag, verb, args)
	}
	st := wantFolders(t, s, nil, "INBOX=inbox", "INBOX/INBOX", "Sent", "a/b c")
	for _, path := range [][]string{{"Sent"}, {"INBOX", "New"}, {"INBOX"}, {"a", "b c"}, {"x.y", "ü"}} {
		if _, err := st.Ensure(t.Context(), transport.Folder{Path: path}); err != nil {
			t.Error(err)
		}
	}
	if want := []string{`"INBOX.New"`, `"INBOX.a"`, `"INBOX.x%2Ey"`, `"INBOX.x%2Ey.&APw-"`}; !slices.Equal(created, want) {
		t.Errorf("created %q, want %q", created, want)
	}
	wantFolders(t, s, []string{"namespace", "all"}, "INBOX=inbox", "INBOX/INBOX", "Sent", "a/b c", "shared/x", "user/ben")
	wantFolders(t, s, []string{"namespace", "other"}, "user/ben")
}

func TestT48NamesInBothEncodingsAreTheSame(t *testing.T) {
	for _, caps := range []string{"IMAP4rev1", "IMAP4rev1 ENABLE UTF8=ONLY", "IMAP4rev1 ENABLE UTF8=ACCEPT"} {
		s := &rude{caps: caps}
		var appends, searches []string
		folders := lists(map[string][]string{
			`LIST "" "*"`: {`LIST () "/" "03_März"`, `LIST () "/" "04_M&AOQ-rz"`, "LIST () \"/\" \"05_M\xe4rz\"", `LIST () "/" {9}` + "\r\nR&D \"x\" y", `LIST () "/" 06&-x`},
			"LSUB":        nil,
			"ENABLE":      {"ENABLED UTF8=ACCEPT"},
		})
		s.hook = func(c *talk, tag, verb, args string) bool {
			switch verb {
			case "CREATE":
				appends = append(appends, args)
			case "UID SEARCH":
				searches = append(searches, args)
			case "APPEND":
				appends = append(appends, args[:strings.IndexByte(args, '{')])
				if !strings.Contains(args, "UTF8 (~") && strings.Contains(caps, "UTF8") {
					c.literals(args)
					c.say("%s NO 8-bit header", tag)
					return true
				}
			}
			return folders(c, tag, verb, args)
		}
		st := wantFolders(t, s, nil, "03_März", "04_März", "05_März", "06&x", `R&D "x" y`)
		if _, err := st.Ensure(t.Context(), transport.Folder{Path: []string{"Brücke"}}); err != nil {
			t.Error(err)
		}
		if _, err := st.Put(t.Context(), inboxFolder, transport.Meta{}, mimeContent("Subject: Grüße\r\n\r\nx\r\n")); err != nil {
			t.Error(err)
		}
		for range st.Search(t.Context(), inboxFolder, `SUBJECT "Grüße"`) {
		}
		if strings.Contains(caps, "UTF8") {
			if want := []string{`"Brücke"`, `"INBOX" `, `"INBOX" UTF8 (~`}; !slices.Equal(appends, want) || len(searches) != 1 || strings.Contains(searches[0], "CHARSET") {
				t.Errorf("%s: said %q, want %q; %q", caps, appends, want, searches)
			}
		} else if want := []string{`"Br&APw-cke"`, `"INBOX" `}; !slices.Equal(appends, want) || len(searches) != 1 || !strings.Contains(searches[0], "CHARSET UTF-8") {
			t.Errorf("%s: said %q, want %q; %q", caps, appends, want, searches)
		}
		if utf8 := slices.Contains(s.lines, "ENABLE UTF8=ACCEPT"); utf8 != strings.Contains(caps, "UTF8") {
			t.Errorf("%s: ENABLE is %v", caps, utf8)
		}
	}
}

func TestT49SpecialUseByThreeWays(t *testing.T) {
	want := []string{"Gesendet=sent", "INBOX=inbox", "Papierkorb=trash", "[Gmail] (none)", "[Gmail]/Alle=all"}
	plain := []string{`LIST () "/" INBOX`, `LIST () "/" Gesendet`, `LIST () "/" Papierkorb`, `LIST (\noselect) "/" "[Gmail]"`, `LIST () "/" "[Gmail]/Alle"`}
	for caps, answers := range map[string]map[string][]string{
		"IMAP4rev1 SPECIAL-USE LIST-EXTENDED": {
			`LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE)`: {`LIST (\Subscribed) "/" INBOX`, `LIST (\Sent) "/" Gesendet`, `LIST (\TRASH) "/" Papierkorb`, `LIST (\Noselect) "/" "[Gmail]"`, `LIST (\All) "/" "[Gmail]/Alle"`},
		},
		"IMAP4rev1 SPECIAL-USE": {
			`LIST "" "*"`:               plain,
			`LIST (SPECIAL-USE) "" "*"`: {`LIST (\Inbox) "/" INBOX`, `LIST (\Sent) "/" Gesendet`, `LIST (\Trash) "/" Papierkorb`, `LIST (\All) "/" "[Gmail]/Alle"`},
			"LSUB":                      {`LSUB () "/" INBOX`},
		},
		"IMAP4rev1 XLIST": {
			`XLIST "" "*"`: {`XLIST (\Inbox) "/" Posteingang`, `XLIST (\Sent) "/" Gesendet`, `XLIST (\Trash) "/" Papierkorb`, `XLIST (\Noselect) "/" "[Gmail]"`, `XLIST (\AllMail) "/" "[Gmail]/Alle"`},
			"LSUB":         nil,
		},
	} {
		s := &rude{caps: caps, hook: lists(answers)}
		t.Run(caps, func(t *testing.T) { wantFolders(t, s, nil, want...) })
	}
}

func TestT46NamesAreEscapedAsFarAsTheServerAsks(t *testing.T) {
	s := &rude{caps: "IMAP4rev1"}
	made := map[string]bool{}
	s.hook = func(c *talk, tag, verb, args string) bool {
		name := strings.ReplaceAll(strings.Trim(args, `"`), `\\`, `\`)
		switch verb {
		case "CREATE":
			// A picky server, which never says why.
			if strings.ContainsAny(name, "*~") || strings.HasPrefix(name, " ") || len(name) > 130 {
				c.say("%s NO [CANNOT] invalid name", tag)
				return true
			}
			made[name] = true
		case "LIST":
			if args == `"" "*"` {
				for n := range made {
					c.say(`* LIST () "/" %q`, n)
				}
				c.say("%s OK done", tag)
				return true
			}
			if args != `"" ""` {
				c.say("%s OK done", tag)
				return true
			}
		}
		return false
	}
	st := s.open(t)
	names := []string{"a/b", "...", " leading", "100%", "%41", "~", "a*b", `back\slash`, "A&B", "%"}
	for _, n := range names {
		f, err := st.Ensure(t.Context(), transport.Folder{Path: []string{n}})
		if err != nil || f.Name() != n {
			t.Errorf("%q: %q, %v", n, f.Name(), err)
		}
	}
	long, err := st.Ensure(t.Context(), transport.Folder{Path: []string{strings.Repeat("ü", 200)}})
	other, err2 := st.Ensure(t.Context(), transport.Folder{Path: []string{strings.Repeat("ü", 201)}})
	if err != nil || err2 != nil || long.ID == other.ID || !strings.HasPrefix(long.Name(), "üü") {
		t.Errorf("long names: %q %v, %q %v", long.ID, err, other.ID, err2)
	}
	for _, raw := range []string{"a%2Fb", "...", "%20leading", "100%", "%2541", "%7E", "a%2Ab", `back\slash`, "A&-B"} {
		if !made[raw] {
			t.Errorf("there is no %q among %v", raw, made)
		}
	}
	got := shown(t, st)
	for _, n := range names {
		if !slices.Contains(got, transport.JoinPath([]string{n})) {
			t.Errorf("%q is not listed: %q", n, got)
		}
	}
}

func TestT45GmailsLabelsBecomeKeywords(t *testing.T) {
	s := &rude{caps: "IMAP4rev1 SPECIAL-USE X-GM-EXT-1", bodies: map[int]string{1: "x\r\n"}}
	answers := lists(map[string][]string{
		`LIST "" "*"`: {`LIST () "/" INBOX`, `LIST () "/" Work`, `LIST (\All) "/" "[Gmail]/All Mail"`, `LIST (\Sent) "/" "[Gmail]/Sent"`, `LIST (\Trash) "/" "[Gmail]/Bin"`},
		"LSUB":        nil,
	})
	s.hook = func(c *talk, tag, verb, args string) bool {
		if verb == "EXAMINE" {
			c.say("* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n%s OK done", tag)
			return true
		}
		if verb == "FETCH" && strings.Contains(args, "X-GM-LABELS") && strings.Contains(args, "X-GM-MSGID") {
			c.say(`* 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-LABELS ("\\Inbox" Work "M&AOQ-rz") UID 1 FLAGS (\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 3)`)
			c.say("%s OK done", tag)
			return true
		}
		return answers(c, tag, verb, args)
	}
	st := wantFolders(t, s, []string{"labels", "keywords"}, "[Gmail]/All Mail=all", "[Gmail]/Bin=trash")
	for m, err := range st.Items(t.Context(), transport.Folder{ID: "[Gmail]/All Mail"}, nil) {
		if err != nil || m.ObjectID != "1278455344230334865" || !slices.Equal(m.Keywords, []string{"Inbox", "Work", "März"}) {
			t.Errorf("%+v, %v", m, err)
		}
	}
}
