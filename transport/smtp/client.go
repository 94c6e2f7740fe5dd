package smtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
	"github.com/mailconv/mailconv/transport/sasl"
)

// A Client sends mails over one connection, which it makes when it is needed
// and again after it was lost. Its methods may be called by several goroutines
// at once; they take turns.
type Client struct {
	addr transport.Address
	env  *transport.Env
	dial *dial.Options
	name string // for EHLO

	turn chan struct{} // holds one token while nobody works
	conn *dial.Conn    // guarded by turn, like what follows
	c    *gosmtp.Client
	done bool
}

// New reads an address; it does not connect. Without a user in the address
// nothing logs in.
func New(a transport.Address, env *transport.Env) (*Client, error) {
	if env == nil {
		env = &transport.Env{}
	}
	mode := dial.StartTLS
	if a.Scheme == "smtps" {
		mode = dial.Implicit
	}
	o, err := dial.Parse(a, env, mode, dial.Ports{Plain: "587", Implicit: "465"})
	if err != nil {
		return nil, err
	}
	if auth := a.Params.Get("auth"); !sasl.Known(auth) {
		return nil, &transport.Error{Kind: transport.Usage, Op: "open", Err: fmt.Errorf("auth=%s is not known", auth)}
	}
	c := &Client{addr: a, env: env, dial: o, name: a.Params.Get("ehlo"), turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c, nil
}

// Connect connects and logs in, where that has not happened yet.
func (c *Client) Connect(ctx context.Context) error {
	return c.with(ctx, func(bool) error { return nil })
}

// MaxSize is the largest mail that the server takes, in bytes, 0 when it names
// none. RFC 1870
func (c *Client) MaxSize(ctx context.Context) (n int64, err error) {
	err = c.with(ctx, func(bool) error {
		if size, ok := c.c.MaxMessageSize(); ok {
			n = int64(size)
		}
		return nil
	})
	return n, err
}

// Close says good-bye. A second Close does nothing.
func (c *Client) Close() error {
	<-c.turn
	defer func() { c.turn <- struct{}{} }()
	c.done = true
	if c.c != nil {
		c.c.CommandTimeout = farewell
		c.c.Quit() //nolint:errcheck // every mail has its answer already
	}
	c.drop()
	return nil
}

// with runs f in turn on a connection; fresh says that it was made for f. ctx
// ends f and with it the connection.
func (c *Client) with(ctx context.Context, f func(fresh bool) error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.turn:
	}
	defer func() { c.turn <- struct{}{} }()
	if c.done {
		return &transport.Error{Kind: transport.Usage, Op: "send", Err: errors.New("the client is closed")}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fresh := c.c == nil
	if fresh {
		if err := c.connect(ctx); err != nil {
			return err
		}
	}
	err := c.on(ctx, func() error { return f(fresh) })
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// on binds ctx to the connection while f runs.
func (c *Client) on(ctx context.Context, f func() error) error {
	stop := c.conn.Use(ctx)
	err := f()
	if !stop() {
		c.drop()
	}
	return err
}

func (c *Client) drop() {
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn, c.c = nil, nil
}

func (c *Client) connect(ctx context.Context) error {
	var cred sasl.Credentials
	if c.addr.User != "" {
		var err error
		if cred, err = sasl.FromAddress(ctx, c.addr, c.env); err != nil {
			return err
		}
		cred.Host, cred.Port = c.dial.Host, c.dial.Port
	}
	conn, err := c.dial.Dial(ctx)
	if err != nil {
		return err
	}
	c.conn = conn
	stop := conn.Use(ctx)
	err = c.greet(cred)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		c.conn, c.c = nil, nil
	}
	return err
}

// greet does everything up to the login.
func (c *Client) greet(cred sasl.Credentials) error {
	if c.name == "" {
		c.name = literal(c.conn.LocalAddr())
	}
	if c.dial.TLS == dial.StartTLS {
		s, err := gosmtp.NewClientStartTLS(c.conn, c.dial.TLSConfig())
		if err != nil {
			return c.startTLSError(err)
		}
		c.c = s
		// The handshake happens with the first command.
		if err := s.Hello(c.name); err != nil {
			return c.startTLSError(err)
		}
		if _, ok := s.TLSConnectionState(); !ok {
			return c.startTLSError(errNoStartTLS)
		}
	} else {
		c.c = gosmtp.NewClient(c.conn)
		if err := c.c.Hello(c.name); err != nil {
			return c.errorOf("connect", err, transport.Unavailable)
		}
	}
	if cred.User == "" {
		return nil
	}
	return c.login(cred)
}

var errNoStartTLS = errors.New("the server offers no encryption")

func (c *Client) startTLSError(err error) error {
	var reply *gosmtp.SMTPError
	const remedy = "use smtps:// where the server has it; somebody on the way may have taken the offer out"
	switch {
	case errors.As(err, &reply) && reply.Code < 500:
		return c.errorOf("starttls", err, transport.Temporary)
	case errors.As(err, &reply):
		return &transport.Error{Kind: transport.Unavailable, Op: "starttls", Err: fmt.Errorf("the server refuses encryption: %w", oneLine(reply)), Remedy: remedy}
	case errors.Is(err, errNoStartTLS), strings.Contains(err.Error(), "support STARTTLS"):
		return &transport.Error{Kind: transport.Unavailable, Op: "starttls", Err: errNoStartTLS, Remedy: remedy}
	}
	return c.dial.Error("starttls", err)
}

func (c *Client) login(cred sasl.Credentials) error {
	cleartext := c.conn.MayCarryPassword()
	if _, ok := c.c.TLSConnectionState(); ok {
		cleartext = nil
	}
	_, list := c.c.Extension("AUTH")
	m, err := sasl.Choose(strings.Fields(list), c.addr.Params.Get("auth"), cred, cleartext)
	if err != nil {
		return err
	}
	if err := c.c.Auth(m); err != nil {
		var reply *gosmtp.SMTPError
		if errors.As(err, &reply) {
			reply.Message = cred.Mask(reply.Message)
		}
		e := c.errorOf("login", err, transport.Auth)
		var known *transport.Error
		if d := sasl.Detail(m); d != "" && errors.As(e, &known) {
			known.Err = fmt.Errorf("%w (%s)", known.Err, d)
		}
		return e
	}
	return sasl.Finish(m)
}

// literal is an address as a name for EHLO. RFC 5321 4.1.3
func literal(a net.Addr) string {
	t, ok := a.(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case t.IP.To4() != nil:
		return "[" + t.IP.String() + "]"
	}
	return "[IPv6:" + t.IP.String() + "]"
}

// A Mail is what is to be sent, and to whom.
type Mail struct {
	// From is the envelope's sender, "" for the empty one, which gets no
	// replies.
	From string
	// To are the envelope's recipients. The header is not asked; see
	// [FromHeader].
	To  []string
	DSN DSN
	// Content is opened more than once.
	Content mapi.Blob
	// Raw sends the bytes as they are, Bcc fields too.
	Raw bool
	// Mend makes CRLF of bare CR and bare LF, which SMTP cannot carry. Without
	// it such a mail is rejected.
	Mend bool
}

// A DSN asks for notifications about the delivery. RFC 3461
type DSN struct {
	// Notify holds NEVER, or some of SUCCESS, FAILURE, DELAY.
	Notify []string
	// Return is FULL or HDRS, or "".
	Return string
	// ID comes back in the notification; printable ASCII.
	ID string
	// Original tells the server each recipient's address as it was given.
	Original bool
}

// Asked reports whether anything is asked for.
func (d DSN) Asked() bool { return len(d.Notify) > 0 || d.Return != "" || d.ID != "" || d.Original }

func (d DSN) check() error {
	for _, n := range d.Notify {
		if !slices.Contains([]string{"NEVER", "SUCCESS", "FAILURE", "DELAY"}, n) || n == "NEVER" && len(d.Notify) > 1 {
			return usage("a notification is asked for by SUCCESS, FAILURE, DELAY, or by NEVER alone")
		}
	}
	if d.Return != "" && d.Return != "FULL" && d.Return != "HDRS" {
		return usage("a notification returns FULL or HDRS, not %q", d.Return)
	}
	for _, r := range d.ID {
		if r < ' ' || r > '~' {
			return usage("the envelope id must be printable ASCII")
		}
	}
	if len(d.ID) > 100 {
		return usage("the envelope id is longer than 100 characters")
	}
	return nil
}

func usage(format string, args ...any) error {
	return &transport.Error{Kind: transport.Usage, Op: "send", Err: fmt.Errorf(format, args...)}
}

// A Report says what became of a mail.
type Report struct {
	// Accepted and Refused are the recipients, as they were given.
	Accepted []string
	Refused  []Refusal
	// Reply is the server's last word, which often names its queue.
	Reply string
	// NoDSN says that the server knows no notifications: those that were asked
	// for will not come.
	NoDSN bool
	// Losses are changes that the way asked for.
	Losses []mapi.Loss
	// Bytes is the size of what was sent.
	Bytes int64
}

// A Refusal is a recipient that the server does not take.
type Refusal struct {
	Address string
	Err     error // its kind tells whether it may work later
}

// Send sends one mail. When some recipients are refused and others not, the
// mail goes to the others and the error is nil; when all are, it is an error of
// the mildest kind among them. The report is never nil.
//
// A connection that ends after the last byte and before the server's answer
// leaves open whether the mail was taken. Such an error is permanent, as
// sending again might send twice.
func (c *Client) Send(ctx context.Context, m Mail) (*Report, error) {
	rep := &Report{}
	to, err := addresses(m.To)
	if err != nil {
		return rep, err
	}
	from, err := address(m.From)
	if err != nil {
		return rep, err
	}
	if err := m.DSN.check(); err != nil {
		return rep, err
	}
	if len(to) == 0 {
		return rep, usage("the mail has no recipient")
	}
	p, err := prepare(ctx, m)
	if err != nil {
		return rep, err
	}
	rep.Losses, rep.Bytes = p.losses, p.size
	for len(to) > 0 {
		n := 0
		err := c.with(ctx, func(fresh bool) (err error) {
			n, err = c.transaction(ctx, m, p, from, to, rep)
			// A server that hung up meanwhile is asked once more.
			if err != nil && !fresh && n == 0 && c.c == nil && ctx.Err() == nil && transport.KindOf(err) == transport.Temporary {
				if err = c.connect(ctx); err == nil {
					err = c.on(ctx, func() error {
						n, err = c.transaction(ctx, m, p, from, to, rep)
						return err
					})
				}
			}
			return err
		})
		if err != nil {
			if len(rep.Accepted) > 0 {
				// The mail is out for some; the others were not reached.
				for _, a := range to {
					rep.Refused = append(rep.Refused, Refusal{a.given, err})
				}
				return rep, nil
			}
			return rep, err
		}
		to = to[n:]
	}
	if len(rep.Accepted) == 0 {
		return rep, allRefused(rep.Refused)
	}
	return rep, nil
}

// transaction sends to the first recipients, as many as the server takes at
// once, and tells their number.
func (c *Client) transaction(ctx context.Context, m Mail, p *prepared, from mailbox, to []mailbox, rep *Report) (int, error) {
	if n, ok := c.c.MaxMessageSize(); ok && n > 0 && p.size > int64(n) {
		return 0, &transport.Error{Kind: transport.TooLarge, Op: "send", Err: fmt.Errorf("the mail has %d bytes, the server takes %d", p.size, n)}
	}
	has := func(name string) bool { ok, _ := c.c.Extension(name); return ok }
	utf8 := from.utf8 || slices.ContainsFunc(to, func(a mailbox) bool { return a.utf8 })
	if utf8 && !has("SMTPUTF8") {
		return 0, &transport.Error{Kind: transport.Rejected, Op: "send", Err: errors.New("an address is not ASCII, and the server does not know SMTPUTF8")}
	}
	if p.eightBit && !has("8BITMIME") {
		return 0, &transport.Error{
			Kind: transport.Rejected, Op: "send", Err: errors.New("the mail holds 8-bit text, and the server does not know 8BITMIME"),
		}
	}
	opts := &gosmtp.MailOptions{Size: p.size, UTF8: utf8 || p.utf8Header && has("SMTPUTF8")}
	if m.DSN.Asked() {
		opts.Return, opts.EnvelopeID = gosmtp.DSNReturn(m.DSN.Return), m.DSN.ID
		rep.NoDSN = !has("DSN")
	}
	if err := c.c.Mail(from.wire, opts); err != nil {
		return 0, c.failed("send", err)
	}
	var accepted []string
	var refused []Refusal
	n := 0
	for _, a := range to {
		err := c.c.Rcpt(a.wire, rcptOptions(m.DSN, a))
		if err != nil && len(accepted) > 0 && tooMany(err) {
			break // the rest in a transaction of their own
		}
		n++
		if err == nil {
			accepted = append(accepted, a.given)
			continue
		}
		if err = c.failed("recipient", err); c.c == nil {
			return 0, err
		}
		refused = append(refused, Refusal{a.given, err})
	}
	if len(accepted) == 0 {
		rep.Refused = append(rep.Refused, refused...)
		c.reset()
		return n, nil
	}
	reply, err := c.data(ctx, p)
	if err != nil {
		return 0, err
	}
	rep.Accepted = append(rep.Accepted, accepted...)
	rep.Refused = append(rep.Refused, refused...)
	rep.Reply = reply
	return n, nil
}

func rcptOptions(d DSN, a mailbox) *gosmtp.RcptOptions {
	o := &gosmtp.RcptOptions{}
	for _, n := range d.Notify {
		o.Notify = append(o.Notify, gosmtp.DSNNotify(n))
	}
	if d.Original {
		o.OriginalRecipient, o.OriginalRecipientType = a.given, gosmtp.DSNAddressTypeRFC822
		if a.utf8 || !isASCII(a.given) {
			o.OriginalRecipientType = gosmtp.DSNAddressTypeUTF8
		}
	}
	return o
}

// data sends the bytes and reads the verdict.
func (c *Client) data(ctx context.Context, p *prepared) (string, error) {
	r, err := p.open(ctx)
	if err != nil {
		c.reset()
		return "", err
	}
	defer r.Close()
	w, err := c.c.Data()
	if err != nil {
		return "", c.failed("send", err)
	}
	src := &marked{r: r}
	n, err := io.Copy(w, src)
	if src.err != nil || err == nil && n != p.size {
		// Without the final dot the server takes nothing.
		c.drop()
		if src.err != nil {
			return "", src.err
		}
		return "", &transport.Error{Kind: transport.Temporary, Op: "read", Err: fmt.Errorf("the mail has %d bytes, %d were announced", n, p.size)}
	}
	if err != nil {
		return "", c.failed("send", err)
	}
	res, err := w.CloseWithResponse()
	if err == nil {
		return oneLineText(res.StatusText), nil
	}
	var reply *gosmtp.SMTPError
	if errors.As(err, &reply) {
		return "", c.failed("send", err)
	}
	c.drop()
	if transport.Canceled(err) {
		return "", err
	}
	return "", &transport.Error{
		Kind: transport.Permanent, Op: "send", Err: fmt.Errorf("the connection ended before the server's verdict: %w", err),
		Remedy: "the mail may have been taken; look before it is sent again",
	}
}

// marked tells errors of the mail's reader from those of the connection.
type marked struct {
	r   io.Reader
	err error
}

func (m *marked) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// reset ends a transaction that was not completed, or the connection. The
// library greets anew after a reset; here its failure is seen.
func (c *Client) reset() {
	if c.c.Reset() != nil || c.c.Hello(c.name) != nil {
		c.drop()
	}
}

// failed classifies an error within a transaction. What is no answer of the
// server ends the connection, and so does 421.
func (c *Client) failed(op string, err error) error {
	e := c.errorOf(op, err, transport.Permanent)
	var reply *gosmtp.SMTPError
	if !errors.As(err, &reply) || reply.Code == 421 {
		c.drop()
	} else if op == "send" {
		c.reset()
	}
	return e
}
