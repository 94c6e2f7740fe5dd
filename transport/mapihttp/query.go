package mapihttp

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// parseQuery makes a restriction of a query; see [Store.Search].
func parseQuery(query string) (rop.Restriction, error) {
	bad := func(format string, args ...any) error {
		return &transport.Error{Kind: transport.Usage, Op: "search", Err: fmt.Errorf(format, args...)}
	}
	var all rop.And
	for _, term := range splitQuery(query) {
		name, value, ok := strings.Cut(term, ":")
		if !ok {
			all = append(all, &rop.Or{contains(mapi.PidTagSubject, term), contains(mapi.PidTagBody, term)})
			continue
		}
		if value == "" {
			return nil, bad("%s: has no value", name)
		}
		switch strings.ToLower(name) {
		case "subject":
			all = append(all, contains(mapi.PidTagSubject, value))
		case "from":
			all = append(all, &rop.Or{contains(mapi.PidTagSenderName, value), contains(mapi.PidTagSenderEmailAddress, value), contains(mapi.PidTagSenderSmtpAddress, value)})
		case "class":
			all = append(all, &rop.ContentRestriction{
				FuzzyLow: rop.Prefix, FuzzyHigh: rop.IgnoreCase, Tag: mapi.PidTagMessageClass,
				Value: mapi.Property{Tag: mapi.PidTagMessageClass, Value: mapi.StringValue(value)},
			})
		case "since", "before":
			t, err := time.Parse("2006-01-02", value)
			if err != nil {
				return nil, bad("%s:%s is not a date like 2024-01-31", name, value)
			}
			op := uint8(rop.GreaterOrEqual)
			if strings.EqualFold(name, "before") {
				op = rop.Less
			}
			tag := mapi.PidTagMessageDeliveryTime
			all = append(all, &rop.PropertyRestriction{RelOp: op, Tag: tag, Value: mapi.Property{Tag: tag, Value: mapi.TimeValue(t)}})
		case "is", "has":
			mask, set := uint32(0), uint8(1)
			switch strings.ToLower(term) {
			case "is:unread":
				mask, set = itemprops.FlagRead, 0
			case "is:read":
				mask = itemprops.FlagRead
			case "has:attachment":
				mask = itemprops.FlagHasAttach
			default:
				return nil, bad("%s is none of is:read, is:unread, has:attachment", term)
			}
			all = append(all, &rop.BitmaskRestriction{BitmapRelOp: set, Tag: mapi.PidTagMessageFlags, Mask: mask})
		default:
			return nil, bad("%s: is none of subject, from, class, since, before, is, has", name)
		}
	}
	if len(all) == 0 {
		return nil, bad("the query is empty")
	}
	return &all, nil
}

func contains(tag mapi.Tag, text string) rop.Restriction {
	return &rop.ContentRestriction{
		FuzzyLow: rop.Substring, FuzzyHigh: rop.IgnoreCase, Tag: tag,
		Value: mapi.Property{Tag: tag, Value: mapi.StringValue(text)},
	}
}

// splitQuery splits at spaces outside of double quotes.
func splitQuery(s string) (list []string) {
	var term strings.Builder
	quoted := false
	for _, r := range s + " " {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ' ' && !quoted:
			if term.Len() > 0 {
				list = append(list, term.String())
			}
			term.Reset()
		default:
			term.WriteRune(r)
		}
	}
	if term.Len() > 0 {
		list = append(list, strings.TrimSuffix(term.String(), " "))
	}
	return list
}
