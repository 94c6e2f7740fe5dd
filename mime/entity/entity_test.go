package entity

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"math/rand"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
)

func parse(t *testing.T, s string) *Entity {
	t.Helper()
	e, err := Parse(strings.NewReader(s), int64(len(s)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func read(t testing.TB, b mapi.Blob) string {
	t.Helper()
	r, err := b.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(out)) != b.Size() {
		t.Errorf("size %d, but %d bytes", b.Size(), len(out))
	}
	return string(out)
}

// tree writes the structure on one line: type[body] for a leaf.
func tree(t *testing.T, e *Entity) string {
	if len(e.Parts) == 0 {
		return fmt.Sprintf("%s[%s]", e.MediaType, strings.ReplaceAll(read(t, e.Content()), "\r\n", "|"))
	}
	var list []string
	for _, c := range e.Parts {
		list = append(list, tree(t, c))
	}
	return e.MediaType + "{" + strings.Join(list, " ") + "}"
}

// Faults 1 and 2: structures on which strict readers give up.
func TestStructure(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "A: 1\r\n\r\nhi\r\n", "text/plain[hi|]"},
		{"no header", "hi there\r\n", "text/plain[hi there|]"},
		{"empty", "", "text/plain[]"},
		{"header only", "A: 1\r\n", "text/plain[]"},
		{"mbox line", "From x Mon Jan 1 00:00:00 2024\nA: 1\n\nhi\n", "text/plain[hi|]"},
		{"empty lines first", "\r\n\r\nSubject: x\r\n\r\nhi", "text/plain[hi]"},
		{"CR CR LF", "Content-Type: text/html\r\r\n\r\r\nhi\r\r\n", "text/html[hi|]"},
		{"bare CR", "Content-Type: text/html\r\rhi\rho", "text/html[hi|ho]"},
		{"unindented continuation", "Content-Type: multipart/mixed;\r\nboundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", "multipart/mixed{text/plain[x]}"},
		{"two parts", mixed + "pre\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\ny\r\n--b--\r\nepi", "multipart/mixed{text/plain[x] text/html[y]}"},
		{"mixed line ends", mixed + "--b\n\nx\n--b\r\nContent-Type: text/html\n\ny\r\n--b--\n", "multipart/mixed{text/plain[x] text/html[y]}"},
		{"junk line in a part's header", mixed + "--b\r\nContent-Type: text/html\r\njunk\r\nX: y\r\n\r\nx\r\n--b--\r\n", "multipart/mixed{text/html[x]}"},
		{"part without empty line", mixed + "--b\r\nContent-Type: text/html\r\n<p>x\r\n--b--\r\n", "multipart/mixed{text/html[<p>x]}"},
		{"part without header", mixed + "--b\r\nhello\r\n\r\nworld\r\n--b--\r\n", "multipart/mixed{text/plain[hello||world]}"},
		{"never closed", mixed + "--b\r\n\r\nx\r\n", "multipart/mixed{text/plain[x|]}"},
		{"no boundary parameter", "Content-Type: multipart/mixed\r\n\r\n--zz\r\nContent-Type: text/html\r\n\r\nx\r\n--zz--\r\n", "multipart/mixed{text/html[x]}"},
		{"wrong boundary", "Content-Type: multipart/mixed; boundary=nope\r\n\r\n--zz\r\nContent-Type: text/html\r\n\r\nx\r\n--zz--\r\n", "multipart/mixed{text/html[x]}"},
		{"unquoted specials", "Content-Type: multipart/mixed; boundary=a:b/c=d?\r\n\r\n--a:b/c=d?\r\n\r\nx\r\n--a:b/c=d?--", "multipart/mixed{text/plain[x]}"},
		{"no delimiter at all", mixed + "just text\r\n", "multipart/mixed[just text|]"},
		{"parts behind the end", mixed + "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny\r\n--b--\r\n", "multipart/mixed{text/plain[x] text/plain[y]}"},
		{"very long field", "X: " + strings.Repeat("word ", 60000) + "\r\nContent-Type: text/html\r\n\r\nx", "text/html[x]"},
		{"empty part", mixed + "--b\r\n\r\n--b--\r\n", "multipart/mixed{text/plain[]}"},
		{"inner not closed", mixed + "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--", "multipart/mixed{multipart/alternative{text/plain[x]} text/plain[y]}"},
		{"boundary is a prefix of another", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb--\r\n--b--", "multipart/mixed{multipart/alternative{text/plain[x]}}"},
		{"message", mixed + "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: i\r\nContent-Type: text/html\r\n\r\nx\r\n--b--\r\n", "multipart/mixed{message/rfc822{text/html[x]}}"},
		{"digest", "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: i\r\n\r\nx\r\n--b--\r\n", "multipart/digest{message/rfc822{text/plain[x]}}"},
		{"boundary with the dashes of rulers", mixed + "--b\r\n\r\n--\r\n----\r\n-- \r\n--b2\r\n--b--\r\n", "multipart/mixed{text/plain[--|----|-- |--b2]}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tree(t, parse(t, tt.in)); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The sections of a tree are the bytes of the source, all of them.
func TestRawBytes(t *testing.T) {
	const in = "X: \xe9\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\nA: 1\r\n\r\nx\r\n--b--\r\nepi\r\n"
	e := parse(t, in)
	if got := read(t, e.Raw()); got != in {
		t.Errorf("raw: %q", got)
	}
	if got := read(t, e.Header()) + read(t, e.Body()); got != in {
		t.Errorf("header and body: %q", got)
	}
	if got := read(t, e.Preamble()); got != "pre\r\n" {
		t.Errorf("preamble: %q", got)
	}
	if got := read(t, e.Epilogue()); got != "epi\r\n" {
		t.Errorf("epilogue: %q", got)
	}
	if got := read(t, e.Parts[0].Raw()); got != "A: 1\r\n\r\nx" {
		t.Errorf("part: %q", got)
	}
}

// Faults 7 and 8: transfer encodings.
func TestTransferEncodings(t *testing.T) {
	for _, tt := range []struct{ cte, body, want string }{
		{"base64", "aGVsbG8=", "hello"},
		{"BASE64;", "aGVsbG8=", "hello"},
		{`"base64"`, "aGVsbG8=", "hello"},
		{"base64 (x)", "aGVs\r\nbG8=\r\n", "hello"},
		{"base64", "aGVsbG8", "hello"},
		{"base64", "aG!V*s\x00bG\xff8=", "hello"},
		{"base64", "aGVsbG8=aGVsbG8=", "hellohello"},
		{"base64", "aGVsbA==\r\naGVsbG8=\r\n", "hellhello"},
		{"base64", "aGVsbG8=\r\n____\r\nA list, see http://example.org/\r\n", "hello"},
		{"base64", "aGVsbG8=\r\n\r\n", "hello"},
		{"base64", "a", ""},
		{"base64", strings.Repeat("AA=", 100000), strings.Repeat("\x00", 100000)},
		{"quoted-printable", "a=3D=\r\nb  \r\nc=zz=e9=\r\n", "a=b\r\nc=zz\xe9"},
		{"quoted-printable", "a= \t\r\nb=", "ab"},
		{"Quoted-Printable; x", "=41", "A"},
		{"x-uuencode", "begin 644 x.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n", "hello"},
		{"uuencode", "%:&5L;&\\\r\n`\r\n", "hello"},
		{"7bit", "a=3D", "a=3D"},
		{"x-unknown", "abc", "abc"},
	} {
		e := parse(t, "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: "+tt.cte+"\r\n\r\n"+tt.body)
		if got := read(t, e.Content()); got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.cte, tt.body, got, tt.want)
		}
	}
}

func TestDamage(t *testing.T) {
	for body, want := range map[string]string{
		"aGVsbG8=": "", "aGVs\r\nbG8": "", "aG!!Vs": "2 characters are no base64",
		"aGVsb":                                "the base64 ends within a group of four characters",
		"aGVsbG8=\r\nthe footer of a list\r\n": "text behind the end of the base64",
		strings.Repeat("QUJD", 20000) + "-":    "1 characters are no base64",
	} {
		e := parse(t, "Content-Transfer-Encoding: base64\r\n\r\n"+body)
		if got := e.Damage(); got != want {
			t.Errorf("%.30q: %q, want %q", body, got, want)
		}
	}
}

// Content that is larger than any buffer comes out the same, however it is
// read.
func TestLargeContent(t *testing.T) {
	data := make([]byte, 300<<10)
	rand.New(rand.NewSource(1)).Read(data)
	var qp bytes.Buffer
	w := quotedprintable.NewWriter(&qp)
	w.Binary = true
	w.Write(data)
	w.Close()
	std := base64.StdEncoding.EncodeToString(data)
	var lines strings.Builder
	for s := std; s != ""; {
		n := min(76, len(s))
		lines.WriteString(s[:n] + "\r\n")
		s = s[n:]
	}
	text := strings.ReplaceAll(strings.Repeat("word word \n", 40<<10), "\n", "\r\n")
	longQP := strings.Repeat("=C3=A9 x", 50<<10)
	for _, tt := range []struct{ name, header, body, want string }{
		{"base64", "Content-Transfer-Encoding: base64", lines.String(), string(data)},
		{"base64 on one line", "Content-Transfer-Encoding: base64", std, string(data)},
		{"quoted-printable", "Content-Transfer-Encoding: quoted-printable", qp.String(), string(data)},
		{"quoted-printable on one line", "Content-Transfer-Encoding: quoted-printable", longQP, strings.Repeat("é x", 50<<10)},
		{"7bit", "X: y", text, text},
		{"trailing blanks", "Content-Transfer-Encoding: quoted-printable", text, strings.ReplaceAll(text, " \r", "\r")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := "Content-Type: multipart/mixed; boundary=\"x y\"\r\n\r\n--x y\r\nContent-Type: application/x\r\n" + tt.header + "\r\n\r\n" + tt.body + "\r\n--x y--\r\n"
			e := parse(t, in)
			if len(e.Parts) != 1 {
				t.Fatalf("%d parts", len(e.Parts))
			}
			want := tt.want
			if got := read(t, e.Parts[0].Content()); got != want {
				t.Fatalf("content differs: %d bytes, want %d", len(got), len(want))
			}
			r, _ := e.Parts[0].Content().Open(t.Context())
			defer r.Close()
			var out bytes.Buffer
			small := make([]byte, 7)
			for {
				n, err := r.Read(small)
				out.Write(small[:n])
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if out.String() != want {
				t.Error("content differs when read in small pieces")
			}
		})
	}
}

func TestOpenText(t *testing.T) {
	for _, tt := range []struct{ name, header, body, want string }{
		{"utf-8", "text/plain; charset=utf-8", "caf\xc3\xa9\r\n", "café\r\n"},
		{"latin1 is windows-1252", "text/plain; charset=iso-8859-1", "\x80", "€"},
		{"no charset, UTF-8", "text/plain", "caf\xc3\xa9", "café"},
		{"no charset, 8-bit", "text/plain", "caf\xe9", "café"},
		{"us-ascii with 8-bit", "text/plain; charset=us-ascii", "caf\xe9", "café"},
		{"utf-8 that is not", "text/plain; charset=utf-8", "caf\xe9!", "café!"},
		{"unknown", "text/plain; charset=x-nope", "caf\xc3\xa9", "café"},
		{"quoted twice", `text/plain; charset="'utf-8'"`, "caf\xc3\xa9", "café"},
		{"iso-2022-kr", "text/plain; charset=iso-2022-kr", "\x1b$)C\x0e\x47\x51\x0f", "한"},
		{"utf-7", "text/plain; charset=utf-7", "caf+AOk-", "café"},
		{"meta", "text/html", "<meta charset=iso-8859-2>\xb1", "<meta charset=iso-8859-2>ą"},
		{"mark", "text/plain", "\xef\xbb\xbfx", "x"},
		{"bare LF", "text/plain", "a\nb\r\nc", "a\r\nb\r\nc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := parse(t, "Content-Type: "+tt.header+"\r\n\r\n"+tt.body)
			r, err := e.OpenText(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if err != nil || string(got) != tt.want {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestInlineFiles(t *testing.T) {
	e := parse(t, "A: 1\r\n\r\nhere:\r\nbegin 644 my file.txt\r\n%:&5L;&\\\r\n`\r\nend\r\nbye\r\nbegin 12 no\r\n")
	files, err := e.InlineFiles(t.Context())
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if f := files[0]; f.Name != "my file.txt" || f.Offset != 7 || read(t, f.Content) != "hello" {
		t.Errorf("%+v %q", f, read(t, f.Content))
	}
}

func TestBounds(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	e := parse(t, b.String())
	if len(e.Problems) == 0 {
		t.Error("no problem about the depth")
	}
	s := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 100) + "--b--\r\n"
	e, err := Parse(strings.NewReader(s), int64(len(s)), &Options{MaxParts: 10})
	if err != nil || len(e.Parts) != 10 || len(e.Problems) == 0 {
		t.Errorf("%d parts, %v, %v", len(e.Parts), e.Problems, err)
	}
	if got := read(t, e.Parts[9].Raw()); !strings.HasSuffix(got, "--b\r\n\r\nx") {
		t.Errorf("the rest is not kept: %q", got)
	}
}

// pattern is a mail of any size that is made while it is read.
type pattern struct {
	head, line, tail string
	n                int64
}

func (p pattern) size() int64 {
	return int64(len(p.head)) + p.n*int64(len(p.line)) + int64(len(p.tail))
}

func (p pattern) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) {
		o := off + int64(n)
		switch mid := o - int64(len(p.head)); {
		case mid < 0:
			n += copy(b[n:], p.head[o:])
		case mid < p.n*int64(len(p.line)):
			n += copy(b[n:], p.line[mid%int64(len(p.line)):])
		case o < p.size():
			n += copy(b[n:], p.tail[o-int64(len(p.head))-p.n*int64(len(p.line)):])
		default:
			return n, io.EOF
		}
	}
	return n, nil
}

// T32: a mail above 4 GiB is read in constant memory.
func TestT32HugeMail(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 4 GiB that are made on the way")
	}
	p := pattern{
		head: "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		line: strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 800),
		tail: "--b\r\n\r\nlast\r\n--b--\r\n",
	}
	p.n = 4<<30/int64(len(p.line)) + 1
	var e *Entity
	var err error
	allocated := testing.AllocsPerRun(1, func() { e, err = Parse(p, p.size(), nil) })
	if err != nil || len(e.Parts) != 2 || read(t, e.Parts[1].Content()) != "last" {
		t.Fatalf("%d parts, %v", len(e.Parts), err)
	}
	if want := p.n * int64(len(p.line)); e.Parts[0].Body().Size() != want-2 {
		t.Errorf("body of %d bytes, want %d", e.Parts[0].Body().Size(), want-2)
	}
	if allocated > 200 {
		t.Errorf("%v allocations", allocated)
	}
}

// T31: no mail of the corpus is refused, and every part can be decoded.
func TestT31Corpus(t *testing.T) {
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	mails, parts := 0, 0
	kinds := map[string]int{}
	for _, kind := range []string{"eml", "smime", "maildir"} {
		err := filepath.WalkDir(filepath.Join(dir, kind), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			e, err := Parse(bytes.NewReader(b), int64(len(b)), nil)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return nil
			}
			mails++
			for _, p := range e.Problems {
				kinds[p.Field]++
			}
			if got := read(t, e.Raw()); got != string(b) {
				t.Errorf("%s: raw bytes differ", path)
			}
			e.Walk(func(e *Entity) bool {
				parts++
				read(t, e.Content())
				if e.IsText() {
					r, err := e.OpenText(t.Context())
					if err != nil {
						t.Errorf("%s: %v", path, err)
						return true
					}
					io.Copy(io.Discard, r)
					r.Close()
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d mails, %d parts, problems by field: %v", mails, parts, kinds)
}

func FuzzEntity(f *testing.F) {
	for _, s := range []string{
		"From x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nA: 1\r\n\r\ny\r\n--b--\r\nepi",
		"Content-Type: multipart/mixed\n\n--zz\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n=C3=\n=A9\n--zz--\n",
		"Content-Transfer-Encoding: base64\r\r\n\r\r\naGVsbG8=\r\r\nfooter text\r\r\n",
		"A: 1\r\rbegin 644 x\r%:&5L;&\\\r`\rend\r",
		"Content-Transfer-Encoding: uuencode\n\nbegin 644 x\n%:&5L;&\\\n`\nend\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Parse(bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if read(t, e.Raw()) != string(b) {
			t.Fatal("raw bytes differ")
		}
		e.Walk(func(e *Entity) bool {
			if e.body < e.start || e.end < e.body {
				t.Fatalf("part %s: %d %d %d", e.Path(), e.start, e.body, e.end)
			}
			read(t, e.Content())
			if e.IsText() {
				r, err := e.OpenText(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if _, err := io.Copy(io.Discard, r); err != nil {
					t.Fatal(err)
				}
				if _, err := e.InlineFiles(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return true
		})
	})
}

func BenchmarkDecode(b *testing.B) {
	raw := strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 100000)
	text := strings.Repeat(strings.Repeat("word ", 14)+"=C3=A9\r\n", 100000)
	for _, bb := range []struct {
		name string
		enc  Encoding
		in   string
	}{{"base64", Base64, raw}, {"quoted-printable", QuotedPrintable, text}} {
		b.Run(bb.name, func(b *testing.B) {
			blob := Decode(mapi.Bytes(bb.in), bb.enc)
			buf := make([]byte, 32<<10)
			b.SetBytes(int64(len(bb.in)))
			for b.Loop() {
				r, err := blob.Open(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				for {
					if _, err := r.Read(buf); err != nil {
						break
					}
				}
				r.Close()
			}
		})
	}
}

// Structure alone: what is looked for is the delimiters.
func BenchmarkParse(b *testing.B) {
	s := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 100000) + "--b--\r\n"
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		if _, err := Parse(strings.NewReader(s), int64(len(s)), nil); err != nil {
			b.Fatal(err)
		}
	}
}
