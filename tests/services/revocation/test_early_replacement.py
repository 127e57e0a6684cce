"""Calls for early replacement: their targets, effects and cancellation.

The tests include runs that were interrupted.
"""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.database.certificates import early_replacement
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.models import EarlyReplacement, EarlyReplacementItem
from sinetti.domain.certificates.bulk_revocation import BulkRevocationError
from sinetti.domain.certificates.renewal_info import ASK_AGAIN, ASK_AGAIN_CALLED, EarlyReplacementError, Explanation
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Channel, Language
from sinetti.pki.ari_id import ari_cert_id, parse_ari_cert_id
from sinetti.pki.encoding import load_certificate
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.renew import renew
from sinetti.services.revocation.early_replacement import (
    EarlyReplacementRequest,
    call_early,
    cancel,
    list_status,
    preview,
    read_status,
)
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.renewal_info import hint_of, identified
from tests.support import golden
from tests.support.authority import CUSTOMER_ID, NOW, issuer
from tests.support.killed import KilledError, killed_at, once_at
from tests.support.registers import crowd
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    accepted,
    add_organisation,
    enrolled,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
    renewed,
)

NOTICE = Explanation({Language.FI: "syy", Language.SV: "orsak", Language.EN: "why"}, "https://service.example/incident")
OVER = timedelta(hours=8)


def asked(*serials, notice=NOTICE, over=OVER, officer="a17", **wanted):
    return EarlyReplacementRequest(
        CertificateSelection(serials=serials or None, **wanted), officer, "incident 7", notice, over
    )


def run(scene, ask, **rest):
    return call_early(ask, scene.ctx, REQUEST, **rest)


def hint(scene, held):
    identifier, serial = parse_ari_cert_id(ari_cert_id(load_certificate(held.der)))
    return hint_of(identified(scene.ctx)[identifier], serial, scene.ctx)


def opens(scene, held):
    return scene.certificate(held.serial).renewable_from


def rule(held):
    return load_certificate(held.der).not_valid_after_utc - 60 * DAY


def audited(scene, action):
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action=action).order_by("sequence")
    return list(rows.values_list("object", flat=True))


def test_called_explained_and_renewed_at_once(scene):
    held, other = enrolled(scene), enrolled(scene)
    before = hint(scene, held)
    assert before.window.start >= rule(held)
    assert (before.notice, before.ask_again) == (Explanation(), ASK_AGAIN)
    assert refused(renew(renew_ask(held, new_key()), scene.ctx, REQUEST)) is RejectionReason.TOO_EARLY
    outcome = run(scene, asked(held.serial))
    assert (outcome.opened, outcome.selection.serials, outcome.selection.passed_over) == (1, (held.serial,), 0)
    assert opens(scene, held) == NOW
    assert opens(scene, other) == rule(other)
    now = hint(scene, held)
    assert NOW <= now.window.start < now.window.end <= NOW + OVER
    assert (now.notice, now.ask_again) == (NOTICE, ASK_AGAIN_CALLED)
    # A holder outside the call gets no explanation, but asks again sooner, because there may be more to it.
    assert hint(scene, other) == type(before)(hint(scene, other).window, Explanation(), ASK_AGAIN_CALLED)
    new = renewed(scene, held)
    assert opens(scene, new) == rule(new)
    assert refused(renew(renew_ask(other, new_key()), scene.ctx, REQUEST)) is RejectionReason.TOO_EARLY
    scene.clock.forward(OVER + SECOND)
    assert hint(scene, other).ask_again == ASK_AGAIN
    assert hint(scene, held).notice == NOTICE, "a client that missed the call gets the explanation afterwards"


def test_what_is_called_and_what_is_passed_over(scene):
    add_organisation(scene, "7654321-4")
    ended = enrolled(scene)
    in_the_window(scene, ended, -SECOND)
    held, gone, sftp = enrolled(scene), enrolled(scene), enrolled(scene, Channel.SFTP)
    foreign = enrolled(scene, customer_id="7654321-4")
    revoke(RevocationRequest(gone.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    unfetched = accepted(enrol(new_ask(ordered(scene), new_key()), scene.ctx, REQUEST))
    known = models.Certificate.objects.using(scene.db.alias).get(retrieval_id=unfetched)
    mine = preview(asked(authority=issuer().file_name, customer_id=CUSTOMER_ID), scene.ctx)
    assert (set(mine.serials), mine.passed_over) == ({held.serial, known.serial}, 2)
    assert preview(asked(sftp.serial, foreign.serial), scene.ctx).serials == (sftp.serial, foreign.serial)
    assert set(preview(asked(customer_id="7654321-4"), scene.ctx).serials) == {foreign.serial}
    run(scene, asked(held.serial))
    assert preview(asked(held.serial), scene.ctx).passed_over == 1, "a certificate is in one call at most"


def test_what_was_renewed_is_passed_over_until_its_renewal_is_revoked(sqlite_scene):
    held = enrolled(sqlite_scene)
    in_the_window(sqlite_scene, held)
    new = renewed(sqlite_scene, held)
    assert preview(asked(held.serial, new.serial), sqlite_scene.ctx).serials == (new.serial,)
    revoke(RevocationRequest(new.serial, RevocationReason.SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    assert preview(asked(held.serial, new.serial), sqlite_scene.ctx).serials == (held.serial,)


def test_renewal_that_was_open_stays_open_since_then(sqlite_scene):
    held = enrolled(sqlite_scene)
    now, usual = in_the_window(sqlite_scene, held, DAY), hint(sqlite_scene, held).window
    run(sqlite_scene, asked(held.serial))
    assert opens(sqlite_scene, held) == rule(held) < now
    assert hint(sqlite_scene, held).window == usual, "who is late already is not put off"
    assert hint(sqlite_scene, held).notice == NOTICE


REFUSED = {
    "everything": (asked(), BulkRevocationError),
    "an unknown serial": (asked("41"), BulkRevocationError),
    "an unknown CA": (asked(authority="x"), BulkRevocationError),
    "an unknown organisation": (asked(customer_id="x"), BulkRevocationError),
    "an officer who is a name": (asked("41", officer="Åke Å"), BulkRevocationError),
    "no time": (asked("41", over=timedelta(0)), EarlyReplacementError),
    "one language": (asked("41", notice=Explanation({Language.FI: "syy"})), EarlyReplacementError),
}


def test_refused(sqlite_scene):
    for error, name in ((BulkRevocationError, "selections"), (EarlyReplacementError, "calls")):
        asks = {case: ask for case, (ask, kind) in REFUSED.items() if kind is error}
        previews = golden.refusals({case: partial(preview, ask, sqlite_scene.ctx) for case, ask in asks.items()}, error)
        assert previews == golden.refusals({case: partial(run, sqlite_scene, ask) for case, ask in asks.items()}, error)
        golden.check(f"sentences/early-replacement/{name}", {"en.txt": previews})
    assert list_status(sqlite_scene.ctx) == ()


def test_nothing_left(sqlite_scene):
    held = enrolled(sqlite_scene)
    run(sqlite_scene, asked(held.serial))
    outcome = run(sqlite_scene, asked(held.serial))
    assert (outcome.call, outcome.opened, outcome.selection.passed_over) == (None, 0, 1)
    assert len(list_status(sqlite_scene.ctx)) == 1


def test_undone(scene):
    held, other = enrolled(scene), enrolled(scene)
    usual = hint(scene, held)
    call = run(scene, asked(held.serial, other.serial)).call
    new = renewed(scene, other)
    cancel(call.call_id, "b2", scene.ctx, REQUEST)
    assert opens(scene, held) == rule(held)
    assert hint(scene, held) == usual
    assert refused(renew(renew_ask(held, new_key()), scene.ctx, REQUEST)) is RejectionReason.TOO_EARLY
    assert not scene.certificate(new.serial).revoked, "what was renewed meanwhile stays"
    assert list_status(scene.ctx) == ()
    with pytest.raises(EarlyReplacementError, match="already been cancelled"):
        cancel(call.call_id, "b2", scene.ctx, REQUEST)
    with pytest.raises(EarlyReplacementError, match="no call"):
        cancel("x", "b2", scene.ctx, REQUEST)
    with pytest.raises(BulkRevocationError):
        cancel(call.call_id, "b 2", scene.ctx, REQUEST)
    again = run(scene, asked(held.serial)).call
    assert read_status(again.call_id, scene.ctx).status.count == 1, "it may be called anew"


def test_all_of_it_is_in_the_audit_trail_and_no_text_of_anybody(sqlite_scene):
    held = enrolled(sqlite_scene)
    call = run(sqlite_scene, asked(held.serial)).call
    cancel(call.call_id, "b2", sqlite_scene.ctx, REQUEST)
    mine, its = [f"early-call:{call.call_id}"], [f"certificate:{held.serial}"]
    found = {action: audited(sqlite_scene, action) for action in ("early-called", "early-done", "early-undone")}
    assert found == {"early-called": mine, "early-done": mine, "early-undone": mine}
    assert audited(sqlite_scene, "renewal-opened-early") == its == audited(sqlite_scene, "renewal-opened-by-rule")
    rows = models.AuditEvent.objects.using(sqlite_scene.db.alias).filter(object__in=[*mine, *its])
    octets = b"".join(bytes(row.octets) for row in rows)
    assert b"incident 7" not in octets
    assert b"orsak" not in octets
    actors = rows.filter(action__startswith="early").order_by("sequence").values_list("actor", flat=True)
    assert list(actors) == ["officer:a17", "officer:a17", "officer:b2"]


@pytest.fixture
def one_at_once(monkeypatch):
    """Give each certificate a transaction of its own.

    So a run can be interrupted in its middle.
    """
    monkeypatch.setattr(early_replacement, "AT_ONCE", 1)


@pytest.mark.parametrize("step", ["early-stored", "early-opened"])
def test_a_call_that_is_cut_short_is_gone_on_with_by_the_same_command(scene, one_at_once, step):
    held, reports = [enrolled(scene) for _ in range(3)], []
    ask = asked(*(one.serial for one in held))
    with pytest.raises(KilledError):
        run(scene.but(step=killed_at(step)), ask)
    scene.clock.forward(DAY)
    outcome = run(scene, ask, on_progress=lambda done, of: reports.append((done, of)))
    assert [opens(scene, one) for one in held] == [NOW] * 3
    assert ([len(one.serials) for one in outcome.resumed], outcome.call) == ([3], None)
    assert reports == [(1, 3), (2, 3), (3, 3)]
    assert len(audited(scene, "renewal-opened-early")) == 3
    assert len(audited(scene, "early-called")) == len(audited(scene, "early-done")) == 1
    assert early_replacement.unfinished(scene.db) == ()


@pytest.mark.parametrize("step", ["early-undone", "early-back"])
@pytest.mark.parametrize("by", ["undo", "another call"])
def test_an_undoing_that_is_cut_short_is_gone_on_with(scene, one_at_once, step, by):
    held, other = [enrolled(scene) for _ in range(2)], enrolled(scene)
    call = run(scene, asked(*(one.serial for one in held))).call
    with pytest.raises(KilledError):
        cancel(call.call_id, "b2", scene.but(step=killed_at(step)).ctx, REQUEST)
    reports = []
    if by == "undo":
        cancel(call.call_id, "b2", scene.ctx, REQUEST, lambda done, of: reports.append((done, of)))
        assert reports[-1][0] == reports[-1][1] == len(reports)
    else:
        assert [one.call_id for one in run(scene, asked(other.serial)).resumed] == [call.call_id]
    assert [opens(scene, one) for one in held] == [rule(one) for one in held]
    assert len(audited(scene, "renewal-opened-by-rule")) == 2
    assert len(audited(scene, "early-undone")) == 1
    assert early_replacement.unfinished(scene.db) == ()


def test_a_call_that_is_undone_while_it_is_carried_out_opens_nothing_more(sqlite_scene, one_at_once):
    scene, held = sqlite_scene, [enrolled(sqlite_scene) for _ in range(2)]

    def undoing():
        (call,) = list_status(scene.ctx)
        cancel(call.call_id, "b2", scene.ctx, REQUEST)

    run(scene.but(step=once_at("early-opened", undoing)), asked(*(one.serial for one in held)))
    assert [opens(scene, one) for one in held] == [rule(one) for one in held]
    row = EarlyReplacement.objects.using(scene.db.alias).get()
    assert (row.done_at, row.back_at) == (None, scene.clock.now)
    assert early_replacement.unfinished(scene.db) == ()


def test_what_is_revoked_while_it_is_carried_out_is_not_opened(sqlite_scene):
    scene, held = sqlite_scene, enrolled(sqlite_scene)

    def revoking():
        revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)

    outcome = run(scene.but(step=once_at("early-stored", revoking)), asked(held.serial))
    assert outcome.opened == 0
    assert not EarlyReplacementItem.objects.using(scene.db.alias).exists()


def test_two_officers_at_once_bring_no_certificate_into_two_calls(scene, one_at_once):
    held = [enrolled(scene) for _ in range(4)]
    ask = asked(*(one.serial for one in held))
    crowd(scene.db, 3, lambda _number: run(scene, ask))
    assert [opens(scene, one) for one in held] == [NOW] * 4
    assert EarlyReplacementItem.objects.using(scene.db.alias).count() == 4
    assert len(audited(scene, "renewal-opened-early")) == 4
    assert early_replacement.unfinished(scene.db) == ()


def test_renewals_go_on_while_many_are_called(scene, one_at_once):
    """A renewal during the call does not wait forever.

    It is refused for no other reason than the time.
    """
    held = [enrolled(scene) for _ in range(3)]

    def either(number):
        if number == 0:
            run(scene, asked(*(one.serial for one in held)))
            return None
        return renew(renew_ask(held[number - 1], new_key()), scene.ctx, REQUEST)

    answers = [one for one in crowd(scene.db, 4, either) if one is not None]
    assert {one.reason for one in answers if isinstance(one, Rejection)} <= {RejectionReason.TOO_EARLY}
    for one in held:
        assert opens(scene, one) == NOW


def statements(scene, do):
    with CaptureQueriesContext(connections[scene.db.alias]) as caught:
        do()
    return len(caught)


def test_a_hint_is_one_statement_but_for_the_first_of_a_day(scene):
    held = enrolled(scene)
    known = identified(scene.ctx)
    identifier, serial = parse_ari_cert_id(ari_cert_id(load_certificate(held.der)))
    assert statements(scene, lambda: hint_of(known[identifier], serial, scene.ctx)) > 1
    assert statements(scene, lambda: hint_of(known[identifier], serial, scene.ctx)) == 1
    assert statements(scene, lambda: hint_of(known[identifier], "41", scene.ctx)) == 1
    run(scene, asked(held.serial))
    assert statements(scene, lambda: hint_of(known[identifier], serial, scene.ctx)) == 1


def test_a_call_of_many_takes_as_many_statements_as_one_of_few(scene):
    before, *held = [enrolled(scene) for _ in range(8)]
    cancel(run(scene, asked(before.serial)).call.call_id, "a17", scene.ctx, REQUEST)  # the first call makes the turn
    few = statements(scene, lambda: run(scene, asked(*(one.serial for one in held[:2]))))
    many = statements(scene, lambda: run(scene, asked(*(one.serial for one in held[2:]))))
    assert many == few <= 40
    first, second = list_status(scene.ctx)
    one = statements(scene, lambda: cancel(first.call_id, "b2", scene.ctx, REQUEST))
    assert statements(scene, lambda: cancel(second.call_id, "b2", scene.ctx, REQUEST)) == one <= 40


def test_of_a_revoked_certificate_the_window_has_passed_and_nothing_is_explained(scene):
    held = enrolled(scene)
    run(scene, asked(held.serial))
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)
    found = hint(scene, held)
    assert found.window.end < scene.clock.now
    assert found.notice == Explanation()


def test_no_hint_for_what_nobody_has(scene):
    held = enrolled(scene)
    with pytest.raises(KilledError):
        enrol(new_ask(ordered(scene), new_key()), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    waiting = models.Certificate.objects.using(scene.db.alias).get(state="reserved")
    assert hint_of((waiting.authority_id,), waiting.serial, scene.ctx) is None
    assert hint_of(("another",), held.serial, scene.ctx) is None
