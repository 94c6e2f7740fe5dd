// Package zimbra reads the archives that a Zimbra server makes of a mailbox
// (fmt=tgz): a tar file of .eml files in folders, each with a .meta file of JSON
// before it that holds flags, tags, dates and the folder's path.
//
// Start from [Driver] and [Open]. A tar file that is compressed can only be read
// from its beginning, so it is unpacked into the spool (package spool) once;
// memory holds some 50 bytes for each item.
//
// Contacts, appointments, tasks, documents and chats are listed as skipped, each
// with its kind.
//
// Not supported: writing; archives in zip form.
package zimbra
