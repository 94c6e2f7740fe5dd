// Package storetest is the one suite that all stores pass: what the doc
// comments of package transport say, as checks.
//
// Start from [Run] in a test of a driver, and from [Check], which does the same
// without package testing and stands behind the command that checks a user's
// own store in a scratch folder. [Options] says what to open and what the store
// openly cannot do. What a store cannot keep it must report in
// [transport.Receipt.Losses]; what it does not take it must reject. Only
// silence fails.
//
// Not supported: stores that can only be read; their drivers are held against
// files that others wrote.
package storetest
