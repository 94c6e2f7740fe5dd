package graph_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailconv/mailconv/transport/graph"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Mailboxes in parallel, each with the budget of its own, come to at least 90 %
// of what the limits allow, and none is ever refused: by the server, which
// counts for itself. The time is simulated.
func TestMailboxesUseTheirLimits(t *testing.T) {
	boxes, span := 2, 20*time.Minute
	if thorough {
		boxes = 20
	}
	for _, c := range []struct {
		name    string
		size    int64         // bytes of each body
		latency time.Duration // of each request
		most    float64       // requests of one mailbox in an hour, by the tightest limit
	}{
		{"many small requests", 200, 50 * time.Millisecond, 6 * graph.MaxRequests},
		{"large bodies", 1 << 20, 2 * time.Second, 12 * graph.MaxUpload / (1 << 20)},
		{"slow requests", 200, 3 * time.Second, graph.MaxInFlight * 3600 / 3},
	} {
		boxes := boxes
		if !thorough && c.latency < time.Second {
			boxes = 1 // twenty thousand requests
		}
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mb := mailbox.New(mailbox.Options{})
				defer mb.Close()
				for i := range boxes {
					mb.Add(mailbox.Account{Address: fmt.Sprintf("u%d@mailconv.example", i)})
				}
				s, err := graphtest.New(graphtest.Options{Handler: true, Mailboxes: mb, TokenLife: 2 * span})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				token := s.AppToken()
				s.Inject(graphtest.Fault{Times: -1, Stall: c.latency})
				end := time.Now().Add(span)
				done := make([]int, boxes)
				var mu sync.Mutex
				var wg sync.WaitGroup
				for i := range boxes {
					limits := graph.NewLimits(nil)
					for range 2 * graph.MaxInFlight {
						wg.Go(func() {
							for {
								release, err := limits.Acquire(t.Context(), c.size)
								if err != nil {
									return
								}
								if !time.Now().Before(end) {
									release()
									return
								}
								r := httptest.NewRequest("POST", fmt.Sprintf("/v1.0/users/u%d@mailconv.example/translateExchangeIds", i),
									strings.NewReader(`{"inputIds":[],"sourceIdType":"restId","targetIdType":"ewsId"}`))
								r.ContentLength = c.size // this is what counts
								r.Header.Set("Content-Type", "application/json")
								r.Header.Set("Authorization", "Bearer "+token)
								w := httptest.NewRecorder()
								s.ServeHTTP(w, r)
								release()
								mu.Lock()
								if w.Code != 200 {
									t.Errorf("mailbox %d: %d %s", i, w.Code, w.Body)
									end = time.Now()
								}
								done[i]++
								mu.Unlock()
							}
						})
					}
				}
				wg.Wait()
				low, high := 2.0, 0.0
				for _, n := range done {
					share := float64(n) / (c.most * span.Hours())
					low, high = min(low, share), max(high, share)
				}
				t.Logf("%d mailboxes for %v: %.1f to %.1f %% of what the limits allow, %d at once", boxes, span, 100*low, 100*high, s.Peak())
				if low < 0.9 {
					t.Error("the limits are not used")
				}
				if e := s.Exceeded(); len(e) > 0 || s.Peak() > graph.MaxInFlight {
					t.Errorf("the limits are passed: %v, %d at once", e, s.Peak())
				}
			})
		})
	}
}
