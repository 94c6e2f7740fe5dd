package mapihttp

import (
	"errors"
	"fmt"

	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
)

// A ResponseCode is the X-ResponseCode of a reply. [MS-OXCMAPIHTTP] 2.2.3.3.3
type ResponseCode int

var responseCodes = [...]string{
	"Success", "Unknown Failure", "Invalid Verb", "Invalid Path", "Invalid Header", "Invalid Request Type",
	"Invalid Context Cookie", "Missing Header", "Anonymous Not Allowed", "Too Large", "Context Not Found",
	"No Privilege", "Invalid Request Body", "Missing Cookie", "Reserved", "Invalid Sequence", "Endpoint Disabled",
	"Invalid Response", "Endpoint Shutting Down",
}

// Error is the specification's name and the number.
func (c ResponseCode) Error() string {
	if c >= 0 && int(c) < len(responseCodes) {
		return fmt.Sprintf("%s (X-ResponseCode %d)", responseCodes[c], int(c))
	}
	return fmt.Sprintf("X-ResponseCode %d", int(c))
}

// contextLost reports whether the server has forgotten the session. It did
// nothing of what was asked then.
func contextLost(err error) bool {
	var c ResponseCode
	if errors.As(err, &c) {
		switch c {
		// QUIRK: 2 is "Invalid Verb"; one server says it of a session that it
		// does not know.
		case 2, 6, 10, 13, 15:
			return true
		}
	}
	var r rop.Code
	return errors.As(err, &r) && r == rop.InvalidSession
}

func (c ResponseCode) kind() transport.Kind {
	switch c {
	case 1, 17, 18:
		return transport.Temporary
	case 2, 6, 10, 13, 15:
		return transport.Temporary
	case 8, 11:
		return transport.Auth
	case 9:
		return transport.TooLarge
	case 3, 16:
		return transport.Unavailable
	}
	return transport.Permanent
}

// kinds of codes. What is not here is Permanent.
var kinds = map[rop.Code]transport.Kind{
	rop.NotFound:                transport.NotFound,
	rop.ObjectDeleted:           transport.NotFound,
	rop.SyncObjectDeleted:       transport.NotFound,
	rop.AccessDenied:            transport.Auth,
	rop.LoginPermission:         transport.Auth,
	rop.LogonFailed:             transport.Auth,
	rop.NoCreateRight:           transport.Auth,
	rop.UnknownUser:             transport.Unavailable,
	rop.WrongServer:             transport.Unavailable,
	rop.QuotaExceeded:           transport.QuotaExceeded,
	rop.MessageTooBig:           transport.TooLarge,
	rop.MaxAttachmentExceeded:   transport.Rejected,
	rop.ServerBusy:              transport.Throttled,
	rop.MaxObjectsExceeded:      transport.Throttled,
	rop.Busy:                    transport.Temporary,
	rop.Exiting:                 transport.Temporary,
	rop.ServerMemory:            transport.Temporary,
	rop.NotEnoughResources:      transport.Temporary,
	rop.MailboxInTransit:        transport.Temporary,
	rop.NullObject:              transport.Temporary,
	rop.InvalidSession:          transport.Temporary,
	rop.ObjectModified:          transport.Temporary,
	rop.NamedPropsQuotaExceeded: transport.QuotaExceeded,
}

// fail makes an error of op in a folder. An error that is classified already
// gets what it lacks.
func fail(op string, f transport.Folder, key transport.Key, err error) error {
	if err == nil {
		return nil
	}
	var e *transport.Error
	if errors.As(err, &e) {
		if e == err {
			n := *e
			if n.Folder == "" {
				n.Folder = f.String()
			}
			if n.Key == "" {
				n.Key = key
			}
			return &n
		}
		return err
	}
	if transport.Canceled(err) {
		return err
	}
	e = &transport.Error{Op: op, Folder: f.String(), Key: key, Err: err}
	var c rop.Code
	var r ResponseCode
	switch {
	case errors.As(err, &c):
		e.Kind = kinds[c]
	case errors.As(err, &r):
		e.Kind = r.kind()
	}
	return e
}

// codeOf is the code of an operation that failed.
func codeOf(err error) (rop.Code, bool) {
	var c rop.Code
	ok := errors.As(err, &c)
	return c, ok
}
