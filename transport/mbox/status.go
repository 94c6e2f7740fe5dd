package mbox

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/head"
)

// markField begins the lines that we put before a mail. Behind it stand the
// number of lines that follow, one byte that tells whether the mail's last line
// has an end, and the token.
const markField = "X-Mailconv: "

const (
	endKept  = '.' // the mail ends with a line end
	endAdded = '-' // it does not; one was added
)

// statusLines are those that follow. They are padded with blanks, so that flags
// can be changed in place.
func statusLines(flags transport.Flags, keywords []string) []string {
	status := "O"
	if flags.Has(transport.Seen) {
		status = "RO"
	}
	var x []byte
	for _, l := range xStatus {
		if flags.Has(l.flag) {
			x = append(x, l.letter)
		}
	}
	var words []string
	for _, k := range keywords {
		words = append(words, escapeWord(k))
	}
	if flags.Has(transport.Forwarded) {
		words = append(words, "$Forwarded")
	}
	if flags.Has(transport.MDNSent) {
		words = append(words, "$MDNSent")
	}
	return []string{
		fmt.Sprintf("Status: %-2s", status),
		fmt.Sprintf("X-Status: %-4s", x),
		fmt.Sprintf("X-Keywords: %-*s", keywordRoom, strings.Join(words, " ")),
	}
}

// keywordRoom is how much is kept free for keywords to come.
const keywordRoom = 32

var xStatus = []struct {
	letter byte
	flag   transport.Flags
}{
	{'A', transport.Answered},
	{'F', transport.Flagged},
	{'D', transport.Deleted},
	{'T', transport.Draft},
}

// escapeWord keeps a keyword to the characters of one word.
func escapeWord(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7F || c == '=' {
			fmt.Fprintf(&b, "=%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unescapeWord(s string) string {
	if !strings.Contains(s, "=") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '=' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	if name := b.String(); escapeWord(name) == s {
		return name
	}
	return s
}

// own reads the lines that we put before a mail and gives their length. A
// program that changed the flags since then has removed the status lines, so
// only those that are there are taken.
func (e *Entry) own(w []byte) int {
	rest, ok := bytes.CutPrefix(w, []byte(markField))
	if !ok || len(rest) < 2 || rest[0] < '0' || rest[0] > '9' || rest[1] != endKept && rest[1] != endAdded {
		return 0
	}
	cut := func() (string, bool) {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return "", false
		}
		line := strings.TrimSuffix(string(rest[:i]), "\r")
		rest = rest[i+1:]
		return line, true
	}
	n := int(rest[0] - '0')
	line, ok := cut()
	if !ok {
		return 0
	}
	e.noEnd = line[1] == endAdded
	e.Meta.Token = unescapeWord(strings.TrimPrefix(line[2:], " "))
	for range n {
		save := rest
		line, ok := cut()
		name, value, colon := strings.Cut(line, ":")
		if !ok || !colon || !e.status(name, value) {
			rest = save
			break
		}
		e.known = true
	}
	return len(w) - len(rest)
}

// status reads one status line. It is false for another field.
func (e *Entry) status(name, value string) bool {
	value = strings.TrimSpace(value)
	switch strings.ToLower(name) {
	case "status":
		if strings.Contains(value, "R") {
			e.Meta.Flags |= transport.Seen
		}
		if strings.Contains(value, "D") {
			e.Meta.Flags |= transport.Deleted
		}
	case "x-status":
		for _, l := range xStatus {
			if strings.IndexByte(value, l.letter) >= 0 {
				e.Meta.Flags |= l.flag
			}
		}
	case "x-keywords":
		for _, w := range strings.Fields(value) {
			e.keyword(unescapeWord(w))
		}
	default:
		return false
	}
	return true
}

func (e *Entry) keyword(word string) {
	switch {
	case strings.EqualFold(word, "$Forwarded"):
		e.Meta.Flags |= transport.Forwarded
	case strings.EqualFold(word, "$MDNSent"):
		e.Meta.Flags |= transport.MDNSent
	case word != "" && !slices.Contains(e.Meta.Keywords, word):
		e.Meta.Keywords = append(e.Meta.Keywords, word)
	}
}

// header reads what the mail's own header says, also of its status when we did
// not put it there.
func (e *Entry) header(h head.Head) {
	e.Meta.Subject, e.Meta.MessageID = h.Subject(), h.MessageID()
	if e.known {
		return
	}
	for _, f := range h.Fields {
		switch name := strings.ToLower(f.Name); name {
		case "status", "x-status", "x-keywords":
			e.status(name, f.Value())
		case "x-mozilla-status":
			e.mozilla(f.Value())
		case "x-mozilla-keys":
			for _, w := range strings.Fields(f.Value()) {
				e.keyword(w)
			}
		case "x-gmail-labels":
			e.gmail(f.Text(nil))
		}
	}
}

// mozilla reads the status of Thunderbird, which is a number in hex.
func (e *Entry) mozilla(value string) {
	n, err := strconv.ParseUint(strings.TrimSpace(value), 16, 32)
	if err != nil {
		return
	}
	for bit, flag := range map[uint64]transport.Flags{0x1: transport.Seen, 0x2: transport.Answered, 0x4: transport.Flagged, 0x1000: transport.Forwarded} {
		if n&bit != 0 {
			e.Meta.Flags |= flag
		}
	}
	if n&0x8 != 0 {
		e.Meta.Skip = "deleted in Thunderbird, and still in the file as it was not compacted"
	}
}

// gmail reads the labels of a Takeout. What is a flag elsewhere becomes one.
func (e *Entry) gmail(value string) {
	e.Meta.Flags |= transport.Seen
	for _, l := range strings.Split(value, ",") {
		l = strings.Trim(strings.TrimSpace(l), `"`)
		switch strings.ToLower(l) {
		case "", "opened":
			continue
		case "unread":
			e.Meta.Flags &^= transport.Seen
			continue
		case "starred":
			e.Meta.Flags |= transport.Flagged
			continue
		case "draft", "drafts":
			e.Meta.Flags |= transport.Draft
		}
		e.labels = append(e.labels, l)
		e.keyword(l)
	}
}

// systemLabels are where a mail lies when it has no label of its own.
var systemLabels = []string{"Inbox", "Sent", "Drafts", "Spam", "Trash", "Archived"}

// home is the one label that becomes the folder: the first that the user made,
// else the place in Gmail.
func (e *Entry) home() string {
	system := map[string]bool{"important": true, "chat": true}
	for _, l := range systemLabels {
		system[strings.ToLower(l)] = true
	}
	for _, l := range e.labels {
		low := strings.ToLower(l)
		if !system[low] && !strings.HasPrefix(low, "category ") && !strings.HasPrefix(low, "imap_") {
			return l
		}
	}
	for _, s := range systemLabels {
		if slices.ContainsFunc(e.labels, func(l string) bool { return strings.EqualFold(l, s) }) {
			return s
		}
	}
	return "Archived"
}
