package rop

import "fmt"

// An ID is a RopId: which operation it is. [MS-OXCROPS] 2.2.2
type ID uint8

// Operations that this package knows. [MS-OXCROPS] 2.2.2
const (
	IDRelease                                  ID = 0x01
	IDOpenFolder                               ID = 0x02
	IDOpenMessage                              ID = 0x03
	IDGetHierarchyTable                        ID = 0x04
	IDGetContentsTable                         ID = 0x05
	IDCreateMessage                            ID = 0x06
	IDGetPropertiesSpecific                    ID = 0x07
	IDGetPropertiesAll                         ID = 0x08
	IDGetPropertiesList                        ID = 0x09
	IDSetProperties                            ID = 0x0A
	IDDeleteProperties                         ID = 0x0B
	IDSaveChangesMessage                       ID = 0x0C
	IDRemoveAllRecipients                      ID = 0x0D
	IDModifyRecipients                         ID = 0x0E
	IDReadRecipients                           ID = 0x0F
	IDReloadCachedInformation                  ID = 0x10
	IDSetMessageReadFlag                       ID = 0x11
	IDSetColumns                               ID = 0x12
	IDSortTable                                ID = 0x13
	IDRestrict                                 ID = 0x14
	IDQueryRows                                ID = 0x15
	IDGetStatus                                ID = 0x16
	IDQueryPosition                            ID = 0x17
	IDSeekRow                                  ID = 0x18
	IDSeekRowBookmark                          ID = 0x19
	IDSeekRowFractional                        ID = 0x1A
	IDCreateBookmark                           ID = 0x1B
	IDCreateFolder                             ID = 0x1C
	IDDeleteFolder                             ID = 0x1D
	IDDeleteMessages                           ID = 0x1E
	IDGetMessageStatus                         ID = 0x1F
	IDSetMessageStatus                         ID = 0x20
	IDGetAttachmentTable                       ID = 0x21
	IDOpenAttachment                           ID = 0x22
	IDCreateAttachment                         ID = 0x23
	IDDeleteAttachment                         ID = 0x24
	IDSaveChangesAttachment                    ID = 0x25
	IDSetReceiveFolder                         ID = 0x26
	IDGetReceiveFolder                         ID = 0x27
	IDRegisterNotification                     ID = 0x29
	IDNotify                                   ID = 0x2A
	IDOpenStream                               ID = 0x2B
	IDReadStream                               ID = 0x2C
	IDWriteStream                              ID = 0x2D
	IDSeekStream                               ID = 0x2E
	IDSetStreamSize                            ID = 0x2F
	IDSetSearchCriteria                        ID = 0x30
	IDGetSearchCriteria                        ID = 0x31
	IDMoveCopyMessages                         ID = 0x33
	IDMoveFolder                               ID = 0x35
	IDCopyFolder                               ID = 0x36
	IDQueryColumnsAll                          ID = 0x37
	IDAbort                                    ID = 0x38
	IDCopyTo                                   ID = 0x39
	IDCopyToStream                             ID = 0x3A
	IDCloneStream                              ID = 0x3B
	IDGetPermissionsTable                      ID = 0x3E
	IDGetRulesTable                            ID = 0x3F
	IDModifyPermissions                        ID = 0x40
	IDModifyRules                              ID = 0x41
	IDLongTermIdFromId                         ID = 0x43
	IDIdFromLongTermId                         ID = 0x44
	IDOpenEmbeddedMessage                      ID = 0x46
	IDFastTransferSourceCopyMessages           ID = 0x4B
	IDFastTransferSourceCopyFolder             ID = 0x4C
	IDFastTransferSourceCopyTo                 ID = 0x4D
	IDFastTransferSourceGetBuffer              ID = 0x4E
	IDFindRow                                  ID = 0x4F
	IDProgress                                 ID = 0x50
	IDGetValidAttachments                      ID = 0x52
	IDFastTransferDestinationConfigure         ID = 0x53
	IDFastTransferDestinationPutBuffer         ID = 0x54
	IDGetNamesFromPropertyIds                  ID = 0x55
	IDGetPropertyIdsFromNames                  ID = 0x56
	IDEmptyFolder                              ID = 0x58
	IDExpandRow                                ID = 0x59
	IDCollapseRow                              ID = 0x5A
	IDLockRegionStream                         ID = 0x5B
	IDUnlockRegionStream                       ID = 0x5C
	IDCommitStream                             ID = 0x5D
	IDGetStreamSize                            ID = 0x5E
	IDQueryNamedProperties                     ID = 0x5F
	IDSetReadFlags                             ID = 0x66
	IDCopyProperties                           ID = 0x67
	IDGetReceiveFolderTable                    ID = 0x68
	IDFastTransferSourceCopyProperties         ID = 0x69
	IDPending                                  ID = 0x6E
	IDSynchronizationConfigure                 ID = 0x70
	IDSynchronizationImportMessageChange       ID = 0x72
	IDSynchronizationImportHierarchyChange     ID = 0x73
	IDSynchronizationImportDeletes             ID = 0x74
	IDSynchronizationUploadStateStreamBegin    ID = 0x75
	IDSynchronizationUploadStateStreamContinue ID = 0x76
	IDSynchronizationUploadStateStreamEnd      ID = 0x77
	IDSynchronizationImportMessageMove         ID = 0x78
	IDSetPropertiesNoReplicate                 ID = 0x79
	IDDeletePropertiesNoReplicate              ID = 0x7A
	IDGetStoreState                            ID = 0x7B
	IDSynchronizationOpenCollector             ID = 0x7E
	IDGetLocalReplicaIds                       ID = 0x7F
	IDSynchronizationImportReadStateChanges    ID = 0x80
	IDResetTable                               ID = 0x81
	IDSynchronizationGetTransferState          ID = 0x82
	IDTellVersion                              ID = 0x86
	IDFreeBookmark                             ID = 0x89
	IDWriteAndCommitStream                     ID = 0x90
	IDHardDeleteMessages                       ID = 0x91
	IDHardDeleteMessagesAndSubfolders          ID = 0x92
	IDSetLocalReplicaMidsetDeleted             ID = 0x93
	IDFastTransferDestinationPutBufferExtended ID = 0x9D
	IDWriteStreamExtended                      ID = 0xA3
	IDBackoff                                  ID = 0xF9
	IDLogon                                    ID = 0xFE
	IDBufferTooSmall                           ID = 0xFF
)

// String is the specification's name.
func (id ID) String() string {
	if s, ok := names[id]; ok {
		return "Rop" + s
	}
	return fmt.Sprintf("RopId 0x%02X", uint8(id))
}

var names = map[ID]string{
	IDRelease:                               "Release",
	IDOpenFolder:                            "OpenFolder",
	IDOpenMessage:                           "OpenMessage",
	IDGetHierarchyTable:                     "GetHierarchyTable",
	IDGetContentsTable:                      "GetContentsTable",
	IDCreateMessage:                         "CreateMessage",
	IDGetPropertiesSpecific:                 "GetPropertiesSpecific",
	IDGetPropertiesAll:                      "GetPropertiesAll",
	IDGetPropertiesList:                     "GetPropertiesList",
	IDSetProperties:                         "SetProperties",
	IDDeleteProperties:                      "DeleteProperties",
	IDSaveChangesMessage:                    "SaveChangesMessage",
	IDRemoveAllRecipients:                   "RemoveAllRecipients",
	IDModifyRecipients:                      "ModifyRecipients",
	IDReadRecipients:                        "ReadRecipients",
	IDReloadCachedInformation:               "ReloadCachedInformation",
	IDSetMessageReadFlag:                    "SetMessageReadFlag",
	IDSetColumns:                            "SetColumns",
	IDSortTable:                             "SortTable",
	IDRestrict:                              "Restrict",
	IDQueryRows:                             "QueryRows",
	IDGetStatus:                             "GetStatus",
	IDQueryPosition:                         "QueryPosition",
	IDSeekRow:                               "SeekRow",
	IDSeekRowBookmark:                       "SeekRowBookmark",
	IDSeekRowFractional:                     "SeekRowFractional",
	IDCreateBookmark:                        "CreateBookmark",
	IDCreateFolder:                          "CreateFolder",
	IDDeleteFolder:                          "DeleteFolder",
	IDDeleteMessages:                        "DeleteMessages",
	IDGetMessageStatus:                      "GetMessageStatus",
	IDSetMessageStatus:                      "SetMessageStatus",
	IDGetAttachmentTable:                    "GetAttachmentTable",
	IDOpenAttachment:                        "OpenAttachment",
	IDCreateAttachment:                      "CreateAttachment",
	IDDeleteAttachment:                      "DeleteAttachment",
	IDSaveChangesAttachment:                 "SaveChangesAttachment",
	IDSetReceiveFolder:                      "SetReceiveFolder",
	IDGetReceiveFolder:                      "GetReceiveFolder",
	IDRegisterNotification:                  "RegisterNotification",
	IDNotify:                                "Notify",
	IDOpenStream:                            "OpenStream",
	IDReadStream:                            "ReadStream",
	IDWriteStream:                           "WriteStream",
	IDSeekStream:                            "SeekStream",
	IDSetStreamSize:                         "SetStreamSize",
	IDSetSearchCriteria:                     "SetSearchCriteria",
	IDGetSearchCriteria:                     "GetSearchCriteria",
	IDMoveCopyMessages:                      "MoveCopyMessages",
	IDMoveFolder:                            "MoveFolder",
	IDCopyFolder:                            "CopyFolder",
	IDQueryColumnsAll:                       "QueryColumnsAll",
	IDAbort:                                 "Abort",
	IDCopyTo:                                "CopyTo",
	IDCopyToStream:                          "CopyToStream",
	IDCloneStream:                           "CloneStream",
	IDGetPermissionsTable:                   "GetPermissionsTable",
	IDGetRulesTable:                         "GetRulesTable",
	IDModifyPermissions:                     "ModifyPermissions",
	IDModifyRules:                           "ModifyRules",
	IDLongTermIdFromId:                      "LongTermIdFromId",
	IDIdFromLongTermId:                      "IdFromLongTermId",
	IDOpenEmbeddedMessage:                   "OpenEmbeddedMessage",
	IDFastTransferSourceCopyMessages:        "FastTransferSourceCopyMessages",
	IDFastTransferSourceCopyFolder:          "FastTransferSourceCopyFolder",
	IDFastTransferSourceCopyTo:              "FastTransferSourceCopyTo",
	IDFastTransferSourceGetBuffer:           "FastTransferSourceGetBuffer",
	IDFindRow:                               "FindRow",
	IDProgress:                              "Progress",
	IDGetValidAttachments:                   "GetValidAttachments",
	IDFastTransferDestinationConfigure:      "FastTransferDestinationConfigure",
	IDFastTransferDestinationPutBuffer:      "FastTransferDestinationPutBuffer",
	IDGetNamesFromPropertyIds:               "GetNamesFromPropertyIds",
	IDGetPropertyIdsFromNames:               "GetPropertyIdsFromNames",
	IDEmptyFolder:                           "EmptyFolder",
	IDExpandRow:                             "ExpandRow",
	IDCollapseRow:                           "CollapseRow",
	IDLockRegionStream:                      "LockRegionStream",
	IDUnlockRegionStream:                    "UnlockRegionStream",
	IDCommitStream:                          "CommitStream",
	IDGetStreamSize:                         "GetStreamSize",
	IDQueryNamedProperties:                  "QueryNamedProperties",
	IDSetReadFlags:                          "SetReadFlags",
	IDCopyProperties:                        "CopyProperties",
	IDGetReceiveFolderTable:                 "GetReceiveFolderTable",
	IDFastTransferSourceCopyProperties:      "FastTransferSourceCopyProperties",
	IDPending:                               "Pending",
	IDSynchronizationConfigure:              "SynchronizationConfigure",
	IDSynchronizationImportMessageChange:    "SynchronizationImportMessageChange",
	IDSynchronizationImportHierarchyChange:  "SynchronizationImportHierarchyChange",
	IDSynchronizationImportDeletes:          "SynchronizationImportDeletes",
	IDSynchronizationUploadStateStreamBegin: "SynchronizationUploadStateStreamBegin",
	IDSynchronizationUploadStateStreamContinue: "SynchronizationUploadStateStreamContinue",
	IDSynchronizationUploadStateStreamEnd:      "SynchronizationUploadStateStreamEnd",
	IDSynchronizationImportMessageMove:         "SynchronizationImportMessageMove",
	IDSetPropertiesNoReplicate:                 "SetPropertiesNoReplicate",
	IDDeletePropertiesNoReplicate:              "DeletePropertiesNoReplicate",
	IDGetStoreState:                            "GetStoreState",
	IDSynchronizationOpenCollector:             "SynchronizationOpenCollector",
	IDGetLocalReplicaIds:                       "GetLocalReplicaIds",
	IDSynchronizationImportReadStateChanges:    "SynchronizationImportReadStateChanges",
	IDResetTable:                               "ResetTable",
	IDSynchronizationGetTransferState:          "SynchronizationGetTransferState",
	IDTellVersion:                              "TellVersion",
	IDFreeBookmark:                             "FreeBookmark",
	IDWriteAndCommitStream:                     "WriteAndCommitStream",
	IDHardDeleteMessages:                       "HardDeleteMessages",
	IDHardDeleteMessagesAndSubfolders:          "HardDeleteMessagesAndSubfolders",
	IDSetLocalReplicaMidsetDeleted:             "SetLocalReplicaMidsetDeleted",
	IDFastTransferDestinationPutBufferExtended: "FastTransferDestinationPutBufferExtended",
	IDWriteStreamExtended:                      "WriteStreamExtended",
	IDBackoff:                                  "Backoff",
	IDLogon:                                    "Logon",
	IDBufferTooSmall:                           "BufferTooSmall",
}
