package main

import (
	"context"
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
// to the address of the first item of a folder.
func TestMAPIHTTPScripts(t *testing.T) {
	exchangeScripts(t, "mapihttp", func(env *testscript.Env, boxes *mailbox.Server) (map[string]string, error) {
		s, err := mapihttptest.New(mapihttptest.Options{Mailboxes: boxes})
		if err != nil {
			return nil, err
		}
		env.Defer(func() { s.Close() })
		return map[string]string{"MAPI": "mapihttp://ann@example.test?autodiscover=" + s.AutodiscoverURL()}, nil
	}, map[string]func(*testscript.TestScript, bool, []string){
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
	})
}
