package mapihttptest

import (
	"context"
	"errors"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/spool"
)

// A stream is an open property: one that is read, or one that is written, which
// becomes the property when it is committed, saved or released. [MS-OXCPRPT]
// 3.2.5.12
type stream struct {
	of   holder
	tag  mapi.Tag
	name *mapi.Name

	r    io.ReadCloser
	blob mapi.Blob
	pos  int64

	w     *spool.Buffer
	owned bool // w became the property
}

func doOpenStream(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r := body.(*rop.OpenStream)
	l, ps, err := propsOf(in)
	if err != nil {
		return nil, err
	}
	s := &stream{tag: r.Tag}
	if n, ok := l.names.name(r.Tag.ID()); ok && r.Tag.ID() >= 0x8000 {
		s.name = &n
	}
	v, has := l.names.find(ps, r.Tag)
	if has {
		if v, has = retype(v, r.Tag.Type()); !has {
			return nil, rop.NotFound
		}
	}
	if r.OpenModeFlags&0x03 == rop.ReadOnly {
		if !has {
			return nil, rop.NotFound
		}
		s.blob = v.Blob()
		x.put(s)
		return &rop.StreamSizeResult{StreamSize: uint32(s.blob.Size())}, nil
	}
	h, ok := in.(holder)
	if !ok {
		return nil, rop.NotSupported
	}
	if !has && r.OpenModeFlags&rop.Create == 0 {
		return nil, rop.NotFound
	}
	s.of, s.w = h, x.c.s.boxes.Spool().Create()
	if has && r.OpenModeFlags&rop.Create == 0 {
		from, err := v.Blob().Open(x.ctx)
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(s.w, from)
		if err := errors.Join(err, from.Close()); err != nil {
			return nil, err
		}
	}
	x.put(s)
	return &rop.StreamSizeResult{StreamSize: uint32(s.w.Size())}, nil
}

func doReadStream(x *execution, s *stream, r *rop.ReadStream) (rop.Body, error) {
	if s.blob == nil {
		return nil, rop.AccessDenied
	}
	want := int(r.ByteCount)
	if r.ByteCount == rop.LongCount {
		want = int(min(r.MaximumByteCount, 0xFFFF))
	}
	// What does not fit is left for the next time.
	want = min(want, max(x.room()-16, 0))
	if s.r == nil {
		var err error
		if s.r, err = s.blob.Open(context.WithoutCancel(x.ctx)); err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, s.r, s.pos); err != nil {
			return nil, err
		}
	}
	b := make([]byte, want)
	n, err := io.ReadFull(s.r, b)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	s.pos += int64(n)
	return &rop.ReadStreamResult{Data: b[:n]}, nil
}

func (s *stream) write(b []byte) (int, error) {
	if s.w == nil || s.owned {
		return 0, rop.AccessDenied
	}
	return s.w.Write(b)
}

func doWriteStream(_ *execution, s *stream, r *rop.WriteStream) (rop.Body, error) {
	n, err := s.write(r.Data)
	return &rop.WriteStreamResult{WrittenSize: uint16(n)}, err
}

func doWriteStreamExtended(_ *execution, s *stream, r *rop.WriteStreamExtended) (rop.Body, error) {
	n, err := s.write(r.Data)
	return &rop.StreamSizeResult{StreamSize: uint32(n)}, err
}

func doWriteAndCommit(_ *execution, s *stream, r *rop.WriteAndCommitStream) (rop.Body, error) {
	n, err := s.write(r.Data)
	if err == nil {
		err = s.commit()
	}
	return &rop.WriteStreamResult{WrittenSize: uint16(n)}, err
}

func doCommitStream(_ *execution, s *stream, _ *rop.CommitStream) (rop.Body, error) {
	return nil, s.commit()
}

// commit makes what was written the property. The buffer then lives as long as
// the server.
func (s *stream) commit() error {
	if s.w == nil || s.owned {
		return nil
	}
	blob, err := s.w.Blob()
	if err != nil {
		return err
	}
	s.owned = true
	v := mapi.BlobValue(s.tag.Type(), blob)
	if s.name != nil {
		s.of.props().SetName(*s.name, v)
	} else {
		s.of.props().Set(s.tag, v)
	}
	return nil
}

// close commits, as a client that releases a stream expects it.
func (s *stream) close() {
	_ = s.commit() // there is nobody to tell
	if s.r != nil {
		s.r.Close()
	}
}

func doGetStreamSize(_ *execution, s *stream, _ *rop.GetStreamSize) (rop.Body, error) {
	if s.w != nil {
		return &rop.StreamSizeResult{StreamSize: uint32(s.w.Size())}, nil
	}
	return &rop.StreamSizeResult{StreamSize: uint32(s.blob.Size())}, nil
}

// doSetStreamSize empties a stream. Other sizes only announce what is to be
// written.
func doSetStreamSize(x *execution, s *stream, r *rop.SetStreamSize) (rop.Body, error) {
	if s.w == nil || s.owned {
		return nil, rop.AccessDenied
	}
	if r.StreamSize == 0 && s.w.Size() > 0 {
		if err := s.w.Close(); err != nil {
			return nil, err
		}
		s.w = x.c.s.boxes.Spool().Create()
	}
	return nil, nil
}

func doSeekStream(_ *execution, s *stream, r *rop.SeekStream) (rop.Body, error) {
	if s.w != nil {
		// Only to the end, where writing goes on.
		if size := uint64(s.w.Size()); r.Origin == 2 && r.Offset == 0 || r.Origin == 0 && r.Offset == size {
			return &rop.SeekStreamResult{NewPosition: size}, nil
		}
		return nil, rop.NotSupported
	}
	pos := int64(r.Offset)
	switch r.Origin {
	case 1:
		pos += s.pos
	case 2:
		pos += s.blob.Size()
	}
	if pos < 0 || pos > s.blob.Size() {
		return nil, rop.InvalidParameter
	}
	if s.r != nil {
		s.r.Close()
		s.r = nil
	}
	s.pos = pos
	return &rop.SeekStreamResult{NewPosition: uint64(pos)}, nil
}
