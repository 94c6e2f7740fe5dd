// Package ltp reads the layer of lists, tables and properties of a PST file:
// what the nodes of package ndb hold. [MS-PST] 2.3
//
// Start from [OpenPC], a property context: the properties of one object; and
// from [OpenTable], a table context: rows of properties. Both lie in a
// [Heap]. Values take the form of the property model; those above
// [mapi.InlineLimit] are blobs over their sub-node.
//
// A property or cell that cannot be read is a [mapi.Problem] and is left out;
// the others are still given.
//
// Not supported: writing, and the tables that only a client's views use.
package ltp
