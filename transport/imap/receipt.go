package imap

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/mailconv/mailconv/transport"
)

// lookHead is how much of a mail is looked at for its header.
const lookHead = 16 << 10

var heads = sync.Pool{New: func() any { b := make([]byte, lookHead); return &b }}

// lookAtHeader shows the lines of a mail's header until look says true, and
// reports whether it did. A mail that can be opened only once has none.
func lookAtHeader(ctx context.Context, c *transport.Content, look func(line []byte) bool) bool {
	if c.OneShot {
		return false
	}
	r, err := c.MIME.Open(ctx)
	if err != nil {
		return false // who sends it will learn
	}
	defer r.Close()
	buf := heads.Get().(*[]byte)
	defer heads.Put(buf)
	n, err := io.ReadFull(r, (*buf)[:min(c.MIME.Size(), lookHead)])
	if err != nil && err != io.ErrUnexpectedEOF {
		return false
	}
	for head := (*buf)[:n]; len(head) > 0; {
		line := head
		if i := bytes.IndexByte(head, '\n'); i >= 0 {
			line, head = head[:i], head[i+1:]
		} else {
			head = nil
		}
		if len(bytes.TrimRight(line, "\r")) == 0 {
			return false // the header ends
		}
		if look(line) {
			return true
		}
	}
	return false
}

// asksForReceipt reports whether a mail asks its reader's program to tell that
// it was read. RFC 8098 2.1; Return-Receipt-To is its forerunner.
func asksForReceipt(ctx context.Context, c *transport.Content) bool {
	return lookAtHeader(ctx, c, func(line []byte) bool {
		name, _, ok := bytes.Cut(line, []byte{':'})
		return ok && (bytes.EqualFold(name, []byte("Disposition-Notification-To")) || bytes.EqualFold(name, []byte("Return-Receipt-To")))
	})
}

// eightBitHeader reports whether a header is not ASCII.
func eightBitHeader(ctx context.Context, c *transport.Content) bool {
	return lookAtHeader(ctx, c, func(line []byte) bool {
		return bytes.ContainsFunc(line, func(r rune) bool { return r >= 0x80 })
	})
}
