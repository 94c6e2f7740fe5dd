package mapihttp

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
)

// maxIDs bounds the identifiers that a set of deletions may stand for.
const maxIDs = 1 << 20

// A changeList is what one synchronization told.
type changeList struct {
	metas []transport.Meta
	// marked are messages whose read state alone changed.
	marked []rop.ObjectID
	state  syncState
}

// synchronize asks for what changed in a folder since a state.
// [MS-OXCFXICS] 3.3.5.2
func (st *Store) synchronize(ctx context.Context, s *session, folder rop.ObjectID, state syncState, tags []mapi.Tag) (*changeList, error) {
	b := s.batch("list")
	f := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: folder})
	c := b.out(b.index(f), &rop.SynchronizationConfigure{
		SynchronizationType: rop.SyncContents, SendOptions: rop.SendUnicode,
		Flags:      rop.SyncUnicode | rop.SyncReadState | rop.SyncNormal | rop.SyncOnlySpecifiedProps,
		ExtraFlags: rop.SyncExtraEID | rop.SyncExtraMessageSize | rop.SyncExtraCN,
		Tags:       tags,
	})
	b.uploadState(b.index(c), state)
	if err := b.do(ctx); err != nil {
		return nil, err
	}
	defer s.free(b.made()...)
	if err := b.first(); err != nil {
		return nil, err
	}
	buf := st.spool.Create()
	defer buf.Close()
	if err := st.download(ctx, s, "list", b.handle(c), nil, buf); err != nil {
		return nil, err
	}
	blob, err := buf.Blob()
	if err != nil {
		return nil, &transport.Error{Kind: transport.Unavailable, Op: "list", Err: err}
	}
	sec, ok := blob.(mapi.Section)
	if !ok {
		return nil, fmt.Errorf("a spooled stream of type %T", blob)
	}
	return readChanges(fasttransfer.NewLexer(ctx, sec.R, sec.N, &fasttransfer.Options{CodePage: codePage}))
}

// uploadState adds the operations that tell the server a state.
func (b *batch) uploadState(at uint8, state syncState) {
	const piece = 8 << 10
	for _, p := range state.props {
		b.in(at, &rop.SynchronizationUploadStateStreamBegin{StateProperty: p.tag, TransferBufferSize: uint32(len(p.data))})
		for data := p.data; len(data) > 0; data = data[min(piece, len(data)):] {
			b.in(at, &rop.SynchronizationUploadStateStreamContinue{Data: data[:min(piece, len(data))]})
		}
		b.in(at, &rop.SynchronizationUploadStateStreamEnd{})
	}
}

// readChanges reads a contentsSync. [MS-OXCFXICS] 2.2.4.3.2
func readChanges(l *fasttransfer.Lexer) (*changeList, error) {
	out := &changeList{}
	for {
		e, err := l.Next()
		if err == io.EOF {
			return nil, &transport.Error{Kind: transport.Temporary, Op: "list", Err: errors.New("the stream of changes ends without IncrSyncEnd")}
		}
		if err != nil {
			return nil, err
		}
		switch e.Marker {
		case fasttransfer.IncrSyncChg:
			err = out.change(l)
		case fasttransfer.IncrSyncDel:
			err = out.deletions(l)
		case fasttransfer.IncrSyncRead:
			err = out.reads(l)
		case fasttransfer.IncrSyncStateBegin:
			var ps mapi.Properties
			if ps, err = l.Properties(); err == nil {
				out.state = stateOf(ps)
			}
		case fasttransfer.IncrSyncEnd:
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// change reads a messageChangeFull. [MS-OXCFXICS] 2.2.4.3.13
func (c *changeList) change(l *fasttransfer.Lexer) error {
	head, err := l.Properties()
	if err != nil {
		return err
	}
	if e, err := l.Peek(); err != nil || e.Marker != fasttransfer.IncrSyncMessage {
		return err
	}
	l.Next() //nolint:errcheck // it was peeked
	m, err := l.MessageContent()
	if err != nil {
		return err
	}
	mid := objectID(head, mapi.PidTagMid)
	if mid == 0 {
		mid = objectID(m.Props, mapi.PidTagMid)
	}
	if mid == 0 {
		return errors.New("a change names no message")
	}
	ps := m.Props
	for _, p := range head {
		if _, ok := ps.Get(p.Tag); !ok {
			ps = append(ps, p)
		}
	}
	c.metas = append(c.metas, metaOf(ps, mid, normalItem))
	return nil
}

// idsets gives the messages of a set. [MS-OXCFXICS] 2.2.2.4
func idsets(v mapi.Value) ([]rop.ObjectID, error) {
	sets, err := fasttransfer.ParseReplIDSets(v.Raw())
	if err != nil {
		return nil, err
	}
	var list []rop.ObjectID
	for _, s := range sets {
		for _, r := range s.Ranges {
			if r.High < r.Low || r.High-r.Low >= maxIDs || uint64(len(list))+r.High-r.Low >= maxIDs {
				return nil, fmt.Errorf("a set of more than %d identifiers", maxIDs)
			}
			for n := r.Low; n <= r.High; n++ {
				list = append(list, rop.NewObjectID(s.ReplID, n))
			}
		}
	}
	return list, nil
}

func (c *changeList) deletions(l *fasttransfer.Lexer) error {
	ps, err := l.Properties()
	if err != nil {
		return err
	}
	for _, tag := range []mapi.Tag{fasttransfer.MetaTagIdsetDeleted, fasttransfer.MetaTagIdsetNoLongerInScope, fasttransfer.MetaTagIdsetExpired} {
		v, ok := ps.Get(tag)
		if !ok {
			continue
		}
		ids, err := idsets(v)
		if err != nil {
			return err
		}
		for _, id := range ids {
			c.metas = append(c.metas, transport.Meta{Key: keyOf(id, normalItem), Gone: true})
		}
	}
	return nil
}

func (c *changeList) reads(l *fasttransfer.Lexer) error {
	ps, err := l.Properties()
	if err != nil {
		return err
	}
	for _, tag := range []mapi.Tag{fasttransfer.MetaTagIdsetRead, fasttransfer.MetaTagIdsetUnread} {
		if v, ok := ps.Get(tag); ok {
			ids, err := idsets(v)
			if err != nil {
				return err
			}
			c.marked = append(c.marked, ids...)
		}
	}
	return nil
}

// changes synchronizes a folder from a state, and completes what it tells. With
// tokens the marks of runs are told too.
func (st *Store) changes(ctx context.Context, id rop.ObjectID, token string, tokens bool) (list *changeList, err error) {
	state, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	err = st.run(ctx, "list", func(s *session) error {
		tags, err := st.metaColumns(ctx, s, tokens)
		if err != nil {
			return err
		}
		if list, err = st.synchronize(ctx, s, id, state, tags); err != nil {
			return err
		}
		metas, err := st.look(ctx, s, id, list.marked, tags)
		list.metas = append(list.metas, metas...)
		return err
	})
	return list, err
}

// lookPage is how many messages one request looks at.
const lookPage = 20

// look asks for the properties of messages one by one. Those that are gone are
// so marked.
func (st *Store) look(ctx context.Context, s *session, folder rop.ObjectID, ids []rop.ObjectID, tags []mapi.Tag) ([]transport.Meta, error) {
	var out []transport.Meta
	for len(ids) > 0 {
		part := ids[:min(lookPage, len(ids))]
		ids = ids[len(part):]
		b := s.batch("list")
		gets := make([]int, len(part))
		for i, id := range part {
			m := b.out(b.put(s.logon), &rop.OpenMessage{CodePage: rop.LogonCodePage, FolderID: folder, MessageID: id})
			gets[i] = b.in(b.index(m), &rop.GetPropertiesSpecific{WantUnicode: 1, Tags: tags})
		}
		if err := b.do(ctx); err != nil {
			return nil, err
		}
		s.free(b.made()...)
		for i, n := range gets {
			a, ok := b.result(n).(*rop.GetPropertiesSpecificResult)
			if !ok {
				out = append(out, transport.Meta{Key: keyOf(part[i], normalItem), Gone: true})
				continue
			}
			ps := a.Row.Properties()
			if err := st.nameProperties(ctx, s, ps); err != nil {
				return nil, err
			}
			out = append(out, metaOf(ps, part[i], normalItem))
		}
	}
	return out, nil
}

// stateRefused reports whether a server does not take a state, or cannot
// synchronize at all.
func stateRefused(err error) bool {
	if errors.Is(err, errToken) {
		return true
	}
	c, ok := codeOf(err)
	if !ok {
		return false
	}
	switch c {
	case rop.InvalidParameter, rop.CorruptData, rop.NotSupported, rop.GeneralFailure, rop.RpcFormat, rop.NetworkError:
		return true
	}
	return false
}

// synchronized lists a folder by synchronization; false when the server cannot.
func (st *Store) synchronized(ctx context.Context, f transport.Folder, id rop.ObjectID, c *transport.Cursor, yield func(transport.Meta) bool) (bool, error) {
	token := c.Token
	list, err := st.changes(ctx, id, token, false)
	if err != nil && token != "" && stateRefused(err) {
		token = ""
		list, err = st.changes(ctx, id, "", false)
	}
	if err != nil {
		if code, ok := codeOf(err); ok && code == rop.NotSupported {
			c.Token, c.Delta = "", false
			return false, nil
		}
		return false, err
	}
	for _, m := range list.metas {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if m.Gone && token == "" {
			continue
		}
		if !yield(m) {
			return false, errLeft
		}
	}
	c.Token, c.Delta = list.state.token(), token != ""
	return true, nil
}
