package ewstest_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 NTLM is made of it

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

const getInbox = `<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>`

// authorized sends one request with an Authorization header.
func (f *fixture) authorized(h string) *http.Response {
	f.t.Helper()
	req, _ := http.NewRequest("POST", f.URL(), strings.NewReader(fmt.Sprintf(envelope, version, getInbox)))
	if h != "" {
		req.Header.Set("Authorization", h)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp
}

func TestWaysToLogIn(t *testing.T) {
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	f := start(t, ewstest.Options{})
	for h, want := range map[string]int{
		"": 401, "Basic ???": 401, basic("alice:secret"): 200, basic("alice@example.test:secret"): 200, basic(`EXAMPLE\alice:secret`): 200,
		basic("alice:wrong"): 401, "Bearer token-of-alice": 200, "Bearer other": 401, "NTLM AAAA": 401,
	} {
		if resp := f.authorized(h); resp.StatusCode != want {
			t.Errorf("%q: %d", h, resp.StatusCode)
		}
	}
	ask := f.authorized("").Header.Values("WWW-Authenticate")
	if len(ask) != 4 || !slices.Contains(ask, "NTLM") || !slices.Contains(ask, "Negotiate") {
		t.Errorf("%q", ask)
	}
	only := start(t, ewstest.Options{Auth: []string{ewstest.Bearer}})
	if r := only.authorized(basic("alice:secret")); r.StatusCode != 401 || len(r.Header.Values("WWW-Authenticate")) != 1 {
		t.Errorf("%d %q", r.StatusCode, r.Header)
	}
}

// ntlm is one NTLMv2 login over a connection of its own: the messages are made
// here from [MS-NLMP], and not by the library that the client uses.
func ntlm(t *testing.T, f *fixture, user, password string, binding func(cert []byte) []byte) (statuses []int) {
	t.Helper()
	var c net.Conn
	var err error
	var cert []byte
	if f.CA() != nil {
		tc, terr := tls.Dial("tcp", f.Host(), &tls.Config{RootCAs: f.CA(), ServerName: "127.0.0.1"})
		if err = terr; err == nil {
			cert = tc.ConnectionState().PeerCertificates[0].Raw
			c = tc
		}
	} else {
		c, err = net.Dial("tcp", f.Host())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	ask := func(auth string) *http.Response {
		req, _ := http.NewRequest("POST", f.URL(), strings.NewReader(fmt.Sprintf(envelope, version, getInbox)))
		if auth != "" {
			req.Header.Set("Authorization", auth)
		}
		if err := req.Write(c); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		statuses = append(statuses, resp.StatusCode)
		return resp
	}
	le := binary.LittleEndian
	type1 := append([]byte("NTLMSSP\x00"), 1, 0, 0, 0)
	type1 = le.AppendUint32(type1, 0xA2888207)
	type1 = append(type1, make([]byte, 16)...)
	resp := ask("NTLM " + base64.StdEncoding.EncodeToString(type1))
	_, text, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), " ")
	type2, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(type2) < 56 {
		t.Fatalf("%q", resp.Header)
	}
	challenge := type2[24:32]
	infoAt, infoLen := int(le.Uint32(type2[44:])), int(le.Uint16(type2[40:]))
	info := slices.Clone(type2[infoAt : infoAt+infoLen-4])
	if binding != nil {
		b := binding(cert)
		info = le.AppendUint16(info, 10)
		info = le.AppendUint16(info, uint16(len(b)))
		info = append(info, b...)
	}
	info = append(info, 0, 0, 0, 0)
	h := md4.New()
	h.Write(mapi.EncodeUTF16(password))
	mac := func(key []byte, data ...[]byte) []byte {
		m := hmac.New(md5.New, key)
		for _, d := range data {
			m.Write(d)
		}
		return m.Sum(nil)
	}
	domain := "EXAMPLE"
	key := mac(h.Sum(nil), mapi.EncodeUTF16(strings.ToUpper(user)+domain))
	blob := append([]byte{1, 1, 0, 0, 0, 0, 0, 0}, make([]byte, 8)...)
	blob = append(blob, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0)
	blob = append(append(blob, info...), 0, 0, 0, 0)
	nt := append(mac(key, challenge, blob), blob...)
	const head = 72
	fields := [][]byte{make([]byte, 24), nt, mapi.EncodeUTF16(domain), mapi.EncodeUTF16(user), mapi.EncodeUTF16("PC"), nil}
	type3 := append([]byte("NTLMSSP\x00"), 3, 0, 0, 0)
	var payload []byte
	for _, p := range fields {
		type3 = le.AppendUint16(type3, uint16(len(p)))
		type3 = le.AppendUint16(type3, uint16(len(p)))
		type3 = le.AppendUint32(type3, uint32(head+len(payload)))
		payload = append(payload, p...)
	}
	type3 = le.AppendUint32(type3, 0xA2888205)
	type3 = append(append(type3, make([]byte, 8)...), payload...)
	ask("NTLM " + base64.StdEncoding.EncodeToString(type3))
	ask("") // the connection is logged in, or not
	return statuses
}

// endPoint is the channel binding of a certificate. RFC 5929 4.1
func endPoint(cert []byte) []byte {
	sum := sha256.Sum256(cert)
	app := append([]byte("tls-server-end-point:"), sum[:]...)
	b := binary.LittleEndian.AppendUint32(make([]byte, 16), uint32(len(app)))
	out := md5.Sum(append(b, app...))
	return out[:]
}

func TestNTLM(t *testing.T) {
	clear := start(t, ewstest.Options{})
	secure := start(t, ewstest.Options{TLS: true})
	strict := start(t, ewstest.Options{TLS: true, RequireChannelBinding: true})
	other := func([]byte) []byte { return make([]byte, 15+1)[:16:16] }
	wrong := func(c []byte) []byte { b := endPoint(c); b[0] ^= 1; return b }
	for _, tt := range []struct {
		name     string
		f        *fixture
		password string
		binding  func([]byte) []byte
		ok       bool
	}{
		{"in the clear", clear, "secret", nil, true},
		{"wrong password", clear, "wrong", nil, false},
		{"no binding", secure, "secret", nil, true},
		{"binding of zeros", secure, "secret", other, true},
		{"the right binding", secure, "secret", endPoint, true},
		{"that of another connection", secure, "secret", wrong, false},
		{"none where one is wanted", strict, "secret", nil, false},
		{"zeros where one is wanted", strict, "secret", other, false},
		{"the right one where it is wanted", strict, "secret", endPoint, true},
	} {
		got := ntlm(t, tt.f, "alice", tt.password, tt.binding)
		want := []int{401, 401, 401}
		if tt.ok {
			want = []int{401, 200, 200}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	if n := clear.boxes.FailedLogins("alice"); n != 1 {
		t.Errorf("%d failed logins are counted", n)
	}
}

func TestActingForOthers(t *testing.T) {
	f := start(t, ewstest.Options{})
	as := func(who string) string {
		return `<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>` + who + `</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`
	}
	for _, tt := range []struct{ caller, target, want string }{
		{"svc", "bob@example.test", "NoError"},
		{"alice", "bob@example.test", "ErrorImpersonateUserDenied"},
		{"svc", "nobody@example.test", "ErrorNonExistentMailbox"},
	} {
		if _, reply := f.post(as(tt.target), getInbox, tt.caller); fmt.Sprint(codes(reply)) != "["+tt.want+"]" {
			t.Errorf("%s as %s: %v", tt.caller, tt.target, codes(reply))
		}
	}
	shared := strings.ReplaceAll(getInbox, `<t:DistinguishedFolderId Id="inbox"/>`, `<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`)
	if _, reply := f.post("", shared); fmt.Sprint(codes(reply)) != "[ErrorAccessDenied]" {
		t.Error(codes(reply))
	}
	inbox, _ := f.bob.WellKnown(mailbox.Inbox)
	f.bob.Grant(f.alice, inbox.ID, mailbox.MayRead)
	if _, reply := f.post("", shared); fmt.Sprint(codes(reply)) != "[NoError]" {
		t.Error(codes(reply))
	}
	put := `<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:SavedItemFolderId><m:Items><t:Message><t:Subject>x</t:Subject></t:Message></m:Items></m:CreateItem>`
	if _, reply := f.post("", put); fmt.Sprint(codes(reply)) != "[ErrorAccessDenied]" {
		t.Error(codes(reply))
	}
	f.bob.Grant(f.alice, 0, mailbox.MayCreate)
	if _, reply := f.post("", put); fmt.Sprint(codes(reply)) != "[NoError]" {
		t.Error(codes(reply))
	}
	if b, _ := f.bob.WellKnown(mailbox.Inbox); b.Count != 1 {
		t.Errorf("%+v", b)
	}
}

func TestAutodiscover(t *testing.T) {
	f := start(t, ewstest.Options{})
	get := func(path string) (int, string) {
		resp, err := f.client.Get("http://" + f.Host() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	for path, want := range map[string]string{
		"/autodiscover/autodiscover.json?Email=alice@example.test&Protocol=Ews":           f.URL(),
		"/autodiscover/autodiscover.json/v1.0/alice@example.test?Protocol=AutodiscoverV1": f.AutodiscoverURL(),
		"/autodiscover/autodiscover.json?Email=alice@example.test&Protocol=Rest":          "InvalidProtocol",
		"/autodiscover/autodiscover.json?Email=nobody@example.test&Protocol=Ews":          "UserNotFound",
	} {
		if status, body := get(path); !strings.Contains(body, want) || (status == 200) != strings.HasPrefix(want, "http") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	pox := func(address, schema, user string) string {
		req, _ := http.NewRequest("POST", f.AutodiscoverURL(), strings.NewReader(`<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>`+address+`</EMailAddress><AcceptableResponseSchema>`+schema+`</AcceptableResponseSchema></Request></Autodiscover>`))
		if user != "" {
			req.SetBasicAuth(user, "secret")
		}
		resp, err := f.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return fmt.Sprint(resp.StatusCode, " ", string(b))
	}
	const outlook = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
	for _, tt := range []struct{ address, schema, user, want string }{
		{"alice@example.test", outlook, "alice", "<EwsUrl>" + f.URL() + "</EwsUrl>"},
		{"nobody@example.test", outlook, "alice", "<ErrorCode>500</ErrorCode>"},
		{"alice@example.test", "x", "alice", "<ErrorCode>601</ErrorCode>"},
		{"alice@example.test", outlook, "", "401"},
	} {
		if got := pox(tt.address, tt.schema, tt.user); !strings.Contains(got, tt.want) {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

func TestAutodiscoverBySOAP(t *testing.T) {
	f := start(t, ewstest.Options{})
	ask := `<?xml version="1.0"?><soap:Envelope xmlns:a="http://schemas.microsoft.com/exchange/2010/Autodiscover" xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>%s</a:Mailbox></a:User></a:Users><a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting><a:Setting>EwsSupportedSchemas</a:Setting></a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage></soap:Body></soap:Envelope>`
	for address, want := range map[string]string{"alice@example.test": "<Value>" + f.URL() + "</Value>", "nobody@example.test": "InvalidUser"} {
		req, _ := http.NewRequest("POST", "http://"+f.Host()+"/autodiscover/autodiscover.svc", strings.NewReader(fmt.Sprintf(ask, address)))
		req.SetBasicAuth("alice", "secret")
		resp, err := f.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !strings.Contains(string(b), want) || wellFormed(string(b)) != nil {
			t.Errorf("%s: %d %s", address, resp.StatusCode, b)
		}
	}
}
