"""Decisions of clerks about applications.

A clerk decides once, and a decision takes effect completely or not at all. Its text stays as it was, and the applicant
receives it.
"""

from dataclasses import replace

import pytest

from sinetti.database import models
from sinetti.database.organisations import organisations
from sinetti.domain.access.roles import Role
from sinetti.domain.organisations.applications import (
    ApplicationDecision,
    ApplicationError,
    ApplicationErrorReason,
    ApplicationState,
)
from sinetti.domain.values import Channel
from sinetti.services.access.permissions import Actor, ExternalRole
from sinetti.services.organisations.registration import ChannelError, close
from sinetti.services.self_service import applications as acts
from sinetti.services.staff import applications
from tests.services.self_service.test_applications import ASKED, MALLI, a_signatory, fault_of
from tests.support.clerks import a_clerk, looked, same_subject
from tests.support.people import audited
from tests.support.registers import crowd
from tests.support.scene import REQUEST, add_organisation
from tests.support.users import account, mandate

FIRM = "2345678-2"
APPROVED = ApplicationDecision(ApplicationState.APPROVED)
REFUSED = ApplicationDecision(
    ApplicationState.REFUSED, "The purpose does not need the interface.", "Write to the court."
)


def applied(scene):
    organisation_id, maija = a_signatory(scene)
    return acts.apply(organisation_id, ASKED, scene.ctx, maija, REQUEST)


def written(application):
    return f"Decided {application.case_number} {application.state}"


def channels(scene):
    return organisations.find_organisation(scene.db, MALLI).channels


def owed(scene):
    rows = models.OutboxMessage.objects.using(scene.db.alias).filter(kind="authorisation")
    return [(row.recipient.email, row.facts) for row in rows.select_related("recipient")]


def test_approved_with_its_channels(scene):
    made, anna = applied(scene), a_clerk(scene)
    decided = applications.decide(made.application_id, APPROVED, written, anna)
    assert (decided.state, decided.decided_at) == (ApplicationState.APPROVED, scene.clock.now)
    assert decided.decision == f"Decided {made.case_number} approved"
    assert channels(scene) == {Channel.WS}
    assert owed(scene) == [("maija@people.example", {"application": made.application_id})]
    (row,) = audited(scene, "application-approved")
    assert anna.actor.name in row
    assert fault_of(applications.decide, made.application_id, REFUSED, written, anna) is ApplicationErrorReason.NOT_OPEN


def test_refused_with_its_reason(sqlite_scene):
    made, anna = applied(sqlite_scene), a_clerk(sqlite_scene)
    decided = applications.decide(made.application_id, REFUSED, written, anna)
    assert (decided.state, decided.reason) == (ApplicationState.REFUSED, REFUSED.reason)
    assert not channels(sqlite_scene)
    assert "interface" not in "".join(audited(sqlite_scene, "application-refused"))


def test_two_clerks_at_once_decide_once(scene):
    made, clerks = applied(scene), [a_clerk(scene), a_clerk(scene, "bo")]

    def once(number):
        try:
            verdict = (APPROVED, REFUSED)[number]
            return applications.decide(made.application_id, verdict, written, clerks[number]).state
        except ApplicationError as refused:
            return refused.fault

    results = crowd(scene.db, 2, once)
    assert results.count(ApplicationErrorReason.NOT_OPEN) == 1
    assert (ApplicationState.APPROVED in results) == bool(channels(scene))
    assert len(owed(scene)) == 1


def test_nothing_is_half_decided(sqlite_scene):
    made, anna = applied(sqlite_scene), a_clerk(sqlite_scene)

    def fails(_application):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        applications.decide(made.application_id, APPROVED, fails, anna)
    assert applications.application(made.application_id, anna).state is ApplicationState.OPEN
    assert not channels(sqlite_scene)


@pytest.mark.parametrize("through_a_firm", [False, True])
def test_nobody_decides_in_a_case_of_their_own(sqlite_scene, through_a_firm):
    made, anna = applied(sqlite_scene), a_clerk(sqlite_scene)
    user = models.User.objects.using(sqlite_scene.db.alias).get(pk=anna.actor.user_id)
    if through_a_firm:
        add_organisation(sqlite_scene, FIRM)
        mandate(sqlite_scene, FIRM, MALLI, Role.VIEWER)
    mandate(sqlite_scene, user, FIRM if through_a_firm else MALLI, Role.VIEWER)
    for verdict in (APPROVED, REFUSED):
        assert fault_of(applications.decide, made.application_id, verdict, written, anna) is ApplicationErrorReason.OWN
    assert not channels(sqlite_scene)


@pytest.mark.parametrize("through_a_firm", [False, True])
def test_nor_does_another_account_of_the_same_person(sqlite_scene, through_a_firm):
    made, anna = applied(sqlite_scene), a_clerk(sqlite_scene)
    second = account(sqlite_scene, "annas-second")
    if through_a_firm:
        add_organisation(sqlite_scene, FIRM)
        mandate(sqlite_scene, FIRM, MALLI, Role.VIEWER)
    mandate(sqlite_scene, second, FIRM if through_a_firm else MALLI, Role.VIEWER)
    same_subject(sqlite_scene, anna.actor.user_id, second.pk)
    for verdict in (APPROVED, REFUSED):
        assert fault_of(applications.decide, made.application_id, verdict, written, anna) is ApplicationErrorReason.OWN


def test_nor_does_who_applied_whatever_became_of_their_role(sqlite_scene):
    organisation_id, _ = a_signatory(sqlite_scene)
    anna = a_clerk(sqlite_scene)
    vouched_for = replace(anna.actor, outside=(ExternalRole(MALLI, Role.SIGNATORY),))
    made = acts.apply(organisation_id, ASKED, sqlite_scene.ctx, vouched_for, REQUEST)
    for verdict in (APPROVED, REFUSED):
        assert fault_of(applications.decide, made.application_id, verdict, written, anna) is ApplicationErrorReason.OWN
    applications.decide(made.application_id, APPROVED, written, a_clerk(sqlite_scene, "bo"))


def test_what_cannot_be_decided(sqlite_scene):
    made, anna = applied(sqlite_scene), a_clerk(sqlite_scene)
    assert fault_of(applications.decide, "0" * 32, APPROVED, written, anna) is ApplicationErrorReason.UNKNOWN
    no_appeal = ApplicationDecision(ApplicationState.REFUSED, REFUSED.reason)
    assert fault_of(applications.decide, made.application_id, no_appeal, written, anna) is ApplicationErrorReason.APPEAL
    without = a_clerk(sqlite_scene.but(issuing={}), "bo")
    with pytest.raises(ChannelError):
        applications.decide(made.application_id, APPROVED, written, without)
    close(MALLI, sqlite_scene.ctx, "operator", REQUEST)
    assert fault_of(applications.decide, made.application_id, APPROVED, written, anna) is ApplicationErrorReason.CLOSED
    decided = applications.decide(made.application_id, REFUSED, written, anna)
    assert decided.state is ApplicationState.REFUSED, "who has ended is told so all the same"


def test_who_applied_is_told_without_a_mandate_of_ours(sqlite_scene):
    organisation_id, _ = a_signatory(sqlite_scene)
    user = account(sqlite_scene, "outsider")
    outside = ExternalRole(MALLI, Role.SIGNATORY)
    made = acts.apply(
        organisation_id, ASKED, sqlite_scene.ctx, Actor(user.pk, second_factor=True, outside=(outside,)), REQUEST
    )
    applications.decide(made.application_id, APPROVED, written, a_clerk(sqlite_scene))
    assert {email for email, _ in owed(sqlite_scene)} == {"maija@people.example", "outsider@people.example"}


def test_looks_are_written_down(sqlite_scene):
    made, anna = applied(sqlite_scene), a_clerk(sqlite_scene, case="SI-00000-00000")
    assert [one.application_id for one in applications.listed(ApplicationState.OPEN, 0, 50, anna)] == [
        made.application_id
    ]
    assert applications.listed(ApplicationState.REFUSED, 0, 50, anna) == ()
    assert applications.by_case(made.case_number, anna).application_id == made.application_id
    assert applications.by_case("SI-00000-00000", anna) is None
    assert applications.application(made.application_id, anna).case_number == made.case_number
    assert applications.application("0" * 32, anna) is None
    said = {"purpose": "application", "case": "SI-00000-00000"}
    (list_, other, one, none, thing) = looked(sqlite_scene)
    assert (list_, other) == (("search:applications", said), ("search:applications", said))
    assert one[1].keys() == none[1].keys() == {*said, "search"}
    assert thing == (f"application:{made.application_id}", said)
