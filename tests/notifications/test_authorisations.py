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
from tests.support import golden
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.firms import rows
from tests.support.mailrooms import a_mailroom
from tests.support.people import a_person
from tests.support.scene import REQUEST, add_organisation
from tests.support.users import account, mandate

FIRM = "7654321-4"


@pytest.fixture
def signatory(sqlite_scene):
    user = account(sqlite_scene, "signatory")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    return Actor(user.pk, second_factor=True)


def given(scene, actor, role=Role.MANAGER):
    """Invite a person and return the id of the mandate."""
    organisation = rows(scene, "Organisation").get(customer_id=CUSTOMER_ID).pk
    person = a_person("newcomer", Language.EN)
    return role_assignments.grant(PersonGrant(organisation, person, role), scene.ctx, actor, REQUEST).mandate_id


def letters(scene):
    """Return the subjects of the queued messages as rendered now, oldest first.

    A skipped message gives the reason instead.
    """
    return [one.why if isinstance(one, Skip) else one.subject for one in written(scene)]


def written(scene):
    ctx = a_mailroom(scene)
    for row in rows(scene, "OutboxMessage").filter(kind="authorisation").order_by("created", "facts__tells", "pk"):
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
            ctx,
        )


GONE = "the subject of the message no longer applies"


def test_the_link_in_the_mail_is_the_one_that_works(sqlite_scene, signatory):
    given(sqlite_scene, signatory)
    (letter,) = written(sqlite_scene)
    assert letter.to == "newcomer@customer.example"
    (link,) = (line for line in letter.text.splitlines() if line.startswith("https://"))
    newcomer = Actor(account(sqlite_scene, "newcomer").pk)
    assert take_up(link.rpartition("/")[2], sqlite_scene.ctx, newcomer, REQUEST)
    assert letters(sqlite_scene) == [GONE]


def test_only_the_last_invitation_is_written(sqlite_scene, signatory):
    mandate_id = given(sqlite_scene, signatory)
    sqlite_scene.clock.forward(timedelta(seconds=1))
    role_assignments.send_again(mandate_id, sqlite_scene.ctx, signatory, REQUEST)
    assert letters(sqlite_scene)[0] == GONE
    assert "Accept your authorisation" in letters(sqlite_scene)[1]
    sqlite_scene.clock.forward(timedelta(days=14, seconds=1))
    assert letters(sqlite_scene) == [GONE, GONE]
    role_assignments.withdraw(mandate_id, sqlite_scene.ctx, signatory, REQUEST)
    assert letters(sqlite_scene) == [GONE, GONE]


def test_a_firm_is_told_once_at_each_address(sqlite_scene, signatory):
    add_organisation(sqlite_scene, FIRM)
    user = account(sqlite_scene, "accountant")
    for role in (Role.MANAGER, Role.SIGNATORY):
        mandate(sqlite_scene, user, FIRM, role)
    mandate(sqlite_scene, account(sqlite_scene, "trainee"), FIRM, Role.VIEWER)
    add_signatory(FIRM, a_person("director"), sqlite_scene.ctx, "operator", REQUEST)
    organisation = rows(sqlite_scene, "Organisation").get(customer_id=CUSTOMER_ID).pk
    until = NOW + timedelta(days=365)
    terms = FirmGrantRequest(organisation, FIRM, Role.MANAGER, until)
    role_assignments.give_to_firm(terms, sqlite_scene.ctx, signatory, REQUEST)
    told = sorted(one.to for one in written(sqlite_scene))
    assert told == ["accountant@people.example", "director@customer.example"]
    row = rows(sqlite_scene, "RoleAssignment").get(agent__isnull=False)
    sqlite_scene.clock.forward(timedelta(seconds=1))
    role_assignments.change(row.pk, GrantTerms(Role.VIEWER, until), sqlite_scene.ctx, signatory, REQUEST)
    sqlite_scene.clock.forward(timedelta(seconds=1))
    role_assignments.withdraw(row.pk, sqlite_scene.ctx, signatory, REQUEST)
    found = letters(sqlite_scene)
    assert found[:4] == [GONE] * 4
    assert all(one.startswith("Valtuus poistettu") or "withdrawn" in one for one in found[4:])


ODD = {
    "nothing known": {"tells": "joined", "mandate": "0" * 32},
    "no request": {"tells": "asked", "request": "0" * 32},
    "a word of later code": {"tells": "later"},
    "no invitation": {"tells": "invitation"},
}


@pytest.mark.parametrize("facts", ODD.values(), ids=ODD)
def test_what_is_not_there_is_not_written(sqlite_scene, signatory, facts):
    row = rows(sqlite_scene, "RoleAssignment").get()
    facts = {"mandate": row.pk, **facts}
    message = outbox.NewMessage(
        MessageKind.AUTHORISATION, MessageChannel.EMAIL, "x", "x", NOW, recipient=row.person_id, facts=facts
    )
    outbox.enqueue(sqlite_scene.db, [message], NOW)
    (problem,) = letters(sqlite_scene)
    assert problem.endswith("in the register")


def test_what_was_given_up_is_written_to_the_representatives(sqlite_scene, signatory):
    viewer = account(sqlite_scene, "viewer")
    given_up = mandate(sqlite_scene, viewer, CUSTOMER_ID, Role.VIEWER).pk
    resign((given_up,), sqlite_scene.ctx, Actor(viewer.pk), REQUEST)
    (letter,) = (one for one in written(sqlite_scene) if one.to == "signatory@people.example")
    golden.check("letters/given-up", {"en.txt": golden.stable_text(f"{letter.subject}\n\n{letter.text}")})
