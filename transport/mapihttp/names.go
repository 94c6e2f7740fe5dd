package mapihttp

import (
	"context"
	"sync"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
)

// A nameMap remembers which identifiers the mailbox gives to names.
type nameMap struct {
	mu   *sync.Mutex
	ids  map[mapi.Name]uint16
	name map[uint16]*mapi.Name // nil for an identifier without a name
}

func newNameMap() nameMap {
	return nameMap{mu: &sync.Mutex{}, ids: map[mapi.Name]uint16{}, name: map[uint16]*mapi.Name{}}
}

// maxNames bounds what one request asks for.
const maxNames = 200

// propertyIDs gives the identifiers of names, 0 for one that the mailbox does not
// know. With create it makes those that it does not have.
func (st *Store) propertyIDs(ctx context.Context, s *session, names []mapi.Name, create bool) ([]uint16, error) {
	m := &st.names
	ids := make([]uint16, len(names))
	var ask []*mapi.Name
	var at []int
	m.mu.Lock()
	for i := range names {
		if ids[i] = m.ids[names[i]]; ids[i] == 0 {
			ask = append(ask, &names[i])
			at = append(at, i)
		}
	}
	m.mu.Unlock()
	for len(ask) > 0 {
		n := min(len(ask), maxNames)
		q := &rop.GetPropertyIDsFromNames{Names: ask[:n]}
		if create {
			q.Flags = rop.NamesCreate
		}
		b := s.batch("names")
		k := b.in(b.put(s.logon), q)
		if err := b.do(ctx); err != nil {
			return nil, err
		}
		a, ok := b.result(k).(*rop.GetPropertyIDsFromNamesResult)
		if !ok {
			return nil, b.err(k)
		}
		m.mu.Lock()
		for i := range min(n, len(a.IDs)) {
			ids[at[i]] = a.IDs[i]
			if a.IDs[i] != 0 {
				m.ids[*ask[i]], m.name[a.IDs[i]] = a.IDs[i], ask[i]
			}
		}
		m.mu.Unlock()
		ask, at = ask[n:], at[n:]
	}
	return ids, nil
}

// nameProperties puts names to the properties that have an identifier of the
// named range.
func (st *Store) nameProperties(ctx context.Context, s *session, ps mapi.Properties) error {
	m := &st.names
	var ask []uint16
	m.mu.Lock()
	for _, p := range ps {
		if _, known := m.name[p.Tag.ID()]; p.Tag.Named() && p.Name == nil && !known {
			ask = append(ask, p.Tag.ID())
		}
	}
	m.mu.Unlock()
	for len(ask) > 0 {
		n := min(len(ask), maxNames)
		b := s.batch("names")
		k := b.in(b.put(s.logon), &rop.GetNamesFromPropertyIDs{IDs: ask[:n]})
		if err := b.do(ctx); err != nil {
			return err
		}
		a, ok := b.result(k).(*rop.GetNamesFromPropertyIDsResult)
		if !ok {
			return b.err(k)
		}
		m.mu.Lock()
		for i := range min(n, len(a.Names)) {
			m.name[ask[i]] = a.Names[i]
			if a.Names[i] != nil {
				m.ids[*a.Names[i]] = ask[i]
			}
		}
		m.mu.Unlock()
		ask = ask[n:]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range ps {
		if ps[i].Tag.Named() && ps[i].Name == nil {
			ps[i].Name = m.name[ps[i].Tag.ID()]
		}
	}
	return nil
}

// tagProperties gives named properties the identifiers of the mailbox, in a
// copy.
func (st *Store) tagProperties(ctx context.Context, s *session, ps mapi.Properties) (mapi.Properties, error) {
	var names []mapi.Name
	for _, p := range ps {
		if p.Name != nil {
			names = append(names, *p.Name)
		}
	}
	ids, err := st.propertyIDs(ctx, s, names, true)
	if err != nil {
		return nil, err
	}
	out := ps.Clone()
	for i := range out {
		if out[i].Name != nil {
			out[i].Tag, ids = mapi.NewTag(ids[0], out[i].Value.Type()), ids[1:]
			out[i].Name = nil
		}
	}
	return out, nil
}
