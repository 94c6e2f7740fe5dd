package wire

import (
	"strconv"
	"strings"
)

// A Kind is the syntactic kind of a [Value].
type Kind uint8

// Kinds of values.
const (
	Nil Kind = iota
	Atom
	String // quoted or literal
	List
)

// A Value is one piece of a response.
type Value struct {
	Kind Kind
	Text string // of an atom or a string
	List []Value
}

// Number is the value as an unsigned number; false when it is none.
func (v Value) Number() (uint64, bool) {
	if v.Kind != Atom && v.Kind != String {
		return 0, false
	}
	n, err := strconv.ParseUint(v.Text, 10, 64)
	return n, err == nil
}

// Is compares an atom without regard to case.
func (v Value) Is(atom string) bool { return v.Kind == Atom && strings.EqualFold(v.Text, atom) }

// AppendSet writes ascending numbers as a sequence set. RFC 9051 9,
// sequence-set
func AppendSet(dst []byte, numbers []uint32) []byte {
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(numbers[i]), 10)
		if j > i {
			dst = append(dst, ':')
			dst = strconv.AppendUint(dst, uint64(numbers[j]), 10)
		}
		i = j + 1
	}
	return dst
}

// ParseSet reads a sequence set in its order; false when it is none, holds a
// star, or has more than limit numbers.
func ParseSet(s string, limit int) ([]uint32, bool) {
	var out []uint32
	for part := range strings.SplitSeq(s, ",") {
		a, b, isRange := strings.Cut(part, ":")
		lo, err := strconv.ParseUint(a, 10, 32)
		if err != nil || lo == 0 {
			return nil, false
		}
		hi := lo
		if isRange {
			if hi, err = strconv.ParseUint(b, 10, 32); err != nil || hi == 0 {
				return nil, false
			}
		}
		if hi < lo {
			lo, hi = hi, lo
		}
		if hi-lo >= uint64(limit-len(out)) {
			return nil, false
		}
		for n := lo; n <= hi; n++ {
			out = append(out, uint32(n))
		}
	}
	return out, true
}
