package page_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/mailconv/mailconv/converters/page"
)

// A mail can name one image, and the name that stands for it on the way,
// without end; the page has an end.
func TestImagesDoNotMultiplyWithoutEnd(t *testing.T) {
	picture := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 1<<20))
	mail := "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" +
		"<img src='cid:p'>" + strings.Repeat("x-mailconv-part:0 ", 200) + strings.Repeat("<img src='cid:p'>", 200) +
		"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <p>\r\nContent-Transfer-Encoding: base64\r\n\r\n" + picture + "\r\n--b--\r\n"
	var out bytes.Buffer
	if err := page.New(parse(t, mail)).WriteHTML(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if n := out.Len(); n < 60<<20 || n > 100<<20 {
		t.Errorf("the page has %d MiB", n>>20)
	}
}

// FuzzHTML holds that nothing of a mail's HTML acts: the page has one script,
// our own, and the frame has none.
func FuzzHTML(f *testing.F) {
	f.Add("<p onclick='x()'>a</p><script>b</script><img src=cid:p>")
	f.Add("<style></style><svg><script>x</script></svg><math><mtext><style><img onerror=x>")
	f.Add("\"></iframe><script>x</script>")
	f.Add("<a href=' java\tscript:x'>y</a><base href=//x><meta http-equiv=refresh content=0>")
	f.Fuzz(func(t *testing.T, body string) {
		mail := "Subject: " + strings.Map(oneLine, body) + "\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
		var out bytes.Buffer
		if err := page.New(parse(t, mail)).WriteHTML(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(&out)
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		walk(doc, func(n *html.Node) {
			count[n.Data]++
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") {
					t.Errorf("the page has %s=%q", a.Key, a.Val)
				}
				if n.Data == "iframe" && a.Key == "srcdoc" {
					frame(t, a.Val)
				}
			}
		})
		if count["script"] != 1 || count["iframe"] != 1 || count["h1"] != 1 {
			t.Errorf("%v", count)
		}
	})
}

func oneLine(r rune) rune {
	if r < ' ' {
		return ' '
	}
	return r
}

func frame(t *testing.T, doc string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	metas, bases := 0, 0
	walk(root, func(n *html.Node) {
		switch n.Data {
		case "script", "iframe", "frame", "object", "embed", "form", "input", "button", "link", "svg", "math", "video", "audio":
			t.Errorf("the frame has <%s>", n.Data)
		case "meta":
			metas++
		case "base":
			bases++
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.Contains(strings.ToLower(fmt.Sprint(a.Key, a.Val)), "javascript:") && a.Key != "alt" && a.Key != "title" && a.Key != "name" && a.Key != "class" && a.Key != "id" && a.Key != "style" {
				t.Errorf("the frame has <%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	})
	if metas != 1 || bases != 1 {
		t.Errorf("%d meta and %d base, one of each is ours", metas, bases)
	}
}

func walk(n *html.Node, visit func(*html.Node)) {
	if n.Type == html.ElementNode {
		visit(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, visit)
	}
}
