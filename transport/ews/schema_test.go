package ews_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailconv/mailconv/transport/ews/ewstest"
)

// Request bodies of all tests of this package, by operation; each is held
// against the schema at the end.
var (
	bodiesMu sync.Mutex
	bodies   = map[string]map[[32]byte][]byte{}
)

// maxBodies bounds what is kept of one operation.
const maxBodies = 400

func record(x ewstest.Exchange) {
	if x.Cut || x.Operation == "" || len(x.Request) == 0 {
		return
	}
	bodiesMu.Lock()
	defer bodiesMu.Unlock()
	if bodies[x.Operation] == nil {
		bodies[x.Operation] = map[[32]byte][]byte{}
	}
	if list := bodies[x.Operation]; len(list) < maxBodies {
		list[sha256.Sum256(x.Request)] = x.Request
	}
}

// schema is the schema of the messages, where the reference lies beside the
// recordings.
func schema() string {
	root := os.Getenv("MAILCONV_RECORDINGS")
	if root == "" {
		return ""
	}
	path := filepath.Join(root, "..", "reference", "ews", "messages.xsd")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// inner is what stands inside <s:Body>, with the namespaces that the envelope
// declares.
func inner(request []byte) []byte {
	_, rest, ok := bytes.Cut(request, []byte("<s:Body>"))
	body, _, ok2 := bytes.Cut(rest, []byte("</s:Body>"))
	if !ok || !ok2 {
		return nil
	}
	i := bytes.IndexAny(body, " >/")
	ns := ` xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"`
	return append(append(append([]byte{}, body[:i]...), ns...), body[i:]...)
}

// TestMain holds every request that the tests of this package made against the
// schema.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := validate(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

func validate() error {
	xsd := schema()
	if _, err := exec.LookPath("xmllint"); err != nil || xsd == "" || len(bodies) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "mailconv-ews-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"--noout", "--huge", "--schema", xsd}
	var names []string
	for op, list := range bodies {
		for sum, b := range list {
			body := inner(b)
			if body == nil {
				return fmt.Errorf("a request of %s has no body: %.300s", op, b)
			}
			path := filepath.Join(dir, fmt.Sprintf("%s-%x.xml", op, sum[:4]))
			if err := os.WriteFile(path, body, 0o600); err != nil {
				return err
			}
			args = append(args, path)
		}
		names = append(names, fmt.Sprintf("%s %d", op, len(list)))
	}
	out, err := exec.Command("xmllint", args...).CombinedOutput()
	if err != nil {
		var bad []string
		for line := range strings.Lines(string(out)) {
			if !strings.HasSuffix(strings.TrimSpace(line), " validates") {
				bad = append(bad, line)
			}
		}
		return fmt.Errorf("requests are not valid by the schema:\n%.6000s", strings.Join(bad, ""))
	}
	fmt.Printf("requests valid by the schema: %s\n", strings.Join(names, ", "))
	return nil
}
