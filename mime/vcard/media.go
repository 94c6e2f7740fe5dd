package vcard

import "strings"

// mediaOfType says which media type a TYPE of PHOTO, LOGO, SOUND or KEY is.
// RFC 2426 3.1.4, 3.6.6, 3.7.2
var mediaOfType = map[string]string{
	"JPEG": "image/jpeg", "JPG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "BMP": "image/bmp",
	"TIFF": "image/tiff", "WEBP": "image/webp", "HEIC": "image/heic", "WAVE": "audio/wav", "WAV": "audio/wav", "BASIC": "audio/basic",
	"OGG": "audio/ogg", "X509": "application/pkix-cert", "PGP": "application/pgp-keys",
	"IMAGE/JPEG": "image/jpeg", "IMAGE/PNG": "image/png", "IMAGE/GIF": "image/gif",
}

// MediaType is the media type of a line with Data: what its data: URI, its
// MEDIATYPE or its TYPE says, else application/octet-stream.
func MediaType(l *Line) string {
	if l.Media != "" && !strings.ContainsAny(l.Media, ",\r\n ") {
		return l.Media
	}
	if m := l.Param("MEDIATYPE"); strings.Contains(m, "/") && !strings.ContainsAny(m, ",\r\n ") {
		return m
	}
	for _, t := range l.Types() {
		if m, ok := mediaOfType[t]; ok {
			return m
		}
	}
	return "application/octet-stream"
}

// typeOfMedia is the TYPE that 3.0 has for a media type, or "".
func typeOfMedia(media string) string {
	media, _, _ = strings.Cut(strings.ToLower(media), ";")
	switch media {
	case "", "application/octet-stream":
		return ""
	case "application/pkix-cert":
		return "X509"
	case "application/pgp-keys":
		return "PGP"
	case "audio/wav", "audio/x-wav":
		return "WAVE"
	}
	if _, sub, ok := strings.Cut(media, "/"); ok && validName(sub) && !strings.ContainsAny(sub, ":;") {
		return strings.ToUpper(sub)
	}
	return ""
}
