"""OCSP responses as a revocation source (RFC 6960).

Requests go to a configured address, never to an address in a certificate.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from threading import Lock
from typing import assert_never

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from sinetti.gateway.revocation.source import GOOD, MISSING, NO_ANSWER, NOT_KNOWN, REVOKED, RevocationStatus, is_fresh
from sinetti.gateway.x509.path_validation import SIGNATURES, CaCertificate, is_understood, key_in_bounds
from sinetti.infra.http_client import HttpError, HttpRequest, send_request
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import GATEWAY_OCSP_FAILURES
from sinetti.pki.chain import extension_value, is_valid_at
from sinetti.pki.encoding import AnyPublicKey, describes_curve

LARGEST_ANSWER = 65_536
"""Largest size of a response in octets; one with a certificate has 2,000."""

NONCE_OCTETS = 32
"""Length of the nonce in octets (RFC 9654, 2.1)."""

PATIENCE = 5.0
"""Time limit of one request in seconds, while a caller waits."""

ASK_AGAIN = timedelta(minutes=5)
"""Age at which a cached response is requested again.

If no newer one can be obtained, the cached response is used while it is fresh.
"""

_KEPT_AT_MOST = 4096
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_TYPE = "application/ocsp-request"

Ask = Callable[[str, bytes], bytes]
"""Function that sends a request (DER) to an address and returns the response.

It raises OSError if there is no response.
"""


def post(address: str, request: bytes) -> bytes:
    """Send a request by HTTP, without redirections.

    Raises OSError on failure, and after PATIENCE at any transfer rate.
    """
    asking = HttpRequest(address, "POST", {"Content-Type": _TYPE}, request, limit=LARGEST_ANSWER, within=PATIENCE)
    try:
        reply = send_request(asking)
    except HttpError as bad:
        raise OSError(str(bad)) from bad
    if reply.status != HTTPStatus.OK:
        raise OSError(f"the OCSP service answered with HTTP status {reply.status}")
    return reply.body


@dataclass(frozen=True)
class CachedStatus:
    """Verified response about one certificate."""

    status: ocsp.OCSPCertStatus
    this_update: datetime
    next_update: datetime
    asked: datetime

    @property
    def is_revoked(self) -> bool:
        """True if the response says REVOKED."""
        return self.status is ocsp.OCSPCertStatus.REVOKED

    def counts_at(self, now: datetime, freshness: timedelta) -> bool:
        """Return whether the response is valid at `now`: fresh, or REVOKED."""
        return self.is_revoked or is_fresh(self.this_update, self.next_update, now, freshness)


@dataclass
class OcspSource:
    """Revocation source with OCSP responders, in the order of their addresses.

    Each request takes 5 s at most. `needs_nonce`: responses without the nonce of the request do not count.
    `freshness_during_outage`: largest age of an answer while no service gives a younger one; None: as always.
    Thread-safe.
    """

    addresses: Sequence[str]
    ask: Ask = field(default=post, repr=False)
    random: Callable[[int], bytes] = field(default=os.urandom, repr=False)
    find_address: Callable[[x509.Certificate], str | None] | None = field(default=None, repr=False)
    """Address for certificates of one CA, which comes before the others, or None."""
    freshness_during_outage: timedelta | None = None
    _extended_at: datetime | None = field(default=None, init=False, repr=False)
    needs_nonce: bool = False
    _asked_anew: int = field(default=0, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)
    _kept: OrderedDict[tuple[x509.Certificate, int], CachedStatus] = field(
        default_factory=OrderedDict, init=False, repr=False
    )

    def status(
        self, certificate: x509.Certificate, issuer: CaCertificate, now: datetime, freshness: timedelta
    ) -> RevocationStatus:
        """Return a cached status of the last five minutes, a new one, or a fresh old one.

        REVOKED is permanent at any age: a CA does not undo a revocation (docs/relying/gateway.md).
        """
        key = (issuer.certificate, certificate.serial_number)
        with self._lock:
            kept, begun = self._kept.get(key), self._asked_anew
        recent = kept is not None and timedelta() <= now - kept.asked < min(ASK_AGAIN, freshness)
        recent = recent or (kept is not None and kept.is_revoked)
        fact = kept if recent else _newest(self._asked(certificate, issuer, now, freshness), kept)
        if fact is None:
            return NO_ANSWER
        if not fact.counts_at(now, freshness):
            if not self._counts_during_outage(fact, now):
                return NO_ANSWER
            self._extended_at = now
        with self._lock:
            # A response that was on its way when `ask_anew` was called may be from before the revocation.
            self._kept[key] = fact if begun == self._asked_anew else replace(fact, asked=_LONG_AGO)
            self._kept.move_to_end(key)
            if len(self._kept) > _KEPT_AT_MOST:
                self._kept.popitem(last=False)
        match fact.status:
            case ocsp.OCSPCertStatus.GOOD:
                return GOOD
            case ocsp.OCSPCertStatus.REVOKED:
                return REVOKED
            case ocsp.OCSPCertStatus.UNKNOWN:
                return NOT_KNOWN
            case never:
                assert_never(never)

    def ask_anew(self, serial: int | None = None) -> None:
        """Ask a responder again before a response about this serial number is used.

        None: about any. Responses stay, so that an older one cannot take the place of a newer one.
        """
        with self._lock:
            self._asked_anew += 1
            for key, fact in self._kept.items():
                if serial is None or key[1] == serial:
                    self._kept[key] = replace(fact, asked=_LONG_AGO)

    def above(self, _certificate: x509.Certificate, _issuer: CaCertificate | None, _now: datetime) -> RevocationStatus:
        """Return MISSING: only lists report on CAs of the anchor file."""
        return MISSING

    def _counts_during_outage(self, fact: CachedStatus, now: datetime) -> bool:
        return self.freshness_during_outage is not None and fact.counts_at(now, self.freshness_during_outage)

    def is_extended(self, now: datetime) -> bool:
        """Return whether an answer older than `freshness` was used a short time ago."""
        return self._extended_at is not None and timedelta() <= now - self._extended_at < ASK_AGAIN

    def _asked(
        self, certificate: x509.Certificate, issuer: CaCertificate, now: datetime, freshness: timedelta
    ) -> CachedStatus | None:
        """Return the first fresh answer, else the newest that counts during an outage."""
        older: CachedStatus | None = None
        own = None if self.find_address is None else self.find_address(issuer.certificate)
        for address in self.addresses if own is None else (own, *self.addresses):
            # A busy responder answers tryLater instead of signing, but it may have prepared responses without a nonce.
            sent = self.random(NONCE_OCTETS)
            for nonce in (sent,) if self.needs_nonce else (sent, None):
                fact, again = self._one(address, OcspQuery(certificate, issuer, nonce), now)
                if fact is not None and fact.counts_at(now, freshness):
                    return fact
                if fact is not None and self._counts_during_outage(fact, now):
                    older = _newest(fact, older)
                if not again:
                    break
            recorder.count(GATEWAY_OCSP_FAILURES)
        return older

    def _one(self, address: str, question: "OcspQuery", now: datetime) -> tuple[CachedStatus | None, bool]:
        """Return a status, and whether to send another request without a nonce."""
        try:
            response = ocsp.load_der_ocsp_response(self.ask(address, question.request()))
            if response.response_status is ocsp.OCSPResponseStatus.TRY_LATER:
                return None, question.nonce is not None
            return verified_status(response, question, now), False
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
            return None, False


def _newest(fresh: CachedStatus | None, kept: CachedStatus | None) -> CachedStatus | None:
    """Return the newer of a received and a cached response; revoked takes precedence.

    An older response never undoes a revocation. A response without the nonce may be up to an hour old: an attacker on
    the network or a cache may replay it.
    """
    if fresh is None or kept is None:
        return fresh or kept
    newest = max(fresh, kept, key=lambda cached_status: (cached_status.is_revoked, cached_status.this_update))
    return replace(newest, asked=fresh.asked)


@dataclass(frozen=True)
class OcspQuery:
    """OCSP request: certificate, issuer and nonce."""

    certificate: x509.Certificate
    issuer: CaCertificate
    nonce: bytes | None

    def request(self) -> bytes:
        """Return the request in DER; its CertIDs use SHA-256."""
        builder = ocsp.OCSPRequestBuilder().add_certificate(self.certificate, self.issuer.certificate, hashes.SHA256())
        if self.nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(self.nonce), critical=False)
        return builder.build().public_bytes(Encoding.DER)


def verified_status(response: ocsp.OCSPResponse, question: OcspQuery, now: datetime) -> CachedStatus | None:
    """Return the status of the certificate from a response; None if it does not count.

    The response must be signed as RFC 6960, 4.2.2.2 demands, and be about this certificate. Raises ValueError for a
    response that cannot be parsed.
    """
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return None
    if any(extension.critical for extension in (*response.extensions, *response.single_extensions)):
        return None
    if question.nonce is not None and not has_nonce(response, question.nonce):
        return None
    if not is_signed_by_responder(response, question.issuer, now):
        return None
    found = [
        CachedStatus(one.certificate_status, one.this_update_utc, one.next_update_utc, now)
        for one in response.responses
        if is_about(one, question) and one.next_update_utc is not None
    ]
    return next((cached_status for cached_status in found if cached_status.is_revoked), found[0] if found else None)


def has_nonce(response: ocsp.OCSPResponse, nonce: bytes) -> bool:
    """Return whether the response has exactly this nonce."""
    return any(
        isinstance(extension.value, x509.OCSPNonce) and extension.value.nonce == nonce
        for extension in response.extensions
    )


def is_about(response: ocsp.OCSPSingleResponse, question: OcspQuery) -> bool:
    """Return whether the CertID is the certificate's (4.1.1), by SHA-1 or SHA-256."""
    if response.serial_number != question.certificate.serial_number:
        return False
    if not isinstance(response.hash_algorithm, hashes.SHA1 | hashes.SHA256):
        return False
    return (response.issuer_name_hash, response.issuer_key_hash) == (
        _digest(response.hash_algorithm, question.issuer.certificate.subject.public_bytes()),
        _key_hash(response.hash_algorithm, question.issuer.key),
    )


def is_signed_by_responder(response: ocsp.OCSPResponse, issuer: CaCertificate, now: datetime) -> bool:
    """Return whether the CA itself or its valid delegated responder signed it."""
    if response.signature_algorithm_oid not in SIGNATURES:
        return False
    delegated = [certificate for certificate in response.certificates if _is_delegate(certificate, issuer, now)]
    signers = [certificate for certificate in (issuer.certificate, *delegated) if _is_responder(response, certificate)]
    return any(_verifies(response, signer.public_key()) for signer in signers[:2])


def _is_delegate(certificate: x509.Certificate, issuer: CaCertificate, now: datetime) -> bool:
    """Return whether the certificate is a valid delegated responder of the CA.

    It must be issued by the CA itself, for this purpose, and be within its validity period (4.2.2.2). It must also
    carry the extension that exempts it from a status check (4.2.2.2.1).
    """
    try:
        purposes = extension_value(certificate, x509.ExtendedKeyUsage)
        usage = extension_value(certificate, x509.KeyUsage)
        named = ExtendedKeyUsageOID.OCSP_SIGNING in (purposes or ()) and (usage is None or usage.digital_signature)
        unasked = extension_value(certificate, x509.OCSPNoCheck) is not None
        fit = named and unasked and is_understood(certificate) and key_in_bounds(certificate.public_key())
        fit = fit and not describes_curve(certificate)
        if not fit or not is_valid_at(certificate, now) or certificate.signature_algorithm_oid not in SIGNATURES:
            return False
        certificate.verify_directly_issued_by(issuer.certificate)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _is_responder(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if response.responder_key_hash is not None:
        return response.responder_key_hash == _key_hash(hashes.SHA1(), certificate.public_key())  # noqa: S303
    return response.responder_name == certificate.subject


def _verifies(response: ocsp.OCSPResponse, key: AnyPublicKey) -> bool:
    hashing = response.signature_hash_algorithm
    if hashing is None:
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), hashing)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(hashing))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _key_hash(hashing: hashes.HashAlgorithm, key: AnyPublicKey) -> bytes:
    """Return the hash of the BIT STRING's content in a key (4.1.1).

    Tag, length and unused bits are not hashed.
    """
    if isinstance(key, rsa.RSAPublicKey):
        return _digest(hashing, key.public_bytes(Encoding.DER, PublicFormat.PKCS1))
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _digest(hashing, key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    return b""


def _digest(hashing: hashes.HashAlgorithm, octets: bytes) -> bytes:
    digest = hashes.Hash(hashing)
    digest.update(octets)
    return digest.finalize()
