package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
	"github.com/mailconv/mailconv/transport/web"
)

// Remedies of what an administrator has to do.
const (
	consent    = "let an administrator consent to what mailconv login --explain microsoft --for graph lists, then log in again"
	licence    = "give the user a licence with Exchange Online, or check that the mailbox is not on premises (ews:)"
	logInAgain = "log in again with mailconv login microsoft --for graph"
)

// causes are the error codes of the service that one meets, and what they mean.
var causes = map[string]struct {
	kind          transport.Kind
	cause, remedy string
}{
	"InvalidAuthenticationToken":          {transport.Auth, "the access token is not accepted", logInAgain},
	"UnknownError401":                     {transport.Auth, "the access token is not accepted", logInAgain},
	"Authorization_RequestDenied":         {transport.Auth, "the application may not do this", consent},
	"Authorization_IdentityNotFound":      {transport.Auth, "the application is not known in the tenant", consent},
	"ErrorAccessDenied":                   {transport.Auth, "the application may not do this, or the user may not open the mailbox", consent},
	"AccessDenied":                        {transport.Auth, "the application may not do this", consent},
	"Forbidden":                           {transport.Auth, "the application may not do this", consent},
	"MailboxNotEnabledForRESTAPI":         {transport.Auth, "the mailbox has no licence, is inactive, or is on premises", licence},
	"MailboxNotSupportedForRESTAPI":       {transport.Auth, "the mailbox is of a kind that Graph does not open", licence},
	"MailboxNotHostedInExchangeOnline":    {transport.Auth, "the mailbox is on premises", licence},
	"ErrorNonExistentMailbox":             {transport.Auth, "there is no such mailbox", "check the user and the tenant in the address"},
	"ErrorInvalidUser":                    {transport.Auth, "there is no such user in the tenant", "check the user and the tenant in the address"},
	"Request_ResourceNotFound":            {transport.Auth, "there is no such user in the tenant", "check the user and the tenant in the address"},
	"ResourceNotFound":                    {transport.NotFound, "", ""},
	"OrganizationFromTenantGuidNotFound":  {transport.Auth, "the tenant has no Exchange Online", "check the tenant in the address"},
	"ErrorItemNotFound":                   {transport.NotFound, "", ""},
	"ErrorFolderNotFound":                 {transport.NotFound, "", ""},
	"ErrorInvalidIdMalformed":             {transport.NotFound, "", ""},
	"ErrorInvalidId":                      {transport.NotFound, "", ""},
	"ErrorInvalidIdNotAnItemAttachmentId": {transport.NotFound, "", ""},
	"ErrorQuotaExceeded":                  {transport.QuotaExceeded, "the mailbox is full", "make room in it or raise its quota"},
	"ErrorMessageSizeExceeded":            {transport.TooLarge, "", ""},
	"ErrorAttachmentSizeLimitExceeded":    {transport.TooLarge, "", ""},
	"RequestEntityTooLarge":               {transport.TooLarge, "", ""},
	"ErrorServerBusy":                     {transport.Throttled, "", ""},
	"ApplicationThrottled":                {transport.Throttled, "", ""},
	"TooManyRequests":                     {transport.Throttled, "", ""},
	"ErrorTooManyObjectsOpened":           {transport.Throttled, "", ""},
	"ErrorExceededConnectionCount":        {transport.Throttled, "", ""},
	"ErrorMailboxStoreUnavailable":        {transport.Temporary, "", ""},
	"ErrorMailboxMoveInProgress":          {transport.Temporary, "", ""},
	"ErrorInternalServerTransientError":   {transport.Temporary, "", ""},
	"ErrorInternalServerError":            {transport.Temporary, "", ""},
	"ErrorTimeoutExpired":                 {transport.Temporary, "", ""},
	"ErrorConnectionFailed":               {transport.Temporary, "", ""},
	"ErrorIrresolvableConflict":           {transport.Temporary, "", ""},
	"ErrorBatchProcessingStopped":         {transport.Temporary, "", ""},
	"UnableToReadRequestBody":             {transport.Temporary, "", ""},
	"ErrorMimeContentInvalid":             {transport.Rejected, "", ""},
	"ErrorMimeContentInvalidBase64String": {transport.Rejected, "", ""},
	"ErrorFolderExists":                   {transport.Permanent, "", ""},
	"ErrorInvalidExtendedProperty":        {transport.Rejected, "", ""},
	"ErrorInvalidExtendedPropertyValue":   {transport.Rejected, "", ""},
	"ErrorUnsupportedPathForQuery":        {transport.Rejected, "", ""},
	"ErrorCorruptData":                    {transport.Rejected, "", ""},
	"ErrorVirusDetected":                  {transport.Rejected, "the service found a virus in it", ""},
	"ErrorArchiveMailboxNotEnabled":       {transport.Usage, "the mailbox has no archive", ""},
	"ErrorArchiveFolderMovedPermanently":  {transport.Permanent, "the folder lies in another part of the archive", ""},
}

// A refusal is a reply with an error of the service in it.
type refusal struct {
	status int
	code   string
	text   string
}

func (r *refusal) Error() string {
	text := strings.Join(strings.Fields(r.text), " ")
	if cut := []rune(text); len(cut) > 300 {
		text = string(cut[:300]) + "..."
	}
	switch {
	case r.code == "" && text == "":
		return fmt.Sprintf("HTTP %d %s", r.status, http.StatusText(r.status))
	case r.code == "":
		return fmt.Sprintf("HTTP %d: %s", r.status, text)
	case text == "":
		return fmt.Sprintf("%s (HTTP %d)", r.code, r.status)
	}
	return fmt.Sprintf("%s (HTTP %d): %s", r.code, r.status, text)
}

// codeOf is the service's own code of an error, "" when it has none.
func codeOf(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.code
	}
	return ""
}

func statusOf(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	return 0
}

// refused makes an error of a reply that refuses.
func refused(c *call, st *web.StatusError) *transport.Error {
	var reply wire.ErrorReply
	r := &refusal{status: st.Code}
	if json.Unmarshal(st.Body, &reply) == nil && reply.Error.Code != "" {
		r.code, r.text = reply.Error.Code, reply.Error.Message
	} else {
		r.text = web.Text(st.Header, st.Body)
	}
	return c.explain(r)
}

// explain classifies a refusal. Codes go before statuses, as several errors
// share one.
func (c *call) explain(r *refusal) *transport.Error {
	e := &transport.Error{Kind: kindOfStatus(r.status), Op: c.op, Folder: c.folder, Key: c.key, Err: r}
	if why, ok := causes[r.code]; ok {
		e.Kind, e.Remedy = why.kind, why.remedy
		if why.cause != "" {
			e.Err = fmt.Errorf("%s: %w", why.cause, r)
		}
	}
	switch {
	case e.Kind == transport.Auth && e.Remedy == "":
		e.Remedy = consent
	case r.status == http.StatusTooManyRequests:
		e.Kind, e.Remedy = transport.Throttled, ""
	}
	return e
}

func kindOfStatus(status int) transport.Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return transport.Auth
	case http.StatusNotFound, http.StatusGone:
		return transport.NotFound
	case http.StatusRequestEntityTooLarge:
		return transport.TooLarge
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return transport.Throttled
	case http.StatusInsufficientStorage:
		return transport.QuotaExceeded
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		return transport.Rejected
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusPreconditionFailed, http.StatusLocked,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return transport.Temporary
	}
	return transport.Permanent
}

// at adds the place to an error that has none.
func (c *call) at(err error) error {
	var e *transport.Error
	if err == nil || transport.Canceled(err) || !errors.As(err, &e) {
		return err
	}
	var st *web.StatusError
	if errors.As(err, &st) {
		// What the shared client classed by its status alone has a code, too.
		n := refused(c, st)
		n.After = e.After
		return n
	}
	n := *e
	if n.Folder == "" {
		n.Folder = c.folder
	}
	if n.Key == "" {
		n.Key = c.key
	}
	return &n
}

// broken is an error of a reply that breaks off or makes no sense. It may pass.
func (c *call) broken(err error) error {
	var known *transport.Error
	if err == nil || transport.Canceled(err) || errors.As(err, &known) {
		return err
	}
	return &transport.Error{Kind: transport.Temporary, Op: c.op, Folder: c.folder, Key: c.key, Err: err}
}

func isKind(err error, k transport.Kind) bool { return err != nil && transport.KindOf(err) == k }
