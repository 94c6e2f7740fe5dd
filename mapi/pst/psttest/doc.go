// Package psttest writes PST and OST files for tests: files of each kind, of
// which real samples cannot be had or may not be copied. [MS-PST]
//
// Start from [Write] and a [Folder]. Everything that a reader may meet can be
// asked for with [Options]: 32-bit files, pages of 4096 bytes with deflated
// blocks, each obfuscation, trees of blocks and of sub-nodes that are deeper
// than their content needs. [Written] says where what was put, so that a test
// can damage it.
//
// The files are for readers. They have the allocation maps that Outlook wants,
// but not all of the nodes that it makes.
package psttest
