package rtf

import "bytes"

// rewriteHead looks at the first output of an encapsulated HTML, up to
// flushSize or the start of the body, for the charset that meta elements
// declare, and sets it to utf-8. It reports that this is done.
//
// Encapsulated HTML was moved from its own charset into that of the RTF, and
// comes out as UTF-8; a declaration that stays would be a lie, and readers that
// trust it would show garbage.
func (p *parser) rewriteHead() bool {
	if p.mode != outHTMLTags {
		return true
	}
	for at := 0; ; {
		tag := indexTag(p.out[at:])
		if tag < 0 {
			return true
		}
		at += tag
		end := bytes.IndexByte(p.out[at:], '>')
		if end < 0 {
			return true
		}
		if hasPrefixFold(p.out[at:], "<body") {
			return true
		}
		from, to := charsetValue(p.out[at : at+end])
		if from < to {
			value := string(p.out[at+from : at+to])
			if p.res.Charset == "" {
				p.res.Charset = value
			}
			if !p.opts.KeepCharset && !equalFold([]byte(value), "utf-8") {
				rest := append([]byte("utf-8"), p.out[at+to:]...)
				p.out = append(p.out[:at+from], rest...)
				at += from
				continue
			}
		}
		at += end
	}
}

// indexTag finds the next <meta or <body.
func indexTag(b []byte) int {
	for i := 0; i < len(b); {
		n := bytes.IndexByte(b[i:], '<')
		if n < 0 {
			return -1
		}
		i += n
		if hasPrefixFold(b[i:], "<meta") || hasPrefixFold(b[i:], "<body") {
			return i
		}
		i++
	}
	return -1
}

func hasPrefixFold(b []byte, s string) bool {
	return len(b) >= len(s) && equalFold(b[:len(s)], s)
}

// equalFold compares with a lower-case ASCII string.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// charsetValue finds the value of charset= in a tag, either the attribute or
// inside content="text/html; charset=...". Empty when there is none.
func charsetValue(tag []byte) (from, to int) {
	for i := 0; i+len("charset") < len(tag); i++ {
		if !hasPrefixFold(tag[i:], "charset") {
			continue
		}
		j := i + len("charset")
		for j < len(tag) && isSpace(tag[j]) {
			j++
		}
		if j >= len(tag) || tag[j] != '=' {
			continue
		}
		j++
		for j < len(tag) && (isSpace(tag[j]) || tag[j] == '"' || tag[j] == '\'') {
			j++
		}
		from = j
		for j < len(tag) && !isSpace(tag[j]) && tag[j] != '"' && tag[j] != '\'' && tag[j] != ';' && tag[j] != '/' {
			j++
		}
		return from, j
	}
	return 0, 0
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' }
