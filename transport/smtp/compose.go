package smtp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/transport/localfile"
)

// A Draft is a mail in parts. Addresses are as in a header: "Ann <ann@x.org>",
// several with commas between.
type Draft struct {
	From, To, Cc, Bcc string
	Subject           string
	Text, HTML        string   // one of them, or both
	Attachments       []string // names of files
	Date              time.Time
	// MessageID is made when it is empty, with the sender's domain.
	MessageID string
	InReplyTo string
}

// Write writes the draft as a mail, with its Bcc field, from which
// [FromHeader] reads recipients and which [Client.Send] leaves out.
func (d *Draft) Write(ctx context.Context, w io.Writer) error {
	m, err := d.message()
	if err != nil {
		return err
	}
	rep, err := mime.Export(ctx, w, m, nil)
	if err != nil {
		return err
	}
	for _, p := range rep.Problems {
		if p.Severe {
			return usage("%s", p)
		}
	}
	return nil
}

func (d *Draft) message() (*mapi.Message, error) {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	from, err := parse("From", d.From)
	if err != nil {
		return nil, err
	}
	if len(from) != 1 {
		return nil, usage("a mail has one sender in From")
	}
	for _, t := range []struct{ name, typ, addr, smtp mapi.Tag }{
		{mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderSmtpAddress},
		{mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingSmtpAddress},
	} {
		m.Props.Set(t.name, mapi.StringValue(from[0].Name))
		m.Props.Set(t.typ, mapi.StringValue("SMTP"))
		m.Props.Set(t.addr, mapi.StringValue(from[0].Addr))
		m.Props.Set(t.smtp, mapi.StringValue(from[0].Addr))
	}
	for _, r := range []struct {
		field, list string
		typ         int32
	}{{"To", d.To, mapi.RecipientTo}, {"Cc", d.Cc, mapi.RecipientCc}, {"Bcc", d.Bcc, mapi.RecipientBcc}} {
		list, err := parse(r.field, r.list)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			rec := &mapi.Recipient{}
			rec.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(r.typ))
			rec.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(a.Name))
			rec.Props.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
			rec.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue(a.Addr))
			rec.Props.Set(mapi.PidTagSmtpAddress, mapi.StringValue(a.Addr))
			m.Recipients = append(m.Recipients, rec)
		}
	}
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue(d.Subject))
	if d.Text != "" || d.HTML == "" {
		m.Props.Set(mapi.PidTagBody, mapi.StringValue(crlf(d.Text)))
	}
	if d.HTML != "" {
		m.Props.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte(crlf(d.HTML))))
		m.Props.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(65001))
	}
	if !d.Date.IsZero() {
		m.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(d.Date))
	}
	id := d.MessageID
	if id == "" {
		id = newID(from[0].Addr)
	}
	m.Props.Set(mapi.PidTagInternetMessageId, mapi.StringValue(header.MessageID(id)))
	if d.InReplyTo != "" {
		m.Props.Set(mapi.PidTagInReplyToId, mapi.StringValue(header.MessageID(d.InReplyTo)))
	}
	for _, name := range d.Attachments {
		a, err := attachment(name)
		if err != nil {
			return nil, err
		}
		m.Attachments = append(m.Attachments, a)
	}
	return m, nil
}

// parse reads addresses that are to be written: each must be one.
func parse(field, list string) ([]header.Address, error) {
	var out []header.Address
	for _, a := range header.ParseAddresses(list, nil) {
		if a.Group || a.Addr == "" {
			return nil, usage("%s: %q is not an address", field, a.Name)
		}
		m, err := address(a.Addr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		if m.utf8 {
			return nil, usage("%s: %s is not ASCII before the @, which a composed mail cannot say", field, a.Addr)
		}
		out = append(out, header.Address{Name: a.Name, Addr: m.wire})
	}
	return out, nil
}

func newID(from string) string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // never fails
	domain := from[strings.LastIndexByte(from, '@')+1:]
	if d, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = d
	}
	return "<" + hex.EncodeToString(b[:]) + "@" + domain + ">"
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

func attachment(name string) (*mapi.Attachment, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, usage("attachment: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, usage("attachment %s is not a file", name)
	}
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(filepath.Base(name)))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, localfile.Blob{Path: name, N: st.Size()}))
	return a, nil
}
