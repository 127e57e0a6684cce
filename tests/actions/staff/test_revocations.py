"""Bulk revocation by clerks: two people with an account each, part by part."""

import pytest

from sinetti.actions import revoke_many
from sinetti.actions.staff import revocations
from sinetti.actions.staff.revocations import Wanted
from sinetti.domain.bulk import BulkReason, BulkRefused
from sinetti.domain.revocation import RevocationReason
from sinetti.registry import models
from tests.support.authority import CUSTOMER_ID
from tests.support.clerks import a_clerk, looked
from tests.support.office import REQUEST, KilledError, enrolled, killed_at

SUPERSEDED = RevocationReason.SUPERSEDED
ALL = Wanted(customer_id=CUSTOMER_ID)


@pytest.fixture
def few(monkeypatch):
    """Let one be the most for one clerk, one holding a transaction, and two transactions a page."""
    monkeypatch.setattr("sinetti.domain.bulk.AT_ONCE", 1)
    monkeypatch.setattr(revoke_many, "LINES_AT_ONCE", 1)
    monkeypatch.setattr(revocations, "PARTS_AT_ONCE", 2)


def refused_for(call, *rest):
    with pytest.raises(BulkRefused) as refused:
        call(*rest)
    return refused.value.reason


def proposed(desk, count=4):
    serials = tuple(enrolled(desk).serial for _ in range(count))
    anna = a_clerk(desk)
    assert revocations.look_at(ALL, SUPERSEDED, anna).serials == serials
    return anna, revocations.propose(ALL, SUPERSEDED, anna).proposal


def test_another_clerk_confirms_and_it_goes_part_by_part(sqlite_desk, few):
    anna, waiting = proposed(sqlite_desk)
    bo = a_clerk(sqlite_desk, "bo")
    assert (revocations.count_waiting(bo), revocations.alone_lately(anna)) == (1, 0)
    assert revocations.proposals(bo) == ((waiting,), ())
    assert refused_for(revocations.confirm, waiting.proposal_id, anna) is BulkReason.SAME_OFFICER
    assert refused_for(revocations.go_on, waiting.proposal_id, bo) is BulkReason.NO_PROPOSAL
    gone, going = revocations.confirm(waiting.proposal_id, bo)
    assert (gone, going.approver, going.done_at) == (2, bo.officer, None)
    assert revocations.proposals(bo)[1] == (going,)
    assert revocations.go_on(waiting.proposal_id, anna)[0] == 3, "the part before is looked at again"
    gone, done = revocations.go_on(waiting.proposal_id, anna)
    assert (gone, done.done_at) == (4, sqlite_desk.clock.now)
    assert revocations.go_on(waiting.proposal_id, anna) == (4, done)
    assert revocations.proposal(waiting.proposal_id, bo) == (4, done)
    rows = models.AuditRow.objects.using(sqlite_desk.register.alias).filter(action="bulk-approved")
    assert [row.actor for row in rows] == [bo.actor.name]
    assert looked(sqlite_desk)[-1][0] == f"bulk-revocation:{waiting.proposal_id}"


def test_cut_short_in_a_part_it_is_gone_on_with(sqlite_desk, few):
    _, waiting = proposed(sqlite_desk, 2)
    dies = a_clerk(sqlite_desk.but(step=killed_at("many-revoked")), "bo")
    with pytest.raises(KilledError):
        revocations.confirm(waiting.proposal_id, dies)
    gone, done = revocations.go_on(waiting.proposal_id, a_clerk(sqlite_desk, "cecilia"))
    assert (gone, done.done_at) == (2, sqlite_desk.clock.now)


def test_whoever_proposed_it_withdraws_it(sqlite_desk, few):
    anna, waiting = proposed(sqlite_desk, 2)
    assert (
        refused_for(revocations.withdraw, waiting.proposal_id, a_clerk(sqlite_desk, "bo")) is BulkReason.OTHER_OFFICER
    )
    revocations.withdraw(waiting.proposal_id, anna)
    assert revocations.proposals(anna) == ((), ())


def test_a_command_does_not_confirm_what_a_clerk_proposed(sqlite_desk, few):
    _, waiting = proposed(sqlite_desk, 2)
    asked = (waiting.proposal_id, "b2", sqlite_desk.office, REQUEST)
    assert refused_for(revoke_many.approve, *asked) is BulkReason.OTHER_DOOR
