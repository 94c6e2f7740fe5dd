// Package rehearsal runs a pair of IMAP servers in the process, on loopback
// ports, so that a migration can be practised before the real one.
//
// Start from [Start] and [Pair]. The old server has a mailbox with folders,
// flags and dates; the new one is empty. Nothing is kept when they stop.
//
// Not supported: TLS, and what only real servers do; scripts/servers starts
// those.
package rehearsal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// User and Password are those of both servers.
const (
	User     = "zoe"
	Password = "rehearsal"
)

// Options say what to start. The zero value takes any free ports and 60 mails.
type Options struct {
	// OldAddr and NewAddr are host:port to listen on; they must be loopback
	// addresses.
	OldAddr, NewAddr string
	// Mails is the number of mails in the old mailbox; 0 is 60.
	Mails int
}

// A Pair is two running servers.
type Pair struct {
	// Old and New are host:port.
	Old, New string

	old     *imapmemserver.User
	count   int
	servers []*imapserver.Server
}

// Start starts both servers.
func Start(o Options) (*Pair, error) {
	if o.Mails == 0 {
		o.Mails = 60
	}
	p := &Pair{}
	var err error
	if p.Old, p.old, err = p.serve(o.OldAddr); err != nil {
		return nil, err
	}
	if p.New, _, err = p.serve(o.NewAddr); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	for _, f := range folders[1:] {
		if err := p.old.Create(f, nil); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	for range o.Mails {
		if err := p.Arrive(); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

// folders of the old mailbox; the first is there from the start.
var folders = []string{"INBOX", "Sent", "Projects", "Projects/Łódź", "Archive"}

func (p *Pair) serve(addr string) (string, *imapmemserver.User, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", nil, fmt.Errorf("%s is not a loopback address: the servers speak without encryption", addr)
	}
	mem := imapmemserver.New()
	user := imapmemserver.NewUser(User, Password)
	if err := user.Create("INBOX", nil); err != nil {
		return "", nil, err
	}
	mem.AddUser(user)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	s := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return mem.NewSession(), nil, nil
		},
		Caps:         goimap.CapSet{goimap.CapIMAP4rev1: {}, goimap.CapIMAP4rev2: {}},
		InsecureAuth: true,
		Logger:       log.New(io.Discard, "", 0),
	})
	p.servers = append(p.servers, s)
	go func() { _ = s.Serve(l) }() // it ends with Close
	return l.Addr().String(), user, nil
}

// first is the date of the first mail.
var first = time.Date(2025, 3, 3, 8, 0, 0, 0, time.UTC)

// Arrive delivers one more mail to the old mailbox.
func (p *Pair) Arrive() error {
	n := p.count
	p.count++
	date := first.Add(time.Duration(n) * 7 * time.Hour)
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: Anna Example <anna@mailconv.example>\r\nTo: Zoe Example <zoe@mailconv.example>\r\n"+
		"Subject: Letter %d\r\nDate: %s\r\nMessage-ID: <letter.%d@mailconv.example>\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"+
		"Dear Zoë,\r\n\r\nthis is letter %d.\r\n", n+1, date.Format(time.RFC1123Z), n+1, n+1)
	o := &goimap.AppendOptions{Time: date}
	if n%3 != 0 {
		o.Flags = append(o.Flags, goimap.FlagSeen)
	}
	if n%10 == 4 {
		o.Flags = append(o.Flags, goimap.FlagFlagged)
	}
	_, err := p.old.Append(folders[n%len(folders)], literal{bytes.NewReader(b.Bytes())}, o)
	return err
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

// Close stops both servers.
func (p *Pair) Close() error {
	var errs []error
	for _, s := range p.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
