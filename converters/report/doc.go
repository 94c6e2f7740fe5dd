// Package report shows what a ledger knows, long after the run and without the
// stores: as one HTML page, as JSON and as CSV.
//
// Start from [Write], which goes by the extension of the file, or from [HTML],
// [JSON] and [CSV]; [WriteAll] is one report over the ledgers of many mailboxes.
// The page loads nothing from outside, and text of mails is
// escaped wherever it stands. JSON and CSV have a row for every item; the page
// has the items that failed, lost something or are still open.
//
// All is written as it is read, so memory does not grow with the number of
// items.
package report
