package ewstest_test

import (
	"fmt"
	"testing"

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

// judge holds all that was said against the schema, where it is there.
func (f *fixture) judge(t *testing.T) {
	t.Run("schema", func(t *testing.T) {
		requests, replies := f.documents()
		t.Logf("%d bodies of requests and %d of replies are valid", schematest.Check(t, requests), schematest.Check(t, replies))
	})
}
