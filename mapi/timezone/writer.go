package timezone

import (
	"encoding/binary"

	"github.com/mailconv/mailconv/mapi"
)

// AppendStruct writes a rule as PidLidTimeZoneStruct. [MS-OXOCAL] 2.2.1.39
func AppendStruct(b []byte, r Rule) []byte {
	b = appendI32(b, r.Bias)
	b = appendI32(b, r.StandardBias)
	b = appendI32(b, r.DaylightBias)
	b = appendU16(b, r.Standard.Year)
	b = appendDate(b, r.Standard)
	b = appendU16(b, r.Daylight.Year)
	return appendDate(b, r.Daylight)
}

// AppendDefinition writes a zone as PidLidAppointmentTimeZoneDefinitionRecur
// and its siblings. A name is cut after 260 characters. [MS-OXOCAL] 2.2.1.41
func AppendDefinition(b []byte, d Definition) []byte {
	name := mapi.EncodeUTF16(d.KeyName)
	name = name[:min(len(name), 520)]
	rules := d.Rules[:min(len(d.Rules), maxRules)]
	b = append(b, 2, 1)
	b = appendU16(b, uint16(2+2+len(name)+2))
	b = appendU16(b, 2)
	b = appendU16(b, uint16(len(name)/2))
	b = append(b, name...)
	b = appendU16(b, uint16(len(rules)))
	for _, r := range rules {
		b = append(b, 2, 1)
		b = appendU16(b, 0x3E)
		b = appendU16(b, r.Flags)
		b = appendU16(b, r.Year)
		b = append(b, r.Reserved[:]...)
		b = appendI32(b, r.Bias)
		b = appendI32(b, r.StandardBias)
		b = appendI32(b, r.DaylightBias)
		b = appendDate(b, r.Standard)
		b = appendDate(b, r.Daylight)
	}
	return b
}

func appendDate(b []byte, d Date) []byte {
	for _, n := range [...]uint16{d.Year, d.Month, d.DayOfWeek, d.Day, d.Hour, d.Minute, d.Second, d.Milliseconds} {
		b = appendU16(b, n)
	}
	return b
}

func appendU16(b []byte, n uint16) []byte { return binary.LittleEndian.AppendUint16(b, n) }
func appendI32(b []byte, n int32) []byte  { return binary.LittleEndian.AppendUint32(b, uint32(n)) }
