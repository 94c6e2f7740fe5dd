"""A session of python3-exchangelib with an EWS server: folders, mail in and out,
moves, synchronization, notifications, calendar, contacts. Each step asserts.

usage: exchangelib_session.py URL
"""
import sys
from decimal import Decimal
from datetime import datetime, timedelta, timezone

from exchangelib import (DELEGATE, IMPERSONATION, Account, CalendarItem, Configuration, Contact, Credentials,
                         FileAttachment, Folder, HTMLBody, ItemAttachment, Mailbox, Message, Task)
from exchangelib.errors import ErrorAccessDenied, ErrorItemNotFound, UnauthorizedError
from exchangelib.items import SEND_TO_NONE
from exchangelib.protocol import BaseProtocol

url = sys.argv[1]
BaseProtocol.TIMEOUT = 20


def config(user, password="secret"):
    return Configuration(service_endpoint=url, credentials=Credentials(user, password), auth_type="basic")


def step(name):
    print("step:", name, flush=True)


alice = config("alice@example.test")
account = Account("alice@example.test", config=alice, autodiscover=False, access_type=DELEGATE)

step("version")
print(account.version)

step("folders are listed")
names = {f.name for f in account.root.walk()}
assert {"Inbox", "Sent Items", "Calendar"} <= names, names
assert account.inbox.folder_class == "IPF.Note"
assert account.sent.name == "Sent Items" and account.calendar.name == "Calendar"

step("a folder is made")
folder = Folder(parent=account.inbox, name="Project Ł/1").save()
assert folder in list(account.inbox.children)

step("mail is made of fields")
m = Message(account=account, folder=folder, subject="hello ä", body="text", categories=["Red", "Grün"],
            to_recipients=[Mailbox(name="Bob", email_address="bob@example.test")], importance="High")
m.save()
h = Message(account=account, folder=folder, subject="with parts", body=HTMLBody("<p>html <b>bold</b></p>"))
h.attach(FileAttachment(name="data.bin", content=bytes(range(256)) * 300))
h.attach(ItemAttachment(name="inner", item=Message(subject="inner mail", body="inside")))
h.save()

step("mail is made of MIME")
mime = (b"From: Ann <ann@example.org>\r\nTo: alice@example.test\r\nSubject: of mime\r\n"
        b"Message-ID: <mime.1@example.org>\r\nDate: Tue, 03 Mar 2020 10:11:12 +0100\r\n\r\nbody of mime\r\n")
Message(account=account, folder=folder, mime_content=mime).save()

step("many are made at once")
account.bulk_create(folder=folder, items=[Message(subject="bulk %d" % i, body="b", is_read=i % 2 == 0) for i in range(25)])

step("mail is listed, searched, sorted, counted")
assert folder.all().count() == 28, folder.all().count()
assert {i.subject for i in folder.all().only("subject")} == {"hello ä", "with parts", "of mime"} | {"bulk %d" % i for i in range(25)}
assert folder.filter(subject="hello ä").count() == 1
assert folder.filter(subject__contains="bulk").count() == 25
assert folder.filter(subject__icontains="BULK", is_read=False).count() == 12
assert folder.filter(categories__contains=["Red"]).count() == 1
assert folder.filter(datetime_received__gt=datetime(2021, 1, 1, tzinfo=timezone.utc)).count() >= 25
order = [i.subject for i in folder.filter(subject__startswith="bulk").order_by("-subject").only("subject")]
assert order == sorted(order, reverse=True), order
page = list(folder.filter(subject__startswith="bulk").order_by("subject").only("subject")[5:8])
assert len(page) == 3

step("mail is read")
got = folder.get(subject="hello ä")
assert got.categories == ["Red", "Grün"] and got.importance == "High" and got.is_draft, got
assert got.to_recipients[0].email_address == "bob@example.test"
got = folder.all().only("subject", "mime_content", "message_id", "sender").get(subject="of mime")
assert b"body of mime" in got.mime_content and got.message_id == "<mime.1@example.org>", got.mime_content
assert got.sender.email_address == "ann@example.org"
got = folder.get(subject="with parts")
assert "bold" in got.body and len(got.attachments) == 2
by_name = {a.name: a for a in got.attachments}
assert by_name["data.bin"].content == bytes(range(256)) * 300
assert by_name["inner"].item.subject == "inner mail"
with by_name["data.bin"].fp as fp:
    assert fp.read() == bytes(range(256)) * 300

step("changes are seen")
list(folder.sync_items())
state = folder.item_sync_state
got = folder.get(subject="hello ä")
got.subject = "hello again"
got.is_read = False
got.save(update_fields=["subject", "is_read"])
extra = Message(account=account, folder=folder, subject="later", body="x").save()
doomed = folder.get(subject="bulk 24")
doomed.delete()
changes = [(k, getattr(i, "subject", None)) for k, i in folder.sync_items(sync_state=state, only_fields=["subject"])]
kinds = sorted(k for k, _ in changes)
assert kinds == ["create", "delete", "update"], changes

step("only the read state changes")
state = folder.item_sync_state
extra.refresh()
extra.is_read = not extra.is_read
extra.save(update_fields=["is_read"])
changes = list(folder.sync_items(sync_state=state))
assert len(changes) == 1 and changes[0][0] in ("read_flag_change", "update"), changes

step("mail moves and is copied")
to = Folder(parent=account.root / "Top of Information Store", name="Target").save()
one = folder.get(subject="bulk 1")
old = one.id
one.move(to)
assert one.id != old and to.all().count() == 1
copied = folder.get(subject="bulk 2").copy(to)
assert to.all().count() == 2
try:
    list(account.fetch(ids=[(old, None)]))
    gone = list(account.fetch(ids=[(old, None)]))[0]
    assert isinstance(gone, ErrorItemNotFound), gone
except ErrorItemNotFound:
    pass

step("mail is deleted in three ways")
folder.get(subject="bulk 3").move_to_trash()
assert account.trash.filter(subject="bulk 3").count() == 1
folder.get(subject="bulk 4").soft_delete()
assert account.recoverable_items_deletions.filter(subject="bulk 4").count() == 1
folder.get(subject="bulk 5").delete()
assert folder.filter(subject__in=["bulk 3", "bulk 4", "bulk 5"]).count() == 0

step("whole items go out and come in")
streams = list(account.export(to.all()))
assert len(streams) == 2 and all(isinstance(s, str) for s in streams), streams
ids = account.upload((to, s) for s in streams)
assert to.all().count() == 4
assert sorted(i.subject for i in to.all()) == ["bulk 1", "bulk 1", "bulk 2", "bulk 2"]

step("notifications")
with account.inbox.streaming_subscription() as sub:
    Message(account=account, folder=account.inbox, subject="event", body="x").save()
    for n in account.inbox.get_streaming_events(sub, connection_timeout=1, max_notifications_returned=1):
        kinds = [e.ELEMENT_NAME for e in n.events]
        assert "CreatedEvent" in kinds, kinds
        break
sub_id, mark = account.inbox.subscribe_to_pull()
Message(account=account, folder=account.inbox, subject="event 2", body="x").save()
events = [e.ELEMENT_NAME for n in account.inbox.get_events(sub_id, mark) for e in n.events]
assert "CreatedEvent" in events, events
account.inbox.unsubscribe(sub_id)

step("calendar")
tz = account.default_timezone
start = datetime(2026, 5, 4, 9, 0, tzinfo=tz)
e = CalendarItem(account=account, folder=account.calendar, subject="meeting", start=start, end=start + timedelta(hours=1),
                 location="Room 1", body="agenda", required_attendees=["bob@example.test"], reminder_minutes_before_start=20)
e.save(send_meeting_invitations=SEND_TO_NONE)
seen = list(account.calendar.view(start=start - timedelta(days=1), end=start + timedelta(days=1)))
assert [i.subject for i in seen] == ["meeting"], seen
e.refresh()
assert e.location == "Room 1" and e.start == start and e.required_attendees[0].mailbox.email_address == "bob@example.test"
assert e.reminder_minutes_before_start == 20

step("contacts and tasks")
from exchangelib.indexed_properties import EmailAddress, PhoneNumber, PhysicalAddress
c = Contact(account=account, folder=account.contacts, given_name="Jörg", surname="Doe", display_name="Jörg Doe",
            email_addresses=[EmailAddress(label="EmailAddress1", email="j@example.org")],
            phone_numbers=[PhoneNumber(label="MobilePhone", phone_number="+49 2")],
            physical_addresses=[PhysicalAddress(label="Business", street="Street 1", city="Köln", country="DE", zipcode="50667")])
c.save()
c.refresh()
assert c.email_addresses[0].email == "j@example.org" and c.physical_addresses[0].city == "Köln"
t = Task(account=account, folder=account.tasks, subject="do", due_date=datetime(2026, 6, 1).date(), status="InProgress", percent_complete=Decimal(50))
t.save()
t.refresh()
assert t.percent_complete == 50, t

step("names and zones")
assert account.protocol.resolve_names(["bob@example.test"])[0].email_address == "bob@example.test"
zones = {z.id for z in account.protocol.get_timezones()}
assert "W. Europe Standard Time" in zones, zones
assert list(account.protocol.get_roomlists()) == []

step("a folder is renamed, emptied and deleted")
to.name = "Renamed"
to.save(update_fields=["name"])
account.root.clear_cache()
assert "Renamed" in {f.name for f in account.root.walk()}
to.wipe()
assert to.all().count() == 0
to.delete()

step("acting as another")
svc = config("svc@example.test")
bob = Account("bob@example.test", config=svc, autodiscover=False, access_type=IMPERSONATION)
Message(account=bob, folder=bob.inbox, subject="put by svc", body="x").save()
assert bob.inbox.filter(subject="put by svc").count() == 1
try:
    Account("bob@example.test", config=alice, autodiscover=False, access_type=DELEGATE).inbox.all().count()
    raise SystemExit("alice may read the mail of bob")
except ErrorAccessDenied:
    pass

step("a wrong password")
try:
    Account("alice@example.test", config=config("alice@example.test", "wrong"), autodiscover=False).inbox.all().count()
    raise SystemExit("a wrong password is taken")
except UnauthorizedError:
    pass

step("mail is sent")
Message(account=account, subject="sent", body="hi", to_recipients=["bob@example.test"]).send_and_save()
assert account.sent.filter(subject="sent").count() == 1
assert bob.inbox.filter(subject="sent").count() == 1
print("done")
