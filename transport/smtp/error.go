package smtp

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
)

const farewell = 5 * time.Second

// errorOf gives an answer of the server its class, RFC 5321 4.2 and RFC 3463.
// other is the kind of a refusal that says nothing of itself in that place.
func (c *Client) errorOf(op string, err error, other transport.Kind) error {
	var reply *gosmtp.SMTPError
	if !errors.As(err, &reply) {
		return c.dial.Broken(op, err)
	}
	e := &transport.Error{Kind: kindOf(op, reply, other), Op: op, Err: oneLine(reply)}
	if d := dial.Backoff(reply.Message); d > 0 && e.Kind != transport.Auth {
		e.Kind, e.After = transport.Throttled, d
	}
	if reply.Code == 530 {
		e.Remedy = "the server wants a login: name a user in the address"
	}
	return e
}

func kindOf(op string, r *gosmtp.SMTPError, other transport.Kind) transport.Kind {
	subject, detail := enhanced(r)
	switch {
	case r.Code >= 400 && r.Code < 500 && subject == 7 && op != "login",
		r.Code >= 400 && r.Code < 500 && subject == 3 && detail == 2:
		return transport.Throttled // policy, or "not accepting mail for now"
	case r.Code >= 400 && r.Code < 500:
		return transport.Temporary
	case r.Code == 530, r.Code == 534, r.Code == 535, r.Code == 538:
		return transport.Auth
	case op == "login" || op == "connect":
		return other
	case subject == 2 && detail == 2:
		return transport.QuotaExceeded
	case r.Code == 552 && op == "recipient":
		return transport.QuotaExceeded
	case r.Code == 552, subject == 3 && detail == 4, subject == 2 && detail == 3:
		return transport.TooLarge
	case r.Code >= 500:
		return transport.Rejected
	}
	return other
}

var code = regexp.MustCompile(`(?m)^[245]\.(\d{1,3})\.(\d{1,3})\b`)

// enhanced is the subject and detail of the enhanced code, which some servers
// write only in a later line. RFC 2034
func enhanced(r *gosmtp.SMTPError) (subject, detail int) {
	if r.EnhancedCode[0] > 0 {
		return r.EnhancedCode[1], r.EnhancedCode[2]
	}
	if m := code.FindStringSubmatch(r.Message); m != nil {
		subject, _ = strconv.Atoi(m[1])
		detail, _ = strconv.Atoi(m[2])
	}
	return subject, detail
}

// tooMany reports whether a recipient is refused only because of the number of
// those before it. RFC 5321 4.5.3.1.10
func tooMany(err error) bool {
	var r *gosmtp.SMTPError
	if !errors.As(err, &r) {
		return false
	}
	subject, detail := enhanced(r)
	return subject == 5 && detail == 3 ||
		r.Code == 452 && subject == 0 && strings.Contains(strings.ToLower(r.Message), "too many")
}

// oneLine is an answer of the server with its codes.
func oneLine(r *gosmtp.SMTPError) error {
	s := fmt.Sprintf("the server says %d ", r.Code)
	if r.EnhancedCode[0] > 0 {
		s += fmt.Sprintf("%d.%d.%d ", r.EnhancedCode[0], r.EnhancedCode[1], r.EnhancedCode[2])
	}
	return errors.New(strings.TrimSpace(s + oneLineText(r.Message)))
}

func oneLineText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// allRefused is the error when no recipient is left.
func allRefused(list []Refusal) error {
	kind := transport.KindOf(list[0].Err)
	var words []string
	for _, r := range list {
		if k := transport.KindOf(r.Err); k == transport.Temporary || k == transport.Throttled {
			kind = k
		}
		var e *transport.Error
		text := r.Err.Error()
		if errors.As(r.Err, &e) && e.Err != nil {
			text = e.Err.Error()
		}
		words = append(words, r.Address+": "+text)
	}
	if len(words) > 5 {
		words = append(words[:5], fmt.Sprintf("and %d more", len(words)-5))
	}
	return &transport.Error{Kind: kind, Op: "send", Err: errors.New("every recipient is refused: " + strings.Join(words, "; "))}
}
