package mime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/tnef"
	"github.com/mailconv/mailconv/mime"
)

func htmlMessage(html string, list ...*mapi.Attachment) *mapi.Message {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagBody: "text"})
	m.Props.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte(html)))
	m.Attachments = list
	return m
}

func withText(a *mapi.Attachment, tag mapi.Tag, s string) *mapi.Attachment {
	a.Props.Set(tag, mapi.StringValue(s))
	return a
}

// T10 and T11: the Content-ID as a whole, without the zero that some writers
// count, and the image inside multipart/related.
func TestT10T11ContentID(t *testing.T) {
	const cid = "image001.png@01D719B4.37AF4500"
	for _, stored := range []string{cid, cid + "\x00", "<" + cid + ">"} {
		m := htmlMessage(`<img src="cid:`+cid+`">`, withText(newAttachment("image001.png", []byte("PNG")), mapi.PidTagAttachContentId, stored))
		got, _ := export(t, m, nil)
		p := tree(t, got)
		if p.shape() != "related(alternative(plain html) png)" {
			t.Fatalf("%q: %s", stored, p.shape())
		}
		img := p.kids[1]
		if id := img.head.Get("Content-Id"); id != "<"+cid+">" || img.disp != "inline" || img.body != "PNG" {
			t.Errorf("%q: %q %q %q", stored, id, img.disp, img.body)
		}
		if p.params["type"] != "multipart/alternative" {
			t.Errorf("type of the root: %q", p.params["type"])
		}
	}
}

// T12 and T13: what the HTML does not show stays an attachment.
func TestT12T13InlineOnlyWhereReferenced(t *testing.T) {
	flagged := withText(newAttachment("flagged.png", []byte("1")), mapi.PidTagAttachContentId, "other@x")
	flagged.Props.Set(mapi.PidTagAttachFlags, mapi.Int32Value(4))
	hiddenOne := newAttachment("hidden.png", []byte("2"))
	hiddenOne.Props.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(true))
	m := htmlMessage(`<img src='CID:Shown%40x'><img src="logo.gif">`,
		newAttachment("plain.pdf", []byte("3")), flagged, hiddenOne,
		withText(newAttachment("a.png", []byte("4")), mapi.PidTagAttachContentId, "shown@x"),
		withText(newAttachment("b.gif", []byte("5")), mapi.PidTagAttachContentLocation, "logo.gif"))
	got, _ := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "mixed(related(alternative(plain html) png gif) pdf png png)" {
		t.Fatal(p.shape())
	}
	if d := []string{p.kids[1].disp, p.kids[2].disp, p.kids[3].disp}; d[0] != "attachment" || d[1] != "inline" || d[2] != "attachment" {
		t.Errorf("dispositions %q", d)
	}
	if loc := p.kids[0].kids[2].head.Get("Content-Location"); loc != "logo.gif" {
		t.Errorf("location %q", loc)
	}
}

// T17: a name from wherever one is, and one that no other has.
func TestT17AttachmentNames(t *testing.T) {
	embedded := &mapi.Attachment{Embedded: newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "The subject"})}
	shown := withText(newAttachment("", []byte("x")), mapi.PidTagDisplayName, "Display.txt")
	again := withText(newAttachment("", []byte("x")), mapi.PidTagDisplayName, "Display.txt")
	short := withText(newAttachment("", []byte("x")), mapi.PidTagAttachFilename, "SHORT~1.TXT")
	typed := withText(newAttachment("", []byte("x")), mapi.PidTagAttachMimeTag, "image/jpeg")
	ext := withText(newAttachment("", []byte("x")), mapi.PidTagAttachExtension, ".xyz")
	msgFile := &mapi.Attachment{Embedded: newMessage(nil)}
	msgFile.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("mail.msg"))
	m := newMessage(nil)
	m.Attachments = []*mapi.Attachment{
		newAttachment("Long name.txt", nil), short, shown, again, embedded, typed, ext,
		newAttachment("", nil), newAttachment("", nil), msgFile, newAttachment("bad\r\nname\x00.txt", nil),
	}
	want := []string{
		"Long name.txt", "SHORT~1.TXT", "Display.txt", "Display (2).txt", "The subject.eml", "attachment.jpg", "attachment.xyz",
		"attachment.bin", "attachment (2).bin", "mail.eml", "badname.txt",
	}
	got, _ := export(t, m, nil)
	p := tree(t, got)
	for i, k := range p.kids {
		if i >= len(want) || k.name != want[i] {
			t.Errorf("attachment %d is %q", i, k.name)
		}
	}
	if len(p.kids) != len(want) {
		t.Errorf("%d parts", len(p.kids))
	}
}

// T14: the method is inferred from what there is.
func TestT14AttachmentWithoutMethod(t *testing.T) {
	a := newAttachment("x.txt", []byte("content"))
	a.Props.Delete(mapi.PidTagAttachMethod)
	m := newMessage(nil)
	m.Attachments = []*mapi.Attachment{a, {Embedded: newMessage(nil)}}
	got, report := export(t, m, nil)
	if p := tree(t, got); p.shape() != "mixed(plain rfc822(plain))" || p.kids[0].body != "content" || len(report.Problems) > 0 {
		t.Errorf("%s\n%s", p.shape(), got)
	}
}

func TestT18EmptyAttachmentIsKept(t *testing.T) {
	m := htmlMessage(`<img src="cid:x@y">`, withText(newAttachment("empty.png", nil), mapi.PidTagAttachContentId, "x@y"), newAttachment("empty.txt", nil))
	m.Attachments = append(m.Attachments, new(mapi.Attachment))
	got, report := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "mixed(related(alternative(plain html) png) plain octet-stream)" || p.kids[1].body != "" || p.kids[0].kids[1].body != "" {
		t.Errorf("%s\n%s", p.shape(), got)
	}
	if report.Problems.Severe() {
		t.Errorf("%v", report.Problems)
	}
}

func TestEmbeddedMessages(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "level 0", mapi.PidTagBody: "0"})
	last := m
	for i := 1; i <= 5; i++ {
		e := newMessage(map[mapi.Tag]string{mapi.PidTagSubject: fmt.Sprintf("level %d", i), mapi.PidTagBody: fmt.Sprint(i)})
		last.Attachments = []*mapi.Attachment{{Embedded: e}}
		last = e
	}
	got, report := export(t, m, nil)
	p := tree(t, got)
	if want := "mixed(plain rfc822(mixed(plain rfc822(mixed(plain rfc822(mixed(plain rfc822(mixed(plain rfc822(plain))))))))))"; p.shape() != want {
		t.Errorf("%s\nwant %s", p.shape(), want)
	}
	if len(report.Problems) > 0 {
		t.Errorf("%v", report.Problems)
	}
	got, report = export(t, m, &mime.ExportOptions{MaxDepth: 2})
	if !report.Problems.Severe() || strings.Contains(got, "Subject: level 3") || !strings.Contains(got, "Subject: level 2") {
		t.Errorf("%v\n%s", report.Problems, got)
	}
	if p := report.Problems[0]; p.Where != "attachment 1/attachment 1/attachment 1" {
		t.Errorf("%+v", p)
	}
	// A message that holds itself ends at the bound.
	loop := newMessage(nil)
	loop.Attachments = []*mapi.Attachment{{Embedded: loop}}
	if _, report := export(t, loop, nil); !report.Problems.Severe() {
		t.Error("a cycle went unnoticed")
	}
}

func TestMediaTypesThatWouldBeStructure(t *testing.T) {
	for tag, want := range map[string]string{
		"message/rfc822": "application/octet-stream", "multipart/mixed": "application/octet-stream", "MESSAGE/partial": "application/octet-stream",
		"Image/PNG; name=x": "image/png", "not a type": "application/pdf", "": "application/pdf", "application/mac-binhex40": "application/octet-stream",
	} {
		m := newMessage(nil)
		m.Attachments = []*mapi.Attachment{withText(newAttachment("x.pdf", []byte("%PDF")), mapi.PidTagAttachMimeTag, tag)}
		got, _ := export(t, m, nil)
		if p := tree(t, got); p.kids[0].typ != want || p.kids[0].body != "%PDF" {
			t.Errorf("%q: %s", tag, p.kids[0].typ)
		}
	}
}

func TestReferenceAttachments(t *testing.T) {
	for link, want := range map[string]string{
		`\\server\share\a b.doc`:    "file://server/share/a%20b.doc",
		`C:\docs\x.doc`:             "file:///C:/docs/x.doc",
		"https://example.com/a?b=c": "https://example.com/a?b=c",
	} {
		a := new(mapi.Attachment)
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByReference))
		a.Props.Set(mapi.PidTagAttachLongPathname, mapi.StringValue(link))
		a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("x.doc"))
		m := newMessage(nil)
		m.Attachments = []*mapi.Attachment{a}
		got, report := export(t, m, nil)
		p := tree(t, got).kids[0]
		if p.typ != "text/uri-list" || strings.TrimSpace(p.body) != want || p.name != "x.doc.uri" || len(report.Losses) != 1 {
			t.Errorf("%q: %s %q %q %v", link, p.typ, p.body, p.name, report.Losses)
		}
	}
}

func TestOLEAttachment(t *testing.T) {
	pkg := append([]byte{0, 0, 0, 0, 2, 0}, "file.txt\x00C:\\file.txt\x00\x00\x00\x03\x00\x04\x00\x00\x00abc\x00\x05\x00\x00\x00hello"...)
	for _, c := range []struct {
		stream string
		data   []byte
		want   string
		name   string
	}{
		{"\x01Ole10Native", pkg, "hello", "file.txt"},
		{"CONTENTS", []byte("BM"), "BM", "obj"},
		{"\x02OlePres000", []byte("pic"), "pic", "obj"},
		{"unknown", []byte("x"), "", "obj"},
	} {
		a := &mapi.Attachment{Storage: &mapi.Storage{Streams: []mapi.Stream{{Name: c.stream, Data: mapi.Bytes(c.data)}}}}
		if c.name == "obj" {
			a.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("obj"))
		}
		m := newMessage(nil)
		m.Attachments = []*mapi.Attachment{a}
		got, report := export(t, m, nil)
		if p := tree(t, got).kids[0]; p.body != c.want || p.name != c.name || len(report.Losses) != 1 {
			t.Errorf("%q: %q %q %v", c.stream, p.name, p.body, report.Losses)
		}
		got, report = export(t, m, &mime.ExportOptions{Storage: func(context.Context, *mapi.Storage) (mapi.Blob, error) { return mapi.Bytes("CFB"), nil }})
		if p := tree(t, got).kids[0]; p.body != "CFB" || len(report.Losses) != 0 {
			t.Errorf("%q: %q %v", c.stream, p.body, report.Losses)
		}
	}
}

func TestKeepMAPI(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "x", mapi.PidTagBody: "text"})
	name := mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8554}
	m.Props.SetName(name, mapi.StringValue("16.0"))
	data := bytes.Repeat([]byte("data"), 1000)
	m.Attachments = []*mapi.Attachment{newAttachment("x.bin", data), {Embedded: newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "inner"})}}
	got, _ := export(t, m, &mime.ExportOptions{KeepMAPI: true})
	p := tree(t, got)
	if p.shape() != "mixed(plain octet-stream rfc822(plain) ms-tnef)" {
		t.Fatal(p.shape())
	}
	body := p.kids[3].body
	back, problems, err := tnef.Decode(context.Background(), strings.NewReader(body), int64(len(body)), nil)
	if err != nil || problems.Severe() {
		t.Fatal(err, problems)
	}
	if back.Props.NameText(name) != "16.0" || len(back.Attachments) != 2 || back.Attachments[1].Embedded == nil {
		t.Errorf("%+v", back)
	}
	if len(body) > 3500 {
		t.Errorf("%d bytes: the attachment is repeated", len(body))
	}
	_, params, _ := p.kids[1].head.ContentDisposition()
	_, whole, _ := p.kids[3].head.ContentDisposition()
	if params["x-mapi-attachment"] != "1" || whole["x-mapi-attachment"] != "0" {
		t.Errorf("%q, %q", params, whole)
	}
}

// broken fails after some bytes, or delivers fewer than it says.
type broken struct {
	n    int
	err  error
	size int64
}

func (b broken) Size() int64 { return b.size }
func (b broken) Open(context.Context) (io.ReadCloser, error) {
	r := io.Reader(strings.NewReader(strings.Repeat("x", b.n)))
	if b.err != nil {
		r = io.MultiReader(r, failing{b.err})
	}
	return io.NopCloser(r), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestUnreadableContentIsAProblem(t *testing.T) {
	for _, b := range []broken{{n: 100, err: errors.New("bad sector"), size: 1000}, {n: 10, size: 50}} {
		m := newMessage(map[mapi.Tag]string{mapi.PidTagBody: "text"})
		m.Attachments = []*mapi.Attachment{newAttachment("x.bin", nil), newAttachment("y.bin", []byte("whole"))}
		m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, b))
		got, report := export(t, m, nil)
		p := tree(t, got)
		if len(p.kids) != 3 || len(p.kids[1].body) != b.n || p.kids[2].body != "whole" {
			t.Errorf("%s", got)
		}
		if !report.Problems.Severe() || report.Problems[0].Where != "attachment 1" {
			t.Errorf("%v", report.Problems)
		}
	}
}

type failingWriter struct{ n int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriterAndContextErrors(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagBody: "text"})
	m.Attachments = []*mapi.Attachment{newAttachment("x", nil)}
	m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, zeros(1<<20)))
	for _, n := range []int{0, 100, 100_000} {
		if _, err := mime.Export(context.Background(), &failingWriter{n}, m, nil); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%d: %v", n, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := mime.Export(ctx, io.Discard, m, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// zeros is a blob of so many zero bytes.
type zeros int64

func (z zeros) Size() int64 { return int64(z) }
func (z zeros) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zeroReader{}, int64(z))), nil
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// counter counts what it is given.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

// T19: memory does not grow with an attachment.
func TestT19LargeAttachmentIsStreamed(t *testing.T) {
	run := func(size int64) float64 {
		m := newMessage(nil)
		m.Attachments = []*mapi.Attachment{newAttachment("x", nil)}
		m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, zeros(size)))
		var c counter
		return testing.AllocsPerRun(1, func() {
			c.n = 0
			if _, err := mime.Export(context.Background(), &c, m, nil); err != nil {
				t.Fatal(err)
			}
			if c.n < size*4/3 {
				t.Fatalf("%d bytes written of %d", c.n, size)
			}
		})
	}
	small, large := run(1000), run(256<<20)
	if large > small+20 {
		t.Errorf("%v allocations for a small attachment, %v for a large one", small, large)
	}
}

func TestBase64OfEverySize(t *testing.T) {
	data := make([]byte, 57*1024*2+100)
	for i := range data {
		data[i] = byte(i * 7919 >> 3)
	}
	for _, n := range []int{0, 1, 2, 3, 56, 57, 58, 59, 113, 114, 115, 171, 57*1024 - 1, 57 * 1024, 57*1024 + 1, 57 * 1024 * 2, len(data)} {
		for _, v := range []mapi.Value{mapi.BinaryValue(data[:n]), mapi.BlobValue(mapi.TypeBinary, hidden{data[:n]})} {
			a := newAttachment("x.bin", nil)
			a.Props.Set(mapi.PidTagAttachDataBinary, v)
			m := newMessage(nil)
			m.Attachments = []*mapi.Attachment{a}
			got, _ := export(t, m, nil)
			if p := tree(t, got); p.kids[0].body != string(data[:n]) {
				t.Errorf("%d bytes come back as %d", n, len(p.kids[0].body))
			}
			for _, line := range strings.Split(got, "\r\n") {
				if len(line) > 78 {
					t.Fatalf("%d bytes: a line of %d", n, len(line))
				}
			}
		}
	}
}
