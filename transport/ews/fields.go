package ews

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// lackBinary stands among the operations that a server has not for extended
// properties of the types Binary and CLSID.
const lackBinary = "Binary"

// fields reads items property by property. What is not on the list of their
// class is not seen, and the content says so.
func (g *group) fields(ctx context.Context, at []int) error {
	keys := pick(g.keys, at)
	// The class decides what is asked for, so it is asked for first.
	classes := make([]string, len(at))
	r := request{op: "fetch", name: "GetItem", folder: g.f.String(), body: func(w *soap.Writer) {
		w.Start("m:ItemShape").Element("t:BaseShape", "IdOnly")
		w.Start("t:AdditionalProperties").Empty("t:FieldURI", "FieldURI", "item:ItemClass").End().End()
		writeItemIDs(w, keys)
	}}
	gone := map[int]bool{}
	err := g.st.svc.do(ctx, r, reply{
		element: func(i int, s *soap.Scanner) error {
			if s.Name() == "Items" && i < len(at) {
				for depth := s.Depth(); s.Child(depth); {
					if it, err := readItem(s, nil); err == nil {
						classes[i] = it.props.Text(mapi.PidTagMessageClass)
					}
				}
			}
			return nil
		},
		done: func(i int, m *message) error {
			if i < len(at) && m.err != nil {
				g.put(at[i], nil, m.err)
				gone[i] = true
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	byClass := map[string][]int{}
	var order []string
	for i := range at {
		if gone[i] {
			continue
		}
		if byClass[classes[i]] == nil {
			order = append(order, classes[i])
		}
		byClass[classes[i]] = append(byClass[classes[i]], at[i])
	}
	for _, class := range order {
		if err := g.fieldsOf(ctx, class, byClass[class]); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) fieldsOf(ctx context.Context, class string, at []int) error {
	keys := pick(g.keys, at)
	r := request{op: "fetch", name: "GetItem", folder: g.f.String(), body: func(w *soap.Writer) {
		w.Start("m:ItemShape").Element("t:BaseShape", "IdOnly").Element("t:BodyType", "Text").Start("t:AdditionalProperties")
		for _, f := range []string{"item:ItemClass", "item:Subject", "item:Body", "item:Categories", "item:Attachments"} {
			w.Empty("t:FieldURI", "FieldURI", f)
		}
		field{tag: mapi.PidTagMessageFlags}.write(w)
		for _, f := range fieldsOf(class) {
			f.write(w)
		}
		w.End().End()
		writeItemIDs(w, keys)
	}}
	items := make([]item, len(at))
	errs := make([]error, len(at))
	err := g.st.svc.do(ctx, r, reply{
		element: func(i int, s *soap.Scanner) error {
			if s.Name() == "Items" && i < len(at) {
				for depth := s.Depth(); s.Child(depth); {
					it, err := readItem(s, nil)
					if err != nil {
						return nil // the scanner keeps it
					}
					items[i] = it
				}
			}
			return nil
		},
		done: func(i int, m *message) error {
			if i < len(at) {
				errs[i] = m.err
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	for i, it := range items {
		if errs[i] == nil && it.id == "" {
			errs[i] = errNoID(r)
		}
		if errs[i] != nil {
			g.put(at[i], nil, errs[i])
			continue
		}
		c := &transport.Content{Form: transport.FormObject, Object: &mapi.Message{Props: it.props}, Losses: []mapi.Loss{{
			Item: "object", Reason: mapi.LossNoContainer,
			Detail: "the server exports no objects; known properties of the class were read one by one",
		}}}
		c.Object.Props.Delete(pidTagSearchKey)
		g.put(at[i], c, g.st.attachments(ctx, g.f, c, it.attachments))
	}
	return nil
}

// fieldDraft readies an item by its properties.
func (b *batch) fieldDraft(ctx context.Context, i int) (*draft, error) {
	it := b.items[i]
	o := it.Content.Object
	d := &draft{route: "properties"}
	obj, _ := b.adapt(o, it.Meta, d)
	class := obj.Class()
	element := itemElement(class)
	body := &soap.Writer{}
	body.Start("t:" + element)
	body.Element("t:ItemClass", class)
	if s := obj.Props.Text(mapi.PidTagSubject); s != "" {
		body.Element("t:Subject", s)
	}
	lose := func(item string, reason mapi.LossReason, detail string) {
		d.losses = append(d.losses, mapi.Loss{Item: item, Reason: reason, Detail: detail})
	}
	if err := writeBody(ctx, body, obj, lose); err != nil {
		return nil, err
	}
	if v, ok := obj.Props.GetName(mapi.PidNameKeywords); ok {
		writeCategories(body, v.Texts())
	}
	flags := int32(0)
	if it.Meta.Flags.Has(transport.Seen) {
		flags = itemprops.FlagRead
	}
	writeProperty(body, mapi.Property{Tag: mapi.PidTagMessageFlags, Value: mapi.Int32Value(flags)})
	for _, p := range obj.Props {
		switch {
		case p.Name == nil && (ownTags[p.Tag.ID()] || computedTags[p.Tag.ID()]), p.Name != nil && *p.Name == mapi.PidNameKeywords:
			continue
		case needsBinary(p) && !b.st.svc.has(lackBinary):
			lose(p.String(), mapi.LossNoContainer, "the server takes no properties of this type")
		case !writeProperty(body, p):
			lose(p.String(), mapi.LossNoContainer, "it cannot be said as an extended property")
		}
	}
	if it.Meta.Token != "" {
		writeProperty(body, mapi.Property{Tag: mapi.NewTag(0, mapi.TypeString), Name: &itemprops.NameToken, Value: mapi.StringValue(it.Meta.Token)})
	}
	if element == "CalendarItem" {
		writeAppointment(body, obj)
	}
	body.End()
	if len(obj.Recipients) > 0 {
		lose("recipients", mapi.LossNoContainer, "attendees would have to be invited anew")
	}
	d.bytes = body.Size()
	d.write = func(w *soap.Writer) { w.Append(body) }
	if len(obj.Attachments) > 0 {
		d.after = func(ctx context.Context, id string) ([]mapi.Loss, error) { return b.attach(ctx, id, obj.Attachments) }
	}
	return d, nil
}

func needsBinary(p mapi.Property) bool {
	t := p.Value.Type().Elem()
	return t == mapi.TypeBinary || t == mapi.TypeGUID
}

// writeBody writes the body: its text, else its HTML, else the text of its RTF.
func writeBody(ctx context.Context, w *soap.Writer, o *mapi.Message, lose func(string, mapi.LossReason, string)) error {
	const limit = soap.MaxText
	said := false
	for _, f := range []struct {
		tag  mapi.Tag
		kind string
		read func(mapi.Value) (string, error)
	}{
		{mapi.PidTagBody, "Text", func(v mapi.Value) (string, error) {
			raw, err := mapi.ReadBlob(ctx, v.Blob(), limit)
			return mapi.RawValue(v.Type(), raw).WithCharset(v.Charset()).Text(), err
		}},
		{mapi.PidTagHtml, "HTML", func(v mapi.Value) (string, error) {
			raw, err := mapi.ReadBlob(ctx, v.Blob(), limit)
			if err != nil {
				return "", err
			}
			n, _ := o.Props.Int(mapi.PidTagInternetCodepage)
			cs, _ := codepage.Get(int(n))
			if utf8.Valid(raw) {
				return string(raw), nil
			}
			text, _ := cs.Decode(raw)
			return text, nil
		}},
		{mapi.PidTagRtfCompressed, "Text", func(v mapi.Value) (string, error) {
			r, err := v.Blob().Open(ctx)
			if err != nil {
				return "", err
			}
			defer r.Close()
			var b strings.Builder
			_, err = rtf.ToText(&b, rtf.NewReader(r), &rtf.Options{MaxOutput: limit})
			return b.String(), err
		}},
	} {
		v, ok := o.Props.Get(f.tag)
		if !ok || v.Size() == 0 {
			continue
		}
		if said {
			lose(f.tag.Canonical(), mapi.LossNoContainer, "the text of the body was taken")
			continue
		}
		text, err := f.read(v)
		if errors.Is(err, mapi.ErrTooLarge) {
			lose(f.tag.Canonical(), mapi.LossTooLarge, "")
			continue
		}
		if err != nil {
			return err
		}
		w.Element("t:Body", text, "BodyType", f.kind)
		if said = true; f.tag == mapi.PidTagRtfCompressed {
			lose(f.tag.Canonical(), mapi.LossNoContainer, "the text of the body was taken")
		}
	}
	return nil
}

// writeAppointment says what some servers want as fields of their own.
func writeAppointment(w *soap.Writer, o *mapi.Message) {
	start, end := o.Props.NameTime(mapi.PidLidAppointmentStartWhole), o.Props.NameTime(mapi.PidLidAppointmentEndWhole)
	if start.IsZero() || end.IsZero() {
		return
	}
	w.Element("t:Start", start.Format(timeForm)).Element("t:End", end.Format(timeForm))
	if o.Props.NameBool(mapi.PidLidAppointmentSubType) {
		w.Element("t:IsAllDayEvent", "true")
	}
	if n, ok := o.Props.NameInt(mapi.PidLidBusyStatus); ok && n >= 0 && n < 4 {
		w.Element("t:LegacyFreeBusyStatus", []string{"Free", "Tentative", "Busy", "OOF"}[n])
	}
	if s := o.Props.NameText(mapi.PidLidLocation); s != "" {
		w.Element("t:Location", s)
	}
}

// attach adds attachments to an item that was made by its properties. An
// embedded message becomes a file. T63
func (b *batch) attach(ctx context.Context, id string, list []*mapi.Attachment) (losses []mapi.Loss, err error) {
	var closers []func() error
	defer func() {
		for _, c := range closers {
			err = errors.Join(err, c())
		}
	}()
	files := &soap.Writer{}
	n := 0
	for i, a := range list {
		name := attachmentName(a, i)
		data := a.Data()
		if a.Embedded != nil && b.st.o.Convert != nil {
			c, cerr := b.st.o.Convert.ToMIME(ctx, &transport.Content{Form: transport.FormObject, Object: a.Embedded})
			if cerr != nil {
				return losses, cerr
			}
			closers = append(closers, c.Close)
			data, name = c.MIME, strings.TrimSuffix(name, ".msg")+".eml"
			losses = append(losses, mapi.Loss{Item: "attachment " + name, Reason: mapi.LossApproximated, Detail: "an embedded message became a file"})
		}
		if data == nil {
			losses = append(losses, mapi.Loss{Item: "attachment " + name, Reason: mapi.LossNoContainer, Detail: "it has no content that can be sent as a file"})
			continue
		}
		n++
		files.Start("t:FileAttachment").Element("t:Name", name)
		if t := a.Props.Text(mapi.PidTagAttachMimeTag); t != "" {
			files.Element("t:ContentType", t)
		}
		if id := a.Props.Text(mapi.PidTagAttachContentId); id != "" {
			files.Element("t:ContentId", id)
		}
		files.Start("t:Content").Base64(data).End().End()
	}
	if n == 0 {
		return losses, nil
	}
	r := request{op: "append", name: "CreateAttachment", folder: b.f.String(), body: func(w *soap.Writer) {
		w.Empty("m:ParentItemId", "Id", id).Start("m:Attachments").Append(files).End()
	}}
	err = b.st.svc.do(ctx, r, reply{})
	return losses, err
}

func attachmentName(a *mapi.Attachment, i int) string {
	for _, t := range []mapi.Tag{mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename, mapi.PidTagDisplayName} {
		if s := a.Props.Text(t); s != "" {
			return s
		}
	}
	return "attachment " + strconv.Itoa(i+1)
}

// An attachmentRef is an attachment as an item lists it.
type attachmentRef struct {
	id       string
	embedded bool
	props    mapi.Properties
}

// readAttachmentRefs reads <t:Attachments>.
func readAttachmentRefs(s *soap.Scanner) []attachmentRef {
	var list []attachmentRef
	for depth := s.Depth(); s.Child(depth); {
		a := attachmentRef{embedded: s.Name() == "ItemAttachment"}
		for depth := s.Depth(); s.Child(depth); {
			readAttachmentField(s, &a)
		}
		list = append(list, a)
	}
	return list
}

func readAttachmentField(s *soap.Scanner, a *attachmentRef) {
	set := func(t mapi.Tag) {
		if text := s.Text(); text != "" {
			a.props.Set(t, mapi.StringValue(text))
		}
	}
	switch s.Name() {
	case "AttachmentId":
		a.id = s.Attr("Id")
	case "Name":
		set(mapi.PidTagAttachLongFilename)
	case "ContentType":
		set(mapi.PidTagAttachMimeTag)
	case "ContentId":
		set(mapi.PidTagAttachContentId)
	}
}

// attachments fetches the files of an item that was read by its properties.
func (st *Store) attachments(ctx context.Context, f transport.Folder, c *transport.Content, refs []attachmentRef) error {
	for i, ref := range refs {
		if ref.embedded {
			c.Losses = append(c.Losses, mapi.Loss{Item: fmt.Sprintf("attachment %d", i+1), Reason: mapi.LossNoContainer, Detail: "an embedded message is not read by its properties"})
			continue
		}
		buf := st.spool.Create()
		before := c.OnClose
		c.OnClose = func() error {
			err := buf.Close()
			if before != nil {
				err = errors.Join(err, before())
			}
			return err
		}
		a := &mapi.Attachment{Props: ref.props.Clone()}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		a.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(int32(i)))
		r := request{op: "fetch", name: "GetAttachment", folder: f.String(), body: func(w *soap.Writer) {
			w.Start("m:AttachmentIds").Empty("t:AttachmentId", "Id", ref.id).End()
		}}
		var bad error
		err := st.svc.do(ctx, r, reply{element: func(_ int, s *soap.Scanner) error {
			if s.Name() != "Attachments" {
				return nil
			}
			for depth := s.Depth(); s.Child(depth); {
				for depth := s.Depth(); s.Child(depth); {
					if s.Name() == "Content" {
						_, bad = s.Base64(buf)
					}
				}
			}
			return nil
		}})
		if err == nil {
			err = bad
		}
		if err != nil {
			return err
		}
		blob, err := buf.Blob()
		if err != nil {
			return err
		}
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, blob))
		c.Object.Attachments = append(c.Object.Attachments, a)
	}
	return nil
}
