package report

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// Text that strangers wrote makes no markup, wherever it stands.
func FuzzText(f *testing.F) {
	f.Add(hostile, `" onmouseover="x`, "</article>", "a")
	f.Add("<!--", "-->", "javascript:x", "{{.}}")
	f.Add("\x00\xff", "&lt;b&gt;", "`", "]]>")
	f.Fuzz(func(t *testing.T, subject, folder, detail, note string) {
		tags := func(subject, folder, detail, note string) string {
			r := row{Folder: folder, Sink: folder + "x", Notes: []ledger.Note{{Kind: ledger.Loss, Name: note, Detail: detail, Severe: true}}}
			r.State, r.Reason, r.Detail = ledger.Failed, note, detail
			r.Meta = transport.Meta{Key: transport.Key(note), Subject: subject}
			var b bytes.Buffer
			if err := pages().ExecuteTemplate(&b, "item", r); err != nil {
				t.Fatal(err)
			}
			var out []string
			z := html.NewTokenizer(&b)
			for z.Next() != html.ErrorToken {
				if tok := z.Token(); tok.Type != html.TextToken {
					s := tok.Data
					for _, a := range tok.Attr {
						s += " " + a.Key
					}
					out = append(out, s)
				}
			}
			return strings.Join(out, ",")
		}
		if subject == "" || detail == "" || note == "" || folder == "" {
			return
		}
		if got, want := tags(subject, folder, detail, note), tags("a", "b", "c", "d"); got != want {
			t.Errorf("tags %s, want %s", got, want)
		}
	})
}
