package smtp_test

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/smtp"
)

// TestRecordedServer answers each command as a recorded server did.
func TestRecordedServer(t *testing.T) {
	root := os.Getenv("MAILCONV_RECORDINGS")
	if root == "" {
		t.Skip("MAILCONV_RECORDINGS does not name the recorded exchanges")
	}
	b, err := os.ReadFile(filepath.Join(root, "lines", "smtp.txt"))
	if err != nil {
		t.Skip(err)
	}
	// By verb, or by the whole command where that differs.
	answers := map[string]string{}
	data, command, in := "", "", false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		if c, ok := strings.CutPrefix(line, "C:"); ok {
			c = strings.TrimPrefix(c, " ")
			if in {
				data += c + "\r\n"
				in = c != "."
			}
			if command = c; c == "DATA" {
				in = true
			}
		} else if s, ok := strings.CutPrefix(line, "S: "); ok {
			key := command
			if !strings.HasPrefix(key, "RCPT") {
				key, _, _ = strings.Cut(key, " ")
			}
			answers[key] += s + "\r\n"
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.Write([]byte(answers[""]))
		body, inBody := "", false
		for r := bufio.NewReader(c); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			key := strings.TrimRight(line, "\r\n")
			if inBody {
				if body += line; key != "." {
					continue
				}
				inBody = false
				got <- body
			}
			if !strings.HasPrefix(key, "RCPT") {
				key, _, _ = strings.Cut(key, " ")
			}
			inBody = key == "DATA"
			c.Write([]byte(answers[key]))
		}
	}()
	a, err := transport.ParseAddress("smtp://" + l.Addr().String() + "?tls=none")
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.New(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text := strings.ReplaceAll(strings.TrimSuffix(data, ".\r\n"), "\r\n..", "\r\n.")
	rep, err := c.Send(t.Context(), smtp.Mail{From: "ann@example.org", To: []string{"nobody@example.test", "bob@example.test"}, Content: mapi.Bytes(text)})
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Refused) != 1 || rep.Refused[0].Address != "nobody@example.test" || !strings.Contains(rep.Reply, "queue-id: 1") {
		t.Errorf("%+v", rep)
	}
	if n, err := c.MaxSize(t.Context()); n != 67108864 || err != nil {
		t.Errorf("MaxSize %d, %v", n, err)
	}
	if body := <-got; body != data {
		t.Errorf("sent %q, recorded %q", body, data)
	}
}
