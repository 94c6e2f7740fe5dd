package sasl

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/xdg-go/scram"
)

var errChallenge = errors.New("the server asks for more than the login mechanism has")

// plain is RFC 4616.
type plain struct{ user, as, password string }

func (m *plain) Start() (string, []byte, error) {
	return Plain, []byte(m.as + "\x00" + m.user + "\x00" + m.password), nil
}

func (m *plain) Next([]byte) ([]byte, error) { return nil, errChallenge }

// login asks for the user, then for the password. Servers differ in how they
// ask, so only the order counts.
type login struct {
	user, password string
	step           int
}

func (m *login) Start() (string, []byte, error) { return Login, nil, nil }

func (m *login) Next([]byte) ([]byte, error) {
	m.step++
	switch m.step {
	case 1:
		return []byte(m.user), nil
	case 2:
		return []byte(m.password), nil
	}
	return nil, errChallenge
}

// cramMD5 is RFC 2195.
type cramMD5 struct{ user, password string }

func (m *cramMD5) Start() (string, []byte, error) { return CRAMMD5, nil, nil }

func (m *cramMD5) Next(challenge []byte) ([]byte, error) {
	h := hmac.New(md5.New, []byte(m.password))
	h.Write(challenge)
	return []byte(m.user + " " + hex.EncodeToString(h.Sum(nil))), nil
}

// scramLogin is RFC 5802.
type scramLogin struct {
	name string
	conv *scram.ClientConversation
}

// maxIterations bounds what a server may ask a client to compute.
const maxIterations = 10_000_000

func newSCRAM(name, user, as, password string) (Mechanism, error) {
	hash := scram.SHA1
	if name == SCRAMSHA256 {
		hash = scram.SHA256
	}
	c, err := hash.NewClient(user, password, as)
	if err != nil {
		// What SASLprep refuses is sent as it is, as servers without it store it.
		if c, err = hash.NewClientUnprepped(user, password, as); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return &scramLogin{name, c.NewConversation()}, nil
}

func (m *scramLogin) Start() (string, []byte, error) {
	s, err := m.conv.Step("")
	return m.name, []byte(s), err
}

func (m *scramLogin) Next(challenge []byte) ([]byte, error) {
	for f := range strings.SplitSeq(string(challenge), ",") {
		if n, ok := strings.CutPrefix(f, "i="); ok && (len(n) > 8 || len(n) == 8 && n > "10000000") {
			return nil, fmt.Errorf("%s: the server asks for more than %d rounds", m.name, maxIterations)
		}
	}
	s, err := m.conv.Step(string(challenge))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	return []byte(s), nil
}

func (m *scramLogin) finish() error {
	if !m.conv.Valid() {
		return fmt.Errorf("%s: the server did not prove that it knows the password", m.name)
	}
	return nil
}

// bearer is OAUTHBEARER (RFC 7628) and its older form XOAUTH2.
type bearer struct {
	user, token, host, port string
	old                     bool
	said                    string
}

func (m *bearer) Start() (string, []byte, error) {
	if m.old {
		return XOAuth2, []byte("user=" + m.user + "\x01auth=Bearer " + m.token + "\x01\x01"), nil
	}
	// The user is a gs2 name: its comma and equals sign are escaped.
	gs2 := "n,a=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(m.user) + ","
	s := gs2 + "\x01"
	if m.host != "" {
		s += "host=" + m.host + "\x01"
	}
	if m.port != "" {
		s += "port=" + m.port + "\x01"
	}
	return OAuthBearer, []byte(s + "auth=Bearer " + m.token + "\x01\x01"), nil
}

// Next answers the server's account of a failure, after which it says no.
func (m *bearer) Next(challenge []byte) ([]byte, error) {
	if m.said != "" {
		return nil, errChallenge
	}
	m.said = words(challenge)
	if m.old {
		return []byte{}, nil
	}
	return []byte{1}, nil
}

func (m *bearer) detail() string { return m.said }

// words shortens the JSON of a refusal to one line.
func words(challenge []byte) string {
	var v struct {
		Status any    `json:"status"`
		Error  string `json:"error"`
		Text   string `json:"error_description"`
		Scope  string `json:"scope"`
	}
	if json.Unmarshal(challenge, &v) != nil {
		return fmt.Sprintf("%.200q", challenge)
	}
	var parts []string
	if v.Status != nil {
		parts = append(parts, fmt.Sprintf("status %v", v.Status))
	}
	for _, s := range []string{v.Error, v.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if v.Scope != "" {
		parts = append(parts, "wanted scope "+v.Scope)
	}
	if len(parts) == 0 {
		return "the token is refused"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, fmt.Sprintf("%.500s", strings.Join(parts, ", ")))
}
