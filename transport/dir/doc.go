// Package dir reads and writes folders of single files: .eml, .msg, .ics or .vcf,
// one for each item, under names that a person can read.
//
// Start from [Driver] and [Open]. An .eml file holds the bytes of a mail, a
// .msg file a MAPI message with every property. An .ics file holds an appointment,
// a task, a journal entry or a note, a .vcf file a contact or a list, by the rules
// of packages mime/calendar and mime/contact; a folder that is written in one of
// these forms has no place for other items. Folders are folders. What a
// file cannot carry (flags, keywords, the received date, the mark of a run) is
// written to a hidden file in each folder, [MetaName], one JSON line for each
// change; the received date is the file's time as well. Where that file knows
// nothing of a mail, its date is that of its header.
//
// A file appears under its name only when it is whole. Its line is written
// before that, so what a killed run leaves is a line without a file, which means
// nothing.
//
// Not supported: other kinds of files, and .ics and .vcf files of several items,
// which are listed as skipped.
package dir
