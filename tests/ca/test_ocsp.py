"""OCSP requests as parsed, and answers as other programs read them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from sinetti.ca.hierarchy_builder import RESPONDER_LIFE, responder_plan
from sinetti.ca.hierarchy_model import CaRole
from sinetti.ca.issuance_request import LeafProfile, LintError
from sinetti.ca.lint import lint
from sinetti.ca.ocsp import (
    ErrorStatus,
    OcspRequestError,
    canonical_request,
    check_issuer,
    error_answer,
    parse_request,
    responder_of,
    sign_answer,
)
from sinetti.domain.certificates.ocsp_status import (
    GOOD,
    UNKNOWN,
    CertIdHash,
    CertificateStatusInfo,
    CertStatus,
    SingleResponse,
)
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.pki.encoding import serial_hex
from tests.ca.linters import answer_findings, certificate_findings
from tests.ca.test_pkilint import built
from tests.support.asking import asked, believed
from tests.support.authority import (
    NOW,
    authority,
    holder_certificate,
    holder_key,
    issue,
    issuer,
    leaf_plan,
    ocsp_responder,
    response_signer,
    services_issuer,
)

HOLDER = holder_certificate(holder_key())
CA = issuer().certificate
RESPONDER = ocsp_responder(issuer().file_name)
TOLD = SingleResponse(GOOD, NOW, NOW + timedelta(hours=24))
NONCE = b"n" * 32
DER = asked(HOLDER, CA)


@pytest.mark.parametrize("sha256", [False, True], ids=["SHA-1", "SHA-256"])
def test_a_request_is_read(sha256):
    found = parse_request(asked(HOLDER, CA, sha256=sha256, nonce=NONCE))
    named_by = CertIdHash.SHA256 if sha256 else CertIdHash.SHA1
    assert found == replace(canonical_request(serial_hex(HOLDER.serial_number), named_by, CA), nonce=NONCE)
    check_issuer(found, CA)


def altered(old: bytes, new: bytes) -> bytes:
    assert DER.count(old) == 1
    return DER.replace(old, new)


def built_by(*, algorithm=None, number=5, nonce=None, extension=None) -> bytes:
    algorithm = algorithm or hashes.SHA1()  # noqa: S303
    zeros = bytes(algorithm.digest_size)
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(zeros, zeros, number, algorithm)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    return builder.build().public_bytes(Encoding.DER)


def two_certificates() -> bytes:
    """Return the one request of `DER` twice in its list.

    The lengths stay below 128, so that each is one octet.
    """
    one = DER[6:]
    assert DER[:6:2] == b"000"
    return b"0" + bytes([4 + 2 * len(one)]) + b"0" + bytes([2 + 2 * len(one)]) + b"0" + bytes([2 * len(one)]) + 2 * one


CRITICAL = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
MALFORMED, UNAUTHORIZED = ErrorStatus.MALFORMED_REQUEST, ErrorStatus.UNAUTHORIZED
REFUSED = {
    "nothing": (b"", MALFORMED),
    "no request": (b"0" * 80, MALFORMED),
    "something behind": (DER + b"\0", MALFORMED),
    "cut short": (DER[:-1], MALFORMED),
    "two certificates": (two_certificates(), MALFORMED),
    "a negative serial number": (altered(HOLDER.serial_number.to_bytes(19, "big"), b"\xff" * 19), MALFORMED),
    "a serial number of 21 octets": (built_by(number=1 << 166), MALFORMED),
    "a critical extension that is not known": (built_by(extension=CRITICAL), MALFORMED),
    "an empty nonce": (built_by(nonce=b""), MALFORMED),
    "a nonce of 33 octets": (built_by(nonce=b"n" * 33), MALFORMED),
    "SHA-512": (built_by(algorithm=hashes.SHA512()), UNAUTHORIZED),
    "a hash that is unknown": (altered(bytes.fromhex("2b0e03021a"), bytes.fromhex("2b0e03021b")), UNAUTHORIZED),
}


@pytest.mark.parametrize(("der", "status"), REFUSED.values(), ids=REFUSED)
def test_a_request_that_is_refused(der, status):
    with pytest.raises(OcspRequestError) as refused:
        parse_request(der)
    assert refused.value.status is status


def test_the_longest_serial_number_and_the_shortest_nonce_are_read():
    found = parse_request(built_by(number=(1 << 160) - 1, nonce=b"n"))
    assert (found.serial, found.nonce) == ("ff" * 20, b"n")


def test_an_extension_that_is_not_critical_is_passed_over():
    octets = ocsp.OCSPRequestBuilder().add_certificate(HOLDER, CA, hashes.SHA256())
    octets = octets.add_extension(CRITICAL, critical=False).build().public_bytes(Encoding.DER)
    assert parse_request(octets).nonce is None


@pytest.mark.parametrize("other", [issuer(Channel.SFTP).certificate, services_issuer().certificate])
def test_another_issuer_is_none_of_its_own(other):
    with pytest.raises(OcspRequestError) as refused:
        check_issuer(parse_request(asked(HOLDER, other)), CA)
    assert refused.value.status is UNAUTHORIZED


def test_the_right_name_with_another_key_is_another_issuer():
    mixed = replace(parse_request(DER), key_hash=b"k" * 20)
    with pytest.raises(OcspRequestError):
        check_issuer(mixed, CA)


STATUSES = {
    "good": (GOOD, ocsp.OCSPCertStatus.GOOD, None),
    "unknown": (UNKNOWN, ocsp.OCSPCertStatus.UNKNOWN, None),
} | {
    reason: (
        CertificateStatusInfo(CertStatus.REVOKED, NOW - timedelta(days=1), reason),
        ocsp.OCSPCertStatus.REVOKED,
        None if reason is RevocationReason.UNSPECIFIED else x509.ReasonFlags(reason.value),
    )
    for reason in RevocationReason
}


@pytest.mark.parametrize("sha256", [False, True], ids=["SHA-1", "SHA-256"])
@pytest.mark.parametrize(("status", "told", "reason"), STATUSES.values(), ids=STATUSES)
def test_what_is_told_is_read_by_another_program(status, told, reason, sha256):
    request = parse_request(asked(HOLDER, CA, sha256=sha256))
    response = believed(sign_answer(request, CA, replace(TOLD, status=status), RESPONDER), CA, NOW)
    assert (response.certificate_status, response.revocation_reason) == (told, reason)
    assert response.revocation_time_utc == status.revoked_at
    assert response.serial_number == HOLDER.serial_number
    assert (response.issuer_name_hash, response.issuer_key_hash) == (request.name_hash, request.key_hash)
    assert (response.this_update_utc, response.next_update_utc) == (NOW, TOLD.next_update)
    assert response.produced_at_utc == NOW
    assert len(list(response.extensions)) == 0


def test_the_nonce_comes_back():
    der = sign_answer(parse_request(asked(HOLDER, CA, nonce=NONCE)), CA, TOLD, RESPONDER)
    assert believed(der, CA, NOW).extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == NONCE


@pytest.mark.parametrize("number", [1, 127, 128, (1 << 159) + 5], ids=str)
def test_serial_numbers_of_every_length(number):
    der = sign_answer(parse_request(asked(number, CA)), CA, TOLD, RESPONDER)
    assert believed(der, CA, NOW).serial_number == number


def test_a_ca_with_an_rsa_key():
    other = built("incomes-register-test")
    spec = next(one for one in other.hierarchy.authorities if one.role is CaRole.ISSUING)
    by = other.issuer(spec.file_name)
    leaf = issue(leaf_plan(holder_key().public_key()), by, built=other)
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, by.certificate, hashes.SHA256()).build()
    found = parse_request(request.public_bytes(Encoding.DER))
    check_issuer(found, by.certificate)
    responder = ocsp_responder(spec.file_name, built=other)
    assert believed(sign_answer(found, by.certificate, TOLD, responder), by.certificate, NOW).serial_number


ERRORS = {
    ErrorStatus.MALFORMED_REQUEST: ocsp.OCSPResponseStatus.MALFORMED_REQUEST,
    ErrorStatus.INTERNAL_ERROR: ocsp.OCSPResponseStatus.INTERNAL_ERROR,
    ErrorStatus.TRY_LATER: ocsp.OCSPResponseStatus.TRY_LATER,
    ErrorStatus.UNAUTHORIZED: ocsp.OCSPResponseStatus.UNAUTHORIZED,
}


@pytest.mark.parametrize(("status", "read"), ERRORS.items(), ids=[one.name for one in ERRORS])
def test_errors(status, read):
    assert ocsp.load_der_ocsp_response(error_answer(status)).response_status is read


@pytest.mark.parametrize("by", [issuer(), issuer(Channel.SFTP), services_issuer()], ids=lambda by: by.file_name)
def test_the_responders_certificate(by):
    certificate = ocsp_responder(by.file_name).certificate
    assert lint(certificate, by.certificate) == ()
    assert certificate.not_valid_after_utc - NOW < RESPONDER_LIFE
    assert ocsp_responder(by.file_name).ends == certificate.not_valid_after_utc
    assert certificate_findings(certificate.public_bytes(Encoding.DER)) == set()
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints)


def test_the_last_responder_ends_with_its_ca():
    by = issuer()
    end = by.certificate.not_valid_after_utc
    plan = responder_plan(authority().hierarchy, by, holder_key().public_key(), end - timedelta(days=5))
    assert plan.span.not_after == end
    assert issue(plan, by, kind=LeafProfile.RESPONDER).not_valid_after_utc == end


def test_a_long_name_of_a_ca_leaves_room():
    by = replace(issuer(), name="A CA of a name that is as long as a name of a CA can be, and v1 2")
    plan = responder_plan(authority().hierarchy, by, holder_key().public_key(), NOW)
    assert len(plan.customer_id) <= 64
    assert plan.customer_id.endswith(" OCSP")


def test_a_responder_of_91_days_is_not_made():
    by = issuer()
    plan = responder_plan(authority().hierarchy, by, holder_key().public_key(), NOW)
    long = replace(plan, span=replace(plan.span, not_after=plan.span.not_before + timedelta(days=90)))
    with pytest.raises(LintError, match="90 days"):
        issue(long, by, kind=LeafProfile.RESPONDER)


@pytest.mark.parametrize("other", [HOLDER, response_signer()[1], CA], ids=["a holder", "a signer of responses", "a CA"])
def test_nobody_else_answers(other):
    with pytest.raises(ValueError, match="not for an OCSP responder"):
        responder_of(other, holder_key())


def test_a_holder_is_none_of_the_responders():
    """Even where a plan was mixed up: the profile of the one does not fit the other."""
    with pytest.raises(LintError, match=r"serialNumber|subject"):
        issue(replace(leaf_plan(holder_key().public_key()), subject_serial=None), issuer(), kind=LeafProfile.SERVICES)


@pytest.mark.parametrize("status", [GOOD, UNKNOWN, STATUSES["keyCompromise"][0]], ids=lambda one: one.cert_status)
def test_pkilint_on_answers(status):
    for nonce in (None, NONCE):
        request = parse_request(asked(HOLDER, CA, sha256=True, nonce=nonce))
        assert answer_findings(sign_answer(request, CA, replace(TOLD, status=status), RESPONDER)) == set()
