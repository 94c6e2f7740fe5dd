package mapihttp

import (
	"slices"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
)

// idBlock is how many identifiers are set aside at once.
const idBlock = 256

// localIDs are identifiers that the server has set aside for us, so that a
// message can be named before it is there. [MS-OXCFXICS] 3.3.5.2.1
type localIDs struct {
	replica mapi.GUID
	next    uint64
	left    int
}

// globalID is a GID: a replica and a counter of 48 bits, high byte first.
// [MS-OXCDATA] 2.2.1.3
func globalID(replica mapi.GUID, counter uint64) []byte {
	b := slices.Clone(replica[:])
	for i := 5; i >= 0; i-- {
		b = append(b, byte(counter>>(8*i)))
	}
	return b
}

// identify makes the properties by which a message is imported: a source key of
// its own, as two copies of one message are two, and time, change key and
// predecessors as the object has them. [MS-OXCFXICS] 2.2.3.2.4.2.1
func (u *upload) identify(o *mapi.Message) error {
	ids := &u.s.ids
	if ids.left == 0 {
		b := u.s.batch("append")
		n := b.in(b.put(u.s.logon), &rop.GetLocalReplicaIDs{IDCount: idBlock})
		if err := b.do(u.ctx); err != nil {
			return err
		}
		a, ok := b.result(n).(*rop.GetLocalReplicaIDsResult)
		if !ok {
			return b.err(n)
		}
		*ids = localIDs{replica: a.Replica, left: idBlock}
		for _, c := range a.Counter {
			ids.next = ids.next<<8 | uint64(c)
		}
	}
	key := globalID(ids.replica, ids.next)
	ids.next++
	ids.left--
	modified := mapi.TimeValue(time.Now())
	if v, ok := o.Props.Get(mapi.PidTagLastModificationTime); ok {
		modified = v
	}
	change := o.Props.Bytes(mapi.PidTagChangeKey)
	if len(change) < 17 || len(change) > 24 {
		change = key
	}
	// Each predecessor has its size before it. [MS-OXCFXICS] 2.2.2.3
	predecessors := o.Props.Bytes(mapi.PidTagPredecessorChangeList)
	if len(predecessors) == 0 {
		predecessors = append([]byte{byte(len(change))}, change...)
	}
	u.change = mapi.Properties{
		{Tag: mapi.PidTagSourceKey, Value: mapi.BinaryValue(key)},
		{Tag: mapi.PidTagLastModificationTime, Value: modified},
		{Tag: mapi.PidTagChangeKey, Value: mapi.BinaryValue(change)},
		{Tag: mapi.PidTagPredecessorChangeList, Value: mapi.BinaryValue(predecessors)},
	}
	// The message is another one now.
	o.Props.Delete(mapi.PidTagSourceKey)
	return nil
}

// importChange adds the operations that make the message.
func (u *upload) importChange(b *batch) int {
	f := b.out(b.put(u.s.logon), &rop.OpenFolder{FolderID: u.folder})
	c := b.out(b.index(f), &rop.SynchronizationOpenCollector{IsContentsCollector: true})
	flag := uint8(0)
	if u.associated {
		flag = rop.ImportAssociated
	}
	m := b.out(b.index(c), &rop.SynchronizationImportMessageChange{ImportFlag: flag, Props: u.change})
	b.in(b.index(c), &rop.Release{})
	b.in(b.index(f), &rop.Release{})
	return m
}
