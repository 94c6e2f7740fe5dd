// Package converters is the one seam where a message changes form, and the list
// of single-file formats.
//
// Start from [Batch], which converts files and folders of files, and from
// [Converter], which changes the form of one item on its way between stores
// ([Converter.To]). [Formats] lists what is known; a format is recognised by
// content, not by name.
//
// The rules are those of [MS-OXCMAIL], implemented in package mime; bytes that
// need no change of form pass untouched.
//
// Not supported: writing PST.
package converters
