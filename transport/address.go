package transport

import (
	"fmt"
	"net/url"
	"os"
	"strings"
)

// An Address names a store and a folder in it:
//
//	imap://user@host:port/Folder?param=value
//	maildir:PATH?param=value
//
// The last @ before the path splits user from host, so that a user name may be
// a mail address.
type Address struct {
	Scheme string
	User   string
	// Password was part of the address. It never appears in [Address.String].
	Password string
	Host     string // with the port, when one was given
	// Path is a folder for servers (without the leading slash, unescaped),
	// and a file name for file stores.
	Path   string
	Params url.Values
}

// fileSchemes are the stores whose address is scheme:PATH.
var fileSchemes = map[string]bool{"dir": true, "maildir": true, "mbox": true, "emlx": true, "zimbra": true, "pst": true, "ost": true, "olm": true, "mem": true}

// ParseAddress reads an address. A bare path has no scheme; the registry
// sniffs what lies there.
func ParseAddress(s string) (Address, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	scheme = strings.ToLower(scheme)
	server := ok && strings.HasPrefix(rest, "//") && !fileSchemes[scheme]
	switch {
	case ok && fileSchemes[scheme]:
		rest = strings.TrimPrefix(rest, "//")
	case !server:
		// One letter is a Windows drive.
		if ok && len(scheme) > 1 && isScheme(scheme) && !exists(s) {
			return Address{}, &Error{
				Kind: Usage, Op: "address", Err: fmt.Errorf("unknown scheme %q", scheme),
				Remedy: "see mailconv copy --help for the list",
			}
		}
		return Address{Path: s, Params: url.Values{}}, nil
	}
	a := Address{Scheme: scheme, Params: url.Values{}}
	if !server && exists(rest) {
		a.Path = rest
		return a, nil
	}
	if i := strings.LastIndexByte(rest, '?'); i >= 0 {
		q, err := url.ParseQuery(rest[i+1:])
		if err != nil {
			return Address{}, &Error{Kind: Usage, Op: "address", Err: fmt.Errorf("query of %s: %w", a, err)}
		}
		a.Params, rest = q, rest[:i]
	}
	if !server {
		a.Path = rest
		return a, nil
	}
	authority, path, _ := strings.Cut(rest[2:], "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, password, has := strings.Cut(authority[:i], ":")
		var err error
		if a.User, err = url.PathUnescape(user); err == nil && has {
			a.Password, err = url.PathUnescape(password)
		}
		if err != nil {
			return Address{}, &Error{Kind: Usage, Op: "address", Err: fmt.Errorf("the user part of a %s address is not percent-encoded rightly", scheme)}
		}
		authority = authority[i+1:]
	}
	a.Host = authority
	var err error
	if a.Path, err = url.PathUnescape(path); err != nil {
		return Address{}, &Error{Kind: Usage, Op: "address", Err: fmt.Errorf("folder of %s: %w", a, err)}
	}
	return a, nil
}

func isScheme(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// String is the address with its password left out. It names the pair of a
// ledger, so it is stable.
func (a Address) String() string {
	var b strings.Builder
	switch {
	case a.Scheme == "":
		return a.Path
	case fileSchemes[a.Scheme]:
		b.WriteString(a.Scheme + ":" + a.Path)
	default:
		b.WriteString(a.Scheme + "://")
		if a.User != "" {
			b.WriteString(strings.ReplaceAll(url.PathEscape(a.User), "%40", "@") + "@")
		}
		b.WriteString(a.Host)
		if a.Path != "" {
			b.WriteString("/" + strings.ReplaceAll(url.PathEscape(a.Path), "%2F", "/"))
		}
	}
	if len(a.Params) > 0 {
		b.WriteString("?" + maskedParams(a.Params).Encode())
	}
	return b.String()
}

// maskedParams leaves the credentials out of parameters that are addresses
// themselves, as in proxy=socks5://user:password@host.
func maskedParams(params url.Values) url.Values {
	out := make(url.Values, len(params))
	for name, values := range params {
		for _, v := range values {
			if u, err := url.Parse(v); err == nil && u.User != nil {
				if _, has := u.User.Password(); has {
					u.User = url.User(u.User.Username())
					v = u.String()
				}
			} else if err != nil && strings.Contains(v, "@") && strings.Contains(v, "://") {
				v = v[:strings.Index(v, "://")+3] + v[strings.LastIndexByte(v, '@')+1:]
			}
			out.Add(name, v)
		}
	}
	return out
}
