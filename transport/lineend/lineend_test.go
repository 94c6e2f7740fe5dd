package lineend_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/lineend"
)

// store writes a mail in pieces and returns what lies in the file.
func store(t *testing.T, mail string, piece int) (stored string, changed bool) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("before")
	s := lineend.NewStorer(f, 6)
	for rest := []byte(mail); len(rest) > 0; {
		n := min(piece, len(rest))
		if k, err := s.Write(rest[:n]); err != nil || k != n {
			t.Fatal(k, err)
		}
		rest = rest[n:]
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f.WriteString("after")
	b, _ := os.ReadFile(f.Name())
	in, ok1 := strings.CutPrefix(string(b), "before")
	in, ok2 := strings.CutSuffix(in, "after")
	if !ok1 || !ok2 || int64(len(in)) != s.Size() {
		t.Fatalf("the file holds %q, Size is %d", b, s.Size())
	}
	return in, s.Changed()
}

func load(t *testing.T, stored string) string {
	t.Helper()
	b, err := lineend.Load(context.Background(), mapi.Bytes(stored))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := b.Open(context.Background())
	out, err := io.ReadAll(r)
	if err != nil || int64(len(out)) != b.Size() {
		t.Fatalf("%v, %d bytes of %d", err, len(out), b.Size())
	}
	return string(out)
}

func TestStoredForm(t *testing.T) {
	for mail, want := range map[string]string{
		"a\r\nb\r\n":       "a\nb\n",
		"a\r\nb\nc\r\n":    "a\r\nb\nc\r\n",
		"a\r\nb\r\r\nc":    "a\r\nb\r\r\nc",
		"a\rb\r\n":         "a\rb\n",
		"no end":           "no end",
		"":                 "",
		"\r\nbody\r\n":     "\nbody\n",
		"a\r\n\r":          "a\n\r",
		"a\r\r\nb\r\n":     "a\r\r\nb\r\n",
		"a\nb\r\nc\r\r\nd": "a\nb\nc\r\r\nd",
	} {
		got, changed := store(t, mail, 3)
		if got != want {
			t.Errorf("%q is stored as %q, not as %q", mail, got, want)
		}
		if back := load(t, got); (back != mail) != changed {
			t.Errorf("%q comes back as %q, changed is %v", mail, back, changed)
		}
	}
}

func TestEveryMailComesBackOrIsReported(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const letters = "ab\r\r\n\n\r\n"
	for range 3000 {
		var b strings.Builder
		if rnd.IntN(3) > 0 {
			b.WriteString("Subject: x\r\n")
		}
		for range rnd.IntN(40) {
			b.WriteByte(letters[rnd.IntN(len(letters))])
		}
		mail := b.String()
		stored, changed := store(t, mail, 1+rnd.IntN(9))
		back := load(t, stored)
		if back != mail && !changed {
			t.Fatalf("%q is stored as %q and comes back as %q", mail, stored, back)
		}
		if i := strings.IndexByte(mail, '\n'); changed && (i < 0 || strings.HasSuffix(mail[:i], "\r")) {
			t.Fatalf("%q is said to change", mail)
		}
	}
}

func TestLargeMails(t *testing.T) {
	clean := strings.Repeat("0123456789012345678901234567890\r\n", 20000)
	for _, mail := range []string{clean, clean + "\n", "a\r\n" + strings.Repeat("\r\n", 100000) + "\n", "a\n" + clean} {
		stored, changed := store(t, mail, 32<<10)
		if back := load(t, stored); (back != mail) != changed {
			t.Errorf("%d bytes, %d stored, came back as %d", len(mail), len(stored), len(back))
		}
	}
	// Read in odd pieces.
	var out bytes.Buffer
	if _, err := io.Copy(&out, lineend.NewReader(&pieces{[]byte(strings.ReplaceAll(clean, "\r", ""))})); err != nil || out.String() != clean {
		t.Errorf("in pieces: %v, %d bytes of %d", err, out.Len(), len(clean))
	}
}

type pieces struct{ rest []byte }

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 7)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
