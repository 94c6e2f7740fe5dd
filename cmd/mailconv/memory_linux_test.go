package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An attachment of 1 GiB goes from .msg to .eml and back while the program as
// a whole takes less than 64 MiB.
func TestT19MemoryDoesNotGrowWithAMessage(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT in short mode: it writes 4 GiB")
	}
	dir := t.TempDir()
	program := buildProgram(t, dir)
	writeLarge(t, filepath.Join(dir, "a.msg"), 1<<30)
	for _, step := range [][2]string{{"a.msg", "b.eml"}, {"b.eml", "c.msg"}, {"c.msg", "d.json"}} {
		keepsPromise(t, step[0]+" to "+step[1], exec.Command(program, "convert", filepath.Join(dir, step[0]), "-o", filepath.Join(dir, step[1])))
		st, err := os.Stat(filepath.Join(dir, step[1]))
		if err != nil {
			t.Fatal(err)
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
