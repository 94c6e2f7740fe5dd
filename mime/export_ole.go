package mime

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// Streams of an OLE object. [MS-OLEDS] 2.3
const (
	streamNative = "\x01Ole10Native"
	streamPres   = "\x02OlePres000"
)

// storagePart writes an OLE object: as a compound file where a writer is given,
// else as the file or the data inside it, else as its picture. [MS-OXCMAIL]
// 2.1.3.4.4
func (x *exporter) storagePart(p *part, a *mapi.Attachment) error {
	s := a.Storage
	if x.opt.Storage != nil {
		blob, err := x.opt.Storage(x.ctx, s)
		if err == nil {
			if p.typ == "" {
				p.typ = "application/x-ole-storage"
			}
			p.blob = blob
			return nil
		}
		if x.ctx.Err() != nil {
			return x.ctx.Err()
		}
		x.problem(mapi.Problem{
			Where: p.where, Offset: -1, Field: "PidTagAttachDataObject",
			Detail: "the OLE object cannot be written as a compound file: " + err.Error(),
		})
	}
	blob, name, kind := x.nativeData(s)
	if blob == nil {
		x.loss(p.where, mapi.LossNoContainer, "OLE object without data of its own: "+strings.ToUpper(s.CLSID.String()))
		return x.ctx.Err()
	}
	x.loss(p.where, mapi.LossApproximated, "OLE object: only its "+kind+" is written")
	p.blob = blob
	if p.name == "" {
		p.name = name
	}
	if kind == "picture" {
		p.typ = octetStream
	}
	return x.ctx.Err()
}

// nativeData finds the content of an OLE object.
func (x *exporter) nativeData(s *mapi.Storage) (b mapi.Blob, name, kind string) {
	find := func(name string) mapi.Blob {
		for i := range s.Streams {
			if strings.EqualFold(s.Streams[i].Name, name) && s.Streams[i].Data != nil {
				return s.Streams[i].Data
			}
		}
		return nil
	}
	if n := find(streamNative); n != nil {
		if b, name := x.packageData(n); b != nil {
			return b, name, "embedded file"
		}
	}
	for _, stream := range []string{"CONTENTS", "Package", "WordDocument", "Workbook", "PowerPoint Document", "VisioDocument"} {
		if b := find(stream); b != nil {
			return b, "", "stream " + stream
		}
	}
	if b := find(streamPres); b != nil {
		return b, "", "picture"
	}
	return nil, "", ""
}

// packageData finds the file in an OLE 1.0 package, or gives the native data
// after its length. [MS-OLEDS] 2.3.6
func (x *exporter) packageData(b mapi.Blob) (mapi.Blob, string) {
	if b.Size() < 4 {
		return nil, ""
	}
	r, err := b.Open(x.ctx)
	if err != nil {
		return nil, ""
	}
	defer r.Close()
	head := make([]byte, 4096)
	n, _ := io.ReadFull(r, head)
	head = head[:n]
	plain := slice{b, 4, b.Size() - 4}
	if n < 8 || binary.LittleEndian.Uint16(head[4:]) != 2 {
		return plain, ""
	}
	rest := head[6:]
	cut := func() (string, bool) {
		s, tail, ok := bytes.Cut(rest, []byte{0})
		rest = tail
		return string(s), ok
	}
	label, ok1 := cut()
	_, ok2 := cut()
	if !ok1 || !ok2 || len(rest) < 8 {
		return plain, ""
	}
	rest = rest[4:]
	pathLen := int(binary.LittleEndian.Uint32(rest))
	rest = rest[4:]
	if pathLen < 0 || pathLen > len(rest)-4 {
		return plain, ""
	}
	rest = rest[pathLen:]
	size := int64(binary.LittleEndian.Uint32(rest))
	off := int64(n - len(rest) + 4)
	if size > b.Size()-off {
		return plain, ""
	}
	return slice{b, off, size}, label
}

// A slice is n bytes at off of a blob.
type slice struct {
	b      mapi.Blob
	off, n int64
}

// Size implements mapi.Blob.
func (s slice) Size() int64 { return s.n }

// Open implements mapi.Blob.
func (s slice) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := s.b.Open(ctx)
	if err != nil {
		return nil, err
	}
	if sk, ok := r.(io.Seeker); ok {
		_, err = sk.Seek(s.off, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, r, s.off)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return decoder{io.LimitReader(r, s.n), r}, nil
}
