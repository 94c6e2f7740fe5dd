package schematest_test

import (
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport/ews/schematest"
)

func TestBodiesAreCutOut(t *testing.T) {
	const one = `<?xml version="1.0"?><x:Envelope xmlns:x="http://schemas.xmlsoap.org/soap/envelope/"><x:Header/><x:Body>` +
		`<m:A xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><m:B C="1&quot;">&lt;</m:B></m:A></x:Body></x:Envelope>`
	list, err := schematest.Bodies([]byte(one + one))
	if err != nil || len(list) != 2 || !strings.Contains(string(list[0]), `<m:B C="1&#34;">&lt;</m:B></m:A>`) || !strings.HasPrefix(string(list[1]), "<m:A ") {
		t.Errorf("%s %v", list, err)
	}
	fault := strings.ReplaceAll(one, "m:A", "x:Fault")
	if list, err := schematest.Bodies([]byte(fault)); err != nil || len(list) != 0 {
		t.Errorf("%s %v", list, err)
	}
	if _, err := schematest.Bodies([]byte("<html>")); err == nil {
		t.Error("a page is an envelope")
	}
}
