"""CA certificates that a service publishes, checked up to a root.

The user typed the fingerprint of the root, which came by another route (docs/holders/inspect.md). The answer itself is
not trusted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509

from sinetti.client import service_address
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.requests import transport
from sinetti.client.requests.transport import ServiceError, ServiceErrorKind, ServiceRequest
from sinetti.domain.values import Environment, Language, Sha256
from sinetti.i18n.translate import gettext_noop
from sinetti.pki import chain, encoding, policy_oids

PATH = "/api/v1/ca-certificates"

NOT_PUBLISHED = gettext_noop(
    "The service has no CA certificates at {url}. Nothing was written. Get their files from the operator of the "
    "service, compare the root with “sinetti inspect”, and name them with --trust-services and --trust-holders."
)
UNREADABLE = gettext_noop(
    "The answer of {url} cannot be used: {why}. Nothing was written. Inform the operator of the service."
)
OTHER_ROOT = gettext_noop(
    "The root certificate of the service has another fingerprint. Nothing was written. Check the "
    "fingerprint with the operator of the service. Yours: {typed}. The service's: {found}."
)
NOT_BELOW = gettext_noop(
    "The CA certificate “{subject}” does not lead to the root with your fingerprint. Nothing was written. Inform the "
    "operator of the service."
)
NOT_NOW = gettext_noop(
    "The CA certificate “{subject}” is valid from {begins} until {ends} only. Nothing was written. Check "
    "this computer's clock. On a test bench, use --now."
)
NO_PURPOSE = gettext_noop(
    "The CA certificate “{subject}” does not say what it may issue. Nothing was written. Get the files of the CAs from "
    "the operator of the service."
)
INCOMPLETE = gettext_noop(
    "The service publishes no CA for its answers, or none for holders. Nothing was written. Get the files "
    "of the CAs from the operator of the service."
)

_OK = 200
_MOST = 64
"""Largest number of CA certificates in an answer."""

_SEPARATORS = re.compile(r"[\s:]")
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class TrustAnchors:
    """CA certificates of a service, each list from the root down.

    `services` issue the signers of answers, `holders` the certificates of holders. Root and intermediates are in both.
    """

    root: x509.Certificate
    environment: Environment
    services: tuple[x509.Certificate, ...]
    holders: tuple[x509.Certificate, ...]

    @property
    def count(self) -> int:
        """Number of CA certificates."""
        return len({*self.services, *self.holders})


def parse_fingerprint(text: str) -> Sha256 | None:
    """Return a SHA-256 that a person typed in lower-case hex, or None.

    Colons, white space and upper case are accepted.
    """
    plain = _SEPARATORS.sub("", text).lower()
    return Sha256(plain) if _SHA256.fullmatch(plain) else None


def fetch_anchors(
    service: str, tls_ca: str | None, fingerprint: Sha256, now: datetime, language: Language
) -> TrustAnchors:
    """Fetch the CA certificates of a service and check them.

    `service` is its SOAP address. Raises ServiceError, also for an answer that is not trusted, and InvalidServiceUrl.
    """
    address = replace(service_address.parse_service_url(service), path=PATH)
    wanted = ServiceRequest(address, {"Accept": "application/pem-certificate-chain"}, None, language, tls_ca)
    answer = transport.send_request(wanted)
    if answer.status != _OK or b"-----BEGIN CERTIFICATE-----" not in answer.body:
        raise _untrusted(make_message(NOT_PUBLISHED, url=address.url))
    try:
        certificates = tuple(dict.fromkeys(chain.load_bundle(transport.whole_body(answer))))
        if len(certificates) > _MOST:
            raise _untrusted(make_message(messages.ANSWER_TOO_LONG))
        return _check(certificates, fingerprint, now)
    except ValueError as bad:
        raise _untrusted(make_message(UNREADABLE, url=address.url, why=error_reasons.translate_reason(bad))) from bad


def _check(certificates: Sequence[x509.Certificate], fingerprint: Sha256, now: datetime) -> TrustAnchors:
    roots = {
        encoding.sha256_hex(encoding.certificate_der(certificate)): certificate
        for certificate in certificates
        if chain.is_self_signed(certificate)
    }
    root = roots.get(fingerprint)
    if root is None:
        raise _untrusted(make_message(OTHER_ROOT, typed=fingerprint, found=", ".join(roots) or "–"))
    for certificate in certificates:
        is_below = certificate is root or any(way[-1] is root for way in chain.trusted_ways(certificate, certificates))
        if not (is_below and chain.can_sign(certificate)):
            raise _untrusted(make_message(NOT_BELOW, subject=_subject(certificate)))
        if not chain.is_valid_at(certificate, now):
            dates = {"begins": certificate.not_valid_before_utc, "ends": certificate.not_valid_after_utc}
            raise _untrusted(make_message(NOT_NOW, subject=_subject(certificate), **dates))
    return _sort_by_purpose(certificates, root)


def _sort_by_purpose(certificates: Sequence[x509.Certificate], root: x509.Certificate) -> TrustAnchors:
    above: list[x509.Certificate] = []
    services: dict[x509.Certificate, Environment] = {}
    holders: dict[x509.Certificate, Environment] = {}
    for certificate in certificates:
        answers = policy_oids.services_environment(certificate)
        channel = policy_oids.channel_from_policy(certificate)
        if answers is not None:
            services[certificate] = answers
        elif channel is not None:
            holders[certificate] = channel[1]
        elif certificate is root or any(
            chain.issuers_of(below, (certificate,)) for below in certificates if below is not certificate
        ):
            above.append(certificate)
        else:
            raise _untrusted(make_message(NO_PURPOSE, subject=_subject(certificate)))
    environments = {*services.values(), *holders.values()}
    if not services or not holders or len(environments) != 1:
        raise _untrusted(make_message(INCOMPLETE))
    return TrustAnchors(root, environments.pop(), (*above, *services), (*above, *holders))


def _subject(certificate: x509.Certificate) -> str:
    _, subject = chain.names_of(certificate)
    return "?" if subject is None else subject.rfc4514_string()


def _untrusted(message: Message) -> ServiceError:
    return ServiceError(ServiceErrorKind.NOT_TRUSTED, message)
