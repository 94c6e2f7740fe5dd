// Package web is the HTTP that stores on web servers share: a client that logs
// in (Basic, NTLM with channel binding, bearer tokens), reaches servers as
// transport/dial does (verified TLS, proxies, deadlines), and gives each failure
// its class. RFC 9110, RFC 6750, RFC 7617, [MS-NTHT], [MS-NLMP]
//
// Start from [Open], which reads an address, and from [Client.Do]. Requests are
// made with [NewRequest], whose body is a [mapi.Blob], so that its length is
// known and it can be sent again.
//
// Credentials go to the host of the endpoint only, and no redirect is followed.
// A password is refused once: the client then answers every request with that
// error, as asking again would lock the account.
//
// Not supported: HTTP/2, Kerberos, Digest, cookies (a driver that needs them has
// them), caching.
package web
