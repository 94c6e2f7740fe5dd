// Package wire is the JSON of Microsoft Graph as bytes: replies that are read
// without holding large strings, and request bodies of exact length into which
// contents are encoded while they are sent. RFC 8259
//
// Start from [Decoder] and [Body]. The resources that the driver speaks of are
// in resources.go, with the names that the service gives them.
//
// Not supported: anything but UTF-8, and numbers beyond what encoding/json
// reads.
package wire
