// Package doc holds the documents of the project and the tests that keep them
// and the shape of the house honest.
package doc
