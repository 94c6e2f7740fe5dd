// Package batch moves many mailboxes: each row of a file is a pair of stores
// with options of its own.
//
// Start from [Parse], which reads the file, and [Run], which works on several
// rows at once. Each row has a ledger of its own in one folder, so a batch that
// was killed goes on as a whole: what is done is known. [Options.OnlyFailed]
// leaves out rows that are through. A row that fails ends itself, never the
// others, and what happened to it is in its ledger too, for the report over all
// (report.WriteAll).
//
// The file is CSV with a header line, or TOML:
//
//	name, source, sink, source-secret, sink-secret, since, exclude
//	zoe, imaps://zoe@old.example, imaps://zoe@new.example, env:OLD_ZOE, file:zoe.txt, 2020-01-01, Spam; Trash
//
//	[defaults]
//	exclude = ["Spam", "Trash"]
//
//	[[mailbox]]
//	source = "imaps://zoe@old.example"
//	sink = "imaps://zoe@new.example"
//	source-secret = "env:OLD_ZOE"
//
// A name that is not given is the user of the source. Secrets are references:
// env:NAME, file:PATH or keyring:NAME. The other columns are [Settings], which
// mean what the options of the same name of mailconv copy do; several values are
// separated by semicolons in CSV.
//
// Not supported: one mailbox to several sinks at once (write two rows), and
// splitting one mailbox among several machines.
package batch
