package tnef

import (
	"bytes"

	"github.com/mailconv/mailconv/mapi"
)

// The interface identifier in front of the data of a PtypObject says what the
// data is. [MS-OXTNEF] 2.1.3.4
var (
	// iidMessage: a TNEF stream.
	iidMessage = mapi.MustGUID("00020307-0000-0000-C000-000000000046")
	// iidStorage: a compound file.
	iidStorage = mapi.MustGUID("0000000B-0000-0000-C000-000000000046")
	// iidStream: plain bytes.
	iidStream = mapi.MustGUID("0000000C-0000-0000-C000-000000000046")
)

// compoundFile is how every compound file starts. [MS-CFB] 2.2
var compoundFile = []byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}

func isCompoundFile(b []byte) bool { return bytes.HasPrefix(b, compoundFile) }
