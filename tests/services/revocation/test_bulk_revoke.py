"""Bulk revocation: selection, approvals and runs that were interrupted."""

import hashlib
import json
from datetime import timedelta

import pytest
from cryptography import x509

from sinetti.database import models
from sinetti.database.certificates import bulk_revocation
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.models import BulkRevocation
from sinetti.domain.certificates.bulk_revocation import PROPOSAL_LIVES, BulkErrorReason, BulkRevocationError
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.journal.writer import JournalUnavailable
from sinetti.services.revocation import bulk_revoke
from sinetti.services.revocation.bulk_revoke import (
    BulkRevocationRequest,
    alone_lately,
    approve,
    continue_batch,
    count_open_proposals,
    look_at_proposal,
    preview,
    revoke_many,
    withdraw,
)
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import current_crl
from tests.support.authority import CUSTOMER_ID
from tests.support.journals import keeping, kinds
from tests.support.service_context import (
    DAY,
    REQUEST,
    SECOND,
    KilledError,
    add_organisation,
    enrolled,
    in_the_window,
    killed_at,
    once_at,
    renewed,
)

SUPERSEDED, COMPROMISE = RevocationReason.SUPERSEDED, RevocationReason.KEY_COMPROMISE


def crowd(desk, count, channel=Channel.WS):
    """Return the serials of `count` certificates that their holders have retrieved."""
    return tuple(enrolled(desk, channel).serial for _ in range(count))


def asked(serials=None, reason=SUPERSEDED, officer="a17", **wanted):
    return BulkRevocationRequest(CertificateSelection(serials=serials, **wanted), reason, officer)


def approved(waiting, ctx):
    """Approve a proposal and carry it out; return it."""
    approve(waiting.proposal_id, "b2", ctx, REQUEST)
    return continue_batch(waiting.proposal_id, "b2", 10, ctx, REQUEST)[1]


def run(desk, ask, **rest):
    return revoke_many(ask, desk.ctx, REQUEST, **rest)


def revoked(desk):
    rows = models.Certificate.objects.using(desk.db.alias).filter(revoked_at__isnull=False)
    return set(rows.values_list("serial", flat=True))


def listed(desk, channel=Channel.WS):
    published = current_crl(desk.ctx.issuing[channel], 1, desk.ctx, REQUEST)
    return {f"{entry.serial_number:038x}" for entry in x509.load_der_x509_crl(published.der)}


def audited(desk, action):
    rows = models.AuditEvent.objects.using(desk.db.alias).filter(action=action).order_by("sequence")
    return [(row.actor, row.object, json.loads(bytes(row.octets))["facts"]) for row in rows]


def refused_for(call, *rest):
    with pytest.raises(BulkRevocationError) as refused:
        call(*rest)
    return refused.value.reason


@pytest.fixture
def few(monkeypatch):
    """Set the limit for the approval of a single officer to 1.

    A test of the real limit would need that many keys.
    """
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 1)


def test_few_go_at_once(desk):
    serials = crowd(desk, 2)
    other = crowd(desk, 1)
    outcome = run(desk, asked(serials))
    assert (outcome.proposal.done_at, outcome.proposal.approver) == (desk.clock.now, "")
    assert revoked(desk) == set(serials) == listed(desk)
    assert not revoked(desk) & set(other)
    assert [actor for actor, *_ in audited(desk, "certificate-revoked")] == ["officer:a17"] * 2
    digest = hashlib.sha256("\n".join(serials).encode()).hexdigest()
    facts = {"count": 2, "reason": "superseded", "serials": digest, "proposed_by": "officer:a17"}
    for action in ("bulk-begun", "bulk-done"):
        assert audited(desk, action) == [("officer:a17", f"bulk-revocation:{outcome.proposal.proposal_id}", facts)]


def test_many_wait_for_another_officer(desk, few):
    serials = crowd(desk, 2)
    waiting = run(desk, asked(serials)).proposal
    assert (waiting.approved_at, waiting.serials) == (None, serials)
    assert not revoked(desk)
    assert refused_for(approve, waiting.proposal_id, "A17", desk.ctx, REQUEST) is BulkErrorReason.SAME_OFFICER
    assert not revoked(desk)
    done = approved(waiting, desk.ctx)
    assert (done.approver, done.done_at) == ("b2", desk.clock.now)
    assert revoked(desk) == set(serials) == listed(desk)
    assert [actor for actor, *_ in audited(desk, "bulk-proposed")] == ["officer:a17"]
    assert [actor for actor, *_ in audited(desk, "bulk-approved")] == ["officer:b2"]
    assert refused_for(approve, waiting.proposal_id, "b2", desk.ctx, REQUEST) is BulkErrorReason.DONE


def test_small_runs_count_together_for_a_day(sqlite_desk, few):
    serials = crowd(sqlite_desk, 3)
    assert run(sqlite_desk, asked(serials[:1])).proposal.done_at
    assert run(sqlite_desk, asked(serials[1:2], officer="A17")).proposal.approved_at is None
    assert run(sqlite_desk, asked(serials[1:2], officer="b2")).proposal.done_at, "another officer's count is his own"
    sqlite_desk.clock.forward(DAY)
    assert run(sqlite_desk, asked(serials[2:])).proposal.done_at


def test_what_an_approved_run_took_does_not_count(sqlite_desk, few):
    serials = crowd(sqlite_desk, 3)
    approved(run(sqlite_desk, asked(serials[:2])).proposal, sqlite_desk.ctx)
    assert run(sqlite_desk, asked(serials[2:])).proposal.done_at


def test_a_proposal_ends_after_a_day(sqlite_desk, few):
    waiting = run(sqlite_desk, asked(crowd(sqlite_desk, 2))).proposal
    sqlite_desk.clock.forward(PROPOSAL_LIVES + SECOND)
    assert refused_for(approve, waiting.proposal_id, "b2", sqlite_desk.ctx, REQUEST) is BulkErrorReason.EXPIRED
    assert not revoked(sqlite_desk)


def test_a_proposal_whose_set_has_changed_is_made_anew(sqlite_desk, few):
    serials = crowd(sqlite_desk, 2)
    waiting = run(sqlite_desk, asked(serials)).proposal
    revoke(RevocationRequest(serials[0], SUPERSEDED), sqlite_desk.ctx, "operator", REQUEST)
    assert refused_for(approve, waiting.proposal_id, "b2", sqlite_desk.ctx, REQUEST) is BulkErrorReason.CHANGED
    assert revoked(sqlite_desk) == {serials[0]}


def test_a_renewal_of_a_lost_key_changes_the_set(sqlite_desk, few):
    held = [enrolled(sqlite_desk) for _ in range(2)]
    in_the_window(sqlite_desk, held[0])
    waiting = run(sqlite_desk, asked(tuple(one.serial for one in held), COMPROMISE)).proposal
    renewed(sqlite_desk, held[0])
    assert refused_for(approve, waiting.proposal_id, "b2", sqlite_desk.ctx, REQUEST) is BulkErrorReason.CHANGED


def test_somebody_else_approves_between_looking_and_approving(sqlite_desk, few, monkeypatch):
    waiting = run(sqlite_desk, asked(crowd(sqlite_desk, 2))).proposal
    monkeypatch.setattr(bulk_revocation, "approve", lambda *_words: False)
    assert refused_for(approve, waiting.proposal_id, "b2", sqlite_desk.ctx, REQUEST) is BulkErrorReason.CHANGED


def test_two_approve_at_once(desk, few):
    waiting = run(desk, asked(crowd(desk, 2))).proposal
    assert bulk_revocation.approve(desk.db, waiting, "b2", desk.audit_entry()) is True
    assert bulk_revocation.approve(desk.db, waiting, "c3", desk.audit_entry()) is False
    bulk_revocation.finish(desk.db, waiting, desk.audit_entry())
    bulk_revocation.finish(desk.db, waiting, desk.audit_entry())
    assert len(audited(desk, "bulk-done")) == 1


def test_no_such_proposal(sqlite_desk):
    assert refused_for(look_at_proposal, "0" * 32, "b2", sqlite_desk.ctx) is BulkErrorReason.NO_PROPOSAL


def test_the_same_once_more_is_the_one_that_waits(desk, few):
    serials = crowd(desk, 3)
    first = run(desk, asked(serials[:2])).proposal
    assert run(desk, asked(serials[1::-1], officer="A17")).proposal == first
    others = {
        "another officer": asked(serials[:2], officer="b2"),
        "another reason": asked(serials[:2], COMPROMISE),
        "other certificates": asked(serials[1:]),
        "another time": BulkRevocationRequest(
            CertificateSelection(serials=serials[:2]), SUPERSEDED, "a17", desk.clock.now
        ),
    }
    ids = {name: run(desk, ask).proposal.proposal_id for name, ask in others.items()}
    assert len({first.proposal_id, *ids.values()}) == 5
    waiting = bulk_revocation.waiting(desk.db, desk.clock.now)
    assert [one.proposal_id for one in waiting] == [first.proposal_id, *ids.values()]
    assert count_open_proposals(desk.ctx) == 5
    desk.clock.forward(PROPOSAL_LIVES + SECOND)
    assert (bulk_revocation.waiting(desk.db, desk.clock.now), count_open_proposals(desk.ctx)) == ((), 0)
    assert run(desk, asked(serials[:2])).proposal.proposal_id != first.proposal_id


def test_whoever_proposed_it_takes_it_back(desk, few, monkeypatch):
    serials = crowd(desk, 2)
    waiting = run(desk, asked(serials)).proposal
    with monkeypatch.context() as patch:
        patch.setattr(bulk_revocation, "withdraw", lambda *_words: False)
        assert refused_for(withdraw, waiting.proposal_id, "a17", desk.ctx, REQUEST) is BulkErrorReason.CHANGED
    assert refused_for(withdraw, waiting.proposal_id, "b2", desk.ctx, REQUEST) is BulkErrorReason.OTHER_OFFICER
    assert refused_for(withdraw, "0" * 32, "a17", desk.ctx, REQUEST) is BulkErrorReason.NO_PROPOSAL
    assert withdraw(waiting.proposal_id, "A17", desk.ctx, REQUEST) == waiting
    assert [actor for actor, *_ in audited(desk, "bulk-withdrawn")] == ["officer:A17"]
    assert refused_for(withdraw, waiting.proposal_id, "a17", desk.ctx, REQUEST) is BulkErrorReason.WITHDRAWN
    assert refused_for(approve, waiting.proposal_id, "b2", desk.ctx, REQUEST) is BulkErrorReason.WITHDRAWN
    assert bulk_revocation.approve(desk.db, waiting, "b2", desk.audit_entry()) is False
    assert bulk_revocation.withdraw(desk.db, waiting, desk.audit_entry()) is False
    assert (revoked(desk), count_open_proposals(desk.ctx), bulk_revocation.unfinished(desk.db)) == (set(), 0, ())
    assert run(desk, asked(serials)).proposal.proposal_id != waiting.proposal_id
    assert alone_lately("a17", desk.ctx) == 0


# Selection of certificates.


def test_each_choice_narrows(sqlite_desk):
    add_organisation(sqlite_desk, "7654321-0")
    first, sftp = crowd(sqlite_desk, 1)[0], crowd(sqlite_desk, 1, Channel.SFTP)[0]
    sqlite_desk.clock.forward(DAY)
    other = enrolled(sqlite_desk, customer_id="7654321-0").serial
    now, authority = sqlite_desk.clock.now, sqlite_desk.ctx.issuing[Channel.WS]
    choices = {
        "an organisation": ({"customer_id": CUSTOMER_ID.lower()}, {first, sftp}),
        "a CA": ({"authority": authority}, {first, other}),
        "a time": ({"issued": (now - DAY, now)}, {first, sftp}),
        "a time that begins with the second": ({"issued": (now, now + SECOND)}, {other}),
        "all of these": ({"authority": authority, "customer_id": CUSTOMER_ID, "issued": (now - DAY, now)}, {first}),
        "serials of another": ({"serials": (other, other), "customer_id": CUSTOMER_ID}, set()),
    }
    for name, (wanted, serials) in choices.items():
        found = preview(BulkRevocationRequest(CertificateSelection(**wanted), SUPERSEDED, "a17"), sqlite_desk.ctx)
        assert (name, set(found.serials), found.passed_over) == (name, serials, 0)
    assert not revoked(sqlite_desk)


def test_what_is_revoked_or_ended_is_passed_over(sqlite_desk):
    gone, held = crowd(sqlite_desk, 1)[0], enrolled(sqlite_desk)
    revoke(RevocationRequest(gone, SUPERSEDED), sqlite_desk.ctx, "operator", REQUEST)
    in_the_window(sqlite_desk, held, timedelta(0))
    ask = asked((gone, held.serial))
    found = preview(ask, sqlite_desk.ctx)
    assert (found.serials, found.passed_over) == ((held.serial,), 1), "the last second"
    sqlite_desk.clock.forward(SECOND)
    assert preview(ask, sqlite_desk.ctx).going == ()
    outcome = run(sqlite_desk, ask)
    assert (outcome.proposal, outcome.resumed) == (None, ())
    assert not BulkRevocation.objects.using(sqlite_desk.db.alias).exists()


def test_a_lost_key_takes_its_renewals_along(sqlite_desk):
    first = enrolled(sqlite_desk)
    in_the_window(sqlite_desk, first)
    second = renewed(sqlite_desk, first)
    assert preview(asked((first.serial,)), sqlite_desk.ctx).serials == (first.serial,)
    found = preview(asked((first.serial, second.serial), COMPROMISE), sqlite_desk.ctx)
    assert (found.serials, found.along) == ((first.serial, second.serial), frozenset())
    assert preview(asked((second.serial,), COMPROMISE), sqlite_desk.ctx).serials == (second.serial,)
    revoke(RevocationRequest(first.serial, SUPERSEDED), sqlite_desk.ctx, "operator", REQUEST)
    outcome = run(sqlite_desk, asked((first.serial,), COMPROMISE))
    assert outcome.selection.along == frozenset({second.serial})
    assert revoked(sqlite_desk) == {first.serial, second.serial}


def test_a_renewal_that_comes_in_between_goes_along(sqlite_desk):
    held = enrolled(sqlite_desk)
    in_the_window(sqlite_desk, held)
    new = []
    between = once_at("many-stored", lambda: new.append(renewed(sqlite_desk, held).serial))
    run(sqlite_desk.but(step=between), asked((held.serial,), COMPROMISE))
    assert revoked(sqlite_desk) == {held.serial, *new}


REFUSED = {
    "an officer without an id": (asked(("00",), officer="Anna A"), BulkErrorReason.OFFICER),
    "a reason for CAs": (asked(("00",), RevocationReason.CA_COMPROMISE), BulkErrorReason.REASON),
    "nothing in particular": (asked(), BulkErrorReason.NOTHING_NAMED),
    "an unknown serial": (asked(("00",)), BulkErrorReason.UNKNOWN),
    "many unknown serials": (asked(("00", "01", "02", "03")), BulkErrorReason.UNKNOWN),
    "an unknown organisation": (asked(customer_id="9"), BulkErrorReason.UNKNOWN),
    "an unknown CA": (asked(authority="Nobody"), BulkErrorReason.UNKNOWN),
}


@pytest.mark.parametrize(("ask", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(sqlite_desk, ask, reason):
    assert refused_for(revoke_many, ask, sqlite_desk.ctx, REQUEST) is reason


# Faults during a run.


def test_the_signer_is_away(sqlite_desk, caplog):
    (serial,) = crowd(sqlite_desk, 1)
    sqlite_desk.signer.away = True
    assert run(sqlite_desk, asked((serial,))).proposal.done_at
    assert "the serving process publishes them" in caplog.text
    sqlite_desk.signer.away = False
    assert listed(sqlite_desk) == {serial}


class FullJournal:
    """Journal that cannot be written."""

    def holds(self, _kind, _serial):
        return False

    def append(self, _facts):
        sentence = "the disk is full"
        raise JournalUnavailable(sentence)


def test_the_journal_is_full(sqlite_desk, tmp_path):
    (serial,) = crowd(sqlite_desk, 1)
    with pytest.raises(JournalUnavailable, match="run the same command again to record it"):
        run(sqlite_desk.but(journal=FullJournal()), asked((serial,)))
    with keeping(sqlite_desk, tmp_path) as kept:
        outcome = run(kept, asked((serial,)))
        assert [one.serials for one in outcome.resumed] == [(serial,)]
        assert outcome.proposal is None
        assert "revoked" in kinds(kept)


STEPS = ("many-stored", "many-revoked", "many-noted", "many-published")


@pytest.fixture
def one_line_at_once(monkeypatch):
    """Give each lineage a transaction of its own.

    So a run can be interrupted in its middle.
    """
    monkeypatch.setattr(bulk_revoke, "LINES_AT_ONCE", 1)


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_is_cut_short_is_gone_on_with_by_the_same_command(sqlite_desk, one_line_at_once, step):
    desk = sqlite_desk
    ask, reports = asked(crowd(desk, 2)), []
    with pytest.raises(KilledError):
        run(desk.but(step=killed_at(step)), ask)
    outcome = run(desk, ask, on_progress=lambda done, of: reports.append((done, of)))
    assert revoked(desk) == set(ask.wanted.serials) == listed(desk)
    assert ([one.serials for one in outcome.resumed], outcome.proposal) == ([ask.wanted.serials], None)
    assert reports == [(1, 2), (2, 2)]
    assert [len(audited(desk, action)) for action in ("certificate-revoked", "bulk-begun", "bulk-done")] == [2, 1, 1]
    assert bulk_revocation.unfinished(desk.db) == ()


@pytest.mark.parametrize("step", ["many-approved", *STEPS[1:]])
def test_an_approved_run_that_is_cut_short_is_gone_on_with(sqlite_desk, few, one_line_at_once, step):
    serials = crowd(sqlite_desk, 2)
    waiting = run(sqlite_desk, asked(serials)).proposal
    with pytest.raises(KilledError):
        approved(waiting, sqlite_desk.but(step=killed_at(step)).ctx)
    sqlite_desk.clock.forward(PROPOSAL_LIVES + SECOND)
    assert approved(waiting, sqlite_desk.ctx).done_at == sqlite_desk.clock.now
    assert revoked(sqlite_desk) == set(serials) == listed(sqlite_desk)
    assert len(audited(sqlite_desk, "bulk-approved")) == 1


def test_a_run_that_is_cut_short_counts(sqlite_desk, few):
    serials = crowd(sqlite_desk, 2)
    with pytest.raises(KilledError):
        run(sqlite_desk.but(step=killed_at("many-stored")), asked(serials[:1]))
    assert run(sqlite_desk, asked(serials[1:])).proposal.approved_at is None
    assert revoked(sqlite_desk) == set(serials[:1])


def test_ids_of_proposals_are_found(sqlite_desk, few):
    waiting = run(sqlite_desk, asked(crowd(sqlite_desk, 2))).proposal
    found, selection = look_at_proposal(waiting.proposal_id, "b2", sqlite_desk.ctx)
    assert found == waiting
    assert selection.serials == waiting.serials
