package ewstest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Operations about people, zones and identifiers, as far as clients ask for
// them when they start.

// resolveNames looks in the accounts of the server. [MS-OXWSRSLNM]
func resolveNames(c *call) *soapFault {
	what := strings.ToLower(words(c.body.value("UnresolvedEntry")))
	what = strings.TrimPrefix(what, "smtp:")
	full := boolean(c.body.attr("ReturnFullContactData"))
	var found []*mailbox.Mailbox
	for _, m := range c.s.boxes.Mailboxes() {
		a := m.Account()
		if what != "" && (strings.Contains(strings.ToLower(a.Address), what) || strings.Contains(strings.ToLower(a.Name), what)) {
			found = append(found, m)
		}
	}
	set := func() {
		c.w.open("m:ResolutionSet", "IndexedPagingOffset", itoa(len(found)), "TotalItemsInView", itoa(len(found)), "IncludesLastItemInRange", "true")
		for _, m := range found {
			a := m.Account()
			c.w.open("t:Resolution")
			c.w.open("t:Mailbox")
			c.w.elem("t:Name", a.Name)
			c.w.elem("t:EmailAddress", a.Address)
			c.w.elem("t:RoutingType", "SMTP")
			c.w.elem("t:MailboxType", "Mailbox")
			c.w.close()
			if full {
				c.w.open("t:Contact")
				c.w.elem("t:DisplayName", a.Name)
				c.w.open("t:CompleteName")
				c.w.elem("t:FullName", a.Name)
				c.w.close()
				c.w.close()
			}
			c.w.close()
		}
		c.w.close()
	}
	c.begin()
	var more func()
	if len(found) > 1 {
		more = set
	}
	c.message(more, func() (func() error, error) {
		switch len(found) {
		case 0:
			return nil, fail("ErrorNameResolutionNoResults", "No results were found.")
		case 1:
			return func() error { set(); return nil }, nil
		}
		f := fail("ErrorNameResolutionMultipleResults", "Multiple results were found.")
		f.warning = true
		return nil, f
	})
	return nil
}

// zoneNames are those that a client may ask for without naming them.
var zoneNames = []string{
	"UTC", "GMT Standard Time", "W. Europe Standard Time", "Romance Standard Time", "Central Europe Standard Time",
	"Central European Standard Time", "E. Europe Standard Time", "FLE Standard Time", "GTB Standard Time",
	"Russian Standard Time", "Eastern Standard Time", "Central Standard Time", "Mountain Standard Time",
	"Pacific Standard Time", "Alaskan Standard Time", "Hawaiian Standard Time", "India Standard Time",
	"China Standard Time", "Tokyo Standard Time", "AUS Eastern Standard Time", "New Zealand Standard Time",
	"E. South America Standard Time", "South Africa Standard Time", "Arabian Standard Time", "Newfoundland Standard Time",
}

// getTimeZones is GetServerTimeZones. [MS-OXWSGTZ]
func getTimeZones(c *call) *soapFault {
	names := append([]string(nil), zoneNames...)
	if ids := c.body.list("Ids"); len(ids) > 0 {
		names = nil
		for _, n := range ids {
			names = append(names, words(n.text))
		}
	}
	sort.Strings(names)
	full := !strings.EqualFold(c.body.attr("ReturnFullTimeZoneData"), "false")
	c.begin()
	c.message(func() { c.w.empty("m:TimeZoneDefinitions") }, func() (func() error, error) {
		return func() error {
			c.w.open("m:TimeZoneDefinitions")
			for _, name := range names {
				c.timeZone(name, full)
			}
			c.w.close()
			return nil
		}, nil
	})
	return nil
}

// timeZone writes a TimeZoneDefinitionType: the periods, the rule of this year
// as a group, and that it holds always.
func (c *call) timeZone(name string, full bool) {
	iana, ok := timezone.IANA(name)
	if !ok {
		return
	}
	z, ok := timezone.Load(iana)
	if !ok {
		return
	}
	d := timezone.Define(name, z, time.Now().Year(), time.Now().Year())
	rule, ok := d.RuleOf(time.Now().Year())
	if !ok {
		return
	}
	w := c.w
	w.open("t:TimeZoneDefinition", "Id", name, "Name", "("+iana+")")
	defer w.close()
	w.open("t:Periods")
	std, dst := "trule:Microsoft/Registry/"+name+"/1-Standard", "trule:Microsoft/Registry/"+name+"/1-Daylight"
	w.empty("t:Period", "Bias", bias(rule.Bias+rule.StandardBias), "Name", "Standard", "Id", std)
	daylight := rule.Standard.Month != 0 && rule.Daylight.Month != 0
	if daylight {
		w.empty("t:Period", "Bias", bias(rule.Bias+rule.DaylightBias), "Name", "Daylight", "Id", dst)
	}
	w.close()
	if !full {
		return
	}
	w.open("t:TransitionsGroups")
	w.open("t:TransitionsGroup", "Id", "0")
	if daylight {
		for _, t := range []struct {
			to string
			d  timezone.Date
		}{{dst, rule.Daylight}, {std, rule.Standard}} {
			w.open("t:RecurringDayTransition")
			w.elem("t:To", t.to, "Kind", "Period")
			w.elem("t:TimeOffset", fmt.Sprintf("PT%dH%dM", t.d.Hour, t.d.Minute))
			w.int("t:Month", int64(t.d.Month))
			w.elem("t:DayOfWeek", weekdays[t.d.DayOfWeek%7])
			week := int64(t.d.Day)
			if week >= 5 {
				week = -1
			}
			w.int("t:Occurrence", week)
			w.close()
		}
	} else {
		w.open("t:Transition")
		w.elem("t:To", std, "Kind", "Period")
		w.close()
	}
	w.close()
	w.close()
	w.open("t:Transitions")
	w.open("t:Transition")
	w.elem("t:To", "0", "Kind", "Group")
	w.close()
	w.close()
}

// bias is minutes west of Greenwich as a duration.
func bias(n int32) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%sPT%dM", sign, n)
}

// convertID changes the form of an identifier; those of this server have one
// content in every form. [MS-OXWSCVTID]
func convertID(c *call) *soapFault {
	format := c.body.attr("DestinationFormat")
	c.begin()
	for _, n := range c.body.list("SourceIds") {
		c.message(nil, func() (func() error, error) {
			id := n.attr("Id")
			raw, err := base64.StdEncoding.DecodeString(id)
			if strings.HasPrefix(n.attr("Format"), "Hex") {
				raw, err = hex.DecodeString(id)
			}
			if err == nil {
				id = base64.StdEncoding.EncodeToString(raw)
			}
			ref, ok := c.s.reference(id)
			if !ok || err != nil {
				return nil, fail("ErrorInvalidIdMalformed", "Id is malformed.")
			}
			if strings.HasPrefix(format, "Hex") {
				id = hex.EncodeToString(raw)
			}
			return func() error {
				c.w.empty("m:AlternateId", "xsi:type", "t:AlternateIdType", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance",
					"Format", format, "Id", id, "Mailbox", ref.m.Address())
				return nil
			}, nil
		})
	}
	return nil
}

// plainReply starts an answer of the kind that is its own response message.
func (c *call) plainReply() {
	c.w.envelope(c.s.o.Version)
	c.w.open("m:"+c.op+"Response", "xmlns:m", nsMessages, "xmlns:t", nsTypes, "ResponseClass", "Success")
}

// getRoomLists says that there are none. [MS-OXWSGTRM]
func getRoomLists(c *call) *soapFault {
	c.plainReply()
	c.w.elem("m:ResponseCode", "NoError")
	c.w.empty("m:RoomLists")
	return nil
}

// getOof says that nobody is away. [MS-OXWSOOF]
func getOof(c *call) *soapFault {
	w := c.w
	w.envelope(c.s.o.Version)
	w.open("m:GetUserOofSettingsResponse", "xmlns:m", nsMessages, "xmlns:t", nsTypes)
	w.open("m:ResponseMessage", "ResponseClass", "Success")
	w.elem("m:ResponseCode", "NoError")
	w.close()
	w.open("t:OofSettings")
	w.elem("t:OofState", "Disabled")
	w.elem("t:ExternalAudience", "None")
	w.close()
	w.elem("m:AllowExternalOof", "All")
	return nil
}
