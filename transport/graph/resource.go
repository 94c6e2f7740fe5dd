package graph

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

// taskRule reads the rule of a task. [MS-OXOTASK] 2.2.2.2.15
func taskRule(v mapi.Value) *wire.Recurrence {
	p, err := recurrence.ParsePattern(v.Raw())
	if err != nil {
		return nil
	}
	return rule(p, "UTC")
}

// resource reads an event, a contact or a task as an object, where there is no
// export of items. What the service does not tell of it is missing, which the
// content says.
func (s *Store) resource(ctx context.Context, k kind, f transport.Folder, key transport.Key) (*transport.Content, error) {
	_, folder, _ := place(f)
	c := &call{op: "fetch", folder: f.String(), key: key, url: s.item(k, folder, key)}
	var doc map[string]json.RawMessage
	if err := s.json(ctx, c, &doc); err != nil {
		return nil, err
	}
	m := &mapi.Message{}
	set := func(tag mapi.Tag, text string) {
		if text != "" {
			m.Props.Set(tag, mapi.StringValue(text))
		}
	}
	content := &transport.Content{Form: transport.FormObject, Object: m, Losses: []mapi.Loss{{
		Item: "extended properties", Reason: mapi.LossStoreOnly, Detail: "the service tells only the fields of the item, as the import and export API is not there",
	}}}
	if list := fieldOf[[]string](doc, "categories"); len(list) > 0 {
		m.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(list))
	}
	if t := fieldOf[time.Time](doc, "createdDateTime"); !t.IsZero() {
		m.Props.Set(mapi.PidTagCreationTime, mapi.TimeValue(t))
	}
	if t := fieldOf[time.Time](doc, "lastModifiedDateTime"); !t.IsZero() {
		m.Props.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(t))
	}
	if b := fieldOf[wire.ItemBody](doc, "body"); b.Content != "" {
		if strings.EqualFold(b.ContentType, "html") {
			m.Props.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte(b.Content)))
			m.Props.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(65001))
		} else {
			set(mapi.PidTagBody, b.Content)
		}
	}
	number := func(tag mapi.Tag, field string, words []string) {
		if n, ok := index(words, fieldOf[string](doc, field)); ok {
			m.Props.Set(tag, mapi.Int32Value(n))
		}
	}
	named := func(n mapi.Name, field string, words []string) {
		if i, ok := index(words, fieldOf[string](doc, field)); ok {
			m.Props.SetName(n, mapi.Int32Value(i))
		}
	}
	number(mapi.PidTagImportance, "importance", importanceWords)
	switch k {
	case kindContacts:
		readContact(m, doc, set)
	case kindTasks:
		set(mapi.PidTagMessageClass, "IPM.Task")
		set(mapi.PidTagSubject, fieldOf[string](doc, "title"))
		named(mapi.PidLidTaskStatus, "status", statusWords)
		m.Props.SetName(mapi.PidLidTaskComplete, mapi.BoolValue(fieldOf[string](doc, "status") == "completed"))
		for n, field := range map[mapi.Name]string{mapi.PidLidTaskStartDate: "startDateTime", mapi.PidLidTaskDueDate: "dueDateTime", mapi.PidLidTaskDateCompleted: "completedDateTime", mapi.PidLidReminderTime: "reminderDateTime"} {
			if t, ok := instant(fieldOf[wire.DateTimeZone](doc, field)); ok {
				m.Props.SetName(n, mapi.TimeValue(t))
			}
		}
		m.Props.SetName(mapi.PidLidReminderSet, mapi.BoolValue(fieldOf[bool](doc, "isReminderOn")))
	default:
		set(mapi.PidTagMessageClass, "IPM.Appointment")
		set(mapi.PidTagSubject, fieldOf[string](doc, "subject"))
		named(mapi.PidLidBusyStatus, "showAs", busyWords)
		number(mapi.PidTagSensitivity, "sensitivity", sensitivityWords)
		for n, field := range map[mapi.Name]string{mapi.PidLidAppointmentStartWhole: "start", mapi.PidLidAppointmentEndWhole: "end"} {
			if t, ok := instant(fieldOf[wire.DateTimeZone](doc, field)); ok {
				m.Props.SetName(n, mapi.TimeValue(t))
			}
		}
		m.Props.SetName(mapi.PidLidAppointmentSubType, mapi.BoolValue(fieldOf[bool](doc, "isAllDay")))
		if l := fieldOf[wire.Location](doc, "location"); l.DisplayName != "" {
			m.Props.SetName(mapi.PidLidLocation, mapi.StringValue(l.DisplayName))
		}
		m.Props.SetName(mapi.PidLidReminderSet, mapi.BoolValue(fieldOf[bool](doc, "isReminderOn")))
		m.Props.SetName(mapi.PidLidReminderDelta, mapi.Int32Value(int32(fieldOf[int64](doc, "reminderMinutesBeforeStart"))))
		if r := fieldOf[*wire.Recurrence](doc, "recurrence"); r != nil {
			content.Losses = append(content.Losses, mapi.Loss{Item: "recurrence", Reason: mapi.LossStoreOnly, Detail: "the rule of the series (" + r.Pattern.Type + ") is not read; its first occurrence is"})
		}
		for _, a := range fieldOf[[]attendee](doc, "attendees") {
			r := &mapi.Recipient{}
			r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(map[string]int32{"optional": 2, "resource": 3}[a.Type]))
			if a.Type != "optional" && a.Type != "resource" {
				r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(mapi.RecipientTo))
			}
			r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(a.Email.Name))
			r.Props.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
			r.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue(a.Email.Address))
			m.Recipients = append(m.Recipients, r)
		}
		if fieldOf[bool](doc, "hasAttachments") {
			if err := s.fileAttachments(ctx, c, content); err != nil {
				content.Close()
				return nil, err
			}
		}
	}
	return content, nil
}

type attendee struct {
	Type  string            `json:"type"`
	Email wire.EmailAddress `json:"emailAddress"`
}

func index(words []string, s string) (int32, bool) {
	for i, w := range words {
		if w == s {
			return int32(i), true
		}
	}
	return 0, false
}

// instant reads a local time with its zone.
func instant(d wire.DateTimeZone) (time.Time, bool) {
	t, err := time.Parse("2006-01-02T15:04:05.9999999", strings.TrimSuffix(d.DateTime, "Z"))
	if err != nil {
		return t, false
	}
	if d.TimeZone == "" || strings.EqualFold(d.TimeZone, "UTC") {
		return t, true
	}
	iana, ok := timezone.Resolve(d.TimeZone)
	if !ok {
		return t, false
	}
	z, ok := timezone.Load(iana)
	return timezone.Instant(z, t), ok
}

func readContact(m *mapi.Message, doc map[string]json.RawMessage, set func(mapi.Tag, string)) {
	set(mapi.PidTagMessageClass, "IPM.Contact")
	setName := func(n mapi.Name, text string) {
		if text != "" {
			m.Props.SetName(n, mapi.StringValue(text))
		}
	}
	set(mapi.PidTagSubject, fieldOf[string](doc, "displayName"))
	for _, f := range contactTexts {
		set(f.tag, fieldOf[string](doc, f.field))
	}
	for _, f := range contactNames {
		setName(f.name, fieldOf[string](doc, f.field))
	}
	for _, f := range contactLists {
		for i, s := range fieldOf[[]string](doc, f.field) {
			if i < len(f.tags) {
				set(f.tags[i], s)
			}
		}
	}
	for _, f := range contactAddresses {
		a := fieldOf[postal](doc, f.field)
		set(f.street, a.Street)
		set(f.city, a.City)
		set(f.state, a.State)
		set(f.postal, a.Postal)
		set(f.nation, a.Nation)
	}
	a := fieldOf[postal](doc, "businessAddress")
	for i, s := range []string{a.Street, a.City, a.State, a.Postal, a.Nation} {
		setName(contactWork[i], s)
	}
	for i, e := range fieldOf[[]wire.EmailAddress](doc, "emailAddresses") {
		if i == len(contactMails) || e.Address == "" {
			break
		}
		setName(contactMails[i].address, e.Address)
		setName(contactMails[i].display, e.Name)
		setName(contactMails[i].kind, "SMTP")
		setName(contactMails[i].original, e.Address)
	}
	for _, s := range fieldOf[[]string](doc, "imAddresses") {
		setName(mapi.PidLidInstantMessagingAddress, s)
		break
	}
	if t := fieldOf[time.Time](doc, "birthday"); !t.IsZero() {
		m.Props.Set(mapi.PidTagBirthday, mapi.TimeValue(t))
	}
	if list := fieldOf[[]string](doc, "children"); len(list) > 0 {
		m.Props.Set(mapi.PidTagChildrensNames, mapi.MultiStringValue(list))
	}
}

// fileAttachments reads the attachments of an event, their bytes by $value.
func (s *Store) fileAttachments(ctx context.Context, c *call, content *transport.Content) error {
	list := *c
	list.url = query(c.url+"/attachments", "$select", "id,name,contentType,isInline,size")
	var found []struct {
		ID          string `json:"id"`
		ODataType   string `json:"@odata.type"`
		Name        string `json:"name"`
		ContentType string `json:"contentType"`
	}
	if _, err := s.pages(ctx, &list, func(raw json.RawMessage) (bool, error) {
		found = append(found, struct {
			ID          string `json:"id"`
			ODataType   string `json:"@odata.type"`
			Name        string `json:"name"`
			ContentType string `json:"contentType"`
		}{})
		return true, json.Unmarshal(raw, &found[len(found)-1])
	}); err != nil {
		return err
	}
	var closers []func() error
	content.OnClose = func() (err error) {
		for _, f := range closers {
			if e := f(); e != nil {
				err = e
			}
		}
		return err
	}
	for _, a := range found {
		if a.ODataType == wire.TypeReferenceAttachment {
			content.Losses = append(content.Losses, mapi.Loss{Item: "attachment " + a.Name, Reason: mapi.LossStoreOnly, Detail: "a link whose target the service does not tell"})
			continue
		}
		d := &download{s: s, buf: s.spool.Create(), c: *c}
		d.c.url = c.url + "/attachments/" + escape(a.ID) + "/$value"
		err := d.run(ctx)
		closers = append(closers, d.buf.Close)
		if err != nil {
			return err
		}
		blob, err := d.buf.Blob()
		if err != nil {
			return err
		}
		att := &mapi.Attachment{}
		att.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		att.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(a.Name))
		if a.ContentType != "" {
			att.Props.Set(mapi.PidTagAttachMimeTag, mapi.StringValue(a.ContentType))
		}
		att.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, blob))
		content.Object.Attachments = append(content.Object.Attachments, att)
	}
	return nil
}
