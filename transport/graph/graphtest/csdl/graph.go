package csdl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Graph reads the mail schema of Microsoft Graph from a file and adds the types
// that only its pages describe.
func Graph(file string) (*Schema, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := Parse(f)
	if err != nil {
		return nil, err
	}
	own, err := Parse(strings.NewReader(pages))
	if err != nil {
		return nil, err
	}
	for n, t := range own.types {
		if s.types[n] != nil {
			return nil, fmt.Errorf("csdl: %s defines %s itself", filepath.Base(file), n)
		}
		s.types[n] = t
	}
	for n, e := range own.enums {
		s.enums[n] = e
	}
	return s, nil
}

// FromEnv finds the mail schema of Microsoft Graph where MAILCONV_REFERENCE
// names a collection of references, and is nil without it.
func FromEnv() (*Schema, error) {
	dir := os.Getenv("MAILCONV_REFERENCE")
	if dir == "" {
		return nil, nil
	}
	return Graph(filepath.Join(dir, "graph", "mail.csdl.xml"))
}

// pages are types of which the schema has only the actions that take them, or
// nothing: bodies of actions, the batch, the errors, the import post. They are
// written after the page of each; Required is an addition of ours.
const pages = `<Schema Namespace="microsoft.graph" Alias="graph">
  <!-- user: sendMail -->
  <ComplexType Name="sendMailBody">
    <Property Name="message" Type="graph.message" Nullable="false" Required="true"/>
    <Property Name="saveToSentItems" Type="Edm.Boolean"/>
  </ComplexType>
  <!-- message, mailFolder: move, copy -->
  <ComplexType Name="moveBody">
    <Property Name="destinationId" Type="Edm.String" Nullable="false" Required="true"/>
  </ComplexType>
  <!-- attachment: createUploadSession -->
  <ComplexType Name="createUploadSessionBody">
    <Property Name="AttachmentItem" Type="graph.attachmentItem" Nullable="false" Required="true"/>
  </ComplexType>
  <!-- user: translateExchangeIds -->
  <ComplexType Name="translateExchangeIdsBody">
    <Property Name="inputIds" Type="Collection(Edm.String)" Nullable="false" Required="true"/>
    <Property Name="sourceIdType" Type="graph.exchangeIdFormat" Nullable="false" Required="true"/>
    <Property Name="targetIdType" Type="graph.exchangeIdFormat" Nullable="false" Required="true"/>
  </ComplexType>
  <EnumType Name="exchangeIdFormat">
    <Member Name="entryId"/><Member Name="ewsId"/><Member Name="immutableEntryId"/>
    <Member Name="restId"/><Member Name="restImmutableEntryId"/>
  </EnumType>
  <ComplexType Name="convertIdResult">
    <Property Name="sourceId" Type="Edm.String"/>
    <Property Name="targetId" Type="Edm.String"/>
    <Property Name="errorDetails" Type="graph.genericError"/>
  </ComplexType>
  <ComplexType Name="genericError">
    <Property Name="code" Type="Edm.String"/>
    <Property Name="message" Type="Edm.String"/>
  </ComplexType>
  <!-- mailbox: exportItems -->
  <ComplexType Name="exportItemsBody">
    <Property Name="itemIds" Type="Collection(Edm.String)" Nullable="false" Required="true"/>
  </ComplexType>
  <!-- Import an Exchange mailbox item: the post to importUrl and its reply -->
  <ComplexType Name="importItemBody">
    <Property Name="FolderId" Type="Edm.String" Nullable="false" Required="true"/>
    <Property Name="Mode" Type="graph.importMode" Nullable="false" Required="true"/>
    <Property Name="Data" Type="Edm.Binary" Nullable="false" Required="true"/>
    <Property Name="ItemId" Type="Edm.String"/>
    <Property Name="ChangeKey" Type="Edm.String"/>
  </ComplexType>
  <EnumType Name="importMode"><Member Name="create"/><Member Name="update"/></EnumType>
  <ComplexType Name="importItemReply">
    <Property Name="itemId" Type="Edm.String" Nullable="false" Required="true"/>
    <Property Name="changeKey" Type="Edm.String" Nullable="false" Required="true"/>
  </ComplexType>
  <!-- Combine multiple HTTP requests using JSON batching -->
  <ComplexType Name="batchBody">
    <Property Name="requests" Type="Collection(graph.batchRequest)" Nullable="false" Required="true"/>
  </ComplexType>
  <ComplexType Name="batchRequest">
    <Property Name="id" Type="Edm.String" Nullable="false" Required="true"/>
    <Property Name="method" Type="Edm.String" Nullable="false" Required="true"/>
    <Property Name="url" Type="Edm.String" Nullable="false" Required="true"/>
    <Property Name="headers" Type="Edm.Untyped"/>
    <Property Name="body" Type="Edm.Untyped"/>
    <Property Name="dependsOn" Type="Collection(Edm.String)"/>
  </ComplexType>
  <ComplexType Name="batchReply">
    <Property Name="responses" Type="Collection(graph.batchResponse)" Nullable="false" Required="true"/>
  </ComplexType>
  <ComplexType Name="batchResponse">
    <Property Name="id" Type="Edm.String" Nullable="false" Required="true"/>
    <Property Name="status" Type="Edm.Int32" Nullable="false" Required="true"/>
    <Property Name="headers" Type="Edm.Untyped"/>
    <Property Name="body" Type="Edm.Untyped"/>
  </ComplexType>
  <!-- Microsoft Graph error responses and resource types -->
  <ComplexType Name="errorReply">
    <Property Name="error" Type="graph.publicError" Nullable="false" Required="true"/>
  </ComplexType>
  <ComplexType Name="publicError">
    <Property Name="code" Type="Edm.String" Nullable="false" Required="true"/>
    <Property Name="message" Type="Edm.String" Nullable="false" Required="true"/>
    <Property Name="innerError" Type="graph.publicInnerError"/>
  </ComplexType>
  <ComplexType Name="publicInnerError">
    <Property Name="code" Type="Edm.String"/>
    <Property Name="date" Type="Edm.String"/>
    <Property Name="request-id" Type="Edm.String"/>
    <Property Name="client-request-id" Type="Edm.String"/>
  </ComplexType>
  <!-- user: the properties that are there without $select -->
  <EntityType Name="user" BaseType="graph.directoryObject">
    <Property Name="businessPhones" Type="Collection(Edm.String)"/>
    <Property Name="displayName" Type="Edm.String"/>
    <Property Name="givenName" Type="Edm.String"/>
    <Property Name="jobTitle" Type="Edm.String"/>
    <Property Name="mail" Type="Edm.String"/>
    <Property Name="mobilePhone" Type="Edm.String"/>
    <Property Name="officeLocation" Type="Edm.String"/>
    <Property Name="preferredLanguage" Type="Edm.String"/>
    <Property Name="surname" Type="Edm.String"/>
    <Property Name="userPrincipalName" Type="Edm.String"/>
  </EntityType>
  <!-- exchangeSettings of beta, which names the archive -->
  <EntityType Name="exchangeSettingsBeta" BaseType="graph.exchangeSettings">
    <Property Name="inPlaceArchiveMailboxId" Type="Edm.String"/>
  </EntityType>
  <!-- todoTask: linkedResources -->
  <EntityType Name="linkedResource" BaseType="graph.entity">
    <Property Name="applicationName" Type="Edm.String"/>
    <Property Name="displayName" Type="Edm.String"/>
    <Property Name="externalId" Type="Edm.String"/>
    <Property Name="webUrl" Type="Edm.String"/>
  </EntityType>
  <!-- eventMessage: what a meeting request or answer is as a message -->
  <EntityType Name="eventMessage" BaseType="graph.message" OpenType="true">
    <Property Name="endDateTime" Type="graph.dateTimeTimeZone"/>
    <Property Name="isAllDay" Type="Edm.Boolean"/>
    <Property Name="isDelegated" Type="Edm.Boolean"/>
    <Property Name="isOutOfDate" Type="Edm.Boolean"/>
    <Property Name="location" Type="graph.location"/>
    <Property Name="meetingMessageType" Type="graph.meetingMessageType"/>
    <Property Name="startDateTime" Type="graph.dateTimeTimeZone"/>
    <Property Name="type" Type="graph.eventType"/>
  </EntityType>
  <EntityType Name="eventMessageRequest" BaseType="graph.eventMessage" OpenType="true"/>
  <EntityType Name="eventMessageResponse" BaseType="graph.eventMessage" OpenType="true"/>
  <EnumType Name="meetingMessageType">
    <Member Name="none"/><Member Name="meetingRequest"/><Member Name="meetingCancelled"/>
    <Member Name="meetingAccepted"/><Member Name="meetingTenativelyAccepted"/><Member Name="meetingDeclined"/>
  </EnumType>
</Schema>`
