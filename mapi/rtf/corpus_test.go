package rtf_test

import (
	"bytes"
	"context"
	"html"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/msg"
)

func corpus(t *testing.T, kind, pattern string) []string {
	t.Helper()
	root := os.Getenv("MAILCONV_CORPUS")
	if root == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	var names []string
	filepath.WalkDir(filepath.Join(root, kind), func(name string, d fs.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, filepath.Base(name)); ok && err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return nil
	})
	if len(names) == 0 {
		t.Fatalf("no %s in %s/%s", pattern, root, kind)
	}
	return names
}

func eachMessage(m *mapi.Message, f func(*mapi.Message)) {
	f(m)
	for _, a := range m.Attachments {
		if a.Embedded != nil {
			eachMessage(a.Embedded, f)
		}
	}
}

var (
	imageText = regexp.MustCompile(`(?is)\salt=("[^"]*"|'[^']*')`)
	noText    = regexp.MustCompile(`(?is)<!--.*?-->|<style.*?</style>|<script.*?</script>|<title.*?</title>|<[^>]*>`)
	// What Outlook adds to PidTagBody and the HTML does not show: addresses of
	// links and images, rules, list and quote marks.
	added = regexp.MustCompile(`(?s)<[^<>]*>|\[cid:[^\]]*\]|\[http[^\]]*\]|\[[^\]]{0,80}\]|_{3,}|-{3,}|\*`)
)

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0xA0 || r == 0xFEFF || r == 0x200B || strings.ContainsRune(".,;:!?()[]<>\"'*|-_=•·", r)
	})
}

// share is the part of the words of b that are also in a.
func share(a, b []string) float64 {
	if len(b) == 0 {
		return 1
	}
	n := make(map[string]int)
	for _, w := range a {
		n[w]++
	}
	hit := 0
	for _, w := range b {
		if n[w] > 0 {
			n[w]--
			hit++
		}
	}
	return float64(hit) / float64(len(b))
}

// textOf is the text of HTML, with the words that stand for its images.
func textOf(s string) string {
	for _, m := range imageText.FindAllStringSubmatch(s, -1) {
		s += " " + strings.Trim(m[1], "\"'")
	}
	return html.UnescapeString(noText.ReplaceAllString(s, " "))
}

func size(w []string) (n int) {
	for _, s := range w {
		n += utf8.RuneCountInString(s)
	}
	return n
}

// TestCorpusBodies: the RTF body of every message is read; where HTML or text
// is stored beside it, its words agree (T05, T07). The messages in which they
// do not, because the two bodies differ in the file, are listed with the
// reason.
func TestCorpusBodies(t *testing.T) {
	differ := map[string]string{
		"POP3__Message.msg": "PidTagBody holds UTF-16 in a PtypString8",
	}
	kinds := map[rtf.Kind]int{}
	var compared, texts int
	for _, name := range corpus(t, "msg", "*.msg") {
		f, err := msg.Open(name, nil)
		if err != nil {
			continue // the tests of msg speak of those
		}
		base := filepath.Base(name)
		eachMessage(f.Message, func(m *mapi.Message) {
			v, ok := m.Props.Get(mapi.PidTagRtfCompressed)
			if !ok || v.Size() == 0 {
				return
			}
			r, err := v.Blob().Open(context.Background())
			if err != nil {
				t.Errorf("%s: %v", base, err)
				return
			}
			defer r.Close()
			d := rtf.NewReader(r)
			raw, err := io.ReadAll(d)
			if err != nil || d.Problems().Severe() {
				t.Errorf("%s: %v, %v", base, err, d.Problems())
				return
			}
			if c := rtf.Compressed(raw); int64(len(c)) > v.Size() && bytes.HasPrefix(v.Raw()[8:], []byte("LZFu")) {
				t.Errorf("%s: compressed again to %d bytes, Outlook has %d", base, len(c), v.Size())
			}
			opts := &rtf.Options{CodePage: codepage.OfMessage(m.Props)}
			var h, x bytes.Buffer
			res, err := rtf.ToHTML(&h, bytes.NewReader(raw), opts)
			if err != nil {
				t.Errorf("%s: %v", base, err)
				return
			}
			if _, err := rtf.ToText(&x, bytes.NewReader(raw), opts); err != nil {
				t.Errorf("%s: %v", base, err)
			}
			kinds[res.Kind]++
			if n := strings.Count(h.String(), "\uFFFD"); n > 0 {
				t.Logf("%s: %d characters that cannot be read, %v", base, n, res.Problems)
			}
			shown := words(textOf(h.String()))
			if stored := storedHTML(m); stored != "" && res.Kind == rtf.HTML {
				compared++
				if s := share(shown, words(textOf(stored))); s < 0.95 {
					t.Errorf("%s: %.3f of the words of the stored HTML", base, s)
				}
			}
			body := m.Props.Text(mapi.PidTagBody)
			if res.Kind == rtf.HTML && strings.Contains(body, "evaluation copy of Aspose") && !strings.Contains(h.String(), "evaluation copy") {
				return // the tool that wrote the sample added to one body only
			}
			want := words(added.ReplaceAllString(body, " "))
			if size(want) == 0 {
				return
			}
			texts++
			got := shown
			if res.Kind != rtf.HTML {
				got = words(x.String())
				if res.Kind == rtf.Text {
					want = words(body)
				}
			}
			// Inline tags cut words of shown; the text has them whole.
			s := max(share(got, want), share(words(x.String()), want))
			length := float64(size(got)) / float64(size(want))
			if (s < 0.95 && len(want) > 20 || length < 0.95) && differ[base] == "" {
				t.Errorf("%s (%v): %.3f of the words of PidTagBody, %.2f of its length", base, res.Kind, s, length)
			}
		})
		f.Close()
	}
	t.Logf("%v; %d compared with stored HTML, %d with stored text", kinds, compared, texts)
}

func storedHTML(m *mapi.Message) string {
	v, ok := m.Props.Get(mapi.PidTagHtml)
	if !ok {
		return ""
	}
	page := 65001
	if n, ok := m.Props.Int(mapi.PidTagInternetCodepage); ok {
		page = int(n)
	}
	cs, _ := codepage.Get(page)
	raw, err := mapi.ReadBlob(context.Background(), v.Blob(), 8<<20)
	if err != nil {
		return ""
	}
	s, _ := cs.Decode(raw)
	return s
}

// TestCorpusRTF: every RTF file of the corpus converts, and its HTML goes into
// RTF and comes back the same.
func TestCorpusRTF(t *testing.T) {
	for _, name := range corpus(t, "rtf", "*") {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(name)
		if !bytes.HasPrefix(raw, []byte("{\\rtf")) {
			d := rtf.NewReader(bytes.NewReader(raw))
			if raw, err = io.ReadAll(d); err != nil || d.Problems().Severe() {
				t.Errorf("%s: %v, %v", base, err, d.Problems())
				continue
			}
		}
		var h, x bytes.Buffer
		if _, err := rtf.ToHTML(&h, bytes.NewReader(raw), nil); err != nil {
			t.Errorf("%s: %v", base, err)
		}
		if _, err := rtf.ToText(&x, bytes.NewReader(raw), nil); err != nil {
			t.Errorf("%s: %v", base, err)
		}
		var again, back bytes.Buffer
		if err := rtf.FromHTML(&again, bytes.NewReader(h.Bytes())); err != nil {
			t.Fatal(err)
		}
		if _, err := rtf.ToHTML(&back, &again, &rtf.Options{KeepCharset: true}); err != nil || !bytes.Equal(back.Bytes(), h.Bytes()) {
			t.Errorf("%s: the HTML does not come back", base)
		}
	}
}
