package pst

import (
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ltp"
)

// Complete fills in what a contents table does not hold, which is up to the
// program that wrote it: follow-up and reply state, categories, Message-ID and
// search key. It reads the list of the item's properties and only the values
// of these.
func (f *File) Complete(e *Entry) error {
	n, err := f.db.Node(e.NID)
	if err != nil {
		return err
	}
	pc, err := ltp.OpenPC(f.db, n)
	if err != nil {
		return err
	}
	cs := f.charset
	for i := range pc.Len() {
		tag := pc.Tag(i)
		switch tag.ID() {
		case mapi.PidTagFlagStatus.ID(), mapi.PidTagLastVerbExecuted.ID(), mapi.PidTagInternetMessageId.ID(), mapi.PidTagSearchKey.ID():
		default:
			name := f.names[tag.ID()]
			if name == nil || *name != mapi.PidNameKeywords || !tag.Type().IsString() || !tag.Type().Multi() {
				continue
			}
		}
		v, err := pc.Value(i)
		if err != nil {
			continue // told when the item is read
		}
		v = v.WithCharset(cs)
		num, _ := v.Int()
		switch tag.ID() {
		case mapi.PidTagFlagStatus.ID():
			e.FlagStatus = int32(num)
		case mapi.PidTagLastVerbExecuted.ID():
			e.LastVerb = int32(num)
		case mapi.PidTagInternetMessageId.ID():
			e.MessageID = v.Text()
		case mapi.PidTagSearchKey.ID():
			if v.InMemory() {
				e.SearchKey = slices.Clone(v.Raw())
			}
		default:
			e.Keywords = v.Texts()
		}
	}
	return nil
}
