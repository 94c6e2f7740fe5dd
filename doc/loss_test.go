package doc_test

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

func TestLossReasonsAreTheDocumentedOnes(t *testing.T) {
	src, err := os.ReadFile("../mapi/loss.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("loss.md")
	if err != nil {
		t.Fatal(err)
	}
	var code, table []string
	for _, m := range regexp.MustCompile(`LossReason = "([a-z-]+)"`).FindAllSubmatch(src, -1) {
		code = append(code, string(m[1]))
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllSubmatch(doc, -1) {
		table = append(table, string(m[1]))
	}
	slices.Sort(code)
	slices.Sort(table)
	if len(code) == 0 || !slices.Equal(code, table) {
		t.Errorf("code has %v, loss.md has %v", code, table)
	}
}
