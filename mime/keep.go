package mime

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"

	"github.com/mailconv/mailconv/mapi"
)

// KeepSet is the property set of the properties that mailconv itself adds to a
// message. No other program has a meaning for them, and each may remove them.
var KeepSet = mapi.MustGUID("6d61696c-636f-6e76-8001-4b6570744d49")

// Properties of [KeepSet].
var (
	// NameOriginalMIME holds the bytes of the mail that a message was made
	// from. PtypBinary.
	NameOriginalMIME = mapi.Name{Set: KeepSet, Name: "OriginalMIME"}
	// NameOriginalDigest holds the digest of the message's content at the
	// time, so that a later change is noticed. PtypBinary, 32 bytes.
	NameOriginalDigest = mapi.Name{Set: KeepSet, Name: "OriginalDigest"}
)

// Keep stores the bytes of the mail that m was made from in m, together with a
// digest of m as it is now. [Export] gives the bytes back while the content is
// the same.
func Keep(ctx context.Context, m *mapi.Message, original mapi.Blob) error {
	m.Props.DeleteName(NameOriginalMIME)
	m.Props.DeleteName(NameOriginalDigest)
	sum, err := contentDigest(ctx, m)
	if err != nil {
		return err
	}
	m.Props.SetName(NameOriginalMIME, mapi.BlobValue(mapi.TypeBinary, original))
	m.Props.SetName(NameOriginalDigest, mapi.BinaryValue(sum))
	return nil
}

// Kept is the mail that m was made from, or nil when none is stored or the
// content has changed since.
func Kept(ctx context.Context, m *mapi.Message) (mapi.Blob, error) {
	v, ok := m.Props.GetName(NameOriginalMIME)
	if !ok || v.Type() != mapi.TypeBinary || v.Size() == 0 {
		return nil, nil
	}
	want, _ := m.Props.GetName(NameOriginalDigest)
	if len(want.Raw()) != sha256.Size {
		return nil, nil
	}
	sum, err := contentDigest(ctx, m)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(sum, want.Raw()) {
		return nil, nil
	}
	return v.Blob(), nil
}

// digestTags are the properties whose change makes a mail another one. What a
// store keeps for itself (flags, categories, read state, sizes, identifiers)
// is not among them.
var digestTags = []mapi.Tag{
	mapi.PidTagMessageClass, mapi.PidTagSubject, mapi.PidTagBody, mapi.PidTagHtml, mapi.PidTagBodyHtml,
	mapi.PidTagRtfCompressed, mapi.PidTagClientSubmitTime, mapi.PidTagInternetMessageId,
	mapi.PidTagInReplyToId, mapi.PidTagInternetReferences, mapi.PidTagImportance, mapi.PidTagSensitivity,
	mapi.PidTagSenderName, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderSmtpAddress,
	mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingEmailAddress,
	mapi.PidTagSentRepresentingSmtpAddress, mapi.PidTagTransportMessageHeaders,
}

var digestRecipientTags = []mapi.Tag{
	mapi.PidTagDisplayName, mapi.PidTagAddressType, mapi.PidTagEmailAddress, mapi.PidTagSmtpAddress,
}

var digestAttachmentTags = []mapi.Tag{
	mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename, mapi.PidTagAttachMimeTag,
	mapi.PidTagAttachContentId, mapi.PidTagAttachDataBinary,
}

// maxDigestDepth bounds the messages in messages that a digest enters.
const maxDigestDepth = 100

func contentDigest(ctx context.Context, m *mapi.Message) ([]byte, error) {
	h := sha256.New()
	if err := digestMessage(ctx, h, m, 0); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

func digestMessage(ctx context.Context, h hash.Hash, m *mapi.Message, depth int) error {
	if err := digestProps(ctx, h, m.Props, digestTags); err != nil {
		return err
	}
	for _, r := range m.Recipients {
		digestNumber(h, 'r', int64(r.Type()))
		if err := digestProps(ctx, h, r.Props, digestRecipientTags); err != nil {
			return err
		}
	}
	for _, a := range m.Attachments {
		digestNumber(h, 'a', int64(a.Method()))
		if err := digestProps(ctx, h, a.Props, digestAttachmentTags); err != nil {
			return err
		}
		if a.Embedded != nil && depth < maxDigestDepth {
			if err := digestMessage(ctx, h, a.Embedded, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func digestNumber(h hash.Hash, kind byte, n int64) {
	var b [9]byte
	b[0] = kind
	binary.LittleEndian.PutUint64(b[1:], uint64(n))
	h.Write(b[:])
}

// digestProps hashes each property as its place in the list, its size and its
// bytes. Text is hashed as UTF-8 without zeros at its end, so that the form of
// a string may change.
func digestProps(ctx context.Context, h hash.Hash, ps mapi.Properties, tags []mapi.Tag) error {
	for i, tag := range tags {
		v, ok := ps.Get(tag)
		if !ok || v.Size() == 0 {
			continue
		}
		if v.InMemory() {
			raw := v.Raw()
			if v.Type().IsString() {
				raw = []byte(v.Text())
			}
			digestNumber(h, byte(i), int64(len(raw)))
			h.Write(raw)
			continue
		}
		var r io.ReadCloser
		var err error
		if v.Type().IsString() {
			r, err = v.OpenText(ctx)
		} else {
			r, err = v.Blob().Open(ctx)
		}
		if err != nil {
			return err
		}
		digestNumber(h, byte(i), -1)
		n, err := io.Copy(h, r)
		r.Close()
		if err != nil {
			return err
		}
		digestNumber(h, byte(i), n)
	}
	return nil
}
