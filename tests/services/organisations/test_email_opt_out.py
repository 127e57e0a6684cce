"""Opting out of e-mail (*Not your task any more?*).

Every holder of the link may opt out. E-mail stops only after other people were notified.
"""

import pytest

from sinetti.database.notifications.bounces import on_sent
from sinetti.domain.link_tokens import OPEN_LINK, STOP_LINK, link_token
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.notifications.opt_out import (
    AlreadyRequested,
    OptOutNotifies,
    OptOutPage,
    OptOutRequested,
    UnknownLink,
)
from sinetti.domain.values import Language
from sinetti.notifications.planning.events import expand_events
from sinetti.services.organisations.email_opt_out import opt_out_page, request_opt_out
from tests.support.authority import NOW
from tests.support.firms import a_certificate, a_message, a_person, a_signatory, an_organisation, rows
from tests.support.mailrooms import a_mailroom
from tests.support.registers import crowd
from tests.support.service_context import DAY, REQUEST, SECOND, TRANSFER_KEY

SIGNATORIES, CONTACT_PERSON, OPERATORS = (frozenset({one}) for one in OptOutNotifies)


@pytest.fixture
def scene(desk):
    return Scene(desk)


@pytest.fixture
def sqlite_scene(sqlite_desk):
    return Scene(sqlite_desk)


class Scene:
    """Client whose contact has received a message, with two signatories."""

    def __init__(self, desk):
        self.desk = desk
        self.client = an_organisation(desk, "client")
        self.asker = a_person(desk, "asker@client.example")
        self.signatories = [a_person(desk, f"signatory-{number}@client.example") for number in (1, 2)]
        for one in self.signatories:
            a_signatory(desk, self.client, one)
        a_certificate(desk, self.client, NOW + 300 * DAY, self.asker)
        self.message = a_message(desk, self.asker)

    def link(self, message=None, purpose=STOP_LINK):
        message_id = (message or self.message).pk
        return message_id, link_token(TRANSFER_KEY, purpose, message_id)

    def ask(self, message=None):
        return request_opt_out(*self.link(message), self.desk.ctx, REQUEST)

    def page(self):
        return opt_out_page(*self.link(), self.desk.ctx)

    def waiting(self):
        """Return the queued messages about the opt-out, keyed by recipient address."""
        expand_events(a_mailroom(self.desk), self.desk.clock.now)
        found = rows(self.desk, "OutboxMessage").filter(kind="contact-gone", channel="email", sent=None, failed_at=None)
        return {row.recipient.email if row.recipient else row.address: row for row in found}

    def send(self, to):
        """Send one of the queued messages, as the worker does."""
        row = self.waiting()[to]
        rows(self.desk, "OutboxMessage").filter(pk=row.pk).update(sent=self.desk.clock.now)
        owed = QueuedMessage(
            row.pk, MessageKind.CONTACT_GONE, MessageChannel.EMAIL, row.step, row.created, row.due, 0,
            recipient=row.recipient_id, address=row.address, facts=row.facts,
        )  # fmt: skip
        on_sent(self.desk.db, owed, self.desk.clock.now)

    def stopped(self):
        found = rows(self.desk, "Person").filter(stopped_at__isnull=False)
        return sorted(found.values_list("email", flat=True))


def test_mail_stops_once_a_signatory_was_told(scene):
    a_person(scene.desk, "ASKER@client.example")
    assert scene.page() == OptOutPage(Language.FI, SIGNATORIES, stops=True, asked=False, stopped=False)
    assert scene.ask() == OptOutRequested(SIGNATORIES, stops=True)
    assert scene.page() == OptOutPage(Language.FI, SIGNATORIES, stops=True, asked=True, stopped=False)
    assert scene.ask() == AlreadyRequested(SIGNATORIES, stops=True, stopped=False)
    assert sorted(scene.waiting()) == ["signatory-1@client.example", "signatory-2@client.example"]
    assert scene.stopped() == []
    scene.send("signatory-2@client.example")
    assert scene.stopped() == ["ASKER@client.example", "asker@client.example"]
    assert scene.ask() == AlreadyRequested(SIGNATORIES, stops=True, stopped=True)
    assert scene.page() == OptOutPage(Language.FI, SIGNATORIES, stops=True, asked=True, stopped=True)
    scene.send("signatory-1@client.example")
    audited = rows(scene.desk, "AuditEvent").filter(action__startswith="mail-stop").order_by("sequence")
    assert [(row.action, row.actor) for row in audited] == [
        ("mail-stop-asked", "recipient"),
        ("mail-stopped", "notices"),
        ("mail-stopped", "notices"),
    ], "both rows with the address, once"


def test_pressed_twice_at_once(scene):
    answers = crowd(scene.desk.db, 4, lambda _number: scene.ask())
    assert sorted(type(one).__name__ for one in answers) == [*["AlreadyRequested"] * 3, "OptOutRequested"]
    assert rows(scene.desk, "OutboxMessage").filter(kind="contact-gone").count() == 1


def test_no_signatory_is_reached(sqlite_scene):
    scene = sqlite_scene
    rows(scene.desk, "Person").filter(email__startswith="signatory").update(bounced_at=NOW)
    contact = a_person(scene.desk, "person@client.example")
    rows(scene.desk, "Organisation").filter(pk=scene.client.pk).update(contact=contact)
    assert scene.ask() == OptOutRequested(CONTACT_PERSON, stops=True)
    scene.send("person@client.example")
    assert scene.stopped() == ["asker@client.example"]


def test_only_the_operators_can_be_told(scene):
    """The user who asks is contact person and the only signatory, so mail goes on."""
    desk = scene.desk
    rows(desk, "RoleAssignment").update(person=a_person(desk, "Asker@client.example"))
    rows(desk, "Organisation").filter(pk=scene.client.pk).update(contact=scene.asker)
    assert scene.ask() == OptOutRequested(OPERATORS, stops=False)
    scene.send("operator@pki.example")
    assert scene.stopped() == []
    desk.clock.forward(DAY - SECOND)
    assert scene.ask() == AlreadyRequested(OPERATORS, stops=False, stopped=False)
    desk.clock.forward(SECOND)
    assert scene.ask() == OptOutRequested(OPERATORS, stops=False), "a day later once more"


def test_messages_that_could_not_be_sent_stop_nothing(sqlite_scene):
    scene = sqlite_scene
    scene.ask()
    waiting = scene.waiting()
    scene.desk.clock.forward(3 * DAY)
    assert scene.ask() == AlreadyRequested(SIGNATORIES, stops=True, stopped=False), "they wait"
    for row in waiting.values():
        rows(scene.desk, "OutboxMessage").filter(pk=row.pk).update(failed_at=scene.desk.clock.now)
    assert scene.stopped() == []
    assert scene.ask() == OptOutRequested(SIGNATORIES, stops=True)
    scene.send("signatory-1@client.example")
    assert scene.stopped() == ["asker@client.example"]


def named_anew(scene):
    """Assign a new person with the same address, also for another organisation."""
    desk = scene.desk
    anew = a_person(desk, "asker@client.example")
    rows(desk, "Lineage").update(contact=anew)
    other = an_organisation(desk, "other")
    a_certificate(desk, other, NOW + 300 * DAY, anew)
    a_signatory(desk, other, a_person(desk, "signatory@other.example"))
    return anew


def test_what_was_told_of_an_earlier_asking_does_not_count(sqlite_scene):
    """A contact who is assigned again with the same address asks again.

    The recipients of the earlier messages are notified again.
    """
    scene = sqlite_scene
    scene.ask()
    scene.send("signatory-1@client.example")
    anew = named_anew(scene)
    scene.desk.clock.forward(SECOND)
    scene.send("signatory-2@client.example")
    assert rows(scene.desk, "Person").get(pk=anew.pk).stopped_at is None
    message = a_message(scene.desk, anew)
    assert scene.ask(message) == OptOutRequested(SIGNATORIES, stops=True)
    assert scene.ask(message) == AlreadyRequested(SIGNATORIES, stops=True, stopped=False)
    scene.send("signatory@other.example")
    assert scene.stopped() == ["asker@client.example"]
    scene.send("signatory-1@client.example")
    assert scene.stopped() == ["asker@client.example"] * 2


def test_who_was_named_anew_before_it_was_told_has_not_asked(sqlite_scene):
    scene = sqlite_scene
    scene.ask()
    scene.waiting()
    anew = a_person(scene.desk, "asker@client.example")
    rows(scene.desk, "Lineage").update(contact=anew)
    scene.send("signatory-1@client.example")
    assert scene.stopped() == ["asker@client.example"]
    assert rows(scene.desk, "Person").get(pk=anew.pk).stopped_at is None


def test_each_organisation_has_to_be_told(scene):
    desk = scene.desk
    other = an_organisation(desk, "other")
    a_certificate(desk, other, NOW + 300 * DAY, a_person(desk, "Asker@Client.example"))
    a_signatory(desk, other, a_person(desk, "signatory@other.example"))
    closed = an_organisation(desk, "closed")
    a_certificate(desk, closed, NOW + 300 * DAY, scene.asker)
    rows(desk, "Organisation").filter(pk=closed.pk).update(closed_at=NOW)
    assert scene.ask() == OptOutRequested(SIGNATORIES, stops=True)
    scene.send("signatory-1@client.example")
    scene.send("signatory-2@client.example")
    assert scene.stopped() == []
    scene.send("signatory@other.example")
    assert scene.stopped() == ["Asker@Client.example", "asker@client.example"]


def test_somebody_who_is_named_for_nothing(sqlite_scene):
    rows(sqlite_scene.desk, "Lineage").update(contact=None)
    nothing = frozenset()
    assert sqlite_scene.page() == OptOutPage(Language.FI, nothing, stops=True, asked=False, stopped=False)
    assert sqlite_scene.ask() == OptOutRequested(nothing, stops=True)
    assert not rows(sqlite_scene.desk, "OutboxMessage").filter(kind="contact-gone").exists()


def text_message(scene):
    return a_message(scene.desk, scene.asker, channel="sms", step="7:sms")


def erased(scene):
    rows(scene.desk, "Person").filter(pk=scene.asker.pk).update(erased_at=NOW)
    return scene.message


def old(scene):
    scene.desk.clock.forward(730 * DAY + SECOND)
    return scene.message


NO_LINK = {
    "another purpose's token": lambda scene: scene.link(purpose=OPEN_LINK),
    "another message's token": lambda scene: (scene.message.pk, scene.link(text_message(scene))[1]),
    "no token": lambda scene: (scene.message.pk, ""),
    "letters that are none": lambda scene: (scene.message.pk, "ä" * 32),
    "no message's id": lambda _scene: ("../../etc", link_token(TRANSFER_KEY, STOP_LINK, "../../etc")),
    "no such message": lambda _scene: ("f" * 32, link_token(TRANSFER_KEY, STOP_LINK, "f" * 32)),
    "a text message's": lambda scene: scene.link(text_message(scene)),
    "an operator's": lambda scene: scene.link(a_message(scene.desk, None, "operator", address="o@pki.example")),
    "somebody's who was erased": lambda scene: scene.link(erased(scene)),
    "older than two years": lambda scene: scene.link(old(scene)),
}


@pytest.mark.parametrize("link", NO_LINK.values(), ids=NO_LINK)
def test_links_that_are_not_known(sqlite_scene, link):
    message_id, token = link(sqlite_scene)
    assert opt_out_page(message_id, token, sqlite_scene.desk.ctx) == UnknownLink()
    assert request_opt_out(message_id, token, sqlite_scene.desk.ctx, REQUEST) == UnknownLink()
    assert not rows(sqlite_scene.desk, "OutboxMessage").filter(kind="contact-gone").exists()


def test_the_last_second_of_two_years(sqlite_scene):
    sqlite_scene.desk.clock.forward(730 * DAY)
    assert isinstance(sqlite_scene.page(), OptOutPage)
