from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.crl import (
    RevokedEntry,
    SignatureRejected,
    SignedList,
    assemble_crl,
    prepare_crl,
    read_list,
    read_signed,
)
from sinetti.domain.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.pki.signing import sign
from tests.support.authority import BASE_URL, NOW, authority, holder_key, issuer

ISSUER = issuer()
CA_KEY = authority().key(ISSUER.key_name)
NEXT = NOW + timedelta(days=7)
EARLIER = NOW - timedelta(days=3)
SERIAL = Serial("4a" * 19)


def signed(*entries, number=1):
    tbs = prepare_crl(ISSUER, entries, number, NOW, NEXT)
    return x509.load_der_x509_crl(assemble_crl(tbs, sign(CA_KEY, tbs), ISSUER.certificate))


def test_an_empty_list_says_whose_which_and_when():
    crl = signed(number=42)
    assert list(crl) == []
    assert crl.issuer == ISSUER.certificate.subject
    assert (crl.last_update_utc, crl.next_update_utc) == (NOW, NEXT)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 42
    own = ISSUER.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own.digest


def test_the_shard_is_named_critically():
    scope = signed().extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert scope.critical
    assert [one.value for one in scope.value.full_name] == [f"{BASE_URL}/crl/DataProvidersTestIssuingCAv1-1.crl"]
    assert not scope.value.indirect_crl


@pytest.mark.parametrize("reason", [one for one in RevocationReason if one is not RevocationReason.UNSPECIFIED])
def test_a_reason_stands_under_its_name(reason):
    (entry,) = signed(RevokedEntry(SERIAL, EARLIER, reason))
    assert entry.serial_number == int(SERIAL, 16)
    assert entry.revocation_date_utc == EARLIER
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value == reason


def test_unspecified_is_said_by_leaving_it_out():
    (entry,) = signed(RevokedEntry(SERIAL, EARLIER, "unspecified"))
    assert list(entry.extensions) == []


def test_an_invalidity_date_stands_beside_the_reason():
    (entry,) = signed(RevokedEntry(SERIAL, NOW, "keyCompromise", invalidity_date=EARLIER))
    assert entry.extensions.get_extension_for_class(x509.InvalidityDate).value.invalidity_date_utc == EARLIER


def test_a_list_is_read_as_it_was_made():
    entries = (
        RevokedEntry(SERIAL, EARLIER, "unspecified"),
        RevokedEntry(Serial("4b" * 19), NOW, "keyCompromise", invalidity_date=EARLIER),
    )
    assert read_list(signed(*entries, number=42).public_bytes(Encoding.DER)) == SignedList(42, NOW, NEXT, entries)


def test_something_else_is_no_list():
    with pytest.raises(ValueError, match=r"."):
        read_list(b"0")


def built(*, issuer=ISSUER.certificate.subject, key=CA_KEY, number=42) -> bytes:
    """Sign a list with any key, in any name."""
    builder = x509.CertificateRevocationListBuilder(issuer, NOW, NEXT)
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def with_another_algorithm() -> bytes:
    """Name an algorithm that nobody knows: ecdsa-with-SHA256 with its last arc changed."""
    return built().replace(bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d04037f"))


NOT_OURS = {
    "nothing": b"",
    "no list": b"0",
    "cut off": built()[:-20],
    "a foreign key": built(key=holder_key()),
    "a foreign key of another kind": built(key=rsa.generate_private_key(65537, 2048)),
    "another CA's name": built(issuer=x509.Name([])),
    "an algorithm that nobody knows": with_another_algorithm(),
    "without its number": built(number=None),
}


@pytest.mark.parametrize("der", NOT_OURS.values(), ids=NOT_OURS)
def test_what_its_ca_has_not_signed_is_no_list(der):
    with pytest.raises(ValueError, match=r"."):
        read_signed(der, ISSUER.certificate)


def test_what_its_ca_has_signed_is_read():
    assert read_signed(built(), ISSUER.certificate) == SignedList(42, NOW, NEXT, ())


REFUSED = {
    "a reason that nobody knows": ([RevokedEntry(SERIAL, NOW, "lost")], 1, NEXT),
    "a reason of delta lists": ([RevokedEntry(SERIAL, NOW, "removeFromCRL")], 1, NEXT),
    "a negative number": ([], -1, NEXT),
    "a number of 21 octets": ([], 1 << 159, NEXT),
    "a next update that is this one": ([], 1, NOW),
}


@pytest.mark.parametrize(("entries", "number", "next_update"), REFUSED.values(), ids=REFUSED)
def test_what_no_list_can_say_is_refused(entries, number, next_update):
    with pytest.raises(ValueError):  # noqa: PT011 - some are the library's own words
        prepare_crl(ISSUER, entries, number, NOW, next_update)


def test_the_greatest_number_fits():
    number = signed(number=(1 << 159) - 1).extensions.get_extension_for_class(x509.CRLNumber).value
    assert number.crl_number == (1 << 159) - 1


TBS = prepare_crl(ISSUER, [], 1, NOW, NEXT)
REJECTED = {
    "by another key": (TBS, sign(holder_key(), TBS)),
    "over other octets": (TBS, sign(CA_KEY, TBS + b".")),
    "nothing": (TBS, b""),
}


@pytest.mark.parametrize(("tbs", "signature"), REJECTED.values(), ids=REJECTED)
def test_a_signature_that_is_not_the_cas_is_rejected(tbs, signature):
    with pytest.raises(SignatureRejected):
        assemble_crl(tbs, signature, ISSUER.certificate)
