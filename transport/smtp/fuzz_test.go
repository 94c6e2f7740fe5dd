package smtp_test

import (
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/smtp"
)

// FuzzFromHeader: whatever a header holds, no recipient of it can end a
// command.
func FuzzFromHeader(f *testing.F) {
	f.Add([]byte(text))
	f.Add([]byte("To: <a@b>\r\n BCC: x@y, \"q\\\"\"@z;;\r\n\r\n"))
	f.Add([]byte("Resent-To: a@b\nTo: c\x00d@e\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		from, to, err := smtp.FromHeader(t.Context(), mapi.Bytes(in))
		if err != nil {
			return
		}
		for _, a := range append(to, from) {
			if strings.ContainsAny(a, "\r\n") {
				t.Fatalf("%q", a)
			}
		}
	})
}
