package rop

// indexes is which handle indexes an operation has, and in which order.
type indexes uint8

const (
	in      indexes = iota // InputHandleIndex
	inOut                  // InputHandleIndex or SourceHandleIndex, then OutputHandleIndex or DestHandleIndex
	outIn                  // ResponseHandleIndex, then InputHandleIndex
	outOnly                // OutputHandleIndex
)

// An operation is what is known of one: its header and its bodies.
type operation struct {
	indexes indexes
	request func() RequestBody // nil for what only a server sends
	result  func() Body        // nil where the answer has no fields
	failure func(Code) Body    // fields of some failures
	always  bool               // the result's fields are there also with an error
	bare    bool               // the answer has no index and no ReturnValue
}

func ask[T any, P interface {
	*T
	RequestBody
}]() RequestBody {
	return P(new(T))
}

func give[T any, P interface {
	*T
	Body
}]() Body {
	return P(new(T))
}

// on gives the fields of one error.
func on[T any, P interface {
	*T
	Body
}](code Code) func(Code) Body {
	return func(c Code) Body {
		if c != code {
			return nil
		}
		return P(new(T))
	}
}

var operations = map[ID]operation{
	IDRelease:                               {request: ask[Release]},
	IDOpenFolder:                            {indexes: inOut, request: ask[OpenFolder], result: give[OpenFolderResult]},
	IDOpenMessage:                           {indexes: inOut, request: ask[OpenMessage], result: give[OpenMessageResult]},
	IDGetHierarchyTable:                     {indexes: inOut, request: ask[GetHierarchyTable], result: give[OpenTableResult]},
	IDGetContentsTable:                      {indexes: inOut, request: ask[GetContentsTable], result: give[OpenTableResult]},
	IDCreateMessage:                         {indexes: inOut, request: ask[CreateMessage], result: give[CreateMessageResult]},
	IDGetPropertiesSpecific:                 {request: ask[GetPropertiesSpecific], result: give[GetPropertiesSpecificResult]},
	IDGetPropertiesAll:                      {request: ask[GetPropertiesAll], result: give[GetPropertiesAllResult]},
	IDGetPropertiesList:                     {request: ask[GetPropertiesList], result: give[GetPropertiesListResult]},
	IDSetProperties:                         {request: ask[SetProperties], result: give[PropertyProblemsResult]},
	IDDeleteProperties:                      {request: ask[DeleteProperties], result: give[PropertyProblemsResult]},
	IDSaveChangesMessage:                    {indexes: outIn, request: ask[SaveChangesMessage], result: give[SaveChangesMessageResult]},
	IDRemoveAllRecipients:                   {request: ask[RemoveAllRecipients]},
	IDModifyRecipients:                      {request: ask[ModifyRecipients]},
	IDReadRecipients:                        {request: ask[ReadRecipients], result: give[ReadRecipientsResult]},
	IDReloadCachedInformation:               {request: ask[ReloadCachedInformation], result: give[OpenMessageResult]},
	IDSetMessageReadFlag:                    {indexes: outIn, request: ask[SetMessageReadFlag], result: give[SetMessageReadFlagResult]},
	IDSetColumns:                            {request: ask[SetColumns], result: give[TableStatusResult]},
	IDSortTable:                             {request: ask[SortTable], result: give[TableStatusResult]},
	IDRestrict:                              {request: ask[Restrict], result: give[TableStatusResult]},
	IDQueryRows:                             {request: ask[QueryRows], result: give[QueryRowsResult]},
	IDGetStatus:                             {request: ask[GetStatus], result: give[TableStatusResult]},
	IDQueryPosition:                         {request: ask[QueryPosition], result: give[QueryPositionResult]},
	IDSeekRow:                               {request: ask[SeekRow], result: give[SeekRowResult]},
	IDSeekRowBookmark:                       {request: ask[SeekRowBookmark], result: give[SeekRowBookmarkResult]},
	IDSeekRowFractional:                     {request: ask[SeekRowFractional]},
	IDCreateBookmark:                        {request: ask[CreateBookmark], result: give[CreateBookmarkResult]},
	IDCreateFolder:                          {indexes: inOut, request: ask[CreateFolder], result: give[CreateFolderResult]},
	IDDeleteFolder:                          {request: ask[DeleteFolder], result: give[PartialResult], always: true},
	IDDeleteMessages:                        {request: ask[DeleteMessages], result: give[PartialResult], always: true},
	IDGetMessageStatus:                      {request: ask[GetMessageStatus], result: give[MessageStatusResult]},
	IDSetMessageStatus:                      {request: ask[SetMessageStatus], result: give[MessageStatusResult]},
	IDGetAttachmentTable:                    {indexes: inOut, request: ask[GetAttachmentTable]},
	IDOpenAttachment:                        {indexes: inOut, request: ask[OpenAttachment]},
	IDCreateAttachment:                      {indexes: inOut, request: ask[CreateAttachment], result: give[CreateAttachmentResult]},
	IDDeleteAttachment:                      {request: ask[DeleteAttachment]},
	IDSaveChangesAttachment:                 {indexes: outIn, request: ask[SaveChangesAttachment]},
	IDSetReceiveFolder:                      {request: ask[SetReceiveFolder]},
	IDGetReceiveFolder:                      {request: ask[GetReceiveFolder], result: give[GetReceiveFolderResult]},
	IDRegisterNotification:                  {indexes: inOut, request: ask[RegisterNotification]},
	IDNotify:                                {result: give[Notify], bare: true},
	IDOpenStream:                            {indexes: inOut, request: ask[OpenStream], result: give[StreamSizeResult]},
	IDReadStream:                            {request: ask[ReadStream], result: give[ReadStreamResult], always: true},
	IDWriteStream:                           {request: ask[WriteStream], result: give[WriteStreamResult], always: true},
	IDSeekStream:                            {request: ask[SeekStream], result: give[SeekStreamResult]},
	IDSetStreamSize:                         {request: ask[SetStreamSize]},
	IDSetSearchCriteria:                     {request: ask[SetSearchCriteria]},
	IDGetSearchCriteria:                     {request: ask[GetSearchCriteria], result: give[GetSearchCriteriaResult]},
	IDMoveCopyMessages:                      {indexes: inOut, request: ask[MoveCopyMessages], result: give[PartialResult], always: true, failure: on[NullDestination](NullDestinationObject)},
	IDMoveFolder:                            {indexes: inOut, request: ask[MoveFolder], result: give[PartialResult], always: true, failure: on[NullDestination](NullDestinationObject)},
	IDCopyFolder:                            {indexes: inOut, request: ask[CopyFolder], result: give[PartialResult], always: true, failure: on[NullDestination](NullDestinationObject)},
	IDQueryColumnsAll:                       {request: ask[QueryColumnsAll], result: give[QueryColumnsAllResult]},
	IDAbort:                                 {request: ask[Abort], result: give[TableStatusResult]},
	IDCopyTo:                                {indexes: inOut, request: ask[CopyTo], result: give[PropertyProblemsResult], failure: on[NullCopyDestination](NullDestinationObject)},
	IDCopyToStream:                          {indexes: inOut, request: ask[CopyToStream], result: give[CopyToStreamResult], failure: on[NullStreamDestination](NullDestinationObject)},
	IDCloneStream:                           {indexes: inOut, request: ask[CloneStream]},
	IDGetPermissionsTable:                   {indexes: inOut, request: ask[GetPermissionsTable]},
	IDGetRulesTable:                         {indexes: inOut, request: ask[GetRulesTable]},
	IDModifyPermissions:                     {request: ask[ModifyPermissions]},
	IDModifyRules:                           {request: ask[ModifyRules]},
	IDLongTermIdFromId:                      {request: ask[LongTermIDFromID], result: give[LongTermIDFromIDResult]},
	IDIdFromLongTermId:                      {request: ask[IDFromLongTermID], result: give[IDFromLongTermIDResult]},
	IDOpenEmbeddedMessage:                   {indexes: inOut, request: ask[OpenEmbeddedMessage], result: give[OpenEmbeddedMessageResult]},
	IDFastTransferSourceCopyMessages:        {indexes: inOut, request: ask[FastTransferSourceCopyMessages]},
	IDFastTransferSourceCopyFolder:          {indexes: inOut, request: ask[FastTransferSourceCopyFolder]},
	IDFastTransferSourceCopyTo:              {indexes: inOut, request: ask[FastTransferSourceCopyTo]},
	IDFastTransferSourceGetBuffer:           {request: ask[FastTransferSourceGetBuffer], result: give[FastTransferSourceGetBufferResult], always: true, failure: on[FastTransferBackoff](ServerBusy)},
	IDFindRow:                               {request: ask[FindRow], result: give[FindRowResult]},
	IDProgress:                              {request: ask[Progress], result: give[ProgressResult]},
	IDGetValidAttachments:                   {request: ask[GetValidAttachments], result: give[GetValidAttachmentsResult]},
	IDFastTransferDestinationConfigure:      {indexes: inOut, request: ask[FastTransferDestinationConfigure]},
	IDFastTransferDestinationPutBuffer:      {request: ask[FastTransferDestinationPutBuffer], result: give[FastTransferDestinationPutBufferResult], always: true},
	IDGetNamesFromPropertyIds:               {request: ask[GetNamesFromPropertyIDs], result: give[GetNamesFromPropertyIDsResult]},
	IDGetPropertyIdsFromNames:               {request: ask[GetPropertyIDsFromNames], result: give[GetPropertyIDsFromNamesResult]},
	IDEmptyFolder:                           {request: ask[EmptyFolder], result: give[PartialResult], always: true},
	IDExpandRow:                             {request: ask[ExpandRow], result: give[ExpandRowResult]},
	IDCollapseRow:                           {request: ask[CollapseRow], result: give[CollapseRowResult]},
	IDLockRegionStream:                      {request: ask[LockRegionStream]},
	IDUnlockRegionStream:                    {request: ask[UnlockRegionStream]},
	IDCommitStream:                          {request: ask[CommitStream]},
	IDGetStreamSize:                         {request: ask[GetStreamSize], result: give[StreamSizeResult]},
	IDQueryNamedProperties:                  {request: ask[QueryNamedProperties], result: give[QueryNamedPropertiesResult]},
	IDSetReadFlags:                          {request: ask[SetReadFlags], result: give[PartialResult], always: true},
	IDCopyProperties:                        {indexes: inOut, request: ask[CopyProperties], result: give[PropertyProblemsResult], failure: on[NullCopyDestination](NullDestinationObject)},
	IDGetReceiveFolderTable:                 {request: ask[GetReceiveFolderTable], result: give[GetReceiveFolderTableResult]},
	IDFastTransferSourceCopyProperties:      {indexes: inOut, request: ask[FastTransferSourceCopyProperties]},
	IDPending:                               {result: give[Pending], bare: true},
	IDSynchronizationConfigure:              {indexes: inOut, request: ask[SynchronizationConfigure]},
	IDSynchronizationImportMessageChange:    {indexes: inOut, request: ask[SynchronizationImportMessageChange], result: give[ImportedResult]},
	IDSynchronizationImportHierarchyChange:  {request: ask[SynchronizationImportHierarchyChange], result: give[ImportedResult]},
	IDSynchronizationImportDeletes:          {request: ask[SynchronizationImportDeletes]},
	IDSynchronizationUploadStateStreamBegin: {request: ask[SynchronizationUploadStateStreamBegin]},
	IDSynchronizationUploadStateStreamContinue: {request: ask[SynchronizationUploadStateStreamContinue]},
	IDSynchronizationUploadStateStreamEnd:      {request: ask[SynchronizationUploadStateStreamEnd]},
	IDSynchronizationImportMessageMove:         {request: ask[SynchronizationImportMessageMove], result: give[ImportedResult]},
	IDSetPropertiesNoReplicate:                 {request: ask[SetPropertiesNoReplicate], result: give[PropertyProblemsResult]},
	IDDeletePropertiesNoReplicate:              {request: ask[DeletePropertiesNoReplicate], result: give[PropertyProblemsResult]},
	IDGetStoreState:                            {request: ask[GetStoreState], result: give[GetStoreStateResult]},
	IDSynchronizationOpenCollector:             {indexes: inOut, request: ask[SynchronizationOpenCollector]},
	IDGetLocalReplicaIds:                       {request: ask[GetLocalReplicaIDs], result: give[GetLocalReplicaIDsResult]},
	IDSynchronizationImportReadStateChanges:    {request: ask[SynchronizationImportReadStateChanges]},
	IDResetTable:                               {request: ask[ResetTable]},
	IDSynchronizationGetTransferState:          {indexes: inOut, request: ask[SynchronizationGetTransferState]},
	IDTellVersion:                              {request: ask[TellVersion]},
	IDFreeBookmark:                             {request: ask[FreeBookmark]},
	IDWriteAndCommitStream:                     {request: ask[WriteAndCommitStream], result: give[WriteStreamResult], always: true},
	IDHardDeleteMessages:                       {request: ask[HardDeleteMessages], result: give[PartialResult], always: true},
	IDHardDeleteMessagesAndSubfolders:          {request: ask[HardDeleteMessagesAndSubfolders], result: give[PartialResult], always: true},
	IDSetLocalReplicaMidsetDeleted:             {request: ask[SetLocalReplicaMidsetDeleted]},
	IDFastTransferDestinationPutBufferExtended: {request: ask[FastTransferDestinationPutBufferExtended], result: give[FastTransferDestinationPutBufferExtendedResult], always: true},
	IDWriteStreamExtended:                      {request: ask[WriteStreamExtended], result: give[StreamSizeResult], always: true},
	IDBackoff:                                  {result: give[Backoff], bare: true},
	IDLogon:                                    {indexes: outOnly, request: ask[Logon], result: give[LogonResult], failure: on[LogonRedirect](WrongServer)},
	IDBufferTooSmall:                           {result: give[TooSmall], bare: true},
}
