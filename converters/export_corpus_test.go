package converters_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/mime/contact"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/msg"
)

// A reading is what a reader of mails found in one.
type reading struct {
	Path    string
	Subject string
	From    string // address of Sender, else of From
	To      int
	Cc      int
	Bcc     int
	Date    string // in UTC, "" for none
	HTML    bool
	Text    bool
	Atts    []readAttachment
	Defects []string
}

type readAttachment struct {
	Name, Sha, CID, Type string
	Size                 int64
	Message              bool
}

// An expectation is a line of the corpus's EXPECTED.jsonl.
type expectation struct {
	Path      string
	Votes     map[string]string
	Consensus struct {
		Subject         *string
		Sender          *string
		NTo             int `json:"n_to"`
		NCc             int `json:"n_cc"`
		NBcc            int `json:"n_bcc"`
		NAtt            int `json:"n_att"`
		Date            *string
		OtherRecipients int `json:"other_recipients"`
		Atts            []struct {
			Name     *string
			Size     *int64
			Embedded bool
			CID      *string
			OLE      bool
		}
		Body struct {
			Text       bool
			HTMLNative bool    `json:"html_native"`
			RTFEncap   *string `json:"rtf_encap"`
		}
	}
}

func (e *expectation) unanimous(field string) bool {
	a, b, _ := strings.Cut(e.Votes[field], "/")
	return a != "" && a == b
}

func corpus(t testing.TB) string {
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	return dir
}

func corpusMessages(t testing.TB, dir string) []string {
	var list []string
	for _, kind := range []string{"msg", "oft"} {
		err := filepath.WalkDir(filepath.Join(dir, kind), func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				list = append(list, p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// Differences to the consensus that stay, by file and field.
var explained = map[string]string{
	// The attachment has no name; a default is written. [MS-OXCMAIL] 2.1.3.4.2.1
	"aspose.email-for-.net/EmbeddedImage.msg#att_names":  "default name",
	"aspose.email-for-.net/EmbeddedImage1.msg#att_names": "default name",
	// The sender is an Exchange address; PidTagCreatorSmtpAddress (0x5D0A) has
	// its SMTP address, which the other readers do not look at. [MS-OXCMAIL]
	// 2.1.3.1 leaves open where the address is looked up.
	"outlook-message-parser/issue-87-client-submit-time-corrected.msg#sender": "0x5D0A",
	"outlook-message-parser/issue-87-client-submit-time.msg#sender":           "0x5D0A",
	"sicos1977-msgreader/sender_not_found_from_exchange.msg#sender":           "0x5D0A",
	"simple-java-mail/SMIME (signed and clear text).msg#sender":               "0x5D0A",
	// Not unanimous; listed for those who read the table:
	// sent2.msg: 0x5D0A as above. appointment-draft.msg: the stored address is
	// "name <address>", of which the address is written. plain chain.msg: an
	// Exchange address without an SMTP address is encapsulated ([MS-OXCMAIL]
	// 2.1.3.1.8). "Friday Lunch.msg", "Many entities.msg", "attachments.msg",
	// "forward with attachments ...msg": names that are no file names are made
	// unique, missing ones are made up.
}

// Header fields written as stored though other readers find fault with them:
// an identifier is compared by its bytes, so it must not be mended. RFC 5322
// 3.6.4
var storedDefects = map[string]string{
	"lolo101-msgviewer/ltur .msg":  "Message-ID",
	"msg-parser-rs/ascii.msg":      "Message-ID",
	"msg-parser-rs/test_email.msg": "Message-ID",
}

// TestExportCorpus writes every .msg and .oft of the corpus as a mail and has
// two other readers judge the result, against what six other programs say of
// the source.
func TestExportCorpus(t *testing.T) {
	dir := corpus(t)
	out := t.TempDir()
	files := corpusMessages(t, dir)
	expected := readExpectations(t, dir)

	var names []string
	stored := make(map[string][]readAttachment)
	smime := make(map[string]bool)
	inPart := make(map[string]func([]readAttachment) []readAttachment)
	for i, p := range files {
		rel, _ := filepath.Rel(dir, p)
		rel = filepath.ToSlash(rel)
		f, err := msg.Open(p, nil)
		if err != nil {
			var fe *mapi.FormatError
			if !errors.As(err, &fe) {
				t.Errorf("%s: %v", rel, err)
			}
			t.Logf("%s: cannot be read: %v", rel, err)
			continue
		}
		name := filepath.Join(out, fmt.Sprintf("%03d.eml", i))
		w, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		report, err := mime.Export(context.Background(), w, f.Message, nil)
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Errorf("%s: %v", rel, err)
		}
		for _, p := range report.Problems {
			if p.Severe {
				t.Errorf("%s: %v", rel, p)
			} else {
				t.Logf("%s: %v", rel, p)
			}
		}
		names = append(names, rel)
		smime[rel] = strings.HasPrefix(strings.ToUpper(f.Message.Class()), "IPM.NOTE.SMIME")
		stored[rel] = storedAttachments(t, f.Message)
		inPart[rel] = partAttachments(t, f.Message)
		checkLines(t, rel, name)
		f.Close()
		os.Rename(name, filepath.Join(out, fmt.Sprintf("%03d.eml", len(names)-1)))
	}
	if len(names) < 199 {
		t.Errorf("%d messages converted, the corpus has 199", len(names))
	}

	judges := map[string]map[string]reading{"go-message": goReadings(t, out, names)}
	if py := pythonReadings(t, out, names); py != nil {
		judges["python"] = py
	} else {
		t.Log("python3 is not here: its email package did not judge")
	}
	for _, judge := range []string{"python", "go-message"} {
		for _, rel := range names {
			r, ok := judges[judge][rel]
			if judges[judge] == nil {
				break
			}
			if !ok {
				t.Errorf("%s: %s could not read it", rel, judge)
				continue
			}
			r.Atts = inPart[rel](r.Atts)
			short := strings.TrimPrefix(rel, "msg/")
			for _, d := range r.Defects {
				if f := storedDefects[short]; f != "" && strings.HasPrefix(d, f+":") {
					continue
				}
				t.Errorf("%s: %s: %s", rel, judge, d)
			}
			if !smime[rel] {
				compareAttachments(t, rel, judge, r.Atts, stored[rel])
			}
			if e := expected[rel]; e != nil {
				compareExpected(t, judge, r, e, smime[rel])
			}
		}
	}
}

func readExpectations(t *testing.T, dir string) map[string]*expectation {
	f, err := os.Open(filepath.Join(dir, "EXPECTED.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list := make(map[string]*expectation)
	for sc := bufio.NewScanner(f); sc.Scan(); {
		e := new(expectation)
		if err := json.Unmarshal(sc.Bytes(), e); err != nil {
			t.Fatal(err)
		}
		list[e.Path] = e
	}
	return list
}

// storedAttachments is the content of each attachment by value, and a row for
// each embedded message.
func storedAttachments(t *testing.T, m *mapi.Message) []readAttachment {
	var list []readAttachment
	for _, a := range m.Attachments {
		switch {
		case a.Embedded != nil:
			list = append(list, readAttachment{Message: true})
		case a.Data() != nil:
			r, err := a.Data().Open(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			n, err := io.Copy(h, r)
			r.Close()
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, readAttachment{Size: n, Sha: hex.EncodeToString(h.Sum(nil))})
		case a.Storage != nil:
			list = append(list, readAttachment{Size: -1})
		default:
			h := sha256.Sum256(nil)
			list = append(list, readAttachment{Sha: hex.EncodeToString(h[:])})
		}
	}
	return list
}

// partAttachments corrects the attachments that a reader sees by what is an item
// of its own: the card of a contact is a part that the message has no attachment
// for, and what is in a calendar or card is no part.
func partAttachments(t *testing.T, m *mapi.Message) func([]readAttachment) []readAttachment {
	_, isCalendar := calendar.Part(m)
	inside := &mapi.Message{}
	for _, a := range m.Attachments {
		if isCalendar && calendar.Inside(a) || contact.Is(m) && contact.Inside(a) {
			inside.Attachments = append(inside.Attachments, a)
		}
	}
	return func(list []readAttachment) []readAttachment {
		if contact.Is(m) {
			i := slices.IndexFunc(list, func(a readAttachment) bool { return strings.HasSuffix(a.Name, ".vcf") })
			if i < 0 {
				t.Errorf("the contact %q has no card", m.Props.Text(mapi.PidTagSubject))
				return list
			}
			list = slices.Delete(slices.Clone(list), i, i+1)
		}
		for i, a := range storedAttachments(t, inside) {
			a.Name = inside.Attachments[i].Props.Text(mapi.PidTagAttachLongFilename)
			list = append(list, a)
		}
		return list
	}
}

// checkLines holds every line to the limit of RFC 5322 2.1.1 and every line
// end to CRLF.
func checkLines(t *testing.T, rel, name string) {
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range bytes.Split(b, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("%s: line %d has %d bytes", rel, i+1, len(line))
		}
		if bytes.ContainsAny(line, "\r\n\x00") {
			t.Errorf("%s: line %d has a bare CR, LF or NUL", rel, i+1)
		}
	}
	head, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	if low := bytes.ToLower(head); bytes.Contains(low, []byte("/o=")) {
		for _, f := range header.Parse(head) {
			switch strings.ToLower(f.Name) {
			case "from", "sender", "to", "cc", "bcc", "reply-to":
				if strings.Contains(strings.ToLower(f.Value()), "</o=") {
					t.Errorf("%s: a bare Exchange address in %s", rel, f.Name)
				}
			}
		}
	}
}

func compareAttachments(t *testing.T, rel, judge string, got, want []readAttachment) {
	key := func(a readAttachment) string {
		if a.Message {
			return "message"
		}
		return a.Sha
	}
	left := make(map[string]int)
	for _, a := range want {
		if a.Size < 0 {
			left["ole"]++
			continue
		}
		left[key(a)]++
	}
	for _, a := range got {
		k := key(a)
		if left[k] == 0 && left["ole"] > 0 {
			k = "ole"
		}
		if left[k] == 0 {
			t.Errorf("%s: %s: attachment %q (%d bytes) is none of those stored", rel, judge, a.Name, a.Size)
			continue
		}
		left[k]--
	}
	for k, n := range left {
		if n > 0 {
			t.Errorf("%s: %s: %d attachments missing (%s)", rel, judge, n, k)
		}
	}
}

// compareExpected holds a reading against the consensus, and logs the row.
func compareExpected(t *testing.T, judge string, r reading, e *expectation, smime bool) {
	c := &e.Consensus
	short := strings.TrimPrefix(e.Path, "msg/")
	mark := func(field string) string {
		if explained[short+"#"+field] != "" {
			return "explained"
		}
		if e.unanimous(field) {
			t.Errorf("%s: %s: %s differs although all readers agree", e.Path, judge, field)
			return "WRONG"
		}
		return "differs (" + e.Votes[field] + ")"
	}
	var notes []string
	differ := func(field, format string, args ...any) {
		notes = append(notes, field+": "+mark(field)+": "+fmt.Sprintf(format, args...))
	}
	subject := ""
	if c.Subject != nil {
		subject = *c.Subject
	}
	if squash(subject) != squash(r.Subject) {
		differ("subject", "%q, readers say %q", r.Subject, subject)
	}
	sender := ""
	if c.Sender != nil {
		sender = strings.ToLower(*c.Sender)
	}
	got := strings.ToLower(r.From)
	if strings.HasPrefix(got, "imcea") {
		got = ""
	}
	if got != sender {
		differ("sender", "%q, readers say %q", got, sender)
	}
	if r.To != c.NTo {
		differ("n_to", "%d, readers say %d", r.To, c.NTo)
	}
	if r.Cc != c.NCc {
		differ("n_cc", "%d, readers say %d", r.Cc, c.NCc)
	}
	if r.Bcc != c.NBcc {
		differ("n_bcc", "%d, readers say %d", r.Bcc, c.NBcc)
	}
	date := ""
	if c.Date != nil {
		date = *c.Date
	}
	if r.Date != date {
		differ("date", "%q, readers say %q", r.Date, date)
	}
	if !smime {
		if len(r.Atts) != c.NAtt {
			differ("n_att", "%d, readers say %d", len(r.Atts), c.NAtt)
		}
		var theirs, ours []string
		for _, a := range c.Atts {
			if a.Name != nil {
				theirs = append(theirs, attachmentName(*a.Name))
			}
		}
		for _, a := range r.Atts {
			ours = append(ours, attachmentName(a.Name))
		}
		slices.Sort(theirs)
		slices.Sort(ours)
		if !slices.Equal(theirs, ours) {
			differ("att_names", "%q, readers say %q", ours, theirs)
		}
		if (c.Body.HTMLNative || c.Body.RTFEncap != nil && *c.Body.RTFEncap == "html") && !r.HTML {
			t.Errorf("%s: %s: the HTML body is missing", e.Path, judge)
		}
		if c.Body.Text && !r.Text {
			t.Errorf("%s: %s: the text body is missing", e.Path, judge)
		}
	}
	status := "same"
	if len(notes) > 0 {
		status = strings.Join(notes, "; ")
	}
	t.Logf("%-10s %-70.70s to %d cc %d bcc %d att %d %-20s %s", judge, e.Path, r.To, r.Cc, r.Bcc, len(r.Atts), r.Date, status)
}

func squash(s string) string { return strings.Join(strings.Fields(s), " ") }

// attachmentName leaves out what only the form of the mail adds: an embedded
// message is an .eml now.
func attachmentName(s string) string {
	for _, ext := range []string{".eml", ".msg"} {
		if n := len(s) - len(ext); n > 0 && strings.EqualFold(s[n:], ext) {
			s = s[:n]
		}
	}
	return squash(s)
}

// goReadings reads the mails with go-message.
func goReadings(t *testing.T, dir string, names []string) map[string]reading {
	all := make(map[string]reading)
	for i, rel := range names {
		f, err := os.Open(filepath.Join(dir, fmt.Sprintf("%03d.eml", i)))
		if err != nil {
			t.Fatal(err)
		}
		r, err := goReading(f)
		f.Close()
		if err != nil {
			t.Errorf("%s: go-message: %v", rel, err)
			continue
		}
		all[rel] = r
	}
	return all
}

func goReading(r io.Reader) (out reading, err error) {
	e, err := message.Read(r)
	if err != nil {
		return out, err
	}
	h := mail.Header{Header: e.Header}
	if out.Subject, err = h.Subject(); err != nil {
		return out, fmt.Errorf("subject: %w", err)
	}
	for _, n := range []string{"Sender", "From"} {
		if v := h.Get(n); v != "" {
			if list := header.ParseAddresses(v, nil); len(list) == 1 && !list[0].Group {
				out.From = list[0].Addr
				break
			}
		}
	}
	count := func(name string) int {
		n := 0
		for _, a := range header.ParseAddresses(h.Get(name), nil) {
			n += max(1, len(a.Members))
		}
		return n
	}
	out.To, out.Cc, out.Bcc = count("To"), count("Cc"), count("Bcc")
	if h.Has("Date") {
		d, err := h.Date()
		if err != nil {
			return out, fmt.Errorf("date: %w", err)
		}
		out.Date = d.UTC().Format(time.RFC3339)
	}
	err = e.Walk(func(path []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		typ, _, err := e.Header.ContentType()
		if err != nil {
			return fmt.Errorf("content type: %w", err)
		}
		if strings.HasPrefix(typ, "multipart/") {
			return nil
		}
		disp, params, _ := e.Header.ContentDisposition()
		hash := sha256.New()
		n, err := io.Copy(hash, e.Body)
		if err != nil {
			return fmt.Errorf("%s: %w", typ, err)
		}
		switch {
		case disp == "" && typ == "text/html":
			out.HTML = true
		case disp == "" && typ == "text/plain":
			out.Text = true
		case disp != "":
			out.Atts = append(out.Atts, readAttachment{
				Name: params["filename"], Size: n, Type: typ,
				Sha: hex.EncodeToString(hash.Sum(nil)), Message: typ == "message/rfc822",
			})
		}
		return nil
	})
	return out, err
}

// pythonReader prints one line of JSON for each mail.
const pythonReader = `
import email, email.policy, hashlib, json, sys, datetime
def defects(p):
    out = [repr(d) for d in p.defects]
    for k, v in p.items():
        out += ['%s: %r' % (k, d) for d in getattr(v, 'defects', [])]
    return out
def count(m, name):
    v = m[name]
    if v is None: return 0
    return sum(max(1, len(g.addresses)) for g in v.groups)
for i in range(int(sys.argv[2])):
    m = email.message_from_bytes(open('%s/%03d.eml' % (sys.argv[1], i), 'rb').read(), policy=email.policy.default)
    r = {'Subject': str(m['subject'] or ''), 'From': '', 'Date': '', 'HTML': False, 'Text': False, 'Atts': [], 'Defects': []}
    for n in ('sender', 'from'):
        if m[n] is not None and len(m[n].addresses) == 1:
            r['From'] = m[n].addresses[0].addr_spec
            break
    r['To'], r['Cc'], r['Bcc'] = count(m, 'to'), count(m, 'cc'), count(m, 'bcc')
    if m['date'] is not None:
        r['Date'] = m['date'].datetime.astimezone(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    def walk(p, top):
        r['Defects'].extend(defects(p))
        if p.get_content_type() == 'message/rfc822':
            inner = p.get_payload(0)
            if top: r['Atts'].append({'Name': p.get_filename() or '', 'Size': 0, 'Sha': '', 'CID': '', 'Type': 'message/rfc822', 'Message': True})
            walk(inner, False)
            return
        if p.get_content_type() in ('message/delivery-status', 'message/disposition-notification'):
            return
        if p.is_multipart():
            for q in p.iter_parts(): walk(q, top)
            return
        b = p.get_payload(decode=True)
        if p.get_content_maintype() == 'text': p.get_content()
        if not top: return
        if p.get_content_disposition() is None:
            if p.get_content_type() == 'text/html': r['HTML'] = True
            if p.get_content_type() == 'text/plain': r['Text'] = True
        else:
            r['Atts'].append({'Name': p.get_filename() or '', 'Size': len(b), 'Sha': hashlib.sha256(b).hexdigest(),
                'CID': str(p['content-id'] or ''), 'Type': p.get_content_type(), 'Message': False})
    walk(m, True)
    print(json.dumps(r))
`

// pythonReadings reads the mails with Python's email package, policy default.
// It is nil where there is no Python.
func pythonReadings(t *testing.T, dir string, names []string) map[string]reading {
	py, err := exec.LookPath("python3")
	if err != nil {
		return nil
	}
	cmd := exec.Command(py, "-c", pythonReader, dir, fmt.Sprint(len(names)))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, stderr.String())
	}
	all := make(map[string]reading)
	dec := json.NewDecoder(bytes.NewReader(b))
	for _, rel := range names {
		var r reading
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		all[rel] = r
	}
	return all
}
