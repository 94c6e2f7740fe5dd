package ews

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// upload puts objects by UploadItems. [MS-OXWSBTRF] 3.1.4.2
func (b *batch) upload(ctx context.Context, at []int) {
	b.send(ctx, at, func(i int) (*draft, error) { return b.objectDraft(ctx, i) }, func(ready []*draft) request {
		return request{op: "append", name: opUpload, folder: b.f.String(), body: func(w *soap.Writer) {
			w.Start("m:Items")
			for _, d := range ready {
				w.Start("t:Item", "CreateAction", "CreateNew").Empty("t:ParentFolderId", "Id", b.folder)
				d.write(w)
				w.End()
			}
			w.End()
		}}
	})
	// What the server does not take as an object goes another way.
	var again []int
	lacks := !b.st.svc.has(opUpload)
	for _, i := range at {
		err := b.results[i].Err
		if err == nil {
			continue
		}
		k := transport.KindOf(err)
		_, refused := codeOf(err)
		if lacks && unknownOperation(err) || refused && (k == transport.TooLarge || k == transport.Rejected) && isMail(b.items[i].Content.Object.Class()) && b.st.o.Convert != nil {
			again = append(again, i)
		}
	}
	if len(again) > 0 {
		b.convert(ctx, again)
	}
}

// objectDraft readies an object. The bytes of an encoded one are not touched
// unless the item is to be another than they say.
func (b *batch) objectDraft(ctx context.Context, i int) (*draft, error) {
	c, m := b.items[i].Content, b.items[i].Meta
	d := &draft{route: "upload"}
	obj, changed := b.adapt(c.Object, m, d)
	if e := c.Object.Encoded; e != nil && e.Format == "fts" && !changed && !c.OneShot {
		d.bytes = e.Blob.Size()
		d.write = func(w *soap.Writer) { w.Start("t:Data").Base64(e.Blob).End() }
		return d, nil
	}
	if m.Token != "" {
		obj.Props = obj.Props.Clone()
		obj.Props.SetName(itemprops.NameToken, mapi.StringValue(m.Token))
	}
	buf := b.st.spool.Create()
	err := fasttransfer.EncodeItem(ctx, buf, obj, &fasttransfer.EncodeOptions{
		Storage: storageBlob,
		Loss:    func(l mapi.Loss) { d.losses = append(d.losses, l) },
	})
	var blob mapi.Blob
	if err == nil {
		blob, err = buf.Blob()
	}
	if err != nil {
		buf.Close()
		return nil, err
	}
	d.bytes, d.close = blob.Size(), buf.Close
	d.write = func(w *soap.Writer) { w.Start("t:Data").Base64(blob).End() }
	return d, nil
}

// adapt gives the object that is to be put: as it is, unless flags, keywords
// or the date of arrival are to be others, or it asks for a receipt.
func (b *batch) adapt(o *mapi.Message, m transport.Meta, d *draft) (*mapi.Message, bool) {
	was := itemprops.Meta(o.Props)
	changed := false
	out := &mapi.Message{Props: o.Props, Recipients: o.Recipients, Attachments: o.Attachments}
	if m.Received.IsZero() {
		m.Received = was.Received
	}
	if was.Flags != m.Flags || !slices.Equal(was.Keywords, m.Keywords) && len(m.Keywords) > 0 || !was.Received.Equal(m.Received) {
		out.Props = out.Props.Clone()
		itemprops.Apply(&out.Props, m)
		changed = true
		d.losses = append(d.losses, flagLosses(m)...)
	}
	if !b.st.o.KeepReceipts && !m.Flags.Has(transport.Draft) && out.Props.Bool(mapi.PidTagReadReceiptRequested) {
		out.Props = out.Props.Clone()
		out.Props.Set(mapi.PidTagReadReceiptRequested, mapi.BoolValue(false))
		changed = true
		d.losses = append(d.losses, receiptLoss())
	}
	return out, changed
}

// convert puts objects where the server takes none: mail as MIME, other items by
// their properties.
func (b *batch) convert(ctx context.Context, at []int) {
	var mails, others []int
	for _, i := range at {
		if isMail(b.items[i].Content.Object.Class()) {
			mails = append(mails, i)
		} else {
			others = append(others, i)
		}
	}
	if len(mails) > 0 {
		b.create(ctx, mails, func(i int) (*draft, error) { return b.converted(ctx, i) })
	}
	for len(others) > 0 {
		b.create(ctx, others, func(i int) (*draft, error) { return b.fieldDraft(ctx, i) })
		// QUIRK: some servers know no extended properties of the types Binary
		// and CLSID, and say so by a fault. The items go once more without.
		if !b.st.svc.has(lackBinary) {
			return
		}
		others = slices.DeleteFunc(others, func(i int) bool {
			return !unknownOperation(b.results[i].Err) || !slices.ContainsFunc(b.items[i].Content.Object.Props, needsBinary)
		})
		if len(others) > 0 {
			b.st.svc.lack(lackBinary)
		}
	}
}

// converted readies an object as MIME.
func (b *batch) converted(ctx context.Context, i int) (*draft, error) {
	it := b.items[i]
	if b.st.o.Convert == nil {
		return nil, &transport.Error{
			Kind: transport.Rejected, Op: "append", Folder: b.f.String(), Key: it.Meta.Key,
			Err: fmt.Errorf("the server takes no objects (it has no %s)", opUpload),
		}
	}
	c := it.Content
	if c.OneShot {
		k, err := b.st.spool.Copy(ctx, c)
		if err != nil {
			return nil, err
		}
		defer k.Close()
		c = k
	}
	m, err := b.st.o.Convert.ToMIME(ctx, c)
	if err != nil {
		return nil, err
	}
	if fresh := m.Problems[min(len(m.Problems), len(c.Problems)):]; fresh.Severe() {
		m.Close()
		return nil, &transport.Error{Op: "append", Folder: b.f.String(), Key: it.Meta.Key, Err: fmt.Errorf("making a mail of the object: %v", fresh[0])}
	}
	sub := &batch{st: b.st, f: b.f, folder: b.folder, items: []transport.Staged{{Meta: it.Meta, Content: m}}}
	d, err := sub.mimeDraft(ctx, 0)
	if err != nil {
		m.Close()
		return nil, err
	}
	d.close = m.Close
	d.losses = append(d.losses, m.Losses[min(len(m.Losses), len(c.Losses)):]...)
	return d, nil
}
