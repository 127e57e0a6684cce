from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store
from hypothesis import given
from hypothesis import strategies as st

from sinetti.ca.issuance import assemble_root, attach_signature, build_tbs, capture_key, last_issuance_time, new_serial
from sinetti.ca.issuance_request import ExceedsIssuerValidity, LeafProfile, LintError, SignatureRejected
from sinetti.ca.profiles import ca_key, key_identifier_of
from sinetti.domain.values import VALIDITY, KeyType, ValidityPeriod
from sinetti.pki.chain import extension_value
from sinetti.pki.encoding import algorithm_identifier, load_certificate, sign
from tests.ca.altering import altered
from tests.support import golden
from tests.support.authority import (
    BASE_URL,
    CUSTOMER_ID,
    LINEAGE,
    NOW,
    authority,
    holder_certificate,
    holder_key,
    issue,
    issuer,
    leaf_plan,
    response_signer,
    services_issuer,
)

ISSUER = issuer()
PLAN = leaf_plan(holder_key().public_key())
CA_KEY = authority().key(ISSUER.key_name)
TBS = build_tbs(PLAN, ISSUER, LeafProfile.HOLDER)
ONE_SECOND = timedelta(seconds=1)


def test_what_was_prepared_is_what_is_signed():
    der = attach_signature(TBS, sign(CA_KEY, TBS), ISSUER.certificate)
    assert load_certificate(der).tbs_certificate_bytes == TBS


def test_preparing_twice_gives_the_same_octets():
    assert build_tbs(PLAN, ISSUER, LeafProfile.HOLDER) == TBS


def test_the_subject_has_its_order_and_values():
    subject = holder_certificate(holder_key()).subject
    assert [(one.oid, one.value) for one in subject] == [
        (NameOID.COMMON_NAME, CUSTOMER_ID),
        (NameOID.SERIAL_NUMBER, LINEAGE),
        (NameOID.ORGANIZATION_NAME, "Sinisiipi Oy"),
        (NameOID.COUNTRY_NAME, "FI"),
    ]


def test_a_long_name_is_cut_to_64_characters():
    leaf = issue(replace(PLAN, organisation="ä" * 100), ISSUER)
    assert leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "ä" * 64


def test_serial_and_span_are_those_of_the_plan():
    leaf = issue(PLAN, ISSUER)
    assert leaf.serial_number == int(PLAN.serial, 16)
    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (NOW, NOW + VALIDITY)


def test_the_addresses_stand_in_the_leaf():
    leaf = issue(PLAN, replace(ISSUER, shard=7))
    access = {
        one.access_method: one.access_location.value for one in extension_value(leaf, x509.AuthorityInformationAccess)
    }
    assert access == {
        AuthorityInformationAccessOID.CA_ISSUERS: f"{BASE_URL}/ca/DataProvidersTestIssuingCAv1.cer",
        AuthorityInformationAccessOID.OCSP: f"{BASE_URL}/ocsp/DataProvidersTestIssuingCAv1",
    }
    (point,) = extension_value(leaf, x509.CRLDistributionPoints)
    assert [one.value for one in point.full_name] == [f"{BASE_URL}/crl/DataProvidersTestIssuingCAv1-7.crl"]


@pytest.mark.parametrize("kind", KeyType)
def test_the_extensions_of_a_holder_and_no_others(kind):
    leaf = holder_certificate(holder_key(1, kind))
    assert {one.oid._name: one.critical for one in leaf.extensions} == {
        "basicConstraints": True,
        "keyUsage": True,
        "extendedKeyUsage": False,
        "subjectKeyIdentifier": False,
        "authorityKeyIdentifier": False,
        "authorityInfoAccess": False,
        "cRLDistributionPoints": False,
    }
    usage = extension_value(leaf, x509.KeyUsage)
    assert usage.digital_signature
    assert usage.key_encipherment is kind.value.startswith("rsa")


def test_a_signer_of_responses_is_no_client():
    signer = response_signer()[1]
    assert extension_value(signer, x509.ExtendedKeyUsage) is None
    assert extension_value(signer, x509.BasicConstraints) == x509.BasicConstraints(ca=False, path_length=None)
    assert [one.value for one in signer.subject] == ["Sinetti Test Response Signer", "Sinetti", "FI"]


def test_a_path_builder_of_another_make_accepts_the_chain():
    built = authority()
    chain = built.chain_above(holder_certificate(holder_key()))
    root = built.certificate("SinettiRootTestCAv1")
    ignoring = x509.verification.ExtensionPolicy.permit_all()
    verifier = (
        PolicyBuilder()
        .store(Store([root]))
        .time(NOW)
        .extension_policies(ca_policy=x509.verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=ignoring)
        .build_client_verifier()
    )
    assert len(verifier.verify(holder_certificate(holder_key()), list(chain)).chain) == 4


ENDS = {
    "the CA's last second": (ISSUER.certificate.not_valid_after_utc, True),
    "one second later": (ISSUER.certificate.not_valid_after_utc + ONE_SECOND, False),
}


@pytest.mark.parametrize(("end", "issued"), ENDS.values(), ids=ENDS)
def test_nothing_outlives_its_ca_and_nothing_is_clipped(end, issued):
    plan = replace(PLAN, span=ValidityPeriod(end - VALIDITY, end))
    assert (last_issuance_time(ISSUER.certificate, VALIDITY) >= plan.span.not_before) is issued
    if issued:
        assert issue(plan, ISSUER).not_valid_after_utc == end
    else:
        with pytest.raises(ExceedsIssuerValidity):
            build_tbs(plan, ISSUER, LeafProfile.HOLDER)


def test_what_is_not_issued():
    end = ISSUER.certificate.not_valid_after_utc + ONE_SECOND
    broken = {
        "a holder from the services CA": (PLAN, services_issuer(), LeafProfile.HOLDER),
        "a signer of responses from the holders' CA": (PLAN, ISSUER, LeafProfile.SERVICES),
        "before its CA": (replace(PLAN, span=ValidityPeriod(NOW - VALIDITY, NOW)), ISSUER, LeafProfile.HOLDER),
        "after its CA": (replace(PLAN, span=ValidityPeriod(end - VALIDITY, end)), ISSUER, LeafProfile.HOLDER),
    }
    said = golden.refusals({name: partial(build_tbs, *parts) for name, parts in broken.items()}, LintError)
    without = altered(ISSUER.certificate, without=[x509.SubjectKeyIdentifier])
    ed25519_key = ed25519.Ed25519PrivateKey.generate().public_key()
    other = altered(ISSUER.certificate, public_key=ed25519_key, without=[x509.SubjectKeyIdentifier])
    attempts = {
        "a holder without lineage": partial(build_tbs, replace(PLAN, subject_serial=None), ISSUER, LeafProfile.HOLDER),
        "a CA of another algorithm": partial(ca_key, other),
        "a CA without identifier": partial(key_identifier_of, without),
    }
    said += golden.refusals(attempts, ValueError)
    golden.check("sentences/issuance/refused", {"en.txt": said})


OTHER_TBS = build_tbs(leaf_plan(holder_key(2).public_key()), ISSUER, LeafProfile.HOLDER)
REJECTED = {
    "nothing": (TBS, b"", ISSUER.certificate),
    "over other octets": (TBS, sign(CA_KEY, OTHER_TBS), ISSUER.certificate),
    "by another key": (TBS, sign(holder_key(), TBS), ISSUER.certificate),
    "no certificate": (b"junk", sign(CA_KEY, b"junk"), ISSUER.certificate),
    "another CA's name": (TBS, sign(CA_KEY, TBS), services_issuer().certificate),
    "another hash": (TBS, sign(CA_KEY, TBS), authority().certificate("SinettiRootTestCAv1")),
}


@pytest.mark.parametrize(("tbs", "signature", "by"), REJECTED.values(), ids=REJECTED)
def test_a_signature_that_is_not_the_cas_is_rejected(tbs, signature, by, library):
    with pytest.raises(SignatureRejected):
        attach_signature(tbs, signature, by)


CA_KINDS = (KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048)
OTHER_ALGORITHMS = {
    KeyType.EC_P256: bytes.fromhex("300a06082a8648ce3d040303"),  # ecdsa-with-SHA384
    KeyType.EC_P384: bytes.fromhex("300a06082a8648ce3d040302"),  # ecdsa-with-SHA256
    KeyType.RSA_2048: bytes.fromhex("300d06092a864886f70d01010c0500"),  # sha384WithRSAEncryption
}


def ca_of(kind):
    """Return a CA whose key has this type, the key, and the octets of a leaf."""
    key = holder_key(3, kind)
    by = replace(ISSUER, certificate=altered(ISSUER.certificate, public_key=key.public_key()))
    return by.certificate, key, build_tbs(PLAN, by, LeafProfile.HOLDER)


@pytest.mark.parametrize("kind", CA_KINDS)
def test_what_a_ca_signed_names_its_algorithm_within_and_without(kind, library):
    by, key, tbs = ca_of(kind)
    der = attach_signature(tbs, sign(key, tbs), by)
    assert der.count(algorithm_identifier(key.public_key())) == 2
    load_certificate(der).verify_directly_issued_by(by)  # compares both


@pytest.mark.parametrize("kind", CA_KINDS)
def test_octets_that_name_another_algorithm_are_rejected(kind, library):
    by, key, tbs = ca_of(kind)
    tbs = tbs.replace(algorithm_identifier(key.public_key()), OTHER_ALGORITHMS[kind], 1)
    with pytest.raises(SignatureRejected):
        attach_signature(tbs, sign(key, tbs), by)


@pytest.mark.parametrize("kind", CA_KINDS)
@pytest.mark.parametrize("signer", CA_KINDS)
def test_the_signature_of_another_key_is_rejected(kind, signer, library):
    by, _, tbs = ca_of(kind)
    with pytest.raises(SignatureRejected):
        attach_signature(tbs, sign(holder_key(4, signer), tbs), by)


@pytest.mark.parametrize("kind", CA_KINDS)
def test_cut_or_longer_octets_are_rejected(kind, library):
    by, key, tbs = ca_of(kind)
    signature = sign(key, tbs)
    for octets, signed in (
        (tbs, signature[:-1]),
        (tbs, signature + b"\0"),
        (tbs, signature[:2]),
        (tbs[:-1], sign(key, tbs[:-1])),
        (tbs + b"\0", sign(key, tbs + b"\0")),
    ):
        with pytest.raises(SignatureRejected):
            attach_signature(octets, signed, by)


def test_a_root_is_checked_with_its_own_key(library):
    root = authority().certificate("SinettiRootTestCAv1")
    key = authority().key("SinettiRootTestCAv1")
    tbs = root.tbs_certificate_bytes
    assert load_certificate(assemble_root(tbs, sign(key, tbs), key.public_key())).subject == root.subject
    with pytest.raises(SignatureRejected):
        assemble_root(tbs, sign(CA_KEY, tbs), key.public_key())


@given(st.binary(min_size=19, max_size=19))
def test_a_serial_is_positive_and_has_always_19_octets(drawn):
    serial = new_serial(lambda _: drawn)
    assert len(serial) == 38
    assert 0 < int(serial[:2], 16) < 0x80
    assert serial[2:] == drawn[1:].hex()


def test_serials_differ():
    assert new_serial() != new_serial()


STAND_INS = {"RSA": KeyType.RSA_2048, "EC": KeyType.EC_P256}


@pytest.mark.parametrize("kind", STAND_INS.values(), ids=STAND_INS)
def test_the_stand_in_has_the_public_half_and_nothing_private(kind):
    public_key = holder_key(1, kind).public_key()
    stand_in = capture_key(public_key)
    assert stand_in.public_key() == public_key
    assert stand_in.key_size == public_key.key_size
    with pytest.raises(NotImplementedError, match="no private key"):
        stand_in.private_numbers()


def test_the_stand_in_notes_what_is_to_be_signed():
    rsa_stand_in = capture_key(holder_key(1, KeyType.RSA_2048).public_key())
    rsa_stand_in.sign(b"octets", padding.PKCS1v15(), hashes.SHA256())
    assert rsa_stand_in.octets == b"octets"
    ec_stand_in = capture_key(holder_key().public_key())
    assert ec_stand_in.curve.name == "secp256r1"
