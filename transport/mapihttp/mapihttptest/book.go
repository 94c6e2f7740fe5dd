package mapihttptest

// bookTypes are the requests of the address book endpoint. [MS-OXCMAPIHTTP]
// 2.2.5
var bookTypes = map[string]requestType{}
