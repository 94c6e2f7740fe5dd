package exchange

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// Params reads the parameters of an address. A parameter that is not there has
// the zero value; the first one that is wrong is the error.
type Params struct {
	values url.Values
	err    error
}

// Read begins to read the parameters of an address, which must name a user.
func Read(a transport.Address) *Params {
	p := &Params{values: a.Params}
	if a.User == "" {
		p.wrong("the address names no user")
	}
	return p
}

// Err tells what is wrong, as an error of the kind [transport.Usage].
func (p *Params) Err() error { return p.err }

func (p *Params) wrong(format string, args ...any) {
	if p.err == nil {
		p.err = &transport.Error{Kind: transport.Usage, Op: "address", Err: fmt.Errorf(format, args...)}
	}
}

// Text takes anything.
func (p *Params) Text(name string) string { return p.values.Get(name) }

// Switch takes 0 and 1.
func (p *Params) Switch(name string) bool { return p.Word(name, "0", "1") == "1" }

// Word takes one of some words.
func (p *Params) Word(name string, words ...string) string {
	v := p.values.Get(name)
	if v == "" || slices.Contains(words, v) {
		return v
	}
	switch len(words) {
	case 1:
		p.wrong("%s=%s is not %s", name, v, words[0])
	case 2:
		p.wrong("%s=%s is neither %s nor %s", name, v, words[0], words[1])
	default:
		p.wrong("%s=%s is none of %s", name, v, strings.Join(words, ", "))
	}
	return ""
}

// Count takes a number above 0.
func (p *Params) Count(name string) int {
	v := p.values.Get(name)
	if v == "" {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		p.wrong("%s=%s is not a number above 0", name, v)
		return 0
	}
	return n
}

// Duration takes a duration above 0.
func (p *Params) Duration(name string) time.Duration {
	v := p.values.Get(name)
	if v == "" {
		return 0
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		p.wrong("%s=%s is not a duration like 30s", name, v)
		return 0
	}
	return d
}

// Mailbox takes the mail address of a mailbox.
func (p *Params) Mailbox(name string) string {
	v := p.values.Get(name)
	if v != "" && !strings.Contains(v, "@") {
		p.wrong("%s=%s is not an address like ann@example.org", name, v)
		return ""
	}
	return v
}
