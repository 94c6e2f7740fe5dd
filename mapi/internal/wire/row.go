package wire

import "github.com/mailconv/mailconv/mapi"

// Flags of a value in a flagged row. [MS-OXCDATA] 2.11.5
const (
	valueHere    = 0x00
	valueMissing = 0x01
	valueError   = 0x0A
)

// Row is a PropertyRow: the values of columns. Each value has a flag before it
// where flagged says so, which it must where one is an error.
// [MS-OXCDATA] 2.8.1, [MS-OXCMAPIHTTP] 2.2.1.7
func (c *Coder) Row(columns []mapi.Tag, values *[]mapi.Value, flagged *bool, f Form) {
	flags := *flagged
	if c.writing {
		if len(*values) != len(columns) {
			c.Failf("a row of %d values under %d columns", len(*values), len(columns))
			return
		}
		for i, v := range *values {
			if v.Type() == mapi.TypeErrorCode && columns[i].Type() != mapi.TypeErrorCode {
				flags = true
			}
		}
	} else {
		*values = make([]mapi.Value, len(columns))
	}
	if c.Bool(&flags); !c.writing {
		*flagged = flags
	}
	for i, tag := range columns {
		c.rowValue(tag.Type(), &(*values)[i], flags, f)
		if c.err != nil {
			return
		}
	}
}

func (c *Coder) rowValue(t mapi.Type, v *mapi.Value, flagged bool, f Form) {
	missing := v.Type() == mapi.TypeErrorCode && t != mapi.TypeErrorCode
	if t == mapi.TypeUnspecified {
		n := uint16(v.Type())
		c.Uint16(&n)
		t = mapi.Type(n)
	}
	if flagged {
		flag := uint8(valueHere)
		if c.writing {
			switch {
			case missing:
				flag = valueError
			case v.Type() == mapi.TypeUnspecified:
				flag = valueMissing
			}
		}
		c.Uint8(&flag)
		switch flag {
		case valueHere:
		case valueMissing:
			if c.Reading() {
				*v = mapi.Value{}
			}
			return
		case valueError:
			t = mapi.TypeErrorCode
		default:
			c.Failf("value flag 0x%02X", flag)
			return
		}
	}
	c.Value(t, v, f)
}
