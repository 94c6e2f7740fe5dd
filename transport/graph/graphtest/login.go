package graphtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A device is a login that waits for its code to be typed.
type device struct {
	grant grant
	code  string // user_code
	until time.Time
	done  bool
	no    bool
}

// loginError is one of RFC 6749 5.2, in the words of Microsoft Entra ID.
type loginError struct{ code, text string }

// The codes that Entra ID gives.
var (
	noTenant      = loginError{"invalid_request", "AADSTS90002: Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."}
	noApp         = loginError{"unauthorized_client", "AADSTS700016: Application was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant."}
	badSecret     = loginError{"invalid_client", "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID."}
	expiredSecret = loginError{"invalid_client", "AADSTS7000222: The provided client secret keys are expired."}
	noConsent     = loginError{"invalid_grant", "AADSTS65001: The user or administrator has not consented to use the application."}
	noDevice      = loginError{"invalid_grant", "AADSTS530035: Access has been blocked by security defaults."}
	badRefresh    = loginError{"invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity."}
	badCode       = loginError{"invalid_grant", "AADSTS70000: Provided grant is invalid or malformed."}
	badScope      = loginError{"invalid_scope", "AADSTS70011: The provided value for the input parameter 'scope' is not valid."}
)

// login serves the endpoints of the Microsoft identity platform: authorize,
// token and devicecode, and /devicelogin for whoever types the code.
func (s *Server) login(w http.ResponseWriter, r *http.Request, tenant, endpoint string) {
	if err := r.ParseForm(); err != nil {
		s.refuseLogin(w, loginError{"invalid_request", err.Error()})
		return
	}
	f := s.fault(endpoint, "", r.URL.Path)
	s.record(Request{Call: endpoint, Method: r.Method, Path: r.URL.Path})
	if f != nil && (f.Drop || f.Lose) {
		panic(http.ErrAbortHandler)
	}
	if e := f.refuse(); e != nil {
		s.sendError(w, r, e)
		return
	}
	known := []string{s.o.Tenant, s.tenantID.String(), "common", "organizations"}
	if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, tenant) }) {
		s.refuseLogin(w, noTenant)
		return
	}
	var lerr *loginError
	switch endpoint {
	case "authorize":
		lerr = s.authorize(w, r)
	case "devicecode":
		lerr = s.deviceCode(w, r)
	case "token":
		lerr = s.token(w, r)
	default:
		http.NotFound(w, r)
	}
	if lerr != nil {
		s.refuseLogin(w, *lerr)
	}
}

func (s *Server) refuseLogin(w http.ResponseWriter, e loginError) {
	status := http.StatusBadRequest
	if e.code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	sendLogin(w, status, map[string]any{"error": e.code, "error_description": e.text + " Timestamp: " + s.now().Format("2006-01-02 15:04:05Z")})
}

func sendLogin(w http.ResponseWriter, status int, o map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(o)
}

func (s *Server) app(id string) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apps[id]
}

// scopes reads the scope parameter: names, or URLs that end in names.
func scopes(text string) (names []string, offline bool) {
	for _, f := range strings.Fields(text) {
		if f == "offline_access" {
			offline = true
			continue
		}
		names = append(names, f[strings.LastIndexByte(f, '/')+1:])
	}
	return names, offline
}

// consented checks that a person has agreed to the scopes.
func (s *Server) consented(a *App, want []string) *loginError {
	if a.NoConsent || s.o.Quirks.NoConsent {
		return &noConsent
	}
	for _, n := range want {
		switch n {
		case "openid", "profile", "email", ".default":
			continue
		}
		if !slices.Contains(a.Scopes, n) {
			if slices.Contains(Delegated, n) {
				return &noConsent
			}
			g := grant{user: "x", scopes: a.Scopes}
			if !g.permits(n, false) {
				return &badScope
			}
		}
	}
	return nil
}

// authorize logs the hinted person in at once and goes back to the client, as a
// browser does in which somebody is logged in.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) *loginError {
	q := r.Form
	a := s.app(q.Get("client_id"))
	if a == nil {
		return &noApp
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Hostname() != "localhost" && back.Hostname() != "127.0.0.1" {
		return &loginError{"invalid_request", "AADSTS50011: The redirect URI specified in the request does not match the redirect URIs configured for the application."}
	}
	answer := url.Values{"state": {q.Get("state")}}
	want, offline := scopes(q.Get("scope"))
	user := q.Get("login_hint")
	if user == "" {
		user = s.boxes.Mailboxes()[0].Address()
	}
	if lerr := s.consented(a, want); lerr != nil {
		answer.Set("error", lerr.code)
		answer.Set("error_description", lerr.text)
	} else if _, ok := s.boxes.Mailbox(user); !ok {
		answer.Set("error", "invalid_request")
		answer.Set("error_description", "AADSTS50034: The user account does not exist in the directory.")
	} else {
		code := secret()
		g := &grant{app: a.ID, user: user, scopes: s.expand(want), challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri"), expires: s.now().Add(10 * time.Minute)}
		if offline {
			g.scopes = append(g.scopes, "offline_access")
		}
		s.mu.Lock()
		s.codes[code] = g
		s.mu.Unlock()
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
	return nil
}

// expand replaces .default.
func (s *Server) expand(want []string) []string {
	var out []string
	for _, n := range want {
		if n == ".default" {
			out = append(out, Delegated...)
			continue
		}
		out = append(out, n)
	}
	return out
}

func (s *Server) deviceCode(w http.ResponseWriter, r *http.Request) *loginError {
	a := s.app(r.Form.Get("client_id"))
	if a == nil {
		return &noApp
	}
	want, offline := scopes(r.Form.Get("scope"))
	g := grant{app: a.ID, scopes: s.expand(want)}
	if offline {
		g.scopes = append(g.scopes, "offline_access")
	}
	d := &device{grant: g, code: secret()[:9], until: s.now().Add(15 * time.Minute)}
	id := secret()
	s.mu.Lock()
	s.devices[id] = d
	s.mu.Unlock()
	sendLogin(w, http.StatusOK, map[string]any{
		"device_code": id, "user_code": d.code, "verification_uri": s.root + "/devicelogin", "expires_in": 900, "interval": 1,
		"message": "To sign in, use a web browser to open the page " + s.root + "/devicelogin and enter the code " + d.code + " to authenticate.",
	})
	return nil
}

// EnterCode is what a person does with the code of a device login: agree as a
// user, or with user "" decline. It is false when the code is not known.
func (s *Server) EnterCode(code, user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if d.code == code {
			d.done, d.no, d.grant.user = user != "", user == "", user
			return true
		}
	}
	return false
}

// deviceLogin is the page where the code is typed: a form, or with code and
// user in it the answer.
func (s *Server) deviceLogin(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if code := r.FormValue("code"); code != "" {
		user := r.FormValue("user")
		if user == "" {
			user = s.boxes.Mailboxes()[0].Address()
		}
		if !s.EnterCode(code, user) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte("That code is not known."))
			return
		}
		_, _ = w.Write([]byte("You are logged in. You can close this window."))
		return
	}
	_, _ = w.Write([]byte(`<!doctype html><title>Login</title><form method="post"><input name="code" placeholder="code"><input name="user" placeholder="user"><button>Go</button></form>`))
}

// token is the token endpoint. RFC 6749 3.2
func (s *Server) token(w http.ResponseWriter, r *http.Request) *loginError {
	f := r.Form
	id, given := f.Get("client_id"), f.Get("client_secret")
	if u, p, ok := r.BasicAuth(); ok {
		id, given = u, p
	}
	a := s.app(id)
	if a == nil {
		return &noApp
	}
	switch {
	case given == "":
	case a.SecretExpired || s.o.Quirks.SecretExpired:
		return &expiredSecret
	case given != a.Secret:
		return &badSecret
	}
	var g *grant
	switch f.Get("grant_type") {
	case "client_credentials":
		if given == "" && f.Get("client_assertion") == "" {
			return &loginError{"invalid_client", "AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
		}
		if want, _ := scopes(f.Get("scope")); len(want) != 1 || want[0] != ".default" {
			return &badScope
		}
		g = &grant{app: a.ID, scopes: a.Roles}
		if a.NoConsent || s.o.Quirks.NoConsent {
			// Entra ID gives a token without roles.
			g.scopes = []string{"none"}
		}
	case "authorization_code":
		s.mu.Lock()
		g = s.codes[f.Get("code")]
		delete(s.codes, f.Get("code"))
		s.mu.Unlock()
		sum := sha256.Sum256([]byte(f.Get("code_verifier")))
		if g == nil || g.app != a.ID || !s.now().Before(g.expires) || g.redirect != f.Get("redirect_uri") ||
			g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
			return &badCode
		}
	case "urn:ietf:params:oauth:grant-type:device_code":
		var lerr *loginError
		if g, lerr = s.deviceGrant(a, f.Get("device_code")); lerr != nil {
			return lerr
		}
	case "refresh_token":
		s.mu.Lock()
		g = s.refresh[f.Get("refresh_token")]
		s.mu.Unlock()
		if g == nil || g.app != a.ID {
			return &badRefresh
		}
		if want, _ := scopes(f.Get("scope")); len(want) > 0 {
			if lerr := s.consented(a, want); lerr != nil {
				return lerr
			}
			n := *g
			n.scopes = append(s.expand(want), "offline_access")
			g = &n
		}
	default:
		return &loginError{"unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type."}
	}
	s.sendToken(w, g)
	return nil
}

func (s *Server) deviceGrant(a *App, id string) (*grant, *loginError) {
	if s.o.Quirks.NoDevice {
		return nil, &noDevice
	}
	s.mu.Lock()
	d := s.devices[id]
	s.mu.Unlock()
	switch {
	case d == nil || d.grant.app != a.ID:
		return nil, &badCode
	case d.no:
		return nil, &loginError{"authorization_declined", "AADSTS70016: The end user denied the request."}
	case !s.now().Before(d.until):
		return nil, &loginError{"expired_token", "AADSTS70020: The device code has expired."}
	case !d.done:
		return nil, &loginError{"authorization_pending", "AADSTS70016: OAuth 2.0 device flow error. Authorization is pending. Continue polling."}
	}
	if lerr := s.consented(a, slices.DeleteFunc(slices.Clone(d.grant.scopes), func(s string) bool { return s == "offline_access" })); lerr != nil {
		return nil, lerr
	}
	return &d.grant, nil
}

func (s *Server) sendToken(w http.ResponseWriter, g *grant) {
	n := *g
	n.expires = s.now().Add(s.o.TokenLife)
	out := map[string]any{
		"token_type": "Bearer", "scope": strings.Join(g.scopes, " "), "expires_in": int(s.o.TokenLife / time.Second),
		"ext_expires_in": int(s.o.TokenLife / time.Second), "access_token": s.issue(&n),
	}
	if g.user != "" && slices.Contains(g.scopes, "offline_access") && !s.o.Quirks.NoRefresh {
		t := secret()
		s.mu.Lock()
		s.refresh[t] = g
		s.mu.Unlock()
		out["refresh_token"] = t
	}
	sendLogin(w, http.StatusOK, out)
}
