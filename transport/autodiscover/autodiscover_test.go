package autodiscover

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport"
)

const answer = `<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">%s</Response></Autodiscover>`

const both = `<User><AutoDiscoverSMTPAddress>ann@example.org</AutoDiscoverSMTPAddress></User><Account><Action>settings</Action>
<Protocol><Type>EXCH</Type><EwsUrl>https://in/ews</EwsUrl></Protocol>
<Protocol><Type>EXPR</Type><ASUrl>https://out/ews</ASUrl></Protocol>
<Protocol Type="mapiHttp" Version="1"><MailStore><InternalUrl>https://in/mapi</InternalUrl><ExternalUrl>https://out/mapi</ExternalUrl></MailStore><AddressBook><InternalUrl>https://in/nspi</InternalUrl></AddressBook></Protocol></Account>`

func ask(t *testing.T, want Service, h http.HandlerFunc) (*Settings, error) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	a := transport.Address{Scheme: "ews", User: "ann", Host: "example.org", Params: url.Values{"autodiscover": {s.URL}, "auth": {"basic"}}}
	env := &transport.Env{Secret: func(context.Context, transport.Address) (string, error) { return "sesame-street", nil }}
	return Discover(context.Background(), a, env, "", want)
}

func TestSettings(t *testing.T) {
	for want, asked := range map[Service]string{EWS: "", MAPIHTTP: "1"} {
		s, err := ask(t, want, func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, ".json") {
				if r.Header.Get("Authorization") != "" {
					t.Error("the JSON form was sent a password")
				}
				http.NotFound(w, r)
				return
			}
			b, _ := io.ReadAll(r.Body)
			if !strings.Contains(string(b), "<EMailAddress>ann@example.org</EMailAddress>") || r.Header.Get("X-MapiHttpCapability") != asked {
				t.Errorf("request %s, capability %q", b, r.Header.Get("X-MapiHttpCapability"))
			}
			fmt.Fprintf(w, answer, both)
		})
		if err != nil {
			t.Fatal(err)
		}
		if *s != (Settings{Address: "ann@example.org", EWS: "https://out/ews", MailStore: "https://out/mapi", AddressBook: "https://in/nspi"}) {
			t.Errorf("%+v", s)
		}
	}
}

func TestJSONIsEnoughForEWS(t *testing.T) {
	s, err := ask(t, EWS, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/autodiscover/autodiscover.json/v1.0/ann@example.org" {
			t.Errorf("path %s", r.URL.Path)
		}
		fmt.Fprint(w, `{"Protocol":"EWS","Url":"https://mail.example.org/EWS/Exchange.asmx"}`)
	})
	if err != nil || s.EWS != "https://mail.example.org/EWS/Exchange.asmx" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRedirects(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"to http":     {`<Account><Action>redirectUrl</Action><RedirectUrl>http://evil.example/x</RedirectUrl></Account>`, "not https"},
		"to nowhere":  {`<Account><Action>redirectUrl</Action><RedirectUrl>://</RedirectUrl></Account>`, "no URL"},
		"to itself":   {`<Account><Action>redirectAddr</Action><RedirectAddr>ann@example.org</RedirectAddr></Account>`, "same mail address"},
		"without end": {`<Account><Action>redirectAddr</Action><RedirectAddr>%d@example.org</RedirectAddr></Account>`, "without end"},
		"an error": {`<Error><ErrorCode>500</ErrorCode><Message>no such
mailbox</Message></Error>`, "error 500: no such mailbox"},
		"what is not XML":  {`</Response>`, "not Autodiscover"},
		"nothing of value": {`<Account><Action>settings</Action></Account>`, "not offered"},
	} {
		n := 0
		_, err := ask(t, MAPIHTTP, func(w http.ResponseWriter, _ *http.Request) {
			n++
			body := tt.body
			if strings.Contains(body, "%d") {
				body = fmt.Sprintf(body, n)
			}
			fmt.Fprintf(w, answer, body)
		})
		if transport.KindOf(err) != transport.Unavailable || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if n > hops {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

func TestAWrongPasswordEndsTheSearch(t *testing.T) {
	_, err := ask(t, MAPIHTTP, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })
	if transport.KindOf(err) != transport.Auth {
		t.Errorf("error %v", err)
	}
}

func TestPasswordsGoToNamedHostsOnly(t *testing.T) {
	d := &discovery{a: transport.Address{User: "ann@example.org", Host: "mail.example.org", Params: url.Values{}}}
	places, err := d.places()
	if err != nil {
		t.Fatal(err)
	}
	var hosts []string
	for _, p := range places {
		if p.Scheme != "https" {
			t.Errorf("%s", p)
		}
		hosts = append(hosts, p.Host)
	}
	if got := strings.Join(hosts, " "); got != "mail.example.org example.org autodiscover.example.org" {
		t.Errorf("asked are %s", got)
	}
	for host, want := range map[string]bool{
		"example.org": true, "autodiscover.example.org": true, "evilexample.org": false, "example.org.evil": false, "outlook.office365.com": false,
	} {
		if d.trust(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
}

// The answers of a real server, where they are at hand.
func TestRecordedAnswers(t *testing.T) {
	dir := os.Getenv("MAILCONV_RECORDINGS")
	if dir == "" {
		t.Skip("LEFT OUT: recorded answers (MAILCONV_RECORDINGS is not set)")
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, "ews", name))
		if err != nil {
			t.Fatal(err)
		}
		_, reply, _ := strings.Cut(string(b), "\n=== response\n")
		_, body, _ := strings.Cut(reply, "\r\n\r\n")
		if body == "" {
			_, body, _ = strings.Cut(reply, "\n\n")
		}
		return body
	}
	doc, err := readResponse(strings.NewReader(read("174-autodiscover-pox-mapihttp.http")))
	if err != nil {
		t.Fatal(err)
	}
	s := doc.settings()
	if s.EWS != "https://127.0.0.1:8443/EWS/Exchange.asmx" || !strings.HasPrefix(s.MailStore, "https://127.0.0.1:8443/mapi/emsmdb/?MailboxId=") ||
		!strings.HasPrefix(s.AddressBook, "https://127.0.0.1:8443/mapi/nspi/") || s.Address != "alice@example.test" {
		t.Errorf("%+v", s)
	}
	for _, name := range []string{"176-autodiscover-pox-unknown-user.http", "178-autodiscover-pox-bad-schema.http"} {
		if doc, err := readResponse(strings.NewReader(read(name))); err != nil || doc.Response.Error == nil {
			t.Errorf("%s: %+v, %v", name, doc, err)
		}
	}
}
