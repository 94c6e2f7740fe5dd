// Package mailbox is an Exchange-like server's memory: mailboxes of folders and
// MAPI items, with identifiers, change numbers, rights, an outbox and events.
// The test servers of EWS, Graph and MAPI over HTTP are faces of it.
//
// Start from [New] and [Server.Add]; [Mailbox.Store] shows a mailbox as a
// [transport.Source] and [transport.Sink], to fill it and to read it back.
//
// Items are [mapi.Message] values that never change: who changes an item puts
// another message in its place, see [Mailbox.Change]. Bytes that came in an
// encoding of their own (mapi.Encoded) stay until the item changes. Large
// values are in the server's spool and not in memory; they stay readable until
// the server is closed, also those of deleted items.
//
// Nothing ever leaves the process: what would be sent is recorded, see
// [Server.Outbox].
//
// [MS-OXCFOLD], [MS-OXCMSG] and [MS-OXCFXICS] 3.1.5 say what a store does.
//
// Not supported: search folders, rules, free/busy, keeping anything.
package mailbox
