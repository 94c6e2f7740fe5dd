package msg

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

// judge finds a Python that has olefile, or skips loudly.
func judge(t *testing.T) string {
	t.Helper()
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(p, "-c", "import olefile").Run() == nil {
			return p
		}
	}
	t.Skip("LEFT OUT: no python3 with olefile (Debian: python3-olefile); no independent reader judges what is written")
	return ""
}

func runJudge(t *testing.T, pairs []byte) {
	t.Helper()
	cmd := exec.Command(judge(t), filepath.Join("testdata", "judge", "msgprops.py"), "--pairs")
	cmd.Stdin = bytes.NewReader(pairs)
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the judge finds differences: %v", err)
	}
}

// TestJudgeCorpusRewritten is what the project promises of MSG to MSG: an
// independent reader finds every property with the same type and bytes.
func TestJudgeCorpusRewritten(t *testing.T) {
	judge(t)
	_, names := corpusFiles(t)
	dir := t.TempDir()
	var pairs bytes.Buffer
	for i, name := range names {
		f, err := Open(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, fmt.Sprintf("%d.msg", i))
		if err := WriteFile(t.Context(), out, f.Message, &WriteOptions{CLSID: f.CLSID}); err != nil {
			t.Fatal(err)
		}
		f.Close()
		fmt.Fprintf(&pairs, "%s\t%s\n", name, out)
	}
	runJudge(t, pairs.Bytes())
}

// TestJudgeSample holds a message with everything in it against the judge:
// written, read, and written again.
func TestJudgeSample(t *testing.T) {
	judge(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.msg"), filepath.Join(dir, "b.msg")
	if err := WriteFile(t.Context(), a, mapitest.Sample(), nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WriteFile(t.Context(), b, f.Message, nil); err != nil {
		t.Fatal(err)
	}
	runJudge(t, fmt.Appendf(nil, "%s\t%s\n", a, b))
}

// TestJudgeNoticesChanges: a judge that finds nothing must be able to find
// something.
func TestJudgeNoticesChanges(t *testing.T) {
	py := judge(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.msg"), filepath.Join(dir, "b.msg")
	m := mapitest.Sample()
	if err := WriteFile(t.Context(), a, m, nil); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(m *mapi.Message){
		"named property": func(m *mapi.Message) {
			m.Props.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "Keywords"}, mapi.MultiStringValue([]string{"rot"}))
		},
		"recipient": func(m *mapi.Message) { m.Recipients = m.Recipients[:2] },
		"text":      func(m *mapi.Message) { m.Props.Set(mapi.PidTagSubject, mapi.StringValue("other")) },
		"attachment": func(m *mapi.Message) {
			m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(mapitest.Large(200_001)[1:]))
		},
		"storage": func(m *mapi.Message) { m.Attachments[3].Storage.Streams[0].Data = mapi.Bytes("Object") },
		"embedded": func(m *mapi.Message) {
			m.Attachments[2].Embedded.Attachments[0].Embedded.Props.Delete(mapi.PidTagSubject)
		},
	} {
		m := mapitest.Sample()
		change(m)
		if err := WriteFile(t.Context(), b, m, nil); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(py, filepath.Join("testdata", "judge", "msgprops.py"), a, b).CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("DIFF")) {
			t.Errorf("%s: the judge sees nothing: %s", name, out)
		}
	}
}

// TestJudgePOI: Apache POI HSMF sees the same in a file and in what this
// package makes of it.
func TestJudgePOI(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: Apache POI is left out")
	}
	var jars []string
	for _, pattern := range []string{"poi.jar", "poi-scratchpad.jar", "commons-*.jar"} {
		found, _ := filepath.Glob(filepath.Join("/usr/share/java", pattern))
		jars = append(jars, found...)
	}
	javac, err := exec.LookPath("javac")
	if err != nil || len(jars) < 2 {
		t.Skip("LEFT OUT: no javac with Apache POI (Debian: libapache-poi-java, a JDK); POI does not judge what is written")
	}
	_, names := corpusFiles(t)
	dir := t.TempDir()
	path := strings.Join(append(jars, dir), string(os.PathListSeparator))
	if out, err := exec.Command(javac, "-cp", path, "-d", dir, filepath.Join("testdata", "judge", "Hsmf.java")).CombinedOutput(); err != nil {
		t.Skipf("LEFT OUT: javac: %v: %s", err, out)
	}
	read := func(names []string) []string {
		cmd := exec.Command("java", append([]string{"-Dfile.encoding=UTF-8", "-Dpoi.log.level=9", "-cp", path, "Hsmf"}, names...)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("java: %v", err)
		}
		return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	}
	rewritten := make([]string, len(names))
	for i, name := range names {
		f, err := Open(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		rewritten[i] = filepath.Join(dir, fmt.Sprintf("%d.msg", i))
		if err := WriteFile(t.Context(), rewritten[i], f.Message, nil); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	before, after := read(names), read(rewritten)
	if len(before) != len(names) || len(after) != len(names) {
		t.Fatalf("%d files, POI answers %d and %d lines", len(names), len(before), len(after))
	}
	unreadable := 0
	for i := range before {
		if strings.HasPrefix(before[i], "cannot be read") {
			unreadable++
			continue // what POI cannot read may become readable
		}
		if before[i] != after[i] {
			t.Errorf("%s:\n%s\n%s", filepath.Base(names[i]), before[i], after[i])
		}
	}
	t.Logf("%d files, of which POI cannot read %d", len(names), unreadable)
}
