package graph_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
)

// resource reads a resource as the service tells it.
func resource(t *testing.T, s *graphtest.Server, path string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/users/zoe@"+s.Tenant()+"/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token("zoe@"+s.Tenant()))
	req.Header.Set("Prefer", `IdType="ImmutableId"`)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v %v", resp.Status, err, doc)
	}
	return doc
}

// A meeting that recurs, by json: the rule is there, the attendees are where
// they do no harm, and nobody gets an invitation.
func TestMeetingsByJSON(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	g := open(t, s, "route", "json")
	berlin, ok := timezone.Load("Europe/Berlin")
	if !ok {
		t.Fatal("no zone")
	}
	begin := time.Date(2024, 3, 25, 8, 30, 0, 0, time.UTC) // a Monday, 9:30 in Berlin
	m := eventOf(5, begin)
	p := &m.Props
	p.SetName(mapi.PidLidAppointmentStartWhole, mapi.TimeValue(begin))
	p.SetName(mapi.PidLidAppointmentEndWhole, mapi.TimeValue(begin.Add(time.Hour)))
	p.SetName(mapi.PidLidAppointmentTimeZoneDefinitionRecur, mapi.BinaryValue(timezone.AppendDefinition(nil, timezone.Define("W. Europe Standard Time", berlin, 2024, 2024))))
	rule := recurrence.Pattern{Frequency: recurrence.Weekly, Type: recurrence.Week, Period: 2, Weekdays: 1<<1 | 1<<4, EndType: recurrence.EndCount, OccurrenceCount: 7, FirstDOW: 1, StartDate: recurrence.At(time.Date(2024, 3, 25, 0, 0, 0, 0, time.UTC))}
	rule.Complete()
	p.SetName(mapi.PidLidAppointmentRecur, mapi.BinaryValue(recurrence.Append(nil, recurrence.New(rule, 570, 630))))
	p.SetName(mapi.PidLidRecurring, mapi.BoolValue(true))
	p.Set(mapi.PidTagSensitivity, mapi.Int32Value(2))
	_, r := putIn(t, g, transport.Folder{Path: []string{"Calendar"}, Role: transport.RoleCalendar, Class: "IPF.Appointment"}, transport.Meta{Class: "IPM.Appointment"}, m)
	if out := s.Outbox(); len(out) > 0 {
		t.Fatalf("%d invitations were sent", len(out))
	}
	if !lossOf(r, "attendee Ben <ben@mixed.example>") {
		t.Errorf("losses %v", r.Losses)
	}
	e := resource(t, s, "events/"+string(r.Ref))
	if list, _ := e["attendees"].([]any); len(list) > 0 {
		t.Errorf("attendees %v", list)
	}
	get := func(path ...string) any {
		var v any = e
		for _, n := range path {
			o, _ := v.(map[string]any)
			v = o[n]
		}
		return v
	}
	if b, _ := get("body", "content").(string); !strings.Contains(b, "ben@mixed.example") || !strings.Contains(b, "agenda") {
		t.Errorf("the body is %q", b)
	}
	for want, got := range map[string]any{
		"private": get("sensitivity"), "busy": get("showAs"), "Room 1": get("location", "displayName"),
		"weekly": get("recurrence", "pattern", "type"), "monday": get("recurrence", "pattern", "firstDayOfWeek"), "numbered": get("recurrence", "range", "type"), "2024-03-25": get("recurrence", "range", "startDate"),
	} {
		if got != want {
			t.Errorf("%v is not %q", got, want)
		}
	}
	if n, _ := get("recurrence", "range", "numberOfOccurrences").(float64); n != 7 {
		t.Errorf("%v occurrences", n)
	}
}

// Contacts and tasks are what they were, where the service tells their fields
// only.
func TestContactsAndTasksByTheirResources(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{Cloud: "china"})
	g := open(t, s, "cloud", "china")
	c := contactOf(6)
	for tag, v := range map[mapi.Tag]string{
		mapi.PidTagGivenName: "Łucja", mapi.PidTagCompanyName: "Works", mapi.PidTagTitle: "Director", mapi.PidTagBusinessTelephoneNumber: "+48 1", mapi.PidTagBusiness2TelephoneNumber: "+48 2",
		mapi.PidTagMobileTelephoneNumber: "+48 3", mapi.PidTagHomeAddressCity: "Łódź", mapi.PidTagHomeAddressCountry: "Poland", mapi.PidTagBody: "met in 2020", mapi.PidTagDisplayNamePrefix: "Dr.",
	} {
		c.Props.Set(tag, text(v))
	}
	c.Props.SetName(mapi.PidLidWorkAddressStreet, text("Main Street 1"))
	c.Props.SetName(mapi.PidLidEmail2EmailAddress, text("second@mixed.example"))
	c.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{"Friends", "Work"}))
	f, r := putIn(t, g, transport.Folder{Path: []string{"Contacts"}, Role: transport.RoleContacts, Class: "IPF.Contact"}, transport.Meta{Class: "IPM.Contact", Token: "c"}, c)
	back := fetchObject(t, g, f, r.Ref)
	for _, d := range mapitest.Diff(c, back.Object) {
		if strings.Contains(d, "only in the second") || strings.Contains(d, "PidTagMessageFlags") {
			continue
		}
		t.Errorf("contact: %s", d)
	}
	for m, err := range g.Since(t.Context(), f, "") {
		if err != nil || m.Token != "c" {
			t.Errorf("%+v %v", m, err)
		}
	}

	task := taskOf(7, arrival)
	task.Props.Set(mapi.PidTagImportance, mapi.Int32Value(2))
	task.Props.Set(mapi.PidTagBody, text("what is to do"))
	task.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{"Home"}))
	f, r = putIn(t, g, transport.Folder{Path: []string{"Tasks"}, Role: transport.RoleTasks, Class: "IPF.Task"}, transport.Meta{Class: "IPM.Task", Token: "t"}, task)
	back = fetchObject(t, g, f, r.Ref)
	for _, d := range mapitest.Diff(task, back.Object) {
		if !strings.Contains(d, "only in the second") && !strings.Contains(d, "PidTagMessageFlags") {
			t.Errorf("task: %s", d)
		}
	}
	for m, err := range g.Since(t.Context(), f, "") {
		if err != nil || m.Token != "t" {
			t.Errorf("%+v %v", m, err)
		}
	}
	// No resource takes a list of people.
	list := contactOf(1)
	list.Props.Set(mapi.PidTagMessageClass, text("IPM.DistList"))
	if f, err := g.Ensure(t.Context(), transport.Folder{Path: []string{"Contacts"}, Role: transport.RoleContacts, Class: "IPF.Contact"}); err != nil {
		t.Error(err)
	} else if _, err := g.Put(t.Context(), f, transport.Meta{}, &transport.Content{Form: transport.FormObject, Object: list}); transport.KindOf(err) != transport.Rejected {
		t.Errorf("a distribution list: %v", err)
	}
}
