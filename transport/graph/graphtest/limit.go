package graphtest

import (
	"fmt"
	"net/http"
	"time"
)

// Limits are those of Exchange behind Graph, for each application and mailbox.
// A negative value is no limit.
type Limits struct {
	Concurrent int           // requests at once
	Requests   int           // in RequestsIn
	RequestsIn time.Duration // 10 minutes
	Upload     int64         // bytes of request bodies in UploadIn
	UploadIn   time.Duration // 5 minutes
	// Body is the largest request that is not a range of an upload or an
	// import, in bytes; Inline the largest attachment in it.
	Body, Inline int64
	// Range is the largest range of an upload, and File the largest file.
	Range, File int64
	// Message is the largest message with its attachments, which an
	// administrator sets for a mailbox.
	Message int64
}

// orDefault fills in the limits that Graph has.
func (l Limits) orDefault() Limits {
	d := Limits{
		Concurrent: 4, Requests: 10_000, RequestsIn: 10 * time.Minute, Upload: 150 << 20, UploadIn: 5 * time.Minute,
		Body: 4 << 20, Inline: 3 << 20, Range: 4 << 20, File: 150 << 20, Message: 150 << 20,
	}
	set := func(p, v *int64) {
		if *v != 0 {
			*p = *v
		}
	}
	if l.Concurrent != 0 {
		d.Concurrent = l.Concurrent
	}
	if l.Requests != 0 {
		d.Requests = l.Requests
	}
	if l.RequestsIn != 0 {
		d.RequestsIn = l.RequestsIn
	}
	if l.UploadIn != 0 {
		d.UploadIn = l.UploadIn
	}
	set(&d.Upload, &l.Upload)
	set(&d.Body, &l.Body)
	set(&d.Inline, &l.Inline)
	set(&d.Range, &l.Range)
	set(&d.File, &l.File)
	set(&d.Message, &l.Message)
	return d
}

// A budget is what an application has used of a mailbox.
type budget struct {
	running  int
	requests []time.Time
	uploads  []portion
	uploaded int64
}

type portion struct {
	at time.Time
	n  int64
}

// enter takes one request from the budget of an application and a mailbox.
// size is that of its body, negative when it does not say. leave gives its
// place back and counts the bytes of a body that was read.
func (s *Server) enter(app, box string, size int64) (leave func(read int64), err error) {
	l := s.o.Limits
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	k := app + " " + box
	b := s.throttle[k]
	if b == nil {
		b = &budget{}
		s.throttle[k] = b
	}
	if b.running++; b.running > s.peak {
		s.peak = b.running
	}
	leave = func(read int64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		b.running--
		if size < 0 && read > 0 {
			b.uploads = append(b.uploads, portion{now, read})
			b.uploaded += read
		}
	}
	refuse := func(what string, after time.Duration) (func(int64), error) {
		s.exceeded[what]++
		b.running--
		e := &apiError{status: http.StatusTooManyRequests, code: "ApplicationThrottled", message: fmt.Sprintf("Application is over its %s limit.", what)}
		if !s.o.Quirks.NoRetryAfter {
			e.after = max(after.Round(time.Second), time.Second)
		}
		return nil, e
	}
	if l.Concurrent > 0 && b.running > l.Concurrent {
		return refuse("MailboxConcurrency", time.Second)
	}
	for len(b.requests) > 0 && now.Sub(b.requests[0]) >= l.RequestsIn {
		b.requests = b.requests[1:]
	}
	if l.Requests > 0 && len(b.requests) >= l.Requests {
		return refuse("RequestRate", l.RequestsIn-now.Sub(b.requests[0])+time.Second)
	}
	for len(b.uploads) > 0 && now.Sub(b.uploads[0].at) >= l.UploadIn {
		b.uploaded -= b.uploads[0].n
		b.uploads = b.uploads[1:]
	}
	if l.Upload > 0 && size > 0 && b.uploaded > 0 && b.uploaded+size > l.Upload {
		return refuse("UploadRate", l.UploadIn-now.Sub(b.uploads[0].at)+time.Second)
	}
	b.requests = append(b.requests, now)
	if size > 0 {
		b.uploads = append(b.uploads, portion{now, size})
		b.uploaded += size
	}
	return leave, nil
}

// Peak is the largest number of requests of one application that ran at once
// for one mailbox.
func (s *Server) Peak() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}

// Exceeded tells how often a limit was passed: MailboxConcurrency, RequestRate,
// UploadRate.
func (s *Server) Exceeded() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int, len(s.exceeded))
	for k, n := range s.exceeded {
		out[k] = n
	}
	return out
}
