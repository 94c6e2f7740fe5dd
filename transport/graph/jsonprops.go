package graph

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

// extLimit is the largest value of an extended property that is sent; the
// service takes no unlimited ones.
const extLimit = 30 << 10

// headerLimit is that of the header of the mail, which can be long.
const headerLimit = 256 << 10

// carried are the properties without a field of their own that a message is
// created with. What is neither here, nor a field, nor computed is a loss.
var carried = map[uint16]bool{
	0x001A: true, // PidTagMessageClass
	0x0E07: true, // PidTagMessageFlags
	0x0E06: true, // PidTagMessageDeliveryTime
	0x0039: true, // PidTagClientSubmitTime
	0x007D: true, // PidTagTransportMessageHeaders
	0x1035: true, // PidTagInternetMessageId
	0x1042: true, // PidTagInReplyToId
	0x1039: true, // PidTagInternetReferences
	0x1080: true, // PidTagIconIndex
	0x1081: true, // PidTagLastVerbExecuted
	0x1082: true, // PidTagLastVerbExecutionTime
	0x0070: true, // PidTagConversationTopic
	0x0071: true, // PidTagConversationIndex
	0x0036: true, // PidTagSensitivity
	0x0026: true, // PidTagPriority
	0x000F: true, // PidTagDeferredDeliveryTime
	0x0015: true, // PidTagExpiryTime
	0x0030: true, // PidTagReplyTime
	0x0063: true, // PidTagResponseRequested
	0x0C17: true, // PidTagReplyRequested
	0x1091: true, // PidTagFlagCompleteTime
	0x1095: true, // PidTagFollowupIcon
	0x0E2B: true, // PidTagToDoItemFlags
	0x3FF1: true, // PidTagMessageLocaleId
	0x300B: true, // PidTagSearchKey
	0x1045: true, // PidTagListUnsubscribe
	0x1043: true, // PidTagListHelp
	0x1044: true, // PidTagListSubscribe
	0x1096: true, // PidTagBlockStatus
	0x4076: true, // PidTagContentFilterSpamConfidenceLevel
	0x0809: true, // PidTagReportText and its like are computed by class
}

// extTypes are the names of types in ids of extended properties.
var extTypes = map[mapi.Type]string{
	mapi.TypeInteger16: "Short", mapi.TypeInteger32: "Integer", mapi.TypeInteger64: "Long", mapi.TypeBoolean: "Boolean",
	mapi.TypeFloating32: "Float", mapi.TypeFloating64: "Double", mapi.TypeAppTime: "ApplicationTime", mapi.TypeCurrency: "Currency",
	mapi.TypeTime: "SystemTime", mapi.TypeString: "String", mapi.TypeString8: "String", mapi.TypeBinary: "Binary", mapi.TypeGUID: "CLSID",
}

// extID is the id of a property in the service, "" when it has none there.
func extIDOf(p mapi.Property) string {
	t := p.Value.Type()
	name, ok := extTypes[t.Elem()]
	if !ok {
		return ""
	}
	if t.Multi() {
		name += "Array"
	}
	if p.Name != nil {
		if p.Name.Name != "" && strings.ContainsAny(p.Name.Name, "'{}") {
			return ""
		}
		return name + " " + extName(*p.Name)
	}
	if p.Tag.Named() {
		return "" // it has no name that the other side would know
	}
	return name + " 0x" + strings.ToUpper(hex4(p.Tag.ID()))
}

// extValue is a value as the service writes it, false for what it cannot say.
func extValue(v mapi.Value) (string, bool) {
	switch v.Type() {
	case mapi.TypeString, mapi.TypeString8:
		s := v.Text()
		return s, !strings.ContainsRune(s, 0)
	case mapi.TypeBinary:
		return base64.StdEncoding.EncodeToString(v.Raw()), v.InMemory()
	case mapi.TypeBoolean:
		n, ok := v.Int()
		return strconv.FormatBool(n != 0), ok
	case mapi.TypeTime:
		t, ok := v.Time()
		return stamp(t), ok
	case mapi.TypeGUID:
		g, ok := v.GUID()
		return strings.ToLower(g.String()), ok
	case mapi.TypeFloating32, mapi.TypeFloating64, mapi.TypeAppTime:
		f, ok := v.Float()
		return strconv.FormatFloat(f, 'g', -1, 64), ok && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	n, ok := v.Int()
	return strconv.FormatInt(n, 10), ok
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.9999999Z") }

// extended adds a property to those that an item is created with. It is false
// when the service cannot hold it.
func (x *composer) extended(p mapi.Property) bool {
	id := extIDOf(p)
	limit := int64(extLimit)
	if p.Name == nil && p.Tag.ID() == mapi.PidTagTransportMessageHeaders.ID() {
		limit = headerLimit * 2 // in UTF-16
	}
	if id == "" || p.Value.Size() > limit {
		return false
	}
	if p.Value.Type().Multi() {
		m := wire.MultiProperty{ID: id, Value: []string{}}
		for i := range p.Value.Elems() {
			s, ok := extValue(p.Value.Elem(i))
			if !ok {
				return false
			}
			m.Value = append(m.Value, s)
		}
		x.out.MultiProperty = append(x.out.MultiProperty, m)
		return true
	}
	s, ok := extValue(p.Value)
	if ok {
		x.out.Properties = append(x.out.Properties, wire.Property{ID: id, Value: s})
	}
	return ok
}
