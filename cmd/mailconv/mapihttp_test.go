package main

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mapihttp"
	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// TestMAPIHTTPScripts runs the scripts of testdata/mapihttp beside a server of
// MAPI over HTTP: at $MAPI is the address of a mailbox. "item FOLDER" sets $ITEM
// to the address of the first item of a folder, "outbox N" wants that the server
// has sent N messages.
func TestMAPIHTTPScripts(t *testing.T) {
	samples, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/mapihttp",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			boxes := mailbox.New(mailbox.Options{TempDir: env.WorkDir, NoDelivery: true})
			env.Defer(func() { boxes.Close() })
			boxes.Add(mailbox.Account{Address: "ann@example.test", Name: "Ann", Password: "hidden-password"})
			s, err := mapihttptest.New(mapihttptest.Options{Mailboxes: boxes})
			if err != nil {
				return err
			}
			env.Defer(func() { s.Close() })
			for k, v := range map[string]string{
				"SAMPLES": samples, "HOME": env.WorkDir, "XDG_CONFIG_HOME": filepath.Join(env.WorkDir, "config"), "XDG_STATE_HOME": filepath.Join(env.WorkDir, "states"),
				"MAPI": "mapihttp://ann@example.test?autodiscover=" + s.AutodiscoverURL(),
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
			"item": func(ts *testscript.TestScript, _ bool, args []string) {
				a, err := transport.ParseAddress(ts.Getenv("MAPI"))
				ts.Check(err)
				a.Password = "hidden-password"
				st, err := mapihttp.OpenAddress(context.Background(), a, nil)
				ts.Check(err)
				defer st.Close()
				for m, err := range st.Items(context.Background(), transport.Folder{Path: args}, nil) {
					ts.Check(err)
					where, query, _ := strings.Cut(ts.Getenv("MAPI"), "?")
					ts.Setenv("ITEM", where+"/"+args[0]+"/"+string(m.Key)+"?"+query)
					return
				}
				ts.Fatalf("%v is empty", args)
			},
		},
	})
}
