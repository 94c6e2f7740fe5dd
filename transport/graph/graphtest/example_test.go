package graphtest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/mailconv/mailconv/transport/graph/graphtest"
)

func Example() {
	s, err := graphtest.New(graphtest.Options{})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	token := s.Token("zoe@" + s.Tenant())
	create := func() string {
		r, _ := http.NewRequest("POST", s.URL()+"/me/mailFolders/inbox/messages", strings.NewReader(`{"subject":"Hello"}`))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return "no reply"
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Status
	}
	// The second one is refused, the third does its work and loses its reply.
	s.Inject(graphtest.Fault{Call: "messages.create", Nth: 2, Status: 429})
	s.Inject(graphtest.Fault{Call: "messages.create", Nth: 2, Lose: true})
	for range 3 {
		fmt.Println(create())
	}
	inbox, _ := s.Mailbox("zoe@" + s.Tenant()).WellKnown("inbox")
	fmt.Println(s.Calls()["messages.create"], "calls,", inbox.Count, "mails,", len(s.Outbox()), "sent")
	// Output:
	// 201 Created
	// 429 Too Many Requests
	// no reply
	// 3 calls, 2 mails, 0 sent
}
