"""Rules of a declared compromise: the end of its bridge, and what it confirms.

See docs/operators/succession.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sinetti.domain.certificates.ocsp_status import GOOD, CertificateStatusInfo, CertStatus
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Sha256

LONGEST_BRIDGE = 72
"""Greatest number of hours from the declaration to the end of the bridge."""

ANSWER_LIFE = timedelta(minutes=10)
"""Time for which an answer of the bridge counts."""


class DistrustRefused(ValueError):
    """Declaration that is not possible; the text is a sentence."""


@dataclass(frozen=True)
class DistrustPeriod:
    """Distrust of certificates.

    Those recorded before `since` are confirmed until `bridge_until`. `checkpoints` are texts of log checkpoints under
    each of which the certificate must be in the log.
    """

    since: datetime
    bridge_until: datetime
    checkpoints: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordedCertificate:
    """A certificate of the register, as far as the bridge needs it.

    `recorded_at` is on the service's clock; None while it is not issued. `der` is the certificate, if it is stored.
    """

    sha256: Sha256 | None
    recorded_at: datetime | None
    revoked_at: datetime | None
    reason: RevocationReason | None
    der: bytes | None = field(default=None, repr=False)


def decide_bridge_end(since: datetime, declared_at: datetime, hours: int) -> datetime:
    """Return the end of the bridge in whole seconds. Raises DistrustRefused."""
    if since > declared_at:
        raise DistrustRefused(
            f"{since:%Y-%m-%dT%H:%M:%SZ} is in the future: give the instant from which the key may be misused"
        )
    if not 0 <= hours <= LONGEST_BRIDGE:
        raise DistrustRefused(f"the bridge is open for 0 to {LONGEST_BRIDGE} hours, not {hours}")
    return declared_at.replace(microsecond=0) + timedelta(hours=hours)


def join_periods(found: Iterable[DistrustPeriod]) -> DistrustPeriod | None:
    """Return the strictest period of several, or None without any."""
    periods = tuple(found)
    if not periods:
        return None
    checkpoints = tuple(dict.fromkeys(checkpoint for each in periods for checkpoint in each.checkpoints))
    return DistrustPeriod(
        min(period.since for period in periods), min(period.bridge_until for period in periods), checkpoints
    )


def names_to_root(name: str, parents: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the name of a CA, and those of the CAs above it.

    `parents` has the name of the CA above each one.
    """
    found: list[str] = []
    above: str | None = name
    while above is not None and above not in found:
        found.append(above)
        above = parents.get(above)
    return tuple(found)


def bridge_status(
    certificate: RecordedCertificate | None, period: DistrustPeriod, now: datetime
) -> CertificateStatusInfo:
    """Return the status of a certificate by its bridge.

    A certificate is good if it was recorded before `since`, until the bridge ends. Any other one is revoked.
    """
    if certificate is not None and certificate.revoked_at is not None:
        return CertificateStatusInfo(CertStatus.REVOKED, certificate.revoked_at, certificate.reason)
    recorded_at = certificate.recorded_at if certificate is not None and certificate.sha256 is not None else None
    if recorded_at is not None and recorded_at < period.since and now <= period.bridge_until:
        return GOOD
    return CertificateStatusInfo(CertStatus.REVOKED, period.since, RevocationReason.CA_COMPROMISE)
