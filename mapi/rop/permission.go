package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// GetPermissionsTable opens the table of who may do what.
// [MS-OXCROPS] 2.2.10.2.1
type GetPermissionsTable struct{ TableFlags uint8 }

func (*GetPermissionsTable) ROP() ID              { return IDGetPermissionsTable }
func (r *GetPermissionsTable) code(c *wire.Coder) { c.Uint8(&r.TableFlags) }

// GetRulesTable opens the table of rules. [MS-OXCROPS] 2.2.11.2.1
type GetRulesTable struct{ TableFlags uint8 }

func (*GetRulesTable) ROP() ID              { return IDGetRulesTable }
func (r *GetRulesTable) code(c *wire.Coder) { c.Uint8(&r.TableFlags) }

// A RowChange adds (1), changes (2) or deletes (4) a row of a table of rules or
// permissions. [MS-OXCPERM] 2.2.2.1, [MS-OXORULE] 2.2.1.3
type RowChange struct {
	Flags uint8
	Props mapi.Properties
}

func rowChanges(c *wire.Coder, p *[]RowChange) {
	wire.List(c, p, 2, 3, func(c *wire.Coder, r *RowChange) {
		c.Uint8(&r.Flags)
		c.Properties(&r.Props, 2, wire.ROP)
	})
}

// ModifyPermissions changes who may do what. [MS-OXCROPS] 2.2.10.1.1
type ModifyPermissions struct {
	Flags uint8
	Rows  []RowChange
}

func (*ModifyPermissions) ROP() ID { return IDModifyPermissions }

func (r *ModifyPermissions) code(c *wire.Coder) {
	c.Uint8(&r.Flags)
	rowChanges(c, &r.Rows)
}

// ModifyRules changes rules. [MS-OXCROPS] 2.2.11.1.1
type ModifyRules struct {
	Flags uint8
	Rows  []RowChange
}

func (*ModifyRules) ROP() ID { return IDModifyRules }

func (r *ModifyRules) code(c *wire.Coder) {
	c.Uint8(&r.Flags)
	rowChanges(c, &r.Rows)
}
