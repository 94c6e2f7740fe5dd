package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/transport"
)

// A Reason says why two stores differ in an item. The set is closed and
// documented in doc/verify.md.
type Reason string

// Reasons.
const (
	ReasonMissing Reason = "missing" // the sink has no such item
	ReasonExtra   Reason = "extra"   // the sink has an item that the source has not
	ReasonFailed  Reason = "failed"  // the ledger says that the copy failed

	ReasonUnlisted         Reason = "unlisted"          // a folder cannot be listed
	ReasonUnreadableSource Reason = "unreadable-source" // the item cannot be read in the source
	ReasonUnreadableSink   Reason = "unreadable-sink"   // the item cannot be read in the sink
	ReasonLevel            Reason = "level"             // the two forms do not allow the level that was asked for

	// Level bytes.
	ReasonTruncated Reason = "truncated" // the sink's mail ends before the source's
	ReasonLineEnds  Reason = "line-ends" // the same but for CR and LF
	ReasonHeader    Reason = "header"    // the body is the same, the header is not
	ReasonBody      Reason = "body"      // the body is not the same

	// Level properties.
	ReasonProperty   Reason = "property"   // a property is missing, more or different
	ReasonRecipients Reason = "recipients" // a recipient is
	ReasonAttachment Reason = "attachment" // an attachment is; also at level content

	// Level content.
	ReasonMessageID Reason = "message-id"
	ReasonDate      Reason = "date" // the date of sending
	ReasonAddresses Reason = "addresses"
	ReasonSubject   Reason = "subject"
	ReasonText      Reason = "text" // the words of the text

	// Noted at any level; no difference in content.
	ReasonRepaired Reason = "repaired" // the mail was mended on purpose, as the ledger says
	ReasonReceived Reason = "received" // the dates of arrival differ
)

// Reasons lists all reasons.
var Reasons = []Reason{
	ReasonMissing, ReasonExtra, ReasonFailed, ReasonUnlisted, ReasonUnreadableSource, ReasonUnreadableSink, ReasonLevel,
	ReasonTruncated, ReasonLineEnds, ReasonHeader, ReasonBody, ReasonProperty, ReasonRecipients, ReasonAttachment,
	ReasonMessageID, ReasonDate, ReasonAddresses, ReasonSubject, ReasonText, ReasonRepaired, ReasonReceived,
}

// Minor reports whether the difference is none in content.
func (r Reason) Minor() bool { return r == ReasonRepaired || r == ReasonReceived }

// diff compares a pair at the strongest level that it allows, or at the one
// that was asked for. The reason is "" when there is no difference.
func (v *verifier) diff(ctx context.Context, c *check, got *transport.Content) (Level, Reason, string, error) {
	level := LevelContent
	if c.c.Form == got.Form {
		level = LevelBytes
		switch {
		case got.Form == transport.FormObject:
			level = LevelProperties
		case v.o.Level == "" && v.rewrites:
			level = LevelContent
		}
		if got.Partial || c.c.Partial {
			level = LevelContent
		}
	}
	if v.o.Level != "" && v.o.Level != level {
		if v.o.Level != LevelContent {
			return v.o.Level, ReasonLevel, fmt.Sprintf("the source has the form %s, the sink %s: the strongest level is %s", c.c.Form, got.Form, level), nil
		}
		level = LevelContent
	}
	switch level {
	case LevelBytes:
		reason, detail, err := v.diffBytes(ctx, c, got)
		return level, reason, detail, err
	case LevelProperties:
		sum, err := Fingerprint(ctx, got)
		if err != nil || sum == c.sum {
			return level, "", "", err
		}
		reason, detail, err := diffObjects(ctx, c.c.Object, got.Object)
		return level, reason, detail, err
	}
	if v.r.o.Contenter == nil {
		return level, ReasonLevel, "the two forms can only be compared by content, and nothing here reads it", nil
	}
	a, err := v.r.o.Contenter.Meaning(ctx, c.c)
	if err != nil {
		return level, ReasonUnreadableSource, err.Error(), nil
	}
	b, err := v.r.o.Contenter.Meaning(ctx, got)
	if err != nil {
		return level, "", "", err
	}
	reason, detail := diffMeanings(a, b)
	return level, reason, detail, nil
}

func (v *verifier) diffBytes(ctx context.Context, c *check, got *transport.Content) (Reason, string, error) {
	sum, err := Fingerprint(ctx, got)
	if err != nil || sum == c.sum {
		return "", "", err
	}
	if c.row != nil && !c.row.Put.IsZero() && c.row.Content == c.sum && c.row.Put == sum {
		return ReasonRepaired, "", nil
	}
	return diffMails(ctx, c.c.MIME, got.MIME)
}

// diffMails says how two mails differ that are not the same.
func diffMails(ctx context.Context, a, b mapi.Blob) (Reason, string, error) {
	at, err := firstDifference(ctx, a, b, false)
	if err != nil {
		return "", "", err
	}
	if at == b.Size() && at < a.Size() {
		return ReasonTruncated, fmt.Sprintf("%d of %d bytes", b.Size(), a.Size()), nil
	}
	if n, err := firstDifference(ctx, a, b, true); err != nil {
		return "", "", err
	} else if n < 0 {
		return ReasonLineEnds, fmt.Sprintf("%d and %d bytes", a.Size(), b.Size()), nil
	}
	ha, hb := head(ctx, a, nil), head(ctx, b, nil)
	if len(ha) < headLimit && len(hb) < headLimit {
		same, err := sameFrom(ctx, a, b, int64(len(ha)), int64(len(hb)))
		if err != nil {
			return "", "", err
		}
		if same {
			return ReasonHeader, diffFields(header.Parse(ha), header.Parse(hb)), nil
		}
	}
	return ReasonBody, fmt.Sprintf("from byte %d on; %d and %d bytes", at, a.Size(), b.Size()), nil
}

// firstDifference is the offset of the first byte that differs, -1 when none
// does. With text, CR does not count.
func firstDifference(ctx context.Context, a, b mapi.Blob, text bool) (int64, error) {
	ra, err := a.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer ra.Close()
	rb, err := b.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer rb.Close()
	var x, y io.Reader = contextReader{ctx, ra}, contextReader{ctx, rb}
	if text {
		x, y = &dropCR{x}, &dropCR{y}
	}
	return compareReaders(x, y)
}

func sameFrom(ctx context.Context, a, b mapi.Blob, na, nb int64) (bool, error) {
	ra, err := a.Open(ctx)
	if err != nil {
		return false, err
	}
	defer ra.Close()
	rb, err := b.Open(ctx)
	if err != nil {
		return false, err
	}
	defer rb.Close()
	if _, err := io.CopyN(io.Discard, ra, na); err != nil {
		return false, err
	}
	if _, err := io.CopyN(io.Discard, rb, nb); err != nil {
		return false, err
	}
	at, err := compareReaders(contextReader{ctx, ra}, contextReader{ctx, rb})
	return at < 0, err
}

func compareReaders(x, y io.Reader) (int64, error) {
	bx, by := make([]byte, 32<<10), make([]byte, 32<<10)
	var off int64
	for {
		nx, ex := io.ReadFull(x, bx)
		ny, ey := io.ReadFull(y, by)
		n := min(nx, ny)
		if !bytes.Equal(bx[:n], by[:n]) {
			for i := range n {
				if bx[i] != by[i] {
					return off + int64(i), nil
				}
			}
		}
		off += int64(n)
		for _, err := range []error{ex, ey} {
			if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
				return off, err
			}
		}
		if nx != ny {
			return off, nil
		}
		if ex != nil {
			return -1, nil
		}
	}
}

type dropCR struct{ r io.Reader }

func (d *dropCR) Read(p []byte) (int, error) {
	for {
		n, err := d.r.Read(p)
		k := 0
		for _, c := range p[:n] {
			if c != '\r' {
				p[k] = c
				k++
			}
		}
		if k > 0 || err != nil || len(p) == 0 {
			return k, err
		}
	}
}

// diffFields names the header fields that differ.
func diffFields(a, b header.Fields) string {
	count := map[string]int{}
	name := map[string]string{}
	add := func(fs header.Fields, n int) {
		for _, f := range fs {
			count[string(f.Raw)] += n
			name[string(f.Raw)] = f.Name
		}
	}
	add(a, 1)
	add(b, -1)
	less, more := map[string]bool{}, map[string]bool{}
	for raw, n := range count {
		if n > 0 {
			less[name[raw]] = true
		}
		if n < 0 {
			more[name[raw]] = true
		}
	}
	var parts []string
	for n := range less {
		if more[n] {
			parts = append(parts, n+" changed")
		} else {
			parts = append(parts, n+" missing")
		}
	}
	for n := range more {
		if !less[n] {
			parts = append(parts, n+" added")
		}
	}
	if len(parts) == 0 {
		return "the fields are in another order"
	}
	return some(parts)
}

// some joins a few of many.
func some(parts []string) string {
	slices.Sort(parts)
	if len(parts) > 8 {
		return strings.Join(parts[:8], ", ") + fmt.Sprintf(" and %d more", len(parts)-8)
	}
	return strings.Join(parts, ", ")
}

// diffObjects says how two objects differ.
func diffObjects(ctx context.Context, a, b *mapi.Message) (Reason, string, error) {
	hs := newHasher(ctx)
	parts, err := diffProperties(hs, a.Props, b.Props)
	if err != nil {
		return "", "", err
	}
	if len(parts) > 0 {
		return ReasonProperty, some(parts), nil
	}
	rows := func(list []*mapi.Recipient) ([][32]byte, error) {
		var out [][32]byte
		for _, r := range list {
			ps, err := hs.properties(r.Props)
			if err != nil {
				return nil, err
			}
			out = append(out, sum(ps, 'R'))
		}
		return out, nil
	}
	ra, err := rows(a.Recipients)
	if err != nil {
		return "", "", err
	}
	rb, err := rows(b.Recipients)
	if err != nil {
		return "", "", err
	}
	if sum(ra, 'r') != sum(rb, 'r') {
		detail := fmt.Sprintf("%d and %d recipients", len(ra), len(rb))
		if len(ra) == len(rb) {
			for i := range a.Recipients {
				parts, err := diffProperties(hs, a.Recipients[i].Props, b.Recipients[i].Props)
				if err != nil {
					return "", "", err
				}
				if len(parts) > 0 {
					detail = fmt.Sprintf("recipient %d: %s", i+1, some(parts))
					break
				}
			}
		}
		return ReasonRecipients, detail, nil
	}
	if len(a.Attachments) != len(b.Attachments) {
		return ReasonAttachment, fmt.Sprintf("%d and %d attachments", len(a.Attachments), len(b.Attachments)), nil
	}
	for i := range a.Attachments {
		x, y := a.Attachments[i], b.Attachments[i]
		parts, err := diffProperties(hs, x.Props, y.Props)
		if err != nil {
			return "", "", err
		}
		if len(parts) > 0 {
			return ReasonAttachment, fmt.Sprintf("attachment %d: %s", i+1, some(parts)), nil
		}
		if x.Embedded != nil && y.Embedded != nil {
			reason, detail, err := diffObjects(ctx, x.Embedded, y.Embedded)
			if err != nil || reason != "" {
				return ReasonAttachment, fmt.Sprintf("attachment %d: %s: %s", i+1, reason, detail), err
			}
		}
	}
	// The same one by one: only the order or an OLE object is left.
	x, err := hs.message(a, 0)
	if err != nil {
		return "", "", err
	}
	y, err := hs.message(b, 0)
	if err != nil || x == y {
		return "", "", err
	}
	return ReasonAttachment, "an object in an attachment", nil
}

// diffProperties names the properties that differ.
func diffProperties(hs *hasher, a, b mapi.Properties) ([]string, error) {
	type entry struct {
		hash [32]byte
		name string
	}
	list := func(ps mapi.Properties) (map[string]entry, error) {
		out := map[string]entry{}
		for _, p := range ps {
			if Assigned(p) {
				continue
			}
			h, err := hs.property(p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p, err)
			}
			key := fmt.Sprintf("%04X", p.Tag.ID())
			if p.Name != nil {
				key = fmt.Sprintf("%s %d %s", p.Name.Set, p.Name.ID, p.Name.Name)
			}
			out[key] = entry{h, p.String()}
		}
		return out, nil
	}
	x, err := list(a)
	if err != nil {
		return nil, err
	}
	y, err := list(b)
	if err != nil {
		return nil, err
	}
	var parts []string
	for k, e := range x {
		o, ok := y[k]
		switch {
		case !ok:
			parts = append(parts, e.name+" missing")
		case o.hash != e.hash:
			parts = append(parts, e.name+" changed")
		}
	}
	for k, e := range y {
		if _, ok := x[k]; !ok {
			parts = append(parts, e.name+" added")
		}
	}
	return parts, nil
}

// diffMeanings says in which part two meanings differ first.
func diffMeanings(a, b *Meaning) (Reason, string) {
	switch {
	case a.MessageID != b.MessageID:
		return ReasonMessageID, fmt.Sprintf("%q and %q", a.MessageID, b.MessageID)
	case date(a.Date) != date(b.Date):
		return ReasonDate, fmt.Sprintf("%s and %s", date(a.Date), date(b.Date))
	case subject(a.Subject) != subject(b.Subject):
		return ReasonSubject, fmt.Sprintf("%q and %q", a.Subject, b.Subject)
	}
	for _, l := range []struct {
		name string
		a, b []string
	}{{"From", a.From, b.From}, {"To", a.To, b.To}, {"Cc", a.Cc, b.Cc}} {
		if x, y := addresses(l.a), addresses(l.b); !slices.Equal(x, y) {
			return ReasonAddresses, fmt.Sprintf("%s: %q and %q", l.name, x, y)
		}
	}
	if a.Words != b.Words {
		return ReasonText, ""
	}
	if x, y := hashes(a.Attachments), hashes(b.Attachments); !slices.Equal(x, y) {
		if len(x) != len(y) {
			return ReasonAttachment, fmt.Sprintf("%d and %d attachments", len(x), len(y))
		}
		for _, at := range a.Attachments {
			if !slices.Contains(y, at.Hash) {
				return ReasonAttachment, fmt.Sprintf("%q changed", at.Name)
			}
		}
		return ReasonAttachment, "one is there twice and another is not"
	}
	return "", ""
}
