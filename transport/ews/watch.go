package ews

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
)

// streamMinutes is how long one GetStreamingEvents stays open. It is at most 30.
const streamMinutes = 10

// watchedEvents are what a subscription tells.
var watchedEvents = []string{"NewMailEvent", "CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent", "CopiedEvent"}

// Watch implements [transport.Watcher]: by streaming notifications, or by asking
// for changes from time to time where the server has none.
func (st *Store) Watch(ctx context.Context, folders []transport.Folder) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		byID := map[string]transport.Folder{}
		var ids []string
		for _, f := range folders {
			id, err := st.folderID(ctx, "watch", f)
			if err != nil {
				yield(transport.Folder{}, err)
				return
			}
			byID[id] = f
			ids = append(ids, id)
		}
		if len(ids) == 0 {
			return
		}
		// States are taken before the subscription begins, so that what
		// happens between two subscriptions is seen.
		p := &poller{st: st, folders: byID, ids: ids, states: map[string]string{}}
		for {
			changed, err := p.look(ctx)
			if err == nil {
				for _, f := range changed {
					if !yield(f, nil) {
						return
					}
				}
				err = st.wait(ctx, p, yield)
			}
			switch {
			case err == errLeft:
				return
			case ctx.Err() != nil:
				yield(transport.Folder{}, ctx.Err())
				return
			case err != nil:
				yield(transport.Folder{}, err)
				return
			}
		}
	}
}

// A poller knows the states of folders and finds those that changed.
type poller struct {
	st      *Store
	folders map[string]transport.Folder
	ids     []string
	states  map[string]string
	lost    int // subscriptions in a row that were gone at once
}

// look asks for the changes of all folders. The first time only states are
// noted.
func (p *poller) look(ctx context.Context) ([]transport.Folder, error) {
	var changed []transport.Folder
	for _, id := range p.ids {
		state, known := p.states[id]
		moved := false
		for {
			page, err := p.st.sync(ctx, p.folders[id], id, state, false)
			if hasCode(err, "ErrorInvalidSyncStateData") && state != "" {
				state, moved = "", true
				continue
			}
			if err != nil {
				return changed, err
			}
			moved = moved || len(page.changes) > 0
			done := page.last || page.state == "" || page.state == state
			state = page.state
			if done {
				break
			}
		}
		p.states[id] = state
		if known && moved {
			changed = append(changed, p.folders[id])
		}
	}
	return changed, nil
}

// wait returns when something may have changed. It yields folders of which
// events tell.
func (st *Store) wait(ctx context.Context, p *poller, yield func(transport.Folder, error) bool) error {
	st.mu.Lock()
	noStream := st.noStream
	st.mu.Unlock()
	if !noStream {
		id, err := st.subscribe(ctx, p.ids)
		if err == nil {
			err = st.stream(ctx, id, p, yield)
			if err == nil {
				p.lost = 0
			}
			if err == nil || err == errLeft || ctx.Err() != nil {
				return err
			}
		}
		switch k := transport.KindOf(err); {
		case k == transport.NotFound:
			// The subscription ended: a new one. Where it ends each time
			// (behind a balancer that asks another server) not without a pause.
			if p.lost++; p.lost > 1 {
				return st.o.Clock.Sleep(ctx, st.o.Poll)
			}
			return nil
		case !unknownOperation(err) && (k == transport.Auth || k == transport.Throttled || k == transport.Temporary || k == transport.Unavailable):
			return err
		}
		st.mu.Lock()
		st.noStream = true
		st.mu.Unlock()
	}
	return st.o.Clock.Sleep(ctx, st.o.Poll)
}

func (st *Store) subscribe(ctx context.Context, ids []string) (string, error) {
	r := request{op: "watch", name: "Subscribe", body: func(w *soap.Writer) {
		w.Start("m:StreamingSubscriptionRequest").Start("t:FolderIds")
		for _, id := range ids {
			w.Empty("t:FolderId", "Id", id)
		}
		w.End().Start("t:EventTypes")
		for _, e := range watchedEvents {
			w.Element("t:EventType", e)
		}
		w.End().End()
	}}
	id := ""
	err := st.svc.do(ctx, r, reply{element: func(_ int, s *soap.Scanner) error {
		if s.Name() == "SubscriptionId" {
			id = strings.TrimSpace(s.Text())
		}
		return nil
	}})
	if err == nil && id == "" {
		err = errNoID(r)
	}
	return id, err
}

// stream reads one GetStreamingEvents to its end. Its body is a row of
// envelopes.
func (st *Store) stream(ctx context.Context, subscription string, p *poller, yield func(transport.Folder, error) bool) error {
	r := request{op: "watch", name: "GetStreamingEvents", body: func(w *soap.Writer) {
		w.Start("m:SubscriptionIds").Element("t:SubscriptionId", subscription).End()
		w.Element("m:ConnectionTimeout", strconv.Itoa(streamMinutes))
	}}
	st.svc.mu.Lock()
	version := versions[st.svc.version]
	st.svc.mu.Unlock()
	resp, err := st.svc.post(ctx, r, version)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	s := soap.NewScanner(resp.Body)
	for {
		told := map[string]bool{}
		closed := false
		err := st.svc.readNext(r, s, reply{element: func(_ int, s *soap.Scanner) error {
			switch s.Name() {
			case "ConnectionStatus":
				closed = s.Text() == "Closed"
			case "Notifications", "Notification":
				readNotifications(s, told)
			}
			return nil
		}})
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		for _, id := range p.ids {
			if told[id] && !yield(p.folders[id], nil) {
				return errLeft
			}
		}
		if closed || s.Ended() {
			return ctx.Err()
		}
	}
}

// readNotifications notes the folders of events.
func readNotifications(s *soap.Scanner, told map[string]bool) {
	for depth := s.Depth(); s.Child(depth); {
		switch s.Name() {
		case "ParentFolderId", "OldParentFolderId", "FolderId":
			told[s.Attr("Id")] = true
		default:
			readNotifications(s, told)
		}
	}
}
