"""Monitoring of OCSP as it is served.

The tests cover the request of the watchdog, and each response that the watchdog does not accept.
"""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.operations.monitoring import FindingKind
from sinetti.domain.values import Channel
from sinetti.services.monitoring.findings import check_response, questions
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status import ocsp as status_ocsp
from tests.support import golden
from tests.support.authority import NOW, authority, holder_key, issuer
from tests.support.scene import DAY, REQUEST, enrolled

KEY = holder_key(9)


def responder(*, usage=ExtendedKeyUsageOID.OCSP_SIGNING, channel=Channel.WS):
    """Return a responder certificate as a CA issues it.

    Only the parts that the verifier checks are the same.
    """
    one = issuer(channel)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Responder")])
    builder = x509.CertificateBuilder(one.certificate.subject, name, KEY.public_key(), 77, NOW, NOW + 90 * DAY)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(authority().key(one.key_name), hashes.SHA256())


def answer(serial, status=ocsp.OCSPCertStatus.GOOD, by=None):
    """Sign a response of now for a day, by a responder or by the CA itself."""
    ca = issuer()
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    names = (b"n" * 20, b"k" * 20, int(serial, 16), hashes.SHA1())  # noqa: S303 - as requests name their issuer
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        *names, status, NOW, NOW + DAY, NOW if revoked else None, None
    )
    by = by or responder()
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by)
    if by == ca.certificate:
        key = authority().key(ca.key_name)
    else:
        key, builder = KEY, builder.certificates([by])
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def garbled(der):
    """Change the last octet of the signature."""
    value = ocsp.load_der_ocsp_response(der).signature
    return der.replace(value, value[:-1] + bytes([value[-1] ^ 1]))


@pytest.fixture
def asked(sqlite_scene):
    """Return the request about a good certificate, and that about a revoked one."""
    good, gone = enrolled(sqlite_scene), enrolled(sqlite_scene)
    revoke(RevocationRequest(gone.serial, RevocationReason.SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    found = questions(sqlite_scene.ctx)
    assert [(one.serial, one.revoked) for one in found] == [(good.serial, False), (gone.serial, True)]
    return found


def judged(scene, question, der):
    finding = check_response(question, der, scene.ctx)
    return (finding.kind, finding.sentence) if finding else None


def test_a_ca_that_answers_nobody_is_not_asked(sqlite_scene):
    enrolled(sqlite_scene)
    assert questions(sqlite_scene.but(responders={}).ctx) == ()


def test_the_service_s_own_answers(sqlite_scene, asked):
    for question in asked:
        answered = status_ocsp.respond(question.der, question.authority, sqlite_scene.ctx, lambda: True)
        assert judged(sqlite_scene, question, answered.der) is None


def test_what_is_asked(sqlite_scene, asked):
    question = asked[0]
    request = ocsp.load_der_ocsp_request(question.der)
    ca = issuer().certificate
    assert question.path == f"/ocsp/{sqlite_scene.ctx.issuing[Channel.WS]}"
    assert request.serial_number == int(question.serial, 16)
    assert request.issuer_key_hash == x509.SubjectKeyIdentifier.from_public_key(ca.public_key()).digest


def test_the_right_answers(sqlite_scene, asked):
    good, gone = asked
    assert judged(sqlite_scene, good, answer(good.serial)) is None
    assert judged(sqlite_scene, gone, answer(gone.serial, ocsp.OCSPCertStatus.REVOKED)) is None


def test_half_of_its_day_is_over(sqlite_scene, asked):
    sqlite_scene.clock.forward(timedelta(hours=12))
    kind, sentence = judged(sqlite_scene, asked[0], answer(asked[0].serial))
    assert kind is FindingKind.ANSWER_OLD
    golden.check("sentences/ocsp-probe/old", {"en.txt": f"{golden.stable_text(sentence)}\n"})


def test_the_wrong_status(sqlite_scene, asked):
    good, gone = asked
    says = {
        "revoked, said to be good": judged(sqlite_scene, gone, answer(gone.serial))[1],
        "good, said to be revoked": judged(sqlite_scene, good, answer(good.serial, ocsp.OCSPCertStatus.REVOKED))[1],
    }
    golden.check("sentences/ocsp-probe/status", {"en.txt": golden.stable_text(golden.sections(says))})


WRONG = {
    "no answer at all": (lambda _serial: b"x", "about"),
    "a refusal": (
        lambda _serial: ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(
            Encoding.DER
        ),
        "try_later",
    ),
    "about another": (lambda _serial: answer("0a"), "another certificate"),
    "signed otherwise": (lambda serial: garbled(answer(serial)), "not signed by a responder"),
    "a responder for something else": (
        lambda serial: answer(serial, by=responder(usage=ExtendedKeyUsageOID.CLIENT_AUTH)),
        "not signed by a responder",
    ),
    "a responder of another CA": (
        lambda serial: answer(serial, by=responder(channel=Channel.SFTP)),
        "not signed by a responder",
    ),
    "by the CA's own key": (lambda serial: answer(serial, by=issuer().certificate), "not signed by a responder"),
}


@pytest.mark.parametrize(("made", "why"), WRONG.values(), ids=WRONG)
def test_what_is_not_taken(sqlite_scene, asked, made, why):
    kind, sentence = judged(sqlite_scene, asked[0], made(asked[0].serial))
    assert (kind, why in sentence) == (FindingKind.ANSWER_WRONG, True), sentence
