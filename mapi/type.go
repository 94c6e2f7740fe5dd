package mapi

import "fmt"

// A Type is a property data type. [MS-OXCDATA] 2.11.1
type Type uint16

// Property data types. [MS-OXCDATA] 2.11.1
const (
	TypeUnspecified Type = 0x0000
	TypeNull        Type = 0x0001
	TypeInteger16   Type = 0x0002
	TypeInteger32   Type = 0x0003
	TypeFloating32  Type = 0x0004
	TypeFloating64  Type = 0x0005
	TypeCurrency    Type = 0x0006 // int64, ten-thousandths
	TypeAppTime     Type = 0x0007 // float64, days since 1899-12-30
	TypeErrorCode   Type = 0x000A
	TypeBoolean     Type = 0x000B
	TypeObject      Type = 0x000D // embedded message or storage
	TypeInteger64   Type = 0x0014
	TypeString8     Type = 0x001E // bytes in a code page
	TypeString      Type = 0x001F // UTF-16LE
	TypeTime        Type = 0x0040 // 100 ns since 1601-01-01 UTC
	TypeGUID        Type = 0x0048
	TypeServerID    Type = 0x00FB
	TypeRestriction Type = 0x00FD
	TypeRuleAction  Type = 0x00FE
	TypeBinary      Type = 0x0102

	TypeMultipleInteger16  Type = 0x1002
	TypeMultipleInteger32  Type = 0x1003
	TypeMultipleFloating32 Type = 0x1004
	TypeMultipleFloating64 Type = 0x1005
	TypeMultipleCurrency   Type = 0x1006
	TypeMultipleAppTime    Type = 0x1007
	TypeMultipleInteger64  Type = 0x1014
	TypeMultipleString8    Type = 0x101E
	TypeMultipleString     Type = 0x101F
	TypeMultipleTime       Type = 0x1040
	TypeMultipleGUID       Type = 0x1048
	TypeMultipleBinary     Type = 0x1102
)

// MultiValueFlag marks a type as a list of values of the type below it.
const MultiValueFlag Type = 0x1000

// Multi reports whether t is a list of values.
func (t Type) Multi() bool { return t&MultiValueFlag != 0 }

// Elem is the type of one value of a list; of a single type it is t itself.
func (t Type) Elem() Type { return t &^ MultiValueFlag }

// IsString reports whether one value of t is text.
func (t Type) IsString() bool { e := t.Elem(); return e == TypeString || e == TypeString8 }

// FixedSize is the number of bytes that one value of t (of its [Type.Elem])
// always takes in a [Value], and 0 when it varies. A Boolean takes two, as in
// [MS-OXCFXICS] 2.2.4.1.
func (t Type) FixedSize() int {
	switch t.Elem() {
	case TypeInteger16, TypeBoolean:
		return 2
	case TypeInteger32, TypeFloating32, TypeErrorCode:
		return 4
	case TypeFloating64, TypeCurrency, TypeAppTime, TypeInteger64, TypeTime:
		return 8
	case TypeGUID:
		return 16
	}
	return 0
}

var typeNames = map[Type]string{
	TypeUnspecified: "PtypUnspecified", TypeNull: "PtypNull",
	TypeInteger16: "PtypInteger16", TypeInteger32: "PtypInteger32",
	TypeFloating32: "PtypFloating32", TypeFloating64: "PtypFloating64",
	TypeCurrency: "PtypCurrency", TypeAppTime: "PtypFloatingTime",
	TypeErrorCode: "PtypErrorCode", TypeBoolean: "PtypBoolean",
	TypeObject: "PtypObject", TypeInteger64: "PtypInteger64",
	TypeString8: "PtypString8", TypeString: "PtypString",
	TypeTime: "PtypTime", TypeGUID: "PtypGuid",
	TypeServerID: "PtypServerId", TypeRestriction: "PtypRestriction",
	TypeRuleAction: "PtypRuleAction", TypeBinary: "PtypBinary",
	TypeMultipleInteger16: "PtypMultipleInteger16", TypeMultipleInteger32: "PtypMultipleInteger32",
	TypeMultipleFloating32: "PtypMultipleFloating32", TypeMultipleFloating64: "PtypMultipleFloating64",
	TypeMultipleCurrency: "PtypMultipleCurrency", TypeMultipleAppTime: "PtypMultipleFloatingTime",
	TypeMultipleInteger64: "PtypMultipleInteger64", TypeMultipleString8: "PtypMultipleString8",
	TypeMultipleString: "PtypMultipleString", TypeMultipleTime: "PtypMultipleTime",
	TypeMultipleGUID: "PtypMultipleGuid", TypeMultipleBinary: "PtypMultipleBinary",
}

// Known reports whether t is a type that [MS-OXCDATA] 2.11.1 defines.
func (t Type) Known() bool { _, ok := typeNames[t]; return ok }

// String is the specification's name of t, or its hexadecimal value.
func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return fmt.Sprintf("0x%04X", uint16(t))
}
