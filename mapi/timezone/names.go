package timezone

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io"
	"strings"
	"sync"
	"time"
)

// IANA is the IANA zone of a Windows zone (territory 001), as in
// "America/New_York" for "Eastern Standard Time". Case does not count.
func IANA(windows string) (string, bool) {
	s, ok := windowsZones[strings.ToLower(windows)]
	return s.iana, ok
}

// Windows is the Windows zone of an IANA zone. Case does not count.
func Windows(iana string) (string, bool) {
	i, ok := ianaZones[strings.ToLower(iana)]
	if !ok {
		return "", false
	}
	return windowsNames[i], true
}

type windowsZone struct{ iana string }

// Resolve finds the IANA zone that a name of any origin means: an IANA name,
// one with a prefix ("/vendor/version/Europe/Berlin"), a Windows name, or one
// that Outlook shows ("(UTC+01:00) ...", where the words behind are a Windows
// name).
func Resolve(name string) (iana string, ok bool) {
	s := strings.ToLower(strings.Trim(strings.TrimSpace(name), `"`))
	if n, ok := zoneNames()[s]; ok {
		return n, true
	}
	if z, ok := windowsZones[s]; ok {
		return z.iana, true
	}
	if strings.HasPrefix(s, "(") {
		if i := strings.IndexByte(s, ')'); i > 0 {
			return Resolve(s[i+1:])
		}
	}
	// The last two or three parts of a path.
	if parts := strings.Split(s, "/"); len(parts) > 2 {
		for n := 3; n >= 2; n-- {
			if len(parts) > n {
				if z, ok := zoneNames()[strings.Join(parts[len(parts)-n:], "/")]; ok {
					return z, true
				}
			}
		}
	}
	return "", false
}

//go:embed zoneinfo.zip
var zoneinfo []byte

// archive opens the zone data once.
var archive = sync.OnceValue(func() *zip.Reader {
	r, err := zip.NewReader(bytes.NewReader(zoneinfo), int64(len(zoneinfo)))
	if err != nil {
		return &zip.Reader{} // the data are part of the program; a test holds them
	}
	return r
})

// zoneNames are the IANA names by their lower-case form.
var zoneNames = sync.OnceValue(func() map[string]string {
	m := make(map[string]string, len(archive().File))
	for _, f := range archive().File {
		m[strings.ToLower(f.Name)] = f.Name
	}
	return m
})

var locations sync.Map // string -> *time.Location

// Load opens an IANA zone of the data of this package. Case does not count.
func Load(iana string) (Location, bool) {
	name, ok := zoneNames()[strings.ToLower(iana)]
	if !ok {
		return Location{}, false
	}
	if l, ok := locations.Load(name); ok {
		return Location{l.(*time.Location)}, true
	}
	f, err := archive().Open(name)
	if err != nil {
		return Location{}, false
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return Location{}, false
	}
	l, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return Location{}, false
	}
	locations.Store(name, l)
	return Location{l}, true
}
