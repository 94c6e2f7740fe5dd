package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/graph"
	"github.com/mailconv/mailconv/transport/smtp"
)

func sendCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "send",
		Usage:     "send files, or a mail made of options, through an SMTP or Exchange server or Microsoft Graph",
		ArgsUsage: "[options] smtp[s]://[USER@]HOST|ews://USER@HOST|graph://USER@TENANT [IN...]",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "sender `ADDRESS` (for files: of the envelope; default: the header's; null is the empty one)"},
			&cli.StringSliceFlag{Name: "to", Usage: "recipient `ADDRESS`, may be repeated (for files: of the envelope; default: the header's)"},
			&cli.StringSliceFlag{Name: "cc", Usage: "`ADDRESS` for a copy"},
			&cli.StringSliceFlag{Name: "bcc", Usage: "`ADDRESS` for a copy that the others do not see"},
			&cli.StringFlag{Name: "subject", Usage: "`TEXT` of the subject"},
			&cli.StringFlag{Name: "text", Usage: "`TEXT` of the body"},
			&cli.StringFlag{Name: "text-file", Usage: "`FILE` with the body as text in UTF-8; - is standard input"},
			&cli.StringFlag{Name: "html-file", Usage: "`FILE` with the body as HTML in UTF-8; - is standard input"},
			&cli.StringSliceFlag{Name: "attach", Usage: "`FILE` to attach, may be repeated"},
			&cli.BoolFlag{Name: "raw", Usage: "send files byte for byte, Bcc fields too; one with line ends that SMTP cannot carry is refused"},
			&cli.StringFlag{Name: "dsn", Usage: "ask to be told of `EVENTS`: success,failure,delay or never"},
			&cli.StringFlag{Name: "dsn-return", Usage: "have `WHAT` sent back with such news: full or hdrs"},
			&cli.StringFlag{Name: "dsn-id", Usage: "`TEXT` that comes back with them"},
		}, append(storeFlags(sinkRole), &cli.IntFlag{Name: "codepage", Usage: "read 8-bit strings of MAPI items in code page `N`"})...),
		Description: `Files may be of any form (.msg, .eml, ...), '-' is standard input. Without files
a mail is made of the options. Bcc fields are taken out of what is sent. The
connection is encrypted, or nothing is sent, unless the address has tls=none.
An Exchange server and Microsoft Graph send to the recipients of the header and
keep a copy in Sent Items.

EXAMPLES:
   mailconv send smtp://ann@mail.example letter.msg
   mailconv send smtps://ann@mail.example --to archive@example.org *.eml
   mailconv send smtp://ann@mail.example --from ann@example.org --to ben@example.org \
       --subject Report --text 'See the attachment.' --attach report.pdf
   mailconv send --dsn success,failure smtp://ann@mail.example letter.eml
   mailconv send ews://ann@mail.example letter.msg
   mailconv send graph://ann@example.org letter.msg`,
		Action: func(c *cli.Context) error { return runSend(c, std) },
	}
}

// An exchange sends as a mailbox, to whom the header names.
type exchange interface {
	Send(ctx context.Context, mail mapi.Blob) error
	Close() error
}

// sender sends one mail after the other and keeps count.
type sender struct {
	c        *cli.Context
	std      stdio
	client   *smtp.Client
	exchange exchange // instead of client
	dsn      smtp.DSN
	sent     int
	failed   int
	dsnKnown bool // what the server lacks was told
}

func runSend(c *cli.Context, std stdio) error {
	if !c.Args().Present() {
		return usagef("name a server, as in smtp://user@host")
	}
	a, err := transport.ParseAddress(c.Args().First())
	if err != nil {
		return err
	}
	if a.Scheme != "smtp" && a.Scheme != "smtps" && a.Scheme != "ews" && a.Scheme != "graph" {
		return usagef("%s is not a server that sends: write it as smtp://user@host, ews://user@host or graph://user@tenant", a)
	}
	if a.Params.Get("to") != "" || a.Params.Get("from") != "" {
		return usagef("name sender and recipients with --from and --to, not in the address")
	}
	env, a, err := storeAccess(c, sinkRole, nil, a)
	if err != nil {
		return err
	}
	s := &sender{c: c, std: std}
	s.dsn = smtp.DSN{Return: strings.ToUpper(c.String("dsn-return")), ID: c.String("dsn-id")}
	if events := c.String("dsn"); events != "" {
		s.dsn.Notify = strings.Split(strings.ToUpper(events), ",")
		s.dsn.Original = true
	}
	files := c.Args().Slice()[1:]
	if a.Scheme == "ews" || a.Scheme == "graph" {
		if err := exchangeOnly(c, len(files) > 0); err != nil {
			return err
		}
		if a.Scheme == "ews" {
			s.exchange, err = ews.OpenAddress(c.Context, a, env)
		} else {
			s.exchange, err = graph.OpenAddress(c.Context, a, env)
		}
		if err != nil {
			return err
		}
		defer s.exchange.Close()
	} else {
		if s.client, err = smtp.New(a, env); err != nil {
			return err
		}
		defer s.client.Close()
	}
	if len(files) == 0 {
		err = s.compose()
	} else {
		err = s.files(files)
	}
	switch {
	case err != nil:
		return err
	case s.failed > 0:
		return &exitError{code: exitSomeFailed}
	}
	return nil
}

// exchangeOnly refuses what an Exchange server cannot be asked for.
func exchangeOnly(c *cli.Context, files bool) error {
	names := []string{"dsn", "dsn-return", "dsn-id", "raw"}
	if files {
		names = append(names, "from", "to")
	}
	for _, name := range names {
		if c.IsSet(name) {
			return usagef("--%s is for SMTP; an Exchange server takes sender and recipients from the mail", name)
		}
	}
	return nil
}

// compose sends a mail that is made of the options.
func (s *sender) compose() error {
	c := s.c
	if c.String("from") == "" || len(c.StringSlice("to"))+len(c.StringSlice("cc"))+len(c.StringSlice("bcc")) == 0 {
		return usagef("name files to send, or --from and --to for a new mail")
	}
	list := func(name string) string { return strings.Join(c.StringSlice(name), ", ") }
	d := smtp.Draft{
		From: c.String("from"), To: list("to"), Cc: list("cc"), Bcc: list("bcc"),
		Subject: c.String("subject"), Text: c.String("text"), Attachments: c.StringSlice("attach"), Date: time.Now(),
	}
	for _, f := range []struct {
		flag string
		into *string
	}{{"text-file", &d.Text}, {"html-file", &d.HTML}} {
		if name := c.String(f.flag); name != "" {
			if f.flag == "text-file" && d.Text != "" {
				return usagef("--text and --text-file exclude each other")
			}
			b, err := readText(name, s.std.in)
			if err != nil {
				return usagef("--%s: %v", f.flag, err)
			}
			*f.into = b
		}
	}
	// The mail lies in a file, as attachments may be large.
	t, err := os.CreateTemp("", ".mailconv-send-*")
	if err != nil {
		return err
	}
	defer os.Remove(t.Name())
	defer t.Close()
	if err := d.Write(c.Context, t); err != nil {
		return err
	}
	size, err := t.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	blob := mapi.Section{R: t, N: size}
	from, to, err := smtp.FromHeader(c.Context, blob)
	if err != nil {
		return err
	}
	if s.exchange != nil {
		return s.hand("the mail", blob, len(to))
	}
	return s.send("the mail", smtp.Mail{From: from, To: to, Content: blob})
}

// maxText bounds a body that is typed; attachments may have any size.
const maxText = 16 << 20

func readText(name string, stdin io.Reader) (string, error) {
	r := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err == nil && len(b) > maxText {
		err = fmt.Errorf("%s is larger than %d MiB: attach it", name, maxText>>20)
	}
	return string(bytes.TrimPrefix(b, []byte("\ufeff"))), err
}

// files sends each message of the files.
func (s *sender) files(names []string) error {
	c := s.c
	for _, name := range []string{"subject", "text", "text-file", "html-file", "cc", "bcc", "attach"} {
		if c.IsSet(name) {
			return usagef("--%s is for a new mail; files are sent as they are", name)
		}
	}
	cv := &converters.Converter{CodePage: c.Int("codepage")}
	read := 0
	for it, err := range converters.ReadFiles(c.Context, names, s.std.in, cv) {
		if err == nil && it.Err != nil {
			err = it.Err
		}
		if err == nil {
			read++
			err = s.item(it, cv)
		}
		switch k := transport.KindOf(err); {
		case c.Context.Err() != nil:
			return &exitError{exitInterrupted, fmt.Errorf("interrupted after %s", plural(s.sent, "mail", "mails"))}
		case err != nil && (k == transport.Auth || k == transport.Unavailable || k == transport.Usage):
			return err // the next one would fail the same way
		case err != nil:
			printFile(s.std.err, it.File, err.Error())
			s.failed++
		}
	}
	if read == 0 {
		return &exitError{code: exitNothingRead}
	}
	return nil
}

func (s *sender) item(it converters.FileItem, cv *converters.Converter) error {
	mime, err := cv.ToMIME(s.c.Context, it.Content)
	if err != nil {
		return err
	}
	defer mime.Close()
	if s.exchange != nil {
		_, to, err := smtp.FromHeader(s.c.Context, mime.MIME)
		if err != nil {
			return err
		}
		return s.hand(it.File, mime.MIME, len(to))
	}
	raw := s.c.Bool("raw")
	m := smtp.Mail{Content: mime.MIME, To: s.c.StringSlice("to"), From: s.c.String("from"), Raw: raw, Mend: !raw}
	if m.From == "" || len(m.To) == 0 {
		from, to, err := smtp.FromHeader(s.c.Context, mime.MIME)
		if len(m.To) == 0 {
			if err != nil {
				return err
			}
			m.To = to
		}
		if m.From == "" {
			m.From = from
		}
	}
	if m.From == "null" {
		m.From = ""
	}
	return s.send(it.File, m)
}

// hand gives a mail to an Exchange server.
func (s *sender) hand(name string, mail mapi.Blob, recipients int) error {
	if err := s.exchange.Send(s.c.Context, mail); err != nil {
		return err
	}
	s.sent++
	fmt.Fprintf(s.std.out, "%s: sent to %s (a copy is in Sent Items)\n", oneLine(name), plural(recipients, "recipient", "recipients"))
	return nil
}

func (s *sender) send(name string, m smtp.Mail) error {
	m.DSN = s.dsn
	rep, err := s.client.Send(s.c.Context, m)
	if rep.NoDSN && !s.dsnKnown {
		s.dsnKnown = true
		printError(s.std.err, errors.New("the server knows no notifications of delivery (DSN); none will come"))
	}
	if err != nil {
		return err
	}
	s.sent++
	for _, r := range rep.Refused {
		printFile(s.std.err, name, "not to "+r.Address+": "+r.Err.Error())
	}
	if len(rep.Refused) > 0 {
		s.failed++
	}
	fmt.Fprintf(s.std.out, "%s: sent to %s (%s)\n", oneLine(name), plural(len(rep.Accepted), "recipient", "recipients"), oneLine(rep.Reply))
	return nil
}
