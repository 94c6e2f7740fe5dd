package migrate

import "github.com/mailconv/mailconv/transport"

// marksFor is how many batches one mark is good for: after a kill all that is
// past it is listed.
const marksFor = 20

// A mark is the end of a sink folder before some batches, as
// [transport.Tracker] tells it; "" is the beginning.
//
// It is good for one more batch while all that arrived past it is known by its
// key. What has no key cannot be told from an intent with the same content, so
// that a twin might be taken for it.
type mark struct {
	text    string
	batches int  // that were intended with it; 0 before there is one
	keyed   bool // the sink told a key of one that arrived past it
	unkeyed bool // it did not tell that of another
}

// take begins anew.
func (m *mark) take(text string) { *m = mark{text: text, batches: 1} }

// good reports whether one more batch may have the mark.
func (m *mark) good() bool {
	return m.batches > 0 && m.batches < marksFor && m.keyed && !m.unkeyed
}

// spoil has the next batch take a mark of its own.
func (m *mark) spoil() { m.batches = marksFor }

// arrived notes that an item arrived, with the key that the sink told, or none.
func (m *mark) arrived(key transport.Key) {
	if key == "" {
		m.unkeyed = true
	} else {
		m.keyed = true
	}
}
