// Package timezone reads and writes the time zones of calendar objects
// ([MS-OXOCAL] 2.2.1.39 to 2.2.1.43) and knows which IANA zone a Windows zone
// is.
//
// Start from [Definition], the rules of a zone by year, and from [Zone], which
// turns the time on the clock into an instant and back. [ParseDefinition] and
// [ParseStruct] read the binary properties; [Define] makes rules out of any
// Zone; [Load] opens an IANA zone and [Windows] and [IANA] translate names.
//
// The time on a clock is a [time.Time] in [time.UTC] whose year to second are
// what the clock shows; nothing here depends on the local zone or on the zone
// files of the machine: the IANA data are part of the package.
//
// The tables come from CLDR (windowsZones.xml) and from the zone data of the
// Go release; mapi/internal/zonesgen writes them.
//
// Not supported: years with more than two changes of the clock as rules (the
// first two are taken), and offsets in seconds.
package timezone

//go:generate go run ../internal/zonesgen
