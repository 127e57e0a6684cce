"""Applications of organisations: permission, one at a time, and their outcome."""

import pytest

from sinetti.database.models import AccessApplication
from sinetti.domain.access.roles import Role
from sinetti.domain.organisations.applications import (
    ApplicationError,
    ApplicationErrorReason,
    ApplicationState,
    NewApplication,
)
from sinetti.domain.values import Channel, Language
from sinetti.services.access.permissions import Actor, PermissionDenied
from sinetti.services.self_service import applications
from tests.support.people import audited
from tests.support.registers import crowd
from tests.support.scene import REQUEST, add_organisation
from tests.support.users import account, mandate

MALLI = "1234567-1"
ASKED = NewApplication(frozenset({Channel.WS}), "Payroll reports", "Palkka 5", Language.SV)


def a_signatory(scene, *, role=Role.SIGNATORY, second_factor=True):
    """Add an organisation without channels and a user who has a role for it.

    Return the id of the organisation and the actor.
    """
    organisation_id = add_organisation(scene, MALLI, frozenset())
    user = account(scene, "maija")
    mandate(scene, user, MALLI, role)
    return organisation_id, Actor(user.pk, second_factor)


def fault_of(call, *rest):
    with pytest.raises(ApplicationError) as refused:
        call(*rest)
    return refused.value.fault


def test_it_waits_with_a_number_and_is_withdrawn(scene):
    organisation_id, maija = a_signatory(scene)
    made = applications.apply(organisation_id, ASKED, scene.ctx, maija, REQUEST)
    assert (made.state, made.channels, made.language) == (ApplicationState.OPEN, ASKED.channels, Language.SV)
    assert made.case_number.startswith("SI-")
    assert "Payroll" not in "".join(audited(scene, "application-made"))
    assert (
        fault_of(applications.apply, organisation_id, ASKED, scene.ctx, maija, REQUEST)
        is ApplicationErrorReason.ONE_OPEN
    )
    applications.withdraw(made.application_id, scene.ctx, maija, REQUEST)
    assert (
        fault_of(applications.withdraw, made.application_id, scene.ctx, maija, REQUEST)
        is ApplicationErrorReason.NOT_OPEN
    )
    again = applications.apply(organisation_id, ASKED, scene.ctx, maija, REQUEST)
    found = applications.mine(scene.ctx, maija)
    assert (found.organisations, found.may_apply) == ((), True), "one waits"
    assert {one.application_id for one in found.applications} == {made.application_id, again.application_id}
    assert len(applications.mine(scene.ctx, maija, 1).applications) == 1
    applications.withdraw(again.application_id, scene.ctx, maija, REQUEST)
    (organisation,) = applications.mine(scene.ctx, maija).organisations
    assert organisation.organisation_id == organisation_id


def test_of_two_at_once_one_waits(scene):
    organisation_id, maija = a_signatory(scene)

    def once(_number):
        try:
            return applications.apply(organisation_id, ASKED, scene.ctx, maija, REQUEST).state
        except ApplicationError as refused:
            return refused.fault

    assert sorted(crowd(scene.db, 2, once)) == [ApplicationErrorReason.ONE_OPEN, ApplicationState.OPEN]


MAY_NOT = {
    "a manager": (Role.MANAGER, True),
    "a viewer": (Role.VIEWER, True),
    "a representative without second factor": (Role.SIGNATORY, False),
}


@pytest.mark.parametrize(("role", "second_factor"), MAY_NOT.values(), ids=MAY_NOT)
def test_who_may_not(sqlite_scene, role, second_factor):
    organisation_id, somebody = a_signatory(sqlite_scene, role=role, second_factor=second_factor)
    with pytest.raises(PermissionDenied):
        applications.apply(organisation_id, ASKED, sqlite_scene.ctx, somebody, REQUEST)
    assert not AccessApplication.objects.using(sqlite_scene.db.alias).exists()


def test_what_is_others_looks_like_what_is_not_there(sqlite_scene):
    organisation_id, maija = a_signatory(sqlite_scene)
    made = applications.apply(organisation_id, ASKED, sqlite_scene.ctx, maija, REQUEST)
    stranger = Actor(account(sqlite_scene, "matti").pk, second_factor=True)
    for application_id in (made.application_id, "0" * 32):
        with pytest.raises(PermissionDenied):
            applications.application(application_id, sqlite_scene.ctx, stranger)
    with pytest.raises(PermissionDenied):
        applications.withdraw(made.application_id, sqlite_scene.ctx, stranger, REQUEST)
    for one in (organisation_id, "0" * 32):
        with pytest.raises(PermissionDenied):
            applications.applicant(one, sqlite_scene.ctx, stranger)
    assert applications.mine(sqlite_scene.ctx, stranger) == applications.OwnApplications((), (), may_apply=False)


def test_what_is_offered_is_what_is_lacking(sqlite_scene):
    user = account(sqlite_scene, "maija")
    organisation_id = add_organisation(sqlite_scene, MALLI, frozenset({Channel.WS}))
    mandate(sqlite_scene, user, MALLI, Role.SIGNATORY)
    found = applications.applicant(organisation_id, sqlite_scene.ctx, Actor(user.pk, second_factor=True))
    assert found.offered == (Channel.SFTP,)
