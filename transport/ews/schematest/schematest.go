// Package schematest holds what EWS clients and servers say against the schema,
// with xmllint.
//
// Start from [Check]. The schema lies in the folder that MAILCONV_REFERENCE
// names, as ews/messages.xsd, or beside the sample collection (MAILCONV_CORPUS).
// Where it or xmllint is missing, the test is skipped and says so.
//
// Not supported: the header of an envelope, SOAP faults and what is not in the
// body.
package schematest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A Document is one envelope, or several in a row as a stream has them.
type Document struct {
	Name string
	XML  []byte
}

// newer are elements that servers and clients use and that the schema, which is
// that of Exchange 2016, does not have. They are taken out before it is asked.
var newer = []string{}

// Schema is the path of messages.xsd, "" where it is not there.
func Schema() string {
	dirs := []string{os.Getenv("MAILCONV_REFERENCE")}
	if c := os.Getenv("MAILCONV_CORPUS"); c != "" {
		dirs = append(dirs, filepath.Join(c, "..", "reference"))
	}
	for _, d := range dirs {
		if d == "" {
			continue
		}
		p := filepath.Join(d, "ews", "messages.xsd")
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	return ""
}

// Check validates the bodies of documents, and tells how many there were.
func Check(t testing.TB, docs []Document) (bodies int) {
	t.Helper()
	schema := Schema()
	if schema == "" {
		t.Skip("LEFT OUT: judgement by the schema (neither MAILCONV_REFERENCE nor MAILCONV_CORPUS leads to it)")
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("LEFT OUT: judgement by xmllint (not installed; make test-deps)")
	}
	dir := t.TempDir()
	origin := map[string]string{}
	var files []string
	for i, d := range docs {
		list, err := Bodies(d.XML)
		if err != nil {
			t.Errorf("%s: %v\n%.2000s", d.Name, err, d.XML)
		}
		for k, b := range list {
			p := filepath.Join(dir, fmt.Sprintf("%05d-%02d.xml", i, k))
			if err := os.WriteFile(p, b, 0o600); err != nil {
				t.Fatal(err)
			}
			origin[p] = d.Name
			files = append(files, p)
		}
	}
	for chunk := range slices.Chunk(files, 200) {
		cmd := exec.Command("xmllint", append([]string{"--huge", "--noout", "--schema", schema}, chunk...)...)
		out, err := cmd.CombinedOutput()
		if err == nil {
			continue
		}
		shown := 0
		for line := range strings.SplitSeq(string(out), "\n") {
			if line == "" || strings.HasSuffix(line, " validates") {
				continue
			}
			for p, name := range origin {
				line = strings.ReplaceAll(line, p, name)
			}
			if shown++; shown <= 30 {
				t.Errorf("%s", line)
			}
		}
		if shown == 0 {
			t.Errorf("xmllint: %v", err)
		}
	}
	return len(files)
}

// Bodies cuts the elements in the bodies of envelopes out of a document, each
// as a document of its own. A SOAP fault has none.
func Bodies(doc []byte) (list [][]byte, err error) {
	// A stream has one XML declaration for each envelope.
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.Strict = true
	var out *xmlWriter
	depth, skip := 0, 0
	inBody := false
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		switch e := tok.(type) {
		case xml.StartElement:
			depth++
			switch {
			case depth == 1 && e.Name.Local != "Envelope":
				return list, errors.New("the root is " + e.Name.Local)
			case depth == 2:
				inBody = e.Name.Local == "Body"
			case depth >= 3 && inBody:
				if depth == 3 {
					out = &xmlWriter{}
				}
				if skip > 0 || slices.Contains(newer, e.Name.Local) {
					skip++
				} else if out != nil {
					out.start(e)
				}
			}
		case xml.EndElement:
			if depth >= 3 && inBody && out != nil {
				if skip > 0 {
					skip--
				} else {
					out.end(e)
				}
				if depth == 3 {
					if e.Name.Local != "Fault" {
						list = append(list, out.Bytes())
					}
					out = nil
				}
			}
			depth--
		case xml.CharData:
			if out != nil && skip == 0 {
				if err := xml.EscapeText(out, e); err != nil {
					return list, err
				}
			}
		}
	}
}

// xmlWriter writes elements with their namespaces on each.
type xmlWriter struct{ bytes.Buffer }

var prefixes = map[string]string{
	"http://schemas.microsoft.com/exchange/services/2006/types":    "t",
	"http://schemas.microsoft.com/exchange/services/2006/messages": "m",
	"http://www.w3.org/2001/XMLSchema-instance":                    "xsi",
	"http://www.w3.org/XML/1998/namespace":                         "xml",
}

func name(n xml.Name) string {
	if p := prefixes[n.Space]; p != "" {
		return p + ":" + n.Local
	}
	return n.Local
}

func (w *xmlWriter) start(e xml.StartElement) {
	root := w.Len() == 0
	w.WriteString("<" + name(e.Name))
	if root {
		for space, p := range prefixes {
			if p != "xml" {
				fmt.Fprintf(w, ` xmlns:%s="%s"`, p, space)
			}
		}
	}
	if prefixes[e.Name.Space] == "" {
		fmt.Fprintf(w, ` xmlns="%s"`, e.Name.Space)
	}
	for _, a := range e.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" && a.Name.Space == "" {
			continue
		}
		w.WriteString(" " + name(a.Name) + `="`)
		_ = xml.EscapeText(w, []byte(a.Value)) // a buffer takes all
		w.WriteString(`"`)
	}
	w.WriteString(">")
}

func (w *xmlWriter) end(e xml.EndElement) { w.WriteString("</" + name(e.Name) + ">") }
