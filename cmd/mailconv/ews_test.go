package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// TestEWSScripts runs the scripts of testdata/ews beside an Exchange server: at
// $EWS is the address of a mailbox, at $URL the service.
func TestEWSScripts(t *testing.T) {
	exchangeScripts(t, "ews", func(env *testscript.Env, boxes *mailbox.Server) (map[string]string, error) {
		s, err := ewstest.New(ewstest.Options{Mailboxes: boxes, Convert: &converters.Converter{}, TLS: true})
		if err != nil {
			return nil, err
		}
		env.Defer(func() { s.Close() })
		if err := s.WriteCA(filepath.Join(env.WorkDir, "ca.pem")); err != nil {
			return nil, err
		}
		key := filepath.Join(env.WorkDir, "my-key")
		return map[string]string{
			"EWS": "ews://ann@example.test?ca=ca.pem&endpoint=" + s.URL(), "URL": s.URL(), "MAILCONV_KEY_FILE": key,
		}, os.WriteFile(key, nil, 0o600)
	}, nil)
}
