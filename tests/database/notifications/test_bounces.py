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
from tests.support.scene import DAY, SECOND


def sent(scene, row, now=NOW):
    """Record that a message was sent, as the sending worker does."""
    kind, channel = MessageKind(row.kind), MessageChannel(row.channel)
    owed = QueuedMessage(
        row.message_id, kind, channel, row.step, row.created, row.due, row.attempts,
        recipient=row.recipient_id, address=row.address, facts=row.facts,
    )  # fmt: skip
    on_sent(scene.db, owed, now)


def marks(scene, mark):
    return sorted(rows(scene, "Person").filter(**{f"{mark}__isnull": False}).values_list("email", flat=True))


def test_everybody_with_the_address_is_marked_once(scene):
    client = an_organisation(scene, "client")
    one, two = a_person(scene, "Lost@Client.example"), a_person(scene, "lost@client.example")
    former, other = a_person(scene, "LOST@client.example"), a_person(scene, "lost@client.example.net")
    for contact in (one, two, other):
        a_certificate(scene, client, NOW + DAY, contact)
    message, later = a_message(scene, one), a_message(scene, former, step="30:email")
    assert mark_bounced(scene.db, message.pk, NOW) is BounceMarks.NEW
    assert mark_bounced(scene.db, message.pk, NOW + DAY) is BounceMarks.BEFORE
    assert mark_bounced(scene.db, later.pk, NOW + DAY) is BounceMarks.NEW
    assert marks(scene, "bounced_at") == ["LOST@client.example", "Lost@Client.example", "lost@client.example"]
    assert set(rows(scene, "Person").exclude(pk=other.pk).values_list("bounced_at", flat=True)) == {NOW}
    events = rows(scene, "OutboxMessage").filter(kind="bounced")
    assert {row.recipient_id for row in events} == {one.pk, two.pk}, "who was named before is nobody's to mend"
    assert {(row.channel, row.expanded_at, row.facts["since"]) for row in events} == {(None, None, f"{NOW:%Y-%m-%d}")}
    audited = rows(scene, "AuditEvent").filter(action="address-bounced").values_list("object", flat=True)
    assert sorted(audited) == sorted(f"person:{person.pk}" for person in (one, two, former))


def test_at_once(scene):
    contact = a_person(scene, "lost@client.example")
    a_certificate(scene, an_organisation(scene, "client"), NOW + DAY, contact)
    messages = [a_message(scene, contact, step=f"{number}:email").pk for number in range(4)]
    done = crowd(scene.db, 4, lambda number: mark_bounced(scene.db, messages[number], NOW))
    assert done == [BounceMarks.NEW] * 4
    assert rows(scene, "OutboxMessage").filter(kind="bounced").count() == 1


def test_who_was_named_anew_is_not_marked_unless_it_is_the_same_address(scene):
    old = a_person(scene, "old@client.example", first_written_at=NOW)
    message = a_message(scene, old)
    new = insert_person(scene.db, ContactDetails("New", "new@client.example", "", "fi"))
    assert mark_bounced(scene.db, message.pk, NOW) is BounceMarks.NEW
    assert marks(scene, "bounced_at") == ["old@client.example"]
    again = insert_person(scene.db, ContactDetails("Old", "OLD@client.example", "", "fi"))
    assert (again.bounced_at, again.first_written_at, new.first_written_at) == (None, NOW, None)


def test_what_marks_nobody(sqlite_scene):
    scene = sqlite_scene
    erased = a_person(scene, "", erased_at=NOW)
    a_person(scene, "")
    assert mark_bounced(scene.db, "f" * 32, NOW) is BounceMarks.UNKNOWN
    text = a_message(scene, a_person(scene, "a@b.example"), channel="sms", step="7:sms")
    assert mark_bounced(scene.db, text.pk, NOW) is BounceMarks.UNKNOWN
    assert mark_bounced(scene.db, a_message(scene, erased).pk, NOW) is BounceMarks.NEW
    operator = a_message(scene, None, "operator", address="operator@pki.example")
    assert mark_bounced(scene.db, operator.pk, NOW) is BounceMarks.NEW
    assert marks(scene, "bounced_at") == []


def test_the_first_message_to_an_address(scene):
    one, two = a_person(scene, "one@client.example"), a_person(scene, "One@client.example")
    other = a_person(scene, "other@client.example")
    sent(scene, a_message(scene, one, channel="sms", step="7:sms"))
    assert marks(scene, "first_written_at") == []
    sent(scene, a_message(scene, one), NOW)
    sent(scene, a_message(scene, two), NOW + DAY)
    sent(scene, a_message(scene, None, "operator", address="other@client.example"))
    assert marks(scene, "first_written_at") == ["One@client.example", "one@client.example"]
    assert set(rows(scene, "Person").exclude(pk=other.pk).values_list("first_written_at", flat=True)) == {NOW}


def test_a_person_who_was_erased_meanwhile(sqlite_scene):
    scene = sqlite_scene
    gone = a_person(scene, "")
    message = a_message(scene, gone, "contact-gone", facts={"person": gone.pk})
    rows(scene, "Person").filter(pk=gone.pk).update(erased_at=NOW)
    sent(scene, message)
    rows(scene, "Person").filter(pk=gone.pk).delete()
    sent(scene, message)
    assert marks(scene, "stopped_at") == []


def test_counting(scene):
    reader, now = a_person(scene, "a@b.example"), NOW + 30 * DAY
    assert bounces.lately(scene.db, now) == BounceRate(0, 0)
    for number in range(20):
        a_message(scene, reader, step=f"{number}:email", sent=now, bounced=now if number < 10 else None)
    a_message(scene, reader, step="old:email", sent=now - 7 * DAY, bounced=now - 7 * DAY)
    a_message(scene, reader, step="late:email", sent=now - 7 * DAY + SECOND)
    a_message(scene, reader, step="7:sms", sent=now, channel="sms")
    assert bounces.lately(scene.db, now) == BounceRate(21, 10)
    assert bounces.bounce_alert(scene.db, now).startswith("10 of 21 e-mails")
    rows(scene, "OutboxMessage").filter(step="9:email").update(bounced=None)
    assert bounces.bounce_alert(scene.db, now) is None


def test_signatories_are_named_too(sqlite_scene):
    client = an_organisation(sqlite_scene, "client")
    a_signatory(sqlite_scene, client, person := a_person(sqlite_scene, "s@client.example"))
    mark_bounced(sqlite_scene.db, a_message(sqlite_scene, person).pk, NOW)
    assert rows(sqlite_scene, "OutboxMessage").get(kind="bounced").recipient_id == person.pk
