package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/mailconv/mailconv/transport"
)

// A Provider is an authorization server and the application that is known to
// it.
type Provider struct {
	// Name is google, microsoft, or the host of a server.
	Name string `json:"name"`
	// AuthURL and DeviceURL are for logins of a person, TokenURL for all.
	AuthURL   string `json:"auth_url,omitempty"`
	TokenURL  string `json:"token_url"`
	DeviceURL string `json:"device_url,omitempty"`
	// ClientID names the application. ClientSecret may be empty.
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`
}

// Google is for Gmail over IMAP, POP3 and SMTP.
func Google() Provider {
	return Provider{
		Name:      "google",
		AuthURL:   "https://accounts.google.com/o/oauth2/v2/auth",
		TokenURL:  "https://oauth2.googleapis.com/token",
		DeviceURL: "https://oauth2.googleapis.com/device/code",
		Scopes:    []string{"https://mail.google.com/"},
	}
}

// clouds are the separate worlds of Microsoft 365: where one logs in, and the
// hosts of Exchange and Graph.
var clouds = map[string]struct{ login, exchange, graph string }{
	"":      {"login.microsoftonline.com", "outlook.office365.com", "graph.microsoft.com"},
	"usgov": {"login.microsoftonline.us", "outlook.office365.us", "graph.microsoft.us"},
	"dod":   {"login.microsoftonline.us", "outlook-dod.office365.us", "dod-graph.microsoft.us"},
	"china": {"login.partner.microsoftonline.cn", "partner.outlook.cn", "microsoftgraph.chinacloudapi.cn"},
}

// What a login is for.
const (
	ForMail  = "mail"  // IMAP, POP3 and SMTP
	ForEWS   = "ews"   // Exchange Web Services
	ForGraph = "graph" // Microsoft Graph
)

var tenantName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,254}$`) })

// Microsoft is Entra ID with its v2 endpoints. tenant is a domain or an id, ""
// for any; cloud is "" or global, usgov, dod or china; use is one of ForMail,
// ForEWS and ForGraph, "" for mail. app asks for the permissions of an
// application on its own instead of those of a person.
func Microsoft(tenant, cloud, use string, app bool) (Provider, error) {
	switch cloud {
	case "global":
		cloud = ""
	case "usgovdod": // as other programs call it
		cloud = "dod"
	}
	c, ok := clouds[cloud]
	if !ok {
		return Provider{}, usage("cloud %q is none of usgov, dod, china", cloud)
	}
	if tenant == "" {
		if app {
			return Provider{}, usage("an application on its own needs a tenant: name it with --tenant")
		}
		tenant = "organizations"
	}
	if !tenantName().MatchString(tenant) {
		return Provider{}, usage("%q is not a tenant", tenant)
	}
	base := "https://" + c.login + "/" + tenant + "/oauth2/v2.0/"
	p := Provider{Name: "microsoft", AuthURL: base + "authorize", TokenURL: base + "token", DeviceURL: base + "devicecode"}
	host := c.exchange
	var names []string
	switch use {
	case "", ForMail:
		names = []string{"IMAP.AccessAsUser.All", "POP.AccessAsUser.All", "SMTP.Send"}
	case ForEWS:
		names = []string{"EWS.AccessAsUser.All"}
	case ForGraph:
		host = c.graph
		names = []string{"Mail.ReadWrite", "MailboxItem.ImportExport", "MailboxFolder.ReadWrite"}
	default:
		return Provider{}, usage("a login is for mail, ews or graph, not for %q", use)
	}
	if app {
		p.Scopes = []string{"https://" + host + "/.default"}
		return p, nil
	}
	for _, n := range names {
		p.Scopes = append(p.Scopes, "https://"+host+"/"+n)
	}
	p.Scopes = append(p.Scopes, offline)
	return p, nil
}

// offline is the scope without which Microsoft gives no refresh token.
const offline = "offline_access"

// Discover asks a server for its endpoints (OpenID Connect Discovery 1.0, RFC
// 8414).
func Discover(ctx context.Context, issuer string, h *http.Client) (Provider, error) {
	u, err := secure(issuer)
	if err != nil {
		return Provider{}, err
	}
	p := Provider{Name: u.Host}
	at := strings.TrimSuffix(u.String(), "/") + "/.well-known/openid-configuration"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return p, usage("%w", err)
	}
	res, err := client(h).Do(req)
	if err != nil {
		return p, p.failed("discover", err)
	}
	defer res.Body.Close()
	var doc struct {
		Auth   string `json:"authorization_endpoint"`
		Token  string `json:"token_endpoint"`
		Device string `json:"device_authorization_endpoint"`
	}
	if res.StatusCode != http.StatusOK {
		err = errors.New(res.Status)
	} else {
		err = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&doc)
	}
	if err == nil && doc.Token == "" {
		err = errors.New("no token endpoint is named")
	}
	if err != nil {
		return p, &transport.Error{Kind: transport.Unavailable, Op: "login", Err: fmt.Errorf("%s: %w", at, err), Remedy: "name the endpoints with --auth-url, --token-url and --device-url"}
	}
	p.AuthURL, p.TokenURL, p.DeviceURL = doc.Auth, doc.Token, doc.Device
	return p, nil
}

func usage(format string, args ...any) error {
	return &transport.Error{Kind: transport.Usage, Op: "login", Err: fmt.Errorf(format, args...)}
}

// secure is a URL that may be given secrets: https, or this machine.
func secure(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, usage("%q is not the URL of a server", s)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && !(u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())) {
		return nil, usage("%s is not https", s)
	}
	return u, nil
}

func (p Provider) check(urls ...string) error {
	if p.ClientID == "" {
		return &transport.Error{
			Kind: transport.Usage, Op: "login", Err: errors.New("there is no client id"),
			Remedy: "register an application with " + p.Name + " and give its id with --client-id or MAILCONV_CLIENT_ID",
		}
	}
	for _, s := range urls {
		if s == "" {
			return usage("%s does not offer this way to log in", p.Name)
		}
		if _, err := secure(s); err != nil {
			return err
		}
	}
	return nil
}

func (p Provider) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Scopes: p.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: p.AuthURL, TokenURL: p.TokenURL, DeviceAuthURL: p.DeviceURL, AuthStyle: oauth2.AuthStyleInParams},
	}
}

// client follows redirects only within https and one host, and does not wait
// forever.
func client(h *http.Client) *http.Client {
	c := &http.Client{Timeout: time.Minute}
	if h != nil {
		*c = *h
	}
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > 5 || r.URL.Scheme != via[0].URL.Scheme || r.URL.Host != via[0].URL.Host {
			return errors.New("the server sends us to another one, which is not followed")
		}
		return nil
	}
	return c
}

func with(ctx context.Context, h *http.Client) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, client(h))
}
