// Package mapihttptest is a server of MAPI over HTTP in the process, over the
// mailboxes of transport/mem/mailbox: for tests, and for rehearsals of a
// migration. [MS-OXCMAPIHTTP], [MS-OXCROPS]
//
// Start from [New] and [Options]. [Server.Inject] orders faults: lost sessions,
// cut replies, busy servers. Items that came as FastTransfer streams are given
// back from their properties, as a real server does.
//
// Not supported: search folders, rules, permissions tables, public folders,
// sending with a transport of its own (what is submitted lies in the outbox of
// the mailbox server), and the parts of the address book that only Outlook's
// dialogs need.
package mapihttptest
