package ewstest_test

import (
	"fmt"

	"github.com/mailconv/mailconv/transport/ews/schematest"
)

// documents are the requests and replies that a server saw.
func (f *fixture) documents() (requests, replies []schematest.Document) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, x := range f.seen {
		if x.Cut || x.Operation == "" {
			continue
		}
		name := fmt.Sprintf("%d %s", i, x.Operation)
		requests = append(requests, schematest.Document{Name: name, XML: x.Request})
		replies = append(replies, schematest.Document{Name: name, XML: x.Reply})
	}
	return requests, replies
}
