package mapihttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/spool"
)

const (
	// valueLimit is the largest value that comes with others; larger ones are
	// read as streams.
	valueLimit = 8 << 10
	// streamPiece is how much of a stream one operation carries.
	streamPiece = 30000
	// setBytes bounds the values that one operation sets.
	setBytes = 24 << 10
)

// An object is one that is open at the server. It keeps a session for itself
// until it is closed, and is not for use by several goroutines.
type object struct {
	st     *Store
	s      *session
	handle uint32
	op     string
	f      transport.Folder
	key    transport.Key
	bufs   []*spool.Buffer
	closed bool
}

func (o *object) fail(err error) error { return fail(o.op, o.f, o.key, err) }

// do sends a batch and gives the first error.
func (o *object) do(ctx context.Context, b *batch) error {
	if o.closed {
		return errClosed
	}
	if err := b.do(ctx); err != nil {
		return o.fail(err)
	}
	return o.fail(b.first())
}

// Close gives the object back to the server. What was not saved is gone. Values
// that were too large for memory cannot be read any further.
func (o *object) Close() error {
	if o.closed {
		return nil
	}
	o.closed = true
	o.s.free(o.handle)
	o.st.give(o.s)
	var err error
	for _, b := range o.bufs {
		err = errors.Join(err, b.Close())
	}
	return err
}

// Properties reads properties, all where no tags are given. Those that are not
// there are left out. Named properties have their names. Large values are blobs
// that live until Close.
func (o *object) Properties(ctx context.Context, tags ...mapi.Tag) (mapi.Properties, error) {
	if len(tags) == 0 {
		b := o.s.batch(o.op)
		n := b.in(b.put(o.handle), &rop.GetPropertiesList{})
		if err := o.do(ctx, b); err != nil {
			return nil, err
		}
		a, ok := b.result(n).(*rop.GetPropertiesListResult)
		if !ok {
			return nil, o.fail(b.err(n))
		}
		tags = a.Tags
	}
	var out mapi.Properties
	const page = 300
	for len(tags) > 0 {
		part := tags[:min(page, len(tags))]
		tags = tags[len(part):]
		b := o.s.batch(o.op)
		n := b.in(b.put(o.handle), &rop.GetPropertiesSpecific{PropertySizeLimit: valueLimit, WantUnicode: 1, Tags: part})
		if err := o.do(ctx, b); err != nil {
			return nil, err
		}
		a, ok := b.result(n).(*rop.GetPropertiesSpecificResult)
		if !ok {
			return nil, o.fail(b.err(n))
		}
		for i, v := range a.Row.Values {
			tag := part[i]
			if v.Type() != mapi.TypeErrorCode || tag.Type() == mapi.TypeErrorCode {
				if v.Type() != mapi.TypeUnspecified {
					out = append(out, mapi.Property{Tag: tag.WithType(v.Type()), Value: v})
				}
				continue
			}
			code, _ := v.Int()
			if rop.Code(uint32(code)) != rop.OutOfMemory {
				continue
			}
			blob, err := o.read(ctx, tag)
			if err != nil {
				return nil, err
			}
			out = append(out, mapi.Property{Tag: tag, Value: mapi.BlobValue(tag.Type(), blob)})
		}
	}
	if err := o.st.nameProperties(ctx, o.s, out); err != nil {
		return nil, o.fail(err)
	}
	return out, nil
}

// read reads one value as a stream into the spool.
func (o *object) read(ctx context.Context, tag mapi.Tag) (mapi.Blob, error) {
	b := o.s.batch(o.op)
	open := b.out(b.put(o.handle), &rop.OpenStream{Tag: tag})
	n := b.in(b.index(open), &rop.ReadStream{ByteCount: streamPiece})
	if err := o.do(ctx, b); err != nil {
		return nil, err
	}
	stream := b.handle(open)
	defer o.s.free(stream)
	buf := o.st.spool.Create()
	o.bufs = append(o.bufs, buf)
	for {
		a, ok := b.result(n).(*rop.ReadStreamResult)
		if !ok {
			return nil, o.fail(b.err(n))
		}
		if _, err := buf.Write(a.Data); err != nil {
			return nil, &transport.Error{Kind: transport.Unavailable, Op: o.op, Err: err}
		}
		if len(a.Data) == 0 {
			return buf.Blob()
		}
		b = o.s.batch(o.op)
		n = b.in(b.put(stream), &rop.ReadStream{ByteCount: streamPiece})
		if err := o.do(ctx, b); err != nil {
			return nil, err
		}
	}
}

// Set changes properties. Named ones are told by their Name. Values of any size
// are written; they are kept with Save.
func (o *object) Set(ctx context.Context, props mapi.Properties) error {
	ps, err := o.st.tagProperties(ctx, o.s, props)
	if err != nil {
		return o.fail(err)
	}
	var small mapi.Properties
	var bytes int64
	flush := func() error {
		if len(small) == 0 {
			return nil
		}
		b := o.s.batch(o.op)
		n := b.in(b.put(o.handle), &rop.SetProperties{Props: small})
		if err := o.do(ctx, b); err != nil {
			return err
		}
		small, bytes = nil, 0
		return o.fail(problems(b.result(n)))
	}
	for _, p := range ps {
		size := p.Value.Size() + 16
		if size > valueLimit && !p.Value.Type().Multi() {
			if err := o.write(ctx, p.Tag, p.Value.Blob()); err != nil {
				return err
			}
			continue
		}
		if bytes+size > setBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		small, bytes = append(small, p), bytes+size
	}
	return flush()
}

// problems are the properties that a server did not change.
func problems(a rop.Body) error {
	r, ok := a.(*rop.PropertyProblemsResult)
	if !ok || len(r.Problems) == 0 {
		return nil
	}
	p := r.Problems[0]
	name := p.Tag.Canonical()
	if name == "" {
		name = p.Tag.String()
	}
	return fmt.Errorf("%s was not changed: %w", name, p.Code)
}

// write writes one value as a stream.
func (o *object) write(ctx context.Context, tag mapi.Tag, content mapi.Blob) error {
	r, err := content.Open(ctx)
	if err != nil {
		return o.fail(err)
	}
	defer r.Close()
	b := o.s.batch(o.op)
	open := b.out(b.put(o.handle), &rop.OpenStream{Tag: tag, OpenModeFlags: rop.Create})
	at := b.index(open)
	stream := rop.NoHandle
	buf := make([]byte, streamPiece)
	for last := false; !last; {
		n, err := io.ReadFull(r, buf)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return o.fail(err)
		}
		last = err != nil
		put := -1
		if n > 0 {
			put = b.in(at, &rop.WriteStream{Data: buf[:n]})
		}
		if last {
			b.in(at, &rop.CommitStream{})
			b.in(at, &rop.Release{})
		}
		if err := o.do(ctx, b); err != nil {
			if stream != rop.NoHandle {
				o.s.free(stream)
			}
			return err
		}
		if put >= 0 {
			if a, ok := b.result(put).(*rop.WriteStreamResult); !ok || int(a.WrittenSize) != n {
				return o.fail(errors.New("the server did not take the whole piece of a stream"))
			}
		}
		if stream == rop.NoHandle {
			stream = b.handle(open)
		}
		b = o.s.batch(o.op)
		at = b.put(stream)
	}
	return nil
}

// Delete removes properties: by tag, or by name where a property has one.
func (o *object) Delete(ctx context.Context, props mapi.Properties) error {
	var tags []mapi.Tag
	for _, p := range props {
		tag := p.Tag
		if p.Name != nil {
			ids, err := o.st.propertyIDs(ctx, o.s, []mapi.Name{*p.Name}, false)
			if err != nil {
				return o.fail(err)
			}
			if ids[0] == 0 {
				continue
			}
			tag = mapi.NewTag(ids[0], p.Tag.Type())
		}
		tags = append(tags, tag)
	}
	if len(tags) == 0 {
		return nil
	}
	b := o.s.batch(o.op)
	n := b.in(b.put(o.handle), &rop.DeleteProperties{Tags: tags})
	if err := o.do(ctx, b); err != nil {
		return err
	}
	return o.fail(problems(b.result(n)))
}

// hold takes a session for an object. open adds the operation that opens it.
func (st *Store) hold(ctx context.Context, o *object, open func(b *batch) int) error {
	for try := 0; ; try++ {
		s, err := st.take(ctx)
		if err != nil {
			return err
		}
		b := s.batch(o.op)
		n := open(b)
		err = b.do(ctx)
		if err == nil {
			err = b.first()
		}
		if err == nil {
			o.st, o.s, o.handle = st, s, b.handle(n)
			s.free(slices.DeleteFunc(b.made(), func(h uint32) bool { return h == o.handle })...)
			return nil
		}
		st.give(s)
		if try == 0 && contextLost(err) {
			st.drop()
			continue
		}
		return o.fail(err)
	}
}

// A FolderObject is an open folder. It takes one of the store's sessions until
// it is closed.
type FolderObject struct{ object }

// OpenFolder opens a folder to read and set its properties, which are kept at
// once.
func (st *Store) OpenFolder(ctx context.Context, f transport.Folder) (*FolderObject, error) {
	id, err := st.folderID(ctx, "open", f)
	if err != nil {
		return nil, err
	}
	o := &FolderObject{object{op: "open", f: f}}
	return o, st.hold(ctx, &o.object, func(b *batch) int {
		return b.out(b.put(b.s.logon), &rop.OpenFolder{FolderID: id})
	})
}
