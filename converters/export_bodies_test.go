package converters_test

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/emersion/go-message"
	"golang.org/x/net/html"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/msg"
)

// TestExportCorpusEncapsulatedHTML: all HTML that is encapsulated in RTF arrives
// as text/html, and where the message also holds the text or the HTML itself,
// 95 of 100 words are there. T05, T07
func TestExportCorpusEncapsulatedHTML(t *testing.T) {
	dir := corpus(t)
	ctx := context.Background()
	total, compared := 0, 0
	for _, p := range corpusMessages(t, dir) {
		f, err := msg.Open(p, nil)
		if err != nil {
			continue
		}
		rel, _ := filepath.Rel(dir, p)
		m := f.Message
		v, ok := m.Props.Get(mapi.PidTagRtfCompressed)
		if ok && !strings.HasPrefix(strings.ToUpper(m.Class()), "IPM.NOTE.SMIME") {
			if kind, err := rtf.Detect(ctx, v.Blob()); err == nil && kind == rtf.HTML {
				total++
				var b bytes.Buffer
				if _, err := mime.Export(ctx, &b, m, nil); err != nil {
					t.Errorf("%s: %v", rel, err)
				}
				page := htmlBody(t, rel, &b)
				if page == "" {
					t.Errorf("%s: no text/html", rel)
				} else if compareWords(t, rel, m, page) {
					compared++
				}
			}
		}
		f.Close()
	}
	t.Logf("%d messages with HTML inside RTF, %d compared with their text", total, compared)
	if total < 100 {
		t.Errorf("%d messages with HTML inside RTF, the corpus has more", total)
	}
}

// htmlBody is the text/html of a mail that is no attachment.
func htmlBody(t *testing.T, rel string, r io.Reader) string {
	e, err := message.Read(r)
	if err != nil {
		t.Fatalf("%s: %v", rel, err)
	}
	page := ""
	err = e.Walk(func(path []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		typ, _, _ := e.Header.ContentType()
		if typ != "text/html" || page != "" || e.Header.Has("Content-Disposition") {
			return nil
		}
		b, err := io.ReadAll(e.Body)
		page = string(b)
		return err
	})
	if err != nil {
		t.Errorf("%s: %v", rel, err)
	}
	return page
}

// otherText are files whose text is another than the HTML: the program that
// wrote them put a notice in front of PidTagBody only.
var otherText = map[string]bool{
	"msg/aspose.email-for-.net/EmbeddedImage.msg":  true,
	"msg/aspose.email-for-.net/EmbeddedImage1.msg": true,
	"msg/aspose.email-for-.net/MsgHeaders.msg":     true,
}

// compareWords looks for the words of PidTagBody and of PidTagHtml in the page.
func compareWords(t *testing.T, rel string, m *mapi.Message, page string) bool {
	have := make(map[string]int)
	for _, w := range words(pageText(page)) {
		have[w]++
	}
	compared := false
	check := func(what, s string) {
		want := words(s)
		if len(want) < 5 {
			return
		}
		compared = true
		left := make(map[string]int, len(have))
		for w, n := range have {
			left[w] = n
		}
		found := 0
		var missing []string
		for _, w := range want {
			if left[w] > 0 {
				left[w]--
				found++
			} else if len(missing) < 8 {
				missing = append(missing, w)
			}
		}
		if found*100 < len(want)*95 && !otherText[filepath.ToSlash(rel)] {
			t.Errorf("%s: %d of %d words of %s are in the HTML; missing %q", rel, found, len(want), what, missing)
		}
	}
	if v, ok := m.Props.Get(mapi.PidTagBody); ok {
		r, err := v.OpenText(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r)
		r.Close()
		// QUIRK: UTF-16 under PtypString8, corpus msg/aspose.email-for-.net/
		// POP3__Message.msg. Zeros are no text in any form.
		check("PidTagBody", plainText(strings.ReplaceAll(string(b), "\x00", "")))
	}
	return compared
}

// plainText leaves out what only the text has: the targets of links in angle
// brackets, and the names of pictures.
func plainText(s string) string {
	for _, pair := range [][2]string{{"<http", ">"}, {"<mailto", ">"}, {"[cid:", "]"}, {"HYPERLINK", "\n"}, {"<file", ">"}, {"<tel", ">"}} {
		for {
			i := strings.Index(s, pair[0])
			if i < 0 {
				break
			}
			j := strings.Index(s[i:], pair[1])
			if j < 0 {
				break
			}
			s = s[:i] + " " + s[i+j+len(pair[1]):]
		}
	}
	return s
}

func pageText(page string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	skip := 0
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return b.String()
		}
		tok := z.Token()
		hidden := tok.Data == "style" || tok.Data == "script" || tok.Data == "title"
		switch kind {
		case html.TextToken:
			if skip <= 0 {
				b.WriteString(tok.Data)
			}
			continue
		case html.StartTagToken:
			if hidden {
				skip++
			}
		case html.EndTagToken:
			if hidden {
				skip--
			}
		}
		if blocks[tok.Data] {
			b.WriteByte(' ')
		}
		// Text made of HTML has the description in place of a picture.
		for _, a := range tok.Attr {
			if a.Key == "alt" {
				b.WriteString(" " + a.Val + " ")
			}
		}
	}
}

var blocks = map[string]bool{
	"p": true, "br": true, "div": true, "td": true, "th": true, "tr": true, "li": true, "h1": true, "h2": true,
	"h3": true, "h4": true, "pre": true, "table": true, "blockquote": true, "ul": true, "ol": true, "hr": true, "img": true, "center": true,
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
