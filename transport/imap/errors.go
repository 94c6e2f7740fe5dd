package imap

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// A Refusal is a NO, BAD or BYE of the server.
type Refusal struct {
	Status string // NO, BAD, BYE
	Code   string // response code without its argument, or ""
	Text   string
}

func (r *Refusal) Error() string {
	s := "the server says " + r.Status
	if r.Code != "" {
		s += " [" + r.Code + "]"
	}
	if r.Text != "" {
		s += " " + r.Text
	}
	return s
}

// oneLine makes text of a server fit for an error.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "..."
	}
	return strings.TrimSpace(s)
}

func refusal(r *wire.Response) *Refusal {
	return &Refusal{Status: r.Name, Code: oneLine(r.Code), Text: oneLine(r.Text)}
}

// refused is the error for a tagged NO or BAD.
func refused(op, folder string, r *wire.Response) error {
	e := &transport.Error{Kind: kindOf(op, r), Op: op, Folder: folder, Err: refusal(r), After: dial.Backoff(r.Text)}
	if e.After > 0 && (e.Kind == transport.Temporary || e.Kind == transport.Rejected || e.Kind == transport.Permanent) {
		e.Kind = transport.Throttled
	}
	switch e.Kind {
	case transport.Auth:
		e.Remedy = "check user and password, and that IMAP is allowed for the account"
	case transport.QuotaExceeded:
		e.Remedy = "make room in the mailbox, then run again"
	}
	return e
}

// codes are response codes whose meaning does not depend on the command. RFC
// 5530, RFC 9208 5, RFC 4469 4.2; THROTTLED and OVERQUOTA also come from Gmail
// and Yahoo.
var codes = map[string]transport.Kind{
	"AUTHENTICATIONFAILED": transport.Auth,
	"AUTHORIZATIONFAILED":  transport.Auth,
	"EXPIRED":              transport.Auth,
	"PRIVACYREQUIRED":      transport.Auth,
	"UNAVAILABLE":          transport.Temporary,
	"INUSE":                transport.Temporary,
	"SERVERBUG":            transport.Temporary,
	"THROTTLED":            transport.Throttled,
	"LIMIT":                transport.Throttled,
	"OVERQUOTA":            transport.QuotaExceeded,
	"TOOBIG":               transport.TooLarge,
	"NONEXISTENT":          transport.NotFound,
	"TRYCREATE":            transport.NotFound,
	"EXPUNGEISSUED":        transport.Temporary,
	"NOPERM":               transport.Permanent,
	"CANNOT":               transport.Rejected,
	"ALREADYEXISTS":        transport.Permanent,
	"CONTACTADMIN":         transport.Permanent,
}

// QUIRK: many servers say such things in words alone (Exchange Online, Gmail,
// Courier); the words are theirs.
var (
	throttleWords = regexp.MustCompile(`(?i)backoff time|throttl|too many (simultaneous |concurrent |open )?(connections|sessions|commands|requests|login)|rate.?limit|bandwidth|request rate|maximum number of connections|connection limit|user is authenticated but not connected|exceeded command`)
	laterWords    = regexp.MustCompile(`(?i)try again|temporar|server (is )?busy|timed? ?out|service unavailable|in progress|shutting down|restart`)
	quotaWords    = regexp.MustCompile(`(?i)quota|mailbox (is )?full|out of (disk )?space|over(drawn| its) limit|not enough (disk )?space|no space left`)
	largeWords    = regexp.MustCompile(`(?i)(message|size|literal).{0,30}(too (large|big)|exceed|maximum)|too (large|big)|maximum (message )?size`)
)

func kindOf(op string, r *wire.Response) transport.Kind {
	writes := op == "append" || op == "move"
	k, known := codes[r.Code]
	switch {
	case known && k == transport.Temporary && r.Code == "SERVERBUG" && op == "fetch":
		return transport.Permanent // a mail that the server cannot read
	case known:
		return k
	case throttleWords.MatchString(r.Text):
		return transport.Throttled
	case writes && quotaWords.MatchString(r.Text):
		return transport.QuotaExceeded
	case writes && largeWords.MatchString(r.Text):
		return transport.TooLarge
	case r.Name == "NO" && laterWords.MatchString(r.Text):
		return transport.Temporary
	case op == "login" && r.Name == "NO":
		return transport.Auth
	case writes:
		return transport.Rejected
	}
	return transport.Permanent
}

// broken is the error for a connection that ended. What was on its way may have
// arrived.
func (s *Store) broken(op, folder string, err error) error {
	err = s.ended(op, folder, err)
	var te *transport.Error
	if (op == "append" || op == "move") && errors.As(err, &te) && (te.Kind == transport.Temporary || te.Kind == transport.Throttled) {
		te.Unsettled = true
	}
	return err
}

func (s *Store) ended(op, folder string, err error) error {
	var own *wire.WriteError
	var bye *wire.ByeError
	var syntax *wire.SyntaxError
	var te *transport.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own.Err // the item's, not the connection's
	case errors.As(err, &te):
		return err
	case errors.As(err, &bye):
		r := bye.Response
		e := &transport.Error{Kind: transport.Temporary, Op: op, Folder: folder, Err: refusal(r), After: dial.Backoff(r.Text)}
		if k, ok := codes[r.Code]; ok && k != transport.NotFound {
			e.Kind = k
		} else if throttleWords.MatchString(r.Text) || e.After > 0 {
			e.Kind = transport.Throttled
		}
		return e
	case errors.As(err, &syntax):
		return &transport.Error{Kind: transport.Temporary, Op: op, Folder: folder, Err: syntax}
	case transport.Canceled(err):
		return err
	}
	err = s.o.Dial.Broken(op, err)
	if errors.As(err, &te) && te.Folder == "" {
		te.Folder = folder
	}
	return err
}

func fail(kind transport.Kind, op, folder, format string, args ...any) error {
	return &transport.Error{Kind: kind, Op: op, Folder: folder, Err: fmt.Errorf(format, args...)}
}
