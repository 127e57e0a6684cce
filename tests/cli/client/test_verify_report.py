"""`sinetti verify`: findings and messages, table by table.

It uses the core of the gateway (tests/gateway).
"""

from datetime import timedelta

import pytest

from sinetti.cli.client import verify_report
from sinetti.client.messages import document_messages
from sinetti.gateway.verdicts.verdict import Verdict, VerdictReason
from sinetti.gateway.x509 import verdict_texts
from sinetti.pki import chain, encoding
from sinetti.wire.soap.schema_types import SERVICE
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.client import double
from tests.client.store.test_document_signature import ANCHORS, DOCUMENT, MALFORMED, NO_XML, malformed, sealed_with
from tests.support import authority


def sealed(recipe=SignatureProfile.EXCLUSIVE, document=DOCUMENT, **changes):
    key = authority.holder_key(3)
    certificate = encoding.certificate_der(authority.holder_certificate(key, **changes))
    return sign_document(document, signer_for_key(key, certificate), recipe)


def bundle(role):
    return chain.load_bundle(double.anchors(role).encode())


@pytest.mark.parametrize("recipe", list(SignatureProfile))
def test_a_seal_says_who_made_it(recipe):
    checked = verify_report.check(sealed(recipe), ANCHORS, authority.NOW)
    assert checked.fault is None
    assert checked.message.text == document_messages.SEAL_GOOD
    assert checked.message.values["customer_id"] == authority.CUSTOMER_ID
    assert checked.as_json()["name"] == authority.CUSTOMER_NAME
    assert b"<pay>100</pay>" in checked.octets
    assert b"Signature" not in checked.octets


CHECKS = {
    "one digit changed": (lambda sealed: sealed.replace(b"100", b"900"), 0, "holders", VerdictReason.SIGNATURE_INVALID),
    "the signature taken out": (lambda _sealed: DOCUMENT, 0, "holders", VerdictReason.SIGNATURE_MISSING),
    "something behind the signature": (
        lambda sealed: sealed.replace(b"</report>", b"<more/></report>"),
        0,
        "holders",
        VerdictReason.SIGNATURE_INVALID,
    ),
    "other anchors": (lambda sealed: sealed, 0, "services", VerdictReason.UNTRUSTED),
    "before the certificate began": (lambda sealed: sealed, -86_400, "holders", VerdictReason.NOT_YET_VALID),
    "before the CA above it began": (lambda sealed: sealed, -4_000 * 86_400, "holders", VerdictReason.NOT_YET_VALID),
    "after the CA above it ended": (lambda sealed: sealed, 30_000 * 86_400, "holders", VerdictReason.EXPIRED),
    "other anchors, before they began": (lambda sealed: sealed, -4_000 * 86_400, "services", VerdictReason.UNTRUSTED),
    "the last valid second": (lambda sealed: sealed, 730 * 86_400, "holders", None),
    "one second after the end": (lambda sealed: sealed, 730 * 86_400 + 1, "holders", VerdictReason.EXPIRED),
}


@pytest.mark.parametrize(("change", "seconds", "role", "fault"), CHECKS.values(), ids=CHECKS)
def test_check(change, seconds, role, fault):
    checked = verify_report.check(change(sealed()), bundle(role), authority.NOW + timedelta(seconds=seconds))
    assert checked.fault is fault


def test_a_certificate_that_is_not_valid_yet():
    early = sealed(begins=authority.NOW + timedelta(days=1))
    assert verify_report.check(early, ANCHORS, authority.NOW).message.text == document_messages.SEAL_NOT_YET


def test_the_dates_of_the_ca_have_words_of_their_own():
    values = {"at": authority.NOW, "now": authority.NOW, "until": authority.NOW}
    for sentence, words in (
        (verdict_texts.CA_EXPIRED, document_messages.SEAL_CA_EXPIRED),
        (verdict_texts.CA_NOT_YET_VALID, document_messages.SEAL_CA_NOT_YET),
    ):
        told = verify_report.checked(Verdict(VerdictReason.EXPIRED, sentence, values), strangers=False)
        assert (told.message.text, told.message.values) == (words, values)


@pytest.mark.parametrize("octets", NO_XML.values(), ids=NO_XML)
def test_what_is_no_xml_is_not_checked(octets):
    with pytest.raises(ValueError, match=r"."):
        verify_report.check(octets, ANCHORS, authority.NOW)


def test_a_request_to_the_certificate_service_is_no_seal():
    request = f'<RenewCertificateRequest xmlns="{SERVICE}"/>'.encode()
    checked = verify_report.check(sealed(document=request), ANCHORS, authority.NOW)
    assert (checked.fault, checked.octets) == (VerdictReason.SIGNATURE_INVALID, None)
    assert checked.message.text == verdict_texts.FOR_THE_CERTIFICATE_SERVICE


def test_a_cas_signature_is_no_holders_seal():
    """The holders' bundle has the root as an anchor, and the root issued itself."""
    built = authority.authority()
    root = next(spec.file_name for spec in built.hierarchy.authorities if spec.parent is None)
    key, certificate = built.entries[root]
    by_root = sign_document(
        DOCUMENT, signer_for_key(key, encoding.certificate_der(certificate)), SignatureProfile.EXCLUSIVE
    )
    checked = verify_report.check(by_root, chain.load_bundle(built.holders_bundle), authority.NOW)
    assert checked.fault is VerdictReason.WRONG_PURPOSE


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("wrong", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_certificate_is_refused_whoever_signed_it_and_nothing_of_it_is_shown(wrong):
    key, ca_key = authority.holder_key(4), authority.authority().key(authority.issuer().key_name)
    for by_key, fault in ((key, VerdictReason.UNTRUSTED), (ca_key, VerdictReason.SIGNATURE_INVALID)):
        checked = verify_report.check(sealed_with(key, malformed(key, by_key, wrong)), ANCHORS, authority.NOW)
        assert (checked.fault, checked.verdict.serial, checked.octets) == (fault, None, None)


def test_of_a_signer_that_nobody_trusts_nothing_is_shown():
    checked = verify_report.check(sealed(), bundle("services"), authority.NOW)
    assert (checked.fault, checked.verdict.serial, checked.octets) == (VerdictReason.UNTRUSTED, None, None)
