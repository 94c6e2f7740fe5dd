package fasttransfer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/mailconv/mailconv/mapi"
)

// A Range is a run of GLOBCNT counters, both ends included. A counter has 48
// bits; its bytes stand highest first. [MS-OXCFXICS] 2.2.2.5
type Range struct{ Low, High uint64 }

// An IDSet is the part of an IDSET or CNSET that belongs to one replica: a
// REPLID in what a server reports (deletions, read states), a REPLGUID in the
// synchronization state. [MS-OXCFXICS] 2.2.2.4
type IDSet struct {
	ReplID   uint16
	ReplGUID mapi.GUID
	// Ranges are in ascending order and do not overlap.
	Ranges []Range
}

// Contains reports whether counter is in the set.
func (s IDSet) Contains(counter uint64) bool {
	i, found := slices.BinarySearchFunc(s.Ranges, counter, func(r Range, n uint64) int {
		switch {
		case r.High < n:
			return -1
		case r.Low > n:
			return 1
		}
		return 0
	})
	return found && s.Ranges[i].Low <= counter
}

// Add puts a run of counters into the set.
func (s *IDSet) Add(r Range) {
	s.Ranges = append(s.Ranges, r)
	s.normalise()
}

// normalise sorts and joins ranges.
func (s *IDSet) normalise() {
	slices.SortFunc(s.Ranges, func(a, b Range) int {
		switch {
		case a.Low < b.Low:
			return -1
		case a.Low > b.Low:
			return 1
		}
		return 0
	})
	out := s.Ranges[:0]
	for _, r := range s.Ranges {
		if n := len(out); n > 0 && r.Low <= out[n-1].High+1 {
			out[n-1].High = max(out[n-1].High, r.High)
			continue
		}
		out = append(out, r)
	}
	s.Ranges = out
}

// Commands of a GLOBSET. Those from 1 to 6 push as many bytes.
// [MS-OXCFXICS] 2.2.2.6
const (
	cmdEnd     = 0x00
	cmdPop     = 0x50
	cmdBitmask = 0x42
	cmdRange   = 0x52
)

const counterSize = 6

// maxCounter is the largest GLOBCNT.
const maxCounter = 1<<(8*counterSize) - 1

// ParseReplIDSets reads an IDSET whose parts start with a REPLID.
// [MS-OXCFXICS] 2.2.2.4.1
func ParseReplIDSets(b []byte) ([]IDSet, error) {
	return parseSets(b, 2, func(s *IDSet, b []byte) { s.ReplID = binary.LittleEndian.Uint16(b) })
}

// ParseReplGUIDSets reads an IDSET whose parts start with a REPLGUID.
// [MS-OXCFXICS] 2.2.2.4.2
func ParseReplGUIDSets(b []byte) ([]IDSet, error) {
	return parseSets(b, 16, func(s *IDSet, b []byte) { s.ReplGUID = mapi.GUID(b) })
}

var errSetShort = errors.New("fts: an IDSET breaks off")

func parseSets(b []byte, size int, key func(*IDSet, []byte)) ([]IDSet, error) {
	var sets []IDSet
	for len(b) > 0 {
		if len(b) < size {
			return sets, errSetShort
		}
		var s IDSet
		key(&s, b[:size])
		var err error
		if b, err = s.parse(b[size:]); err != nil {
			return sets, err
		}
		sets = append(sets, s)
	}
	return sets, nil
}

// parse reads a GLOBSET and gives what follows it. [MS-OXCFXICS] 3.1.5.4.3.2
func (s *IDSet) parse(b []byte) ([]byte, error) {
	var stack []byte // high-order bytes that the next counters share
	var pushed []int // how many of them each push brought
	take := func(n int) []byte {
		if n > len(b) {
			return nil
		}
		t := b[:n]
		b = b[n:]
		return t
	}
	counter := func(low []byte) uint64 {
		var n uint64
		for _, x := range append(stack[:len(stack):len(stack)], low...) {
			n = n<<8 | uint64(x)
		}
		return n
	}
	for {
		cmd := take(1)
		if cmd == nil {
			return nil, errSetShort
		}
		switch c := cmd[0]; {
		case c == cmdEnd:
			s.normalise()
			return b, nil
		case c >= 1 && c <= counterSize:
			n := int(c)
			t := take(n)
			if t == nil {
				return nil, errSetShort
			}
			switch {
			case len(stack)+n > counterSize:
				return nil, fmt.Errorf("fts: an IDSET pushes %d bytes onto %d", n, len(stack))
			case len(stack)+n == counterSize:
				// A whole counter: it is taken and not kept.
				x := counter(t)
				s.Ranges = append(s.Ranges, Range{x, x})
			default:
				stack = append(stack, t...)
				pushed = append(pushed, n)
			}
		case c == cmdPop:
			if len(pushed) == 0 {
				return nil, errors.New("fts: an IDSET pops what was not pushed")
			}
			stack = stack[:len(stack)-pushed[len(pushed)-1]]
			pushed = pushed[:len(pushed)-1]
		case c == cmdBitmask:
			t := take(2)
			if t == nil {
				return nil, errSetShort
			}
			if len(stack) != counterSize-1 {
				return nil, fmt.Errorf("fts: an IDSET has a bit mask with %d shared bytes", len(stack))
			}
			first := counter(t[:1])
			s.Ranges = append(s.Ranges, Range{first, first})
			for i := range 8 {
				if x := first + uint64(i) + 1; t[1]&(1<<i) != 0 && x <= maxCounter {
					s.Ranges = append(s.Ranges, Range{x, x})
				}
			}
		case c == cmdRange:
			n := counterSize - len(stack)
			t := take(2 * n)
			if t == nil {
				return nil, errSetShort
			}
			r := Range{counter(t[:n]), counter(t[n:])}
			if r.Low > r.High {
				return nil, fmt.Errorf("fts: an IDSET has the range %d to %d", r.Low, r.High)
			}
			s.Ranges = append(s.Ranges, r)
		default:
			return nil, fmt.Errorf("fts: an IDSET has the command 0x%02X", c)
		}
	}
}

// AppendReplIDSets writes sets by REPLID, in ascending order.
func AppendReplIDSets(b []byte, sets []IDSet) []byte {
	sets = slices.Clone(sets)
	slices.SortStableFunc(sets, func(x, y IDSet) int { return int(x.ReplID) - int(y.ReplID) })
	for _, s := range sets {
		b = s.append(binary.LittleEndian.AppendUint16(b, s.ReplID))
	}
	return b
}

// AppendReplGUIDSets writes sets by REPLGUID, in ascending order of its bytes.
func AppendReplGUIDSets(b []byte, sets []IDSet) []byte {
	sets = slices.Clone(sets)
	slices.SortStableFunc(sets, func(x, y IDSet) int { return slices.Compare(x.ReplGUID[:], y.ReplGUID[:]) })
	for _, s := range sets {
		b = s.append(append(b, s.ReplGUID[:]...))
	}
	return b
}

// append writes a GLOBSET. Ranges with five bytes in common share them.
func (s IDSet) append(b []byte) []byte {
	s.Ranges = slices.Clone(s.Ranges)
	s.normalise()
	counter := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n)[8-counterSize:] }
	for i := 0; i < len(s.Ranges); {
		r := s.Ranges[i]
		prefix := r.Low >> 8
		j := i
		for j < len(s.Ranges) && s.Ranges[j].Low>>8 == prefix && s.Ranges[j].High>>8 == prefix {
			j++
		}
		if j-i < 2 {
			if r.Low == r.High {
				b = append(append(b, counterSize), counter(r.Low)...)
			} else {
				b = append(append(append(b, cmdRange), counter(r.Low)...), counter(r.High)...)
			}
			i++
			continue
		}
		b = append(append(b, counterSize-1), counter(r.Low)[:counterSize-1]...)
		for ; i < j; i++ {
			if r := s.Ranges[i]; r.Low == r.High {
				b = append(b, 1, byte(r.Low))
			} else {
				b = append(b, cmdRange, byte(r.Low), byte(r.High))
			}
		}
		b = append(b, cmdPop)
	}
	return append(b, cmdEnd)
}
