package batch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/mailconv/mailconv/converters/migrate"
)

// A setting changes the options of a row.
type setting struct {
	many  bool // takes several values
	apply func(o *migrate.Options, values []string) error
}

// Settings lists the names of what a row can set, in their order.
func Settings() []string { return slices.Sorted(maps.Keys(settings)) }

var settings = map[string]setting{
	"folder":         list(func(o *migrate.Options) *[]string { return &o.Filter.Folders }),
	"exclude":        list(func(o *migrate.Options) *[]string { return &o.Filter.Exclude }),
	"class":          list(func(o *migrate.Options) *[]string { return &o.Filter.Classes }),
	"since":          date(func(o *migrate.Options) *time.Time { return &o.Filter.Since }),
	"before":         date(func(o *migrate.Options) *time.Time { return &o.Filter.Before }),
	"max-size":       number(func(o *migrate.Options) *int64 { return &o.Filter.MaxSize }),
	"hidden":         yes(func(o *migrate.Options) *bool { return &o.Filter.Hidden }),
	"query":          {apply: func(o *migrate.Options, v []string) error { return one(v, &o.Query) }},
	"folder-map":     {many: true, apply: folderMap},
	"keep-names":     yes(func(o *migrate.Options) *bool { return &o.NoRoles }),
	"merge":          yes(func(o *migrate.Options) *bool { return &o.Merge }),
	"non-mail":       {apply: nonMail},
	"dedupe":         yes(func(o *migrate.Options) *bool { return &o.Dedupe }),
	"mirror-deletes": yes(func(o *migrate.Options) *bool { return &o.MirrorDeletes }),
	"delete-source":  yes(func(o *migrate.Options) *bool { return &o.DeleteSource }),
	"no-flags":       yes(func(o *migrate.Options) *bool { return &o.NoFlags }),
	"no-moves":       yes(func(o *migrate.Options) *bool { return &o.NoMoves }),
	"keep-failed":    yes(func(o *migrate.Options) *bool { return &o.KeepFailed }),
	"repair":         yes(func(o *migrate.Options) *bool { return &o.Repair }),
	"bytes-per-day":  number(func(o *migrate.Options) *int64 { return &o.BytesPerDay }),
	"max-bytes":      number(func(o *migrate.Options) *int64 { return &o.MaxBytes }),
}

// apply puts a row's settings over the options of all.
func (r *Row) apply(o migrate.Options) (migrate.Options, error) {
	for _, name := range slices.Sorted(maps.Keys(r.Set)) {
		if err := settings[name].apply(&o, r.Set[name]); err != nil {
			return o, fmt.Errorf("%s: %w", name, err)
		}
	}
	return o, nil
}

func one(v []string, to *string) error {
	if len(v) != 1 {
		return errors.New("it takes one value")
	}
	*to = v[0]
	return nil
}

func list(field func(*migrate.Options) *[]string) setting {
	return setting{many: true, apply: func(o *migrate.Options, v []string) error {
		*field(o) = v
		return nil
	}}
}

func yes(field func(*migrate.Options) *bool) setting {
	return setting{apply: func(o *migrate.Options, v []string) (err error) {
		var s string
		if err := one(v, &s); err != nil {
			return err
		}
		switch s {
		case "yes":
			*field(o) = true
		case "no":
			*field(o) = false
		default:
			if *field(o), err = strconv.ParseBool(s); err != nil {
				return fmt.Errorf("want yes or no, not %q", s)
			}
		}
		return nil
	}}
}

func number(field func(*migrate.Options) *int64) setting {
	return setting{apply: func(o *migrate.Options, v []string) (err error) {
		var s string
		if err := one(v, &s); err != nil {
			return err
		}
		*field(o), err = migrate.ParseBytes(s)
		return err
	}}
}

func date(field func(*migrate.Options) *time.Time) setting {
	return setting{apply: func(o *migrate.Options, v []string) (err error) {
		var s string
		if err := one(v, &s); err != nil {
			return err
		}
		for _, layout := range []string{"2006-01-02", time.RFC3339} {
			if *field(o), err = time.Parse(layout, s); err == nil {
				return nil
			}
		}
		return fmt.Errorf("want a date as 2006-01-02 or 2006-01-02T15:04:05Z, not %q", s)
	}}
}

func folderMap(o *migrate.Options, v []string) error {
	o.Map = nil
	for _, s := range v {
		rule, ok := migrate.ParseMapRule(s)
		if !ok {
			return fmt.Errorf("want A=B, not %q", s)
		}
		o.Map = append(o.Map, rule)
	}
	return nil
}

func nonMail(o *migrate.Options, v []string) error {
	var s string
	if err := one(v, &s); err != nil {
		return err
	}
	switch s {
	case "mail":
		o.NonMail = migrate.NonMailAsMail
	case "skip":
		o.NonMail = migrate.NonMailSkip
	default:
		return fmt.Errorf("want mail or skip, not %q", s)
	}
	return nil
}
