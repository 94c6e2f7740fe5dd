package mapihttp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/web"
)

var bg = context.Background()

// An operation is a recorded one with its answer.
type operation struct {
	from     string // the recording
	request  rop.Request
	handles  []uint32 // after the request was done
	response *rop.Response
}

// A replay answers requests with what a real server answered, in the order in
// which that did. An operation must be the one that was recorded next, whatever
// requests they come in.
type replay struct {
	t    *testing.T
	dir  string
	cols rop.Columns
	// queue is what was recorded, in order.
	queue []operation
	// loose names operations of which fields are a matter of choice; the
	// others must have the bytes that were recorded.
	loose map[rop.ID]string
	// columns are those of the client's tables.
	columns map[uint32][]mapi.Tag
	cookies map[string]string // that the client must send
	bodies  map[string][]string
	exact   int
}

func newReplay(t *testing.T) *replay {
	dir := os.Getenv("MAILCONV_RECORDINGS")
	if dir == "" {
		t.Skip("MAILCONV_RECORDINGS is not set")
	}
	r := &replay{t: t, dir: filepath.Join(dir, "mapihttp"), columns: map[uint32][]mapi.Tag{}, cookies: map[string]string{}, bodies: map[string][]string{}, loose: map[rop.ID]string{}}
	r.cols.Charset, _ = codepage.Get(1252)
	return r
}

func (r *replay) file(base, kind string) []byte {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, base+"."+kind+".bin"))
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// all are the names of the recordings.
func (r *replay) all() (list []string) {
	files, _ := filepath.Glob(filepath.Join(r.dir, "*.request.bin"))
	for _, f := range files {
		list = append(list, strings.TrimSuffix(filepath.Base(f), ".request.bin"))
	}
	return list
}

// load reads the operations of all recordings, and keeps those that pick wants.
func (r *replay) load(pick func(name string) bool) {
	r.t.Helper()
	for _, name := range r.all() {
		var q rop.ExecuteRequest
		var a rop.ExecuteResponse
		_, body, _ := bytes.Cut(r.file(name, "response"), []byte("\r\n\r\n"))
		if rop.ParseBody(r.file(name, "request"), &q) != nil || len(q.RopBuffer) == 0 || rop.ParseBody(body, &a) != nil || len(a.RopBuffer) == 0 {
			continue
		}
		asked, err := rop.UnwrapRequests(q.RopBuffer, r.cols.Charset)
		if err != nil {
			continue // 160, an unknown operation
		}
		payloads, err := rop.ParsePayloads(a.RopBuffer)
		if err != nil {
			r.t.Fatal(name, err)
		}
		answers, err := rop.ParseResponse(payloads[0].Data, asked.Requests, &r.cols)
		if err != nil {
			r.t.Fatal(name, err)
		}
		if !pick(name) {
			continue
		}
		next := 0
		for _, req := range asked.Requests {
			o := operation{from: name, request: req, handles: answers.Handles}
			if req.Body.ROP() != rop.IDRelease && next < len(answers.Responses) {
				o.response = &answers.Responses[next]
				next++
				r.queue = append(r.queue, o)
			}
		}
	}
}

// bytesOf are the fields of an operation.
func bytesOf(r rop.Request) string {
	b, err := (&rop.RequestBuffer{Requests: []rop.Request{{Body: r.Body}}}).Marshal()
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// answer takes the next operation of the queue.
func (r *replay) answer(req rop.Request, handles []uint32) (rop.Response, bool) {
	id := req.Body.ROP()
	if len(r.queue) == 0 {
		r.t.Errorf("%v is asked for; nothing is left of the recording", id)
		return rop.Response{}, false
	}
	o := r.queue[0]
	r.queue = r.queue[1:]
	if o.request.Body.ROP() != id {
		r.t.Errorf("%s: %v is asked for where %v was recorded", o.from, id, o.request.Body.ROP())
		return rop.Response{}, false
	}
	if r.loose[id] == "" {
		if got, want := bytesOf(req), bytesOf(o.request); got != want {
			r.t.Errorf("%s: %v differs\ngot  %x\nwant %x", o.from, id, got, want)
		} else {
			r.exact++
		}
	}
	out := *o.response
	out.Index = req.In
	if int(o.response.Index) < len(o.handles) && o.response.Code == rop.Success && o.request.Out != o.request.In {
		switch id {
		case rop.IDSaveChangesMessage:
			out.Index = req.Out
		default:
			if strings.Contains(fmt.Sprintf("%v", id), "Open") || req.Out != 0 {
				handles[req.Out] = o.handles[o.request.Out]
				out.Index = req.Out
			}
		}
	}
	if id == rop.IDLogon {
		handles[req.Out], out.Index = o.handles[o.request.Out], req.Out
	}
	handle := rop.NoHandle
	if int(req.In) < len(handles) {
		handle = handles[req.In]
	}
	// Columns are a matter of choice, so rows are given under those that the
	// client has.
	switch q := req.Body.(type) {
	case *rop.SetColumns:
		r.columns[handle] = q.Tags
	case *rop.QueryRows:
		a := *out.Body.(*rop.QueryRowsResult)
		list := make([]rop.Row, len(a.Rows))
		for i := range a.Rows {
			list[i] = under(a.Rows[i].Properties(), r.columns[handle])
		}
		a.Rows = list
		out.Body = &a
	case *rop.FastTransferDestinationPutBuffer:
		a := *out.Body.(*rop.FastTransferDestinationPutBufferResult)
		a.BufferUsedSize = uint16(len(q.Data))
		out.Body = &a
	case *rop.GetPropertiesSpecific:
		if out.Code == rop.Success && r.loose[id] != "" {
			a := out.Body.(*rop.GetPropertiesSpecificResult)
			out.Body = &rop.GetPropertiesSpecificResult{Row: under(a.Row.Properties(), q.Tags)}
		}
	}
	return out, true
}

// under is a row of other columns.
func under(ps mapi.Properties, columns []mapi.Tag) rop.Row {
	row := rop.Row{Columns: columns, Values: make([]mapi.Value, len(columns))}
	for i, tag := range columns {
		row.Values[i] = rop.ErrorValue(rop.NotFound)
		if v, ok := ps.Get(tag); ok && v.Type() == tag.Type() {
			row.Values[i] = v
		}
	}
	return row
}

// ServeHTTP implements [http.Handler].
func (r *replay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	kind := req.Header.Get("X-RequestType")
	for _, name := range []string{"X-ClientInfo", "X-RequestId", "X-ClientApplication"} {
		if req.Header.Get(name) == "" {
			r.t.Errorf("%s without %s", kind, name)
		}
	}
	if t := req.Header.Get("Content-Type"); t != "application/mapi-http" {
		r.t.Errorf("%s of type %q", kind, t)
	}
	for name, want := range r.cookies {
		if c, err := req.Cookie(name); err != nil || c.Value != want {
			r.t.Errorf("%s: cookie %s is %v, want %s", kind, name, c, want)
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/mapi-http")
	h.Set("X-RequestType", kind)
	h.Set("X-ResponseCode", "0")
	if r.cookies["sid"] == "" {
		r.cookies["sid"] = "recorded"
	}
	r.cookies["sequence"] = fmt.Sprint(len(r.queue), "-", r.exact)
	r.cookies["sequence"] = strings.ReplaceAll(r.cookies["sequence"], " ", "")
	for name, v := range r.cookies {
		h.Add("Set-Cookie", name+"="+v)
	}
	io.WriteString(w, "PROCESSING\r\nPENDING\r\nDONE\r\nX-ElapsedTime: 0\r\nX-StartTime: Mon, 23 Nov 2026 02:53:22 GMT\r\n\r\n")
	if list := r.bodies[kind]; kind != "Execute" {
		if len(list) == 0 {
			r.t.Errorf("%s was not to be asked", kind)
			return
		}
		base := list[0]
		r.bodies[kind] = list[1:]
		if want := r.file(base, "request"); r.loose[rop.ID(0)] != kind && !bytes.Equal(body, want) {
			r.t.Errorf("%s: the body of %s differs\ngot  %x\nwant %x", base, kind, body, want)
		} else {
			r.exact++
		}
		_, answer, _ := bytes.Cut(r.file(base, "response"), []byte("\r\n\r\n"))
		w.Write(answer)
		return
	}
	w.Write(r.execute(body))
}

func (r *replay) execute(body []byte) []byte {
	var q rop.ExecuteRequest
	if err := rop.ParseBody(body, &q); err != nil {
		r.t.Error(err)
		return nil
	}
	asked, err := rop.UnwrapRequests(q.RopBuffer, r.cols.Charset)
	if err != nil {
		r.t.Error(err)
		return nil
	}
	out := rop.ResponseBuffer{Handles: asked.Handles}
	for _, req := range asked.Requests {
		if req.Body.ROP() == rop.IDRelease {
			continue
		}
		a, ok := r.answer(req, out.Handles)
		if !ok {
			break
		}
		out.Responses = append(out.Responses, a)
	}
	data, err := out.Marshal()
	if err != nil {
		r.t.Error(err)
	}
	rgb, err := rop.AppendPayload(nil, rop.Payload{Flags: rop.Last, Data: data})
	if err != nil {
		r.t.Error(err)
	}
	b, err := rop.MarshalBody(&rop.ExecuteResponse{RopBuffer: rgb})
	if err != nil {
		r.t.Error(err)
	}
	return b
}

const recordedDN = "/o=Gromox default/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=0100000002000000-bob"

// store opens a store on the replay.
func (r *replay) store(o Options) *Store {
	r.t.Helper()
	srv := httptest.NewServer(r)
	r.t.Cleanup(srv.Close)
	a := transport.Address{Scheme: "mapihttp", User: "bob@example.test", Password: "secret", Params: url.Values{"endpoint": {srv.URL + "/mapi/emsmdb/?MailboxId=bob@example.test"}, "auth": {"basic"}}}
	w, err := web.Open(bg, a, &transport.Env{}, web.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	o.UserDN, o.Connections = recordedDN, 1
	st := Open(w, "bob@example.test", o)
	r.t.Cleanup(func() { st.Close() })
	r.bodies["Connect"] = []string{"004-connect"}
	r.bodies["Disconnect"] = []string{"167-disconnect"}
	return st
}
