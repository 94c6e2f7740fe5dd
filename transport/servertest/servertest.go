// Package servertest starts real mail servers for tests, with the project's
// scripts/servers: throw-away, on loopback ports, stopped when the test ends.
//
// Start from [Dovecot]. A test whose server is not installed is skipped, and
// says so.
//
// Not supported: systems other than Linux.
package servertest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Password is that of all users: ann, ben, src, dst, small, master.
const Password = "secret"

// A Server is a running server.
type Server struct {
	// IMAP, IMAPS, POP3, POP3S and SMTP are host:port, where the server has
	// such a door.
	IMAP, IMAPS, POP3, POP3S, SMTP string
	// CA is the file of the authority that signed the certificate, which is
	// for localhost and 127.0.0.1.
	CA string
	// Dir holds all that the server writes; its log is NAME.log.
	Dir string
}

// Dovecot starts Dovecot. env are settings of scripts/servers, as in
// MAIL_LOCATION=maildir:~/Maildir.
func Dovecot(t testing.TB, env ...string) *Server {
	t.Helper()
	return start(t, "dovecot", "/usr/sbin/dovecot", env)
}

// Cyrus starts Cyrus IMAP, which needs root.
func Cyrus(t testing.TB, env ...string) *Server {
	t.Helper()
	needRoot(t, "cyrus")
	program := "/usr/local/lib/cyrus/imapd"
	if _, err := os.Stat(program); err != nil {
		program = "/usr/lib/cyrus/bin/imapd"
	}
	return start(t, "cyrus", program, env)
}

// Postfix starts Postfix, which needs root.
func Postfix(t testing.TB, env ...string) *Server {
	t.Helper()
	needRoot(t, "postfix")
	return start(t, "postfix", "/usr/lib/postfix/sbin/master", env)
}

func needRoot(t testing.TB, name string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("LEFT OUT: %s can only be started by root", name)
	}
}

// root is the folder of go.mod, found from that of the test, as a program that
// is built with -trimpath does not know where its source lies.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("there is no go.mod above the folder of the test")
		}
		dir = up
	}
}

func start(t testing.TB, name, program string, env []string) *Server {
	t.Helper()
	if _, err := os.Stat(program); err != nil {
		t.Skipf("LEFT OUT: %s is not installed (make test-deps)", name)
	}
	script := filepath.Join(root(t), "scripts", "servers")
	// Sockets lie below, whose paths may have no more than 108 bytes.
	dir, err := os.MkdirTemp("", "mcs")
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		cmd := exec.Command(script, args...)
		cmd.Env = append(os.Environ(), env...)
		// Files, not pipes: a server that stays must not hold the test up.
		out, err := os.CreateTemp("", "mcs-out")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(out.Name())
		defer out.Close()
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			text, _ := os.ReadFile(out.Name())
			t.Fatalf("%s %s: %v\n%s", script, strings.Join(args, " "), err, text)
		}
	}
	t.Cleanup(func() {
		run("stop", dir)
		if t.Failed() {
			t.Logf("the server's files are left in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	run("start", dir, name)
	s := &Server{Dir: dir}
	f, err := os.Open(filepath.Join(dir, "env"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	upper := strings.ToUpper(name)
	for sc := bufio.NewScanner(f); sc.Scan(); {
		k, v, _ := strings.Cut(sc.Text(), "=")
		for n, to := range map[string]*string{
			upper + "_IMAP": &s.IMAP, upper + "_IMAPS": &s.IMAPS, upper + "_POP3": &s.POP3,
			upper + "_POP3S": &s.POP3S, upper + "_SMTP": &s.SMTP, "MAIL_CA": &s.CA,
		} {
			if k == n {
				*to = v
			}
		}
	}
	return s
}
