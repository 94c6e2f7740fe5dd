package oauth

import (
	"fmt"
	"strings"
)

// A Permission is one that an application asks for at Microsoft.
type Permission struct {
	// Name is that of a person's login, App that of an application on its own.
	Name, App string
	// Why says what fails without it.
	Why string
}

// GraphRead and GraphWrite are the least permissions for reading and for
// writing a mailbox through Microsoft Graph. Optional ones come last.
var (
	GraphRead = []Permission{
		{"Mail.Read", "Mail.Read", "list mail folders and mails, read mails"},
		{"MailboxFolder.Read", "MailboxFolder.Read.All", "list all folders, with calendars, contacts and tasks"},
		{"MailboxItem.Read", "MailboxItem.Read.All", "list what is in them"},
		{"MailboxItem.Export", "MailboxItem.Export.All", "read items with every property"},
	}
	GraphWrite = []Permission{
		{"Mail.ReadWrite", "Mail.ReadWrite", "make mail folders, create mails, set flags, move and delete"},
		{"MailboxFolder.ReadWrite", "MailboxFolder.ReadWrite.All", "make folders for calendars, contacts and tasks"},
		{"MailboxItem.ImportExport", "MailboxItem.ImportExport.All", "write items with every property, and read them back"},
		{"Calendars.ReadWrite", "Calendars.ReadWrite", "events, only where items cannot be imported (other clouds, route=json)"},
		{"Contacts.ReadWrite", "Contacts.ReadWrite", "contacts, likewise"},
		{"Tasks.ReadWrite", "Tasks.ReadWrite.All", "tasks, likewise"},
		{"Mail.Send", "Mail.Send", "only for mailconv send"},
	}
)

// Explain says what a login at Microsoft asks for and why, in lines. app is for
// an application on its own.
func Explain(use string, app bool) (string, error) {
	var b strings.Builder
	list := func(title string, ps []Permission) {
		fmt.Fprintln(&b, title)
		for _, p := range ps {
			name := p.Name
			if app {
				name = p.App
			}
			fmt.Fprintf(&b, "  %-30s %s\n", name, p.Why)
		}
	}
	who := "of a person (delegated permissions; with a shared mailbox those with .Shared at their end, too)"
	if app {
		who = "of an application on its own (application permissions, which an administrator grants for the whole tenant)"
	}
	fmt.Fprintf(&b, "A login at Microsoft %s.\n", who)
	switch use {
	case ForGraph:
		list("To read a mailbox (graph: as a source):", GraphRead)
		list("To write to a mailbox (graph: as a sink):", GraphWrite)
		fmt.Fprintln(&b, "Without the permissions for MailboxItem mails are read as MIME and written by route=json.")
		if app {
			fmt.Fprintln(&b, "Which mailboxes the application may open is narrowed by an application access policy or by RBAC for Applications in Exchange.")
		} else {
			fmt.Fprintln(&b, "A login asks for Mail.ReadWrite, MailboxItem.ImportExport, MailboxFolder.ReadWrite and offline_access; ask for others with --scope.")
		}
	case ForEWS:
		list("For Exchange Web Services:", []Permission{{"EWS.AccessAsUser.All", "full_access_as_app", "open the mailbox"}})
	case "", ForMail:
		list("For IMAP, POP3 and SMTP:", []Permission{
			{"IMAP.AccessAsUser.All", "IMAP.AccessAsApp", "open the mailbox by IMAP"},
			{"POP.AccessAsUser.All", "POP.AccessAsApp", "open the mailbox by POP3"},
			{"SMTP.Send", "SMTP.SendAsApp", "send by SMTP"},
		})
	default:
		return "", usage("a login is for mail, ews or graph, not for %q", use)
	}
	if !app {
		fmt.Fprintln(&b, "offline_access                   so that the login lasts longer than an hour")
	}
	fmt.Fprintln(&b, `
To register the application: Microsoft Entra admin center, App registrations, New registration. For a person add
http://localhost as a redirect URI of the kind "Mobile and desktop applications", and allow public client flows for
--device. For an application on its own add a secret or a certificate. Add the permissions under API permissions
(Microsoft Graph) and grant consent. Then give its client id with --client-id.`)
	return b.String(), nil
}
