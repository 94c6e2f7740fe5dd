package doc_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every case of field-cases.md that is about servers has a row, and every test
// named there exists in the package that is named.
func TestFieldCasesHaveTests(t *testing.T) {
	b, err := os.ReadFile("field-cases.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`^\| (T\d\d) \| [^|]+ \| ([^|]+) \|$`)
	tests := map[string][]string{} // of a package
	var have []string
	for line := range strings.SplitSeq(string(b), "\n") {
		if !strings.HasPrefix(line, "| T") {
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("no row: %q", line)
			continue
		}
		have = append(have, m[1])
		for part := range strings.SplitSeq(m[2], "; ") {
			pkg, names, ok := strings.Cut(strings.TrimPrefix(part, "`"), "` ")
			if !ok {
				t.Errorf("%s: %q names no package", m[1], part)
				continue
			}
			if tests[pkg] == nil {
				tests[pkg] = testsOf(t, pkg)
			}
			for name := range strings.SplitSeq(names, ", ") {
				if !slices.Contains(tests[pkg], name) {
					t.Errorf("%s: there is no test %q in %s", m[1], name, pkg)
				}
				// A test with a number in its name is about that case.
				if strings.HasPrefix(name, "TestT") && !strings.Contains(name, m[1]) && regexp.MustCompile(`^TestT\d\d`).MatchString(name) {
					t.Errorf("%s: %s is about another case", m[1], name)
				}
			}
		}
	}
	want := strings.Fields("T41 T42 T43 T44 T45 T46 T47 T48 T49 T50 T51 T52 T53 T54 T55 T56 T72 T74")
	if !slices.Equal(have, want) {
		t.Errorf("the rows are %q, want %q", have, want)
	}
}

// testsOf lists the tests of a package.
func testsOf(t *testing.T, pkg string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("there are no tests in %s: %v", pkg, err)
	}
	fn := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fn.FindAllStringSubmatch(string(b), -1) {
			names = append(names, m[1])
		}
	}
	return names
}
