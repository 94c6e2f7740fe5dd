package rtf_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/mailconv/mailconv/mapi/rtf"
)

// The body of a message, from HTML to the value of PidTagRtfCompressed and
// back.
func Example() {
	var body bytes.Buffer
	if err := rtf.FromHTML(&body, strings.NewReader("<p>Tea at <b>four</b>?</p>")); err != nil {
		fmt.Println(err)
		return
	}
	value := rtf.Compressed(body.Bytes())

	r := rtf.NewReader(bytes.NewReader(value))
	res, err := rtf.ToHTML(os.Stdout, r, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println()
	fmt.Println(res.Kind, len(res.Problems), len(r.Problems()))
	// Output:
	// <p>Tea at <b>four</b>?</p>
	// html 0 0
}
