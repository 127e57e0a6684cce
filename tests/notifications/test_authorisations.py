"""Mail about authorisations: once to each address, with a working link.

Without a valid authorisation there is no mail.
"""

from datetime import timedelta

import pytest

from sinetti.database.notifications import outbox
from sinetti.domain.access.roles import Role
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.values import Language
from sinetti.notifications.templates.renderer import Skip, render
from sinetti.services.access.invitations import take_up
from sinetti.services.access.permissions import Actor
from sinetti.services.organisations.people import add_signatory
from sinetti.services.self_service import role_assignments
from sinetti.services.self_service.role_assignments import FirmGrantRequest, GrantTerms, PersonGrant
from sinetti.services.self_service.role_resignation import resign
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.firms import rows
from tests.support.mailrooms import a_mailroom
from tests.support.people import a_person
from tests.support.service_context import REQUEST, add_organisation
from tests.support.users import account, mandate

FIRM = "7654321-4"


@pytest.fixture
def signatory(sqlite_desk):
    user = account(sqlite_desk, "signatory")
    mandate(sqlite_desk, user, CUSTOMER_ID, Role.SIGNATORY)
    return Actor(user.pk, second_factor=True)


def given(desk, actor, role=Role.MANAGER):
    """Invite a person and return the id of the mandate."""
    organisation = rows(desk, "Organisation").get(customer_id=CUSTOMER_ID).pk
    person = a_person("newcomer", Language.EN)
    return role_assignments.grant(PersonGrant(organisation, person, role), desk.ctx, actor, REQUEST).mandate_id


def letters(desk):
    """Return the subjects of the queued messages as rendered now, oldest first.

    A skipped message gives the reason instead.
    """
    return [one.why if isinstance(one, Skip) else one.subject for one in written(desk)]


def written(desk):
    room = a_mailroom(desk)
    for row in rows(desk, "OutboxMessage").filter(kind="authorisation").order_by("created", "facts__tells", "pk"):
        yield render(
            QueuedMessage(
                row.message_id,
                MessageKind.AUTHORISATION,
                MessageChannel.EMAIL,
                row.step,
                row.created,
                row.due,
                0,
                row.recipient_id,
                facts=row.facts,
            ),
            room,
        )


GONE = "the subject of the message no longer applies"


def test_the_link_in_the_mail_is_the_one_that_works(sqlite_desk, signatory):
    given(sqlite_desk, signatory)
    (letter,) = written(sqlite_desk)
    assert letter.to == "newcomer@customer.example"
    (link,) = (line for line in letter.text.splitlines() if line.startswith("https://"))
    newcomer = Actor(account(sqlite_desk, "newcomer").pk)
    assert take_up(link.rpartition("/")[2], sqlite_desk.ctx, newcomer, REQUEST)
    assert letters(sqlite_desk) == [GONE]


def test_only_the_last_invitation_is_written(sqlite_desk, signatory):
    mandate_id = given(sqlite_desk, signatory)
    sqlite_desk.clock.forward(timedelta(seconds=1))
    role_assignments.send_again(mandate_id, sqlite_desk.ctx, signatory, REQUEST)
    assert letters(sqlite_desk)[0] == GONE
    assert "Accept your authorisation" in letters(sqlite_desk)[1]
    sqlite_desk.clock.forward(timedelta(days=14, seconds=1))
    assert letters(sqlite_desk) == [GONE, GONE]
    role_assignments.withdraw(mandate_id, sqlite_desk.ctx, signatory, REQUEST)
    assert letters(sqlite_desk) == [GONE, GONE]


def test_a_firm_is_told_once_at_each_address(sqlite_desk, signatory):
    add_organisation(sqlite_desk, FIRM)
    user = account(sqlite_desk, "accountant")
    for role in (Role.MANAGER, Role.SIGNATORY):
        mandate(sqlite_desk, user, FIRM, role)
    mandate(sqlite_desk, account(sqlite_desk, "trainee"), FIRM, Role.VIEWER)
    add_signatory(FIRM, a_person("director"), sqlite_desk.ctx, "operator", REQUEST)
    organisation = rows(sqlite_desk, "Organisation").get(customer_id=CUSTOMER_ID).pk
    until = NOW + timedelta(days=365)
    terms = FirmGrantRequest(organisation, FIRM, Role.MANAGER, until)
    role_assignments.give_to_firm(terms, sqlite_desk.ctx, signatory, REQUEST)
    told = sorted(one.to for one in written(sqlite_desk))
    assert told == ["accountant@people.example", "director@customer.example"]
    row = rows(sqlite_desk, "RoleAssignment").get(agent__isnull=False)
    sqlite_desk.clock.forward(timedelta(seconds=1))
    role_assignments.change(row.pk, GrantTerms(Role.VIEWER, until), sqlite_desk.ctx, signatory, REQUEST)
    sqlite_desk.clock.forward(timedelta(seconds=1))
    role_assignments.withdraw(row.pk, sqlite_desk.ctx, signatory, REQUEST)
    found = letters(sqlite_desk)
    assert found[:4] == [GONE] * 4
    assert all(one.startswith("Valtuus poistettu") or "withdrawn" in one for one in found[4:])


ODD = {
    "nothing known": {"tells": "joined", "mandate": "0" * 32},
    "no request": {"tells": "asked", "request": "0" * 32},
    "a word of later code": {"tells": "later"},
    "no invitation": {"tells": "invitation"},
}


@pytest.mark.parametrize("facts", ODD.values(), ids=ODD)
def test_what_is_not_there_is_not_written(sqlite_desk, signatory, facts):
    row = rows(sqlite_desk, "RoleAssignment").get()
    facts = {"mandate": row.pk, **facts}
    message = outbox.NewMessage(
        MessageKind.AUTHORISATION, MessageChannel.EMAIL, "x", "x", NOW, recipient=row.person_id, facts=facts
    )
    outbox.enqueue(sqlite_desk.db, [message], NOW)
    assert letters(sqlite_desk) == ["the subject of the message is not in the register"]


def test_what_was_given_up_is_written_to_the_representatives(sqlite_desk, signatory):
    viewer = account(sqlite_desk, "viewer")
    given_up = mandate(sqlite_desk, viewer, CUSTOMER_ID, Role.VIEWER).pk
    resign((given_up,), sqlite_desk.ctx, Actor(viewer.pk), REQUEST)
    (letter,) = (one for one in written(sqlite_desk) if one.to == "signatory@people.example")
    assert letter.subject.startswith("Authorisation given up on 2 March 2026")
    assert "Viewer (viewer@people.example) has given up their authorisation for" in letter.text
    assert "viewer. The authorisation has ended." in letter.text
