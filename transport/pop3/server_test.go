package pop3_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xdg-go/scram"
)

// A server speaks POP3 as its fields say.
type server struct {
	caps     []string // nil: no CAPA
	tls      *tls.Config
	noUIDL   bool
	noTOP    bool
	twins    bool // one identifier for all
	greeting string
	lf       bool // lines end with LF alone
	chunk    int  // bytes of one write; 0 is all
	// mails of a user; deletions are reported to deleted.
	mails   func(user string) []stored
	deleted func(user, id string)
	// rude may answer a command in the place of the server: what it returns
	// is sent as it is, and the connection is closed when it ends in "!".
	rude func(cmd string) (string, bool)

	mu     sync.Mutex
	log    []string
	logins int
	addr   string
}

type stored struct {
	id   string
	body []byte
}

const stamp = "<1896.697170952@dbc.mtview.ca.us>"

func (s *server) start(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	s.addr = l.Addr().String()
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				t.Cleanup(func() { c.Close() })
				s.serve(c)
			})
		}
	})
	return s
}

func (s *server) commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

type session struct {
	s       *server
	c       net.Conn
	r       *bufio.Reader
	w       *bufio.Writer
	user    string
	mails   []stored
	deleted map[int]bool
}

func (x *session) say(format string, a ...any) {
	end := "\r\n"
	if x.s.lf {
		end = "\n"
	}
	fmt.Fprintf(x.w, format+end, a...)
}

func (x *session) body(b []byte) {
	if !bytes.HasSuffix(b, []byte("\r\n")) && len(b) > 0 && !x.s.lf {
		b = append(bytes.Clone(b), "\r\n"...)
	}
	sep := "\r\n"
	if x.s.lf {
		sep = "\n"
	}
	for line := range bytes.SplitAfterSeq(b, []byte(sep)) {
		if bytes.HasPrefix(line, []byte(".")) {
			x.w.WriteByte('.')
		}
		x.w.Write(line)
	}
	x.say(".")
}

func (x *session) login(user string) {
	x.s.mu.Lock()
	x.s.logins++
	x.s.mu.Unlock()
	x.user, x.mails, x.deleted = user, x.s.mails(user), map[int]bool{}
	x.say("+OK")
}

func (s *server) serve(c net.Conn) {
	defer c.Close()
	if s.chunk > 0 {
		c = slow{c, s.chunk}
	}
	x := &session{s: s, c: c, r: bufio.NewReader(c), w: bufio.NewWriter(c)}
	if s.greeting == "" {
		x.say("+OK ready %s", stamp)
	} else {
		x.say("%s", s.greeting)
	}
	for {
		if x.r.Buffered() == 0 {
			if x.w.Flush() != nil {
				return
			}
		}
		line, err := x.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		s.log = append(s.log, line)
		rude := s.rude
		s.mu.Unlock()
		if rude != nil {
			if text, ok := rude(line); ok {
				text, gone := strings.CutSuffix(text, "!")
				x.w.WriteString(text)
				if gone {
					x.w.Flush()
					return
				}
				continue
			}
		}
		if !x.do(line) {
			x.w.Flush()
			return
		}
	}
}

func (x *session) do(line string) bool {
	verb, arg, _ := strings.Cut(line, " ")
	s := x.s
	n, _ := strconv.Atoi(strings.Fields(arg + " 0")[0])
	there := n >= 1 && n <= len(x.mails) && !x.deleted[n]
	switch verb {
	case "CAPA":
		if s.caps == nil {
			x.say("-ERR unknown")
			break
		}
		x.say("+OK")
		for _, c := range s.caps {
			x.say("%s", c)
		}
		x.say(".")
	case "STLS":
		if s.tls == nil {
			x.say("-ERR no")
			break
		}
		x.say("+OK")
		x.w.Flush()
		x.c = tls.Server(x.c, s.tls)
		x.r, x.w = bufio.NewReader(x.c), bufio.NewWriter(x.c)
	case "UTF8":
		x.say("+OK")
	case "USER":
		x.user = arg
		x.say("+OK")
	case "PASS":
		if arg != "secret" {
			x.say("-ERR [AUTH] no")
			break
		}
		x.login(x.user)
	case "APOP":
		user, sum, _ := strings.Cut(arg, " ")
		want := md5.Sum([]byte(stamp + "secret"))
		if sum != hex.EncodeToString(want[:]) {
			x.say("-ERR no")
			break
		}
		x.login(user)
	case "AUTH":
		x.auth(arg)
	case "STAT":
		total := 0
		for _, m := range x.mails {
			total += len(m.body)
		}
		x.say("+OK %d %d", len(x.mails), total)
	case "LIST":
		x.say("+OK")
		for i, m := range x.mails {
			x.say("%d %d", i+1, len(m.body))
		}
		x.say(".")
	case "UIDL":
		if s.noUIDL {
			x.say("-ERR what?")
			break
		}
		x.say("+OK")
		for i, m := range x.mails {
			id := m.id
			if s.twins {
				id = "same"
			}
			x.say("%d %s", i+1, id)
		}
		x.say(".")
	case "TOP":
		if s.noTOP || !there {
			x.say("-ERR no")
			break
		}
		head, _, _ := bytes.Cut(x.mails[n-1].body, []byte("\r\n\r\n"))
		x.say("+OK")
		x.body(append(bytes.Clone(head), "\r\n\r\n"...))
	case "RETR":
		if !there {
			x.say("-ERR no such message")
			break
		}
		x.say("+OK %d octets", len(x.mails[n-1].body))
		x.body(x.mails[n-1].body)
	case "DELE":
		if !there {
			x.say("-ERR no such message")
			break
		}
		x.deleted[n] = true
		x.say("+OK")
	case "QUIT":
		for n := range x.deleted {
			s.deleted(x.user, x.mails[n-1].id)
		}
		x.say("+OK bye")
		return false
	default:
		x.say("-ERR unknown")
	}
	return true
}

func (x *session) ask(challenge string) string {
	x.say("+ %s", base64.StdEncoding.EncodeToString([]byte(challenge)))
	x.w.Flush()
	line, _ := x.r.ReadString('\n')
	out, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
	return string(out)
}

func (x *session) auth(arg string) {
	name, in, has := strings.Cut(arg, " ")
	first := func() string {
		if !has {
			return x.ask("")
		}
		out, _ := base64.StdEncoding.DecodeString(in)
		return string(out)
	}
	switch name {
	case "PLAIN":
		f := strings.Split(first(), "\x00")
		if len(f) == 3 && f[2] == "secret" {
			if f[0] == "" {
				f[0] = f[1]
			}
			x.login(f[0])
			return
		}
	case "XOAUTH2":
		t := first()
		if strings.HasPrefix(t, "user=ann\x01auth=Bearer good") {
			x.login("ann")
			return
		}
		x.ask(`{"status":"400","scope":"mail"}`)
	case "SCRAM-SHA-256":
		c, _ := scram.SHA256.NewClient("ann", "secret", "")
		stored, _ := c.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt", Iters: 4096})
		sv, _ := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return stored, nil })
		conv := sv.NewConversation()
		out := first()
		for !conv.Done() {
			reply, err := conv.Step(out)
			if err != nil {
				x.say("-ERR [AUTH] no")
				return
			}
			out = x.ask(reply)
		}
		x.login("ann")
		return
	}
	x.say("-ERR [AUTH] no")
}

// slow writes few bytes at a time, so that the reader meets every boundary.
type slow struct {
	net.Conn
	n int
}

func (s slow) Write(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		n, err := s.Conn.Write(p[:min(s.n, len(p))])
		total += n
		if err != nil {
			return total, err
		}
		p = p[n:]
		time.Sleep(10 * time.Microsecond)
	}
	return total, nil
}
