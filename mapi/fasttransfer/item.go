package fasttransfer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/cursor"
)

// The data of ExportItems and UploadItems is a row of commands, each a 32-bit
// opcode, a 32-bit length, and that many bytes: what the methods of the old
// IExchangeFastTransferEx interface were given.
const (
	opConfig             = 1 // flags, transfer method
	opTransferBuffer     = 2 // a piece of the stream
	opIsInterfaceOk      = 3 // transfer method, interface id, flags
	opTellPartnerVersion = 4 // the version of the server that wrote it
)

// commandHeader is the size of opcode and length.
const commandHeader = 8

// methodCopyTo is the transfer method of whole objects.
const methodCopyTo = 1

// iidMessage is the interface of a message.
var iidMessage = mapi.MustGUID("00020307-0000-0000-C000-000000000046")

// interfaceFlags and partnerVersion are those of a server of version 14.1,
// which all later ones accept.
const interfaceFlags = 0x80002400

var partnerVersion = []byte{0x01, 0x0E, 0xA4, 0x80, 0x00, 0x00}

// bufferSize is how much of a stream goes into one TransferBuffer: the largest
// buffer that a ROP of the same meaning can carry. [MS-OXCFXICS] 2.2.3.1.1.5
const bufferSize = 0x7BC0

// An item is the stream within the data of ExportItems: the contents of its
// TransferBuffers, one behind the other.
type item struct {
	r     io.ReaderAt
	parts []part
	size  int64
}

// A part is one TransferBuffer: it starts at off in the data and at pos in the
// stream.
type part struct{ off, pos int64 }

// ReadAt implements io.ReaderAt.
func (it *item) ReadAt(p []byte, pos int64) (int, error) {
	done := 0
	for done < len(p) {
		if pos >= it.size {
			return done, io.EOF
		}
		i := sort.Search(len(it.parts), func(i int) bool { return it.parts[i].pos > pos }) - 1
		end := it.size
		if i+1 < len(it.parts) {
			end = it.parts[i+1].pos
		}
		n := min(int64(len(p)-done), end-pos)
		k, err := it.r.ReadAt(p[done:done+int(n)], it.parts[i].off+pos-it.parts[i].pos)
		done += k
		pos += int64(k)
		if int64(k) < n {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return done, err
		}
	}
	return done, nil
}

// openItem finds the stream in the data of ExportItems. It is nil when the
// input is a bare stream: no property starts with the opcode of Config, as its
// tag would be 00000001.
func openItem(ctx context.Context, r io.ReaderAt, size int64) (*item, mapi.Problems, error) {
	c := cursor.New(sourceReader{r}, 0, size)
	first, err := c.Peek(4)
	var failed ioError
	if errors.As(err, &failed) {
		return nil, nil, failed.error
	}
	if err != nil || binary.LittleEndian.Uint32(first) != opConfig {
		return nil, nil, nil
	}
	var problems mapi.Problems
	problem := func(severe bool, off int64, field, format string, args ...any) {
		problems.Add(mapi.Problem{Severe: severe, Offset: off, Field: field, Detail: fmt.Sprintf(format, args...)})
	}
	it := &item{r: r}
	for c.Left() > 0 {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		at := c.Pos()
		head, err := c.Peek(commandHeader)
		if errors.As(err, &failed) {
			return nil, nil, failed.error
		}
		if err != nil {
			problem(true, at, "opcode", "%d bytes after the last command are no command", c.Left())
			break
		}
		op, n := binary.LittleEndian.Uint32(head), int64(binary.LittleEndian.Uint32(head[4:]))
		c.Skip(commandHeader)
		if n > c.Left() {
			problem(true, at, "length", "command %d claims %d bytes, %d are left; the data are cut short", op, n, c.Left())
			n = c.Left()
		}
		switch op {
		case opTransferBuffer:
			if n > 0 {
				it.parts = append(it.parts, part{c.Pos(), it.size})
				it.size += n
			}
		case opIsInterfaceOk:
			b, err := c.Peek(int(min(n, 20)))
			if err == nil && len(b) == 20 && mapi.GUID(b[4:20]) != iidMessage {
				return nil, nil, &mapi.FormatError{Format: "fts", Problem: mapi.Problem{
					Severe: true, Unsupported: true, Offset: at,
					Field: "IsInterfaceOk", Detail: fmt.Sprintf("the data are of interface %v, not of a message", mapi.GUID(b[4:20])),
				}}
			}
		case opConfig, opTellPartnerVersion:
		default:
			problem(false, at, "opcode", "command %d is not known; it is passed over", op)
		}
		c.Skip(n)
	}
	if it.size == 0 {
		return nil, nil, &mapi.FormatError{Format: "fts", Problem: mapi.Problem{
			Severe: true, Offset: 0,
			Field: "TransferBuffer", Detail: "the data hold no stream",
		}}
	}
	return it, problems, nil
}

// EncodeItem writes m as the data of ExportItems, which UploadItems and the
// import of Microsoft Graph take. See [Encode].
func EncodeItem(ctx context.Context, w io.Writer, m *mapi.Message, opts *EncodeOptions) error {
	bw := bufio.NewWriterSize(w, 64<<10)
	le := binary.LittleEndian
	var b []byte
	command := func(op uint32, data []byte) {
		b = le.AppendUint32(b, op)
		b = le.AppendUint32(b, uint32(len(data)))
		b = append(b, data...)
	}
	command(opConfig, le.AppendUint32(le.AppendUint32(nil, 0), methodCopyTo))
	check := le.AppendUint32(nil, methodCopyTo)
	check = append(check, iidMessage[:]...)
	command(opIsInterfaceOk, le.AppendUint32(check, interfaceFlags))
	command(opTellPartnerVersion, partnerVersion)
	if _, err := bw.Write(b); err != nil {
		return err
	}
	t := &transferBuffers{w: bw, buf: make([]byte, 0, bufferSize)}
	if err := encode(ctx, t, m, opts); err != nil {
		return err
	}
	if err := t.flush(); err != nil {
		return err
	}
	return bw.Flush()
}

// transferBuffers splits a stream into TransferBuffers: between two atoms or
// inside a value of variable size, never within an atom.
// [MS-OXCFXICS] 2.2.4.1
type transferBuffers struct {
	w   *bufio.Writer
	buf []byte
}

func (t *transferBuffers) flush() error {
	if len(t.buf) == 0 {
		return nil
	}
	var head [commandHeader]byte
	binary.LittleEndian.PutUint32(head[0:], opTransferBuffer)
	binary.LittleEndian.PutUint32(head[4:], uint32(len(t.buf)))
	t.w.Write(head[:])
	_, err := t.w.Write(t.buf)
	t.buf = t.buf[:0]
	return err
}

// WriteAtom implements [AtomWriter].
func (t *transferBuffers) WriteAtom(b []byte) error {
	if len(t.buf)+len(b) > bufferSize {
		if err := t.flush(); err != nil {
			return err
		}
	}
	// An atom larger than a buffer (a very long property name) has one of its
	// own.
	t.buf = append(t.buf, b...)
	return nil
}

// Write takes bytes of a value of variable size, which may be split.
func (t *transferBuffers) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		if len(t.buf) >= bufferSize {
			if err := t.flush(); err != nil {
				return 0, err
			}
		}
		n := min(bufferSize-len(t.buf), len(rest))
		t.buf = append(t.buf, rest[:n]...)
		rest = rest[n:]
	}
	return len(b), nil
}
