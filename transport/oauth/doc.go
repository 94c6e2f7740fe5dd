// Package oauth gets access tokens for mail servers: by a browser on this
// machine (authorization code with PKCE, RFC 6749, RFC 7636, RFC 8252), by a
// code that is typed elsewhere (RFC 8628), for an application on its own
// (client credentials with a secret or a certificate, RFC 7523), and for a
// Google service account that acts for the users of its domain.
//
// Start from [Provider], which names the server and the application, and from
// [Grant], which is what a login leaves behind: it is stored as JSON, gives
// tokens and renews itself. Who has tokens of his own hands in a [TokenSource].
//
// Errors name cause and remedy. Servers are reached by https only (http on this
// machine), and a redirect to another host is not followed.
//
// Not supported: applications of our own at the providers, so a client id must
// be given; OpenID Connect beyond finding the endpoints; the implicit and the
// password grant.
package oauth
