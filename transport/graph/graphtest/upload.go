package graphtest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/spool"
)

// An upload is a session of createUploadSession.
type upload struct {
	who     *grant
	box     *mailbox.Mailbox
	item    mailbox.ItemID
	props   object // attachmentItem
	size    int64
	buf     *spool.Buffer
	expires time.Time
	done    bool
}

func (c *call) createUpload() error {
	it, err := c.one(mailbox.MayEdit)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	a := child(o, "AttachmentItem")
	size, ok := whole(a, "size")
	switch {
	case !ok || size <= 0:
		return fail(400, "ErrorInvalidRequest", "AttachmentItem needs a size.")
	case text(a, "attachmentType") != "file":
		return fail(400, "ErrorInvalidRequest", "Only files can be uploaded.")
	case text(a, "name") == "":
		return fail(400, "ErrorInvalidRequest", "AttachmentItem needs a name.")
	case size < c.s.o.Limits.Inline:
		// QUIRK: smaller files are refused here. (api/attachment-createuploadsession)
		return fail(400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize", "The size of attachment should not be less than the minimum size.")
	case size > c.s.o.Limits.File:
		return fail(413, "ErrorAttachmentSizeLimitExceeded", "The attachment is larger than %d bytes.", c.s.o.Limits.File)
	case it.Size+size > c.s.o.Limits.Message:
		return fail(413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
	}
	id := secret()
	u := &upload{who: c.who, box: c.box, item: it.ID, props: a, size: size, buf: c.s.boxes.Spool().Create(), expires: c.s.now().Add(c.s.o.SessionLife)}
	c.s.mu.Lock()
	c.s.uploads[id] = u
	c.s.mu.Unlock()
	return c.reply(201, object{
		"@odata.context":     c.base() + "/$metadata#microsoft.graph.uploadSession",
		"uploadUrl":          c.s.sessions + "/api/v2.0/AttachmentSessions/" + id + "?authtoken=" + secret(),
		"expirationDateTime": u.expires, "nextExpectedRanges": []any{"0-"},
	})
}

// outlook serves the URLs of sessions, which need no login of their own.
func (s *Server) outlook(w http.ResponseWriter, r *http.Request, path []string) {
	out := &meter{ResponseWriter: w, status: http.StatusOK}
	in := &countReader{r: r.Body}
	r.Body = in
	rec := Request{Call: "unknown", Method: r.Method, Path: r.URL.RequestURI()}
	defer func() {
		rec.Status, rec.Sent, rec.Received = out.status, out.n, in.n
		s.record(rec)
	}()
	err := func() error {
		// The URL is the permission. A token has no business here.
		if r.Header.Get("Authorization") != "" {
			return fail(401, "InvalidAuthenticationToken", "The URL is pre-authenticated; an Authorization header is not allowed.")
		}
		s.mu.Lock()
		up, im := s.uploads[path[len(path)-1]], s.imports[r.URL.Query().Get("authtoken")]
		s.mu.Unlock()
		var who *grant
		var box *mailbox.Mailbox
		var do func() error
		switch {
		case path[2] == "AttachmentSessions" && up != nil:
			who, box = up.who, up.box
			switch r.Method {
			case http.MethodPut:
				rec.Call, do = "upload.put", func() error { return s.putRange(out, r, path[len(path)-1], up) }
			case http.MethodGet:
				rec.Call, do = "upload.get", func() error { return s.uploadState(out, r, up) }
			case http.MethodDelete:
				rec.Call, do = "upload.cancel", func() error { return s.cancelUpload(out, path[len(path)-1], up) }
			}
		case path[2] == "importItem" && im != nil && r.Method == http.MethodPost:
			who, box = im.who, im.box
			rec.Call, do = "import.post", func() error { return s.importItem(out, r, im) }
		case path[2] == "importItem":
			rec.Call = "import.post"
			return errSession
		}
		if do == nil {
			return fail(404, "ErrorItemNotFound", "The upload session was not found.")
		}
		rec.Mailbox = box.Address()
		leave, err := s.enter(who.app, box.Address(), r.ContentLength)
		if err != nil {
			return err
		}
		defer func() { leave(in.n) }()
		return s.strike(r.Context(), out, rec.Call, box.Address(), rec.Path, do)
	}()
	if err != nil {
		s.sendError(out, r, err)
	}
}

var errSession = fail(401, "InvalidAuthenticationToken", "The token in the URL is not valid or has expired.")

// putRange takes the next range of a file. The last one makes the attachment.
func (s *Server) putRange(w http.ResponseWriter, r *http.Request, id string, u *upload) error {
	var from, to, total int64
	if n, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &total); n != 3 || err != nil || to < from {
		return fail(400, "ErrorInvalidRequest", "The Content-Range header is missing or malformed.")
	}
	switch {
	case !s.now().Before(u.expires):
		return fail(404, "ErrorItemNotFound", "The upload session has expired.")
	case u.done:
		return fail(404, "ErrorItemNotFound", "The upload session was not found.")
	case total != u.size:
		return fail(400, "ErrorInvalidRequest", "The total size in Content-Range does not match the size of the attachment.")
	case from != u.buf.Size():
		return &apiError{status: http.StatusRequestedRangeNotSatisfiable, code: "ErrorInvalidContentRange", message: fmt.Sprintf("The expected range starts at %d.", u.buf.Size())}
	case to-from+1 > s.o.Limits.Range:
		return errTooLarge
	case to >= total:
		return fail(400, "ErrorInvalidRequest", "The range goes beyond the size of the attachment.")
	}
	// A range counts when it is there whole.
	b := make([]byte, to-from+1)
	if _, err := io.ReadFull(r.Body, b); err != nil {
		return fail(400, "ErrorInvalidRequest", "The body is shorter than its range.")
	}
	if n, _ := r.Body.Read(make([]byte, 1)); n > 0 {
		return fail(400, "ErrorInvalidRequest", "The body is longer than its range.")
	}
	s.mu.Lock()
	if from != u.buf.Size() {
		s.mu.Unlock()
		return &apiError{status: http.StatusRequestedRangeNotSatisfiable, code: "ErrorInvalidContentRange", message: "Ranges overlap."}
	}
	_, err := u.buf.Write(b)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if to+1 < total {
		return s.uploadState(w, r, u)
	}
	u.done = true
	blob, err := u.buf.Blob()
	if err != nil {
		return err
	}
	a := &mapi.Attachment{}
	name := text(u.props, "name")
	fileProps(a, name, text(u.props, "contentType"), text(u.props, "contentId"), "")
	a.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
	a.Props.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
	a.Props.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(s.now()))
	if b, _ := truth(u.props, "isInline"); b {
		a.Props.Set(mapi.PidTagAttachFlags, mapi.Int32Value(4))
		a.Props.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(true))
	}
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, blob))
	it, err := u.box.Change(u.item, func(m *mapi.Message) error { attach(m, a); return nil })
	if err != nil {
		return err
	}
	c := &call{s: s, box: u.box, immutable: true}
	last := len(it.Message.Attachments) - 1
	w.Header().Set("Location", fmt.Sprintf("%s/api/v2.0/Users('%s')/Messages('%s')/Attachments('%s')", s.sessions, userID(u.box), c.itemID(&it), c.attachmentID(&it, last)))
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (s *Server) uploadState(w http.ResponseWriter, r *http.Request, u *upload) error {
	if u.done || !s.now().Before(u.expires) {
		return fail(404, "ErrorItemNotFound", "The upload session was not found.")
	}
	s.mu.Lock()
	next := u.buf.Size()
	s.mu.Unlock()
	c := &call{s: s, ctx: r.Context(), w: w, r: r, route: &route{name: "upload.put", reply: "graph.uploadSession"}}
	return c.reply(200, object{"expirationDateTime": u.expires, "nextExpectedRanges": []any{fmt.Sprintf("%d-", next)}})
}

func (s *Server) cancelUpload(w http.ResponseWriter, id string, u *upload) error {
	s.mu.Lock()
	delete(s.uploads, id)
	s.mu.Unlock()
	var err error
	if !u.done {
		err = u.buf.Close()
	}
	w.WriteHeader(http.StatusNoContent)
	return errors.Join(err)
}

// isJSON reports whether a body says that it is JSON.
func isJSON(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
}
