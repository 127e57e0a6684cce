"""Renewal hints of a service: when to renew a certificate (RFC 9773, 4).

The origin of the service is asked. The answer is not signed (RFC 9773, 7), and only TLS protects it. So a hint can
only move the moment at which the service is asked for a renewal, which the service decides itself. A false "now"
causes one refused request a day. A false "later" is ignored near the end (agent/schedule.py). A service without hints
is no error.
"""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from cryptography import x509

from sinetti.client import service_address
from sinetti.client.messages.messages import strip_control_chars
from sinetti.client.model import RenewalInfoState
from sinetti.client.requests import transport
from sinetti.client.requests.transport import ServiceError, ServiceErrorKind, ServiceRequest, ServiceResponse
from sinetti.client.store.settings import NameSettings
from sinetti.domain.usage import TRUST_LISTS_HEADER, TrustListNumbers
from sinetti.domain.values import Language
from sinetti.infra import records
from sinetti.pki.ari_id import ari_cert_id

DOOR = "/api/v1/renewal-info/"

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=1)
"""Bounds of a Retry-After (RFC 9773, 4.3.2)."""

AS_A_RULE = timedelta(hours=6)
"""Polling interval for a hint without Retry-After.

RFC 9773, 4.3.2 recommends it.
"""

IN_AN_HOUR = timedelta(hours=1)
"""Polling interval for an unreachable service."""

_OK, _FAULT, _NOT_IMPLEMENTED = 200, 500, 501
_PROBLEM = "application/problem+json"
_LONGEST_WORDS = 500


class NoRenewalInfo(Enum):
    """Reason for which there is no hint."""

    NOT_FOR_THIS = "the service has none for this certificate, or says nothing that can be used"
    NO_DOOR = "the service knows no hints at all"
    NOT_REACHED = "the service did not answer"


@dataclass(frozen=True)
class RenewalInfoResult:
    """Result of a poll: a hint or its absence, and the time until the next poll."""

    said: RenewalInfoState | NoRenewalInfo
    rest: timedelta


def fetch(
    kept: NameSettings, certificate: x509.Certificate, language: Language, numbers: TrustListNumbers | None = None
) -> RenewalInfoResult:
    """Ask a name's service for the hint about its certificate.

    `numbers` are those of the store's trust lists, which the operator of the service counts. Never raises for an
    answer, of any kind.
    """
    try:
        named = ari_cert_id(certificate)
    except ValueError:  # it has no key identifier of its issuer, or cannot be read
        return RenewalInfoResult(NoRenewalInfo.NOT_FOR_THIS, LONGEST)
    address = replace(service_address.parse_service_url(kept.service), path=DOOR + named)
    headers = {"Accept": "application/json"} | ({} if numbers is None else {TRUST_LISTS_HEADER: numbers.header})
    try:
        answer = transport.send_request(ServiceRequest(address, headers, None, language, kept.tls_ca))
    except ServiceError as trouble:
        if trouble.kind is ServiceErrorKind.NOT_TRUSTED:  # a redirect, never followed: no such endpoint
            return RenewalInfoResult(NoRenewalInfo.NO_DOOR, LONGEST)
        return RenewalInfoResult(NoRenewalInfo.NOT_REACHED, _clamped(trouble.retry_after or IN_AN_HOUR))
    return read(answer, language)


def read(answer: ServiceResponse, language: Language) -> RenewalInfoResult:
    """Return the result that an answer stands for.

    The service may explain a hint in sentences, as Sinetti's service does, or at an address.
    """
    if answer.status == _OK and answer.content_type.endswith("json"):
        hint = _hint(answer.body, language)
        rest = _clamped(answer.retry_after or AS_A_RULE)
        return RenewalInfoResult(NoRenewalInfo.NOT_FOR_THIS, LONGEST) if hint is None else RenewalInfoResult(hint, rest)
    # A service with hints answers with a problem document (RFC 9457) if it has none for this certificate, or not now.
    if answer.content_type == _PROBLEM:
        return RenewalInfoResult(NoRenewalInfo.NOT_FOR_THIS, _clamped(answer.retry_after or LONGEST))
    if answer.status >= _FAULT and answer.status != _NOT_IMPLEMENTED:
        # A temporary error of the service or of a proxy: a day without hints would be too long in an incident.
        return RenewalInfoResult(NoRenewalInfo.NOT_REACHED, _clamped(answer.retry_after or IN_AN_HOUR))
    return RenewalInfoResult(NoRenewalInfo.NO_DOOR, LONGEST)


def _hint(body: bytes, language: Language) -> RenewalInfoState | None:
    try:
        raw = json.loads(body[: transport.LIMIT])
        start, end = (
            records.instant_of(raw["suggestedWindow"][one]).replace(microsecond=0) for one in ("start", "end")
        )
        sentences, why = raw.get("explanation"), raw.get("explanationURL")
        if isinstance(sentences, dict):
            why = sentences.get(language.value, why)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    if end <= start:
        return None
    explanation = strip_control_chars(why)[:_LONGEST_WORDS] if isinstance(why, str) else None
    return RenewalInfoState(start, end, explanation or None)


def _clamped(rest: timedelta) -> timedelta:
    return min(max(rest, SHORTEST), LONGEST)
