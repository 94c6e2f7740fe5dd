package mapihttptest

import (
	"errors"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// inline is the largest value that GetProps gives; larger ones are read by a
// stream. [MS-OXCPRPT] 3.2.5.1
const inline = 8 << 10

// propsOf are all properties of an object, with those of the store.
func propsOf(o object) (*logon, mapi.Properties, error) {
	switch o := o.(type) {
	case *folderObject:
		f, err := o.folder()
		if err != nil {
			return nil, nil, err
		}
		return o.logon, o.folderProps(f, 0), nil
	case *messageObject:
		ps := o.msg.Props.Clone()
		if o.item.ID != 0 {
			it := o.item
			it.Message = o.msg
			o.storeProps(&ps, it)
		}
		return o.logon, ps, nil
	case *attachmentObject:
		ps := o.att.Props.Clone()
		ps.Set(mapi.PidTagAttachNumber, mapi.Int32Value(o.num))
		return o.of.logon, ps, nil
	case *logon:
		var ps mapi.Properties
		a := o.box.Account()
		ps.Set(mapi.PidTagMailboxOwnerName, mapi.StringValue(a.Name))
		ps.Set(mapi.PidTagDisplayName, mapi.StringValue(a.Name))
		return o, ps, nil
	}
	return nil, nil, rop.NotSupported
}

func doGetPropertiesSpecific(_ *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r := body.(*rop.GetPropertiesSpecific)
	l, ps, err := propsOf(in)
	if err != nil {
		return nil, err
	}
	limit := int64(inline)
	if r.PropertySizeLimit != 0 {
		limit = min(limit, int64(r.PropertySizeLimit))
	}
	row := rop.Row{Columns: r.Tags}
	for _, tag := range r.Tags {
		v, ok := l.view(ps, tag)
		switch {
		case !ok:
			v = rop.ErrorValue(rop.NotFound)
		case v.Size() > limit:
			v = rop.ErrorValue(rop.OutOfMemory)
		}
		if v.Type() == mapi.TypeErrorCode || tag.Type() == mapi.TypeUnspecified {
			row.Flagged = row.Flagged || v.Type() == mapi.TypeErrorCode
		}
		row.Values = append(row.Values, v)
	}
	return &rop.GetPropertiesSpecificResult{Row: row}, nil
}

func doGetPropertiesAll(_ *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r := body.(*rop.GetPropertiesAll)
	l, ps, err := propsOf(in)
	if err != nil {
		return nil, err
	}
	limit := int64(inline)
	if r.PropertySizeLimit != 0 {
		limit = min(limit, int64(r.PropertySizeLimit))
	}
	var out mapi.Properties
	for _, p := range l.names.wire(ps) {
		p.Name = nil
		switch {
		case p.Value.Size() > limit:
			p.Value = rop.ErrorValue(rop.OutOfMemory)
		case r.WantUnicode != 0 && p.Value.Type() == mapi.TypeString8:
			p.Value = mapi.StringValue(p.Value.Text())
		case r.WantUnicode == 0 && p.Value.Type() == mapi.TypeString:
			p.Value = toString8(p.Value)
		}
		p.Tag = p.Tag.WithType(p.Value.Type())
		out = append(out, p)
	}
	return &rop.GetPropertiesAllResult{Props: out}, nil
}

func doGetPropertiesList(_ *execution, in object, _ rop.RequestBody) (rop.Body, error) {
	l, ps, err := propsOf(in)
	if err != nil {
		return nil, err
	}
	var tags []mapi.Tag
	for _, p := range l.names.wire(ps) {
		tags = append(tags, p.Tag)
	}
	return &rop.GetPropertiesListResult{Tags: tags}, nil
}

// computed are properties that a client cannot set. [MS-OXCPRPT] 3.2.5.4
var computed = map[mapi.Tag]bool{
	mapi.PidTagMid: true, mapi.PidTagFolderId: true, mapi.PidTagEntryId: true, mapi.PidTagMessageSize: true,
	mapi.PidTagHasAttachments: true, mapi.PidTagChangeNumber: true, mapi.PidTagParentFolderId: true, mapi.PidTagContentCount: true,
	mapi.PidTagSubfolders: true, mapi.PidTagAttachNumber: true,
}

// setAll sets properties in the model, and lists which were refused.
func setAll(ps *mapi.Properties, l *logon, list mapi.Properties) []rop.PropertyProblem {
	var problems []rop.PropertyProblem
	for i, p := range l.names.model(list) {
		switch {
		case computed[p.Tag]:
			problems = append(problems, rop.PropertyProblem{Index: uint16(i), Tag: p.Tag, Code: rop.Computed})
		case p.Name != nil:
			ps.SetName(*p.Name, p.Value)
		default:
			ps.Set(p.Tag, p.Value)
		}
	}
	return problems
}

func deleteAll(ps *mapi.Properties, l *logon, tags []mapi.Tag) {
	for _, tag := range tags {
		if name, ok := l.names.name(tag.ID()); ok && tag.ID() >= 0x8000 {
			ps.DeleteName(name)
			continue
		}
		ps.Delete(tag)
	}
}

func doSetProperties(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
	var list mapi.Properties
	switch r := body.(type) {
	case *rop.SetProperties:
		list = r.Props
	case *rop.SetPropertiesNoReplicate:
		list = r.Props
	}
	return change(x, in, func(ps *mapi.Properties, l *logon) []rop.PropertyProblem { return setAll(ps, l, list) })
}

func doDeleteProperties(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
	var tags []mapi.Tag
	switch r := body.(type) {
	case *rop.DeleteProperties:
		tags = r.Tags
	case *rop.DeletePropertiesNoReplicate:
		tags = r.Tags
	}
	return change(x, in, func(ps *mapi.Properties, l *logon) []rop.PropertyProblem { deleteAll(ps, l, tags); return nil })
}

// change changes the properties of an object: of a folder at once, of the
// others until they are saved.
func change(x *execution, in object, do func(*mapi.Properties, *logon) []rop.PropertyProblem) (rop.Body, error) {
	res := &rop.PropertyProblemsResult{}
	switch o := in.(type) {
	case *folderObject:
		if err := o.may(x, o.id, mailbox.MayEdit); err != nil {
			return nil, err
		}
		_, err := o.box.UpdateFolder(o.id, func(f *mailbox.Folder) error {
			res.Problems = do(&f.Props, o.logon)
			for tag, into := range map[mapi.Tag]*string{mapi.PidTagDisplayName: &f.Name, mapi.PidTagContainerClass: &f.Class} {
				if v, ok := f.Props.Get(tag); ok {
					*into = v.Text()
					f.Props.Delete(tag)
				}
			}
			return nil
		})
		return res, err
	case holder:
		res.Problems = do(o.props(), o.owner())
		return res, nil
	}
	return nil, rop.NotSupported
}

func doGetPropertyIDs(_ *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r, l := body.(*rop.GetPropertyIDsFromNames), logonOf(in)
	if l == nil {
		return nil, rop.NullObject
	}
	res := &rop.GetPropertyIDsFromNamesResult{}
	if len(r.Names) == 0 {
		res.IDs, _ = l.names.all()
		return res, nil
	}
	for _, n := range r.Names {
		var id uint16
		if n != nil {
			id = l.names.id(*n, r.Flags&rop.NamesCreate != 0)
		}
		res.IDs = append(res.IDs, id)
	}
	return res, nil
}

func doGetNames(_ *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r, l := body.(*rop.GetNamesFromPropertyIDs), logonOf(in)
	if l == nil {
		return nil, rop.NullObject
	}
	res := &rop.GetNamesFromPropertyIDsResult{}
	for _, id := range r.IDs {
		var p *mapi.Name
		if n, ok := l.names.name(id); ok {
			p = &n
		}
		res.Names = append(res.Names, p)
	}
	return res, nil
}

func doQueryNamedProperties(_ *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r := body.(*rop.QueryNamedProperties)
	l, ps, err := propsOf(in)
	if err != nil {
		return nil, err
	}
	res := &rop.QueryNamedPropertiesResult{}
	for _, p := range l.names.wire(ps) {
		if p.Name != nil && (r.Set == nil || *r.Set == p.Name.Set) {
			res.IDs, res.Names = append(res.IDs, p.Tag.ID()), append(res.Names, p.Name)
		}
	}
	return res, nil
}

var errUpload = errors.New("the upload is damaged")
