"""Resignation from a role: a user's own role, or the role of a firm for a client.

The last representative stays. A user cannot resign from the roles of other users.
"""

import pytest

from sinetti.domain.access.roles import Role
from sinetti.services.access.permissions import Actor, ExternalRole, PermissionDenied, load_permissions
from sinetti.services.self_service.role_assignments import withdraw
from sinetti.services.self_service.role_resignation import ResignationReport, own, preview_resignation, resign
from tests.support.authority import CUSTOMER_ID as CLIENT
from tests.support.firms import rows
from tests.support.scene import REQUEST, SECOND, add_organisation
from tests.support.users import account, mandate

FIRM, OTHER = "7654321-4", "1111111-1"


@pytest.fixture
def people(sqlite_scene):
    """Add a client with a signatory and a viewer, and a firm that manages the client.

    The firm has a signatory and a manager.
    """
    add_organisation(sqlite_scene, FIRM)
    users = {name: account(sqlite_scene, name) for name in ("signatory", "viewer", "boss", "manager")}
    made = {
        "signatory": mandate(sqlite_scene, users["signatory"], CLIENT, Role.SIGNATORY),
        "viewer": mandate(sqlite_scene, users["viewer"], CLIENT, Role.VIEWER),
        "boss": mandate(sqlite_scene, users["boss"], FIRM, Role.SIGNATORY),
        "manager": mandate(sqlite_scene, users["manager"], FIRM, Role.MANAGER),
        "firm": mandate(sqlite_scene, FIRM, CLIENT, Role.MANAGER),
    }
    return {name: Actor(one.pk, second_factor=True) for name, one in users.items()}, {
        name: one.pk for name, one in made.items()
    }


def left(scene):
    return rows(scene, "RoleAssignment").filter(withdrawn_at=None).count()


def test_a_person_gives_up_what_is_theirs_once(sqlite_scene, people):
    actors, made = people
    viewer = actors["viewer"]
    (listed,) = own(viewer, load_permissions(viewer, sqlite_scene.ctx), sqlite_scene.ctx)
    assert (listed.mandate_id, listed.role) == (made["viewer"], Role.VIEWER)
    assert resign((made["viewer"],), sqlite_scene.ctx, viewer, REQUEST) == ResignationReport(1, 0)
    assert resign((made["viewer"],), sqlite_scene.ctx, viewer, REQUEST) == ResignationReport(0, 0), "pressed twice"
    assert left(sqlite_scene) == 4
    assert rows(sqlite_scene, "AuditEvent").filter(actor=viewer.name, action="authorisation-withdrawn").count() == 1


def test_the_check_page_lists_what_would_end(sqlite_scene, people):
    actors, made = people
    boss, viewer = actors["boss"], actors["viewer"]
    both = preview_resignation((made["boss"], made["firm"]), sqlite_scene.ctx, boss)
    assert {one.mandate_id for one in both} == {made["boss"], made["firm"]}
    with pytest.raises(PermissionDenied):
        preview_resignation((made["viewer"], made["boss"]), sqlite_scene.ctx, viewer)
    resign((made["viewer"],), sqlite_scene.ctx, viewer, REQUEST)
    assert preview_resignation((made["viewer"],), sqlite_scene.ctx, viewer) == ()


def test_what_ended_between_page_and_button_keeps_nothing_of_the_others(sqlite_scene, people):
    """One role of a user ends while the page is open; another one is given up with it."""
    actors, made = people
    viewer = actors["viewer"]
    add_organisation(sqlite_scene, OTHER)
    other = mandate(sqlite_scene, rows(sqlite_scene, "User").get(pk=viewer.user_id), OTHER, Role.VIEWER).pk
    end = sqlite_scene.ctx.now()
    rows(sqlite_scene, "RoleAssignment").filter(pk=made["viewer"]).update(valid_until=end)
    sqlite_scene.clock.forward(SECOND)
    assert resign((made["viewer"], other), sqlite_scene.ctx, viewer, REQUEST) == ResignationReport(1, 0)
    assert rows(sqlite_scene, "RoleAssignment").get(pk=made["viewer"]).withdrawn_at is None, "it ended by itself"


def test_a_firms_representative_gives_up_a_client(sqlite_scene, people):
    actors, made = people
    assert resign((made["firm"],), sqlite_scene.ctx, actors["boss"], REQUEST) == ResignationReport(1, 0)
    assert not load_permissions(actors["manager"], sqlite_scene.ctx).held.keys() - {
        rows(sqlite_scene, "Organisation").get(customer_id=FIRM).pk
    }
    assert resign((made["firm"],), sqlite_scene.ctx, actors["boss"], REQUEST) == ResignationReport(0, 0)


def told(scene):
    """Return the recipients and kinds of the queued e-mails."""
    owed = rows(scene, "OutboxMessage").filter(kind="authorisation").select_related("recipient")
    return sorted((row.recipient.email.partition("@")[0], row.facts["tells"], row.facts["mandate"]) for row in owed)


def test_the_other_representatives_are_told(sqlite_scene, people):
    actors, made = people
    second = mandate(sqlite_scene, account(sqlite_scene, "second"), CLIENT, Role.SIGNATORY).pk
    resign((made["viewer"],), sqlite_scene.ctx, actors["viewer"], REQUEST)
    mine = made["viewer"]
    told_of_it = [("second", "given-up", mine), ("signatory", "given-up", mine), ("viewer", "withdrawn", mine)]
    assert told(sqlite_scene) == told_of_it
    rows(sqlite_scene, "OutboxMessage").delete()
    resign((made["firm"],), sqlite_scene.ctx, actors["boss"], REQUEST)
    mine = made["firm"]
    assert told(sqlite_scene) == [
        ("boss", "withdrawn", mine),
        ("manager", "withdrawn", mine),
        ("second", "given-up", mine),
        ("signatory", "given-up", mine),
    ]
    rows(sqlite_scene, "OutboxMessage").delete()
    resign((made["signatory"],), sqlite_scene.ctx, actors["signatory"], REQUEST)
    mine = made["signatory"]
    assert told(sqlite_scene) == [("second", "given-up", mine), ("signatory", "withdrawn", mine)]
    rows(sqlite_scene, "OutboxMessage").delete()
    last = Actor(rows(sqlite_scene, "RoleAssignment").get(pk=second).user_id, second_factor=True)
    assert resign((second,), sqlite_scene.ctx, last, REQUEST) == ResignationReport(0, 1)
    assert told(sqlite_scene) == [], "nothing was given up"


def test_what_is_withdrawn_by_a_representative_is_told_as_before(sqlite_scene, people):
    actors, made = people
    withdraw(made["viewer"], sqlite_scene.ctx, actors["signatory"], REQUEST)
    assert told(sqlite_scene) == [("viewer", "withdrawn", made["viewer"])]


OTHERS = {
    "a firm's manager": ("manager", "firm"),
    "another person's": ("viewer", "signatory"),
    "a client's of the firm's people": ("signatory", "boss"),
    "nobody's": ("signatory", "nothing"),
}


@pytest.mark.parametrize(("name", "whose"), OTHERS.values(), ids=OTHERS)
def test_nobody_gives_up_what_is_others(sqlite_scene, people, name, whose):
    actors, made = people
    mixed = tuple(dict.fromkeys((made[name], made.get(whose, "0" * 32))))
    with pytest.raises(PermissionDenied):
        resign(mixed, sqlite_scene.ctx, actors[name], REQUEST)
    assert left(sqlite_scene) == 5, "nor is what is theirs given up with it"


def test_the_last_representative_stays_unless_their_sign_in_says_so(sqlite_scene, people):
    actors, made = people
    signatory = actors["signatory"]
    assert resign((made["signatory"],), sqlite_scene.ctx, signatory, REQUEST) == ResignationReport(0, 1)
    outside = Actor(signatory.user_id, True, (ExternalRole(CLIENT, Role.SIGNATORY),))
    assert resign((made["signatory"],), sqlite_scene.ctx, outside, REQUEST) == ResignationReport(1, 0)
