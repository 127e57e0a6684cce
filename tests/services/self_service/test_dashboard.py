"""Dashboard: the counts of a user's tasks, for each kind of user."""

from datetime import timedelta

import pytest

from sinetti.database.models import AccessApplication, RoleRequest
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.display_status import DisplayStatus
from sinetti.domain.values import Language
from sinetti.services.access.accounts import change_profile
from sinetti.services.access.permissions import Actor, load_permissions
from sinetti.services.self_service.dashboard import overview
from tests.support.firms import a_certificate, a_person, an_organisation, rows
from tests.support.scene import REQUEST, ordered
from tests.support.users import account, mandate

DAY = timedelta(days=1)


@pytest.fixture
def scene(sqlite_scene):
    """Add two firms for the counts of the dashboard.

    The first has certificates near their end, in their renewal window and valid, and an order.
    """
    now = sqlite_scene.ctx.now()
    mine = rows(sqlite_scene, "Organisation").get()
    contact = a_person(sqlite_scene, "contact@malli.example")
    for left in (5, 6, 50, 400):
        a_certificate(sqlite_scene, mine, now + left * DAY, contact)
    a_certificate(sqlite_scene, an_organisation(sqlite_scene, "7654321-9"), now + 5 * DAY, contact)
    ordered(sqlite_scene)
    for normalised_id in (mine.normalised_id, "7654321-9"):
        RoleRequest.objects.using(sqlite_scene.db.alias).create(
            customer_id=normalised_id, normalised_id=normalised_id, role=Role.VIEWER, created=now
        )
    return sqlite_scene


def actor_of(user, *, second_factor=True):
    return Actor(user.pk, second_factor, staff=user.is_staff)


def seen(scene, user, **how):
    actor = actor_of(user, **how)
    return overview(actor, load_permissions(actor, scene.ctx), scene.ctx)


ALL = {DisplayStatus.ENDS_SOON: 2, DisplayStatus.RENEWAL_OPEN: 1, DisplayStatus.IDS_SENT: 1}
WHO = {
    "a signatory sees all of their own": (Role.SIGNATORY, ALL, 1),
    "a viewer answers no requests": (Role.VIEWER, ALL, 0),
    "who has no role sees nothing": (None, {}, 0),
}


@pytest.mark.parametrize(("role", "states", "requests"), WHO.values(), ids=WHO)
def test_what_is_counted_for_whom(scene, role, states, requests):
    user = account(scene, "maija")
    if role is not None:
        mandate(scene, user, rows(scene, "Organisation").exclude(customer_id="7654321-9").get().customer_id, role)
    found = seen(scene, user)
    assert (dict(found.totals.states), found.requests, found.applications) == (states, requests, 0)
    assert found.organisations == (role is not None)


@pytest.mark.parametrize(("staff", "second_factor", "waiting"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_applications_are_for_clerks(scene, staff, second_factor, waiting):
    AccessApplication.objects.using(scene.db.alias).create(
        case_number="1", organisation=rows(scene, "Organisation").first(), channels=["WS"], purpose="p", language="fi",
        state="open", created=scene.ctx.now(),
    )  # fmt: skip
    found = seen(scene, account(scene, "clerk", staff=staff), second_factor=second_factor)
    assert found.applications == waiting


def test_whoever_is_signed_in_changes_their_own_account(sqlite_scene):
    user, other = account(sqlite_scene, "maija"), account(sqlite_scene, "matti")
    changes = "Maija M", Language.SV, sqlite_scene.ctx, actor_of(user), REQUEST
    assert [change_profile(*changes), change_profile(*changes)] == [True, False], "the same again changes nothing"
    user.refresh_from_db(using=sqlite_scene.db.alias)
    other.refresh_from_db(using=sqlite_scene.db.alias)
    assert [(one.name, one.language) for one in (user, other)] == [("Maija M", "sv"), ("Matti", "en")]
    (row,) = rows(sqlite_scene, "AuditEvent").filter(action="profile-changed")
    assert (row.actor, row.object, "Maija" in str(bytes(row.octets))) == (f"user:{user.pk}", f"user:{user.pk}", False)
