package mime

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/header"
)

// mailView is what has to survive EML -> message -> EML.
type mailView struct {
	fields []string // name and text, in order, without those of the structure
	bodies []string // text of the first text/plain and text/html
	files  []string // name and digest, sorted
}

func viewOf(t testing.TB, mail []byte) mailView {
	t.Helper()
	m, _, err := Import(t.Context(), bytes.NewReader(mail), int64(len(mail)), nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := entity.Parse(bytes.NewReader(mail), int64(len(mail)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var v mailView
	for _, f := range e.Fields {
		name := strings.ToLower(f.Name)
		if name == "" || strings.HasPrefix(name, "content-") || name == "mime-version" {
			continue
		}
		v.fields = append(v.fields, name+": "+strings.Join(strings.Fields(header.DecodeText(f.Value(), nil)), " "))
	}
	v.bodies = append(v.bodies, strings.TrimRight(m.Props.Text(mapi.PidTagBody), "\r\n"))
	b, _ := mapi.ReadBlob(t.Context(), htmlOf(m), 1<<30)
	v.bodies = append(v.bodies, strings.TrimRight(string(b), "\r\n"))
	for _, a := range m.Attachments {
		line := a.Props.Text(mapi.PidTagAttachLongFilename)
		if a.Embedded != nil {
			line = "message " + a.Embedded.Props.Text(mapi.PidTagSubject)
		} else if d := a.Data(); d != nil {
			b, _ := mapi.ReadBlob(t.Context(), d, 1<<30)
			line += fmt.Sprintf(" %x", sha256.Sum256(b))
		}
		v.files = append(v.files, line)
	}
	sort.Strings(v.files)
	return v
}

func htmlOf(m *mapi.Message) mapi.Blob {
	if v, ok := m.Props.Get(mapi.PidTagHtml); ok {
		return v.Blob()
	}
	return mapi.Bytes(nil)
}

// EML -> message -> EML without the kept bytes: fields in order, bodies and
// attachments are the same. Differences are counted by kind.
func TestRoundTripCorpus(t *testing.T) {
	kinds := map[string]int{}
	mails := 0
	corpusMails(t, func(name string, mail []byte) {
		mails++
		m, _, err := Import(t.Context(), bytes.NewReader(mail), int64(len(mail)), nil)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := Export(t.Context(), &out, m, nil); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		a, b := viewOf(t, mail), viewOf(t, out.Bytes())
		diff := func(kind string, a, b []string) {
			if strings.Join(a, "\n") == strings.Join(b, "\n") {
				return
			}
			kinds[kind]++
			if testing.Verbose() {
				for i := 0; i < max(len(a), len(b)); i++ {
					x, y := "", ""
					if i < len(a) {
						x = a[i]
					}
					if i < len(b) {
						y = b[i]
					}
					if x != y {
						t.Logf("%s: %s\n  %.150q\n  %.150q", name, kind, x, y)
						break
					}
				}
			}
		}
		diff("fields", a.fields, b.fields)
		diff("bodies", a.bodies, b.bodies)
		diff("attachments", a.files, b.files)
	})
	t.Logf("%d mails, differences by kind: %v", mails, kinds)
	// Address lists and lines that break the rules, 8-bit text, Lines; a lone CR
	// or LF at the end of a line. The corpus test of converters has the reasons.
	for kind, most := range map[string]int{"fields": 42, "bodies": 6, "attachments": 0} {
		if kinds[kind] > most {
			t.Errorf("%s differ in %d mails, at most %d are known", kind, kinds[kind], most)
		}
	}
}
