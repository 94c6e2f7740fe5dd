// Package migrate copies everything from one store to another, so that it can
// be killed at any moment, run again, and proven.
//
//	resolve what an earlier run left open: ask the sink past each intent's mark
//	for each folder: list metadata, ask the ledger in pages, keep what is not done
//	  fetch many bodies at once, spool those that can be read only once
//	  take out what is there already: twins in the sink, mails that only moved
//	  convert, at most once, if the sink does not take the form
//	  per batch: take a mark, intend, put, commit
//
// While a batch is put, the next one is intended and the next folder fetched.
//
// Start from [Run] and [Options]; [DryRun] says what a run would do, [Verify]
// proves what it did. The record is a [ledger.Ledger]; the package prints
// nothing and tells an [Observer] what happens.
//
// Identity is the source's own key together with a fingerprint of the content
// ([Fingerprint]), never the Message-ID alone. Copies are a multiset: three
// identical mails arrive as three, unless [Options.Dedupe] asks otherwise.
//
// A later run over the same ledger copies what is new and carries changes of
// flags, moves and, on request, deletions.
//
// Not supported: changing an item's content in the sink after the source
// changed it under the same key (it is noted); sinks that can neither list nor
// track what they hold (SMTP) may get an item twice after a kill, which is
// noted too. Nothing here ever sends mail.
package migrate
