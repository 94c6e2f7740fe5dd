package graphtest_test

import (
	"fmt"
	"testing"

	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

func zoned(s string) object { return object{"dateTime": s, "timeZone": "UTC"} }

func TestEvents(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	ev := object{
		"subject": "Standup", "start": object{"dateTime": "2024-03-04T09:00:00", "timeZone": "W. Europe Standard Time"},
		"end":      object{"dateTime": "2024-03-04T09:15:00", "timeZone": "W. Europe Standard Time"},
		"location": object{"displayName": "Room 1"}, "showAs": "tentative", "sensitivity": "private", "isReminderOn": true, "reminderMinutesBeforeStart": 10,
		"body": object{"contentType": "text", "content": "daily"}, "categories": []any{"Team"},
		"recurrence": object{
			"pattern": object{"type": "weekly", "interval": 1, "daysOfWeek": []any{"monday", "friday"}, "firstDayOfWeek": "monday"},
			"range":   object{"type": "numbered", "startDate": "2024-03-04", "numberOfOccurrences": 5},
		},
	}
	o := c.do(201, "POST", "me/events", ev)
	if at(o, "start", "dateTime") != "2024-03-04T08:00:00.0000000" || at(o, "start", "timeZone") != "UTC" || o["type"] != "seriesMaster" || o["showAs"] != "tentative" ||
		at(o, "location", "displayName") != "Room 1" || o["reminderMinutesBeforeStart"] != 10.0 {
		t.Errorf("created: %v", o)
	}
	if r := o["recurrence"].(object); fmt.Sprint(at(r, "pattern", "daysOfWeek")) != "[monday friday]" || at(r, "range", "numberOfOccurrences") != 5.0 || at(r, "pattern", "type") != "weekly" {
		t.Errorf("recurrence: %v", r)
	}
	id := o["id"].(string)
	if o := c.with("Prefer", `outlook.timezone="W. Europe Standard Time"`).get("me/events/" + id + "?$select=start"); at(o, "start", "dateTime") != "2024-03-04T09:00:00.0000000" {
		t.Errorf("in its zone: %v", o)
	}
	if len(s.Outbox()) != 0 {
		t.Fatal("nobody was invited, and a mail went out")
	}
	// Whoever names attendees mails them.
	meeting := object{
		"subject": "Review", "start": zoned("2024-03-05T09:00:00"), "end": zoned("2024-03-05T10:00:00"),
		"attendees": []any{object{"type": "optional", "emailAddress": object{"address": "anna@mailconv.example"}}},
	}
	m := c.do(201, "POST", "me/calendar/events", meeting)
	if out := s.Outbox(); len(out) != 1 || out[0].Via != "events.create" || out[0].Message.Class() != "IPM.Schedule.Meeting.Request" {
		t.Errorf("outbox: %v", out)
	}
	if a := m["attendees"].([]any); len(a) != 1 || at(a[0].(object), "type") != "optional" {
		t.Errorf("attendees: %v", a)
	}
	anna := *c
	anna.token = s.Token("anna@mailconv.example")
	if l, _ := anna.all("me/mailFolders/inbox/messages"); len(l) != 1 || l[0]["@odata.type"] != "#microsoft.graph.eventMessageRequest" {
		t.Errorf("the invitation: %v", l)
	}
	c.do(204, "DELETE", "me/events/"+m["id"].(string), nil)
	if out := s.Outbox(); len(out) != 2 || out[1].Message.Class() != "IPM.Schedule.Meeting.Canceled" {
		t.Errorf("the cancellation: %v", out)
	}
	// Calendars.
	cal := c.do(201, "POST", "me/calendars", object{"name": "Team"})
	c.do(201, "POST", "me/calendars/"+cal["id"].(string)+"/events", object{"subject": "t", "start": zoned("2024-03-05T09:00:00"), "end": zoned("2024-03-05T10:00:00")})
	if l, _ := c.all("me/calendars"); len(l) != 2 {
		t.Errorf("calendars: %v", l)
	}
	if l, _ := c.all("me/calendars/" + cal["id"].(string) + "/events"); len(l) != 1 {
		t.Errorf("events of a calendar: %v", l)
	}
	if l, _ := c.all("me/calendarView?startDateTime=2024-03-04T00:00:00Z&endDateTime=2024-03-05T00:00:00Z"); len(l) != 1 {
		t.Errorf("view: %v", l)
	}
	c.do(400, "POST", "me/events", object{"subject": "no time"})
	c.do(400, "POST", "me/events", object{"start": zoned("2024-03-05T09:00:00"), "end": zoned("2024-03-05T08:00:00")})
	c.do(400, "GET", "me/calendarView", nil)
	if o := c.do(200, "PATCH", "me/events/"+id, object{"subject": "Weekly", "recurrence": nil}); o["subject"] != "Weekly" || o["type"] != "singleInstance" {
		t.Errorf("changed: %v", o)
	}
}

func TestContacts(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	in := object{
		"givenName": "Łucja", "surname": "Nowak", "companyName": "ACME", "emailAddresses": []any{object{"name": "L", "address": "l@x.example"}, object{"address": "m@x.example"}},
		"businessPhones": []any{"+1", "+2"}, "homePhones": []any{"+3"}, "mobilePhone": "+4", "birthday": "1980-02-29T00:00:00Z", "children": []any{"A", "B"},
		"businessAddress": object{"street": "S 1", "city": "Łódź", "postalCode": "90-001", "countryOrRegion": "PL"}, "personalNotes": "n", "fileAs": "Nowak, Łucja", "categories": []any{"k"},
	}
	o := c.do(201, "POST", "me/contacts", in)
	if o["displayName"] != "Łucja Nowak" || fmt.Sprint(o["businessPhones"]) != "[+1 +2]" || at(o, "businessAddress", "city") != "Łódź" || o["birthday"] != "1980-02-29T00:00:00Z" ||
		at(o["emailAddresses"].([]any)[1].(object), "address") != "m@x.example" || fmt.Sprint(o["children"]) != "[A B]" || o["fileAs"] != "Nowak, Łucja" {
		t.Errorf("created: %v", o)
	}
	f := c.do(201, "POST", "me/contactFolders", object{"displayName": "Friends"})
	c.do(201, "POST", "me/contactFolders/"+f["id"].(string)+"/contacts", object{"givenName": "F"})
	if l, _ := c.all("me/contactFolders"); len(l) != 1 || l[0]["displayName"] != "Friends" {
		t.Errorf("folders: %v", l)
	}
	if l, _ := c.all("me/contactFolders/" + f["id"].(string) + "/contacts"); len(l) != 1 {
		t.Errorf("contacts of a folder: %v", l)
	}
	c.do(200, "PATCH", "me/contacts/"+o["id"].(string), object{"jobTitle": "CEO"})
	c.do(204, "DELETE", "me/contacts/"+o["id"].(string), nil)
	if l, _ := c.all("me/contacts"); len(l) != 0 {
		t.Errorf("one is left: %v", l)
	}
	c.do(400, "POST", "me/contacts", object{"emailAddresses": []any{object{}, object{}, object{}, object{}}})
}

func TestTasks(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	l, _ := c.all("me/todo/lists")
	if len(l) != 1 || l[0]["wellknownListName"] != "defaultList" {
		t.Fatalf("lists: %v", l)
	}
	base := "me/todo/lists/" + l[0]["id"].(string) + "/tasks"
	o := c.do(201, "POST", base, object{"title": "Pay", "importance": "high", "status": "inProgress", "dueDateTime": zoned("2024-03-05T00:00:00"), "body": object{"contentType": "text", "content": "b"}})
	if o["title"] != "Pay" || o["status"] != "inProgress" || at(o, "dueDateTime", "dateTime") != "2024-03-05T00:00:00.0000000" {
		t.Errorf("created: %v", o)
	}
	if o = c.do(200, "PATCH", base+"/"+o["id"].(string), object{"status": "completed"}); o["status"] != "completed" {
		t.Errorf("changed: %v", o)
	}
	c.do(204, "DELETE", base+"/"+o["id"].(string), nil)
	more := c.do(201, "POST", "me/todo/lists", object{"displayName": "Home"})
	if l, _ := c.all("me/todo/lists"); len(l) != 2 || more["wellknownListName"] != "none" {
		t.Errorf("lists: %v", l)
	}
}

func TestUserAndCategories(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	me := c.get("me")
	if me["mail"] != zoe || me["userPrincipalName"] != zoe {
		t.Errorf("me: %v", me)
	}
	if o := c.get("users/" + me["id"].(string) + "?$select=mail"); o["mail"] != zoe || o["displayName"] != nil {
		t.Errorf("by id: %v", o)
	}
	c.do(403, "GET", "users", nil)
	app := *c
	app.token = s.AppToken()
	if l, _ := app.all("users"); len(l) != 2 {
		t.Errorf("users: %v", l)
	}
	c.do(201, "POST", "me/outlook/masterCategories", object{"displayName": "Red", "color": "preset0"})
	c.do(409, "POST", "me/outlook/masterCategories", object{"displayName": "red", "color": "preset1"})
	l, _ := c.all("me/outlook/masterCategories")
	if len(l) != 1 || l[0]["color"] != "preset0" {
		t.Errorf("categories: %v", l)
	}
	c.do(204, "DELETE", "me/outlook/masterCategories/"+l[0]["id"].(string), nil)
	if o := c.get("me/mailboxSettings"); o["archiveFolder"] != c.get("me/mailFolders/archive")["id"] {
		t.Errorf("settings: %v", o)
	}
}

// T73: who may read whose mailbox.
func TestRights(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	other := "users/anna@mailconv.example/"
	if e := c.do(403, "GET", other+"mailFolders", nil); code(e) != "ErrorAccessDenied" {
		t.Errorf("a stranger: %v", e)
	}
	anna, zoeBox := s.Mailbox("anna@mailconv.example"), s.Mailbox(zoe)
	inbox, _ := anna.WellKnown(mailbox.Inbox)
	anna.Grant(zoeBox, inbox.ID, mailbox.MayRead)
	if l, _ := c.all(other + "mailFolders"); len(l) != 1 {
		t.Errorf("a shared folder: %v", l)
	}
	c.get(other + "mailFolders/inbox/messages")
	c.do(403, "GET", other+"mailFolders/sentitems/messages", nil)
	c.do(403, "POST", other+"mailFolders/inbox/messages", object{"subject": "x"})
	anna.Grant(zoeBox, 0, mailbox.FullAccess)
	o := c.do(201, "POST", other+"mailFolders/inbox/messages", object{"subject": "x"})
	c.do(200, "PATCH", other+"messages/"+o["id"].(string), object{"isRead": true})
	// The import and export API has no rights for the mailboxes of others.
	c.do(403, "GET", other+"settings/exchange", nil)
	narrow := *c
	narrow.token = s.Token(zoe, "Mail.Read")
	narrow.get("me/mailFolders")
	narrow.do(403, "GET", other+"mailFolders", nil)
	narrow.do(403, "POST", "me/messages", object{"subject": "x"})
	narrow.do(403, "GET", "me/events", nil)

	app := *c
	app.token = s.AppToken()
	if l, _ := app.all(other + "messages"); len(l) != 1 {
		t.Errorf("an application: %v", l)
	}
	if e := app.do(400, "GET", "me/messages", nil); code(e) != "BadRequest" {
		t.Errorf("an application is nobody: %v", e)
	}
	app.token = s.AppToken("Mail.Read")
	app.do(403, "POST", other+"messages", object{"subject": "x"})
	if e := app.do(404, "GET", "users/nobody@mailconv.example/messages", nil); code(e) != "ErrorInvalidUser" {
		t.Errorf("nobody: %v", e)
	}
	s.Unlicensed("anna@mailconv.example")
	if e := app.do(404, "GET", other+"messages", nil); code(e) != "MailboxNotEnabledForRESTAPI" {
		t.Errorf("without a licence: %v", e)
	}
	app.get("users/anna@mailconv.example")
}

func TestBatch(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	o := c.do(200, "POST", "$batch", object{"requests": []any{
		object{"id": "1", "method": "POST", "url": "/me/messages", "headers": object{"Content-Type": "application/json"}, "body": object{"subject": "in a batch"}},
		object{"id": "2", "method": "GET", "url": "/me/messages?$select=subject", "dependsOn": []any{"1"}},
		object{"id": "3", "method": "GET", "url": "/me/messages/AAMkbad"},
		object{"id": "4", "method": "GET", "url": "/me", "dependsOn": []any{"3"}},
		object{"id": "5", "method": "POST", "url": "/me/messages", "headers": object{"Content-Type": "text/plain"}, "body": b64(mail)},
	}})
	got := map[string]float64{}
	for _, r := range o["responses"].([]any) {
		r := r.(object)
		got[r["id"].(string)] = r["status"].(float64)
		if r["id"] == "2" && at(at(r, "body", "value").([]any)[0].(object), "subject") == nil {
			t.Errorf("2: %v", r)
		}
	}
	if fmt.Sprint(got) != "map[1:201 2:200 3:400 4:424 5:201]" {
		t.Errorf("statuses: %v", got)
	}
	if s.Peak() > 4 {
		t.Errorf("%d at once", s.Peak())
	}
	if n := s.Calls()["messages.create"]; n != 2 {
		t.Errorf("each part counts: %v", s.Calls())
	}
	c.do(400, "POST", "$batch", object{"requests": []any{}})
	c.do(400, "POST", "$batch", object{"requests": []any{object{"id": "1", "method": "GET", "url": "/me", "dependsOn": []any{"2"}}}})
}
