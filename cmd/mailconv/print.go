package main

import (
	"fmt"
	"io"
	"strings"
)

// Voice: results go to standard output, everything else to standard error. A
// message is one line, begins with the program's name and a file where there
// is one, has no capital at its start and no full stop at its end, and says
// what was wrong, where, and what to do.

func printError(w io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w, "mailconv: %s\n", oneLine(line))
	}
}

// printFile prints errors about a file; several that were joined have a line
// each.
func printFile(w io.Writer, file, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "mailconv: %s: %s\n", oneLine(file), oneLine(line))
	}
}

// oneLine keeps strangers' text from writing lines, or to the terminal, of its
// own.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7F && r < 0xA0 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.TrimSpace(s))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
