package migrate_test

import (
	"testing"

	"github.com/mailconv/mailconv/converters/migrate"
)

func TestParseBytes(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "500000": 500000, "25M": 25e6, "25mb": 25e6, "1.5GB": 15e8, "512KiB": 512 << 10, "2 Gi": 2 << 30, " 7 ": 7, "1T": 1e12, "3b": 3,
		"9223372036854775807": 1<<63 - 1,
	} {
		if n, err := migrate.ParseBytes(s); err != nil || n != want {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
	for _, s := range []string{"", "-1", "M", "1X", "1MM", "1Kib5", "NaN", "Inf", "9223372036854775808", "10000000T", "0x10", "1e400"} {
		if n, err := migrate.ParseBytes(s); err == nil {
			t.Errorf("%q: %d", s, n)
		}
	}
}
