package ewstest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// seed puts some mails into the mailbox of alice, directly.
func (f *fixture) seed(n int) {
	s := f.alice.Store(mailbox.StoreOptions{Convert: f.convert()})
	defer s.Close()
	for i := range n {
		folder, err := s.Ensure(f.t.Context(), transport.Folder{Path: []string{"A", fmt.Sprintf("B%d", i%3)}, Class: "IPF.Note"})
		if err != nil {
			f.t.Fatal(err)
		}
		mail := fmt.Sprintf("From: a@example.org\r\nTo: alice@example.test\r\nSubject: mail %d ä\x01\r\nMessage-ID: <%d@example.org>\r\n\r\nbody %d\r\n", i, i, i)
		if _, err := s.Put(f.t.Context(), folder, transport.Meta{Received: time.Unix(1.6e9, 0)}, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(mail)}); err != nil {
			f.t.Fatal(err)
		}
	}
}

func TestOurClientBearsEveryQuirk(t *testing.T) {
	q := ewstest.RealQuirks
	q.ControlCharacters = true
	for name, o := range map[string]ewstest.Options{
		"real":          {Quirks: q},
		"real, no bulk": {Quirks: q, Without: []string{"UploadItems", "ExportItems"}, RefuseChunked: true},
		"long tags":     {Quirks: ewstest.Quirks{LongTags: true}},
		"old":           {Version: "Exchange2010_SP1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, o)
			f.seed(25)
			sameAsStored(t, f, f.alice)
		})
	}
}

func TestAStrayReplyFollowsAFault(t *testing.T) {
	f := start(t, ewstest.Options{Quirks: ewstest.Quirks{StrayReply: true}})
	c, err := net.Dial("tcp", f.Host())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := fmt.Sprintf(envelope, version, `<m:NoSuch/>`)
	fmt.Fprintf(c, "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-of-alice\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	all, err := io.ReadAll(bufio.NewReader(c))
	if err != nil || strings.Count(string(all), "HTTP/1.1 ") != 2 || strings.Count(string(all), "Envelope xmlns") != 2 {
		t.Errorf("%v\n%s", err, all)
	}
}
