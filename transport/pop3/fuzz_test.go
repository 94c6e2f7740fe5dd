package pop3

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport"
)

func FuzzBody(f *testing.F) {
	f.Add([]byte("Subject: a\r\n\r\n.\r\n..\r\nx\n.\n\r\n"), 3)
	f.Add([]byte(".\r\n"), 1)
	f.Add([]byte("\r\r\n.\r\r\n"), 1)
	f.Fuzz(func(t *testing.T, mail []byte, chunk int) {
		mail = append(mail, "\r\n"...)
		var wire []byte
		for line := range bytes.SplitAfterSeq(mail, []byte("\r\n")) {
			if bytes.HasPrefix(line, []byte(".")) {
				wire = append(wire, '.')
			}
			wire = append(wire, line...)
		}
		wire = append(wire, ".\r\n+OK next\r\n"...)
		b := &body{r: bufio.NewReaderSize(bytes.NewReader(wire), 16+max(chunk, 0)%64)}
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, mail) {
			t.Fatalf("%q came as %q, %v", mail, got, err)
		}
		if rest, _ := io.ReadAll(b.r); string(rest) != "+OK next\r\n" {
			t.Fatalf("behind the mail %q is left", rest)
		}
		// Cut anywhere, it is an error and not the end.
		cut := max(chunk, 0) % (len(wire) - len("+OK next\r\n"))
		if _, err := io.ReadAll(&body{r: bufio.NewReader(bytes.NewReader(wire[:cut]))}); err != io.ErrUnexpectedEOF {
			t.Fatalf("a cut mail ends with %v", err)
		}
	})
}

// FuzzReplies answers every command with the same bytes.
func FuzzReplies(f *testing.F) {
	f.Add([]byte("+OK\r\n"))
	f.Add([]byte("+OK\r\n1 12\r\n2 x\r\n.\r\n"))
	f.Add([]byte("+ eA==\r\n"))
	f.Add([]byte("-ERR [LOGIN-DELAY] Backoff Time: 10 milliseconds\r\n"))
	f.Fuzz(func(t *testing.T, reply []byte) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.SetDeadline(time.Now().Add(time.Second))
				go func() {
					defer c.Close()
					io.WriteString(c, "+OK <a@b>\r\n")
					r := bufio.NewReader(c)
					for {
						if _, err := r.ReadString('\n'); err != nil {
							return
						}
						if _, err := c.Write(reply); err != nil {
							return
						}
					}
				}()
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		a, err := transport.ParseAddress("pop3://u:p@" + l.Addr().String() + "?tls=none&timeout=30ms")
		if err != nil {
			t.Fatal(err)
		}
		st, err := Open(ctx, a, nil)
		if err != nil {
			return
		}
		defer st.Close()
		box := transport.Folder{ID: inbox}
		var keys []transport.Key
		for m := range st.Items(ctx, box, nil) {
			keys = append(keys, m.Key)
		}
		for fe := range st.Fetch(ctx, box, keys, nil) {
			fe.Content.Close()
		}
		st.Delete(ctx, box, keys)
	})
}
