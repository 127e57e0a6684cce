"""Bounce marks on addresses, set once on every person with the address.

Each person who is named for something gets an event.
"""

from sinetti.database.notifications import bounces
from sinetti.database.notifications.bounces import BounceMarks, BounceRate, mark_bounced, on_sent
from sinetti.database.organisations.organisations import ContactDetails, insert_person
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from tests.support.authority import NOW
from tests.support.firms import a_certificate, a_message, a_person, a_signatory, an_organisation, rows
from tests.support.registers import crowd
from tests.support.service_context import DAY, SECOND


def sent(desk, row, now=NOW):
    """Record that a message was sent, as the sending worker does."""
    kind, channel = MessageKind(row.kind), MessageChannel(row.channel)
    owed = QueuedMessage(
        row.message_id, kind, channel, row.step, row.created, row.due, row.attempts,
        recipient=row.recipient_id, address=row.address, facts=row.facts,
    )  # fmt: skip
    on_sent(desk.db, owed, now)


def marks(desk, mark):
    return sorted(rows(desk, "Person").filter(**{f"{mark}__isnull": False}).values_list("email", flat=True))


def test_everybody_with_the_address_is_marked_once(desk):
    client = an_organisation(desk, "client")
    one, two = a_person(desk, "Lost@Client.example"), a_person(desk, "lost@client.example")
    former, other = a_person(desk, "LOST@client.example"), a_person(desk, "lost@client.example.net")
    for contact in (one, two, other):
        a_certificate(desk, client, NOW + DAY, contact)
    message, later = a_message(desk, one), a_message(desk, former, step="30:email")
    assert mark_bounced(desk.db, message.pk, NOW) is BounceMarks.NEW
    assert mark_bounced(desk.db, message.pk, NOW + DAY) is BounceMarks.BEFORE
    assert mark_bounced(desk.db, later.pk, NOW + DAY) is BounceMarks.NEW
    assert marks(desk, "bounced_at") == ["LOST@client.example", "Lost@Client.example", "lost@client.example"]
    assert set(rows(desk, "Person").exclude(pk=other.pk).values_list("bounced_at", flat=True)) == {NOW}
    events = rows(desk, "OutboxMessage").filter(kind="bounced")
    assert {row.recipient_id for row in events} == {one.pk, two.pk}, "who was named before is nobody's to mend"
    assert {(row.channel, row.expanded_at, row.facts["since"]) for row in events} == {(None, None, f"{NOW:%Y-%m-%d}")}
    audited = rows(desk, "AuditEvent").filter(action="address-bounced").values_list("object", flat=True)
    assert sorted(audited) == sorted(f"person:{person.pk}" for person in (one, two, former))


def test_at_once(desk):
    contact = a_person(desk, "lost@client.example")
    a_certificate(desk, an_organisation(desk, "client"), NOW + DAY, contact)
    messages = [a_message(desk, contact, step=f"{number}:email").pk for number in range(4)]
    done = crowd(desk.db, 4, lambda number: mark_bounced(desk.db, messages[number], NOW))
    assert done == [BounceMarks.NEW] * 4
    assert rows(desk, "OutboxMessage").filter(kind="bounced").count() == 1


def test_who_was_named_anew_is_not_marked_unless_it_is_the_same_address(desk):
    old = a_person(desk, "old@client.example", first_written_at=NOW)
    message = a_message(desk, old)
    new = insert_person(desk.db, ContactDetails("New", "new@client.example", "", "fi"))
    assert mark_bounced(desk.db, message.pk, NOW) is BounceMarks.NEW
    assert marks(desk, "bounced_at") == ["old@client.example"]
    again = insert_person(desk.db, ContactDetails("Old", "OLD@client.example", "", "fi"))
    assert (again.bounced_at, again.first_written_at, new.first_written_at) == (None, NOW, None)


def test_what_marks_nobody(sqlite_desk):
    desk = sqlite_desk
    erased = a_person(desk, "", erased_at=NOW)
    a_person(desk, "")
    assert mark_bounced(desk.db, "f" * 32, NOW) is BounceMarks.UNKNOWN
    text = a_message(desk, a_person(desk, "a@b.example"), channel="sms", step="7:sms")
    assert mark_bounced(desk.db, text.pk, NOW) is BounceMarks.UNKNOWN
    assert mark_bounced(desk.db, a_message(desk, erased).pk, NOW) is BounceMarks.NEW
    operator = a_message(desk, None, "operator", address="operator@pki.example")
    assert mark_bounced(desk.db, operator.pk, NOW) is BounceMarks.NEW
    assert marks(desk, "bounced_at") == []


def test_the_first_message_to_an_address(desk):
    one, two = a_person(desk, "one@client.example"), a_person(desk, "One@client.example")
    other = a_person(desk, "other@client.example")
    sent(desk, a_message(desk, one, channel="sms", step="7:sms"))
    assert marks(desk, "first_written_at") == []
    sent(desk, a_message(desk, one), NOW)
    sent(desk, a_message(desk, two), NOW + DAY)
    sent(desk, a_message(desk, None, "operator", address="other@client.example"))
    assert marks(desk, "first_written_at") == ["One@client.example", "one@client.example"]
    assert set(rows(desk, "Person").exclude(pk=other.pk).values_list("first_written_at", flat=True)) == {NOW}


def test_a_person_who_was_erased_meanwhile(sqlite_desk):
    desk = sqlite_desk
    gone = a_person(desk, "")
    message = a_message(desk, gone, "contact-gone", facts={"person": gone.pk})
    rows(desk, "Person").filter(pk=gone.pk).update(erased_at=NOW)
    sent(desk, message)
    rows(desk, "Person").filter(pk=gone.pk).delete()
    sent(desk, message)
    assert marks(desk, "stopped_at") == []


def test_counting(desk):
    reader, now = a_person(desk, "a@b.example"), NOW + 30 * DAY
    assert bounces.lately(desk.db, now) == BounceRate(0, 0)
    for number in range(20):
        a_message(desk, reader, step=f"{number}:email", sent=now, bounced=now if number < 10 else None)
    a_message(desk, reader, step="old:email", sent=now - 7 * DAY, bounced=now - 7 * DAY)
    a_message(desk, reader, step="late:email", sent=now - 7 * DAY + SECOND)
    a_message(desk, reader, step="7:sms", sent=now, channel="sms")
    assert bounces.lately(desk.db, now) == BounceRate(21, 10)
    assert bounces.bounce_alert(desk.db, now).startswith("10 of 21 e-mails")
    rows(desk, "OutboxMessage").filter(step="9:email").update(bounced=None)
    assert bounces.bounce_alert(desk.db, now) is None


def test_signatories_are_named_too(sqlite_desk):
    client = an_organisation(sqlite_desk, "client")
    a_signatory(sqlite_desk, client, person := a_person(sqlite_desk, "s@client.example"))
    mark_bounced(sqlite_desk.db, a_message(sqlite_desk, person).pk, NOW)
    assert rows(sqlite_desk, "OutboxMessage").get(kind="bounced").recipient_id == person.pk
