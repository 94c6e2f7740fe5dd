package graphtest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/graph/graphtest/csdl"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

type object = map[string]any

const zoe = "zoe@mailconv.example"

// start runs a server that judges by the schema where that is at hand.
func start(t *testing.T, o graphtest.Options) *graphtest.Server {
	t.Helper()
	schema, err := csdl.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	o.Schema = schema
	if o.Convert == nil {
		o.Convert = &converters.Converter{}
	}
	s, err := graphtest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if v := s.Violations(); len(v) > 0 && !t.Failed() {
			t.Errorf("against the schema:\n%s", strings.Join(v, "\n"))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A client speaks plain HTTP, so that what is tested is the wire.
type client struct {
	t     *testing.T
	s     *graphtest.Server
	token string
	head  map[string]string
}

func connect(t *testing.T, s *graphtest.Server) *client {
	return &client{t: t, s: s, token: s.Token(zoe), head: map[string]string{}}
}

func (c *client) with(k, v string) *client {
	n := *c
	n.head = map[string]string{k: v}
	for a, b := range c.head {
		n.head[a] = b
	}
	return &n
}

// raw sends a request; url is below the endpoint unless it is whole.
func (c *client) raw(method, url string, body io.Reader, typ string) (*http.Response, error) {
	c.t.Helper()
	whole := strings.HasPrefix(url, "http")
	if !whole {
		url = c.s.URL() + "/" + strings.TrimPrefix(url, "/")
	}
	r, err := http.NewRequestWithContext(context.Background(), method, strings.ReplaceAll(url, " ", "%20"), body)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if typ != "" {
		r.Header.Set("Content-Type", typ)
	}
	for k, v := range c.head {
		r.Header.Set(k, v)
	}
	return http.DefaultClient.Do(r)
}

// do sends JSON, text or nothing and reads a reply whose status is given.
func (c *client) do(status int, method, url string, body any) object {
	c.t.Helper()
	var r io.Reader
	typ := ""
	switch b := body.(type) {
	case nil:
	case string:
		r, typ = strings.NewReader(b), "text/plain"
	default:
		j, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		r, typ = bytes.NewReader(j), "application/json"
	}
	resp, err := c.raw(method, url, r, typ)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, url, err)
	}
	if resp.StatusCode != status {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, url, resp.StatusCode, status, b)
	}
	o := object{}
	if len(b) > 0 && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(b, &o); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, url, err, b)
		}
	} else if len(b) > 0 {
		o["text"] = string(b)
	}
	return o
}

func (c *client) get(url string) object { c.t.Helper(); return c.do(200, "GET", url, nil) }

// all follows the nextLinks of a collection, and gives the deltaLink.
func (c *client) all(url string) (list []object, delta string) {
	c.t.Helper()
	for url != "" {
		o := c.get(url)
		for _, v := range o["value"].([]any) {
			list = append(list, v.(object))
		}
		delta, _ = o["@odata.deltaLink"].(string)
		url, _ = o["@odata.nextLink"].(string)
	}
	return list, delta
}

func code(o object) string {
	e, _ := o["error"].(object)
	s, _ := e["code"].(string)
	return s
}

// at follows names into objects.
func at(o object, path ...string) any {
	var v any = o
	for _, p := range path {
		m, _ := v.(object)
		v = m[p]
	}
	return v
}

const mail = "From: Anna <anna@mailconv.example>\r\nTo: Zoe <zoe@mailconv.example>\r\nSubject: Über uns\r\n" +
	"Date: Thu, 29 Feb 2024 12:00:00 +0100\r\nMessage-ID: <1@mailconv.example>\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n"

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// deliver puts a mail into the inbox.
func deliver(t *testing.T, box *mailbox.Mailbox, i int) {
	t.Helper()
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(0))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue(fmt.Sprintf("Letter %d", i)))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue(fmt.Sprintf("text %d", i)))
	m.Props.Set(mapi.PidTagSenderName, mapi.StringValue("Anna"))
	m.Props.Set(mapi.PidTagSenderSmtpAddress, mapi.StringValue("anna@mailconv.example"))
	m.Props.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(time.Date(2024, 1, 1, i, 0, 0, 0, time.UTC)))
	inbox, _ := box.WellKnown(mailbox.Inbox)
	if _, err := box.Create(context.Background(), inbox.ID, m, mailbox.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}
