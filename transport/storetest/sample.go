package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/transport"
)

// mail is a small mail in CRLF form.
func mail(subject, body string) mapi.Blob {
	return mapi.Bytes("Message-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@storetest.example>\r\n" +
		"From: Ann <ann@storetest.example>\r\nTo: Ben <ben@storetest.example>\r\n" +
		"Date: Tue, 14 May 2024 10:20:30 +0200\r\nSubject: " + subject + "\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body)
}

// object is the same as a MAPI message; the body is its attachment.
func object(subject string, data mapi.Blob) *mapi.Message {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue(subject))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue("body of "+subject))
	m.Props.Set(mapi.PidTagInternetMessageId, mapi.StringValue("<"+strings.ReplaceAll(subject, " ", ".")+"@storetest.example>"))
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("data.bin"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, data))
	m.Attachments = append(m.Attachments, a)
	return m
}

// content makes an item in the form that the sink likes best.
func (r *run) content(subject, body string) *transport.Content {
	return r.contentOf(subject, mail(subject, body))
}

func (r *run) contentOf(subject string, b mapi.Blob) *transport.Content {
	forms := r.snk.Accepts(transport.Meta{Subject: subject})
	if slices.Contains(forms, transport.FormMIME) {
		return &transport.Content{Form: transport.FormMIME, MIME: b}
	}
	return &transport.Content{Form: transport.FormObject, Object: object(subject, b)}
}

// pattern is a mail of a given size that is never in memory.
type pattern struct {
	head string
	size int64
}

func newPattern(subject string, size int64) pattern {
	m := mail(subject, "").(mapi.Bytes)
	return pattern{string(m), max(size, int64(len(m)))}
}

func (p pattern) Size() int64 { return p.size }

func (p pattern) Open(ctx context.Context) (io.ReadCloser, error) {
	body := io.LimitReader(&lines{}, p.size-int64(len(p.head)))
	return io.NopCloser(io.MultiReader(strings.NewReader(p.head), body)), nil
}

// lines yields numbered lines of 64 bytes without end.
type lines struct {
	n    int
	rest []byte
}

func (l *lines) Read(b []byte) (int, error) {
	total := 0
	for total < len(b) {
		if len(l.rest) == 0 {
			l.rest = fmt.Appendf(l.rest[:0], "%08d From the well of numbers comes a line of sixty-two.....\r\n", l.n)
			l.n++
		}
		n := copy(b[total:], l.rest)
		l.rest = l.rest[n:]
		total += n
	}
	return total, nil
}

// broken is a blob that fails in the middle of its bytes.
type broken struct {
	mapi.Blob
	at int64
}

var errBroken = errors.New("the reader fails, as the check wants it")

func (b broken) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := b.Blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, b.at), failing{}), r}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

// same compares what came back with what was put.
func (r *run) same(want, got *transport.Content) error {
	if r.o.Loose || want.Form != got.Form {
		w, err1 := subject(r.ctx, want)
		g, err2 := subject(r.ctx, got)
		if err := errors.Join(err1, err2); err != nil || w != g {
			return errors.Join(err, fmt.Errorf("subject %q came back as %q", w, g))
		}
		return nil
	}
	if want.Form == transport.FormObject {
		if d := slices.DeleteFunc(mapitest.Diff(want.Object, got.Object), stated); len(d) > 0 {
			return fmt.Errorf("the object came back otherwise: %s", strings.Join(d, "; "))
		}
		return nil
	}
	return sameBlob(r.ctx, want.MIME, got.MIME)
}

// stated reports whether a difference is a property that an Exchange store has of
// each item: what [transport.Meta] says of it, and the numbers of its parts. Only
// what came beside what was put is one; a value that changed is none.
func stated(diff string) bool {
	if !strings.HasSuffix(diff, "only in the second") {
		return false
	}
	name, _, _ := strings.Cut(diff, " (")
	switch name[strings.LastIndexByte(name, '/')+1:] {
	case "PidTagMessageFlags", "PidTagMessageStatus", "PidTagLastVerbExecuted", "PidTagIconIndex", "PidTagFlagStatus",
		"PidTagMessageDeliveryTime", "PidNameKeywords", "PidTagAttachNumber", "PidTagRowid":
		return true
	}
	return false
}

func sameBlob(ctx context.Context, want, got mapi.Blob) error {
	w, wn, err := digest(ctx, want)
	if err != nil {
		return err
	}
	g, gn, err := digest(ctx, got)
	if err != nil {
		return fmt.Errorf("reading it back: %w", err)
	}
	if gn != got.Size() {
		return fmt.Errorf("the size is said to be %d, the body has %d bytes", got.Size(), gn)
	}
	if w != g {
		return fmt.Errorf("%d bytes came back as %d other ones%s", wn, gn, firstDifference(ctx, want, got))
	}
	return nil
}

func digest(ctx context.Context, b mapi.Blob) (sum [32]byte, n int64, err error) {
	r, err := b.Open(ctx)
	if err != nil {
		return sum, 0, err
	}
	h := sha256.New()
	n, err = io.Copy(h, r)
	return [32]byte(h.Sum(nil)), n, errors.Join(err, r.Close())
}

// firstDifference shows small bodies where they part. It is empty when a body
// cannot be opened again.
func firstDifference(ctx context.Context, want, got mapi.Blob) string {
	w, err1 := mapi.ReadBlob(ctx, want, 1<<20)
	g, err2 := mapi.ReadBlob(ctx, got, 1<<20)
	if err1 != nil || err2 != nil {
		return ""
	}
	i := 0
	for i < len(w) && i < len(g) && w[i] == g[i] {
		i++
	}
	cut := func(b []byte) []byte { return b[max(0, i-20):min(len(b), i+20)] }
	return fmt.Sprintf(": at offset %d %q became %q", i, cut(w), cut(g))
}

// unfold matches where a header field goes on in the next line.
var unfold = regexp.MustCompile(`\r?\n[ \t]+`)

// subject is the first Subject of either form.
func subject(ctx context.Context, c *transport.Content) (string, error) {
	if c.Form == transport.FormObject {
		return c.Object.Props.Text(mapi.PidTagSubject), nil
	}
	r, err := c.MIME.Open(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	head, err := io.ReadAll(io.LimitReader(r, 64<<10))
	head = unfold.ReplaceAll(head, []byte(" "))
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(name), "subject") {
			return strings.TrimSpace(string(value)), nil
		}
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
	}
	return "", err
}
