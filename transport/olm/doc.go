// Package olm reads the archives of Outlook for Mac, .olm: zip files with one
// XML file for each mail, one for all contacts of an address book, all
// appointments of a calendar, all tasks, all notes, and attachments as files of
// their own.
//
// Start from [Driver] and [Open]. Each item becomes a MAPI object of its class
// (IPM.Note, IPM.Contact, IPM.DistList, IPM.Appointment, IPM.Task,
// IPM.StickyNote). What has no property in MAPI is kept as a named property of
// text under the name of its element, so that nothing is lost in silence. Dates
// without a zone are UTC.
//
// Memory does not grow with a mail: bodies above [mapi.InlineLimit] and
// attachments are blobs over the file. XML is read leniently by a scanner of its
// own, which knows no entities but those of XML itself.
//
// Microsoft does not document the format. Names and meanings of elements are
// those that the files themselves show, and a public schema
// (github.com/teverett/OLMReader) lists.
//
// Not supported: writing; archives in several parts; exceptions of recurring
// appointments, which stand in the file as appointments of their own.
package olm
