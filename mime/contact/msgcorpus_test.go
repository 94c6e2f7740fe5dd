package contact

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/msg"
)

// derived are properties that are made again of others, not carried.
var derived = map[string]bool{
	"PidTagIconIndex": true, "PidTagHasAttachments": true, "PidTagSubjectPrefix": true, "PidTagNormalizedSubject": true,
	"PidTagConversationTopic": true, "PidLidPrivate": true, "PidLidHasPicture": true,
	"PidLidAddressBookProviderEmailList": true, "PidLidAddressBookProviderArrayType": true,
	"PidLidFax1AddressType": true, "PidLidFax2AddressType": true, "PidLidFax3AddressType": true,
	"PidLidDistributionListChecksum": true, "PidLidDistributionListMembers": true, "PidLidDistributionListOneOffMembers": true,
}

// checkMessage holds a message against what its card gives back, in every
// version, and returns the losses.
func checkMessage(t *testing.T, m *mapi.Message) []mapi.Loss {
	t.Helper()
	var losses []mapi.Loss
	for _, v := range versions {
		text, rep := export(t, m, v)
		for _, p := range rep.Problems {
			t.Errorf("%s: %v", v, p)
		}
		losses = rep.Losses
		items := importAll(t, text)
		if len(items) != 1 {
			t.Fatalf("%s: %d items of\n%s", v, len(items), text)
		}
		for _, p := range items[0].Problems {
			t.Errorf("%s: %v", v, p)
		}
		again := items[0].Message
		for _, d := range carriedDifferences(m, again) {
			t.Errorf("%s: %s", v, d)
		}
		g, h := &generator{m: m, version: v}, &generator{m: again, version: v}
		a, b := g.members(), h.members()
		if len(a) != len(b) {
			t.Errorf("%s: %d members, then %d", v, len(a), len(b))
		} else {
			for i := range a {
				if a[i].addr != b[i].addr || a[i].name != b[i].name {
					t.Errorf("%s: member %v, then %v", v, a[i], b[i])
				}
			}
		}
		if second, _ := export(t, again, v); second != text {
			t.Errorf("%s: not stable:\n%s", v, difference(text, second))
		}
	}
	return losses
}

// carriedDifferences compares the properties that a card carries: strings by
// their text, everything else by bytes.
func carriedDifferences(a, b *mapi.Message) []string {
	var out []string
	for _, p := range a.Props {
		k := prop{tag: p.Tag.WithType(0)}
		if p.Name != nil {
			k = named(*p.Name)
		}
		name := p.String()
		if !carried[k] || nothing(p.Value) || derived[name] || p.Name != nil && p.Name.Set == CardSet {
			continue
		}
		if name == "PidNameKeywords" && !p.Value.Type().IsString() {
			continue // a damaged store; told as a loss
		}
		if strings.HasSuffix(name, "OriginalEntryId") {
			// An entry of an address book is a loss; of a one-off the
			// strings count.
			x, ok := parseOneOff(p.Value.Raw())
			v, has := b.Props.GetName(*p.Name)
			y, _ := parseOneOff(v.Raw())
			if ok && has && x.addr != y.addr {
				out = append(out, name+": "+x.addr+" and "+y.addr)
			}
			continue
		}
		var v mapi.Value
		var ok bool
		if p.Name != nil {
			v, ok = b.Props.GetName(*p.Name)
		} else {
			v, ok = b.Props.Get(p.Tag)
		}
		switch {
		case !ok:
			out = append(out, name+": is lost: "+strings.Join(p.Value.Texts(), ","))
		case p.Value.Type().IsString():
			x, y := lf(strings.Join(p.Value.Texts(), "\x00")), lf(strings.Join(v.Texts(), "\x00"))
			if strings.TrimSpace(x) != strings.TrimSpace(y) {
				out = append(out, name+": "+x+" and "+y)
			}
		case p.Value.InMemory() && !bytes.Equal(bytes.Join(p.Value.Elems(), nil), bytes.Join(v.Elems(), nil)):
			out = append(out, name+": other bytes")
		}
	}
	photos := func(m *mapi.Message) (n int) {
		for _, at := range m.Attachments {
			if isPhoto(at) {
				n++
			}
		}
		return n
	}
	if photos(a) > 0 && photos(b) == 0 {
		out = append(out, "the photo is lost")
	}
	return out
}

// lossTable counts losses for the log.
type lossTable map[string]int

func (l lossTable) add(list []mapi.Loss) {
	for _, x := range list {
		l[string(x.Reason)+" "+x.Item]++
	}
}

func (l lossTable) log(t *testing.T) {
	var keys []string
	for k := range l {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		t.Logf("loss: %s (%d)", k, l[k])
	}
}

func TestCorpusMessages(t *testing.T) {
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	n := 0
	table := lossTable{}
	err := filepath.WalkDir(filepath.Join(dir, "msg"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".msg" {
			return err
		}
		f, err := msg.Open(path, nil)
		if err != nil {
			return nil
		}
		defer f.Close()
		if !Is(f.Message) {
			return nil
		}
		n++
		t.Run(filepath.Base(path), func(t *testing.T) { table.add(checkMessage(t, f.Message)) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	table.log(t)
	if n == 0 {
		t.Error("no contact found")
	}
	t.Logf("%d contacts and lists", n)
}

func TestCorpusStores(t *testing.T) {
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	n := 0
	table := lossTable{}
	err := filepath.WalkDir(filepath.Join(dir, "pst"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".pst" && filepath.Ext(path) != ".ost" {
			return err
		}
		f, err := pst.Open(path, nil)
		if err != nil {
			return nil
		}
		defer f.Close()
		t.Run(filepath.Base(path), func(t *testing.T) {
			for folder := range f.Folders() {
				for entry, err := range f.Items(folder.NID, pst.Contents) {
					if err != nil {
						continue
					}
					m, _, err := f.Item(ctx, entry.NID)
					if err != nil || !Is(m) {
						continue
					}
					n++
					table.add(checkMessage(t, m))
				}
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	table.log(t)
	t.Logf("%d contacts and lists", n)
}
