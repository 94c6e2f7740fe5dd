package rop

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi/codepage"
)

// exchange is one recorded HTTP exchange.
type exchange struct {
	name     string
	kind     string // X-RequestType of the request
	request  []byte
	response []byte // behind the additional headers; nil for anything but a MAPI answer
}

// recordings reads the session in its order.
func recordings(t testing.TB) []exchange {
	dir := os.Getenv("MAILCONV_RECORDINGS")
	if dir == "" {
		t.Skip("MAILCONV_RECORDINGS is not set")
	}
	files, err := filepath.Glob(filepath.Join(dir, "mapihttp", "*.request.bin"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", dir, err)
	}
	var list []exchange
	for _, f := range files {
		base := strings.TrimSuffix(f, ".request.bin")
		var e exchange
		e.name = filepath.Base(base)
		text, err := os.ReadFile(base + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "X-RequestType: ")
		e.kind, _, _ = strings.Cut(after, "\n")
		e.kind = strings.TrimSpace(e.kind)
		if e.request, err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
		response, err := os.ReadFile(base + ".response.bin")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(response, []byte("PROCESSING\r\n")) {
			_, e.response, _ = bytes.Cut(response, []byte("\r\n\r\n"))
		}
		list = append(list, e)
	}
	return list
}

// packedElsewhere are requests whose payload was compressed by another
// compressor: LZ77 leaves it open which matches are taken, so only the expanded
// bytes are compared.
var packedElsewhere = map[string]bool{"153-compressed-request": true, "155-compressed-xor-request": true}

func TestRecordings(t *testing.T) {
	var cols Columns
	cols.Charset, _ = codepage.Get(1252)
	bodies, rops := 0, 0
	for _, e := range recordings(t) {
		var ask, answer Body
		switch e.kind {
		case "Connect":
			ask, answer = new(ConnectRequest), new(ConnectResponse)
		case "Execute":
			ask, answer = new(ExecuteRequest), new(ExecuteResponse)
		case "Disconnect":
			ask, answer = new(DisconnectRequest), new(DisconnectResponse)
		default:
			continue
		}
		check := func(what string, data []byte, b Body) {
			if err := ParseBody(data, b); err != nil {
				t.Errorf("%s: %s: %v", e.name, what, err)
				return
			}
			again, err := MarshalBody(b)
			if err != nil || !bytes.Equal(again, data) {
				t.Errorf("%s: %s differs: %v\n%s", e.name, what, err, differ(again, data))
			}
			bodies++
		}
		check("request", e.request, ask)
		if e.response != nil {
			check("response", e.response, answer)
		}
		q, ok := ask.(*ExecuteRequest)
		if !ok {
			continue
		}
		a := answer.(*ExecuteResponse)
		if e.response == nil && len(q.RopBuffer) == 0 {
			continue // 165, 166, 168: there is no session, so nothing was sent
		}
		n, err := checkExecute(q, a, &cols, packedElsewhere[e.name])
		if e.name == "160-unknown-rop" {
			if n != 0 || err == nil || !strings.Contains(err.Error(), "RopId 0x99") {
				t.Errorf("%s: %v", e.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
		rops += n
	}
	t.Logf("%d bodies and %d operations and answers are the same after reading and writing", bodies, rops)
	if rops < 430 {
		t.Errorf("only %d operations", rops)
	}
}

// checkExecute reads both buffers and writes them again.
func checkExecute(q *ExecuteRequest, a *ExecuteResponse, cols *Columns, packed bool) (int, error) {
	payloads, err := ParsePayloads(q.RopBuffer)
	if err != nil {
		return 0, err
	}
	if len(payloads) != 1 {
		return 0, fmt.Errorf("%d payloads", len(payloads))
	}
	again, err := AppendPayload(nil, payloads[0])
	if err != nil {
		return 0, err
	}
	if packed {
		p, err := ParsePayloads(again)
		if err != nil || !bytes.Equal(p[0].Data, payloads[0].Data) || p[0].Flags != payloads[0].Flags {
			return 0, fmt.Errorf("compressed payload differs: %v", err)
		}
	} else if !bytes.Equal(again, q.RopBuffer) {
		return 0, fmt.Errorf("payload differs\n%s", differ(again, q.RopBuffer))
	}
	request, err := ParseRequest(payloads[0].Data, cols.Charset)
	if err != nil {
		return 0, err
	}
	if again, err = request.Marshal(); err != nil || !bytes.Equal(again, payloads[0].Data) {
		return 0, fmt.Errorf("operations differ: %v\n%s", err, differ(again, payloads[0].Data))
	}
	n := len(request.Requests)
	if len(a.RopBuffer) == 0 {
		return n, nil
	}
	if payloads, err = ParsePayloads(a.RopBuffer); err != nil {
		return n, err
	}
	for _, p := range payloads {
		response, err := ParseResponse(p.Data, request.Requests, cols)
		if err != nil {
			return n, err
		}
		again, err := response.Marshal()
		if err != nil || !bytes.Equal(again, p.Data) {
			return n, fmt.Errorf("answers differ: %v\n%s", err, differ(again, p.Data))
		}
		n += len(response.Responses)
	}
	return n, nil
}

// differ shows where two byte strings part.
func differ(got, want []byte) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	cut := func(b []byte) []byte { return b[min(i, len(b)):min(i+64, len(b))] }
	return fmt.Sprintf("from 0x%X:\ngot  %s\nwant %s", i, hex.EncodeToString(cut(got)), hex.EncodeToString(cut(want)))
}
