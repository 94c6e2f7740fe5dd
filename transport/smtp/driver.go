package smtp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
	"github.com/mailconv/mailconv/transport/sasl"
	"github.com/mailconv/mailconv/transport/spool"
)

// Values of to= and from=.
const (
	toHeader = "header"
	fromNull = "null"
)

// memory is what bodies that can be read only once take before they go to
// files.
const memory = 4 << 20

// Driver opens smtp:// (STARTTLS, required; port 587) and smtps:// (port 465).
func Driver() transport.Driver {
	return transport.Driver{
		Schemes: []string{"smtp", "smtps"},
		Summary: "an SMTP server, to send to",
		Params: append(dial.Params(), sasl.Param(), sasl.AuthzidParam(),
			transport.Param{Name: "to", Help: "send every mail to these addresses (commas between); header sends to those in the mail's header"},
			transport.Param{Name: "from", Help: "envelope sender; null is the empty one (default: the header's)"},
			transport.Param{Name: "ehlo", Help: "name by which to greet the server"}),
		Sink: func(ctx context.Context, a transport.Address, env *transport.Env) (transport.Sink, error) {
			return OpenSink(ctx, a, env)
		},
	}
}

// A Sink sends what is put into it.
type Sink struct {
	c     *Client
	spool *spool.Spool
	to    []string // nil: the header's
	from  *string  // nil: the header's
}

// OpenSink connects and logs in. The parameter to= must be there, so that a
// copied mailbox does not go to everybody who is named in it.
func OpenSink(ctx context.Context, a transport.Address, env *transport.Env) (*Sink, error) {
	c, err := New(a, env)
	if err != nil {
		return nil, err
	}
	s := &Sink{c: c, spool: spool.New(memory, c.env.TempDir)}
	switch to := a.Params.Get("to"); to {
	case "":
		return nil, &transport.Error{
			Kind: transport.Usage, Op: "open", Err: errors.New("an SMTP server as a sink needs recipients"),
			Remedy: "add ?to=ADDRESS, or ?to=header to send each mail to those it names",
		}
	case toHeader:
	default:
		for t := range strings.SplitSeq(to, ",") {
			s.to = append(s.to, strings.TrimSpace(t))
		}
		if _, err := addresses(s.to); err != nil {
			return nil, err
		}
	}
	if from := a.Params.Get("from"); from != "" {
		if from == fromNull {
			from = ""
		}
		s.from = &from
	}
	if err := c.Connect(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Accepts implements [transport.Sink]: mail and reports go, contacts and
// appointments have no place here.
func (s *Sink) Accepts(m transport.Meta) []transport.Form {
	class := strings.ToUpper(m.Class)
	for _, p := range []string{"", "IPM", "REPORT"} {
		if class == p {
			return []transport.Form{transport.FormMIME}
		}
	}
	for _, p := range []string{"IPM.NOTE", "IPM.SCHEDULE.", "IPM.POST", "REPORT."} {
		if strings.HasPrefix(class, p) {
			return []transport.Form{transport.FormMIME}
		}
	}
	return nil
}

// Ensure implements [transport.Sink]. There are no folders: any will do.
func (s *Sink) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	if f.ID == "" {
		f.ID = f.String()
	}
	return f, ctx.Err()
}

// Put implements [transport.Sink]. A mail that some recipients were refused for
// has arrived at the others; the refusals are among the losses.
func (s *Sink) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	var r transport.Receipt
	if c.Form != transport.FormMIME || c.MIME == nil {
		return r, &transport.Error{Kind: transport.Usage, Op: "send", Folder: f.String(), Err: fmt.Errorf("the form %s cannot be sent", c.Form)}
	}
	mail := Mail{To: s.to, Content: c.MIME}
	if c.OneShot {
		k, err := s.spool.Copy(ctx, c)
		if err != nil {
			return r, err
		}
		defer k.Close()
		mail.Content = k.MIME
	}
	if s.from != nil {
		mail.From = *s.from
	}
	if s.from == nil || s.to == nil {
		from, to, err := FromHeader(ctx, mail.Content)
		if err != nil {
			return r, err
		}
		if s.from == nil {
			mail.From = from
		}
		if s.to == nil {
			mail.To = to
		}
	}
	rep, err := s.c.Send(ctx, mail)
	if err != nil {
		return r, err
	}
	r.Bytes, r.Route = rep.Bytes, "smtp"
	r.Losses = rep.Losses
	for _, ref := range rep.Refused {
		r.Losses = append(r.Losses, mapi.Loss{Item: "recipient " + ref.Address, Reason: mapi.LossStoreOnly, Detail: ref.Err.Error()})
	}
	if m.Flags != 0 || len(m.Keywords) > 0 {
		r.Losses = append(r.Losses, mapi.Loss{Item: "flags and keywords", Reason: mapi.LossStoreOnly, Detail: "a sent mail has none"})
	}
	if !m.Received.IsZero() {
		r.Losses = append(r.Losses, mapi.Loss{Item: "received date", Reason: mapi.LossStoreOnly, Detail: "the receiving server sets its own"})
	}
	return r, nil
}

// MaxSize implements [transport.SizeLimiter].
func (s *Sink) MaxSize(ctx context.Context) (int64, error) { return s.c.MaxSize(ctx) }

// Close implements [transport.Sink].
func (s *Sink) Close() error { return errors.Join(s.c.Close(), s.spool.Close()) }
