package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
	"github.com/mailconv/mailconv/transport/web"
)

// immutable asks for ids that survive a move. It goes with every call, as ids
// of one kind mean nothing to calls of the other.
const immutable = `IdType="ImmutableId"`

// A call is one request.
type call struct {
	op     string
	folder string
	key    transport.Key

	method string
	url    string
	body   mapi.Blob
	typ    string   // of the body, "" is JSON
	prefer []string // besides the immutable ids
	header http.Header
	// bare is for URLs that carry their own authorization.
	bare bool
	// upload says that the body counts as an upload.
	upload bool
}

// user is the URL of something of the mailbox's user.
func (s *Store) user(elem ...string) string {
	return s.at(append([]string{"users", s.o.Mailbox}, elem...)...)
}

// at is a URL below the endpoint; elements are escaped.
func (s *Store) at(elem ...string) string {
	var b strings.Builder
	b.WriteString(s.base.String())
	for _, e := range elem {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(url.PathEscape(e), "+", "%2B"))
	}
	return b.String()
}

// query adds options to a URL. They are in pairs of name and value, and keep
// the dollar sign of OData.
func query(u string, pairs ...string) string {
	sep := "?"
	for i := 0; i+1 < len(pairs); i += 2 {
		u += sep + pairs[i] + "=" + strings.ReplaceAll(url.QueryEscape(pairs[i+1]), "+", "%20")
		sep = "&"
	}
	return u
}

// do sends a request. The slot of the mailbox is free again when the body of
// the reply is closed. A status of 400 and above is an error.
func (s *Store) do(ctx context.Context, c *call) (*http.Response, error) {
	var upload int64
	if c.upload {
		upload = c.body.Size()
	}
	release, err := s.limits.Acquire(ctx, upload)
	if err != nil {
		return nil, err
	}
	if c.method == "" {
		c.method = http.MethodGet
	}
	req, err := web.NewRequest(ctx, c.method, c.url, c.body)
	if err != nil {
		release()
		return nil, &transport.Error{Op: c.op, Folder: c.folder, Key: c.key, Err: err}
	}
	req.Header.Set("Accept", "application/json")
	if !c.bare {
		req.Header.Set("Prefer", strings.Join(append([]string{immutable}, c.prefer...), ", "))
	}
	if c.body != nil {
		typ := c.typ
		if typ == "" {
			typ = "application/json"
		}
		req.Header.Set("Content-Type", typ)
	}
	for k, v := range c.header {
		req.Header[k] = v
	}
	var resp *http.Response
	if c.bare {
		resp, err = s.o.Client.DoBare(c.op, req)
	} else {
		resp, err = s.o.Client.Do(c.op, req)
	}
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = refused(c, web.ReadStatus(resp))
	}
	if err != nil {
		release()
		if d := transport.RetryAfter(err); d > 0 && transport.KindOf(err) == transport.Throttled {
			s.limits.Pause(d)
		}
		return nil, c.at(err)
	}
	resp.Body = &slotBody{resp.Body, release}
	return resp, nil
}

type slotBody struct {
	io.ReadCloser
	release func()
}

func (b *slotBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}

// json sends a request and reads the reply into v, nil for none.
func (s *Store) json(ctx context.Context, c *call, v any) error {
	resp, err := s.do(ctx, c)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if v == nil || resp.StatusCode == http.StatusNoContent {
		_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
		return c.broken(err)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, wire.ValueLimit+1))
	if err == nil && len(b) > wire.ValueLimit {
		err = wire.ErrTooLarge
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	return c.broken(err)
}

// post is [Store.json] with a JSON body.
func (s *Store) post(ctx context.Context, c *call, body any, contents *wire.Contents, reply any) error {
	b, err := wire.JSON(body, contents)
	if err != nil {
		return &transport.Error{Op: c.op, Folder: c.folder, Key: c.key, Err: err}
	}
	c.body = b
	if c.method == "" {
		c.method = http.MethodPost
	}
	return s.json(ctx, c, reply)
}

// pages reads a listing page by page. fn is given each element, and returns
// false to end. The result is the delta link of the last page.
func (s *Store) pages(ctx context.Context, c *call, fn func(json.RawMessage) (bool, error)) (delta string, err error) {
	for seen := map[string]bool{}; ; {
		var p wire.Page
		if err := s.json(ctx, c, &p); err != nil {
			return "", err
		}
		for _, raw := range p.Value {
			if more, err := fn(raw); err != nil || !more {
				return "", err
			}
		}
		if p.NextLink == "" {
			return p.DeltaLink, nil
		}
		if seen[p.NextLink] {
			return "", c.broken(errors.New("the service gives the same page again and again"))
		}
		seen[p.NextLink] = true
		if c.url, err = s.link(c, p.NextLink); err != nil {
			return "", err
		}
	}
}

// link is the URL of a link that the service gave. It must lead to the service,
// as our authorization goes with it.
func (s *Store) link(c *call, link string) (string, error) {
	u, err := url.Parse(link)
	if err == nil && (u.Scheme != s.base.Scheme || !strings.EqualFold(u.Host, s.base.Host)) {
		err = fmt.Errorf("a link of the service leads to %s, which is not followed", u.Host)
	}
	if err != nil {
		return "", &transport.Error{Kind: transport.Permanent, Op: c.op, Folder: c.folder, Err: err}
	}
	return link, nil
}

// element reads one element of a listing.
func element[T any](raw json.RawMessage) (v T, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}
