package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// section gives the blocks of code below a heading of the README, line by line.
func section(t *testing.T, heading string) (blocks [][]string) {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("the README has no %q", heading)
	}
	inside := false
	for line := range strings.Lines(rest) {
		line = strings.TrimRight(line, "\n")
		code, isCode := strings.CutPrefix(line, "    ")
		switch {
		case strings.HasPrefix(line, "#"):
			return blocks
		case !isCode:
			inside = false
		case !inside:
			blocks = append(blocks, nil)
			inside = true
			fallthrough
		default:
			blocks[len(blocks)-1] = append(blocks[len(blocks)-1], code)
		}
	}
	return blocks
}

// A walk-through of the README is done word for word: the first block in one
// terminal, the others in a second one. What stands behind " # " is what a
// command says. said is all that was said.
func walkThrough(t *testing.T, heading, rehearsal string, ports ...string) (dir, said string) {
	t.Helper()
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("LEFT OUT: it works through the README, in a shell")
	}
	for _, addr := range ports {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Skipf("LEFT OUT: the port of the README is taken: %v", err)
		}
		l.Close()
	}
	blocks := section(t, heading)
	if len(blocks) < 3 || len(blocks[0]) != 1 || blocks[0][0] != rehearsal {
		t.Fatalf("the walk-through is %q", blocks)
	}
	dir = t.TempDir()
	bin := filepath.Join(dir, "bin")
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "mailconv"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	env := append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+dir, "XDG_STATE_HOME="+filepath.Join(dir, "state"))

	first := exec.Command("sh", "-c", "exec "+blocks[0][0])
	first.Env, first.Dir = env, dir
	start := time.Now()
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		first.Process.Signal(os.Interrupt)
		first.Wait()
	}()
	for range 100 {
		if c, err := net.Dial("tcp", ports[len(ports)-1]); err == nil {
			c.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}

	// The second terminal remembers what is exported and set.
	var all strings.Builder
	settings := ""
	for _, block := range blocks[1:] {
		for _, line := range block {
			if !strings.HasPrefix(line, "mailconv ") {
				settings += line + "\n"
				continue
			}
			command, promise, _ := strings.Cut(line, " # ")
			promise = strings.TrimPrefix(strings.TrimSpace(promise), "again: ")
			if strings.HasPrefix(promise, "or ") {
				promise = ""
			}
			if strings.HasPrefix(command, "mailconv login") || strings.Contains(command, "company.example") {
				continue // what needs a real server
			}
			cmd := exec.Command("sh", "-c", settings+"exec "+command)
			cmd.Env, cmd.Dir = env, dir
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			want := 0
			if strings.HasPrefix(line, "mailconv watch") {
				want = exitInterrupted
				time.AfterFunc(4*time.Second, func() { cmd.Process.Signal(os.Interrupt) }) // Ctrl-C
			}
			cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != want {
				t.Fatalf("%s\nends with %d: %s", line, got, out.String())
			}
			// Every 20 seconds a mail arrives at the old server.
			if time.Since(start) < 19*time.Second && !strings.Contains(out.String(), promise) {
				t.Errorf("%s\nsays %s", line, out.String())
			}
			all.WriteString(out.String())
		}
	}
	return dir, all.String()
}

func TestReadmeMoveAMailbox(t *testing.T) {
	dir, said := walkThrough(t, "### Move a mailbox from one server to another", "mailconv rehearse imap", rehearseOld, rehearseNew)
	for _, want := range []string{"Projects/Łódź", "60  to copy", " copied", "watching", " compared by bytes"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing said %q:\n%s", want, said)
		}
	}
	if m := regexp.MustCompile(`(\d+) in the source, (\d+) in the sink, (\d+) the same`).FindStringSubmatch(said); m == nil || m[1] != m[2] || m[1] != m[3] {
		t.Errorf("the proof is %q", m)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "migration.html")); err != nil || !bytes.Contains(b, []byte("<html")) {
		t.Errorf("the report: %v", err)
	}
}

func TestReadmeMoveAPST(t *testing.T) {
	dir, said := walkThrough(t, "### Move a PST into Microsoft 365", "mailconv rehearse graph --pst old.pst", "127.0.0.1:11451")
	for _, want := range []string{"63  to copy", "63 in the source, 63 in the sink, 63 the same, 63 compared by properties"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing said %q:\n%s", want, said)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "back", "Calendar")); err != nil {
		t.Error(err)
	}
}

func TestReadmePropertyByProperty(t *testing.T) {
	_, said := walkThrough(t, "### Exchange, property by property", "mailconv rehearse mapihttp", "127.0.0.1:11471")
	for _, want := range []string{"PidTagSubject", "Better", "zoe@mailconv.example"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing said %q:\n%s", want, said)
		}
	}
}
