package wire

import (
	"encoding/json"
	"time"
)

// Types of resources, as @odata.type says them.
const (
	TypeMessage             = "#microsoft.graph.message"
	TypeEvent               = "#microsoft.graph.event"
	TypeFileAttachment      = "#microsoft.graph.fileAttachment"
	TypeItemAttachment      = "#microsoft.graph.itemAttachment"
	TypeReferenceAttachment = "#microsoft.graph.referenceAttachment"
)

// A Folder is a mailFolder, a mailboxFolder, a contactFolder, a calendar or a
// todoTaskList.
type Folder struct {
	ID               string `json:"id,omitempty"`
	DisplayName      string `json:"displayName,omitempty"`
	Name             string `json:"name,omitempty"` // of a calendar
	ParentFolderID   string `json:"parentFolderId,omitempty"`
	ChildFolderCount int    `json:"childFolderCount,omitempty"`
	TotalItemCount   *int64 `json:"totalItemCount,omitempty"`
	IsHidden         bool   `json:"isHidden,omitempty"`
	Type             string `json:"type,omitempty"` // of a mailboxFolder
	IsDefault        bool   `json:"isDefaultCalendar,omitempty"`
	WellKnown        string `json:"wellknownListName,omitempty"`
	ODataType        string `json:"@odata.type,omitempty"`
}

// A Recipient is a person with an address.
type Recipient struct {
	Email EmailAddress `json:"emailAddress"`
}

// An EmailAddress is a name and an address.
type EmailAddress struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
}

// An ItemBody is a body in one form.
type ItemBody struct {
	ContentType string `json:"contentType"` // text or html
	Content     string `json:"content"`
}

// A DateTimeZone is a local time and its zone.
type DateTimeZone struct {
	DateTime string `json:"dateTime"`
	TimeZone string `json:"timeZone,omitempty"`
}

// A Flag is the follow-up flag.
type Flag struct {
	Status    string        `json:"flagStatus"` // notFlagged, complete, flagged
	Start     *DateTimeZone `json:"startDateTime,omitempty"`
	Due       *DateTimeZone `json:"dueDateTime,omitempty"`
	Completed *DateTimeZone `json:"completedDateTime,omitempty"`
}

// A Property is a singleValueLegacyExtendedProperty.
type Property struct {
	ID    string `json:"id"`
	Value string `json:"value"`
}

// A MultiProperty is a multiValueLegacyExtendedProperty.
type MultiProperty struct {
	ID    string   `json:"id"`
	Value []string `json:"value"`
}

// A Removed is the mark of what is gone, in a delta.
type Removed struct {
	Reason string `json:"reason"`
}

// An Item is what listings tell of a message, an event, a contact, a task or a
// mailboxItem.
type Item struct {
	ODataType         string          `json:"@odata.type"`
	ID                string          `json:"id"`
	ParentFolderID    string          `json:"parentFolderId"`
	Removed           *Removed        `json:"@removed"`
	ReceivedDateTime  time.Time       `json:"receivedDateTime"`
	SentDateTime      time.Time       `json:"sentDateTime"`
	CreatedDateTime   time.Time       `json:"createdDateTime"`
	Modified          time.Time       `json:"lastModifiedDateTime"`
	Subject           string          `json:"subject"`
	Title             string          `json:"title"`       // of a task
	DisplayName       string          `json:"displayName"` // of a contact
	InternetMessageID string          `json:"internetMessageId"`
	IsRead            *bool           `json:"isRead"`
	IsDraft           bool            `json:"isDraft"`
	Flag              *Flag           `json:"flag"`
	Categories        []string        `json:"categories"`
	Type              string          `json:"type"` // class of a mailboxItem, kind of an event
	Size              *int64          `json:"size"` // of a mailboxItem
	ChangeKey         string          `json:"changeKey"`
	Linked            []Linked        `json:"linkedResources"`
	Properties        []Property      `json:"singleValueExtendedProperties"`
	Multi             []MultiProperty `json:"multiValueExtendedProperties"`
}

// A Page is one reply of a listing.
type Page struct {
	Value     []json.RawMessage `json:"value"`
	NextLink  string            `json:"@odata.nextLink"`
	DeltaLink string            `json:"@odata.deltaLink"`
}

// An ErrorReply is the body of a refusal.
type ErrorReply struct {
	Error Error `json:"error"`
}

// An Error is what the service says of a refusal.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// A Message is a message or event that is created. Fields that are nil are not
// written.
type Message struct {
	ODataType     string          `json:"@odata.type,omitempty"` // within an item attachment
	Subject       string          `json:"subject"`
	Body          *ItemBody       `json:"body,omitempty"`
	From          *Recipient      `json:"from,omitempty"`
	Sender        *Recipient      `json:"sender,omitempty"`
	To            []Recipient     `json:"toRecipients,omitempty"`
	Cc            []Recipient     `json:"ccRecipients,omitempty"`
	Bcc           []Recipient     `json:"bccRecipients,omitempty"`
	ReplyTo       []Recipient     `json:"replyTo,omitempty"`
	Importance    string          `json:"importance,omitempty"`
	IsRead        *bool           `json:"isRead,omitempty"`
	ReadReceipt   *bool           `json:"isReadReceiptRequested,omitempty"`
	DeliveryNote  *bool           `json:"isDeliveryReceiptRequested,omitempty"`
	Flag          *Flag           `json:"flag,omitempty"`
	Categories    []string        `json:"categories,omitempty"`
	Attachments   []any           `json:"attachments,omitempty"`
	Properties    []Property      `json:"singleValueExtendedProperties,omitempty"`
	MultiProperty []MultiProperty `json:"multiValueExtendedProperties,omitempty"`
}

// A FileAttachment is a file with its content.
type FileAttachment struct {
	ODataType   string   `json:"@odata.type"`
	Name        string   `json:"name"`
	ContentType string   `json:"contentType,omitempty"`
	IsInline    bool     `json:"isInline"`
	ContentID   string   `json:"contentId,omitempty"`
	Location    string   `json:"contentLocation,omitempty"`
	Bytes       *Content `json:"contentBytes"`
}

// An ItemAttachment is a message within a message.
type ItemAttachment struct {
	ODataType string   `json:"@odata.type"`
	Name      string   `json:"name"`
	Item      *Message `json:"item"`
}

// An AttachmentItem announces an upload.
type AttachmentItem struct {
	Type        string `json:"attachmentType"` // file
	Name        string `json:"name"`
	Size        int64  `json:"size"`
	ContentType string `json:"contentType,omitempty"`
	IsInline    bool   `json:"isInline,omitempty"`
	ContentID   string `json:"contentId,omitempty"`
}

// An UploadSession takes the ranges of a large attachment.
type UploadSession struct {
	UploadURL string   `json:"uploadUrl"`
	Expected  []string `json:"nextExpectedRanges"`
}

// An ImportSession takes items as FastTransfer streams.
type ImportSession struct {
	ImportURL string    `json:"importUrl"`
	Expires   time.Time `json:"expirationDateTime"`
}

// An Import is what is posted to an import URL. The names are the service's own,
// with capitals.
type Import struct {
	FolderID string   `json:"FolderId"`
	Mode     string   `json:"Mode"` // create
	Data     *Content `json:"Data"`
}

// An Imported is the reply to an [Import].
type Imported struct {
	ItemID    string `json:"itemId"`
	ChangeKey string `json:"changeKey"`
}

// An Exported is one item of exportItems without its data.
type Exported struct {
	ItemID    string
	ChangeKey string
	Error     *Error
}

// A ConvertedID is one result of translateExchangeIds.
type ConvertedID struct {
	SourceID string `json:"sourceId"`
	TargetID string `json:"targetId"`
	Error    *Error `json:"errorDetails"`
}

// An Event is an event that is created or read. It has no attendees on purpose:
// the service would mail each of them.
type Event struct {
	Message
	Start       *DateTimeZone `json:"start,omitempty"`
	End         *DateTimeZone `json:"end,omitempty"`
	AllDay      bool          `json:"isAllDay,omitempty"`
	Location    *Location     `json:"location,omitempty"`
	ShowAs      string        `json:"showAs,omitempty"`
	Sensitivity string        `json:"sensitivity,omitempty"`
	ReminderOn  *bool         `json:"isReminderOn,omitempty"`
	Reminder    *int64        `json:"reminderMinutesBeforeStart,omitempty"`
	Recurrence  *Recurrence   `json:"recurrence,omitempty"`
}

// A Location is where an event is.
type Location struct {
	DisplayName string `json:"displayName"`
}

// A Recurrence is a rule and how long it holds.
type Recurrence struct {
	Pattern RecurrencePattern `json:"pattern"`
	Range   RecurrenceRange   `json:"range"`
}

// A RecurrencePattern is a rule.
type RecurrencePattern struct {
	Type       string   `json:"type"` // daily, weekly, absoluteMonthly, ...
	Interval   int64    `json:"interval"`
	Month      int64    `json:"month,omitempty"`
	DayOfMonth int64    `json:"dayOfMonth,omitempty"`
	DaysOfWeek []string `json:"daysOfWeek,omitempty"`
	FirstDay   string   `json:"firstDayOfWeek,omitempty"`
	Index      string   `json:"index,omitempty"` // first to last
}

// A RecurrenceRange is how long a rule holds.
type RecurrenceRange struct {
	Type      string `json:"type"` // endDate, noEnd, numbered
	StartDate string `json:"startDate"`
	EndDate   string `json:"endDate,omitempty"`
	Count     int64  `json:"numberOfOccurrences,omitempty"`
	TimeZone  string `json:"recurrenceTimeZone,omitempty"`
}

// A Task is a todoTask.
type Task struct {
	Title      string        `json:"title"`
	Body       *ItemBody     `json:"body,omitempty"`
	Categories []string      `json:"categories,omitempty"`
	Importance string        `json:"importance,omitempty"`
	Status     string        `json:"status,omitempty"`
	Start      *DateTimeZone `json:"startDateTime,omitempty"`
	Due        *DateTimeZone `json:"dueDateTime,omitempty"`
	Completed  *DateTimeZone `json:"completedDateTime,omitempty"`
	ReminderOn *bool         `json:"isReminderOn,omitempty"`
	Reminder   *DateTimeZone `json:"reminderDateTime,omitempty"`
	Recurrence *Recurrence   `json:"recurrence,omitempty"`
	Linked     []Linked      `json:"linkedResources,omitempty"`
}

// A Linked is a link of a task to an item of another application.
type Linked struct {
	Application string `json:"applicationName"`
	Name        string `json:"displayName"`
	ID          string `json:"externalId"`
}
