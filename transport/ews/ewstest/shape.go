package ewstest

// scope says in which base shapes a field is.
type scope int

const (
	never scope = iota // only when it is asked for
	inAll
	inDefault // and in all
)

// A shape is what of an item or a folder is asked for.
// [MS-OXWSCDATA] 2.2.4.45
type shape struct {
	base     scope // the least scope of a field that is in; 0 is IdOnly
	fields   map[string]bool
	indexed  map[string]map[string]bool
	extended []property

	// short cuts long values, as a listing does.
	short bool

	mime     bool
	bodyType string // Best, HTML, Text
}

// has reports whether a field is wanted, which is in the base shapes that its
// scope says.
func (sh shape) has(uri string, sc scope) bool {
	return sh.fields[uri] || sh.base != never && sc >= sh.base
}

func parseShape(n *node) (shape, *soapFault) {
	sh := shape{fields: map[string]bool{}, indexed: map[string]map[string]bool{}, bodyType: "Best"}
	if n == nil {
		return sh, schemaFault("there is no shape")
	}
	switch n.value("BaseShape") {
	case "IdOnly":
	case "Default":
		sh.base = inDefault
	case "AllProperties":
		sh.base = inAll
	default:
		return sh, schemaFault("%q is no BaseShape", n.value("BaseShape"))
	}
	sh.mime = n.isTrue("IncludeMimeContent")
	if t := n.value("BodyType"); t != "" {
		sh.bodyType = t
	}
	return sh, sh.add(n.list("AdditionalProperties"))
}

func (sh *shape) add(paths []*node) *soapFault {
	for _, p := range paths {
		switch p.name {
		case "FieldURI":
			sh.fields[p.attr("FieldURI")] = true
			sh.mime = sh.mime || p.attr("FieldURI") == "item:MimeContent"
		case "IndexedFieldURI":
			uri := p.attr("FieldURI")
			if sh.indexed[uri] == nil {
				sh.indexed[uri] = map[string]bool{}
			}
			sh.indexed[uri][p.attr("FieldIndex")] = true
		case "ExtendedFieldURI":
			prop, err := parseProperty(p)
			if err != nil {
				return faultOf(err)
			}
			sh.extended = append(sh.extended, prop)
		default:
			return schemaFault("%s is no path", p.name)
		}
	}
	return nil
}
