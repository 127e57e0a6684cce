"""A clerk invites a signatory: who may, what is owed, and that the same asked twice does it once."""

import pytest

from sinetti.actions.authority import Actor
from sinetti.actions.people import PeopleError
from sinetti.actions.register_organisation import close
from sinetti.actions.staff import NotStaff, require_staff
from sinetti.actions.staff.invitations import Closed, Otherwise, invite_signatory
from sinetti.domain.mandates import Role
from sinetti.registry.parties import Person
from tests.support.authority import CUSTOMER_ID
from tests.support.firms import rows
from tests.support.office import REQUEST
from tests.support.people import a_person, audited
from tests.support.users import account, mandate

CLERK = Actor("clerk", second_factor=True, staff=True)
DIRECTOR = a_person("director")


def invited(desk, person=DIRECTOR, customer_id=CUSTOMER_ID):
    return invite_signatory(customer_id, person, desk.office, CLERK, REQUEST)


@pytest.mark.parametrize(
    ("actor", "second_factor"),
    [(Actor("u", second_factor=True), False), (Actor("u", staff=True), True), (Actor("u"), False)],
    ids=["no clerk", "a clerk without second factor", "anybody"],
)
def test_nobody_else_invites(sqlite_desk, actor, second_factor):
    with pytest.raises(NotStaff) as lacking:
        invite_signatory(CUSTOMER_ID, DIRECTOR, sqlite_desk.office, actor, REQUEST)
    assert lacking.value.second_factor is second_factor
    assert not rows(sqlite_desk, "Mandate").exists()


def test_a_clerk_invites_and_the_mandate_counts_for_nothing_yet(sqlite_desk):
    require_staff(CLERK)
    assert invited(sqlite_desk).made
    row = rows(sqlite_desk, "Mandate").get()
    assert (row.role, row.waiting, row.user_id, row.person.email) == (Role.SIGNATORY, True, None, DIRECTOR.email)
    (owed,) = rows(sqlite_desk, "OutboxRow").all()
    assert (owed.kind, owed.recipient_id, owed.facts["tells"]) == ("authorisation", row.person_id, "invitation")
    (said,) = audited(sqlite_desk, "invited")
    assert DIRECTOR.email not in said
    assert '"actor":"user:clerk"' in said


def test_the_same_asked_twice_is_done_once(sqlite_desk):
    first = invited(sqlite_desk)
    again = invited(sqlite_desk)
    assert (again.mandate_id, again.made) == (first.mandate_id, False)
    assert rows(sqlite_desk, "OutboxRow").count() == 1


def test_who_cannot_be_invited(sqlite_desk):
    with pytest.raises(PeopleError):
        invited(sqlite_desk, customer_id="nobody's")
    viewer = account(sqlite_desk, "viewer")
    mandate(sqlite_desk, viewer, CUSTOMER_ID, Role.VIEWER)
    with pytest.raises(Otherwise):
        invited(sqlite_desk, Person("V", viewer.email, "", DIRECTOR.language))
    close(CUSTOMER_ID, sqlite_desk.office, "operator", REQUEST)
    with pytest.raises(Closed):
        invited(sqlite_desk)
