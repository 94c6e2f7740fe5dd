package report

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/converters/ledger"
)

type jsonRun struct {
	ID      int64           `json:"id"`
	Started string          `json:"started"`
	Ended   string          `json:"ended,omitempty"`
	Outcome ledger.Outcome  `json:"outcome"`
	Detail  string          `json:"detail,omitempty"`
	Options json.RawMessage `json:"options,omitempty"`
}

type jsonNote struct {
	Kind   ledger.NoteKind `json:"kind"`
	Name   string          `json:"name"`
	Reason string          `json:"reason"`
	Detail string          `json:"detail,omitempty"`
	Severe bool            `json:"severe,omitempty"`
}

type jsonItem struct {
	Folder    string       `json:"folder"`
	Key       string       `json:"key"`
	State     ledger.State `json:"state"`
	Reason    string       `json:"reason,omitempty"`
	Detail    string       `json:"detail,omitempty"`
	Sink      string       `json:"sink,omitempty"`
	Ref       string       `json:"ref,omitempty"`
	Route     string       `json:"route,omitempty"`
	Subject   string       `json:"subject,omitempty"`
	MessageID string       `json:"message_id,omitempty"`
	Received  string       `json:"received,omitempty"`
	Size      int64        `json:"size"`
	Bytes     int64        `json:"bytes"`
	Content   string       `json:"content,omitempty"`
	Put       string       `json:"put,omitempty"`
	Gone      int          `json:"gone,omitempty"`
	Tries     int          `json:"tries,omitempty"`
	At        string       `json:"at"`
	Notes     []jsonNote   `json:"notes,omitempty"`
}

// JSON writes one object: about, runs, totals, folders, reasons, and an entry
// for every item.
func JSON(ctx context.Context, w io.Writer, l *ledger.Ledger) error {
	s, err := summarise(ctx, l)
	if err != nil {
		return err
	}
	n, err := namesOf(ctx, l)
	if err != nil {
		return err
	}
	runs := make([]jsonRun, 0, len(s.Runs))
	for _, r := range s.Runs {
		j := jsonRun{ID: r.ID, Started: stamp(r.Started), Ended: stamp(r.Ended), Outcome: r.Outcome, Detail: r.Detail}
		if json.Valid([]byte(r.Options)) {
			j.Options = json.RawMessage(r.Options)
		}
		runs = append(runs, j)
	}
	out := bufio.NewWriter(w)
	head := []struct {
		name string
		v    any
	}{
		{"source", s.Pair.Source},
		{"sink", s.Pair.Sink},
		{"runs", runs},
		{"totals", s.Totals},
		{"severe", s.Severe},
		{"folders", s.Folders},
		{"reasons", s.Reasons},
	}
	out.WriteString("{\n")
	for _, h := range head {
		b, err := json.Marshal(h.v)
		if err != nil {
			return err
		}
		out.WriteString(strconv.Quote(h.name) + ": ")
		out.Write(b)
		out.WriteString(",\n")
	}
	out.WriteString("\"items\": [")
	first := true
	err = rows(ctx, l, ledger.Query{}, n, func(r row) (bool, error) {
		it := jsonItem{
			Folder: r.Folder, Key: string(r.Meta.Key), State: r.State, Reason: r.Reason, Detail: r.Detail, Sink: r.Sink, Ref: string(r.Ref),
			Route: r.Route, Subject: r.Meta.Subject, MessageID: r.Meta.MessageID, Received: stamp(r.Meta.Received), Size: r.Meta.Size,
			Bytes: r.Bytes, Content: r.Content.String(), Put: r.Put.String(), Gone: int(r.Gone), Tries: r.Tries, At: stamp(r.At),
		}
		for _, note := range r.Notes {
			it.Notes = append(it.Notes, jsonNote{note.Kind, note.Name, note.Reason, note.Detail, note.Severe})
		}
		b, err := json.Marshal(it)
		if err != nil {
			return false, err
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.WriteByte('\n')
		_, err = out.Write(b)
		return true, err
	})
	if err != nil {
		return err
	}
	out.WriteString("\n]}\n")
	return out.Flush()
}

// CSV writes a header line and a line for every item. A field that a
// spreadsheet would take for a formula has an apostrophe before it.
func CSV(ctx context.Context, w io.Writer, l *ledger.Ledger) error {
	n, err := namesOf(ctx, l)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.Write([]string{"folder", "key", "state", "reason", "detail", "sink folder", "ref", "route", "subject", "message id", "received", "size", "bytes", "sha256", "gone", "at", "notes"})
	err = rows(ctx, l, ledger.Query{}, n, func(r row) (bool, error) {
		var notes []string
		for _, x := range r.Notes {
			notes = append(notes, noteText(x))
		}
		line := []string{
			r.Folder, string(r.Meta.Key), string(r.State), r.Reason, r.Detail, r.Sink, string(r.Ref), r.Route, r.Meta.Subject, r.Meta.MessageID,
			stamp(r.Meta.Received), strconv.FormatInt(r.Meta.Size, 10), strconv.FormatInt(r.Bytes, 10), r.Content.String(),
			strconv.Itoa(int(r.Gone)), stamp(r.At), strings.Join(notes, "; "),
		}
		for i, f := range line {
			// Numbers may begin with a minus.
			if i != 11 {
				line[i] = plain(f)
			}
		}
		return true, out.Write(line)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// plain keeps a spreadsheet from taking a text for a formula.
func plain(s string) string {
	if s != "" && strings.IndexByte("=+-@\t\r", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

func noteText(n ledger.Note) string {
	s := string(n.Kind) + ": " + n.Name + " " + n.Reason
	if n.Detail != "" {
		s += " (" + n.Detail + ")"
	}
	return s
}
