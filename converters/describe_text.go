package converters

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// WriteText writes the description as an indented tree. Text that strangers
// wrote cannot control the terminal.
func (n *Node) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	n.text(b, "")
	return b.Flush()
}

func (n *Node) text(w *bufio.Writer, indent string) {
	fmt.Fprintf(w, "%s%s", indent, n.Kind)
	if n.Title != "" {
		fmt.Fprintf(w, " %s", printable(n.Title))
	}
	w.WriteByte('\n')
	inner := indent + "  "
	width := 0
	for _, f := range n.Fields {
		width = max(width, len(f.Name))
	}
	for _, f := range n.Fields {
		fmt.Fprintf(w, "%s%-*s  %s\n", inner, width, f.Name, printable(f.Value))
	}
	width = 0
	for _, p := range n.Props {
		width = max(width, min(len(p.Name), 44))
	}
	for _, p := range n.Props {
		fmt.Fprintf(w, "%s%-*s  %s %s %s\n", inner, width, printable(p.Name), p.Tag, strings.TrimPrefix(p.Type, "Ptyp"), printable(p.Value))
	}
	for _, c := range n.Children {
		c.text(w, inner)
	}
	for _, p := range n.Problems {
		word := "problem"
		if p.Severe {
			word = "lost"
		}
		fmt.Fprintf(w, "%s%s: %s\n", inner, word, printable(p.Text))
	}
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}
