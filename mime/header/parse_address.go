package header

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// ParseAddresses reads a list of mailboxes and groups from an unfolded value.
// It is lenient: routes, comments, empty entries, missing quotes and brackets,
// semicolons between mailboxes, names with 8-bit characters and encoded words
// in any place are understood. A comment is the name of a mailbox that has no
// other. An entry without an address is kept by its name. Def is as in
// [DecodeText]. RFC 5322 3.4, 4.4
func ParseAddresses(s string, def mapi.Charset) []Address {
	p := addressParser{s: s, def: def}
	return p.list()
}

type tokenKind byte

const (
	tokText    tokenKind = iota // atoms and dots, raw
	tokQuoted                   // a quoted string, unescaped
	tokComment                  // a comment, unescaped
	tokAngle                    // what stood between angle brackets
)

type addressToken struct {
	kind tokenKind
	text string
	// glued says that no white space stands before the token.
	glued bool
}

// Bounds that keep hostile text from costing more than its length.
const (
	maxAngle   = 2 << 10 // characters between angle brackets
	maxQuoted  = 8 << 10 // characters of a quoted string
	maxLiteral = 256     // characters of a domain literal
	maxBroken  = 64      // quotes and brackets that are never closed
)

type addressParser struct {
	s      string
	pos    int
	def    mapi.Charset
	toks   []addressToken
	at     bool // an item with an @ in it is being read
	broken int
}

func (p *addressParser) push(kind tokenKind, text string, glued bool) {
	p.toks = append(p.toks, addressToken{kind, text, glued})
	if kind == tokAngle || kind == tokText && strings.IndexByte(text, '@') >= 0 {
		p.at = true
	}
}

// list reads to the end of the text.
func (p *addressParser) list() []Address {
	var out []Address
	group := -1 // index of the group that is open
	add := func() {
		a, ok := p.mailbox()
		if !ok {
			return
		}
		if group >= 0 {
			out[group].Members = append(out[group].Members, a)
		} else {
			out = append(out, a)
		}
	}
	for {
		switch p.item() {
		case ',':
			add()
		case ';':
			add()
			group = -1
		case ':':
			switch {
			case len(p.toks) == 1 && (strings.EqualFold(p.toks[0].text, "mailto") || strings.EqualFold(p.toks[0].text, "smtp")):
				p.toks = p.toks[:0]
			case group >= 0 || p.at:
				// No group can begin here: the colon is text.
				p.push(tokText, ":", true)
			default:
				out = append(out, Address{Name: p.phrase(p.toks), Group: true})
				p.toks = p.toks[:0]
				group = len(out) - 1
			}
		default:
			add()
			return out
		}
	}
}

// item reads tokens up to a comma, semicolon, colon or the end (0).
func (p *addressParser) item() byte {
	glued := true
	for p.pos < len(p.s) {
		switch c := p.s[p.pos]; c {
		case ' ', '\t', '\r', '\n':
			p.pos++
			glued = false
			continue
		case ',', ';', ':':
			p.pos++
			return c
		case '"':
			n := 0
			if p.broken < maxBroken {
				var text string
				var ok bool
				if text, n, ok = cutQuoted(p.s[p.pos:min(len(p.s), p.pos+maxQuoted)]); ok {
					p.push(tokQuoted, text, glued)
				} else {
					p.broken++
				}
			}
			p.pos += max(n, 1) // a quote that is never closed is junk
		case '(':
			text, rest := cutComment(p.s[p.pos:])
			p.push(tokComment, text, glued)
			p.pos = len(p.s) - len(rest)
		case '<':
			p.angle(glued)
		case '>', ')':
			p.pos++
		default:
			p.push(tokText, p.atom(), glued)
		}
		glued = true
	}
	return 0
}

// angle reads an address in angle brackets. Without a closing bracket it ends
// at a comma or at the end.
func (p *addressParser) angle(glued bool) {
	p.pos++
	limit := maxAngle
	if p.broken >= maxBroken {
		limit = 64
	}
	s := p.s[p.pos:min(len(p.s), p.pos+limit)]
	quoted, at, start := false, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '@':
			at = true
		case c == '>':
			p.push(tokAngle, s[start:i], glued)
			p.pos += i + 1
			return
		case c == ',' && at && s[start] != '@':
			// The closing bracket is missing.
			p.push(tokAngle, s[start:i], glued)
			p.pos += i
			return
		case c == '<' && !at:
			// "<<a@b>>" or "<John Doe <a@b>": the inner bracket counts.
			if name := strings.TrimSpace(s[start:i]); name != "" {
				p.push(tokText, name, glued)
			}
			start, glued = i+1, false
		}
	}
	p.broken++
	end := len(s)
	if i := strings.IndexAny(s[start:], ",>"); i >= 0 {
		end = start + i
	}
	p.push(tokAngle, s[start:end], glued)
	p.pos += end
}

// atom reads up to white space or a special. An encoded word is taken whole,
// whatever stands in it, and so is a domain literal.
func (p *addressParser) atom() string {
	start := p.pos
	for p.pos < len(p.s) {
		switch c := p.s[p.pos]; c {
		case ' ', '\t', '\r', '\n', ',', ';', '"', '(', ')', '<', '>':
			return p.s[start:p.pos]
		case ':':
			if p.pos > start {
				return p.s[start:p.pos]
			}
			p.pos++
		case '=':
			if w, rest, ok := cutWord(p.s[p.pos:]); ok && !strings.Contains(w.text, " <") {
				p.pos = len(p.s) - len(rest)
				continue
			}
			p.pos++
		case '[':
			if end := strings.IndexByte(p.s[p.pos:min(len(p.s), p.pos+maxLiteral)], ']'); end > 0 && p.pos > start && p.s[p.pos-1] == '@' {
				p.pos += end
			}
			p.pos++
		default:
			p.pos++
		}
	}
	return p.s[start:p.pos]
}

// cutQuoted reads the quoted string at the start of s; n is its length with
// both quotes.
func cutQuoted(s string) (text string, n int, ok bool) {
	var b []byte
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i+1 < len(s) {
				i++
				b = append(b, s[i])
			}
		case '"':
			return string(b), i + 1, true
		default:
			b = append(b, c)
		}
	}
	return "", 0, false
}

// mailbox makes an address of the tokens read, and forgets them.
func (p *addressParser) mailbox() (a Address, ok bool) {
	toks := p.toks
	p.toks, p.at = p.toks[:0], false
	if len(toks) == 0 {
		return a, false
	}
	angle := -1
	for i, t := range toks {
		if t.kind == tokAngle && (angle < 0 || strings.IndexByte(t.text, '@') >= 0) {
			angle = i
		}
	}
	if angle >= 0 {
		a.Addr = cleanSpec(toks[angle].text)
		a.Name = p.phrase(toks[:angle])
		if a.Name == "" {
			a.Name = p.phrase(toks[angle+1:])
		}
		if a.Name == "" {
			a.Name = p.comment(toks)
		}
		if a.Addr == "" && strings.IndexByte(a.Name, '@') > 0 && !strings.ContainsAny(a.Name, " \t") {
			a.Addr, a.Name = a.Name, ""
		}
		return a, true
	}
	// No brackets: the run of glued tokens with an @ is the address, what is
	// left is a name.
	at := -1
	for i, t := range toks {
		if t.kind == tokText && strings.IndexByte(t.text, '@') >= 0 && !strings.Contains(t.text, "=?") {
			at = i
		}
	}
	if at < 0 {
		a.Name = p.phrase(toks)
		if p.split(&a) {
			return a, true
		}
		words := 0
		for _, t := range toks {
			if t.kind != tokComment {
				words++
			}
		}
		if words == 1 && toks[0].kind == tokText && !strings.Contains(toks[0].text, "=?") {
			// A mailbox of the local host.
			a.Addr, a.Name = DecodeText(toks[0].text, p.def), p.comment(toks)
			return a, true
		}
		// A comment alone names nobody.
		return a, a.Name != ""
	}
	from, to := at, at+1
	joins := func(left, right addressToken) bool {
		if left.kind == tokComment || right.kind == tokComment {
			return false
		}
		l, r := left.text, right.text
		// Obsolete syntax allows white space around dots and the @. RFC 5322 4.4
		return right.glued || right.kind == tokText && (r[0] == '@' || r[0] == '.') ||
			left.kind == tokText && (l[len(l)-1] == '@' || l[len(l)-1] == '.')
	}
	for from > 0 && joins(toks[from-1], toks[from]) {
		from--
	}
	for to < len(toks) && joins(toks[to-1], toks[to]) {
		to++
	}
	var spec strings.Builder
	for _, t := range toks[from:to] {
		if t.kind == tokQuoted {
			spec.Write(appendQuoted(nil, t.text))
		} else {
			spec.WriteString(t.text)
		}
	}
	a.Addr = cleanSpec(spec.String())
	rest := append(append([]addressToken(nil), toks[:from]...), toks[to:]...)
	if a.Name = p.phrase(rest); a.Name == "" {
		a.Name = p.comment(rest)
	}
	return a, true
}

// split finds "name <address>" in a name that came out of an encoded word or
// of quotes.
func (p *addressParser) split(a *Address) bool {
	open := strings.LastIndexByte(a.Name, '<')
	if open >= 0 && strings.HasSuffix(a.Name, ">") && strings.IndexByte(a.Name[open:], '@') > 1 {
		a.Addr = cleanSpec(a.Name[open+1 : len(a.Name)-1])
		a.Name = strings.TrimSpace(a.Name[:open])
		return true
	}
	if t := strings.Trim(a.Name, "'"); isPlainSpec(t) {
		a.Addr, a.Name = t, ""
		return true
	}
	return false
}

// phrase joins the words of a display name. Encoded words that stand side by
// side are decoded together, and quotes around one make no difference.
func (p *addressParser) phrase(toks []addressToken) string {
	var b strings.Builder
	for _, t := range toks {
		if t.kind == tokComment || t.kind == tokAngle {
			continue
		}
		if b.Len() > 0 && (!t.glued || t.kind == tokQuoted) {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return strings.TrimSpace(DecodeText(b.String(), p.def))
}

func (p *addressParser) comment(toks []addressToken) string {
	for _, t := range toks {
		if t.kind == tokComment {
			return strings.TrimSpace(DecodeText(t.text, p.def))
		}
	}
	return ""
}

// cleanSpec removes white space, comments, routes and prefixes from an address.
func cleanSpec(s string) string {
	s = strings.Trim(s, " \t\r\n<>'")
	if strings.IndexByte(s, '(') >= 0 && strings.IndexByte(s, '"') < 0 {
		var b strings.Builder
		for s != "" {
			i := strings.IndexByte(s, '(')
			if i < 0 {
				b.WriteString(s)
				break
			}
			b.WriteString(s[:i])
			_, s = cutComment(s[i:])
		}
		s = b.String()
	}
	for _, prefix := range []string{"mailto:", "smtp:"} {
		if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
			s = s[len(prefix):]
		}
	}
	// Source routes: "@a,@b:user@c". RFC 5322 4.4
	if strings.HasPrefix(s, "@") {
		if i := strings.IndexByte(s, ':'); i >= 0 && strings.IndexByte(s[i:], '@') > 0 {
			s = s[i+1:]
		}
	}
	if strings.Contains(s, "=?") {
		s = DecodeText(s, nil)
	}
	s = guess(s, nil)
	if strings.ContainsAny(s, " \t") && strings.IndexByte(s, '"') < 0 && strings.IndexByte(s, '@') >= 0 {
		s = strings.Map(func(r rune) rune {
			if r == ' ' || r == '\t' {
				return -1
			}
			return r
		}, s)
	}
	return s
}

// ParsePhrases reads a list of phrases between commas: Keywords. Def is as in
// [DecodeText]. RFC 5322 3.6.5
func ParsePhrases(s string, def mapi.Charset) []string {
	p := addressParser{s: s, def: def}
	var list []string
	for {
		end := p.item()
		if end == ':' {
			p.push(tokText, ":", true)
			continue
		}
		if text := p.phrase(p.toks); text != "" {
			list = append(list, text)
		}
		p.toks = p.toks[:0]
		if end == 0 {
			return list
		}
	}
}

// ParseIDs reads message identifiers: Message-ID, References, In-Reply-To,
// Content-ID. Each comes with its angle brackets. White space inside of one is
// a fold gone wrong and is removed. Text between identifiers is passed over;
// where there is no bracket at all, each word is one. RFC 5322 3.6.4
func ParseIDs(s string) []string {
	var ids []string
	for t := s; ; {
		i := strings.IndexByte(t, '<')
		if i < 0 {
			break
		}
		t = t[i+1:]
		end := strings.IndexAny(t, "<>")
		if end < 0 {
			end = len(t)
		}
		id := strings.Join(strings.Fields(guess(t[:end], nil)), "")
		if id != "" {
			ids = append(ids, "<"+id+">")
		}
		t = t[end:]
	}
	if ids == nil {
		for _, w := range strings.Fields(guess(s, nil)) {
			if w = strings.Trim(w, "<>,;"); w != "" {
				ids = append(ids, "<"+w+">")
			}
		}
	}
	return ids
}
