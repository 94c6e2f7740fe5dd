package utf7_test

import (
	"testing"

	"github.com/mailconv/mailconv/transport/utf7"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"Sent": "Sent", "03_März": "03_M&AOQ-rz", "a&b": "a&-b", "台北": "&U,BTFw-", "🚆": "&2D3ehg-", "": "",
	} {
		if got := utf7.Encode(name); got != want {
			t.Errorf("%q is written %q, want %q", name, got, want)
		}
		if got, ok := utf7.Decode(want); !ok || got != name {
			t.Errorf("%q is read %q, want %q", want, got, name)
		}
	}
	for _, bad := range []string{"a&b", "&", "&###-", "&AA-"} {
		if got, ok := utf7.Decode(bad); ok {
			t.Errorf("%q is read %q, and is not well-formed", bad, got)
		}
	}
}
