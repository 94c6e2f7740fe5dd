package calendar

import (
	"sort"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/ical"
)

// Bounds on what is kept, in bytes of lines.
const (
	keptLimit         = 1 << 20
	keptCalendarLimit = 256 << 10
)

// A keeper collects lines up to a limit.
type keeper struct {
	lines []string
	size  int
	limit int
}

func (k *keeper) line(s string) bool {
	if k.size+len(s) > k.limit {
		return false
	}
	k.size += len(s)
	k.lines = append(k.lines, s)
	return true
}

// property keeps a property; false when it is too large.
func (k *keeper) property(p *ical.Property) bool {
	return p.Large == nil && k.line(ical.Format(*p))
}

// component keeps a component with all in it, or nothing of it.
func (k *keeper) component(c *ical.Component) bool {
	n, size := len(k.lines), k.size
	if k.inner(c) {
		return true
	}
	k.lines, k.size = k.lines[:n], size
	return false
}

func (k *keeper) inner(c *ical.Component) bool {
	if !k.line("BEGIN:" + c.Name) {
		return false
	}
	for i := range c.Properties {
		if !k.property(&c.Properties[i]) {
			return false
		}
	}
	for _, in := range c.Components {
		if !k.inner(in) {
			return false
		}
	}
	return k.line("END:" + c.Name)
}

// keep stores a list of lines unless it is empty.
func keep(ps *mapi.Properties, n mapi.Name, list []string) {
	if len(list) > 0 {
		ps.SetName(n, mapi.MultiStringValue(list))
	}
}

func sortedZones(m map[string]*ical.Component) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	sort.Strings(list)
	return list
}
