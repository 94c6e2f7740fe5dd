package graphtest

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// An object is one JSON object of the wire. Its values are what encoding/json
// makes of text, and besides: [mapi.Blob], which is written as base64 without
// being held; time.Time; a list, whose elements are made when they are written.
type object = map[string]any

// A list makes the elements of an array one after the other.
type list iter.Seq[any]

// writeJSON writes a value in one pass. Names are in alphabetical order, which
// puts control information first.
func writeJSON(ctx context.Context, w io.Writer, v any) error {
	b := bufio.NewWriterSize(w, 32<<10)
	if err := writeValue(ctx, b, v); err != nil {
		return err
	}
	return b.Flush()
}

func writeValue(ctx context.Context, w *bufio.Writer, v any) error {
	switch v := v.(type) {
	case object:
		names := make([]string, 0, len(v))
		for n := range v {
			names = append(names, n)
		}
		slices.Sort(names)
		w.WriteByte('{')
		for i, n := range names {
			if i > 0 {
				w.WriteByte(',')
			}
			if err := writeValue(ctx, w, n); err != nil {
				return err
			}
			w.WriteByte(':')
			if err := writeValue(ctx, w, v[n]); err != nil {
				return err
			}
		}
		return w.WriteByte('}')
	case []any:
		return writeValue(ctx, w, list(slices.Values(v)))
	case []string:
		return writeValue(ctx, w, anys(v))
	case list:
		w.WriteByte('[')
		first := true
		for e := range v {
			if !first {
				w.WriteByte(',')
			}
			first = false
			if err := writeValue(ctx, w, e); err != nil {
				return err
			}
		}
		return w.WriteByte(']')
	case time.Time:
		_, err := w.WriteString(strconv.Quote(v.UTC().Format(dateTime)))
		return err
	case mapi.Blob:
		w.WriteByte('"')
		if err := writeBase64(ctx, w, v); err != nil {
			return err
		}
		return w.WriteByte('"')
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// dateTime is how Graph writes an Edm.DateTimeOffset of Outlook: whole seconds.
const dateTime = "2006-01-02T15:04:05Z"

func writeBase64(ctx context.Context, w io.Writer, b mapi.Blob) error {
	r, err := b.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	e := base64.NewEncoder(base64.StdEncoding, w)
	if _, err := io.Copy(e, r); err != nil {
		return err
	}
	return e.Close()
}

func anys[T any](l []T) []any {
	out := make([]any, len(l))
	for i, v := range l {
		out[i] = v
	}
	return out
}

// readJSON reads an object of a bounded size. Numbers keep their text.
func readJSON(r io.Reader) (object, error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("there is more than one value")
	}
	return o, nil
}

// Views of members: the zero value where there is none of that type.

func text(o object, name string) string { s, _ := o[name].(string); return s }

func child(o object, name string) object { c, _ := o[name].(object); return c }

func children(o object, name string) []object {
	l, _ := o[name].([]any)
	var out []object
	for _, e := range l {
		if c, ok := e.(object); ok {
			out = append(out, c)
		}
	}
	return out
}

func texts(o object, name string) []string {
	l, _ := o[name].([]any)
	var out []string
	for _, e := range l {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func whole(o object, name string) (int64, bool) {
	n, ok := o[name].(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

func truth(o object, name string) (v, ok bool) { v, ok = o[name].(bool); return v, ok }
