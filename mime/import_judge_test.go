package mime

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/mime/entity"
)

// judged is what a reader says about a mail.
type judged struct {
	Error   string   `json:"error"`
	Defects int      `json:"defects"`
	Subject string   `json:"subject"`
	Date    string   `json:"date"`
	From    []string `json:"from"`
	To      []string `json:"to"`
	Parts   []string `json:"parts"`
}

// notPython names the mails about which Python is wrong although it finds no
// defect in them, with the reason.
var notPython = map[string]string{
	"eml/batch-decipher-pst/down__1.eml":               "it passes over PM in a date",
	"eml/flanker/apache-message-news-mime.eml":         "it does not look into message/news",
	"eml/flanker/email.25.eml":                         "it takes a lone CR in a text for a line end",
	"eml/stalwartlabs-mail-parser/016.eml":             "a file name in 8-bit characters becomes U+FFFD",
	"eml/stalwartlabs-mail-parser/026.eml":             "a file name in 8-bit characters becomes U+FFFD",
	"eml/stalwartlabs-mail-parser/049.eml":             "it takes a CR at the end of the mail for a line end",
	"eml/stalwartlabs-mail-parser/malformed__000.eml":  "a part without any line is left out",
	"eml/stalwartlabs-mail-parser/thirdparty__003.eml": "blanks behind the name of a transfer encoding hide it",
}

// Python's email package judges: about mails in which neither it nor we find a
// fault, both say the same.
func TestPythonAgrees(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	var names []string
	for _, kind := range []string{"eml", "smime", "maildir"} {
		err := filepath.WalkDir(filepath.Join(dir, kind), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				names = append(names, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, "testdata/python_email.py")
	cmd.Stdin = strings.NewReader(strings.Join(names, "\n") + "\n")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	clean := 0
	for _, name := range names {
		if !lines.Scan() {
			t.Fatal("python3 ended early")
		}
		var theirs judged
		if err := json.Unmarshal(lines.Bytes(), &theirs); err != nil {
			t.Fatal(err)
		}
		mail, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(dir, name)
		m, r, err := Import(t.Context(), bytes.NewReader(mail), int64(len(mail)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if theirs.Error != "" || theirs.Defects > 0 || len(r.Problems) > 0 || notPython[filepath.ToSlash(rel)] != "" {
			continue
		}
		clean++
		ours := judge(t, m, mail)
		if strings.HasPrefix(m.Class(), "REPORT.") {
			ours.To = theirs.To // the recipients of a report are those it is about
		}
		for i, field := range []string{"subject", "date", "from", "to", "parts"} {
			a := []any{ours.Subject, ours.Date, ours.From, ours.To, ours.Parts}[i]
			b := []any{theirs.Subject, theirs.Date, theirs.From, theirs.To, theirs.Parts}[i]
			if field == "from" {
				// A message has one.
				a, b = first(ours.From), first(theirs.From)
			}
			if x, y := fmt.Sprint(a), fmt.Sprint(b); x != y {
				i := 0
				for i < len(x) && i < len(y) && x[i] == y[i] {
					i++
				}
				i = max(i-30, 0)
				t.Errorf("%s: %s\n  ours   ...%.120q\n  theirs ...%.120q", rel, field, x[i:], y[min(i, len(y)):])
			}
		}
	}
	t.Logf("%d mails, %d without a fault for both", len(names), clean)
}

func first(list []string) string {
	if len(list) > 0 {
		return list[0]
	}
	return ""
}

func judge(t *testing.T, m *mapi.Message, mail []byte) judged {
	j := judged{Subject: strings.Join(strings.Fields(m.Props.Text(mapi.PidTagSubject)), " ")}
	if d := m.Props.Time(mapi.PidTagClientSubmitTime); !d.IsZero() {
		j.Date = d.Format("2006-01-02T15:04:05")
	}
	if a := m.Props.Text(mapi.PidTagSentRepresentingEmailAddress); a != "" {
		j.From = []string{a}
	}
	for _, r := range m.Recipients {
		if calendar.Unsent(r) {
			continue // an attendee to whom the mail did not go
		}
		j.To = append(j.To, r.Props.Text(mapi.PidTagEmailAddress))
	}
	e, err := entity.Parse(bytes.NewReader(mail), int64(len(mail)), nil)
	if err != nil {
		t.Fatal(err)
	}
	e.Walk(func(e *entity.Entity) bool {
		if len(e.Parts) > 0 || strings.HasPrefix(e.MediaType, "message/") {
			return true
		}
		b, err := mapi.ReadBlob(t.Context(), e.Content(), 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
		if e.IsText() {
			lines := bytes.Split(b, []byte("\n"))
			for i := range lines {
				lines[i] = bytes.TrimRight(lines[i], " \t")
			}
			b = bytes.Join(lines, []byte("\n"))
		}
		j.Parts = append(j.Parts, fmt.Sprintf("%s %s %x", e.MediaType, strings.ReplaceAll(e.Filename(), `\`, ""), sha256.Sum256(bytes.TrimRight(b, "\n"))))
		return true
	})
	return j
}
