package contact

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/mime/vcard"
)

var ctx = context.Background()

var versions = []string{vcard.V21, vcard.V30, vcard.V40}

func importAll(t testing.TB, s string) []*Item {
	t.Helper()
	var items []*Item
	for it, err := range Import(ctx, strings.NewReader(s), int64(len(s))) {
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, it)
	}
	return items
}

func export(t testing.TB, m *mapi.Message, version string) (string, *ExportReport) {
	t.Helper()
	var b bytes.Buffer
	rep, err := Export(ctx, &b, m, &ExportOptions{Version: version})
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), rep
}

func cards(t testing.TB, s string) []*vcard.Card {
	t.Helper()
	r, err := vcard.NewReader(strings.NewReader(s), int64(len(s)))
	if err != nil {
		t.Fatal(err)
	}
	var list []*vcard.Card
	for {
		c, err := r.Next()
		if err != nil {
			return list
		}
		list = append(list, c)
	}
}

// said is what a line says, with its content.
func said(t testing.TB, l *vcard.Line) string {
	t.Helper()
	s := key(l)
	if l.Data != nil {
		b, err := mapi.ReadBlob(ctx, l.Data, 1<<24)
		if err != nil {
			t.Fatal(err)
		}
		s += "\x00" + string(b)
	}
	return s
}

// without is the properties that are not of [CardSet].
func without(ps mapi.Properties) mapi.Properties {
	var out mapi.Properties
	for _, p := range ps {
		if p.Name == nil || p.Name.Set != CardSet {
			out = append(out, p)
		}
	}
	return out
}

// checkCard holds a card against what its message gives back.
func checkCard(t *testing.T, c *vcard.Card) {
	t.Helper()
	it := FromCard(ctx, c)
	// In its own version every line comes back.
	text, _ := export(t, it.Message, versionOf(c.Version))
	back := cards(t, text)
	if len(back) != 1 {
		t.Fatalf("%d cards of\n%s", len(back), text)
	}
	have := map[string]int{}
	for i := range back[0].Lines {
		have[said(t, &back[0].Lines[i])]++
	}
	for i := range c.Lines {
		l := &c.Lines[i]
		if l.Name == "CATEGORIES" || l.Value == "" && l.Data == nil && l.Long == nil {
			continue
		}
		if k := said(t, l); have[k] == 0 {
			t.Errorf("lost: %.200q\n%s", l.String(), text)
		} else {
			have[k]--
		}
	}
	// In every version the properties come back, and the next time nothing
	// changes any more.
	for _, v := range versions {
		text, _ := export(t, it.Message, v)
		again := importAll(t, text)
		if len(again) != 1 {
			t.Fatalf("%s: %d cards of\n%s", v, len(again), text)
		}
		for _, d := range mapitest.DiffProperties(without(it.Message.Props), without(again[0].Message.Props)) {
			t.Errorf("%s: %s", v, d)
		}
		if a, b := len(it.Message.Attachments), len(again[0].Message.Attachments); a != b {
			t.Errorf("%s: %d attachments, then %d", v, a, b)
		}
		if second, _ := export(t, again[0].Message, v); second != text {
			t.Errorf("%s: not stable:\n%s", v, difference(text, second))
		}
	}
}

// difference is the lines that only one of two texts has.
func difference(a, b string) string {
	var out strings.Builder
	for i, pair := range [2][2]string{{a, b}, {b, a}} {
		for l := range strings.SplitSeq(pair[0], "\r\n") {
			if !strings.Contains(pair[1], l+"\r\n") {
				out.WriteString([]string{"- ", "+ "}[i] + l + "\n")
			}
		}
	}
	return out.String()
}

func TestCorpusCards(t *testing.T) {
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	files, n, kept, all := 0, 0, 0, 0
	err := filepath.WalkDir(filepath.Join(dir, "vcf"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		t.Run(filepath.Base(path), func(t *testing.T) {
			if len(importAll(t, string(b))) == 0 {
				t.Error("refused")
			}
			for _, c := range cards(t, string(b)) {
				n++
				all += len(c.Lines)
				checkCard(t, c)
				kept += len(texts(FromCard(ctx, c).Message.Props, NameLines))
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d cards, %d lines, %d of them kept as they are", files, n, all, kept)
}
