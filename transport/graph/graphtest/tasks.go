package graphtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

var taskRoutes = []*route{
	{"GET", "users/{user}/todo/lists", "todolists.list", "Tasks.Read", "", "Collection(graph.todoTaskList)", (*call).listTaskLists},
	{"POST", "users/{user}/todo/lists", "todolists.create", "Tasks.ReadWrite", "graph.todoTaskList", "graph.todoTaskList", (*call).createTaskList},
	{"GET", "users/{user}/todo/lists/{folder}", "todolists.get", "Tasks.Read", "", "graph.todoTaskList", (*call).getTaskList},
	{"DELETE", "users/{user}/todo/lists/{folder}", "todolists.delete", "Tasks.ReadWrite", "", "", (*call).deleteTaskList},
	{"GET", "users/{user}/todo/lists/{folder}/tasks", "tasks.list", "Tasks.Read", "", "Collection(graph.todoTask)", (*call).listTasks},
	{"POST", "users/{user}/todo/lists/{folder}/tasks", "tasks.create", "Tasks.ReadWrite", "graph.todoTask", "graph.todoTask", (*call).createTask},
	{"GET", "users/{user}/todo/lists/{folder}/tasks/{item}", "tasks.get", "Tasks.Read", "", "graph.todoTask", (*call).getTask},
	{"PATCH", "users/{user}/todo/lists/{folder}/tasks/{item}", "tasks.update", "Tasks.ReadWrite", "graph.todoTask", "graph.todoTask", (*call).updateTask},
	{"DELETE", "users/{user}/todo/lists/{folder}/tasks/{item}", "tasks.delete", "Tasks.ReadWrite", "", "", (*call).deleteItem},
}

func (c *call) taskList(f *mailbox.Folder) object {
	known := "none"
	if f.Role == mailbox.Tasks {
		known = "defaultList"
	}
	return c.q.apply(object{"id": c.folderID(f.ID), "displayName": f.Name, "isOwner": true, "isShared": false, "wellknownListName": known})
}

func (c *call) listTaskLists() error {
	l := c.of("IPF.Task")
	return c.replyList(len(l), func(_ *query, i int) (object, error) { return c.taskList(&l[i]), nil })
}

func (c *call) getTaskList() error {
	f, err := c.room("IPF.Task", mailbox.Tasks, mailbox.MayRead)
	if err != nil {
		return err
	}
	return c.reply(200, c.taskList(&f))
}

func (c *call) createTaskList() error {
	o, err := c.body()
	if err != nil {
		return err
	}
	p, _ := c.box.WellKnown(mailbox.Tasks)
	f, err := c.newRoom(p, text(o, "displayName"), "IPF.Task")
	if err != nil {
		return err
	}
	return c.reply(201, c.taskList(&f))
}

func (c *call) deleteTaskList() error { return c.deleteRoom("IPF.Task", mailbox.Tasks) }

// taskStatus are the words for PidLidTaskStatus. [MS-OXOTASK] 2.2.2.2.2
var taskStatus = []string{"notStarted", "inProgress", "completed", "waitingOnOthers", "deferred"}

func taskDate(n mapi.Name) func(*call, *mailbox.Item) any {
	return func(_ *call, it *mailbox.Item) any {
		if t := it.Message.Props.NameTime(n); !t.IsZero() {
			return zoned(t)
		}
		return nil
	}
}

var taskFields = slices.Concat([]field{
	{name: "title", f: func(_ *call, it *mailbox.Item) any { return it.Message.Props.Text(mapi.PidTagSubject) }},
	{name: "body", f: func(c *call, it *mailbox.Item) any { return c.bodyOf(it.Message) }},
	{name: "bodyLastModifiedDateTime", f: func(_ *call, it *mailbox.Item) any { return it.Modified }},
	{name: "importance", f: func(_ *call, it *mailbox.Item) any { return importance(it.Message.Props) }},
	{name: "status", f: func(_ *call, it *mailbox.Item) any {
		n, ok := it.Message.Props.NameInt(mapi.PidLidTaskStatus)
		return word(taskStatus, n, ok, "notStarted")
	}},
	{name: "hasAttachments", f: func(_ *call, it *mailbox.Item) any { return hasAttachments(it.Message) }},
	{name: "isReminderOn", f: func(_ *call, it *mailbox.Item) any { return it.Message.Props.NameBool(mapi.PidLidReminderSet) }},
	{name: "dueDateTime", f: taskDate(mapi.PidLidTaskDueDate)},
	{name: "startDateTime", f: taskDate(mapi.PidLidTaskStartDate)},
	{name: "completedDateTime", f: taskDate(mapi.PidLidTaskDateCompleted)},
	{name: "reminderDateTime", f: taskDate(mapi.PidLidReminderTime)},
}, slices.DeleteFunc(slices.Clone(common), func(f field) bool { return f.name == "changeKey" }))

func (c *call) task(q *query, it *mailbox.Item) (object, error) {
	// todo knows no extended properties.
	for _, n := range []string{singles, multis} {
		if _, ok := q.expands(n); ok {
			return nil, fail(400, "RequestBroker--ParseUri", "Could not find a property named '%s' on type 'microsoft.graph.todoTask'.", n)
		}
	}
	o, err := c.build(q, "", taskFields, it)
	if _, ok := q.expands(linked); ok && err == nil {
		o[linked] = linkedOf(it)
	}
	return o, err
}

// linked are the links of a task to items of other applications. They are kept
// as they came. (api/resources/linkedresource)
const linked = "linkedResources"

var nameLinked = mapi.Name{Set: mapi.MustGUID("6d61696c-636f-6e76-8003-6c696e6b6564"), Name: linked}

func linkedOf(it *mailbox.Item) []any {
	var list []any
	v, _ := it.Message.Props.GetName(nameLinked)
	for i, s := range v.Texts() {
		var o object
		if json.Unmarshal([]byte(s), &o) == nil {
			o["id"] = strconv.Itoa(i + 1)
			list = append(list, o)
		}
	}
	return list
}

func isTask(it *mailbox.Item) bool {
	c := strings.ToLower(it.Class())
	return c == "ipm.task" || strings.HasPrefix(c, "ipm.task.")
}

func (c *call) listTasks() error {
	f, err := c.room("IPF.Task", mailbox.Tasks, mailbox.MayRead)
	if err != nil {
		return err
	}
	items, err := c.box.Items(f.ID, mailbox.Normal)
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(items, func(it mailbox.Item) bool { return !isTask(&it) })
	return c.replyList(len(items), func(q *query, i int) (object, error) { return c.task(q, &items[i]) })
}

func (c *call) replyTask(status int, it mailbox.Item) error {
	o, err := c.task(&c.q, &it)
	if err != nil {
		return err
	}
	return c.reply(status, o)
}

func (c *call) getTask() error {
	it, err := c.one(mailbox.MayRead)
	if err != nil {
		return err
	}
	return c.replyTask(200, it)
}

func (c *call) createTask() error {
	f, err := c.room("IPF.Task", mailbox.Tasks, mailbox.MayCreate)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Task"))
	m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(flagRead))
	m.Props.SetName(mapi.PidLidTaskStatus, mapi.Int32Value(0))
	if err := setTask(m, o); err != nil {
		return err
	}
	it, err := c.box.Create(c.ctx, f.ID, m, mailbox.CreateOptions{})
	if err != nil {
		return err
	}
	return c.replyTask(201, it)
}

func (c *call) updateTask() error {
	it, err := c.one(mailbox.MayEdit)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	if it, err = c.box.Change(it.ID, func(m *mapi.Message) error { return setTask(m, o) }); err != nil {
		return err
	}
	return c.replyTask(200, it)
}

func setTask(m *mapi.Message, o object) error {
	ps := &m.Props
	dates := map[string]mapi.Name{
		"dueDateTime": mapi.PidLidTaskDueDate, "startDateTime": mapi.PidLidTaskStartDate,
		"completedDateTime": mapi.PidLidTaskDateCompleted, "reminderDateTime": mapi.PidLidReminderTime,
	}
	for name := range o {
		if n, ok := dates[name]; ok {
			if t, ok := parseZoned(child(o, name)); ok {
				ps.SetName(n, mapi.TimeValue(t))
			} else {
				ps.DeleteName(n)
			}
			continue
		}
		switch name {
		case "title":
			ps.Set(mapi.PidTagSubject, mapi.StringValue(text(o, name)))
		case "body":
			setBody(m, child(o, name))
		case "importance":
			ps.Set(mapi.PidTagImportance, mapi.Int32Value(int32(max(slices.Index([]string{"low", "normal", "high"}, text(o, name)), 0))))
		case "status":
			n := slices.Index(taskStatus, text(o, name))
			ps.SetName(mapi.PidLidTaskStatus, mapi.Int32Value(int32(max(n, 0))))
			ps.SetName(mapi.PidLidTaskComplete, mapi.BoolValue(n == 2))
		case "isReminderOn":
			b, _ := truth(o, name)
			ps.SetName(mapi.PidLidReminderSet, mapi.BoolValue(b))
		case "categories":
			ps.SetName(mapi.PidNameKeywords, mapi.MultiStringValue(texts(o, name)))
		case linked:
			var list []string
			for _, l := range children(o, name) {
				b, err := json.Marshal(l)
				if err != nil {
					return err
				}
				list = append(list, string(b))
			}
			ps.SetName(nameLinked, mapi.MultiStringValue(list))
		case "recurrence":
			if o[name] != nil {
				return fail(501, "NotImplemented", "This server keeps no recurrence of tasks.")
			}
		case "id", "createdDateTime", "lastModifiedDateTime", "bodyLastModifiedDateTime", "hasAttachments":
		default:
			if !strings.HasPrefix(name, "@") {
				return fail(400, "RequestBodyRead", "The property '%s' cannot be set on type 'microsoft.graph.todoTask'.", name)
			}
		}
	}
	return nil
}
