package main

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg"
)

// noise is content that is made anew each time it is opened.
type noise int64

func (n noise) Size() int64 { return int64(n) }

func (n noise) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(rand.NewChaCha8([32]byte{7}), int64(n))), nil
}

// buildProgram builds the program into a folder.
func buildProgram(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(dir, "mailconv")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// writeLarge writes a .msg file with an attachment of a size, and makes the
// folder for it.
func writeLarge(t *testing.T, file string, size int64) {
	t.Helper()
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("large"))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue("It is attached.\r\n"))
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("large.bin"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, noise(size)))
	m.Attachments = append(m.Attachments, a)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := msg.Write(t.Context(), w, m, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// keepsPromise runs the program, which must take less than 64 MiB as a whole.
func keepsPromise(t *testing.T, name string, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
	t.Logf("%s: peak %d MiB", name, peak)
	if peak >= 64 {
		t.Errorf("%s takes %d MiB, the promise is 64", name, peak)
	}
}

// copyRun is a run that copies one store to another, with a ledger in dir; the
// password of both is "secret".
func copyRun(program, dir, name, from, to string) *exec.Cmd {
	cmd := exec.Command(program, "copy", "--progress", "none", "--state", filepath.Join(dir, "state "+name), from, to)
	cmd.Env = append(os.Environ(), "MAILCONV_SRC_PASSWORD=secret", "MAILCONV_DST_PASSWORD=secret")
	return cmd
}

// bytesBelow counts the bytes of all files below a folder.
func bytesBelow(t *testing.T, dir string) int64 {
	t.Helper()
	var total int64
	if err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		i, err := d.Info()
		if err != nil {
			return err
		}
		total += i.Size()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return total
}
