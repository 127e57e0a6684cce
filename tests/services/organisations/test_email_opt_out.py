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
from tests.support.scene import DAY, REQUEST, SECOND, TRANSFER_KEY

SIGNATORIES, CONTACT_PERSON, OPERATORS = (frozenset({one}) for one in OptOutNotifies)


@pytest.fixture
def opt_out(scene):
    return OptOut(scene)


@pytest.fixture
def sqlite_opt_out(sqlite_scene):
    return OptOut(sqlite_scene)


class OptOut:
    """Client whose contact has received a message, with two signatories."""

    def __init__(self, scene):
        self.scene = scene
        self.client = an_organisation(scene, "client")
        self.asker = a_person(scene, "asker@client.example")
        self.signatories = [a_person(scene, f"signatory-{number}@client.example") for number in (1, 2)]
        for one in self.signatories:
            a_signatory(scene, self.client, one)
        a_certificate(scene, self.client, NOW + 300 * DAY, self.asker)
        self.message = a_message(scene, self.asker)

    def link(self, message=None, purpose=STOP_LINK):
        message_id = (message or self.message).pk
        return message_id, link_token(TRANSFER_KEY, purpose, message_id)

    def ask(self, message=None):
        return request_opt_out(*self.link(message), self.scene.ctx, REQUEST)

    def page(self):
        return opt_out_page(*self.link(), self.scene.ctx)

    def waiting(self):
        """Return the queued messages about the opt-out, keyed by recipient address."""
        expand_events(a_mailroom(self.scene), self.scene.clock.now)
        found = rows(self.scene, "OutboxMessage").filter(
            kind="contact-gone", channel="email", sent=None, failed_at=None
        )
        return {row.recipient.email if row.recipient else row.address: row for row in found}

    def send(self, to):
        """Send one of the queued messages, as the worker does."""
        row = self.waiting()[to]
        rows(self.scene, "OutboxMessage").filter(pk=row.pk).update(sent=self.scene.clock.now)
        owed = QueuedMessage(
            row.pk, MessageKind.CONTACT_GONE, MessageChannel.EMAIL, row.step, row.created, row.due, 0,
            recipient=row.recipient_id, address=row.address, facts=row.facts,
        )  # fmt: skip
        on_sent(self.scene.db, owed, self.scene.clock.now)

    def stopped(self):
        found = rows(self.scene, "Person").filter(stopped_at__isnull=False)
        return sorted(found.values_list("email", flat=True))


def test_mail_stops_once_a_signatory_was_told(opt_out):
    a_person(opt_out.scene, "ASKER@client.example")
    assert opt_out.page() == OptOutPage(Language.FI, SIGNATORIES, stops=True, asked=False, stopped=False)
    assert opt_out.ask() == OptOutRequested(SIGNATORIES, stops=True)
    assert opt_out.page() == OptOutPage(Language.FI, SIGNATORIES, stops=True, asked=True, stopped=False)
    assert opt_out.ask() == AlreadyRequested(SIGNATORIES, stops=True, stopped=False)
    assert sorted(opt_out.waiting()) == ["signatory-1@client.example", "signatory-2@client.example"]
    assert opt_out.stopped() == []
    opt_out.send("signatory-2@client.example")
    assert opt_out.stopped() == ["ASKER@client.example", "asker@client.example"]
    assert opt_out.ask() == AlreadyRequested(SIGNATORIES, stops=True, stopped=True)
    assert opt_out.page() == OptOutPage(Language.FI, SIGNATORIES, stops=True, asked=True, stopped=True)
    opt_out.send("signatory-1@client.example")
    audited = rows(opt_out.scene, "AuditEvent").filter(action__startswith="mail-stop").order_by("sequence")
    assert [(row.action, row.actor) for row in audited] == [
        ("mail-stop-asked", "recipient"),
        ("mail-stopped", "notices"),
        ("mail-stopped", "notices"),
    ], "both rows with the address, once"


def test_pressed_twice_at_once(opt_out):
    answers = crowd(opt_out.scene.db, 4, lambda _number: opt_out.ask())
    assert sorted(type(one).__name__ for one in answers) == [*["AlreadyRequested"] * 3, "OptOutRequested"]
    assert rows(opt_out.scene, "OutboxMessage").filter(kind="contact-gone").count() == 1


def test_no_signatory_is_reached(sqlite_opt_out):
    opt_out = sqlite_opt_out
    rows(opt_out.scene, "Person").filter(email__startswith="signatory").update(bounced_at=NOW)
    contact = a_person(opt_out.scene, "person@client.example")
    rows(opt_out.scene, "Organisation").filter(pk=opt_out.client.pk).update(contact=contact)
    assert opt_out.ask() == OptOutRequested(CONTACT_PERSON, stops=True)
    opt_out.send("person@client.example")
    assert opt_out.stopped() == ["asker@client.example"]


def test_only_the_operators_can_be_told(opt_out):
    """The user who asks is contact person and the only signatory, so mail goes on."""
    scene = opt_out.scene
    rows(scene, "RoleAssignment").update(person=a_person(scene, "Asker@client.example"))
    rows(scene, "Organisation").filter(pk=opt_out.client.pk).update(contact=opt_out.asker)
    assert opt_out.ask() == OptOutRequested(OPERATORS, stops=False)
    opt_out.send("operator@pki.example")
    assert opt_out.stopped() == []
    scene.clock.forward(DAY - SECOND)
    assert opt_out.ask() == AlreadyRequested(OPERATORS, stops=False, stopped=False)
    scene.clock.forward(SECOND)
    assert opt_out.ask() == OptOutRequested(OPERATORS, stops=False), "a day later once more"


def test_messages_that_could_not_be_sent_stop_nothing(sqlite_opt_out):
    opt_out = sqlite_opt_out
    opt_out.ask()
    waiting = opt_out.waiting()
    opt_out.scene.clock.forward(3 * DAY)
    assert opt_out.ask() == AlreadyRequested(SIGNATORIES, stops=True, stopped=False), "they wait"
    for row in waiting.values():
        rows(opt_out.scene, "OutboxMessage").filter(pk=row.pk).update(failed_at=opt_out.scene.clock.now)
    assert opt_out.stopped() == []
    assert opt_out.ask() == OptOutRequested(SIGNATORIES, stops=True)
    opt_out.send("signatory-1@client.example")
    assert opt_out.stopped() == ["asker@client.example"]


def named_anew(opt_out):
    """Assign a new person with the same address, also for another organisation."""
    scene = opt_out.scene
    anew = a_person(scene, "asker@client.example")
    rows(scene, "Lineage").update(contact=anew)
    other = an_organisation(scene, "other")
    a_certificate(scene, other, NOW + 300 * DAY, anew)
    a_signatory(scene, other, a_person(scene, "signatory@other.example"))
    return anew


def test_what_was_told_of_an_earlier_asking_does_not_count(sqlite_opt_out):
    """A contact who is assigned again with the same address asks again.

    The recipients of the earlier messages are notified again.
    """
    opt_out = sqlite_opt_out
    opt_out.ask()
    opt_out.send("signatory-1@client.example")
    anew = named_anew(opt_out)
    opt_out.scene.clock.forward(SECOND)
    opt_out.send("signatory-2@client.example")
    assert rows(opt_out.scene, "Person").get(pk=anew.pk).stopped_at is None
    message = a_message(opt_out.scene, anew)
    assert opt_out.ask(message) == OptOutRequested(SIGNATORIES, stops=True)
    assert opt_out.ask(message) == AlreadyRequested(SIGNATORIES, stops=True, stopped=False)
    opt_out.send("signatory@other.example")
    assert opt_out.stopped() == ["asker@client.example"]
    opt_out.send("signatory-1@client.example")
    assert opt_out.stopped() == ["asker@client.example"] * 2


def test_who_was_named_anew_before_it_was_told_has_not_asked(sqlite_opt_out):
    opt_out = sqlite_opt_out
    opt_out.ask()
    opt_out.waiting()
    anew = a_person(opt_out.scene, "asker@client.example")
    rows(opt_out.scene, "Lineage").update(contact=anew)
    opt_out.send("signatory-1@client.example")
    assert opt_out.stopped() == ["asker@client.example"]
    assert rows(opt_out.scene, "Person").get(pk=anew.pk).stopped_at is None


def test_each_organisation_has_to_be_told(opt_out):
    scene = opt_out.scene
    other = an_organisation(scene, "other")
    a_certificate(scene, other, NOW + 300 * DAY, a_person(scene, "Asker@Client.example"))
    a_signatory(scene, other, a_person(scene, "signatory@other.example"))
    closed = an_organisation(scene, "closed")
    a_certificate(scene, closed, NOW + 300 * DAY, opt_out.asker)
    rows(scene, "Organisation").filter(pk=closed.pk).update(closed_at=NOW)
    assert opt_out.ask() == OptOutRequested(SIGNATORIES, stops=True)
    opt_out.send("signatory-1@client.example")
    opt_out.send("signatory-2@client.example")
    assert opt_out.stopped() == []
    opt_out.send("signatory@other.example")
    assert opt_out.stopped() == ["Asker@Client.example", "asker@client.example"]


def test_somebody_who_is_named_for_nothing(sqlite_opt_out):
    rows(sqlite_opt_out.scene, "Lineage").update(contact=None)
    nothing = frozenset()
    assert sqlite_opt_out.page() == OptOutPage(Language.FI, nothing, stops=True, asked=False, stopped=False)
    assert sqlite_opt_out.ask() == OptOutRequested(nothing, stops=True)
    assert not rows(sqlite_opt_out.scene, "OutboxMessage").filter(kind="contact-gone").exists()


def text_message(opt_out):
    return a_message(opt_out.scene, opt_out.asker, channel="sms", step="7:sms")


def erased(opt_out):
    rows(opt_out.scene, "Person").filter(pk=opt_out.asker.pk).update(erased_at=NOW)
    return opt_out.message


def old(opt_out):
    opt_out.scene.clock.forward(730 * DAY + SECOND)
    return opt_out.message


NO_LINK = {
    "another purpose's token": lambda opt_out: opt_out.link(purpose=OPEN_LINK),
    "another message's token": lambda opt_out: (opt_out.message.pk, opt_out.link(text_message(opt_out))[1]),
    "no token": lambda opt_out: (opt_out.message.pk, ""),
    "letters that are none": lambda opt_out: (opt_out.message.pk, "ä" * 32),
    "no message's id": lambda _scene: ("../../etc", link_token(TRANSFER_KEY, STOP_LINK, "../../etc")),
    "no such message": lambda _scene: ("f" * 32, link_token(TRANSFER_KEY, STOP_LINK, "f" * 32)),
    "a text message's": lambda opt_out: opt_out.link(text_message(opt_out)),
    "an operator's": lambda opt_out: opt_out.link(a_message(opt_out.scene, None, "operator", address="o@pki.example")),
    "somebody's who was erased": lambda opt_out: opt_out.link(erased(opt_out)),
    "older than two years": lambda opt_out: opt_out.link(old(opt_out)),
}


@pytest.mark.parametrize("link", NO_LINK.values(), ids=NO_LINK)
def test_links_that_are_not_known(sqlite_opt_out, link):
    message_id, token = link(sqlite_opt_out)
    assert opt_out_page(message_id, token, sqlite_opt_out.scene.ctx) == UnknownLink()
    assert request_opt_out(message_id, token, sqlite_opt_out.scene.ctx, REQUEST) == UnknownLink()
    assert not rows(sqlite_opt_out.scene, "OutboxMessage").filter(kind="contact-gone").exists()


def test_the_last_second_of_two_years(sqlite_opt_out):
    sqlite_opt_out.scene.clock.forward(730 * DAY)
    assert isinstance(sqlite_opt_out.page(), OptOutPage)
