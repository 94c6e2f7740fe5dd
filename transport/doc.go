// Package transport says what a store of mail is: a [Source] that lists and
// hands over items, a [Sink] that takes them, and the words both use: [Folder],
// [Meta], [Content], [Receipt]. Drivers live below it, one protocol or file
// tree each; transport/all lists them, transport/storetest checks them.
//
// A message travels as MIME bytes or as a MAPI object, in the form that its
// source has ([Form]). Nothing here converts; that is package converters.
//
// Start from [Source] and [Sink]. What only some stores can do is an interface
// of one method ([FlagSetter], [Mover], [Deleter], [Tracker], ...), found with
// [As]. Retry, throttling, dry run, tracing and faults are wrappers
// (transport/retry and its neighbours), so that a driver is only its protocol.
//
// Not supported by design: a POP3 server is only a Source and an SMTP server
// only a Sink.
package transport
