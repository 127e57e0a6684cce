"""Certificates, CRLs and OCSP answers for the tests of the gateway.

They are made by hand, so that each can deviate in one respect.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sinetti.ca.profiles import key_usage
from sinetti.domain.values import VALIDITY, Channel
from sinetti.gateway.x509.path_validation import authority_of
from sinetti.pki.encoding import certificate_der
from tests.support import authority
from tests.support.authority import NOW

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
ANCHORS = tuple(one for _, one in authority.authority().entries.values())[:-1]
"""Every CA of the test authority, including the services CA.

The signer of answers is left out.
"""
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


@cache
def key(name):
    """Make a P-256 key; the same name gives the same key in a whole run."""
    assert name
    return ec.generate_private_key(ec.SECP256R1())


def name_of(text, *more):
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in ((NameOID.COMMON_NAME, text), *more)])


def certificate(name, by=None, *, of=None, put=(), leave=(), **odd):
    """Make a certificate of a CA, unless `put` has a BasicConstraints.

    `by` is the issuer as (name, its key's name); None makes a self-signed certificate. `put` has extensions, as
    (value, critical), in place of the usual ones. `leave` has the types left out. `odd` may have subject, issuer,
    serial, span, hashing, signed_by (a private key), public (a public key).
    """
    issuer, signer = by or (name, of or name)
    public = odd.get("public") or key(of or name).public_key()
    begins, ends = odd.get("span", (NOW - HOUR, NOW + VALIDITY))
    builder = x509.CertificateBuilder(
        odd.get("issuer", name_of(issuer)),
        odd.get("subject", name_of(name)),
        public,
        odd.get("serial", x509.random_serial_number()),
        begins,
        ends,
    )
    usual = [
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (key_usage(key_cert_sign=True, crl_sign=True), True),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
    ]
    given = {value.oid for value, _ in put} | {kind.oid for kind in leave}
    for value, critical in (*(one for one in usual if one[0].oid not in given), *put):
        builder = builder.add_extension(value, critical)
    return builder.sign(odd.get("signed_by") or key(signer), odd.get("hashing", hashes.SHA256()))


def leaf(by, name="0123456-7", *, put=(), **odd):
    """Make a holder's certificate by (CA's name, its key's name)."""
    usual = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage(digital_signature=True), True),
        (CLIENT, False),
    ]
    given = {value.oid for value, _ in put}
    return certificate(name, by, put=(*(one for one in usual if one[0].oid not in given), *put), **odd)


@dataclass
class CrlPlan:
    """Plan of a CRL: by default, one of the test authority's issuing CA for a channel."""

    revoked: tuple[int, ...] = ()
    at: datetime = NOW
    life: timedelta = timedelta(days=7)
    scope: x509.IssuingDistributionPoint | None = None
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    entry: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    issuer: x509.Certificate = field(default_factory=lambda: authority.issuer().certificate)
    signer: object = None
    number: int | None = -1
    """CRL number; None: the list has none. -1: it follows from the time."""


def crl(**changes):
    """Sign a CRL (DER)."""
    plan = CrlPlan(**changes)
    signer = plan.signer or authority.authority().key(authority.issuer().key_name)
    builder = x509.CertificateRevocationListBuilder(plan.issuer.subject, plan.at, plan.at + plan.life)
    number = int(plan.at.timestamp()) if plan.number == -1 else plan.number
    extensions = [*([] if number is None else [(x509.CRLNumber(number), False)]), *plan.more]
    if plan.scope is not None:
        extensions.append((plan.scope, True))
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    for serial in plan.revoked:
        entry = x509.RevokedCertificateBuilder(serial, plan.at)
        for value, critical in plan.entry:
            entry = entry.add_extension(value, critical)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


def scope(*names, **flags):
    """Make an IssuingDistributionPoint."""
    usual = {
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    full = [x509.UniformResourceIdentifier(one) for one in names] or None
    return x509.IssuingDistributionPoint(full_name=full, relative_name=None, **(usual | flags))


def holder(number=1, *, channel=Channel.WS, **changes):
    """Return the DER of a holder's certificate of the test authority."""
    return certificate_der(authority.holder_certificate(authority.holder_key(number), channel=channel, **changes))


def issuing():
    """Return the CA that issued `holder`, as the gateway reads it."""
    return authority_of(authority.issuer().certificate)


def loaded(der):
    return x509.load_der_x509_certificate(der)


@dataclass
class Responder:
    """OCSP responder with configurable answers.

    The CA itself signs them, or a delegate with a certificate of its own.
    """

    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD
    at: datetime = NOW
    life: timedelta = DAY
    delegate: x509.Certificate | None = None
    signer: object = None
    nonce: bytes | str | None = "theirs"
    about: x509.Certificate | None = None
    hashing: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)
    asked: list = field(default_factory=list)
    busy: int = 0

    def __call__(self, address, request):
        parsed = ocsp.load_der_ocsp_request(request)
        self.asked.append((address, parsed))
        if self.busy:
            self.busy -= 1
            return ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(
                Encoding.DER
            )
        revoked = self.status is ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=self.about,
            issuer=authority.issuer().certificate,
            algorithm=self.hashing,
            cert_status=self.status,
            this_update=self.at,
            next_update=self.at + self.life,
            revocation_time=self.at if revoked else None,
            revocation_reason=None,
        )
        ca = authority.issuer().certificate
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.delegate or ca)
        if self.delegate is not None:
            builder = builder.certificates([self.delegate])
        for one in parsed.extensions if self.nonce == "theirs" else ():
            builder = builder.add_extension(one.value, critical=False)
        if isinstance(self.nonce, bytes):
            builder = builder.add_extension(x509.OCSPNonce(self.nonce), critical=False)
        signer = self.signer or authority.authority().key(authority.issuer().key_name)
        return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)
