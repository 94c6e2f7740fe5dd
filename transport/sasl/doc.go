// Package sasl is the client side of the login mechanisms that mail servers
// speak: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), SCRAM-SHA-1 and
// SCRAM-SHA-256 (RFC 5802, RFC 7677), XOAUTH2 and OAUTHBEARER (RFC 7628).
//
// Start from [Choose], which picks a [Mechanism] from a server's list. Its
// methods have the shape that go-sasl and go-smtp know. After the server said
// yes, [Finish] tells whether it may be believed.
//
// Not supported: channel binding (the -PLUS variants), NTLM, GSSAPI, EXTERNAL,
// servers.
package sasl
