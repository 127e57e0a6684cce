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
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.journals import keeping, kinds
from tests.support.killed import KilledError, killed_at, once_at
from tests.support.scene import DAY, REQUEST, SECOND, add_organisation, enrolled, in_the_window, renewed

SUPERSEDED, COMPROMISE = RevocationReason.SUPERSEDED, RevocationReason.KEY_COMPROMISE


def crowd(scene, count, channel=Channel.WS):
    """Return the serials of `count` certificates that their holders have retrieved."""
    return tuple(enrolled(scene, channel).serial for _ in range(count))


def asked(serials=None, reason=SUPERSEDED, officer="a17", **wanted):
    return BulkRevocationRequest(CertificateSelection(serials=serials, **wanted), reason, officer)


def approved(waiting, ctx):
    """Approve a proposal and carry it out; return it."""
    approve(waiting.proposal_id, "b2", ctx, REQUEST)
    return continue_batch(waiting.proposal_id, "b2", 10, ctx, REQUEST)[1]


def run(scene, ask, **rest):
    return revoke_many(ask, scene.ctx, REQUEST, **rest)


def revoked(scene):
    rows = models.Certificate.objects.using(scene.db.alias).filter(revoked_at__isnull=False)
    return set(rows.values_list("serial", flat=True))


def listed(scene, channel=Channel.WS):
    published = current_crl(scene.ctx.issuing[channel], 1, scene.ctx, REQUEST)
    return {f"{entry.serial_number:038x}" for entry in x509.load_der_x509_crl(published.der)}


def audited(scene, action):
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action=action).order_by("sequence")
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


def test_few_go_at_once(scene):
    serials = crowd(scene, 2)
    other = crowd(scene, 1)
    outcome = run(scene, asked(serials))
    assert (outcome.proposal.done_at, outcome.proposal.approver) == (scene.clock.now, "")
    assert revoked(scene) == set(serials) == listed(scene)
    assert not revoked(scene) & set(other)
    assert [actor for actor, *_ in audited(scene, "certificate-revoked")] == ["officer:a17"] * 2
    digest = hashlib.sha256("\n".join(serials).encode()).hexdigest()
    facts = {"count": 2, "reason": "superseded", "serials": digest, "proposed_by": "officer:a17"}
    for action in ("bulk-begun", "bulk-done"):
        assert audited(scene, action) == [("officer:a17", f"bulk-revocation:{outcome.proposal.proposal_id}", facts)]


def test_many_wait_for_another_officer(scene, few):
    serials = crowd(scene, 2)
    waiting = run(scene, asked(serials)).proposal
    assert (waiting.approved_at, waiting.serials) == (None, serials)
    assert not revoked(scene)
    assert refused_for(approve, waiting.proposal_id, "A17", scene.ctx, REQUEST) is BulkErrorReason.SAME_OFFICER
    assert not revoked(scene)
    done = approved(waiting, scene.ctx)
    assert (done.approver, done.done_at) == ("b2", scene.clock.now)
    assert revoked(scene) == set(serials) == listed(scene)
    assert [actor for actor, *_ in audited(scene, "bulk-proposed")] == ["officer:a17"]
    assert [actor for actor, *_ in audited(scene, "bulk-approved")] == ["officer:b2"]
    assert refused_for(approve, waiting.proposal_id, "b2", scene.ctx, REQUEST) is BulkErrorReason.DONE


def test_small_runs_count_together_for_a_day(sqlite_scene, few):
    serials = crowd(sqlite_scene, 3)
    assert run(sqlite_scene, asked(serials[:1])).proposal.done_at
    assert run(sqlite_scene, asked(serials[1:2], officer="A17")).proposal.approved_at is None
    assert run(sqlite_scene, asked(serials[1:2], officer="b2")).proposal.done_at, "another officer's count is his own"
    sqlite_scene.clock.forward(DAY)
    assert run(sqlite_scene, asked(serials[2:])).proposal.done_at


def test_what_an_approved_run_took_does_not_count(sqlite_scene, few):
    serials = crowd(sqlite_scene, 3)
    approved(run(sqlite_scene, asked(serials[:2])).proposal, sqlite_scene.ctx)
    assert run(sqlite_scene, asked(serials[2:])).proposal.done_at


def test_a_proposal_ends_after_a_day(sqlite_scene, few):
    waiting = run(sqlite_scene, asked(crowd(sqlite_scene, 2))).proposal
    sqlite_scene.clock.forward(PROPOSAL_LIVES + SECOND)
    assert refused_for(approve, waiting.proposal_id, "b2", sqlite_scene.ctx, REQUEST) is BulkErrorReason.EXPIRED
    assert not revoked(sqlite_scene)


def test_a_proposal_whose_set_has_changed_is_made_anew(sqlite_scene, few):
    serials = crowd(sqlite_scene, 2)
    waiting = run(sqlite_scene, asked(serials)).proposal
    revoke(RevocationRequest(serials[0], SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    assert refused_for(approve, waiting.proposal_id, "b2", sqlite_scene.ctx, REQUEST) is BulkErrorReason.CHANGED
    assert revoked(sqlite_scene) == {serials[0]}


def test_a_renewal_of_a_lost_key_changes_the_set(sqlite_scene, few):
    held = [enrolled(sqlite_scene) for _ in range(2)]
    in_the_window(sqlite_scene, held[0])
    waiting = run(sqlite_scene, asked(tuple(one.serial for one in held), COMPROMISE)).proposal
    renewed(sqlite_scene, held[0])
    assert refused_for(approve, waiting.proposal_id, "b2", sqlite_scene.ctx, REQUEST) is BulkErrorReason.CHANGED


def test_somebody_else_approves_between_looking_and_approving(sqlite_scene, few, monkeypatch):
    waiting = run(sqlite_scene, asked(crowd(sqlite_scene, 2))).proposal
    monkeypatch.setattr(bulk_revocation, "approve", lambda *_words: False)
    assert refused_for(approve, waiting.proposal_id, "b2", sqlite_scene.ctx, REQUEST) is BulkErrorReason.CHANGED


def test_two_approve_at_once(scene, few):
    waiting = run(scene, asked(crowd(scene, 2))).proposal
    assert bulk_revocation.approve(scene.db, waiting, "b2", scene.audit_entry()) is True
    assert bulk_revocation.approve(scene.db, waiting, "c3", scene.audit_entry()) is False
    bulk_revocation.finish(scene.db, waiting, scene.audit_entry())
    bulk_revocation.finish(scene.db, waiting, scene.audit_entry())
    assert len(audited(scene, "bulk-done")) == 1


def test_no_such_proposal(sqlite_scene):
    assert refused_for(look_at_proposal, "0" * 32, "b2", sqlite_scene.ctx) is BulkErrorReason.NO_PROPOSAL


def test_the_same_once_more_is_the_one_that_waits(scene, few):
    serials = crowd(scene, 3)
    first = run(scene, asked(serials[:2])).proposal
    assert run(scene, asked(serials[1::-1], officer="A17")).proposal == first
    others = {
        "another officer": asked(serials[:2], officer="b2"),
        "another reason": asked(serials[:2], COMPROMISE),
        "other certificates": asked(serials[1:]),
        "another time": BulkRevocationRequest(
            CertificateSelection(serials=serials[:2]), SUPERSEDED, "a17", scene.clock.now
        ),
    }
    ids = {name: run(scene, ask).proposal.proposal_id for name, ask in others.items()}
    assert len({first.proposal_id, *ids.values()}) == 5
    waiting = bulk_revocation.waiting(scene.db, scene.clock.now)
    assert [one.proposal_id for one in waiting] == [first.proposal_id, *ids.values()]
    assert count_open_proposals(scene.ctx) == 5
    scene.clock.forward(PROPOSAL_LIVES + SECOND)
    assert (bulk_revocation.waiting(scene.db, scene.clock.now), count_open_proposals(scene.ctx)) == ((), 0)
    assert run(scene, asked(serials[:2])).proposal.proposal_id != first.proposal_id


def test_whoever_proposed_it_takes_it_back(scene, few, monkeypatch):
    serials = crowd(scene, 2)
    waiting = run(scene, asked(serials)).proposal
    with monkeypatch.context() as patch:
        patch.setattr(bulk_revocation, "withdraw", lambda *_words: False)
        assert refused_for(withdraw, waiting.proposal_id, "a17", scene.ctx, REQUEST) is BulkErrorReason.CHANGED
    assert refused_for(withdraw, waiting.proposal_id, "b2", scene.ctx, REQUEST) is BulkErrorReason.OTHER_OFFICER
    assert refused_for(withdraw, "0" * 32, "a17", scene.ctx, REQUEST) is BulkErrorReason.NO_PROPOSAL
    assert withdraw(waiting.proposal_id, "A17", scene.ctx, REQUEST) == waiting
    assert [actor for actor, *_ in audited(scene, "bulk-withdrawn")] == ["officer:A17"]
    assert refused_for(withdraw, waiting.proposal_id, "a17", scene.ctx, REQUEST) is BulkErrorReason.WITHDRAWN
    assert refused_for(approve, waiting.proposal_id, "b2", scene.ctx, REQUEST) is BulkErrorReason.WITHDRAWN
    assert bulk_revocation.approve(scene.db, waiting, "b2", scene.audit_entry()) is False
    assert bulk_revocation.withdraw(scene.db, waiting, scene.audit_entry()) is False
    assert (revoked(scene), count_open_proposals(scene.ctx), bulk_revocation.unfinished(scene.db)) == (set(), 0, ())
    assert run(scene, asked(serials)).proposal.proposal_id != waiting.proposal_id
    assert alone_lately("a17", scene.ctx) == 0


# Selection of certificates.


def test_each_choice_narrows(sqlite_scene):
    add_organisation(sqlite_scene, "7654321-0")
    first, sftp = crowd(sqlite_scene, 1)[0], crowd(sqlite_scene, 1, Channel.SFTP)[0]
    sqlite_scene.clock.forward(DAY)
    other = enrolled(sqlite_scene, customer_id="7654321-0").serial
    now, authority = sqlite_scene.clock.now, sqlite_scene.ctx.issuing[Channel.WS]
    choices = {
        "an organisation": ({"customer_id": CUSTOMER_ID.lower()}, {first, sftp}),
        "a CA": ({"authority": authority}, {first, other}),
        "a time": ({"issued": (now - DAY, now)}, {first, sftp}),
        "a time that begins with the second": ({"issued": (now, now + SECOND)}, {other}),
        "all of these": ({"authority": authority, "customer_id": CUSTOMER_ID, "issued": (now - DAY, now)}, {first}),
        "serials of another": ({"serials": (other, other), "customer_id": CUSTOMER_ID}, set()),
    }
    for name, (wanted, serials) in choices.items():
        found = preview(BulkRevocationRequest(CertificateSelection(**wanted), SUPERSEDED, "a17"), sqlite_scene.ctx)
        assert (name, set(found.serials), found.passed_over) == (name, serials, 0)
    assert not revoked(sqlite_scene)


def test_what_is_revoked_or_ended_is_passed_over(sqlite_scene):
    gone, held = crowd(sqlite_scene, 1)[0], enrolled(sqlite_scene)
    revoke(RevocationRequest(gone, SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    in_the_window(sqlite_scene, held, timedelta(0))
    ask = asked((gone, held.serial))
    found = preview(ask, sqlite_scene.ctx)
    assert (found.serials, found.passed_over) == ((held.serial,), 1), "the last second"
    sqlite_scene.clock.forward(SECOND)
    assert preview(ask, sqlite_scene.ctx).going == ()
    outcome = run(sqlite_scene, ask)
    assert (outcome.proposal, outcome.resumed) == (None, ())
    assert not BulkRevocation.objects.using(sqlite_scene.db.alias).exists()


def test_a_lost_key_takes_its_renewals_along(sqlite_scene):
    first = enrolled(sqlite_scene)
    in_the_window(sqlite_scene, first)
    second = renewed(sqlite_scene, first)
    assert preview(asked((first.serial,)), sqlite_scene.ctx).serials == (first.serial,)
    found = preview(asked((first.serial, second.serial), COMPROMISE), sqlite_scene.ctx)
    assert (found.serials, found.along) == ((first.serial, second.serial), frozenset())
    assert preview(asked((second.serial,), COMPROMISE), sqlite_scene.ctx).serials == (second.serial,)
    revoke(RevocationRequest(first.serial, SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    outcome = run(sqlite_scene, asked((first.serial,), COMPROMISE))
    assert outcome.selection.along == frozenset({second.serial})
    assert revoked(sqlite_scene) == {first.serial, second.serial}


def test_a_renewal_that_comes_in_between_goes_along(sqlite_scene):
    held = enrolled(sqlite_scene)
    in_the_window(sqlite_scene, held)
    new = []
    between = once_at("many-stored", lambda: new.append(renewed(sqlite_scene, held).serial))
    run(sqlite_scene.but(step=between), asked((held.serial,), COMPROMISE))
    assert revoked(sqlite_scene) == {held.serial, *new}


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
def test_refused(sqlite_scene, ask, reason):
    assert refused_for(revoke_many, ask, sqlite_scene.ctx, REQUEST) is reason


# Faults during a run.


def test_the_signer_is_away(sqlite_scene, caplog):
    (serial,) = crowd(sqlite_scene, 1)
    sqlite_scene.signer.away = True
    assert run(sqlite_scene, asked((serial,))).proposal.done_at
    assert "the serving process publishes them" in caplog.text
    sqlite_scene.signer.away = False
    assert listed(sqlite_scene) == {serial}


class FullJournal:
    """Journal that cannot be written."""

    def holds(self, _kind, _serial):
        return False

    def append(self, _facts):
        sentence = "the disk is full"
        raise JournalUnavailable(sentence)


def test_the_journal_is_full(sqlite_scene, tmp_path):
    (serial,) = crowd(sqlite_scene, 1)
    with golden.refused("sentences/journal-full/many-revocations", JournalUnavailable):
        run(sqlite_scene.but(journal=FullJournal()), asked((serial,)))
    with keeping(sqlite_scene, tmp_path) as kept:
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
def test_a_run_that_is_cut_short_is_gone_on_with_by_the_same_command(sqlite_scene, one_line_at_once, step):
    scene = sqlite_scene
    ask, reports = asked(crowd(scene, 2)), []
    with pytest.raises(KilledError):
        run(scene.but(step=killed_at(step)), ask)
    outcome = run(scene, ask, on_progress=lambda done, of: reports.append((done, of)))
    assert revoked(scene) == set(ask.wanted.serials) == listed(scene)
    assert ([one.serials for one in outcome.resumed], outcome.proposal) == ([ask.wanted.serials], None)
    assert reports == [(1, 2), (2, 2)]
    assert [len(audited(scene, action)) for action in ("certificate-revoked", "bulk-begun", "bulk-done")] == [2, 1, 1]
    assert bulk_revocation.unfinished(scene.db) == ()


@pytest.mark.parametrize("step", ["many-approved", *STEPS[1:]])
def test_an_approved_run_that_is_cut_short_is_gone_on_with(sqlite_scene, few, one_line_at_once, step):
    serials = crowd(sqlite_scene, 2)
    waiting = run(sqlite_scene, asked(serials)).proposal
    with pytest.raises(KilledError):
        approved(waiting, sqlite_scene.but(step=killed_at(step)).ctx)
    sqlite_scene.clock.forward(PROPOSAL_LIVES + SECOND)
    assert approved(waiting, sqlite_scene.ctx).done_at == sqlite_scene.clock.now
    assert revoked(sqlite_scene) == set(serials) == listed(sqlite_scene)
    assert len(audited(sqlite_scene, "bulk-approved")) == 1


def test_a_run_that_is_cut_short_counts(sqlite_scene, few):
    serials = crowd(sqlite_scene, 2)
    with pytest.raises(KilledError):
        run(sqlite_scene.but(step=killed_at("many-stored")), asked(serials[:1]))
    assert run(sqlite_scene, asked(serials[1:])).proposal.approved_at is None
    assert revoked(sqlite_scene) == set(serials[:1])


def test_ids_of_proposals_are_found(sqlite_scene, few):
    waiting = run(sqlite_scene, asked(crowd(sqlite_scene, 2))).proposal
    found, selection = look_at_proposal(waiting.proposal_id, "b2", sqlite_scene.ctx)
    assert found == waiting
    assert selection.serials == waiting.serials
