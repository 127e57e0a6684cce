"""OCSP responses, never older than a revocation.

This holds for every stored response and while parts of the service are unavailable.
"""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from django.db import OperationalError

from sinetti.database import models
from sinetti.database.certificates import revocation
from sinetti.database.issuance import ocsp_responses
from sinetti.database.issuance.ocsp_responses import OwnCertificate
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.pki.encoding import load_certificate, sign
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.reconcile import resolve_reservations
from sinetti.services.issuance.renew import renew
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status import ocsp as status_ocsp
from sinetti.services.status.ocsp import respond
from tests.support.asking import asked, believed
from tests.support.authority import response_signer, services_issuer
from tests.support.killed import KilledError, killed_at
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    Held,
    Scene,
    accepted,
    ca_certificate,
    enrolled,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    renew_ask,
    renewed,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
STATUS = ocsp.OCSPCertStatus
NONCE = b"n" * 16


@pytest.fixture
def held(scene) -> Held:
    return enrolled(scene)


@pytest.fixture
def alone(sqlite_scene) -> Scene:
    """Return a scene on SQLite, for tests that do not depend on the database."""
    return sqlite_scene


@pytest.fixture
def alone_held(alone) -> Held:
    return enrolled(alone)


def name(scene: Scene, channel: Channel = Channel.WS) -> str:
    return scene.ctx.issuing[channel]


def ask(scene: Scene, held: Held | int, *, spot: bool = True, at: str | None = None, **how) -> ocsp.OCSPResponse:
    """Send an OCSP request and return the parsed response of any status."""
    number = held if isinstance(held, int) else load_certificate(held.der).serial_number
    answered = respond(asked(number, ca_certificate(), **how), at or name(scene), scene.ctx, lambda: spot)
    assert answered is not None
    return ocsp.load_der_ocsp_response(answered.der)


def told(scene: Scene, held: Held | int, **how) -> ocsp.OCSPResponse:
    """Send an OCSP request, and return the response after its verification."""
    response = ask(scene, held, **how)
    assert response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL, response.response_status
    der = response.public_bytes(Encoding.DER)
    return believed(der, ca_certificate(), scene.clock())


def refused(scene: Scene, held: Held | int, **how) -> str:
    return ask(scene, held, **how).response_status.name


def rows(scene: Scene):
    return models.OcspResponse.objects.using(scene.db.alias)


def revoked(scene: Scene, held: Held, reason: RevocationReason = RevocationReason.SUPERSEDED) -> None:
    revoke(RevocationRequest(held.serial, reason), scene.ctx, "operator", REQUEST)


def signatures(scene: Scene, monkeypatch) -> list[str]:
    """Record every response that is signed from now on."""
    made, real = [], status_ocsp.sign_answer

    def noting(request, *rest):
        made.append(request.serial)
        return real(request, *rest)

    monkeypatch.setattr(status_ocsp, "sign_answer", noting)
    return made


@pytest.mark.parametrize("sha256", [False, True], ids=["SHA-1", "SHA-256"])
def test_a_certificate_is_good_from_its_issue_on_and_nothing_is_signed_for_that(scene, held, sha256, monkeypatch):
    made = signatures(scene, monkeypatch)
    response = told(scene, held, sha256=sha256)
    assert response.certificate_status is STATUS.GOOD
    assert response.next_update_utc - response.this_update_utc == DAY
    assert made == []


def test_an_answer_is_given_for_half_an_hour_and_then_signed_anew(scene, held, monkeypatch):
    made, begun = signatures(scene, monkeypatch), scene.clock()
    scene.clock.forward(30 * MINUTE - SECOND)
    assert told(scene, held).this_update_utc == begun
    scene.clock.forward(SECOND)
    assert told(scene, held).this_update_utc == scene.clock()
    assert made == [held.serial] * 2, "for both kinds of requests"
    assert told(scene, held, sha256=True).this_update_utc == scene.clock()
    assert len(made) == 2


@pytest.mark.parametrize("sha256", [False, True], ids=["SHA-1", "SHA-256"])
def test_a_revocation_is_told_at_once(scene, held, sha256):
    scene.clock.forward(HOUR)
    revoked(scene, held, RevocationReason.KEY_COMPROMISE)
    row = rows(scene).get(serial=held.serial)
    assert (row.revoked_at, row.revocation_reason) == (scene.clock(), "keyCompromise"), "stored before anybody asks"
    response = told(scene, held, sha256=sha256)
    assert response.certificate_status is STATUS.REVOKED
    assert response.revocation_time_utc == scene.clock()
    assert response.revocation_reason is x509.ReasonFlags.key_compromise


def test_a_revocation_that_was_committed_without_its_answer_is_never_answered_good(scene, held):
    with pytest.raises(KilledError):
        revoked(scene.but(step=killed_at("revoked")), held)
    assert rows(scene).get(serial=held.serial).revoked_at is None, "the old answer is still there"
    assert told(scene, held).certificate_status is STATUS.REVOKED
    assert rows(scene).get(serial=held.serial).revoked_at == scene.clock()


def test_while_the_responder_is_away_a_revoked_one_is_not_good(alone, alone_held):
    alone.responders.away = True
    alone.clock.forward(HOUR)
    assert told(alone, alone_held).certificate_status is STATUS.GOOD, "what is stored, as long as it counts"
    revoked(alone, alone_held)
    assert refused(alone, alone_held) == "TRY_LATER"
    alone.responders.away = False
    assert told(alone, alone_held).certificate_status is STATUS.REVOKED


def test_while_the_responder_is_away_an_answer_is_given_until_its_end(alone, alone_held):
    alone.responders.away = True
    alone.clock.forward(DAY)
    assert told(alone, alone_held).next_update_utc == alone.clock()
    alone.clock.forward(SECOND)
    assert refused(alone, alone_held) == "TRY_LATER"
    assert refused(alone, alone_held, nonce=NONCE) == "TRY_LATER"


def test_a_certificate_is_issued_though_no_answer_can_be_signed(alone):
    alone.responders.away = True
    held = enrolled(alone)
    assert not rows(alone).exists()
    assert refused(alone, held) == "TRY_LATER"
    alone.responders.away = False
    assert told(alone, held).certificate_status is STATUS.GOOD
    assert rows(alone).filter(serial=held.serial).exists()


def test_an_office_without_responders_issues_and_revokes_and_answers_nobody(alone):
    bare = alone.but(responders={})
    held = enrolled(bare)
    revoked(bare, held)
    assert not rows(alone).exists()
    assert respond(asked(5, ca_certificate()), name(alone), bare.ctx, lambda: True) is None


def test_a_nonce_comes_back_and_nothing_is_stored(alone, alone_held):
    before = rows(alone).get().sha1
    alone.clock.forward(MINUTE)
    response = told(alone, alone_held, nonce=NONCE)
    assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == NONCE
    assert response.this_update_utc == alone.clock()
    assert bytes(rows(alone).get().sha1) == bytes(before)


def test_unknown_serials_are_unknown_and_not_stored(scene, held):
    assert told(scene, 12345).certificate_status is STATUS.UNKNOWN
    sftp = enrolled(scene, Channel.SFTP)
    assert told(scene, sftp).certificate_status is STATUS.UNKNOWN, "another CA's serial"
    assert set(rows(scene).values_list("serial", flat=True)) == {held.serial, sftp.serial}


def test_beyond_the_limit_stored_answers_are_given_all_the_same(alone, alone_held):
    assert told(alone, alone_held, spot=False).certificate_status is STATUS.GOOD
    assert refused(alone, 12345, spot=False) == "TRY_LATER"
    assert refused(alone, alone_held, nonce=NONCE, spot=False) == "TRY_LATER"
    alone.clock.forward(HOUR)
    assert told(alone, alone_held, spot=False).this_update_utc == alone.clock()


def test_after_its_end_a_certificate_is_answered_about_on_the_spot(scene, held):
    scene.clock.now = scene.certificate(held.serial).span.not_after
    assert told(scene, held, spot=False).this_update_utc == scene.clock(), "its last second"
    scene.clock.forward(HOUR)
    assert told(scene, held).certificate_status is STATUS.GOOD
    assert rows(scene).get().this_update == scene.clock() - HOUR
    assert refused(scene, held, spot=False) == "TRY_LATER"
    revoked(scene, held)
    assert told(scene, held).certificate_status is STATUS.REVOKED
    assert rows(scene).get().revoked_at is None, "no answer is kept any more"


def test_what_is_reserved_or_given_up_is_unknown(scene):
    with pytest.raises(KilledError):
        enrol(new_ask(ordered(scene), new_key()), scene.but(step=killed_at("10-signed")).ctx, REQUEST)
    (reserved,) = revocation.list_certificates(scene.db)
    assert told(scene, int(reserved.serial, 16)).certificate_status is STATUS.UNKNOWN
    models.Certificate.objects.using(scene.db.alias).update(state=CertificateState.SUPERSEDED)
    assert told(scene, int(reserved.serial, 16)).certificate_status is STATUS.UNKNOWN


def test_what_gave_way_to_another_renewal_is_revoked(scene, held):
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    (given_way,) = [one for one in revocation.list_certificates(scene.db) if one.serial != held.serial]
    assert told(scene, int(given_way.serial, 16)).certificate_status is STATUS.GOOD
    renewed(scene, held)
    response = told(scene, int(given_way.serial, 16))
    assert (response.certificate_status, response.revocation_reason) == (STATUS.REVOKED, x509.ReasonFlags.superseded)


UNBELIEVED = {
    "a moment later": timedelta(minutes=1),
    "an hour ahead": HOUR,
    "20 days ahead": 20 * DAY,
    "20 days behind": -20 * DAY,
}


@pytest.mark.parametrize("by", UNBELIEVED.values(), ids=UNBELIEVED)
def test_nothing_is_dated_by_a_clock_that_is_not_believed(alone, alone_held, by):
    begun = alone.clock()
    alone.responders.of(name(alone))()
    wrong = alone.but(issuance_allowed=lambda: False)
    alone.clock.forward(by)
    response = ask(wrong, alone_held)
    assert (response.certificate_status, response.this_update_utc) == (STATUS.GOOD, begun)
    response = ask(wrong, alone_held, nonce=NONCE)
    assert (response.this_update_utc, response.next_update_utc) == (begun, begun + DAY)
    revoked(wrong, alone_held)
    response = ask(wrong, alone_held)
    assert (response.certificate_status, response.this_update_utc) == (STATUS.REVOKED, begun)
    assert response.produced_at_utc == begun
    assert refused(wrong, 12345) == "TRY_LATER"


def test_an_answer_ends_with_its_responder(alone, alone_held):
    end = alone.responders.of(name(alone))().ends
    alone.clock.now = end - HOUR
    assert told(alone, alone_held).next_update_utc == end


def test_while_the_register_is_away_it_is_said_to_come_later(alone, alone_held, monkeypatch):
    def away(*_rest):
        raise OperationalError

    monkeypatch.setattr(ocsp_responses, "find", away)
    assert refused(alone, alone_held) == "TRY_LATER"
    revoked(alone, alone_held)
    monkeypatch.undo()
    assert told(alone, alone_held).certificate_status is STATUS.REVOKED


def test_an_answer_that_cannot_be_stored_is_given(alone, alone_held, monkeypatch):
    def full(*_rest):
        raise OperationalError

    monkeypatch.setattr(ocsp_responses, "store", full)
    alone.clock.forward(HOUR)
    assert told(alone, alone_held).this_update_utc == alone.clock()


REFUSED = {
    "no request": (b"x", "MALFORMED_REQUEST"),
    "a nonce that is too long": (asked(5, ca_certificate(), nonce=b"n" * 33), "MALFORMED_REQUEST"),
    "another CA's certificate": (asked(5, ca_certificate(Channel.SFTP)), "UNAUTHORIZED"),
    "the services CA's certificate": (asked(5, services_issuer().certificate), "UNAUTHORIZED"),
}


@pytest.mark.parametrize(("octets", "status"), REFUSED.values(), ids=REFUSED)
def test_errors(alone, octets, status):
    answered = respond(octets, name(alone), alone.ctx, lambda: True)
    assert ocsp.load_der_ocsp_response(answered.der).response_status.name == status
    assert (answered.response, answered.kept) == (None, False)


@pytest.mark.parametrize("at", ["NobodysCAv1", "SinettiRootTestCAv1", ""])
def test_nobody_answers_at_another_name(alone, at):
    assert respond(asked(5, ca_certificate()), at, alone.ctx, lambda: True) is None


def test_the_services_own_certificates_are_good_and_others_unknown(scene):
    by = services_issuer()
    signer = response_signer()[1]
    ctx = scene.but(
        issuers={**scene.ctx.issuers, by.file_name: by}, responders={by.file_name: scene.responders.of(by.file_name)}
    ).ctx

    def status(number: int):
        answered = respond(asked(number, by.certificate), by.file_name, ctx, lambda: True)
        return believed(answered.der, by.certificate, scene.clock()).certificate_status

    assert status(signer.serial_number) is STATUS.UNKNOWN
    own = OwnCertificate(by.file_name, f"{signer.serial_number:x}", "0" * 64, signer.not_valid_after_utc)
    for _ in range(2):
        ocsp_responses.record_own(scene.db, [own])
    assert status(signer.serial_number) is STATUS.GOOD
    assert status(signer.serial_number + 1) is STATUS.UNKNOWN
    assert rows(scene).get().serial == own.serial


def test_what_somebody_else_stored_first_stays(scene, held):
    """Two processes record the same certificate: the second finds the answers there."""
    with pytest.raises(KilledError):
        enrolled(scene.but(step=killed_at("10-signed")))
    (waiting,) = [one for one in revocation.list_certificates(scene.db) if one.serial != held.serial]
    prepared = status_ocsp.prepare_good(waiting, scene.ctx)
    first = prepared.finish([sign(key, data) for key, data in prepared.requests])
    ocsp_responses.store(scene.db, [first])
    scene.machine.forward(2 * MINUTE)
    assert resolve_reservations(scene.ctx, REQUEST) == (1, 0)
    assert bytes(rows(scene).get(serial=waiting.serial).sha1) == first.ders[status_ocsp.CertIdHash.SHA1]
