package autodiscover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/web"
)

// Settings are where the services of a mailbox are; what is not there is "".
type Settings struct {
	// Address is the mail address by which the mailbox is known there.
	Address     string
	DisplayName string
	LegacyDN    string
	// EWS is the URL of Exchange Web Services.
	EWS string
	// MailStore and AddressBook are the URLs of MAPI over HTTP.
	MailStore, AddressBook string
}

// A Service is what is looked for.
type Service int

// Services.
const (
	EWS Service = iota
	MAPIHTTP
)

// Param documents the query parameter that [Discover] reads.
func Param() transport.Param {
	return transport.Param{Name: "autodiscover", Help: "URL of the Autodiscover service, instead of those that the mail domain suggests"}
}

// hops bounds redirects. [MS-OXDSCLI] 3.1.5.4 wants at least ten.
const hops = 10

// Discover finds the services of the user of an address. mailbox is the mail
// address of another mailbox, "" for the user's own. The error names what was
// tried; one of kind [transport.Auth] ends the search, as trying the password
// elsewhere would lock the account.
func Discover(ctx context.Context, a transport.Address, env *transport.Env, mailbox string, want Service) (*Settings, error) {
	d := &discovery{a: a, env: env, want: want, email: mailbox}
	if d.email == "" {
		d.email = Email(a)
	}
	places, err := d.places()
	if err != nil {
		return nil, err
	}
	var tried []string
	for _, p := range places {
		s, err := d.at(ctx, p)
		if s != nil && (want == EWS && s.EWS != "" || want == MAPIHTTP && s.MailStore != "") {
			return s, nil
		}
		if err == nil {
			err = errors.New("the service is not offered to this mailbox")
		}
		if k := transport.KindOf(err); transport.Canceled(err) || k == transport.Auth || k == transport.Usage {
			return nil, err
		}
		tried = append(tried, p.Host+": "+err.Error())
	}
	return nil, &transport.Error{
		Kind: transport.Unavailable, Op: "autodiscover", Err: fmt.Errorf("the service of %s is not found (%s)", d.email, strings.Join(tried, "; ")),
		Remedy: "name it with endpoint=URL",
	}
}

// Email is the mail address of the user of an address.
func Email(a transport.Address) string {
	if strings.Contains(a.User, "@") {
		return a.User
	}
	user := a.User
	if i := strings.LastIndexByte(user, '\\'); i >= 0 {
		user = user[i+1:]
	}
	return user + "@" + hostname(a.Host)
}

func hostname(host string) string {
	u := url.URL{Host: host}
	return u.Hostname()
}

type discovery struct {
	a     transport.Address
	env   *transport.Env
	want  Service
	email string
	// trusted are the names that the user gave; hosts below them count too.
	trusted []string
}

// places are the servers to ask, in their order. [MS-OXDISCO] 3.1.5.3
func (d *discovery) places() ([]*url.URL, error) {
	if s := d.a.Params.Get("autodiscover"); s != "" {
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, &transport.Error{Kind: transport.Usage, Op: "address", Err: errors.New("autodiscover is not a URL like https://mail.example/autodiscover/autodiscover.xml")}
		}
		d.trusted = []string{u.Hostname()}
		return []*url.URL{{Scheme: u.Scheme, Host: u.Host}}, nil
	}
	_, domain, _ := strings.Cut(Email(d.a), "@")
	var list []*url.URL
	add := func(host string) {
		if host != "" && !slices.ContainsFunc(list, func(u *url.URL) bool { return u.Host == host }) {
			list = append(list, &url.URL{Scheme: "https", Host: host})
		}
	}
	for _, host := range []string{d.a.Host, domain} {
		if host != "" {
			d.trusted = append(d.trusted, hostname(host))
		}
	}
	add(d.a.Host)
	add(domain)
	if domain != "" {
		add("autodiscover." + domain)
	}
	return list, nil
}

// trust reports whether a host may be sent the password.
func (d *discovery) trust(host string) bool {
	for _, t := range d.trusted {
		if strings.EqualFold(host, t) || strings.HasSuffix(strings.ToLower(host), "."+strings.ToLower(t)) {
			return true
		}
	}
	return false
}

// at asks one server, in JSON and then in XML.
func (d *discovery) at(ctx context.Context, at *url.URL) (*Settings, error) {
	if d.want == EWS {
		if s := d.json(ctx, at); s != nil {
			return s, nil
		}
	}
	u := *at
	u.Path = "/autodiscover/autodiscover.xml"
	email := d.email
	for range hops {
		doc, to, err := d.pox(ctx, &u, email)
		if err != nil {
			return nil, err
		}
		if to != nil {
			u = *to
			continue
		}
		acc := doc.Response.Account
		switch {
		case doc.Response.Error != nil:
			return nil, fmt.Errorf("error %s: %s", oneLine(doc.Response.Error.Code), oneLine(doc.Response.Error.Message))
		case strings.EqualFold(acc.Action, "redirectUrl") || acc.RedirectURL != "":
			next, err := url.Parse(acc.RedirectURL)
			if err != nil {
				return nil, errors.New("it redirects to what is no URL")
			}
			u = *next
		case strings.EqualFold(acc.Action, "redirectAddr") || acc.RedirectAddr != "":
			if strings.EqualFold(acc.RedirectAddr, email) {
				return nil, errors.New("it redirects to the same mail address")
			}
			email = acc.RedirectAddr
		default:
			return doc.settings(), nil
		}
	}
	return nil, errors.New("it redirects without end")
}

// pox asks in XML. A redirect of HTTP is handed back.
func (d *discovery) pox(ctx context.Context, u *url.URL, email string) (*response, *url.URL, error) {
	if err := d.mayAsk(u); err != nil {
		return nil, nil, err
	}
	c, err := d.client(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	req, err := web.NewRequest(ctx, http.MethodPost, u.String(), mapi.Bytes(request(email)))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("X-AnchorMailbox", email)
	if d.want == MAPIHTTP {
		req.Header.Set("X-MapiHttpCapability", "1") // [MS-OXDSCLI] 2.2.2.1
	}
	do := c.Do
	if !d.trust(u.Hostname()) {
		do = c.DoBare
	}
	resp, err := do("autodiscover", req)
	var refused *web.StatusError
	if errors.As(err, &refused) {
		if to := refused.Header.Get("Location"); refused.Code >= 300 && refused.Code < 400 && to != "" {
			next, err := u.Parse(to)
			return nil, next, err
		}
		if refused.Code == http.StatusUnauthorized && !d.trust(u.Hostname()) {
			return nil, nil, fmt.Errorf("it redirects to %s, which was not named and wants the password; if that is right, add autodiscover=%s://%s", u.Host, u.Scheme, u.Host)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, web.ReadStatus(resp)
	}
	defer resp.Body.Close()
	doc, err := readResponse(resp.Body)
	return doc, nil, err
}

// mayAsk keeps to https, but for a service that the user named on this machine.
func (d *discovery) mayAsk(u *url.URL) error {
	if u.Hostname() == "" || u.Scheme != "https" && !(u.Scheme == "http" && d.trust(u.Hostname()) && d.a.Params.Get("autodiscover") != "") {
		return fmt.Errorf("it redirects to %s, which is not https", oneLine(u.String()))
	}
	return nil
}

func (d *discovery) client(ctx context.Context, u *url.URL) (*web.Client, error) {
	a := d.a
	a.Params = url.Values{}
	for k, v := range d.a.Params {
		if k != "endpoint" {
			a.Params[k] = v
		}
	}
	return web.Open(ctx, a, d.env, web.Options{Endpoint: (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()})
}

// json asks in JSON, which needs no login; nil when that gives nothing.
func (d *discovery) json(ctx context.Context, at *url.URL) *Settings {
	u := *at
	u.Path = "/autodiscover/autodiscover.json/v1.0/" + d.email
	u.RawQuery = "Protocol=EWS&RedirectCount=1"
	c, err := d.client(ctx, &u)
	if err != nil {
		return nil
	}
	defer c.Close()
	req, err := web.NewRequest(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.DoBare("autodiscover", req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var doc struct{ Protocol, URL string }
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&doc) != nil {
		return nil
	}
	to, err := url.Parse(doc.URL)
	if err != nil || d.mayAsk(to) != nil {
		return nil
	}
	return &Settings{Address: d.email, EWS: doc.URL}
}

func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7F }), " ")
}
