package graph

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

var errNoFolder = errors.New("there is no such folder")

func escape(s string) string { return strings.ReplaceAll(url.PathEscape(s), "+", "%2B") }

// mailboxID is how the import and export API names the mailbox, asked for once.
type mailboxID struct {
	id  string
	err error // the API is not there
}

// mailboxID finds the id of the mailbox, or that of its archive.
func (s *Store) mailboxID(ctx context.Context) (string, error) {
	s.mu.Lock()
	box := s.box
	s.mu.Unlock()
	if box.id != "" || box.err != nil {
		return box.id, box.err
	}
	if s.o.NoImport {
		return "", &transport.Error{Kind: transport.Usage, Op: "open", Err: errors.New("this cloud has no import and export of items")}
	}
	var reply struct {
		Primary string `json:"primaryMailboxId"`
		Archive string `json:"inPlaceArchiveMailboxId"`
	}
	where := s.user("settings", "exchange")
	if s.o.Archive {
		// QUIRK: v1.0 does not tell the archive, beta does.
		where = strings.Replace(where, "/v1.0/", "/beta/", 1)
	}
	err := s.json(ctx, &call{op: "find mailbox", url: where}, &reply)
	box.id = reply.Primary
	if s.o.Archive {
		box.id = reply.Archive
		if err == nil && box.id == "" {
			err = &transport.Error{Kind: transport.Usage, Op: "open", Err: errors.New("the mailbox has no archive, or the service does not tell of it")}
		}
	}
	if err == nil && box.id == "" {
		err = &transport.Error{Kind: transport.Permanent, Op: "find mailbox", Err: errors.New("the service names no mailbox for the import and export of items")}
	}
	if err != nil {
		if !s.without(err) {
			return "", err
		}
		box.err = err
	}
	s.mu.Lock()
	s.box = box
	s.mu.Unlock()
	return box.id, box.err
}

// exchange is a URL of the import and export API.
func (s *Store) exchange(box string, elem ...string) string {
	return s.at(append([]string{"admin", "exchange", "mailboxes", box}, elem...)...)
}
