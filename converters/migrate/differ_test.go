package migrate_test

import (
	"testing"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

// Two objects that differ are told apart by the property.
func TestObjectsThatDiffer(t *testing.T) {
	object := func(body string) *mem.Store {
		st := mem.New(mem.Options{Forms: []transport.Form{transport.FormObject}})
		f, err := st.Ensure(t.Context(), transport.Folder{Path: []string{"A"}})
		if err != nil {
			t.Fatal(err)
		}
		m := &mapi.Message{}
		m.Props.Set(mapi.PidTagSubject, mapi.StringValue("the same"))
		m.Props.Set(mapi.PidTagInternetMessageId, mapi.StringValue("<1@x.example>"))
		m.Props.Set(mapi.PidTagBody, mapi.StringValue(body))
		if _, err := st.Put(t.Context(), f, transport.Meta{}, &transport.Content{Form: transport.FormObject, Object: m}); err != nil {
			t.Fatal(err)
		}
		return st
	}
	sink := mem.New(mem.Options{Forms: []transport.Form{transport.FormObject}})
	e := newEnv(t, object("one"), sink)
	if r := e.ok(); r.Copied != 1 {
		t.Fatalf("%+v", r)
	}
	l, err := ledger.Open(t.Context(), e.path, ledger.Pair{Source: "mem:a", Sink: "mem:b"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// The ledger pairs the copy with what is now another item.
	v, err := migrate.Verify(t.Context(), object("another"), sink, &migrate.VerifyOptions{Ledger: l})
	if err != nil || v.Reasons[migrate.ReasonProperty] != 1 || len(v.Findings) != 1 || v.Findings[0].Detail != "PidTagBody changed" {
		t.Errorf("%+v %v", v, err)
	}
}
