package mapihttp

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// changePage is how many items one request changes, moves or deletes.
const changePage = 40

// inPages works on a list page by page and gives one error, or nil, for each
// element. work is given the place of the first, and notes errors itself.
func inPages(ctx context.Context, n, page int, errs []error, work func(from, to int) error) {
	for from := 0; from < n; from += page {
		to := min(n, from+page)
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

// stateTagsOf are the properties that [transport.FlagChange] may change.
var flagTags = []mapi.Tag{
	mapi.PidTagMessageClass, mapi.PidTagMessageFlags, mapi.PidTagMessageStatus, mapi.PidTagLastVerbExecuted,
	mapi.PidTagFlagStatus, mapi.PidTagIconIndex,
}

// SetFlags implements [transport.FlagSetter].
func (st *Store) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	errs := make([]error, len(changes))
	id, err := st.folderID(ctx, "store", f)
	inPages(ctx, len(changes), lookPage, errs, func(from, to int) error {
		if err != nil {
			return err
		}
		return st.run(ctx, "store", func(s *session) error {
			return st.setFlags(ctx, s, id, changes[from:to], errs[from:to])
		})
	})
	for i := range errs {
		errs[i] = fail("store", f, changes[i].Ref, errs[i])
	}
	return errs
}

func (st *Store) setFlags(ctx context.Context, s *session, folder rop.ObjectID, changes []transport.FlagChange, errs []error) error {
	keywords, err := st.propertyIDs(ctx, s, []mapi.Name{mapi.PidNameKeywords}, true)
	if err != nil {
		return err
	}
	keywordTag := mapi.NewTag(keywords[0], mapi.TypeMultipleString)
	b := s.batch("store")
	opens, gets := make([]int, len(changes)), make([]int, len(changes))
	for i, c := range changes {
		opens[i] = -1
		id, kind, err := parseKey(c.Ref)
		if err != nil || kind == deletedItem {
			errs[i] = &transport.Error{Kind: transport.NotFound, Op: "store", Err: errNoItem}
			continue
		}
		opens[i] = b.out(b.put(s.logon), &rop.OpenMessage{CodePage: rop.LogonCodePage, FolderID: folder, OpenModeFlags: rop.ReadWrite, MessageID: id})
		gets[i] = b.in(b.index(opens[i]), &rop.GetPropertiesSpecific{WantUnicode: 1, Tags: append(slices.Clone(flagTags), keywordTag)})
	}
	if err := b.do(ctx); err != nil {
		return err
	}
	defer s.free(b.made()...)
	type step struct{ i, n int }
	var steps []step
	w := s.batch("store")
	for i, c := range changes {
		if opens[i] < 0 {
			continue
		}
		if errs[i] = b.err(opens[i]); errs[i] != nil {
			continue
		}
		a, ok := b.result(gets[i]).(*rop.GetPropertiesSpecificResult)
		if !ok {
			errs[i] = b.err(gets[i])
			continue
		}
		at := w.put(b.handle(opens[i]))
		for _, body := range flagOps(a.Row.Properties(), keywordTag, c) {
			n := w.two(at, at, body)
			steps = append(steps, step{i, n})
		}
	}
	if len(steps) == 0 {
		return nil
	}
	if err := w.do(ctx); err != nil {
		return err
	}
	for _, p := range steps {
		if err := w.err(p.n); err != nil && errs[p.i] == nil {
			errs[p.i] = err
		}
		if a, ok := w.result(p.n).(*rop.PropertyProblemsResult); ok && len(a.Problems) > 0 && errs[p.i] == nil {
			errs[p.i] = fmt.Errorf("property %v: %w", a.Problems[0].Tag, a.Problems[0].Code)
		}
	}
	return nil
}

// flagOps are the operations that make a message have the flags and keywords.
func flagOps(now mapi.Properties, keywordTag mapi.Tag, c transport.FlagChange) []rop.RequestBody {
	before := itemprops.StateOf(now)
	after := before.With(c.Flags)
	var set mapi.Properties
	var drop []mapi.Tag
	put := func(tag mapi.Tag, was, is int64) {
		if was != is {
			set = append(set, mapi.Property{Tag: tag, Value: mapi.Int32Value(int32(is))})
		}
	}
	put(mapi.PidTagMessageStatus, before.MessageStatus, after.MessageStatus)
	put(mapi.PidTagLastVerbExecuted, before.LastVerb, after.LastVerb)
	put(mapi.PidTagFlagStatus, before.FlagStatus, after.FlagStatus)
	if before.Icon() != after.Icon() {
		icon := after.Icon()
		if icon == 0 {
			icon = iconRead
		}
		set = append(set, mapi.Property{Tag: mapi.PidTagIconIndex, Value: mapi.Int32Value(int32(icon))})
	}
	if (before.MessageFlags^after.MessageFlags)&itemprops.FlagUnsent != 0 {
		put(mapi.PidTagMessageFlags, before.MessageFlags, after.MessageFlags)
	}
	var had []string
	if v, ok := now.GetID(keywordTag.ID()); ok {
		had = v.Value.Texts()
	}
	switch {
	case slices.Equal(had, c.Keywords):
	case len(c.Keywords) == 0:
		drop = append(drop, keywordTag)
	default:
		set = append(set, mapi.Property{Tag: keywordTag, Value: mapi.MultiStringValue(c.Keywords)})
	}
	var ops []rop.RequestBody
	if len(set) > 0 {
		ops = append(ops, &rop.SetProperties{Props: set})
	}
	if len(drop) > 0 {
		ops = append(ops, &rop.DeleteProperties{Tags: drop})
	}
	if len(ops) > 0 {
		ops = append(ops, &rop.SaveChangesMessage{SaveFlags: rop.KeepOpenReadWrite | rop.ForceSave})
	}
	if (before.MessageFlags^after.MessageFlags)&itemprops.FlagRead != 0 {
		flags := uint8(rop.SuppressReceipt)
		if !c.Flags.Has(transport.Seen) {
			flags = rop.ClearReadFlag
		}
		ops = append(ops, &rop.SetMessageReadFlag{ReadFlags: flags})
	}
	return ops
}

// iconRead is the icon of a mail without marks. [MS-OXOMSG] 2.2.1.10
const iconRead = 0x100

// ids reads keys. Those that name no message of the folder get an error.
func (st *Store) ids(refs []transport.Key, errs []error) (ids []rop.ObjectID, at []int) {
	for i, k := range refs {
		id, _, err := parseKey(k)
		if err != nil {
			errs[i] = err
			continue
		}
		ids, at = append(ids, id), append(at, i)
	}
	return ids, at
}

// Move implements [transport.Mover]. The messages get new keys, which the server
// does not tell.
func (st *Store) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	errs := make([]error, len(refs))
	source, err := st.folderID(ctx, "move", from)
	target, err2 := st.folderID(ctx, "move", to)
	if err == nil {
		err = err2
	}
	move := func(ids []rop.ObjectID) error {
		return st.run(ctx, "move", func(s *session) error {
			b := s.batch("move")
			a := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: source})
			z := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: target})
			// Exchange moves in place; whether the messages are there shows
			// before.
			n := b.two(b.index(a), b.index(z), &rop.MoveCopyMessages{MessageIDs: ids})
			return b.partial(ctx, n)
		})
	}
	inPages(ctx, len(refs), changePage, errs, func(from, to int) error {
		if err != nil {
			return err
		}
		ids, at := st.ids(refs[from:to], errs[from:to])
		st.present(ctx, source, ids, at, errs[from:to])
		return st.each(ids, at, errs[from:to], move)
	})
	out := make([]transport.Result, len(refs))
	for i := range out {
		out[i].Err = fail("move", from, refs[i], errs[i])
	}
	return out
}

// partial sends a request whose operation n may be done in part.
func (b *batch) partial(ctx context.Context, n int) error {
	if err := b.do(ctx); err != nil {
		return err
	}
	b.s.free(b.made()...)
	if err := b.first(); err != nil {
		return err
	}
	if a, ok := b.result(n).(*rop.PartialResult); ok && a.PartialCompletion {
		return fmt.Errorf("%v: %w", b.buf.Requests[n].Body.ROP(), rop.PartiallyComplete)
	}
	return nil
}

// each works on all at once, and where that is done in part, one by one.
func (st *Store) each(ids []rop.ObjectID, at []int, errs []error, work func([]rop.ObjectID) error) error {
	var todo []rop.ObjectID
	var where []int
	for i, id := range ids {
		if errs[at[i]] == nil {
			todo, where = append(todo, id), append(where, at[i])
		}
	}
	if len(todo) == 0 {
		return nil
	}
	err := work(todo)
	if _, ok := codeOf(err); !ok || len(todo) == 1 {
		for _, i := range where {
			errs[i] = err
		}
		return nil
	}
	for i, id := range todo {
		errs[where[i]] = work([]rop.ObjectID{id})
	}
	return nil
}

// absent reports whether a message is not in the folder.
func (st *Store) absent(ctx context.Context, folder rop.ObjectID, key transport.Key) bool {
	id, kind, err := parseKey(key)
	if err != nil || kind != normalItem {
		return false
	}
	errs := make([]error, 1)
	st.present(ctx, folder, []rop.ObjectID{id}, []int{0}, errs)
	return errs[0] != nil && transport.KindOf(errs[0]) == transport.NotFound
}

// present notes which messages are not in the folder.
func (st *Store) present(ctx context.Context, folder rop.ObjectID, ids []rop.ObjectID, at []int, errs []error) {
	err := st.run(ctx, "move", func(s *session) error {
		metas, err := st.look(ctx, s, folder, ids, []mapi.Tag{mapi.PidTagMid})
		for i, m := range metas {
			if m.Gone {
				errs[at[i]] = &transport.Error{Kind: transport.NotFound, Op: "move", Err: errNoItem}
			}
		}
		return err
	})
	for i := range at {
		if err != nil && errs[at[i]] == nil {
			errs[at[i]] = err
		}
	}
}

// Delete implements [transport.Deleter].
func (st *Store) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	errs := make([]error, len(refs))
	id, err := st.folderID(ctx, "delete", f)
	inPages(ctx, len(refs), changePage, errs, func(from, to int) error {
		if err != nil {
			return err
		}
		ids, at := st.ids(refs[from:to], errs[from:to])
		return st.each(ids, at, errs[from:to], func(ids []rop.ObjectID) error {
			return st.run(ctx, "delete", func(s *session) error {
				b := s.batch("delete")
				o := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: id})
				del := &rop.HardDeleteMessages{}
				del.MessageIDs = ids
				return b.partial(ctx, b.in(b.index(o), del))
			})
		})
	})
	for i := range errs {
		// What is not there makes the answer partial.
		if c, ok := codeOf(errs[i]); ok && c == rop.PartiallyComplete && st.absent(ctx, id, refs[i]) {
			errs[i] = nil
		}
		if errs[i] = fail("delete", f, refs[i], errs[i]); errs[i] != nil && transport.KindOf(errs[i]) == transport.NotFound {
			errs[i] = nil
		}
	}
	return errs
}
