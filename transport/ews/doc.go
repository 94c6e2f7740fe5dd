// Package ews is a store on an Exchange server, by Exchange Web Services:
// [MS-OXWSMSG], [MS-OXWSFOLD], [MS-OXWSSYNC], [MS-OXWSBTRF] and their kin.
//
// Start from [Driver], which opens ews:// addresses, and from [Store], which is
// the source and the sink; [Store.Send] sends mail.
//
// Mail is read as MIME and written as MIME, with the properties that MIME cannot
// say beside it: dates, read state, marks, categories. Whole objects go by
// ExportItems and UploadItems, as FastTransfer streams that are not touched on
// the way. A server that has not these two says so once; after that objects
// travel as MIME, and what is no mail by its properties, with what could not be
// carried as losses.
//
// Exchange keeps MAPI objects and makes MIME anew when it is asked for it, so
// the bytes of a mail that was written are not those that come back.
//
// Nothing that is written here is sent, and nothing that is read becomes read.
// The request for a read receipt is taken off what is written, so that opening
// old mail sends none, unless the address has receipts=keep.
//
// Bodies stream: base64 goes from the wire into the spool and from blobs to the
// wire.
//
// Not supported: public folders, push and pull notifications, delegates and
// permissions, rules, free/busy.
package ews
