package ewstest

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
)

// taskFields are those of a TaskType. [MS-OXWSTASK] 2.2.4.6
var taskFields = []field{
	integer("task:ActualWork", inAll, named(mapi.PidLidTaskActualEffort)),
	text("task:BillingInformation", inAll, named(mapi.PidLidBilling)),
	list("task:Companies", inAll, named(mapi.PidLidCompanies)),
	date("task:CompleteDate", inAll, named(mapi.PidLidTaskDateCompleted)),
	list("task:Contacts", inAll, named(mapi.PidLidContacts)),
	date("task:DueDate", inDefault, named(mapi.PidLidTaskDueDate), named(mapi.PidLidCommonEnd)),
	computed("task:IsComplete", inAll, func(v *view) any { return v.props().NameBool(mapi.PidLidTaskComplete) }),
	computed("task:IsRecurring", inAll, func(v *view) any { return v.props().NameBool(mapi.PidLidTaskFRecurring) }),
	flag("task:IsTeamTask", inAll, named(mapi.PidLidTeamTask)),
	text("task:Mileage", inAll, named(mapi.PidLidMileage)),
	text("task:Owner", inAll, named(mapi.PidLidTaskOwner)),
	{
		uri: "task:PercentComplete", name: "PercentComplete", scope: inDefault,
		get: func(v *view) any {
			if p, ok := v.props().GetName(mapi.PidLidPercentComplete); ok {
				if f, ok := p.Float(); ok {
					return f * 100
				}
			}
			return float64(0)
		},
		set: func(e *edit, n *node) error {
			f, ok := like(float64(0), n.text)
			if !ok {
				return fail("ErrorInvalidPercentCompleteValue", "%q is no percentage", n.text)
			}
			e.msg.Props.SetName(mapi.PidLidPercentComplete, mapi.Float64Value(f.(float64)/100))
			return nil
		},
	},
	{uri: "task:Recurrence", name: "Recurrence", scope: inAll, get: taskRecurrence, set: setTaskRecurrence},
	date("task:StartDate", inDefault, named(mapi.PidLidTaskStartDate), named(mapi.PidLidCommonStart)),
	taskStatus(),
	integer("task:TotalWork", inAll, named(mapi.PidLidTaskEstimatedEffort)),
}

func taskStatus() field {
	f := choice("task:Status", inDefault, named(mapi.PidLidTaskStatus), 0, "NotStarted", "InProgress", "Completed", "WaitingOnOthers", "Deferred")
	set := f.set
	f.set = func(e *edit, n *node) error {
		e.msg.Props.SetName(mapi.PidLidTaskComplete, mapi.BoolValue(strings.TrimSpace(n.text) == "Completed"))
		return set(e, n)
	}
	return f
}

func taskRecurrence(v *view) any {
	val, ok := v.props().GetName(mapi.PidLidTaskRecurrence)
	if !ok {
		return nil
	}
	p, err := recurrence.ParsePattern(val.Raw())
	if err != nil {
		return nil
	}
	return func(v *view) error { return v.writePattern(p) }
}

func setTaskRecurrence(e *edit, n *node) error {
	p, err := parsePattern(n)
	if err != nil {
		return err
	}
	e.msg.Props.SetName(mapi.PidLidTaskRecurrence, mapi.BinaryValue(recurrence.AppendPattern(nil, p)))
	e.msg.Props.SetName(mapi.PidLidTaskFRecurring, mapi.BoolValue(true))
	return nil
}

// listFields are those of a DistributionListType. [MS-OXWSDLIST] 3.1.4
var listFields = []field{
	text("contacts:DisplayName", inDefault, tagged(mapi.PidTagDisplayName)),
	text("contacts:FileAs", inDefault, named(mapi.PidLidFileUnder)),
}
