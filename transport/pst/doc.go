// Package pst reads Outlook's archives as a store: PST and OST files, over
// package mapi/pst.
//
// Start from [Driver] and [Open]. Items are objects with every property; the
// key of an item is its node identifier, which does not change while the item
// stays in the file. Folders are those of the hierarchy: of siblings with one
// name the second carries a number. What lies outside of the part that a person
// sees is hidden.
//
// Nothing is missing without a row. Associated items (settings, views, rules),
// items of search folders, deleted items whose row is still there, and those of
// the dumpster are listed as skipped, each with the parameter that takes it.
// Where a folder says that it has more items than could be listed, or part of
// its list cannot be read, the listing has an error of the key [DamageKey].
// With the parameter recover there is one folder more, [RecoveredFolder], for
// items that no folder lists and for deleted ones that free space still holds.
//
// A password on a file hides nothing and is not asked for.
//
// Not supported: writing; files protected by Windows Information Protection.
package pst
