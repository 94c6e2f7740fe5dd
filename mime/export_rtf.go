package mime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
)

// rtfBody makes bodies of PidTagRtfCompressed: HTML that it encapsulates, text
// that it encapsulates, or of other RTF both. RTF that cannot be converted
// becomes an attachment, so that nothing is lost. [MS-OXCMAIL] 2.1.3.3
func (x *exporter) rtfBody(b mapi.Blob) (plain, html *text, extra []*part, err error) {
	c := &rtfConversion{x: x, blob: b, opt: rtf.Options{CodePage: codepage.OfMessage(x.m.Props)}}
	hasText := x.m.Props.Text(mapi.PidTagBody) != ""
	in, err := c.open(x.ctx)
	if err != nil {
		if x.ctx.Err() != nil {
			return nil, nil, nil, x.ctx.Err()
		}
		x.problem(mapi.Problem{
			Severe: !hasText, Where: "PidTagRtfCompressed", Offset: -1,
			Detail: "the RTF body cannot be read: " + err.Error(), Spec: "[MS-OXRTFCP] 2.1.3.1",
		})
		return nil, nil, []*part{{typ: octetStream, blob: b, disposition: "attachment", name: "body.lzfu", where: "PidTagRtfCompressed"}}, nil
	}
	if in.kind == rtf.Text {
		in.Close()
	} else if html, err = c.text(in, "html", rtf.ToHTML); err != nil {
		return nil, nil, nil, err
	}
	if in.kind != rtf.HTML && !hasText && c.failed == nil {
		again, e := c.open(x.ctx)
		if e != nil {
			c.failed = e
		} else if plain, err = c.text(again, "plain", rtf.ToText); err != nil {
			return nil, nil, nil, err
		}
	}
	if c.failed != nil {
		x.loss("PidTagRtfCompressed", mapi.LossUnreadable, c.failed.Error())
		extra = []*part{{
			typ: "application/rtf", disposition: "attachment", name: "body.rtf", where: "PidTagRtfCompressed",
			write: c.writeRTF,
		}}
		return plain, nil, extra, x.ctx.Err()
	}
	if in.kind == rtf.Plain {
		x.loss("PidTagRtfCompressed", mapi.LossApproximated, "RTF is written as HTML and text")
	}
	return plain, html, nil, x.ctx.Err()
}

// An rtfConversion converts one RTF body, as often as it takes.
type rtfConversion struct {
	x      *exporter
	blob   mapi.Blob
	opt    rtf.Options
	told   bool // problems are reported
	failed error
}

// rtfReaders saves the buffers of a decompressor, which are larger than most
// bodies.
var rtfReaders = sync.Pool{New: func() any { return rtf.NewReader(nil) }}

// An rtfInput is decompressed RTF with what it was made from.
type rtfInput struct {
	io.Reader
	kind rtf.Kind
	dec  *rtf.Reader
	src  io.Closer
}

// Close gives the buffers back.
func (in *rtfInput) Close() error {
	if in.dec != nil {
		in.dec.Reset(nil)
		rtfReaders.Put(in.dec)
		in.dec = nil
	}
	return in.src.Close()
}

// open decompresses the body. An error says that it is no compressed RTF.
func (c *rtfConversion) open(ctx context.Context) (*rtfInput, error) {
	r, err := c.blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	in := &rtfInput{dec: rtfReaders.Get().(*rtf.Reader), src: r}
	in.dec.Reset(r)
	head := make([]byte, 1024)
	n, err := io.ReadFull(in.dec, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		in.Close()
		return nil, err
	}
	in.kind = rtf.KindOf(head[:n])
	in.Reader = io.MultiReader(bytes.NewReader(head[:n]), in.dec)
	return in, nil
}

type convertFunc func(io.Writer, io.Reader, *rtf.Options) (rtf.Result, error)

// text converts into memory, or, when the result is too large for that, gives a
// text that is converted again each time it is opened. It closes in.
func (c *rtfConversion) text(in *rtfInput, subtype string, convert convertFunc) (*text, error) {
	defer in.Close()
	t := &text{subtype: subtype, charset: "utf-8"}
	buf := c.x.buffer()
	res, err := convert(&limitWriter{w: buf, n: bodyHold}, in, &c.opt)
	if e := c.x.ctx.Err(); e != nil {
		return nil, e
	}
	if errors.Is(err, errFull) {
		t.open = func(ctx context.Context) (io.ReadCloser, error) { return c.stream(ctx, convert) }
		return t, nil
	}
	if err != nil {
		c.failed = err
	}
	if !c.told {
		c.told = true
		for _, list := range []mapi.Problems{in.dec.Problems(), res.Problems} {
			for _, p := range list {
				p.Where = "PidTagRtfCompressed"
				c.x.problem(p)
			}
		}
	}
	if buf.Len() == 0 {
		return nil, nil
	}
	t.mem = buf.Bytes()
	return t, nil
}

// stream converts while it is read.
func (c *rtfConversion) stream(ctx context.Context, convert convertFunc) (io.ReadCloser, error) {
	in, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	pr, pw := io.Pipe()
	go func() {
		defer in.Close()
		_, err := convert(pw, in, &c.opt)
		pw.CloseWithError(err)
	}()
	return pr, nil
}

// writeRTF writes the RTF itself as base64.
func (c *rtfConversion) writeRTF(o *output) (readErr, err error) {
	in, readErr := c.open(c.x.ctx)
	if readErr != nil {
		return readErr, c.x.ctx.Err()
	}
	defer in.Close()
	left := int64(0)
	return o.base64(c.x.ctx, in, &left)
}

// bodyBuffers saves the memory of bodies that are made, at most [bodyHold] each.
var bodyBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// buffer is memory for a body. It is in use until the message is written.
func (x *exporter) buffer() *bytes.Buffer {
	b := bodyBuffers.Get().(*bytes.Buffer)
	b.Reset()
	x.buffers = append(x.buffers, b)
	return b
}

func (x *exporter) releaseBuffers() {
	for _, b := range x.buffers {
		bodyBuffers.Put(b)
	}
	x.buffers = nil
}

var errFull = fmt.Errorf("more than %d bytes", bodyHold)

// A limitWriter fails once more than n bytes are written.
type limitWriter struct {
	w io.Writer
	n int
}

// Write implements io.Writer.
func (l *limitWriter) Write(p []byte) (int, error) {
	if len(p) > l.n {
		return 0, errFull
	}
	l.n -= len(p)
	return l.w.Write(p)
}
