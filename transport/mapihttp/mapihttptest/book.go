package mapihttptest

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/nspi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// bookTypes are the requests of the address book endpoint. [MS-OXCMAPIHTTP]
// 2.2.5
var bookTypes = map[string]requestType{
	"Bind":         {do: (*call).bind, begin: true},
	"Unbind":       {do: (*call).unbind, end: true},
	"ResolveNames": {do: (*call).resolveNames},
	"DNToMId":      {do: (*call).dnToMID},
	"GetProps":     {do: (*call).getProps},
	"QueryRows":    {do: (*call).queryRows},
	"PING":         {do: func(*call) ([]byte, error) { return nil, nil }},
}

// firstMID is the minimal identifier of the first entry; those below have
// meanings of their own. [MS-OXNSPI] 2.2.1.9
const firstMID nspi.MinimalID = 0x10

// unicodePage is the code page of answers in Unicode.
const unicodePage = 1200

func (c *call) parseBook(into nspi.Body) error {
	if err := nspi.Parse(c.body, into, nil); err != nil {
		return &codeError{codeInvalidBody, err.Error()}
	}
	return nil
}

func (c *call) bind() ([]byte, error) {
	var r nspi.BindRequest
	if err := c.parseBook(&r); err != nil {
		return nil, err
	}
	return nspi.Marshal(&nspi.BindResponse{ServerGUID: c.box.GUID()})
}

func (c *call) unbind() ([]byte, error) {
	var r nspi.UnbindRequest
	if err := c.parseBook(&r); err != nil {
		return nil, err
	}
	return nspi.Marshal(&nspi.UnbindResponse{ErrorCode: 1})
}

// entries are the mailboxes by their names, which is the order of the book.
func (c *call) entries() []*mailbox.Mailbox {
	return slices.SortedFunc(slices.Values(c.s.boxes.Mailboxes()), func(a, b *mailbox.Mailbox) int {
		return strings.Compare(strings.ToLower(a.Account().Name), strings.ToLower(b.Account().Name))
	})
}

// entry is the properties of an entry. [MS-OXOABK] 2.2.3
func entry(m *mailbox.Mailbox, mid nspi.MinimalID) mapi.Properties {
	a := m.Account()
	login := a.Login
	if login == "" {
		login, _, _ = strings.Cut(a.Address, "@")
	}
	name := dn(m)
	// PermanentEntryID, [MS-OXNSPI] 2.2.9.3
	id := []byte{0, 0, 0, 0}
	uid := mapi.MustGUID("C840A7DC-42C0-1A10-B4B9-08002B2FE182")
	id = append(id, uid[:]...)
	id = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(id, 1), 0)
	id = append(append(id, name...), 0)
	var ps mapi.Properties
	ps.Set(mapi.PidTagDisplayName, mapi.StringValue(a.Name))
	ps.Set(mapi.PidTagSmtpAddress, mapi.StringValue(a.Address))
	ps.Set(mapi.PidTagEmailAddress, mapi.StringValue(name))
	ps.Set(mapi.PidTagAddressType, mapi.StringValue("EX"))
	ps.Set(mapi.PidTagAccount, mapi.StringValue(login))
	ps.Set(mapi.PidTagDisplayType, mapi.Int32Value(0))
	ps.Set(mapi.PidTagObjectType, mapi.Int32Value(6))
	ps.Set(mapi.PidTagEntryId, mapi.BinaryValue(id))
	ps.Set(mapi.PidTagTransmittableDisplayName, mapi.StringValue(a.Name))
	ps.Set(mapi.PidTagAddressBookProxyAddresses, mapi.MultiStringValue(proxies(a)))
	ps.Set(mapi.PidTagInstanceKey, mapi.BinaryValue(binary.LittleEndian.AppendUint32(nil, mid)))
	return ps
}

func proxies(a mailbox.Account) []string {
	list := []string{"SMTP:" + a.Address}
	for _, alias := range a.Aliases {
		list = append(list, "smtp:"+alias)
	}
	return list
}

// defaultColumns are those of an answer to a request that names none.
var defaultColumns = []mapi.Tag{mapi.PidTagDisplayName, mapi.PidTagSmtpAddress, mapi.PidTagEmailAddress, mapi.PidTagDisplayType}

func row(ps mapi.Properties, columns []mapi.Tag) nspi.Row {
	var r nspi.Row
	for _, tag := range columns {
		v, ok := ps.Get(tag)
		if ok {
			v, ok = retype(v, tag.Type())
		}
		if !ok {
			v = rop.ErrorValue(rop.NotFound)
			r.Flagged = true
		}
		r.Values = append(r.Values, v)
	}
	return r
}

// resolveNames finds entries by what a person types. [MS-OXNSPI] 3.1.4.1.17
func (c *call) resolveNames() ([]byte, error) {
	var r nspi.ResolveNamesRequest
	if err := c.parseBook(&r); err != nil {
		return nil, err
	}
	res := nspi.ResolveNamesResponse{CodePage: unicodePage, Columns: r.Columns}
	if len(res.Columns) == 0 {
		res.Columns = defaultColumns
	}
	all := c.entries()
	for _, name := range r.Names {
		var found []int
		for i, m := range all {
			if ambiguousMatch(m, name) {
				found = append(found, i)
			}
		}
		switch len(found) {
		case 0:
			res.MinimalIDs = append(res.MinimalIDs, nspi.Unresolved)
		case 1:
			res.MinimalIDs = append(res.MinimalIDs, nspi.Resolved)
			res.Rows = append(res.Rows, row(entry(all[found[0]], firstMID+nspi.MinimalID(found[0])), res.Columns))
		default:
			res.MinimalIDs = append(res.MinimalIDs, nspi.Ambiguous)
		}
	}
	return nspi.Marshal(&res)
}

// ambiguousMatch is ambiguous name resolution: an address, an account, or the
// beginning of a name.
func ambiguousMatch(m *mailbox.Mailbox, name string) bool {
	if exact, ok := strings.CutPrefix(name, "="); ok {
		name = exact
	}
	a := m.Account()
	for _, s := range append([]string{a.Address, a.Login, dn(m)}, a.Aliases...) {
		if s != "" && strings.EqualFold(s, name) {
			return true
		}
	}
	if kind, addr, ok := strings.Cut(name, ":"); ok && strings.EqualFold(kind, "smtp") {
		return ambiguousMatch(m, addr)
	}
	for _, word := range append([]string{a.Name}, strings.Fields(a.Name)...) {
		if name != "" && strings.HasPrefix(strings.ToLower(word), strings.ToLower(name)) {
			return true
		}
	}
	return false
}

func (c *call) dnToMID() ([]byte, error) {
	var r nspi.DNToMIDRequest
	if err := c.parseBook(&r); err != nil {
		return nil, err
	}
	var res nspi.DNToMIDResponse
	all := c.entries()
	for _, name := range r.Names {
		i := slices.IndexFunc(all, func(m *mailbox.Mailbox) bool { return strings.EqualFold(dn(m), name) })
		mid := nspi.Unresolved
		if i >= 0 {
			mid = firstMID + nspi.MinimalID(i)
		}
		res.MinimalIDs = append(res.MinimalIDs, mid)
	}
	return nspi.Marshal(&res)
}

// byMID finds an entry.
func (c *call) byMID(mid nspi.MinimalID) (mapi.Properties, bool) {
	all := c.entries()
	if mid < firstMID || int(mid-firstMID) >= len(all) {
		return nil, false
	}
	return entry(all[mid-firstMID], mid), true
}

func (c *call) getProps() ([]byte, error) {
	var r nspi.GetPropsRequest
	if err := c.parseBook(&r); err != nil {
		return nil, err
	}
	res := nspi.GetPropsResponse{CodePage: unicodePage}
	if r.State == nil {
		return nil, &codeError{codeInvalidBody, "there is no state"}
	}
	ps, ok := c.byMID(r.State.CurrentRec)
	if !ok {
		res.ErrorCode = uint32(rop.NotFound)
		return nspi.Marshal(&res)
	}
	if len(r.Columns) == 0 {
		res.Props = ps
		return nspi.Marshal(&res)
	}
	one := row(ps, r.Columns)
	for i, v := range one.Values {
		res.Props = append(res.Props, mapi.Property{Tag: r.Columns[i].WithType(v.Type()), Value: v})
	}
	if one.Flagged {
		res.ErrorCode = uint32(rop.ErrorsReturned)
	}
	return nspi.Marshal(&res)
}

// queryRows reads the book from a place on, or the entries that are named.
// [MS-OXNSPI] 3.1.4.1.8
func (c *call) queryRows() ([]byte, error) {
	var r nspi.QueryRowsRequest
	if err := c.parseBook(&r); err != nil {
		return nil, err
	}
	if r.State == nil {
		return nil, &codeError{codeInvalidBody, "there is no state"}
	}
	res := nspi.QueryRowsResponse{Columns: r.Columns}
	if len(res.Columns) == 0 {
		res.Columns = defaultColumns
	}
	for _, mid := range r.Explicit {
		ps, _ := c.byMID(mid)
		res.Rows = append(res.Rows, row(ps, res.Columns))
	}
	state := *r.State
	if len(r.Explicit) == 0 {
		all := c.entries()
		at := 0
		switch rec := state.CurrentRec; {
		case rec == nspi.EndOfTable:
			at = len(all)
		case rec >= firstMID:
			at = int(rec - firstMID)
		case rec == nspi.CurrentPosition:
			at = int(state.NumPos)
		}
		at = min(max(at+int(state.Delta), 0), len(all))
		for ; at < len(all) && len(res.Rows) < int(r.RowCount); at++ {
			res.Rows = append(res.Rows, row(entry(all[at], firstMID+nspi.MinimalID(at)), res.Columns))
		}
		state.Delta, state.NumPos, state.TotalRecs = 0, uint32(at), uint32(len(all))
		if state.CurrentRec = nspi.EndOfTable; at < len(all) {
			state.CurrentRec = firstMID + nspi.MinimalID(at)
		}
	}
	res.State = &state
	return nspi.Marshal(&res)
}
