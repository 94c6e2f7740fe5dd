// Package pst reads Outlook's archives, PST and OST, as [MS-PST] describes
// them: folders, items, attachments, named properties.
//
// Start from [Open], and from [File.Folders] and [File.Items], which list
// without reading bodies; [File.Item] gives a whole item as a [mapi.Message]
// by its node. The layers below are packages ndb (the node database) and ltp
// (lists, tables, properties).
//
// A file is opened read-only and may be read by several goroutines at once.
// Memory does not grow with it: values above [mapi.InlineLimit] are blobs over
// the file, valid until it is closed.
//
// A password on a file hides nothing: no content depends on it, and it is not
// asked for. See [Info.Password].
//
// Damage is walked around: what cannot be read is named, with its offset and
// the specification's name of the field, in the problems of the item or in
// [File.Problems], and the rest of the file still arrives.
//
// Not supported: writing; files protected by Windows Information Protection,
// which are told apart by [mapi.ErrUnsupported].
package pst
