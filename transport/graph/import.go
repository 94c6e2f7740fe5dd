package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// importSession is the URL that takes items until it expires.
type importSession struct {
	url   string
	until time.Time
}

// early is how long before its end a session is not used any more: a large item
// takes its time.
const early = 2 * time.Minute

// importURL is the URL of a session that is good. not is one that was refused.
func (s *Store) importURL(ctx context.Context, not string) (string, error) {
	s.sessionMu.Lock()
	defer s.sessionMu.Unlock()
	if s.session.url != "" && s.session.url != not && s.clock.Now().Before(s.session.until.Add(-early)) {
		return s.session.url, nil
	}
	box, err := s.mailboxID(ctx)
	if err != nil {
		return "", err
	}
	c := &call{op: "import", method: http.MethodPost, url: s.exchange(box, "createImportSession")}
	var reply wire.ImportSession
	if err := s.json(ctx, c, &reply); err != nil {
		return "", err
	}
	u, err := url.Parse(reply.ImportURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (s.base.Scheme == "https" || u.Scheme != "http") {
		return "", &transport.Error{Op: "import", Err: errors.New("the service gives no URL to import to")}
	}
	s.session = importSession{reply.ImportURL, reply.Expires}
	if reply.Expires.IsZero() {
		s.session.until = s.clock.Now().Add(10 * time.Minute)
	}
	return s.session.url, nil
}

// importItem writes the item as a FastTransfer stream.
func (p *putter) importItem(ctx context.Context) (transport.Receipt, error) {
	r := transport.Receipt{Route: string(RouteImport)}
	data, done, losses, err := p.s.encode(ctx, p.m)
	if err != nil {
		return r, p.unread(err)
	}
	defer done()
	r.Losses, r.Bytes = losses, data.Size()
	folder, err := p.s.boxFolder(ctx, p.f)
	if err != nil {
		return r, err
	}
	id, err := p.s.importData(ctx, p.f.String(), folder, data)
	r.Ref = transport.Key(id)
	return r, err
}

// unread is an error of reading the item that is to be written: it is up to its
// source what it means.
func (p *putter) unread(err error) error {
	var known *transport.Error
	if transport.Canceled(err) || errors.As(err, &known) {
		return err
	}
	return &transport.Error{Kind: transport.Permanent, Op: "put", Folder: p.f.String(), Err: err}
}

// encode makes the FastTransfer stream of an item, or takes the one that it
// came in.
func (s *Store) encode(ctx context.Context, m *mapi.Message) (data mapi.Blob, done func() error, losses []mapi.Loss, err error) {
	if m.Encoded != nil && m.Encoded.Format == "fts" && m.Encoded.Blob != nil {
		return m.Encoded.Blob, func() error { return nil }, nil, nil
	}
	buf := s.spool.Create()
	opts := &fasttransfer.EncodeOptions{Storage: storageBlob, Loss: func(l mapi.Loss) { losses = append(losses, l) }}
	if err = fasttransfer.EncodeItem(ctx, buf, m, opts); err == nil {
		data, err = buf.Blob()
	}
	if err != nil {
		buf.Close()
		return nil, nil, nil, err
	}
	return data, buf.Close, losses, nil
}

// importData posts a stream. The URL has its own authorization; when it is
// refused, it has expired, and another one is asked for, once.
func (s *Store) importData(ctx context.Context, folder, folderID string, data mapi.Blob) (string, error) {
	refused := ""
	for {
		where, err := s.importURL(ctx, refused)
		if err != nil {
			return "", err
		}
		var contents wire.Contents
		c := &call{op: "import", folder: folder, url: where, bare: true, upload: true, header: http.Header{"Prefer": {immutable}}}
		var reply wire.Imported
		err = s.post(ctx, c, wire.Import{FolderID: folderID, Mode: "create", Data: contents.Add(data)}, &contents, &reply)
		switch {
		case err == nil && reply.ItemID == "":
			return "", c.broken(errors.New("the service does not say which item it made"))
		case err != nil && refused == "" && expired(err):
			refused = where
			continue
		}
		return reply.ItemID, err
	}
}

// expired reports whether an import URL is not valid any more. A folder or an
// item that is refused says so in its code.
func expired(err error) bool {
	switch statusOf(err) {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusGone:
		return codeOf(err) != "ErrorAccessDenied"
	case http.StatusNotFound:
		return codeOf(err) == "" || codeOf(err) == "ResourceNotFound"
	}
	return false
}
