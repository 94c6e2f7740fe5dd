package mapihttptest

import (
	"bytes"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
)

// match reports whether a row fulfils a restriction; nil is always fulfilled.
// [MS-OXCDATA] 2.12
func (t *table) match(row mapi.Properties, r rop.Restriction) (bool, error) {
	switch r := r.(type) {
	case nil:
		return true, nil
	case *rop.And:
		for _, sub := range *r {
			if ok, err := t.match(row, sub); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	case *rop.Or:
		for _, sub := range *r {
			if ok, err := t.match(row, sub); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case *rop.Not:
		ok, err := t.match(row, r.Restriction)
		return !ok, err
	case *rop.CommentRestriction:
		return t.match(row, r.Restriction)
	case *rop.ExistRestriction:
		_, ok := t.names.find(row, r.Tag)
		return ok, nil
	case *rop.PropertyRestriction:
		v, ok := t.names.find(row, r.Tag)
		return ok && relation(compare(v, r.Value.Value), r.RelOp), nil
	case *rop.CompareRestriction:
		a, ok1 := t.names.find(row, r.Tag1)
		b, ok2 := t.names.find(row, r.Tag2)
		return ok1 && ok2 && relation(compare(a, b), r.RelOp), nil
	case *rop.BitmaskRestriction:
		v, ok := t.names.find(row, r.Tag)
		n, isInt := v.Int()
		return ok && isInt && (uint32(n)&r.Mask != 0) == (r.BitmapRelOp == 1), nil
	case *rop.SizeRestriction:
		v, ok := t.names.find(row, r.Tag)
		return ok && relation(int(v.Size()-int64(r.Size)), r.RelOp), nil
	case *rop.ContentRestriction:
		v, ok := t.names.find(row, r.Tag)
		return ok && content(v, r), nil
	}
	return false, rop.TooComplex
}

func relation(n int, op uint8) bool {
	switch op {
	case rop.Less:
		return n < 0
	case rop.LessOrEqual:
		return n <= 0
	case rop.Greater:
		return n > 0
	case rop.GreaterOrEqual:
		return n >= 0
	case rop.Equal:
		return n == 0
	case rop.NotEqual:
		return n != 0
	}
	return false
}

func content(v mapi.Value, r *rop.ContentRestriction) bool {
	if !v.Type().Elem().IsString() {
		a, b := v.Raw(), r.Value.Value.Raw()
		switch r.FuzzyLow {
		case rop.Substring:
			return bytes.Contains(a, b)
		case rop.Prefix:
			return bytes.HasPrefix(a, b)
		}
		return bytes.Equal(a, b)
	}
	want := r.Value.Value.Text()
	for _, text := range v.Texts() {
		if r.FuzzyHigh&(rop.IgnoreCase|rop.Loose) != 0 {
			text, want = strings.ToLower(text), strings.ToLower(want)
		}
		switch {
		case r.FuzzyLow == rop.Substring && strings.Contains(text, want),
			r.FuzzyLow == rop.Prefix && strings.HasPrefix(text, want),
			r.FuzzyLow == rop.FullString && text == want:
			return true
		}
	}
	return false
}
