"""States of CAs and the allowed moves, and the names of their generations.

See docs/operators/succession.md.
"""

import re
from collections.abc import Mapping
from enum import StrEnum


class CaState(StrEnum):
    """State of one generation of a CA.

    `PENDING`: it has a key and a request, but no certificate. `STANDBY`: it has a certificate and issues nothing yet.
    `PUBLISHING`: it issues nothing any more, and still signs lists and OCSP. `RETIRED`: its last list is out.
    """

    PENDING = "pending"
    STANDBY = "standby"
    ISSUING = "issuing"
    PUBLISHING = "publishing"
    RETIRED = "retired"
    REVOKED = "revoked"


CA_MOVES: dict[CaState, frozenset[CaState]] = {
    CaState.PENDING: frozenset({CaState.STANDBY}),
    CaState.STANDBY: frozenset({CaState.ISSUING, CaState.PUBLISHING, CaState.REVOKED}),
    CaState.ISSUING: frozenset({CaState.PUBLISHING, CaState.REVOKED}),
    CaState.PUBLISHING: frozenset({CaState.ISSUING, CaState.RETIRED, CaState.REVOKED}),
    CaState.RETIRED: frozenset({CaState.REVOKED}),
    CaState.REVOKED: frozenset(),
}
"""States that may follow each state."""

_GENERATION = re.compile(r"(?P<line>.*?) ?v(?P<number>[1-9][0-9]{0,5})")


def generation_of(common_name: str) -> int:
    """Return the number at the end of a CA's name, or 1 without one."""
    match = _GENERATION.fullmatch(common_name)
    return int(match["number"]) if match else 1


def successor_name(common_name: str) -> str:
    """Return the name of the next generation, spelled as this one is."""
    match = _GENERATION.fullmatch(common_name)
    if match is None:
        return f"{common_name} v2"
    return f"{common_name[: match.start('number')]}{int(match['number']) + 1}"


def count_above(name: str, issuers: Mapping[str, str | None]) -> int:
    """Return the number of CAs above one.

    `issuers` has the issuer of each CA. A CA that it lacks does not count, and a circle ends.
    """
    count, above = 0, issuers.get(name)
    while above is not None and above in issuers and count < len(issuers):
        count, above = count + 1, issuers[above]
    return count
