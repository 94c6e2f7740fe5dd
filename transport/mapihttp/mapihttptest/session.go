package mapihttptest

import (
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// An object is what a handle stands for: a logon, a folder, a message, an
// attachment, a stream, a table, a transfer, a subscription.
type object any

// A closer is an object that holds something.
type closer interface{ close() }

// A session is a Session Context: the objects of one client.
// [MS-OXCMAPIHTTP] 3.2.1
type session struct {
	id      string
	login   *mailbox.Mailbox
	charset int // code page of 8-bit strings

	mu      sync.Mutex
	seq     string
	former  string // is taken too
	busy    bool
	waiting bool // a NotificationWait runs beside
	used    time.Time

	objects map[uint32]object
	next    uint32
	// subscriptions are read by a NotificationWait, under mu.
	subscriptions map[uint32]*subscription
}

func newSession(login *mailbox.Mailbox) *session {
	return &session{
		id: random(), seq: random(), login: login, charset: codepage.Windows1252, used: time.Now(),
		objects: map[uint32]object{}, subscriptions: map[uint32]*subscription{}, busy: true,
	}
}

// occupy takes the session for one request, and gives it the next sequence.
// A NotificationWait runs beside others. [MS-OXCMAPIHTTP] 3.2.5.1
func (s *session) occupy(seq string, wait bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait {
		if s.waiting {
			return false
		}
		s.waiting = true
		return true
	}
	if s.busy || seq != s.seq && seq != s.former {
		return false
	}
	s.busy, s.seq, s.used = true, random(), time.Now()
	return true
}

func (s *session) release(wait bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	if wait {
		// Its reply may bring a sequence that is old when it arrives.
		s.waiting, s.former = false, s.seq
		return
	}
	s.busy = false
}

func (s *session) sequence() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq
}

// add gives an object a handle.
func (s *session) add(o object) uint32 {
	s.next++
	s.objects[s.next] = o
	return s.next
}

// drop releases a handle with what depends on it.
func (s *session) drop(h uint32) {
	if c, ok := s.objects[h].(closer); ok {
		c.close()
	}
	delete(s.objects, h)
	s.mu.Lock()
	delete(s.subscriptions, h)
	s.mu.Unlock()
}

// maxObjects bounds what a client may hold. Exchange counts by kind.
const maxObjects = 2000
