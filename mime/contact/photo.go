package contact

import (
	"context"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/vcard"
)

// isPhoto reports whether an attachment is the picture of a contact.
// [MS-OXOCNTC] 2.2.1.8.3
func isPhoto(a *mapi.Attachment) bool {
	return a.Props.Bool(mapi.PidTagAttachmentContactPhoto) && a.Data() != nil
}

// photo makes the first PHOTO with content the picture of the contact.
func (r *cardReader) photo() {
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if l.Name != "PHOTO" || l.Data == nil || l.Data.Size() == 0 {
			continue
		}
		media := vcard.MediaType(l)
		if media == "application/octet-stream" {
			media = sniffImage(r.ctx, l.Data)
		}
		ext := imageExtension(media)
		a := &mapi.Attachment{}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, l.Data))
		a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("ContactPicture"+ext))
		a.Props.Set(mapi.PidTagAttachFilename, mapi.StringValue("Contact"+ext))
		a.Props.Set(mapi.PidTagAttachExtension, mapi.StringValue(ext))
		a.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("ContactPicture"+ext))
		a.Props.Set(mapi.PidTagAttachMimeTag, mapi.StringValue(media))
		a.Props.Set(mapi.PidTagAttachmentContactPhoto, mapi.BoolValue(true))
		a.Props.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(true))
		a.Props.Set(mapi.PidTagAttachmentFlags, mapi.Int32Value(0))
		a.Props.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
		// The line tells what else the card says of the picture.
		head := *l
		head.Data = nil
		a.Props.SetName(NameDataLine, mapi.StringValue(head.String()))
		r.atts = append(r.atts, a)
		r.props.SetName(mapi.PidLidHasPicture, mapi.BoolValue(true))
		r.used[i] = true
		return
	}
}

// photoLine writes the picture.
func photoLine(ctx context.Context, a *mapi.Attachment) vcard.Line {
	l := vcard.Line{Name: "PHOTO"}
	if kept, ok := vcard.ParseLine(a.Props.NameText(NameDataLine)); ok && kept.Name == "PHOTO" {
		l = kept
	}
	l.Data, l.Value = a.Data(), ""
	media := a.Props.Text(mapi.PidTagAttachMimeTag)
	if !strings.HasPrefix(media, "image/") {
		media = sniffImage(ctx, l.Data)
	}
	if len(l.Types()) == 0 || vcard.MediaType(&l) == "application/octet-stream" {
		l.Media = media
	}
	return l
}

// sniffImage tells an image by its first bytes. What is none of the known
// ones is taken for JPEG, as [MS-OXOCNTC] 2.2.1.8.3 has it.
func sniffImage(ctx context.Context, b mapi.Blob) string {
	r, err := b.Open(ctx)
	if err != nil {
		return "image/jpeg"
	}
	defer r.Close()
	var p [8]byte
	n, _ := io.ReadFull(r, p[:])
	switch s := string(p[:n]); {
	case strings.HasPrefix(s, "\x89PNG"):
		return "image/png"
	case strings.HasPrefix(s, "GIF8"):
		return "image/gif"
	case strings.HasPrefix(s, "BM"):
		return "image/bmp"
	}
	return "image/jpeg"
}

func imageExtension(media string) string {
	switch media {
	case "image/png":
		return ".png"
	case "image/gif":
		return ".gif"
	case "image/bmp":
		return ".bmp"
	}
	return ".jpg"
}
