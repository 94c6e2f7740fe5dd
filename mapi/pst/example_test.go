package pst_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// Folders and items are listed without reading bodies; Item reads one whole.
func ExampleNewReader() {
	var file psttest.Memory
	root := &psttest.Folder{Name: "Archive", Folders: []*psttest.Folder{
		{Name: "Inbox", Items: psttest.Items(psttest.Plain(1), psttest.Plain(2))},
	}}
	if _, err := psttest.Write(&file, root, &psttest.Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute}); err != nil {
		panic(err)
	}

	r, size := file.Reader() // or pst.Open("archive.pst", nil)
	f, err := pst.NewReader(r, size, nil)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	for folder := range f.Folders() {
		if folder.Hidden || len(folder.Path) == 0 {
			continue
		}
		fmt.Println(strings.Join(folder.Path, "/"))
		for entry, err := range f.Items(folder.NID, pst.Contents) {
			if err != nil {
				fmt.Println(err)
				continue
			}
			m, problems, err := f.Item(context.Background(), entry.NID)
			if err != nil {
				fmt.Println(err)
				continue
			}
			fmt.Printf("  %s: %d recipients, %d problems\n", entry.Subject, len(m.Recipients), len(problems))
		}
	}
	// Output:
	// Inbox
	//   Mail 1: 1 recipients, 0 problems
	//   Mail 2: 1 recipients, 0 problems
}
