package mapi

import "time"

// epochDelta is the number of 100 ns intervals from 1601-01-01 to 1970-01-01.
const epochDelta = 116444736000000000

// nullFiletime is 4501-01-01 00:00, Outlook's "no date". [MS-OXOCAL] 2.2.1.29
const nullFiletime = 0x0CB34557A3DD4000

// Filetime is t in 100 ns intervals since 1601-01-01 UTC. Instants before that
// are 0. [MS-DTYP] 2.3.3
func Filetime(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	s := t.Unix()
	if s < -epochDelta/10000000 {
		return 0
	}
	return uint64(s)*10000000 + uint64(t.Nanosecond())/100 + epochDelta
}

// FiletimeTime is the instant of a FILETIME in UTC. It is false for 0 and for
// 4501-01-01 and later, which stand for "no date".
func FiletimeTime(ft uint64) (time.Time, bool) {
	if ft == 0 || ft >= nullFiletime {
		return time.Time{}, false
	}
	n := int64(ft) - epochDelta
	s := n / 10000000
	r := n % 10000000
	if r < 0 {
		s--
		r += 10000000
	}
	return time.Unix(s, r*100).UTC(), true
}
