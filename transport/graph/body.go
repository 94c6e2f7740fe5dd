package graph

import (
	"bytes"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

// bodyLimit is the largest body that a request can carry.
const bodyLimit = 3 << 20

// body is the one body that the resource has: HTML where there is any, else HTML
// made of RTF, else text. [MS-OXBBODY] 2.1.3.1
func (x *composer) body() error {
	ps := x.m.Props
	html, err := x.html()
	if err != nil {
		return err
	}
	v, hasRTF := ps.Get(mapi.PidTagRtfCompressed)
	if html == "" && hasRTF && v.Size() > 0 {
		if html, err = x.ofRTF(v.Blob()); err != nil {
			return err
		}
	} else if hasRTF && v.Size() > 0 && !ps.Bool(mapi.PidTagRtfInSync) {
		x.lose("PidTagRtfCompressed", mapi.LossReencoded, "the HTML is kept, the RTF beside it is not")
	}
	text := ""
	if v, ok := ps.Get(mapi.PidTagBody); ok && html == "" {
		if text, err = x.text(v); err != nil {
			return err
		}
	} else if ok && v.Size() > 0 {
		x.lose("PidTagBody", mapi.LossApproximated, "the service makes the text of the HTML")
	}
	if html != "" {
		x.out.Body = &wire.ItemBody{ContentType: "html", Content: html}
	} else {
		x.out.Body = &wire.ItemBody{ContentType: "text", Content: text}
	}
	if x.room -= int64(len(x.out.Body.Content)) * 9 / 8; x.room < 0 {
		return x.bodyTooLarge()
	}
	return nil
}

func (x *composer) bodyTooLarge() error {
	return &transport.Error{
		Kind: transport.TooLarge, Op: "put", Err: errorf("the body is larger than a request to create a message may be"),
		Remedy: "write it by route=import",
	}
}

// text reads a string property of any size.
func (x *composer) text(v mapi.Value) (string, error) {
	r, err := v.OpenText(x.ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, bodyLimit+1))
	if err != nil {
		return "", err
	}
	if len(b) > bodyLimit {
		return "", x.bodyTooLarge()
	}
	return x.clean(strings.TrimRight(string(b), "\x00")), nil
}

// clean takes out what no JSON string of the service may hold.
func (x *composer) clean(s string) string {
	if strings.ContainsRune(s, 0) {
		x.lose("NUL in the body", mapi.LossCharset, "taken out")
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

// html is the HTML body as UTF-8.
func (x *composer) html() (string, error) {
	ps := x.m.Props
	v, ok := ps.Get(mapi.PidTagHtml)
	if !ok || v.Size() == 0 {
		if v, ok = ps.Get(mapi.PidTagBodyHtml); ok && v.Type().IsString() {
			return x.text(v)
		}
		return "", nil
	}
	if v.Size() > bodyLimit {
		return "", x.bodyTooLarge()
	}
	b, err := mapi.ReadBlob(x.ctx, v.Blob(), bodyLimit)
	if err != nil {
		return "", err
	}
	n, _ := ps.Int(mapi.PidTagInternetCodepage)
	if n == 0 {
		n = codepage.UTF8
	}
	if cs, ok := codepage.Get(int(n)); ok && int(n) != codepage.UTF8 {
		text, whole := cs.Decode(b)
		if !whole {
			x.lose("PidTagHtml", mapi.LossCharset, "bytes that the code page does not have became U+FFFD")
		}
		return x.clean(text), nil
	}
	if !validUTF8(b) {
		x.lose("PidTagHtml", mapi.LossCharset, "bytes that are no UTF-8 became U+FFFD")
	}
	return x.clean(strings.ToValidUTF8(string(b), "\uFFFD")), nil
}

func validUTF8(b []byte) bool { return bytes.Equal(bytes.ToValidUTF8(b, nil), b) }

// ofRTF is the HTML in, or made of, an RTF body; "" when it is only text in
// RTF, or cannot be read.
func (x *composer) ofRTF(b mapi.Blob) (string, error) {
	kind, err := rtf.Detect(x.ctx, b)
	if err == nil && kind == rtf.Text && x.m.Props.Text(mapi.PidTagBody) != "" {
		return "", nil
	}
	var out bytes.Buffer
	if err == nil {
		var r io.ReadCloser
		if r, err = b.Open(x.ctx); err != nil {
			return "", err
		}
		defer r.Close()
		_, err = rtf.ToHTML(&out, rtf.NewReader(r), &rtf.Options{CodePage: codepage.OfMessage(x.m.Props), MaxOutput: bodyLimit + 1})
	}
	switch {
	case x.ctx.Err() != nil:
		return "", x.ctx.Err()
	case err != nil:
		x.lose("PidTagRtfCompressed", mapi.LossUnreadable, err.Error())
		return "", nil
	case out.Len() > bodyLimit:
		return "", x.bodyTooLarge()
	case kind == rtf.Plain:
		x.lose("PidTagRtfCompressed", mapi.LossApproximated, "RTF is written as HTML")
	}
	return x.clean(out.String()), nil
}
