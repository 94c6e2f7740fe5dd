package main

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// exchangeScripts runs the scripts of a folder of testdata beside a server that
// shows Ann's mailbox: start starts it and gives the variables that say where it
// is. "outbox N" wants that the server has sent N messages; more are further
// commands.
func exchangeScripts(t *testing.T, folder string, start func(*testscript.Env, *mailbox.Server) (map[string]string, error), more map[string]func(*testscript.TestScript, bool, []string)) {
	t.Helper()
	samples, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	cmds := map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "clean": clean, "outbox": outbox}
	for name, cmd := range more {
		cmds[name] = cmd
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", folder),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			boxes := mailbox.New(mailbox.Options{TempDir: env.WorkDir, NoDelivery: true})
			env.Defer(func() { boxes.Close() })
			boxes.Add(mailbox.Account{Address: "ann@example.test", Name: "Ann", Password: "hidden-password"})
			env.Values["boxes"] = boxes
			env.Setenv("SAMPLES", samples)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "states"))
			vars, err := start(env, boxes)
			for k, v := range vars {
				env.Setenv(k, v)
			}
			return err
		},
		Cmds: cmds,
	})
}

// outbox wants that the server has sent so many messages: outbox N.
func outbox(ts *testscript.TestScript, _ bool, args []string) {
	if n := len(ts.Value("boxes").(*mailbox.Server).Outbox()); len(args) != 1 || strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d messages were sent, not %v", n, args)
	}
}
