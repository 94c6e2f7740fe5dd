package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	mapipst "github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/all"
	"github.com/mailconv/mailconv/transport/olm"
	"github.com/mailconv/mailconv/transport/pst"
)

// archiveSchemes are the stores that are one file of many items, so that they
// can stand where a file can.
var archiveSchemes = []string{"pst", "ost", "olm"}

// archiveAddress reports whether an input is such a store.
func archiveAddress(name string) (transport.Address, bool) {
	a, err := transport.ParseAddress(name)
	switch {
	case err != nil:
		return a, false
	case a.Scheme == "" && pst.Sniff(a.Path):
		a.Scheme = "pst"
	case a.Scheme == "" && olm.Sniff(a.Path):
		a.Scheme = "olm"
	}
	return a, slices.Contains(archiveSchemes, a.Scheme)
}

// fetchPage is how many items are asked for at once.
const fetchPage = 50

// archiveItems yields what an archive hands over, each item with its folder.
func archiveItems(c *cli.Context, a transport.Address) iter.Seq2[converters.FileItem, error] {
	return func(yield func(converters.FileItem, error) bool) {
		fail := func(where string, err error) bool { return yield(converters.FileItem{File: where}, err) }
		src, err := all.Registry().OpenSource(c.Context, a, nil)
		if err != nil {
			fail(a.Path, err)
			return
		}
		defer src.Close()
		for f, err := range src.Folders(c.Context) {
			if err == nil {
				err = f.Err
			}
			where := a.Path + ": " + f.String()
			if err != nil {
				if !fail(where, err) {
					return
				}
				continue
			}
			var keys []transport.Key
			metas := map[transport.Key]transport.Meta{}
			page := func() bool {
				for fe, err := range src.Fetch(c.Context, f, keys, nil) {
					if err != nil {
						return fail(where, err)
					}
					m := metas[fe.Key]
					name := strings.TrimSpace(where + " " + string(fe.Key) + " " + m.Subject)
					ok := yield(converters.FileItem{File: name, Item: &converters.Item{Content: fe.Content, Meta: m, Err: fe.Err}}, nil)
					fe.Content.Close()
					if !ok {
						return false
					}
				}
				keys = keys[:0]
				clear(metas)
				return true
			}
			for m, err := range src.Items(c.Context, f, nil) {
				switch {
				case err != nil:
					if !fail(where, err) {
						return
					}
				case m.Skip == "":
					keys, metas[m.Key] = append(keys, m.Key), m
				}
				if len(keys) == fetchPage && !page() {
					return
				}
			}
			if !page() {
				return
			}
		}
	}
}

// inspectPST describes a file as a tree of folders, or one of its nodes.
func inspectPST(c *cli.Context, a transport.Address, props bool) (*converters.Node, error) {
	o := &pst.Options{}
	if v := c.Int("codepage"); v > 0 {
		o.CodePage = v
	}
	s, err := pst.Open(a.Path, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if node := c.String("node"); node != "" {
		n, err := strconv.ParseUint(node, 0, 32)
		if err != nil {
			return nil, err
		}
		return describeNode(c, s.File(), mapipst.NID(n), props)
	}
	return describeFile(s.File(), props), nil
}

// lost reports whether the description tells of lost content.
func lost(n *converters.Node) bool {
	return slices.ContainsFunc(n.Problems, func(p converters.DescribedFlaw) bool { return p.Severe }) || slices.ContainsFunc(n.Children, lost)
}

func describeFile(f *mapipst.File, props bool) *converters.Node {
	i := f.Info()
	root := &converters.Node{Kind: "store", Title: i.Name}
	add := func(n *converters.Node, name, value string) {
		n.Fields = append(n.Fields, converters.NodeField{Name: name, Value: value})
	}
	kind := "PST"
	if i.Client == "SO" {
		kind = "OST"
	}
	add(root, "Kind", fmt.Sprintf("%s, %v, wVer %d, %v", kind, i.Kind, i.Version, i.Crypt))
	add(root, "Size", fmt.Sprintf("%d bytes, the header says %d", f.DB().Size(), i.EOF))
	if i.Password {
		add(root, "Password", mapipst.PasswordNote)
	}
	if props {
		root.Props = describeOnly(f.Store())
	}
	nodes := map[mapipst.NID]*converters.Node{}
	for fo := range f.Folders() {
		count, bad, associated := 0, 0, 0
		for range f.Items(fo.NID, mapipst.Associated) {
			associated++
		}
		if !fo.Search {
			for _, err := range f.Items(fo.NID, mapipst.Contents) {
				count++
				if err != nil {
					bad++
				}
			}
		}
		facts := []string{fo.NID.String(), plural(count, "item", "items")}
		if fo.Search {
			facts[1] = "a search folder"
		} else if fo.Count >= 0 && fo.Count != count {
			facts = append(facts, fmt.Sprintf("the folder says %d", fo.Count))
		}
		if bad > 0 {
			facts = append(facts, fmt.Sprintf("%d of them cannot be found", bad))
		}
		if associated > 0 {
			facts = append(facts, fmt.Sprintf("%d associated", associated))
		}
		for _, s := range []string{string(fo.Role), fo.Class} {
			if s != "" {
				facts = append(facts, s)
			}
		}
		name := fo.Name
		if name == "" {
			name = "(no name)"
		}
		n := &converters.Node{Kind: "folder", Title: name + "  (" + strings.Join(facts, ", ") + ")"}
		if fo.Err != nil {
			n.Problems = append(n.Problems, converters.DescribedFlaw{Severe: true, Text: fo.Err.Error()})
		}
		if props {
			if ps, err := f.FolderProperties(fo.NID); err == nil {
				n.Props = describeOnly(ps)
			}
		}
		up := nodes[fo.Parent]
		if up == nil {
			up = root
		}
		nodes[fo.NID] = n
		up.Children = append(up.Children, n)
	}
	for _, p := range f.Problems() {
		root.Problems = append(root.Problems, converters.DescribedFlaw{Severe: p.Severe, Text: p.String()})
	}
	return root
}

// describeOnly lists properties that belong to no message.
func describeOnly(ps mapi.Properties) []converters.NodeProperty {
	it := &converters.Item{Content: &transport.Content{Form: transport.FormObject, Object: &mapi.Message{Props: ps}}}
	n, err := converters.Describe(context.Background(), it, nil, true)
	if err != nil {
		return nil
	}
	return n.Props
}

// describeNode describes an item, the rows of a table, or whatever else has
// properties.
func describeNode(c *cli.Context, f *mapipst.File, nid mapipst.NID, props bool) (*converters.Node, error) {
	switch nid.Type() {
	case ndb.TypeNormalMessage, ndb.TypeAssocMessage:
		m, problems, err := f.Item(c.Context, nid)
		if err != nil {
			return nil, err
		}
		it := &converters.Item{Content: &transport.Content{Form: transport.FormObject, Object: m, Problems: problems}}
		return converters.Describe(c.Context, it, nil, props)
	case ndb.TypeHierarchyTable, ndb.TypeContentsTable, ndb.TypeAssocContentsTable, ndb.TypeSearchContentsTable,
		ndb.TypeAttachmentTable, ndb.TypeRecipientTable, ndb.TypeReceiveFolderTable, ndb.TypeOutgoingQueueTable:
		n := &converters.Node{Kind: "table", Title: nid.String()}
		for r, err := range f.Table(nid) {
			if err != nil && r.ID == 0 {
				return nil, err
			}
			row := &converters.Node{Kind: "row", Title: r.ID.String(), Props: describeOnly(r.Props)}
			if err != nil {
				row.Problems = append(row.Problems, converters.DescribedFlaw{Severe: true, Text: err.Error()})
			}
			n.Children = append(n.Children, row)
		}
		return n, nil
	}
	ps, err := f.FolderProperties(nid)
	if err != nil {
		return nil, err
	}
	return &converters.Node{Kind: "node", Title: nid.String(), Props: describeOnly(ps)}, nil
}
