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
from tests.support.killed import KilledError, killed_at
from tests.support.registers import crowd
from tests.support.scene import DAY, REQUEST, SECOND, enrolled, in_the_window, new_key, refused, renew_ask, renewed

SUPERSEDED, LOST = RevocationReason.SUPERSEDED, RevocationReason.KEY_COMPROMISE


def signed_by(scene, held):
    found = signer_of(sha256_hex(held.der), scene.ctx)
    assert found is not None
    assert (found.der, found.certificate.serial) == (held.der, held.serial)
    return found


def run(scene, held, reason=SUPERSEDED, serial=None):
    return revoke_own(signed_by(scene, held), serial or held.serial, reason, scene.ctx, REQUEST)


def listed(scene):
    held = current_crl(issuer().file_name, 0, scene.ctx, REQUEST)
    return {serial_hex(one.serial_number) for one in x509.load_der_x509_crl(held.der)}


def operator(scene, held, reason, **rest):
    return revoke(RevocationRequest(held.serial, reason, **rest), scene.ctx, "operator", REQUEST)


def test_revoked_listed_told_and_audited(scene):
    held, sibling = enrolled(scene), enrolled(scene)
    now = scene.clock.forward(DAY)
    assert run(scene, held) == SelfRevocation(held.serial, now, SUPERSEDED)
    assert listed(scene) == {held.serial}
    assert not scene.certificate(sibling.serial).revoked
    assert refused(renew(renew_ask(held, new_key()), scene.ctx, REQUEST)) is RejectionReason.SIGNER_REVOKED
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action="certificate-revoked")
    assert list(rows.values_list("actor", "object")) == [(f"certificate:{held.serial}",) * 2]
    answer = models.OcspResponse.objects.using(scene.db.alias).get(serial=held.serial)
    assert (answer.revoked_at, answer.revocation_reason) == (now, SUPERSEDED)
    owed = models.OutboxMessage.objects.using(scene.db.alias).filter(kind="revoked")
    assert [row.certificate.serial for row in owed] == [held.serial]


def test_the_same_again_is_answered_alike_and_changes_nothing(scene):
    held = enrolled(scene)
    signer = signed_by(scene, held)
    first = run(scene, held)
    scene.clock.forward(DAY)
    assert run(scene, held) == first
    # Two calls at once: this one had read the state before the other was done.
    assert revoke_own(signer, held.serial, SUPERSEDED, scene.ctx, REQUEST) == first
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action="certificate-revoked")
    assert rows.count() == 1


def test_the_same_from_many_at_once(scene):
    held = enrolled(scene)
    answers = crowd(scene.db, 4, lambda _number: run(scene, held))
    assert set(answers) == {SelfRevocation(held.serial, scene.clock.now, SUPERSEDED)}
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action="certificate-revoked")
    assert rows.count() == 1


def test_the_same_again_after_its_end(sqlite_scene):
    held = enrolled(sqlite_scene)
    first = run(sqlite_scene, held)
    in_the_window(sqlite_scene, held, -SECOND)
    assert run(sqlite_scene, held) == first


def test_once_revoked_its_signature_opens_nothing_more(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    new = renewed(scene, held)
    run(scene, held)
    assert run(scene, held, LOST) is SelfRevocationResult.ALREADY
    assert not scene.certificate(new.serial).revoked
    assert scene.certificate(held.serial).revocation_reason is SUPERSEDED


def test_a_lost_key_takes_along_what_was_renewed_with_it(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    new = renewed(scene, held)
    assert run(scene, held, LOST).reason is LOST
    assert listed(scene) == {held.serial, new.serial}


def test_a_renewal_cannot_revoke_what_it_came_from(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    new = renewed(scene, held)
    assert run(scene, new, LOST, held.serial) is SelfRevocationResult.OTHER
    assert run(scene, new, LOST).serial == new.serial
    assert not scene.certificate(held.serial).revoked


def test_what_was_spared_by_somebody_who_looked_stays_spared(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    new = renewed(scene, held)
    operator(scene, held, LOST, excluded=(new.serial,))
    assert run(scene, held, LOST).reason is LOST
    assert not scene.certificate(new.serial).revoked


def test_somebody_else_was_faster_for_another_reason(sqlite_scene):
    held = enrolled(sqlite_scene)
    signer = signed_by(sqlite_scene, held)
    operator(sqlite_scene, held, RevocationReason.CESSATION_OF_OPERATION)
    assert revoke_own(signer, held.serial, SUPERSEDED, sqlite_scene.ctx, REQUEST) is SelfRevocationResult.ALREADY
    assert sqlite_scene.certificate(held.serial).revocation_reason is RevocationReason.CESSATION_OF_OPERATION


def test_after_its_end_and_for_reasons_of_others(sqlite_scene):
    held = enrolled(sqlite_scene)
    assert run(sqlite_scene, held, RevocationReason.PRIVILEGE_WITHDRAWN) is SelfRevocationResult.REASON
    in_the_window(sqlite_scene, held, -SECOND)
    assert run(sqlite_scene, held) is SelfRevocationResult.ENDED
    assert not sqlite_scene.certificate(held.serial).revoked


def test_cut_short_it_is_finished_by_the_same_call(sqlite_scene, tmp_path):
    held = enrolled(sqlite_scene)
    with keeping(sqlite_scene, tmp_path) as kept:
        with pytest.raises(KilledError):
            run(kept.but(step=killed_at("revoked")), held)
        assert "revoked" not in kinds(kept)
        assert sqlite_scene.certificate(held.serial).revoked
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


def test_the_journal_is_full(sqlite_scene):
    held = enrolled(sqlite_scene)
    with pytest.raises(JournalUnavailable):
        run(sqlite_scene.but(journal=FullJournal()), held)
    assert run(sqlite_scene, held).reason is SUPERSEDED


def test_who_signed_is_found_by_digest_or_by_ca_and_serial(scene):
    held = enrolled(scene)
    by_serial = signer_of(((issuer().file_name,), held.serial), scene.ctx)
    assert by_serial == signed_by(scene, held)
    for nobody in (sha256_hex(b"x"), (("another",), held.serial), ((issuer().file_name,), "41")):
        assert signer_of(nobody, scene.ctx) is None
    assert load_certificate(by_serial.der).serial_number == int(held.serial, 16)
