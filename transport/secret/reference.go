package secret

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// Reference makes a [Finder] of a reference to a secret: env:NAME is a variable
// of the environment, file:PATH the first line of a file, keyring:NAME what is
// in the store under the name. "" is what is there for the address. What is
// referred to must be there; nothing else is looked at. The error does not hold
// the text, which may be a secret by mistake.
func Reference(ref string, s Store) (*Finder, error) {
	kind, name, _ := strings.Cut(ref, ":")
	if ref != "" && name == "" {
		kind = "?"
	}
	switch kind {
	case "":
		if ref == "" {
			return &Finder{Store: s}, nil
		}
	case "env":
		return &Finder{Env: name}, nil
	case "file":
		return &Finder{File: name}, nil
	case "keyring":
		if s == nil {
			return nil, &transport.Error{Kind: transport.Usage, Op: "secret", Err: fmt.Errorf("there is no keyring and no folder for keyring:%s", name)}
		}
		return &Finder{Store: s, Name: name}, nil
	}
	return nil, &transport.Error{Kind: transport.Usage, Op: "secret", Err: errors.New("a reference is env:NAME, file:PATH or keyring:NAME")}
}
