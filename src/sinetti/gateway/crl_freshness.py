"""Age of the revocation lists that a gateway relies on.

Used by `fetch`, by `/readyz` and by the monitor thread.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from sinetti.gateway.revocation.crl import CrlSource, VerifiedCrl
from sinetti.gateway.revocation.crl_fetch import CrlDownload
from sinetti.gateway.revocation.ocsp import OcspSource
from sinetti.gateway.revocation.source import FallbackSource, RevocationSource, is_fresh
from sinetti.gateway.settings import GatewaySettings, GatewaySettingsError, ListToFetch, RevocationKind
from sinetti.gateway.x509.path_validation import CaCertificate, authority_of
from sinetti.gateway.x509.trust_file import UNKNOWN, TrustFile, ca_purpose
from sinetti.pki.chain import load_bundle
from sinetti.pki.encoding import load_certificate

_log = logging.getLogger(__name__)

LOOKS_EVERY = 0.5
"""Seconds between checks of the monitor thread.

This is twice as often as lists are reread on demand, so no caller waits for that.
"""


EXTENDED = "no list or answer is younger than freshness, so older ones are accepted (freshness_during_outage)"
"""Sentence about revocation data that count only during an outage."""


class NoIssuer(ValueError):
    """Settings that leave the CA of a list undetermined; the text names the fix."""


@dataclass(frozen=True)
class CrlAge:
    """Age of the newest list of a CA; None if there is no list signed by that CA.

    `current`: the list is valid now.
    """

    name: str
    this_update: datetime | None
    age: timedelta | None
    current: bool

    def said(self) -> str:
        """Return a line for the operator."""
        if self.age is None:
            return f"{self.name}: no revocation list signed by this CA was found"
        return f"{self.name}: {'current' if self.current else 'STALE'}, {_spoken(self.age)} old"


class CrlFreshnessMonitor:
    """Thread that rereads the lists before callers need them.

    Logs the missing lists, the faults of the authority's log, and an outage with `freshness_during_outage`, each time
    that they change.
    """

    def __init__(
        self,
        look: Callable[[], list[str]],
        every: float = LOOKS_EVERY,
        log_faults: Callable[[], list[str]] = list,
        extended: Callable[[], list[str]] = list,
    ) -> None:
        """Store the functions to call, and the interval in seconds.

        They return missing lists, faults of the log, and sources that count only during an outage.
        """
        self._look, self._every, self._log_faults, self._extended = look, every, log_faults, extended
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lists", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopped.set()

    def _run(self) -> None:
        before: list[str] = []
        faults_before: list[str] = []
        extended_before: list[str] = []
        while not self._stopped.wait(self._every):
            try:
                missing = [age.partition(",")[0] for age in self._look()]
            except Exception as bad:  # noqa: BLE001 - the monitor goes on after any error
                missing = [type(bad).__name__]
            if missing != before:
                _log.log(logging.WARNING if missing else logging.INFO, "lists", extra={"facts": {"missing": missing}})
            before = missing
            faults = self._log_faults()
            if faults != faults_before:
                _log.log(logging.ERROR if faults else logging.INFO, "log", extra={"facts": {"faults": faults}})
            faults_before = faults
            extended = self._extended()
            if extended != extended_before:
                level = logging.WARNING if extended else logging.INFO
                _log.log(level, "outage", extra={"facts": {"extended": extended}})
            extended_before = extended


def crl_age(issuer: CaCertificate, lists: Iterable[VerifiedCrl], bound: timedelta | None, now: datetime) -> CrlAge:
    """Return the age of the newest of these lists.

    `bound` is the largest accepted age. None: the list is valid until its own nextUpdate.
    """
    newest = max((verified_crl.read for verified_crl in lists), key=lambda read: read.this_update, default=None)
    if newest is None:
        return CrlAge(name_of(issuer), None, None, current=False)
    current = is_fresh(newest.this_update, newest.next_update, now, bound)
    return CrlAge(name_of(issuer), newest.this_update, now - newest.this_update, current=current)


def max_age(issuer: CaCertificate, trust: TrustFile | None, freshness: timedelta) -> timedelta | None:
    """Return the largest accepted age of a list of this CA.

    None (until nextUpdate) for a CA that issues to CAs only. A CA counts as such if neither its policy nor the trust
    file states a purpose, and its path length allows further CAs.
    """
    for_holders = ca_purpose(issuer.certificate, trust) != UNKNOWN or issuer.path_length == 0
    return freshness if for_holders else None


@dataclass(frozen=True)
class CrlRequirements:
    """CAs whose lists must be present, and the largest age of each list.

    `above`: CAs of the anchor file whose lists are optional. A stale list of theirs prevents acceptance of
    certificates. `freshness_during_outage` extends the ages in `bounds`.
    """

    lists: CrlSource
    bounds: tuple[tuple[CaCertificate, timedelta | None], ...]
    above: tuple[CaCertificate, ...] = ()
    is_ignored: Callable[[CaCertificate], bool] = field(default=lambda _: False, repr=False)
    """True for a CA whose lists count for nothing, as those of a distrusted one."""
    freshness_during_outage: timedelta | None = None

    def missing(self, now: datetime) -> list[str]:
        """Return a sentence for each CA without a current list at `now`.

        While the result is not empty, certificates cannot be judged. Rereads the lists first.
        """
        self.lists.refresh()
        there = [(ca_certificate, None) for ca_certificate in self.above if self.lists.signed_by(ca_certificate)]
        wanted = [*((ca_certificate, self._longest(bound)) for ca_certificate, bound in self.bounds), *there]
        wanted = [pair for pair in wanted if not self.is_ignored(pair[0])]
        ages = [crl_age(issuer, self.lists.signed_by(issuer), bound, now) for issuer, bound in wanted]
        return [age.said() for age in ages if not age.current]

    def extended(self, now: datetime) -> list[str]:
        """Return a sentence for each list that counts only by `freshness_during_outage`."""
        found = []
        for issuer, bound in self.bounds:
            signed, longest = self.lists.signed_by(issuer), self._longest(bound)
            newest = max(
                (verified_crl.read for verified_crl in signed), key=lambda read: read.this_update, default=None
            )
            is_old = newest is not None and not crl_age(issuer, signed, bound, now).current
            if newest is not None and longest is not None and is_old and crl_age(issuer, signed, longest, now).current:
                ends = min(newest.this_update + longest, newest.next_update)
                found.append(f"{name_of(issuer)}: {EXTENDED} until {ends:%Y-%m-%dT%H:%M:%SZ}")
        return found

    def _longest(self, bound: timedelta | None) -> timedelta | None:
        return None if bound is None else max(bound, self.freshness_during_outage or bound)

    def newest(self) -> list[tuple[str, datetime, datetime]]:
        """Return each CA's common name, with the dates of its newest list."""
        issuers = [
            certificate
            for certificate in (*(ca_certificate for ca_certificate, _ in self.bounds), *self.above)
            if not self.is_ignored(certificate)
        ]
        found = {name_of(issuer): [each.read for each in self.lists.signed_by(issuer)] for issuer in issuers}
        dates = {
            name: [(loaded_crl.this_update, loaded_crl.next_update) for loaded_crl in reads]
            for name, reads in found.items()
        }
        return [(name, *max(pairs)) for name, pairs in dates.items() if pairs]


def watch_of(
    settings: GatewaySettings,
    source: RevocationSource | None,
    is_ignored: Callable[[CaCertificate], bool] = lambda _: False,
) -> CrlRequirements | None:
    """Return the lists that a gateway needs; None if its source is not a CRL source.

    The lists are those of the CAs in [[list]] and of the anchors known to issue to holders. OCSP responses are
    requested one by one and need no monitoring. Raises NoIssuer if the CA of a list cannot be determined.
    """
    if settings.revocation is not RevocationKind.CRL or not isinstance(source, CrlSource):
        return None
    fetched = [issuer_in(list_to_fetch.issuer) for list_to_fetch in settings.lists if list_to_fetch.issuer is not None]
    known = [anchor for anchor in settings.anchors if _is_asked_about(anchor, settings)]
    found = dict.fromkeys([*(ca_certificate.certificate for ca_certificate in fetched), *known])
    issuers = tuple(ca_certificate for ca_certificate in map(authority_of, found) if ca_certificate is not None)
    others = (
        anchor
        for anchor in map(authority_of, settings.anchors)
        if anchor is not None and anchor.certificate not in found
    )
    above = tuple(
        ca_certificate for ca_certificate in others if ca_purpose(ca_certificate.certificate, settings.trust) == UNKNOWN
    )
    bounds = tuple((issuer, max_age(issuer, settings.trust, settings.freshness)) for issuer in issuers)
    return CrlRequirements(source, bounds, above, is_ignored, settings.freshness_during_outage)


def extended_sources(watch: CrlRequirements | None, source: RevocationSource | None, now: datetime) -> list[str]:
    """Return a sentence for each source that counts only by `freshness_during_outage`."""
    asked = source.sources if isinstance(source, FallbackSource) else [source]
    sentences = [f"OCSP: {EXTENDED}" for source in asked if isinstance(source, OcspSource) and source.is_extended(now)]
    return [*sentences, *([] if watch is None else watch.extended(now))]


def _is_asked_about(anchor: x509.Certificate, settings: GatewaySettings) -> bool:
    """Return whether certificates of this anchor can be accepted here.

    They can if the anchor issues to holders, for the channel of the settings.
    """
    purpose = ca_purpose(anchor, settings.trust)
    return purpose != UNKNOWN and settings.channel in {None, purpose.channel}


def download_of(settings: GatewaySettings, list_to_fetch: ListToFetch) -> CrlDownload:
    """Return the download of a [[list]].

    Raises GatewaySettingsError without an issuer.
    """
    folder = settings.crls
    if list_to_fetch.issuer is None or folder is None:
        raise GatewaySettingsError(
            f"[[list]] {list_to_fetch.file}: issuer is needed, the file of the CA certificate whose key signs the list"
        )
    try:
        return CrlDownload(
            list_to_fetch.url,
            folder / list_to_fetch.file,
            issuer_of(list_to_fetch.issuer.read_bytes(), str(list_to_fetch.issuer)),
        )
    except OSError as bad:
        raise GatewaySettingsError(f"[[list]] {list_to_fetch.file}: {list_to_fetch.issuer}: {bad.strerror}") from None


def issuer_in(path: Path) -> CaCertificate:
    """Read a file with the certificate of the CA that signs a list. Raises NoIssuer."""
    try:
        return issuer_of(path.read_bytes(), str(path))
    except OSError as bad:
        raise NoIssuer(f"{path}: {bad.strerror or bad}") from bad


def issuer_of(octets: bytes, name: str) -> CaCertificate:
    """Read the one CA certificate of a file, PEM or DER. Raises NoIssuer."""
    try:
        certificates: Sequence[x509.Certificate] = (
            load_bundle(octets) if b"-----BEGIN" in octets else (load_certificate(octets),)
        )
    except ValueError as bad:
        raise NoIssuer(f"{name}: {bad}") from bad
    authority = authority_of(certificates[0]) if len(certificates) == 1 else None
    if authority is None or not authority.signs_lists:
        raise NoIssuer(f"{name}: give one CA certificate, whose key signs the list")
    return authority


def name_of(issuer: CaCertificate) -> str:
    """Return the common name of a CA."""
    named = issuer.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(named[0].value) if named else issuer.certificate.subject.rfc4514_string()


def _spoken(age: timedelta) -> str:
    minutes = max(0, int(age.total_seconds()) // 60)
    days, hours = minutes // 1440, minutes // 60
    return f"{minutes} min" if hours < 2 else f"{hours} h" if days < 2 else f"{days} days"  # noqa: PLR2004 - as people say it
