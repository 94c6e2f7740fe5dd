// Package codepage maps Windows code page numbers, MIME charset labels and
// Windows locales to character sets.
//
// Start from [Get] for the number in a MAPI property, from [ByName] for the
// label in a MIME header, and from [OfMessage] for the code page of a
// message's [mapi.TypeString8] values. Numbers are those of the code page
// list of [MS-UCODEREF] 2.2.1.
//
// Decoding is lenient where mail is careless. Windows-1252 is what ISO-8859-1
// (28591) and US-ASCII (20127) decode as, Windows-1254 stands for ISO-8859-9
// and Windows-874 for ISO-8859-11; the national East Asian sets decode as the
// larger Windows page of the same family (GB2312 as 936, KS C 5601 as 949,
// Shift_JIS as 932). Encoding keeps to the named set where it is single-byte.
//
// Not supported: ISCII (57002-57011), T.61 and ISO 6937 (20261, 20269), the
// EBCDIC pages with double bytes (50930-50939) and Europa (29001). They
// degrade to Windows-1252, which [Get] tells by its second result. Of CNS
// 11643 only planes 1 and 2 are known.
package codepage

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"

	"golang.org/x/text/transform"
)

//go:generate python3 maketables.py
//go:generate gofmt -w tables_gen.go

// Numbers that code needs by name.
const (
	UTF16       = 1200
	Windows1252 = 1252
	ASCII       = 20127
	UTF8        = 65001
)

// Get is the character set of a code page number. If the number is unknown, or
// only a near relative of it can be had, ok is false and the set returned is
// the best that there is: the relative, else Windows-1252. The caller then
// reports a problem. Numbers 0 and 1 (the system's ANSI and OEM page) count as
// 1252 and 437.
//
// The sets are shared: equal numbers give equal (==) values, and all methods
// are safe for concurrent use.
func Get(n int) (cs mapi.Charset, ok bool) {
	if c, ok := byNumber()[n]; ok {
		return c, !c.approximate
	}
	return byNumber()[Windows1252], false
}

// ByName is the character set of a MIME label. Case, punctuation, quotes and a
// language tag after '*' make no difference, and forms like "cp-850", "win1251"
// or "x-ibm-737" are understood. The set's code page is the one that fits the
// label best ("gb2312" gives 936). A false result comes with Windows-1252.
func ByName(label string) (cs mapi.Charset, ok bool) {
	key := normalise(label)
	if c, ok := byLabel()[key]; ok {
		return c, !c.approximate
	}
	if bare, found := strings.CutPrefix(key, "x"); found {
		if c, ok := byLabel()[bare]; ok {
			return c, !c.approximate
		}
		key = bare
	}
	for _, p := range []string{"windows", "codepage", "microsoftcp", "mscp", "ibm", "win", "cp", "ms", "dos", ""} {
		digits, found := strings.CutPrefix(key, p)
		if !found || digits == "" {
			continue
		}
		if n, err := strconv.Atoi(digits); err == nil && n > 1 {
			return Get(n)
		}
	}
	return byNumber()[Windows1252], false
}

// Name is the preferred MIME label of a code page number, "" for an unknown
// one.
func Name(n int) string {
	if c, ok := byNumber()[n]; ok {
		return c.label
	}
	return ""
}

// OfMessage is the code page of the [mapi.TypeString8] values of a message:
// PidTagMessageCodepage (0x3FFD), else the ANSI code page of
// PidTagMessageLocaleId (0x3FF1), else 1252. A PidTagMessageCodepage that says
// UTF-16 (1200) is passed over, since eight-bit strings cannot be that.
//
// QUIRK: [MS-OXCMSG] 2.2.1.58.6 lets PidTagInternetCodepage (0x3FDE) speak for
// these strings. It speaks of the HTML body only: files hold 50220 there beside
// Shift_JIS strings, and Outlook does not ask it.
func OfMessage(ps mapi.Properties) int {
	if n, ok := ps.Int(mapi.PidTagMessageCodepage); ok && n > 1 && n != 1200 && n != 1201 {
		return int(n)
	}
	if lcid, ok := ps.Int(mapi.PidTagMessageLocaleId); ok && lcid != 0 {
		return ANSI(uint32(lcid))
	}
	return Windows1252
}

// A charset implements [mapi.Charset]. There is one for each number, so that
// pointers compare.
type charset struct {
	page        int
	label       string
	approximate bool

	// plain reports whether b is ASCII text that means itself. Nil: never.
	plain   func(b []byte) bool
	decoder func() transform.Transformer
	encode  func(text string) ([]byte, bool)
	// single is set for single-byte sets, which have a faster way.
	single *singleByte
	// strictASCII makes bytes above 0x7F a fault, though they are decoded.
	strictASCII bool
}

var _ mapi.Charset = (*charset)(nil)

// CodePage implements [mapi.Charset].
func (c *charset) CodePage() int { return c.page }

// String is the MIME label.
func (c *charset) String() string { return c.label }

// Decode implements [mapi.Charset].
func (c *charset) Decode(b []byte) (string, bool) {
	if c.plain != nil && c.plain(b) {
		return string(b), true
	}
	if c.single != nil {
		s, ok := c.single.decode(b)
		return s, ok && !c.strictASCII
	}
	if c.page == UTF8 && utf8.Valid(b) && c.label == "utf-8" {
		return string(b), true
	}
	return decodeAll(c.decoder(), b)
}

// Encode implements [mapi.Charset].
func (c *charset) Encode(text string) ([]byte, bool) {
	if c.plain != nil {
		if b := []byte(text); c.plain(b) {
			return b, true
		}
	}
	return c.encode(text)
}

// NewReader implements [mapi.Charset].
func (c *charset) NewReader(r io.Reader) io.Reader {
	return transform.NewReader(r, c.decoder())
}

func decodeAll(t transform.Transformer, b []byte) (string, bool) {
	out := make([]byte, 0, len(b)+len(b)/2+16)
	for {
		if cap(out)-len(out) < utf8.UTFMax*4 {
			out = append(out, make([]byte, len(out)+64)...)[:len(out)]
		}
		nDst, nSrc, err := t.Transform(out[len(out):cap(out)], b, true)
		out = out[:len(out)+nDst]
		b = b[nSrc:]
		if err == transform.ErrShortDst {
			out = append(out, make([]byte, len(out)+64)...)[:len(out)]
			continue
		}
		if err != nil && len(b) > 0 {
			// A decoder that stops at a bad byte: say so and step over it.
			out = append(out, "\uFFFD"...)
			b = b[1:]
			continue
		}
		break
	}
	s := string(out)
	return s, !strings.ContainsRune(s, utf8.RuneError)
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isASCIIWithout makes a test for ASCII that holds none of the bytes with
// which a stateful set leaves ASCII.
func isASCIIWithout(special string) func([]byte) bool {
	return func(b []byte) bool {
		for _, c := range b {
			if c >= utf8.RuneSelf || c < 0x20 && strings.IndexByte(special, c) >= 0 || c >= 0x20 && strings.IndexByte(special, c) >= 0 {
				return false
			}
		}
		return true
	}
}

// normalise reduces a label to lower-case letters and digits.
func normalise(label string) string {
	label, _, _ = strings.Cut(label, "*") // RFC 2231 5: charset*language
	out := make([]byte, 0, len(label))
	for i := 0; i < len(label) && len(out) < 40; i++ {
		switch c := label[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			out = append(out, c)
		case 'A' <= c && c <= 'Z':
			out = append(out, c+'a'-'A')
		}
	}
	return string(out)
}

var byNumber = sync.OnceValue(func() map[int]*charset {
	m := make(map[int]*charset, len(pages))
	for i := range pages {
		p := &pages[i]
		c := p.build()
		if _, twice := m[p.page]; !twice && !p.noNumber {
			m[p.page] = c
		}
	}
	m[0], m[1] = m[1252], m[437]
	return m
})

var byLabel = sync.OnceValue(func() map[string]*charset {
	m := make(map[string]*charset, 8*len(pages))
	for i := range pages {
		p := &pages[i]
		var c *charset
		if p.noNumber {
			c = p.build()
		} else {
			c = byNumber()[p.page]
		}
		for _, label := range strings.Fields(p.labels) {
			key := normalise(label)
			if _, twice := m[key]; !twice {
				m[key] = c
			}
		}
	}
	return m
})

func (p *page) build() *charset {
	label, _, _ := strings.Cut(p.labels, " ")
	c := &charset{page: p.page, label: label, approximate: p.approximate}
	p.set(c)
	if c.decoder == nil {
		panic(fmt.Sprintf("codepage: %d has no decoder", p.page)) // a fault of the table, found by any test
	}
	return c
}
