package emlx_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/emlx"
)

var bg = context.Background()

func file(mail string, flags int64) string {
	return fmt.Sprintf("%-10d\n%s<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n\t<key>date-received</key>\n\t<integer>1517000478</integer>\n\t<key>x</key>\n\t<dict><key>flags</key><integer>0</integer></dict>\n\t<key>flags</key>\n\t<integer>%d</integer>\n</dict>\n</plist>\n", len(mail), mail, flags)
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(root, filepath.FromSlash(name))
		os.MkdirAll(filepath.Dir(p), 0o700)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, b mapi.Blob) string {
	t.Helper()
	var last string
	for range 2 {
		r, err := b.Open(bg)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || int64(len(data)) != b.Size() || last != "" && last != string(data) {
			t.Fatal(err, len(data), b.Size())
		}
		last = string(data)
	}
	return last
}

const partial = `Subject: x
Content-Type: multipart/alternative; boundary=out

preamble
--out
Content-Type: text/plain

text
--out
Content-Type: multipart/mixed; boundary="in"

--in
Content-Type: text/html

<b>
--in
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename=a.bin
X-Apple-Content-Length: 100


--in
Content-Transfer-Encoding: base64
Content-Type: application/pdf; name=raw.pdf
X-Apple-Content-Length: 8


--in
Content-Transfer-Encoding: 7bit
Content-Disposition: attachment; filename=gone.txt
X-Apple-Content-Length: 7


--in--

--out--
`

func TestPartialMailIsPutTogether(t *testing.T) {
	root := t.TempDir()
	data := bytes.Repeat([]byte("0123456789"), 10)
	write(t, root, map[string]string{
		"V2/AccountX/INBOX.mbox/F2D0D67E-7B19-4C30-B2E9-B58FE4789D51/Data/1/Messages/7.partial.emlx":     file(partial, 1|1<<4),
		"V2/AccountX/INBOX.mbox/F2D0D67E-7B19-4C30-B2E9-B58FE4789D51/Data/1/Attachments/7/2.2/a.bin":     string(data),
		"V2/AccountX/INBOX.mbox/F2D0D67E-7B19-4C30-B2E9-B58FE4789D51/Data/1/Attachments/7/2.2/.DS_Store": "x",
		"V2/AccountX/INBOX.mbox/F2D0D67E-7B19-4C30-B2E9-B58FE4789D51/Data/1/Messages/7.2.3.emlxpart":     "cmF3\ncmF3\n",
		"V2/AccountX/INBOX.mbox/F2D0D67E-7B19-4C30-B2E9-B58FE4789D51/Data/Messages/8.emlx":               file("Subject: y\n\nx", 1<<1|1<<2|1<<6|1<<8|1<<25),
		"V2/AccountX/INBOX.mbox/Sub.mbox/Messages/9.emlx":                                                "no length\n",
		"V2/AccountX/INBOX.mbox/Sub.mbox/Messages/10.emlx":                                               "9999\nSubject: short\n\nx\n",
		"V2/MailData/1.emlx": file("Subject: not a mail\n\n", 0),
	})
	s, err := emlx.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var names []string
	metas := map[string]transport.Meta{}
	for f, err := range s.Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		if f.NoItems {
			continue
		}
		names = append(names, f.String())
		var keys []transport.Key
		for m, err := range s.Items(bg, f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			metas[filepath.Base(string(m.Key))] = m
			keys = append(keys, m.Key)
		}
		for fe, err := range s.Fetch(bg, f, append(keys, "../x.emlx", "nonsense"), nil) {
			if err != nil {
				t.Fatal(err)
			}
			switch filepath.Base(string(fe.Key)) {
			case "7.partial.emlx":
				want := strings.ReplaceAll(partial, "X-Apple-Content-Length: 100\n\n", "\n"+base64.StdEncoding.EncodeToString(data)[:76]+"\n"+base64.StdEncoding.EncodeToString(data)[76:])
				want = strings.ReplaceAll(want, "X-Apple-Content-Length: 8\n\n", "\ncmF3\ncmF3")
				want = strings.ReplaceAll(want, "\n", "\r\n")
				if got := read(t, fe.Content.MIME); fe.Err != nil || got != want {
					t.Errorf("%v\n%s\nwant\n%s", fe.Err, got, want)
				}
				if len(fe.Content.Losses) != 1 || !fe.Content.Problems.Severe() || !strings.Contains(fe.Content.Problems[0].String(), "gone.txt") {
					t.Errorf("losses %v, problems %v", fe.Content.Losses, fe.Content.Problems)
				}
			case "8.emlx":
				if read(t, fe.Content.MIME) != "Subject: y\r\n\r\nx" || len(fe.Content.Problems) > 0 {
					t.Errorf("%v", fe.Content.Problems)
				}
			case "9.emlx":
				if fe.Err == nil || read(t, fe.Content.MIME) != "no length\n" {
					t.Errorf("%v", fe.Err)
				}
			case "10.emlx":
				if fe.Err != nil || !fe.Content.Problems.Severe() {
					t.Errorf("a short file: %v, %v", fe.Err, fe.Content)
				}
			default:
				if transport.KindOf(fe.Err) != transport.NotFound {
					t.Errorf("%s: %v", fe.Key, fe.Err)
				}
			}
			fe.Content.Close()
		}
	}
	if want := []string{"AccountX/INBOX", "AccountX/INBOX/Sub"}; !slices.Equal(names, want) {
		t.Errorf("folders %q, want %q", names, want)
	}
	if m := metas["7.partial.emlx"]; m.Flags != transport.Seen|transport.Flagged || !m.Received.Equal(time.Unix(1517000478, 0)) || m.Subject != "x" {
		t.Errorf("%+v", m)
	}
	if m := metas["8.emlx"]; m.Flags != transport.Deleted|transport.Answered|transport.Draft|transport.Forwarded || !slices.Equal(m.Keywords, []string{"$NotJunk"}) {
		t.Errorf("%+v", m)
	}
	for _, err := range s.Items(bg, transport.Folder{Path: []string{"nowhere"}}, nil) {
		if transport.KindOf(err) != transport.NotFound {
			t.Error(err)
		}
	}
	if !emlx.Sniff(filepath.Join(root, "V2", "AccountX")) || emlx.Sniff(t.TempDir()) {
		t.Error("it is not recognised")
	}
}

func TestCorpus(t *testing.T) {
	corpus := os.Getenv("MAILCONV_CORPUS")
	if corpus == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	s, err := emlx.Open(filepath.Join(corpus, "emlx"))
	if err != nil {
		t.Fatal(err)
	}
	mails, joined, missing, broken := 0, 0, 0, 0
	for f, err := range s.Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		if f.NoItems {
			continue
		}
		for m, err := range s.Items(bg, f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			for fe := range s.Fetch(bg, f, []transport.Key{m.Key}, nil) {
				mails++
				if fe.Err != nil {
					broken++
					t.Log(m.Key, fe.Err)
					fe.Content.Close()
					continue
				}
				read(t, fe.Content.MIME)
				joined += len(fe.Content.Losses)
				for _, p := range fe.Content.Problems {
					if p.Severe {
						missing++
					}
					t.Log(m.Key, p)
				}
				fe.Content.Close()
			}
		}
	}
	t.Logf("%d mails, %d parts put back, %d missing, %d files broken", mails, joined, missing, broken)
	if broken != 1 || joined < 10 {
		t.Error("the numbers are not those of the collection")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(file(partial, 1)))
	f.Add([]byte("3\na\n\n<plist><dict><key>flags</key><integer>1</integer>"))
	f.Add([]byte("99999999999\nSubject: x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := emlx.Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		b, _, err := m.Join(bg, func(p emlx.Part) (*emlx.Content, error) {
			if p.ID == "1" {
				return nil, nil
			}
			return &emlx.Content{Blob: mapi.Bytes("content\nof it"), Raw: p.ID == "2"}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		read(t, b)
	})
}
