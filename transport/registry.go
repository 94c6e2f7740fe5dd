package transport

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// A Driver opens the stores of its schemes.
type Driver struct {
	// Schemes in the order of the help; the first is the driver's name.
	Schemes []string
	// Summary is one line for the help.
	Summary string
	// Params documents the query parameters. One that is not here is refused
	// before the driver is called.
	Params []Param
	// Sniff reports whether a bare path is such a store; nil for servers.
	Sniff func(path string) bool
	// Source and Sink open the store; nil where it can only be the other.
	Source func(ctx context.Context, a Address, env *Env) (Source, error)
	Sink   func(ctx context.Context, a Address, env *Env) (Sink, error)
}

// A Param is one query parameter of an address.
type Param struct{ Name, Help string }

// Env is what drivers need from outside. The zero value will do for stores of
// files.
type Env struct {
	// Secret returns the password of an address; nil when there is none to
	// give. It is asked only by stores that need one.
	Secret func(ctx context.Context, a Address) (string, error)
	// AllowCleartext permits a password over an unprotected connection to
	// another machine.
	AllowCleartext bool
	// Log takes traces, never secrets. nil is silent.
	Log *slog.Logger
	// Convert is handed to stores that hold items in a form other than the
	// one they must give out (a dir of .msg files in a mail program's view).
	Convert Converter
	// TempDir is where spools go; "" is the system's.
	TempDir string
}

// A Converter changes the form of one item. Package converters has it; drivers
// and test servers that need it are handed one.
type Converter interface {
	// ToMIME and ToObject return content that is closed on its own. The mail
	// that ToMIME makes of an object stands on its own; all other results live
	// on c, which must outlive them.
	ToMIME(ctx context.Context, c *Content) (*Content, error)
	ToObject(ctx context.Context, c *Content) (*Content, error)
}

// A Registry is a list of drivers.
type Registry struct{ drivers []Driver }

// NewRegistry makes a registry. It panics when two drivers share a scheme,
// which is a mistake in the program.
func NewRegistry(drivers ...Driver) *Registry {
	seen := map[string]bool{}
	for _, d := range drivers {
		for _, s := range d.Schemes {
			if seen[s] {
				panic("transport: two drivers for " + s)
			}
			seen[s] = true
		}
	}
	return &Registry{drivers}
}

// Drivers lists the drivers in the order of the help.
func (r *Registry) Drivers() []Driver { return slices.Clone(r.drivers) }

// Resolve finds the driver of an address. An address without a scheme is
// sniffed, and returned with the scheme that was found.
func (r *Registry) Resolve(a Address) (Driver, Address, error) {
	for _, d := range r.drivers {
		if a.Scheme == "" {
			if d.Sniff != nil && d.Sniff(a.Path) {
				a.Scheme = d.Schemes[0]
				return d, a, r.check(d, a)
			}
			continue
		}
		if slices.Contains(d.Schemes, a.Scheme) {
			return d, a, r.check(d, a)
		}
	}
	if a.Scheme == "" {
		return Driver{}, a, &Error{
			Kind: Usage, Op: "open", Err: fmt.Errorf("%s is not a store that is known here", a.Path),
			Remedy: "name its kind, as in mbox:" + a.Path,
		}
	}
	var known []string
	for _, d := range r.drivers {
		known = append(known, d.Schemes...)
	}
	return Driver{}, a, &Error{Kind: Usage, Op: "open", Err: fmt.Errorf("there is no store of the kind %q", a.Scheme), Remedy: "there are: " + strings.Join(known, ", ")}
}

func (r *Registry) check(d Driver, a Address) error {
	for name := range a.Params {
		if !slices.ContainsFunc(d.Params, func(p Param) bool { return p.Name == name }) {
			var known []string
			for _, p := range d.Params {
				known = append(known, p.Name)
			}
			return &Error{
				Kind: Usage, Op: "open", Err: fmt.Errorf("%s does not know the parameter %q", d.Schemes[0], name),
				Remedy: "it knows: " + strings.Join(known, ", "),
			}
		}
	}
	return nil
}

// OpenSource opens a store to read from.
func (r *Registry) OpenSource(ctx context.Context, a Address, env *Env) (Source, error) {
	d, a, err := r.Resolve(a)
	if err != nil {
		return nil, err
	}
	if d.Source == nil {
		return nil, &Error{Kind: Usage, Op: "open", Err: fmt.Errorf("%s can only be written to", d.Schemes[0])}
	}
	if env == nil {
		env = &Env{}
	}
	s, err := d.Source(ctx, a, env)
	if err != nil {
		return nil, err // and not the nil of a driver's type
	}
	return s, nil
}

// OpenSink opens a store to write to.
func (r *Registry) OpenSink(ctx context.Context, a Address, env *Env) (Sink, error) {
	if a.Scheme == "" && !exists(a.Path) {
		return nil, &Error{
			Kind: Usage, Op: "open", Err: fmt.Errorf("%s does not exist, so its kind is unknown", a.Path),
			Remedy: "name the kind, as in maildir:" + a.Path,
		}
	}
	d, a, err := r.Resolve(a)
	if err != nil {
		return nil, err
	}
	if d.Sink == nil {
		return nil, &Error{Kind: Usage, Op: "open", Err: fmt.Errorf("%s can only be read from", d.Schemes[0])}
	}
	if env == nil {
		env = &Env{}
	}
	s, err := d.Sink(ctx, a, env)
	if err != nil {
		return nil, err
	}
	return s, nil
}
