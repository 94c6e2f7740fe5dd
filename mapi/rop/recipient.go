package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// RecipientFlags say which fields a [RecipientRow] has. [MS-OXCDATA] 2.8.3.1
type RecipientFlags uint16

// Flags of a [RecipientRow]. The low three bits are the address type.
const (
	RecipientTypeMask     RecipientFlags = 0x0007
	RecipientHasAddress   RecipientFlags = 0x0008
	RecipientHasName      RecipientFlags = 0x0010
	RecipientHasTransmit  RecipientFlags = 0x0020
	RecipientSameName     RecipientFlags = 0x0040 // the transmittable name is the display name
	RecipientResponsible  RecipientFlags = 0x0080
	RecipientNoRichText   RecipientFlags = 0x0100
	RecipientUnicode      RecipientFlags = 0x0200
	RecipientHasSimple    RecipientFlags = 0x0400
	RecipientOtherAddress RecipientFlags = 0x8000 // AddressType is there
)

// Address types of a [RecipientRow].
const (
	AddressNone          RecipientFlags = 0
	AddressX500          RecipientFlags = 1
	AddressMsMail        RecipientFlags = 2
	AddressSMTP          RecipientFlags = 3
	AddressFax           RecipientFlags = 4
	AddressProfessional  RecipientFlags = 5
	AddressPersonalList1 RecipientFlags = 6
	AddressPersonalList2 RecipientFlags = 7
)

// A RecipientRow is one recipient. Flags decide which fields are on the wire.
// [MS-OXCDATA] 2.8.3.2
type RecipientRow struct {
	Flags             RecipientFlags
	AddressPrefixUsed uint8  // AddressX500: how much of the logon's ESSDN stands before X500DN
	DisplayType       uint8  // AddressX500
	X500DN            string // AddressX500
	EntryID           []byte // AddressPersonalList1, 2
	SearchKey         []byte // AddressPersonalList1, 2
	AddressType       string
	EmailAddress      string
	DisplayName       string
	SimpleDisplayName string
	TransmittableName string
	Properties        Row
}

func (r *RecipientRow) code(c *wire.Coder, columns []mapi.Tag) {
	flags := uint16(r.Flags)
	if c.Uint16(&flags); c.Reading() {
		r.Flags = RecipientFlags(flags)
	}
	unicode := r.Flags&RecipientUnicode != 0
	switch r.Flags & RecipientTypeMask {
	case AddressX500:
		c.Uint8(&r.AddressPrefixUsed)
		c.Uint8(&r.DisplayType)
		c.String8(&r.X500DN)
	case AddressPersonalList1, AddressPersonalList2:
		c.Data(&r.EntryID, 2)
		c.Data(&r.SearchKey, 2)
	case AddressNone:
		if r.Flags&RecipientOtherAddress != 0 {
			c.String8(&r.AddressType)
		}
	}
	if r.Flags&RecipientHasAddress != 0 {
		c.Text(&r.EmailAddress, unicode)
	}
	if r.Flags&RecipientHasName != 0 {
		c.Text(&r.DisplayName, unicode)
	}
	if r.Flags&RecipientHasSimple != 0 {
		c.Text(&r.SimpleDisplayName, unicode)
	}
	if r.Flags&RecipientHasTransmit != 0 {
		c.Text(&r.TransmittableName, unicode)
	}
	n := uint16(len(r.Properties.Columns))
	c.Uint16(&n)
	if int(n) > len(columns) {
		c.Failf("a recipient of %d values under %d columns", n, len(columns))
		return
	}
	if c.Reading() {
		r.Properties.Columns = columns[:n]
	}
	r.Properties.code(c)
}
