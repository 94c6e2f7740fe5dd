package converters

import (
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/mime/entity"
)

// shownFields are the fields of a mail that a description lists.
var shownFields = []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Date", "Subject", "Message-ID"}

// describePart shows a part and those below it. With props every field is
// listed, not only those that people read.
func describePart(e *entity.Entity, props bool) *Node {
	n := &Node{Kind: "part", Title: strings.TrimSpace(e.Path() + " " + e.MediaType)}
	add := func(name, value string) {
		if value != "" {
			n.Fields = append(n.Fields, NodeField{name, value})
		}
	}
	switch {
	case props:
		for _, f := range e.Fields {
			add(f.Name, f.Text(nil))
		}
	case e.Parent() == nil || e.Parent().IsMessage():
		for _, name := range shownFields {
			for _, f := range e.Fields.All(name) {
				add(f.Name, f.Text(nil))
			}
		}
	}
	if !props {
		add("Name", e.Filename())
		add("Content-ID", e.ContentID())
		add("Disposition", e.Disposition)
		add("Charset", e.Param("charset"))
	}
	if len(e.Parts) == 0 {
		size := fmt.Sprintf("%d bytes", e.Content().Size())
		if name := e.Encoding.String(); name != "" {
			size += fmt.Sprintf(", %d in the mail (%s)", e.Body().Size(), name)
		}
		add("Size", size)
	}
	for _, p := range e.Parts {
		n.Children = append(n.Children, describePart(p, props))
	}
	return n
}
