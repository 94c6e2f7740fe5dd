// Package mem is a store in memory: the reference for what the words of package
// transport mean, and the store of tests.
//
// Start from [New] and [Options]. The strict modes behave like the most awkward
// servers do: bodies that can be opened once and only until the next one is
// pulled, puts only in batches, waits for each round trip. The store also holds
// its callers to the contract: two puts at once into one folder are an error.
//
// Not supported: keeping anything.
package mem
