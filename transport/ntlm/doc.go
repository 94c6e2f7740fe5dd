// Package ntlm is the client's side of NTLMv2 with channel binding and message
// integrity code, as servers with Extended Protection want it. [MS-NLMP],
// RFC 5929
//
// Start from [Negotiate], and answer the server's challenge with [Authenticate].
// How the messages travel is up to the protocol; transport/web does it for HTTP.
//
// Not supported: NTLMv1 and LM, signing and sealing of what follows, servers.
package ntlm
