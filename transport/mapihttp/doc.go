// Package mapihttp reads and writes mailboxes of Exchange and its open
// counterparts by MAPI over HTTP, Exchange's own protocol: items with every
// property, folders with their class, as they are. [MS-OXCMAPIHTTP],
// [MS-OXCROPS]
//
// Start from [Driver], which opens addresses, and from [Open] and [Store]. A
// program that wants single properties rather than whole items starts from
// [Store.OpenFolder] and [Message]; the address book is a [Directory].
//
// Items are listed by tables, or by incremental change synchronization where a
// state is kept from run to run, and travel as FastTransfer streams, of which
// only a piece is in memory. Several sessions work side by side; each has one
// request on its way. A session that the server forgot is begun again, once,
// and the item with it.
//
// Nothing is ever sent as mail: no operation that submits a message is used,
// and read marks are set without receipts.
//
// Not supported: public folders, search folders as places to write to, the
// attachment table as a store of its own, rules and permissions.
package mapihttp
