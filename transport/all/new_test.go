package all

import (
	"path/filepath"
	"testing"

	"github.com/mailconv/mailconv/transport"
)

// A sink that is not there yet is empty, not broken; a source that is not
// there is an error.
func TestNewSink(t *testing.T) {
	for _, kind := range []string{"dir", "maildir", "mbox"} {
		a, err := transport.ParseAddress(kind + ":" + filepath.Join(t.TempDir(), "new"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := Registry().OpenSink(t.Context(), a, nil)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		defer s.Close()
		source, ok := transport.As[transport.Source](s)
		if !ok {
			t.Fatalf("%s: a sink that cannot be read", kind)
		}
		for f, err := range source.Folders(t.Context()) {
			t.Errorf("%s: %v %v", kind, f, err)
		}
		if _, err := Registry().OpenSource(t.Context(), a, nil); transport.KindOf(err) != transport.Unavailable {
			t.Errorf("%s: a missing source: %v", kind, err)
		}
	}
}
