package graphtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

var batchRoutes = []*route{
	{"POST", "$batch", "batch", "", "graph.batchBody", "graph.batchReply", (*call).batch},
}

// maxBatch is the number of requests of a batch, and batchWidth how many of
// them run at once. (concepts/json-batching, includes/throttling-outlook)
const (
	maxBatch   = 20
	batchWidth = 4
)

// part is one request of a batch.
type part struct {
	id      string
	request object
	after   []string
	done    chan struct{}
	status  int
	reply   object
	broken  bool
}

func (c *call) batch() error {
	o, err := c.body()
	if err != nil {
		return err
	}
	var parts []*part
	byID := map[string]*part{}
	for _, r := range children(o, "requests") {
		p := &part{id: text(r, "id"), request: r, after: texts(r, "dependsOn"), done: make(chan struct{})}
		if p.id == "" || byID[p.id] != nil {
			return fail(400, "BadRequest", "The id of a request is missing or not unique.")
		}
		for _, d := range p.after {
			// Only on what stands before it, so that nothing waits for ever.
			if byID[d] == nil {
				return fail(400, "BadRequest", "dependsOn names a request that does not stand before.")
			}
		}
		byID[p.id] = p
		parts = append(parts, p)
	}
	if len(parts) == 0 || len(parts) > maxBatch {
		return fail(400, "BadRequest", "A batch takes 1 to %d requests.", maxBatch)
	}
	room := make(chan struct{}, batchWidth)
	var wg sync.WaitGroup
	for _, p := range parts {
		wg.Go(func() {
			defer close(p.done)
			for _, d := range p.after {
				<-byID[d].done
				if byID[d].status >= 400 {
					p.status = http.StatusFailedDependency
					p.reply = object{"id": p.id, "status": p.status, "body": object{"error": object{"code": "FailedDependency", "message": "A request that this one depends on failed."}}}
					return
				}
			}
			room <- struct{}{}
			defer func() { <-room }()
			c.runPart(p)
		})
	}
	wg.Wait()
	out := []any{}
	for _, p := range parts {
		if p.broken {
			panic(http.ErrAbortHandler)
		}
		out = append(out, p.reply)
	}
	return c.reply(200, object{"responses": out})
}

// runPart does one request as if it had come alone.
func (c *call) runPart(p *part) {
	defer func() {
		if r := recover(); r != nil {
			if r != http.ErrAbortHandler {
				panic(r)
			}
			p.broken = true
		}
	}()
	u, err := url.Parse(c.s.root + "/" + c.version + "/" + strings.TrimPrefix(text(p.request, "url"), "/"))
	path, perr := []string(nil), error(nil)
	if err == nil {
		path, perr = elements(u)
	}
	if err != nil || perr != nil {
		p.status = 400
		p.reply = object{"id": p.id, "status": 400, "body": object{"error": object{"code": "BadRequest", "message": "The url is not valid."}}}
		return
	}
	h := http.Header{}
	for k, v := range child(p.request, "headers") {
		if s, ok := v.(string); ok {
			h.Set(k, s)
		}
	}
	h.Set("Authorization", c.r.Header.Get("Authorization"))
	var body []byte
	if b := p.request["body"]; b != nil {
		// A body that is no JSON comes in base64, or as the text that it is
		// when it is text.
		if s, ok := b.(string); ok {
			body = []byte(s)
			if d, err := base64.StdEncoding.DecodeString(s); err == nil && !strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
				body = d
			}
		} else {
			body, _ = json.Marshal(b)
		}
	}
	r := (&http.Request{
		Method: text(p.request, "method"), URL: u, Header: h, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Host: c.r.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(context.WithoutCancel(c.ctx))
	w := &recorder{header: http.Header{}}
	if len(path) > 1 && slices.Contains(path, "$batch") {
		c.s.sendError(w, r, fail(400, "BadRequest", "A batch cannot hold a batch."))
	} else {
		c.s.graph(w, r, c.version, path[1:])
	}
	p.status = w.status
	headers := object{}
	for k := range w.header {
		headers[k] = w.header.Get(k)
	}
	p.reply = object{"id": p.id, "status": w.status, "headers": headers}
	if w.body.Len() > 0 {
		if strings.HasPrefix(w.header.Get("Content-Type"), "application/json") {
			p.reply["body"] = json.RawMessage(w.body.Bytes())
		} else {
			p.reply["body"] = base64.StdEncoding.EncodeToString(w.body.Bytes())
		}
	}
}

// A recorder is the answer to a part.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}
