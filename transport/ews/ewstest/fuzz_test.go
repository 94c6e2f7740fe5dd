package ewstest

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport/spool"
)

// FuzzRequest reads whatever comes as a request: it ends, takes no more memory
// than the request has, and what it reads is within its bounds.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`<s:Envelope xmlns:s="a"><s:Body><m:X a='1>2'><t:MimeContent b="c">QUJ
D</t:MimeContent><!-- > --><![CDATA[<a>]]></m:X></s:Body></s:Envelope>`,
		`<MimeContent>QUJD</MimeContent>`, `<Data/>`, `<Data>!</Data>`, `<Content><a/></Content>`, `<a`, `<Data>`, `<Data>0`,
	} {
		f.Add([]byte(s))
	}
	if root := os.Getenv("MAILCONV_RECORDINGS"); root != "" {
		files, _ := filepath.Glob(filepath.Join(root, "ews", "*.http"))
		for _, p := range files {
			b, err := os.ReadFile(p)
			if err != nil {
				f.Fatal(err)
			}
			req, _, _ := bytes.Cut(b, []byte("\n=== response\n"))
			_, body, _ := bytes.Cut(req, []byte("\r\n\r\n"))
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sp := spool.New(1<<20, t.TempDir())
		defer sp.Close()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		root, err := parse(bytes.NewReader(b), sp)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20+64*uint64(len(b)) {
			t.Errorf("%d bytes of input take %d", len(b), n)
		}
		if err != nil {
			return
		}
		depth := 0
		var walk func(n *node, at int)
		walk = func(n *node, at int) {
			depth = max(depth, at)
			if n.data != nil {
				if d, err := n.data.blob(); err == nil && d.Size() > int64(len(b)) {
					t.Errorf("%d bytes come out of %d", d.Size(), len(b))
				}
			}
			for _, k := range n.kids {
				walk(k, at+1)
			}
		}
		walk(root, 1)
		if depth > maxDepth {
			t.Errorf("elements are nested %d deep", depth)
		}
	})
}

func TestRequestsAreReadAsAStream(t *testing.T) {
	sp := spool.New(1<<20, t.TempDir())
	defer sp.Close()
	root, err := parse(strings.NewReader("<a><b x=\"y>z\">t<!-- <Data> --></b><Data>\n QUJD\r\n REVG </Data><Content>A===</Content><Data></Data></a>"), sp)
	if err != nil {
		t.Fatal(err)
	}
	if b := root.child("b"); b.attr("x") != "y>z" || b.text != "t" {
		t.Errorf("%+v", b)
	}
	blob, err := root.child("Data").data.blob()
	if err != nil {
		t.Fatal(err)
	}
	r, _ := blob.Open(t.Context())
	defer r.Close()
	got := new(bytes.Buffer)
	if _, err := got.ReadFrom(r); err != nil || got.String() != "ABCDEF" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := root.child("Content").data.blob(); err == nil {
		t.Error("A=== is base64")
	}
	for _, bad := range []string{"", "<a>", "<a></b>", "<a/><b/>", strings.Repeat("<a>", 100), "text"} {
		if _, err := parse(strings.NewReader(bad), sp); err == nil {
			t.Errorf("%.20q is read", bad)
		}
	}
}
