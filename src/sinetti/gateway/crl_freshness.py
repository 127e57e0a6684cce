"""How old the revocation lists are that certificates are judged by: for `fetch`, `/readyz` and whoever watches them."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from sinetti.gateway.revocation.crl import CrlSource, VerifiedCrl
from sinetti.gateway.revocation.source import RevocationSource, is_fresh
from sinetti.gateway.settings import GatewaySettings, RevocationKind
from sinetti.gateway.x509.path_validation import CaCertificate, authority_of
from sinetti.gateway.x509.trust_file import UNKNOWN, TrustFile, ca_purpose
from sinetti.pki.chain import load_bundle
from sinetti.pki.encoding import load_certificate

_log = logging.getLogger(__name__)

LOOKS_EVERY = 0.5
"""Seconds between looks of whoever serves: twice as often as lists look by themselves, so that no caller does it."""


class NoIssuer(ValueError):
    """The CA of a list cannot be told from the settings; the text says what to write."""


@dataclass(frozen=True, slots=True)
class CrlAge:
    """How old the newest list of a CA is; None where there is none that it signed.

    `current`: it counts now.
    """

    name: str
    this_update: datetime | None
    age: timedelta | None
    current: bool

    def said(self) -> str:
        """Say it in a line, for an operator."""
        if self.age is None:
            return f"{self.name}: no revocation list that this CA signed is here"
        return f"{self.name}: {'current' if self.current else 'STALE'}, {_spoken(self.age)} old"


class CrlFreshnessMonitor:
    """A thread that looks at the lists before callers have to, and logs what is missing when that changes."""

    def __init__(self, look: Callable[[], list[str]], every: float = LOOKS_EVERY) -> None:
        """Take what looks and says what is missing, and how often, in seconds."""
        self._look, self._every = look, every
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lists", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _run(self) -> None:
        before: list[str] = []
        while not self._stopped.wait(self._every):
            try:
                missing = [age.partition(",")[0] for age in self._look()]
            except Exception as bad:  # noqa: BLE001 - whatever it is, callers are served, and the next look comes
                missing = [type(bad).__name__]
            if missing != before:
                _log.log(logging.WARNING if missing else logging.INFO, "lists", extra={"facts": {"missing": missing}})
            before = missing


def crl_age(issuer: CaCertificate, lists: Iterable[VerifiedCrl], bound: timedelta | None, now: datetime) -> CrlAge:
    """Tell the age of the newest of these lists; `bound` None: it counts until its own nextUpdate."""
    newest = max((one.read for one in lists), key=lambda read: read.this_update, default=None)
    if newest is None:
        return CrlAge(name_of(issuer), None, None, current=False)
    current = is_fresh(newest.this_update, newest.next_update, now, bound)
    return CrlAge(name_of(issuer), newest.this_update, now - newest.this_update, current=current)


def max_age(issuer: CaCertificate, trust: TrustFile | None, freshness: timedelta) -> timedelta | None:
    """Give how old a list of this CA may be: None, until nextUpdate, for one that issues to CAs alone.

    A CA is taken to issue to holders unless nothing says so: no policy or trust file, and a path that may go on below.
    """
    for_holders = ca_purpose(issuer.certificate, trust) != UNKNOWN or issuer.path_length == 0
    return freshness if for_holders else None


@dataclass(frozen=True, slots=True)
class CrlRequirements:
    """The CAs whose lists have to be present, and the largest age of each list.

    `above`: CAs of the file of anchors whose lists are not needed, but keep certificates out once they are stale.
    """

    lists: CrlSource
    bounds: tuple[tuple[CaCertificate, timedelta | None], ...]
    above: tuple[CaCertificate, ...] = ()

    def missing(self, now: datetime) -> list[str]:
        """Say what keeps certificates from being judged at `now`: a sentence for each CA without a current list."""
        self.lists.refresh()
        there = [(one, None) for one in self.above if self.lists.signed_by(one)]
        wanted: list[tuple[CaCertificate, timedelta | None]] = [*self.bounds, *there]
        ages = [crl_age(issuer, self.lists.signed_by(issuer), bound, now) for issuer, bound in wanted]
        return [age.said() for age in ages if not age.current]


def watch_of(settings: GatewaySettings, source: RevocationSource | None) -> CrlRequirements | None:
    """Watch the lists that a gateway's source has: those of [[list]], and of the anchors known to issue to holders.

    None where it has none: answers of OCSP are asked for one by one. Raises NoIssuer.
    """
    if settings.revocation is not RevocationKind.CRL or not isinstance(source, CrlSource):
        return None
    fetched = [issuer_in(one.issuer) for one in settings.lists if one.issuer is not None]
    known = [one for one in settings.anchors if _is_asked_about(one, settings)]
    found = dict.fromkeys([*(one.certificate for one in fetched), *known])
    issuers = tuple(one for one in map(authority_of, found) if one is not None)
    others = (one for one in map(authority_of, settings.anchors) if one is not None and one.certificate not in found)
    above = tuple(one for one in others if ca_purpose(one.certificate, settings.trust) == UNKNOWN)
    return CrlRequirements(
        source, tuple((one, max_age(one, settings.trust, settings.freshness)) for one in issuers), above
    )


def _is_asked_about(anchor: x509.Certificate, settings: GatewaySettings) -> bool:
    """Whether certificates of this anchor could be accepted here: it issues to holders, of the channel asked for."""
    purpose = ca_purpose(anchor, settings.trust)
    return purpose != UNKNOWN and settings.channel in {None, purpose.channel}


def issuer_in(path: Path) -> CaCertificate:
    """Read a file with the certificate of the CA that signs a list. Raises NoIssuer."""
    try:
        return issuer_of(path.read_bytes(), str(path))
    except OSError as bad:
        why = f"{path}: {bad.strerror or bad}"
        raise NoIssuer(why) from bad


def issuer_of(octets: bytes, name: str) -> CaCertificate:
    """Read the one CA certificate of a file, PEM or DER. Raises NoIssuer."""
    try:
        certificates: Sequence[x509.Certificate] = (
            load_bundle(octets) if b"-----BEGIN" in octets else (load_certificate(octets),)
        )
    except ValueError as bad:
        why = f"{name}: {bad}"
        raise NoIssuer(why) from bad
    authority = authority_of(certificates[0]) if len(certificates) == 1 else None
    if authority is None or not authority.signs_lists:
        why = f"{name}: one CA certificate is needed here, the one whose key signs the list"
        raise NoIssuer(why)
    return authority


def name_of(issuer: CaCertificate) -> str:
    """Give the common name of a CA."""
    named = issuer.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(named[0].value) if named else issuer.certificate.subject.rfc4514_string()


def _spoken(age: timedelta) -> str:
    minutes = max(0, int(age.total_seconds()) // 60)
    days, hours = minutes // 1440, minutes // 60
    return f"{minutes} min" if hours < 2 else f"{hours} h" if days < 2 else f"{days} days"  # noqa: PLR2004 - as people say it
