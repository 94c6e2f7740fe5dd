package pathname

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode/utf8"
)

// BookName is the file in which a [Book] is kept.
const BookName = ".mailconv-names"

// mark stands before the hash of a shortened name. Escape writes no lower case
// after a percent sign, so no other name has it.
const mark = "%~"

// A Book keeps long names of a folder tree: a file in its root, one line for
// each, the short name and the escaped long one with a tab between. It may be
// used by several goroutines.
type Book struct {
	path  string
	mu    sync.Mutex
	known map[string]string
}

// OpenBook reads the book of a tree. A tree that has none has an empty one.
func OpenBook(root string) (*Book, error) {
	b := &Book{path: filepath.Join(root, BookName), known: map[string]string{}}
	f, err := os.Open(b.path)
	if os.IsNotExist(err) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if short, long, ok := strings.Cut(sc.Text(), "\t"); ok && Short(long) == short {
			b.known[short] = long
		}
	}
	return b, sc.Err()
}

// Short is the short form of an escaped name: its begin and a hash, or the name
// itself when it is short enough.
func Short(escaped string) string {
	if len(escaped) <= MaxBytes {
		return escaped
	}
	sum := sha256.Sum256([]byte(escaped))
	n := 180
	for n > 0 && !utf8.RuneStart(escaped[n]) {
		n--
	}
	return escaped[:n] + mark + hex.EncodeToString(sum[:8])
}

// Shorten is [Short], and writes a name that was cut into the book.
func (b *Book) Shorten(escaped string) (string, error) {
	short := Short(escaped)
	if short == escaped {
		return short, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.known[short]; ok {
		return short, nil
	}
	f, err := os.OpenFile(b.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.WriteString(short + "\t" + escaped + "\n"); err != nil {
		return "", err
	}
	b.known[short] = escaped
	return short, f.Sync()
}

// Long is the escaped name behind a short one; another name comes back as it
// is.
func (b *Book) Long(short string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if long, ok := b.known[short]; ok {
		return long
	}
	return short
}
