package rop

import "fmt"

// A Code is the ReturnValue of an operation, the ErrorCode of a request body,
// or the error that stands in a row for a value. Any but [Success] is an
// error. [MS-OXCDATA] 2.4
type Code uint32

// Codes that this package has a name for. [MS-OXCDATA] 2.4
const (
	Success                 Code = 0x00000000
	GeneralFailure          Code = 0x80004005
	OutOfMemory             Code = 0x8007000E
	InvalidParameter        Code = 0x80070057
	AccessDenied            Code = 0x80070005
	NotSupported            Code = 0x80040102
	InvalidObject           Code = 0x80040108
	ObjectModified          Code = 0x80040109
	ObjectDeleted           Code = 0x8004010A
	Busy                    Code = 0x8004010B
	NotEnoughDisk           Code = 0x8004010D
	NotEnoughResources      Code = 0x8004010E
	NotFound                Code = 0x8004010F
	VersionMismatch         Code = 0x80040110
	LogonFailed             Code = 0x80040111
	UserCanceled            Code = 0x80040113
	NetworkError            Code = 0x80040115
	TooComplex              Code = 0x80040117
	Computed                Code = 0x8004011A
	CorruptData             Code = 0x8004011B
	TableTooBig             Code = 0x80040403
	InvalidBookmark         Code = 0x80040405
	DuplicateName           Code = 0x80040604
	NotInitialized          Code = 0x80040605
	FolderNotEmpty          Code = 0x80040609
	FolderCycle             Code = 0x8004060B
	SyncObjectDeleted       Code = 0x80040800
	SyncIgnore              Code = 0x80040801
	SyncConflict            Code = 0x80040802
	SyncNoParent            Code = 0x80040803
	PartiallyComplete       Code = 0x00040680
	ErrorsReturned          Code = 0x00040380
	UnknownUser             Code = 0x000003EB
	Exiting                 Code = 0x000003ED
	UnknownCodePage         Code = 0x000003EF
	ServerMemory            Code = 0x000003F0
	LoginPermission         Code = 0x000003F2
	WrongServer             Code = 0x00000478
	BufferTooSmall          Code = 0x0000047D
	MailboxInTransit        Code = 0x0000050C
	ServerBusy              Code = 0x00000480
	NoReplicaHere           Code = 0x00000468
	RpcFormat               Code = 0x000004B6
	MaxObjectsExceeded      Code = 0x000004B7
	InvalidSession          Code = 0x000004B8
	NullObject              Code = 0x000004B9
	QuotaExceeded           Code = 0x000004D9
	MaxAttachmentExceeded   Code = 0x000004DB
	MessageTooBig           Code = 0x000004EE
	NoReceiveFolder         Code = 0x000004CF
	NoCreateRight           Code = 0x000004FF
	NullDestinationObject   Code = 0x00000503
	NamedPropsQuotaExceeded Code = 0x00000900
)

// Error is the specification's name and the number.
func (c Code) Error() string {
	if s, ok := codeNames[c]; ok {
		return fmt.Sprintf("%s (0x%08X)", s, uint32(c))
	}
	return fmt.Sprintf("error 0x%08X", uint32(c))
}

var codeNames = map[Code]string{
	Success:                 "Success",
	GeneralFailure:          "GeneralFailure",
	OutOfMemory:             "OutOfMemory",
	InvalidParameter:        "InvalidParameter",
	AccessDenied:            "AccessDenied",
	NotSupported:            "NotSupported",
	InvalidObject:           "InvalidObject",
	ObjectModified:          "ObjectModified",
	ObjectDeleted:           "ObjectDeleted",
	Busy:                    "Busy",
	NotEnoughDisk:           "NotEnoughDisk",
	NotEnoughResources:      "NotEnoughResources",
	NotFound:                "NotFound",
	VersionMismatch:         "VersionMismatch",
	LogonFailed:             "LogonFailed",
	UserCanceled:            "UserCanceled",
	NetworkError:            "NetworkError",
	TooComplex:              "TooComplex",
	Computed:                "Computed",
	CorruptData:             "CorruptData",
	TableTooBig:             "TableTooBig",
	InvalidBookmark:         "InvalidBookmark",
	DuplicateName:           "DuplicateName",
	NotInitialized:          "NotInitialized",
	FolderNotEmpty:          "FolderNotEmpty",
	FolderCycle:             "FolderCycle",
	SyncObjectDeleted:       "SyncObjectDeleted",
	SyncIgnore:              "SyncIgnore",
	SyncConflict:            "SyncConflict",
	SyncNoParent:            "SyncNoParent",
	PartiallyComplete:       "PartiallyComplete",
	ErrorsReturned:          "ErrorsReturned",
	UnknownUser:             "UnknownUser",
	Exiting:                 "Exiting",
	UnknownCodePage:         "UnknownCodePage",
	ServerMemory:            "ServerMemory",
	LoginPermission:         "LoginPermission",
	WrongServer:             "WrongServer",
	BufferTooSmall:          "BufferTooSmall",
	MailboxInTransit:        "MailboxInTransit",
	ServerBusy:              "ServerBusy",
	NoReplicaHere:           "NoReplicaHere",
	RpcFormat:               "RpcFormat",
	MaxObjectsExceeded:      "MaxObjectsExceeded",
	InvalidSession:          "InvalidSession",
	NullObject:              "NullObject",
	QuotaExceeded:           "QuotaExceeded",
	MaxAttachmentExceeded:   "MaxAttachmentExceeded",
	MessageTooBig:           "MessageTooBig",
	NoReceiveFolder:         "NoReceiveFolder",
	NoCreateRight:           "NoCreateRight",
	NullDestinationObject:   "NullDestinationObject",
	NamedPropsQuotaExceeded: "NamedPropsQuotaExceeded",
}
