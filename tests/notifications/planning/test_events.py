"""Events that become messages, once for each recipient of docs/e-service/recipients.md."""

import re
from pathlib import Path
from threading import Barrier, Thread

import pytest

from sinetti.database import models
from sinetti.database.notifications import events, outbox
from sinetti.database.notifications.outbox import DomainEvent
from sinetti.domain.notifications.messages import AUDIENCES, FIRST_REACHED, TOO_OLD, MessageKind, RecipientRole
from sinetti.notifications.planning.events import expand_events
from sinetti.services.organisations.people import remove_signatory, set_contact_person
from tests.support.authority import CUSTOMER_ID
from tests.support.killed import KilledError, killed_at
from tests.support.mailrooms import a_mailroom
from tests.support.people import named
from tests.support.scene import CONTACT, DAY, REQUEST, SECOND, enrolled, ordered

PAGE = Path(__file__).parents[3] / "docs" / "e-service" / "recipients.md"
WHO = ("operator", REQUEST)
ROLES = {
    "contact@customer.example": RecipientRole.CONTACT,
    "deputy@customer.example": RecipientRole.DEPUTY,
    "contact.person@customer.example": RecipientRole.CONTACT_PERSON,
    "signatory.1@customer.example": RecipientRole.SIGNATORIES,
    "signatory.2@customer.example": RecipientRole.SIGNATORIES,
    "operator@pki.example": RecipientRole.OPERATORS,
    CONTACT.email: RecipientRole.CONTACT_THEN,
}


def rows(scene):
    return models.OutboxMessage.objects.using(scene.db.alias)


def people(scene):
    return models.Person.objects.using(scene.db.alias)


def lineage(scene):
    return models.Lineage.objects.using(scene.db.alias).select_related("contact", "deputy").get()


def told(scene, kind):
    """Return the addresses of a kind's messages."""
    found = rows(scene).filter(kind=kind, channel__isnull=False).select_related("recipient").order_by("message_id")
    return sorted(row.address or row.recipient.email for row in found)


@pytest.fixture
def everybody(scene):
    """Return a scene with a person in every role of its one certificate.

    No event waits.
    """
    return filled(scene)


@pytest.fixture
def sqlite_everybody(sqlite_scene):
    """Return the same on SQLite only."""
    return filled(sqlite_scene)


def filled(scene):
    held = enrolled(scene)
    named(scene, held.serial)
    rows(scene).all().delete()
    return scene


def owed(scene, kind, *, lost=None, by_lineage=False, **changes):
    """Queue an event as the code that makes it does; `lost` is the person concerned."""
    one, then = lineage(scene), people(scene).get(email=CONTACT.email)
    certificate = models.Certificate.objects.using(scene.db.alias).get()
    about_certificate = kind in {MessageKind.FETCHED, MessageKind.RENEWED, MessageKind.REVOKED}
    facts = {
        MessageKind.REFUSED: {"reason": "PKI012", "reason_name": "key-reused", "operation": "renew"},
        MessageKind.CONTACT_CHANGED: {"old": then.pk, "new": one.contact_id},
        MessageKind.BOUNCED: {"person": lost or one.contact_id, "since": "2027-03-03"},
        MessageKind.CONTACT_GONE: {"person": lost or one.contact_id, "message": "0" * 32},
    }
    values = {
        "kind": kind,
        "step": "once",
        "recipient": then.pk if about_certificate else None,
        "lineage": one.pk if kind not in FIRST_REACHED or by_lineage else None,
        "certificate": certificate.pk if about_certificate else None,
        "facts": facts.get(kind),
    }
    outbox.record_event(scene.db, DomainEvent(**{**values, **changes}), scene.clock.now)


def tables():
    """Return the table of docs/e-service/recipients.md, from kind to roles."""
    cells = re.findall(r"^\| `([a-z-]+)` \| ([a-z', ]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        MessageKind(kind): [RecipientRole(one) for one in words.split(", ")] for kind, words in cells if kind in KINDS
    }


KINDS = {one.value for one in (*AUDIENCES, *FIRST_REACHED)}


def test_the_page_has_every_kind_and_the_code_says_the_same():
    assert tables() == {kind: list(whom) for kind, whom in (*AUDIENCES.items(), *FIRST_REACHED.items())}


@pytest.mark.parametrize("kind", AUDIENCES)
def test_everybody_whom_it_concerns(sqlite_everybody, kind):
    """The recipients are those of the table.

    For a change of contact, they are the contact of that time and the new one.
    """
    owed(sqlite_everybody, kind)
    wanted = set(tables()[kind])
    if kind is MessageKind.CONTACT_CHANGED:
        wanted = {RecipientRole.CONTACT_THEN, RecipientRole.CONTACT}
    made = expand_events(a_mailroom(sqlite_everybody), sqlite_everybody.clock.now)
    found = told(sqlite_everybody, kind)
    assert {ROLES[address] for address in found} == wanted
    assert found == sorted(address for address, whom in ROLES.items() if whom in wanted)
    assert made == len(found)
    event = rows(sqlite_everybody).get(channel__isnull=True)
    assert (event.expanded_at, event.cancelled_at, event.sent) == (sqlite_everybody.clock.now, None, None)
    assert {row.facts == event.facts for row in rows(sqlite_everybody)} == {True}
    assert expand_events(a_mailroom(sqlite_everybody), sqlite_everybody.clock.now) == 0


@pytest.mark.parametrize("kind", FIRST_REACHED)
@pytest.mark.parametrize("by_lineage", [True, False], ids=["of a holding", "of a person alone"])
def test_the_first_whom_mail_reaches(sqlite_everybody, kind, by_lineage):
    """Signatories come first.

    Without a reachable one it is the organisation's contact person, else operators.
    """
    scene = sqlite_everybody
    ctx = a_mailroom(scene)
    for who in tables()[kind]:
        before = set(rows(scene).values_list("pk", flat=True))
        owed(scene, kind, by_lineage=by_lineage)
        expand_events(ctx, scene.clock.now)
        new = rows(scene).filter(channel__isnull=False).exclude(pk__in=before).select_related("recipient")
        assert {ROLES[row.address or row.recipient.email] for row in new} == {who}
        assert {row.lineage_id for row in new} == {lineage(scene).pk}, "the text names the organisation"
        if who is RecipientRole.SIGNATORIES:
            people(scene).filter(email="signatory.1@customer.example").update(bounced_at=scene.clock.now)
            remove_signatory(CUSTOMER_ID, "signatory.2@customer.example", scene.ctx, *WHO)
        else:
            set_contact_person(CUSTOMER_ID, None, scene.ctx, *WHO)


def test_nobody_is_told_of_themselves(sqlite_everybody):
    """A signatory's own address fails: the other signatory gets the message."""
    lost = people(sqlite_everybody).get(email="signatory.1@customer.example").pk
    owed(sqlite_everybody, MessageKind.BOUNCED, lost=lost)
    expand_events(a_mailroom(sqlite_everybody), sqlite_everybody.clock.now)
    assert told(sqlite_everybody, "bounced") == ["signatory.2@customer.example"]


def test_an_organisations_contact_person_is_lost(sqlite_everybody):
    lost = people(sqlite_everybody).get(email="contact.person@customer.example").pk
    owed(sqlite_everybody, MessageKind.BOUNCED, lost=lost)
    expand_events(a_mailroom(sqlite_everybody), sqlite_everybody.clock.now)
    assert told(sqlite_everybody, "bounced") == ["signatory.1@customer.example", "signatory.2@customer.example"]
    assert set(rows(sqlite_everybody).values_list("lineage", flat=True)) == {None, lineage(sqlite_everybody).pk}


def test_one_who_is_named_for_many_lineages(sqlite_everybody):
    """Each row of theirs has an event; their organisation hears once."""
    scene = sqlite_everybody
    other = models.Order.objects.using(scene.db.alias).get(pk=ordered(scene).order_id).lineage
    people(scene).filter(pk=other.contact_id).update(email="CONTACT@customer.example")
    first = models.Lineage.objects.using(scene.db.alias).exclude(pk=other.pk).get()
    for lost in (first.contact_id, other.contact_id):
        facts = {"person": lost, "since": "2027-03-03"}
        outbox.record_event(
            scene.db, DomainEvent(MessageKind.BOUNCED, "2027-03-03", lost, facts=facts), scene.clock.now
        )
    expand_events(a_mailroom(scene), scene.clock.now)
    assert told(scene, "bounced") == ["signatory.1@customer.example", "signatory.2@customer.example"]


def test_one_who_is_named_for_nothing_any_more(sqlite_everybody):
    lost = people(sqlite_everybody).get(email=CONTACT.email).pk
    models.Order.objects.using(sqlite_everybody.db.alias).update(contact=None)
    owed(sqlite_everybody, MessageKind.BOUNCED, lost=lost)
    owed(sqlite_everybody, MessageKind.CONTACT_GONE, facts={"person": "nobody", "message": "0"})
    assert expand_events(a_mailroom(sqlite_everybody), sqlite_everybody.clock.now) == 0
    assert not events.pending(sqlite_everybody.db, 1)


def test_one_message_for_each_address(sqlite_everybody):
    """The role nearest to the certificate counts, in any case of the address."""
    people(sqlite_everybody).filter(name__startswith="The signatory").update(email="Contact@Customer.example")
    owed(sqlite_everybody, MessageKind.RENEWED)
    expand_events(a_mailroom(sqlite_everybody), sqlite_everybody.clock.now)
    assert told(sqlite_everybody, "renewed") == ["contact@customer.example", "deputy@customer.example"]


def test_whoever_was_erased_and_who_bounced(sqlite_everybody):
    """Erased persons get no message.

    Marks are checked when a message is written.
    """
    people(sqlite_everybody).filter(name="The deputy").update(name="", email="", erased_at=sqlite_everybody.clock.now)
    people(sqlite_everybody).filter(name="The contact").update(bounced_at=sqlite_everybody.clock.now)
    owed(sqlite_everybody, MessageKind.REFUSED)
    expand_events(a_mailroom(sqlite_everybody), sqlite_everybody.clock.now)
    assert told(sqlite_everybody, "refused") == ["contact@customer.example"]


def test_whoever_fetched_it_was_erased(sqlite_everybody):
    """The current contact gets the message then."""
    owed(sqlite_everybody, MessageKind.FETCHED)
    people(sqlite_everybody).filter(email=CONTACT.email).update(email="", erased_at=sqlite_everybody.clock.now)
    expand_events(a_mailroom(sqlite_everybody), sqlite_everybody.clock.now)
    assert told(sqlite_everybody, "fetched") == ["contact@customer.example"]


AGES = {"seven days": (TOO_OLD, False), "a second more": (TOO_OLD + SECOND, True)}


@pytest.mark.parametrize(("age", "dropped"), AGES.values(), ids=AGES)
def test_events_of_long_ago(everybody, age, dropped):
    owed(everybody, MessageKind.REVOKED)
    everybody.clock.forward(age)
    made = expand_events(a_mailroom(everybody), everybody.clock.now)
    event = rows(everybody).get(channel__isnull=True)
    assert (made == 0, event.cancelled_at is not None, event.expanded_at is None) == (dropped, dropped, dropped)


def test_killed_between_the_event_and_its_messages(everybody):
    owed(everybody, MessageKind.REVOKED)
    with pytest.raises(KilledError):
        expand_events(a_mailroom(everybody, step=killed_at("claimed")), everybody.clock.now)
    assert rows(everybody).get().expanded_at is None
    assert expand_events(a_mailroom(everybody), everybody.clock.now) == 5


def test_two_workers_at_once(everybody):
    """Both read the same events; each becomes messages once."""
    for kind in AUDIENCES:
        owed(everybody, kind)
    together, made = Barrier(2), []

    def work():
        read = events.pending(everybody.db, 100)
        assert len(read) == len(AUDIENCES)
        together.wait(60)
        made.append(expand_events(a_mailroom(everybody), everybody.clock.now))
        everybody.db.close()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(made) == rows(everybody).filter(channel__isnull=False).count() == 1 + 4 + 2 + 5 + 2
    assert not events.pending(everybody.db, 1)


def test_one_that_another_worker_took_is_passed_over(sqlite_everybody):
    """The worker read the event before, but makes no second message of it."""
    owed(sqlite_everybody, MessageKind.REFUSED)
    (read,) = events.pending(sqlite_everybody.db, 100)
    expand_events(a_mailroom(sqlite_everybody), sqlite_everybody.clock.now)
    assert events.expand(sqlite_everybody.db, {read.event_id: ()}, sqlite_everybody.clock.now) == 0


def test_the_same_happens_once_more(sqlite_everybody):
    """An event of a lineage alone is sent at each occurrence.

    Each occurrence has a step of its own.
    """
    for _ in range(2):
        owed(sqlite_everybody, MessageKind.REFUSED)
        expand_events(a_mailroom(sqlite_everybody), sqlite_everybody.clock.forward(DAY))
    assert told(sqlite_everybody, "refused") == sorted(["contact@customer.example", "deputy@customer.example"] * 2)
    assert rows(sqlite_everybody).filter(channel__isnull=False).values("step").distinct().count() == 2
