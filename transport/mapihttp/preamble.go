package mapihttp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// bodyLimit bounds an answer in memory. Exchange gives at most 256 KiB of
// operations at once; an address book page can be larger.
const bodyLimit = 8 << 20

// maxMetaTags bounds the lines before an answer: a server that works for long
// says PENDING from time to time.
const maxMetaTags = 100000

// readReply reads the body of a reply: meta-tags, additional headers, and what
// was asked for. [MS-OXCMAPIHTTP] 2.2.2.2, 2.2.7
func readReply(resp *http.Response) (http.Header, []byte, error) {
	if t := resp.Header.Get("Content-Type"); !strings.HasPrefix(strings.ToLower(t), "application/mapi-http") {
		if code, ok := responseCode(resp.Header); ok && code != 0 {
			return nil, nil, code
		}
		return nil, nil, fmt.Errorf("the reply is of type %q, not of MAPI over HTTP", t)
	}
	if code, ok := responseCode(resp.Header); ok && code != 0 {
		return nil, nil, code
	}
	r := bufio.NewReaderSize(resp.Body, 16<<10)
	for n := 0; ; n++ {
		line, err := readLine(r)
		if err != nil {
			return nil, nil, err
		}
		if line == "DONE" {
			break
		}
		if line != "PROCESSING" && line != "PENDING" || n > maxMetaTags {
			return nil, nil, fmt.Errorf("the reply has %q where PROCESSING, PENDING or DONE stands", line)
		}
	}
	h, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil && !(err == io.EOF && h != nil) {
		return nil, nil, cut(err)
	}
	header := http.Header(h)
	// What was not known when the reply began. [MS-OXCMAPIHTTP] 3.2.5.2
	if code, ok := responseCode(header); ok && code != 0 {
		return header, nil, code
	}
	body, err := io.ReadAll(io.LimitReader(r, bodyLimit+1))
	if err != nil {
		return header, nil, cut(err)
	}
	if len(body) > bodyLimit {
		return header, nil, fmt.Errorf("the reply has more than %d bytes", bodyLimit)
	}
	return header, body, nil
}

var errCut = errors.New("the reply is cut short")

func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errCut
	}
	return fmt.Errorf("%w: %w", errCut, err)
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		if err == bufio.ErrBufferFull {
			return "", errors.New("a line of the reply is too long")
		}
		return "", cut(err)
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

func responseCode(h http.Header) (ResponseCode, bool) {
	s := strings.TrimSpace(h.Get("X-ResponseCode"))
	if s == "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 1, true
	}
	return ResponseCode(n), true
}
