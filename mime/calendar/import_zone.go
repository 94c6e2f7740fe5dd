package calendar

import (
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/ical"
)

// zoneOf is the zone of a time of a file; ok is false for a TZID that nothing
// explains, which is then read as floating. RFC 5545 3.2.19
func (im *importer) zoneOf(c *calendarInfo, d ical.DateTime) (z zone, ok bool) {
	switch {
	case d.UTC:
		utc := timezone.UTC()
		return zone{key: "UTC", Zone: &utc}, true
	case d.Date || d.TZID == "":
		return im.floating(c), true
	}
	if z, ok := im.named(c, d); ok {
		return z, true
	}
	// Read as local, under the name that it has.
	def := im.definition(c, im.floating(c), d.Clock, d.Clock)
	def.KeyName = d.TZID
	return zone{tzid: d.TZID, key: d.TZID, Zone: &def}, false
}

// named is the zone of a TZID, by its VTIMEZONE or by its name.
func (im *importer) named(c *calendarInfo, d ical.DateTime) (z zone, ok bool) {
	z = zone{tzid: d.TZID, key: d.TZID}
	iana, found := timezone.Resolve(d.TZID)
	var loc timezone.Location
	if found {
		loc, found = timezone.Load(iana)
	}
	if v := c.zones[strings.TrimSpace(d.TZID)]; v != nil {
		if list := observancesOf(v); len(list) > 0 {
			if !found || !agree(loc, list, d.Clock.AddDate(0, 0, -7), d.Clock.AddDate(2, 0, 0)) {
				z.Zone = list
				return z, true
			}
		}
	}
	if !found {
		return z, false
	}
	if w, ok := timezone.Windows(iana); ok {
		z.key = w
	}
	z.Zone = loc
	return z, true
}

// floating is the zone of times that name none: that of the options, or the one
// that the calendar names as its own (X-WR-TIMEZONE), or UTC.
func (im *importer) floating(c *calendarInfo) zone {
	if im.opt.Zone != nil {
		return zone{tzid: floating, key: im.opt.Zone.KeyName, Zone: im.opt.Zone}
	}
	if s := ical.Text(c.props.Value("X-WR-TIMEZONE")); s != "" {
		if z, ok := im.named(c, ical.DateTime{Clock: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), TZID: s}); ok {
			z.tzid = floating
			return z
		}
	}
	utc := timezone.UTC()
	return zone{tzid: floating, key: "UTC", Zone: &utc}
}

// A definitionKey names a definition that was made.
type definitionKey struct {
	calendar    *calendarInfo
	tzid, key   string
	first, last int
}

// definition is a zone as MAPI has it, for the years of an item. Definitions are
// made once.
func (im *importer) definition(c *calendarInfo, z zone, first, last time.Time) timezone.Definition {
	if d, ok := z.Zone.(*timezone.Definition); ok {
		return *d
	}
	from, to := first.Year()-1, min(max(last.Year(), first.Year())+1, first.Year()+60)
	k := definitionKey{c, z.tzid, z.key, from, to}
	if d, ok := im.definitions[k]; ok {
		return d
	}
	d := timezone.Define(z.key, z.Zone, from, to)
	if im.definitions == nil || len(im.definitions) > 1000 {
		im.definitions = make(map[definitionKey]timezone.Definition)
	}
	im.definitions[k] = d
	return d
}

// hint is the name by which a zone is written again; "" where the name in MAPI
// says it.
func (z zone) hint() string {
	if z.tzid == "" || z.tzid == floating {
		return z.tzid
	}
	if iana, ok := timezone.IANA(z.key); ok && iana == z.tzid || z.key == z.tzid {
		return ""
	}
	return z.tzid
}
