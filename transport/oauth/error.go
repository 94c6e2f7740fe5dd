package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/oauth2"

	"github.com/mailconv/mailconv/transport"
)

// A refusal is what a code of a server means for a person.
type refusal struct{ cause, remedy string }

const (
	again   = "run mailconv login again"
	browser = "log in without --device, with a browser on this machine"
)

// entra are the codes of Microsoft Entra ID that one meets.
var entra = map[string]refusal{
	"50011":   {"the application does not allow the redirect to this machine", "add http://localhost as a redirect URI of a desktop application to its registration"},
	"50020":   {"the account does not belong to the tenant", "check --tenant"},
	"50034":   {"the account does not exist in the tenant", "check the user and --tenant"},
	"50076":   {"a second factor is wanted", browser},
	"50079":   {"a second factor has to be set up", browser},
	"50097":   {"the policy of the tenant wants a known device", browser},
	"50105":   {"the user is not assigned to the application", "an administrator assigns users to it under enterprise applications"},
	"50173":   {"the login was revoked, as by a new password", again},
	"53000":   {"the policy of the tenant wants a managed device", "ask the administrator for an exception for this application"},
	"53003":   {"a Conditional Access policy blocks this login", browser + "; if that is blocked too, ask the administrator"},
	"530035":  {"Security Defaults block this way to log in", browser},
	"65001":   {"nobody has consented to what the application asks for", "log in in a browser and consent, or let an administrator grant consent"},
	"65004":   {"the consent was declined", again},
	"70000":   {"the stored login is not valid", again},
	"70008":   {"the stored login has expired", again},
	"70011":   {"a scope is not known", "check --scope"},
	"700016":  {"the tenant does not know the application", "check --client-id and --tenant"},
	"700027":  {"the certificate is not that of the application", "upload the certificate to the registration"},
	"700082":  {"the stored login has expired, as it was not used for long", again},
	"700084":  {"the stored login has reached its longest life", again},
	"7000112": {"the application is disabled", "an administrator enables it"},
	"7000215": {"the client secret is wrong", "give its value, not its id"},
	"7000218": {"the registration wants a secret of this application", "allow public client flows in the registration, or give --client-secret-file"},
	"7000222": {"the client secret has expired", "make a new one in the registration"},
	"90002":   {"there is no such tenant", "check --tenant and --cloud"},
	"90094":   {"an administrator has to consent to what the application asks for", "let an administrator grant consent in the registration"},
	"90095":   {"an administrator has to consent to what the application asks for", "let an administrator grant consent in the registration"},
}

var entraCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`AADSTS(\d{5,7})`) })

// plain are the codes of the standards.
var plain = map[string]refusal{
	"access_denied":          {"the login was declined", again},
	"authorization_declined": {"the login was declined", again},
	"expired_token":          {"the code was not entered in time", again},
	"code_expired":           {"the code was not entered in time", again},
	"invalid_client":         {"the server does not know the application, or its secret is wrong", "check --client-id and --client-secret-file"},
	"invalid_grant":          {"the stored login is not valid any more", again},
	"invalid_scope":          {"a scope is not known", "check --scope"},
	"redirect_uri_mismatch":  {"the application does not allow the redirect to this machine", "register it as a desktop application"},
	"unauthorized_client":    {"the application may not log in this way", "allow it in the registration; for a service account, let the administrator of the domain delegate its client id with these scopes"},
	"consent_required":       {"nobody has consented to what the application asks for", "log in in a browser and consent, or let an administrator grant consent"},
	"interaction_required":   {"the server wants to see a person", browser},
	"admin_policy_enforced":  {"the administrator of the domain blocks the application", "ask the administrator to allow it"},
}

// failed turns an error of the library into one line with cause and remedy. It
// holds nothing of what was sent.
func (p Provider) failed(op string, err error) error {
	var known *transport.Error
	var ret *oauth2.RetrieveError
	var netErr *url.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known), transport.Canceled(err) && !timedOut(err):
		return err
	case errors.As(err, &ret):
		if ret.ErrorCode == "" {
			var said struct {
				Error string `json:"error"`
				Text  string `json:"error_description"`
			}
			if json.Unmarshal(ret.Body, &said) == nil {
				ret.ErrorCode, ret.ErrorDescription = said.Error, said.Text
			}
		}
		if ret.ErrorCode == "" && ret.Response != nil && (ret.Response.StatusCode >= 500 || ret.Response.StatusCode == http.StatusTooManyRequests) {
			return &transport.Error{Kind: transport.Temporary, Op: op, Err: fmt.Errorf("%s answers %s", p.Name, ret.Response.Status)}
		}
		text := ret.ErrorDescription
		if ret.ErrorCode == "" && ret.Response != nil {
			text = ret.Response.Status
		}
		return p.refused(op, ret.ErrorCode, text)
	case errors.As(err, &netErr):
		// Without the URL, which may hold a code.
		host := p.Name
		if u, perr := url.Parse(netErr.URL); perr == nil && u.Host != "" {
			host = u.Host
		}
		return &transport.Error{Kind: transport.Unavailable, Op: op, Err: fmt.Errorf("%s: %w", host, netErr.Err)}
	}
	return &transport.Error{Kind: transport.Auth, Op: op, Err: fmt.Errorf("%s: %s", p.Name, oneLine(err.Error()))}
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	var u *url.Error
	return errors.As(err, &u) && errors.As(err, &t) && t.Timeout()
}

// refused explains an error code of RFC 6749 5.2 and its description.
func (p Provider) refused(op, code, text string) error {
	e := &transport.Error{Kind: transport.Auth, Op: op}
	r, ok := plain[code]
	if m := entraCode().FindStringSubmatch(text); m != nil {
		if why, known := entra[m[1]]; known {
			r, ok = why, true
		}
	}
	switch code {
	case "temporarily_unavailable", "server_error", "slow_down":
		e.Kind = transport.Temporary
	}
	text = oneLine(text)
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "..."
	}
	words := strings.TrimSpace(strings.Trim(code+": "+text, ": "))
	if words == "" {
		words = "no reason given"
	}
	if ok {
		e.Err, e.Remedy = fmt.Errorf("%s (%s says %s)", r.cause, p.Name, words), r.remedy
	} else {
		e.Err = fmt.Errorf("%s says %s", p.Name, words)
	}
	return e
}

func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
}
