"""Use of a certificate as gateways report it; unknown if no gateway reports.

The rules are described in docs/operators/monitoring.md.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sinetti.domain.values import Sha256

LATELY = timedelta(days=7)
"""Time since its last report for which a gateway counts as active."""

MOST_SIGHTINGS = 1000
"""Sightings in one message, so that it fits into the service's 128 KiB."""

TRUST_LISTS_HEADER = "Sinetti-Trust-Lists"
"""Header of a request for renewal information, with numbers of trust lists."""

_HEADER = re.compile(r"anchors=(0|[1-9][0-9]{0,17}), distrust=(0|[1-9][0-9]{0,17})")
_GATEWAY = re.compile(r"[A-Za-z0-9._-]{1,40}")


class UsageState(StrEnum):
    """Knowledge about the use of a certificate.

    There is no value "not in use", since no process can establish that.
    """

    SEEN = "seen"
    NOT_SEEN = "not-seen"
    NOT_KNOWN = "not-known"


class GatewayRefused(ValueError):
    """Gateway that cannot be added or withdrawn; the sentence says what to do."""


@dataclass(frozen=True)
class Observation:
    """Sighting of a certificate, by the SHA-256 of its DER.

    `seen` is the last time, UTC, in whole seconds.
    """

    sha256: Sha256
    seen: datetime


@dataclass(frozen=True)
class TrustListNumbers:
    """Numbers of the lists of anchors and of distrust that a reader uses; 0 for none."""

    anchors: int = 0
    distrust: int = 0

    @property
    def header(self) -> str:
        """Value of `TRUST_LISTS_HEADER`, a dictionary (RFC 9651, 3.2)."""
        return f"anchors={self.anchors}, distrust={self.distrust}"

    @classmethod
    def of_columns(cls, anchors: int | None, distrust: int | None) -> "TrustListNumbers | None":
        """Return the numbers of a row, or None if it has none."""
        return None if anchors is None or distrust is None else cls(anchors, distrust)

    @classmethod
    def of_header(cls, text: str) -> "TrustListNumbers | None":
        """Return the numbers of a header in exactly this form, or None."""
        match = _HEADER.fullmatch(text)
        return None if match is None else cls(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class ReportingPeriod:
    """First and last report of a gateway.

    A withdrawn gateway reports no more.
    """

    first: datetime
    last: datetime
    withdrawn: bool = False


@dataclass(frozen=True)
class UsageReport:
    """Use of a certificate.

    `since` is the last sighting, or the instant since which gateways have looked without one.
    """

    use: UsageState
    since: datetime | None = None


def usage_of(
    begins: datetime, last_seen: datetime | None, gateways: Collection[ReportingPeriod], now: datetime
) -> UsageReport:
    """Return the use of a certificate that begins at `begins`.

    It is unknown if no gateway is active. A gateway is active if its last report is within `LATELY`, the last second
    included. It has looked since its first report, and for a later certificate since that began.
    """
    if last_seen is not None:
        return UsageReport(UsageState.SEEN, last_seen)
    looking = [gateway.first for gateway in gateways if not gateway.withdrawn and now - gateway.last <= LATELY]
    if not looking:
        return UsageReport(UsageState.NOT_KNOWN)
    return UsageReport(UsageState.NOT_SEEN, max(begins, min(looking)))


def check_gateway_name(text: str) -> str:
    """Return a gateway's name, which is the key id of its messages.

    Raises GatewayRefused if its form is wrong.
    """
    if not _GATEWAY.fullmatch(text):
        raise GatewayRefused("a gateway's name has 1 to 40 letters, digits, dots, hyphens and underscores")
    return text


def clamp_to_now(instant: datetime, now: datetime) -> datetime:
    """Return the time of a sighting, at most now, since a gateway's clock may be fast."""
    return min(instant, now)
