"""Body of `POST /api/v1/sightings`: JSON to sightings and back, for both ends."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sinetti.domain.usage import MOST_SIGHTINGS, Observation, TrustListNumbers
from sinetti.domain.values import Sha256

PATH = "/api/v1/sightings"
CONTENT_TYPE = "application/json"

_NUMBER_BITS = 63
_SHA256 = re.compile(r"[0-9a-f]{64}")
# RFC 3339, 5.6, in the required spelling, with the zones that programs write.
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")


class InvalidUsageReport(ValueError):
    """Body that is no list of sightings.

    The text is a sentence on the expected content.
    """


@dataclass(frozen=True, slots=True)
class UsageMessage:
    """Sightings, and the numbers of the gateway's trust lists if it has such lists."""

    sightings: tuple[Observation, ...]
    trust_lists: TrustListNumbers | None = None


def render(sightings: Iterable[Observation], trust_lists: TrustListNumbers | None = None) -> bytes:
    """Write the body. Raises ValueError for more than 1,000 sightings."""
    rows = [{"sha256": sighting.sha256, "seen": _written(sighting.seen)} for sighting in sightings]
    if len(rows) > MOST_SIGHTINGS:
        raise ValueError(f"a message may have at most {MOST_SIGHTINGS} sightings")
    numbers = {} if trust_lists is None else {"trust_lists": asdict(trust_lists)}
    return json.dumps({"sightings": rows, **numbers}, separators=(",", ":")).encode("ascii")


def parse(body: bytes) -> UsageMessage:
    """Read the body; times become UTC, whole seconds. Raises InvalidUsageReport."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidUsageReport("the body is not JSON") from None
    fits = isinstance(value, dict) and {"sightings"} <= set(value) <= {"sightings", "trust_lists"}
    rows = value["sightings"] if fits else None
    if not isinstance(rows, list):
        raise InvalidUsageReport('the body must be {"sightings": […]} with "trust_lists" at most, and nothing else')
    if len(rows) > MOST_SIGHTINGS:
        raise InvalidUsageReport(f"a message may have at most {MOST_SIGHTINGS} sightings, not {len(rows)}")
    numbers = _numbers(value["trust_lists"]) if "trust_lists" in value else None
    return UsageMessage(tuple(_sighting(place, row) for place, row in enumerate(rows)), numbers)


def _numbers(row: Any) -> TrustListNumbers:  # noqa: ANN401 - any JSON value
    if isinstance(row, dict) and set(row) == {"anchors", "distrust"}:
        anchors, distrust = row["anchors"], row["distrust"]
        if all(type(one) is int and 0 <= one < 1 << _NUMBER_BITS for one in (anchors, distrust)):
            return TrustListNumbers(anchors, distrust)
    raise InvalidUsageReport(
        "trust_lists must have exactly the members anchors and distrust, which are numbers of lists or 0"
    )


def _sighting(place: int, row: Any) -> Observation:  # noqa: ANN401 - any JSON value
    if not isinstance(row, dict) or set(row) != {"sha256", "seen"}:
        raise InvalidUsageReport(f"sightings[{place}] must have exactly the members sha256 and seen")
    sha256, text = row["sha256"], row["seen"]
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise InvalidUsageReport(
            f"sightings[{place}].sha256 must be the SHA-256 of the certificate's DER, 64 digits of lower-case hex"
        )
    at = _read(text) if isinstance(text, str) else None
    if at is None:
        raise InvalidUsageReport(f"sightings[{place}].seen must be a time like 2027-03-01T12:00:00Z (RFC 3339)")
    return Observation(Sha256(sha256), at)


def _read(text: str) -> datetime | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


def _written(at: datetime) -> str:
    # Not by strftime, which writes years before 1000 without leading zeros.
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"
