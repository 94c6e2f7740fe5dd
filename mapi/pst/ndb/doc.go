// Package ndb reads the node database of a PST or OST file: header, the two
// B-trees, blocks and nodes. [MS-PST] 2.2
//
// Start from [New], which opens a file over any random-access source, and from
// [Node], one entry of the node B-tree or of a sub-node tree. [File.Data]
// gives a node's bytes as an io.ReaderAt, however many blocks they lie in.
//
// Three layouts are read: ANSI (wVer 14, 15), Unicode (21, 23) and the files
// with pages of 4096 bytes and compressed blocks that Outlook 2013 and later
// write for OST (36). The last is not in [MS-PST]; what is known of it comes
// from people who looked into such files, and agrees with two other readers.
//
// Damage is walked around where the structure allows it, and reported as a
// [mapi.Problem] with the offset in the file. A page or block with a wrong
// checksum is used as far as it makes sense; a page that a damaged pointer no
// longer leads to is looked for in the whole file, blocks by their trailers
// and nodes in earlier versions of the tree that are left in free space.
//
// A [File] may be used by several goroutines at once. Its memory does not grow
// with the file: pages and blocks are held in caches of fixed size.
//
// Not supported: writing, the allocation maps and the density list (which only
// a writer needs), and files protected by Windows Information Protection.
package ndb
