// Package dir reads and writes folders of single files: .eml or .msg, one for
// each item, under names that a person can read.
//
// Start from [Driver] and [Open]. An .eml file holds the bytes of a mail, a
// .msg file a MAPI message with every property. Folders are folders. What a
// file cannot carry (flags, keywords, the received date, the mark of a run) is
// written to a hidden file in each folder, [MetaName], one JSON line for each
// change; the received date is the file's time as well. Where that file knows
// nothing of a mail, its date is that of its header.
//
// A file appears under its name only when it is whole. Its line is written
// before that, so what a killed run leaves is a line without a file, which means
// nothing.
//
// Not supported: other kinds of files, which are listed as skipped.
package dir
