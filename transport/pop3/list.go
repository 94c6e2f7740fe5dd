package pop3

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/head"
)

// load asks for sizes and identifiers, once for a session.
func (s *session) load() error {
	if s.loaded {
		return nil
	}
	s.mails, s.byKey = []mail{}, map[transport.Key]int{}
	s.write("LIST")
	if s.can("PIPELINING") {
		s.write("UIDL")
	}
	ok, text, err := s.reply("list")
	if err != nil {
		return err
	}
	if !ok {
		if s.can("PIPELINING") {
			s.dead = true // an answer is still to come
		}
		return refusal("list", "", text, transport.Permanent)
	}
	at := map[int]int{} // by number
	if err := s.each("list", func(line string) error {
		f := strings.Fields(line)
		if len(f) == 0 {
			return nil
		}
		num, err := strconv.Atoi(f[0])
		if _, twice := at[num]; err != nil || num < 1 || twice {
			return fmt.Errorf("the server lists %.80q", line)
		}
		if len(s.mails) >= maxMessages {
			return errors.New("the server lists more mails than a maildrop can hold")
		}
		m := mail{num: num, size: -1}
		if len(f) > 1 {
			if n, err := strconv.ParseInt(f[1], 10, 63); err == nil && n >= 0 {
				m.size = n
			}
		}
		at[num] = len(s.mails)
		s.mails = append(s.mails, m)
		return nil
	}); err != nil {
		return err
	}
	if !s.can("PIPELINING") {
		s.write("UIDL")
	}
	if ok, _, err = s.reply("list"); err != nil {
		return err
	}
	if ok {
		if err := s.each("list", func(line string) error {
			num, id, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
			n, err := strconv.Atoi(num)
			i, known := at[n]
			if id = strings.TrimSpace(id); err == nil && known && id != "" {
				s.mails[i].key = clean(id)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	if err := s.hashRest(); err != nil {
		return err
	}
	twins := map[transport.Key]int{}
	for i := range s.mails {
		m := &s.mails[i]
		// QUIRK: some servers give twins one identifier. They are told apart
		// by their order, which the protocol keeps.
		for base := m.key; ; {
			if _, taken := s.byKey[m.key]; !taken {
				break
			}
			twins[base]++
			m.key = transport.Key(fmt.Sprintf("%s#%d", base, twins[base]+1))
		}
		s.byKey[m.key] = i
	}
	s.loaded = true
	return nil
}

// clean keeps an identifier to printable ASCII, which it should be.
func clean(id string) transport.Key {
	var b strings.Builder
	for i := range len(id) {
		if c := id[i]; c < 0x21 || c > 0x7e {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return transport.Key(b.String())
}

// hashRest gives a key to each mail that has no identifier: a hash of its
// header and its size.
func (s *session) hashRest() error {
	var rest []int
	for i, m := range s.mails {
		if m.key == "" {
			rest = append(rest, i)
		}
	}
	verb := "TOP %d 0"
	if s.caps != nil && !s.can("TOP") {
		verb = "RETR %d"
	}
	for len(rest) > 0 {
		n := 1
		if s.can("PIPELINING") {
			n = min(len(rest), windowItems)
		}
		for _, i := range rest[:n] {
			s.write(verb, s.mails[i].num)
		}
		for _, i := range rest[:n] {
			ok, text, err := s.reply("list")
			if err != nil {
				return err
			}
			if !ok {
				s.dead = true // without all keys the listing is of no use
				return refusal("list", "", text, transport.Permanent)
			}
			b := &body{r: s.r, bareLF: s.bareLF}
			h, err := head.Read(b)
			if err == nil {
				_, err = io.Copy(io.Discard, b)
			}
			if err != nil {
				return s.broken("list", err)
			}
			sum := sha256.New()
			for _, f := range h.Fields {
				switch strings.ToLower(f.Name) {
				case "status", "x-status", "x-uidl":
					// Servers change these when a mail was read.
				default:
					sum.Write(f.Raw)
				}
			}
			s.mails[i].key = transport.Key(fmt.Sprintf("top-%s-%d", hex.EncodeToString(sum.Sum(nil)[:16]), s.mails[i].size))
		}
		rest = rest[n:]
	}
	return nil
}
