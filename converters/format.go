package converters

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// An Input is a file to be read.
type Input struct {
	// Name is used in messages and to derive names of outputs; "-" is
	// standard input.
	Name string
	R    io.ReaderAt
	Size int64
}

// An Item is one message of a file.
type Item struct {
	*transport.Content
	Meta transport.Meta
	// Err is about this item; Content may then hold its raw bytes.
	Err error
}

// A Format is a form of single files.
type Format struct {
	// Name is what --to takes.
	Name string
	// Ext is the usual extension, with its dot.
	Ext string
	// Summary is one line for the help.
	Summary string
	// Many says that one file can hold many items.
	Many bool

	// sniff reports whether a file begins like this format. Where several
	// do, the first of the list wins.
	sniff func(head []byte, name string) bool
	// read yields the items of a file; nil when the format is only written.
	// Content may be used until the next item is asked for.
	read func(ctx context.Context, in *Input, cv *Converter) iter.Seq2[*Item, error]
	// flags says that a file of the format keeps what [Item.Meta] says of
	// flags and keywords.
	flags bool

	// open opens a file that holds a tree of folders; nil for all others.
	// With brief the list of its items need not tell flags and keywords.
	open func(in *Input, cv *Converter, brief bool) (transport.Source, error)
	// write writes one item, and returns with the content the losses of the
	// way; nil when the format is only read.
	write func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error
	// together writes many items into one file: add each, then close. nil: a
	// file is one item written behind the other.
	together func(ctx context.Context, w io.Writer, cv *Converter) (add func(*Item) error, done func() error)
}

// A NoFormError says that a format has no place for items of a class.
type NoFormError struct{ Format, Class string }

func (e *NoFormError) Error() string {
	return fmt.Sprintf("an item of class %s has no form in %s; eml and msg hold it", e.Class, e.Format)
}

// writer writes items into one file, one behind the other.
func (f *Format) writer(ctx context.Context, w io.Writer, cv *Converter) (add func(*Item) error, done func() error) {
	if f.together != nil {
		return f.together(ctx, w, cv)
	}
	return func(it *Item) error { return f.Write(ctx, w, it, cv) }, func() error { return nil }
}

// Tree reports whether a file of the format holds a tree of folders.
func (f *Format) Tree() bool { return f.open != nil }

// Readable and Writable say in which directions the format goes.
func (f *Format) Readable() bool { return f.read != nil }

// Writable reports whether the format can be written.
func (f *Format) Writable() bool { return f.write != nil }

// formats in the order in which they are sniffed: the certain ones first.
var formats = []*Format{pstFormat, olmFormat, msgFormat, oftFormat, tnefFormat, ftsFormat, icsFormat, vcfFormat, mboxFormat, emlxFormat, jsonFormat, mhtFormat, emlFormat, htmlFormat}

// Formats lists all single-file formats.
func Formats() []*Format { return slices.Clone(formats) }

// FormatNames lists the names of the formats that can be written.
func FormatNames() []string {
	var names []string
	for _, f := range formats {
		if f.Writable() {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}

// ByName finds a format by its name or extension.
func ByName(name string) (*Format, bool) {
	name = strings.ToLower(strings.TrimPrefix(name, "."))
	for _, f := range formats {
		if f.Name == name || f.Ext == "."+name {
			return f, true
		}
	}
	return nil, false
}

// sniffSize is how much of a file is looked at.
const sniffSize = 4096

// Sniff tells the format of a file from its first bytes; the name only decides
// between formats that look alike (.msg and .oft). It returns nil for a file
// of no known format.
func Sniff(in *Input) (*Format, error) {
	head := make([]byte, min(sniffSize, max(in.Size, 0)))
	n, err := in.R.ReadAt(head, 0)
	if n < len(head) && err != nil && err != io.EOF {
		return nil, err
	}
	head = head[:n]
	for _, f := range formats {
		if f.read != nil && f.sniff(head, in.Name) {
			return f, nil
		}
	}
	return nil, nil
}

// Read yields the items of a file whose format is known.
func (f *Format) Read(ctx context.Context, in *Input, cv *Converter) iter.Seq2[*Item, error] {
	if f.read == nil {
		return func(yield func(*Item, error) bool) {
			yield(nil, fmt.Errorf("%s files are written, not read", f.Name))
		}
	}
	return f.read(ctx, in, cv)
}

// Write writes one item. Losses of the conversion are appended to the item's
// content.
func (f *Format) Write(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
	if f.write == nil {
		return fmt.Errorf("%s files are read, not written; possible are %s", f.Name, strings.Join(FormatNames(), ", "))
	}
	return f.write(ctx, w, it, cv)
}

func hasExt(name, ext string) bool { return strings.EqualFold(filepath.Ext(name), ext) }

func hasPrefix(head []byte, s string) bool { return bytes.HasPrefix(head, []byte(s)) }

// one is the sequence of a file with a single item.
func one(read func() (*Item, error)) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		it, err := read()
		if err != nil {
			yield(nil, err)
			return
		}
		defer it.Close()
		yield(it, nil)
	}
}
