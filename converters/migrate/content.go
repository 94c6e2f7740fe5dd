package migrate

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// A Contenter reads what an item means, whatever its form is. It is used where
// two stores keep different forms, so that neither bytes nor properties can be
// compared.
type Contenter interface {
	// Meaning reads the content and does not close it.
	Meaning(ctx context.Context, c *transport.Content) (*Meaning, error)
}

// A Meaning is what a reader of a mail would call its content. Two copies of
// one item in different forms have the same.
type Meaning struct {
	MessageID string
	Date      time.Time // when it was sent
	From      []string  // addresses, without names
	To        []string
	Cc        []string
	Subject   string
	// Words is [Words] of the text, as a person reads it.
	Words       ledger.Fingerprint
	Attachments []Attachment
}

// An Attachment of a [Meaning]. An embedded message has the hash of its own
// meaning ([Meaning.Digest]).
type Attachment struct {
	Name string
	Hash ledger.Fingerprint
	Size int64
}

// anonymous is the [Meaning.Digest] without the Message-ID, which some stores
// replace.
func (m *Meaning) anonymous() ledger.Fingerprint {
	own := *m
	own.MessageID = ""
	return own.Digest()
}

// Digest is one fingerprint for all of it. Names of attachments do not count,
// as stores clean them.
func (m *Meaning) Digest() ledger.Fingerprint {
	h := sha256.New()
	field(h, []byte(m.MessageID))
	field(h, []byte(date(m.Date)))
	for _, list := range [][]string{m.From, m.To, m.Cc} {
		field(h, []byte(strings.Join(addresses(list), "\n")))
	}
	field(h, []byte(subject(m.Subject)))
	h.Write(m.Words[:])
	for _, a := range hashes(m.Attachments) {
		h.Write(a[:])
	}
	return ledger.Fingerprint(h.Sum(nil))
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}

func addresses(list []string) []string {
	out := make([]string, 0, len(list))
	for _, a := range list {
		if a = strings.ToLower(strings.TrimSpace(a)); a != "" {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func subject(s string) string { return strings.Join(strings.Fields(clean(s, 1<<20)), " ") }

func hashes(list []Attachment) []ledger.Fingerprint {
	out := make([]ledger.Fingerprint, 0, len(list))
	for _, a := range list {
		out = append(out, a.Hash)
	}
	slices.SortFunc(out, func(a, b ledger.Fingerprint) int { return slices.Compare(a[:], b[:]) })
	return out
}

// Words is a fingerprint of the words of a text: runs of letters and digits in
// their order. Spaces, line breaks, punctuation and markup characters do not
// count, so that the text of a mail and that of its HTML are the same.
func Words(r io.Reader) (ledger.Fingerprint, error) {
	w := NewWordHash()
	_, err := io.Copy(w, r)
	return w.Sum(), err
}

// A WordHash is a writer that computes [Words].
type WordHash struct {
	h       hash.Hash
	in      bool
	partial []byte
}

// NewWordHash has seen no text.
func NewWordHash() *WordHash { return &WordHash{h: sha256.New()} }

// Write implements io.Writer. The text is UTF-8.
func (w *WordHash) Write(p []byte) (int, error) {
	n := len(p)
	if len(w.partial) > 0 {
		p = append(w.partial, p...)
		w.partial = nil
	}
	var buf []byte
	for len(p) > 0 {
		if !utf8.FullRune(p) {
			w.partial = append([]byte(nil), p...)
			break
		}
		r, size := utf8.DecodeRune(p)
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			if !w.in {
				buf = append(buf, ' ')
			}
			w.in = true
			buf = append(buf, p[:size]...)
		} else if !unicode.Is(unicode.Mn, r) {
			w.in = false
		}
		p = p[size:]
	}
	w.h.Write(buf)
	return n, nil
}

// Sum is the fingerprint so far.
func (w *WordHash) Sum() ledger.Fingerprint { return ledger.Fingerprint(w.h.Sum(nil)) }
