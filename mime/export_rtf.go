package mime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
)

// rtfBody makes bodies of PidTagRtfCompressed: HTML that it encapsulates, text
// that it encapsulates, or of other RTF both. RTF that cannot be converted
// becomes an attachment, so that nothing is lost. [MS-OXCMAIL] 2.1.3.3
func (x *exporter) rtfBody(b mapi.Blob) (plain, html *text, extra []*part, err error) {
	kind, err := rtf.Detect(x.ctx, b)
	if err != nil {
		if x.ctx.Err() != nil {
			return nil, nil, nil, x.ctx.Err()
		}
		x.problem(mapi.Problem{Severe: x.m.Props.Text(mapi.PidTagBody) == "", Where: "PidTagRtfCompressed", Offset: -1,
			Detail: "the RTF body cannot be read: " + err.Error(), Spec: "[MS-OXRTFCP] 2.1.3.1"})
		return nil, nil, []*part{{typ: octetStream, blob: b, disposition: "attachment", name: "body.lzfu", where: "PidTagRtfCompressed"}}, nil
	}
	c := &rtfConversion{x: x, blob: b, opt: rtf.Options{CodePage: codepage.OfMessage(x.m.Props)}}
	if kind != rtf.Text {
		if html, err = c.text("html", rtf.ToHTML); err != nil {
			return nil, nil, nil, err
		}
	}
	if kind != rtf.HTML && x.m.Props.Text(mapi.PidTagBody) == "" {
		if plain, err = c.text("plain", rtf.ToText); err != nil {
			return nil, nil, nil, err
		}
	}
	if c.failed != nil {
		x.loss("PidTagRtfCompressed", mapi.LossUnreadable, c.failed.Error())
		extra = []*part{{typ: "application/rtf", disposition: "attachment", name: "body.rtf", where: "PidTagRtfCompressed",
			write: c.writeRTF}}
		return plain, nil, extra, nil
	}
	if kind == rtf.Plain {
		x.loss("PidTagRtfCompressed", mapi.LossApproximated, "RTF is written as HTML and text")
	}
	return plain, html, nil, nil
}

// An rtfConversion converts one RTF body, as often as it takes.
type rtfConversion struct {
	x      *exporter
	blob   mapi.Blob
	opt    rtf.Options
	told   bool // problems are reported
	failed error
}

type convertFunc func(io.Writer, io.Reader, *rtf.Options) (rtf.Result, error)

// text converts into memory, or, when the result is too large for that, gives a
// text that is converted again each time it is opened.
func (c *rtfConversion) text(subtype string, convert convertFunc) (*text, error) {
	t := &text{subtype: subtype, charset: "utf-8"}
	r, err := c.blob.Open(c.x.ctx)
	if err != nil {
		c.failed = err
		return nil, c.x.ctx.Err()
	}
	defer r.Close()
	var buf bytes.Buffer
	in := rtf.NewReader(r)
	res, err := convert(&limitWriter{w: &buf, n: bodyHold}, in, &c.opt)
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
		for _, list := range []mapi.Problems{in.Problems(), res.Problems} {
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
	r, err := c.blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	pr, pw := io.Pipe()
	go func() {
		defer r.Close()
		_, err := convert(pw, rtf.NewReader(r), &c.opt)
		pw.CloseWithError(err)
	}()
	return pr, nil
}

// writeRTF writes the RTF itself as base64.
func (c *rtfConversion) writeRTF(o *output) (readErr, err error) {
	r, readErr := c.blob.Open(c.x.ctx)
	if readErr != nil {
		return readErr, c.x.ctx.Err()
	}
	defer r.Close()
	left := int64(0)
	return o.base64(c.x.ctx, rtf.NewReader(r), &left)
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
