package migrate

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
)

func mendAll(in []byte) ([]byte, string, error) {
	var out bytes.Buffer
	m := mender{in: bufio.NewReader(bytes.NewReader(in)), out: bufio.NewWriter(&out), header: true}
	err := m.run()
	m.out.Flush()
	return out.Bytes(), m.changes(), err
}

// What was mended keeps the rules, mending it again changes nothing, and a mail
// that keeps them is not changed at all.
func FuzzMend(f *testing.F) {
	f.Add([]byte("Subject: x\r\n\r\nbody\r\n"))
	f.Add([]byte("Subject: x\nA: b\rC: \x00\n\nbody"))
	f.Add([]byte("Subject: " + strings.Repeat("word ", 400) + "\r\n\r\n" + strings.Repeat("x", 3000)))
	f.Add([]byte("X" + strings.Repeat("y", 1500) + "\r\r\n\r"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, changes, err := mendAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if (changes == "") != bytes.Equal(in, out) {
			t.Errorf("changes %q, the same: %v", changes, bytes.Equal(in, out))
		}
		for line := range strings.SplitSeq(string(out), "\r\n") {
			if len(line) > maxLine || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("line of %d bytes: %.60q", len(line), line)
			}
		}
		if again, changes, _ := mendAll(out); changes != "" || !bytes.Equal(again, out) {
			t.Errorf("mending twice: %s", changes)
		}
		strip := func(b []byte) string {
			return strings.NewReplacer("\r", "", "\n", "", "\x00", "", " ", "").Replace(string(b))
		}
		if strip(in) != strip(out) {
			t.Error("text was lost")
		}
	})
}

// A plan that was edited, or is none, is an error and never a panic.
func FuzzPlan(f *testing.F) {
	f.Add([]byte(`{"plan":1,"source":"a","sink":"b"}` + "\n" + `{"folder":{"id":"1","source":"A","sink":"B"}}` + "\n" + `{"item":{"action":"copy","key":"1"}}`))
	f.Add([]byte(`{"plan":1}{"folder":null}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, in []byte) {
		p := &Plan{Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(in)), nil }}
		n := 0
		for _, err := range p.entries() {
			if n++; n > len(in)+1 {
				t.Fatal("no end")
			}
			if err != nil && !strings.HasPrefix(err.Error(), "plan: ") {
				t.Error(err)
			}
		}
	})
}
