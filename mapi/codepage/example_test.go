package codepage_test

import (
	"fmt"

	"github.com/mailconv/mailconv/mapi/codepage"
)

func Example() {
	cs, ok := codepage.ByName("\"CP-1251\"")
	text, _ := cs.Decode([]byte{0xCF, 0xF0, 0xE8})
	fmt.Println(text, ok, codepage.Name(cs.CodePage()), codepage.ANSI(1041))
	// Output: При true windows-1251 932
}
