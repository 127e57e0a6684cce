"""Whether a certificate is in use, as far as gateways tell: where none reports, that is not known (docs/watch.md)."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sinetti.domain.values import Sha256

LATELY = timedelta(days=7)
"""A gateway that has reported within this time is one that still looks."""

MOST_SIGHTINGS = 1000
"""In one message: what fits into the service's 128 KiB."""

_GATEWAY = re.compile(r"[A-Za-z0-9._-]{1,40}")


class UsageState(StrEnum):
    """What is known of a certificate's use.

    "Not in use" is none of it: nobody can know that.
    """

    SEEN = "seen"
    NOT_SEEN = "not-seen"
    NOT_KNOWN = "not-known"


class GatewayRefused(ValueError):
    """A gateway that cannot be added or withdrawn as it was asked; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A certificate, by the SHA-256 of its DER, and when it was last seen (UTC, whole seconds)."""

    sha256: Sha256
    seen: datetime


@dataclass(frozen=True, slots=True)
class ReportingPeriod:
    """When a gateway reported for the first and for the last time.

    A withdrawn one reports no more.
    """

    first: datetime
    last: datetime
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What is known: `since` is when it was last seen, or since when somebody has looked for it in vain."""

    use: UsageState
    since: datetime | None = None


def usage_of(
    begins: datetime, last_seen: datetime | None, gateways: Collection[ReportingPeriod], now: datetime
) -> UsageReport:
    """Tell whether a certificate that begins then is in use.

    It is not known where no gateway looks: one looks if it has reported within `LATELY`, the last second too. It has
    looked since its first report; for what began later, since that began.
    """
    if last_seen is not None:
        return UsageReport(UsageState.SEEN, last_seen)
    looking = [one.first for one in gateways if not one.withdrawn and now - one.last <= LATELY]
    if not looking:
        return UsageReport(UsageState.NOT_KNOWN)
    return UsageReport(UsageState.NOT_SEEN, max(begins, min(looking)))


def check_gateway_name(text: str) -> str:
    """Give a gateway's name: it is the key id of its messages. Raises GatewayRefused."""
    if not _GATEWAY.fullmatch(text):
        sentence = "a gateway's name has 1 to 40 letters, digits, dots, hyphens and underscores"
        raise GatewayRefused(sentence)
    return text


def clamp_to_now(seen: datetime, now: datetime) -> datetime:
    """Give when something was seen, but never later than now: a gateway's clock may be ahead."""
    return min(seen, now)
