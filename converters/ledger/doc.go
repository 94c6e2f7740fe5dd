// Package ledger records what happened to every item of a migration, in one
// SQLite file.
//
// There is exactly one row for each source item. It ends in one of four states:
// copied (with the key in the sink and the way in), duplicate, skipped or failed
// (with a reason). On its way it is pending (listed, not done) or an intent: a
// put was about to happen, and the row holds what is needed to find out whether
// it did.
//
// Start from [Open], which takes the lock of the run, or [Read] for reports;
// write with [Ledger.Update], read with [Ledger.Lookup] and [Ledger.Items].
//
// A commit is on the disk when [Ledger.Update] returns (journal WAL, synchronous
// FULL). Updates of several goroutines share one commit. All reads come in
// pages, so that memory does not grow with the number of items.
//
// Not supported: two runs on one ledger, and ledgers on network file systems
// that have no locks.
package ledger
