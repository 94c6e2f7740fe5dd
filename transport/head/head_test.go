package head_test

import (
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mailconv/mailconv/transport/head"
)

func TestRead(t *testing.T) {
	mail := "Received: from a by b;\n\tWed, 15 May 2024 08:00:00 +0000\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\nMessage-ID:\n <a@b>\nDate: Tue, 14 May 2024 10:20:30 +0200\nX: " + strings.Repeat("long ", 2000) + "\n\nSubject: body\n"
	for _, text := range []string{mail, strings.ReplaceAll(mail, "\n", "\r\n")} {
		h, err := head.Read(iotest.OneByteReader(strings.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		if h.Subject() != "Grüße" || h.MessageID() != "<a@b>" || strings.Contains(string(h.Block), "body") {
			t.Errorf("%q, %q", h.Subject(), h.MessageID())
		}
		if got := h.Received(); !got.Equal(time.Date(2024, 5, 15, 8, 0, 0, 0, time.UTC)) {
			t.Errorf("received %v", got)
		}
		if got := h.Date(); !got.Equal(time.Date(2024, 5, 14, 8, 20, 30, 0, time.UTC)) {
			t.Errorf("date %v", got)
		}
	}
	for text, want := range map[string]int{"": -1, "\nx": 1, "\r\nx": 2, "a\n\nb": 3, "a\r\n\r\nb": 5, "a\nb": -1, "a\n": -1} {
		if got := head.End([]byte(text), 0); got != want {
			t.Errorf("End(%q) = %d, want %d", text, got, want)
		}
	}
}
