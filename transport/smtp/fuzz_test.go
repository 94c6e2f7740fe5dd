package smtp_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/smtp"
)

// FuzzFromHeader: whatever a header holds, no recipient of it can end a
// command.
func FuzzFromHeader(f *testing.F) {
	f.Add([]byte(text))
	f.Add([]byte("To: <a@b>\r\n BCC: x@y, \"q\\\"\"@z;;\r\n\r\n"))
	f.Add([]byte("Resent-To: a@b\nTo: c\x00d@e\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		from, to, err := smtp.FromHeader(t.Context(), mapi.Bytes(in))
		if err != nil {
			return
		}
		for _, a := range append(to, from) {
			if strings.ContainsAny(a, "\r\n") {
				t.Fatalf("%q", a)
			}
		}
	})
}

// A server may answer anything. Every reply of the conversation is made up; a
// mail counts as taken only when the last one says so, and no answer, however
// long or wrong, does more than fail with one line.
func FuzzReplies(f *testing.F) {
	for _, s := range []string{
		"220 x\n250 x\n250 ok\n250 ok\n354 go\n250 queued as 1\n221 bye\n",
		"220 x\n250-x\r\n250-SIZE 10\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 AUTH PLAIN\n250 ok\n251 ok\n354 go\n250 2.0.0 ok\n",
		"220 x\n250 x\n550 5.1.1 no\n", "421 4.7.0 Suggested Backoff Time: 10 milliseconds\n", "220 x\n502 what\n250 HELO\n250 ok\n452 4.5.3 too many\n",
		"220-a\r\n220\n250 x\n250 ok\n250 ok\n354\n552 5.3.4 large\n", "999 \xff\n", "220 x\n250 SIZE 99999999999999999999\n", "2\n", "220 x\n250 x\n250 a\x00b\n250 \n354 \n25",
	} {
		f.Add(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	a, err := transport.ParseAddress("smtp://" + l.Addr().String() + "?tls=none&timeout=2s")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, script string) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			go func() {
				// Answers are there before they are asked for.
				for reply := range strings.SplitAfterSeq(script, "\n") {
					io.WriteString(conn, strings.TrimSuffix(reply, "\n")+"\r\n")
				}
				conn.(*net.TCPConn).CloseWrite()
			}()
			io.Copy(io.Discard, conn)
		}()
		c, err := smtp.New(a, nil)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := c.Send(t.Context(), smtp.Mail{From: "a@x.example", To: []string{"b@x.example", "c@x.example"}, Content: mapi.Bytes("Subject: x\r\n\r\nx\r\n"), DSN: smtp.DSN{Notify: []string{"FAILURE"}}})
		c.Close()
		<-done
		if err == nil && (len(rep.Accepted) == 0 || len(rep.Accepted)+len(rep.Refused) != 2) {
			t.Errorf("%q: %+v", script, rep)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("%q: not one line: %q", script, err)
		}
	})
}
