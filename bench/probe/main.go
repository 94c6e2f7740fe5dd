// Probe moves mail between two IMAP accounts over raw sockets, as fast as the
// servers can: for each folder one FETCH whose bodies stream into MULTIAPPENDs
// of fifty that do not wait for each other. It is the physical limit that
// copies are measured against, and no tool: it checks next to nothing.
//
//	probe fill HOST:PORT USER [-small N] [-large N] [-folders N]
//	probe copy HOST:PORT USER HOST:PORT USER FOLDER    into folders below FOLDER
//	probe count HOST:PORT USER FOLDER                  messages and bytes below FOLDER
//
// The password is that of scripts/servers.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
)

const (
	password = "secret"
	batch    = 50
)

// conn is a raw connection, logged in.
type conn struct {
	r *bufio.Reader
	w *bufio.Writer
	n int
}

func dial(addr, user string) *conn {
	nc, err := net.Dial("tcp", addr)
	check(err)
	c := &conn{r: bufio.NewReaderSize(nc, 256<<10), w: bufio.NewWriterSize(nc, 256<<10)}
	c.line()
	c.do("LOGIN %s %s", user, password)
	return c
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func (c *conn) line() string {
	s, err := c.r.ReadString('\n')
	check(err)
	return strings.TrimRight(s, "\r\n")
}

// do runs a command and gives its untagged lines.
func (c *conn) do(format string, args ...any) (lines []string) {
	c.n++
	fmt.Fprintf(c.w, "p%d "+format+"\r\n", append([]any{c.n}, args...)...)
	check(c.w.Flush())
	tag := "p" + strconv.Itoa(c.n) + " "
	for {
		s := c.line()
		if rest, ok := strings.CutPrefix(s, tag); ok {
			if !strings.HasPrefix(rest, "OK") {
				log.Fatalf("%s: %s", fmt.Sprintf(format, args...), rest)
			}
			return lines
		}
		lines = append(lines, s)
	}
}

// folders lists names; Dovecot quotes those that need it.
func (c *conn) folders(pattern string) (names []string) {
	for _, l := range c.do(`LIST "" "%s"`, pattern) {
		if i := strings.Index(l, `"/" `); i >= 0 && !strings.Contains(l[:i], "Noselect") && !strings.Contains(l[:i], "NonExistent") {
			names = append(names, strings.Trim(l[i+4:], `"`))
		}
	}
	return names
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("probe: ")
	args := os.Args[1:]
	switch {
	case len(args) >= 3 && args[0] == "fill":
		fill(args[1], args[2], number(args, "-small", 5000), number(args, "-large", 20), number(args, "-folders", 20))
	case len(args) == 6 && args[0] == "copy":
		copyAll(dial(args[1], args[2]), dial(args[3], args[4]), args[5])
	case len(args) == 4 && args[0] == "count":
		count(dial(args[1], args[2]), args[3])
	default:
		log.Fatal("want fill, copy or count; see the source")
	}
}

func number(args []string, name string, or int) int {
	for i := range args[:len(args)-1] {
		if args[i] == name {
			n, err := strconv.Atoi(args[i+1])
			check(err)
			return n
		}
	}
	return or
}

// literal reads {n} at the end of a line.
func literal(line string) (int64, bool) {
	i := strings.LastIndexByte(line, '{')
	if i < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	n, err := strconv.ParseInt(line[i+1:len(line)-1], 10, 64)
	return n, err == nil
}

func between(s, a, b string) string {
	_, rest, _ := strings.Cut(s, a)
	out, _, _ := strings.Cut(rest, b)
	return out
}

func copyAll(src, dst *conn, into string) {
	names := src.folders("*")
	for _, name := range names {
		dst.do("CREATE %q", into+"/"+name)
	}
	// Answers are read beside the writing.
	var sent, answered int
	var mu sync.Mutex
	end := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		finished := false
		for {
			if !finished {
				select {
				case <-end:
					finished = true
				default:
				}
			}
			mu.Lock()
			all := finished && answered == sent
			mu.Unlock()
			if all {
				return
			}
			s := dst.line()
			if strings.HasPrefix(s, "a") {
				if !strings.Contains(s, " OK ") {
					log.Fatal(s)
				}
				mu.Lock()
				answered++
				mu.Unlock()
			}
		}
	}()
	buf := make([]byte, 256<<10)
	for _, name := range names {
		src.do("EXAMINE %q", name)
		fmt.Fprintf(src.w, "f UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])\r\n")
		check(src.w.Flush())
		open := 0
		for {
			l := src.line()
			if strings.HasPrefix(l, "f ") {
				if !strings.HasPrefix(l, "f OK") && !strings.HasPrefix(l, "f BAD Error in IMAP command UID FETCH: Invalid uidset") {
					log.Fatal(l)
				}
				break
			}
			n, ok := literal(l)
			if !ok {
				continue
			}
			if open == 0 {
				mu.Lock()
				sent++
				mu.Unlock()
				fmt.Fprintf(dst.w, "a%d APPEND %q", sent, into+"/"+name)
			}
			flags := strings.ReplaceAll(between(l, "FLAGS (", ")"), `\Recent`, "")
			fmt.Fprintf(dst.w, " (%s) \"%s\" {%d+}\r\n", strings.TrimSpace(flags), between(l, `INTERNALDATE "`, `"`), n)
			_, err := io.CopyBuffer(struct{ io.Writer }{dst.w}, io.LimitReader(src.r, n), buf)
			check(err)
			if open++; open == batch {
				dst.w.WriteString("\r\n")
				open = 0
			}
		}
		if open > 0 {
			dst.w.WriteString("\r\n")
		}
	}
	check(dst.w.Flush())
	// One more answer frees the reader when all others are in.
	mu.Lock()
	sent++
	mu.Unlock()
	close(end)
	fmt.Fprintf(dst.w, "a%d NOOP\r\n", sent)
	check(dst.w.Flush())
	<-done
}

func count(c *conn, root string) {
	messages, size := 0, 0
	for _, name := range c.folders(root + "/*") {
		for _, l := range c.do("STATUS %q (MESSAGES SIZE)", name) {
			n, _ := strconv.Atoi(between(l, "MESSAGES ", " "))
			b, _ := strconv.Atoi(strings.TrimSuffix(between(l, "SIZE ", " "), ")"))
			messages, size = messages+n, size+b
		}
	}
	fmt.Printf("%d messages, %d bytes\n", messages, size)
}

// fill makes an account: small messages of 5 to 20 kB, large ones of 5 MB, all
// over the folders, with flags, keywords and dates.
func fill(addr, user string, small, large, folders int) {
	c := dial(addr, user)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range folders {
		c.do("CREATE %q", folder(i))
	}
	flags := []string{"", `\Seen`, `\Seen \Answered`, `\Flagged`, `\Seen $Forwarded work`, `\Draft`, "todo"}
	total := small + large
	for f := range folders {
		list := []int{}
		for i := f; i < total; i += folders {
			list = append(list, i)
		}
		for len(list) > 0 {
			n := min(len(list), batch)
			fmt.Fprintf(c.w, "x APPEND %q", folder(f))
			for _, i := range list[:n] {
				size := 5000 + rnd.IntN(15000)
				if i >= small {
					size = 5 << 20
				}
				m := message(rnd, i, size)
				fmt.Fprintf(c.w, " (%s) \"%02d-Mar-2021 %02d:%02d:%02d +0100\" {%d+}\r\n", flags[i%len(flags)], 1+i%28, i%24, i%60, i%60, len(m))
				c.w.Write(m)
			}
			c.w.WriteString("\r\n")
			check(c.w.Flush())
			for {
				if s := c.line(); strings.HasPrefix(s, "x ") {
					if !strings.HasPrefix(s, "x OK") {
						log.Fatal(s)
					}
					break
				}
			}
			list = list[n:]
		}
	}
}

func folder(i int) string {
	if i%5 == 4 {
		return fmt.Sprintf("Folder %d/Sub &AOQ- %d", i-1, i)
	}
	return fmt.Sprintf("Folder %d", i)
}

func message(rnd *rand.Rand, i, size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: Ann <ann@probe.example>\r\nTo: Ben <ben@probe.example>\r\nSubject: message %d\r\n"+
		"Date: Mon, 01 Mar 2021 10:00:00 +0100\r\nMessage-ID: <%d@probe.example>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: text/plain; charset=us-ascii\r\n\r\n", i, i)
	for b.Len() < size {
		for range 76 {
			b.WriteByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[rnd.IntN(64)])
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()
}
