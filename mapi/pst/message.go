package pst

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ltp"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

const (
	// maxNesting bounds messages within messages.
	maxNesting = 32
	// maxObjects bounds the attachments and messages of one item, with all
	// that is embedded in it.
	maxObjects = 20000
	// maxProperties bounds the properties of one item, its recipients and
	// attachments together.
	maxProperties = 250000
	// maxHeld bounds the bytes of its blocks and values that are held.
	maxHeld = 24 << 20
)

// Item reads a whole item. Bodies and attachments above [mapi.InlineLimit] are
// blobs over the file. The error is for an item of which nothing can be read;
// it wraps [ErrNotFound] when there is no such node. Problems say what is
// missing of the others.
func (f *File) Item(ctx context.Context, nid NID) (*mapi.Message, mapi.Problems, error) {
	n, err := f.db.Node(nid)
	if err != nil {
		return nil, nil, err
	}
	return f.ItemOf(ctx, n)
}

// ItemOf reads a message from a node that was found before, which may be a
// sub-node.
func (f *File) ItemOf(ctx context.Context, n ndb.Node) (*mapi.Message, mapi.Problems, error) {
	r := &itemReader{f: f, ctx: ctx, objects: maxObjects, left: maxProperties}
	r.db = f.db.Scope(r.add, maxHeld)
	if n.Doubt != 0 {
		r.add(mapi.Problem{Where: "NBT", Offset: n.Doubt, Field: "NBTENTRY", Detail: fmt.Sprintf("the page that lists %v is damaged or not in use any more; the item may be incomplete, or another one's", n), Spec: "[MS-PST] 2.2.2.7.7.4"})
	}
	m, err := r.message(n, f.charset, nil)
	if err != nil {
		return nil, r.problems, err
	}
	return m, r.problems, nil
}

type itemReader struct {
	f        *File
	db       *ndb.File
	ctx      context.Context
	problems mapi.Problems
	objects  int // that may still be read
	left     int // properties that may still be read
	told     bool
}

// add keeps a problem once; a damaged block is met by each value in it.
func (r *itemReader) add(p mapi.Problem) {
	for _, q := range r.problems {
		if p.Offset >= 0 && q.Offset == p.Offset && q.Field == p.Field {
			return
		}
	}
	r.problems.Add(p)
}

func (r *itemReader) fail(err error, where string) { r.add(ndb.ProblemOf(err, where)) }

// properties reads the property context of a node.
func (r *itemReader) properties(n ndb.Node) (mapi.Properties, []ltp.Object, error) {
	pc, err := ltp.OpenPC(r.db, n)
	if err != nil {
		return nil, nil, err
	}
	if r.left -= pc.Len(); r.left < 0 {
		return nil, nil, fmt.Errorf("pst: %v: more properties than any item has: %w", n, mapi.ErrTooLarge)
	}
	ps, objects, problems := pc.Properties()
	for _, p := range problems {
		r.add(p)
	}
	return ps, objects, nil
}

func (r *itemReader) message(n ndb.Node, cs mapi.Charset, above []ndb.Node) (*mapi.Message, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	for _, a := range above {
		if a.Data == n.Data && a.Sub == n.Sub {
			return nil, fmt.Errorf("pst: %v is embedded in itself", n)
		}
	}
	if len(above) >= maxNesting {
		return nil, fmt.Errorf("pst: %v: messages nested more than %d deep", n, maxNesting)
	}
	ps, objects, err := r.properties(n)
	m := &mapi.Message{}
	if err != nil {
		if n.Sub == 0 {
			return nil, err
		}
		// Recipients and attachments may still be there.
		r.fail(err, n.String())
	}
	cs = charsetOf(ps, cs)
	m.Props = fixSubject(r.f.resolve(ps, cs))
	for _, o := range objects {
		r.object(n, o, &m.Props)
	}
	if n.Sub == 0 {
		return m, nil
	}
	m.Recipients = r.recipientTable(n, cs)
	m.Attachments = r.attachmentTable(n, cs, append(above, n))
	if err != nil && len(m.Recipients) == 0 && len(m.Attachments) == 0 {
		return nil, err
	}
	return m, nil
}

// object keeps a property of type [mapi.TypeObject] that has no place of its
// own in the model: its data as a blob.
func (r *itemReader) object(n ndb.Node, o ltp.Object, ps *mapi.Properties) {
	sub, err := r.db.Subnode(n, o.NID)
	if err == nil {
		var d *ndb.Data
		if d, err = r.db.Data(sub); err == nil {
			*ps = append(*ps, mapi.Property{Tag: o.Tag, Value: mapi.BlobValue(mapi.TypeObject, d.Blob())})
			return
		}
	}
	r.fail(err, fmt.Sprintf("%v, property 0x%v", n, o.Tag))
}

// recipientTable reads the recipients. [MS-PST] 2.4.5.3
func (r *itemReader) recipientTable(n ndb.Node, cs mapi.Charset) []*mapi.Recipient {
	sub, err := r.db.Subnode(n, ndb.NIDRecipientTable)
	if notFound(err) {
		return nil
	}
	var t *ltp.Table
	if err == nil {
		t, err = ltp.OpenTable(r.db, sub)
	}
	if err != nil {
		r.fail(err, n.String()+", recipient table")
		return nil
	}
	for _, p := range t.Problems() {
		r.add(p)
	}
	var list []*mapi.Recipient
	for row, err := range t.Rows() {
		if err != nil {
			r.fail(err, n.String()+", recipient table")
			continue
		}
		ps, problems := row.Properties()
		if r.left -= len(ps) + 1; r.left < 0 {
			r.tooMany(n, "recipients")
			break
		}
		for _, p := range problems {
			p.Severe = true
			r.add(p)
		}
		list = append(list, &mapi.Recipient{Props: r.f.resolve(tableless(ps), cs)})
	}
	return list
}

func (r *itemReader) tooMany(n ndb.Node, what string) {
	if !r.told {
		r.told = true
		r.add(mapi.Problem{Severe: true, Where: n.String(), Offset: -1, Detail: "more " + what + " than any item has; the rest is not read"})
	}
}

// tableless removes what only says where a row stands in its table.
func tableless(ps mapi.Properties) mapi.Properties {
	out := ps[:0]
	for _, p := range ps {
		if p.Tag != mapi.PidTagLtpRowId && p.Tag != mapi.PidTagLtpRowVer {
			out = append(out, p)
		}
	}
	return out
}

// attachmentTable reads the attachments that the table lists, and those
// sub-nodes that it should have listed where it is damaged. [MS-PST] 2.4.6
func (r *itemReader) attachmentTable(n ndb.Node, cs mapi.Charset, above []ndb.Node) []*mapi.Attachment {
	where := n.String() + ", attachment table"
	var list []*mapi.Attachment
	read := map[NID]struct{}{}
	one := func(nid NID) {
		if _, dup := read[nid]; dup {
			return
		}
		if r.objects--; r.objects < 0 {
			r.tooMany(n, "attachments")
			return
		}
		read[nid] = struct{}{}
		sub, err := r.db.Subnode(n, nid)
		var a *mapi.Attachment
		if err == nil {
			a, err = r.attachment(sub, cs, above)
		}
		if err != nil {
			r.fail(err, fmt.Sprintf("%v, attachment 0x%X", n, uint32(nid)))
			return
		}
		list = append(list, a)
	}
	sub, err := r.db.Subnode(n, ndb.NIDAttachmentTable)
	damaged := false
	if err == nil {
		var t *ltp.Table
		if t, err = ltp.OpenTable(r.db, sub); err == nil {
			for _, p := range t.Problems() {
				r.add(p)
				damaged = true
			}
			for row, rowErr := range t.Rows() {
				if rowErr != nil {
					r.fail(rowErr, where)
					damaged = true
					continue
				}
				nid := NID(row.ID)
				if row.Stored != row.ID {
					damaged = true
					if _, err := r.db.Subnode(n, nid); err != nil {
						continue // the sub-nodes are walked below
					}
				}
				one(nid)
			}
		}
	}
	if err != nil && !notFound(err) {
		r.fail(err, where)
	}
	if err != nil || damaged || r.problems.Severe() {
		for s, err := range r.db.Subnodes(n) {
			if err != nil {
				r.fail(err, n.String())
			} else if s.NID.Type() == ndb.TypeAttachment {
				one(s.NID)
			}
		}
	}
	return list
}

func (r *itemReader) attachment(n ndb.Node, cs mapi.Charset, above []ndb.Node) (*mapi.Attachment, error) {
	ps, objects, err := r.properties(n)
	if err != nil {
		return nil, err
	}
	a := &mapi.Attachment{Props: r.f.resolve(tableless(ps), cs)}
	method, _ := ps.Int(mapi.PidTagAttachMethod)
	for _, o := range objects {
		if o.Tag.ID() != mapi.PidTagAttachDataObject.ID() {
			r.object(n, o, &a.Props)
			continue
		}
		where := fmt.Sprintf("%v, PidTagAttachDataObject", n)
		sub, err := r.db.Subnode(n, o.NID)
		if err != nil {
			r.fail(err, where)
			continue
		}
		if method == mapi.AttachEmbedded {
			if r.objects--; r.objects < 0 {
				r.tooMany(n, "embedded messages")
				continue
			}
			if a.Embedded, err = r.message(sub, cs, above); err != nil {
				r.fail(err, where)
			}
			continue
		}
		d, err := r.db.Data(sub)
		if err != nil {
			r.fail(err, where)
			continue
		}
		r.storage(a, method, d, where)
	}
	return a, nil
}

// storage puts the data object of an attachment where it belongs.
func (r *itemReader) storage(a *mapi.Attachment, method int64, d *ndb.Data, where string) {
	if method == mapi.AttachByValue {
		// QUIRK: content by value may be marked as an object.
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, d.Blob()))
		return
	}
	if r.f.opts.Storage != nil {
		s, err := r.f.opts.Storage(r.ctx, d, d.Size())
		if err == nil {
			a.Storage = s
			return
		}
		p := ndb.ProblemOf(err, where)
		p.Severe = false // the bytes are kept
		r.add(p)
	}
	a.Props.Set(mapi.PidTagAttachDataObject, mapi.BlobValue(mapi.TypeObject, d.Blob()))
}

// fixSubject takes the mark off the subject that says how long its prefix is,
// and gives prefix and normalized subject as properties of their own, as other
// forms have them. [MS-PST] 2.5.3.1.1.1
func fixSubject(ps mapi.Properties) mapi.Properties {
	v, ok := ps.Get(mapi.PidTagSubject)
	if !ok || !v.InMemory() {
		return ps
	}
	raw, w := v.Raw(), 1
	if v.Type() == mapi.TypeString {
		w = 2
	}
	if len(raw) < 2*w || raw[0] != 1 || w == 2 && raw[1] != 0 {
		return ps
	}
	n := int(raw[w])
	if w == 2 {
		n |= int(raw[3]) << 8
	}
	raw = raw[2*w:]
	cut := 0
	// The number counts the mark's own end as one.
	if n > 1 && (n-1)*w <= len(raw) {
		cut = (n - 1) * w
	}
	part := func(b []byte) mapi.Value { return mapi.RawValue(v.Type(), b).WithCharset(v.Charset()) }
	ps.Set(mapi.PidTagSubject, part(raw))
	if _, ok := ps.Get(mapi.PidTagSubjectPrefix); !ok && cut > 0 {
		ps.Set(mapi.PidTagSubjectPrefix, part(raw[:cut:cut]))
	}
	if _, ok := ps.Get(mapi.PidTagNormalizedSubject); !ok {
		ps.Set(mapi.PidTagNormalizedSubject, part(raw[cut:]))
	}
	return ps
}

// splitSubject is [fixSubject] for text: the prefix and the whole subject.
func splitSubject(s string) (prefix, subject string) {
	if !strings.HasPrefix(s, "\x01") {
		return "", s
	}
	n, size := utf8.DecodeRuneInString(s[1:])
	s = s[1+size:]
	if k := int(n) - 1; k > 0 && k <= len(s) {
		return s[:k], s
	}
	return "", s
}
