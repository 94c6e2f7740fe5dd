// Package dial opens the connections of network stores: TLS that is always
// verified, proxies, deadlines that follow a context, and errors of one line
// that know their class.
//
// Start from [Parse], which reads what an address says about the connection,
// and from [Options.Dial]. A [Conn] is upgraded with [Conn.StartTLS];
// [Conn.MayCarryPassword] says whether a password may be sent over it.
//
// Not supported: TLS below 1.2, unverified TLS, client certificates, proxies of
// the environment (a proxy is named in the address).
package dial
