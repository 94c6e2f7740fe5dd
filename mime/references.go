package mime

import (
	"bytes"
	"strings"
)

// contentIDs are the Content-IDs that HTML points to with "cid:", in lower
// case, as written and with percent signs undone. RFC 2392
type contentIDs map[string]bool

// Bounds on what the input asks for.
const (
	maxContentIDs = 10000
	maxContentID  = 998
)

// find adds the identifiers in a piece of HTML. It is true while there is room
// for more.
func (ids contentIDs) find(html []byte) bool {
	for len(ids) < maxContentIDs {
		i := indexCID(html)
		if i < 0 {
			return true
		}
		html = html[i+4:]
		end := bytes.IndexAny(html[:min(len(html), maxContentID)], "\"'<> )\t\r\n\\")
		if end < 0 {
			end = min(len(html), maxContentID)
		}
		id := strings.ToLower(string(html[:end]))
		id = strings.ReplaceAll(id, "&amp;", "&")
		ids[id] = true
		if strings.IndexByte(id, '%') >= 0 {
			ids[strings.ToLower(percentDecode(id))] = true
		}
	}
	return false
}

func (ids contentIDs) has(id string) bool { return id != "" && ids[strings.ToLower(id)] }

// indexCID finds "cid:" in any case.
func indexCID(p []byte) int {
	for i := 0; ; {
		j := bytes.IndexByte(p[i:], ':')
		if j < 0 {
			return -1
		}
		i += j
		const n = 3
		if i >= n && strings.EqualFold(string(p[i-n:i]), "cid") {
			return i - n
		}
		i++
	}
}

func percentDecode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			h, l := unhex(s[i+1]), unhex(s[i+2])
			if h >= 0 && l >= 0 {
				b.WriteByte(byte(h<<4 | l))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
