package calendar

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/ical"
)

// ProductID is the PRODID of what is written.
const ProductID = "-//mailconv//mailconv//EN"

// ExportOptions are the choices of [Export]. A nil pointer is the zero value.
type ExportOptions struct {
	// Zone is the zone of all-day events of messages that name none; nil is
	// UTC. See [ImportOptions.Zone].
	Zone *timezone.Definition
	// Resolve is asked for the SMTP address of an Exchange address
	// (legacyExchangeDN) where the message does not hold it.
	Resolve func(ctx context.Context, dn string) (smtp string, ok bool)
	// Method is written instead of the method of the class; "-" writes none.
	Method string
	// Part writes the text/calendar part of a mail: the attachments and the
	// formatted text, which have parts of their own, are left out, and what the
	// header of the mail says.
	Part bool
	// Losses fills ExportReport.Losses with every property that has no form
	// in iCalendar; without it only lost content is listed.
	Losses bool
}

// An ExportReport says what went wrong and what was left behind.
type ExportReport struct {
	Problems mapi.Problems
	Losses   []mapi.Loss
	// Items is the number of messages that were written. Others have no form
	// in iCalendar.
	Items int
}

// Export writes messages as iCalendar: one VCALENDAR, or several where they
// travel by different methods. Messages that have no form ([Part]) are left
// out, with a loss. [MS-OXCICAL] 2.1.3.2
//
// Attachments and long texts are streamed. The report is never nil; an error
// means that w or ctx failed. Messages are not changed.
func Export(ctx context.Context, w io.Writer, messages []*mapi.Message, opt *ExportOptions) (*ExportReport, error) {
	return export(ctx, w, func(yield func(*mapi.Message, error) bool) {
		for _, m := range messages {
			if !yield(m, nil) {
				return
			}
		}
	}, opt, firstYear(messages))
}

// firstYear is the year from which on the rules of zones are written.
func firstYear(messages []*mapi.Message) int {
	first := 0
	for _, m := range messages {
		if t, _ := times(m.Props); !t.IsZero() && (first == 0 || t.Year()-1 < first) {
			first = t.Year() - 1
		}
	}
	return first
}

// ExportSeq is [Export] for messages that come one after the other. An error of
// the sequence ends it and is returned, after what came before is written. The
// rules of zones are written from 1970 on, as it is not known what comes.
func ExportSeq(ctx context.Context, w io.Writer, messages iter.Seq2[*mapi.Message, error], opt *ExportOptions) (*ExportReport, error) {
	return export(ctx, w, messages, opt, 1970)
}

// A Writer is [ExportSeq] for messages that are handed over one by one. It is for
// one goroutine.
type Writer struct{ x *exporter }

// NewWriter writes to w. The options hold for all messages.
func NewWriter(ctx context.Context, w io.Writer, opt *ExportOptions) *Writer {
	return &Writer{newExporter(ctx, w, opt, 1970)}
}

// Add writes a message, into the calendar of the one before where both travel by
// the same method. The report is about this message alone.
func (w *Writer) Add(m *mapi.Message) (*ExportReport, error) {
	was := *w.x.report
	w.x.report.Problems, w.x.report.Losses, w.x.report.Items = nil, nil, 0
	w.x.message(m)
	report := *w.x.report
	w.x.report.Items += was.Items
	return &report, w.x.ctx.Err()
}

// Close ends the file, and gives the first error of the writer. Without a message
// it is a calendar without items.
func (w *Writer) Close() error { return w.x.close() }

func newExporter(ctx context.Context, w io.Writer, opt *ExportOptions, since int) *exporter {
	x := &exporter{ctx: ctx, w: ical.NewWriter(w), report: new(ExportReport), since: since}
	if opt != nil {
		x.opt = *opt
	}
	if x.opt.Zone == nil {
		utc := timezone.UTC()
		x.opt.Zone = &utc
	}
	return x
}

func (x *exporter) close() error {
	if !x.open {
		x.begin("PUBLISH", nil)
	}
	x.end()
	return x.w.Flush()
}

func export(ctx context.Context, w io.Writer, messages iter.Seq2[*mapi.Message, error], opt *ExportOptions, since int) (*ExportReport, error) {
	x := newExporter(ctx, w, opt, since)
	var fail error
	for m, err := range messages {
		if err != nil {
			fail = err
			break
		}
		if err := ctx.Err(); err != nil {
			return x.report, err
		}
		x.message(m)
	}
	if err := x.close(); err != nil {
		return x.report, err
	}
	if fail == nil {
		fail = ctx.Err()
	}
	return x.report, fail
}

// An exporter writes one file.
type exporter struct {
	ctx    context.Context
	opt    ExportOptions
	w      *ical.Writer
	report *ExportReport

	since    int // the year from which on zones are written
	open     bool
	method   string
	calendar []string                 // kept lines of the calendar that is open
	zones    map[string]timezone.Zone // written in it

	m     *mapi.Message
	where string

	stored   map[string]string // SMTP addresses of the stored header, by name
	storedOf *mapi.Message
}

const maxLosses = 10000

func (x *exporter) loss(item string, reason mapi.LossReason, detail string) {
	if len(x.report.Losses) < maxLosses {
		x.report.Losses = append(x.report.Losses, mapi.Loss{Item: x.where + item, Reason: reason, Detail: detail})
	}
}

func (x *exporter) problem(p mapi.Problem) {
	p.Where = strings.TrimSuffix(x.where+p.Where, "/")
	x.report.Problems.Add(p)
}

// begin opens a calendar.
func (x *exporter) begin(method string, lines []string) {
	x.open, x.method, x.calendar = true, method, lines
	x.zones = make(map[string]timezone.Zone)
	x.w.Begin("VCALENDAR")
	x.w.Line(ical.New("VERSION", "2.0"))
	x.w.Line(ical.New("PRODID", ProductID))
	if x.opt.Method != "" {
		method = x.opt.Method
	}
	if method != "" && method != "-" {
		x.w.Line(ical.New("METHOD", method))
	}
	props, _ := parseKept(lines)
	for _, p := range props {
		if p.Name != "METHOD" || method == "" {
			x.w.Line(p)
		}
	}
}

func (x *exporter) end() {
	_, comps := parseKept(x.calendar)
	for _, c := range comps {
		if c.Name == "VTIMEZONE" {
			if id := ical.Text(c.Value("TZID")); x.zones[id] != nil {
				continue
			}
		}
		x.w.Component(c)
	}
	x.w.End("VCALENDAR")
	x.open = false
}

// message writes a message, in the open calendar where it fits.
func (x *exporter) message(m *mapi.Message) {
	x.m, x.where = m, ""
	method, ok := Part(m)
	if !ok {
		x.loss(m.Class(), mapi.LossNoContainer, "messages of this class have no form in iCalendar")
		return
	}
	kept := lines(m.Props, NameCalendar)
	if !x.open || x.method != method || len(kept) > 0 && !slices.Equal(kept, x.calendar) {
		if x.open {
			x.end()
		}
		x.begin(method, kept)
	}
	x.report.Items++
	if x.opt.Losses && !x.opt.Part {
		x.listLosses(m)
	}
	switch componentOf(m) {
	case "VEVENT":
		x.event(m)
	case "VTODO":
		x.task(m)
	case "VJOURNAL":
		x.journal(m)
	}
}

// An item is a component that is being made: its lines, and components in it.
type item struct {
	name  string
	of    *mapi.Message
	lines []itemLine
	kept  []ical.Property // written last, so that what the message says comes first
	comps []*ical.Component
}

// keeps is the kept property of a name, or nil.
func (it *item) keeps(name string) *ical.Property { return find(it.kept, name) }

// forget leaves out kept properties that no longer hold.
func (it *item) forget(name string) { it.kept = without(it.kept, name) }

// An itemLine is a property; its value may be streamed.
type itemLine struct {
	prop   ical.Property
	open   func() (io.ReadCloser, error)
	base64 bool
}

func (it *item) add(p ical.Property) { it.lines = append(it.lines, itemLine{prop: p}) }

// text adds a property of type TEXT.
func (it *item) text(name, value string) { it.add(ical.New(name, ical.EscapeText(value))) }

// write writes an item with the parameters that were kept for its lines.
func (x *exporter) write(it *item, kept []string) {
	x.join(it, kept)
	if it.of == x.m {
		x.asInMail(it)
	}
	x.w.Begin(it.name)
	for i := range it.lines {
		l := &it.lines[i]
		if l.open == nil {
			x.w.Line(l.prop)
			continue
		}
		r, err := l.open()
		if err == nil {
			if l.base64 {
				err = x.w.Base64(l.prop, r)
			} else {
				err = x.w.Stream(l.prop, r)
			}
			r.Close()
		}
		if err != nil && x.ctx.Err() == nil {
			x.problem(mapi.Problem{Severe: true, Where: l.prop.Name, Offset: -1, Detail: "content cannot be read to its end: " + err.Error()})
		}
	}
	for _, p := range it.kept {
		x.w.Line(p)
	}
	for _, c := range it.comps {
		x.w.Component(c)
	}
	x.w.End(it.name)
}

// join gives lines the parameters that were kept for them: for the same name and
// value, those that the line does not have.
func (x *exporter) join(it *item, kept []string) {
	if len(kept) == 0 {
		return
	}
	props, _ := parseKept(kept)
	byLine := make(map[string][]ical.Param, len(props))
	for _, p := range props {
		byLine[lineKey(&p)] = p.Params
	}
	for i := range it.lines {
		p := &it.lines[i].prop
		for _, q := range byLine[lineKey(p)] {
			j := slices.IndexFunc(p.Params, func(r ical.Param) bool { return r.Name == q.Name })
			switch {
			case j < 0:
				p.Params = append(slices.Clip(p.Params), q)
			case replaces(q.Name, p.Params[j].Values):
				p.Params = slices.Clone(p.Params)
				p.Params[j] = q
			}
		}
	}
}

// replaces reports whether a kept parameter says more than the one that the
// message gives.
func replaces(name string, values []string) bool {
	switch name {
	case "CUTYPE", "ROLE":
		return true
	case "PARTSTAT":
		return len(values) == 1 && values[0] == "NEEDS-ACTION"
	}
	return false
}

// lineKey tells lines apart; addresses count without case. A value that is not
// held counts as none.
func lineKey(p *ical.Property) string {
	v := p.Value
	if p.Name == "ATTENDEE" || p.Name == "ORGANIZER" {
		v = strings.ToLower(v)
	}
	if len(v) > 200 {
		s := sha256.Sum256([]byte(v))
		v = hex.EncodeToString(s[:])
	}
	return p.Name + ":" + v
}

// lines are the lines kept in a property.
func lines(ps mapi.Properties, n mapi.Name) []string {
	v, ok := ps.GetName(n)
	if !ok {
		return nil
	}
	return v.Texts()
}

// parseKept reads kept lines: properties, and components from BEGIN to END.
func parseKept(list []string) (props []ical.Property, comps []*ical.Component) {
	var stack []*ical.Component
	for _, s := range list {
		p, ok := ical.ParseLine(s)
		if !ok {
			continue
		}
		switch {
		case p.Name == "BEGIN":
			c := &ical.Component{Name: strings.ToUpper(p.Value)}
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.Components = append(top.Components, c)
			} else {
				comps = append(comps, c)
			}
			if stack = append(stack, c); len(stack) > 20 {
				return props, comps
			}
		case p.Name == "END":
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
		case len(stack) > 0:
			stack[len(stack)-1].Add(p)
		default:
			props = append(props, p)
		}
	}
	return props, comps
}
