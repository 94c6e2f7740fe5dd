package doc_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every row of specs.md names packages that exist, and says how far we are in
// one of the words that its head explains.
func TestSpecsNamePackages(t *testing.T) {
	b, err := os.ReadFile("specs.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, p := range list(t) {
		known[strings.TrimPrefix(p.ImportPath, module)] = true
	}
	state := regexp.MustCompile(`^(yes|partly|planned)\b`)
	rows := 0
	for line := range strings.SplitSeq(string(b), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| Spec") {
			continue
		}
		cols := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cols) != 3 {
			t.Errorf("%d columns in %q, want 3", len(cols), line)
			continue
		}
		rows++
		if !state.MatchString(cols[2]) {
			t.Errorf("%s: state %q begins with none of yes, partly, planned", cols[0], cols[2])
		}
		if strings.HasPrefix(cols[2], "planned") {
			continue
		}
		for name := range strings.SplitSeq(cols[1], ", ") {
			if name = strings.Trim(name, "`"); !known[name] {
				t.Errorf("%s: there is no package %s", cols[0], name)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d rows were found", rows)
	}
}

// A specification cited in the code has its row.
func TestCitedSpecsHaveARow(t *testing.T) {
	b, err := os.ReadFile("specs.md")
	if err != nil {
		t.Fatal(err)
	}
	cite := regexp.MustCompile(`\[MS-[A-Z0-9]+\]`)
	missing := map[string]string{}
	for _, f := range goFiles(t) {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cite.FindAllString(string(src), -1) {
			if !strings.Contains(string(b), c) {
				missing[c] = f
			}
		}
	}
	for c, f := range missing {
		t.Errorf("%s is cited in %s and has no row in specs.md", c, f)
	}
}
