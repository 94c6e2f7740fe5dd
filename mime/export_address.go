package mime

import (
	"bytes"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// A Resolver knows SMTP addresses of Exchange addresses: a directory, a file,
// a cache. Dn is a legacyExchangeDN such as /o=Org/ou=Site/cn=Recipients/cn=ann,
// as stored. ResolveEX is called for each such address that the message itself
// cannot resolve, by one goroutine of each Export.
type Resolver interface {
	ResolveEX(dn string) (smtp string, ok bool)
}

// isEX reports whether s is an Exchange address, whatever organisation it is
// of and whatever type is stored with it.
func isEX(s string) bool {
	return len(s) > 6 && strings.EqualFold(s[:3], "/o=") && strings.Contains(strings.ToLower(s), "/cn=")
}

// dn is the Exchange address of a person, or "".
func (x *exporter) dn(p *person) string {
	if isEX(p.addr) {
		return p.addr
	}
	if e, ok := parseEntryID(p.entryID, x.charset); ok && isEX(e.addr) {
		return e.addr
	}
	if k, ok := strings.CutPrefix(string(bytes.TrimRight(p.searchKey, "\x00")), "EX:"); ok && isEX(k) {
		return k
	}
	if isEX(p.smtp) {
		return p.smtp
	}
	return ""
}

// stored is the SMTP address that the person's own properties hold, or "".
func (x *exporter) stored(p *person) string {
	if s, ok := header.AddrSpec(p.smtp); ok && !isEX(p.smtp) {
		return s
	}
	if p.typ == "" || strings.EqualFold(p.typ, "SMTP") || !isEX(p.addr) && strings.EqualFold(p.typ, "EX") {
		if s, ok := header.AddrSpec(p.addr); ok && !isEX(p.addr) {
			return s
		}
	}
	if e, ok := parseEntryID(p.entryID, x.charset); ok && strings.EqualFold(e.typ, "SMTP") {
		if s, ok := header.AddrSpec(e.addr); ok {
			return s
		}
	}
	if k := bytes.TrimRight(p.searchKey, "\x00"); len(k) > 5 && bytes.EqualFold(k[:5], []byte("SMTP:")) {
		// The search key is in upper case; the domain has no case.
		if s, ok := header.AddrSpec(strings.ToLower(string(k[5:]))); ok {
			return s
		}
	}
	return ""
}

// address finds the Internet address of a person. The order is: the SMTP
// property, an address of type SMTP, a one-off entry identifier, the search
// key, then for Exchange addresses the header that the message arrived with
// (hint), the creator of the item (for senders), the map and the resolver of
// the options. What is left is encapsulated, so that no Exchange address is
// ever bare in a header. [MS-OXCMAIL] 2.1.3.1.1, 2.1.3.1.8
func (x *exporter) address(p *person, hint func() string, creator bool) header.Address {
	a := header.Address{Name: p.name}
	if isEX(a.Name) {
		a.Name = ""
	}
	a.Addr = x.stored(p)
	dn := ""
	if a.Addr == "" {
		dn = x.dn(p)
		if hint != nil {
			a.Addr, _ = header.AddrSpec(hint())
		}
	}
	if a.Addr == "" && dn != "" {
		a.Addr = x.resolve(dn, creator)
	}
	if a.Addr == "" {
		a.Addr = x.encapsulate(p, dn)
	}
	if a.Name == "" && a.Addr == "" {
		a.Name = strings.TrimSpace(p.addr)
	}
	if a.Addr == "" {
		// A recipient that was typed and never resolved has its address as
		// the name.
		if n := strings.Trim(a.Name, "'<> "); !strings.ContainsAny(n, ` "<>()`) {
			a.Addr, _ = header.AddrSpec(n)
		}
	}
	if a.Addr != "" && onlyAddress(a.Name, a.Addr) {
		a.Name = ""
	}
	return a
}

// onlyAddress reports whether a name is nothing but the address: Outlook stores
// that where there is no name, in quotes or twice.
func onlyAddress(name, addr string) bool {
	if len(name) < len(addr) {
		return name == ""
	}
	rest := strings.ReplaceAll(strings.ToLower(name), strings.ToLower(addr), "")
	return strings.Trim(rest, " '\"<>()") == ""
}

func (x *exporter) resolve(dn string, creator bool) string {
	if creator {
		if s := x.creator(dn); s != "" {
			return s
		}
	}
	if len(x.opt.EXMap) > 0 {
		s, ok := x.opt.EXMap[dn]
		if !ok {
			s, ok = x.exMap[strings.ToLower(dn)]
		}
		if s, valid := header.AddrSpec(s); ok && valid {
			return s
		}
	}
	if x.opt.Resolver != nil {
		if s, ok := x.opt.Resolver.ResolveEX(dn); ok {
			if s, ok := header.AddrSpec(s); ok {
				return s
			}
		}
	}
	return ""
}

// creator is PidTagCreatorSmtpAddress, which stands for the sender unless the
// creator is known to be someone else.
func (x *exporter) creator(dn string) string {
	s, ok := header.AddrSpec(x.m.Props.Text(mapi.PidTagCreatorSmtpAddress))
	if !ok {
		return ""
	}
	if e, ok := parseEntryID(x.m.Props.Bytes(mapi.PidTagCreatorEntryId), x.charset); ok && isEX(e.addr) && !strings.EqualFold(e.addr, dn) {
		return ""
	}
	return s
}

// defaultEncapsulationDomain is a name that nobody owns. RFC 2606 2
const defaultEncapsulationDomain = "imcea.invalid"

// encapsulate makes an SMTP address of one of another type. [MS-OXCMAIL]
// 2.1.3.1.8
func (x *exporter) encapsulate(p *person, dn string) string {
	typ, addr := "EX", dn
	if dn == "" {
		typ, addr = strings.ToUpper(strings.TrimSpace(p.typ)), strings.TrimSpace(p.addr)
		switch typ {
		// An address of type SMTP that is no address, and the types that have
		// no address at all: the name is all there is.
		case "", "SMTP", "EX", "UNKNOWN", "MAPIPDL":
			return ""
		}
		if addr == "" || addr == unknown || addr == p.name {
			return ""
		}
		for i := 0; i < len(typ); i++ {
			if c := typ[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
				return ""
			}
		}
	}
	const hex = "0123456789ABCDEF"
	b := append([]byte("IMCEA"), typ...)
	b = append(b, '-')
	for i := 0; i < len(addr); i++ {
		switch c := addr[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '=':
			b = append(b, c)
		case c == '/':
			b = append(b, '_')
		default:
			b = append(b, '+', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, '@')
	b = append(b, x.opt.EncapsulationDomain...)
	if len(b) > 900 {
		return ""
	}
	return string(b)
}

// sameUser reports whether two groups name one user. [MS-OXCMAIL] 2.1.3.1.4
func (x *exporter) sameUser(a, b *person) bool {
	if d, e := x.dn(a), x.dn(b); d != "" && e != "" {
		return strings.EqualFold(d, e)
	}
	if s, t := x.stored(a), x.stored(b); s != "" || t != "" {
		return strings.EqualFold(s, t)
	}
	return strings.EqualFold(a.addr, b.addr) && strings.EqualFold(a.name, b.name)
}

// replyTo is the list behind PidTagReplyRecipientEntries. [MS-OXCMAIL]
// 2.1.3.1.2
func (x *exporter) replyTo() []header.Address {
	var entries [][]byte
	if v, ok := x.m.Props.Get(mapi.PidTagReplyRecipientEntries); ok {
		b, err := mapi.ReadBlob(x.ctx, v.Blob(), bodyHold)
		if err != nil {
			x.problem(mapi.Problem{Offset: -1, Field: "PidTagReplyRecipientEntries", Detail: err.Error(), Spec: "[MS-OXCMAIL] 2.1.3.1.2"})
		}
		entries = parseEntryList(b)
	}
	names := strings.Split(x.m.Props.Text(mapi.PidTagReplyRecipientNames), ";")
	var list []header.Address
	for i, e := range entries {
		p, ok := parseEntryID(e, x.charset)
		if !ok {
			x.problem(mapi.Problem{
				Offset: -1, Field: "PidTagReplyRecipientEntries", Detail: "entry identifier of an unknown kind is left out",
				Spec: "[MS-OXCMAIL] 2.1.3.1.2",
			})
			continue
		}
		if len(names) == len(entries) {
			if n := strings.TrimSpace(names[i]); n != "" {
				p.name = n
			}
		}
		list = append(list, x.address(&p, nil, false))
	}
	return list
}
