// Package mapi is the vocabulary of mailconv: the property model of
// [MS-OXCDATA] that .msg, TNEF, FastTransfer, PST and MAPI over HTTP all
// encode.
//
// Start from [Message], a tree of properties, recipients and attachments, and
// from [Value], which keeps a property's wire type and its raw bytes; text,
// numbers and times are views of those bytes. Named properties are carried by
// name ([Name]); the identifiers that a file gives them are an encoding
// detail. Content that can be large is a [Blob]: something that can be opened
// again and again, and whose size is known before it is read.
//
// The package imports nothing else of mailconv. Encodings live beside it
// (msg, mapi/tnef, mapi/fasttransfer, mapi/pst, mapi/rop), code pages in
// mapi/codepage.
//
// Not supported: property types that no stored message uses (restrictions and
// rule actions are kept as raw bytes, not interpreted).
package mapi
