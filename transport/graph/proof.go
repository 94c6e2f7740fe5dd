package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

// A proof is what is known of the route import for one item class.
type proof struct {
	mu    sync.Mutex
	known bool
	ok    bool
	why   string // of not ok
}

// proven says whether items of a class can be imported without loss. The first
// of each class is imported into a folder of its own, exported again and
// compared; the folder is deleted. Errors that may pass are handed up.
func (s *Store) proven(ctx context.Context, m *mapi.Message) (bool, error) {
	class := strings.ToUpper(m.Class())
	s.mu.Lock()
	p := s.proofs[class]
	if p == nil {
		p = &proof{}
		s.proofs[class] = p
	}
	s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known {
		return p.ok, nil
	}
	err := s.prove(ctx, m)
	switch {
	case err == nil:
		p.ok = true
	case transport.Canceled(err), s.passing(err):
		return false, err
	default:
		p.why = err.Error()
		s.warn("items are created by json, as the import of the class is not proven", "class", m.Class(), "mailbox", s.o.Mailbox, "why", err.Error())
	}
	p.known = true
	return p.ok, nil
}

// unproven says in the receipt of an item why it did not go by import.
func (s *Store) unproven(class string) mapi.Loss {
	s.mu.Lock()
	p := s.proofs[strings.ToUpper(class)]
	s.mu.Unlock()
	l := mapi.Loss{Item: "import", Reason: mapi.LossApproximated, Detail: "created by json"}
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.why != "" {
			l.Detail += ", as the import is not proven: " + p.why
		}
	}
	return l
}

func (s *Store) passing(err error) bool {
	switch transport.KindOf(err) {
	case transport.Temporary, transport.Throttled, transport.Unavailable, transport.QuotaExceeded:
		return true
	case transport.Auth:
		return statusOf(err) == http.StatusUnauthorized || statusOf(err) == 0
	}
	return false
}

// proofFolder is the folder of proofs. One that a killed run left is used again.
const proofFolder = "mailconv-canary"

func (s *Store) prove(ctx context.Context, m *mapi.Message) (err error) {
	box, err := s.mailboxID(ctx)
	if err != nil {
		return err
	}
	s.proofMu.Lock()
	defer s.proofMu.Unlock()
	var f wire.Folder
	c := &call{op: "prove import", folder: proofFolder, url: s.exchange(box, "folders")}
	err = s.post(ctx, c, wire.Folder{DisplayName: proofFolder, Type: "IPF.Note"}, nil, &f)
	if statusOf(err) == http.StatusConflict || codeOf(err) == "ErrorFolderExists" {
		f.ID, err = s.boxChild(ctx, []string{proofFolder}, "")
	}
	if err == nil && f.ID == "" {
		err = errors.New("there is no folder for it")
	}
	if err != nil {
		return err
	}
	folder := transport.Folder{Path: []string{proofFolder}, ID: kindBox.id(f.ID)}
	defer func() {
		// Also when the run is being stopped.
		if derr := s.DeleteFolder(context.WithoutCancel(ctx), folder); derr != nil {
			s.warn("the folder of a proof is left in the mailbox", "folder", proofFolder, "why", derr.Error())
		}
	}()
	small := shrink(m)
	data, done, _, err := s.encode(ctx, small)
	if err != nil {
		return err
	}
	defer done()
	id, err := s.importData(ctx, folder.String(), f.ID, data)
	if err != nil {
		return err
	}
	list, err := s.exportItems(ctx, folder, []transport.Key{transport.Key(id)})
	if err != nil {
		return err
	}
	defer func() {
		for _, fe := range list {
			fe.Content.Close()
		}
	}()
	if list[0].Err != nil {
		return list[0].Err
	}
	if diff := lacking(small, list[0].Content.Object); len(diff) > 0 {
		return fmt.Errorf("what was imported comes back otherwise: %s", strings.Join(diff[:min(len(diff), 5)], "; "))
	}
	return nil
}

// proofValue is the largest value that is sent for a proof.
const proofValue = 64 << 10

// shrink is an item without what is large in it.
func shrink(m *mapi.Message) *mapi.Message {
	n := &mapi.Message{Props: shrinkProps(m.Props), Recipients: m.Recipients}
	if len(n.Recipients) > 50 {
		n.Recipients = n.Recipients[:50]
	}
	for i, a := range m.Attachments {
		if i == 5 {
			break
		}
		own := &mapi.Attachment{Props: shrinkProps(a.Props)}
		if a.Embedded != nil {
			own.Embedded = shrink(a.Embedded)
		} else if a.Storage != nil {
			continue
		}
		n.Attachments = append(n.Attachments, own)
	}
	return n
}

func shrinkProps(ps mapi.Properties) mapi.Properties {
	var out mapi.Properties
	for _, p := range ps {
		switch {
		case p.Value.Size() <= proofValue:
			out = append(out, p)
		case p.Tag.ID() == mapi.PidTagAttachDataBinary.ID() && p.Name == nil:
			p.Value = mapi.BinaryValue([]byte("the content is left out"))
			out = append(out, p)
		}
	}
	return out
}

// computed are properties that a store makes itself, by identifier. What it
// says of them is not compared, and their loss is none.
var computed = func() map[uint16]bool {
	set := map[uint16]bool{}
	for _, id := range []uint16{
		0x0E07, 0x0E08, 0x0E17, 0x0E1B, 0x0E1D, 0x0E20, 0x0E21, 0x0E23, 0x0E02, 0x0E03, 0x0E04, 0x0E05, 0x0E09, 0x0E0F, 0x0E58, 0x0E62, 0x0E69, 0x0E79, 0x0E99, 0x0E9A,
		0x003D, 0x0FF4, 0x0FF6, 0x0FF7, 0x0FF8, 0x0FF9, 0x0FFA, 0x0FFB, 0x0FFE, 0x0FFF, 0x1000 - 1,
		0x3000, 0x3007, 0x3008, 0x3013, 0x340D, 0x340F, 0x3414, 0x35DF, 0x3FD9, 0x3FFA, 0x3FFB, 0x3FF8, 0x3FF9, 0x4022, 0x4023, 0x4024, 0x4025, 0x4038, 0x4039, 0x4059, 0x405A,
		0x65E0, 0x65E1, 0x65E2, 0x65E3, 0x664A, 0x666C, 0x6705, 0x6708, 0x6709, 0x670A, 0x670B, 0x670F, 0x6740, 0x6746, 0x6748, 0x6749, 0x674A, 0x674D, 0x674E, 0x674F, 0x67A4, 0x67AA,
		0x1097, 0x1213, 0x5FF6, 0x5FFD, 0x5FFF, 0x5FDE, 0x5FDF, 0x3900, 0x0E28, 0x0E29, 0x0F03, 0x66A0,
	} {
		set[id] = true
	}
	return set
}()

// lacking lists what of want is missing in got or differs.
func lacking(want, got *mapi.Message) (diff []string) {
	add := func(where string, p mapi.Property, what string) {
		diff = append(diff, where+p.String()+" "+what)
	}
	compare := func(where string, w, g mapi.Properties) {
		for _, p := range w {
			if p.Name == nil && computed[p.Tag.ID()] {
				continue
			}
			var v mapi.Value
			var ok bool
			if p.Name != nil {
				v, ok = g.GetName(*p.Name)
			} else if q, found := g.GetID(p.Tag.ID()); found {
				v, ok = q.Value, true
			}
			switch {
			case !ok:
				add(where, p, "is gone")
			case !sameValue(p.Value, v):
				add(where, p, "is another value")
			}
		}
	}
	compare("", want.Props, got.Props)
	if len(want.Recipients) != len(got.Recipients) {
		diff = append(diff, fmt.Sprintf("%d recipients became %d", len(want.Recipients), len(got.Recipients)))
	} else {
		for i, r := range want.Recipients {
			compare(fmt.Sprintf("recipient %d ", i), r.Props, got.Recipients[i].Props)
		}
	}
	if len(want.Attachments) != len(got.Attachments) {
		return append(diff, fmt.Sprintf("%d attachments became %d", len(want.Attachments), len(got.Attachments)))
	}
	for i, a := range want.Attachments {
		b := got.Attachments[i]
		compare(fmt.Sprintf("attachment %d ", i), a.Props, b.Props)
		switch {
		case (a.Embedded == nil) != (b.Embedded == nil):
			diff = append(diff, fmt.Sprintf("the message in attachment %d is gone", i))
		case a.Embedded != nil:
			diff = append(diff, lacking(a.Embedded, b.Embedded)...)
		}
	}
	return diff
}

// sameValue compares values of at most [proofValue] bytes. Text counts as text,
// as a store may keep it in UTF-16.
func sameValue(a, b mapi.Value) bool {
	if a.Type().IsString() && b.Type().IsString() {
		x, y := a.Texts(), b.Texts()
		if !a.Type().Multi() {
			x, y = []string{a.Text()}, []string{b.Text()}
		}
		return strings.Join(x, "\x00") == strings.Join(y, "\x00")
	}
	if a.Type() != b.Type() {
		return false
	}
	if a.Type().Multi() {
		x, y := a.Elems(), b.Elems()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if string(x[i]) != string(y[i]) {
				return false
			}
		}
		return true
	}
	ctx := context.Background()
	x, err1 := mapi.ReadBlob(ctx, a.Blob(), 2*proofValue)
	y, err2 := mapi.ReadBlob(ctx, b.Blob(), 2*proofValue)
	return err1 == nil && err2 == nil && string(x) == string(y)
}
