package entity

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

// sampleSize is how much of a text is looked at to guess its character set.
const sampleSize = 64 << 10

// Charset is the character set of a text part, and whether the part states it.
// In this order: a byte order mark; the charset parameter, where it is known;
// for HTML a "meta" element; UTF-8, where the first 64 KiB are that; the set of
// [Options]; Windows-1252. A part that states UTF-8 or US-ASCII and holds
// 8-bit bytes, but none that are UTF-8, is guessed too.
func (e *Entity) Charset(ctx context.Context) (cs mapi.Charset, stated bool) {
	label := strings.TrimSpace(e.Param("charset"))
	cs, known := codepage.ByName(label)
	stated = label != "" && known
	if stated && cs.CodePage() != codepage.UTF8 && cs.CodePage() != codepage.ASCII && cs.CodePage() != codepage.Windows1252 && cs.CodePage() != 28591 {
		return cs, true
	}
	b := e.sample(ctx)
	utf, _ := codepage.Get(codepage.UTF8)
	switch {
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		return utf, stated && cs == utf
	case bytes.HasPrefix(b, []byte("\xFF\xFE")) && len(b) > 3 && !bytes.HasPrefix(b, []byte("\xFF\xFE\x00\x00")):
		cs, _ = codepage.Get(codepage.UTF16)
		return cs, false
	case stated && cs.CodePage() != codepage.UTF8 && cs.CodePage() != codepage.ASCII:
		return cs, true
	}
	ascii, valid, multi := classify(b, len(b) == sampleSize)
	switch {
	case stated && (ascii || valid && cs.CodePage() == codepage.UTF8):
		return cs, true
	case stated && cs.CodePage() == codepage.UTF8 && multi:
		return cs, true // damaged UTF-8
	}
	if !stated && e.MediaType == "text/html" {
		if m := metaCharset().FindSubmatch(b[:min(len(b), 4096)]); m != nil {
			if cs, ok := codepage.ByName(string(m[1])); ok && cs.CodePage() != codepage.UTF16 {
				return cs, false
			}
		}
	}
	switch {
	case valid:
		return utf, stated && ascii
	case e.src.charset != nil && e.src.charset.CodePage() != codepage.UTF8:
		return e.src.charset, false
	}
	cs, _ = codepage.Get(codepage.Windows1252)
	return cs, false
}

var metaCharset = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)<meta[^>]{1,200}charset\s*=\s*["']?([a-z0-9_:.-]{2,40})`)
})

// classify looks at a sample, which may be cut inside of a character.
func classify(b []byte, cut bool) (ascii, valid, multi bool) {
	ascii, valid = true, true
	for {
		b = afterASCII(b)
		if len(b) == 0 {
			break
		}
		ascii = false
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			if cut && !utf8.FullRune(b) {
				break
			}
			valid = false
		} else {
			multi = true
		}
		b = b[n:]
	}
	return ascii, valid, multi
}

// afterASCII is b from its first byte outside of ASCII on.
func afterASCII(b []byte) []byte {
	const high = 0x8080808080808080
	for len(b) >= 8 && binary.LittleEndian.Uint64(b)&high == 0 {
		b = b[8:]
	}
	for len(b) > 0 && b[0] < utf8.RuneSelf {
		b = b[1:]
	}
	return b
}

func (e *Entity) sample(ctx context.Context) []byte {
	c := e.Content()
	if m, ok := c.(mapi.Bytes); ok {
		return m[:min(len(m), sampleSize)]
	}
	r, err := c.Open(ctx)
	if err != nil {
		return nil
	}
	defer r.Close()
	b, _ := io.ReadAll(io.LimitReader(r, sampleSize))
	return b
}

// OpenText reads the content of a text part as UTF-8 with CRLF line ends, by
// [Entity.Charset]. A byte order mark is left out; bytes that mean nothing
// become U+FFFD.
func (e *Entity) OpenText(ctx context.Context) (io.ReadCloser, error) {
	return e.OpenTextWithout(ctx, nil)
}

// OpenTextWithout is [Entity.OpenText] without the lines of the files that
// [Entity.InlineFiles] found.
func (e *Entity) OpenTextWithout(ctx context.Context, files []InlineFile) (io.ReadCloser, error) {
	cs, _ := e.Charset(ctx)
	r, err := e.Content().Open(ctx)
	if err != nil {
		return nil, err
	}
	var text io.Reader
	if m, ok := e.Content().(mapi.Bytes); ok && len(files) == 0 {
		s, _ := cs.Decode(m)
		text = strings.NewReader(strings.TrimPrefix(s, "\uFEFF"))
	} else {
		if len(files) > 0 {
			r = textReader{&gapReader{r: r, files: files}, r}
		}
		text = &skipMark{r: cs.NewReader(r)}
	}
	return &decodingReader{src: textReader{text, r}, dec: lineDecoder{cr: e.src.cr}}, nil
}

// HeldText is what [Entity.OpenText] reads, where that is at hand: the content
// is held in memory, and its lines end in CRLF.
func (e *Entity) HeldText(ctx context.Context) (text string, ok bool) {
	b, ok := e.Content().(mapi.Bytes)
	if !ok || e.src.cr {
		return "", false
	}
	cs, _ := e.Charset(ctx)
	text, _ = cs.Decode(b)
	for i := 0; ; i++ {
		n := strings.IndexByte(text[i:], '\n')
		if n < 0 {
			break
		}
		i += n
		if i == 0 || text[i-1] != '\r' || i > 1 && text[i-2] == '\r' {
			return "", false
		}
	}
	return strings.TrimPrefix(text, "\uFEFF"), true
}

type textReader struct {
	io.Reader
	io.Closer
}

// gapReader leaves out the ranges of files.
type gapReader struct {
	r     io.Reader
	pos   int64
	files []InlineFile
}

func (g *gapReader) Read(p []byte) (int, error) {
	for len(g.files) > 0 {
		f := g.files[0]
		if g.pos < f.Offset {
			p = p[:min(int64(len(p)), f.Offset-g.pos)]
			break
		}
		n, err := io.CopyN(io.Discard, g.r, f.Size)
		g.pos += n
		if err != nil {
			return 0, err
		}
		g.files = g.files[1:]
	}
	n, err := g.r.Read(p)
	g.pos += int64(n)
	return n, err
}

// skipMark leaves out a byte order mark at the start of UTF-8.
type skipMark struct {
	r       io.Reader
	started bool
	head    []byte
}

func (s *skipMark) Read(p []byte) (int, error) {
	if !s.started {
		s.started = true
		b := make([]byte, 3)
		n, err := io.ReadFull(s.r, b)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return 0, err
		}
		if string(b[:n]) != "\uFEFF" {
			s.head = b[:n]
		}
	}
	if len(s.head) > 0 {
		n := copy(p, s.head)
		s.head = s.head[n:]
		return n, nil
	}
	return s.r.Read(p)
}

// An InlineFile is a uuencoded file that stands in a text.
type InlineFile struct {
	// Name is what the "begin" line says; it may hold anything.
	Name string
	// Offset and Size are the lines from "begin" to "end" in the content.
	Offset, Size int64
	// Content is the file.
	Content mapi.Blob
}

// maxInlineFiles bounds the files that are looked for in one text.
const maxInlineFiles = 1000

// InlineFiles finds the uuencoded files in the content of a text part: a
// "begin" line with mode and name, a line of the length that it states, and an
// "end".
func (e *Entity) InlineFiles(ctx context.Context) ([]InlineFile, error) {
	c := e.Content()
	if b, ok := c.(mapi.Bytes); ok && !bytes.Contains(b, []byte("begin ")) {
		return nil, nil
	}
	r, err := c.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	var (
		files []InlineFile
		cur   InlineFile
		open  int // lines seen behind a "begin", 0 when there is none
		pos   int64
		i, n  int
		eof   bool
	)
	for len(files) < maxInlineFiles {
		b := (*buf)[i:n]
		eol := bytes.IndexByte(b, '\n')
		if eol < 0 && !eof && len(b) < len(*buf) {
			n = copy(*buf, b)
			i = 0
			m, err := r.Read((*buf)[n:])
			n += m
			if err == io.EOF {
				eof = true
			} else if err != nil {
				return files, err
			}
			continue
		}
		size := eol + 1
		if eol < 0 {
			size = len(b)
		}
		if size == 0 {
			return files, nil
		}
		line := bytes.TrimRight(b[:size], "\r\n")
		switch {
		case open == 0 && len(line) > 10 && line[0] == 'b' && isUUBegin(line):
			_, name, _ := bytes.Cut(bytes.TrimLeft(line[6:], " "), []byte(" "))
			cur = InlineFile{Name: string(bytes.TrimSpace(name)), Offset: pos}
			open = 1
		case open > 0 && string(line) == "end" && open > 1:
			cur.Size = pos + int64(size) - cur.Offset
			cur.Content = newContent(part{c, cur.Offset, cur.Size}, UUEncode, asItIs)
			files = append(files, cur)
			open = 0
		case open > 0 && isUULine(line):
			open++
		default:
			open = 0
		}
		i += size
		pos += int64(size)
	}
	return files, nil
}

// part is a range of another blob.
type part struct {
	b      mapi.Blob
	off, n int64
}

// Size implements [mapi.Blob].
func (p part) Size() int64 { return p.n }

// Open implements [mapi.Blob].
func (p part) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := p.b.Open(ctx)
	if err != nil {
		return nil, err
	}
	if s, ok := r.(io.Seeker); ok {
		_, err = s.Seek(p.off, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, r, p.off)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return textReader{io.LimitReader(r, p.n), r}, nil
}
