package migrate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport"
)

func folders(list ...string) []transport.Folder {
	var out []transport.Folder
	for _, s := range list {
		path, role, _ := strings.Cut(s, "=")
		out = append(out, transport.Folder{Path: transport.ParsePath(path), ID: fmt.Sprint(len(out)), Role: transport.Role(role)})
	}
	return out
}

func mapped(m *mapper, src ...string) string {
	list := folders(src...)
	var got []string
	for _, t := range m.all(list, nil) {
		s := transport.JoinPath(t.path)
		if t.note != "" {
			s += " !"
		}
		got = append(got, s)
	}
	return strings.Join(got, ", ")
}

func TestMapping(t *testing.T) {
	for _, c := range []struct {
		name string
		m    mapper
		src  []string
		want string
	}{
		{"T49 localised names", mapper{}, []string{"Posteingang", "Posteingang/Kunden", "Gesendete Elemente", "Gelöschte Elemente", "Projekte"}, "INBOX, INBOX/Kunden, Sent, Trash, Projekte"},
		{"T49 the store's word goes before a name", mapper{}, []string{"Sent", "Verschickt=sent"}, "Sent (2) !, Sent"},
		{"T49 Sent is not made twice", mapper{sink: folders("INBOX", "Sent Items")}, []string{"INBOX", "Sent", "Sent/2024"}, "INBOX, Sent Items, Sent Items/2024"},
		{"a role of the sink", mapper{sink: folders("Posteingang=inbox", "Gesendet=sent")}, []string{"INBOX", "Sent"}, "Posteingang, Gesendet"},
		{"T47 INBOX.Sent is Sent", mapper{}, []string{"INBOX", "INBOX/Sent", "INBOX/Projects", "INBOX/Sent/Old"}, "INBOX, Sent, INBOX/Projects, Sent/Old"},
		{"Gmail", mapper{}, []string{"[Gmail]", "[Gmail]/Sent Mail", "[Gmail]/All Mail=all"}, "[Gmail], Sent, [Gmail]/All Mail"},
		{"deep names are no roles", mapper{}, []string{"A", "A/Sent", "A/B", "A/B/Trash"}, "A, A/Sent, A/B, A/B/Trash"},
		{"T40 siblings of one name", mapper{}, []string{"A", "A", "A/x", "a"}, "A, A (2) !, A (2)/x, a"},
		{"T40 merged", mapper{merge: true}, []string{"A", "A"}, "A, A !"},
		{"T46 slashes in names", mapper{}, []string{`a\/b`, `a\/b/c.d`, " lead"}, `a\/b, a\/b/c.d,  lead`},
		{"rules", mapper{rules: []MapRule{{"", "Old"}, {"Work/X", "Y"}, {"Sent", "Out"}}}, []string{"INBOX", "Work", "Work/X", "Work/X/z", "Sent"}, "Old/INBOX, Old/Work, Y, Y/z, Out"},
		{"a prefix taken away", mapper{rules: []MapRule{{"Top of Personal Folders", ""}}}, []string{"Top of Personal Folders/A", "Top of Personal Folders"}, "A, INBOX"},
		{"rules may merge", mapper{rules: []MapRule{{"A", "X"}, {"B", "X"}}}, []string{"A", "B"}, "X, X"},
		{"no roles", mapper{noRoles: true}, []string{"Gesendete Elemente", "Inbox"}, "Gesendete Elemente, Inbox"},
		{"one folder for a role", mapper{}, []string{"Sent Items", "Sent Messages", "Gesendet"}, "Sent, Sent Messages, Gesendet"},
	} {
		if got := mapped(&c.m, c.src...); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestRecordedPlacesStay(t *testing.T) {
	m := &mapper{}
	list := folders("Sent", "Gesendete Objekte=sent")
	got := m.all(list, map[string][]string{"0": {"Sent"}})
	if transport.JoinPath(got[0].path) != "Sent" || transport.JoinPath(got[1].path) != "Sent (2)" {
		t.Errorf("%v", got)
	}
}

func TestParseMapRule(t *testing.T) {
	for s, want := range map[string]MapRule{"A=B": {"A", "B"}, `A\=1=B=2`: {"A=1", "B=2"}, "=Archive": {"", "Archive"}, "A/B=": {"A/B", ""}} {
		if r, ok := ParseMapRule(s); !ok || r != want {
			t.Errorf("%q: %+v", s, r)
		}
	}
	if _, ok := ParseMapRule("none"); ok {
		t.Error("a rule without =")
	}
}

func TestNoNameHasTwoRoles(t *testing.T) {
	seen := map[string]transport.Role{}
	for role, names := range localised {
		for n := range strings.SplitSeq(names, "|") {
			if other, ok := seen[n]; ok {
				t.Errorf("%q is %s and %s", n, role, other)
			}
			if n != strings.ToLower(n) || strings.TrimSpace(n) != n {
				t.Errorf("%q is not in lower case", n)
			}
			seen[n] = role
		}
	}
}
