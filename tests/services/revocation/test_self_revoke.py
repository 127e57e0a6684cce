"""Revocation of a certificate by its own key.

The tests cover what is revoked, which messages are queued, and the answer to a repeated call.
"""

import pytest
from cryptography import x509

from sinetti.database import models
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.certificates.self_revocation import SelfRevocationResult
from sinetti.domain.refusals import RejectionReason
from sinetti.journal.writer import JournalUnavailable
from sinetti.pki.encoding import load_certificate, serial_hex, sha256_hex
from sinetti.services.issuance.renew import renew
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.revocation.self_revoke import SelfRevocation, revoke_own, signer_of
from sinetti.services.status.crl import current_crl
from tests.support.authority import issuer
from tests.support.journals import keeping, kinds
from tests.support.registers import crowd
from tests.support.service_context import (
    DAY,
    REQUEST,
    SECOND,
    KilledError,
    enrolled,
    in_the_window,
    killed_at,
    new_key,
    refused,
    renew_ask,
    renewed,
)

SUPERSEDED, LOST = RevocationReason.SUPERSEDED, RevocationReason.KEY_COMPROMISE


def signed_by(desk, held):
    found = signer_of(sha256_hex(held.der), desk.ctx)
    assert found is not None
    assert (found.der, found.certificate.serial) == (held.der, held.serial)
    return found


def run(desk, held, reason=SUPERSEDED, serial=None):
    return revoke_own(signed_by(desk, held), serial or held.serial, reason, desk.ctx, REQUEST)


def listed(desk):
    held = current_crl(issuer().file_name, 0, desk.ctx, REQUEST)
    return {serial_hex(one.serial_number) for one in x509.load_der_x509_crl(held.der)}


def operator(desk, held, reason, **rest):
    return revoke(RevocationRequest(held.serial, reason, **rest), desk.ctx, "operator", REQUEST)


def test_revoked_listed_told_and_audited(desk):
    held, sibling = enrolled(desk), enrolled(desk)
    now = desk.clock.forward(DAY)
    assert run(desk, held) == SelfRevocation(held.serial, now, SUPERSEDED)
    assert listed(desk) == {held.serial}
    assert not desk.certificate(sibling.serial).revoked
    assert refused(renew(renew_ask(held, new_key()), desk.ctx, REQUEST)) is RejectionReason.SIGNER_REVOKED
    rows = models.AuditEvent.objects.using(desk.db.alias).filter(action="certificate-revoked")
    assert list(rows.values_list("actor", "object")) == [(f"certificate:{held.serial}",) * 2]
    answer = models.OcspResponse.objects.using(desk.db.alias).get(serial=held.serial)
    assert (answer.revoked_at, answer.revocation_reason) == (now, SUPERSEDED)
    owed = models.OutboxMessage.objects.using(desk.db.alias).filter(kind="revoked")
    assert [row.certificate.serial for row in owed] == [held.serial]


def test_the_same_again_is_answered_alike_and_changes_nothing(desk):
    held = enrolled(desk)
    signer = signed_by(desk, held)
    first = run(desk, held)
    desk.clock.forward(DAY)
    assert run(desk, held) == first
    # Two calls at once: this one had read the state before the other was done.
    assert revoke_own(signer, held.serial, SUPERSEDED, desk.ctx, REQUEST) == first
    rows = models.AuditEvent.objects.using(desk.db.alias).filter(action="certificate-revoked")
    assert rows.count() == 1


def test_the_same_from_many_at_once(desk):
    held = enrolled(desk)
    answers = crowd(desk.db, 4, lambda _number: run(desk, held))
    assert set(answers) == {SelfRevocation(held.serial, desk.clock.now, SUPERSEDED)}
    rows = models.AuditEvent.objects.using(desk.db.alias).filter(action="certificate-revoked")
    assert rows.count() == 1


def test_the_same_again_after_its_end(sqlite_desk):
    held = enrolled(sqlite_desk)
    first = run(sqlite_desk, held)
    in_the_window(sqlite_desk, held, -SECOND)
    assert run(sqlite_desk, held) == first


def test_once_revoked_its_signature_opens_nothing_more(desk):
    held = enrolled(desk)
    in_the_window(desk, held)
    new = renewed(desk, held)
    run(desk, held)
    assert run(desk, held, LOST) is SelfRevocationResult.ALREADY
    assert not desk.certificate(new.serial).revoked
    assert desk.certificate(held.serial).revocation_reason is SUPERSEDED


def test_a_lost_key_takes_along_what_was_renewed_with_it(desk):
    held = enrolled(desk)
    in_the_window(desk, held)
    new = renewed(desk, held)
    assert run(desk, held, LOST).reason is LOST
    assert listed(desk) == {held.serial, new.serial}


def test_a_renewal_cannot_revoke_what_it_came_from(desk):
    held = enrolled(desk)
    in_the_window(desk, held)
    new = renewed(desk, held)
    assert run(desk, new, LOST, held.serial) is SelfRevocationResult.OTHER
    assert run(desk, new, LOST).serial == new.serial
    assert not desk.certificate(held.serial).revoked


def test_what_was_spared_by_somebody_who_looked_stays_spared(desk):
    held = enrolled(desk)
    in_the_window(desk, held)
    new = renewed(desk, held)
    operator(desk, held, LOST, excluded=(new.serial,))
    assert run(desk, held, LOST).reason is LOST
    assert not desk.certificate(new.serial).revoked


def test_somebody_else_was_faster_for_another_reason(sqlite_desk):
    held = enrolled(sqlite_desk)
    signer = signed_by(sqlite_desk, held)
    operator(sqlite_desk, held, RevocationReason.CESSATION_OF_OPERATION)
    assert revoke_own(signer, held.serial, SUPERSEDED, sqlite_desk.ctx, REQUEST) is SelfRevocationResult.ALREADY
    assert sqlite_desk.certificate(held.serial).revocation_reason is RevocationReason.CESSATION_OF_OPERATION


def test_after_its_end_and_for_reasons_of_others(sqlite_desk):
    held = enrolled(sqlite_desk)
    assert run(sqlite_desk, held, RevocationReason.PRIVILEGE_WITHDRAWN) is SelfRevocationResult.REASON
    in_the_window(sqlite_desk, held, -SECOND)
    assert run(sqlite_desk, held) is SelfRevocationResult.ENDED
    assert not sqlite_desk.certificate(held.serial).revoked


def test_cut_short_it_is_finished_by_the_same_call(sqlite_desk, tmp_path):
    held = enrolled(sqlite_desk)
    with keeping(sqlite_desk, tmp_path) as kept:
        with pytest.raises(KilledError):
            run(kept.but(step=killed_at("revoked")), held)
        assert "revoked" not in kinds(kept)
        assert sqlite_desk.certificate(held.serial).revoked
        assert run(kept, held).reason is SUPERSEDED
        assert kinds(kept).count("revoked") == 1
        assert held.serial in listed(kept)


class FullJournal:
    """Journal that cannot be written."""

    def holds(self, _kind, _serial):
        return False

    def append(self, _facts):
        sentence = "the disk is full"
        raise JournalUnavailable(sentence)


def test_the_journal_is_full(sqlite_desk):
    held = enrolled(sqlite_desk)
    with pytest.raises(JournalUnavailable):
        run(sqlite_desk.but(journal=FullJournal()), held)
    assert run(sqlite_desk, held).reason is SUPERSEDED


def test_who_signed_is_found_by_digest_or_by_ca_and_serial(desk):
    held = enrolled(desk)
    by_serial = signer_of(((issuer().file_name,), held.serial), desk.ctx)
    assert by_serial == signed_by(desk, held)
    for nobody in (sha256_hex(b"x"), (("another",), held.serial), ((issuer().file_name,), "41")):
        assert signer_of(nobody, desk.ctx) is None
    assert load_certificate(by_serial.der).serial_number == int(held.serial, 16)
