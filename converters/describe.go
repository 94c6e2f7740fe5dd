package converters

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/transport"
)

// A Node describes one thing inside a message for a person to read: the
// message, a recipient, an attachment, a MIME part. It marshals to JSON.
type Node struct {
	// Kind is message, recipient, attachment, storage, stream or part.
	Kind     string          `json:"kind"`
	Title    string          `json:"title,omitempty"`
	Fields   []NodeField     `json:"fields,omitempty"`
	Props    []NodeProperty  `json:"properties,omitempty"`
	Children []*Node         `json:"children,omitempty"`
	Problems []DescribedFlaw `json:"problems,omitempty"`
}

// A NodeField is a header or another fact.
type NodeField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A NodeProperty is one property.
type NodeProperty struct {
	Name string `json:"name"`
	Tag  string `json:"tag"`
	Type string `json:"type"`
	// Set and LID or StringName say which named property it is.
	Set        string `json:"set,omitempty"`
	LID        string `json:"lid,omitempty"`
	StringName string `json:"string_name,omitempty"`
	Size       int64  `json:"size"`
	// Value is shortened; the format json of convert has all of it.
	Value string `json:"value"`
}

// A DescribedFlaw is a problem of the item.
type DescribedFlaw struct {
	Severe bool   `json:"severe"`
	Text   string `json:"text"`
}

// Describe looks into an item. With props every property is listed.
func Describe(ctx context.Context, it *Item, cv *Converter, props bool) (*Node, error) {
	var n *Node
	switch it.Form {
	case transport.FormObject:
		n = describeMessage(it.Object, props)
	default:
		r, size, release, err := cv.ReaderAt(ctx, it.MIME)
		if err != nil {
			return nil, err
		}
		defer release()
		e, err := entity.Parse(r, size, nil)
		if err != nil {
			return nil, err
		}
		n = describePart(e, props)
		for _, p := range e.Problems {
			it.Problems.Add(p)
		}
	}
	for _, p := range it.Problems {
		n.Problems = append(n.Problems, DescribedFlaw{p.Severe, p.String()})
	}
	return n, nil
}

func describeMessage(m *mapi.Message, props bool) *Node {
	n := &Node{Kind: "message", Title: m.Class()}
	add := func(name, value string) {
		if value != "" {
			n.Fields = append(n.Fields, NodeField{name, value})
		}
	}
	ps := m.Props
	add("Subject", ps.Text(mapi.PidTagSubject))
	add("From", described(ps.Text(mapi.PidTagSentRepresentingName), firstOf(ps.Text(mapi.PidTagSentRepresentingSmtpAddress), ps.Text(mapi.PidTagSentRepresentingEmailAddress))))
	add("Sender", described(ps.Text(mapi.PidTagSenderName), firstOf(ps.Text(mapi.PidTagSenderSmtpAddress), ps.Text(mapi.PidTagSenderEmailAddress))))
	add("Sent", describedTime(ps.Time(mapi.PidTagClientSubmitTime)))
	add("Received", describedTime(ps.Time(mapi.PidTagMessageDeliveryTime)))
	add("Message-ID", ps.Text(mapi.PidTagInternetMessageId))
	var bodies []string
	for _, b := range []struct {
		name string
		tag  mapi.Tag
	}{{"text", mapi.PidTagBody}, {"HTML", mapi.PidTagHtml}, {"HTML (string)", mapi.PidTagBodyHtml}, {"compressed RTF", mapi.PidTagRtfCompressed}} {
		if v, ok := ps.Get(b.tag); ok {
			bodies = append(bodies, fmt.Sprintf("%s, %d bytes", b.name, v.Size()))
		}
	}
	add("Bodies", strings.Join(bodies, "; "))
	if props {
		n.Props = describeProps(ps)
	}
	kinds := map[int]string{mapi.RecipientOriginator: "from", mapi.RecipientTo: "to", mapi.RecipientCc: "cc", mapi.RecipientBcc: "bcc"}
	for _, r := range m.Recipients {
		c := &Node{Kind: "recipient", Title: described(r.Props.Text(mapi.PidTagDisplayName),
			firstOf(r.Props.Text(mapi.PidTagSmtpAddress), r.Props.Text(mapi.PidTagEmailAddress)))}
		kind, ok := kinds[r.Type()]
		if !ok {
			kind = fmt.Sprintf("type %d", r.Type())
		}
		c.Title = kind + " " + c.Title
		if props {
			c.Props = describeProps(r.Props)
		}
		n.Children = append(n.Children, c)
	}
	for _, a := range m.Attachments {
		n.Children = append(n.Children, describeAttachment(a, props))
	}
	return n
}

func describeAttachment(a *mapi.Attachment, props bool) *Node {
	name := firstOf(a.Props.Text(mapi.PidTagAttachLongFilename), a.Props.Text(mapi.PidTagAttachFilename), a.Props.Text(mapi.PidTagDisplayName), "(no name)")
	c := &Node{Kind: "attachment", Title: name}
	methods := map[int]string{
		mapi.AttachNone: "no content", mapi.AttachByValue: "by value", mapi.AttachByReference: "by reference", mapi.AttachByRefResolve: "by reference",
		mapi.AttachByRefOnly: "by reference", mapi.AttachEmbedded: "message", mapi.AttachOLE: "OLE object", mapi.AttachByWebReference: "web reference",
	}
	add := func(name, value string) {
		if value != "" {
			c.Fields = append(c.Fields, NodeField{name, value})
		}
	}
	method, ok := methods[a.Method()]
	if !ok {
		method = fmt.Sprint(a.Method())
	}
	add("Method", method)
	add("Type", a.Props.Text(mapi.PidTagAttachMimeTag))
	if d := a.Data(); d != nil {
		add("Size", fmt.Sprintf("%d bytes", d.Size()))
	}
	add("Content-ID", a.Props.Text(mapi.PidTagAttachContentId))
	add("Path", firstOf(a.Props.Text(mapi.PidTagAttachLongPathname), a.Props.Text(mapi.PidTagAttachPathname)))
	if a.Props.Bool(mapi.PidTagAttachmentHidden) {
		add("Hidden", "yes")
	}
	if props {
		c.Props = describeProps(a.Props)
	}
	if a.Embedded != nil {
		c.Children = append(c.Children, describeMessage(a.Embedded, props))
	}
	if a.Storage != nil {
		c.Children = append(c.Children, describeStorage(a.Storage))
	}
	return c
}

func describeStorage(s *mapi.Storage) *Node {
	n := &Node{Kind: "storage", Title: s.Name}
	if !s.CLSID.IsZero() {
		n.Fields = append(n.Fields, NodeField{"CLSID", s.CLSID.String()})
	}
	for _, st := range s.Streams {
		n.Children = append(n.Children, &Node{Kind: "stream", Title: st.Name, Fields: []NodeField{{"Size", fmt.Sprintf("%d bytes", st.Data.Size())}}})
	}
	for _, sub := range s.Storages {
		n.Children = append(n.Children, describeStorage(sub))
	}
	return n
}

func describeProps(ps mapi.Properties) []NodeProperty {
	list := make([]NodeProperty, 0, len(ps))
	for _, p := range ps {
		np := NodeProperty{Name: p.String(), Tag: p.Tag.String(), Type: p.Value.Type().String(), Size: p.Value.Size(), Value: describeValue(p.Value)}
		if p.Name != nil {
			np.Set = firstOf(p.Name.Set.SetName(), p.Name.Set.String())
			if p.Name.Name != "" {
				np.StringName = p.Name.Name
			} else {
				np.LID = fmt.Sprintf("0x%04X", p.Name.ID)
			}
		}
		list = append(list, np)
	}
	return list
}

// maxShown is how much of a long value a description shows.
const maxShown = 120

func describeValue(v mapi.Value) string {
	if v.Type().Multi() {
		var list []string
		n := len(v.Elems())
		for i := range min(n, 20) {
			list = append(list, describeValue(v.Elem(i)))
		}
		if n > 20 {
			list = append(list, fmt.Sprintf("... %d in all", n))
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	if v.Type().IsString() {
		if !v.InMemory() {
			return fmt.Sprintf("(%d bytes of text)", v.Size())
		}
		s := v.Text()
		if r := []rune(s); len(r) > maxShown {
			return fmt.Sprintf("%q... (%d characters)", string(r[:maxShown]), len(r))
		}
		return fmt.Sprintf("%q", s)
	}
	if n, ok := v.Int(); ok {
		switch v.Type() {
		case mapi.TypeBoolean:
			return fmt.Sprint(n != 0)
		case mapi.TypeCurrency:
			return fmt.Sprintf("%d.%04d", n/10000, abs(n%10000))
		default:
			if n > 9 || n < 0 {
				return fmt.Sprintf("%d (0x%X)", n, unsigned(v, n))
			}
			return fmt.Sprint(n)
		}
	}
	if f, ok := v.Float(); ok {
		return fmt.Sprint(f)
	}
	if v.Type() == mapi.TypeTime {
		if t, ok := v.Time(); ok {
			return describedTime(t)
		}
		return "none"
	}
	if g, ok := v.GUID(); ok {
		return "{" + g.String() + "}"
	}
	raw := v.Raw()
	if !v.InMemory() {
		return fmt.Sprintf("(%d bytes)", v.Size())
	}
	if len(raw) > maxShown/2 {
		return fmt.Sprintf("%s... (%d bytes)", hex.EncodeToString(raw[:maxShown/2]), len(raw))
	}
	return hex.EncodeToString(raw)
}

func unsigned(v mapi.Value, n int64) uint64 {
	return uint64(n) & (1<<(8*uint(v.Type().FixedSize())) - 1)
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

func describedTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.9999999Z")
}

func described(name, address string) string {
	switch {
	case address == "":
		return name
	case name == "" || name == address:
		return "<" + address + ">"
	}
	return name + " <" + address + ">"
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
