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

// An attachment of 1 GiB goes from .msg to .eml and back while the program as
// a whole takes less than 64 MiB.
func TestT19MemoryDoesNotGrowWithAMessage(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT in short mode: it writes 4 GiB")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "mailconv")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("large"))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue("It is attached.\r\n"))
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("large.bin"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, noise(1<<30)))
	m.Attachments = append(m.Attachments, a)
	f, err := os.Create(filepath.Join(dir, "a.msg"))
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
	for _, step := range [][2]string{{"a.msg", "b.eml"}, {"b.eml", "c.msg"}, {"c.msg", "d.json"}} {
		cmd := exec.Command(program, "convert", filepath.Join(dir, step[0]), "-o", filepath.Join(dir, step[1]))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s to %s: %v: %s", step[0], step[1], err, out)
		}
		peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
		st, err := os.Stat(filepath.Join(dir, step[1]))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s to %s: peak %d MiB, %d bytes", step[0], step[1], peak, st.Size())
		if peak >= 64 {
			t.Errorf("%s to %s takes %d MiB, the promise is 64", step[0], step[1], peak)
		}
		if st.Size() < 1<<30 {
			t.Errorf("%s has only %d bytes", step[1], st.Size())
		}
		if err := os.Remove(filepath.Join(dir, step[0])); err != nil {
			t.Fatal(err)
		}
	}
}
