package converters_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
)

// mails writes every mail of the corpus to a folder of its own as .eml, and
// returns their names: .eml, .emlx, S/MIME, and the mails of mboxes.
func mails(t *testing.T) []string {
	t.Helper()
	corpus := os.Getenv("MAILCONV_CORPUS")
	if corpus == "" {
		t.Skip("MAILCONV_CORPUS is not set")
	}
	var files []string
	for _, pattern := range []string{"eml/*/*.eml", "smime/*/*.eml", "smime/*/*.p7m", "emlx/*/*.emlx", "emlx/*/*/*.emlx", "emlx/*/*/*/*.emlx", "emlx/*/*/*/*/*.emlx", "mbox/*/*"} {
		list, err := filepath.Glob(filepath.Join(corpus, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	dir := t.TempDir()
	var names []string
	cv := &converters.Converter{}
	for it, err := range converters.ReadFiles(t.Context(), files, nil, cv) {
		if err != nil {
			// A bare CMS object is no mail.
			if !strings.HasSuffix(it.File, ".p7m") && filepath.Base(it.File) != "invalid.emlx" {
				t.Errorf("%s is refused: %v", it.File, err)
			}
			continue
		}
		if it.Form != transport.FormMIME {
			continue
		}
		name := filepath.Join(dir, fmt.Sprintf("%04d.eml", len(names)))
		f, ok := converters.ByName("eml")
		if !ok {
			t.Fatal("there is no format eml")
		}
		if err := converters.WriteFile(name, func(w io.Writer) error { return f.Write(t.Context(), w, it.Item, cv) }); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// toMSG converts each mail to a .msg beside it.
func toMSG(t *testing.T, names []string, cv *converters.Converter) []string {
	t.Helper()
	to, _ := converters.ByName("msg")
	b := &converters.Batch{To: to, Converter: cv, Force: true, Done: func(r converters.Result) {
		for _, err := range append(r.Errs, r.Err) {
			if err != nil {
				t.Errorf("%s is refused: %v", r.In, err)
			}
		}
	}}
	if _, err := b.Run(t.Context(), names); err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.TrimSuffix(n, ".eml") + ".msg"
	}
	return out
}

// judge runs a program that reads names from standard input and prints a line
// of JSON for each.
func judge[T any](t *testing.T, names []string, command ...string) map[string]T {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(strings.Join(names, "\n") + "\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", command[0], err, stderr.String())
	}
	found := map[string]T{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var head struct{ File string }
		var v T
		if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		found[head.File] = v
	}
	return found
}

// needs skips the test, loudly, where a judge is not installed.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("LEFT OUT: %s is not installed (make test-deps)", p)
		}
	}
}

type pythonMail struct {
	Error             *string
	Subject           *string
	From, To, Cc, Bcc []string
	Sender            []string
	Type              string
	Attachments       []judgedAttachment
	Defects           []string
}

type judgedAttachment struct {
	Type, Name, SHA256, Disposition string
	Size                            int64
	Embedded                        bool
}

type poiMessage struct {
	Error       *string
	Class       string
	Subject     *string
	From        *string
	Recipients  []string
	Attachments []judgedAttachment
}

// poi is the class path of Apache POI as Debian lays it out.
const poi = "/usr/share/java/poi.jar:/usr/share/java/poi-scratchpad.jar:/usr/share/java/commons-math3.jar:/usr/share/java/commons-collections4.jar:/usr/share/java/commons-codec.jar"

// squeeze makes texts comparable whose white space and unprintable characters
// two readers treat differently.
func squeeze(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == 0xFFFD || r == 0xFEFF
	}), " ")
}

// maxUnexplained are mails that Python and we read differently, and where
// neither is right by a specification: two From fields, a display name with an
// @ and no quotes.
const maxUnexplained = 4

// tally counts differences by kind, so that a change shows.
type tally struct {
	files int
	kinds map[string]int
	notes []string
}

func (c *tally) add(kind, file, detail string) {
	if c.kinds == nil {
		c.kinds = map[string]int{}
	}
	c.kinds[kind]++
	c.notes = append(c.notes, fmt.Sprintf("%s: %s: %s", kind, filepath.Base(file), detail))
}

func (c *tally) log(t *testing.T) {
	t.Helper()
	t.Logf("%d files compared", c.files)
	for _, k := range slices.Sorted(maps.Keys(c.kinds)) {
		t.Logf("%5d  %s", c.kinds[k], k)
	}
	unexplained := 0
	for _, n := range c.notes {
		t.Log(n)
		if strings.HasPrefix(n, "unexplained") {
			unexplained++
		}
	}
	if unexplained > maxUnexplained {
		t.Errorf("%d differences are not explained, at most %d are known", unexplained, maxUnexplained)
	}
}
