package msg

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/msg/cfb"
)

// maxDepth bounds messages in messages.
const maxDepth = 64

// A reader turns the tree of one compound file into a message.
type reader struct {
	names    nameMap
	codePage int // override, or 0
	problems mapi.Problems
	inline   int64 // bytes of values that may still be held in memory

	streams []propStream // scratch of properties
	elems   []elemStream
}

// inlineBudget bounds the values of one file that are held in memory; once it
// is used up, single values of any size become blobs over the file.
const inlineBudget = 16 << 20

func read(c *cfb.Reader, whole mapi.Blob, o *Options) (*File, error) {
	r := &reader{inline: inlineBudget}
	if o != nil {
		r.codePage = o.CodePage
	}
	root := c.Root
	if !holdsMessage(root) {
		p := mapi.Problem{Severe: true, Offset: -1, Detail: "a compound file, but no message: it has no stream " + nameProperties, Spec: "[MS-OXMSG] 2.4"}
		if ps := c.Problems(); len(ps) > 0 {
			p.Detail += "; " + ps[0].String()
		} else {
			p.Unsupported = true
		}
		return nil, &mapi.FormatError{Format: "msg", Problem: p}
	}
	for _, st := range root.Storages {
		if equalFold(st.Name, nameNameID) {
			r.names = r.readNames(st)
		}
	}
	m := r.message(root, "", headerRoot, 0)
	m.Encoded = &mapi.Encoded{Format: "msg", Blob: whole}
	f := &File{Message: m, CLSID: root.CLSID}
	for _, p := range c.Problems() {
		f.Problems.Add(p)
	}
	for _, p := range r.problems {
		f.Problems.Add(p)
	}
	return f, nil
}

func (r *reader) problem(where string, off int64, field, detail, spec string) *mapi.Problem {
	return r.add(mapi.Problem{Where: where, Offset: off, Field: field, Detail: detail, Spec: "[MS-OXMSG] " + spec})
}

func (r *reader) severe(where string, field, detail, spec string) {
	r.add(mapi.Problem{Severe: true, Where: where, Offset: -1, Field: field, Detail: detail, Spec: "[MS-OXMSG] " + spec})
}

func (r *reader) add(p mapi.Problem) *mapi.Problem {
	r.problems.Add(p)
	return &r.problems[len(r.problems)-1]
}

// join is the path of a part of where. Names come from the file: control
// characters do not reach a report.
func join(where, name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, name)
	if where == "" {
		return name
	}
	return where + "/" + name
}

// holdsMessage tells a message's storage from any other.
func holdsMessage(st *mapi.Storage) bool {
	for _, s := range st.Streams {
		if _, ok := cutPrefix(s.Name, prefixSubstg); ok || equalFold(s.Name, nameProperties) {
			return true
		}
	}
	return false
}

// message reads the storage of a message: the root, or an embedded one.
// [MS-OXMSG] 2.2.1
func (r *reader) message(st *mapi.Storage, where string, header, depth int) *mapi.Message {
	m := new(mapi.Message)
	head := r.properties(&m.Props, st, where, header)
	page := r.codePage
	if page == 0 {
		page = codepage.OfMessage(m.Props)
	}
	cs, known := codepage.Get(page)
	if stamp(m.Props, cs) && !known {
		r.problem(join(where, nameProperties), -1, "PidTagMessageCodepage", fmt.Sprintf("code page %d is not known; text is read as Windows-1252", page), "2.1.3")
	}
	var recips, attachs []numbered
	for _, sub := range st.Storages {
		if n, ok := cutPrefix(sub.Name, prefixRecip); ok {
			recips = append(recips, number(n, sub))
		} else if n, ok := cutPrefix(sub.Name, prefixAttach); ok {
			attachs = append(attachs, number(n, sub))
		} else if !equalFold(sub.Name, nameNameID) {
			r.problem(join(where, sub.Name), -1, "", "a storage with an unknown name is left out", "2.2.1")
		}
	}
	slices.SortStableFunc(recips, compareNumbered)
	slices.SortStableFunc(attachs, compareNumbered)
	if len(recips) > 0 {
		slab := make([]mapi.Recipient, len(recips))
		m.Recipients = make([]*mapi.Recipient, len(recips))
		for i, n := range recips {
			r.properties(&slab[i].Props, n.st, join(where, n.st.Name), headerChild)
			stamp(slab[i].Props, cs)
			m.Recipients[i] = &slab[i]
		}
	}
	for _, n := range attachs {
		m.Attachments = append(m.Attachments, r.attachment(n.st, join(where, n.st.Name), cs, depth))
	}
	if head != nil {
		r.checkCount(head, offRecipients, len(recips), where, "Recipient Count")
		r.checkCount(head, offAttachments, len(attachs), where, "Attachment Count")
	}
	return m
}

// checkCount compares a count in the header with the storages found. Fewer than
// were announced is a loss; more are simply there.
func (r *reader) checkCount(head []byte, off, have int, where, field string) {
	n := int(le32(head[off:]))
	if n > have {
		p := r.problem(join(where, nameProperties), int64(off), field, fmt.Sprintf("%d announced, %d found", n, have), "2.4.1.1")
		p.Severe = true
	}
}

// A numbered storage is one of a list, such as __recip_version1.0_#00000003.
type numbered struct {
	n  uint32
	st *mapi.Storage
}

func number(suffix string, st *mapi.Storage) numbered {
	n, ok := parseHex(suffix)
	if !ok {
		n = 0xFFFFFFFF
	}
	return numbered{n, st}
}

func compareNumbered(a, b numbered) int {
	switch {
	case a.n < b.n:
		return -1
	case a.n > b.n:
		return 1
	}
	return 0
}

// attachment reads an attachment's storage. What it holds is found from what is
// there, not from PidTagAttachMethod, which can be missing or wrong.
// [MS-OXMSG] 2.2.2
func (r *reader) attachment(st *mapi.Storage, where string, cs mapi.Charset, depth int) *mapi.Attachment {
	a := new(mapi.Attachment)
	r.properties(&a.Props, st, where, headerChild)
	stamp(a.Props, cs)
	for _, sub := range st.Storages {
		at := join(where, sub.Name)
		rest, ok := cutPrefix(sub.Name, prefixSubstg)
		if v, hex := parseHex(rest); !ok || !hex || mapi.Tag(v) != tagAttachObject || a.Embedded != nil || a.Storage != nil {
			r.severe(at, "", "a storage with an unknown name is left out", "2.2.2")
			continue
		}
		switch {
		case !holdsMessage(sub):
			a.Storage = sub
			sub.Name = "" // its name in the file is an encoding detail
			touch(sub)
			for _, p := range cfb.Repair(sub) {
				p.Where = join(at, p.Where)
				r.add(p)
			}
		case depth >= maxDepth:
			r.add(mapi.Problem{Severe: true, Unsupported: true, Where: at, Offset: -1, Detail: fmt.Sprintf("messages nested more than %d deep are left out", maxDepth)})
		default:
			a.Embedded = r.message(sub, at, headerEmbedded, depth+1)
		}
	}
	method, ok := a.Props.Int(mapi.PidTagAttachMethod)
	why := ""
	switch {
	case !ok:
		why = fmt.Sprintf("missing; taken as %d from what is there", a.Method())
	case a.Embedded != nil && method != mapi.AttachEmbedded:
		why = fmt.Sprintf("0x%X, but the attachment holds a message", method)
	case a.Storage != nil && method != mapi.AttachOLE:
		why = fmt.Sprintf("0x%X, but the attachment holds a storage", method)
	case a.Embedded == nil && a.Storage == nil && (method == mapi.AttachEmbedded || method == mapi.AttachOLE) && a.Data() == nil:
		r.severe(where, "PidTagAttachDataObject", fmt.Sprintf("missing, by attach method 0x%X it holds the content", method), "2.2.2")
	case method == mapi.AttachByValue && a.Data() == nil:
		r.severe(where, "PidTagAttachDataBinary", "missing, the attachment has no content", "2.2.2")
	}
	if why != "" {
		r.problem(where, -1, "PidTagAttachMethod", why, "2.2.2")
	}
	return a
}

// touch follows the chain of every stream of a storage, so that its damage is
// known when the file was opened.
func touch(root *mapi.Storage) {
	todo := []*mapi.Storage{root}
	for len(todo) > 0 {
		st := todo[len(todo)-1]
		todo = append(todo[:len(todo)-1], st.Storages...)
		for _, s := range st.Streams {
			s.Data.Size()
		}
	}
}

// stamp states the character set of the values that are not Unicode, and
// reports whether there are any.
func stamp(ps mapi.Properties, cs mapi.Charset) bool {
	any := false
	for i := range ps {
		if p := &ps[i]; p.Value.Type().Elem() == mapi.TypeString8 {
			p.Value = p.Value.WithCharset(cs)
			any = true
		}
	}
	return any
}
