package ewstest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Notifications. [MS-OXWSNTIF]

// A subscription is what one client wants to hear of.
type subscription struct {
	id      string
	owner   *mailbox.Mailbox
	m       *mailbox.Mailbox
	folders map[mailbox.FolderID]bool // nil is all
	kinds   map[mailbox.EventKind]bool
	stream  bool
	last    uint64 // events up to here were told
	server  string // which server of the farm has it
}

// overrideCookie names a server of a farm.
const overrideCookie = "X-BackEndOverrideCookie"

func watermark(n uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte{0x11, 0x22}, n))
}

func parseWatermark(s string) (uint64, bool) {
	b, err := base64.StdEncoding.DecodeString(words(s))
	if err != nil || len(b) != 10 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[2:]), true
}

// eventKinds by the name of EventType.
var eventKinds = map[string]mailbox.EventKind{
	"CopiedEvent": mailbox.EventCopied, "CreatedEvent": mailbox.EventCreated, "DeletedEvent": mailbox.EventDeleted,
	"ModifiedEvent": mailbox.EventModified, "MovedEvent": mailbox.EventMoved, "NewMailEvent": mailbox.EventNewMail,
}

func subscribe(c *call) *soapFault {
	if len(c.body.kids) != 1 || c.body.kids[0].name == "PushSubscriptionRequest" {
		return schemaFault("only pull and streaming subscriptions are known")
	}
	req := c.body.kids[0]
	c.begin()
	c.message(nil, func() (func() error, error) {
		sub := &subscription{owner: c.acting, m: c.acting, kinds: map[mailbox.EventKind]bool{}, stream: req.name == "StreamingSubscriptionRequest"}
		if !boolean(req.attr("SubscribeToAllFolders")) {
			sub.folders = map[mailbox.FolderID]bool{}
			for _, n := range req.list("FolderIds") {
				m, f, err := c.folder(n, 0)
				if err != nil {
					return nil, err
				}
				sub.m = m
				sub.folders[f.ID] = true
			}
		}
		for _, n := range req.list("EventTypes") {
			k, ok := eventKinds[words(n.text)]
			if !ok && words(n.text) != "FreeBusyChangedEvent" {
				return nil, fail("ErrorInvalidSubscriptionRequest", "%q is no event", n.text)
			}
			sub.kinds[k] = true
		}
		sub.last = sub.m.LastEvent()
		if n, ok := parseWatermark(req.value("Watermark")); ok {
			sub.last = n
		}
		c.s.mu.Lock()
		c.s.subCount++
		sub.id = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "subscription-%06d", c.s.subCount))
		if c.s.o.Affinity {
			sub.server = fmt.Sprintf("server%d~19%05d", c.s.subCount%3, c.s.subCount)
			if strings.EqualFold(c.request.Header.Get("X-PreferServerAffinity"), "true") {
				http.SetCookie(c.http, &http.Cookie{Name: overrideCookie, Value: sub.server, Path: "/", HttpOnly: true})
			}
		}
		c.s.subs[sub.id] = sub
		c.s.mu.Unlock()
		return func() error {
			c.w.elem("m:SubscriptionId", sub.id)
			if !sub.stream {
				c.w.elem("m:Watermark", watermark(sub.last))
			}
			return nil
		}, nil
	})
	return nil
}

// subscription finds one of the caller's.
func (c *call) subscription(id string) *subscription {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	sub := c.s.subs[words(id)]
	if sub == nil || sub.owner != c.acting {
		return nil
	}
	if sub.server != "" {
		if k, err := c.request.Cookie(overrideCookie); err != nil || k.Value != sub.server {
			return nil // another server was asked
		}
	}
	return sub
}

func unsubscribe(c *call) *soapFault {
	c.begin()
	c.message(nil, func() (func() error, error) {
		sub := c.subscription(c.body.value("SubscriptionId"))
		if sub == nil {
			return nil, fail("ErrorSubscriptionNotFound", "The subscription is not there.")
		}
		c.s.mu.Lock()
		delete(c.s.subs, sub.id)
		c.s.mu.Unlock()
		return nil, nil
	})
	return nil
}

// news are the events after a number that the subscription is about, and the
// number to go on from.
func (sub *subscription) news(after uint64) (list []mailbox.Event, last uint64, wake <-chan struct{}) {
	events, wake := sub.m.Events(after)
	last = after
	for _, e := range events {
		last = e.Number
		if sub.kinds[e.Kind] && (sub.folders == nil || sub.folders[e.Parent] || sub.folders[e.OldParent] || e.IsFolder && sub.folders[e.Folder]) {
			list = append(list, e)
		}
	}
	return list, last, wake
}

// maxEvents bounds one notification.
const maxEvents = 100

func getEvents(c *call) *soapFault {
	c.begin()
	c.message(nil, func() (func() error, error) {
		sub := c.subscription(c.body.value("SubscriptionId"))
		if sub == nil || sub.stream {
			return nil, fail("ErrorSubscriptionNotFound", "The subscription is not there.")
		}
		after, ok := parseWatermark(c.body.value("Watermark"))
		if !ok {
			return nil, fail("ErrorInvalidWatermark", "The watermark is invalid.")
		}
		list, last, _ := sub.news(after)
		more := len(list) > maxEvents
		if more {
			list = list[:maxEvents]
			last = list[len(list)-1].Number
		}
		return func() error {
			c.w.open("m:Notification")
			c.w.elem("t:SubscriptionId", sub.id)
			c.w.elem("t:PreviousWatermark", watermark(after))
			c.w.bool("t:MoreEvents", more)
			c.writeEvents(sub, list, last)
			c.w.close()
			return nil
		}, nil
	})
	return nil
}

// writeEvents writes events; none is a StatusEvent.
func (c *call) writeEvents(sub *subscription, list []mailbox.Event, last uint64) {
	w := c.w
	if len(list) == 0 {
		w.open("t:StatusEvent")
		if !sub.stream {
			w.elem("t:Watermark", watermark(last))
		}
		w.close()
	}
	for _, e := range list {
		w.open("t:" + string(e.Kind) + "Event")
		if !sub.stream {
			w.elem("t:Watermark", watermark(e.Number))
		}
		w.elem("t:TimeStamp", w.time(e.Time))
		if e.IsFolder {
			w.empty("t:FolderId", "Id", folderID(sub.m, e.Folder))
		} else {
			w.empty("t:ItemId", "Id", itemID(sub.m, e.Parent, e.Place), "ChangeKey", changeKey(e.Number))
		}
		w.empty("t:ParentFolderId", "Id", folderID(sub.m, e.Parent))
		if e.Kind == mailbox.EventMoved || e.Kind == mailbox.EventCopied {
			if e.IsFolder {
				w.empty("t:OldFolderId", "Id", folderID(sub.m, e.Folder))
			} else {
				w.empty("t:OldItemId", "Id", itemID(sub.m, e.OldParent, e.OldPlace))
			}
			w.empty("t:OldParentFolderId", "Id", folderID(sub.m, e.OldParent))
		}
		w.close()
	}
}

// streamEvents keeps the connection open and writes an envelope for each batch
// of events, until the time is over.
func streamEvents(c *call) *soapFault {
	if c.forced != nil {
		c.begin()
		c.failed("m:GetStreamingEventsResponseMessage", c.forced)
		return nil
	}
	var subs []*subscription
	var unknown []string
	for _, n := range c.body.list("SubscriptionIds") {
		if sub := c.subscription(n.text); sub != nil && sub.stream {
			subs = append(subs, sub)
		} else {
			unknown = append(unknown, words(n.text))
		}
	}
	minutes := number(c.body.value("ConnectionTimeout"), 0)
	if minutes < 1 || minutes > 30 {
		return schemaFault("ConnectionTimeout is %d", minutes)
	}
	if len(unknown) > 0 {
		c.begin()
		c.failed("m:GetStreamingEventsResponseMessage", fail("ErrorInvalidSubscription", "The subscription is not there."))
		c.w.open("m:ErrorSubscriptionIds")
		for _, id := range unknown {
			c.w.elem("t:SubscriptionId", id)
		}
		return nil
	}
	unit, beat := c.s.o.Minute, c.s.o.Heartbeat
	if unit == 0 {
		unit = time.Minute
	}
	if beat == 0 {
		beat = 45 * time.Second
	}
	end := time.After(time.Duration(minutes) * unit)
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	if !c.envelopeOf(subs, nil, "OK") {
		return nil
	}
	for {
		var wakes []<-chan struct{}
		news := map[*subscription][]mailbox.Event{}
		for _, sub := range subs {
			c.s.mu.Lock()
			after := sub.last
			c.s.mu.Unlock()
			list, last, wake := sub.news(after)
			c.s.mu.Lock()
			sub.last = last
			c.s.mu.Unlock()
			if len(list) > 0 {
				news[sub] = list
			}
			wakes = append(wakes, wake)
		}
		if len(news) > 0 {
			if !c.envelopeOf(subs, news, "OK") {
				return nil
			}
			continue
		}
		woken := make(chan struct{}, 1)
		stop := make(chan struct{})
		for _, w := range wakes {
			go func() {
				select {
				case <-w:
					select {
					case woken <- struct{}{}:
					default:
					}
				case <-stop:
				}
			}()
		}
		var done, gone, tick bool
		select {
		case <-woken:
		case <-ticker.C:
			tick = true
		case <-end:
			done = true
		case <-c.ctx.Done():
			gone = true
		}
		close(stop)
		switch {
		case gone:
			return nil
		case done:
			c.envelopeOf(subs, nil, "Closed")
			return nil
		case tick && !c.envelopeOf(subs, map[*subscription][]mailbox.Event{}, "OK"):
			return nil
		}
	}
}

// envelopeOf writes one envelope of a stream and sends it off. news of nil
// means no notifications, an empty one a heartbeat.
func (c *call) envelopeOf(subs []*subscription, news map[*subscription][]mailbox.Event, status string) bool {
	c.begin()
	c.w.open("m:GetStreamingEventsResponseMessage", "ResponseClass", "Success")
	c.w.elem("m:ResponseCode", "NoError")
	if news != nil {
		c.w.open("m:Notifications")
		for _, sub := range subs {
			list := news[sub]
			if len(list) == 0 && len(news) > 0 {
				continue
			}
			for chunk := range slices.Chunk(append([]mailbox.Event(nil), list...), maxEvents) {
				c.w.open("t:Notification")
				c.w.elem("t:SubscriptionId", sub.id)
				c.w.bool("t:MoreEvents", false)
				c.writeEvents(sub, chunk, 0)
				c.w.close()
			}
			if len(list) == 0 {
				c.w.open("t:Notification")
				c.w.elem("t:SubscriptionId", sub.id)
				c.w.bool("t:MoreEvents", false)
				c.writeEvents(sub, nil, 0)
				c.w.close()
			}
		}
		c.w.close()
	}
	c.w.elem("m:ConnectionStatus", status)
	c.w.end()
	if c.w.flush() != nil {
		return false
	}
	return http.NewResponseController(c.http).Flush() == nil
}
