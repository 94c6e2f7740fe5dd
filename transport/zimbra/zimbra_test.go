package zimbra_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/zimbra"
)

var bg = context.Background()

// archive makes a tar file of names and texts.
func archive(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Typeflag: tar.TypeReg, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(files[i+1]))
	}
	w.Close()
	return b.Bytes()
}

func pack(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

func sample(t testing.TB) []byte {
	long := strings.Repeat("x", 200)
	return archive(t,
		"0000000002-Inbox.meta", `{"type":1,"id":2,"Path":"/Inbox","name":"Inbox"}`,
		"0000000300-Sub.meta", `{"type":1,"id":300,"Path":"/Inbox/Sub"}`,
		"0000000065-tag.meta", `{"type":3,"id":65,"Path":"/Tags/work"}`,
		"Inbox/0000000261-Hello.eml.meta", `{"type":5,"id":261,"Path":"/Inbox/","date":1562075806,"subject":"Hello","FlagStr":"fr","unread":0,"TagNames":"\u0000work\u0000two, words\u0000"}`,
		"Inbox/0000000261-Hello.eml", "Subject: Hello\r\nMessage-ID: <a@b>\r\n\r\nx\r\n",
		"Inbox/0000000262-"+long+".eml.meta", `{"type":5,"id":262,"Path":"/Inbox/","date":1562075807,"FlagStr":"u","unread":1}`,
		"Inbox/0000000262-"+long+".eml", "Subject: LF\n\nx\n",
		"Inbox/0000000263-gone.eml.meta", `{"type":5,"id":263,"Path":"/Inbox/"}`,
		"Inbox/Sub/0000000270-plain.eml", "Subject: no meta\r\n\r\n",
		"Contacts/ann.meta", `{"type":6,"id":280,"Path":"/Contacts/"}`,
		"Calendar/0000000290-meet.ics.meta", `{"type":11,"id":290,"Path":"/Calendar/","subject":"meet"}`,
		"Calendar/0000000290-meet.ics", "BEGIN:VCALENDAR\r\n",
	)
}

func TestArchive(t *testing.T) {
	for name, data := range map[string][]byte{"x.tgz": pack(sample(t)), "x.tar": sample(t), "cut.tgz": pack(sample(t))[:len(pack(sample(t)))-6]} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), name)
			temp := t.TempDir()
			os.WriteFile(file, data, 0o600)
			if !zimbra.Sniff(file) {
				t.Error("it is not recognised")
			}
			s, err := zimbra.Open(file, temp)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			damaged := false
			got := map[string]transport.Meta{}
			bodies := map[string]string{}
			for f, err := range s.Folders(bg) {
				if err != nil {
					t.Fatal(err)
				}
				if f.Err != nil {
					damaged = true
					continue
				}
				names = append(names, fmt.Sprintf("%s %s %d", f, f.Role, f.Count))
				var keys []transport.Key
				for m, err := range s.Items(bg, f, nil) {
					if err != nil {
						t.Fatal(err)
					}
					got[string(m.Key)] = m
					keys = append(keys, m.Key)
				}
				for fe, err := range s.Fetch(bg, f, append(keys, "9999", "x", "261.1"), nil) {
					if err != nil {
						t.Fatal(err)
					}
					if fe.Err != nil {
						if transport.KindOf(fe.Err) != transport.NotFound {
							t.Error(fe.Err)
						}
						continue
					}
					r, _ := fe.Content.MIME.Open(bg)
					b, err := io.ReadAll(r)
					if err != nil || int64(len(b)) != fe.Content.MIME.Size() {
						t.Error(err)
					}
					bodies[string(fe.Key)] = string(b)
					fe.Content.Close()
				}
			}
			if damaged != (name == "cut.tgz") {
				t.Errorf("damage is told: %v", damaged)
			}
			want := []string{"Calendar  1", "Contacts  1", "Inbox inbox 3", "Inbox/Sub  1"}
			if !slices.Equal(names, want) {
				t.Errorf("folders %q, want %q", names, want)
			}
			m := got["261"]
			if m.Flags != transport.Seen|transport.Flagged|transport.Answered || !slices.Equal(m.Keywords, []string{"work", "two, words"}) || !m.Received.Equal(time.Unix(1562075806, 0)) || m.MessageID != "<a@b>" {
				t.Errorf("%+v", m)
			}
			if got["262"].Flags != 0 || got["262"].Subject != "LF" || got["263"].Skip == "" || got["280"].Skip != "not a mail but a contact" || got["290"].Skip == "" || got["270"].Subject != "no meta" {
				t.Errorf("%+v", got)
			}
			if bodies["262"] != "Subject: LF\r\n\r\nx\r\n" || bodies["261"] != "Subject: Hello\r\nMessage-ID: <a@b>\r\n\r\nx\r\n" {
				t.Errorf("%q", bodies)
			}
			for _, err := range s.Items(bg, transport.Folder{Path: []string{"nowhere"}}, nil) {
				if transport.KindOf(err) != transport.NotFound {
					t.Error(err)
				}
			}
			s.Close()
			s.Close()
			if l, _ := os.ReadDir(temp); len(l) > 0 {
				t.Errorf("%d spool files are left", len(l))
			}
		})
	}
}

func TestCorpus(t *testing.T) {
	corpus := os.Getenv("MAILCONV_CORPUS")
	if corpus == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	file := filepath.Join(corpus, "archive", "aspose.email-for-.net", "ZimbraSample.tgz")
	if !zimbra.Sniff(file) {
		t.Error("it is not recognised")
	}
	s, err := zimbra.Open(file, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mails, skipped := 0, 0
	for f, err := range s.Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range s.Items(bg, f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			if m.Skip != "" {
				skipped++
			} else {
				mails++
			}
		}
	}
	if mails != 2 || skipped != 2 {
		t.Errorf("%d mails, %d other items", mails, skipped)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample(f))
	f.Add(pack(sample(f)))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "x")
		os.WriteFile(file, data, 0o600)
		s, err := zimbra.Open(file, t.TempDir())
		if err != nil {
			return
		}
		defer s.Close()
		for g, err := range s.Folders(bg) {
			if err != nil {
				return
			}
			for m, err := range s.Items(bg, g, nil) {
				if err != nil {
					continue
				}
				for fe := range s.Fetch(bg, g, []transport.Key{m.Key}, nil) {
					fe.Content.Close()
				}
			}
		}
	})
}
