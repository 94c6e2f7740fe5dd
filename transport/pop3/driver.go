package pop3

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
	"github.com/mailconv/mailconv/transport/sasl"
)

// Login ways of POP3 itself, beside those of package sasl.
const (
	authUser = "user"
	authAPOP = "apop"
)

// Driver opens pop3:// (STLS, required) and pop3s:// (TLS from the first byte).
func Driver() transport.Driver {
	auth := sasl.Param()
	auth.Help += "; also user (USER and PASS) and apop"
	return transport.Driver{
		Schemes: []string{"pop3", "pop3s"},
		Summary: "a POP3 maildrop, to read from",
		Params:  append(dial.Params(), auth, sasl.AuthzidParam()),
		Source: func(ctx context.Context, a transport.Address, env *transport.Env) (transport.Source, error) {
			return Open(ctx, a, env)
		},
	}
}

// Open logs in to a maildrop. The secret is asked for at each login, so also
// after a lost connection.
func Open(ctx context.Context, a transport.Address, env *transport.Env) (*Store, error) {
	if env == nil {
		env = &transport.Env{}
	}
	mode := dial.StartTLS
	if a.Scheme == "pop3s" {
		mode = dial.Implicit
	}
	o, err := dial.Parse(a, env, mode, dial.Ports{Plain: "110", Implicit: "995"})
	if err != nil {
		return nil, err
	}
	auth := strings.ToLower(a.Params.Get("auth"))
	if !sasl.Known(auth) && !slices.Contains([]string{authUser, authAPOP}, auth) {
		return nil, &transport.Error{Kind: transport.Usage, Op: "open", Err: fmt.Errorf("auth=%s is not known", auth)}
	}
	if a.Path != "" && !strings.EqualFold(a.Path, inbox) {
		return nil, &transport.Error{
			Kind: transport.Usage, Op: "open", Folder: a.Path, Err: fmt.Errorf("a POP3 maildrop has no folders"),
			Remedy: "leave the path out",
		}
	}
	s := newStore(a, env, o, auth)
	// The first login tells at once whether address and password are right.
	if err := s.with(ctx, "open", func(*session) error { return nil }); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}
