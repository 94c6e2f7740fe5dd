package calendar

import (
	"context"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/ical"
)

// ImportOptions are the choices of [Import]. A nil pointer is the zero value.
type ImportOptions struct {
	// Zone is the zone of all-day and floating times; nil is the one that the
	// calendar names (X-WR-TIMEZONE), else UTC. A mailbox's owner sees an
	// all-day event on the right day only in the zone in which it was stored.
	Zone *timezone.Definition
	// Method is used where the calendar states none, as a mail does in its
	// Content-Type.
	Method string
}

// An ImportReport says what was wrong with a file and what of it has no place
// in a message.
type ImportReport struct {
	Problems mapi.Problems
	Losses   []mapi.Loss
}

// Import reads the calendars in the first size bytes of src: a message for each
// VEVENT, VTODO and VJOURNAL, where the changed occurrences of a series are part
// of the series. A calendar without any gives one message of class IPM.Note
// that holds what is in it. [MS-OXCICAL] 2.1.3.1
//
// The report is never nil. An error means that src or ctx failed, or, as a
// [mapi.FormatError], that nothing is a calendar. Values above
// [mapi.InlineLimit] are blobs over src, which must stay readable as long as
// the messages are used.
//
// Use [Messages] where there may be many.
func Import(ctx context.Context, src io.ReaderAt, size int64, opt *ImportOptions) ([]*mapi.Message, *ImportReport, error) {
	r := &ImportReport{}
	var list []*mapi.Message
	for m, err := range Messages(ctx, src, size, opt, r) {
		if err != nil {
			return list, r, err
		}
		list = append(list, m)
	}
	return list, r, nil
}

// Messages is [Import] one message after the other. The file is read twice:
// once to see what belongs together, and then item by item, so memory holds a
// few words for each item and one item whole. It fills report, which may be
// nil.
func Messages(ctx context.Context, src io.ReaderAt, size int64, opt *ImportOptions, report *ImportReport) iter.Seq2[*mapi.Message, error] {
	return func(yield func(*mapi.Message, error) bool) {
		im := &importer{ctx: ctx, report: report}
		if report == nil {
			im.report = &ImportReport{}
		}
		if opt != nil {
			im.opt = *opt
		}
		im.src, im.size = ical.Decoded(src, size)
		if err := im.index(); err != nil {
			yield(nil, err)
			return
		}
		for _, c := range im.calendars {
			for _, g := range c.groups {
				list, err := im.group(c, g)
				if err != nil {
					yield(nil, err)
					return
				}
				for _, m := range list {
					if !yield(m, nil) {
						return
					}
				}
			}
			if len(c.groups) == 0 {
				if m := im.rest(c); m != nil && !yield(m, nil) {
					return
				}
			}
		}
	}
}

// An importer reads one file.
type importer struct {
	ctx    context.Context
	opt    ImportOptions
	report *ImportReport
	src    io.ReaderAt
	size   int64

	calendars   []*calendarInfo
	definitions map[definitionKey]timezone.Definition

	where string
}

// A calendarInfo is one VCALENDAR: what it says, and where its items stand.
type calendarInfo struct {
	props  *ical.Component
	method string
	zones  map[string]*ical.Component
	used   map[string]bool // TZIDs
	others []span          // components that are no items
	groups []*group
	byUID  map[string]*group
	kept   []string // lines for each message of it
	keptOK bool
}

// A span is where a component stands.
type span struct{ off, size int64 }

// A group is an item with the changed occurrences of its series.
type group struct {
	kind      string
	master    *span
	overrides []span
}

const maxZones = 5000

func (im *importer) problem(p mapi.Problem) {
	if p.Where == "" {
		p.Where = im.where
	}
	im.report.Problems.Add(p)
}

func (im *importer) loss(item string, reason mapi.LossReason, detail string) {
	if len(im.report.Losses) >= maxLosses {
		return
	}
	if im.where != "" {
		item = im.where + "/" + item
	}
	im.report.Losses = append(im.report.Losses, mapi.Loss{Item: item, Reason: reason, Detail: detail})
}

// index reads the file for the first time.
func (im *importer) index() error {
	r := ical.NewReader(im.src, im.size)
	var cur *calendarInfo
	at := func() *calendarInfo {
		if cur == nil || cur.props != r.Calendar() {
			cur = &calendarInfo{props: r.Calendar(), zones: map[string]*ical.Component{}, used: map[string]bool{}, byUID: map[string]*group{}}
			im.calendars = append(im.calendars, cur)
		}
		return cur
	}
	for {
		c, err := r.Next(im.ctx)
		if err == io.EOF {
			at()
			break
		}
		if err != nil {
			im.report.Problems = append(im.report.Problems, r.Problems()...)
			return err
		}
		at().add(c)
	}
	for _, p := range r.Problems() {
		im.problem(p)
	}
	for _, c := range im.calendars {
		c.method = strings.ToUpper(strings.TrimSpace(c.props.Value("METHOD")))
		if c.method == "" {
			c.method = strings.ToUpper(im.opt.Method)
		}
	}
	return nil
}

// add files a component of a calendar.
func (c *calendarInfo) add(in *ical.Component) {
	at := span{in.Offset, in.Size}
	c.uses(in)
	switch in.Name {
	case "VTIMEZONE":
		id := strings.TrimSpace(ical.Text(in.Value("TZID")))
		if _, ok := c.zones[id]; !ok && id != "" && len(c.zones) < maxZones {
			c.zones[id] = in
			return
		}
		c.others = append(c.others, at)
	case "VEVENT", "VTODO", "VJOURNAL":
		uid := in.Value("UID")
		key := in.Name + ":" + uid
		g := c.byUID[key]
		over := in.Get("RECURRENCE-ID") != nil
		switch {
		case g == nil || uid == "":
			g = &group{kind: in.Name}
			c.groups = append(c.groups, g)
			if uid != "" {
				c.byUID[key] = g
			}
		case !over && g.master != nil:
			// The same UID once more is an item of its own, and what follows
			// belongs to it.
			g = &group{kind: in.Name}
			c.groups = append(c.groups, g)
			if uid != "" {
				c.byUID[key] = g
			}
		}
		if over {
			g.overrides = append(g.overrides, at)
		} else {
			g.master = &at
		}
	default:
		c.others = append(c.others, at)
	}
}

// uses notes the zones that a component names.
func (c *calendarInfo) uses(in *ical.Component) {
	if in.Name == "VTIMEZONE" {
		return
	}
	for i := range in.Properties {
		if id := strings.TrimSpace(in.Properties[i].Param("TZID")); id != "" && len(c.used) < maxZones {
			c.used[id] = true
		}
	}
	for _, sub := range in.Components {
		c.uses(sub)
	}
}

// read reads a component again.
func (im *importer) read(s span) (*ical.Component, error) {
	r := ical.NewReader(io.NewSectionReader(im.src, s.off, s.size), s.size)
	c, err := r.Next(im.ctx)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return c, err
}

// group reads an item and its changed occurrences.
func (im *importer) group(c *calendarInfo, g *group) ([]*mapi.Message, error) {
	var list []*mapi.Message
	var overrides []*ical.Component
	for _, s := range g.overrides {
		o, err := im.read(s)
		if err != nil {
			return nil, err
		}
		overrides = append(overrides, o)
	}
	if g.master != nil {
		in, err := im.read(*g.master)
		if err != nil {
			return nil, err
		}
		im.where = label(in)
		var left []*ical.Component
		m := im.item(c, in, overrides, &left)
		list = append(list, m)
		overrides = left
	}
	for _, o := range overrides {
		im.where = label(o)
		list = append(list, im.item(c, o, nil, nil))
	}
	im.where = ""
	for _, m := range list {
		if kept := im.calendarLines(c); len(kept) > 0 {
			m.Props.SetName(NameCalendar, mapi.MultiStringValue(kept))
		}
	}
	return list, nil
}

func label(c *ical.Component) string {
	uid := c.Value("UID")
	return c.Name + " " + strconv.Quote(uid[:min(len(uid), 80)])
}

// item reads a component as a message.
func (im *importer) item(c *calendarInfo, in *ical.Component, overrides []*ical.Component, left *[]*ical.Component) *mapi.Message {
	it := &itemReader{importer: im, cal: c, in: in, m: &mapi.Message{}}
	switch in.Name {
	case "VTODO":
		it.task()
	case "VJOURNAL":
		it.journal()
	default:
		it.event(overrides, left)
		it.finish()
		return it.m
	}
	if left != nil {
		*left = overrides
	}
	it.finish()
	return it.m
}

// calendarLines are the lines of a calendar that each of its messages keeps.
func (im *importer) calendarLines(c *calendarInfo) []string {
	if c.keptOK {
		return c.kept
	}
	c.keptOK = true
	k := keeper{limit: keptCalendarLimit}
	for i := range c.props.Properties {
		p := &c.props.Properties[i]
		switch p.Name {
		case "VERSION", "PRODID":
			continue
		case "METHOD":
			if known[c.method] {
				continue
			}
		case "CALSCALE":
			if strings.EqualFold(p.Value, "GREGORIAN") {
				continue
			}
		}
		if !k.property(p) {
			im.loss(p.Name, mapi.LossTooLarge, "more properties of the calendar than are kept")
		}
	}
	for _, id := range sortedZones(c.zones) {
		_, found := timezone.Resolve(id)
		if !c.used[id] || !found {
			// Nothing else brings it back.
			if !k.component(c.zones[id]) {
				im.loss("VTIMEZONE "+id, mapi.LossTooLarge, "more zones than are kept")
			}
		}
	}
	for _, s := range c.others {
		o, err := im.read(s)
		if err != nil {
			continue
		}
		if !k.component(o) {
			im.loss(o.Name, mapi.LossTooLarge, "more components than are kept")
		}
	}
	c.kept = k.lines
	return c.kept
}

// known are the methods that a message class says.
var known = map[string]bool{"PUBLISH": true, "REQUEST": true, "REPLY": true, "COUNTER": true, "CANCEL": true}

// rest is a message for a calendar without items.
func (im *importer) rest(c *calendarInfo) *mapi.Message {
	kept := im.calendarLines(c)
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(classNote))
	name := ical.Text(c.props.Value("X-WR-CALNAME"))
	if name == "" {
		name = ical.Text(c.props.Value("NAME"))
	}
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue(name))
	if len(kept) == 0 {
		kept = []string{"CALSCALE:GREGORIAN"}
	}
	m.Props.SetName(NameCalendar, mapi.MultiStringValue(kept))
	return m
}
