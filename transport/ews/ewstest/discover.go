package ewstest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Autodiscover: POX [MS-OXDSCLI], SOAP [MS-OXWSADISC], and JSON v2.

const (
	nsPOXResponse = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	nsPOXOutlook  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
	nsDiscover    = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
)

// discoverBody reads a request; when it says no, it has answered.
func (s *Server) discoverBody(w http.ResponseWriter, r *http.Request) (*node, bool) {
	root, err := parse(io.LimitReader(r.Body, 1<<20), s.boxes.Spool())
	if err != nil {
		http.Error(w, "the request is no XML", http.StatusBadRequest)
		return nil, false
	}
	return root, true
}

func (s *Server) serveDiscoverPOX(w http.ResponseWriter, r *http.Request) {
	s.count("Autodiscover")
	if _, ok := s.login(w, r); !ok {
		return
	}
	if r.Method != http.MethodPost {
		// Clients that look for the address with GET get an error document.
		s.discoverError(w, "600", "Invalid Request")
		return
	}
	root, ok := s.discoverBody(w, r)
	if !ok {
		return
	}
	req := root.child("Request")
	if !strings.EqualFold(words(req.value("AcceptableResponseSchema")), nsPOXOutlook) {
		s.discoverError(w, "601", "Provider is not available")
		return
	}
	m, found := s.boxes.Mailbox(words(req.value("EMailAddress")))
	if !found {
		s.discoverError(w, "500", "The email address can't be found.")
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	x := newWriter(w, Quirks{})
	x.raw(`<?xml version="1.0" encoding="utf-8"?>`)
	x.open("Autodiscover", "xmlns", nsPOXResponse)
	x.open("Response", "xmlns", nsPOXOutlook)
	x.open("User")
	a := m.Account()
	x.elem("DisplayName", a.Name)
	x.elem("AutoDiscoverSMTPAddress", a.Address)
	x.close()
	x.open("Account")
	x.elem("AccountType", "email")
	x.elem("Action", "settings")
	x.elem("MicrosoftOnline", "False")
	for _, kind := range []string{"EXCH", "EXPR"} {
		x.open("Protocol")
		x.elem("Type", kind)
		x.elem("Server", s.Host())
		x.elem("ServerVersion", "738180DA")
		x.elem("AuthPackage", "anonymous")
		x.elem("EwsUrl", s.URL())
		x.elem("ASUrl", s.URL())
		x.elem("OOFUrl", s.URL())
		x.close()
	}
	if a.Archive {
		x.open("AlternativeMailbox")
		x.elem("Type", "Archive")
		x.elem("DisplayName", "Archive - "+a.Name)
		x.elem("SmtpAddress", a.Address)
		x.elem("OwnerSmtpAddress", a.Address)
		x.close()
	}
	x.end()
	_ = x.flush()
}

func (s *Server) discoverError(w http.ResponseWriter, code, text string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	x := newWriter(w, Quirks{})
	x.raw(`<?xml version="1.0" encoding="utf-8"?>`)
	x.open("Autodiscover", "xmlns", nsPOXResponse)
	x.open("Response")
	x.open("Error", "Time", s.boxes.Now().Format("15:04:05.0000000"), "Id", "2477272013")
	x.elem("ErrorCode", code)
	x.elem("Message", text)
	x.empty("DebugData")
	x.end()
	_ = x.flush()
}

// serveDiscoverSOAP answers GetUserSettings. [MS-OXWSADISC] 3.1.4.3
func (s *Server) serveDiscoverSOAP(w http.ResponseWriter, r *http.Request) {
	s.count("GetUserSettings")
	if _, ok := s.login(w, r); !ok {
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "", http.StatusMethodNotAllowed)
		return
	}
	root, ok := s.discoverBody(w, r)
	if !ok {
		return
	}
	req := root.path("Body", "GetUserSettingsRequestMessage", "Request")
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	x := newWriter(w, Quirks{})
	x.raw(`<?xml version="1.0" encoding="utf-8"?>`)
	x.open("s:Envelope", "xmlns:s", nsSOAP, "xmlns:a", "http://www.w3.org/2005/08/addressing")
	x.open("s:Header")
	x.elem("a:Action", nsDiscover+"/Autodiscover/GetUserSettingsResponse", "s:mustUnderstand", "1")
	b := builds["Exchange2016"]
	x.open("h:ServerVersionInfo", "xmlns:h", nsDiscover)
	x.elem("h:MajorVersion", b[0])
	x.elem("h:MinorVersion", b[1])
	x.elem("h:MajorBuildNumber", b[2])
	x.elem("h:MinorBuildNumber", b[3])
	x.elem("h:Version", "Exchange2015")
	x.close()
	x.close()
	x.open("s:Body")
	x.open("GetUserSettingsResponseMessage", "xmlns", nsDiscover)
	x.open("Response", "xmlns:i", "http://www.w3.org/2001/XMLSchema-instance")
	x.elem("ErrorCode", "NoError")
	x.empty("ErrorMessage")
	x.open("UserResponses")
	for _, u := range req.list("Users") {
		x.open("UserResponse")
		m, found := s.boxes.Mailbox(words(u.value("Mailbox")))
		if !found {
			x.elem("ErrorCode", "InvalidUser")
			x.elem("ErrorMessage", "Invalid user: '"+u.value("Mailbox")+"'")
			x.close()
			continue
		}
		x.elem("ErrorCode", "NoError")
		x.elem("ErrorMessage", "No error.")
		x.empty("RedirectTarget", "i:nil", "true")
		x.empty("UserSettingErrors")
		x.open("UserSettings")
		for _, n := range req.list("RequestedSettings") {
			if v := s.setting(m, words(n.text)); v != "" {
				x.open("UserSetting", "i:type", "StringSetting")
				x.elem("Name", words(n.text))
				x.elem("Value", v)
				x.close()
			}
		}
		x.close()
		x.close()
	}
	x.end()
	_ = x.flush()
}

func (s *Server) setting(m *mailbox.Mailbox, name string) string {
	switch a := m.Account(); name {
	case "InternalEwsUrl", "ExternalEwsUrl":
		return s.URL()
	case "UserDisplayName":
		return a.Name
	case "AutoDiscoverSMTPAddress":
		return a.Address
	case "EwsSupportedSchemas":
		var l []string
		for _, v := range versions {
			if strings.HasPrefix(v, "Exchange") && s.speaks(v) {
				l = append(l, v)
			}
		}
		return strings.Join(l, ", ")
	case "CasVersion":
		b := builds["Exchange2016"]
		return strings.Join(b[:4], ".")
	}
	return ""
}

// serveDiscoverJSON answers version 2: it needs no login, and tells only where
// to go.
func (s *Server) serveDiscoverJSON(w http.ResponseWriter, r *http.Request) {
	s.count("AutodiscoverV2")
	q := r.URL.Query()
	get := func(name string) string {
		for k, v := range q {
			if strings.EqualFold(k, name) && len(v) > 0 {
				return v[0]
			}
		}
		return ""
	}
	reply := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	failed := func(status int, code, text string) {
		reply(status, map[string]string{"ErrorCode": code, "ErrorMessage": text})
	}
	address := get("Email")
	if i := strings.LastIndex(r.URL.Path, "/"); address == "" && strings.Contains(r.URL.Path[i:], "@") {
		address = r.URL.Path[i+1:]
	}
	var target string
	switch protocol := get("Protocol"); strings.ToLower(protocol) {
	case "ews":
		target = s.URL()
	case "autodiscoverv1":
		target = s.AutodiscoverURL()
	case "":
		failed(http.StatusBadRequest, "MandatoryParameterMissing", "A valid value must be provided for the query parameter 'Protocol'")
		return
	default:
		failed(http.StatusBadRequest, "InvalidProtocol", "The given protocol value '"+protocol+"' is invalid. Supported values are 'AutodiscoverV1,Ews'")
		return
	}
	if address == "" {
		failed(http.StatusBadRequest, "MandatoryParameterMissing", "A valid smtp address must be provided")
		return
	}
	if _, ok := s.boxes.Mailbox(address); !ok {
		failed(http.StatusNotFound, "UserNotFound", "The given user is not found")
		return
	}
	reply(http.StatusOK, map[string]string{"Protocol": get("Protocol"), "Url": target})
}

func (s *Server) count(op string) {
	s.mu.Lock()
	s.counts[op]++
	s.mu.Unlock()
}
