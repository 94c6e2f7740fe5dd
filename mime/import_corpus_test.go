package mime

import (
	"bufio"
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
)

// corpusMails calls f for every mail of the collection: single files, S/MIME,
// Maildir, the mails inside .emlx and mbox files.
func corpusMails(t *testing.T, f func(name string, mail []byte)) {
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	for _, kind := range []string{"eml", "smime", "maildir", "emlx", "mbox"} {
		err := filepath.WalkDir(filepath.Join(dir, kind), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, _ := filepath.Rel(dir, path)
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			switch kind {
			case "emlx":
				// A line with the number of bytes, the mail, a property list.
				line, rest, _ := bytes.Cut(b, []byte("\n"))
				n := 0
				for _, c := range bytes.TrimSpace(line) {
					if c < '0' || c > '9' {
						return nil
					}
					n = n*10 + int(c-'0')
				}
				f(name, rest[:min(n, len(rest))])
			case "mbox":
				for i, m := range splitMbox(b) {
					f(name+"#"+string(rune('0'+i%10)), m)
				}
			default:
				f(name, b)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func splitMbox(b []byte) (mails [][]byte) {
	var cur []byte
	r := bufio.NewReader(bytes.NewReader(b))
	blank := true
	for {
		line, err := r.ReadBytes('\n')
		if blank && bytes.HasPrefix(line, []byte("From ")) {
			if len(cur) > 0 {
				mails = append(mails, cur)
			}
			cur = nil
		}
		cur = append(cur, line...)
		blank = len(bytes.TrimSpace(line)) == 0
		if err != nil {
			break
		}
	}
	if len(cur) > 0 {
		mails = append(mails, cur)
	}
	return mails
}

// T31: no mail of the corpus is refused; what is imported can be read, and
// kept mails come back byte for byte.
func TestT31ImportCorpus(t *testing.T) {
	mails, classes, losses, severe := 0, map[string]int{}, map[mapi.LossReason]int{}, 0
	corpusMails(t, func(name string, mail []byte) {
		mails++
		m, report, err := Import(t.Context(), bytes.NewReader(mail), int64(len(mail)), &ImportOptions{KeepMIME: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		classes[m.Class()]++
		for _, l := range report.Losses {
			losses[l.Reason]++
		}
		for _, p := range report.Problems {
			if p.Severe {
				severe++
				t.Logf("%s: %v", name, p)
			}
		}
		checkMessage(t, name, m)
		var out bytes.Buffer
		if r, err := Export(t.Context(), &out, m, nil); err != nil || !r.Kept || !bytes.Equal(out.Bytes(), mail) {
			t.Errorf("%s: the kept mail does not come back: %v", name, err)
		}
	})
	t.Logf("%d mails, classes %v, losses %v, %d severe problems", mails, classes, losses, severe)
}

// checkMessage reads every value of a message.
func checkMessage(t testing.TB, name string, m *mapi.Message) {
	t.Helper()
	check := func(where string, ps mapi.Properties) {
		for _, p := range ps {
			if p.Value.Type() != p.Tag.Type() {
				t.Errorf("%s: %s %v: value of type %v", name, where, p, p.Value.Type())
			}
			if p.Value.InMemory() {
				continue
			}
			b, err := mapi.ReadBlob(context.Background(), p.Value.Blob(), 1<<30)
			if err != nil || int64(len(b)) != p.Value.Size() {
				t.Errorf("%s: %s %v: %d bytes of %d, %v", name, where, p, len(b), p.Value.Size(), err)
			}
		}
	}
	check("message", m.Props)
	for _, r := range m.Recipients {
		check("recipient", r.Props)
		if a := r.Props.Text(mapi.PidTagEmailAddress); strings.ContainsAny(a, "\r\n") {
			t.Errorf("%s: address %q", name, a)
		}
	}
	for _, a := range m.Attachments {
		check("attachment", a.Props)
		if a.Embedded != nil {
			checkMessage(t, name+"/embedded", a.Embedded)
		}
	}
}
