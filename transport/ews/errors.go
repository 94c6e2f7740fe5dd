package ews

import (
	"errors"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// A CodeError is what the server said. [MS-OXWSCDATA] 2.2.5.24
type CodeError struct {
	Code string // "ErrorItemNotFound", or the fault code
	Text string
	// Fault says that the whole request was refused.
	Fault bool
}

func (e *CodeError) Error() string {
	text := strings.Join(strings.Fields(e.Text), " ")
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "..."
	}
	if text == "" {
		return e.Code
	}
	return e.Code + ": " + text
}

// hasCode reports whether err is what the server says by that code.
func hasCode(err error, codes ...string) bool {
	var e *CodeError
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}

// codeOf is what the server said, if it was the server.
func codeOf(err error) (string, bool) {
	var e *CodeError
	if errors.As(err, &e) {
		return e.Code, true
	}
	return "", false
}

// unknownOperation tells a fault that says that the server has no such
// operation from one about this request.
func unknownOperation(err error) bool {
	var e *CodeError
	if !errors.As(err, &e) || !e.Fault {
		return false
	}
	switch e.Code {
	// What SOAP calls the fault of one side, without a code of Exchange.
	case "Server", "Client", "VersionMismatch", "MustUnderstand", "ActionNotSupported":
		return true
	case "ErrorInvalidOperation", "ErrorInvalidRequest", "ErrorSchemaValidation", "ErrorUnsupportedSubFilter", "ErrorNotSupported":
		return true
	}
	return false
}

// kinds of the codes of Exchange. What is not here is Permanent.
var kinds = map[string]transport.Kind{
	"ErrorServerBusy":                   transport.Throttled,
	"ErrorTooManyObjectsOpened":         transport.Throttled,
	"ErrorExceededConnectionCount":      transport.Throttled,
	"ErrorExceededSubscriptionCount":    transport.Throttled,
	"ErrorExceededFindCountLimit":       transport.Throttled,
	"ErrorTimeoutExpired":               transport.Temporary,
	"ErrorMailboxStoreUnavailable":      transport.Temporary,
	"ErrorMailboxMoveInProgress":        transport.Temporary,
	"ErrorInternalServerTransientError": transport.Temporary,
	"ErrorBatchProcessingStopped":       transport.Temporary,
	"ErrorConnectionFailed":             transport.Temporary,
	"ErrorADUnavailable":                transport.Temporary,
	"ErrorADOperation":                  transport.Temporary,
	"ErrorNotEnoughMemory":              transport.Temporary,
	"ErrorIrresolvableConflict":         transport.Temporary,
	"ErrorItemNotFound":                 transport.NotFound,
	"ErrorFolderNotFound":               transport.NotFound,
	// QUIRK: not in the schema; one server says it of a folder that was deleted.
	"ErrorFolderPropertyRequestFailed":               transport.NotFound,
	"ErrorInvalidFolderId":                           transport.NotFound,
	"ErrorInvalidId":                                 transport.NotFound,
	"ErrorInvalidIdMalformed":                        transport.NotFound,
	"ErrorInvalidIdMalformedEwsLegacyIdFormat":       transport.NotFound,
	"ErrorInvalidIdEmpty":                            transport.NotFound,
	"ErrorInvalidIdXml":                              transport.NotFound,
	"ErrorInvalidIdStoreObjectIdTooLong":             transport.NotFound,
	"ErrorInvalidIdTooManyAttachmentLevels":          transport.NotFound,
	"ErrorCannotUseFolderIdForItemId":                transport.NotFound,
	"ErrorCannotUseItemIdForFolderId":                transport.NotFound,
	"ErrorInvalidAttachmentId":                       transport.NotFound,
	"ErrorMessageSizeExceeded":                       transport.TooLarge,
	"ErrorAttachmentSizeLimitExceeded":               transport.TooLarge,
	"ErrorDataSizeLimitExceeded":                     transport.TooLarge,
	"ErrorQuotaExceeded":                             transport.QuotaExceeded,
	"ErrorMimeContentInvalid":                        transport.Rejected,
	"ErrorMimeContentInvalidBase64String":            transport.Rejected,
	"ErrorContentConversionFailed":                   transport.Rejected,
	"ErrorItemCorrupt":                               transport.Rejected,
	"ErrorItemSave":                                  transport.Rejected,
	"ErrorItemSavePropertyError":                     transport.Rejected,
	"ErrorCorruptData":                               transport.Rejected,
	"ErrorMimeContentConversionFailed":               transport.Rejected,
	"ErrorMessagePerFolderCountReceiveQuotaExceeded": transport.QuotaExceeded,
	"ErrorArchiveMailboxNotEnabled":                  transport.Unavailable,
	"ErrorUnsupportedMimeConversion":                 transport.Rejected,
	"ErrorAccountDisabled":                           transport.Auth,
	"ErrorPasswordExpired":                           transport.Auth,
	"ErrorPasswordChangeRequired":                    transport.Auth,
	"ErrorImpersonateUserDenied":                     transport.Auth,
	"ErrorImpersonationDenied":                       transport.Auth,
	"ErrorNonExistentMailbox":                        transport.Unavailable,
	"ErrorCannotFindUser":                            transport.Unavailable,
	"ErrorInvalidSmtpAddress":                        transport.Usage,
	"ErrorNoPublicFolderReplicaAvailable":            transport.Unavailable,
	"ErrorMailboxConfiguration":                      transport.Unavailable,
	"ErrorMailboxFailover":                           transport.Temporary,
	"ErrorSubmissionQuotaExceeded":                   transport.QuotaExceeded,
	"ErrorInvalidServerVersion":                      transport.Unavailable,
	"ErrorFolderSave":                                transport.Rejected,
	"ErrorInvalidPropertySet":                        transport.Rejected,
	"ErrorInvalidPropertyRequest":                    transport.Rejected,
	"ErrorInvalidExtendedPropertyValue":              transport.Rejected,
	"ErrorInvalidExtendedProperty":                   transport.Rejected,
	"ErrorMailRecipientNotFound":                     transport.Rejected,
	"ErrorMissingRecipients":                         transport.Rejected,
	"ErrorInvalidRecipients":                         transport.Rejected,
	"ErrorSendAsDenied":                              transport.Rejected,
	"ErrorObjectTypeChanged":                         transport.Rejected,
	"ErrorCrossSiteRequest":                          transport.Unavailable,
	"ErrorProxyServiceDiscoveryFailed":               transport.Unavailable,
	"ErrorProxyRequestProcessingFailed":              transport.Temporary,
	"ErrorSubscriptionNotFound":                      transport.NotFound,
	"ErrorInvalidSubscription":                       transport.NotFound,
	"ErrorExpiredSubscription":                       transport.NotFound,
	"ErrorReadEventsFailed":                          transport.Temporary,
	"ErrorMissedNotificationEvents":                  transport.Temporary,
	"ErrorNoApplicableProxyCASServersAvailable":      transport.Unavailable,
	"ErrorIncorrectSchemaVersion":                    transport.Unavailable,
	"ErrorUnableToGetUserOofSettings":                transport.Temporary,
	"ErrorTokenSerializationDenied":                  transport.Auth,
	"ErrorInvalidExchangeImpersonationHeaderData":    transport.Usage,
}

var remedies = map[string]string{
	"ErrorImpersonateUserDenied": "the account needs the role ApplicationImpersonation, or use mailbox= with rights on its folders",
	"ErrorImpersonationDenied":   "the account needs the role ApplicationImpersonation, or use mailbox= with rights on its folders",
	"ErrorAccessDenied":          "the account has no rights there",
	"ErrorNonExistentMailbox":    "check mailbox= and impersonate=",
	"ErrorCannotFindUser":        "check mailbox= and impersonate=",
}

// fail is an error of a request.
func fail(kind transport.Kind, r request, err error) *transport.Error {
	return &transport.Error{Kind: kind, Op: r.op, Folder: r.folder, Err: err}
}

// error is what a response message means: nil unless it is an error. Warnings
// come with results.
func (m *message) error(r request) error {
	if m.class != "Error" {
		return nil
	}
	return m.classify(r, false)
}

func (m *message) fault(r request) error { return m.classify(r, true) }

func (m *message) classify(r request, fault bool) error {
	code := m.code
	// Exchange wraps its wish to be left alone into an internal error, in
	// replies with status 200 too.
	if inner := m.values["InnerErrorResponseCode"]; code == "ErrorInternalServerError" && inner != "" {
		code = inner
	}
	e := fail(transport.Permanent, r, &CodeError{Code: code, Text: m.text, Fault: fault})
	kind, known := kinds[code]
	switch {
	case code == "ErrorInternalServerError":
		// About the request it is trouble that passes; about one item of many
		// it is an item that the server cannot cope with.
		if fault {
			e.Kind = transport.Temporary
		}
	case known:
		e.Kind = kind
	case m.values["BackOffMilliseconds"] != "":
		e.Kind = transport.Throttled
	case strings.Contains(strings.ToLower(m.text), "server is too busy"):
		e.Kind = transport.Throttled
	}
	if e.Kind == transport.Throttled {
		e.After = m.backOff()
	}
	e.Remedy = remedies[code]
	return e
}

// withKey says which item an error is about.
func withKey(err error, k transport.Key) error {
	var e *transport.Error
	if errors.As(err, &e) && e.Key == "" && err == error(e) {
		e.Key = short(k)
	}
	return err
}

// short is a key as errors show it: those of Exchange have 150 characters and
// differ near their end.
func short(k transport.Key) transport.Key {
	if len(k) <= 40 {
		return k
	}
	return "..." + k[len(k)-36:]
}
