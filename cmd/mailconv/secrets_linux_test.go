package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// tattler is a server that repeats passwords wherever it can: when it refuses a
// login, and when it refuses a mail.
type tattler struct {
	imapserver.Session
	password string
}

func (s *tattler) Login(user, password string) error {
	if password != s.password {
		return &goimap.Error{Type: goimap.StatusResponseTypeNo, Text: "no such login: " + user + " " + password + " " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password))}
	}
	return s.Session.Login(user, "inside")
}

func (s *tattler) Append(mailbox string, r goimap.LiteralReader, o *goimap.AppendOptions) (*goimap.AppendData, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(b, []byte("Subject: bad")) {
		return nil, &goimap.Error{Type: goimap.StatusResponseTypeNo, Text: "refused, password " + s.password + ", " + url.QueryEscape(s.password)}
	}
	time.Sleep(10 * time.Millisecond) // time to look at the processes
	return s.Session.Append(mailbox, fixed{bytes.NewReader(b)}, o)
}

type fixed struct{ *bytes.Reader }

func (f fixed) Size() int64 { return f.Reader.Size() }

// startTattler starts one with its own password, and mails in it.
func startTattler(t *testing.T, password string, mails ...string) string {
	t.Helper()
	mem := imapmemserver.New()
	user := imapmemserver.NewUser("zoe", "inside")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	for _, m := range mails {
		if _, err := user.Append("INBOX", fixed{bytes.NewReader([]byte(m))}, &goimap.AppendOptions{Time: time.Unix(1600000000, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	mem.AddUser(user)
	s := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &tattler{mem.NewSession(), password}, nil, nil
		},
		Caps: goimap.CapSet{goimap.CapIMAP4rev1: {}}, InsecureAuth: true, Logger: log.New(io.Discard, "", 0),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// Real commands with passwords from everywhere, against servers that repeat
// them. All that the commands print and write, and all that other users see of
// their processes, is searched for the secrets in every form in which they
// travel.
func TestSecretsAppearNowhere(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT in short mode: it runs a dozen commands")
	}
	secrets := []string{"hidden&one 1", "hidden/two+2", "hidden-three", "hidden-client", "hidden=wrong"}
	var forms []string
	for _, s := range secrets {
		forms = append(forms, s, url.QueryEscape(s), base64.StdEncoding.EncodeToString([]byte(s)), base64.StdEncoding.EncodeToString([]byte("\x00zoe\x00"+s)))
	}
	search := func(where, text string) {
		t.Helper()
		for _, f := range forms {
			if i := strings.Index(text, f); i >= 0 {
				t.Errorf("%s holds a secret: %q", where, text[max(0, i-60):min(len(text), i+len(f)+20)])
				return
			}
		}
	}
	dir := t.TempDir()
	program := buildProgram(t, t.TempDir())
	var mails []string
	for i := range 30 {
		what := "good"
		if i%9 == 4 {
			what = "bad"
		}
		mails = append(mails, fmt.Sprintf("Subject: %s %d\r\nMessage-ID: <%[2]d@x.example>\r\n\r\ntext\r\n", what, i))
	}
	old := "imap://zoe@" + startTattler(t, secrets[0], mails...) + "?tls=none"
	fresh := "imap://zoe@" + startTattler(t, secrets[1]) + "?tls=none"
	third := startTattler(t, secrets[2])

	// What is given to the commands lies elsewhere than what they write.
	given := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(given, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	shown := filepath.Join(dir, "browser.txt")
	bin := filepath.Join(given, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	browser := "#!/bin/sh\n{ echo \"$@\"; env; } >" + shown + "\n"
	if err := os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(browser), 0o700); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + t.TempDir(), "TWO=" + secrets[1],
		"XDG_STATE_HOME=" + filepath.Join(dir, "state"), "XDG_CONFIG_HOME=" + filepath.Join(given, "config"),
		"MAILCONV_SRC_PASSWORD=" + secrets[0], "MAILCONV_DST_PASSWORD=" + secrets[1],
	}
	run := func(codes string, more []string, args ...string) {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Env = dir, append(env[:len(env):len(env)], more...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		looked := lookAt(cmd.Process.Pid, search)
		timer := time.AfterFunc(1500*time.Millisecond, func() {
			if args[0] == "login" || args[0] == "watch" {
				cmd.Process.Signal(os.Interrupt)
			}
		})
		cmd.Wait()
		timer.Stop()
		if code := strconv.Itoa(cmd.ProcessState.ExitCode()); !strings.Contains(codes, code) {
			t.Errorf("%q ends with %s, want %s: %s", args, code, codes, out.String())
		}
		if n := <-looked; n == 0 && args[0] == "copy" {
			t.Errorf("%q was not seen among the processes", args)
		}
		search(fmt.Sprintf("the output of %q", args), out.String())
	}
	wrong := []string{"MAILCONV_SRC_PASSWORD=" + secrets[4], "MAILCONV_DST_PASSWORD=" + secrets[4]}

	run("0", nil, "ls", "-l", old)
	run("4", wrong, "ls", old)
	run("0", nil, "copy", "--dry-run", old, fresh)
	run("1", nil, "copy", "--verbose", "--progress", "plain", "--log", "calls.log", "--report", "r.html", "--report", "r.json", "--report", "r.csv", old, fresh)
	run("1", nil, "copy", "--progress", "json", "--log", "calls.log", old, fresh)
	run("4", wrong, "copy", old, fresh)
	run("1", nil, "verify", "--json", old, fresh)
	run("1 130", nil, "watch", "--every", "1s", "--verbose", old, fresh)
	run("1", nil, "check", fresh) // go-imap's memory server does not pass all of it
	run("1", []string{"MAILCONV_SRC_PASSWORD=", "MAILCONV_DST_PASSWORD="}, "copy", "--src-password-file", file("one", secrets[0]+"\n"), "--dst-password-file", file("three", secrets[2]+"\n"),
		"--state", "third.ledger", "--log", "calls.log", old, "imap://zoe@"+third+"/below?tls=none")
	list := file("list.csv", "name,source,sink,source-secret,sink-secret\n"+
		"a,"+old+","+fresh+",env:MAILCONV_SRC_PASSWORD,env:TWO\n"+
		"b,"+old+",imap://zoe@"+third+"/b?tls=none,file:"+filepath.Join(given, "one")+",file:"+filepath.Join(given, "one")+"\n")
	run("1", nil, "batch", "--verbose", "--report", "batch.html", "--report", "batch.json", "--state", "batch", list)
	logins := httptest.NewServer(&provider{})
	defer logins.Close()
	run("130", nil, "login", logins.URL, "--user", "zoe@x.example", "--client-id", "app", "--client-secret-file", file("client", secrets[3]+"\n"))
	if b, err := os.ReadFile(shown); err != nil || !strings.Contains(string(b), "client_id=app") {
		t.Errorf("the browser was not shown the login: %s, %v", b, err)
	}

	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		text := string(b)
		if path == shown {
			// A variable of which we know nothing is not ours to take away.
			text = strings.ReplaceAll(text, "TWO="+secrets[1], "")
		}
		search(path, text)
		n++
		return err
	})
	if err != nil || n < 12 {
		t.Errorf("%d files were looked at, %v", n, err)
	}
	// The search would find them: what the server said is there, masked.
	b, err := os.ReadFile(filepath.Join(dir, "r.json"))
	if err != nil || !bytes.Contains(b, []byte("refused, password ***")) {
		t.Errorf("the report does not tell what the server said: %v", err)
	}
	if b, err = os.ReadFile(filepath.Join(dir, "calls.log")); err != nil || !bytes.Contains(b, []byte("***")) {
		t.Errorf("the log does not tell what the server said: %v", err)
	}
}

// lookAt looks at what is seen of a process and of those that it starts until it
// ends, and tells how often it was seen. Its own environment is what it was
// given; those of the others are not.
func lookAt(pid int, search func(where, text string)) <-chan int {
	out := make(chan int, 1)
	go func() {
		n := 0
		for {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err != nil || len(b) == 0 {
				out <- n
				return
			}
			n++
			search("the process list", string(b))
			children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
			for _, c := range children {
				list, _ := os.ReadFile(c)
				for child := range strings.FieldsSeq(string(list)) {
					b, _ := os.ReadFile("/proc/" + child + "/cmdline")
					search("the process list", string(b))
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return out
}
