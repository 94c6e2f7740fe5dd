package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/msg"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

// An upload is an attachment that does not fit into the request.
type upload struct {
	file wire.FileAttachment
	data mapi.Blob
}

// attachments adds the attachments, those that do not fit for later.
func (x *composer) attachments() error {
	for i, a := range x.m.Attachments {
		if err := x.attachment(i, a); err != nil {
			return err
		}
	}
	return nil
}

// attachmentFields are properties of an attachment that its resource says, or
// that a store computes.
var attachmentFields = func() map[uint16]bool {
	set := map[uint16]bool{}
	for _, id := range []uint16{
		0x3001, 0x3701, 0x3702, 0x3703, 0x3704, 0x3705, 0x3707, 0x3709, 0x370B, 0x370E, 0x3712, 0x3713, 0x3714, 0x3716, 0x7FFE, 0x7FFF, 0x3710,
		0x0E20, 0x0E21, 0x7FFA, 0x7FFB, 0x7FFC, 0x7FFD, 0x370A, 0x3007, 0x3008, 0x371A, 0x3719, 0x371B, 0x8000 - 0x1000,
	} {
		set[id] = true
	}
	return set
}()

func (x *composer) attachment(i int, a *mapi.Attachment) error {
	where := fmt.Sprintf("attachment %d", i+1)
	for _, p := range a.Props {
		if p.Name != nil || !attachmentFields[p.Tag.ID()] && !computed[p.Tag.ID()] {
			x.lose(where+" "+p.String(), mapi.LossNoProperty, "json has no place for it")
		}
	}
	f := wire.FileAttachment{
		ODataType: wire.TypeFileAttachment, Name: mime.AttachmentName(a), ContentType: a.Props.Text(mapi.PidTagAttachMimeTag),
		ContentID: strings.Trim(a.Props.Text(mapi.PidTagAttachContentId), "<>\x00 "), Location: a.Props.Text(mapi.PidTagAttachContentLocation),
	}
	if f.Name == "" {
		f.Name = "attachment" + strconv.Itoa(i+1)
	}
	flags, _ := a.Props.Int(mapi.PidTagAttachFlags)
	f.IsInline = f.ContentID != "" && (flags&4 != 0 || a.Props.Bool(mapi.PidTagAttachmentHidden))
	switch {
	case a.Embedded != nil:
		return x.embedded(where, f, a.Embedded)
	case a.Storage != nil:
		b, err := storageBlob(x.ctx, a.Storage)
		if err != nil {
			return err
		}
		x.lose(where, mapi.LossApproximated, "an OLE object is written as its compound file")
		return x.file(f, b)
	case a.Method() == mapi.AttachByWebReference || a.Method() == mapi.AttachByReference || a.Method() == mapi.AttachByRefOnly || a.Method() == mapi.AttachByRefResolve:
		if a.Data() == nil || a.Data().Size() == 0 {
			link := a.Props.Text(mapi.PidTagAttachLongPathname)
			if link == "" {
				link = a.Props.Text(mapi.PidTagAttachPathname)
			}
			x.lose(where, mapi.LossApproximated, "a link is written as a file that holds it")
			f.Name, f.ContentType, f.IsInline = f.Name+".url", "text/uri-list", false
			return x.file(f, mapi.Bytes(link+"\r\n"))
		}
	}
	data := a.Data()
	if data == nil {
		x.lose(where, mapi.LossUnreadable, "the attachment has no content")
		data = mapi.Bytes("")
	}
	return x.file(f, data)
}

// file adds a file, within the request where there is room.
func (x *composer) file(f wire.FileAttachment, data mapi.Blob) error {
	if data.Size() > uploadLimit {
		return &transport.Error{
			Kind: transport.TooLarge, Op: "put", Err: fmt.Errorf("the attachment %q has %d bytes, the service takes %d", f.Name, data.Size(), uploadLimit),
			Remedy: "write it by route=import",
		}
	}
	need := wire.EncodedLen(data.Size()) + int64(len(f.Name)) + 400
	if x.depth == 0 && (data.Size() >= inlineLimit || need > x.room) {
		x.later = append(x.later, upload{f, data})
		return nil
	}
	if x.room -= need; x.room < 0 {
		return errNoRoom
	}
	f.Bytes = x.contents.Add(data)
	x.out.Attachments = append(x.out.Attachments, f)
	return nil
}

// errNoRoom means that an embedded message does not fit into the request.
var errNoRoom = errors.New("the message is too large for an item attachment")

// embedded adds a message in a message: as an item where there is room, else as
// a file. Field case T63.
func (x *composer) embedded(where string, f wire.FileAttachment, m *mapi.Message) error {
	var err error
	if x.depth >= maxDepth || !isMessage(m.Class()) {
		err = errNoRoom
	} else {
		room := x.room
		child := &composer{
			ctx: x.ctx, s: x.s, m: m, out: &wire.Message{ODataType: wire.TypeMessage}, contents: &wire.Contents{}, room: x.room - 1000,
			depth: x.depth + 1, where: x.where + where + " ",
		}
		child.contents = x.contents
		if err = child.message(); err == nil {
			size, jerr := wire.JSON(child.out, x.contents)
			if jerr != nil {
				return jerr
			}
			if x.room -= size.Size() + 200; x.room < 0 || size.Size() > inlineLimit {
				x.room, err = room, errNoRoom
			}
		}
		x.close = append(x.close, child.close...)
		if err == nil {
			x.losses = append(x.losses, child.losses...)
			x.out.Attachments = append(x.out.Attachments, wire.ItemAttachment{ODataType: wire.TypeItemAttachment, Name: f.Name, Item: child.out})
			return nil
		}
	}
	if !errors.Is(err, errNoRoom) && !isKind(err, transport.TooLarge) {
		return err
	}
	f.IsInline = false
	return x.embeddedFile(where, f, m)
}

func isMessage(class string) bool {
	return class == "" || strings.EqualFold(class, "IPM") || isClass(class, "IPM.Note") || strings.HasPrefix(strings.ToUpper(class), "REPORT.")
}

// embeddedFile writes a message in a message as a file: .eml where there is a
// converter and the message is a mail, else .msg, which holds all of it.
func (x *composer) embeddedFile(where string, f wire.FileAttachment, m *mapi.Message) error {
	if x.depth > 0 {
		return errNoRoom // the outermost message becomes the file
	}
	base := strings.TrimSuffix(f.Name, ".msg")
	if cv := x.s.o.Env.Convert; cv != nil && isMessage(m.Class()) {
		c, err := cv.ToMIME(x.ctx, &transport.Content{Form: transport.FormObject, Object: m})
		if err != nil {
			return err
		}
		x.close = append(x.close, c.Close)
		x.lose(where, mapi.LossApproximated, "the message within is written as a file in the form .eml")
		x.losses = append(x.losses, c.Losses...)
		f.Name, f.ContentType = base+".eml", "message/rfc822"
		return x.file(f, c.MIME)
	}
	buf := x.s.spool.Create()
	x.close = append(x.close, buf.Close)
	if err := msg.Write(x.ctx, buf, m, nil); err != nil {
		return err
	}
	b, err := buf.Blob()
	if err != nil {
		return err
	}
	x.lose(where, mapi.LossApproximated, "the item within is written as a file in the form .msg")
	f.Name, f.ContentType = base+".msg", "application/vnd.ms-outlook"
	return x.file(f, b)
}

// attach adds one attachment to an item that is there.
func (s *Store) attach(ctx context.Context, c *call, item string, u upload) error {
	if u.data.Size() < inlineLimit {
		var contents wire.Contents
		f := u.file
		f.Bytes = contents.Add(u.data)
		one := *c
		one.url, one.method, one.upload = item+"/attachments", http.MethodPost, true
		return s.post(ctx, &one, f, &contents, nil)
	}
	one := *c
	one.url, one.method = item+"/attachments/createUploadSession", http.MethodPost
	body := struct {
		Item wire.AttachmentItem `json:"AttachmentItem"`
	}{wire.AttachmentItem{
		Type: "file", Name: u.file.Name, Size: u.data.Size(), ContentType: u.file.ContentType, IsInline: u.file.IsInline, ContentID: u.file.ContentID,
	}}
	var session wire.UploadSession
	if err := s.post(ctx, &one, body, nil, &session); err != nil {
		return err
	}
	if !strings.HasPrefix(session.UploadURL, "https://") && s.base.Scheme == "https" || session.UploadURL == "" {
		return one.broken(errors.New("the service gives no URL to upload to"))
	}
	return s.uploadRanges(ctx, c, session.UploadURL, item, u)
}

// Ranges of an upload go in order, each a multiple of 320 KiB but the last.
const (
	rangeSize   = 4 << 20 / (320 << 10) * (320 << 10)
	uploadTries = 5
)

// uploadRanges sends the content in ranges. One that fails for the moment is
// sent again from where the service says it is. A session that ended before its
// time is an error that may pass: the item is made anew.
func (s *Store) uploadRanges(ctx context.Context, c *call, where, item string, u upload) error {
	data := u.data
	size := data.Size()
	over := func() error {
		return &transport.Error{Kind: transport.Temporary, Op: c.op, Folder: c.folder, Key: c.key, Err: errors.New("the upload session ended before the attachment was there")}
	}
	tries := 0
	for at := int64(0); at < size; {
		n := min(rangeSize, size-at)
		one := *c
		one.method, one.url, one.bare, one.upload, one.typ = http.MethodPut, where, true, true, "application/octet-stream"
		one.body = section{data, at, n}
		one.header = http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/%d", at, at+n-1, size)}}
		var reply wire.UploadSession
		err := s.json(ctx, &one, nil2(&reply, at+n < size))
		if err == nil {
			at, tries = at+n, 0
			continue
		}
		if isKind(err, transport.NotFound) {
			return over()
		}
		if tries++; tries >= uploadTries || transport.Canceled(err) || !s.passing(err) && statusOf(err) != http.StatusRequestedRangeNotSatisfiable && statusOf(err) != http.StatusConflict {
			return err
		}
		wait := max(transport.RetryAfter(err), time.Duration(tries)*500*time.Millisecond)
		if err := s.clock.Sleep(ctx, wait); err != nil {
			return err
		}
		state := *c
		state.url, state.bare = where, true
		var session wire.UploadSession
		if serr := s.json(ctx, &state, &session); serr != nil {
			if !isKind(serr, transport.NotFound) {
				continue
			}
			// The session is over: because the last range had arrived, or
			// because it ended. The item tells.
			switch there, err := s.attached(ctx, c, item, u); {
			case err != nil:
				return err
			case there:
				return nil
			}
			return over()
		}
		if next, ok := nextRange(session.Expected); ok && next <= size {
			at = next
		} else if len(session.Expected) == 0 {
			return nil
		}
	}
	return nil
}

// attached reports whether an item has an attachment.
func (s *Store) attached(ctx context.Context, c *call, item string, u upload) (bool, error) {
	one := *c
	one.url = query(item+"/attachments", "$select", "id,name,size", "$top", "100")
	found := false
	_, err := s.pages(ctx, &one, func(raw json.RawMessage) (bool, error) {
		a, err := element[struct {
			Name string `json:"name"`
			Size int64  `json:"size"`
		}](raw)
		// The service counts more than the content.
		found = found || a.Name == u.file.Name && a.Size >= u.data.Size()
		return !found, err
	})
	return found, err
}

// nil2 is v where a reply is due.
func nil2(v any, due bool) any {
	if due {
		return v
	}
	return nil
}

func nextRange(expected []string) (int64, bool) {
	if len(expected) == 0 {
		return 0, false
	}
	first, _, _ := strings.Cut(expected[0], "-")
	n, err := strconv.ParseInt(first, 10, 64)
	return n, err == nil && n >= 0
}

// A section is a part of a blob.
type section struct {
	of       mapi.Blob
	at, size int64
}

func (s section) Size() int64 { return s.size }

func (s section) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := s.of.Open(ctx)
	if err != nil {
		return nil, err
	}
	if seek, ok := r.(io.Seeker); ok {
		_, err = seek.Seek(s.at, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, r, s.at)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, s.size), r}, nil
}
