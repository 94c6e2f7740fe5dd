package dir

import (
	"bufio"
	"bytes"
	"encoding/json"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// MetaName is the hidden file of a folder that holds what files cannot carry.
const MetaName = ".mailconv-meta.jsonl"

// A line of the file. The last one about a name counts.
type line struct {
	Name     string    `json:"name"`
	Put      bool      `json:"put,omitempty"` // the line of a Put, as against a change
	Flags    []string  `json:"flags,omitempty"`
	Keywords []string  `json:"keywords,omitempty"`
	Received time.Time `json:"received,omitzero"`
	Token    string    `json:"token,omitempty"`
	// Raw says that the lines of the file end as those of the mail do, though
	// the first one ends in a bare LF.
	Raw bool `json:"raw,omitempty"`
}

var flagNames = []struct {
	flag transport.Flags
	name string
}{
	{transport.Seen, "seen"},
	{transport.Answered, "answered"},
	{transport.Flagged, "flagged"},
	{transport.Deleted, "deleted"},
	{transport.Draft, "draft"},
	{transport.Forwarded, "forwarded"},
	{transport.MDNSent, "mdnsent"},
}

func formatFlags(f transport.Flags) (names []string) {
	for _, n := range flagNames {
		if f.Has(n.flag) {
			names = append(names, n.name)
		}
	}
	return names
}

func (l *line) flags() (f transport.Flags) {
	for _, name := range l.Flags {
		for _, n := range flagNames {
			if n.name == name {
				f |= n.flag
			}
		}
	}
	return f
}

// maxLine bounds what is read of the file at once.
const maxLine = 1 << 20

var seed = maphash.MakeSeed()

// A log is the file of one folder. In memory is only where the last line about
// each name lies, 16 bytes for each.
type log struct {
	path string

	mu   sync.Mutex
	file *os.File
	last map[uint64]int64
	end  int64 // behind the last whole line
}

// open reads what is there. The lock is held.
func (l *log) open() error {
	if l.last != nil {
		return nil
	}
	last := map[uint64]int64{}
	f, err := os.Open(l.path)
	if os.IsNotExist(err) {
		l.last = last
		return nil
	}
	if err != nil {
		return err
	}
	l.file, l.last = f, last
	return l.scan(0, func(at int64, n line) { last[maphash.String(seed, n.Name)] = at })
}

// scan goes through the whole lines from an offset on, and moves the end. A
// line that is damaged is passed over; the last one may be cut off.
func (l *log) scan(from int64, do func(at int64, n line)) error {
	r := bufio.NewReaderSize(io.NewSectionReader(l.file, from, 1<<62), 64<<10)
	at := from
	var text []byte
	for {
		part, err := r.ReadSlice('\n')
		text = append(text, part...)
		if err == bufio.ErrBufferFull && len(text) < maxLine {
			continue
		}
		if err == io.EOF {
			l.end = at
			return nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		var n line
		if json.Unmarshal(text, &n) == nil && n.Name != "" {
			do(at, n)
		}
		at += int64(len(text))
		text = text[:0]
	}
}

// get is the last line about a name.
func (l *log) get(name string) (line, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var n line
	if err := l.open(); err != nil {
		return n, false, err
	}
	at, ok := l.last[maphash.String(seed, name)]
	if !ok {
		return n, false, nil
	}
	r := bufio.NewReader(io.NewSectionReader(l.file, at, maxLine))
	text, err := r.ReadBytes('\n')
	if err != nil && err != io.EOF {
		return n, false, err
	}
	err = json.Unmarshal(text, &n)
	return n, err == nil && n.Name == name, nil
}

// add writes lines, all or, when the process is killed, the first ones.
func (l *log) add(sync bool, lines ...line) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file = f
	var b bytes.Buffer
	at := make([]int64, len(lines))
	for i, n := range lines {
		at[i] = l.end + int64(b.Len())
		text, err := json.Marshal(n)
		if err != nil {
			return err
		}
		b.Write(append(text, '\n'))
	}
	// Over the rest of a line that was cut off, if there is one.
	if err := f.Truncate(l.end); err != nil {
		return err
	}
	if _, err := f.WriteAt(b.Bytes(), l.end); err != nil {
		return err
	}
	if sync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	l.end += int64(b.Len())
	for i, n := range lines {
		l.last[maphash.String(seed, n.Name)] = at[i]
	}
	return nil
}

// mark is the end of the file.
func (l *log) mark() (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.open()
	return l.end, err
}

// since lists the names that were put from an offset on, each once.
func (l *log) since(from int64) (names []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil || l.file == nil {
		return nil, err
	}
	seen := map[string]bool{}
	err = l.scan(min(from, l.end), func(_ int64, n line) {
		if n.Put && !seen[n.Name] {
			seen[n.Name] = true
			names = append(names, n.Name)
		}
	})
	return names, err
}

func (l *log) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.last, l.end = nil, nil, 0
}

func newLog(dir string) *log { return &log{path: filepath.Join(dir, MetaName)} }
