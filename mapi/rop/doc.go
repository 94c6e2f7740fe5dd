// Package rop reads and writes the remote operations by which an Exchange
// mailbox is read and changed: ROP request and response buffers with their
// handle tables ([MS-OXCROPS]), the extended buffers around them
// ([MS-OXCRPC] 2.2.2.1), and the bodies of the requests that carry them over
// HTTP ([MS-OXCMAPIHTTP] 2.2.4). It knows no network.
//
// Start from [RequestBuffer] and [ResponseBuffer]. Every operation is a type
// whose fields stand in the order of the wire, and one function that serves
// both directions; its answer is the type of the same name with Result behind
// it. A [Columns] remembers what a client must know to read rows.
//
// Not supported: rules and permissions beyond their raw rows, collapse states,
// per-user data and owning servers of public folders, spooler and transport
// operations, the client data of [SetMessageReadFlag], and the operations that
// [MS-OXCROPS] reserves.
package rop
