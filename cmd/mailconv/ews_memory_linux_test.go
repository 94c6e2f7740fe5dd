package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg"
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
	program := filepath.Join(dir, "mailconv")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	boxes := mailbox.New(mailbox.Options{TempDir: dir})
	defer boxes.Close()
	boxes.Add(mailbox.Account{Address: "ann@example.test", Password: "secret"})
	boxes.Add(mailbox.Account{Address: "ben@example.test", Password: "secret"})
	s, err := ewstest.New(ewstest.Options{Mailboxes: boxes, Convert: &converters.Converter{}, RefuseChunked: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("large"))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue("It is attached.\r\n"))
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("large.bin"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, noise(size)))
	m.Attachments = append(m.Attachments, a)
	create := func(name string, write func(io.Writer) error) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		w := bufio.NewWriterSize(f, 1<<20)
		if err := write(w); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	create("msg/Box/a.msg", func(w io.Writer) error { return msg.Write(t.Context(), w, m, nil) })
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
		cmd := exec.Command(program, "copy", "--progress", "none", "--state", filepath.Join(dir, "state "+step.name), step.from, step.to)
		cmd.Env = append(os.Environ(), "MAILCONV_SRC_PASSWORD=secret", "MAILCONV_DST_PASSWORD=secret")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", step.name, err, out)
		}
		peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
		t.Logf("%s: peak %d MiB", step.name, peak)
		if peak >= 64 {
			t.Errorf("%s takes %d MiB, the promise is 64", step.name, peak)
		}
		if step.result == "" {
			continue
		}
		var total int64
		if err := filepath.WalkDir(step.result, func(_ string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				i, ierr := d.Info()
				if ierr != nil {
					return ierr
				}
				total += i.Size()
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if total < size {
			t.Errorf("%s: only %d bytes arrived", step.name, total)
		}
	}
	if n := s.Requests("UploadItems"); n != 1 {
		t.Errorf("the object went by %v", s.Counts())
	}
}
