package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A mail of 150 MB goes to an Exchange server and back, as MIME and as an
// object, while the program as a whole takes less than 64 MiB.
func TestT71ExchangeMemoryDoesNotGrowWithAMessage(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT in short mode: it writes 2 GB")
	}
	const size = 150_000_000
	dir := t.TempDir()
	program := buildProgram(t, dir)
	boxes := mailbox.New(mailbox.Options{TempDir: dir})
	defer boxes.Close()
	boxes.Add(mailbox.Account{Address: "ann@example.test", Password: "secret"})
	boxes.Add(mailbox.Account{Address: "ben@example.test", Password: "secret"})
	s, err := ewstest.New(ewstest.Options{Mailboxes: boxes, Convert: &converters.Converter{}, RefuseChunked: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	writeLarge(t, filepath.Join(dir, "msg/Box/a.msg"), size)
	if err := os.MkdirAll(filepath.Join(dir, "eml/Box"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "convert", filepath.Join(dir, "msg/Box/a.msg"), "-o", filepath.Join(dir, "eml/Box/a.eml")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	to := func(user string) string { return "ews://" + user + "@example.test?auth=basic&endpoint=" + s.URL() }
	for _, step := range []struct{ name, from, to, result string }{
		{"MIME in", "dir:" + dir + "/eml?format=eml", to("ann"), ""},
		{"MIME out", to("ann"), "maildir:" + dir + "/out", dir + "/out"},
		{"object in", "dir:" + dir + "/msg?format=msg", to("ben"), ""},
		{"object out", to("ben"), "dir:" + dir + "/msgs?format=msg", dir + "/msgs"},
	} {
		keepsPromise(t, step.name, copyRun(program, dir, step.name, step.from, step.to))
		if step.result == "" {
			continue
		}
		if n := bytesBelow(t, step.result); n < size {
			t.Errorf("%s: only %d bytes arrived", step.name, n)
		}
	}
	if n := s.Requests("UploadItems"); n != 1 {
		t.Errorf("the object went by %v", s.Counts())
	}
}
