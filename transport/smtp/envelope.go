package smtp

import (
	"context"
	"strings"

	"golang.org/x/net/idna"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/head"
)

// A mailbox is an address as it was given and as it goes over the wire.
type mailbox struct {
	given, wire string
	utf8        bool // the wire form is not ASCII
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > 0x7e {
			return false
		}
	}
	return true
}

// address checks an address of the envelope. A domain outside of ASCII is sent
// in its ASCII form where the local part is ASCII; else SMTPUTF8 carries both.
func address(s string) (mailbox, error) {
	s = strings.TrimSpace(s)
	m := mailbox{given: s, wire: s}
	quoted := false
	for i, r := range s {
		switch {
		case r == '"' && (i == 0 || s[i-1] != '\\'):
			quoted = !quoted
		case r < ' ' || r == 0x7f || !quoted && strings.ContainsRune(" <>()[]\\,;:", r) && i < strings.LastIndexByte(s, '@'),
			r == '<' || r == '>' || r == ' ' && !quoted:
			return m, usage("%q is not an address", s)
		}
	}
	if len(s) > 320 || quoted {
		return m, usage("%.80q is not an address", s)
	}
	at := strings.LastIndexByte(s, '@')
	if s != "" && at < 1 && !strings.EqualFold(s, "postmaster") || at == len(s)-1 && at >= 0 {
		return m, usage("%q is not an address", s)
	}
	if isASCII(s) {
		return m, nil
	}
	local, domain := s[:at], s[at+1:]
	if isASCII(local) {
		d, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return m, usage("the domain of %q: %w", s, err)
		}
		m.wire = local + "@" + d
		return m, nil
	}
	m.utf8 = true
	return m, nil
}

// addresses checks recipients and drops those named twice.
func addresses(list []string) ([]mailbox, error) {
	var out []mailbox
	seen := map[string]bool{}
	for _, s := range list {
		m, err := address(s)
		if err == nil && m.wire == "" {
			err = usage("a recipient is empty")
		}
		if err != nil {
			return nil, err
		}
		if !seen[m.wire] {
			seen[m.wire] = true
			out = append(out, m)
		}
	}
	return out, nil
}

// FromHeader reads the envelope that a mail's header stands for: the sender is
// that of Sender, else the first of From; the recipients are those of To, Cc
// and Bcc. In a mail that was sent on, the newest block of Resent- fields takes
// their place. RFC 5322 3.6.2, 3.6.3, 3.6.6
func FromHeader(ctx context.Context, mail mapi.Blob) (from string, to []string, err error) {
	r, err := mail.Open(ctx)
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	h, err := head.Read(r)
	if err != nil {
		return "", nil, err
	}
	fields := h.Fields
	prefix := ""
	if block := resent(fields); len(block) > 0 {
		fields, prefix = block, "resent-"
	}
	for _, name := range []string{"sender", "from"} {
		for _, f := range fields.All(prefix + name) {
			if list := addrs(f); from == "" && len(list) > 0 {
				from = list[0]
			}
		}
	}
	for _, name := range []string{"to", "cc", "bcc"} {
		for _, f := range fields.All(prefix + name) {
			to = append(to, addrs(f)...)
		}
	}
	if len(to) == 0 {
		return from, nil, &transport.Error{
			Kind: transport.Rejected, Op: "send", Err: errNoRecipient, Remedy: "name recipients with --to",
		}
	}
	return from, to, nil
}

// resent is the first block of Resent- fields, which is the newest. A block
// ends where a field comes again that a block has once.
func resent(fields header.Fields) header.Fields {
	var block header.Fields
	seen := map[string]bool{}
	for _, f := range fields {
		name := strings.ToLower(f.Name)
		if !strings.HasPrefix(name, "resent-") {
			if len(block) > 0 && (name == "received" || name == "return-path") {
				break // the trace of the block below
			}
			continue
		}
		if seen[name] {
			break
		}
		seen[name] = true
		block = append(block, f)
	}
	if !seen["resent-to"] && !seen["resent-cc"] && !seen["resent-bcc"] {
		return nil
	}
	return block
}

func addrs(f header.Field) []string {
	var out []string
	var walk func([]header.Address)
	walk = func(list []header.Address) {
		for _, a := range list {
			walk(a.Members)
			if a.Addr != "" {
				out = append(out, a.Addr)
			}
		}
	}
	walk(header.ParseAddresses(f.Value(), nil))
	return out
}
