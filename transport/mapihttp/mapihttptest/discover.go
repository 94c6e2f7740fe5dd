package mapihttptest

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// serveDiscover answers Autodiscover for clients that speak this protocol.
// [MS-OXDSCLI] 2.2.4
func (s *Server) serveDiscover(w http.ResponseWriter, r *http.Request) {
	// Whoever may log in may ask.
	if _, ok := s.login(w, r); !ok {
		return
	}
	var doc struct {
		Request struct {
			Address string `xml:"EMailAddress"`
		}
	}
	if err := xml.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&doc); err != nil {
		http.Error(w, "not an Autodiscover request", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	const frame = xml.Header + `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">%s</Response></Autodiscover>`
	box, ok := s.boxes.Mailbox(doc.Request.Address)
	if !ok {
		fmt.Fprintf(w, frame, `<Error><ErrorCode>500</ErrorCode><Message>The email address can't be found.</Message></Error>`)
		return
	}
	text := func(t string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(t)) // to memory
		return b.String()
	}
	id := fmt.Sprintf("?MailboxId=%s", text(box.Address()))
	protocol := ""
	if r.Header.Get("X-MapiHttpCapability") != "" {
		protocol = fmt.Sprintf(`<Protocol Type="mapiHttp" Version="1"><MailStore><ExternalUrl>%s</ExternalUrl></MailStore><AddressBook><ExternalUrl>%s</ExternalUrl></AddressBook></Protocol>`,
			text(s.URL())+id, text(s.AddressBookURL())+id)
	}
	fmt.Fprintf(w, frame, fmt.Sprintf(`<User><AutoDiscoverSMTPAddress>%s</AutoDiscoverSMTPAddress><DisplayName>%s</DisplayName><LegacyDN>%s</LegacyDN></User><Account><AccountType>email</AccountType><Action>settings</Action>%s</Account>`,
		text(box.Address()), text(box.Account().Name), text(dn(box)), protocol))
}
