"""Permissions of a user, from mandates and from the claims of a sign-in.

Closed organisations and mandates that have ended give no permission.
"""

from dataclasses import replace

import pytest

from sinetti.domain.access.roles import EffectiveRole, Permission, Role
from sinetti.services.access.act_transaction import acting
from sinetti.services.access.permissions import (
    Actor,
    ExternalRole,
    PermissionDenied,
    is_external_signatory,
    load_permissions,
    require_permission,
)
from sinetti.services.access.role_requests import organisations
from sinetti.services.organisations.registration import close
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME, NOW
from tests.support.firms import rows
from tests.support.scene import DAY, REQUEST, SECOND, add_organisation
from tests.support.users import account, mandate

FIRM = "7654321-4"


@pytest.fixture
def manager(sqlite_scene):
    """Add a manager of a firm that manages the client.

    Return the actor and both mandates.
    """
    add_organisation(sqlite_scene, FIRM)
    user = account(sqlite_scene, "accountant")
    own = mandate(sqlite_scene, user, FIRM, Role.MANAGER)
    given = mandate(sqlite_scene, FIRM, CUSTOMER_ID, Role.MANAGER, NOW + DAY)
    return Actor(user.pk), own, given


def ids(scene):
    return {row.customer_id: row.pk for row in rows(scene, "Organisation").all()}


def held(scene, actor):
    """Return the customer ids of the organisations for which the actor has roles."""
    names = {one: name for name, one in ids(scene).items()}
    return {names[one] for one in load_permissions(actor, scene.ctx).held}


BOTH, NONE = {CUSTOMER_ID, FIRM}, set()
CHANGES = {
    "as it is": (lambda _desk, _own, _given: None, BOTH),
    "the client closed": (lambda scene, _own, _given: close(CUSTOMER_ID, scene.ctx, "operator", REQUEST), {FIRM}),
    "the firm closed": (lambda scene, _own, _given: close(FIRM, scene.ctx, "operator", REQUEST), NONE),
    "the firm's withdrawn": (lambda _desk, _own, given: changed(given, withdrawn_at=NOW), {FIRM}),
    "the person's withdrawn": (lambda _desk, own, _given: changed(own, withdrawn_at=NOW), NONE),
    "the person's not taken up": (lambda _desk, own, _given: changed(own, waiting=True), NONE),
    "not begun": (lambda _desk, own, _given: changed(own, valid_from=NOW + SECOND), NONE),
    "the firm's last second": (lambda scene, _own, _given: scene.clock.forward(DAY), BOTH),
    "one second later": (lambda scene, _own, _given: scene.clock.forward(DAY + SECOND), {FIRM}),
    "an account that is gone": (lambda _desk, own, _given: changed(own, user=None), NONE),
}


def changed(row, **values):
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


@pytest.mark.parametrize(("change", "left"), CHANGES.values(), ids=CHANGES)
def test_what_is_left(sqlite_scene, manager, change, left):
    actor, own, given = manager
    change(sqlite_scene, own, given)
    assert held(sqlite_scene, actor) == left


def test_each_act_asks_anew(sqlite_scene, manager):
    actor, ctx, known = manager[0], sqlite_scene.ctx, ids(sqlite_scene)
    assert require_permission(Permission.ORDER, known[CUSTOMER_ID], actor, ctx) == EffectiveRole(
        Role.MANAGER, known[FIRM]
    )
    assert load_permissions(actor, ctx).organisations(Permission.SEE) == set(known.values())
    with pytest.raises(PermissionDenied) as lacking:
        require_permission(Permission.GRANT, known[FIRM], actor, ctx)
    assert (lacking.value.right, lacking.value.second_factor) == (Permission.GRANT, False)
    with pytest.raises(PermissionDenied):
        require_permission(Permission.SEE, "0" * 32, actor, ctx)


def test_a_view_of_one_organisation_has_its_permissions_alone(sqlite_scene):
    add_organisation(sqlite_scene, FIRM)
    user, known = account(sqlite_scene, "both"), ids(sqlite_scene)
    for one, role in ((CUSTOMER_ID, Role.VIEWER), (FIRM, Role.SIGNATORY)):
        mandate(sqlite_scene, user, one, role)
    whole = load_permissions(Actor(user.pk), sqlite_scene.ctx)
    assert (whole.held.keys(), whole.waiting) == ({known[CUSTOMER_ID]}, {known[FIRM]})
    client, firm, none = (whole.narrowed(one) for one in (known[CUSTOMER_ID], known[FIRM], "0" * 32))
    assert (client.held, client.waiting, client.names) == (whole.held, frozenset(), whole.names)
    assert (firm.held, firm.waiting) == ({}, {known[FIRM]})
    assert (none.held, none.waiting) == ({}, frozenset())


def test_both_databases_read_the_same(scene):
    add_organisation(scene, FIRM)
    user = account(scene, "accountant")
    mandate(scene, user, FIRM, Role.VIEWER)
    mandate(scene, FIRM, CUSTOMER_ID, Role.MANAGER)
    actor = Actor(user.pk, outside=(ExternalRole(f" {CUSTOMER_ID.lower()}", Role.MANAGER),))
    known = ids(scene)
    assert load_permissions(actor, scene.ctx).held == {
        known[FIRM]: EffectiveRole(Role.VIEWER),
        known[CUSTOMER_ID]: EffectiveRole(Role.MANAGER),
    }


def test_of_two_spellings_of_one_customer_both_roles_count(scene):
    user, known = account(scene, "director"), ids(scene)
    for roles in ((Role.SIGNATORY, Role.VIEWER), (Role.VIEWER, Role.SIGNATORY)):
        spelt = zip((CUSTOMER_ID, f" {CUSTOMER_ID}"), roles, strict=True)
        outside = tuple(ExternalRole(one, role) for one, role in spelt)
        actor = Actor(user.pk, second_factor=True, outside=outside)
        assert load_permissions(actor, scene.ctx).held == {known[CUSTOMER_ID]: EffectiveRole(Role.SIGNATORY)}


def test_what_a_sign_in_vouches_for(sqlite_scene):
    ctx, known = sqlite_scene.ctx, ids(sqlite_scene)
    outside = (ExternalRole(CUSTOMER_ID, Role.SIGNATORY), ExternalRole("nobody's", Role.SIGNATORY))
    actor = Actor(account(sqlite_scene, "director").pk, second_factor=True, outside=outside)
    assert load_permissions(actor, ctx).held == {known[CUSTOMER_ID]: EffectiveRole(Role.SIGNATORY)}
    assert is_external_signatory(known[CUSTOMER_ID], actor, ctx)
    assert not is_external_signatory("0" * 32, actor, ctx)
    weak = replace(actor, second_factor=False)
    assert load_permissions(weak, ctx).held == {}
    with pytest.raises(PermissionDenied) as lacking:
        require_permission(Permission.ORDER, known[CUSTOMER_ID], weak, ctx)
    assert lacking.value.second_factor
    assert actor.name == f"user:{actor.user_id}"
    close(CUSTOMER_ID, ctx, "operator", REQUEST)
    assert load_permissions(actor, ctx).held == {}


def test_an_account_that_is_no_longer_active_opens_no_transaction(sqlite_scene):
    user = account(sqlite_scene, "director")
    actor, (organisation_id,) = Actor(user.pk), ids(sqlite_scene).values()
    with acting({organisation_id}, sqlite_scene.ctx, actor, REQUEST) as act:
        assert act.audit.actor == actor.name
    user.is_active = False
    user.save()
    with pytest.raises(PermissionDenied), acting({organisation_id}, sqlite_scene.ctx, actor, REQUEST):
        pytest.fail("the transaction is open")


def test_organisations_are_named_that_are_open(sqlite_scene):
    known = ids(sqlite_scene)
    assert [one.name for one in organisations(frozenset(known.values()), sqlite_scene.ctx)] == [CUSTOMER_NAME]
    assert organisations(frozenset(), sqlite_scene.ctx) == ()
    close(CUSTOMER_ID, sqlite_scene.ctx, "operator", REQUEST)
    assert organisations(frozenset(known.values()), sqlite_scene.ctx) == ()
