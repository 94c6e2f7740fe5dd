package migrate

import (
	"fmt"
	"strconv"
	"strings"
)

// units of [ParseBytes], without the B that may follow.
var units = map[string]int64{
	"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
	"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40,
}

// ParseBytes reads a number of bytes as a person writes it: 500000, 25M, 1.5GB,
// 512KiB. k, M, G and T count in thousands, Ki, Mi, Gi and Ti in 1024; case and
// a B at the end do not matter.
func ParseBytes(s string) (int64, error) {
	text := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), " ", ""))
	number := strings.TrimRight(text, "bkmgti")
	unit, ok := units[strings.TrimSuffix(text[len(number):], "b")]
	if ok {
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n >= 0 && n <= (1<<63-1)/unit {
			return n * unit, nil
		}
		if f, err := strconv.ParseFloat(number, 64); err == nil && f >= 0 && f*float64(unit) < 1<<62 {
			return int64(f * float64(unit)), nil
		}
	}
	return 0, fmt.Errorf("want a number of bytes, as 500000, 25M or 1.5GB, not %q", s)
}
