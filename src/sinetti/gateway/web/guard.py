"""Request check shared by all gateway integrations.

It checks the proxy and the client certificate, and returns the verdict.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sinetti.gateway.gateway import Gateway
from sinetti.gateway.status_feed import FeedReader
from sinetti.gateway.verdicts.verdict import Verdict
from sinetti.gateway.web.trusted_proxies import (
    CERTIFICATE,
    CHAIN,
    SECRET,
    ClientCertificate,
    TrustedProxies,
    from_headers,
)
from sinetti.infra.clock import utc_now

_log = logging.getLogger(__name__)


DANGEROUSLY_NONE: Final = "DANGEROUSLY-NONE"


Seen = Callable[[bytes, datetime], None]
"""Callback for an accepted certificate: its DER, and the instant (UTC).

It neither waits nor raises.
"""


class NoRevocationSource(ValueError):
    """No revocation source is set, and the settings do not declare that as intended."""


def discard(_certificate: bytes, _at: datetime) -> None:
    """Ignore the use of a certificate; the default without a reporter."""


@dataclass(frozen=True)
class RequestGuard:
    """Gateway together with the ways that certificates reach it.

    `proxies` may pass certificates in a header; None: certificates come from the server's own TLS. `revocation` is
    "DANGEROUSLY-NONE" if certificates are accepted without a revocation check. Without that value, a gateway without a
    source raises NoRevocationSource here. `feed` is read from the first check on, in each process.
    """

    gateway: Gateway
    proxies: TrustedProxies | None
    revocation: str | None = None
    seen: Seen = discard
    now: Callable[[], datetime] = utc_now
    feed: FeedReader | None = None

    def __post_init__(self) -> None:
        if self.gateway.source is None and self.revocation != DANGEROUSLY_NONE:
            raise NoRevocationSource(
                f'revocation would not be checked: name a source, or set revocation = "{DANGEROUSLY_NONE}"'
            )

    def trusts(self, peer: str | None, headers: Iterable[tuple[str, str]]) -> bool:
        """Return whether certificate headers of this request are trusted.

        `peer` is the peer's address (None: a Unix socket). The secret among the headers must fit as well.
        """
        if self.proxies is None:
            return False
        known = list(headers)
        believed = self.believes(peer, known)
        if not believed and any(name == CERTIFICATE for name, _ in known):
            _log.info("a certificate in a header was ignored: its sender is not a listed proxy with the secret")
        return believed

    def believes(self, peer: str | None, headers: Iterable[tuple[str, str]]) -> bool:
        """Return whether a peer is a trusted proxy.

        Its address decides, and the secret among the headers.
        """
        secrets = [value.encode("latin-1") for name, value in headers if name == SECRET]
        return self.proxies is not None and self.proxies.trusts(peer, secrets)

    def check(self, client_certificate: ClientCertificate | None) -> Verdict | None:
        """Return the verdict on a client certificate; None if there is no certificate.

        May block on a file or a responder.
        """
        if self.feed is not None:
            self.feed.start()
        if client_certificate is None:
            return None
        now = self.now()
        verdict = self.gateway.identify(client_certificate.certificate, now, client_certificate.chain)
        if verdict.accepted:
            self.seen(client_certificate.certificate, now)
        return verdict


def in_headers(headers: Iterable[tuple[str, str]]) -> ClientCertificate | None:
    """Read the client certificate from the headers that a proxy set.

    `headers` are pairs of a lower-case name and a value.
    """
    found: dict[str, list[str]] = {CERTIFICATE: [], CHAIN: []}
    for name, value in headers:
        if name in found:
            found[name].append(value)
    return from_headers(found[CERTIFICATE], found[CHAIN])
