// Delay stands between a client and a server and adds time to the way, as a
// long line does: each piece arrives half a round trip later than it was sent,
// and pieces on their way do not wait for each other.
//
//	delay [-rtt 20ms] HOST:PORT    prints the address it listens on
//
// It runs until it is ended.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("delay: ")
	rtt := flag.Duration("rtt", 20*time.Millisecond, "time for there and back")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("want HOST:PORT")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	for {
		near, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			far, err := net.Dial("tcp", flag.Arg(0))
			if err != nil {
				near.Close()
				return
			}
			go carry(far, near, *rtt/2)
			carry(near, far, *rtt/2)
		}()
	}
}

// piece is what was read at once, and when it arrives.
type piece struct {
	data []byte
	at   time.Time
}

// window is how many pieces of up to 64 KiB are on their way at once.
const window = 256

// carry moves one direction and ends it when the sender does.
func carry(to, from net.Conn, delay time.Duration) {
	way := make(chan piece, window)
	go func() {
		defer close(way)
		for {
			buf := make([]byte, 64<<10)
			n, err := from.Read(buf)
			if n > 0 {
				way <- piece{buf[:n], time.Now().Add(delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range way {
		time.Sleep(time.Until(p.at))
		if _, err := to.Write(p.data); err != nil {
			from.Close()
			break
		}
	}
	for range way { // what nobody wants any more
		continue
	}
	if c, ok := to.(*net.TCPConn); ok {
		_ = c.CloseWrite() // the other direction may still have something to say
	}
}
