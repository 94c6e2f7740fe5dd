package ewstest_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// readBack opens a mailbox with our own client and gives the subjects of every
// item by folder, as the bodies tell them, in either form.
func readBack(t *testing.T, f *fixture, user string, form transport.Form) map[string][]string {
	t.Helper()
	a := transport.Address{Scheme: "ews", User: user, Params: map[string][]string{"endpoint": {f.URL()}, "auth": {"basic"}}}
	env := &transport.Env{TempDir: t.TempDir(), Secret: func(context.Context, transport.Address) (string, error) { return "secret", nil }}
	src, err := ews.Driver().Source(t.Context(), a, env)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	got := map[string][]string{}
	for folder, err := range src.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var keys []transport.Key
		for m, err := range src.Items(t.Context(), folder, nil) {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, m.Key)
		}
		for fe, err := range src.Fetch(t.Context(), folder, keys, []transport.Form{form}) {
			if err != nil || fe.Err != nil {
				t.Fatalf("%s: %v %v", folder, err, fe.Err)
			}
			c, err := (&converters.Converter{}).To(t.Context(), fe.Content, transport.FormObject)
			if err != nil {
				t.Fatal(err)
			}
			got[folder.String()] = append(got[folder.String()], c.Object.Props.Text(mapi.PidTagSubject))
			c.Close()
			fe.Content.Close()
		}
	}
	for _, l := range got {
		slices.Sort(l)
	}
	return got
}

// sameAsStored compares what our client read with what the mailbox holds.
func sameAsStored(t *testing.T, f *fixture, m *mailbox.Mailbox) {
	t.Helper()
	want := map[string][]string{}
	top, _ := m.WellKnown(mailbox.IPMSubtree)
	n := 0
	for _, folder := range m.Folders(top.ID, true) {
		items, _ := m.Items(folder.ID, mailbox.Normal)
		path, _ := m.Path(top.ID, folder.ID)
		for _, it := range items {
			n++
			want[transport.JoinPath(path)] = append(want[transport.JoinPath(path)], it.Message.Props.Text(mapi.PidTagSubject))
		}
	}
	for _, l := range want {
		slices.Sort(l)
	}
	for _, form := range []transport.Form{transport.FormMIME, transport.FormObject} {
		if got := readBack(t, f, m.Address(), form); !reflect.DeepEqual(got, want) {
			t.Errorf("as %s our client reads\n%q\nthe mailbox holds\n%q", form, got, want)
		}
	}
	t.Logf("our client reads the same %d items, in both forms", n)
}

// python finds an interpreter that has a module.
func python(t *testing.T, module string) string {
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import "+module).Run() == nil {
			return p
		}
	}
	t.Skipf("LEFT OUT: %s is not installed (make test-deps)", module)
	return ""
}

func TestExchangelibBelievesIt(t *testing.T) {
	py := python(t, "exchangelib")
	f := start(t, ewstest.Options{Minute: 2 * time.Second, Heartbeat: 300 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, py, filepath.Join("testdata", "exchangelib_session.py"), f.URL()).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\ndone\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	sent := f.boxes.Outbox()
	if len(sent) != 1 || sent[0].Via != "CreateItem SendAndSaveCopy" {
		t.Errorf("%d messages would have been sent: %+v", len(sent), sent)
	}
	sameAsStored(t, f, f.alice)
	sameAsStored(t, f, f.bob)
	if n := f.boxes.FailedLogins("alice@example.test"); n == 0 {
		t.Error("the wrong password was not seen")
	}
	f.judge(t)
}

// curl has an NTLM of its own.
func TestCurlLogsInByNTLM(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("LEFT OUT: NTLM by curl (not installed)")
	}
	f := start(t, ewstest.Options{TLS: true, Auth: []string{ewstest.NTLM}})
	dir := t.TempDir()
	ca, body := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "body.xml")
	if err := f.WriteCA(ca); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(body, fmt.Appendf(nil, envelope, version, getInbox), 0o600); err != nil {
		t.Fatal(err)
	}
	for login, want := range map[string]string{`EXAMPLE\alice:secret`: "200", `EXAMPLE\alice:wrong`: "401", "alice@example.test:secret": "200"} {
		config := filepath.Join(dir, "curlrc")
		if err := os.WriteFile(config, fmt.Appendf(nil, "user = %q\n", login), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("curl", "-q", "--config", config, "--ntlm", "--silent", "--cacert", ca, "--data-binary", "@"+body,
			"--header", "Content-Type: text/xml", "--write-out", "%{http_code}", "--output", os.DevNull, f.URL()).CombinedOutput()
		if string(out) != want {
			if strings.Contains(string(out), "built without") || strings.Contains(string(out), "doesn't support") {
				t.Skipf("LEFT OUT: NTLM by curl (%s)", out)
			}
			t.Errorf("%s: %s %v", login, out, err)
		}
	}
}

// imapSession speaks IMAP line by line.
type imapSession struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
	n int
}

// do sends a command, with a literal where one is given, and gives everything
// up to its answer, which must be OK.
func (s *imapSession) do(command string, literal ...string) string {
	s.t.Helper()
	s.n++
	tag := fmt.Sprintf("a%d", s.n)
	_ = s.c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(s.c, "%s %s\r\n", tag, command)
	var all strings.Builder
	for {
		line, err := s.r.ReadString('\n')
		all.WriteString(line)
		switch {
		case err != nil:
			s.t.Fatalf("%s: %v\n%s", command, err, all.String())
		case strings.HasPrefix(line, "+") && len(literal) > 0:
			fmt.Fprintf(s.c, "%s\r\n", literal[0])
			literal = literal[1:]
		case strings.HasPrefix(line, tag+" OK"):
			return all.String()
		case strings.HasPrefix(line, tag+" "):
			s.t.Fatalf("%s\n%s", command, all.String())
		}
	}
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// davmail starts DavMail before a server and gives an IMAP session with it.
func davmail(t *testing.T, url string) *imapSession {
	const jar = "/usr/share/davmail/davmail.jar"
	if _, err := os.Stat(jar); err != nil {
		t.Skip("LEFT OUT: davmail-server is not installed (make test-deps)")
	}
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("LEFT OUT: java is not installed (make test-deps)")
	}
	dir, port := t.TempDir(), freePort(t)
	config := filepath.Join(dir, "davmail.properties")
	text := fmt.Sprintf("davmail.server=true\ndavmail.mode=EWS\ndavmail.url=%s\ndavmail.imapPort=%d\ndavmail.smtpPort=\ndavmail.popPort=\ndavmail.caldavPort=\n"+
		"davmail.ldapPort=\ndavmail.bindAddress=127.0.0.1\ndavmail.disableUpdateCheck=true\ndavmail.logFilePath=%s\n"+
		"davmail.keepDelay=30\ndavmail.folderSizeLimit=0\nlog4j.rootLogger=WARN\nlog4j.logger.davmail=DEBUG\n", url, port, filepath.Join(dir, "davmail.log"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(java, "-Djava.awt.headless=true", "-Duser.home="+dir, "-jar", jar, "-server", config)
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(dir, "davmail.log"))
			t.Logf("%.20000s", b)
		}
	})
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			s := &imapSession{t: t, c: c, r: bufio.NewReader(c)}
			t.Cleanup(func() { c.Close() })
			if line, err := s.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "* OK") {
				t.Fatalf("%q %v", line, err)
			}
			return s
		}
		if time.Now().After(end) {
			t.Fatal("DavMail does not start")
		}
	}
}

func TestDavMailBelievesIt(t *testing.T) {
	f := start(t, ewstest.Options{})
	s := davmail(t, f.URL())
	has := func(text string, wants ...string) {
		t.Helper()
		for _, w := range wants {
			if !strings.Contains(text, w) {
				t.Errorf("%q is not in\n%s", w, text)
			}
		}
	}
	mail := "From: Ann <ann@example.org>\r\nTo: alice@example.test\r\nSubject: through davmail\r\nMessage-ID: <dav.1@example.org>\r\n" +
		"Date: Tue, 03 Mar 2020 10:11:12 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nHello from IMAP\r\n"
	s.do(`LOGIN alice@example.test secret`)
	has(s.do(`LIST "" "*"`), "INBOX", "Drafts", "Sent", "Trash")
	s.do(`CREATE "Project"`)
	s.do(fmt.Sprintf(`APPEND Project (\Seen \Flagged) "03-Mar-2020 10:11:14 +0100" {%d}`, len(mail)), mail)
	s.do(fmt.Sprintf(`APPEND Project {%d}`, len(mail)), strings.ReplaceAll(mail, "through", "unseen!"))
	has(s.do(`SELECT Project`), "* 2 EXISTS")
	list := s.do(`UID FETCH 1:* (UID FLAGS RFC822.SIZE)`)
	has(list, `\Seen`, `\Flagged`)
	var uids []string
	for _, m := range regexp.MustCompile(`UID (\d+)`).FindAllStringSubmatch(list, -1) {
		uids = append(uids, m[1])
	}
	if len(uids) != 2 {
		t.Fatalf("%s", list)
	}
	has(s.do(`UID FETCH `+uids[0]+` (BODY.PEEK[])`), "Subject: through davmail", "Hello from IMAP", "<dav.1@example.org>")
	has(s.do(`UID SEARCH UNSEEN`), uids[1])
	has(s.do(`UID SEARCH SINCE 1-Jan-2019`), "SEARCH")
	s.do(`UID STORE ` + uids[1] + ` +FLAGS (\Seen)`)
	if r := s.do(`UID SEARCH UNSEEN`); strings.Contains(r, " "+uids[1]) {
		t.Errorf("%s", r)
	}
	s.do(`UID COPY ` + uids[0] + ` "Sent"`)
	s.do(`CREATE "Other"`)
	s.do(`UID MOVE ` + uids[1] + ` "Other"`)
	has(s.do(`STATUS Other (MESSAGES UNSEEN)`), "MESSAGES 1")
	s.do(`RENAME "Other" "Renamed"`)
	has(s.do(`SELECT Renamed`), "* 1 EXISTS")
	s.do(`UID STORE 1:* +FLAGS (\Deleted)`)
	s.do(`EXPUNGE`)
	has(s.do(`STATUS Renamed (MESSAGES)`), "MESSAGES 0")
	s.do(`DELETE "Renamed"`)
	s.do(`LOGOUT`)
	top, _ := f.alice.WellKnown(mailbox.IPMSubtree)
	project, ok := f.alice.Child(top.ID, "Project")
	if !ok || project.Count != 1 || project.Unread != 0 {
		t.Errorf("%+v", project)
	}
	sameAsStored(t, f, f.alice)
	if n := len(f.boxes.Outbox()); n != 0 {
		t.Errorf("%d messages would have been sent", n)
	}
	f.judge(t)
}
