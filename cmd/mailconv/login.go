package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/all"
	"github.com/mailconv/mailconv/transport/oauth"
	"github.com/mailconv/mailconv/transport/secret"
)

func loginCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "login",
		Usage:     "store a login: at Google, Microsoft or another provider, or a password",
		ArgsUsage: "[options] google|microsoft|URL|ADDRESS",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "user", Usage: "mail `ADDRESS` of the account; the login is stored under it"},
			&cli.StringFlag{Name: "client-id", Usage: "`ID` of the registered application", EnvVars: []string{"MAILCONV_CLIENT_ID"}},
			&cli.StringFlag{Name: "client-secret-file", Usage: "`FILE` with the application's secret"},
			&cli.BoolFlag{Name: "device", Usage: "type a code into a browser on any machine"},
			&cli.BoolFlag{Name: "no-browser", Usage: "only print the URL, do not open a browser"},
			&cli.IntFlag{Name: "port", Usage: "`PORT` on this machine for the browser's answer (default: any)"},
			&cli.StringFlag{Name: "for", Usage: "Microsoft: `WHAT` the login is for: mail, ews or graph", Value: oauth.ForMail},
			&cli.StringFlag{Name: "tenant", Usage: "Microsoft: `NAME` or id of the tenant"},
			&cli.StringFlag{Name: "cloud", Usage: "Microsoft: national `CLOUD`: usgov, dod or china"},
			&cli.BoolFlag{Name: "app", Usage: "log the application in on its own, with --client-secret-file"},
			&cli.StringFlag{Name: "certificate", Usage: "log the application in on its own, with the certificate and key in `FILE` (PEM)"},
			&cli.StringFlag{Name: "service-account", Usage: "Google: act for --user with the key of a service account in `FILE` (JSON)"},
			&cli.StringSliceFlag{Name: "scope", Usage: "ask for `SCOPE`, may be repeated (default: what mail needs)"},
			&cli.StringFlag{Name: "auth-url", Usage: "`URL` of the authorization endpoint"},
			&cli.StringFlag{Name: "token-url", Usage: "`URL` of the token endpoint"},
			&cli.StringFlag{Name: "device-url", Usage: "`URL` of the device endpoint"},
			&cli.BoolFlag{Name: "explain", Usage: "Microsoft: say which permissions a login needs and why, and do nothing"},
			&cli.BoolFlag{Name: "logout", Usage: "forget the login"},
		},
		Description: `Logins lie in the system's keyring; where there is none, in a file that only you
can read; where MAILCONV_KEY_FILE names a file of age keys, in an encrypted file.
Later commands find them by the user in the address. For an ADDRESS of a server
a password is asked for, or read from standard input.

EXAMPLES:
   mailconv login google --user ann@example.org --client-id ID
   mailconv login microsoft --user ann@example.org --client-id ID --device
   mailconv login microsoft --app --tenant example.org --client-id ID --client-secret-file F --user ann@example.org
   mailconv login --explain microsoft --for graph
   mailconv login google --service-account key.json --user ann@example.org
   mailconv login imaps://ann@mail.example
   mailconv login --logout imaps://ann@mail.example`,
		Action: func(c *cli.Context) error { return runLogin(c, std) },
	}
}

func runLogin(c *cli.Context, std stdio) error {
	if c.NArg() != 1 {
		return usagef("name google, microsoft, the URL of a provider, or the address of a server")
	}
	what := c.Args().First()
	if c.Bool("explain") {
		if what != "microsoft" {
			return usagef("--explain knows microsoft")
		}
		text, err := oauth.Explain(c.String("for"), c.Bool("app") || c.String("certificate") != "")
		if err != nil {
			return err
		}
		fmt.Fprint(std.out, text)
		return nil
	}
	store, err := secret.Default()
	if err != nil {
		return err
	}
	if a, ok := serverAddress(what); ok {
		return passwordLogin(c, std, store, a)
	}
	user := c.String("user")
	if user == "" {
		return usagef("name the account with --user, as in --user ann@example.org")
	}
	if c.Bool("logout") {
		return logout(std, store, user)
	}
	g, err := grantOf(c, std, what)
	if err != nil {
		return err
	}
	for _, s := range []string{g.ClientSecret, g.Refresh, g.Access, g.Key} {
		maskOf(c).Add(s)
	}
	g.User = user
	if g.Kind != oauth.Person {
		// A person has just shown that it works; the others show it now.
		if _, err := g.Source(nil, func(n *oauth.Grant) error { g = n; return nil }).Token(c.Context); err != nil {
			return err
		}
	}
	if err := secret.SetGrant(store, user, g); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "logged in as %s; kept in %s\n", oneLine(user), store.Where())
	return nil
}

// serverAddress tells the address of a mail server from a provider.
func serverAddress(s string) (transport.Address, bool) {
	scheme, _, ok := strings.Cut(s, "://")
	if !ok || strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http") {
		return transport.Address{}, false
	}
	a, err := transport.ParseAddress(s)
	return a, err == nil
}

func logout(std stdio, store secret.Store, name string) error {
	if err := store.Delete(name); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "the login of %s is forgotten\n", oneLine(name))
	return nil
}

func passwordLogin(c *cli.Context, std stdio, store secret.Store, a transport.Address) error {
	if _, _, err := all.Registry().Resolve(a); err != nil {
		return err
	}
	if a.User == "" {
		return usagef("%s names no user", a)
	}
	if a.Password != "" {
		return usagef("leave the password out of the address: others can see the command line")
	}
	name := secret.Name(a)
	if c.Bool("logout") {
		return logout(std, store, name)
	}
	password, err := askPassword(std, name)
	if err != nil {
		return err
	}
	if password == "" {
		return usagef("the password is empty")
	}
	maskOf(c).Add(password)
	if err := secret.SetPassword(store, name, password); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "the password of %s is kept in %s\n", oneLine(name), store.Where())
	return nil
}

// askPassword asks on a terminal without showing what is typed; otherwise it
// reads the first line.
func askPassword(std stdio, name string) (string, error) {
	f, ok := std.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return secret.ReadPassword(std.in)
	}
	fmt.Fprintf(std.err, "Password of %s: ", oneLine(name))
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(std.err)
	return string(b), err
}

// grantOf runs the way of login that the options ask for.
func grantOf(c *cli.Context, std stdio, what string) (*oauth.Grant, error) {
	if file := c.String("service-account"); file != "" {
		key, err := os.ReadFile(file)
		if err != nil {
			return nil, usagef("--service-account: %v", err)
		}
		return oauth.NewService(key, c.String("user"), c.StringSlice("scope")...)
	}
	p, err := providerOf(c, what)
	if err != nil {
		return nil, err
	}
	if file := c.String("certificate"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, usagef("--certificate: %v", err)
		}
		return oauth.NewCertificate(p, pem)
	}
	if c.Bool("app") {
		return oauth.NewApplication(p)
	}
	l := oauth.Login{Provider: p, User: c.String("user"), Port: c.Int("port")}
	if c.Bool("device") {
		return l.Device(c.Context, func(p oauth.Prompt) {
			fmt.Fprintf(std.err, "Open %s in a browser and enter the code %s", oneLine(p.URL), oneLine(p.Code))
			if !p.Until.IsZero() {
				fmt.Fprintf(std.err, " within %d minutes", int(time.Until(p.Until).Round(time.Minute).Minutes()))
			}
			fmt.Fprintln(std.err)
		})
	}
	return l.Browser(c.Context, func(url string) error {
		fmt.Fprintf(std.err, "Log in at %s\n", oneLine(url))
		if !c.Bool("no-browser") {
			openBrowser(c.Context, url)
		}
		return nil
	})
}

func providerOf(c *cli.Context, what string) (p oauth.Provider, err error) {
	switch what {
	case "google":
		p = oauth.Google()
	case "microsoft":
		p, err = oauth.Microsoft(c.String("tenant"), c.String("cloud"), c.String("for"), c.Bool("app") || c.String("certificate") != "")
	default:
		if !strings.Contains(what, "://") {
			return p, usagef("%q is not google, microsoft, a URL or the address of a server", what)
		}
		if c.String("token-url") == "" {
			p, err = oauth.Discover(c.Context, what, nil)
		} else {
			p.Name = strings.TrimSuffix(what[strings.Index(what, "://")+3:], "/")
		}
	}
	if err != nil {
		return p, err
	}
	for _, f := range []struct {
		flag string
		into *string
	}{{"auth-url", &p.AuthURL}, {"token-url", &p.TokenURL}, {"device-url", &p.DeviceURL}, {"client-id", &p.ClientID}} {
		if s := c.String(f.flag); s != "" {
			*f.into = s
		}
	}
	if list := c.StringSlice("scope"); len(list) > 0 {
		p.Scopes = list
	}
	if file := c.String("client-secret-file"); file != "" {
		f, err := os.Open(file)
		if err != nil {
			return p, usagef("--client-secret-file: %v", err)
		}
		defer f.Close()
		if p.ClientSecret, err = clientSecret(f); err != nil {
			return p, usagef("--client-secret-file: %v", err)
		}
	}
	return p, nil
}

// clientSecret reads a line of text, or the file that Google hands out.
func clientSecret(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return "", err
	}
	var doc map[string]struct {
		Secret string `json:"client_secret"`
	}
	if json.Unmarshal(b, &doc) == nil {
		for _, kind := range []string{"installed", "web"} {
			if s := doc[kind].Secret; s != "" {
				return s, nil
			}
		}
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", errors.New("the file is empty")
	}
	return line, nil
}

// openBrowser tries; the URL was printed in any case.
func openBrowser(ctx context.Context, url string) {
	var cmd *exec.Cmd
	switch runtime.GOOS {
	case "windows":
		cmd = exec.CommandContext(context.WithoutCancel(ctx), "rundll32", "url.dll,FileProtocolHandler", url)
	case "darwin":
		cmd = exec.CommandContext(context.WithoutCancel(ctx), "open", url)
	default:
		cmd = exec.CommandContext(context.WithoutCancel(ctx), "xdg-open", url)
	}
	// Passwords that were handed to us are not the browser's.
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); name != secret.SourceEnv && name != secret.SinkEnv {
			cmd.Env = append(cmd.Env, v)
		}
	}
	if cmd.Start() == nil {
		go cmd.Wait() //nolint:errcheck // a browser that fails leaves the printed URL
	}
}
