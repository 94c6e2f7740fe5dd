package mapijson

import (
	"bufio"
	"context"
	"encoding/base64"
	"io"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

// A stringBlob is a blob over a string of the JSON text.
type stringBlob struct {
	r        io.ReaderAt
	off, end int64
	escapes  bool
	size     int64
	// convert turns the text, in UTF-8, into the bytes of the value.
	convert func(io.Reader) io.Reader
}

func (b *stringBlob) Size() int64 { return b.size }

func (b *stringBlob) Open(ctx context.Context) (io.ReadCloser, error) {
	var r io.Reader = io.NewSectionReader(b.r, b.off, b.end-b.off)
	if b.escapes {
		r = &unescapeReader{u: unescaper{br: bufio.NewReaderSize(r, 8<<10)}}
	}
	return io.NopCloser(b.convert(r)), nil
}

// unescapeReader gives the text of a string.
type unescapeReader struct {
	u    unescaper
	rest []byte
}

func (r *unescapeReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		var err error
		if r.rest, _, err = r.u.span(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func fromBase64(r io.Reader) io.Reader { return base64.NewDecoder(base64.StdEncoding, r) }

// encoded converts UTF-8 text in pieces of whole characters.
type encoded struct {
	src    io.Reader
	encode func(string) []byte
	in     [4 << 10]byte
	kept   int // bytes of a character that is not complete
	out    []byte
	err    error
}

func (e *encoded) Read(p []byte) (int, error) {
	for len(e.out) == 0 {
		if e.err != nil {
			return 0, e.err
		}
		n, err := io.ReadFull(e.src, e.in[e.kept:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		n += e.kept
		e.err = err
		use := n
		if err == nil {
			// At most three bytes can wait for the rest of their character.
			for use > 0 && n-use < utf8.UTFMax && !utf8.RuneStart(e.in[use-1]) {
				use--
			}
			if use > 0 && e.in[use-1] >= utf8.RuneSelf && n-use < utf8.UTFMax {
				use--
			} else {
				use = n
			}
		}
		e.out = e.encode(string(e.in[:use]))
		e.kept = copy(e.in[:], e.in[use:n])
	}
	n := copy(p, e.out)
	e.out = e.out[n:]
	return n, nil
}

func toUTF16(r io.Reader) io.Reader { return &encoded{src: r, encode: mapi.EncodeUTF16} }

func toCharset(cs mapi.Charset) func(io.Reader) io.Reader {
	return func(r io.Reader) io.Reader {
		return &encoded{src: r, encode: func(s string) []byte { b, _ := encode8(cs, s); return b }}
	}
}
