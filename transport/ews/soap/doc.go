// Package soap is the wire syntax of Exchange Web Services: XML that streams in
// both directions, and knows nothing of what the elements mean. SOAP 1.1
//
// Start from [Scanner], which pulls elements out of a reply, and from [Writer],
// which makes a request whose length is known before it is sent: base64 of a
// large mail is decoded from the wire into any writer, and encoded to the wire
// from a blob, so that neither form of it is ever in memory.
//
// The scanner is lenient where Exchange is: control characters, written as they
// are or as character references, are text like any other, although XML 1.0
// forbids them. It is strict about what could cost memory: names, attributes,
// depth and values have bounds, and a document type is refused.
//
// Not supported: namespaces (an element is known by its local name, which EWS
// allows), encodings other than UTF-8, processing instructions (passed over).
package soap
