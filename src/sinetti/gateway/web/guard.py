"""Request check shared by all gateway integrations: proxy, client certificate, verdict."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sinetti.gateway.gateway import Gateway
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
"""Hears of an accepted certificate: its DER, and when (UTC).

It neither waits nor raises.
"""


class NoRevocationSource(ValueError):
    """Nobody would be asked about revocation, and nobody said that this is meant."""


def discard(_certificate: bytes, _at: datetime) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class RequestGuard:
    """A gateway, and how requests reach it.

    `proxies` are those who may hand over certificates in a header; None: the server's own TLS says who calls.
    `revocation` is "DANGEROUSLY-NONE" where certificates are accepted though nobody is asked about revocation; without
    it, a gateway without a source raises NoSource here.
    """

    gateway: Gateway
    proxies: TrustedProxies | None
    revocation: str | None = None
    seen: Seen = discard
    now: Callable[[], datetime] = utc_now

    def __post_init__(self) -> None:
        if self.gateway.source is None and self.revocation != DANGEROUSLY_NONE:
            why = f'nobody would be asked about revocation: name a source, or say revocation = "{DANGEROUSLY_NONE}"'
            raise NoRevocationSource(why)

    def trusts(self, peer: str | None, headers: Iterable[tuple[str, str]]) -> bool:
        """Whether headers about certificates count: by the peer's address (None: a Unix socket) and the secret."""
        if self.proxies is None:
            return False
        known = list(headers)
        believed = self.proxies.trusts(peer, [value.encode("latin-1") for name, value in known if name == SECRET])
        if not believed and any(name == CERTIFICATE for name, _ in known):
            _log.info("a certificate in a header is not believed: it came from no listed proxy, or without the secret")
        return believed

    def judge(self, shown: ClientCertificate | None) -> Verdict | None:
        """Say who it is; None where nothing was shown. May wait for a file or a responder."""
        if shown is None:
            return None
        now = self.now()
        verdict = self.gateway.identify(shown.certificate, now, shown.chain)
        if verdict.accepted:
            self.seen(shown.certificate, now)
        return verdict


def in_headers(headers: Iterable[tuple[str, str]]) -> ClientCertificate | None:
    """Read what a proxy handed over: `headers` as pairs of a lower-case name and a value."""
    found: dict[str, list[str]] = {CERTIFICATE: [], CHAIN: []}
    for name, value in headers:
        if name in found:
            found[name].append(value)
    return from_headers(found[CERTIFICATE], found[CHAIN])
