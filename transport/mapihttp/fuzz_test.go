package mapihttp

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailconv/mailconv/mapi/fasttransfer"
)

func FuzzReply(f *testing.F) {
	f.Add([]byte("PROCESSING\r\nPENDING\r\nDONE\r\nX-ElapsedTime: 0\r\n\r\nbody"))
	f.Add([]byte("DONE\r\nX-ResponseCode: 10\r\n\r\n"))
	f.Add([]byte("PROCESSING\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		resp := &http.Response{Header: http.Header{"Content-Type": {"application/mapi-http"}}, Body: io.NopCloser(bytes.NewReader(b))}
		_, body, err := readReply(resp)
		if err == nil && !bytes.HasSuffix(b, body) {
			t.Errorf("%q is not the end of the reply", body)
		}
	})
}

func FuzzChanges(f *testing.F) {
	if dir := os.Getenv("MAILCONV_RECORDINGS"); dir != "" {
		files, _ := filepath.Glob(filepath.Join(dir, "fasttransfer", "ics-contents*.fts"))
		for _, name := range files {
			if b, err := os.ReadFile(name); err == nil && len(b) < 20000 {
				f.Add(b)
			}
		}
	}
	f.Add([]byte{0x03, 0, 0x13, 0x40, 0x02, 0x01, 0xE5, 0x67, 4, 0, 0, 0, 1, 0, 0x52, 0, 0x03, 0, 0x14, 0x40})
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := readChanges(fasttransfer.NewLexer(t.Context(), bytes.NewReader(b), int64(len(b)), nil))
		if err != nil {
			return
		}
		token := list.state.token()
		if again, err := parseToken(token); err != nil || again.token() != token {
			t.Errorf("the state does not come back: %v", err)
		}
	})
}

func FuzzToken(f *testing.F) {
	f.Add("ics1:")
	f.Add("ics1:AwAXQAIAAAABAg")
	f.Fuzz(func(t *testing.T, s string) {
		if st, err := parseToken(s); err == nil && len(st.props) > 0 {
			if again, err := parseToken(st.token()); err != nil || again.token() != st.token() {
				t.Errorf("%q: %v", s, err)
			}
		}
	})
}
