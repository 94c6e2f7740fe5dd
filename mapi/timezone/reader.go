package timezone

import (
	"encoding/binary"
	"fmt"

	"github.com/mailconv/mailconv/mapi"
)

// Sizes of the structures, in bytes.
const (
	structSize = 48
	ruleSize   = 66
	// maxRules is what [MS-OXOCAL] 2.2.1.41 allows.
	maxRules = 1024
)

// ParseStruct reads PidLidTimeZoneStruct: one rule, without a name. [MS-OXOCAL]
// 2.2.1.39
func ParseStruct(b []byte) (Rule, error) {
	if len(b) < structSize {
		return Rule{}, &mapi.FormatError{Format: "timezone", Problem: mapi.Problem{
			Offset: int64(len(b)), Field: "PidLidTimeZoneStruct",
			Detail: fmt.Sprintf("%d bytes instead of %d; the rule is not read", len(b), structSize), Spec: "[MS-OXOCAL] 2.2.1.39",
		}}
	}
	r := Rule{
		Flags:        Effective | RecurCurrent,
		Bias:         i32(b),
		StandardBias: i32(b[4:]),
		DaylightBias: i32(b[8:]),
		Standard:     date(b[14:]),
		Daylight:     date(b[32:]),
	}
	return r, r.check()
}

// ParseDefinition reads PidLidAppointmentTimeZoneDefinitionRecur and its
// siblings. Rules that are cut off are left out, with a problem. [MS-OXOCAL]
// 2.2.1.41
func ParseDefinition(b []byte) (Definition, mapi.Problems, error) {
	var d Definition
	var problems mapi.Problems
	bad := func(off int, field, format string, args ...any) error {
		return &mapi.FormatError{Format: "timezone", Problem: mapi.Problem{
			Offset: int64(off), Field: field, Detail: fmt.Sprintf(format, args...), Spec: "[MS-OXOCAL] 2.2.1.41",
		}}
	}
	if len(b) < 10 {
		return d, nil, bad(len(b), "cbHeader", "%d bytes are no time zone definition", len(b))
	}
	if b[0] != 2 {
		return d, nil, bad(0, "bMajorVersion", "version %d instead of 2", b[0])
	}
	name := int(u16(b[6:])) * 2
	if 8+name+2 > len(b) {
		return d, nil, bad(6, "cchKeyName", "a name of %d bytes does not fit into %d", name, len(b))
	}
	d.KeyName = mapi.DecodeUTF16(b[8 : 8+name])
	pos := 8 + name
	count := int(u16(b[pos:]))
	pos += 2
	// The header may be longer than this version of it.
	if h := 4 + int(u16(b[2:])); h > pos && h <= len(b) {
		pos = h
	}
	if count > maxRules {
		problems.Add(mapi.Problem{Offset: int64(pos), Field: "cRules", Detail: fmt.Sprintf("%d rules, more than %d", count, maxRules), Spec: "[MS-OXOCAL] 2.2.1.41"})
		count = maxRules
	}
	for i := range count {
		if pos+ruleSize > len(b) {
			problems.Add(mapi.Problem{Offset: int64(pos), Field: "TZRules", Detail: fmt.Sprintf("rule %d of %d is cut off", i+1, count), Spec: "[MS-OXOCAL] 2.2.1.41.1"})
			break
		}
		p := b[pos:]
		r := Rule{
			Flags: u16(p[4:]), Year: u16(p[6:]),
			Bias: i32(p[22:]), StandardBias: i32(p[26:]), DaylightBias: i32(p[30:]),
			Reserved: [14]byte(p[8:22]),
			Standard: date(p[34:]), Daylight: date(p[50:]),
		}
		pos += ruleSize
		if err := r.check(); err != nil {
			problems.Add(mapi.Problem{Offset: int64(pos - ruleSize), Field: "TZRules", Detail: err.Error(), Spec: "[MS-OXOCAL] 2.2.1.41.1"})
			continue
		}
		d.Rules = append(d.Rules, r)
	}
	if len(d.Rules) == 0 {
		return d, problems, bad(pos, "TZRules", "no rule can be read")
	}
	return d, problems, nil
}

// check holds the biases against what a clock can show.
func (r *Rule) check() error {
	for _, n := range [...]int32{r.Bias, r.StandardBias, r.DaylightBias} {
		if n < -24*60 || n > 24*60 {
			return &mapi.FormatError{Format: "timezone", Problem: mapi.Problem{
				Offset: -1, Field: "lBias", Detail: fmt.Sprintf("%d minutes are more than a day; the rule is not read", n), Spec: "[MS-OXOCAL] 2.2.1.39",
			}}
		}
	}
	return nil
}

func date(b []byte) Date {
	return Date{u16(b), u16(b[2:]), u16(b[4:]), u16(b[6:]), u16(b[8:]), u16(b[10:]), u16(b[12:]), u16(b[14:])}
}

func u16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func i32(b []byte) int32  { return int32(binary.LittleEndian.Uint32(b)) }
