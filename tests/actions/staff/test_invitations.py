"""A clerk invites a signatory: who may, what is owed, and that the same asked twice does it once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.apps import apps

from sinetti.actions.authority import Actor, OutsideRole
from sinetti.actions.invitations import take_up
from sinetti.actions.people import PeopleError, add_signatory, who_is_who
from sinetti.actions.register_organisation import close
from sinetti.actions.staff import NotStaff, open_invitations, require_staff
from sinetti.actions.staff.invitations import Closed, Otherwise, OwnInvitation, invite_signatory
from sinetti.domain.mandates import Role
from sinetti.domain.tokens import INVITATION, link_token
from sinetti.registry.parties import Person
from tests.support.authority import CUSTOMER_ID
from tests.support.clerks import a_clerk
from tests.support.firms import rows
from tests.support.office import REQUEST, TRANSFER_KEY
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


@pytest.mark.parametrize("email", ["Anna@people.example", "annas-other@people.example"])
def test_no_clerk_invites_themselves(sqlite_desk, email):
    anna = a_clerk(sqlite_desk).actor
    address = apps.get_model("account", "EmailAddress").objects.using(sqlite_desk.register.alias)
    address.create(user_id=anna.user_id, email="annas-other@people.example", verified=True)
    with pytest.raises(OwnInvitation):
        invite_signatory(CUSTOMER_ID, Person("A", email, "", DIRECTOR.language), sqlite_desk.office, anna, REQUEST)
    assert not rows(sqlite_desk, "Mandate").exists()
    assert not rows(sqlite_desk, "OutboxRow").exists()
    (said,) = audited(sqlite_desk, "own-invitation-refused")
    assert anna.name in said
    assert "people.example" not in said


def links(desk, actor):
    """The link of the invitation that this clerk makes, which is read in anybody's mail."""
    invite_signatory(CUSTOMER_ID, DIRECTOR, desk.office, actor, REQUEST)
    made = rows(desk, "Invitation").filter(ended_at=None).order_by("-created").first()
    return made.pk, link_token(TRANSFER_KEY, INVITATION, made.pk)


def test_nobody_takes_up_what_they_made(sqlite_desk):
    anna, bo = (a_clerk(sqlite_desk, name).actor for name in ("anna", "bo"))
    invitation_id, link = links(sqlite_desk, anna)
    for actor in (anna, replace(anna, staff=False)):
        with pytest.raises(OwnInvitation):
            take_up(link, sqlite_desk.office, actor, REQUEST)
    assert rows(sqlite_desk, "Mandate").get().waiting
    first, _ = audited(sqlite_desk, "own-invitation-refused")
    assert invitation_id in first
    assert take_up(link, sqlite_desk.office, bo, REQUEST), "what another clerk made is taken up"
    assert take_up(link, sqlite_desk.office, bo, REQUEST)


def test_an_invitation_of_before_does_not_count_against_a_later_one(sqlite_desk):
    anna, bo = (a_clerk(sqlite_desk, name).actor for name in ("anna", "bo"))
    links(sqlite_desk, anna)
    sqlite_desk.clock.forward(timedelta(days=15))
    _, link = links(sqlite_desk, bo)
    with pytest.raises(OwnInvitation):
        take_up(link, sqlite_desk.office, bo, REQUEST)
    assert take_up(link, sqlite_desk.office, anna, REQUEST)


def test_who_is_a_representative_anyway_takes_up_their_own(sqlite_desk):
    anna = a_clerk(sqlite_desk).actor
    _, link = links(sqlite_desk, anna)
    director = replace(anna, outside=(OutsideRole(CUSTOMER_ID, Role.SIGNATORY),))
    assert take_up(link, sqlite_desk.office, director, REQUEST)


def test_whom_an_operator_named_stays_a_representative_when_their_invitation_is_ended(sqlite_desk):
    desk, anna = sqlite_desk, a_clerk(sqlite_desk)
    assert add_signatory(CUSTOMER_ID, DIRECTOR, desk.office, "operator", REQUEST)
    invited(desk)
    (one,) = open_invitations.listed(0, 10, anna)
    assert open_invitations.end(one.invitation_id, anna)
    assert not open_invitations.end(one.invitation_id, anna), "it is ended once"
    token = link_token(TRANSFER_KEY, INVITATION, one.invitation_id)
    assert not take_up(token, desk.office, Actor(account(desk, "director").pk, second_factor=True), REQUEST)
    (named,) = who_is_who(CUSTOMER_ID, desk.office).roles.signatories
    assert named.address == DIRECTOR.email
    assert len(audited(desk, "invitation-ended")) == 1
    assert not audited(desk, "authorisation-withdrawn")


def test_a_role_that_only_waited_goes_with_its_invitation(sqlite_desk):
    anna = a_clerk(sqlite_desk)
    invited(sqlite_desk)
    (one,) = open_invitations.listed(0, 10, anna)
    assert open_invitations.end(one.invitation_id, anna)
    assert len(audited(sqlite_desk, "authorisation-withdrawn")) == 1
    assert invited(sqlite_desk).made, "they are invited anew"
