package converters

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// ReadAddresses reads a file of Exchange addresses and the SMTP addresses they
// stand for: a pair a line, a tab between, '#' begins a comment. The Exchange
// addresses are compared without regard to case.
func ReadAddresses(name string) (map[string]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := map[string]string{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		ex, smtp, ok := strings.Cut(line, "\t")
		ex, smtp = strings.TrimSpace(ex), strings.TrimSpace(smtp)
		if !ok || !strings.Contains(smtp, "@") {
			return nil, fmt.Errorf("%s:%d: want an Exchange address, a tab and an SMTP address", name, n)
		}
		m[strings.ToLower(ex)] = smtp
	}
	return m, lines.Err()
}
