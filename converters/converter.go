package converters

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/msg"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/spool"
)

// A Converter changes the form of items: MIME to MAPI object and back. The zero
// value converts with default options. It is safe for concurrent use and must
// not be copied.
type Converter struct {
	// CodePage overrides the code page of 8-bit strings of MAPI items.
	CodePage int
	// KeepMAPI adds a TNEF part with what MIME cannot say.
	KeepMAPI bool
	// KeepMIME keeps the original bytes in items made from MIME.
	KeepMIME bool
	// RTF writes bodies as RTF too.
	RTF bool
	// UnwrapTNEF makes a mail of what winmail.dat holds, also where the mail
	// would need no change of form.
	UnwrapTNEF bool
	// Losses asks for the list of what the target form cannot hold.
	Losses bool
	// Resolver and Addresses turn Exchange addresses into SMTP addresses.
	Resolver  mime.Resolver
	Addresses map[string]string
	// Spool holds what must be read twice; nil makes one of [DefaultBudget].
	Spool *spool.Spool

	once sync.Once
	own  *spool.Spool
}

// DefaultBudget is the memory in bytes that a converter's own spool takes
// before it goes to files.
const DefaultBudget = 16 << 20

var _ transport.Converter = (*Converter)(nil)

func (cv *Converter) spool() *spool.Spool {
	if cv.Spool != nil {
		return cv.Spool
	}
	cv.once.Do(func() { cv.own = spool.New(DefaultBudget, "") })
	return cv.own
}

func (cv *Converter) exportOptions() *mime.ExportOptions {
	return &mime.ExportOptions{KeepMAPI: cv.KeepMAPI, Losses: cv.Losses, Resolver: cv.Resolver, EXMap: cv.Addresses, Storage: cfb.StorageBlob}
}

func (cv *Converter) importOptions() *mime.ImportOptions {
	return &mime.ImportOptions{KeepMIME: cv.KeepMIME, RTF: cv.RTF, Storage: cfb.ReadStorage}
}

// To gives c in the first of the forms that it can have without change, else
// converts it, once, to the first of forms. The result is closed on its own; c
// stays open and must outlive it.
func (cv *Converter) To(ctx context.Context, c *transport.Content, forms ...transport.Form) (*transport.Content, error) {
	switch {
	case len(forms) == 0:
		return nil, errors.New("converters: no form was asked for")
	case slices.Contains(forms, c.Form):
		same := *c
		same.OnClose = nil
		return &same, nil
	case forms[0] == transport.FormMIME:
		return cv.ToMIME(ctx, c)
	case forms[0] == transport.FormObject:
		return cv.ToObject(ctx, c)
	}
	return nil, fmt.Errorf("converters: there is no form %q", forms[0])
}

// ToMIME implements [transport.Converter].
func (cv *Converter) ToMIME(ctx context.Context, c *transport.Content) (*transport.Content, error) {
	if c.Form == transport.FormMIME {
		return cv.To(ctx, c, transport.FormMIME)
	}
	buf := cv.spool().Create()
	sum := sha256.New()
	buf.Digest(sum)
	out := &transport.Content{Form: transport.FormMIME, OnClose: buf.Close}
	err := cv.export(ctx, buf, c, out)
	if err == nil {
		out.MIME, err = buf.Blob()
		out.Sum = sum.Sum(nil)
	}
	if err != nil {
		return nil, errors.Join(err, buf.Close())
	}
	return out, nil
}

// export writes the object of c as MIME; problems and losses go to out.
func (cv *Converter) export(ctx context.Context, w io.Writer, c, out *transport.Content) error {
	rep, err := mime.Export(ctx, w, c.Object, cv.exportOptions())
	if rep != nil {
		out.Problems = append(slices.Clip(c.Problems), rep.Problems...)
		out.Losses = append(slices.Clip(c.Losses), rep.Losses...)
	}
	return err
}

// ToObject implements [transport.Converter].
func (cv *Converter) ToObject(ctx context.Context, c *transport.Content) (*transport.Content, error) {
	if c.Form == transport.FormObject {
		return cv.To(ctx, c, transport.FormObject)
	}
	r, size, release, err := cv.ReaderAt(ctx, c.MIME)
	if err != nil {
		return nil, err
	}
	out := &transport.Content{Form: transport.FormObject, OnClose: release}
	m, rep, err := mime.Import(ctx, r, size, cv.importOptions())
	if rep != nil {
		out.Problems = append(slices.Clip(c.Problems), rep.Problems...)
		out.Losses = append(slices.Clip(c.Losses), rep.Losses...)
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	if !rep.Restored {
		msg.Complete(m)
	}
	out.Object = m
	return out, nil
}

// ReaderAt gives random access to a blob: as it is where it has that, else
// through the spool.
func (cv *Converter) ReaderAt(ctx context.Context, b mapi.Blob) (io.ReaderAt, int64, func() error, error) {
	switch b := b.(type) {
	case mapi.Section:
		return io.NewSectionReader(b.R, b.Off, b.N), b.N, func() error { return nil }, nil
	case mapi.Bytes:
		return bytesReaderAt(b), b.Size(), func() error { return nil }, nil
	}
	r, err := b.Open(ctx)
	if err != nil {
		return nil, 0, nil, err
	}
	if at, ok := r.(io.ReaderAt); ok {
		return at, b.Size(), r.Close, nil
	}
	defer r.Close()
	buf := cv.spool().Create()
	if _, err := io.Copy(buf, r); err != nil {
		return nil, 0, nil, errors.Join(err, buf.Close())
	}
	kept, err := buf.Blob()
	if err != nil {
		return nil, 0, nil, errors.Join(err, buf.Close())
	}
	at, size, release, err := cv.ReaderAt(ctx, kept)
	if err != nil {
		return nil, 0, nil, errors.Join(err, buf.Close())
	}
	return at, size, func() error { return errors.Join(release(), buf.Close()) }, nil
}

type bytesReaderAt []byte

func (b bytesReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
