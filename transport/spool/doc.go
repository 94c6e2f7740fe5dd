// Package spool holds bodies on their way: in memory while a budget that all
// workers share lasts, then in files that only their owner can read.
//
// Start from [Spool.Create], which gives a [Buffer] to write to and then a blob
// of exact size, and from [Spool.Keep], which makes content that can be opened
// once ([transport.Content.OneShot]) open again and again.
//
// A file is removed from its folder as soon as it is open, where the system
// can do that, so that not even a killed process leaves one; elsewhere it goes
// when the buffer or the spool is closed.
//
// Not supported: buffers that outlive the process.
package spool
