package graph

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/graph/wire"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// Extended properties by their ids in the service: a type, and a tag or a name.
const (
	extFlags    = "Integer 0x0E07"    // PidTagMessageFlags
	extSize     = "Integer 0x0E08"    // PidTagMessageSize
	extClass    = "String 0x001A"     // PidTagMessageClass
	extSubject  = "String 0x0037"     // PidTagSubject
	extReceived = "SystemTime 0x0E06" // PidTagMessageDeliveryTime
	extSent     = "SystemTime 0x0039" // PidTagClientSubmitTime
	extID       = "String 0x1035"     // PidTagInternetMessageId
	extVerb     = "Integer 0x1081"    // PidTagLastVerbExecuted
	extIcon     = "Integer 0x1080"    // PidTagIconIndex
	extFlag     = "Integer 0x1090"    // PidTagFlagStatus
)

var extToken = "String " + extName(itemprops.NameToken)

// partial stands before the token of an item that is not complete yet.
const partial = "partial:"

// extName is the name of a property in the id of an extended property.
func extName(n mapi.Name) string {
	if n.Name != "" {
		return "{" + strings.ToLower(n.Set.String()) + "} Name " + n.Name
	}
	return "{" + strings.ToLower(n.Set.String()) + "} Id 0x" + strings.ToUpper(hex4(uint16(n.ID)))
}

func hex4(n uint16) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[n>>12], digits[n>>8&15], digits[n>>4&15], digits[n&15]})
}

// expand asks a listing for extended properties.
func expand(ids ...string) string {
	var b strings.Builder
	b.WriteString("singleValueExtendedProperties($filter=")
	for i, id := range ids {
		if i > 0 {
			b.WriteString(" or ")
		}
		b.WriteString("id eq '" + strings.ReplaceAll(id, "'", "''") + "'")
	}
	b.WriteByte(')')
	return b.String()
}

// listing and boxListing are what listings ask for, of messages and of items of
// the import and export API.
var (
	listing = []string{
		"$select", "id,parentFolderId,receivedDateTime,subject,internetMessageId,isRead,isDraft,flag,categories",
		"$expand", expand(extSize, extClass, extVerb, extToken),
	}
	boxListing = []string{
		"$select", "id,categories,type,size",
		"$expand", expand(extFlags, extSubject, extReceived, extSent, extID, extVerb, extFlag, extToken),
	}
)

// A bag finds extended properties of an item by id. The service may write an id
// in another case than it was asked for.
type bag map[string]string

func bagOf(list []wire.Property) bag {
	b := make(bag, len(list))
	for _, p := range list {
		b[strings.ToLower(p.ID)] = p.Value
	}
	return b
}

func (b bag) get(id string) string { return b[strings.ToLower(id)] }
