"""Bridge of a distrusted CA: good only for what was recorded before, revoked for all else."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from sinetti.database import models
from sinetti.database.authorities import distrust as stored_distrust
from sinetti.database.authorities import register
from sinetti.database.evidence import log_tree
from sinetti.domain.authorities.distrust import names_to_root
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.pki.cert_hash import CERT_HASH, cert_hash_value
from sinetti.pki.encoding import load_certificate
from sinetti.services.authorities.bridge import respond_for_bridge
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.wire.transparency.notes import Checkpoint
from tests.support.asking import asked, believed
from tests.support.authority import authority, issuer, services_issuer
from tests.support.distrust import SERVICES, declared, with_services
from tests.support.logs import logging, sequenced
from tests.support.scene import REQUEST, SECOND, enrolled

HOUR = timedelta(hours=1)
STATUS, ERROR = ocsp.OCSPCertStatus, ocsp.OCSPResponseStatus
NONCE = b"n" * 32
NAME = issuer().file_name
MIDDLE = authority().hierarchy.authorities[1].file_name


@pytest.fixture
def office(scene):
    return with_services(scene)


@pytest.fixture
def alone(sqlite_scene):
    return with_services(sqlite_scene)


def answer(office, der, *, name=NAME, **how):
    certificate = load_certificate(der) if isinstance(der, bytes) else der
    request = asked(certificate, issuer().certificate, nonce=NONCE, **how)
    reply = respond_for_bridge(request, name, office.ctx, lambda: True)
    assert reply is not None
    assert not reply.kept
    return reply.der


def status(office, der, **how):
    response = believed(answer(office, der, **how), services_issuer().certificate, office.clock())
    found = [one for one in response.single_extensions if one.oid == CERT_HASH]
    if response.certificate_status is STATUS.GOOD:
        assert [one.value.value for one in found] == [cert_hash_value(sha256(der).digest())]
        assert [one.critical for one in found] == [False]
    else:
        assert found == []
    assert response.next_update_utc - response.this_update_utc <= timedelta(minutes=10)
    assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == NONCE
    return response.certificate_status


def later(office, time):
    office.clock.now += time
    return office.clock.now


def test_what_was_recorded_before_is_good_and_bears_its_hash(office):
    held = enrolled(office)
    declared(office, NAME, later(office, SECOND))
    assert status(office, held.der) is STATUS.GOOD
    assert status(office, held.der, sha256=True) is STATUS.GOOD


def test_what_was_recorded_at_the_instant_or_later_is_revoked(office):
    since = office.clock()
    held = enrolled(office)
    declared(office, NAME, since)
    assert status(office, held.der) is STATUS.REVOKED


def test_an_unknown_serial_is_revoked_from_the_instant_on(alone):
    since = later(alone, HOUR)
    declared(alone, NAME, since)
    serial = 0x40 << 144
    request = asked(serial, issuer().certificate, nonce=NONCE)
    response = ocsp.load_der_ocsp_response(respond_for_bridge(request, NAME, alone.ctx, lambda: True).der)
    assert response.certificate_status is STATUS.REVOKED
    assert (response.revocation_time_utc, response.revocation_reason) == (since, x509.ReasonFlags.ca_compromise)


def test_what_was_revoked_meanwhile_keeps_its_own_reason(alone):
    held = enrolled(alone)
    declared(alone, NAME, later(alone, SECOND))
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), alone.ctx, "operator", REQUEST)
    response = ocsp.load_der_ocsp_response(answer(alone, held.der))
    assert (response.certificate_status, response.revocation_reason) == (STATUS.REVOKED, x509.ReasonFlags.superseded)


def test_the_bridge_ends_at_its_second(alone):
    held = enrolled(alone)
    distrust = declared(alone, NAME, later(alone, SECOND), hours=2)
    alone.clock.now = distrust.bridge_until
    assert status(alone, held.der) is STATUS.GOOD
    later(alone, SECOND)
    assert status(alone, held.der) is STATUS.REVOKED


def test_the_recording_counts_and_not_the_reservation(alone):
    since = later(alone, HOUR)
    held = enrolled(alone)
    rows = models.Certificate.objects.using(alone.db.alias).filter(serial=held.serial)
    rows.update(reserved_at=since - SECOND, reserved_machine_time=alone.machine(), recorded_at=alone.machine() + SECOND)
    declared(alone, NAME, since)
    assert status(alone, held.der) is STATUS.REVOKED
    rows.update(recorded_at=alone.machine())
    assert status(alone, held.der) is STATUS.GOOD
    rows.update(reserved_machine_time=None)
    assert status(alone, held.der) is STATUS.GOOD, "rows of earlier versions have one clock"
    rows.update(sha256=None)
    assert status(alone, held.der) is STATUS.REVOKED, "not issued"


def test_a_distrusted_intermediate_ca_has_a_bridge_for_all_below(alone):
    held = enrolled(alone)
    declared(alone, MIDDLE, later(alone, SECOND))
    assert status(alone, held.der, name=MIDDLE) is STATUS.GOOD
    declared(alone, SERVICES, alone.clock())
    assert ocsp.load_der_ocsp_response(answer(alone, held.der, name=MIDDLE)).response_status is ERROR.TRY_LATER


def test_of_two_distrusted_cas_the_earlier_instant_counts(alone, monkeypatch):
    held = enrolled(alone)
    declared(alone, NAME, later(alone, HOUR))
    rows = {one.name: one for one in stored_distrust.list_distrust(alone.db)}
    above = replace(rows[MIDDLE], period=replace(rows[NAME].period, since=alone.clock() - 2 * HOUR))
    detached = replace(rows[SERVICES], issuer=rows[MIDDLE].issuer)
    changed = tuple({**rows, MIDDLE: above, SERVICES: detached}.values())
    monkeypatch.setattr(stored_distrust, "list_distrust", lambda _: changed)
    assert status(alone, held.der) is STATUS.REVOKED
    assert status(alone, held.der, name=MIDDLE) is STATUS.REVOKED


def test_no_other_ca_has_a_bridge(alone):
    held = enrolled(alone)
    request = asked(load_certificate(held.der), issuer().certificate)
    for name in (NAME, "Unknown"):
        assert respond_for_bridge(request, name, alone.ctx, lambda: True) is None


ERRORS = {
    "no OCSP request": (b"what", True, ERROR.MALFORMED_REQUEST),
    "another issuer": (asked(5, services_issuer().certificate), True, ERROR.UNAUTHORIZED),
    "too many requests": (asked(5, issuer().certificate), False, ERROR.TRY_LATER),
}


@pytest.mark.parametrize(("request_", "may", "error"), ERRORS.values(), ids=ERRORS)
def test_errors(alone, request_, may, error):
    declared(alone, NAME, alone.clock())
    reply = respond_for_bridge(request_, NAME, alone.ctx, lambda: may)
    assert ocsp.load_der_ocsp_response(reply.der).response_status is error


def test_without_a_clock_or_a_responder_nothing_is_confirmed(alone):
    held = enrolled(alone)
    declared(alone, NAME, later(alone, SECOND))
    doubtful = alone.but(issuance_allowed=lambda: False)
    assert ocsp.load_der_ocsp_response(answer(doubtful, held.der)).response_status is ERROR.TRY_LATER
    alone.responders.away = True
    assert ocsp.load_der_ocsp_response(answer(alone, held.der)).response_status is ERROR.TRY_LATER


def checkpoint_of(office):
    head = log_tree.find_head(office.db)
    return head.text


def test_under_a_checkpoint_only_what_is_in_the_log_below_it_is_good(office):
    office = office.but(log_signers=logging(office.ctx).log_signers)
    first = enrolled(office)
    sequenced(office.ctx)
    text = checkpoint_of(office)
    second = enrolled(office)
    sequenced(office.ctx)
    third = enrolled(office)
    declared(office, NAME, later(office, SECOND), checkpoint=text)
    assert [status(office, one.der) for one in (first, second, third)] == [STATUS.GOOD, STATUS.REVOKED, STATUS.REVOKED]


def test_a_register_that_differs_from_the_checkpoint_confirms_nothing(alone, monkeypatch):
    alone = alone.but(log_signers=logging(alone.ctx).log_signers)
    held, other = enrolled(alone), enrolled(alone)
    sequenced(alone.ctx)
    head = Checkpoint.parse(checkpoint_of(alone))
    distrust = declared(alone, NAME, later(alone, SECOND), checkpoint=head.text)
    assert status(alone, held.der) is STATUS.GOOD
    rows = models.CaDistrust.objects.using(alone.db.alias)
    rows.update(checkpoint=replace(head, root=b"\0" * 32).text)
    assert status(alone, held.der) is STATUS.REVOKED, "another tree"
    rows.update(checkpoint="no checkpoint")
    assert status(alone, held.der) is STATUS.REVOKED
    rows.update(checkpoint=distrust.checkpoint)
    leaf = log_tree.find_leaf(alone.db, f"certificate:{held.serial}", "certificate-issued")
    forged = models.AuditEvent(octets=bytes(leaf.row.octets).replace(b"sha256", b"sha255"))
    for found in (replace(leaf, row=forged), replace(leaf, row=None), None):
        with monkeypatch.context() as patched:
            patched.setattr(log_tree, "find_leaf", lambda *_, found=found: found)
            assert status(alone, held.der) is STATUS.REVOKED, "another entry, or none"
    certificates = models.Certificate.objects.using(alone.db.alias)
    certificates.filter(serial=other.serial).update(sha256=None)
    certificates.filter(serial=held.serial).update(sha256=sha256(other.der).hexdigest())
    assert status(alone, load_certificate(held.der)) is STATUS.REVOKED, "the register has another certificate"


def test_renewal_with_keys_of_such_certificates_stays_open(alone):
    held = enrolled(alone)
    declared(alone, NAME, later(alone, SECOND))
    register_row = register.get_authority(alone.db, NAME)
    assert register_row.distrust is not None
    assert status(alone, held.der) is STATUS.GOOD


def test_the_names_to_the_root_end_in_a_circle():
    assert names_to_root("a", {"a": "b", "b": "a"}) == ("a", "b")
    assert names_to_root("a", {}) == ("a",)
