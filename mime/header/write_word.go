package header

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// An encoded word is at most 75 characters, of which these are the frame:
// =?utf-8?Q? and ?=. RFC 2047 2
const (
	wordLimit = 75
	wordFrame = 12
)

// A span is a stretch of text with the white space before it.
type span struct {
	ws, from, to int // white space ws:from, text from:to
	enc          bool
}

// joinLast joins the last two spans if both are encoded: the white space
// between encoded words is no part of the text, so it must be inside one. RFC
// 2047 6.2
func joinLast(spans []span) []span {
	if n := len(spans); n > 1 && spans[n-1].enc && spans[n-2].enc {
		spans[n-2].to = spans[n-1].to
		return spans[:n-1]
	}
	return spans
}

// text writes unstructured text token by token. Words longer than longest are
// encoded, so that they can be broken.
func (w *Writer) text(s string, longest int) {
	var store [64]span
	spans := store[:0]
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && (s[j] == ' ' || s[j] == '\t') {
			j++
		}
		k := j
		need := false
		for k < len(s) && s[k] != ' ' && s[k] != '\t' {
			c := s[k]
			if c < ' ' || c >= 0x7F || c == '=' && k+1 < len(s) && s[k+1] == '?' {
				need = true
			}
			k++
		}
		last := len(spans) - 1
		switch {
		case j == k && last >= 0:
			// White space at the end would be cut by readers.
			spans[last].to, spans[last].enc = k, true
			spans = joinLast(spans)
		case j == k:
			spans = append(spans, span{0, 0, k, true})
		case need || k-j > longest || i == 0 && j > 0 || j-i > 40:
			if last >= 0 && spans[last].enc {
				spans[last].to = k
			} else if i == 0 || j-i > 40 && last < 0 {
				spans = append(spans, span{0, 0, k, true})
			} else if j-i > 40 {
				spans[last].to, spans[last].enc = k, true
				spans = joinLast(spans)
			} else {
				spans = append(spans, span{i, j, k, true})
			}
		default:
			spans = append(spans, span{i, j, k, false})
		}
		i = k
	}
	for _, p := range spans {
		ws := s[p.ws:p.from]
		if ws == "" {
			ws = " "
		}
		if p.enc {
			w.encodedWords(ws, s[p.from:p.to], "")
		} else {
			token(w, ws, s[p.from:p.to])
		}
	}
}

// qSafe reports whether c stands for itself in Q encoding, in text and in a
// phrase alike. RFC 2047 5 (3)
func qSafe(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

// encodedWords writes s as encoded words in UTF-8, broken between characters,
// in whichever of B and Q is shorter. Tail is glued to the last one.
func (w *Writer) encodedWords(ws, s, tail string) {
	qLen := 0
	for i := 0; i < len(s); i++ {
		if qSafe(s[i]) || s[i] == ' ' {
			qLen++
		} else {
			qLen += 3
		}
	}
	q := qLen <= (len(s)+2)/3*4
	for {
		room := softLimit - w.col - len(ws)
		if need := wordFrame + 12; room < need || !w.any && w.col > 1 && room < min(need+24, wordFrame+qLen) {
			w.fold(ws)
			room = softLimit - w.col
		}
		room = min(room, wordLimit) - wordFrame - len(tail)
		n, used := 0, 0
		for n < len(s) {
			_, size := utf8.DecodeRuneInString(s[n:])
			cost := used
			if q {
				for _, c := range []byte(s[n : n+size]) {
					if qSafe(c) || c == ' ' {
						cost++
					} else {
						cost += 3
					}
				}
			} else {
				cost = (n + size + 2) / 3 * 4
			}
			if cost > room && n > 0 {
				break
			}
			n, used = n+size, cost
		}
		if w.any || w.col > len(ws) {
			w.buf = append(w.buf, ws...)
			w.col += len(ws)
		}
		start := len(w.buf)
		if q {
			w.buf = append(w.buf, "=?utf-8?Q?"...)
			for i := 0; i < n; i++ {
				switch c := s[i]; {
				case c == ' ':
					w.buf = append(w.buf, '_')
				case qSafe(c):
					w.buf = append(w.buf, c)
				default:
					w.buf = append(w.buf, '=', hexDigits[c>>4], hexDigits[c&15])
				}
			}
		} else {
			w.buf = append(w.buf, "=?utf-8?B?"...)
			w.buf = base64.StdEncoding.AppendEncode(w.buf, []byte(s[:n]))
		}
		w.buf = append(w.buf, "?="...)
		s = s[n:]
		if s == "" {
			w.buf = append(w.buf, tail...)
			w.col += len(w.buf) - start
			w.any = true
			return
		}
		w.fold(" ")
		ws = " "
		qLen = 0
	}
}

const hexDigits = "0123456789ABCDEF"

// atext reports whether c may stand in an atom. RFC 5322 3.2.3
func atext(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// phrase writes a display name or a keyword: as atoms, as a quoted string, or
// as encoded words, which never stand inside a quoted string. Tail is glued to
// its end. RFC 5322 3.2.5, RFC 2047 5 (3)
func (w *Writer) phrase(ws, s, tail string) {
	atoms, quotable, special := true, true, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case atext(c):
			if c == '=' && i+1 < len(s) && s[i+1] == '?' {
				atoms, quotable = false, false
			}
		case c == ' ':
			if i == 0 || i == len(s)-1 || s[i-1] == ' ' {
				atoms = false
			}
		case c > ' ' && c < 0x7F:
			atoms = false
			if c == '"' || c == '\\' {
				special++
			}
		default:
			atoms, quotable = false, false
		}
	}
	switch {
	case s == "":
		token(w, ws, `""`+tail)
	case atoms && longestWord(s) <= softLimit-2:
		for {
			word, rest, more := strings.Cut(s, " ")
			if !more {
				w.tok = append(append(w.tok[:0], word...), tail...)
				token(w, ws, w.tok)
				return
			}
			token(w, ws, word)
			s, ws = rest, " "
		}
	case quotable && len(s)+special <= softLimit-6:
		w.tok = appendQuoted(w.tok[:0], s)
		w.tok = append(w.tok, tail...)
		token(w, ws, w.tok)
	default:
		w.encodedWords(ws, s, tail)
	}
}

func longestWord(s string) int {
	longest, n := 0, 0
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// Phrases writes a list of phrases separated by commas: Keywords. RFC 5322
// 3.6.5
func (w *Writer) Phrases(name string, list []string) {
	w.begin(name)
	for i, s := range list {
		tail := ","
		if i == len(list)-1 {
			tail = ""
		}
		w.phrase(" ", clean(s), tail)
	}
	w.finish()
}
