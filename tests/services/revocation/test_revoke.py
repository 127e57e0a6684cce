"""Revocation: effective at once for renewal, and listed in the CRL.

Revocation for a lost key includes the certificates that the key could have signed.
"""

from datetime import timedelta

import pytest
from cryptography import x509
from django.db import transaction

from sinetti.database import models
from sinetti.database.certificates import revocation
from sinetti.database.issuance import crls, status_feed, unregistered
from sinetti.database.notifications import outbox
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.values import Channel, Serial
from sinetti.journal.reader import JournalDamaged
from sinetti.journal.writer import Journal, JournalUnavailable
from sinetti.pki.encoding import certificate_der, load_certificate, serial_hex
from sinetti.services.issuance.renew import renew
from sinetti.services.organisations.registration import certificates
from sinetti.services.revocation.bulk_revoke import alone_lately
from sinetti.services.revocation.revoke import AlreadyRevoked, RevocationError, RevocationRequest, revoke
from sinetti.services.status.crl import current_crl
from sinetti.wire.json_api.status_events import StatusEventKind
from tests.support import golden
from tests.support.authority import holder_certificate, holder_key
from tests.support.journals import keeping, kinds
from tests.support.killed import KilledError, killed_at, once_at
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    Scene,
    accepted,
    enrolled,
    in_the_window,
    new_key,
    refused,
    renew_ask,
    renewed,
)

COMPROMISE = RevocationReason.KEY_COMPROMISE


def revoked(scene: Scene, serial: Serial, reason: RevocationReason = COMPROMISE, **more: object) -> list[Serial]:
    return [one.serial for one in revoke(RevocationRequest(serial, reason, **more), scene.ctx, "operator", REQUEST)]


def listed(scene: Scene, channel: Channel = Channel.WS) -> dict[str, x509.RevokedCertificate]:
    """Return the entries of the current CRL of a channel, keyed by serial."""
    published = current_crl(scene.ctx.issuing[channel], 1, scene.ctx, REQUEST)
    return {f"{entry.serial_number:038x}": entry for entry in x509.load_der_x509_crl(published.der)}


def test_a_certificate_that_the_register_lacks_is_revoked_once_and_counts_for_its_officer(scene, monkeypatch):
    """As the comparison with the separate signer finds it (docs/operators/signer.md)."""
    authority, der = scene.ctx.issuing[Channel.WS], certificate_der(holder_certificate(holder_key(1)))
    serial = Serial(serial_hex(load_certificate(der).serial_number))
    with pytest.raises(RevocationError, match="no certificate has"):
        revoked(scene, serial)
    with transaction.atomic(using=scene.db.alias):
        assert unregistered.record(scene.db, {serial: (authority, der)}, scene.audit_entry()) == [serial]
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 1)
    assert revoked(scene, enrolled(scene).serial, officer="os.anna")
    with pytest.raises(RevocationError, match="propose it to officers"):
        revoked(scene, serial, officer="os.anna")
    assert revoked(scene, serial, officer="os.ben") == []
    assert alone_lately("os.ben", scene.ctx) == 1
    entries = x509.load_der_x509_crl(current_crl(authority, crls.WHOLE, scene.ctx, REQUEST).der)
    assert serial in [f"{entry.serial_number:038x}" for entry in entries]
    with pytest.raises(AlreadyRevoked):
        revoked(scene, serial)


def test_without_officers_nobody_counts_a_certificate_that_the_register_lacks(scene):
    authority, der = scene.ctx.issuing[Channel.WS], certificate_der(holder_certificate(holder_key(1)))
    serial = Serial(serial_hex(load_certificate(der).serial_number))
    with transaction.atomic(using=scene.db.alias):
        unregistered.record(scene.db, {serial: (authority, der)}, scene.audit_entry())
    assert revoked(scene, serial) == []
    assert serial in listed(scene)


def test_one_person_revokes_ten_of_any_kind_in_a_day_and_holders_as_many_as_they_like(scene, line, monkeypatch):
    """Renewals that are revoked along count, too; nothing is revoked beyond the number."""
    first, second, third = (one.serial for one in line)
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 2)
    with pytest.raises(RevocationError, match="propose it to officers"):
        revoked(scene, first, officer="os.anna")
    assert revoked(scene, second, officer="os.anna", excluded=(third,)) == [second]
    with pytest.raises(AlreadyRevoked):
        revoked(scene, second, officer="os.anna", excluded=(third,))
    assert revoked(scene, third, officer="os.anna") == [third]
    with pytest.raises(RevocationError, match="propose it to officers"):
        revoked(scene, first, officer="os.anna")
    assert alone_lately("os.anna", scene.ctx) == 2
    scene.clock.now += DAY
    other = enrolled(scene).serial
    for serial, by in ((first, "os.anna"), (other, "os.ben")):
        assert revoked(scene, serial, officer=by) == [serial]
    assert revoked(scene, enrolled(scene).serial, revoker=RevokerRole.HOLDER)


@pytest.fixture
def line(scene):
    """Return three retrieved certificates, each the renewal of the one before.

    The clock stands at the issuance of the third certificate.
    """
    first = enrolled(scene)
    in_the_window(scene, first)
    second = renewed(scene, first)
    in_the_window(scene, second)
    return first, second, renewed(scene, second)


def test_revoked_for_renewal_at_once(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    assert revoked(scene, held.serial, RevocationReason.CESSATION_OF_OPERATION) == [held.serial]
    assert refused(renew(renew_ask(held, new_key()), scene.ctx, REQUEST)) is RejectionReason.SIGNER_REVOKED
    found = scene.certificate(held.serial)
    assert (found.revoked_at, found.revocation_reason) == (scene.clock.now, RevocationReason.CESSATION_OF_OPERATION)
    assert found.state is CertificateState.RETRIEVED, "revocation stands beside the state"


@pytest.mark.parametrize("reason", [reason for reason in RevocationReason if "compromise" not in reason.lower()])
def test_any_other_reason_leaves_renewals_alone(scene, reason):
    held = enrolled(scene)
    in_the_window(scene, held)
    new = renewed(scene, held)
    assert revoked(scene, held.serial, reason) == [held.serial]
    assert not scene.certificate(new.serial).revoked


def test_who_renewed_what_is_still_told_when_all_are_revoked(scene, line):
    first, second, third = line
    revoked(scene, first.serial)
    told = {row.serial: row.renewed_by for row in certificates(scene.ctx)}
    assert told == {first.serial: second.serial, second.serial: third.serial, third.serial: None}


def test_a_lost_key_takes_along_what_was_renewed_from_it(scene, line):
    first, second, third = (one.serial for one in line)
    assert revoked(scene, first) == [first, second, third]
    for serial in (first, second, third):
        assert scene.certificate(serial).revocation_reason is COMPROMISE
        assert scene.certificate(serial).revoked_at == scene.clock.now


def test_never_what_it_was_renewed_from(scene, line):
    first, second, third = (one.serial for one in line)
    assert revoked(scene, second) == [second, third]
    assert not scene.certificate(first).revoked


def test_one_that_is_taken_out_by_name_stays_with_what_came_of_it(scene, line):
    first, second, third = (one.serial for one in line)
    assert revoked(scene, first, excluded=[second]) == [first]
    assert not scene.certificate(second).revoked
    assert not scene.certificate(third).revoked


def test_the_last_one_is_taken_out_by_name(scene, line):
    first, second, third = (one.serial for one in line)
    assert revoked(scene, first, excluded=[third]) == [first, second]


def test_a_renewal_that_nobody_fetched_goes_too(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    assert len(revoked(scene, held.serial)) == 2


def test_what_was_voided_before_keeps_its_reason(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    new = renewed(scene, held)
    assert revoked(scene, held.serial) == [held.serial, new.serial]
    void = models.Certificate.objects.using(scene.db.alias).get(state=CertificateState.SUPERSEDED)
    assert void.revocation_reason == RevocationReason.SUPERSEDED


def test_another_lineage_of_the_same_organisation_is_left_alone(scene, line):
    other = enrolled(scene)
    revoked(scene, line[0].serial)
    assert not scene.certificate(other.serial).revoked


def test_a_replacement_is_no_renewal(scene):
    """People ordered the replacement; the lost key did not sign for it."""
    held = enrolled(scene)
    replacement = enrolled(scene, replaces=held.serial)
    assert revoked(scene, held.serial) == [held.serial]
    assert not scene.certificate(replacement.serial).revoked


def test_a_renewal_reserved_while_the_line_is_revoked_goes_too(scene, monkeypatch):
    held = enrolled(scene)
    in_the_window(scene, held)
    renewals = revocation.renewals
    late = once_at("read", lambda: accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST)))

    def read_then_renew(db, lineage_id):
        found = renewals(db, lineage_id)
        late("read")
        return found

    monkeypatch.setattr(revocation, "renewals", read_then_renew)
    assert len(revoked(scene, held.serial)) == 2


UNREVOCABLE = {
    "unknown serial": ("41" * 19, COMPROMISE, RevokerRole.OPERATOR, "unknown"),
    "a reason for CAs": (None, RevocationReason.CA_COMPROMISE, RevokerRole.OPERATOR, "reason"),
    "a reason for attribute authorities": (None, RevocationReason.AA_COMPROMISE, RevokerRole.OPERATOR, "reason"),
    "an operator's reason from a holder": (None, RevocationReason.PRIVILEGE_WITHDRAWN, RevokerRole.HOLDER, "reason"),
    "a reason of people from the service": (None, COMPROMISE, RevokerRole.SERVICE, "reason"),
}


@pytest.mark.parametrize(("serial", "reason", "revoker", "kind"), UNREVOCABLE.values(), ids=UNREVOCABLE)
def test_what_cannot_be_revoked(scene, serial, reason, revoker, kind):
    held = enrolled(scene)
    with pytest.raises(RevocationError) as refusal:
        revoked(scene, Serial(serial or held.serial), reason, revoker=revoker)
    assert refusal.value.kind == kind
    assert str(refusal.value)
    assert not scene.certificate(held.serial).revoked


def test_a_key_found_compromised_after_its_certificate_was_revoked(scene, line):
    first, second, third = line
    revoked(scene, first.serial, RevocationReason.SUPERSEDED)
    assert revoked(scene, first.serial) == [first.serial, second.serial, third.serial]
    assert scene.certificate(first.serial).revocation_reason is RevocationReason.SUPERSEDED
    assert scene.certificate(third.serial).revocation_reason is COMPROMISE
    with pytest.raises(RevocationError) as refusal:
        revoked(scene, first.serial)
    assert refusal.value.kind == "already"


SPARED_IN_VAIN = {"mistyped": "4f" * 19, "itself": None}


@pytest.mark.parametrize("spared", SPARED_IN_VAIN.values(), ids=SPARED_IN_VAIN)
def test_what_would_not_go_along_cannot_be_spared(scene, line, spared):
    first, second, _ = line
    attempts = {
        "a certificate that would not go along": lambda: revoked(
            scene, first.serial, excluded=(spared or first.serial,)
        ),
        "with one superseded": lambda: revoked(
            scene, first.serial, RevocationReason.SUPERSEDED, excluded=(second.serial,)
        ),
    }
    said = golden.refusals(attempts, RevocationError, SPARED=spared or first.serial, SECOND=second.serial)
    golden.check("sentences/revocations/spared-in-vain", {"en.txt": said})
    with pytest.raises(RevocationError) as refusal:
        revoked(scene, first.serial, excluded=(spared or first.serial,))
    assert refusal.value.kind == "spared"
    assert not scene.certificate(first.serial).revoked


def test_a_second_time_changes_nothing(scene):
    held = enrolled(scene)
    revoked(scene, held.serial, RevocationReason.SUPERSEDED)
    before = scene.certificate(held.serial)
    scene.clock.forward(DAY)
    with pytest.raises(RevocationError) as refusal:
        revoked(scene, held.serial, COMPROMISE)
    assert refusal.value.kind == "already"
    assert scene.certificate(held.serial) == before


def test_revoked_by_somebody_else_meanwhile(scene, monkeypatch):
    held = enrolled(scene)
    renewals = revocation.renewals
    first = once_at("read", lambda: revoked(scene, held.serial, RevocationReason.SUPERSEDED))

    def revoke_then_read(db, lineage_id):
        first("read")
        return renewals(db, lineage_id)

    monkeypatch.setattr(revocation, "renewals", revoke_then_read)
    with pytest.raises(RevocationError) as refusal:
        revoked(scene, held.serial)
    assert refusal.value.kind == "already"
    assert scene.certificate(held.serial).revocation_reason is RevocationReason.SUPERSEDED


# The CRL.


def test_it_stands_on_the_list_right_away_with_reason_and_dates(scene):
    held, others = enrolled(scene), enrolled(scene)
    since = scene.clock.now - timedelta(days=3)
    revoked(scene, held.serial, COMPROMISE, invalidity_date=since)
    numbers = models.Crl.objects.using(scene.db.alias).values_list("number", flat=True)
    assert len(set(numbers)) == 1, "published by the revocation itself"
    entries = listed(scene)
    assert set(entries) == {held.serial}
    entry = entries[held.serial]
    assert entry.revocation_date_utc == scene.clock.now
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    assert entry.extensions.get_extension_for_class(x509.InvalidityDate).value.invalidity_date_utc == since
    assert others.serial not in entries


def test_each_ca_lists_its_own(scene):
    web, sftp = enrolled(scene), enrolled(scene, Channel.SFTP)
    revoked(scene, sftp.serial)
    assert set(listed(scene, Channel.SFTP)) == {sftp.serial}
    assert set(listed(scene)) == set()
    revoked(scene, web.serial)
    assert set(listed(scene)) == {web.serial}


def test_a_voided_one_stands_on_the_list_too(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    renewed(scene, held)
    void = models.Certificate.objects.using(scene.db.alias).get(state=CertificateState.SUPERSEDED)
    assert set(listed(scene)) == {void.serial}


def test_the_signer_is_away(scene):
    """The revocation stands.

    The CRL follows at the first request after the signer is back.
    """
    held = enrolled(scene)
    scene.signer.away = True
    assert revoked(scene, held.serial) == [held.serial]
    assert scene.certificate(held.serial).revoked
    scene.signer.away = False
    assert set(listed(scene)) == {held.serial}


def test_the_process_ends_before_the_list_is_published(scene):
    held = enrolled(scene)
    assert listed(scene) == {}
    with pytest.raises(KilledError):
        revoked(scene.but(step=killed_at("revoked")), held.serial)
    scene.clock.forward(SECOND)
    assert set(listed(scene)) == {held.serial}


# The journal.


def unavailable(_journal, *_what) -> None:
    why = "the folder cannot be written to for a test"
    raise JournalUnavailable(why)


def test_a_revocation_that_could_not_be_written_down_is_told_and_written_when_it_is_asked_for_again(
    scene, tmp_path, monkeypatch
):
    with keeping(scene, tmp_path) as first:
        held = enrolled(first)
        with monkeypatch.context() as closed:
            closed.setattr(Journal, "_open", unavailable)
            first.ctx.journal.close()
            for _ in range(2):
                with golden.refused("sentences/journal-full/one-revocation", JournalUnavailable):
                    revoked(first, held.serial)
        assert "revoked" not in kinds(first)
    # Another process repeats the call, because the operator's command has ended.
    with keeping(scene, tmp_path) as second:
        for _ in range(2):
            with pytest.raises(RevocationError) as refusal:
                revoked(second, held.serial)
            assert refusal.value.kind == "already"
        assert kinds(second).count("revoked") == 1
        assert set(listed(second)) == {held.serial}


def test_a_journal_that_is_damaged_does_not_hide_that_the_revocation_stands(scene, tmp_path):
    with keeping(scene, tmp_path) as one:
        held = enrolled(one)
        one.ctx.journal.close()
        (one.ctx.journal.folder / "north.jsonl").write_bytes(b"{}\n")
        with golden.refused("sentences/journal-full/damaged-journal", JournalDamaged):
            revoked(one, held.serial)
    assert scene.certificate(held.serial).revoked


def test_what_was_revoked_before_and_not_written_down_goes_into_the_journal_with_the_rest(scene, line, tmp_path):
    first, second, third = (one.serial for one in line)
    with pytest.raises(KilledError):
        revoked(scene.but(step=killed_at("revoked")), first, RevocationReason.SUPERSEDED)
    with keeping(scene, tmp_path) as one:
        assert revoked(one, first) == [first, second, third]
        assert kinds(one) == ["begun", "revoked", "revoked", "revoked"]


def test_the_list_is_not_signed_anew_for_what_stands_on_it(scene):
    held = enrolled(scene)
    revoked(scene, held.serial)
    before = current_crl(scene.ctx.issuing[Channel.WS], 1, scene.ctx, REQUEST)
    with pytest.raises(RevocationError):
        revoked(scene, held.serial)
    assert current_crl(scene.ctx.issuing[Channel.WS], 1, scene.ctx, REQUEST) == before


def events_of(scene):
    return [event for _, event in status_feed.list_events(scene.ctx.db, 0, 100)]


def test_readers_of_the_feed_are_woken_by_each_revocation_and_its_list(scene, line):
    before, last = len(events_of(scene)), crls.take_crl_number(scene.ctx.db, scene.ctx.issuing[Channel.WS], 0)
    serials = revoked(scene, line[0].serial)
    *revocations, of_list = events_of(scene)[before:]
    assert {(event.kind, event.subject, event.number) for event in revocations} == {
        (StatusEventKind.REVOCATION, scene.ctx.issuing[Channel.WS], last)
    }
    assert sorted(event.serial for event in revocations) == sorted(serials)
    assert (of_list.kind, of_list.subject) == (StatusEventKind.LIST, scene.ctx.issuing[Channel.WS])
    assert of_list.number > last


def test_a_rehearsal_wakes_no_reader_and_holds_up_no_other_revocation(scene, line):
    before = events_of(scene)
    audit, lineage_id = scene.ctx.audit_entry("operator", REQUEST), scene.certificate(line[0].serial).lineage.lineage_id
    with outbox.rehearsal(scene.ctx.db):
        assert revocation.revoke(scene.ctx.db, lineage_id, [line[0].serial], (COMPROMISE, None), audit)
        assert events_of(scene) == before
    assert events_of(scene) == before
