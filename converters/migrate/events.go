package migrate

import (
	"encoding/json"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
)

// An Observer is told what happens, by one goroutine at a time. It must not
// take long, and must not call the engine.
type Observer func(Event)

// An Event is one of [RunStarted], [FolderStarted], [ItemDone], [Waiting],
// [Trouble], [FolderDone] and [RunDone].
type Event interface{ Kind() string }

// RunStarted is the first event.
type RunStarted struct {
	Run     int64  `json:"run"`
	Source  string `json:"source"`
	Sink    string `json:"sink"`
	Ledger  string `json:"ledger"`
	Folders int    `json:"folders"`
	// Items is what the store says that it holds, -1 when it does not say.
	Items int64 `json:"items"`
}

// FolderStarted says that a folder is being listed.
type FolderStarted struct {
	Folder string `json:"folder"`
	Sink   string `json:"sink"`
	Items  int64  `json:"items"` // -1 when the store does not say
}

// ItemDone says that an item has a new state. Items that were done by earlier
// runs come in [FolderDone] only.
type ItemDone struct {
	Folder  string       `json:"folder"`
	Key     string       `json:"key"`
	Subject string       `json:"subject,omitempty"`
	State   ledger.State `json:"state"`
	Route   string       `json:"route,omitempty"`
	Reason  string       `json:"reason,omitempty"`
	Detail  string       `json:"detail,omitempty"`
	Bytes   int64        `json:"bytes"`
}

// Waiting says that the run waits: because the other side asked for it, after
// an error that may pass, or for a budget.
type Waiting struct {
	Op     string        `json:"op"`
	Folder string        `json:"folder,omitempty"`
	For    time.Duration `json:"nanoseconds"`
	Why    string        `json:"why"`
}

// Trouble is something that the user should know and that is about no single
// item.
type Trouble struct {
	Folder string `json:"folder,omitempty"`
	Text   string `json:"text"`
}

// FolderDone says that a folder is through.
type FolderDone struct {
	Folder string `json:"folder"`
	Listed int64  `json:"listed"`
	Known  int64  `json:"known"`
	Error  string `json:"error,omitempty"`
}

// RunDone is the last event.
type RunDone struct {
	Result
	Error string `json:"error,omitempty"`
}

// Kind implements [Event].
func (RunStarted) Kind() string { return "run" }

// Kind implements [Event].
func (FolderStarted) Kind() string { return "folder" }

// Kind implements [Event].
func (ItemDone) Kind() string { return "item" }

// Kind implements [Event].
func (Waiting) Kind() string { return "wait" }

// Kind implements [Event].
func (Trouble) Kind() string { return "trouble" }

// Kind implements [Event].
func (FolderDone) Kind() string { return "folder-done" }

// Kind implements [Event].
func (RunDone) Kind() string { return "done" }

// MarshalEvent writes an event as one JSON object, with its kind in "event".
func MarshalEvent(e Event) ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	kind, err := json.Marshal(e.Kind())
	if err != nil {
		return nil, err
	}
	out := append([]byte(`{"event":`), kind...)
	if len(b) > 2 {
		out = append(out, ',')
	}
	return append(out, b[1:]...), nil
}
