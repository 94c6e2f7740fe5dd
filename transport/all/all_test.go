package all_test

import (
	"archive/tar"
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/all"
)

func TestBarePathsAreSniffed(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		p := filepath.Join(root, filepath.FromSlash(name))
		os.MkdirAll(filepath.Dir(p), 0o700)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mbox := "From a@b Tue May 14 10:20:30 2024\nSubject: x\n\n"
	write("md/cur/1.a.b:2,S", "Subject: x\n\n")
	write("nested/Inbox/new/1.a.b", "Subject: x\n\n")
	write("nested/Inbox/tmp/1.half", "Subj")
	write("x.mbox", mbox)
	write("thunderbird/Inbox", mbox)
	write("apple/INBOX.mbox/Messages/1.emlx", "0\n")
	write("export/INBOX.mbox/mbox", mbox)
	write("mails/2024/a.eml", "Subject: x\n\n")
	write("msgs/a.msg", "x")
	f, err := os.Create(filepath.Join(root, "z.tar"))
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	w.WriteHeader(&tar.Header{Name: "1-Inbox.meta", Size: 2, Typeflag: tar.TypeReg})
	w.Write([]byte("{}"))
	w.Close()
	f.Close()
	for name, want := range map[string]string{
		"md": "maildir", "nested": "maildir", "x.mbox": "mbox", "thunderbird": "mbox", "apple": "emlx", "apple/INBOX.mbox": "emlx",
		"export": "mbox", "mails": "dir", "msgs": "dir", "z.tar": "zimbra",
	} {
		a, err := transport.ParseAddress(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if _, a, err = all.Registry().Resolve(a); err != nil || a.Scheme != want {
			t.Errorf("%s is taken for %q (%v), not %q", name, a.Scheme, err, want)
			continue
		}
		src, err := all.Registry().OpenSource(t.Context(), a, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := 0
		for f, err := range src.Folders(t.Context()) {
			if err != nil {
				t.Error(err)
			}
			if f.NoItems {
				continue
			}
			for _, err := range src.Items(t.Context(), f, nil) {
				if err != nil {
					t.Error(err)
				}
				n++
			}
		}
		if n != 1 && name != "z.tar" {
			t.Errorf("%s: %d items", name, n)
		}
		src.Close()
	}
}

func TestParametersAreHeldToTheDriversList(t *testing.T) {
	dir := t.TempDir()
	for addr, ok := range map[string]bool{
		"maildir:" + dir + "/a?layout=fs": true, "maildir:" + dir + "/a?layout=++": true, "maildir:" + dir + "/a?layout=x": false, "maildir:" + dir + "/a?colour=1": false,
		"mbox:" + dir + "/b?variant=mboxcl2": true, "mbox:" + dir + "/b?variant=x": false, "mbox:" + dir + "/b?labels=folders&sync=no": true,
		"dir:" + dir + "/c?format=msg": true, "dir:" + dir + "/c?format=pdf": false, "emlx:" + dir: false,
	} {
		a, err := transport.ParseAddress(addr)
		if err != nil {
			t.Fatal(err)
		}
		s, err := all.Registry().OpenSink(t.Context(), a, nil)
		if (err == nil) != ok {
			t.Errorf("%s: %v", addr, err)
		}
		if err != nil {
			if transport.KindOf(err) != transport.Usage {
				t.Errorf("%s: an error of kind %s", addr, transport.KindOf(err))
			}
			continue
		}
		s.Close()
	}
}

const (
	helperVar = "MAILCONV_TEST_WRITE"
	mails     = 400
)

func text(i int) string {
	return fmt.Sprintf("Message-ID: <%d@x>\r\nSubject: mail %d\r\n\r\n%sthe end\r\n", i, i, strings.Repeat("From the middle of it.\r\n", i%97))
}

// TestMain is the writer too, as a process of its own that can be killed.
func TestMain(m *testing.M) {
	if addr := os.Getenv(helperVar); addr != "" {
		if err := writeAll(addr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func openSink(addr string) (transport.Sink, transport.Folder, error) {
	ctx := context.Background()
	a, err := transport.ParseAddress(addr)
	if err != nil {
		return nil, transport.Folder{}, err
	}
	s, err := all.Registry().OpenSink(ctx, a, nil)
	if err != nil {
		return nil, transport.Folder{}, err
	}
	f, err := s.Ensure(ctx, transport.Folder{Path: []string{"In"}})
	return s, f, err
}

// writeAll puts what is missing, and says of each mail when it is there.
func writeAll(addr string) error {
	ctx := context.Background()
	s, f, err := openSink(addr)
	if err != nil {
		return err
	}
	t, _ := transport.As[transport.Tracker](s)
	there := map[string]bool{}
	for m, err := range t.Since(ctx, f, "0") {
		if err != nil {
			return err
		}
		there[m.Token] = true
	}
	b, _ := transport.As[transport.BatchSink](s)
	var batch []transport.Staged
	flush := func() error {
		results, err := b.PutBatch(ctx, f, batch)
		if err != nil {
			return err
		}
		for i, r := range results {
			if r.Err != nil {
				return r.Err
			}
			fmt.Println(batch[i].Meta.Token)
		}
		batch = batch[:0]
		return nil
	}
	for i := range mails {
		token := fmt.Sprintf("t%d", i)
		if there[token] {
			continue
		}
		batch = append(batch, transport.Staged{
			Meta:    transport.Meta{Token: token, Received: time.Unix(1700000000+int64(i), 0)},
			Content: &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(text(i))},
		})
		if len(batch) >= 1+i%7 {
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond) // so that kills find it at work
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(batch) > 0 {
		if err := flush(); err != nil {
			return err
		}
	}
	return s.Close()
}

func TestT58KilledAtAnyMomentAndResumed(t *testing.T) {
	rounds := 1
	if os.Getenv("MAILCONV_KILLS") != "" {
		fmt.Sscan(os.Getenv("MAILCONV_KILLS"), &rounds)
	}
	for _, scheme := range []string{"maildir", "mbox", "dir"} {
		t.Run(scheme, func(t *testing.T) {
			for range rounds {
				addr := scheme + ":" + filepath.Join(t.TempDir(), "store") + "?sync=no"
				said := map[string]bool{}
				kills := 0
				for range 200 {
					cmd := exec.CommandContext(t.Context(), os.Args[0])
					cmd.Env = append(os.Environ(), helperVar+"="+addr)
					cmd.Stderr = os.Stderr
					out, err := cmd.StdoutPipe()
					if err != nil {
						t.Fatal(err)
					}
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					// Killed some time after the first mails were there.
					left := 1 + rand.IntN(40)
					in := bufio.NewScanner(out)
					for in.Scan() {
						said[in.Text()] = true
						if left--; left == 0 {
							time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { cmd.Process.Kill() })
						}
					}
					if cmd.Wait() == nil {
						break
					}
					kills++
				}
				check(t, addr, said)
				t.Logf("%d kills", kills)
			}
		})
	}
}

// check holds the store to each mail once, whole.
func check(t *testing.T, addr string, said map[string]bool) {
	t.Helper()
	ctx := t.Context()
	s, f, err := openSink(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src := s.(transport.Source)
	want := map[string]bool{}
	for i := range mails {
		want[text(i)] = true
	}
	var keys []transport.Key
	for m, err := range src.Items(ctx, f, nil) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, m.Key)
	}
	for fe, err := range src.Fetch(ctx, f, keys, nil) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		r, err := fe.Content.MIME.Open(ctx)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		fe.Content.Close()
		if err != nil || !want[string(b)] {
			t.Errorf("%s is there twice, or is none of the mails: %.60q", fe.Key, b)
		}
		delete(want, string(b))
	}
	for i := range mails {
		// What a run said was there must have stayed through every kill after.
		if want[text(i)] {
			t.Errorf("mail %d is lost; a run said it was there: %v", i, said[fmt.Sprintf("t%d", i)])
		}
	}
}
