package graph

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/spool"
)

// Fetch implements [transport.Source]. A mail comes as the MIME of $value, or
// as an object of exportItems when objects are wanted first; all else comes as
// objects. Contents are valid until they are closed.
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		k, _, err := placeOf("fetch", f)
		if err != nil {
			yield(transport.Fetched{}, err)
			return
		}
		switch {
		case k == kindCalendar || k == kindContacts || k == kindTasks:
			s.each(ctx, keys, yield, func(ctx context.Context, key transport.Key) (*transport.Content, error) {
				return s.resource(ctx, k, f, key)
			})
			return
		case k == kindBox || len(want) > 0 && want[0] == transport.FormObject:
			if _, err := s.mailboxID(ctx); err == nil {
				s.export(ctx, f, keys, yield)
				return
			} else if k == kindBox || !s.without(err) {
				yield(transport.Fetched{}, err)
				return
			}
		}
		s.each(ctx, keys, yield, func(ctx context.Context, key transport.Key) (*transport.Content, error) {
			c, err := s.mime(ctx, f, key)
			if err == nil || !isKind(err, transport.NotFound) && !isKind(err, transport.Rejected) || s.o.MailOnly {
				return c, err
			}
			// A contact or an appointment among mails is no message.
			if _, berr := s.mailboxID(ctx); berr != nil {
				return nil, err
			}
			list, xerr := s.exportItems(ctx, f, []transport.Key{key})
			if xerr != nil || list[0].Err != nil {
				return nil, err
			}
			return list[0].Content, nil
		})
	}
}

// each gets items one by one, a few ahead of the one that is handed over.
func (s *Store) each(ctx context.Context, keys []transport.Key, yield func(transport.Fetched, error) bool, get func(context.Context, transport.Key) (*transport.Content, error)) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var ahead []chan transport.Fetched
	defer func() {
		stop()
		for _, ch := range ahead {
			fe := <-ch
			fe.Content.Close()
		}
	}()
	for i := 0; i < len(keys) || len(ahead) > 0; {
		for ; i < len(keys) && len(ahead) < MaxInFlight; i++ {
			ch := make(chan transport.Fetched, 1)
			ahead = append(ahead, ch)
			key := keys[i]
			go func() {
				fe := transport.Fetched{Key: key}
				fe.Content, fe.Err = get(ctx, key)
				ch <- fe
			}()
		}
		fe := <-ahead[0]
		ahead = ahead[1:]
		if fe.Err != nil && transport.Canceled(fe.Err) {
			fe.Content.Close()
			yield(transport.Fetched{}, fe.Err)
			return
		}
		if err := ctx.Err(); err != nil {
			fe.Content.Close()
			yield(transport.Fetched{}, err)
			return
		}
		if !yield(fe, nil) {
			return
		}
	}
}

// Tries of a download that breaks off, and how much of what is there already is
// read once more to see that it is the same mail.
const (
	downloadTries = 5
	overlap       = 4 << 10
)

// mime reads $value. Field case T67: large downloads break off, so what is
// missing is asked for. The service makes the mail anew each time; when the
// new one is not the same, it is read from its start.
func (s *Store) mime(ctx context.Context, f transport.Folder, key transport.Key) (*transport.Content, error) {
	buf := s.spool.Create()
	d := &download{s: s, c: call{op: "fetch", folder: f.String(), key: key, url: s.user("messages", string(key), "$value")}, buf: buf}
	if err := d.run(ctx); err != nil {
		d.buf.Close()
		return nil, err
	}
	blob, err := d.buf.Blob()
	if err != nil {
		d.buf.Close()
		return nil, err
	}
	return &transport.Content{Form: transport.FormMIME, MIME: blob, OnClose: d.buf.Close}, nil
}

// A download is a body that is read in as many requests as it takes.
type download struct {
	s    *Store
	c    call
	buf  *spool.Buffer
	sum  hash.Hash // of what is in buf
	n    int64     // bytes in buf
	tail []byte    // its end
}

func (d *download) Write(p []byte) (int, error) {
	n, err := d.buf.Write(p)
	d.sum.Write(p[:n])
	d.n += int64(n)
	d.tail = append(d.tail, p[:n]...)
	if len(d.tail) > 2*overlap {
		d.tail = append(d.tail[:0], d.tail[len(d.tail)-overlap:]...)
	}
	return n, err
}

func (d *download) run(ctx context.Context) error {
	d.sum = sha256.New()
	var last error
	for try := range downloadTries {
		if try > 0 {
			// Only what broke off is tried again here; refusals are up to the
			// caller.
			if err := d.s.clock.Sleep(ctx, time.Duration(try)*200*time.Millisecond); err != nil {
				return err
			}
		}
		done, err := d.once(ctx)
		if done {
			return err
		}
		last = err
	}
	return d.c.broken(fmt.Errorf("the download broke off %d times: %w", downloadTries, last))
}

// once is one request. done is false when the body broke off.
func (d *download) once(ctx context.Context) (done bool, err error) {
	c := d.c
	c.header = http.Header{"Accept": {"*/*"}}
	back := int64(min(len(d.tail), overlap))
	if d.n > 0 {
		c.header.Set("Range", "bytes="+strconv.FormatInt(d.n-back, 10)+"-")
	}
	resp, err := d.s.do(ctx, &c)
	if err != nil {
		if d.n > 0 && statusOf(err) == http.StatusRequestedRangeNotSatisfiable {
			d.restart()
			return false, err
		}
		return true, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent && d.n > 0:
		if start, ok := rangeStart(resp.Header.Get("Content-Range")); !ok || start != d.n-back {
			d.restart()
			return false, errors.New("the service answers another range than was asked for")
		}
		again := make([]byte, back)
		if _, err := io.ReadFull(resp.Body, again); err != nil {
			return false, err
		}
		if !bytes.Equal(again, d.tail[len(d.tail)-int(back):]) {
			d.restart()
			return false, errors.New("the service made another mail")
		}
	case d.n > 0:
		// The whole mail again: what is there already is compared by its hash.
		h := sha256.New()
		n, err := io.CopyN(h, resp.Body, d.n)
		if err != nil && n < d.n {
			if err == io.EOF {
				d.restart()
			}
			return false, err
		}
		if !bytes.Equal(h.Sum(nil), d.sum.Sum(nil)) {
			d.restart()
			return false, errors.New("the service made another mail")
		}
	}
	n, err := io.Copy(d, resp.Body)
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	if err != nil {
		var own *transport.Error
		return errors.As(err, &own), err
	}
	if resp.ContentLength >= 0 && resp.StatusCode == http.StatusPartialContent && n < resp.ContentLength-back {
		return false, io.ErrUnexpectedEOF
	}
	return true, nil
}

func (d *download) restart() {
	d.buf.Close()
	d.buf, d.n, d.tail = d.s.spool.Create(), 0, nil
	d.sum.Reset()
}

// rangeStart reads the first byte of a Content-Range. RFC 9110 14.4
func rangeStart(s string) (int64, bool) {
	s, ok := strings.CutPrefix(s, "bytes ")
	first, _, ok2 := strings.Cut(s, "-")
	n, err := strconv.ParseInt(first, 10, 64)
	return n, ok && ok2 && err == nil
}
