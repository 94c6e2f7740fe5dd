package contact

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// CardSet is the property set of what this package keeps of a card in a
// message. No other program has a meaning for it, and each may remove it.
var CardSet = mapi.MustGUID("6d61696c-636f-6e76-8002-7643617264ff")

// Properties of [CardSet]. A line has the form of 4.0, without folding.
var (
	// NameVersion is the version of the card. PtypString.
	NameVersion = mapi.Name{Set: CardSet, Name: "Version"}
	// NameLines are the lines that no property stands for.
	// PtypMultipleString.
	NameLines = mapi.Name{Set: CardSet, Name: "Lines"}
	// NameHeads are lines that a property stands for, but which say more
	// than it does: a group, parameters, another form of a date. Each is
	// written in place of what the property gives while both say the same.
	// PtypMultipleString.
	NameHeads = mapi.Name{Set: CardSet, Name: "Heads"}
	// NameDataLine, at an attachment, is a line without its value, which is
	// the content of the attachment. PtypString.
	NameDataLine = mapi.Name{Set: CardSet, Name: "DataLine"}
	// NameTextLine is the same for very long text, in UTF-8 with the escapes
	// of RFC 6350. PtypString.
	NameTextLine = mapi.Name{Set: CardSet, Name: "TextLine"}
)

// Message classes. [MS-OXOCNTC] 2.2.1.11, 2.2.2
const (
	classContact  = "IPM.Contact"
	classDistList = "IPM.DistList"
)

// Is reports whether m is a contact or a personal distribution list, which
// [Export] writes.
func Is(m *mapi.Message) bool { return isClass(m, classContact) || isClass(m, classDistList) }

func isClass(m *mapi.Message, class string) bool {
	c := m.Class()
	if len(c) < len(class) || !strings.EqualFold(c[:len(class)], class) {
		return false
	}
	return len(c) == len(class) || c[len(class)] == '.'
}

// A prop names a property, by tag or by name.
type prop struct {
	tag  mapi.Tag
	name mapi.Name
}

func tag(t mapi.Tag) prop    { return prop{tag: t} }
func named(n mapi.Name) prop { return prop{name: n} }

// typ is the type that the specification gives the property.
func (p prop) typ() mapi.Type {
	if p.tag != 0 {
		return p.tag.Type()
	}
	return p.name.Type()
}

func (p prop) get(ps mapi.Properties) (mapi.Value, bool) {
	if p.tag != 0 {
		return ps.Get(p.tag)
	}
	return ps.GetName(p.name)
}

// text is the text of a property without zeros.
func (p prop) text(ps mapi.Properties) string {
	v, _ := p.get(ps)
	return strings.ReplaceAll(v.Text(), "\x00", "")
}

func (p prop) set(ps *mapi.Properties, v mapi.Value) {
	if p.tag != 0 {
		ps.Set(p.tag, v)
		return
	}
	ps.SetName(p.name, v)
}

// setText sets a text that is not empty, with the line ends of MAPI.
func (p prop) setText(ps *mapi.Properties, s string) {
	if s = strings.ReplaceAll(s, "\x00", ""); s != "" {
		p.set(ps, mapi.StringValue(crlf(s)))
	}
}

// free reports whether the property is not set yet.
func (p prop) free(ps mapi.Properties) bool {
	_, ok := p.get(ps)
	return !ok
}

func crlf(s string) string {
	if strings.IndexByte(s, '\n') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

func lf(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(s, "\r\n", "\n")
}
