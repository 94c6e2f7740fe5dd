// Package graph is the store of a Microsoft 365 mailbox, through Microsoft
// Graph v1.0: mail folders with delta queries and immutable ids, and all other
// folders through the mailbox import and export API.
//
// Start from [Driver], which opens graph: addresses, or from [Open] with
// [Options]. [Limits] keeps the budget of one mailbox.
//
// Mail is read as the MIME that $value gives, or, when MAPI objects are wanted,
// as the FastTransfer streams of exportItems ([MS-OXCFXICS] 2.2.4), twenty in a
// request. There are three ways to write an item: import takes a FastTransfer
// stream and keeps every property; json creates a message, an event, a contact
// or a task with extended properties, and lists what it cannot say; mime makes
// drafts, and is taken only when it is asked for. The service documents import
// only for streams that it exported itself. So auto, the default, first proves
// it for each item class: an item is imported into a folder of its own, exported
// again, compared, and deleted. Where that fails, json is taken.
//
// Nothing that is written is ever sent: the service mails every attendee of an
// event that is created with attendees, so json leaves them out of that field.
//
// A request for read receipts is taken out of what is written, and said so in
// the receipt, unless the address has receipts=keep.
//
// Not supported: public folders, group mailboxes, personal accounts; by json
// journal entries, distribution lists, occurrences of a series that differ, and
// attachments of tasks; subscriptions by web hook (Watch asks again and again),
// search folders as a sink.
package graph
