// Package secret keeps passwords and logins, finds them again, and takes them
// out of what is written.
//
// Start from [Finder], which looks where the user said (environment, a file)
// and then in a [Store]; [Default] is the system's keyring, or where there is
// none a file that only its owner can read, encrypted when a key file is given.
// A [Redactor] knows the secrets of a run and masks them in logs and texts.
//
// Not supported: changing the key of an encrypted file, several logins of one
// user at one server.
package secret
