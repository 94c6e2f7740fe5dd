package migrate

import (
	"context"
	"encoding/json"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/retry"
	"github.com/mailconv/mailconv/transport/spool"
)

// Options say how a run is done. The zero value copies everything.
type Options struct {
	// Converter changes the form of items; nil refuses items whose form the
	// sink does not take.
	Converter transport.Converter `json:"-"`
	// Contenter reads the meaning of items. It finds items in sinks that do
	// not keep bytes; nil leaves that out.
	Contenter Contenter `json:"-"`
	// Observer is told what happens; nil is silent.
	Observer Observer `json:"-"`
	// Encode writes an object as .msg for the quarantine; nil keeps only
	// objects that have their original encoding.
	Encode func(context.Context, io.Writer, *mapi.Message) error `json:"-"`
	// Spool holds bodies on their way; nil makes one of 24 MiB.
	Spool *spool.Spool `json:"-"`
	// Retry says how errors that may pass are met. Its Notify is called
	// besides the Observer.
	Retry retry.Policy `json:"-"`
	// Clock is nil for the system's.
	Clock clock.Clock `json:"-"`

	// Workers is the number of folders that are worked on at once; 0 is 4.
	Workers int
	// Join is how long a worker waits before it joins those that are there; 0
	// is not at all. Each costs both servers a login and more, which a short
	// run does not earn back: one alone has both sides at work where they are
	// near.
	Join time.Duration
	// Share says that this run is one of so many at once, which together take
	// about the memory of one; 0 is 1.
	Share int
	// Batch is the number of items of one commit, for sinks that do not say
	// what a batch is; 0 is 50.
	Batch int

	Filter Filter
	// Query selects items in the source's own language, see
	// [transport.Searcher]; "" is all. Items that do not match get no row, and
	// are searched for again by each run. A source that cannot search is an
	// error of kind [transport.Usage].
	Query string
	// Map are rules for folders; the one with the longest From wins.
	Map []MapRule
	// NoRoles keeps names as they are: Sent Items does not become Sent.
	NoRoles bool
	// Merge puts folders that would get the same name into one; otherwise the
	// second gets a number.
	Merge bool
	// NonMail says what happens to appointments, contacts and tasks where the
	// sink takes only mail.
	NonMail NonMail

	// Dedupe copies identical items once.
	Dedupe bool
	// MirrorDeletes deletes in the sink what was deleted in the source.
	MirrorDeletes bool
	// DeleteSource deletes at the source what has a whole copy: copied by this
	// run or an earlier one, without severe loss, and found in the sink when
	// that is asked again, by its bytes or, where the sink keeps items in its
	// own way, by its meaning. A source that cannot delete, and a sink that
	// cannot be asked, are an error of kind [transport.Usage]. Only items that
	// Filter and Query select are deleted; duplicates stay.
	DeleteSource bool
	// NoFlags and NoMoves leave flags and places in the sink as they are.
	NoFlags, NoMoves bool
	// KeepFailed does not try items again that failed in an earlier run.
	KeepFailed bool
	// Repair mends a mail that the sink rejects (bare line feeds, zeros,
	// lines that are too long) and puts it again; the item gets a note.
	Repair bool
	// Quarantine is a folder for the raw bytes of items that failed; "" keeps
	// none.
	Quarantine string

	// BytesPerDay bounds what is put within 24 hours; the run waits. 0 is no
	// bound. Rates per second are bounded by transport/throttle.
	BytesPerDay int64
	// MaxBytes ends the run, with its state saved, after so many bytes.
	MaxBytes int64
	// Plan, when set, is carried out instead of listing the source.
	Plan *Plan `json:"-"`
}

// NonMail is a policy.
type NonMail string

// Policies for what is not mail.
const (
	NonMailAsMail NonMail = ""     // in a folder of its own, as mail
	NonMailSkip   NonMail = "skip" // left out, with a row
)

// A MapRule maps a folder and all below it. From "" is the root, so that
// {"", "Archive"} puts everything below Archive; To "" removes the prefix.
type MapRule struct{ From, To string }

// ParseMapRule reads A=B. An equals sign within A is written \=.
func ParseMapRule(s string) (MapRule, bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '=':
			return MapRule{strings.ReplaceAll(s[:i], `\=`, "="), s[i+1:]}, true
		}
	}
	return MapRule{}, false
}

// Filter selects what is copied. An item that is left out has a row that says
// why, and is looked at again when the filter changes.
type Filter struct {
	// Folders and Exclude are patterns of paths, as in path.Match, element by
	// element and without case. A pattern that matches a folder also matches
	// what is below it. No Folders means all.
	Folders, Exclude []string
	// Since and Before bound the date of arrival: Since <= date < Before.
	Since, Before time.Time
	// MaxSize in bytes, 0 is no bound.
	MaxSize int64
	// Classes are patterns of message classes, without case; "IPM.Note*". An
	// item whose class the source does not tell is taken for IPM.Note.
	Classes []string
	// Hidden includes folders that a mail program does not show.
	Hidden bool
}

// Reasons why an item has no copy; the set is closed. A skipped item has one of
// the first group. A failed item has the name of a [transport.Kind], or
// "convert" or "damaged".
const (
	ReasonSince    = "before --since"
	ReasonBefore   = "after --before"
	ReasonSize     = "larger than --max-size"
	ReasonClass    = "not of --class"
	ReasonNonMail  = "not mail"
	ReasonSource   = "left out by the source" // associated, soft-deleted, ...
	ReasonVanished = "gone before it was copied"
	ReasonPlan     = "skipped by the plan"
	ReasonNoForm   = "the sink has no place for such an item"

	ReasonConvert = "convert" // no converter, or it failed
	ReasonDamaged = "damaged" // nothing useful could be read
)

// wants reports whether an item that was skipped is to be copied now.
func (o *Options) wants(it *ledger.Item, m transport.Meta) bool {
	switch it.Reason {
	case ReasonVanished, ReasonSource, ReasonSince, ReasonBefore, ReasonSize, ReasonClass:
		return o.Filter.item(m) == ""
	case ReasonNonMail:
		return o.NonMail != NonMailSkip && o.Filter.item(m) == ""
	}
	return false
}

func (f *Filter) folder(p []string) bool {
	if slices.ContainsFunc(f.Exclude, func(pat string) bool { return matchPath(pat, p) }) {
		return false
	}
	return len(f.Folders) == 0 || slices.ContainsFunc(f.Folders, func(pat string) bool { return matchPath(pat, p) })
}

func matchPath(pattern string, p []string) bool {
	pat := transport.ParsePath(strings.ToLower(pattern))
	if len(pat) == 0 || len(pat) > len(p) {
		return false
	}
	for i, e := range pat {
		name := strings.ToLower(p[i])
		// A slash in a name is no separator here.
		if ok, err := path.Match(e, strings.ReplaceAll(name, "/", "\x01")); e != name && (err != nil || !ok) {
			return false
		}
	}
	return true
}

// item says why an item is left out, "" when it is not.
func (f *Filter) item(m transport.Meta) string {
	if m.Skip != "" {
		return ReasonSource
	}
	if !m.Received.IsZero() {
		if !f.Since.IsZero() && m.Received.Before(f.Since) {
			return ReasonSince
		}
		if !f.Before.IsZero() && !m.Received.Before(f.Before) {
			return ReasonBefore
		}
	}
	if f.MaxSize > 0 && m.Size > f.MaxSize {
		return ReasonSize
	}
	if len(f.Classes) > 0 {
		class := m.Class
		if class == "" {
			class = "IPM.Note"
		}
		if !slices.ContainsFunc(f.Classes, func(p string) bool {
			ok, err := path.Match(strings.ToLower(p), strings.ToLower(class))
			return err == nil && ok
		}) {
			return ReasonClass
		}
	}
	return ""
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Batch <= 0 {
		o.Batch = 50
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Retry.Clock == nil {
		o.Retry.Clock = o.Clock
	}
	return o
}

// saved is what the ledger keeps of the options.
func (o Options) saved() string {
	b, err := json.Marshal(o)
	if err != nil {
		return "{}"
	}
	return string(b)
}

// A Result is what one run did.
type Result struct {
	Run     int64          `json:"run"`
	Outcome ledger.Outcome `json:"outcome"`
	// Known were done by earlier runs. Present were in the sink already and
	// were recognised by content. Found were put by an earlier run that was
	// killed before it could say so.
	Known   int64 `json:"known"`
	Copied  int64 `json:"copied"`
	Present int64 `json:"present"`
	Found   int64 `json:"found"`
	// Rekeyed kept their place, but the source gave them new keys.
	Rekeyed int64 `json:"rekeyed"`
	Moved   int64 `json:"moved"`
	Flags   int64 `json:"flags"`
	Deleted int64 `json:"deleted"`
	// Removed were deleted at the source. Kept were to be, but the sink did not
	// show a whole copy, or the source did not delete them.
	Removed   int64 `json:"removed"`
	Kept      int64 `json:"kept"`
	Duplicate int64 `json:"duplicate"`
	Skipped   int64 `json:"skipped"`
	Failed    int64 `json:"failed"`
	// Severe is the number of copied items that lost content.
	Severe  int64 `json:"severe"`
	Bytes   int64 `json:"bytes"`
	Folders int64 `json:"folders"`
	// Unlisted is the number of folders that could not be listed.
	Unlisted int64 `json:"unlisted"`
}

// Complete reports whether nothing failed: every item that was asked for is in
// the sink with all its content, every folder could be listed, and what was to
// be deleted at the source is.
func (r *Result) Complete() bool {
	return r.Outcome == ledger.Done && r.Failed == 0 && r.Severe == 0 && r.Unlisted == 0 && r.Kept == 0
}
