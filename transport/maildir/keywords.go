package maildir

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/mailconv/mailconv/transport/localfile"
)

// keywordFile holds the names of the letters a to z, one a line, each after its
// number.
const keywordFile = "dovecot-keywords"

const maxKeywords = 26

// keywords are those of one folder.
type keywords struct {
	path  string
	mu    sync.Mutex
	names []string // as in the file
}

func openKeywords(dir string) (*keywords, error) {
	k := &keywords{path: filepath.Join(dir, keywordFile)}
	data, err := os.ReadFile(k.path)
	if os.IsNotExist(err) {
		return k, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		num, name, ok := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		i, err := strconv.Atoi(num)
		if !ok || err != nil || i < 0 || i >= maxKeywords {
			continue
		}
		for len(k.names) <= i {
			k.names = append(k.names, "")
		}
		k.names[i] = name
	}
	return k, nil
}

// list is the names by letter.
func (k *keywords) list() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.names...)
}

// places finds the letters of keywords, and adds those that have none. Those
// for which no letter is left come back as lost.
func (k *keywords) places(want []string) (places []int, lost []string, err error) {
	if len(want) == 0 {
		return nil, nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	changed := false
	for _, w := range want {
		name := escapeKeyword(w)
		at := -1
		for i, have := range k.names {
			if have == name {
				at = i
			}
		}
		if at < 0 && name != "" && len(k.names) < maxKeywords {
			k.names = append(k.names, name)
			at, changed = len(k.names)-1, true
		}
		if at < 0 {
			lost = append(lost, w)
			continue
		}
		places = append(places, at)
	}
	if changed {
		var b strings.Builder
		for i, name := range k.names {
			if name != "" {
				fmt.Fprintf(&b, "%d %s\n", i, name)
			}
		}
		err = localfile.Replace(k.path, []byte(b.String()))
	}
	return places, lost, err
}

// escapeKeyword keeps to the characters of an IMAP keyword, which is what other
// programs expect in the file. RFC 9051 9, flag-keyword
func escapeKeyword(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7F || strings.IndexByte("(){%*\"\\]=", c) >= 0 {
			fmt.Fprintf(&b, "=%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unescapeKeyword(s string) string {
	if !strings.Contains(s, "=") {
		return s
	}
	if name := unescapeToken(s); escapeKeyword(name) == s {
		return name
	}
	return s
}
