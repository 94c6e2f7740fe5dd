package maildir

import (
	"unicode/utf8"

	"github.com/mailconv/mailconv/transport/utf7"
)

// decodeUTF7 is false for text that utf7.Encode does not make, such as a name
// in UTF-8.
func decodeUTF7(s string) (string, bool) {
	out, ok := utf7.Decode(s)
	return out, ok && utf8.ValidString(out) && utf7.Encode(out) == s
}
