package contact

import (
	"context"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/vcard"
)

// canonicalName is the name under which a line is known here, whatever another
// program calls it.
func canonicalName(l *vcard.Line) string {
	if l.Name == "RELATED" {
		if strings.EqualFold(l.Param("VALUE"), "uri") || strings.EqualFold(l.Param("VALUE"), "") && hasScheme(l.Text()) {
			return l.Name
		}
		switch {
		case l.HasType("SPOUSE"):
			return "X-MS-SPOUSE"
		case l.HasType("CHILD"):
			return "X-MS-CHILD"
		case l.HasType("AGENT"):
			return "X-MS-ASSISTANT"
		}
	}
	if n, ok := aliases[l.Name]; ok {
		return n
	}
	return l.Name
}

// key is what a line says, so that two lines that differ in form alone are
// equal.
func key(l *vcard.Line) string {
	name := canonicalName(l)
	return name + "\x00" + canonicalValue(name, l)
}

func canonicalValue(name string, l *vcard.Line) string {
	s := strings.TrimSpace(lf(l.Text()))
	first := func(list []string, n int) string {
		for i, s := range list {
			list[i] = strings.TrimSpace(lf(s))
		}
		for len(list) < n {
			list = append(list, "")
		}
		return strings.Join(list[:n], "\x00")
	}
	switch name {
	case "N":
		return first(l.Components(), 5)
	case "ORG":
		return first(l.Components(), 2)
	case "ADR":
		c := l.Components()
		if len(c) > 1 && !l.HasType("WORK") {
			c[1] = ""
		}
		return first(c, 7)
	case "TEL":
		return phoneText(l)
	case "EMAIL":
		return emailText(l)
	case "BDAY", "X-MS-ANNIVERSARY":
		if t, ok := parseDay(s); ok {
			return t.Format("2006-01-02")
		}
	case "REV":
		if t, ok := parseInstant(s); ok {
			return t.Format("2006-01-02T15:04:05")
		}
	case "GENDER":
		if s = strings.ToUpper(s); s != "" {
			return s[:1]
		}
	case "CLASS", "KIND":
		return strings.ToUpper(s)
	}
	return s
}

// class is which of several lines with one name a line is.
func class(l *vcard.Line) string {
	switch canonicalName(l) {
	case "TEL":
		return phoneOf(l).String()
	case "ADR", "LABEL", "URL":
		for _, t := range []string{"X-MAILING", "HOME", "WORK", "FTP"} {
			if l.HasType(t) {
				return t
			}
		}
	}
	return ""
}

// form is the whole of a line, but for the order of its parameters.
func form(l *vcard.Line) string {
	return l.Group + "." + l.Name + ";" + params(l) + ":" + l.Value
}

// params lists the parameters in an order that does not depend on the writer.
func params(l *vcard.Line) string {
	types := l.Types()
	if l.Param("PREF") == "1" {
		types = append(types, "PREF")
	}
	slices.Sort(types)
	types = slices.Compact(types)
	list := []string{strings.Join(types, ",")}
	for _, p := range l.Params {
		if p.Name == "TYPE" || p.Name == "PREF" && len(p.Values) == 1 && p.Values[0] == "1" {
			continue
		}
		list = append(list, p.Name+"="+strings.Join(p.Values, ","))
	}
	slices.Sort(list[1:])
	return strings.Join(list, ";")
}

// keep finds out which lines of the card the properties of m would not give
// back, and stores them.
func (r *cardReader) keep(m *mapi.Message) {
	g := &generator{m: m, version: versionOf(r.card.Version), labels: r.card.Get("LABEL") != nil}
	g.message()
	if v, _ := m.Props.Get(mapi.PidTagBody); v.InMemory() {
		g.addText("NOTE", lf(v.Text()))
	}
	given := map[string]int{}    // lines by what they say
	verbatim := map[string]int{} // by how they say it, too
	for i := range g.lines {
		if l := &g.lines[i]; l.Data == nil {
			given[key(l)]++
			verbatim[form(l)]++
		}
	}
	keywords := map[string]bool{}
	if v, ok := m.Props.GetName(mapi.PidNameKeywords); ok {
		for _, s := range v.Texts() {
			keywords[s] = true
		}
	}
	var lines, heads []string
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		switch {
		case r.used[i] || l.Value == "" && l.Data == nil && l.Long == nil && len(l.Params) == 0:
			continue
		case l.Data != nil || l.Long != nil:
			r.attach(l)
			continue
		case l.Name == "CATEGORIES" && l.Group == "" && len(l.Params) == 0 && allIn(l.List(), keywords):
			continue
		}
		k := key(l)
		if given[k] == 0 {
			lines = append(lines, l.String())
			continue
		}
		given[k]--
		if f := form(l); verbatim[f] > 0 && l.Name != "LABEL" {
			verbatim[f]--
			continue
		}
		// A label is a head by itself: it asks for labels.
		heads = append(heads, l.String())
	}
	if r.card.Version != "" {
		r.props.SetName(NameVersion, mapi.StringValue(r.card.Version))
	}
	if len(lines) > 0 {
		r.props.SetName(NameLines, mapi.MultiStringValue(lines))
	}
	if len(heads) > 0 {
		r.props.SetName(NameHeads, mapi.MultiStringValue(heads))
	}
}

func allIn(list []string, set map[string]bool) bool {
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" && !set[s] {
			return false
		}
	}
	return true
}

// attach keeps a line with much content as an attachment.
func (r *cardReader) attach(l *vcard.Line) {
	head := *l
	head.Data, head.Long, head.Value = nil, nil, ""
	mark, content, name := NameDataLine, l.Data, strings.ToLower(l.Name)
	if l.Long != nil {
		mark, content = NameTextLine, l.Long
		name += ".txt"
	} else {
		name += extensionOf(l)
		if l.Media != "" && l.Param("MEDIATYPE") == "" {
			head.Params = append(slices.Clone(head.Params), vcard.Param{Name: "MEDIATYPE", Values: []string{l.Media}})
		}
	}
	name = strings.Map(func(c rune) rune {
		if c < ' ' || strings.ContainsRune(`/\:*?"<>|`, c) {
			return '_'
		}
		return c
	}, name)
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, content))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(name))
	a.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
	a.Props.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
	if l.Data != nil {
		a.Props.Set(mapi.PidTagAttachMimeTag, mapi.StringValue(vcard.MediaType(l)))
	}
	a.Props.SetName(mark, mapi.StringValue(head.String()))
	r.atts = append(r.atts, a)
}

func extensionOf(l *vcard.Line) string {
	switch m := vcard.MediaType(l); m {
	case "image/jpeg", "image/png", "image/gif", "image/bmp":
		return imageExtension(m)
	case "audio/wav":
		return ".wav"
	case "audio/ogg":
		return ".ogg"
	case "application/pgp-keys":
		return ".asc"
	case "application/pkix-cert":
		return ".cer"
	}
	return ".bin"
}

// restore puts the kept lines of a message back into what its properties gave.
func restore(ctx context.Context, g *generator) {
	ps := g.m.Props
	byKey := map[string][]int{}
	for i := range g.lines {
		if l := &g.lines[i]; l.Data == nil && l.Long == nil {
			k := key(l)
			byKey[k] = append(byKey[k], i)
		}
	}
	for _, s := range texts(ps, NameHeads) {
		h, ok := vcard.ParseLine(s)
		if !ok {
			continue
		}
		k := key(&h)
		list := byKey[k]
		if len(list) == 0 {
			continue // the property was edited
		}
		// One number may be there for home and work: each keeps its own.
		n := 0
		if len(list) > 1 {
			c := class(&h)
			n = max(0, slices.IndexFunc(list, func(i int) bool { return class(&g.lines[i]) == c }))
		}
		l := &g.lines[list[n]]
		list[n] = list[0]
		byKey[k] = list[1:]
		if l.Name != h.Name && !strings.HasPrefix(l.Name, "X-") {
			// A name of another program does not take the place of one
			// that the version has.
			l.Group = h.Group
			continue
		}
		label, value := l.Param("LABEL"), l.Value
		*l = h
		if vcard.Unescape(h.Value) == vcard.Unescape(value) {
			l.Value = value // with the escapes that belong there
		}
		if label != "" || g.version != vcard.V40 {
			setLabel(l, label)
		}
	}
	for _, s := range texts(ps, NameLines) {
		if l, ok := vcard.ParseLine(s); ok {
			g.lines = append(g.lines, l)
		}
	}
	for _, a := range g.m.Attachments {
		if isPhoto(a) || a.Data() == nil {
			continue
		}
		if l, ok := vcard.ParseLine(a.Props.NameText(NameDataLine)); ok {
			l.Value, l.Data = "", a.Data()
			g.lines = append(g.lines, l)
		} else if l, ok := vcard.ParseLine(a.Props.NameText(NameTextLine)); ok {
			l.Value, l.Long = "", a.Data()
			g.lines = append(g.lines, l)
		}
	}
}

// setLabel sets or removes the parameter LABEL, which before 4.0 is a line.
func setLabel(l *vcard.Line, label string) {
	l.Params = slices.DeleteFunc(slices.Clone(l.Params), func(p vcard.Param) bool { return p.Name == "LABEL" })
	if label != "" {
		l.Params = append(l.Params, vcard.Param{Name: "LABEL", Values: []string{label}})
	}
}

// hasLabel reports whether a card had labels.
func hasLabel(ps mapi.Properties) bool {
	for _, s := range texts(ps, NameHeads) {
		if l, ok := vcard.ParseLine(s); ok && l.Name == "LABEL" {
			return true
		}
	}
	return false
}

func texts(ps mapi.Properties, n mapi.Name) []string {
	v, ok := ps.GetName(n)
	if !ok || !v.Type().IsString() {
		return nil
	}
	return v.Texts()
}

// versionOf is the version whose lines a card has.
func versionOf(v string) string {
	switch v {
	case vcard.V21, vcard.V40:
		return v
	}
	return vcard.V30
}
