// Package exchange is what the stores of an Exchange mailbox have in common,
// whatever protocol they speak: the folder hierarchy below the IPM subtree, and
// how the parameters of an address are read. [MS-OXCFOLD] 2.2.2, [MS-OXOSFLD] 2.2.1
//
// Start from [Hierarchy], which shows folders, finds them by path and makes
// those that are missing; a driver hands it a [Server], which reads a [Tree] and
// creates one folder. [Read] begins to read parameters.
//
// Paths are compared as Exchange does, without case.
//
// Not supported: public folders, what has changed in a hierarchy since it was
// read, renaming and moving folders. Which folders are well known is asked by
// each protocol in its own way.
package exchange
