package soap

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailconv/mailconv/mapi"
)

// tree writes what a scanner sees in one line.
func tree(s *Scanner) string {
	var b strings.Builder
	var walk func()
	walk = func() {
		for depth := s.Depth(); s.Child(depth); {
			name := s.Name()
			fmt.Fprintf(&b, "(%s", name)
			for _, a := range s.attrs {
				fmt.Fprintf(&b, " %s=%q", a.name, a.value)
			}
			if strings.HasPrefix(name, "t") {
				fmt.Fprintf(&b, " %q", s.Text())
			} else if !strings.HasPrefix(name, "skip") {
				walk()
			}
			b.WriteString(")")
		}
	}
	walk()
	if s.Err() != nil {
		b.WriteString(" !")
	}
	return b.String()
}

func TestScanner(t *testing.T) {
	for in, want := range map[string]string{
		``:     ``,
		`<a/>`: `(a)`,
		"\ufeff<?xml version=\"1.0\"?>\n<a><b/><b></b></a>\n":    `(a(b)(b))`,
		`<s:a xmlns:s="x"><s:b s:c="1" d='2"'/></s:a>`:           `(a(b c="1" d="2\""))`,
		`<a><t>x &lt;&amp;&#65;&#x1F600; y</t></a>`:              `(a(t "x <&A😀 y"))`,
		"<a><t>\x01&#x1;&#0;</t></a>":                            `(a(t "\x01\x01\x00"))`,
		`<a><t>x<b>not</b>y<c/>z</t><d/></a>`:                    `(a(t "xyz")(d))`,
		`<a><t><![CDATA[<b>&amp;]]]]><![CDATA[>]]></t></a>`:      `(a(t "<b>&amp;]]>"))`,
		`<a><!-- <b> --><t>1<!-- - -->2</t><?p <b> ?></a>`:       `(a(t "12"))`,
		`<a><skip><b><t>1</t><b/></b></skip><t>2</t></a>`:        `(a(skip)(t "2"))`,
		`<a><skip/><skip></skip><b><skip><b></b></skip></b></a>`: `(a(skip)(skip)(b(skip)))`,
		`<a><t>a & b &nbsp; &</t></a>`:                           `(a(t "a & b &nbsp; &"))`,
		`<a b="&lt;&quot;&#9;&x;&"/>`:                            `(a b="<\"\t&x;&")`,
		`<a b=">"><t/></a>`:                                      `(a b=">"(t ""))`,
		`<a>`:                                                    `(a) !`,
		`<a><t>x`:                                                `(a(t "x")) !`,
		`<a></b>`:                                                `(a) !`,
		`</a>`:                                                   ` !`,
		`<a b></a>`:                                              `(a) !`,
		`<!DOCTYPE a [<!ENTITY x "y">]><a/>`:                     ` !`,
		`<a <b/>`:                                                ` !`,
		`<>`:                                                     ` !`,
	} {
		for name, r := range map[string]io.Reader{
			"whole":        strings.NewReader(in),
			"byte by byte": iotest.OneByteReader(strings.NewReader(in)),
			"with EOF":     iotest.DataErrReader(strings.NewReader(in)),
		} {
			if got := tree(NewScanner(r)); got != want && !(strings.HasSuffix(want, "!") && strings.HasSuffix(got, "!")) {
				t.Errorf("%s, %s:\n got %s\nwant %s", in, name, got, want)
			}
		}
	}
}

func TestScannerFindsAtAnyDepth(t *testing.T) {
	s := NewScanner(strings.NewReader(`<a><b><x/><c>1</c></b><c>2</c></a>`))
	var got []string
	for s.Find("c") {
		got = append(got, s.Text())
	}
	if fmt.Sprint(got) != "[1 2]" || s.Err() != nil {
		t.Error(got, s.Err())
	}
}

func TestErrorOfTheReaderIsKept(t *testing.T) {
	broken := errors.New("connection reset")
	s := NewScanner(io.MultiReader(strings.NewReader("<a><t>x"), iotest.ErrReader(broken)))
	tree(s)
	if !errors.Is(s.Err(), broken) {
		t.Error(s.Err())
	}
}

func TestBase64(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 3071, 3072, 3073, 100000} {
		data := bytes.Repeat([]byte{0, 0xFF, 'a', 7, 9}, n/5+1)[:n]
		text := base64.StdEncoding.EncodeToString(data)
		for i := 76; i < len(text); i += 78 {
			text = text[:i] + "\r\n" + text[i:]
		}
		var out bytes.Buffer
		s := NewScanner(strings.NewReader("<a><b>" + text + "</b><t>then</t></a>"))
		s.Find("b")
		k, err := s.Base64(&out)
		if err != nil || k != int64(n) || !bytes.Equal(out.Bytes(), data) {
			t.Errorf("%d bytes: %d came back, %v", n, k, err)
		}
		if !s.Find("t") || s.Text() != "then" {
			t.Errorf("%d bytes: what follows is lost", n)
		}
	}
	for _, bad := range []string{"a", "AAA", "A=AA", "AA==AAAA", "AA=", "$$$$", strings.Repeat("AAAA", 2000) + "AA==" + strings.Repeat("AAAA", 2000)} {
		s := NewScanner(strings.NewReader("<a><b>" + bad + "</b><t>then</t></a>"))
		s.Find("b")
		if _, err := s.Base64(io.Discard); err == nil {
			t.Errorf("%.20q is taken for base64", bad)
		}
		if !s.Find("t") || s.Text() != "then" {
			t.Errorf("%.20q: what follows is lost", bad)
		}
	}
}

func TestFullDiskEndsTheScan(t *testing.T) {
	full := errors.New("disk full")
	s := NewScanner(strings.NewReader("<a><b>" + strings.Repeat("AAAA", 4000) + "</b></a>"))
	s.Find("b")
	if _, err := s.Base64(failing{full}); !errors.Is(err, full) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestBoundsOfHostileInput(t *testing.T) {
	for name, in := range map[string]string{
		"depth":      strings.Repeat("<a>", 1<<18),
		"name":       "<" + strings.Repeat("a", 1<<20),
		"attribute":  `<a b="` + strings.Repeat("a", 1<<20),
		"attributes": "<a " + strings.Repeat(`b="" `, 1<<18),
		"references": `<a b="` + strings.Repeat("&", 60000) + `;"/>` + strings.Repeat("x", 1<<20),
		"text":       "<t>" + strings.Repeat("a", MaxText+1) + "</t>",
		"ends":       strings.Repeat("</a>", 1<<18),
		"empty tags": "<a>" + strings.Repeat("<b/>", 1<<18),
		"comment":    "<!--" + strings.Repeat("-", 1<<20),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s := NewScanner(strings.NewReader(in))
		tree(s)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%s: %d MiB were allocated", name, n>>20)
		}
		if name != "references" && s.Err() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLargeContentIsNeverHeld(t *testing.T) {
	const size = 64 << 20
	var w Writer
	w.Start("a").Start("MimeContent").Base64(zeros(size)).End().End()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := open(&w)
	s := NewScanner(r)
	s.Find("MimeContent")
	n, err := s.Base64(io.Discard)
	runtime.ReadMemStats(&after)
	if err != nil || n != size {
		t.Error(n, err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d KiB were allocated", n>>10)
	}
}

// zeros is a blob that exists nowhere.
type zeros int64

func (z zeros) Size() int64 { return int64(z) }
func (z zeros) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(endless{}, int64(z))), nil
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestWriter(t *testing.T) {
	var inner Writer
	inner.Empty("t:ItemId", "Id", `a"<b`, "ChangeKey", "")
	var w Writer
	w.Raw(`<?xml version="1.0"?>`).Start("m:A", "x", "1").Element("t:B", "<&>\r\n\x01\xff😀\ufffe").
		Start("t:C").Base64(mapi.Bytes("ab")).End().Base64(mapi.Bytes("")).Append(&inner).End()
	want := `<?xml version="1.0"?><m:A x="1"><t:B>&lt;&amp;&gt;&#13;&#10;` + "\uFFFD\uFFFD😀\uFFFD" + `</t:B><t:C>YWI=</t:C><t:ItemId Id="a&quot;&lt;b"/></m:A>`
	for range 2 {
		got, err := io.ReadAll(open(&w))
		if err != nil || string(got) != want {
			t.Errorf("%v\n got %s\nwant %s", err, got, want)
		}
		if int64(len(got)) != w.Size() {
			t.Errorf("%d bytes, %d were announced", len(got), w.Size())
		}
	}
	var v any
	if err := xml.NewDecoder(open(&w)).Decode(&v); err != nil {
		t.Error(err)
	}
}

func open(w *Writer) io.Reader {
	r, _ := w.Open(context.Background())
	return r
}

type lying struct {
	mapi.Bytes
	size int64
}

func (l lying) Size() int64 { return l.size }

func TestBlobThatLiesAboutItsSize(t *testing.T) {
	for _, size := range []int64{0, 1, 4, 5000} {
		var w Writer
		w.Base64(mapi.Bytes("x")).Base64(lying{mapi.Bytes("abc"), size})
		_, err := io.Copy(io.Discard, open(&w))
		var b *BlobError
		if !errors.As(err, &b) || b.Index != 1 {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

func TestCancelledRequest(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	var w Writer
	w.Base64(zeros(1 << 20))
	r, _ := w.Open(ctx)
	if _, err := io.CopyN(io.Discard, r, 10); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// recorded lists the replies of the recordings.
func recorded(t testing.TB) map[string][]byte {
	root := os.Getenv("MAILCONV_RECORDINGS")
	if root == "" {
		return nil
	}
	out := map[string][]byte{}
	for _, pattern := range []string{"*.http", "*/*.http"} {
		list, _ := filepath.Glob(filepath.Join(root, "ews", pattern))
		for _, path := range list {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, reply, _ := bytes.Cut(b, []byte("\n=== response\n"))
			if i := bytes.Index(reply, []byte("<?xml")); i >= 0 {
				reply = reply[i:]
			}
			if i := bytes.Index(reply, []byte("HTTP/1.1 ")); i >= 0 {
				reply = reply[:i] // a stray second reply
			}
			if i := bytes.IndexByte(reply, '<'); i >= 0 {
				out[filepath.Base(path)] = reply[i:]
			}
		}
	}
	return out
}

// TestRecordedRepliesReadAsOtherReadersDo compares elements and text with those
// of encoding/xml.
func TestRecordedRepliesReadAsOtherReadersDo(t *testing.T) {
	replies := recorded(t)
	if replies == nil {
		t.Skip("MAILCONV_RECORDINGS does not name the recordings")
	}
	n := 0
	for name, reply := range replies {
		want, ok := other(reply)
		if !ok {
			continue // chunked, HTML, cut off
		}
		n++
		if got := elements(NewScanner(bytes.NewReader(reply))); got != want {
			t.Errorf("%s:\n got %.2000s\nwant %.2000s", name, got, want)
		}
	}
	t.Logf("%d replies", n)
	if n < 150 {
		t.Error("too few replies were compared")
	}
}

// elements lists the leaves of a document.
func elements(s *Scanner) string {
	var b strings.Builder
	for s.Child(0) {
		leaves(s, &b)
	}
	if s.Err() != nil {
		return s.Err().Error()
	}
	return b.String()
}

func leaves(s *Scanner, b *strings.Builder) {
	for depth := s.Depth(); s.Child(depth); {
		fmt.Fprintf(b, "<%s>", s.Name())
		switch s.Name() {
		case "faultcode", "ResponseCode", "MimeContent", "Subject", "DisplayName", "Value", "SyncState", "TotalCount", "Body":
			if s.Name() != "Body" || s.Attr("BodyType") != "" {
				b.WriteString(strings.ReplaceAll(s.Text(), "\r\n", "\n"))
				continue
			}
		}
		leaves(s, b)
	}
}

func other(doc []byte) (string, bool) {
	var b strings.Builder
	d := xml.NewDecoder(bytes.NewReader(doc))
	depth := 0
	leaf := ""
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return b.String(), depth == 0
		}
		if err != nil {
			return "", false
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth++; depth > 1 {
				fmt.Fprintf(&b, "<%s>", tok.Name.Local)
			}
			switch tok.Name.Local {
			case "faultcode", "ResponseCode", "MimeContent", "Subject", "DisplayName", "Value", "SyncState", "TotalCount":
				leaf = tok.Name.Local
			case "Body":
				if len(tok.Attr) > 0 && tok.Attr[0].Name.Local == "BodyType" {
					leaf = "Body"
				}
			}
		case xml.EndElement:
			depth--
			leaf = ""
		case xml.CharData:
			if leaf != "" {
				b.Write(tok)
			}
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, s := range []string{
		`<a><t>x &lt;&amp;&#65; y</t><b c="d"/><skip><a/></skip></a>`, `<a><t><![CDATA[<b>]]></t></a>`, "<?xml?><a><!-- - --><t>\x01&#x1;</t></a>",
		`<a><MimeContent>QUJD</MimeContent></a>`, `<a`, `<!DOCTYPE a>`,
	} {
		f.Add([]byte(s))
	}
	for _, b := range recorded(f) {
		if len(b) < 20000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := tree(NewScanner(bytes.NewReader(b)))
		if slow := tree(NewScanner(iotest.OneByteReader(bytes.NewReader(b)))); slow != got {
			t.Errorf("the size of reads matters:\n%q\n%q", got, slow)
		}
		s := NewScanner(bytes.NewReader(b))
		for s.Find("MimeContent") {
			s.Base64(io.Discard) //nolint:errcheck // only that it returns
		}
		if len(got) > 64*len(b)+1000 {
			t.Errorf("%d bytes became %d", len(b), len(got))
		}
	})
}

func BenchmarkBase64(b *testing.B) {
	var w Writer
	w.Start("a").Start("MimeContent").Base64(zeros(8 << 20)).End().End()
	b.SetBytes(8 << 20)
	for b.Loop() {
		s := NewScanner(open(&w))
		s.Find("MimeContent")
		s.Base64(io.Discard) //nolint:errcheck // a benchmark
	}
}
