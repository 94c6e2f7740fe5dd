// Package itemprops says what of a MAPI item's properties is [transport.Meta]:
// read state, reply and forward marks, follow-up flag, categories, dates. Stores
// whose items are objects share it. [MS-OXCMSG] 2.2.1, [MS-OXOFLAG] 2.2.1
//
// Start from [Meta], which reads, and from [Apply], which writes.
//
// Not supported: the listing of tables, whose columns a driver reads into
// [State] itself.
package itemprops
