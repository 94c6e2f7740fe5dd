package pop3

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
)

// Bounds of what a server may send. A line of a reply has 512 bytes by RFC
// 2449 4; a maildrop of a million mails is listed.
const (
	maxLine     = 8 << 10
	maxMessages = 2 << 20
	maxCaps     = 200
)

// A session is one login. Numbers of mails hold within it.
type session struct {
	c      *dial.Conn
	r      *bufio.Reader
	w      *bufio.Writer
	caps   map[string][]string
	stamp  string // of the greeting, for APOP
	bareLF bool   // the server ends its lines with LF alone
	began  time.Time
	dead   bool
	mask   func(string) string // takes the secret out of what the server says
	listed bool                // a listing was made of this session's state

	loaded bool
	mails  []mail
	byKey  map[transport.Key]int // index into mails
}

// A mail is one entry of LIST and UIDL.
type mail struct {
	num  int
	size int64
	key  transport.Key
}

func start(c *dial.Conn) (*session, error) {
	s := &session{began: time.Now()}
	s.attach(c)
	line, err := s.line()
	if err != nil {
		return nil, s.broken("connect", err)
	}
	ok, text := status(line)
	if !ok {
		return nil, refusal("connect", "", text, transport.Unavailable)
	}
	if i := strings.IndexByte(text, '<'); i >= 0 {
		if j := strings.IndexByte(text[i:], '>'); j > 0 {
			s.stamp = text[i : i+j+1]
		}
	}
	return s, nil
}

func (s *session) attach(c *dial.Conn) {
	s.c, s.r, s.w = c, bufio.NewReaderSize(c, 32<<10), bufio.NewWriter(c)
}

// broken ends the session: where the conversation stands is not known any more.
func (s *session) broken(op string, err error) error {
	s.dead = true
	return s.c.Options().Broken(op, err)
}

// line reads one line of a reply, without its end.
func (s *session) line() (string, error) {
	b, err := s.r.ReadSlice('\n')
	if len(b) > maxLine || err == bufio.ErrBufferFull {
		return "", fmt.Errorf("the server sends a line of more than %d bytes", maxLine)
	}
	if err != nil {
		if err == io.EOF && len(b) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return "", err
	}
	s.bareLF = !bytes.HasSuffix(b, []byte("\r\n"))
	return string(bytes.TrimRight(b, "\r\n")), nil
}

// status splits a reply. A line that is neither +OK nor -ERR counts as refused.
func status(line string) (ok bool, text string) {
	word, text, _ := strings.Cut(line, " ")
	switch strings.ToUpper(word) {
	case "+OK":
		return true, strings.TrimSpace(text)
	case "-ERR":
		return false, strings.TrimSpace(text)
	}
	return false, line
}

// write queues a command.
func (s *session) write(format string, args ...any) {
	fmt.Fprintf(s.w, format+"\r\n", args...) //nolint:errcheck // Flush tells
}

// reply flushes what is queued and reads one status line. err is about the
// connection; a refusal is !ok.
func (s *session) reply(op string) (ok bool, text string, err error) {
	if s.w.Buffered() > 0 {
		if err := s.w.Flush(); err != nil {
			return false, "", s.broken(op, err)
		}
	}
	line, err := s.line()
	if err != nil {
		return false, "", s.broken(op, err)
	}
	if !strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "-") {
		return false, "", s.broken(op, fmt.Errorf("the server answers %.80q", line))
	}
	ok, text = status(line)
	return ok, text, nil
}

func (s *session) cmd(op, format string, args ...any) (ok bool, text string, err error) {
	s.write(format, args...)
	return s.reply(op)
}

// each reads the lines of a multi-line reply.
func (s *session) each(op string, f func(line string) error) error {
	for {
		line, err := s.line()
		if err != nil {
			return s.broken(op, err)
		}
		if line == "." {
			return nil
		}
		if err := f(strings.TrimPrefix(line, ".")); err != nil {
			return s.broken(op, err)
		}
	}
}

// readCaps asks for the capabilities. A server without CAPA leaves caps nil.
func (s *session) readCaps() error {
	ok, _, err := s.cmd("capa", "CAPA")
	if err != nil || !ok {
		return err
	}
	caps := map[string][]string{}
	if err := s.each("capa", func(line string) error {
		if words := strings.Fields(line); len(words) > 0 && len(caps) < maxCaps {
			caps[strings.ToUpper(words[0])] = words[1:]
		}
		return nil
	}); err != nil {
		return err
	}
	s.caps = caps
	return nil
}

func (s *session) can(name string) bool {
	_, ok := s.caps[name]
	return ok
}

// startTLS upgrades the session, or fails: it is never left out.
func (s *session) startTLS(ctx context.Context) error {
	const remedy = "use pop3s:// where the server has it; somebody on the way may have taken the offer out"
	if s.caps != nil && !s.can("STLS") {
		return &transport.Error{Kind: transport.Unavailable, Op: "stls", Err: errors.New("the server offers no encryption"), Remedy: remedy}
	}
	ok, text, err := s.cmd("stls", "STLS")
	if err != nil {
		return err
	}
	if !ok {
		return &transport.Error{Kind: transport.Unavailable, Op: "stls", Err: fmt.Errorf("the server refuses encryption: %s", text), Remedy: remedy}
	}
	if s.r.Buffered() > 0 {
		return &transport.Error{Kind: transport.Unavailable, Op: "stls", Err: errors.New("the server goes on unprotected after STLS")}
	}
	if err := s.c.StartTLS(ctx); err != nil {
		return err
	}
	s.attach(s.c)
	s.caps = nil
	return s.readCaps()
}

// delay is how long the server wants between logins. RFC 2449 6.5
func (s *session) delay() time.Duration {
	if v := s.caps["LOGIN-DELAY"]; len(v) > 0 {
		if n, err := strconv.Atoi(v[0]); err == nil && n > 0 && n < 86400 {
			return time.Duration(n) * time.Second
		}
	}
	return 0
}

// quit ends the session; deletions happen now. It reports the server's refusal.
func (s *session) quit(op string) error {
	defer s.close()
	ok, text, err := s.cmd(op, "QUIT")
	if err == nil && !ok {
		err = refusal(op, "", text, transport.Permanent)
	}
	return err
}

func (s *session) close() {
	s.dead = true
	s.c.Close()
}

// refusal classifies the text behind -ERR by its response code, RFC 2449 8 and
// RFC 3206.
func refusal(op string, k transport.Key, text string, kind transport.Kind) error {
	e := &transport.Error{Kind: kind, Op: op, Key: k}
	if op != "open" && op != "login" && op != "connect" {
		e.Folder = inbox
	}
	code := ""
	if strings.HasPrefix(text, "[") {
		if i := strings.IndexByte(text, ']'); i > 0 {
			code = strings.ToUpper(text[1:i])
		}
	}
	switch code {
	case "AUTH":
		e.Kind = transport.Auth
	case "IN-USE":
		e.Kind, e.Remedy = transport.Temporary, "another program has the maildrop open"
	case "LOGIN-DELAY":
		e.Kind = transport.Throttled
	case "SYS/TEMP":
		e.Kind = transport.Temporary
	case "SYS/PERM":
		e.Kind = transport.Permanent
		if op == "login" || op == "connect" {
			e.Kind = transport.Unavailable
		}
	}
	if d := dial.Backoff(text); d > 0 {
		e.Kind, e.After = transport.Throttled, d
	}
	if text == "" {
		text = "no reason given"
	}
	e.Err = fmt.Errorf("the server refuses: %s", oneLine(text))
	return e
}

// oneLine keeps a server's words printable.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
