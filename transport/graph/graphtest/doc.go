// Package graphtest is an in-process Microsoft Graph over the mailboxes of
// transport/mem/mailbox: mail, calendars, contacts, tasks, the import and export
// of mailboxes, and the login that goes with them, with the limits, errors and
// quirks of the real one.
//
// Start from [New] and [Options]; [Server.URL] is the endpoint, [Server.Token]
// gives a token, [Server.Inject] orders faults, and [Server.Calls],
// [Server.Peak] and [Server.Outbox] tell what happened. With [Options.Schema]
// each request and each reply is held against the types of Graph, see
// [Server.Violations].
//
// What Graph does with an item and the pages do not say was taken from issues
// of its users; the places are marked QUIRK.
//
// Not supported: subscriptions, rules, search folders, sharing invitations,
// delta of events and contacts, recurrences expanded into instances (a
// calendarView lists masters and single events), $filter on what is not in the
// reply, tokens that a client could read.
package graphtest
