package mime

import "github.com/mailconv/mailconv/mapi"

// AttachmentName is the best name that an attachment has for a file: its long
// name, short name, display name, the subject of an embedded message, else one
// made from its type. It is text from the message and may hold anything.
func AttachmentName(a *mapi.Attachment) string {
	name, _ := storedName(a)
	if name != "" {
		return name
	}
	if a.Embedded != nil {
		return "message"
	}
	return "attachment" + attachmentExt(a)
}

// storedName is the name that the attachment itself gives; file says that it
// was meant as the name of a file.
func storedName(a *mapi.Attachment) (name string, file bool) {
	for _, tag := range []mapi.Tag{mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename} {
		if name = fileName(a.Props.Text(tag)); name != "" {
			return name, true
		}
	}
	if name = fileName(a.Props.Text(mapi.PidTagDisplayName)); name == "" && a.Embedded != nil {
		name = fileName(a.Embedded.Props.Text(mapi.PidTagSubject))
	}
	return name, false
}

// attachmentExt is the extension of an attachment without a name.
func attachmentExt(a *mapi.Attachment) string {
	ext := fileName(a.Props.Text(mapi.PidTagAttachExtension))
	switch {
	case ext == "":
		return extensionOf(mediaType(a.Props.Text(mapi.PidTagAttachMimeTag)))
	case ext[0] != '.':
		return "." + ext
	}
	return ext
}

// Extension is the usual extension of files of a media type, with its dot.
func Extension(mediaType string) string { return extensionOf(mediaType) }
