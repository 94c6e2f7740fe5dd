package mapihttp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/nspi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
)

// directoryColumns are what [Directory.Entries] gives.
var directoryColumns = []mapi.Tag{
	mapi.PidTagDisplayName, mapi.PidTagSmtpAddress, mapi.PidTagEmailAddress, mapi.PidTagDisplayType, mapi.PidTagAccount,
	mapi.PidTagTitle, mapi.PidTagDepartmentName, mapi.PidTagCompanyName, mapi.PidTagOfficeLocation, mapi.PidTagBusinessTelephoneNumber,
}

// directoryPage is how many rows one request asks for.
const directoryPage = 200

// A Directory is the address book of the server. It may be used by several
// goroutines at once; one request is on its way at a time. [MS-OXNSPI]
type Directory struct {
	st *Store

	mu    sync.Mutex
	bound bool
	jar   cookies
	smtp  map[string]string // legacyExchangeDN in lower case to SMTP address, "" where it is not known
}

// Directory is the address book. Nothing is asked yet.
func (st *Store) Directory() *Directory { return &Directory{st: st, smtp: map[string]string{}} }

// endpoint is the URL of the address book.
func (d *Directory) endpoint() (string, error) {
	d.st.mu.Lock()
	s := d.st.o.AddressBook
	d.st.mu.Unlock()
	if s != "" {
		return s, nil
	}
	u, err := url.Parse(d.st.k.web.Endpoint())
	if err != nil || !strings.Contains(u.Path, "/emsmdb") {
		return "", &transport.Error{
			Kind: transport.Usage, Op: "address book", Err: errors.New("the endpoint does not tell where the address book is"),
			Remedy: "name an endpoint like https://mail.example/mapi/emsmdb/?MailboxId=..., or the account with dn=",
		}
	}
	u.Path = strings.Replace(u.Path, "/emsmdb", "/nspi", 1)
	return u.String(), nil
}

func stat(current nspi.MinimalID) *nspi.Stat {
	return &nspi.Stat{CurrentRec: current, CodePage: codePage, TemplateLocale: locale, SortLocale: locale}
}

// ask sends one request. A session that is lost is begun again, once.
func (d *Directory) ask(ctx context.Context, requestType string, q, a nspi.Body) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for try := 0; ; try++ {
		err := d.once(ctx, requestType, q, a)
		if err != nil {
			d.bound, d.jar = false, cookies{}
		}
		if try == 0 && contextLost(err) {
			continue
		}
		return fail("address book", transport.Folder{}, "", err)
	}
}

func (d *Directory) once(ctx context.Context, requestType string, q, a nspi.Body) error {
	if !d.bound {
		var r nspi.BindResponse
		if err := d.post(ctx, "Bind", &nspi.BindRequest{State: stat(0)}, &r); err != nil {
			return err
		}
		if err := checkStatus("Bind", r.StatusCode, r.ErrorCode); err != nil {
			return err
		}
		d.bound = true
	}
	return d.post(ctx, requestType, q, a)
}

func (d *Directory) post(ctx context.Context, requestType string, q, a nspi.Body) error {
	where, err := d.endpoint()
	if err != nil {
		return err
	}
	body, err := nspi.Marshal(q)
	if err != nil {
		return err
	}
	data, err := d.st.k.post(ctx, "address book", where, requestType, &d.jar, body)
	if err != nil {
		return err
	}
	cs, _ := codepage.Get(codePage)
	if err := nspi.Parse(data, a, cs); err != nil {
		return &transport.Error{Kind: transport.Temporary, Op: "address book", Err: err}
	}
	return nil
}

func checkStatus(what string, status, code uint32) error {
	if status != 0 {
		return fmt.Errorf("%s was not carried out: StatusCode %d", what, status)
	}
	if c := rop.Code(code); c != rop.Success && c != rop.ErrorsReturned {
		return fmt.Errorf("%s: %w", what, c)
	}
	return nil
}

// Close ends the session.
func (d *Directory) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.bound {
		return nil
	}
	d.bound = false
	var r nspi.UnbindResponse
	return d.post(context.Background(), "Unbind", &nspi.UnbindRequest{}, &r)
}

var (
	errUnresolved = errors.New("the address book has no such entry")
	errAmbiguous  = errors.New("the address book has several such entries")
)

// Resolve finds one entry by name, beginning of a name, or address.
// [MS-OXNSPI] 3.1.4.1.17
func (d *Directory) Resolve(ctx context.Context, name string) (mapi.Properties, error) {
	var a nspi.ResolveNamesResponse
	if err := d.ask(ctx, "ResolveNames", &nspi.ResolveNamesRequest{State: stat(0), Columns: directoryColumns, Names: []string{name}}, &a); err != nil {
		return nil, err
	}
	if err := checkStatus("ResolveNames", a.StatusCode, a.ErrorCode); err != nil {
		return nil, fail("address book", transport.Folder{}, "", err)
	}
	e := &transport.Error{Kind: transport.NotFound, Op: "address book", Err: fmt.Errorf("%q: %w", name, errUnresolved)}
	switch {
	case len(a.MinimalIDs) == 1 && a.MinimalIDs[0] == nspi.Ambiguous:
		e.Err = fmt.Errorf("%q: %w", name, errAmbiguous)
		return nil, e
	case len(a.MinimalIDs) != 1 || a.MinimalIDs[0] == nspi.Unresolved || len(a.Rows) == 0:
		return nil, e
	}
	return a.Rows[0].Properties(a.Columns), nil
}

// distinguishedName is the legacyExchangeDN of an address.
func (d *Directory) distinguishedName(ctx context.Context, address string) (string, error) {
	ps, err := d.Resolve(ctx, address)
	if err != nil {
		var e *transport.Error
		if errors.As(err, &e) && e.Kind == transport.NotFound {
			e.Kind, e.Remedy = transport.Unavailable, "name the account with dn=, or leave endpoint= out so that it is looked up"
		}
		return "", err
	}
	dn := ps.Text(mapi.PidTagEmailAddress)
	if dn == "" {
		return "", &transport.Error{Kind: transport.Unavailable, Op: "address book", Err: fmt.Errorf("the entry of %s has no distinguished name", address)}
	}
	return dn, nil
}

// SMTP is the SMTP address of a legacyExchangeDN, "" when the address book does
// not know it. Answers are remembered.
func (d *Directory) SMTP(ctx context.Context, dn string) (string, error) {
	key := strings.ToLower(dn)
	d.mu.Lock()
	address, known := d.smtp[key]
	d.mu.Unlock()
	if known {
		return address, nil
	}
	var m nspi.DNToMIDResponse
	err := d.ask(ctx, "DNToMId", &nspi.DNToMIDRequest{Names: []string{dn}}, &m)
	if err == nil {
		err = checkStatus("DNToMId", m.StatusCode, m.ErrorCode)
	}
	if err != nil {
		return "", fail("address book", transport.Folder{}, "", err)
	}
	if len(m.MinimalIDs) == 1 && m.MinimalIDs[0] != 0 {
		var p nspi.GetPropsResponse
		err := d.ask(ctx, "GetProps", &nspi.GetPropsRequest{State: stat(m.MinimalIDs[0]), Columns: []mapi.Tag{mapi.PidTagSmtpAddress}}, &p)
		if err == nil {
			err = checkStatus("GetProps", p.StatusCode, p.ErrorCode)
		}
		if err != nil {
			return "", fail("address book", transport.Folder{}, "", err)
		}
		address = p.Props.Text(mapi.PidTagSmtpAddress)
	}
	d.mu.Lock()
	if len(d.smtp) < 1<<16 {
		d.smtp[key] = address
	}
	d.mu.Unlock()
	return address, nil
}

// resolveTime bounds a look-up for a conversion, which knows no context.
const resolveTime = 30 * time.Second

// ResolveEX is the SMTP address of an Exchange address, by the address book, so
// that a Store is a Resolver of package mime. What cannot be found out is not
// known.
func (st *Store) ResolveEX(dn string) (string, bool) {
	st.mu.Lock()
	if st.book == nil && !st.closed {
		st.book = st.Directory()
	}
	d := st.book
	st.mu.Unlock()
	if d == nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	smtp, err := d.SMTP(ctx, dn)
	return smtp, err == nil && smtp != ""
}

// Entries lists the whole address book.
func (d *Directory) Entries(ctx context.Context) iter.Seq2[mapi.Properties, error] {
	return func(yield func(mapi.Properties, error) bool) {
		at := stat(nspi.BeginningOfTable)
		for {
			var a nspi.QueryRowsResponse
			err := d.ask(ctx, "QueryRows", &nspi.QueryRowsRequest{State: at, RowCount: directoryPage, Columns: directoryColumns}, &a)
			if err == nil {
				err = checkStatus("QueryRows", a.StatusCode, a.ErrorCode)
			}
			if err != nil {
				yield(nil, fail("address book", transport.Folder{}, "", err))
				return
			}
			for i := range a.Rows {
				if !yield(a.Rows[i].Properties(a.Columns), nil) {
					return
				}
			}
			if len(a.Rows) == 0 || a.State == nil || a.State.CurrentRec == nspi.EndOfTable || a.State.CurrentRec == at.CurrentRec {
				return
			}
			at = a.State
		}
	}
}
