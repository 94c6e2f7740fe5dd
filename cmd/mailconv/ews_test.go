package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// TestEWSScripts runs the scripts of testdata/ews beside an Exchange server: at
// $EWS is the address of a mailbox, at $URL the service. "outbox N" wants that
// the server has sent N messages.
func TestEWSScripts(t *testing.T) {
	samples, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/ews",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			boxes := mailbox.New(mailbox.Options{TempDir: env.WorkDir, NoDelivery: true})
			env.Defer(func() { boxes.Close() })
			boxes.Add(mailbox.Account{Address: "ann@example.test", Name: "Ann", Password: "hidden-password"})
			s, err := ewstest.New(ewstest.Options{Mailboxes: boxes, Convert: &converters.Converter{}, TLS: true})
			if err != nil {
				return err
			}
			env.Defer(func() { s.Close() })
			if err := s.WriteCA(filepath.Join(env.WorkDir, "ca.pem")); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(env.WorkDir, "my-key"), nil, 0o600); err != nil {
				return err
			}
			for k, v := range map[string]string{
				"SAMPLES": samples, "HOME": env.WorkDir, "XDG_CONFIG_HOME": filepath.Join(env.WorkDir, "config"), "XDG_STATE_HOME": filepath.Join(env.WorkDir, "states"),
				"EWS": "ews://ann@example.test?ca=ca.pem&endpoint=" + s.URL(), "URL": s.URL(),
				"MAILCONV_KEY_FILE": filepath.Join(env.WorkDir, "my-key"),
			} {
				env.Setenv(k, v)
			}
			env.Values["boxes"] = boxes
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "clean": clean,
			"outbox": func(ts *testscript.TestScript, _ bool, args []string) {
				if n := len(ts.Value("boxes").(*mailbox.Server).Outbox()); len(args) != 1 || strconv.Itoa(n) != args[0] {
					ts.Fatalf("%d messages were sent, not %v", n, args)
				}
			},
		},
	})
}
