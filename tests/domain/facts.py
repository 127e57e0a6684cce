"""Facts that the rules look at in these tests.

They are one organisation, one lineage, one certificate and one pair of transfer IDs.
"""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, Lineage, TransferIds
from sinetti.domain.values import (
    RENEWAL_WINDOW,
    TRANSFER_IDS_LIVE,
    VALIDITY,
    Channel,
    KeyId,
    Language,
    Organisation,
    Serial,
    Sha256,
    ValidityPeriod,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE_SECOND = timedelta(seconds=1)
ONE_DAY = timedelta(days=1)

LIVES_AND_WINDOWS = {
    "an hour": (timedelta(hours=1), timedelta(minutes=30)),
    "a day": (ONE_DAY, timedelta(hours=12)),
    "7 days": (7 * ONE_DAY, timedelta(hours=84)),
    "a second less than ten days": (10 * ONE_DAY - ONE_SECOND, 5 * ONE_DAY - ONE_SECOND),
    "ten days": (10 * ONE_DAY, timedelta(hours=80)),
    "47 days": (47 * ONE_DAY, timedelta(days=15, hours=16)),
    "90 days": (90 * ONE_DAY, 30 * ONE_DAY),
    "180 days": (180 * ONE_DAY, 60 * ONE_DAY),
    "181 days": (181 * ONE_DAY, 60 * ONE_DAY),
    "365 days": (365 * ONE_DAY, 60 * ONE_DAY),
    "730 days": (730 * ONE_DAY, 60 * ONE_DAY),
    "a third is rounded down to the second": (180 * ONE_DAY - ONE_SECOND, 60 * ONE_DAY - ONE_SECOND),
    "a life of two seconds": (2 * ONE_SECOND, ONE_SECOND),
    "a life of a second": (ONE_SECOND, timedelta()),
}
"""Validities of a certificate, each with its renewal window before the end.

Authority and client agree on them.
"""

CUSTOMER = Organisation("0123456-7", "Sinisiipi Oy", open=True, channels=frozenset({Channel.WS}))
CLOSED = Organisation("0123456-7", "Sinisiipi Oy", open=False, channels=frozenset({Channel.WS}))
WITHDRAWN = Organisation("0123456-7", "Sinisiipi Oy", open=True, channels=frozenset({Channel.SFTP}))

HELD_KEY, NEW_KEY, OTHER_KEY = KeyId("aa" * 32), KeyId("bb" * 32), KeyId("cc" * 32)


def lineage(customer: Organisation = CUSTOMER) -> Lineage:
    """Return a lineage for web service use, whose contact reads Swedish."""
    return Lineage("0f" * 16, "0F" * 16, customer, Channel.WS, Language.SV, version=7)


def certificate(ends: datetime, serial: str = "41" * 19, **facts: object) -> Certificate:
    """Return a retrieved certificate of 730 days that ends with this second.

    `facts` are fields that differ.
    """
    values: dict[str, object] = {
        "serial": Serial(serial),
        "authority": "DataProvidersTestIssuingCAv1",
        "lineage": lineage(),
        "state": CertificateState.RETRIEVED,
        "key": HELD_KEY,
        "span": ValidityPeriod(ends - VALIDITY, ends),
        "renewable_from": ends - RENEWAL_WINDOW,
        "retrieval_id": "ab" * 16,
        "crl_shard": 1,
        "sha256": Sha256("dd" * 32),
        "recorded_at": ends - VALIDITY,
    }
    return Certificate(**{**values, **facts})  # type: ignore[arg-type]


def transfer_ids(created: datetime = NOW, **facts: object) -> TransferIds:
    """Return unspent transfer ids made at `created`; `facts` are fields that differ."""
    values: dict[str, object] = {
        "transfer_id": "1" * 32,
        "order_id": "0e" * 16,
        "lineage": lineage(),
        "replaces": None,
        "created": created,
        "expires": created + TRANSFER_IDS_LIVE,
        "wrong_passwords": 0,
        "ended": False,
        "used_for": None,
    }
    return TransferIds(**{**values, **facts})  # type: ignore[arg-type]


def _change_of_clocks(year: int, month: int) -> datetime:
    """Return the instant at which Finland's clocks change in a month.

    The change is at 01:00 UTC on the last Sunday of March or October.
    """
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)


TURNS = [
    *(_change_of_clocks(year, month) for year in range(2026, 2042) for month in (3, 10)),
    *(datetime(year, 2, 29, hour, tzinfo=UTC) for year in range(2028, 2049, 4) for hour in (0, 12)),
    *(datetime(year, 3, 1, tzinfo=UTC) for year in range(2026, 2034)),
    *(datetime(year, 1, 1, tzinfo=UTC) for year in range(2026, 2034)),
]
"""Instants around which calculations of dates go wrong.

They are clock changes, leap days and ends of years.
"""

AROUND = strategies.one_of(
    strategies.sampled_from([-86_400, -3_601, -3_600, -3_599, -1, 0, 1, 3_599, 3_600, 3_601, 86_400]),
    strategies.integers(-90 * 86_400, 90 * 86_400),
).map(lambda seconds: timedelta(seconds=seconds))
"""Distances from an instant that matters, in whole seconds."""

INSTANTS = strategies.one_of(
    strategies.builds(lambda turn, off: turn + off, strategies.sampled_from(TURNS), AROUND),
    strategies.integers(0, 100 * 365 * 86_400).map(lambda seconds: NOW + timedelta(seconds=seconds)),
)
"""Whole seconds of a century, UTC, many of them near a turn."""
