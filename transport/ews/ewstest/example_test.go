package ewstest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Start a server with one mailbox, order a fault, and ask for a folder twice.
func Example() {
	boxes := mailbox.New(mailbox.Options{})
	defer boxes.Close()
	ann := boxes.Add(mailbox.Account{Address: "ann@example.test", Password: "secret"})
	s, err := ewstest.New(ewstest.Options{Mailboxes: boxes, Convert: &converters.Converter{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	top, _ := ann.WellKnown(mailbox.IPMSubtree)
	if _, err := ann.CreateFolder(top.ID, "Projects", "IPF.Note", mapi.Properties{}); err != nil {
		fmt.Println(err)
	}
	s.Inject(ewstest.Fault{Operation: "FindFolder", Kind: ewstest.Busy})
	const find = `<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>` +
		`<m:ParentFolderIds><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>`
	for range 2 {
		req, _ := http.NewRequest("POST", s.URL(), strings.NewReader(fmt.Sprintf(envelope, "", find)))
		req.SetBasicAuth("ann", "secret")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(resp.StatusCode, strings.Contains(string(b), "ErrorServerBusy"), strings.Contains(string(b), "<t:DisplayName>Projects<"))
	}
	fmt.Println(s.Requests("FindFolder"), "requests,", len(boxes.Outbox()), "mails sent")
	// Output:
	// 500 true false
	// 200 false true
	// 2 requests, 0 mails sent
}
