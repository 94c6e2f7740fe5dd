package ledger

import (
	"testing"

	"github.com/mailconv/mailconv/transport"
)

// Whatever strangers write into keys, subjects and reasons comes back as it was,
// and is found again.
func FuzzRow(f *testing.F) {
	l := open(f)
	f.Add("1.2", "subject", "keyword", "reason")
	f.Add("caf\xe9:2,S", "'; DROP TABLE items; --", "a\nb", "\x00")
	f.Add("\"[1,2]", "\xff\xfe", "", "%s")
	folder := int64(0)
	f.Fuzz(func(t *testing.T, key, subject, keyword, reason string) {
		if key == "" {
			return
		}
		folder++
		it := Item{Folder: folder, State: Failed, Reason: reason, Meta: transport.Meta{Key: transport.Key(key), Subject: subject, Keywords: []string{keyword}}}
		update(t, l, func(tx *Tx) error { return tx.Finish(&it, Note{Kind: Loss, Name: subject, Detail: reason}) })
		got, err := l.Lookup(bg, folder, []transport.Key{"other", it.Meta.Key})
		if err != nil {
			t.Fatal(err)
		}
		row, ok := got[it.Meta.Key]
		if !ok || row.Meta.Subject != subject || row.Reason != reason {
			t.Errorf("%q came back as %+v", key, row)
		}
		if len(row.Meta.Keywords) > 1 {
			t.Errorf("keyword %q became %q", keyword, row.Meta.Keywords)
		}
	})
}
