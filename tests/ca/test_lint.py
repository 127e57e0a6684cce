import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from sinetti.ca.lint import RULES, lint, version
from sinetti.ca.profiles import key_usage
from sinetti.domain.values import KeyType
from tests.ca.altering import altered, subject
from tests.support.authority import (
    LINEAGE,
    NOW,
    authority,
    holder_certificate,
    holder_key,
    issuer,
    ocsp_responder,
    response_signer,
)

BUILT = authority()
ROOT = BUILT.certificate("SinettiRootTestCAv1")
INTERMEDIATE = BUILT.certificate("SinettiIntermediateTestCAv1")
ISSUING = issuer().certificate
SERVICES = BUILT.certificate("ServicesTestIssuingCAv1")
HOLDER = holder_certificate(holder_key())
RSA_HOLDER = holder_certificate(holder_key(1, KeyType.RSA_2048))
SIGNER = response_signer()[1]
RESPONDER = ocsp_responder(issuer().file_name).certificate
ONE_SECOND = timedelta(seconds=1)

GOOD = {
    "a root": (ROOT, ROOT),
    "an intermediate": (INTERMEDIATE, ROOT),
    "an issuing CA": (ISSUING, INTERMEDIATE),
    "the services CA": (SERVICES, INTERMEDIATE),
    "a holder with an EC key": (HOLDER, ISSUING),
    "a holder with an RSA key": (RSA_HOLDER, ISSUING),
    "a signer of responses": (SIGNER, SERVICES),
    "an OCSP responder of an issuing CA": (RESPONDER, ISSUING),
    "an OCSP responder of the services CA": (ocsp_responder("ServicesTestIssuingCAv1").certificate, SERVICES),
}


@pytest.mark.parametrize(("certificate", "above"), GOOD.values(), ids=GOOD)
def test_what_we_issue_breaks_no_rule(certificate, above):
    assert lint(certificate, above) == ()


CN, SERIAL_NUMBER = (NameOID.COMMON_NAME, "0123456-7"), (NameOID.SERIAL_NUMBER, LINEAGE)
O, C = (NameOID.ORGANIZATION_NAME, "Sinisiipi Oy"), (NameOID.COUNTRY_NAME, "FI")  # noqa: E741 - as X.500 calls it
PRINTABLE_CN = x509.NameAttribute(*CN, _type=_ASN1Type.PrintableString)
LONG_O = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "n" * 65, _validate=False)


def access(**urls):
    """Make authorityInfoAccess of `ca` and `ocsp` addresses."""
    methods = {"ca": AuthorityInformationAccessOID.CA_ISSUERS, "ocsp": AuthorityInformationAccessOID.OCSP}
    names = {name: x509.UniformResourceIdentifier(url) for name, url in urls.items()}
    listed = [x509.AccessDescription(methods[name], url) for name, url in names.items()]
    return x509.AuthorityInformationAccess(listed)


def points(*names, crl_issuer=None, reasons=None):
    """Make cRLDistributionPoints of one point."""
    full = [x509.UniformResourceIdentifier(one) if isinstance(one, str) else one for one in names]
    return x509.CRLDistributionPoints([x509.DistributionPoint(full or None, None, reasons, crl_issuer)])


CRL = "http://pki.sinetti.example/crl/x-1.crl"
TWO_POINTS = x509.CRLDistributionPoints([*points(CRL), *points(CRL)])
DIRECTORY = x509.DirectoryName(ISSUING.subject)
SOME_REASON = frozenset({x509.ReasonFlags.key_compromise})
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
P521 = ec.generate_private_key(ec.SECP521R1()).public_key()
LEAF, CA = x509.BasicConstraints(ca=False, path_length=None), x509.BasicConstraints(ca=True, path_length=0)
SHORT = x509.BasicConstraints(ca=True, path_length=1)
SAN = x509.SubjectAlternativeName([x509.DNSName("sinetti.example")])
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
OTHER_AKI = x509.AuthorityKeyIdentifier(b"another", None, None)
OTHER_SKI = x509.SubjectKeyIdentifier(b"another")
AIA = HOLDER.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
NO_KEY_USAGE = altered(ISSUING, without=[x509.KeyUsage])

OCSP_SIGNING = ExtendedKeyUsageOID.OCSP_SIGNING
NINETY_DAYS = RESPONDER.not_valid_before_utc + timedelta(days=90)

BROKEN = {
    "a responder for more than answers": (
        altered(RESPONDER, put=[(x509.ExtendedKeyUsage([OCSP_SIGNING, CLIENT]), False)]),
        ISSUING,
        "exactly OCSPSigning",
    ),
    "a responder that would be asked about": (
        altered(RESPONDER, without=[x509.OCSPNoCheck]),
        ISSUING,
        "not an end-entity certificate with id-pkix-ocsp-nocheck",
    ),
    "a responder that is a CA": (
        altered(RESPONDER, put=[(CA, True)]),
        ISSUING,
        "not an end-entity certificate with id-pkix-ocsp-nocheck",
    ),
    "a responder of a CA that issues no leaves": (
        altered(RESPONDER, issuer_name=INTERMEDIATE.subject),
        INTERMEDIATE,
        "not an end-entity certificate with id-pkix-ocsp-nocheck",
    ),
    "a responder of 90 days and a second": (altered(RESPONDER, not_valid_after=NINETY_DAYS), ISSUING, "90 days"),
    "a responder with an address": (altered(RESPONDER, put=[(AIA, False)]), ISSUING, "http addresses"),
    "a responder with a list": (altered(RESPONDER, put=[(points(CRL), False)]), ISSUING, "has a CRL address"),
    "a holder that answers": (
        altered(HOLDER, put=[(x509.ExtendedKeyUsage([OCSP_SIGNING]), False), (x509.OCSPNoCheck(), False)]),
        ISSUING,
        "exactly the attributes",
    ),
    "a holder that nobody asks about": (
        altered(HOLDER, put=[(x509.OCSPNoCheck(), False)]),
        ISSUING,
        "but its profile has none",
    ),
    "a short serial number": (altered(HOLDER, serial_number=1), ISSUING, "serial number"),
    "a foreign issuer": (altered(HOLDER, issuer_name=subject(CN)), ISSUING, "issuer is not the subject"),
    "signed by a leaf": (HOLDER, HOLDER, "not a CA that may sign"),
    "signed by a CA without keyUsage": (altered(HOLDER), NO_KEY_USAGE, "not a CA that may sign"),
    "path length not below": (altered(ISSUING, put=[(SHORT, True)]), INTERMEDIATE, "path length"),
    "path length not limited": (
        altered(ISSUING, put=[(x509.BasicConstraints(ca=True, path_length=None), True)]),
        INTERMEDIATE,
        "path length",
    ),
    "outlives its CA": (
        altered(HOLDER, not_valid_after=ISSUING.not_valid_after_utc + ONE_SECOND),
        ISSUING,
        "within the validity",
    ),
    "begins before its CA": (
        altered(HOLDER, not_valid_before=ISSUING.not_valid_before_utc - ONE_SECOND),
        ISSUING,
        "within the validity",
    ),
    "one second that is none": (altered(HOLDER, not_valid_before=NOW, not_valid_after=NOW), ISSUING, "ends before"),
    "a key of another curve": (altered(HOLDER, public_key=P521), ISSUING, "type or size"),
    "another order in the subject": (
        altered(HOLDER, subject_name=subject(C, O, SERIAL_NUMBER, CN)),
        ISSUING,
        "attributes of its profile",
    ),
    "no holding": (altered(HOLDER, subject_name=subject(CN, O, C)), ISSUING, "attributes of its profile"),
    "a holding in a CA's name": (
        altered(ROOT, subject_name=subject(CN, SERIAL_NUMBER, O, C)),
        ROOT,
        "attributes of its profile",
    ),
    "CN as PrintableString": (
        altered(HOLDER, subject_name=subject(PRINTABLE_CN, SERIAL_NUMBER, O, C)),
        ISSUING,
        "string of the wrong type",
    ),
    "an unprintable character": (
        altered(HOLDER, subject_name=subject(CN, SERIAL_NUMBER, (NameOID.ORGANIZATION_NAME, "a\nb"), C)),
        ISSUING,
        "unprintable",
    ),
    "a padded value": (
        altered(HOLDER, subject_name=subject((NameOID.COMMON_NAME, " 0123456-7"), SERIAL_NUMBER, O, C)),
        ISSUING,
        "padded",
    ),
    "an overlong value": (altered(HOLDER, subject_name=subject(CN, SERIAL_NUMBER, LONG_O, C)), ISSUING, "over 64"),
    "a holding in lower case": (
        altered(HOLDER, subject_name=subject(CN, (NameOID.SERIAL_NUMBER, LINEAGE.lower()), O, C)),
        ISSUING,
        "32 upper-case",
    ),
    "no basicConstraints": (altered(HOLDER, without=[x509.BasicConstraints]), ISSUING, "basicConstraints is missing"),
    "basicConstraints not critical": (altered(HOLDER, put=[(LEAF, False)]), ISSUING, "not critical"),
    "a CA below an issuing CA": (altered(HOLDER, put=[(CA, True)]), ISSUING, "basicConstraints does not match"),
    "a leaf below an intermediate": (altered(ISSUING, put=[(LEAF, True)]), INTERMEDIATE, "basicConstraints does not"),
    "keyUsage not critical": (altered(HOLDER, put=[(key_usage(digital_signature=True), False)]), ISSUING, "keyUsage"),
    "EC with keyEncipherment": (
        altered(HOLDER, put=[(key_usage(digital_signature=True, key_encipherment=True), True)]),
        ISSUING,
        "keyUsage",
    ),
    "RSA without keyEncipherment": (
        altered(RSA_HOLDER, put=[(key_usage(digital_signature=True), True)]),
        ISSUING,
        "keyUsage",
    ),
    "a CA that signs documents": (
        altered(ISSUING, put=[(key_usage(digital_signature=True, key_cert_sign=True, crl_sign=True), True)]),
        INTERMEDIATE,
        "keyUsage",
    ),
    "a holder for servers too": (
        altered(HOLDER, put=[(x509.ExtendedKeyUsage([CLIENT, SERVER]), False)]),
        ISSUING,
        "exactly clientAuth",
    ),
    "a holder for nothing": (altered(HOLDER, without=[x509.ExtendedKeyUsage]), ISSUING, "exactly clientAuth"),
    "a signer that is a client": (
        altered(SIGNER, put=[(x509.ExtendedKeyUsage([CLIENT]), False)]),
        SERVICES,
        "profile has none",
    ),
    "another key's identifier": (altered(HOLDER, put=[(OTHER_SKI, False)]), ISSUING, "subjectKeyIdentifier"),
    "another CA's identifier": (altered(HOLDER, put=[(OTHER_AKI, False)]), ISSUING, "does not match the issuer's"),
    "no identifier of the CA": (
        altered(HOLDER, without=[x509.AuthorityKeyIdentifier]),
        ISSUING,
        "authorityKeyIdentifier is missing",
    ),
    "a CA without identifier": (
        altered(HOLDER),
        altered(ISSUING, without=[x509.SubjectKeyIdentifier]),
        "does not match the issuer's",
    ),
    "a leaf without OCSP": (altered(HOLDER, put=[(access(ca=CRL), False)]), ISSUING, "authorityInfoAccess"),
    "https for the CA": (
        altered(HOLDER, put=[(access(ca="https://x.example", ocsp=CRL), False)]),
        ISSUING,
        "authorityInfoAccess",
    ),
    "no addresses": (
        altered(HOLDER, without=[x509.AuthorityInformationAccess]),
        ISSUING,
        "authorityInfoAccess",
    ),
    "a root with addresses": (altered(ROOT, put=[(AIA, False)]), ROOT, "authorityInfoAccess"),
    "a root with a CRL above": (altered(ROOT, put=[(points(CRL), False)]), ROOT, "has a CRL address"),
    "no CRL": (altered(HOLDER, without=[x509.CRLDistributionPoints]), ISSUING, "exactly one point"),
    "two points": (altered(HOLDER, put=[(TWO_POINTS, False)]), ISSUING, "exactly one point"),
    "a CRL issuer": (altered(HOLDER, put=[(points(CRL, crl_issuer=[DIRECTORY]), False)]), ISSUING, "one plain http"),
    "some reasons only": (altered(HOLDER, put=[(points(CRL, reasons=SOME_REASON), False)]), ISSUING, "one plain http"),
    "no address in the point": (altered(HOLDER, put=[(points(crl_issuer=[DIRECTORY]), False)]), ISSUING, "one plain"),
    "two addresses in the point": (altered(HOLDER, put=[(points(CRL, CRL), False)]), ISSUING, "one plain http"),
    "a directory name as address": (altered(HOLDER, put=[(points(DIRECTORY), False)]), ISSUING, "one plain http"),
    "a SAN": (altered(HOLDER, put=[(SAN, False)]), ISSUING, "subjectAltName"),
    "an unknown extension": (altered(HOLDER, put=[(UNKNOWN, False)]), ISSUING, r"1\.2\.3\.4 is not in the profile"),
    "a critical purpose": (
        altered(HOLDER, put=[(x509.ExtendedKeyUsage([CLIENT]), True)]),
        ISSUING,
        r"2\.5\.29\.37 is critical",
    ),
    "an extension that cannot be read": (
        altered(HOLDER, put=[(x509.UnrecognizedExtension(x509.BasicConstraints.oid, b"\xff"), True)]),
        ISSUING,
        "cannot be read",
    ),
}


@pytest.mark.parametrize(("certificate", "above", "finding"), BROKEN.values(), ids=BROKEN)
def test_each_rule_finds_what_breaks_it(certificate, above, finding):
    found = lint(certificate, above)
    assert any(re.search(finding, one) for one in found), found


def test_version_1_has_no_extensions_and_is_found():
    assert version(SimpleNamespace(certificate=SimpleNamespace(version=x509.Version.v1))) == "the version is not 3"


def test_every_rule_names_its_source():
    assert all("RFC 5280" in rule.__doc__ or "facts sheet" in rule.__doc__ for rule in RULES)
