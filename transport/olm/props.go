package olm

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// A builder makes the object of an item.
type builder struct {
	a    *archive
	e    *entry
	item int
	n    *node
	m    *mapi.Message
	mapi.Problems
}

func (b *builder) text(tag mapi.Tag, s string) {
	if s != "" {
		b.m.Props.Set(tag, mapi.StringValue(s))
	}
}

func (b *builder) named(name mapi.Name, s string) {
	if s != "" {
		b.m.Props.SetName(name, mapi.StringValue(s))
	}
}

func (b *builder) time(tag mapi.Tag, t time.Time) {
	if !t.IsZero() {
		b.m.Props.Set(tag, mapi.TimeValue(t))
	}
}

func (b *builder) namedTime(name mapi.Name, t time.Time) {
	if !t.IsZero() {
		b.m.Props.SetName(name, mapi.TimeValue(t))
	}
}

// body sets a body from an element, or from the first of several that has text.
func (b *builder) body(html bool, names ...string) *node {
	for _, name := range names {
		n := b.n.child(name)
		if n == nil || n.size == 0 {
			continue
		}
		b.setBody(html, n)
		return n
	}
	return nil
}

func (b *builder) setBody(html bool, n *node) {
	switch {
	case html && n.large():
		b.m.Props.Set(mapi.PidTagHtml, mapi.BlobValue(mapi.TypeBinary, &textBlob{a: b.a, e: b.e, item: b.item, index: n.index, size: n.size}))
	case html:
		b.m.Props.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte(n.text)))
	case n.large() || n.units > mapi.InlineLimit/2:
		b.m.Props.Set(mapi.PidTagBody, mapi.BlobValue(mapi.TypeString, &textBlob{a: b.a, e: b.e, item: b.item, index: n.index, wide: true, size: 2 * n.units}))
	default:
		b.m.Props.Set(mapi.PidTagBody, mapi.StringValue(crlf(n.text)))
	}
	if html {
		b.m.Props.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(65001))
	}
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// categories reads the list of categories.
func (b *builder) categories(list, primary string) {
	var names []string
	if k := b.n.child(list); k != nil {
		for _, c := range k.kids {
			if s := c.attr("OPFCategoryCopyName"); s != "" {
				names = append(names, s)
			}
		}
	}
	if p := b.n.child(primary); p != nil && len(names) == 0 {
		if s := p.get("OPFCategoryCopyName"); s != "" {
			names = append(names, s)
		}
	}
	if len(names) > 0 {
		b.m.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(names))
	}
}

// followUp is the flag of an item with its dates: 1 flagged, 2 complete.
// [MS-OXOFLAG] 2.2.1
func (b *builder) followUp(status, started, due, completed string) {
	n, _ := b.n.number(status)
	done := b.n.date(completed)
	switch {
	case n == 2 || n == 0 && !done.IsZero():
		b.m.Props.Set(mapi.PidTagFlagStatus, mapi.Int32Value(1))
		b.time(mapi.PidTagFlagCompleteTime, done)
		b.m.Props.SetName(mapi.PidLidTaskComplete, mapi.BoolValue(true))
	case n == 1:
		b.m.Props.Set(mapi.PidTagFlagStatus, mapi.Int32Value(2))
	}
	b.namedTime(mapi.PidLidTaskStartDate, b.n.date(started))
	b.namedTime(mapi.PidLidTaskDueDate, b.n.date(due))
}

// importance by OPFMessageGetPriority, which counts from 1, the highest.
func (b *builder) importance(name string) {
	p, ok := b.n.number(name)
	if !ok || p < 1 || p > 5 {
		return
	}
	v := int32(1)
	if p < 3 {
		v = 2
	} else if p > 3 {
		v = 0
	}
	b.m.Props.Set(mapi.PidTagImportance, mapi.Int32Value(v))
}

// rest keeps what has no place in MAPI, by the name of its element, so that
// nothing is lost in silence.
func (b *builder) rest() {
	for _, k := range b.n.kids {
		if k.used || strings.TrimSpace(k.text) == "" && len(k.kids) == 0 {
			continue
		}
		name := mapi.Name{Set: mapi.PSPublicStrings, Name: k.name}
		if len(k.kids) > 0 {
			var x strings.Builder
			k.write(&x)
			b.m.Props.SetName(name, mapi.StringValue(x.String()))
			continue
		}
		if k.large() {
			b.m.Props.SetName(name, mapi.BlobValue(mapi.TypeString, &textBlob{a: b.a, e: b.e, item: b.item, index: k.index, wide: true, size: 2 * k.units}))
			continue
		}
		b.m.Props.SetName(name, mapi.StringValue(k.text))
	}
}

// A person is a name with an address.
type person struct{ name, addr string }

func (p person) shown() string {
	if p.name != "" {
		return p.name
	}
	return p.addr
}

// people reads a list of emailAddress elements.
func (b *builder) people(name string) []person {
	var list []person
	k := b.n.child(name)
	if k == nil {
		return nil
	}
	for _, c := range k.kids {
		p := person{strings.TrimSpace(c.attr("OPFContactEmailAddressName")), strings.TrimSpace(c.attr("OPFContactEmailAddressAddress"))}
		if p.addr == "" {
			p.addr = strings.TrimSpace(c.text)
		}
		if p.name != "" || p.addr != "" {
			list = append(list, p)
		}
	}
	if len(list) == 0 && strings.Contains(k.text, "@") {
		list = append(list, person{addr: strings.TrimSpace(k.text)})
	}
	return list
}

func (b *builder) sender(p person, name, typ, addr, smtp mapi.Tag) {
	b.text(name, p.shown())
	if p.addr != "" {
		b.text(typ, "SMTP")
		b.text(addr, p.addr)
		b.text(smtp, p.addr)
	}
}

func (b *builder) recipient(typ int32, p person) *mapi.Recipient {
	r := &mapi.Recipient{}
	r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(typ))
	r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(p.shown()))
	if p.addr != "" {
		r.Props.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
		r.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue(p.addr))
		r.Props.Set(mapi.PidTagSmtpAddress, mapi.StringValue(p.addr))
		r.Props.Set(mapi.PidTagEntryId, mapi.BinaryValue(oneOff(p)))
	}
	b.m.Recipients = append(b.m.Recipients, r)
	return r
}

var oneOffProvider = [16]byte{0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02}

// oneOff is the entry identifier of somebody who is in no address book: Unicode,
// no look-up, no rich text. [MS-OXCDATA] 2.2.5.1
func oneOff(p person) []byte {
	b := append(make([]byte, 4), oneOffProvider[:]...)
	b = append(b, 0, 0, 0x01, 0x90)
	for _, s := range []string{p.shown(), "SMTP", p.addr} {
		b = append(append(b, mapi.EncodeUTF16(s)...), 0, 0)
	}
	return b
}

// entryList is a list of entry identifiers. [MS-OXCDATA] 2.3.3
func entryList(list []person) []byte {
	var entries []byte
	for _, p := range list {
		e := oneOff(p)
		entries = binary.LittleEndian.AppendUint32(entries, uint32(len(e)))
		entries = append(entries, e...)
		for len(entries)%4 != 0 {
			entries = append(entries, 0)
		}
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(entries)))
	return append(b, entries...)
}
