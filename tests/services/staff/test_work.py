"""Work of clerks: cases that wait, figures, and organisations by the end of their certificates."""

import pytest

from sinetti.domain.operations.figures import FLEET, CaseKind, WaitingWork, WorkKind, WorkList
from sinetti.services.access.permissions import Actor
from sinetti.services.monitoring.figures import refresh_figures
from sinetti.services.staff import work
from sinetti.services.staff.session import NotStaff
from sinetti.services.staff.work import NamedWork
from tests.support.clerks import a_clerk, looked
from tests.support.firms import a_certificate, a_person, an_organisation, rows
from tests.support.scene import DAY


def revocation_proposed(scene, officer):
    now = scene.ctx.now()
    terms = {"created": now, "expires": now + DAY, "reason": "superseded", "serials": [], "count": 0}
    rows(scene, "BulkRevocation").create(officer=officer, **terms)


def test_cases_wait_apart_from_ones_own_proposals(sqlite_scene):
    anna, ctx = a_clerk(sqlite_scene), sqlite_scene.ctx
    for officer in (anna.officer, "user.x", "user.y"):
        revocation_proposed(sqlite_scene, officer)
    waiting = {one.kind: one for one in work.list_waiting(anna.actor, ctx)}
    assert waiting.pop(CaseKind.REVOCATIONS) == WaitingWork(CaseKind.REVOCATIONS, 2, 1, ctx.now())
    assert not any(one.count or one.own for one in waiting.values())


def test_organisations_with_work_have_names_and_the_first_end_comes_first(sqlite_scene):
    anna, ctx = a_clerk(sqlite_scene), sqlite_scene.ctx
    assert work.load_figures(anna.actor, ctx) is None
    assert work.list_organisations(WorkKind.FLEETS, anna) == (WorkList(), ())
    for name, first in (("Later", 5), ("Sooner", 3), ("Between", 4)):
        fleet, contact = an_organisation(sqlite_scene, name), a_person(sqlite_scene, f"{name}@malli.example")
        for number in range(FLEET):
            a_certificate(sqlite_scene, fleet, ctx.now() + (first + number) * DAY, contact)
    refresh_figures(ctx)
    assert work.load_figures(anna.actor, ctx).in_force == 3 * FLEET
    listed, named = work.list_organisations(WorkKind.FLEETS, anna)
    assert (listed.certificates, listed.organisations) == (3 * FLEET, 3)
    assert named == tuple(
        NamedWork(one, name, name) for one, name in zip(listed.rows, ("Sooner", "Between", "Later"), strict=True)
    )
    assert work.list_organisations(WorkKind.RETURNED, anna) == (WorkList(), ())
    assert [subject for subject, _ in looked(sqlite_scene)] == ["search:certificates"] * 3


@pytest.mark.parametrize("read", [work.list_waiting, work.load_figures])
@pytest.mark.parametrize("actor", [Actor("x", second_factor=True), Actor("x", staff=True)])
def test_only_a_clerk_with_a_second_factor_sees_it(sqlite_scene, read, actor):
    with pytest.raises(NotStaff):
        read(actor, sqlite_scene.ctx)
