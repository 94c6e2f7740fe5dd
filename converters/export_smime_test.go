package converters_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/msg"
)

// TestExportCorpusSMIME: openssl accepts the signature of every signed message
// of the corpus after it was written as a mail. T27
func TestExportCorpusSMIME(t *testing.T) {
	dir := corpus(t)
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("LEFT OUT: openssl is not installed (make test-deps)")
	}
	signed := 0
	for _, p := range corpusMessages(t, dir) {
		f, err := msg.Open(p, nil)
		if err != nil {
			continue
		}
		if !strings.HasPrefix(strings.ToUpper(f.Message.Class()), "IPM.NOTE.SMIME") {
			f.Close()
			continue
		}
		rel, _ := filepath.Rel(dir, p)
		var b bytes.Buffer
		_, err = mime.Export(context.Background(), &b, f.Message, nil)
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", rel, err)
			continue
		}
		head, _, _ := bytes.Cut(b.Bytes(), []byte("\r\n\r\n"))
		if bytes.Contains(head, []byte("smime-type=enveloped-data")) {
			t.Logf("%s: encrypted, nothing to verify", rel)
			continue
		}
		signed++
		mail := filepath.Join(t.TempDir(), "mail.eml")
		if err := os.WriteFile(mail, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		// The certificates are of others and long expired: only the signature
		// is judged.
		out, err := exec.Command(openssl, "smime", "-verify", "-noverify", "-in", mail, "-out", os.DevNull).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", rel, err, out)
		}
	}
	if signed < 5 {
		t.Errorf("%d signed messages, the corpus has 5", signed)
	}
}
