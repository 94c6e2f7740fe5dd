package mbox

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"strconv"
	"strings"
	"sync"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/head"
)

// A Variant says how lines "From " within a mail are kept apart.
type Variant string

// Variants. Auto tells the variants with a length from those without by the
// first mail of a file, and reads the others as RD.
const (
	Auto Variant = ""
	O    Variant = "mboxo"   // "From " is quoted, and nothing else
	RD   Variant = "mboxrd"  // every ^>*From is quoted by one more >
	CL   Variant = "mboxcl"  // mboxo with Content-Length
	CL2  Variant = "mboxcl2" // Content-Length and no quotes
)

// An Entry is one mail of a file, by its offsets.
type Entry struct {
	// Off is where the From line begins, Start the mail behind it (and behind
	// the lines that we add), End the end of the mail, Next the next From
	// line or the end of the file.
	Off, Start, End, Next int64
	// From is the separator line without its end.
	From []byte
	// Meta is what the From line and the header say.
	Meta transport.Meta
	// labels are those of X-Gmail-Labels.
	labels []string

	asIs   bool // CRLF lines, taken byte for byte
	quoted Variant
	noEnd  bool // the last line end is not part of the mail
	known  bool // we put the status there
	hash   uint64
}

// key is offset and hash, so that a file which was written anew is noticed.
func (e *Entry) key() transport.Key {
	return transport.Key(fmt.Sprintf("%d.%016x", e.Off, e.hash))
}

func parseKey(k transport.Key) (off int64, hash uint64, ok bool) {
	o, h, dot := strings.Cut(string(k), ".")
	off, err1 := strconv.ParseInt(o, 10, 64)
	hash, err2 := strconv.ParseUint(h, 16, 64)
	return off, hash, dot && err1 == nil && err2 == nil && off >= 0 && len(h) == 16
}

// Scan lists the mails of a file without holding it. The bodies are given by
// [Entry.Blob] over the same reader.
func Scan(ctx context.Context, r io.ReaderAt, size int64, v Variant) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		s := newScanner(r, size)
		defer s.close()
		if v == Auto {
			v = s.variant()
		}
		for off, ok := s.first(); ok; {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			e, err := s.entry(ctx, off, v)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(e, nil) {
				return
			}
			off, ok = e.Next, e.Next < s.size
		}
		if s.err != nil {
			yield(nil, s.err)
		}
	}
}

// How much is read at once, and how much of it a header may need: little, as a
// rule.
const (
	bufferSize  = 1 << 20
	smallHeader = 32 << 10
)

// scanner looks at a window of the file.
type scanner struct {
	r    io.ReaderAt
	size int64
	buf  []byte
	own  *[]byte // what buf is a part of
	at   int64   // offset of buf
	err  error
}

func newScanner(r io.ReaderAt, size int64) *scanner { return &scanner{r: r, size: size} }

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// close gives the buffer back; what windows showed is gone.
func (s *scanner) close() {
	if s.own != nil {
		buffers.Put(s.own)
		s.own, s.buf = nil, nil
	}
}

// forget makes the next window read the file again, which has changed.
func (s *scanner) forget() { s.buf = s.buf[:0] }

// window is what is in memory from off on: at least n bytes, or all up to the
// end of the file.
func (s *scanner) window(off int64, n int) []byte {
	if off >= s.size || s.err != nil {
		return nil
	}
	n = int(min(int64(n), s.size-off))
	if off >= s.at && off+int64(n) <= s.at+int64(len(s.buf)) {
		return s.buf[off-s.at:]
	}
	if s.buf == nil {
		s.own = buffers.Get().(*[]byte)
		s.buf = (*s.own)[:0]
	}
	s.buf = s.buf[:min(s.size-off, int64(cap(s.buf)))]
	k, err := s.r.ReadAt(s.buf, off)
	s.buf, s.at = s.buf[:k], off
	if k < n {
		if err == nil || err == io.EOF {
			err = fmt.Errorf("offset 0x%X: the file ends at 0x%X, it had 0x%X bytes", off, off+int64(k), s.size)
		}
		s.err = err
	}
	return s.buf
}

// line is the line at off, without its end and cut to a bound, and the offset
// behind it.
func (s *scanner) line(off int64) (line []byte, next int64) {
	w := s.window(off, maxFromLine)
	w = w[:min(len(w), maxFromLine)]
	i := bytes.IndexByte(w, '\n')
	if i < 0 {
		return w, min(off+int64(len(w)), s.size)
	}
	next = off + int64(i) + 1
	return bytes.TrimSuffix(w[:i], []byte("\r")), next
}

// first is the offset of the first mail: the file's begin, as a rule.
func (s *scanner) first() (int64, bool) {
	w := s.window(0, 64)
	blank := len(w) - len(bytes.TrimLeft(w, "\r\n"))
	w = bytes.TrimPrefix(w[blank:], []byte("\xEF\xBB\xBF"))
	if len(w) == 0 {
		return 0, false
	}
	if bytes.HasPrefix(w, fromPrefix) || bytes.HasPrefix(w, []byte(">From ")) {
		return int64(blank), true
	}
	next := s.separator(0)
	if next < s.size {
		return next, true
	}
	s.err = fmt.Errorf("offset 0x0: no line begins with \"From \"; this is no mbox file")
	return 0, false
}

// separator finds the next separator line whose line end before it is at from
// or later, or gives the size of the file.
func (s *scanner) separator(from int64) int64 {
	mark := []byte("\nFrom ")
	for pos := max(from, 0); pos < s.size && s.err == nil; {
		w := s.window(pos, len(mark))
		i := bytes.Index(w, mark)
		if i < 0 {
			if pos+int64(len(w)) >= s.size {
				break
			}
			pos += int64(max(len(w)-len(mark)+1, 1))
			continue
		}
		if at := pos + int64(i) + 1; s.isSeparator(at) {
			return at
		}
		pos += int64(i) + 1
	}
	return s.size
}

// isSeparator judges a line that begins with "From ". A date makes it one
// behind an empty line; without an empty line a header must follow too, and
// without a date both.
func (s *scanner) isSeparator(off int64) bool {
	before := s.window(max(off-3, 0), 3)[:min(off, 3)]
	blank := off == 0 || bytes.HasSuffix(before, []byte("\n\n")) || bytes.HasSuffix(before, []byte("\n\r\n"))
	before = nil // the window moves
	line, next := s.line(off)
	rest := bytes.TrimSpace(line[len(fromPrefix):])
	dated := hasDate(rest)
	if blank && dated {
		return true
	}
	// QUIRK: Thunderbird writes "From - " and, since 2022, "From " alone.
	bare := len(rest) == 0 || len(rest) == 1 && rest[0] == '-'
	if !dated && !(blank && bare) {
		return false
	}
	follows, _ := s.line(next)
	return looksLikeField(follows)
}

// variant tells whether the first mail is followed by another at the place
// that its Content-Length names.
func (s *scanner) variant() Variant {
	off, ok := s.first()
	if !ok {
		s.err = nil
		return RD
	}
	_, start := s.line(off)
	block := s.window(start, head.Limit)
	if bytes.HasPrefix(block, []byte(markField)) {
		return RD
	}
	if i := head.End(block, 0); i >= 0 {
		if _, ok := s.byLength(start+int64(i), head.Parse(block[:i])); ok {
			return CL2
		}
	}
	return RD
}

// byLength is the end of a body by its Content-Length, when a separator line or
// the end of the file is there.
func (s *scanner) byLength(body int64, h head.Head) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(h.Get("content-length")), 10, 64)
	if err != nil || n < 0 || n > s.size-body {
		return 0, false
	}
	end := body + n
	rest := bytes.TrimLeft(s.window(end, 16)[:min(s.size-end, 16)], "\r\n")
	return end, len(rest) == 0 || bytes.HasPrefix(rest, fromPrefix)
}

// entry reads the mail whose separator line is at off.
func (s *scanner) entry(ctx context.Context, off int64, v Variant) (*Entry, error) {
	e := &Entry{Off: off, quoted: v}
	if v == CL2 {
		e.quoted = ""
	} else if v == CL {
		e.quoted = O
	}
	line, start := s.line(off)
	e.From = bytes.Clone(line)
	e.asIs = start-off == int64(len(line))+2
	e.Start = start

	own := e.own(s.window(start, smallHeader))
	e.Start += int64(own)
	if own > 0 {
		v, e.quoted = RD, RD // we wrote it, whatever the rest of the file is
	}
	w := s.window(e.Start, smallHeader)
	i := head.End(w, 0)
	if i < 0 {
		w = s.window(e.Start, head.Limit)
		if i = head.End(w, 0); i < 0 || i > head.Limit {
			i = min(len(w), head.Limit)
		}
	}
	h := head.Parse(bytes.Clone(w[:i]))
	e.Next = -1
	if v == CL || v == CL2 {
		if end, ok := s.byLength(e.Start+int64(i), h); ok {
			e.End = end
			for e.Next = end; ; {
				next := s.window(e.Next, 6)[:min(s.size-e.Next, 6)]
				if k := len(next) - len(bytes.TrimLeft(next, "\r\n")); k > 0 {
					e.Next += int64(k)
					continue
				}
				break
			}
		}
	}
	if e.Next < 0 {
		e.Next = s.separator(max(start-1, off))
		e.End = s.trim(e.Start, e.Next)
	}
	if s.err != nil {
		return nil, s.err
	}
	e.Meta.Received = fromDate(e.From)
	e.header(h)
	sum := fnv.New64a()
	sum.Write(e.From)
	first := s.window(e.Start, 512)
	sum.Write(first[:min(int64(len(first)), 512, e.End-e.Start)])
	e.hash = sum.Sum64()
	e.Meta.Key, e.Meta.Size = e.key(), e.End-e.Start
	return e, s.err
}

// trim takes the empty line before a separator off a mail.
func (s *scanner) trim(start, end int64) int64 {
	n := min(end-start, 4)
	tail := s.window(end-n, int(n))[:max(n, 0)]
	switch {
	case end-start == 1 && tail[0] == '\n', end-start >= 2 && bytes.HasSuffix(tail, []byte("\n\n")):
		return end - 1
	case end-start == 2 && string(tail) == "\r\n", bytes.HasSuffix(tail, []byte("\n\r\n")):
		return end - 2
	}
	return end
}

// Blob is the mail with its quotes undone, not yet in CRLF form.
func (e *Entry) stored(r io.ReaderAt) mapi.Section {
	end := e.End
	if e.noEnd && end > e.Start {
		end--
		if e.asIs && end > e.Start {
			end--
		}
	}
	return mapi.Section{R: r, Off: e.Start, N: end - e.Start}
}
