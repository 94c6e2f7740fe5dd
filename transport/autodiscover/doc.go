// Package autodiscover finds the services of an Exchange mailbox by its mail
// address: the URL of EWS and those of MAPI over HTTP. [MS-OXDISCO],
// [MS-OXDSCLI], and the newer form in JSON.
//
// Start from [Discover] and [Settings]. The JSON form is asked first, as it wants
// no login. Only https is spoken. A password goes to the hosts that the address
// names and to those below them; a redirect to another host is followed without
// one, and where that host asks for a login, the error says so.
//
// Not supported: service connection points in a directory, the SOAP form, DNS
// records of type SRV (what they name would be trusted without proof).
package autodiscover
