package mapihttptest

import "github.com/mailconv/mailconv/mapi/rop"

// handlers are the operations that the server knows. The others are answered
// with NotSupported.
var handlers map[rop.ID]handler

func init() {
	handlers = map[rop.ID]handler{
		rop.IDLogon:              doLogon,
		rop.IDGetReceiveFolder:   handle(doGetReceiveFolder),
		rop.IDLongTermIdFromId:   handle(doLongTermID),
		rop.IDGetLocalReplicaIds: handle(doLocalReplicaIDs),
		rop.IDIdFromLongTermId:   handle(doIDFromLongTermID),

		rop.IDOpenFolder:                      doOpenFolder,
		rop.IDCreateFolder:                    handle(doCreateFolder),
		rop.IDDeleteFolder:                    handle(doDeleteFolder),
		rop.IDMoveFolder:                      handle(doMoveFolder),
		rop.IDMoveCopyMessages:                handle(doMoveCopyMessages),
		rop.IDDeleteMessages:                  handle(doDeleteMessages),
		rop.IDHardDeleteMessages:              handle(doHardDeleteMessages),
		rop.IDEmptyFolder:                     handle(doEmptyFolder),
		rop.IDHardDeleteMessagesAndSubfolders: handle(doHardEmptyFolder),
		rop.IDGetHierarchyTable:               handle(doGetHierarchyTable),
		rop.IDGetContentsTable:                handle(doGetContentsTable),

		rop.IDSetColumns:      handle(doSetColumns),
		rop.IDSortTable:       handle(doSortTable),
		rop.IDRestrict:        handle(doRestrict),
		rop.IDQueryRows:       handle(doQueryRows),
		rop.IDQueryPosition:   handle(doQueryPosition),
		rop.IDSeekRow:         handle(doSeekRow),
		rop.IDFindRow:         handle(doFindRow),
		rop.IDQueryColumnsAll: handle(doQueryColumnsAll),
		rop.IDResetTable:      handle(doResetTable),

		rop.IDOpenMessage:         doOpenMessage,
		rop.IDCreateMessage:       doCreateMessage,
		rop.IDSaveChangesMessage:  doSaveChangesMessage,
		rop.IDSetReadFlags:        handle(doSetReadFlags),
		rop.IDSetMessageReadFlag:  doSetMessageReadFlag,
		rop.IDSetMessageStatus:    handle(doSetMessageStatus),
		rop.IDGetMessageStatus:    handle(doGetMessageStatus),
		rop.IDReadRecipients:      handle(doReadRecipients),
		rop.IDModifyRecipients:    handle(doModifyRecipients),
		rop.IDRemoveAllRecipients: handle(doRemoveAllRecipients),

		rop.IDGetAttachmentTable:    handle(doGetAttachmentTable),
		rop.IDGetValidAttachments:   handle(doGetValidAttachments),
		rop.IDOpenAttachment:        handle(doOpenAttachment),
		rop.IDCreateAttachment:      handle(doCreateAttachment),
		rop.IDDeleteAttachment:      handle(doDeleteAttachment),
		rop.IDSaveChangesAttachment: doSaveChangesAttachment,
		rop.IDOpenEmbeddedMessage:   handle(doOpenEmbeddedMessage),

		rop.IDGetPropertiesSpecific:       doGetPropertiesSpecific,
		rop.IDGetPropertiesAll:            doGetPropertiesAll,
		rop.IDGetPropertiesList:           doGetPropertiesList,
		rop.IDSetProperties:               doSetProperties,
		rop.IDSetPropertiesNoReplicate:    doSetProperties,
		rop.IDDeleteProperties:            doDeleteProperties,
		rop.IDDeletePropertiesNoReplicate: doDeleteProperties,
		rop.IDGetPropertyIdsFromNames:     doGetPropertyIDs,
		rop.IDGetNamesFromPropertyIds:     doGetNames,
		rop.IDQueryNamedProperties:        doQueryNamedProperties,

		rop.IDOpenStream:           doOpenStream,
		rop.IDReadStream:           handle(doReadStream),
		rop.IDWriteStream:          handle(doWriteStream),
		rop.IDWriteStreamExtended:  handle(doWriteStreamExtended),
		rop.IDWriteAndCommitStream: handle(doWriteAndCommit),
		rop.IDCommitStream:         handle(doCommitStream),
		rop.IDGetStreamSize:        handle(doGetStreamSize),
		rop.IDSetStreamSize:        handle(doSetStreamSize),
		rop.IDSeekStream:           handle(doSeekStream),

		rop.IDFastTransferSourceCopyTo:                 doCopyTo,
		rop.IDFastTransferSourceCopyMessages:           handle(doCopyMessages),
		rop.IDFastTransferSourceGetBuffer:              doAnyGetBuffer,
		rop.IDFastTransferDestinationConfigure:         doDestinationConfigure,
		rop.IDFastTransferDestinationPutBuffer:         handle(doPutBuffer),
		rop.IDFastTransferDestinationPutBufferExtended: handle(doPutBufferExtended),
		rop.IDTellVersion:                              doNothing,

		rop.IDSynchronizationConfigure:                 handle(doSyncConfigure),
		rop.IDSynchronizationOpenCollector:             handle(doOpenCollector),
		rop.IDSynchronizationUploadStateStreamBegin:    handle(doStateBegin),
		rop.IDSynchronizationUploadStateStreamContinue: handle(doStateContinue),
		rop.IDSynchronizationUploadStateStreamEnd:      handle(doStateEnd),
		rop.IDSynchronizationGetTransferState:          handle(doGetTransferState),
		rop.IDSynchronizationImportMessageChange:       handle(doImportMessageChange),
		rop.IDSynchronizationImportDeletes:             handle(doImportDeletes),
		rop.IDSynchronizationImportReadStateChanges:    handle(doImportReadState),

		rop.IDRegisterNotification: doRegisterNotification,
	}
}

// doAnyGetBuffer reads a download of either kind.
func doAnyGetBuffer(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
	if _, ok := in.(*synchronization); ok {
		return handle(doSyncGetBuffer)(x, in, body)
	}
	return handle(doGetBuffer)(x, in, body)
}

func doNothing(*execution, object, rop.RequestBody) (rop.Body, error) { return nil, nil }

// outIndex are the operations whose answer names the second handle of the
// request. [MS-OXCROPS] 2.2.2
var outIndex = map[rop.ID]bool{
	rop.IDLogon: true, rop.IDOpenFolder: true, rop.IDCreateFolder: true, rop.IDGetHierarchyTable: true, rop.IDGetContentsTable: true,
	rop.IDOpenMessage: true, rop.IDCreateMessage: true, rop.IDSaveChangesMessage: true, rop.IDSetMessageReadFlag: true,
	rop.IDGetAttachmentTable: true, rop.IDOpenAttachment: true, rop.IDCreateAttachment: true, rop.IDSaveChangesAttachment: true,
	rop.IDOpenEmbeddedMessage: true, rop.IDOpenStream: true, rop.IDFastTransferSourceCopyTo: true, rop.IDFastTransferSourceCopyMessages: true,
	rop.IDFastTransferDestinationConfigure: true, rop.IDSynchronizationConfigure: true, rop.IDSynchronizationOpenCollector: true,
	rop.IDSynchronizationGetTransferState: true, rop.IDSynchronizationImportMessageChange: true, rop.IDRegisterNotification: true,
}
