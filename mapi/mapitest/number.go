package mapitest

import "github.com/mailconv/mailconv/mapi"

// Number gives recipients and attachments the numbers that they must have in a
// FastTransfer stream, where they have none. [MS-OXCFXICS] 2.2.4.3
func Number(m *mapi.Message) {
	for i, r := range m.Recipients {
		if _, ok := r.Props.Get(mapi.PidTagRowid); !ok {
			r.Props.Set(mapi.PidTagRowid, mapi.Int32Value(int32(i)))
		}
	}
	for i, a := range m.Attachments {
		if _, ok := a.Props.Get(mapi.PidTagAttachNumber); !ok {
			a.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(int32(i)))
		}
		if a.Embedded != nil {
			Number(a.Embedded)
		}
	}
}
