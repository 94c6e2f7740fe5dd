package graphtest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport/graph/graphtest"
)

// modules finds the folder with Microsoft's client, which scripts/test-deps
// installs outside of the project.
func modules(t *testing.T) string {
	t.Helper()
	dirs := []string{"/usr/local/lib/mailconv-judges"}
	if d := os.Getenv("MAILCONV_JUDGES"); d != "" {
		dirs = []string{d}
	}
	for _, d := range dirs {
		d = filepath.Join(d, "node_modules")
		if _, err := os.Stat(filepath.Join(d, "@microsoft", "microsoft-graph-client")); err == nil {
			return d
		}
	}
	return ""
}

// certificate makes a certificate for this machine, and its PEM.
func certificate(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// Microsoft's own client for JavaScript lists, reads, uploads a large
// attachment and follows changes on this server, under the schema.
func TestMicrosoftClient(t *testing.T) {
	node, err := exec.LookPath("node")
	mods := modules(t)
	if err != nil || mods == "" {
		t.Skip("LEFT OUT: judgement of graphtest by @microsoft/microsoft-graph-client (node or the package is not installed; make test-deps)")
	}
	cert, ca := certificate(t)
	s := start(t, graphtest.Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, SessionHost: "localhost"})
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	box := s.Mailbox(zoe)
	for i := range 8 {
		deliver(t, box, i)
	}
	// The client waits and comes again.
	s.Inject(graphtest.Fault{Call: "messages.get", Status: 429, After: time.Second})
	cmd := exec.Command(node, filepath.Join("testdata", "judge.cjs"), s.Root(), s.Token(zoe))
	cmd.Env = append(os.Environ(), "NODE_PATH="+mods, "NODE_EXTRA_CA_CERTS="+file)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var got struct {
		Folders, Subjects, Attachments, Removed []string
		Read                                    struct{ Subject, From, Body string }
		MIME, Location                          string
		Unread, Ranges, Delta                   int
		Same                                    bool
		Changed, Batch, Error                   []any
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	for what, p := range map[string][2]any{
		"folders":     {got.Folders, []string{"Inbox", "Outbox", "Deleted Items", "Sent Items", "Drafts", "Junk Email"}},
		"subjects":    {got.Subjects, []string{"Letter 0", "Letter 1", "Letter 2", "Letter 3", "Letter 4", "Letter 5", "Letter 6", "Letter 7"}},
		"unread":      {got.Unread, 8},
		"read":        {got.Read, "{Letter 0 anna@mailconv.example text 0}"},
		"attachments": {got.Attachments, []string{"large.bin"}},
		"ranges":      {got.Ranges, 4},
		"same bytes":  {got.Same, true},
		"delta":       {got.Delta, 8},
		"changed":     {got.Changed, "[[Letter 1 true]]"},
		"removed":     {got.Removed, "[deleted]"},
		"batch":       {got.Batch, "[200 400]"},
		"error":       {got.Error, "[400 ErrorInvalidIdMalformed]"},
	} {
		if fmt.Sprint(p[0]) != fmt.Sprint(p[1]) {
			t.Errorf("%s: %v, want %v", what, p[0], p[1])
		}
	}
	if !strings.Contains(got.MIME, "Subject: Letter 0") || !strings.HasPrefix(got.Location, "https://localhost:") {
		t.Errorf("MIME %q, location %s", got.MIME, got.Location)
	}
}
