// Package header reads and writes the header fields of mail: RFC 5322 with the
// encoded words of RFC 2047, the parameters of RFC 2231 and the groups of RFC
// 6854.
//
// Start from [Parse], which splits a header block into [Fields] and refuses
// nothing, and from [Writer]. Reading is lenient and keeps the bytes of each
// field; ParseAddresses, ParseParams, ParseDate, ParseIDs and DecodeText give
// their meaning. Writing is strict: folded, 7-bit safe and injection-proof.
//
// Not supported: writing addresses outside of ASCII (RFC 6532).
package header
