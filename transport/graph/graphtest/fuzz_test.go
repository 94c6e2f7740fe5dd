package graphtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"testing"
	"unicode/utf8"
)

// No query makes the server fail in another way than with an error.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"$filter=isRead eq true and receivedDateTime ge 2020-01-20T00:00:00Z&$select=subject&$top=3&$skip=1&$count=true",
		"$expand=attachments($select=id;$top=1),singleValueExtendedProperties($filter=id eq 'String 0x1042' or id eq 'Integer {00062008-0000-0000-c000-000000000046} Id 0x8501')",
		"$filter=singleValueExtendedProperties/any(ep:ep/id eq 'String 0x1042' and ep/value eq 'x''y')",
		"$filter=startswith(subject,'a') or not (contains(tolower(from/emailAddress/address),'b') and importance ne null)&$orderby=subject desc,receivedDateTime",
		`$search="subject:a b"&includeHiddenFolders=true&$deltatoken=latest&$skiptoken=MC4wLng`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := url.ParseQuery(s)
		if err != nil {
			return
		}
		q, err := parseQuery(v)
		if err != nil {
			return
		}
		o := object{"id": "1", "subject": "a", "isRead": true, "receivedDateTime": "2020-01-20T00:00:00Z", "from": object{"emailAddress": object{"address": "b"}}, "categories": []any{"x"}}
		if q.filter != nil {
			matches(q.filter, o)
			filteredIDs(q.filter)
			wantedIDs(q.filter)
		}
		found(q.search, o)
		q.apply(o)
	})
}

// What readMembers takes is what encoding/json takes, member by member.
func FuzzReadMembers(f *testing.F) {
	for _, s := range []string{
		`{"FolderId":"AAMk","Mode":"create","Data":"QUJD"}`, `{}`, ` { "a" : null , "b":"\u00e9\ud83d\ude00\n\/" } `, `{"a":"x"`, `{"a":1}`, `{"a":"b"}x`, `{"\"":"\\"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !utf8.Valid(b) {
			return // encoding/json replaces what is wrong
		}
		got := map[string]any{}
		err := readMembers(bytes.NewReader(b), func(name string, v io.Reader) error {
			s, err := io.ReadAll(v)
			got[name] = string(s)
			return err
		})
		if err != nil {
			return
		}
		var want map[string]any
		if jerr := json.Unmarshal(b, &want); jerr != nil {
			return // encoding/json knows more rules of literals
		}
		for n, v := range want {
			if v == nil || len(n) > 200 {
				continue
			}
			if s, ok := v.(string); ok && bytes.ContainsRune([]byte(s), '\uFFFD') {
				continue
			}
			if got[n] != v {
				t.Errorf("%q: %q, want %q", n, got[n], v)
			}
		}
	})
}

func FuzzIDs(f *testing.F) {
	f.Add("AAMkADUAEBAAAAAAAAAAAAAAAAASo=")
	f.Add("String {00020329-0000-0000-c000-000000000046} Name two words")
	f.Add("IntegerArray 0x0E07")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := parseExtendedID(s); err == nil {
			id.value("1")
			if !id.equal(id) {
				t.Errorf("%q is not itself", s)
			}
		}
		parseEntries([]byte(s))
		parseState(s, "x")
	})
}
