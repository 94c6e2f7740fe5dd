package itemprops

import "github.com/mailconv/mailconv/mapi"

// OwnSet is the property set of what mailconv itself notes in an item.
var OwnSet = mapi.MustGUID("6d61696c-636f-6e76-8002-546f6b656e73")

// NameToken is the named property that holds [transport.Meta.Token], the mark
// of the put that made an item, in stores that keep properties. It is no part of
// the item's content.
var NameToken = mapi.Name{Set: OwnSet, Name: "Token"}
