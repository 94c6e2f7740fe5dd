package secret

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/oauth"
	"github.com/mailconv/mailconv/transport/sasl"
)

// Environment variables of the two sides of a copy.
const (
	SourceEnv = "MAILCONV_SRC_PASSWORD"
	SinkEnv   = "MAILCONV_DST_PASSWORD"
)

// An entry is what a store keeps under a name.
type entry struct {
	Password string       `json:"password,omitempty"`
	Grant    *oauth.Grant `json:"grant,omitempty"`
}

// Name is the name of an address's secret. The host counts without its port; a
// login at a provider is stored under the user alone.
func Name(a transport.Address) string {
	host := a.Host
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	if host == "" {
		return a.User
	}
	return a.User + "@" + strings.ToLower(host)
}

// SetPassword stores a password under a name.
func SetPassword(s Store, name, password string) error {
	return set(s, name, entry{Password: password})
}

// SetGrant stores a login under a name.
func SetGrant(s Store, name string, g *oauth.Grant) error { return set(s, name, entry{Grant: g}) }

func set(s Store, name string, e entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.Set(name, string(b))
}

func get(s Store, name string) (entry, error) {
	var e entry
	v, err := s.Get(name)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal([]byte(v), &e); err != nil {
		return e, fmt.Errorf("what is stored for %s is damaged: log in again", name)
	}
	return e, nil
}

// ReadPassword reads the first line, without its end.
func ReadPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 64<<10)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// A Finder looks for the secret of an address: in the address, a file, the
// environment, a store, in this order: what is named for one run comes first. It may be used by several goroutines at once.
type Finder struct {
	// Env names an environment variable; "" is none.
	Env string
	// File names a file whose first line is the password; "" is none.
	File string
	// Store may be nil.
	Store Store
	// Name is what the secret is called in Store; "" goes by the address.
	Name string
	// HTTP is for renewing logins; nil is a client of our own.
	HTTP *http.Client
	// Found is told each secret before it is used; see [Redactor.Add].
	Found func(secret string)

	mu      sync.Mutex
	sources map[string]oauth.TokenSource
}

// explicit is the password that the user gave for this run.
func (f *Finder) explicit(a transport.Address) (string, error) {
	if a.Password != "" {
		return a.Password, nil
	}
	if f.File == "" {
		if f.Env == "" {
			return "", nil
		}
		return os.Getenv(f.Env), nil
	}
	r, err := os.Open(f.File)
	if err != nil {
		return "", &transport.Error{Kind: transport.Usage, Op: "password file", Err: err}
	}
	defer r.Close()
	s, err := ReadPassword(r)
	if err == nil && s == "" {
		err = &transport.Error{Kind: transport.Usage, Op: "password file", Err: fmt.Errorf("%s is empty", f.File)}
	}
	return s, err
}

// stored is what the store has for an address.
func (f *Finder) stored(a transport.Address) (string, entry, error) {
	names := []string{f.Name}
	if f.Name == "" {
		names = []string{Name(a), a.User}
	}
	if f.Store == nil || f.Name == "" && a.User == "" {
		return "", entry{}, ErrNotFound
	}
	for _, name := range names {
		e, err := get(f.Store, name)
		if err == nil || !errors.Is(err, ErrNotFound) {
			return name, e, err
		}
	}
	return "", entry{}, ErrNotFound
}

// Prepare adds auth=oauth to an address that says nothing of its login, when
// the store has a login by token for it and the user gave no password. known
// reports whether the store of the address knows that parameter.
func (f *Finder) Prepare(a transport.Address, known bool) transport.Address {
	if !known || a.Params.Get("auth") != "" {
		return a
	}
	if s, err := f.explicit(a); s != "" || err != nil {
		return a
	}
	if _, e, err := f.stored(a); err == nil && e.Grant != nil {
		params := a.Params
		a.Params = map[string][]string{"auth": {"oauth"}}
		for k, v := range params {
			a.Params[k] = v
		}
	}
	return a
}

// Secret is the function of [transport.Env]. For a login by token it gives an
// access token that is fresh, and stores what the server replaced.
func (f *Finder) Secret(ctx context.Context, a transport.Address) (string, error) {
	s, err := f.secret(ctx, a)
	if err == nil && f.Found != nil {
		f.Found(s)
	}
	return s, err
}

func (f *Finder) secret(ctx context.Context, a transport.Address) (string, error) {
	if s, err := f.explicit(a); s != "" || err != nil {
		return s, err
	}
	name, e, err := f.stored(a)
	switch {
	case errors.Is(err, ErrNotFound):
		var ways []string
		if f.Env != "" {
			ways = append(ways, "set "+f.Env)
		}
		ways = append(ways, "name a password file", "run mailconv login")
		what := "password"
		if sasl.WantsToken(a.Params.Get("auth")) {
			what = "login"
		}
		return "", &transport.Error{Kind: transport.Auth, Op: "login", Err: fmt.Errorf("there is no %s for %s at %s", what, a.User, a.Host), Remedy: strings.Join(ways, ", or ")}
	case err != nil:
		return "", err
	case e.Grant == nil:
		return e.Password, nil
	}
	f.mu.Lock()
	src := f.sources[name]
	if src == nil {
		src = e.Grant.Source(f.HTTP, func(g *oauth.Grant) error { return SetGrant(f.Store, name, g) })
		if f.sources == nil {
			f.sources = map[string]oauth.TokenSource{}
		}
		f.sources[name] = src
	}
	f.mu.Unlock()
	return src.Token(ctx)
}
