package ews

import (
	"context"
	"slices"
	"strconv"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// changePage is how many items one request changes, moves or deletes.
const changePage = 50

// inPages works on a list page by page and gives one error, or nil, for each
// element. work is given the place of the first, and notes errors itself.
func inPages(ctx context.Context, n int, errs []error, work func(from, to int) error) {
	for from := 0; from < n; from += changePage {
		to := min(n, from+changePage)
		err := ctx.Err()
		if err == nil {
			err = work(from, to)
		}
		for i := from; err != nil && i < to; i++ {
			if errs[i] == nil {
				errs[i] = err
			}
		}
	}
}

// SetFlags implements [transport.FlagSetter].
func (st *Store) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	errs := make([]error, len(changes))
	inPages(ctx, len(changes), errs, func(from, to int) error {
		part := changes[from:to]
		// The marks of an item depend on those that it has: a reply to all
		// stays one, and what a draft is cannot be said anew.
		now, err := st.metas(ctx, f, part)
		if err != nil {
			return err
		}
		var at []int
		for i := range part {
			switch {
			case now[i].err != nil:
				errs[from+i] = withKey(now[i].err, part[i].Ref)
			case writeFlagChange(&soap.Writer{}, now[i].item, part[i]):
				at = append(at, i)
			}
		}
		if len(at) == 0 {
			return nil
		}
		r := request{
			op: "store", name: "UpdateItem", folder: f.String(),
			attrs: []string{"ConflictResolution", "AlwaysOverwrite", "MessageDisposition", "SaveOnly", "SendMeetingInvitationsOrCancellations", "SendToNone"},
			body: func(w *soap.Writer) {
				w.Start("m:ItemChanges")
				for _, i := range at {
					writeFlagChange(w, now[i].item, part[i])
				}
				w.End()
			},
		}
		return st.svc.do(ctx, r, reply{done: func(i int, m *message) error {
			if i < len(at) {
				errs[from+at[i]] = withKey(m.err, part[at[i]].Ref)
			}
			return nil
		}})
	})
	return errs
}

// A looked is an item that was asked for, or why it was not given.
type looked struct {
	item item
	err  error
}

// metas asks for the state of items.
func (st *Store) metas(ctx context.Context, f transport.Folder, changes []transport.FlagChange) ([]looked, error) {
	keys := make([]transport.Key, len(changes))
	for i, c := range changes {
		keys[i] = c.Ref
	}
	out := make([]looked, len(keys))
	r := request{op: "store", name: "GetItem", folder: f.String(), body: func(w *soap.Writer) {
		writeMetaShape(w)
		writeItemIDs(w, keys)
	}}
	err := st.svc.do(ctx, r, reply{
		element: func(i int, s *soap.Scanner) error {
			if s.Name() != "Items" || i >= len(out) {
				return nil
			}
			for depth := s.Depth(); s.Child(depth); {
				if it, err := readItem(s, nil); err == nil {
					out[i].item = it
				}
			}
			return nil
		},
		done: func(i int, m *message) error {
			if i < len(out) {
				if out[i].err = m.err; m.err == nil && out[i].item.id == "" {
					out[i].err = errNoID(r)
				}
			}
			return nil
		},
	})
	return out, err
}

// writeFlagChange writes what is different, and the read state of mail in any
// case. It is false when there is nothing to say.
func writeFlagChange(w *soap.Writer, now item, c transport.FlagChange) bool {
	element := now.kind
	w.Start("t:ItemChange").Empty("t:ItemId", "Id", string(c.Ref)).Start("t:Updates")
	said := false
	set := func(path func(), value func()) {
		said = true
		w.Start("t:SetItemField")
		path()
		w.Start("t:" + element)
		value()
		w.End().End()
	}
	if element == "Message" || isMailElement(element) {
		set(func() { w.Empty("t:FieldURI", "FieldURI", "message:IsRead") },
			func() { w.Element("t:IsRead", strconv.FormatBool(c.Flags.Has(transport.Seen))) })
	}
	was := now.meta()
	if !slices.Equal(was.Keywords, c.Keywords) {
		uri := func() { w.Empty("t:FieldURI", "FieldURI", "item:Categories") }
		if len(c.Keywords) == 0 {
			said = true
			w.Start("t:DeleteItemField")
			uri()
			w.End()
		} else {
			set(uri, func() { writeCategories(w, c.Keywords) })
		}
	}
	before := itemprops.StateOf(now.props)
	after := before.With(c.Flags)
	for _, p := range []struct {
		tag      mapi.Tag
		old, new int64
	}{
		{mapi.PidTagLastVerbExecuted, before.LastVerb, after.LastVerb},
		{mapi.PidTagIconIndex, before.Icon(), iconOf(after, c.Flags)},
		{mapi.PidTagFlagStatus, before.FlagStatus, after.FlagStatus},
	} {
		if p.old != p.new {
			set(func() { field{tag: p.tag}.write(w) },
				func() { writeProperty(w, mapi.Property{Tag: p.tag, Value: mapi.Int32Value(int32(p.new))}) })
		}
	}
	w.End().End()
	return said
}

// Icons of mail without marks. [MS-OXOMSG] 2.2.1.10
const (
	iconRead   = 0x100
	iconUnread = 0x101
)

func iconOf(s itemprops.State, f transport.Flags) int64 {
	if icon := s.Icon(); icon != 0 {
		return icon
	}
	if f.Has(transport.Seen) {
		return iconRead
	}
	return iconUnread
}

func isMailElement(e string) bool {
	switch e {
	case "MeetingMessage", "MeetingRequest", "MeetingResponse", "MeetingCancellation", "PostItem":
		return true
	}
	return false
}

// Move implements [transport.Mover].
func (st *Store) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	out := make([]transport.Result, len(refs))
	errs := make([]error, len(refs))
	target, err := st.folderID(ctx, "move", to)
	inPages(ctx, len(refs), errs, func(a, z int) error {
		if err != nil {
			return err
		}
		part := refs[a:z]
		r := request{op: "move", name: "MoveItem", folder: from.String(), body: func(w *soap.Writer) {
			writeFolderID(w, "m:ToFolderId", target)
			writeItemIDs(w, part)
		}}
		return st.svc.do(ctx, r, reply{
			element: func(i int, s *soap.Scanner) error {
				if s.Name() != "Items" || i >= len(part) {
					return nil
				}
				for depth := s.Depth(); s.Child(depth); {
					if it, err := readItem(s, nil); err == nil {
						out[a+i].Receipt.Ref = transport.Key(it.id)
					}
				}
				return nil
			},
			done: func(i int, m *message) error {
				if i < len(part) {
					errs[a+i] = withKey(m.err, part[i])
				}
				return nil
			},
		})
	})
	for i, err := range errs {
		out[i].Err = err
	}
	return out
}

// Delete implements [transport.Deleter].
func (st *Store) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	errs := make([]error, len(refs))
	inPages(ctx, len(refs), errs, func(from, to int) error {
		part := refs[from:to]
		r := request{
			op: "delete", name: "DeleteItem", folder: f.String(),
			// Nobody is told that a meeting is off, or that a task is gone.
			attrs: []string{"DeleteType", "HardDelete", "SendMeetingCancellations", "SendToNone", "AffectedTaskOccurrences", "AllOccurrences"},
			body:  func(w *soap.Writer) { writeItemIDs(w, part) },
		}
		return st.svc.do(ctx, r, reply{done: func(i int, m *message) error {
			if i < len(part) && transport.KindOf(m.err) != transport.NotFound {
				errs[from+i] = withKey(m.err, part[i])
			}
			return nil
		}})
	})
	return errs
}
