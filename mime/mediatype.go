package mime

import "strings"

// mediaTypes maps extensions in lower case to media types. It is a table of
// our own, so that the result does not depend on the machine.
var mediaTypes = map[string]string{
	"7z": "application/x-7z-compressed", "aac": "audio/aac", "ai": "application/postscript", "aif": "audio/aiff",
	"apk": "application/vnd.android.package-archive", "asc": "application/pgp-signature", "asf": "video/x-ms-asf",
	"avi": "video/x-msvideo", "avif": "image/avif", "bin": "application/octet-stream", "bmp": "image/bmp", "bz2": "application/x-bzip2",
	"c": "text/plain", "cer": "application/x-x509-ca-cert", "css": "text/css", "csv": "text/csv", "crt": "application/x-x509-ca-cert",
	"dib": "image/bmp", "doc": "application/msword", "docm": "application/vnd.ms-word.document.macroEnabled.12",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "dot": "application/msword",
	"dotx": "application/vnd.openxmlformats-officedocument.wordprocessingml.template", "dwg": "image/vnd.dwg",
	"emf": "image/emf", "eml": "application/octet-stream", "emz": "application/x-gzip", "eps": "application/postscript",
	"epub": "application/epub+zip", "exe": "application/x-msdownload", "flac": "audio/flac", "gif": "image/gif",
	"gz": "application/gzip", "h": "text/plain", "heic": "image/heic", "htm": "text/html", "html": "text/html",
	"ico": "image/x-icon", "ics": "text/calendar", "jar": "application/java-archive", "jfif": "image/jpeg",
	"jpe": "image/jpeg", "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "text/javascript", "json": "application/json",
	"log": "text/plain", "m4a": "audio/mp4", "m4v": "video/mp4", "md": "text/markdown", "mdb": "application/msaccess",
	"mht": "application/octet-stream", "mid": "audio/midi", "midi": "audio/midi", "mkv": "video/x-matroska",
	"mov": "video/quicktime", "mp3": "audio/mpeg", "mp4": "video/mp4", "mpeg": "video/mpeg", "mpg": "video/mpeg",
	"mpp": "application/vnd.ms-project", "msg": "application/vnd.ms-outlook", "odp": "application/vnd.oasis.opendocument.presentation",
	"ods": "application/vnd.oasis.opendocument.spreadsheet", "odt": "application/vnd.oasis.opendocument.text",
	"oga": "audio/ogg", "ogg": "audio/ogg", "oft": "application/vnd.ms-outlook", "one": "application/msonenote",
	"otf": "font/otf", "p7b": "application/x-pkcs7-certificates", "p7c": "application/pkcs7-mime", "p7m": "application/pkcs7-mime",
	"p7s": "application/pkcs7-signature", "pdf": "application/pdf", "pfx": "application/x-pkcs12", "png": "image/png",
	"pot": "application/vnd.ms-powerpoint", "pps": "application/vnd.ms-powerpoint", "ppt": "application/vnd.ms-powerpoint",
	"pptm": "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation", "ps": "application/postscript",
	"psd": "image/vnd.adobe.photoshop", "pst": "application/vnd.ms-outlook-pst", "pub": "application/x-mspublisher",
	"py": "text/plain", "rar": "application/vnd.rar", "rtf": "application/rtf", "svg": "image/svg+xml", "swf": "application/x-shockwave-flash",
	"tar": "application/x-tar", "tgz": "application/gzip", "tif": "image/tiff", "tiff": "image/tiff", "ttf": "font/ttf",
	"txt": "text/plain", "vcf": "text/vcard", "vcs": "text/x-vcalendar", "vsd": "application/vnd.visio",
	"vsdx": "application/vnd.ms-visio.drawing", "wav": "audio/wav", "webm": "video/webm", "webp": "image/webp",
	"wma": "audio/x-ms-wma", "wmf": "image/wmf", "wmv": "video/x-ms-wmv", "wmz": "application/x-msmetafile",
	"woff": "font/woff", "woff2": "font/woff2", "xls": "application/vnd.ms-excel", "xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
	"xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"xlt": "application/vnd.ms-excel", "xml": "text/xml", "xps": "application/vnd.ms-xpsdocument", "zip": "application/zip",
}

const octetStream = "application/octet-stream"

// mediaTypeOf is the media type of a file name, by its extension.
func mediaTypeOf(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		if t, ok := mediaTypes[strings.ToLower(name[i+1:])]; ok {
			return t
		}
	}
	return octetStream
}

// preferredExtensions says which extension a media type has where several map
// to it.
var preferredExtensions = map[string]string{
	"image/jpeg": ".jpg", "text/plain": ".txt", "text/html": ".html", "text/rtf": ".rtf", "image/tiff": ".tif", "video/mpeg": ".mpg",
	"application/msword": ".doc", "application/vnd.ms-excel": ".xls", "application/vnd.ms-powerpoint": ".ppt",
	"application/pkcs7-mime": ".p7m", "application/x-pkcs7-mime": ".p7m", "application/x-pkcs7-signature": ".p7s",
	"application/vnd.ms-outlook": ".msg", "audio/ogg": ".ogg", "audio/midi": ".mid", "image/bmp": ".bmp", "video/mp4": ".mp4",
	"application/postscript": ".ps", "application/gzip": ".gz", "application/x-x509-ca-cert": ".cer", "image/pjpeg": ".jpg",
	"message/rfc822": ".eml", "application/xml": ".xml", "application/x-zip-compressed": ".zip", octetStream: ".bin",
}

// extensionOf is the extension of a media type with its dot, ".bin" when it is
// not known.
func extensionOf(mediaType string) string {
	if e, ok := preferredExtensions[mediaType]; ok {
		return e
	}
	best := ""
	for e, t := range mediaTypes {
		if t == mediaType && (best == "" || e < best) {
			best = e
		}
	}
	if best == "" {
		return ".bin"
	}
	return "." + best
}

// mediaType makes a media type of what is stored: lower case, without
// parameters. It is "" for what RFC 2045 5.1 does not allow.
func mediaType(s string) string {
	if i := strings.IndexByte(s, ';'); i >= 0 {
		s = s[:i]
	}
	s = strings.ToLower(strings.TrimSpace(strings.Trim(s, "\x00")))
	major, minor, ok := strings.Cut(s, "/")
	if !ok || !isToken(major) || !isToken(minor) {
		return ""
	}
	return s
}

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7F || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
