package converters

import (
	"context"
	"errors"
	"io"
	"iter"
)

// A FileItem is an item with the name of its file.
type FileItem struct {
	File string
	*Item
}

// ReadFiles yields the items of files, whose formats are recognised. "-" is
// stdin. An error comes with the file it is about, and the sequence goes on.
// Content may be used until the next item is asked for. Archives are not taken.
func ReadFiles(ctx context.Context, names []string, stdin io.Reader, cv *Converter) iter.Seq2[FileItem, error] {
	b := &Batch{Stdin: stdin, Converter: cv}
	return func(yield func(FileItem, error) bool) {
		for _, name := range names {
			if !b.readFile(ctx, name, cv, yield) {
				return
			}
		}
	}
}

func (b *Batch) readFile(ctx context.Context, name string, cv *Converter, yield func(FileItem, error) bool) bool {
	in, release, err := b.open(ctx, name)
	if err != nil {
		return yield(FileItem{File: name}, plainPathError(err))
	}
	defer release()
	f, err := Sniff(in)
	if err == nil && f == nil {
		err = unknownFormat(in)
	}
	if err == nil && f.Tree() {
		err = errors.New("is an archive; convert it to files first")
	}
	if err != nil {
		return yield(FileItem{File: name}, plainPathError(err))
	}
	for it, err := range f.Read(ctx, in, cv) {
		if !yield(FileItem{name, it}, err) {
			return false
		}
	}
	return true
}
