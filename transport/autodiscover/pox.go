package autodiscover

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

const (
	requestSchema  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
	responseSchema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)

// request is an Autodiscover request. [MS-OXDSCLI] 2.2.3
func request(email string) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="` + requestSchema + `"><Request><EMailAddress>`)
	_ = xml.EscapeText(&b, []byte(email)) // to memory
	b.WriteString(`</EMailAddress><AcceptableResponseSchema>` + responseSchema + `</AcceptableResponseSchema></Request></Autodiscover>`)
	return b.Bytes()
}

// response is what is read of an answer. [MS-OXDSCLI] 2.2.4
type response struct {
	Response struct {
		User struct {
			Address  string `xml:"AutoDiscoverSMTPAddress"`
			Name     string `xml:"DisplayName"`
			LegacyDN string
		}
		Account struct {
			Action       string
			RedirectAddr string
			RedirectURL  string `xml:"RedirectUrl"`
			Protocol     []protocol
		}
		Error *struct {
			Code    string `xml:"ErrorCode"`
			Message string
		}
	}
}

type protocol struct {
	TypeAttr    string `xml:"Type,attr"`
	Type        string
	EWS         string `xml:"EwsUrl"`
	AS          string `xml:"ASUrl"`
	MailStore   urls
	AddressBook urls
}

// urls are for clients outside and inside of the organisation; the first is
// taken, as it is the one that is reached from everywhere.
type urls struct {
	External string `xml:"ExternalUrl"`
	Internal string `xml:"InternalUrl"`
}

func (u urls) best() string {
	if u.External != "" {
		return u.External
	}
	return u.Internal
}

// maxAnswer bounds an answer.
const maxAnswer = 1 << 20

func readResponse(r io.Reader) (*response, error) {
	var doc response
	if err := xml.NewDecoder(io.LimitReader(r, maxAnswer)).Decode(&doc); err != nil {
		return nil, fmt.Errorf("the answer is not Autodiscover: %w", err)
	}
	return &doc, nil
}

// settings are those of an answer without redirects and errors. EXPR is for
// clients outside, EXCH for those inside, EXHTTP for both. [MS-OXDSCLI]
// 2.2.4.1.1.2.6.48
func (doc *response) settings() *Settings {
	u := doc.Response.User
	s := &Settings{Address: u.Address, DisplayName: u.Name, LegacyDN: u.LegacyDN}
	rank := map[string]int{"EXHTTP": 3, "EXPR": 2, "EXCH": 1}
	best := 0
	for _, p := range doc.Response.Account.Protocol {
		if strings.EqualFold(p.TypeAttr, "mapiHttp") {
			s.MailStore, s.AddressBook = p.MailStore.best(), p.AddressBook.best()
			continue
		}
		ews := p.EWS
		if ews == "" {
			ews = p.AS
		}
		if n := rank[strings.ToUpper(p.Type)]; ews != "" && n > best {
			s.EWS, best = ews, n
		}
	}
	return s
}
