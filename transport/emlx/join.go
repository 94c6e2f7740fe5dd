package emlx

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/transport/lineend"
)

// lengthField marks a part whose content lies elsewhere.
const lengthField = "X-Apple-Content-Length"

// maxDepth bounds multiparts within multiparts, maxParts the pieces.
const (
	maxDepth = 64
	maxParts = 10000
)

// A Part is content that is not in the file.
type Part struct {
	// ID is the place in the tree: 2.4 is the fourth part of the second.
	ID string
	// Encoding is the Content-Transfer-Encoding in lower case.
	Encoding string
	// Name is the file name that the header states.
	Name string

	cut, cutEnd int64 // the field that marks it
	body        int64 // where the content belongs
}

// Parts finds the parts whose content is not in the mail.
func (m *Message) Parts(ctx context.Context) ([]Part, error) {
	r, err := m.Mail.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	w := walker{r: bufio.NewReaderSize(r, 64<<10), ctx: ctx}
	return w.parts, w.run(&w.parts)
}

// A multipart that is open.
type multipart struct {
	boundary []byte
	id       string
	count    int
}

// walker goes through the lines of a mail and follows its parts.
type walker struct {
	ctx   context.Context
	r     *bufio.Reader
	off   int64
	stack []multipart
	parts []Part
}

// line gives the next line, cut to the size of the buffer, and where it begins.
func (w *walker) line() (line []byte, at int64, err error) {
	at = w.off
	line, err = w.r.ReadSlice('\n')
	w.off += int64(len(line))
	if err == bufio.ErrBufferFull {
		line = bytes.Clone(line)
		for err == bufio.ErrBufferFull {
			var more []byte
			more, err = w.r.ReadSlice('\n')
			w.off += int64(len(more))
		}
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	return line, at, err
}

func (w *walker) run(out *[]Part) error {
	id := "" // the part whose header comes next
	inHeader := true
	for {
		if inHeader {
			if err := w.header(id); err != nil {
				*out = w.parts
				return eof(err)
			}
			inHeader = false
			continue
		}
		line, _, err := w.line()
		if err != nil {
			*out = w.parts
			return eof(err)
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if !bytes.HasPrefix(line, []byte("--")) {
			continue
		}
		text := bytes.TrimRight(line[2:], " \t\r\n")
		for i := len(w.stack) - 1; i >= 0; i-- {
			mp := &w.stack[i]
			if bytes.Equal(text, mp.boundary) {
				w.stack = w.stack[:i+1]
				mp.count++
				id = mp.id + strconv.Itoa(mp.count)
				inHeader = true
				break
			}
			if bytes.HasSuffix(text, []byte("--")) && bytes.Equal(text[:len(text)-2], mp.boundary) {
				w.stack = w.stack[:i]
				break
			}
		}
	}
}

func eof(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// maxHeader bounds the header of a part.
const maxHeader = 256 << 10

// header reads the header of a part: opens a multipart, or notes that the
// content is elsewhere.
func (w *walker) header(id string) error {
	var block []byte
	var p Part
	marked := false
	for {
		line, at, err := w.line()
		if err != nil {
			return err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if name, _, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(name), lengthField) {
			marked, p.cut, p.cutEnd = true, at, w.off
			continue
		}
		if len(block) < maxHeader {
			block = append(block, line...)
		}
	}
	get := func(name string) string {
		for _, f := range header.Parse(block) {
			if f.Is(name) {
				return f.Value()
			}
		}
		return ""
	}
	media, params := header.ParseParams(get("content-type"), nil)
	if b, ok := header.FindParam(params, "boundary"); ok && strings.HasPrefix(strings.ToLower(media), "multipart/") && len(w.stack) < maxDepth {
		prefix := ""
		if id != "" {
			prefix = id + "."
		}
		w.stack = append(w.stack, multipart{boundary: []byte(b), id: prefix})
		return nil
	}
	if !marked || len(w.parts) >= maxParts {
		return nil
	}
	p.ID, p.body = id, w.off
	p.Encoding = strings.ToLower(strings.TrimSpace(get("content-transfer-encoding")))
	_, disposition := header.ParseParams(get("content-disposition"), nil)
	var ok bool
	if p.Name, ok = header.FindParam(disposition, "filename"); !ok {
		p.Name, _ = header.FindParam(params, "name")
	}
	w.parts = append(w.parts, p)
	return nil
}

// A Content is what a part gets back. Raw says that it is encoded already, in
// LF lines and without a line end at its end.
type Content struct {
	mapi.Blob
	Raw bool
}

// Join gives the mail in its CRLF form with the content of its parts in place.
// find returns the content of a part, or nil when it is nowhere. Missing
// content is a severe problem; content that is encoded anew is a loss.
func (m *Message) Join(ctx context.Context, find func(Part) (*Content, error)) (mapi.Blob, []mapi.Loss, error) {
	parts, err := m.Parts(ctx)
	if err != nil {
		return nil, nil, err
	}
	j := &joined{}
	var losses []mapi.Loss
	at := int64(0)
	text := func(end int64) {
		if end > at {
			j.pieces = append(j.pieces, piece{blob: mapi.Section{R: m.Mail.R, Off: m.Mail.Off + at, N: end - at}, text: true})
		}
		at = end
	}
	for _, p := range parts {
		c, err := find(p)
		if err != nil {
			return nil, nil, err
		}
		if c == nil {
			m.Problems.Add(mapi.Problem{Severe: true, Where: "part " + p.ID, Offset: m.Mail.Off + p.body, Field: lengthField, Detail: fmt.Sprintf("the content of %q is in none of the places where it should be", p.Name)})
			continue
		}
		text(p.cut)
		at = p.cutEnd
		text(p.body)
		j.pieces = append(j.pieces, piece{blob: c.Blob, text: c.Raw, encoding: p.Encoding})
		if !c.Raw {
			losses = append(losses, mapi.Loss{Item: "part " + p.ID, Reason: mapi.LossReencoded, Detail: "the attachment " + p.Name + " was put back from its file"})
		}
	}
	text(m.Mail.N)
	r, err := j.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	j.size, err = io.Copy(io.Discard, r)
	return j, losses, err
}

// joined is a mail of pieces.
type joined struct {
	pieces []piece
	size   int64
}

type piece struct {
	blob     mapi.Blob
	text     bool   // LF lines
	encoding string // of what is no text
}

func (j *joined) Size() int64 { return j.size }

func (j *joined) Open(ctx context.Context) (io.ReadCloser, error) {
	return &joinedReader{ctx: ctx, pieces: j.pieces}, nil
}

type joinedReader struct {
	ctx    context.Context
	pieces []piece
	now    io.Reader
	closer func() error
}

func (j *joinedReader) Read(p []byte) (int, error) {
	for {
		if err := j.ctx.Err(); err != nil {
			return 0, err
		}
		if j.now == nil {
			if len(j.pieces) == 0 {
				return 0, io.EOF
			}
			var err error
			if j.now, j.closer, err = j.pieces[0].open(j.ctx); err != nil {
				return 0, err
			}
			j.pieces = j.pieces[1:]
		}
		n, err := j.now.Read(p)
		if err == io.EOF {
			cerr := j.Close()
			if n > 0 || cerr != nil {
				return n, cerr
			}
			continue
		}
		return n, err
	}
}

func (j *joinedReader) Close() error {
	c := j.closer
	j.now, j.closer = nil, nil
	if c == nil {
		return nil
	}
	return c()
}

// open gives one piece as it stands in the mail.
func (p piece) open(ctx context.Context) (io.Reader, func() error, error) {
	r, err := p.blob.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if p.text {
		return lineend.Widen(r), r.Close, nil
	}
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(encode(pw, r, p.encoding)) }()
	return pr, func() error {
		pr.Close()
		return r.Close()
	}, nil
}

// encode writes content in a transfer encoding. RFC 2045 6
func encode(w io.Writer, r io.Reader, encoding string) error {
	switch encoding {
	case "base64":
		lw := &lines{w: w}
		enc := base64.NewEncoder(base64.StdEncoding, lw)
		if _, err := io.Copy(enc, r); err != nil {
			return err
		}
		return enc.Close()
	case "quoted-printable":
		enc := quotedprintable.NewWriter(w)
		if _, err := io.Copy(enc, r); err != nil {
			return err
		}
		return enc.Close()
	}
	_, err := io.Copy(w, lineend.Widen(r))
	return err
}

// lines breaks base64 after 76 characters.
type lines struct {
	w io.Writer
	n int
}

func (l *lines) Write(p []byte) (int, error) {
	total := len(p)
	var out []byte
	for len(p) > 0 {
		if l.n == 76 {
			out = append(out, "\r\n"...)
			l.n = 0
		}
		n := min(76-l.n, len(p))
		out = append(out, p[:n]...)
		l.n += n
		p = p[n:]
	}
	if _, err := l.w.Write(out); err != nil {
		return 0, err
	}
	return total, nil
}
