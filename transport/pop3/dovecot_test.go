package pop3_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/pop3"
)

// dovecot starts a Dovecot with POP3 on a loopback port, over a Maildir.
func dovecot(t *testing.T, mails ...string) (addr, ca string) {
	t.Helper()
	if testing.Short() {
		t.Skip("long")
	}
	bin, err := exec.LookPath("dovecot")
	if err != nil {
		bin = "/usr/sbin/dovecot"
	}
	if _, err := os.Stat(bin); err != nil {
		t.Skip("Dovecot is not installed (make test-deps)")
	}
	if _, err := os.Stat("/usr/lib/dovecot/pop3"); err != nil {
		t.Skip("Dovecot is installed without POP3 (make test-deps)")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "mailconv-dovecot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	inbox := filepath.Join(dir, "mail", "cur")
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, "mail", d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range mails {
		if err := os.WriteFile(filepath.Join(inbox, fmt.Sprintf("1700000%03d.M1P1.host:2,S", i)), []byte(strings.ReplaceAll(m, "\r\n", "\n")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	gid, login := me.Gid, me.Username
	if me.Uid == "0" {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Skip("there is no user nobody to run a mail server for")
		}
		if out, err := exec.Command("chown", "-R", "nobody", filepath.Join(dir, "mail")).CombinedOutput(); err != nil {
			t.Fatalf("chown: %s", out)
		}
		me, login, gid = nobody, "dovenull", nobody.Gid
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cert, key := keyPair(t, dir)
	conf := fmt.Sprintf(`
protocols = pop3
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
default_internal_user = %[5]s
default_internal_group = %[6]s
default_login_user = %[5]s
listen = 127.0.0.1
ssl = yes
ssl_cert = <%[2]s
ssl_key = <%[3]s
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-256 cram-md5
mail_location = maildir:%[1]s/mail
mail_uid = %[7]s
mail_gid = %[6]s
first_valid_uid = 1
pop3_uidl_format = %%g
service anvil {
  chroot =
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = %[4]d
  }
  inet_listener pop3s {
    port = 0
  }
}
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=%[7]s gid=%[6]s home=%[1]s/mail
}
`, dir, cert, key, port, login, groupName(gid), me.Username)
	file := filepath.Join(dir, "dovecot.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-F", "-c", file)
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Skipf("Dovecot does not start: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		done := make(chan struct{})
		go func() { cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("Dovecot says:\n%s%s", out, b)
		}
	})
	addr = fmt.Sprintf("127.0.0.1:%d", port)
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr, cert
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("Dovecot does not answer: %s", out)
	return "", ""
}

func groupName(gid string) string {
	if g, err := user.LookupGroupId(gid); err == nil {
		return g.Name
	}
	return gid
}

func TestDovecot(t *testing.T) {
	texts := []string{
		"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n",
		"Subject: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe \xff\r\n",
		"Subject: long\r\n\r\n" + strings.Repeat("0123456789", 10000) + "\r\n",
		"Subject: big\r\n\r\n" + strings.Repeat("a line of twenty-two.\r\n", 300000),
		"Subject: twin\r\n\r\nx\r\n", "Subject: twin\r\n\r\nx\r\n",
	}
	at, ca := dovecot(t, texts...)
	var first []transport.Key
	for _, query := range []string{"tls=none", "ca=" + ca, "ca=" + ca + "&auth=scram", "ca=" + ca + "&auth=plain", "tls=none&auth=cram-md5", "ca=" + ca + "&auth=user"} {
		a, err := transport.ParseAddress("pop3://ann:secret@" + at + "?" + query)
		if err != nil {
			t.Fatal(err)
		}
		st, err := pop3.Open(t.Context(), a, nil)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		keys := list(t, st)
		if first == nil {
			first = keys
		}
		if fmt.Sprint(keys) != fmt.Sprint(first) || len(keys) != len(texts) {
			t.Errorf("%s: keys %q, before %q", query, keys, first)
		}
		got := bodies(t, st, keys)
		for i, k := range keys {
			if got[k] != texts[i] {
				t.Errorf("%s: mail %d: %d bytes became %d", query, i, len(texts[i]), len(got[k]))
			}
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
	a, _ := transport.ParseAddress("pop3://ann:wrong-secret@" + at + "?ca=" + ca)
	if _, err := pop3.Open(t.Context(), a, nil); transport.KindOf(err) != transport.Auth || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("wrong password: %v", err)
	}
	a.Password = "secret"
	st, err := pop3.Open(t.Context(), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := errors.Join(st.Delete(t.Context(), inbox, first[:2])...); err != nil {
		t.Fatal(err)
	}
	if left := list(t, st); fmt.Sprint(left) != fmt.Sprint(first[2:]) {
		t.Errorf("after deleting two of %q there are %q", first, left)
	}
}
