package pop3_test

import (
	"bufio"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/pop3"
)

// replay answers each command as a recorded server did.
func replay(t *testing.T) string {
	t.Helper()
	root := os.Getenv("MAILCONV_RECORDINGS")
	if root == "" {
		t.Skip("MAILCONV_RECORDINGS does not name the recorded exchanges")
	}
	b, err := os.ReadFile(filepath.Join(root, "lines", "pop3.txt"))
	if err != nil {
		t.Skip(err)
	}
	answers := map[string]string{}
	command := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		if c, ok := strings.CutPrefix(line, "C: "); ok {
			command = c
		} else if s, ok := strings.CutPrefix(line, "S:"); ok {
			answers[command] += strings.TrimPrefix(s, " ") + "\r\n"
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.Write([]byte(answers[""]))
				for in := bufio.NewScanner(c); in.Scan(); {
					say, ok := answers[in.Text()]
					if !ok {
						say = "-ERR not recorded\r\n"
					}
					c.Write([]byte(say))
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestRecordedServer(t *testing.T) {
	a, err := transport.ParseAddress("pop3://alice@example.test:secret@" + replay(t) + "?tls=none")
	if err != nil {
		t.Fatal(err)
	}
	st, err := pop3.Open(t.Context(), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for f, err := range st.Folders(t.Context()) {
		if err != nil || f.Count != 2 || f.Size != 940 {
			t.Errorf("%+v, %v", f, err)
		}
	}
	keys := list(t, st)
	if len(keys) != 2 || keys[0] != "R-9f/2158a5b0e65949e299c07433d792dd9f" {
		t.Fatalf("%q", keys)
	}
	// The recording has no RETR of the second.
	seen := 0
	for fe, err := range st.Fetch(t.Context(), inbox, append(keys, "R-9f/none"), nil) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		switch fe.Key {
		case keys[0]:
			if fe.Err != nil || fe.Content.MIME.Size() != 470 {
				t.Errorf("%v, %+v", fe.Err, fe.Content)
			}
		case keys[1]:
			if fe.Err == nil {
				t.Error("a refused RETR gives a mail")
			}
		default:
			if transport.KindOf(fe.Err) != transport.NotFound {
				t.Error(fe.Err)
			}
		}
		fe.Content.Close()
	}
	if seen != 3 {
		t.Errorf("%d of 3 keys", seen)
	}
	if err := errors.Join(st.Delete(t.Context(), inbox, keys[:1])...); err != nil {
		t.Error(err)
	}
}
