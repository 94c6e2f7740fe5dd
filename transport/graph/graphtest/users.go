package graphtest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

var userRoutes = []*route{
	{"GET", "users", "users.list", "User.Read", "", "Collection(graph.user)", (*call).listUsers},
	{"GET", "users/{user}", "users.get", "User.Read", "", "graph.user", (*call).getUser},
	{"GET", "users/{user}/mailboxSettings", "mailboxsettings.get", "MailboxSettings.Read", "", "graph.mailboxSettings", (*call).getSettings},
	{"GET", "users/{user}/outlook/masterCategories", "categories.list", "MailboxSettings.Read", "", "Collection(graph.outlookCategory)", (*call).listCategories},
	{"POST", "users/{user}/outlook/masterCategories", "categories.create", "MailboxSettings.ReadWrite", "graph.outlookCategory", "graph.outlookCategory", (*call).createCategory},
	{"DELETE", "users/{user}/outlook/masterCategories/{category}", "categories.delete", "MailboxSettings.ReadWrite", "", "", (*call).deleteCategory},
	{"POST", "users/{user}/translateExchangeIds", "translate", "User.Read", "graph.translateExchangeIdsBody", "Collection(graph.convertIdResult)", (*call).translate},
}

func (c *call) userObject(m *mailbox.Mailbox) object {
	a := m.Account()
	first, last, _ := strings.Cut(a.Name, " ")
	return c.q.apply(object{
		"id": userID(m), "displayName": a.Name, "mail": a.Address, "userPrincipalName": a.Address, "givenName": orNull(first), "surname": orNull(last),
		"businessPhones": []any{}, "jobTitle": nil, "mobilePhone": nil, "officeLocation": nil, "preferredLanguage": nil,
	})
}

func (c *call) listUsers() error {
	if c.who.user != "" && !slices.Contains(c.who.scopes, "User.Read.All") && !slices.Contains(c.who.scopes, "User.ReadBasic.All") {
		return fail(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}
	l := c.s.boxes.Mailboxes()
	return c.replyList(len(l), func(_ *query, i int) (object, error) { return c.userObject(l[i]), nil })
}

func (c *call) getUser() error {
	o := c.userObject(c.box)
	o["@odata.context"] = c.base() + "/$metadata#users/$entity"
	return c.reply(200, o)
}

func (c *call) getSettings() error {
	archive, err := c.folder("archive")
	if err != nil {
		return err
	}
	return c.reply(200, c.q.apply(object{
		"@odata.context": c.base() + "/$metadata#users('" + userID(c.box) + "')/mailboxSettings", "archiveFolder": c.folderID(archive.ID),
		"timeZone": "UTC", "dateFormat": "yyyy-MM-dd", "timeFormat": "HH:mm", "delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
		"language": object{"locale": "en-US", "displayName": "English (United States)"}, "userPurpose": "user",
	}))
}

// settings are what a mailbox has beside folders and items.
type settings struct{ categories []category }

type category struct{ id, name, color string }

func (s *Server) settingsOf(m *mailbox.Mailbox) *settings {
	v := s.settings[m]
	if v == nil {
		v = &settings{}
		s.settings[m] = v
	}
	return v
}

func (k category) object() object {
	return object{"id": k.id, "displayName": k.name, "color": k.color}
}

func (c *call) listCategories() error {
	c.s.mu.Lock()
	l := slices.Clone(c.s.settingsOf(c.box).categories)
	c.s.mu.Unlock()
	return c.replyList(len(l), func(q *query, i int) (object, error) { return q.apply(l[i].object()), nil })
}

func (c *call) createCategory() error {
	o, err := c.body()
	if err != nil {
		return err
	}
	k := category{id: secret()[:26], name: text(o, "displayName"), color: text(o, "color")}
	if k.name == "" {
		return fail(400, "ErrorInvalidRequest", "A category needs a displayName.")
	}
	if k.color == "" {
		k.color = "none"
	}
	c.s.mu.Lock()
	st := c.s.settingsOf(c.box)
	twice := slices.ContainsFunc(st.categories, func(o category) bool { return strings.EqualFold(o.name, k.name) })
	if !twice {
		st.categories = append(st.categories, k)
	}
	c.s.mu.Unlock()
	if twice {
		return fail(409, "ErrorCategoryExists", "A category with this name exists already.")
	}
	return c.reply(201, k.object())
}

func (c *call) deleteCategory() error {
	c.s.mu.Lock()
	st := c.s.settingsOf(c.box)
	n := len(st.categories)
	st.categories = slices.DeleteFunc(st.categories, func(k category) bool { return k.id == c.vars["category"] })
	gone := len(st.categories) < n
	c.s.mu.Unlock()
	if !gone {
		return errNotFound
	}
	return c.noContent(204)
}

// maxTranslate is the number of ids of one call. (api/user-translateexchangeids)
const maxTranslate = 1000

// translate changes ids from one format to another.
func (c *call) translate() error {
	o, err := c.body()
	if err != nil {
		return err
	}
	ids, from, to := texts(o, "inputIds"), text(o, "sourceIdType"), text(o, "targetIdType")
	if len(ids) > maxTranslate {
		return fail(400, "ErrorInvalidRequest", "inputIds takes at most %d ids.", maxTranslate)
	}
	known := []string{"entryId", "ewsId", "immutableEntryId", "restId", "restImmutableEntryId"}
	if !slices.Contains(known, from) || !slices.Contains(known, to) {
		return fail(400, "ErrorInvalidRequest", "The type of the ids is not known.")
	}
	out := []any{}
	for _, id := range ids {
		t, err := c.translateOne(id, from, to)
		if err != nil {
			out = append(out, object{"sourceId": id, "errorDetails": object{"code": "ErrorInvalidIdMalformed", "message": err.Error()}})
			continue
		}
		out = append(out, object{"sourceId": id, "targetId": t})
	}
	return c.reply(200, object{"@odata.context": c.base() + "/$metadata#Collection(microsoft.graph.convertIdResult)", "value": out})
}

var (
	ewsToREST = strings.NewReplacer("/", "-", "+", "_")
	restToEWS = strings.NewReplacer("-", "/", "_", "+")
)

func (c *call) translateOne(id, from, to string) (string, error) {
	switch from {
	case "ewsId":
		id = ewsToREST.Replace(id)
	case "entryId", "immutableEntryId":
		// A binary form is URL-safe base64 whose padding is counted.
		if id == "" || id[len(id)-1] < '0' || id[len(id)-1] > '2' {
			return "", fmt.Errorf("the id is malformed")
		}
		b, err := base64.RawURLEncoding.DecodeString(id[:len(id)-1])
		if err != nil {
			return "", fmt.Errorf("the id is malformed")
		}
		id = string(b)
	}
	if f, err := c.folder(id); err == nil {
		id = c.folderID(f.ID)
	} else {
		it, err := c.item(id)
		if err != nil {
			return "", err
		}
		n := &call{box: c.box, immutable: strings.HasSuffix(strings.ToLower(to), "immutableentryid")}
		id = n.itemID(&it)
	}
	switch to {
	case "ewsId":
		return restToEWS.Replace(id), nil
	case "entryId", "immutableEntryId":
		pad := (3 - len(id)%3) % 3
		return base64.RawURLEncoding.EncodeToString([]byte(id)) + fmt.Sprint(pad), nil
	}
	return id, nil
}
