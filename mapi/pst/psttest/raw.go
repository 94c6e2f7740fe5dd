package psttest

import (
	"bytes"
	"io"
	"slices"

	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// A Raw is a node whose content a test makes itself.
type Raw struct {
	NID, Parent ndb.NID
	// Blocks is the data, cut into blocks.
	Blocks [][]byte
	// Subnodes is the data of sub-nodes.
	Subnodes map[ndb.NID][]byte
}

// WriteRaw writes a file of nothing but these nodes.
func WriteRaw(out io.WriterAt, nodes []Raw, o *Options) (*Written, error) {
	if o == nil {
		o = &Options{Kind: ndb.Unicode}
	}
	f := newFile(out, o)
	for _, n := range nodes {
		f.node, f.sub = n.NID, 0
		s := &subs{}
		nids := make([]ndb.NID, 0, len(n.Subnodes))
		for nid := range n.Subnodes {
			nids = append(nids, nid)
		}
		slices.Sort(nids)
		for _, nid := range nids {
			bid, _, err := f.data(bytes.NewReader(n.Subnodes[nid]))
			if err != nil {
				return nil, err
			}
			s.add(nid, bid, 0)
		}
		data := f.blocks(n.Blocks, "data")
		f.addNode(n.NID, data, f.tree(s), n.Parent)
	}
	f.finish()
	return f.out, f.err
}
