// Package ewstest is an Exchange Web Services server in the process: for tests
// and for rehearsals. Foreign clients take it for a server.
// [MS-OXWSMSG], [MS-OXWSFOLD] and their kin; autodiscover as in [MS-OXDSCLI].
//
// Start from [New]. What it shows are the mailboxes of a [mailbox.Server],
// which tests fill and read directly; nothing is ever sent, see
// [mailbox.Server.Outbox]. [Server.Inject] orders faults, [Options] quirks and
// limits, [Server.Requests] counts.
//
// MIME becomes MAPI objects and back through the converter of the options.
// Bodies of requests and replies stream: base64 goes to and comes from the
// spool of the mailboxes.
//
// Not supported: push subscriptions, free/busy, occurrences of recurring items
// as items of their own (a CalendarView lists series as one), rules, delegates
// by EWS, Kerberos.
package ewstest
