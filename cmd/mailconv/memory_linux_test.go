package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

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

// highWater looks at the peak of a process until it ends, in KiB. What wait4
// tells begins with the peak of the parent, which is this test.
func highWater(pid int) <-chan int {
	out := make(chan int, 1)
	go func() {
		peak := 0
		for {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, rest, ok := strings.Cut(string(b), "VmHWM:")
			if err != nil || !ok {
				out <- peak
				return
			}
			if n, err := strconv.Atoi(strings.Fields(rest)[0]); err == nil {
				peak = max(peak, n)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return out
}

// Eight mailboxes at once, with large mails in them, share the memory of one.
func TestBatchSharesMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT in short mode: it writes 300 MB")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "mailconv")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const jobs = 8
	line := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\n"), 5<<20/64)
	list := "name,source,sink\n"
	for j := range jobs {
		box := filepath.Join(dir, fmt.Sprintf("box%d", j))
		for i := range 500 {
			folder := filepath.Join(box, []string{".A", ".B", ".C", ".D"}[i%4], "cur")
			if i < 4 {
				for _, d := range []string{"cur", "new", "tmp"} {
					if err := os.MkdirAll(filepath.Join(filepath.Dir(folder), d), 0o700); err != nil {
						t.Fatal(err)
					}
				}
			}
			mail := fmt.Appendf(nil, "Subject: %d of %d\nMessage-ID: <%[1]d.%[2]d@x.example>\n\n", i, j)
			body := line[:64*(100+i%100)]
			if i < 6 {
				body = line
			}
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.x:2,S", i)), append(mail, body...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, d := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(box, d), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		list += fmt.Sprintf("box%d,maildir:%s,mbox:%s\n", j, box, filepath.Join(dir, fmt.Sprintf("out%d", j)))
	}
	file := filepath.Join(dir, "list.csv")
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--jobs", "8"}, {"--jobs", "4", "--workers", "32"}} {
		cmd := exec.Command(program, append([]string{"batch", "--progress", "none", "--state", filepath.Join(dir, "state"+args[1])}, append(args, file)...)...)
		var out bytes.Buffer
		cmd.Stderr = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		high := highWater(cmd.Process.Pid)
		err := cmd.Wait()
		if err != nil || !strings.Contains(out.String(), "8 done") {
			t.Fatalf("%q: %v: %s", args, err, out.String())
		}
		peak := <-high >> 10
		t.Logf("%q: peak %d MiB", args, peak)
		if peak >= 64 {
			t.Errorf("%q takes %d MiB, the promise is 64", args, peak)
		}
	}
}
