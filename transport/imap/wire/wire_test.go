package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport/imap/wire"
)

func next(t *testing.T, text string) *wire.Response {
	t.Helper()
	r, err := wire.NewReader(strings.NewReader(text)).Next()
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return r
}

func TestStatusResponses(t *testing.T) {
	for text, want := range map[string]string{
		"* OK [PERMANENTFLAGS (\\Seen a]b \\*)] Limited\r\n": "*|OK|PERMANENTFLAGS|(\\Seen a]b \\*)|Limited",
		"a1 NO  [TRYCREATE]  no such folder\r\n":             "a1|NO|TRYCREATE||no such folder",
		"a1 OK\r\n":                                          "a1|OK|||",
		"* bye [x\r\n":                                       "*|BYE|||[x",
		"+\r\n":                                              "+||||",
		"+ go on\r\n":                                        "+||||go on",
		"\r\n\r\n* OK [ALERT] Grüße\xff\r\n":                 "*|OK|ALERT||Grüße\xff",
		"a2 OK [COPYUID 13 3 2] moved\n":                     "a2|OK|COPYUID|13 3 2|moved",
	} {
		r := next(t, text)
		if got := strings.Join([]string{r.Tag, r.Name, r.Code, r.Arg, r.Text}, "|"); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func flat(v wire.Value) string {
	switch v.Kind {
	case wire.Nil:
		return "NIL"
	case wire.Atom:
		return v.Text
	case wire.String:
		return fmt.Sprintf("%q", v.Text)
	}
	var parts []string
	for _, e := range v.List {
		parts = append(parts, flat(e))
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func TestData(t *testing.T) {
	for text, want := range map[string]string{
		"* LIST (\\HasNoChildren)  \"/\"  {6}\r\na\r\nb c\r\n": `LIST (\HasNoChildren) "/" "a\r\nb c"`,
		"* LIST () NIL M\xe4rz\r\n":                            "LIST () NIL M\xe4rz",
		"* LIST () \"\\\\\" \"a\\\"b\"\r\n":                    `LIST () "\\" "a\"b"`,
		"* STATUS x (MESSAGES 3\r\n":                           "STATUS x (MESSAGES 3)",
		"* X \"open\r\n":                                       `X "open"`,
		"* NAMESPACE ((\"INBOX.\" \".\")) NIL nil\r\n":         `NAMESPACE (("INBOX." ".")) NIL NIL`,
		"* ESEARCH (TAG \"a\") UID ALL 1:3,5\r\n":              `ESEARCH (TAG "a") UID ALL 1:3,5`,
	} {
		r := next(t, text)
		got := r.Name
		for _, v := range r.Values {
			got += " " + flat(v)
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	if r := next(t, "* SEARCH 1 2  4294967295 (MODSEQ 9)\r\n"); !slices.Equal(r.Numbers, []uint32{1, 2, 1<<32 - 1}) {
		t.Errorf("%v", r.Numbers)
	}
	if r := next(t, "* 23 EXISTS\r\n"); r.Num != 23 || r.Name != "EXISTS" {
		t.Errorf("%+v", r)
	}
}

func TestABodyIsAStream(t *testing.T) {
	const huge = 3 << 30
	in := io.MultiReader(strings.NewReader(fmt.Sprintf("* 1 FETCH (UID 7 BODY[] {%d}\r\n", int64(huge))), io.LimitReader(zeros{}, huge), strings.NewReader(" FLAGS (\\Seen))\r\na1 OK done\r\n"))
	r := wire.NewReader(in)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for {
		a, ok, err := r.Attr()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		names = append(names, a.Name)
		if a.Literal != nil {
			// Half of it is read, the rest is skipped.
			if n, err := io.CopyN(io.Discard, a.Literal, huge/64); n != huge/64 || err != nil {
				t.Error(n, err)
			}
		}
	}
	if !slices.Equal(names, []string{"UID", "BODY[]", "FLAGS"}) {
		t.Error(names)
	}
	if res, err := r.Next(); err != nil || res.Tag != "a1" {
		t.Error(res, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestHostileResponsesEndWithAnError(t *testing.T) {
	for name, text := range map[string]string{
		"deep":         "* X " + strings.Repeat("(", 100) + "\r\n",
		"a long word":  "* " + strings.Repeat("x", 2<<20),
		"a long line":  "* OK " + strings.Repeat("x", 2<<20),
		"a long quote": "* X \"" + strings.Repeat("x", 2<<20),
		"many values":  "* X " + strings.Repeat("a ", 1<<19),
		"endless":      "* X {999999999999999999}\r\n",
		"cut":          "* 1 FETCH (UID 3",
	} {
		r := wire.NewReader(strings.NewReader(text))
		res, err := r.Next()
		if err == nil && res.Name == "FETCH" {
			_, _, err = r.Attr()
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMailboxNames(t *testing.T) {
	for name, want := range map[string]string{
		"03_März": "03_M&AOQ-rz", "A&B": "A&-B", "日本語": "&ZeVnLIqe-", "😀": "&2D3eAA-", "a/b": "a/b", "": "", "ü": "&APw-", "~peter/mail/台北/日本語": "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
	} {
		if got := wire.EncodeMailbox(name); got != want {
			t.Errorf("%q is written %q, want %q", name, got, want)
		}
		if got := wire.DecodeMailbox(want); got != name {
			t.Errorf("%q is read %q, want %q", want, got, name)
		}
		if got := wire.DecodeMailbox(name); !strings.Contains(name, "&") && got != name {
			t.Errorf("in UTF-8 %q is read %q", name, got)
		}
	}
	for in, want := range map[string]string{"A&B": "A&B", "A&B-": "A&B-", "M\xe4rz": "März", "&AOQ": "&AOQ", "R&D": "R&D"} {
		if got := wire.DecodeMailbox(in); got != want {
			t.Errorf("%q is read %q, want %q", in, got, want)
		}
	}
}

func TestSets(t *testing.T) {
	set := []uint32{1, 2, 3, 5, 9, 10}
	s := string(wire.AppendSet(nil, set))
	if s != "1:3,5,9:10" {
		t.Error(s)
	}
	if back, ok := wire.ParseSet(s, 6); !ok || !slices.Equal(back, set) {
		t.Error(back, ok)
	}
	for _, bad := range []string{"", "0", "*", "1:*", "a", "1:4294967295", "4294967296"} {
		if _, ok := wire.ParseSet(bad, 6); ok {
			t.Errorf("%q is a set", bad)
		}
	}
}

// sent is what a connection writes for a command, with the server's answers.
func sent(t *testing.T, l wire.Literals, cmd *wire.Command, server string) (string, *wire.Response, error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	out := make(chan string)
	go func() {
		data, _ := io.ReadAll(b)
		out <- string(data)
	}()
	go io.WriteString(b, server)
	c := wire.NewConn(a)
	c.Literals = l
	res, err := c.Do(context.Background(), cmd, nil)
	c.Close()
	return <-out, res, err
}

func TestLiteralsWaitOnlyWhereTheyMust(t *testing.T) {
	body := func(n int) *wire.Command {
		return wire.Cmd("APPEND x").Raw(" ").Literal(int64(n), func(w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat("b", n))
			return err
		})
	}
	for _, tt := range []struct {
		l            wire.Literals
		n            int
		server, want string
	}{
		{wire.Plus, 5000, "m1 OK x\r\n", "{5000+}"},
		{wire.Small, 4096, "m1 OK x\r\n", "{4096+}"},
		{wire.Small, 4097, "+ go\r\nm1 OK x\r\n", "{4097}"},
		{wire.Synchronizing, 1, "* 3 EXISTS\r\n+\r\nm1 OK x\r\n", "{1}"},
	} {
		got, res, err := sent(t, tt.l, body(tt.n), tt.server)
		if err != nil || res.Name != "OK" || !strings.Contains(got, "m1 APPEND x "+tt.want+"\r\nb") || !strings.HasSuffix(got, "b\r\n") {
			t.Errorf("%d bytes: %.60q, %v, %v", tt.n, got, res, err)
		}
	}
	got, res, err := sent(t, wire.Synchronizing, body(10), "m1 NO no room\r\n")
	if err != nil || res.Name != "NO" || strings.Contains(got, "b") {
		t.Errorf("refused before the literal: %q, %v, %v", got, res, err)
	}
	// A body that is shorter than announced ends the connection.
	short := wire.Cmd("APPEND x ").Literal(10, func(w io.Writer) error { _, err := io.WriteString(w, "12345"); return err })
	var own *wire.WriteError
	if _, _, err := sent(t, wire.Plus, short, ""); !errors.As(err, &own) {
		t.Errorf("short: %v", err)
	}
	got, _, _ = sent(t, wire.Plus, wire.Cmd("LOGIN ").String(`a"\b`).Raw(" ").String("pä\r\n"), "m1 OK\r\n")
	if got != "m1 LOGIN \"a\\\"\\\\b\" {5+}\r\npä\r\n\r\n" {
		t.Errorf("strings: %q", got)
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\na1 OK done\r\n",
		"* 1 FETCH (UID 7 FLAGS (\\Seen) INTERNALDATE NIL BODY[] {5}\r\nhello X (a \"b\" {2}\r\nxy))\r\na OK\r\n",
		"* 2 FETCH (BODY[HEADER.FIELDS (A B)]<0> ~{3}\r\nabc UID 9)\r\n",
		"* LIST (\\Noselect) \"/\" {3}\r\na/b\r\n* SEARCH 1 2 3 (MODSEQ 4)\r\n* ESEARCH (TAG \"x\") UID ALL 1:9\r\n",
		"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n+ \r\n* VANISHED (EARLIER) 1:4\r\n* X {9}\r\n",
		"* OK [PERMANENTFLAGS (a]b \\*)] x\r\n* BYE\r\n* 1 FETCH (\"\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r := wire.NewReader(strings.NewReader(in))
		for range len(in) + 2 {
			res, err := r.Next()
			if err != nil {
				return
			}
			res.Args()
			if len(in)%2 == 0 {
				continue // what is left unread is skipped
			}
			for {
				a, ok, err := r.Attr()
				if err != nil || !ok {
					break
				}
				if a.Literal != nil && len(in)%3 == 0 {
					n, err := io.Copy(io.Discard, a.Literal)
					if err == nil && n != a.Literal.Size {
						t.Fatalf("a body of %d bytes has %d", a.Literal.Size, n)
					}
				}
			}
		}
		t.Fatal("the reader stands still")
	})
}

func FuzzMailbox(f *testing.F) {
	f.Add("03_M&AOQ-rz")
	f.Add("A&B-&-")
	f.Fuzz(func(t *testing.T, s string) {
		name := wire.DecodeMailbox(s)
		if back := wire.DecodeMailbox(wire.EncodeMailbox(name)); back != strings.ToValidUTF8(back, "?") || !strings.ContainsRune(name, '\ufffd') && back != name && strings.ToValidUTF8(name, "") == name {
			t.Fatalf("%q is %q and then %q", s, name, back)
		}
	})
}
