"""Bridge of a distrusted CA: OCSP answers that name one exact certificate.

A thief of the CA's key signs certificates with real serial numbers, lists, and answers. An answer counts here only
if it has the SHA-256 of the certificate (CertHash) and comes from a responder of another CA, which the gateway knows
already (docs/operators/succession.md).
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import ocsp

from sinetti.gateway.revocation.ocsp import (
    NONCE_OCTETS,
    Ask,
    CachedStatus,
    OcspQuery,
    has_nonce,
    is_about,
    is_signed_by_responder,
    post,
)
from sinetti.gateway.revocation.source import GOOD, NO_ANSWER, REVOKED, RevocationStatus, is_fresh
from sinetti.gateway.x509.path_validation import CaCertificate
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import GATEWAY_OCSP_FAILURES
from sinetti.pki.cert_hash import CERT_HASH, cert_hash_value
from sinetti.pki.encoding import certificate_der

ANSWER_AGE = timedelta(minutes=10)
"""Greatest age of an answer, by its own thisUpdate."""

ASK_AGAIN = timedelta(minutes=1)
"""Age of a kept answer from which the service is asked again.

If it does not answer, the kept one counts as long as it is fresh.
"""

_KEPT_AT_MOST = 4096


@dataclass(frozen=True)
class BridgeQuestion:
    """Certificate of a distrusted CA, its issuer, and the CAs whose responders count.

    `address` is that of the distrusted CA's bridge.
    """

    certificate: x509.Certificate
    issuer: CaCertificate
    responders: Sequence[CaCertificate]
    address: str


@dataclass
class Bridge:
    """Answers of the bridge, kept per certificate. Thread-safe."""

    ask: Ask = field(default=post, repr=False)
    random: Callable[[int], bytes] = field(default=os.urandom, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)
    _kept: OrderedDict[bytes, CachedStatus] = field(default_factory=OrderedDict, init=False, repr=False)

    def status(self, question: BridgeQuestion, now: datetime, freshness: timedelta) -> RevocationStatus:
        """Return GOOD only if a fresh answer confirms exactly this certificate.

        REVOKED: the service answered, and does not confirm it. Does not raise.
        """
        bound = min(ANSWER_AGE, freshness)
        key = sha256(certificate_der(question.certificate)).digest()
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or not timedelta() <= now - kept.asked < min(ASK_AGAIN, bound):
            kept = self._asked(question, now, bound) or kept
        if kept is None or not is_fresh(kept.this_update, kept.next_update, now, bound):
            return NO_ANSWER
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            if len(self._kept) > _KEPT_AT_MOST:
                self._kept.popitem(last=False)
        return GOOD if kept.status is ocsp.OCSPCertStatus.GOOD else REVOKED

    def forget(self) -> None:
        """Forget all answers, so that the next use of each certificate asks again."""
        with self._lock:
            self._kept.clear()

    def _asked(self, question: BridgeQuestion, now: datetime, bound: timedelta) -> CachedStatus | None:
        query = OcspQuery(question.certificate, question.issuer, self.random(NONCE_OCTETS))
        try:
            response = ocsp.load_der_ocsp_response(self.ask(question.address, query.request()))
            cached_status = confirmed_status(response, query, question.responders, now)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
            cached_status = None
        if cached_status is None or not is_fresh(cached_status.this_update, cached_status.next_update, now, bound):
            recorder.count(GATEWAY_OCSP_FAILURES)
            return None
        return cached_status


def confirmed_status(
    response: ocsp.OCSPResponse, query: OcspQuery, responders: Sequence[CaCertificate], now: datetime
) -> CachedStatus | None:
    """Return the status of a certificate by its bridge.

    It is None if the response does not count. GOOD about another certificate of the same serial number is REVOKED.
    Raises ValueError for a response that cannot be parsed.
    """
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return None
    if any(extension.critical for extension in (*response.extensions, *response.single_extensions)):
        return None
    if query.nonce is None or not has_nonce(response, query.nonce):
        return None
    if not any(
        is_signed_by_responder(response, responder, now)
        for responder in responders
        if responder.key != query.issuer.key
    ):
        return None
    (one,) = response.responses
    if not is_about(one, query) or one.next_update_utc is None:
        return None
    is_good = one.certificate_status is ocsp.OCSPCertStatus.GOOD and _names_exactly(response, query.certificate)
    status = ocsp.OCSPCertStatus.GOOD if is_good else ocsp.OCSPCertStatus.REVOKED
    return CachedStatus(status, one.this_update_utc, one.next_update_utc, now)


def _names_exactly(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    """Return True if the only CertHash is that of this certificate."""
    found = [
        extension.value.value
        for extension in response.single_extensions
        if extension.oid == CERT_HASH and isinstance(extension.value, x509.UnrecognizedExtension)
    ]
    return found == [cert_hash_value(sha256(certificate_der(certificate)).digest())]
