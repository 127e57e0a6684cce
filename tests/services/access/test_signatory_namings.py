"""Namings of first signatories: the time before the role counts, and the organisation's veto."""

from datetime import timedelta
from hashlib import sha256

import pytest

from sinetti.domain.access.persons import Identity
from sinetti.domain.access.roles import Permission
from sinetti.domain.approvals.acts import ApprovalPolicy
from sinetti.domain.link_tokens import INVITATION, VETO, link_token
from sinetti.services.access.invitations import take_up
from sinetti.services.access.permissions import Actor, load_permissions
from sinetti.services.access.signatory_namings import (
    WaitingRole,
    find_naming,
    is_other_address,
    link_path,
    list_namings,
    list_own_waiting,
    new_naming,
    veto,
)
from sinetti.services.organisations.people import invite_signatory, remove_signatory
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME
from tests.support.firms import rows
from tests.support.people import a_person, audited
from tests.support.scene import REQUEST, SECOND, TRANSFER_KEY
from tests.support.users import account

WAIT = timedelta(hours=30)
DIRECTOR = a_person("director")
OPERATORS = ("Operator@authority.example", "operator@authority.example", "second@authority.example")


@pytest.fixture
def one(sqlite_scene):
    """Return a scene on which a first signatory was invited, and must wait."""
    waiting = sqlite_scene.but(approvals=ApprovalPolicy(signatory_wait=30))
    assert invite_signatory(CUSTOMER_ID, DIRECTOR, waiting.ctx, "operator", REQUEST).made
    return waiting


def accepted(scene):
    """Accept the invitation and return the person."""
    person = Actor(account(scene, "director").pk, second_factor=True)
    assert take_up(link_token(TRANSFER_KEY, INVITATION, rows(scene, "Invitation").get().pk), scene.ctx, person, REQUEST)
    return person


def has_rights(scene, person):
    return bool(load_permissions(person, scene.ctx).organisations(Permission.ORDER))


def link(scene):
    """Return id and token of the naming, from the path that the organisation gets."""
    path = link_path(rows(scene, "SignatoryNaming").get().naming_id, scene.ctx)
    _, page, naming_id, token = path.split("/")
    assert page == "veto"
    return naming_id, token


def test_a_naming_has_the_hash_of_its_token_and_the_time_of_the_settings(one, sqlite_scene):
    assert new_naming(sqlite_scene.ctx) is None, "this authority sets no time"
    first, second = new_naming(one.ctx), new_naming(one.ctx, DIRECTOR)
    assert (first.wait, first.address, second.address) == (WAIT, None, DIRECTOR)
    assert first.naming_id != second.naming_id
    assert first.token_sha256 == sha256(link_token(TRANSFER_KEY, VETO, first.naming_id).encode()).hexdigest()


def test_the_role_counts_after_the_time(one):
    begun, person = one.clock.now, accepted(one)
    expected = WaitingRole(CUSTOMER_NAME, CUSTOMER_ID, begun + WAIT)
    for passed, shown in ((timedelta(), (expected,)), (WAIT - SECOND, (expected,)), (WAIT, ())):
        one.clock.now = begun + passed
        assert list_own_waiting(person, one.ctx) == shown
        assert has_rights(one, person) is not bool(shown)
        assert [found.ends_at for found in list_namings(CUSTOMER_ID, one.ctx)] == [begun + WAIT] * len(shown)


def test_the_organisation_stops_it_once_and_operators_get_one_letter_each(one):
    person = accepted(one)
    assert find_naming(*link(one), one.ctx).email == DIRECTOR.email
    assert veto(*link(one), OPERATORS, one.ctx, REQUEST)
    assert not veto(*link(one), OPERATORS, one.ctx, REQUEST), "it has ended"
    assert find_naming(*link(one), one.ctx).vetoed_at == one.clock.now
    assert (list_namings(CUSTOMER_ID, one.ctx), list_own_waiting(person, one.ctx)) == ((), ())
    letters = rows(one, "OutboxMessage").filter(kind="operator").order_by("address")
    assert [row.address for row in letters] == ["operator@authority.example", "second@authority.example"]
    assert all(CUSTOMER_ID in row.facts["text"] for row in letters)
    (said,) = audited(one, "signatory-vetoed")
    assert "veto-link" in said
    one.clock.now += WAIT
    assert not has_rights(one, person)


def test_another_link_stops_nothing(one):
    person, (naming_id, token) = accepted(one), link(one)
    stored = rows(one, "SignatoryNaming").get().token_sha256
    for wrong in ((naming_id, "a" * 32), (naming_id, stored), (naming_id, ""), ("0" * 32, token), ("0" * 32, "0" * 32)):
        assert find_naming(*wrong, one.ctx) is None
        assert not veto(*wrong, OPERATORS, one.ctx, REQUEST)
    assert not audited(one, "signatory-vetoed")
    one.clock.now += WAIT
    assert has_rights(one, person)


def test_once_the_role_counts_it_is_too_late(one):
    person = accepted(one)
    one.clock.now += WAIT
    assert not veto(*link(one), OPERATORS, one.ctx, REQUEST)
    assert has_rights(one, person)
    assert not rows(one, "OutboxMessage").filter(kind="operator").exists()


def test_a_role_that_was_withdrawn_stands_no_more(one):
    assert find_naming(*link(one), one.ctx).stands
    remove_signatory(CUSTOMER_ID, DIRECTOR.email, one.ctx, "operator", REQUEST)
    assert not find_naming(*link(one), one.ctx).stands
    assert list_namings(CUSTOMER_ID, one.ctx) == ()


def test_the_address_of_the_notice_belongs_to_none_of_the_people():
    people = Identity(addresses=frozenset({"anna@people.example"})), Identity(frozenset({"bo"}))
    assert is_other_address("office@customer.example", people)
    for own in ("Anna@people.example", "anna+office@people.example", ""):
        assert not is_other_address(own, people), own
