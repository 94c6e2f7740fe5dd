package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mapihttp"
)

// liveAddress reports whether an input is an item on a server.
func liveAddress(name string) (transport.Address, bool) {
	a, err := transport.ParseAddress(name)
	return a, err == nil && a.Scheme == "mapihttp"
}

// inspectLive looks into an item on a server, after it changed what set holds.
func inspectLive(c *cli.Context, a transport.Address, set mapi.Properties, props bool) (*converters.Node, error) {
	path := transport.ParsePath(a.Path)
	if len(path) < 2 {
		return nil, usagef("name an item by folder and key, as in mapihttp://zoe@mail.example/Inbox/1-30000; ls -l shows keys")
	}
	f, key := transport.Folder{Path: path[:len(path)-1]}, transport.Key(path[len(path)-1])
	env, prepared, err := storeAccess(c, sourceRole, nil, a)
	if err != nil {
		return nil, err
	}
	st, err := mapihttp.OpenAddress(c.Context, prepared, env)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	if len(set) > 0 {
		m, err := st.OpenMessage(c.Context, f, key)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		if err := m.Set(c.Context, set); err != nil {
			return nil, err
		}
		if _, err := m.Save(c.Context); err != nil {
			return nil, err
		}
		if err := m.Close(); err != nil {
			return nil, err
		}
	}
	var n *converters.Node
	for fe, err := range st.Fetch(c.Context, f, []transport.Key{key}, []transport.Form{transport.FormObject}) {
		if err == nil {
			err = fe.Err
		}
		if err != nil {
			return nil, err
		}
		n, err = converters.Describe(c.Context, &converters.Item{Content: fe.Content}, &converters.Converter{}, props)
		fe.Content.Close()
		if err != nil {
			return nil, err
		}
	}
	return n, nil
}

// parseSets reads the values of --set.
func parseSets(list []string) (set mapi.Properties, err error) {
	for _, s := range list {
		p, err := parseSet(s)
		if err != nil {
			return nil, err
		}
		set = append(set, p)
	}
	return set, nil
}

// parseSet reads NAME=VALUE. A name is one of the specification, a tag of eight
// hexadecimal digits, or {property set}:name for a text of one's own.
func parseSet(s string) (mapi.Property, error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return mapi.Property{}, usagef("--set %s: give NAME=VALUE", s)
	}
	p := mapi.Property{}
	t := mapi.TypeUnspecified
	if tag, ok := mapi.LookupTag(name); ok {
		p.Tag, t = tag, tag.Type()
	} else if n, ok := mapi.LookupName(name); ok {
		p.Name, t = &n, n.Type()
	} else if n, err := strconv.ParseUint(strings.TrimPrefix(name, "0x"), 16, 32); err == nil && len(strings.TrimPrefix(name, "0x")) == 8 {
		p.Tag, t = mapi.Tag(n), mapi.Tag(n).Type()
	} else if set, text, ok := strings.Cut(name, "}:"); ok {
		g, err := mapi.ParseGUID(set + "}")
		if err != nil || text == "" {
			return p, usagef("--set %s: %s is not {property set}:name", s, name)
		}
		p.Name, t = &mapi.Name{Set: g, Name: text}, mapi.TypeString
	} else {
		return p, usagef("--set %s: there is no property %s", s, name)
	}
	v, err := parseValue(t, value)
	if err != nil {
		return p, usagef("--set %s: want %s", s, valueForm(t))
	}
	p.Value = v
	p.Tag = p.Tag.WithType(t)
	return p, nil
}

// parseValue reads a value of one type. Lists of text are separated by
// semicolons, bytes are hexadecimal, times are like 2024-01-31T12:00:00Z.
func parseValue(t mapi.Type, s string) (mapi.Value, error) {
	switch t {
	case mapi.TypeString, mapi.TypeString8:
		return mapi.StringValue(s), nil
	case mapi.TypeMultipleString, mapi.TypeMultipleString8:
		return mapi.MultiStringValue(strings.Split(s, ";")), nil
	case mapi.TypeBoolean:
		b, err := strconv.ParseBool(s)
		return mapi.BoolValue(b), err
	case mapi.TypeInteger16:
		n, err := strconv.ParseInt(s, 0, 16)
		return mapi.Int16Value(int16(n)), err
	case mapi.TypeInteger32:
		n, err := strconv.ParseInt(s, 0, 32)
		return mapi.Int32Value(int32(n)), err
	case mapi.TypeInteger64:
		n, err := strconv.ParseInt(s, 0, 64)
		return mapi.Int64Value(n), err
	case mapi.TypeFloating64:
		f, err := strconv.ParseFloat(s, 64)
		return mapi.Float64Value(f), err
	case mapi.TypeTime:
		at, err := time.Parse(time.RFC3339, s)
		return mapi.TimeValue(at), err
	case mapi.TypeGUID:
		g, err := mapi.ParseGUID(s)
		return mapi.GUIDValue(g), err
	case mapi.TypeBinary:
		b, err := hex.DecodeString(s)
		return mapi.BinaryValue(b), err
	}
	return mapi.Value{}, errNoForm
}

var errNoForm = errors.New("values of this type cannot be given")

// valueForm says how a value of a type is written.
func valueForm(t mapi.Type) string {
	switch t {
	case mapi.TypeBoolean:
		return "true or false"
	case mapi.TypeInteger16, mapi.TypeInteger32, mapi.TypeInteger64:
		return fmt.Sprintf("a whole number that fits into a %v", t)
	case mapi.TypeFloating64:
		return "a number"
	case mapi.TypeTime:
		return "a time like 2024-01-31T12:00:00Z"
	case mapi.TypeGUID:
		return "a GUID"
	case mapi.TypeBinary:
		return "bytes in hexadecimal"
	}
	return fmt.Sprintf("another property; a value of type %v cannot be given here", t)
}
