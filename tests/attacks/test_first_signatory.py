"""Attacks on the naming of an organisation's first signatory: one clerk, a false person, a lost link.

The role counts only after a time, and the organisation can stop it until then (docs/e-service/authorisations.md).
"""

from datetime import timedelta

import pytest

from sinetti.database.common.audit_log import AuditContext
from sinetti.database.organisations.contacts import add_signatory as insert_signatory
from sinetti.domain.access.pending_invitations import PendingFault, PendingInvitationRefused
from sinetti.domain.access.roles import Permission
from sinetti.domain.approvals.acts import ApprovalPolicy
from sinetti.domain.link_tokens import INVITATION, VETO, link_token
from sinetti.services.access.act_transaction import act_on
from sinetti.services.access.invitations import take_up
from sinetti.services.access.permissions import Actor, PermissionDenied, load_permissions
from sinetti.services.access.signatory_namings import find_naming, list_namings, list_own_waiting, veto
from sinetti.services.organisations.people import add_signatory, invite_signatory, remove_signatory
from sinetti.services.staff import open_invitations
from tests.support.authority import CUSTOMER_ID
from tests.support.clerks import a_clerk
from tests.support.firms import rows
from tests.support.people import a_person, audited
from tests.support.registers import db
from tests.support.scene import REQUEST, TRANSFER_KEY, scene, sqlite_scene
from tests.support.users import account

__all__ = ["db", "scene", "sqlite_scene"]

WAIT, SECOND = timedelta(hours=24), timedelta(seconds=1)
DIRECTOR = a_person("director")
WHO = ("operator", REQUEST)
OPERATORS = ("Operator@authority.example", "operator@authority.example")
EXTRACT = "office@customer.example"


def waiting(scene):
    """Return this scene with the time of PRODUCTION."""
    return scene.but(approvals=ApprovalPolicy(signatory_wait=24))


def confirmed(scene, address=""):
    """Have two clerks invite a first signatory."""
    anna, bo = a_clerk(scene), a_clerk(scene, "bo")
    pending = open_invitations.invite(CUSTOMER_ID, DIRECTOR, anna).mandate_id
    open_invitations.confirm(pending, bo, address)
    return pending


def accepted(scene, name="director"):
    """Accept the last invitation with a new account, and return its user."""
    made = rows(scene, "Invitation").filter(ended_at=None).order_by("-created", "-pk").first()
    person = Actor(account(scene, name).pk, second_factor=True)
    assert take_up(link_token(TRANSFER_KEY, INVITATION, made.pk), scene.ctx, person, REQUEST)
    return person


def may(scene, person):
    """Return True if a person can act, by the check of pages and by that inside a transaction."""
    organisation = rows(scene, "Organisation").get().pk
    found = {right for right in Permission if load_permissions(person, scene.ctx).may(right, organisation)}
    try:
        with act_on(Permission.ORDER, organisation, scene.ctx, person, REQUEST):
            assert found == set(Permission)
            return True
    except PermissionDenied:
        assert not found
        return False


def link(scene):
    naming = rows(scene, "SignatoryNaming").order_by("-number").first().naming_id
    return naming, link_token(TRANSFER_KEY, VETO, naming)


def test_the_person_can_do_nothing_before_the_time_is_over(scene):
    one = waiting(scene)
    begun = one.clock.now
    confirmed(one)
    person = accepted(one)
    for passed, can in ((timedelta(), False), (WAIT - SECOND, False), (WAIT, True)):
        one.clock.now = begun + passed
        assert may(one, person) is can, passed
        assert bool(list_own_waiting(person, one.ctx)) is not can
    assert not veto(*link(one), OPERATORS, one.ctx, REQUEST), "it is too late"
    assert may(one, person)


def test_who_accepts_later_waits_no_longer(sqlite_scene):
    one = waiting(sqlite_scene)
    confirmed(one)
    one.clock.now += WAIT
    assert may(one, accepted(one))


def test_without_a_time_a_test_environment_waits_for_nothing(sqlite_scene):
    confirmed(sqlite_scene)
    assert may(sqlite_scene, accepted(sqlite_scene))
    assert not rows(sqlite_scene, "SignatoryNaming").exists()


def test_the_organisation_stops_it(scene):
    one = waiting(scene)
    confirmed(one, EXTRACT)
    person = accepted(one)
    assert veto(*link(one), OPERATORS, one.ctx, REQUEST)
    one.clock.now += WAIT
    assert not may(one, person)
    assert not list_namings(CUSTOMER_ID, one.ctx)
    (row,) = audited(one, "signatory-vetoed")
    assert "veto-link" in row
    letters = rows(one, "OutboxMessage").filter(kind="operator")
    assert [letter.address for letter in letters] == ["operator@authority.example"]
    assert CUSTOMER_ID in letters.get().facts["text"]
    assert not veto(*link(one), OPERATORS, one.ctx, REQUEST), "once"
    assert len(audited(one, "signatory-vetoed")) == 1


def test_a_stopped_link_is_accepted_by_no_one(sqlite_scene):
    one = waiting(sqlite_scene)
    confirmed(one)
    veto(*link(one), (), one.ctx, REQUEST)
    person = Actor(account(one, "director").pk, second_factor=True)
    made = rows(one, "Invitation").get()
    assert not take_up(link_token(TRANSFER_KEY, INVITATION, made.pk), one.ctx, person, REQUEST)


def test_only_the_right_link_stops_it(sqlite_scene):
    one = waiting(sqlite_scene)
    confirmed(one)
    naming, token = link(one)
    others = [(naming, f"{token}a"), (naming, "a" * 32), (naming, ""), ("0" * 32, token), (naming, "å")]
    others.append((naming, rows(one, "SignatoryNaming").get().token_sha256))
    for false in others:
        assert find_naming(*false, one.ctx) is None
        assert not veto(*false, OPERATORS, one.ctx, REQUEST)
    assert not rows(one, "SignatoryNaming").get().vetoed_at
    assert token not in str(list(rows(one, "SignatoryNaming").values_list()))
    assert token not in str(list(rows(one, "OutboxMessage").values_list()))


def test_the_organisation_is_informed_at_an_address_that_no_clerk_of_the_case_has(sqlite_scene):
    one = waiting(sqlite_scene)
    anna, bo = a_clerk(one), a_clerk(one, "bo")
    pending = open_invitations.invite(CUSTOMER_ID, DIRECTOR, anna).mandate_id
    for own in (DIRECTOR.email.upper(), "anna+x@people.example", "Bo@people.example"):
        with pytest.raises(PendingInvitationRefused) as why:
            open_invitations.confirm(pending, bo, own)
        assert why.value.fault is PendingFault.ADDRESS
    assert not rows(one, "RoleAssignment").exists()
    open_invitations.confirm(pending, bo, EXTRACT)
    sent = rows(one, "OutboxMessage").filter(facts__tells="named")
    assert [row.recipient.email for row in sent.select_related("recipient")] == [EXTRACT]


def test_a_second_naming_does_not_shorten_the_time(sqlite_scene):
    """While the first waits, a second person is named, and the first again."""
    one = waiting(sqlite_scene)
    confirmed(one)
    first = accepted(one)
    one.clock.now += WAIT / 2
    invite_signatory(CUSTOMER_ID, a_person("chair"), one.ctx, *WHO)
    second = accepted(one, "chair")
    one.clock.now += WAIT / 2
    assert (may(one, first), may(one, second)) == (True, False)
    one.clock.now += WAIT / 2
    assert may(one, second)


def test_an_operators_change_of_a_waiting_signatory_begins_the_time_anew(sqlite_scene):
    one = waiting(sqlite_scene)
    confirmed(one)
    person = accepted(one)
    one.clock.now += WAIT - SECOND
    assert add_signatory(CUSTOMER_ID, a_person("Director"), one.ctx, *WHO)
    one.clock.now += SECOND
    assert not may(one, person)
    assert [found.ends_at for found in list_namings(CUSTOMER_ID, one.ctx)] == [one.clock.now - SECOND + WAIT]


def test_a_signatory_of_an_earlier_version_without_an_account_waits_when_invited(sqlite_scene):
    one = waiting(sqlite_scene)
    organisation = rows(one, "Organisation").get().pk
    before = AuditContext("operator", one.clock.now - timedelta(days=400), REQUEST)
    assert insert_signatory(one.db, organisation, DIRECTOR, before)
    assert invite_signatory(CUSTOMER_ID, DIRECTOR, one.ctx, *WHO).made
    person = accepted(one)
    assert not may(one, person)
    one.clock.now += WAIT
    assert may(one, person)


def test_who_has_waited_does_not_wait_again(sqlite_scene):
    one = waiting(sqlite_scene)
    assert add_signatory(CUSTOMER_ID, DIRECTOR, one.ctx, *WHO)
    one.clock.now += WAIT
    assert invite_signatory(CUSTOMER_ID, DIRECTOR, one.ctx, *WHO).made
    assert may(one, accepted(one))


def test_further_signatories_do_not_wait(sqlite_scene):
    one = waiting(sqlite_scene)
    confirmed(one)
    accepted(one)
    one.clock.now += WAIT
    invite_signatory(CUSTOMER_ID, a_person("chair"), one.ctx, *WHO)
    assert may(one, accepted(one, "chair"))


def test_after_the_last_one_was_removed_the_next_is_a_first_one(sqlite_scene):
    one = waiting(sqlite_scene)
    confirmed(one)
    accepted(one)
    one.clock.now += WAIT
    remove_signatory(CUSTOMER_ID, DIRECTOR.email, one.ctx, *WHO)
    invite_signatory(CUSTOMER_ID, a_person("chair"), one.ctx, *WHO)
    assert not may(one, accepted(one, "chair"))


def test_a_naming_of_an_organisation_that_ended_or_was_withdrawn_stands_no_more(sqlite_scene):
    one = waiting(sqlite_scene)
    confirmed(one)
    assert find_naming(*link(one), one.ctx).stands
    remove_signatory(CUSTOMER_ID, DIRECTOR.email, one.ctx, *WHO)
    assert not find_naming(*link(one), one.ctx).stands
