"""Parsing of the body of a usage report."""

from datetime import UTC, datetime
from random import Random

from fuzz.target import Target, must
from sinetti.domain.usage import Observation
from sinetti.domain.values import Sha256
from sinetti.wire.json_api.usage_reports import InvalidUsageReport, parse, render

_PIECES = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"1e999", b"NaN", b'"sightings"', b'"seen"', b'"sha256"']
_PIECES += [b"\\u0030", b"\\ud800", b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"Z", b".999999999"]
_PIECES += [b"2026-02-30T00:00:00Z", b"0000-00-00T00:00:00Z", b"2026-03-02T24:00:00Z", b"2026-03-02T12:00:60Z"]


def check(octets: bytes) -> None:
    """Read a report.

    Its instants are in UTC and whole seconds, and it can be written and read again.
    """
    try:
        sent = parse(octets)
    except InvalidUsageReport:
        return
    must(
        all(one.seen.tzinfo is UTC and not one.seen.microsecond for one in sent.sightings),
        "times are UTC, whole seconds",
    )
    must(parse(render(sent.sightings, sent.trust_lists)) == sent, "what was read can be written and read")


def change(octets: bytes, chance: Random) -> bytes:
    """Insert a piece somewhere, or replace something with it."""
    at = chance.randrange(len(octets) + 1)
    return octets[:at] + chance.choice(_PIECES) + octets[at + chance.choice((0, 1, 4, 20)) :]


def _seeds() -> dict[str, bytes]:
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    rows = [Observation(Sha256("0a" * 32), at), Observation(Sha256("ff" * 32), at.replace(year=9999))]
    zones = render(rows[:1]).replace(b"12:00:00Z", b"12:00:00.25+02:00")
    early = render(rows[:1]).replace(b"2026-03-02T12:00:00Z", b"0001-01-01T00:00:01Z")
    return {"none": render([]), "two": render(rows), "zones": zones, "early": early}


TARGET = Target("sightings", check, _seeds, change, longest=4_096)
