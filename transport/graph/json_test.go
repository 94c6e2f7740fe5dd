package graph_test

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/itemprops"
	"github.com/mailconv/mailconv/transport/pst"
)

// What a mail program shows of the mails of an archive is the same after they
// went in by json, and every property that is not there any more is listed.
func TestArchivesByJSON(t *testing.T) {
	t.Parallel()
	for _, file := range archives(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := pst.Driver().Source(t.Context(), transport.Address{Scheme: "pst", Path: file}, &transport.Env{})
			if err != nil {
				t.Skip(err)
			}
			defer src.Close()
			s := start(t, graphtest.Options{Limits: wide})
			g := open(t, s, "route", "json")
			n, other := 0, 0
			each(t, src, func(f transport.Folder, m transport.Meta, c *transport.Content) {
				to, err := g.Ensure(t.Context(), f)
				if err != nil {
					t.Fatal(err)
				}
				r, err := g.Put(t.Context(), to, m, c)
				if err != nil {
					if k := transport.KindOf(err); k != transport.Rejected {
						t.Errorf("%s %s: %v", f, m.Key, err)
					}
					other++
					return
				}
				if strings.HasPrefix(to.ID, "t:") || strings.HasPrefix(to.ID, "c:") || strings.HasPrefix(to.ID, "p:") {
					other++
					return
				}
				n++
				back := fetchObject(t, g, to, r.Ref)
				defer back.Close()
				shown(t, f.String()+" "+string(m.Key), c.Object, back.Object, r.Losses)
				if draft := isDraft(t, s, r.Ref); draft != m.Flags.Has(transport.Draft) {
					t.Errorf("%s %s: isDraft is %v", f, m.Key, draft)
				}
			})
			t.Logf("%d mails, %d other items", n, other)
		})
	}
}

func isDraft(t *testing.T, s *graphtest.Server, key transport.Key) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/me/messages/"+string(key)+"?$select=isDraft", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token("zoe@"+s.Tenant()))
	req.Header.Set("Prefer", `IdType="ImmutableId"`)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var m struct {
		IsDraft *bool `json:"isDraft"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil || m.IsDraft == nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return *m.IsDraft
}

// shown compares what the issue names: subject, addresses, dates, flags, bodies,
// attachments, threading, headers.
func shown(t *testing.T, what string, want, got *mapi.Message, losses []mapi.Loss) {
	t.Helper()
	lost := func(item string) bool {
		return slices.ContainsFunc(losses, func(l mapi.Loss) bool { return strings.Contains(l.Item, item) })
	}
	for _, tag := range []mapi.Tag{
		mapi.PidTagSubject, mapi.PidTagInternetMessageId, mapi.PidTagInReplyToId, mapi.PidTagInternetReferences, mapi.PidTagTransportMessageHeaders, mapi.PidTagConversationTopic,
		mapi.PidTagClientSubmitTime, mapi.PidTagMessageDeliveryTime, mapi.PidTagConversationIndex, mapi.PidTagImportance, mapi.PidTagSensitivity,
	} {
		w, ok := want.Props.Get(tag)
		if !ok || lost(tag.Canonical()) {
			continue
		}
		if g, ok := got.Props.Get(tag); !ok && w.Size() > 0 && tag != mapi.PidTagImportance || ok && !sameText(w, g) {
			t.Errorf("%s: %s became %q", what, tag.Canonical(), g.Text())
		}
	}
	ws, gs := itemprops.StateOf(want.Props), itemprops.StateOf(got.Props)
	if ws.Flags() != gs.Flags() && !lost("flag") {
		t.Errorf("%s: flags %b became %b", what, ws.Flags(), gs.Flags())
	}
	if w, g := people(want), people(got); !slices.Equal(w, g) && !lost("address") {
		t.Errorf("%s: recipients %q became %q", what, w, g)
	}
	// A body that is only in RTF is another test's matter.
	if w, g := bodyText(t.Context(), want), bodyText(t.Context(), got); w != "" && w != g && !lost("Body") && !lost("Html") && !lost("Rtf") {
		t.Errorf("%s: the body %.80q became %.80q", what, w, g)
	}
	if len(want.Attachments) != len(got.Attachments) {
		t.Errorf("%s: %d attachments became %d", what, len(want.Attachments), len(got.Attachments))
	} else {
		for i, a := range want.Attachments {
			b := got.Attachments[i]
			if lost("attachment") && (a.Embedded != nil || a.Storage != nil) || a.Data() == nil {
				continue
			}
			if b.Data() == nil {
				t.Errorf("%s: attachment %d has no content", what, i)
			} else if n, err := equal(t.Context(), a.Data(), b.Data()); err != nil || n != a.Data().Size() {
				t.Errorf("%s: attachment %d: %v", what, i, err)
			}
		}
	}
	for _, p := range want.Props {
		if p.Value.Type() == mapi.TypeTime {
			if _, ok := p.Value.Time(); !ok {
				continue
			}
		}
		if _, ok := got.Props.GetID(p.Tag.ID()); p.Name == nil && ok || lost(p.String()) || quiet[p.Tag.ID()] && p.Name == nil {
			continue
		}
		if p.Name != nil {
			if p.Value.Type().Multi() && len(p.Value.Elems()) == 0 {
				continue // an empty list
			}
			if _, ok := got.Props.GetName(*p.Name); ok {
				continue
			}
		}
		t.Errorf("%s: %s (%q, %x) is gone, and nobody says so", what, p, p.Value.Texts(), p.Value.Raw())
	}
}

// quiet are properties that say what others say, or that a store computes.
var quiet = func() map[uint16]bool {
	set := map[uint16]bool{}
	for _, id := range []uint16{
		0x0037, 0x003D, 0x0E1D, 0x1000, 0x1009, 0x1013, 0x1016, 0x0E1F, 0x001A, 0x0023, 0x0029, 0x0C06, 0x1090,
		0x003B, 0x003F, 0x0040, 0x0041, 0x0042, 0x0043, 0x0044, 0x004F, 0x0050, 0x0051, 0x0052, 0x0053, 0x0057, 0x0058, 0x0059, 0x0064, 0x0065, 0x0075, 0x0076, 0x0077, 0x0078,
		0x0C19, 0x0C1A, 0x0C1D, 0x0C1E, 0x0C1F, 0x4030, 0x4031, 0x5D01, 0x5D02, 0x5D07, 0x5D08, 0x5D0A, 0x0017, 0x3FDE,
		0x0E02, 0x0E03, 0x0E04, 0x0E05, 0x0E07, 0x0E08, 0x0E09, 0x0E0F, 0x0E17, 0x0E1B, 0x0E20, 0x0E21, 0x0E23, 0x0E28, 0x0E29, 0x0E58, 0x0E62, 0x0E69, 0x0E79, 0x0E99, 0x0E9A, 0x0F03,
		0x0FF4, 0x0FF6, 0x0FF7, 0x0FF8, 0x0FF9, 0x0FFA, 0x0FFB, 0x0FFE, 0x0FFF, 0x1097, 0x1213, 0x3000, 0x3007, 0x3008, 0x3013, 0x340D, 0x340F, 0x3414, 0x35DF, 0x3900, 0x3FD9,
		0x3FF8, 0x3FF9, 0x3FFA, 0x3FFB, 0x4022, 0x4023, 0x4024, 0x4025, 0x4038, 0x4039, 0x4059, 0x405A, 0x5FDE, 0x5FDF, 0x5FF6, 0x5FFD, 0x5FFF,
		0x65E0, 0x65E1, 0x65E2, 0x65E3, 0x664A, 0x666C, 0x66A0, 0x6705, 0x6708, 0x6709, 0x670A, 0x670B, 0x670F, 0x6740, 0x6746, 0x6748, 0x6749, 0x674A, 0x674D, 0x674E, 0x674F, 0x67A4, 0x67AA,
	} {
		set[id] = true
	}
	return set
}()

func sameText(a, b mapi.Value) bool {
	if a.Type().IsString() {
		return a.Text() == b.Text()
	}
	if x, ok := a.Time(); ok {
		y, _ := b.Time()
		return x.Sub(y).Abs() < time.Second
	}
	return string(a.Raw()) == string(b.Raw())
}

// people are sender and recipients by their addresses, where they have one.
func people(m *mapi.Message) (list []string) {
	for _, r := range m.Recipients {
		address := r.Props.Text(mapi.PidTagSmtpAddress)
		if address == "" {
			address = r.Props.Text(mapi.PidTagEmailAddress)
		}
		if !strings.Contains(address, "@") {
			address = r.Props.Text(mapi.PidTagDisplayName)
		}
		list = append(list, []string{"to ", "to ", "cc ", "bcc "}[min(r.Type(), 3)]+strings.ToLower(strings.TrimSpace(address)))
	}
	// The service keeps one list for each kind.
	slices.SortStableFunc(list, func(a, b string) int { return kindOf(a) - kindOf(b) })
	return list
}

func kindOf(s string) int { return slices.Index([]string{"to", "cc", "bcc"}, strings.Fields(s)[0]) }

// bodyText is the HTML body where there is one, else the text.
func bodyText(ctx context.Context, m *mapi.Message) string {
	if v, ok := m.Props.Get(mapi.PidTagHtml); ok && v.Size() > 0 {
		b, err := mapi.ReadBlob(ctx, v.Blob(), 16<<20)
		if err != nil {
			return err.Error()
		}
		n, _ := m.Props.Int(mapi.PidTagInternetCodepage)
		if cs, ok := codepage.Get(int(n)); ok {
			s, _ := cs.Decode(b)
			return s
		}
		return string(b)
	}
	return strings.TrimRight(m.Props.Text(mapi.PidTagBody), "\x00\r\n ")
}
