"""NIST's certification path tests (PKITS 1.0.1): files, numbers, and a judge.

The files are those of `cryptography-vectors` on PyPI.
"""

import contextlib
import re
import warnings
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import cryptography_vectors
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from sinetti.domain.values import Serial, ValidityPeriod
from sinetti.gateway.gateway import _CERTIFICATE, Gateway, ValidatedCertificate
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.x509.end_entity import EndEntityCertificate, InvalidCertificate, check_structure
from sinetti.gateway.x509.path_validation import build_paths
from sinetti.pki.encoding import certificate_der

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FOLDER = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
ANY_AGE = timedelta(days=40_000)
"""Freshness limit that accepts CRLs of any age.

The tests' lists are of 2010 and good until 2030, and the rule of freshness is not their subject.
"""

# The end certificates of each chapter, by their files' names without "EE.crt", in the order of the tests' numbers.
CHAPTERS = {
    "4.1": "ValidCertificatePath InvalidCASignature InvalidEESignature ValidDSASignatures ValidDSAParameterInheritance "
    "InvalidDSASignature",
    "4.2": "InvalidCAnotBeforeDate InvalidEEnotBeforeDate Validpre2000UTCnotBeforeDate "
    "ValidGeneralizedTimenotBeforeDate InvalidCAnotAfterDate InvalidEEnotAfterDate Invalidpre2000UTCEEnotAfterDate "
    "ValidGeneralizedTimenotAfterDate",
    "4.3": "InvalidNameChaining InvalidNameChainingOrder ValidNameChainingWhitespace ValidNameChainingWhitespace "
    "ValidNameChainingCapitalization ValidNameUIDs ValidRFC3280MandatoryAttributeTypes "
    "ValidRFC3280OptionalAttributeTypes ValidUTF8StringEncodedNames ValidRolloverfromPrintableStringtoUTF8String "
    "ValidUTF8StringCaseInsensitiveMatch",
    "4.4": "InvalidMissingCRL InvalidRevokedCA InvalidRevokedEE InvalidBadCRLSignature InvalidBadCRLIssuerName "
    "InvalidWrongCRL ValidTwoCRLs InvalidUnknownCRLEntryExtension InvalidUnknownCRLExtension "
    "InvalidUnknownCRLExtension InvalidOldCRLnextUpdate Invalidpre2000CRLnextUpdate "
    "ValidGeneralizedTimeCRLnextUpdate ValidNegativeSerialNumber InvalidNegativeSerialNumber ValidLongSerialNumber "
    "ValidLongSerialNumber InvalidLongSerialNumber ValidSeparateCertificateandCRLKeys "
    "InvalidSeparateCertificateandCRLKeys InvalidSeparateCertificateandCRLKeys",
    "4.5": "ValidBasicSelfIssuedOldWithNew InvalidBasicSelfIssuedOldWithNew ValidBasicSelfIssuedNewWithOld "
    "ValidBasicSelfIssuedNewWithOld InvalidBasicSelfIssuedNewWithOld ValidBasicSelfIssuedCRLSigningKey "
    "InvalidBasicSelfIssuedCRLSigningKey InvalidBasicSelfIssuedCRLSigningKey",
    "4.6": "InvalidMissingbasicConstraints InvalidcAFalse InvalidcAFalse ValidbasicConstraintsNotCritical "
    "InvalidpathLenConstraint InvalidpathLenConstraint ValidpathLenConstraint ValidpathLenConstraint "
    "InvalidpathLenConstraint InvalidpathLenConstraint InvalidpathLenConstraint InvalidpathLenConstraint "
    "ValidpathLenConstraint ValidpathLenConstraint ValidSelfIssuedpathLenConstraint "
    "InvalidSelfIssuedpathLenConstraint ValidSelfIssuedpathLenConstraint",
    "4.7": "InvalidkeyUsageCriticalkeyCertSignFalse InvalidkeyUsageNotCriticalkeyCertSignFalse "
    "ValidkeyUsageNotCritical InvalidkeyUsageCriticalcRLSignFalse InvalidkeyUsageNotCriticalcRLSignFalse",
    "4.13": "ValidDNnameConstraints InvalidDNnameConstraints InvalidDNnameConstraints ValidDNnameConstraints "
    "ValidDNnameConstraints ValidDNnameConstraints InvalidDNnameConstraints InvalidDNnameConstraints "
    "InvalidDNnameConstraints InvalidDNnameConstraints ValidDNnameConstraints InvalidDNnameConstraints "
    "InvalidDNnameConstraints ValidDNnameConstraints InvalidDNnameConstraints InvalidDNnameConstraints "
    "InvalidDNnameConstraints ValidDNnameConstraints ValidDNnameConstraints InvalidDNnameConstraints "
    "ValidRFC822nameConstraints InvalidRFC822nameConstraints ValidRFC822nameConstraints InvalidRFC822nameConstraints "
    "ValidRFC822nameConstraints InvalidRFC822nameConstraints ValidDNandRFC822nameConstraints "
    "InvalidDNandRFC822nameConstraints InvalidDNandRFC822nameConstraints ValidDNSnameConstraints "
    "InvalidDNSnameConstraints ValidDNSnameConstraints InvalidDNSnameConstraints ValidURInameConstraints "
    "InvalidURInameConstraints ValidURInameConstraints InvalidURInameConstraints InvalidDNSnameConstraints",
    "4.14": "ValiddistributionPoint InvaliddistributionPoint InvaliddistributionPoint ValiddistributionPoint "
    "ValiddistributionPoint InvaliddistributionPoint ValiddistributionPoint InvaliddistributionPoint "
    "InvaliddistributionPoint ValidNoissuingDistributionPoint InvalidonlyContainsUserCerts "
    "InvalidonlyContainsCACerts ValidonlyContainsCACerts InvalidonlyContainsAttributeCerts InvalidonlySomeReasons "
    "InvalidonlySomeReasons InvalidonlySomeReasons ValidonlySomeReasons ValidonlySomeReasons InvalidonlySomeReasons "
    "InvalidonlySomeReasons ValidIDPwithindirectCRL InvalidIDPwithindirectCRL ValidIDPwithindirectCRL "
    "ValidIDPwithindirectCRL InvalidIDPwithindirectCRL InvalidcRLIssuer ValidcRLIssuer ValidcRLIssuer ValidcRLIssuer "
    "InvalidcRLIssuer InvalidcRLIssuer ValidcRLIssuer InvalidcRLIssuer InvalidcRLIssuer",
    "4.15": "InvaliddeltaCRLIndicatorNoBase ValiddeltaCRL InvaliddeltaCRL InvaliddeltaCRL ValiddeltaCRL "
    "InvaliddeltaCRL ValiddeltaCRL ValiddeltaCRL InvaliddeltaCRL InvaliddeltaCRL",
}

TESTS = {
    f"{chapter}.{number}": f"{name}Test{number}EE"
    for chapter, names in CHAPTERS.items()
    for number, name in enumerate(names.split(), start=1)
}
"""The file of each test's end certificate by the test's number."""


def should_be_valid(number: str) -> bool:
    """Return whether the path ought to be accepted, as its file's name states."""
    return TESTS[number].startswith("Valid")


@cache
def certificates() -> dict[str, x509.Certificate]:
    """Read every certificate that can be parsed, by its file's name."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd serial numbers are the subject here
        for path in FOLDER.glob("certs/*.crt"):
            with contextlib.suppress(ValueError):
                found[path.stem] = x509.load_der_x509_certificate(path.read_bytes())
    return found


@cache
def lists() -> CrlSource:
    """Return a source of every CRL; each list covers the CA that signed it."""
    return CrlSource(folder=FOLDER / "crls")


@cache
def by_subject() -> dict[str, list[x509.Certificate]]:
    """Sort the certificates by their subjects, as people compare names."""
    found: dict[str, list[x509.Certificate]] = {}
    for one in certificates().values():
        found.setdefault(_name(one.subject), []).append(one)
    return found


def helpers_of(leaf: x509.Certificate) -> list[x509.Certificate]:
    """Return certificates that may lie between this one and the anchor.

    Names alone decide.
    """
    found: list[x509.Certificate] = []
    wanted = [_name(leaf.issuer)]
    for name in wanted:
        for one in by_subject().get(name, ()):
            found.append(one)
            above = _name(one.issuer)
            if above not in wanted:
                wanted.append(above)  # the loop goes on over it
    return found


def accepted(number: str) -> bool:
    """Judge a test as `Gateway.identify` does, without its demands on holders.

    The demands are on the key, a single CN and clientAuth.
    """
    anchor = certificates()["TrustAnchorRootCertificate"]
    gateway = Gateway([anchor], source=lists(), freshness=ANY_AGE)
    leaf = certificates().get(TESTS[number])
    if leaf is None:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check_structure(leaf)
        except (InvalidCertificate, ValueError, UnsupportedAlgorithm):
            return False
        paths = build_paths(leaf, gateway._state.trusted, [one for one in helpers_of(leaf) if one != anchor])
        span = ValidityPeriod(leaf.not_valid_before_utc, leaf.not_valid_after_utc)
        known = ValidatedCertificate(
            EndEntityCertificate(leaf, certificate_der(leaf), "-", None, Serial("01"), span, is_holders=True),
            tuple(gateway._way(path, (), gateway._state) for path in paths),
        )
        return gateway._judged(known, NOW, _CERTIFICATE).accepted


def _name(name: x509.Name) -> str:
    return re.sub(r"\s+", " ", name.rfc4514_string()).strip().casefold()
